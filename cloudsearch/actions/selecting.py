"""Which events a trail's selectors let through: the grammar of CloudTrail's event selectors, and how much it records.

Sources: AdvancedFieldSelector and EventSelector in the CloudTrail API reference; "How CloudTrail evaluates multiple
conditions for a field" in its user guide (filtering-data-events.html). Within a field the selecting operators are
alternatives, every deselecting one must hold, and both groups together; a selector's fields must all be met; a trail
records what any of its selectors records. Texts compare exactly, and nothing is a wildcard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Operator(StrEnum):
    """What may be asked of a field; those whose name begins with Not deselect."""

    EQUALS = "Equals"
    STARTS_WITH = "StartsWith"
    ENDS_WITH = "EndsWith"
    NOT_EQUALS = "NotEquals"
    NOT_STARTS_WITH = "NotStartsWith"
    NOT_ENDS_WITH = "NotEndsWith"

    @property
    def deselects(self) -> bool:
        """Whether an event that matches is left out."""
        return self.startswith("Not")


class Category(StrEnum):
    """The event categories a trail can record."""

    MANAGEMENT = "Management"
    DATA = "Data"
    NETWORK_ACTIVITY = "NetworkActivity"


class Answer(IntEnum):
    """How many of the events asked about are recorded; ordered: a further trail never makes it less."""

    UNKNOWN = 0
    NONE = 1
    SOME = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class Starting:
    """Any text that begins so; with nothing, any text at all."""

    prefix: str = ""


Values = tuple[str, ...] | frozenset[str] | Starting
"""What an event's field may hold: one of several texts, all of several at once (an event names several resources),
or a text of which only the beginning is known."""

Events = Mapping[str, Values]
"""The events asked about: the values their fields may have, by the names selectors use. A field that is not told may
hold anything."""

_ANY = Starting()
_FILLER = "\0"  # begins no text that a selector may hold
_MATCHES: dict[Operator, Callable[[str, str], bool]] = {
    Operator.EQUALS: str.__eq__,
    Operator.STARTS_WITH: str.startswith,
    Operator.ENDS_WITH: str.endswith,
    Operator.NOT_EQUALS: str.__eq__,
    Operator.NOT_STARTS_WITH: str.startswith,
    Operator.NOT_ENDS_WITH: str.endswith,
}
_MOST_CASES = 4096


@dataclass(frozen=True, slots=True)
class Condition:
    """One field selector: a field and what is asked of it."""

    field: str
    tests: tuple[tuple[Operator, tuple[str, ...]], ...]

    def lets_through(self, text: str) -> bool:
        """Whether an event whose field holds this text passes."""
        selected = selecting = False
        for operator, wanted in self.tests:
            matches = any(_MATCHES[operator](text, value) for value in wanted)
            if operator.deselects:
                if matches:
                    return False
            else:
                selecting = True
                selected = selected or matches
        return selected or not selecting

    def answer(self, values: Values) -> Answer:
        """How many of the events whose field holds one of these values pass."""
        if isinstance(values, frozenset):
            return Answer.ALL if any(map(self.lets_through, values)) else Answer.NONE
        texts = _representatives((self,), values) if isinstance(values, Starting) else values
        return _of({Answer.ALL if self.lets_through(text) else Answer.NONE for text in texts})


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions that an event must all meet."""

    conditions: tuple[Condition, ...]

    def answer(self, events: Events) -> Answer:
        """How many of the events pass, at most: conditions on different fields are taken as independent."""
        worst = Answer.ALL
        for one in self.conditions:
            worst = min(worst, one.answer(events.get(one.field, _ANY)))
            if worst is Answer.NONE:
                break
        return worst

    def filters(self, events: Events) -> tuple[str, ...]:
        """The fields by which it leaves out some of the events, in its order."""
        answers = ((one.field, one.answer(events.get(one.field, _ANY))) for one in self.conditions)
        return tuple(dict.fromkeys(field for field, answer in answers if answer is not Answer.ALL))


def recorded(selectors: Sequence[Selector], events: Events) -> Answer:
    """How many of the events the selectors record together: never UNKNOWN.

    Exact, also where only several selectors together record everything (one the reads, one the writes): the events are
    divided, field by field, until every selector passes all or none of each part. Selectors that would take more than
    4,096 parts give SOME.
    """
    found: set[Answer] = set()
    cases = [events]
    for _ in range(_MOST_CASES):
        if not cases:
            return found.pop() if len(found) == 1 else Answer.SOME
        case = cases.pop()
        answer = max((selector.answer(case) for selector in selectors), default=Answer.NONE)
        if answer is Answer.SOME:
            cases.extend(_divided(selectors, case))
        else:
            found.add(answer)
        if len(found) > 1:
            break
    return Answer.SOME


def _divided(selectors: Sequence[Selector], case: Events) -> Iterator[Events]:
    """The same events in parts, by the first field that some selector is undecided about."""
    undecided = next(selector for selector in selectors if selector.answer(case) is Answer.SOME)
    field = next(one.field for one in undecided.conditions if one.answer(case.get(one.field, _ANY)) is Answer.SOME)
    values = case.get(field, _ANY)
    asked = [one for selector in selectors for one in selector.conditions if one.field == field]
    texts = _representatives(asked, values) if isinstance(values, Starting) else values
    for text in texts:
        yield {**case, field: (text,)}


def _representatives(asked: Sequence[Condition], values: Starting) -> tuple[str, ...]:
    """One text for each way in which texts of that beginning can fare with the conditions.

    A text that none asks for as a whole fares by the longest beginning and the longest ending asked for that it has:
    those two with a filler between them stand for it.
    """
    known = values.prefix
    whole = {text for text in _asked(asked, str.__eq__) if text.startswith(known)}
    beginnings = {known} | {text for text in _asked(asked, str.startswith) if text.startswith(known)}
    endings = {""} | set(_asked(asked, str.endswith))
    return (*whole, *(beginning + _FILLER + ending for beginning in beginnings for ending in endings))


def _asked(conditions: Sequence[Condition], how: Callable[[str, str], bool]) -> Iterator[str]:
    for condition in conditions:
        for operator, wanted in condition.tests:
            if _MATCHES[operator] == how:
                yield from wanted


def _of(answers: set[Answer]) -> Answer:
    return answers.pop() if len(answers) == 1 else Answer.SOME
