"""Statements in the making: actions that share their resources and conditions, and what is known of these."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cloudsearch import catalogue
from cloudsearch.actions.arns import has_wildcard
from cloudsearch.iam.documents import ConditionTest, Document, Effect, Patterns, Statement, render
from cloudsearch.policies.names import segments, split

VERSION = "2012-10-17"
_WORD = re.compile(r"[A-Za-z0-9]+")
_ID = re.compile("[0-9a-f]*[0-9][0-9a-f]{7,}")
"""What is no name for people: many hexadecimal digits."""
_LONGEST_NAME = 24
_LONGEST_SID = 64


class Known(StrEnum):
    """What is known of a statement's resources; the order is that of statements in a policy."""

    NAMED = "named"  # each is the one that was used
    FOLDED = "folded"  # what they lie in, for there were too many
    NONE = "none"  # the actions take no resource
    UNKNOWN = "unknown"  # nobody can say which they were


@dataclass(frozen=True, slots=True)
class Part:
    """A statement to be: an Allow of these actions on these resources; all three in a stable order."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    tests: tuple[ConditionTest, ...] = ()
    known: Known = Known.NAMED

    @property
    def services(self) -> tuple[str, ...]:
        """The prefixes of the services it speaks of."""
        return tuple(dict.fromkeys(action.partition(":")[0] for action in self.actions))

    def statement(self, index: int, sid: str) -> Statement:
        """The statement."""
        return Statement(
            index, sid, Effect.ALLOW, Patterns(self.actions), Patterns(self.resources), conditions=self.tests
        )


def document(named: Iterable[tuple[str, Part]]) -> Document:
    """Parts with their Sids as a policy."""
    return Document(VERSION, tuple(part.statement(index, sid) for index, (sid, part) in enumerate(named)))


def text(content: Document) -> str:
    """The policy as JSON without blanks, in ASCII alone: what AWS counts, and no less."""
    return json.dumps(render(content), separators=(",", ":"))


def size(parts: Sequence[tuple[str, Part]]) -> int:
    """Characters of the policy that these would be, in the longest of the forms that tools write.

    Terraform's ``jsonencode`` writes three characters as escapes of six.
    https://developer.hashicorp.com/terraform/language/functions/jsonencode
    """
    written = text(document(parts))
    return len(written) + 5 * sum(map(written.count, "<>&"))


def with_sids(parts: Iterable[Part], taken: Collection[str] = ()) -> list[tuple[str, Part]]:
    """Each part with a name of letters and digits that no other has."""
    used = set(taken)
    named = []
    for part in parts:
        sid = _free(_sid(part), used)
        used.add(sid)
        named.append((sid, part))
    return named


def _free(wanted: str, used: Collection[str]) -> str:
    if wanted not in used:
        return wanted
    number = 2
    while f"{wanted}{number}" in used:
        number += 1
    return f"{wanted}{number}"


def _sid(part: Part) -> str:
    """Service, what is done, on what, and what is known of that."""
    services = part.services
    service = _camel(services[0]) if len(services) == 1 else ""
    wanted = f"{service}{_done(part.actions)}{_on(part)}{_told(part, is_mixed=not service)}"
    return wanted[:_LONGEST_SID]


def _told(part: Part, *, is_mixed: bool) -> str:
    if part.known is Known.UNKNOWN:
        return "OnUnknownResources"
    if part.known is Known.FOLDED:
        return "OnFoldedResources"
    return "WithoutResource" if part.known is Known.NONE and is_mixed else ""


def _done(actions: Sequence[str]) -> str:
    if len(actions) == 1 and not has_wildcard(actions[0]):
        return _camel(actions[0].partition(":")[2])
    levels = {action.access_level for name in actions for action in catalogue.expand(name)}
    if not levels or "Permissions management" in levels:
        return "Manage"
    if levels <= {"List", "Read"}:
        return "Read"
    return "Write" if levels.isdisjoint({"List", "Read"}) else "ReadWrite"


def _on(part: Part) -> str:
    """The name of the one resource, or what all of them begin with by name."""
    names = {_name(resource) for resource in part.resources}
    return names.pop() if len(names) == 1 and part.known in (Known.NAMED, Known.FOLDED) else ""


def _name(resource: str) -> str:
    """The last part of an ARN that is a name and no id: of letters more than of digits."""
    words = [_camel(segment) for segment in segments(split(resource)[1])]
    names = [word for word in words if 2 * sum(map(str.isalpha, word)) > len(word) and not _ID.search(word.lower())]
    return names[-1][:_LONGEST_NAME] if names else ""


def _camel(words: str) -> str:
    return "".join(f"{word[0].upper()}{word[1:]}" for word in _WORD.findall(words) if word.isascii())


def grouped(parts: Iterable[Part]) -> list[Part]:
    """Parts of the same resources and conditions made one, in a stable order."""
    actions: dict[tuple[tuple[str, ...], tuple[ConditionTest, ...], Known], set[str]] = {}
    for part in parts:
        actions.setdefault((part.resources, part.tests, part.known), set()).update(part.actions)
    joined = [Part(tuple(sorted(names, key=str.lower)), *key) for key, names in actions.items()]
    return sorted(_same_but_for_values(joined), key=_order)


def _same_but_for_values(parts: Iterable[Part]) -> Iterator[Part]:
    """Of parts that differ in the values of their only condition, one with all the values."""
    values: dict[Part, set[str]] = {}
    for part in parts:
        if len(part.tests) == 1:
            (test,) = part.tests
            values.setdefault(replace(part, tests=(replace(test, values=()),)), set()).update(test.values)
        else:
            yield part
    for part, found in values.items():
        (test,) = part.tests
        yield replace(part, tests=(replace(test, values=tuple(sorted(found))),))


def _order(part: Part) -> tuple[bool, list[Known], tuple[str, ...], tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """By what is known, then actions, resources and conditions."""
    known = list(Known).index(part.known)
    tests = tuple((test.key, *test.values) for test in part.tests)
    return known > 1, [part.known] if known > 1 else [], part.actions, part.resources, tests
