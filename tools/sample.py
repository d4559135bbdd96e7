# ruff: noqa: INP001 (a script, no package)
"""Print a sample of calls and the actions they are said to need, as tab-separated lines to judge by hand.

    python tools/sample.py [SIZE]          calls whose action is not simply of their own name
    python tools/sample.py same [SIZE]     calls answered by the action of their own name, of the services with many

The same catalogue, SDK models and facts give the same sample; a fact that is mended changes what is drawn from, so
figures belong to the commit they were drawn at. Judge each line against the AWS page it names (a call without actions
either needs none or is unknown, which the fourth column says): the share judged right is the estimate of how good the
map is where it matters. Of the second draw, look at the table "API operations defined by ..." of the service's page,
or its Operations in AWS's Service Reference: an action of the call's own name may exist and yet not be the one checked,
or not the only one.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cloudsearch.actions.mapping import SAME_NAME, actions_for
from tools.operations import operations

SIZE = 300
SIZE_SAME = 200
SEED = 20250101
SEED_SAME = 20250102
MANY = 60
"""So many operations make a service one with many."""
HEAD = ("event source", "event name", "actions", "how", "source")


def differing() -> list[tuple[str, str]]:
    """Every call of the SDK models that is not answered by the action of its own name, sorted."""
    return [call for call in _calls() if not _is_same_name(call)]


def same_named() -> list[tuple[str, str]]:
    """Every call of the hosts with ``MANY`` calls that is answered by the action of its own name, sorted."""
    calls = _calls()
    sizes = Counter(host for host, _ in calls)
    return [call for call in calls if sizes[call[0]] >= MANY and _is_same_name(call)]


def sample(size: int = SIZE) -> list[tuple[str, ...]]:
    """So many of the differing calls, drawn with a fixed seed, in order; all of them where there are fewer."""
    return _drawn(differing(), size, SEED)


def sample_same(size: int = SIZE_SAME) -> list[tuple[str, ...]]:
    """So many of the calls answered by their own name, drawn with a seed of their own, in order."""
    return _drawn(same_named(), size, SEED_SAME)


def _calls() -> list[tuple[str, str]]:
    return sorted(set(operations()))


def _is_same_name(call: tuple[str, str]) -> bool:
    return actions_for(*call).how == SAME_NAME


def _drawn(calls: list[tuple[str, str]], size: int, seed: int) -> list[tuple[str, ...]]:
    drawn = random.Random(seed).sample(calls, min(size, len(calls)))  # noqa: S311 (a sample, no secret)
    return [_row(*call) for call in sorted(drawn)]


def _row(event_source: str, event_name: str) -> tuple[str, ...]:
    found = actions_for(event_source, event_name)
    return event_source, event_name, ",".join(found.actions), found.how, found.source


def _printed(arguments: list[str]) -> list[tuple[str, ...]]:
    if arguments[:1] == ["same"]:
        return sample_same(*map(int, arguments[1:]))
    return sample(*map(int, arguments))


if __name__ == "__main__":
    sys.stdout.writelines("\t".join(row) + "\n" for row in [HEAD, *_printed(sys.argv[1:])])
