# ruff: noqa: INP001 (a script, no package)
"""Print a sample of the calls whose action is not simply of their own name, as tab-separated lines to judge by hand.

    python tools/sample.py [SIZE]

The same catalogue, SDK models and facts give the same sample. Judge each line against the AWS page it names (a call
without actions either needs none or is unknown, which the fourth column says): the share judged right is the estimate
of how good the map is where it matters.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cloudsearch.actions.mapping import SAME_NAME, actions_for
from tools.operations import operations

SIZE = 300
SEED = 20250101
HEAD = ("event source", "event name", "actions", "how", "source")


def differing() -> list[tuple[str, str]]:
    """Every call of the SDK models that is not answered by the action of its own name, sorted."""
    return sorted({call for call in operations() if actions_for(*call).how != SAME_NAME})


def sample(size: int = SIZE) -> list[tuple[str, ...]]:
    """So many of them, drawn with a fixed seed, in order; all of them where there are fewer."""
    calls = differing()
    drawn = random.Random(SEED).sample(calls, min(size, len(calls)))  # noqa: S311 (a sample, no secret)
    return [_row(*call) for call in sorted(drawn)]


def _row(event_source: str, event_name: str) -> tuple[str, ...]:
    found = actions_for(event_source, event_name)
    return event_source, event_name, ",".join(found.actions), found.how, found.source


if __name__ == "__main__":
    rows = [HEAD, *sample(int(sys.argv[1]) if len(sys.argv) > 1 else SIZE)]
    sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
