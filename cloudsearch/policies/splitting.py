"""Action patterns minus actions: what stays of a policy's wildcards when some of what they cover is to go.

A wildcard becomes patterns within it that cover the actions that stay and none that go, as wide as that allows: of
actions that AWS may add nothing is taken away without need. Only a pattern without any wildcard in its service is
split; ``*`` itself becomes a NotAction of what goes. Nothing that results covers what the pattern did not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from os.path import commonprefix

from cloudsearch import catalogue
from cloudsearch.iam.documents import Effect, Patterns, Statement
from cloudsearch.iam.matching import covers, matches_action

_WILD = frozenset("*?")


def without(statement: Statement, gone: Collection[str]) -> Statement | None:
    """The Allow without these actions, named as AWS writes them; None where nothing is left of it.

    A Deny stays as it is, and so does a pattern with wildcards in its service, but for ``*``.
    """
    if statement.effect is Effect.DENY or not gone:
        return statement
    texts = statement.actions.texts
    if statement.actions.negated:
        more = [name for name in sorted(gone) if not any(matches_action(text, name) for text in texts)]
        return replace(statement, actions=Patterns((*texts, *shortened(more)), negated=True)) if more else statement
    if any(is_all(text) for text in texts):
        return replace(statement, actions=Patterns(shortened(gone), negated=True))
    left = tuple(dict.fromkeys(one for text in texts for one in _left(text, gone)))
    return (replace(statement, actions=Patterns(left)) if left != texts else statement) if left else None


def is_all(text: str) -> bool:
    """Whether an action pattern is every action of every service."""
    return not text.strip("*") or text == "*:*"


def shortened(actions: Iterable[str]) -> tuple[str, ...]:
    """The same actions as patterns that cover no other action of the catalogue: ``s3:*`` where it is all of them."""
    by_service: dict[str, list[str]] = {}
    for action in sorted(actions, key=str.lower):
        by_service.setdefault(action.partition(":")[0], []).append(action)
    return tuple(text for service, names in by_service.items() for text in _patterns(f"{service}:*", service, names))


def _left(text: str, gone: Collection[str]) -> Iterator[str]:
    """What stays of one pattern."""
    service, _, name = text.partition(":")
    known = catalogue.expand(text)
    going = [action.name for action in known if action.name in gone]
    if not going or not _WILD.isdisjoint(service):
        yield text
    elif not _WILD.isdisjoint(name):
        yield from _patterns(text, service, [action.name for action in known if action.name not in gone])


def _patterns(within: str, service: str, actions: Sequence[str]) -> Iterator[str]:
    """Patterns within another one that cover these actions of a service and no other; names where none would do."""
    own = {action.lower() for action in actions}
    others = sorted(one.name.lower() for one in catalogue.actions_of(service) if one.name.lower() not in own)
    if not others and actions:
        yield within
        return
    company: dict[str, list[str]] = {}
    for action in actions:
        company.setdefault(_beginning(action.lower(), others), []).append(action)
    for start, names in company.items():
        pattern = f"{names[0][: len(start)]}*"
        if len(names) > 1 and start != names[0].lower() and covers(within.lower(), pattern.lower()):
            yield pattern
        else:
            yield from names


def _beginning(action: str, others: Sequence[str]) -> str:
    """The shortest beginning of a name, at least a letter of it, that none of the others has; else the whole name."""
    at = bisect_left(others, action)
    near = others[max(at - 1, 0) : at + 1]
    shared = max((len(commonprefix((action, other))) for other in near), default=0)  # noqa: RUF071 (of characters)
    return action[: max(shared, action.index(":") + 1) + 1]
