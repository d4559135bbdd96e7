# ruff: noqa: INP001 (a script, no package)
"""Print of how many of the actions used in log files the resources are known.

    python tools/resources.py FOLDER ...

Counts the actions that take resources, of calls that were let in: those whose every use has ARNs of its own, those
whose ARNs hold a wildcard for a part that the event does not tell, and by name those without.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cloudsearch.actions.resources import Use, uses_of
from cloudsearch.derive import derive
from cloudsearch.event import Outcome
from cloudsearch.policies.history import call_of

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@dataclass(slots=True)
class Figure:
    """Uses by action: all that take resources, those with ARNs, those of which a part is not told; and why not."""

    uses: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    partly: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)

    def count(self, uses: Iterable[Use]) -> None:
        """Add the uses of one call."""
        for use in uses:
            if use.takes_resources:
                self.uses[use.action] += 1
                self.known[use.action] += bool(use.arns)
                self.partly[use.action] += bool(use.arns and use.unknown)
            if use.unknown:
                self.reasons.setdefault(use.action, use.unknown)

    @property
    def share(self) -> float:
        """Actions whose every use has ARNs, as a part of all; 1 where there are none."""
        return sum(self.known[action] == count for action, count in self.uses.items()) / max(len(self.uses), 1)


def figure(folders: Iterable[Path]) -> Figure:
    """What the log files below the folders come to; files that are none are passed over."""
    found = Figure()
    for folder in folders:
        for path in sorted(folder.rglob("*.json*")):
            for record in _records(path):
                row = derive(json.dumps(record).encode())
                call = call_of(row)
                if call is not None and row.get("outcome") in (Outcome.OK, Outcome.ERROR):
                    found.count(uses_of(call))
    return found


def _records(path: Path) -> Iterator[object]:
    data = path.read_bytes()
    try:
        content = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except ValueError:
        return
    records = content.get("Records") if isinstance(content, dict) else None
    yield from (one for one in records or () if isinstance(one, dict))


def main(folders: list[str]) -> None:
    """Print the figure."""
    found = figure([Path(folder) for folder in folders] or [EXAMPLES])
    known, partly = (sum(part[action] == n for action, n in found.uses.items()) for part in (found.known, found.partly))
    sys.stdout.write(f"{known} of {len(found.uses)} actions that take resources have ARNs ({found.share:.0%})")
    sys.stdout.write(f", {partly} of them with a part that no event tells\n")
    for action, reason in sorted(found.reasons.items()):
        sys.stdout.write(f"  {action}: {found.known[action]} of {found.uses[action]} uses; {reason}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
