"""Exact wildcards: action patterns that cover what was used and no other action that IAM has today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from os.path import commonprefix

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
    longest = max((len(commonprefix((name, other))) for other in others), default=0)
    return name[: longest + 1] if longest < len(name) else None


def _shared(actions: Sequence[str]) -> str:
    """What all begin with; letter case as in the first."""
    return actions[0][: len(commonprefix([action.lower() for action in actions]))]


def _plain(action: str) -> str:
    return action.partition(":")[2].lower()
