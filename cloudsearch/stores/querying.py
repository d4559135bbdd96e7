"""A ``Where`` as a search engine's query: objects of its query language, never strings, and whether they are exact.

Where the language cannot say what is meant a query finds more than that, never less, and ``SearchStore.rows``
filters. A raw path is such a case always: an engine compares the texts of numbers as AWS wrote them, and documents
in the fallback form hold only part of what the record says, so that all of those are found.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Network, ip_network
from itertools import groupby, pairwise, takewhile

from elasticsearch.dsl import Q
from elasticsearch.dsl.query import Bool, Exists, MatchAll, MatchNone, Query

from cloudsearch.event import RAW, Field, FieldType
from cloudsearch.names import FLATTENED, MAP_TEXTS
from cloudsearch.store import EVENTS
from cloudsearch.stores.dialect import Dialect
from cloudsearch.stores.mappings import ENGINES_TEXTS, RECORD_KEYWORDS, name_of
from cloudsearch.where import (
    ANY,
    ONE,
    Address,
    And,
    Everything,
    In,
    MapText,
    Not,
    Or,
    Path,
    Pattern,
    Range,
    Scalar,
    Text,
    Where,
)
from cloudsearch.where import Exists as HasValue

DEEPEST = 12  # engines refuse more than 20 or 30 levels of bool, and a Not or a None costs levels of its own
MOST_TERMS = 50_000  # engines refuse 65,537
LONGEST_PATTERN = 1_000
SHORTEST_RUN = 2
MOST_SINGLES = 6  # "*" and then many "?" make an automaton of exponential size

ADDRESSES, ADDRESS = EVENTS.by_name["source_address"], "sourceIPAddress.ip"
"""The derived field with addresses, and where the engine keeps those of it that it can read as one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAPPED = IPv6Network("::ffff:0:0/96")
"""IPv4 addresses written as IPv6: an engine takes those for IPv4, and refuses their networks."""
_LEAST, _MOST = -(2**63), 2**63 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_OF_A_NUMBER = frozenset("0123456789+-.eEInfityNa")
"""Characters of a number's text; ``Infinity`` and ``NaN`` are numbers."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query; where it is not exact it finds more than was meant, never less."""

    query: Query
    exact: bool = True


EVERYTHING = Question(MatchAll())
SUPERSET = Question(MatchAll(), exact=False)
NOTHING = Question(MatchNone())


def compile_where(where: Where, dialect: Dialect, *, depth: int = 0) -> Question:
    """Turn a question into a query."""
    if depth > DEEPEST:
        return SUPERSET
    match where:
        case Everything():
            return EVERYTHING
        case And(parts):
            return _all([compile_where(part, dialect, depth=depth + 1) for part in parts])
        case Or(parts):
            return _any([compile_where(part, dialect, depth=depth + 1) for part in parts])
        case Not(part):
            inner = compile_where(part, dialect, depth=depth + 1)
            return Question(_not(inner.query)) if inner.exact else SUPERSET
        case _:
            return _leaf(where, dialect)


def _leaf(where: In | Range | Pattern | HasValue | Address | Text, dialect: Dialect) -> Question:
    """A question about one subject."""
    if isinstance(where, Text) or where.subject == RAW:
        return SUPERSET
    if isinstance(where, Address):
        return _address(where)
    if isinstance(where.subject, Field):
        return _of_field(where.subject, where)
    if isinstance(where.subject, MapText):
        return _of_a_text(where.subject, where)
    return _of_the_record(where.subject, where, dialect)


def _of_field(field: Field, where: In | Range | Pattern | HasValue) -> Question:
    match where:
        case In(_, values):
            return _in(field, values)
        case Range():
            return _range(field, where)
        case Pattern():
            return _pattern(field, where)
    return Question(_exists(name_of(field)))


def _all(parts: list[Question]) -> Question:
    if not parts:
        return EVERYTHING
    return Question(Bool(filter=[part.query for part in parts]), all(part.exact for part in parts))


def _any(parts: list[Question]) -> Question:
    if not parts:
        return NOTHING
    return Question(_either(*(part.query for part in parts)), all(part.exact for part in parts))


def _either(*queries: Query) -> Query:
    return queries[0] if len(queries) == 1 else Bool(should=list(queries), minimum_should_match=1)


def _not(query: Query) -> Query:
    return Bool(must_not=[query])


def _exists(name: str) -> Query:
    return Exists(field=name)


def _on(kind: str, name: str, body: object) -> Query:
    """A query on a field; without the library's reading of ``__`` in a name as a dot."""
    return Q(kind, _expand__to_dot=False, **{name: body})


def _terms(name: str, values: list[object]) -> list[Query]:
    return [_on("terms", name, values[at : at + MOST_TERMS]) for at in range(0, len(values), MOST_TERMS)]


def _in(field: Field, values: tuple[Scalar | None, ...]) -> Question:
    name = name_of(field)
    wanted = list(dict.fromkeys(term for value in values if (term := _term(field, value)) is not None))
    queries = _terms(name, wanted)
    if None in values:
        queries.append(_not(_exists(name)))
    return Question(_either(*queries)) if queries else NOTHING


def _term(field: Field, value: Scalar | None) -> object:
    """A value as the field's terms are written; None when no value of the field can equal it."""
    match field.type:
        case FieldType.KEYWORD | FieldType.KEYWORDS if isinstance(value, str):
            return None if _SURROGATE.search(value) else value
        case FieldType.TIME if isinstance(value, datetime) and value.tzinfo and not value.microsecond % 1000:
            return _milliseconds(value)
        case FieldType.BOOLEAN if value in (True, False):
            return bool(value)
        case FieldType.INTEGER if isinstance(value, int | float) and _LEAST <= value <= _MOST and value == int(value):
            return int(value)
    return None


def _range(field: Field, where: Range) -> Question:
    name = name_of(field)
    if where.start is None and where.end is None:
        return Question(_exists(name))
    if field.type is FieldType.BOOLEAN:
        fitting: list[object] = [value for value in (False, True) if where.matches({field.name: value})]
        return Question(_either(*_terms(name, fitting))) if fitting else NOTHING
    bounds = {"gte": where.start, "lt": where.end}
    limits = {sign: _limit(field, bound) for sign, bound in bounds.items() if bound is not None}
    if any(limit is None for limit in limits.values()):
        return NOTHING
    return Question(_on("range", name, limits | ({"format": "epoch_millis"} if field.type is FieldType.TIME else {})))


def _limit(field: Field, bound: object) -> str | int | None:
    """A bound as the field's terms are written, moved up to the next value there can be; None for another type's."""
    match field.type:
        case FieldType.KEYWORD | FieldType.KEYWORDS if isinstance(bound, str):
            # No text of a field holds a lone surrogate: one in a bound sorts as what follows all of them.
            found = _SURROGATE.search(bound)
            return f"{bound[: found.start()]}\ue000" if found else bound
        case FieldType.TIME if isinstance(bound, datetime) and bound.tzinfo:
            return _milliseconds(bound)
        case FieldType.INTEGER if isinstance(bound, int | float) and not math.isnan(bound):
            return math.ceil(bound) if _LEAST <= bound <= _MOST else _LEAST if bound < 0 else _MOST
    return None


def _milliseconds(time: datetime) -> int:
    return -((_EPOCH - time) // timedelta(milliseconds=1))


def _address(where: Address) -> Question:
    """Where the engine keeps addresses it compares them; it may take what we take for none, and finds that too."""
    if where.subject.name != ADDRESSES.name:
        return Question(_exists(name_of(where.subject)), exact=False)
    network = None if where.network is None else ip_network(where.network, strict=False)
    if network is None or network.overlaps(_MAPPED):
        return Question(_exists(ADDRESS), exact=False)
    return Question(_on("term", ADDRESS, str(network)), exact=False)


def _pattern(field: Field, where: Pattern) -> Question:
    if field.type not in (FieldType.KEYWORD, FieldType.KEYWORDS) or _SURROGATE.search(where.pattern):
        return NOTHING
    return _wildcard(name_of(field), where)


def _wildcard(name: str, where: Pattern) -> Question:
    """A wildcard query; a pattern that would cost the engine too much is made simpler and finds more."""
    if len(where.pattern) > LONGEST_PATTERN:
        return Question(_exists(name), exact=False)
    if not where.pattern:  # an engine's empty wildcard finds nothing, not the empty text
        return Question(_on("term", name, ""))
    parts, exact = [part for part, next_ in pairwise((*where.parts, None)) if (part, next_) != (ANY, ANY)], True
    if ANY in parts and parts[parts.index(ANY) :].count(ONE) > MOST_SINGLES:
        parts, exact = _without_singles(parts), False
    value = "".join(_WRITTEN.get(str(part)) or str(part) for part in parts)
    return Question(_on("wildcard", name, {"value": value, "case_insensitive": where.ignore_case}), exact)


_WRITTEN = {ANY: "*", ONE: "?", "*": "\\*", "?": "\\?", "\\": "\\\\"}
"""Parts of a pattern as an engine's wildcard query takes them; all others as they are."""


def _without_singles(parts: Iterable[str | None]) -> list[str | None]:
    """The pattern with one star for each run of wildcards."""
    loose = [ANY if part == ONE else part for part in parts]
    return [part for part, next_ in pairwise((*loose, None)) if (part, next_) != (ANY, ANY)]


def _of_a_text(subject: MapText, where: In | Range | Pattern | HasValue) -> Question:
    """A question about the text of a Java map; documents in the fallback form have none, and are looked through."""
    name = next((name for name, part in ENGINES_TEXTS.items() if part == subject.part), None)
    if name is None:
        return SUPERSET
    match where:
        case In(_, values) if None not in values and all(isinstance(value, str) for value in values):
            texts = [str(value) for value in values if not _SURROGATE.search(str(value))]
            found = _either(*_terms(name, list(texts))) if texts else MatchNone()
        case Pattern() if not _SURROGATE.search(where.pattern):
            found = _wildcard(name, where).query
        case HasValue():
            found = _exists(name)
        case _:
            return SUPERSET
    return Question(_either(found, _exists("cloudsearch.refused")), exact=False)


def _of_the_record(path: Path, where: In | Range | Pattern | HasValue, dialect: Dialect) -> Question:
    """A question about the record itself, never exact; documents in the fallback form may always be meant.

    OpenSearch looks for a flattened key by its last name alone, and finds none that lies deeper: there it is any text.
    """
    name = _mapped(path.path)
    if name is None:
        return SUPERSET
    there = _exists(name) if name == path.path or dialect.sees_what_is_absent else _on("prefix", name, "")
    match where:
        case In(_, values) if None in values and name != path.path and not dialect.sees_what_is_absent:
            return SUPERSET
        case In(_, values):
            found = _texts(name, values, there)
        case Pattern():
            found = _fitting(name, where, there, flattened=name != path.path)
            found = Bool(filter=[found, *_spelled(path.path, where)]) if name != path.path else found
        case _:
            found = there
    return Question(_either(found, _exists("cloudsearch.refused")), exact=False)


def _spelled(path: str, where: Pattern) -> Iterable[Query]:
    """That the text of the whole object has the longest run of a pattern's letters; an older document has no text."""
    part = MAP_TEXTS.get(path.partition(".")[0])
    name = next((name for name, own in ENGINES_TEXTS.items() if own == part), None)
    runs = ("".join(run) for is_run, run in groupby(where.parts, lambda one: one not in (ANY, ONE)) if is_run)
    longest = max(runs, key=len, default="")
    if name is None or where.ignore_case or len(longest) < SHORTEST_RUN or not set(longest) - _OF_A_NUMBER:
        return
    if "\0" not in longest and not _SURROGATE.search(longest) and len(longest) < LONGEST_PATTERN:
        value = "".join(_WRITTEN.get(one) or one for one in (ANY, *longest, ANY))
        yield _either(_on("wildcard", name, {"value": value}), _not(_exists(name)))


def _mapped(path: str) -> str | None:
    """The field that holds what lies at a path of the record."""
    if path in RECORD_KEYWORDS:
        return path
    first, _, rest = path.partition(".")
    odd = not rest or rest.startswith(".") or rest.endswith(".") or ".." in rest or _SURROGATE.search(rest)
    if first not in FLATTENED or odd or "\0" in rest or "*" in rest:
        return None
    return f"aws.cloudtrail.flattened.{FLATTENED[first]}.{rest}"


def _texts(name: str, values: tuple[Scalar | None, ...], there: Query) -> Query:
    texts = [_as_text(value) for value in values if value is not None]
    if any(map(_has_other_spellings, texts)):
        queries = [there]
    else:
        queries = _terms(name, [*texts, "-0"] if "0" in texts else list(texts))
    if None in values:
        queries.append(_not(there))
    return _either(*queries) if queries else MatchNone()


def _as_text(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def _has_other_spellings(text: str) -> bool:
    """Whether a record may hold the value in other letters: 1.5 as 1.50."""
    if _SURROGATE.search(text) or "\0" in text:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return not re.fullmatch(r"-?(0|[1-9][0-9]*)", text)


def _fitting(name: str, where: Pattern, there: Query, *, flattened: bool) -> Query:
    """Texts that fit a pattern. A flattened field knows no wildcards: there the beginning has to do."""
    if "\0" in where.pattern or _SURROGATE.search(where.pattern):
        return there
    beginning = "".join(takewhile(lambda part: part not in (ANY, ONE), where.parts))
    known = beginning if flattened else "".join(part for part in where.parts if len(part) == 1)
    if not set(known) - _OF_A_NUMBER or (flattened and where.ignore_case):
        return there
    if flattened:
        return _on("prefix", name, beginning)
    return _wildcard(name, where).query
