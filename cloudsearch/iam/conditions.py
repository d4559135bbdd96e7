"""Whether a Condition holds for a principal: surely, surely not, or only a request can tell.

Keys that the principal decides are compared as AWS does; a key that a request decides leaves its test open, unless
no value could matter (a variable without a value is equal to nothing). A missing key matches nothing, so that negated
operators hold and the others do not; ``...IfExists`` and ``ForAllValues`` hold, ``ForAnyValue`` does not.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from ipaddress import ip_address, ip_network
from itertools import zip_longest
from operator import ge, gt, le, lt

from cloudsearch.iam.documents import ConditionTest
from cloudsearch.iam.facts import Facts
from cloudsearch.iam.matching import covers, overlaps
from cloudsearch.iam.operators import Family, Operator, Quantifier, operator
from cloudsearch.iam.variables import Text, literal, resolve


class Truth(IntEnum):
    """Surely not, perhaps, surely: ``min`` is and, ``max`` is or."""

    NO = 0
    PERHAPS = 1
    YES = 2

    def __invert__(self) -> Truth:
        """The opposite."""
        return Truth(2 - self)


def holds(tests: Iterable[ConditionTest], facts: Facts, *, variables: bool = True) -> Truth:
    """Whether all of the tests hold; ``variables`` is false in documents of 2008, where ``${...}`` is text."""
    return min((decide(test, facts, variables=variables) for test in tests), default=Truth.YES)


def open_tests(tests: Iterable[ConditionTest], facts: Facts, *, variables: bool = True) -> tuple[ConditionTest, ...]:
    """The tests that only a request decides."""
    return tuple(test for test in tests if decide(test, facts, variables=variables) is Truth.PERHAPS)


def decide(test: ConditionTest, facts: Facts, *, variables: bool = True) -> Truth:
    """Whether one test holds."""
    how, values = operator(test.operator), facts.of(test.key)
    if how is None or not test.values:
        return Truth.PERHAPS
    if how.family is Family.NULL:
        return _null(test.values, values)
    if values == ():
        return _absent(how)
    wanted = [_wanted(text, how, facts, variables=variables) for text in test.values]
    return _free(how, wanted) if values is None else _compared(how, wanted, values)


def _compared(how: Operator, wanted: Sequence[Text | None], values: Sequence[str]) -> Truth:
    """What a key with these values makes of the operator."""
    matched = [_any(how, wanted, value) for value in values]
    if how.is_negated:
        matched = [~one for one in matched]
    if how.quantifier is Quantifier.ALL:
        return min(matched)
    if how.quantifier is Quantifier.ANY or len(matched) == 1:
        return max(matched)
    return Truth.PERHAPS  # several values without a quantifier: AWS does not say


def implies(given: ConditionTest, test: ConditionTest) -> bool:
    """Whether a test surely holds in every request in which the given one does.

    Known of equal tests, and where the given one lists all values that the key may have; never of variables.
    """
    key = given.key.lower()
    if key != test.key.lower() or any("${" in text for text in (*given.values, *test.values)):
        return False
    if given == test:
        return True
    if operator(given.operator) not in _LISTING or not given.values:
        return False
    return all(decide(test, Facts({key: (literal(value),)})) is Truth.YES for value in given.values)


_LISTING = (Operator(Family.STRING, "equals"), Operator(Family.BOOL, "equals"))


def _null(wanted: tuple[str, ...], values: tuple[str, ...] | None) -> Truth:
    """``"true"`` asks for the key to be absent, ``"false"`` for it to be there."""
    if values is None:
        return Truth.PERHAPS
    return _known((not values) in (text.lower() == "true" for text in wanted))


def _absent(how: Operator) -> Truth:
    if how.if_exists or how.quantifier is Quantifier.ALL:
        return Truth.YES
    return _known(how.is_negated and how.quantifier is not Quantifier.ANY)


def _free(how: Operator, wanted: Iterable[Text | None]) -> Truth:
    """A key that only a request tells: open, unless what is wanted has no value and so nothing is equal to it."""
    if any(wanted):
        return Truth.PERHAPS
    if how.is_negated:
        return Truth.PERHAPS if how.quantifier is Quantifier.ANY else Truth.YES
    return Truth.PERHAPS if how.if_exists or how.quantifier is Quantifier.ALL else Truth.NO


def _wanted(text: str, how: Operator, facts: Facts, *, variables: bool) -> Text | None:
    if variables and how.takes_variables:
        return resolve(text, facts)
    return Text(text, text)


def _any(how: Operator, wanted: Iterable[Text | None], value: str) -> Truth:
    """Whether one of the wanted texts matches the value; a text without a value matches nothing."""
    compare = _COMPARISONS[how.family]
    return max((compare(how.comparison, text, value) for text in wanted if text is not None), default=Truth.NO)


def _known(truth: bool) -> Truth:  # noqa: FBT001 (it is the only thing there is to say)
    return Truth.YES if truth else Truth.NO


def _string(comparison: str, wanted: Text, value: str) -> Truth:
    if comparison == "like":
        return _like(wanted, value)
    if comparison == "equalsignorecase":
        wanted, value = Text(wanted.sure.casefold(), wanted.loose.casefold()), value.casefold()
    if wanted.is_open:
        return _known(False) if not overlaps(wanted.loose, value) else Truth.PERHAPS
    return _like(Text(literal(wanted.sure), literal(wanted.loose)), value)


def _like(wanted: Text, value: str) -> Truth:
    """The value may be a pattern itself: then it surely matches only where all that it may be does."""
    if not overlaps(wanted.loose, value):
        return Truth.NO
    return Truth.YES if not wanted.is_open and covers(wanted.sure, value) else Truth.PERHAPS


def _arn(comparison: str, wanted: Text, value: str) -> Truth:  # noqa: ARG001 (the signature all share)
    """Each of the six parts of an ARN is compared with its own pattern."""
    if value == "*":
        return Truth.PERHAPS
    sure, loose, parts = wanted.sure.split(":", 5), wanted.loose.split(":", 5), value.split(":", 5)
    if len(sure) < 6 or len(loose) < 6:
        return Truth.PERHAPS if "*" in wanted.loose else Truth.NO
    return min(_like(Text(*texts), part) for *texts, part in zip_longest(sure, loose, parts, fillvalue=""))


def _bool(comparison: str, wanted: Text, value: str) -> Truth:  # noqa: ARG001
    if value == "*":
        return Truth.PERHAPS
    return _known(wanted.sure.lower() == value.lower())


def _binary(comparison: str, wanted: Text, value: str) -> Truth:  # noqa: ARG001
    return Truth.PERHAPS if value == "*" else _known(wanted.sure == value)


def _address(comparison: str, wanted: Text, value: str) -> Truth:  # noqa: ARG001
    try:
        return _known(ip_address(value) in ip_network(wanted.sure, strict=False))
    except ValueError:
        return Truth.PERHAPS


def _numeric(comparison: str, wanted: Text, value: str) -> Truth:
    return _ordered(comparison, wanted.sure, value, float)


def _date(comparison: str, wanted: Text, value: str) -> Truth:
    return _ordered(comparison, wanted.sure, value, _moment)


def _moment(text: str) -> float:
    """Seconds since 1970, from themselves or from an ISO 8601 time; UTC where no zone is told."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda value, wanted: value == wanted,
    "lessthan": lt,
    "lessthanequals": le,
    "greaterthan": gt,
    "greaterthanequals": ge,
}


def _ordered(comparison: str, wanted: str, value: str, read: Callable[[str], float]) -> Truth:
    try:
        return _known(_ORDERS[comparison](read(value), read(wanted)))
    except (ValueError, OverflowError):
        return Truth.PERHAPS


_COMPARISONS: dict[Family, Callable[[str, Text, str], Truth]] = {
    Family.STRING: _string,
    Family.ARN: _arn,
    Family.BOOL: _bool,
    Family.BINARY: _binary,
    Family.ADDRESS: _address,
    Family.NUMERIC: _numeric,
    Family.DATE: _date,
}
