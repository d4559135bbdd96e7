"""From what a principal used to the smallest policies that would have let it, and what is to be said of them.

Every action that was used is allowed on every resource it was used on, and nothing of a service that was not used.
Whatever is wider than that (resources nobody knows, too many to name, siblings made one, exact wildcards) is in a
statement whose Sid says so, or in the notes, or both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cloudsearch.actions.arns import has_wildcard
from cloudsearch.iam.documents import ConditionTest, Document
from cloudsearch.policies.circumstances import shown_by
from cloudsearch.policies.facts import limits
from cloudsearch.policies.figures import Figure, figure
from cloudsearch.policies.generalising import fewest, generalised
from cloudsearch.policies.parts import Known, Part, grouped
from cloudsearch.policies.sizes import fit
from cloudsearch.policies.usage import ActionUse, Key, Tally, Usage

Keep = Callable[[str, str], bool]
"""Whether an action on a resource (``*`` where there is none, or none is known) is to be in the policy."""

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How policies are to be made.

    ``limit`` names one of ``facts.limits``, ``generalise`` how many siblings are made one, ``conditions`` whether what
    every use shows is asked for; ``keep`` leaves out what it does not hold of.
    """

    limit: str = "managed"
    generalise: int | None = None
    conditions: bool = False
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One action on one resource as a policy allows it, and what it rests on; ``policy`` is counted from 0."""

    policy: int
    sid: str
    action: str
    resource: str
    conditions: tuple[ConditionTest, ...]
    known: Known
    tally: Tally


@dataclass(frozen=True, slots=True)
class Generated:
    """The policies of one principal, none where it used nothing that needs one.

    ``lines`` are what they rest on; ``left_out`` names what ``keep`` left out: action and resource.
    """

    policies: tuple[Document, ...]
    notes: tuple[str, ...]
    figure: Figure
    lines: tuple[Line, ...]
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    """One part of one action, with the counts of what it is made of."""

    part: Part
    tallies: tuple[tuple[str, Tally], ...]


@dataclass(slots=True)
class _Making:
    """What comes up while policies are made."""

    wishes: Wishes
    made: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def generate(usage: Usage, wishes: Wishes | None = None) -> Generated:
    """Make the policies. Pure and deterministic; ``TooLarge`` where AWS's limits leave no way."""
    making = _Making(wishes or Wishes())
    drafts = [draft for key in sorted(usage.actions) for draft in _drafts(key, usage.actions[key], making)]
    fitted = fit(grouped(draft.part for draft in _without_doubles(drafts)), limits()[making.wishes.limit])
    lines = tuple(_lines(drafts, fitted.policies))
    notes = (*_notes(usage), *making.made, *_of_wildcards(fitted.wildcards), *_of_left_out(making.left_out))
    return Generated(fitted.documents, notes, figure(usage), lines, tuple(making.left_out))


def _drafts(key: Key, use: ActionUse, making: _Making) -> Iterator[_Draft]:
    """What one action under one condition needs: named resources, those nobody knows, or none."""
    action, pairs = key
    tests = (*_own_tests(pairs), *(shown_by(action, use.about) if making.wishes.conditions else ()))
    if kept := [(name, tally) for name, tally in sorted(use.resources.items()) if _keeps(making, action, name)]:
        resources = fewest(name for name, _ in kept)
        if making.wishes.generalise and use.deepest is None:
            resources = frozenset(_generalised(action, resources, making))
        known = Known.NAMED if use.deepest is None else Known.FOLDED
        yield _Draft(Part((action,), tuple(sorted(resources)), tests, known), tuple(kept))
    for tally, known in ((use.unknown, Known.UNKNOWN), (use.alone, Known.NONE)):
        if tally.count and _keeps(making, action, "*"):
            yield _Draft(Part((action,), ("*",), tests, known), (("*", tally),))


def _keeps(making: _Making, action: str, resource: str) -> bool:
    keep = making.wishes.keep
    if keep is None or keep(action, resource):
        return True
    making.left_out.append((action, resource))
    return False


def _own_tests(pairs: tuple[tuple[str, str], ...]) -> tuple[ConditionTest, ...]:
    """What the use itself tells: equal texts; of a key told twice either value."""
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return tuple(ConditionTest("StringEquals", key, tuple(sorted(found))) for key, found in sorted(values.items()))


def _generalised(action: str, resources: frozenset[str], making: _Making) -> tuple[str, ...]:
    found = generalised(action, sorted(resources), making.wishes.generalise or 0)
    making.made += [f"{action}: {count} resources made one, {pattern} (--generalise)" for pattern, count in found.made]
    return found.resources


def _without_doubles(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Conditions left out where the same action is needed on the same resource without any."""
    free: dict[str, set[str]] = {}
    for draft in drafts:
        if not draft.part.tests:
            free.setdefault(draft.part.actions[0], set()).update(draft.part.resources)
    kept = []
    for draft in drafts:
        rest = tuple(one for one in draft.part.resources if one not in free.get(draft.part.actions[0], ()))
        if not draft.part.tests or rest == draft.part.resources:
            kept.append(draft)
        elif rest:
            kept.append(replace(draft, part=replace(draft.part, resources=rest)))
    return kept


def _lines(drafts: Sequence[_Draft], policies: Sequence[Sequence[tuple[str, Part]]]) -> Iterator[Line]:
    """What each statement rests on, in the order of statements."""
    by_place = _places(policies)
    for draft in drafts:
        action = draft.part.actions[0]
        places = by_place(action, draft.part)
        for resource, tally in draft.tallies:
            for policy, sid, part in places:
                if any(_covers(pattern, resource) for pattern in part.resources):
                    yield Line(policy, sid, action, resource, part.tests, draft.part.known, tally)
                    break


def _covers(pattern: str, resource: str) -> bool:
    return pattern in (resource, "*") or (pattern.endswith("*") and resource.startswith(pattern[:-1]))


def _places(
    policies: Sequence[Sequence[tuple[str, Part]]],
) -> Callable[[str, Part], list[tuple[int, str, Part]]]:
    """Gives the statements that allow an action as a part does, then those that do so without a condition."""
    found: dict[Known, list[tuple[int, str, Part]]] = {}
    for number, policy in enumerate(policies):
        for sid, part in policy:
            found.setdefault(part.known, []).append((number, sid, part))

    def of(action: str, draft: Part) -> list[tuple[int, str, Part]]:
        own = [one for one in found.get(draft.known, ()) if any(_covers(name, action) for name in one[2].actions)]
        alike = [one for one in own if _is_within(draft.tests, one[2].tests)]
        return alike + [one for one in own if draft.tests and not one[2].tests]

    return of


def _is_within(tests: Sequence[ConditionTest], others: Sequence[ConditionTest]) -> bool:
    """Whether the conditions are those of a statement, or some of their values."""
    return len(tests) == len(others) and all(
        (one.operator, one.key) == (other.operator, other.key) and set(one.values) <= set(other.values)
        for one, other in zip(tests, others, strict=True)
    )


def _notes(usage: Usage) -> Iterator[str]:
    for (action, _), use in sorted(usage.actions.items()):
        if use.unknown.count:
            why = "; ".join(reason for reason, _ in use.reasons.most_common(_NAMED)) or "no parameter tells"
            yield f"{action}: the resource of {use.unknown.count} uses is not known, so * stands for it: {why}"
        if use.deepest is not None:
            wide = ", ".join([name for name in sorted(use.resources) if has_wildcard(name)][:_NAMED])
            yield f"{action}: used on more than {usage.most:,} resources, told by what they lie in: {wide}"
    for (source, name), count in sorted(usage.strange.items()):
        yield f"{name} of {source}: {count} calls, and no IAM action is known for it; nothing allows it"
    if len(usage.ids) > 1:
        yield f"{len(usage.ids)} principals had this name one after the other ({', '.join(sorted(usage.ids))})"


def _of_wildcards(wildcards: Sequence[str]) -> Iterator[str]:
    if wildcards:
        told = ", ".join(wildcards)
        yield f"For size, {len(wildcards)} patterns stand for used actions and no other of today's: {told}"


def _of_left_out(left_out: Sequence[tuple[str, str]]) -> Iterator[str]:
    for action, resource in left_out:
        yield f"{action} on {resource}: used, but not granted today, so left out"
