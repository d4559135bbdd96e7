"""What ``search`` is asked, in Lucene's words, as a ``Where``.

Lucene's meaning holds, as in Kibana: words beside one another are alternatives unless ``+`` or ``-`` stands before
one; ``AND`` binds more closely than ``OR``. A word without a field is text to be found anywhere in the record. What a
filter cannot mean (boosts, likeness, regular expressions) is refused, and so is what no person writes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address, ip_network, summarize_address_range
from math import inf, nextafter
from typing import Any

from luqum import tree

from cloudsearch.event import Field, FieldType
from cloudsearch.names import MEMBERS, Addresses, Constant, Named, close_to, named
from cloudsearch.reports.lucene import COLON, QueryError, tree_of
from cloudsearch.reports.moments import Span, span_of
from cloudsearch.where import (
    Address,
    And,
    Everything,
    Exists,
    In,
    MapText,
    Not,
    Or,
    Path,
    Pattern,
    Range,
    Subject,
    Text,
    Where,
    subjects,
)

_AFTER = "\x01"  # behind a text: the next one, for no field holds a NUL
MOST_TEXTS = 32  # each is looked for in every record
_SINGULAR = Field("constant", FieldType.KEYWORD, "what is the same for every event")


def parse(query: str, *, now: datetime) -> Where:
    """The question a query asks; ``QueryError`` where it cannot be read. ``now`` is what times like now-7d go by."""
    return _Reading(query, now).where(tree_of(query), None)


def doubts(where: Where) -> tuple[str, ...]:
    """What is to be said of paths that begin with no member which CloudTrail is known to write: perhaps a slip."""
    strange = (one.path for one in subjects(where) if isinstance(one, Path) and _root(one.path) not in MEMBERS)
    return tuple(map(_doubt, dict.fromkeys(strange)))


def _doubt(path: str) -> str:
    close = close_to(path) or close_to(_root(path))
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"CloudTrail is not known to write {_root(path)!r}{hint}"


def _root(path: str) -> str:
    return path.partition(".")[0]


@dataclass(frozen=True, slots=True)
class _Value:
    """A word or quoted text: as it is written, as it is meant, and whether it has wildcards."""

    written: str
    text: str
    wild: bool
    at: int

    @property
    def is_open(self) -> bool:
        """Whether it is ``*``: any value, or no bound."""
        return self.wild and not self.written.strip("*")


@dataclass(frozen=True, slots=True)
class _Ends:
    """A range's bounds, None where it is open, and whether they belong to it."""

    low: _Value | None
    high: _Value | None
    with_low: bool = True
    with_high: bool = True


class _Reading:
    """Turns luqum's tree of one query into ours."""

    def __init__(self, query: str, now: datetime) -> None:
        self._query, self._now, self._texts = query, now, 0

    def _fault(self, why: str, at: int) -> QueryError:
        return QueryError(why, self._query, at)

    def where(self, node: Any, subject: Named | None) -> Where:  # noqa: ANN401, PLR0911 (luqum has no types)
        """The question of a node; ``subject`` is the field it stands in."""
        match node:
            case tree.AndOperation():
                return And(tuple(self.where(child, subject) for child in node.children))
            case tree.OrOperation():
                return Or(tuple(self.where(child, subject) for child in node.children))
            case tree.UnknownOperation():
                return self._beside(node, subject)
            case tree.Not() | tree.Prohibit():
                return Not(self.where(node.a, subject))
            case tree.Plus():
                return self.where(node.a, subject)
            case tree.BaseGroup():
                return self.where(node.expr, subject)
            case tree.SearchField():
                return self._field(node, subject)
            case _:
                return self._leaf(node, subject)

    def _beside(self, node: Any, subject: Named | None) -> Where:  # noqa: ANN401
        """Words beside one another: those with + must, those with - must not, and if none must, one of the others."""
        musts: list[Where] = []
        others: list[Where] = []
        nots: list[Where] = []
        for child in node.children:
            where = self.where(child, subject)
            if isinstance(child, tree.Not | tree.Prohibit):
                nots.append(where)
            else:
                (musts if isinstance(child, tree.Plus) else others).append(where)
        wanted = musts or ([Or(tuple(others))] if others else [])
        return And((*wanted, *nots)) if len(wanted) + len(nots) != 1 else (*wanted, *nots)[0]

    def _field(self, node: Any, outer: Named | None) -> Where:  # noqa: ANN401
        name, at = _unescaped(node.name), node.pos or 0
        if outer is not None:
            raise self._fault(f"a field within a field; {COLON}", at + len(node.name))
        if isinstance(node.expr, tree.SearchField):
            raise self._fault(f"a field within a field; {COLON}", node.expr.pos + len(node.expr.name))
        if name == "*" and str(node.expr).strip() == "*":
            return Everything()
        if name == "_exists_":
            return self._there(self._value(node.expr))
        return self.where(node.expr, self._subject(name, at))

    def _there(self, value: _Value) -> Where:
        return self._one(self._subject(value.text, value.at), replace(value, written="*", wild=True))

    def _subject(self, name: str, at: int) -> Named:
        if "*" in name or "?" in name:
            raise self._fault("the name of a field takes no wildcard; a word without a field is found anywhere", at)
        found = named(name)
        if found is None:
            close = close_to(name)
            hint = f"; did you mean {' or '.join(close)}?" if close else "; names of a record are written as AWS does"
            raise self._fault(f"there is no field {name!r}{hint}", at)
        return found

    def _leaf(self, node: Any, subject: Named | None) -> Where:  # noqa: ANN401
        if isinstance(node, tree.Range | tree.From | tree.To):
            if subject is None:
                raise self._fault("a range needs a field before it: field:[a TO b]", node.pos or 0)
            return self._range(subject, self._ends(node))
        value = self._value(node)
        return self._anywhere(value) if subject is None else self._one(subject, value)

    def _value(self, node: Any) -> _Value:  # noqa: ANN401
        if isinstance(node, tree.Prohibit):  # a negative number
            inner = self._value(node.a)
            return replace(inner, written=f"-{inner.written}", text=f"-{inner.text}", at=node.pos)
        if isinstance(node, tree.Phrase):
            text = _unescaped(node.value[1:-1])
            return _Value(text, text, wild=False, at=node.pos)
        if isinstance(node, tree.Word):
            bare = re.sub(r"\\.", "", node.value, flags=re.DOTALL)
            return _Value(node.value, _unescaped(node.value), wild="*" in bare or "?" in bare, at=node.pos)
        raise self._fault("a word or a quoted text is expected here", getattr(node, "pos", 0) or 0)

    def _anywhere(self, value: _Value) -> Where:
        """A text anywhere in the record, however JSON writes it."""
        if value.is_open:
            return Everything()
        self._texts += 1
        if self._texts > MOST_TEXTS:
            raise self._fault(f"more than {MOST_TEXTS} texts without a field before them", value.at)
        text = value.text
        if value.wild:
            trimmed = value.written.strip("*")
            if value.written.endswith("\\*") or "*" in trimmed or "?" in trimmed:
                raise self._fault(
                    "a word with wildcards inside needs a field before it: eventName:Get*Policy", value.at
                )
            text = _unescaped(trimmed)
        written = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
        texts = tuple(Text(one) for one in dict.fromkeys(written))
        return texts[0] if len(texts) == 1 else Or(texts)

    def _one(self, subject: Named, value: _Value) -> Where:  # noqa: PLR0911 (a kind of field, a line)
        """A field's value, or any."""
        match subject:
            case Constant(constant):
                held = self._one(_SINGULAR, value).matches({_SINGULAR.name: constant})
                return Everything() if held else Or(())
            case Addresses(field):
                return self._address(field, value)
            case Field() if subject.type not in (FieldType.KEYWORD, FieldType.KEYWORDS) and not value.is_open:
                return self._typed(subject, value)
        if value.is_open:
            return Exists(subject)
        if value.wild:
            return Pattern(subject, value.written, escaped="\\" in value.written)
        network = isinstance(subject, Field) and subject.name == "source_address" and "/" in value.text
        if isinstance(subject, Field) and network and _is_network(value.text):
            return Address(subject, value.text)
        return In(subject, (value.text,))

    def _typed(self, field: Field, value: _Value) -> Where:
        """A time, a number or a truth."""
        if value.wild:
            raise self._fault(f"{field.name} is no text, and takes no wildcard but a * alone", value.at)
        if field.type is FieldType.TIME:
            span = self._span(value)
            return Range(field, span.start, span.end)
        return In(field, (self._scalar(field, value),))

    def _scalar(self, field: Field, value: _Value) -> bool | int:
        if field.type is FieldType.BOOLEAN and value.text.lower() in ("true", "false"):
            return value.text.lower() == "true"
        if field.type is FieldType.INTEGER and re.fullmatch(r"-?[0-9]{1,18}", value.text):
            return int(value.text)
        kind = "true or false" if field.type is FieldType.BOOLEAN else "a whole number"
        raise self._fault(f"{field.name} is {kind}, not {value.text!r}", value.at)

    def _span(self, value: _Value) -> Span:
        span = span_of(value.text, self._now)
        if span is None:
            raise self._fault(f"{value.text!r} is no time: write 2026-08-31, 2026-08-31T12:00:00Z or now-7d", value.at)
        return span

    def _address(self, field: Field, value: _Value) -> Where:
        if value.is_open:
            return Address(field)
        if value.wild:
            return And((Address(field), Pattern(field, value.written, escaped="\\" in value.written)))
        if not _is_network(value.text):
            raise self._fault(f"{value.text!r} is no IP address or network such as 10.0.0.0/8", value.at)
        return Address(field, value.text)

    def _ends(self, node: Any) -> _Ends:  # noqa: ANN401
        if isinstance(node, tree.Range):
            return _Ends(self._bound(node.low), self._bound(node.high), node.include_low, node.include_high)
        bound = self._bound(node.a)
        if isinstance(node, tree.From):
            return _Ends(bound, None, with_low=node.include)
        return _Ends(None, bound, with_high=node.include)

    def _bound(self, node: Any) -> _Value | None:  # noqa: ANN401
        value = self._value(node)
        if value.wild and not value.is_open:
            raise self._fault("a bound takes no wildcard but a * alone", value.at)
        return None if value.is_open else value

    def _range(self, subject: Named, ends: _Ends) -> Where:
        match subject:
            case Constant(constant):
                held = self._range(_SINGULAR, ends).matches({_SINGULAR.name: constant})
                return Everything() if held else Or(())
            case Addresses(field):
                return self._address_range(field, ends)
            case Field(type=FieldType.BOOLEAN):
                bound = ends.low or ends.high
                raise self._fault("true and false make no range", bound.at if bound else 0)
            case Field(type=FieldType.TIME):
                return self._time_range(subject, ends)
            case Field(type=FieldType.INTEGER):
                return self._integer_range(subject, ends)
            case Field() | Path() | MapText():
                return _number_range(subject, ends) or _text_range(subject, ends)

    def _time_range(self, field: Field, ends: _Ends) -> Where:
        """As Elasticsearch rounds: a day's range has the whole of it in, or the whole of it out."""
        low = self._span(ends.low) if ends.low else None
        high = self._span(ends.high) if ends.high else None
        start = None if low is None else low.start if ends.with_low else low.end
        end = None if high is None else high.end if ends.with_high else high.start
        return Range(field, start, end)

    def _integer_range(self, field: Field, ends: _Ends) -> Where:
        low = self._scalar(field, ends.low) + (not ends.with_low) if ends.low else None
        high = self._scalar(field, ends.high) + ends.with_high if ends.high else None
        return Range(field, low, high)

    def _address_range(self, field: Field, ends: _Ends) -> Where:
        if ends.low is None or ends.high is None or not (ends.with_low and ends.with_high):
            bound = ends.low or ends.high
            raise self._fault(
                "a range of addresses has both its ends in it: [10.0.0.0 TO 10.0.0.9]", bound.at if bound else 0
            )
        try:
            networks = [*summarize_address_range(ip_address(ends.low.text), ip_address(ends.high.text))]
        except (ValueError, TypeError) as error:
            raise self._fault("these are no two IP addresses in their order", ends.low.at) from error
        return Or(tuple(Address(field, str(network)) for network in networks))


def _number_range(subject: Subject, ends: _Ends) -> Where | None:
    """A range of numbers, where the bounds are some and the record may hold them; None otherwise."""
    if not isinstance(subject, Path):
        return None
    low, high = _number(ends.low), _number(ends.high)
    if (ends.low and low is None) or (ends.high and high is None) or (low is None and high is None):
        return None
    start = low if low is None or ends.with_low else nextafter(low, inf)
    end = nextafter(high, inf) if high is not None and ends.with_high else high
    return Range(subject, start, end)


def _number(value: _Value | None) -> float | None:
    if value is None or not re.fullmatch(r"-?[0-9]{1,300}(\.[0-9]{1,300})?", value.text):
        return None
    return float(value.text)


def _text_range(subject: Subject, ends: _Ends) -> Where:
    start = ends.low.text + ("" if ends.with_low else _AFTER) if ends.low else None
    end = ends.high.text + (_AFTER if ends.with_high else "") if ends.high else None
    return Range(subject, start, end) if start is not None or end is not None else Exists(subject)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text
