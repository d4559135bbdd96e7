"""What a call's answer proves about the caller's permission.

``data/error_codes.tsv`` sorts the error codes, each with the AWS page it comes from; a code that is not there is
undetermined. A message in IAM's own words ("is not authorized to perform: s3:GetObject") is a refusal whatever the
code, unless the table says that the service looked. A failed sign-in has no code: it is undetermined, for a wrong
password tells nothing about a permission.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

from cloudsearch.derive.denial import names_refusal
from cloudsearch.event import Outcome

_PREFIXES = ("client.", "server.")
_SUFFIXES = ("exception", "fault", "error")


def outcome_of(code: str | None, message: str | None) -> Outcome:
    """The outcome of an answer with this error code and message; ok without either."""
    if not code and not message:
        return Outcome.OK
    known = code_outcome(code) if code else Outcome.UNDETERMINED
    if known is Outcome.UNDETERMINED and message and names_refusal(message):
        return Outcome.DENIED
    return known


@lru_cache(maxsize=4096)
def code_outcome(code: str) -> Outcome:
    """What the table says of a code, written with or without ``Client.`` before it or ``Exception`` behind."""
    name = code.rpartition("#")[2].strip().lower()
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    table = error_codes()
    return table.get(name) or table.get(_stem(name)) or Outcome.UNDETERMINED


@cache
def error_codes() -> dict[str, Outcome]:
    """The table: a code in lower case, in full and without its ending -> outcome."""
    table: dict[str, Outcome] = {}
    lines = files(__package__).joinpath("data/error_codes.tsv").read_text("utf-8").splitlines()
    for line in lines:
        if line and not line.startswith("#"):
            code, outcome, _ = line.split("\t")
            table[code.lower()] = Outcome(outcome)
            table.setdefault(_stem(code.lower()), Outcome(outcome))
    return table


def _stem(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and name != suffix:
            return name.removesuffix(suffix)
    return name
