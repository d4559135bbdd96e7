# ruff: noqa: INP001 (a script, no package)
"""Write ``cloudsearch/actions/data/operations.txt``: which IAM actions some public API operation surely needs.

    python tools/operations.py

Reads every service model that botocore ships, which takes seconds: at run time the result is read instead.
Run it after a new botocore, a new catalogue or a new fact; a test says when. It also takes the calls out of
``unmapped.tsv`` that are known by now, and names those that are neither mapped nor in there: they want a fact or a
reason, which only a person can find.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cloudsearch.actions.hosts import label, prefixes  # noqa: E402 (the checkout's own, whatever is installed)
from cloudsearch.actions.mapping import actions_for, unknown_calls  # noqa: E402

DATA = ROOT / "cloudsearch" / "actions" / "data"
HEAD = (
    "# Actions that some operation of the public SDK models surely needs, by service prefix."
    " Written by tools/operations.py.\n"
)


class Model(NamedTuple):
    """One version of one service's API: the names that hosts are made of, the likeliest first, and its operations."""

    names: tuple[str, ...]
    operations: tuple[str, ...]


@cache
def models() -> tuple[Model, ...]:
    """Every service model, in all API versions."""
    paths = sorted(Path(str(resources.files("botocore") / "data")).glob("*/*/service-2.json.gz"))
    return tuple(_model(path) for path in paths)


def operations() -> Iterator[tuple[str, str]]:
    """Every operation of every service model, in all API versions: (host, operation)."""
    for model in models():
        for operation in model.operations:
            yield f"{model.names[0]}.amazonaws.com", operation


def _model(path: Path) -> Model:
    content = json.loads(gzip.decompress(path.read_bytes()))
    metadata = content["metadata"]
    names = (metadata["endpointPrefix"], metadata.get("signingName", metadata["endpointPrefix"]), path.parts[-3])
    return Model(tuple(dict.fromkeys(names)), tuple(content["operations"]))


def needed() -> dict[str, set[str]]:
    """Service prefix -> names of the actions that an operation surely needs."""
    found: dict[str, set[str]] = defaultdict(set)
    for host, operation in operations():
        for action in actions_for(host, operation).actions:
            service, _, name = action.partition(":")
            found[service].add(name)
    return found


def rendered() -> str:
    """The file's text: one service a line."""
    found = needed()
    return HEAD + "".join(f"{service}\t{' '.join(sorted(found[service]))}\n" for service in sorted(found))


def still_unmapped(text: str) -> str:
    """The text of ``unmapped.tsv`` without the calls that are mapped by now."""
    return "".join(kept for line in text.splitlines(keepends=True) if (kept := _still_unmapped(line)))


def _still_unmapped(line: str) -> str:
    if line.startswith("#"):
        return line
    service, events, reason = line.split("\t")
    kept = [event for event in events.split(",") if not actions_for(service, event).is_known]
    return "\t".join((service, ",".join(kept), reason)) if kept else ""


def without_reason() -> set[tuple[str, str]]:
    """The operations, (host, operation), that are neither mapped nor given a reason for that."""
    given = {(service, name) for service, name, _ in unknown_calls()}
    unknown = {call for call in operations() if not actions_for(*call).is_known}
    return {(host, name) for host, name in unknown if given.isdisjoint((key, name) for key in keys(host))}


def keys(host: str) -> tuple[str, ...]:
    """What a host's calls may stand under in the data files: its label, and the prefixes it stands for."""
    return (label(host), *prefixes(host))


if __name__ == "__main__":
    (DATA / "operations.txt").write_text(rendered(), encoding="utf-8")
    unmapped = DATA / "unmapped.tsv"
    unmapped.write_text(still_unmapped(unmapped.read_text(encoding="utf-8")), encoding="utf-8")
    if lacking := sorted(without_reason()):
        sys.exit("neither mapped nor in unmapped.tsv: " + ", ".join(" ".join(call) for call in lacking))
