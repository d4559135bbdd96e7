"""Exact wildcards: action patterns that cover what was used and no other action that IAM has today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile

from cloudsearch import catalogue


def exact(actions: Sequence[str]) -> tuple[str, ...]:
    """The same actions in fewer words: ``s3:GetBucketA*`` where every action of that beginning is among them.

    A pattern stands for two actions or more, and is as long as these allow, so that it takes as few as can be of those
    that AWS may add. An action without such company, or one that IAM does not know, stays as it is.
    """
    by_service: dict[str, list[str]] = defaultdict(list)
    for action in actions:
        by_service[action.partition(":")[0]].append(action)
    found = [text for service, names in by_service.items() for text in _of_service(service, names)]
    return tuple(sorted(found, key=str.lower))


def _of_service(service: str, actions: Sequence[str]) -> Iterator[str]:
    known = {action.short_name.lower() for action in catalogue.actions_of(service)}
    others = known - {_plain(action) for action in actions}
    left = [action for action in sorted(actions, key=str.lower) if _plain(action) in known]
    yield from (action for action in actions if _plain(action) not in known)
    while left:
        first = left[0]
        start = _beginning(_plain(first), others)
        company = [action for action in left if start and _plain(action).startswith(start)] or [first]
        yield f"{_shared(company)}*" if len(company) > 1 else first
        left = [action for action in left if action not in company]


def _beginning(name: str, others: Collection[str]) -> str | None:
    """The shortest beginning of a name that none of the others has, a letter at least; None if there is none."""
    longest = max((common((name, other)) for other in others), default=0)
    return name[: longest + 1] if longest < len(name) else None


def _shared(actions: Sequence[str]) -> str:
    """What all begin with; letter case as in the first."""
    return actions[0][: common([action.lower() for action in actions])]


def common(texts: Sequence[str]) -> int:
    """How many characters all of them begin with."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))


def _plain(action: str) -> str:
    return action.partition(":")[2].lower()
