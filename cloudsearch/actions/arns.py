"""ARNs as texts of a policy: patterns of the catalogue, ARNs that fit them, names that hold a policy's wildcards.

In a policy's Resource ``*`` and ``?`` are wildcards and ``${`` begins a variable, so a name that holds one of them is
written ``${*}``, ``${?}``, ``${$}{``.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from cloudsearch import catalogue

_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}", re.ASCII)
_ARN = re.compile(r"arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:(?:\d{12}|aws|)?:[^\x00-\x1f\x7f]+", re.ASCII)
_SPECIAL = re.compile(r"[*?]|\$(?=\{)")
_ESCAPED = re.compile(r"\$\{([*?$])\}")
_WORDS = re.compile(r"[/:+]")
_PARTS = 6
_LONGEST = 2048
"""Characters of an ARN at most. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One ARN pattern of the catalogue, its resource part apart.

    ``words`` are the fixed parts of the resource, in lower case: ``table``, ``index`` of ``table/*/index/*``.
    """

    text: str
    service: str
    region: str
    account: str
    resource: str
    words: tuple[str, ...]
    form: re.Pattern[str]

    def fits(self, arn: str) -> bool:
        """Whether the ARN is one of the pattern's, each star but the last one part of its own."""
        return self.form.fullmatch(arn) is not None

    def begin(self, partition: str, region: str, account: str) -> str | None:
        """An ARN up to its resource part; None where it takes a region or an account that is not known."""
        place = region if self.region == "*" else self.region
        owner = account if self.account == "*" else self.account
        if (self.region == "*" and not is_region(region)) or (self.account == "*" and not is_account(account)):
            return None
        return f"arn:{partition}:{self.service}:{place}:{owner}:"


@lru_cache(maxsize=4096)
def pattern(text: str) -> Pattern | None:
    """The pattern apart; None for one that is no form of an ARN of a certain service (``arn:*:*``)."""
    parts = text.split(":", _PARTS - 1)
    if len(parts) != _PARTS or "*" in parts[2] or not parts[5]:
        return None
    form = re.compile(_form(parts), re.DOTALL)
    return Pattern(text, parts[2], parts[3], parts[4], parts[5], words_of(parts[5]), form)


def words_of(resource: str) -> tuple[str, ...]:
    """The fixed parts of a pattern's resource part, in lower case."""
    return tuple(word.lower() for word in _WORDS.split(resource) if word and "*" not in word)


@lru_cache(maxsize=4096)
def patterns_of(action: str) -> tuple[Pattern, ...]:
    """The patterns of the ARNs that an action can be used on, those that are forms of an ARN."""
    return tuple(found for text in catalogue.arn_patterns(action) if (found := pattern(text)))


@lru_cache(maxsize=512)
def patterns_in(service: str) -> tuple[Pattern, ...]:
    """Every pattern of any action of the service."""
    found = dict.fromkeys(one for action in catalogue.actions_of(service) for one in patterns_of(action.name))
    return tuple(found)


def is_arn(value: str) -> bool:
    """Whether the text is a whole ARN."""
    return value.startswith("arn:aws") and len(value) <= _LONGEST and _ARN.fullmatch(value) is not None


def is_account(value: str) -> bool:
    """Whether the text is an account's id."""
    return _ACCOUNT.fullmatch(value) is not None


def is_region(value: str) -> bool:
    """Whether the text has the form of a region's name."""
    return _REGION.fullmatch(value) is not None


def as_written(name: str) -> str:
    """A name as a policy writes it, so that nothing of it is a wildcard or a variable."""
    return _SPECIAL.sub(r"${\g<0>}", name) if "*" in name or "?" in name or "${" in name else name


def as_named(arn: str) -> str:
    """The contrary of ``as_written``: the ARN as a request has it; a wildcard in it stays one."""
    return _ESCAPED.sub(r"\1", arn) if "${" in arn else arn


def has_wildcard(arn: str) -> bool:
    """Whether an ARN of a use stands for more than one resource: ``instance/*`` of an instance not yet launched."""
    rest = _ESCAPED.sub("", arn) if "${" in arn else arn
    return "*" in rest or "?" in rest


def _form(parts: list[str]) -> str:
    head = ":".join("[^:]*" if part == "*" else re.escape(part) for part in parts[: _PARTS - 1])
    return f"{head}:{_resource_form(parts[5])}"


def _resource_form(resource: str) -> str:
    pieces = resource.split("*")
    form = re.escape(pieces[0])
    for piece in pieces[1:]:
        form += (f"[^{re.escape(piece[0])}]+" if piece else ".+") + re.escape(piece)
    return form
