"""A ``Where`` as SQL: a condition that is never NULL, its parameters, and whether it says exactly what is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_network
from string import ascii_lowercase, ascii_uppercase

from cloudsearch.event import RAW, Field, FieldType
from cloudsearch.where import (
    ANY,
    ONE,
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
    Scalar,
    Text,
    Where,
)

_PYTHON = {
    FieldType.KEYWORD: str,
    FieldType.KEYWORDS: str,
    FieldType.TIME: datetime,
    FieldType.INTEGER: int | float,
    FieldType.BOOLEAN: bool,
    FieldType.BLOB: bytes,
}
_LONGEST_PATTERN = 1_000  # RE2 refuses programs past its memory budget
_MOST_FRAGMENTS = 3  # a few long ones leave out nearly all that more would
_PLAIN = re.compile(r"[ !#-\[\]-~]{2,}")
_WORDS = re.compile(r"[A-Za-z0-9_.:/@+-]{2,}")
_PART = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_PART}(?:\.{_PART}){{3}}"
_OF_A_NUMBER = frozenset("0123456789+-.eEInfityNa")


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition; where it is not exact it holds for more rows than were meant, never for fewer."""

    text: str
    params: tuple[object, ...] = ()
    exact: bool = True


TRUE = Sql("true")
SUPERSET = Sql("true", exact=False)
FALSE = Sql("false")


def compile_where(where: Where) -> Sql:  # noqa: PLR0911 (a kind of question, a line)
    """Turn a question into SQL."""
    match where:
        case Everything():
            return TRUE
        case And(parts):
            return _joined(parts, " AND ", TRUE)
        case Or(parts):
            return _joined(parts, " OR ", FALSE)
        case Not(part):
            inner = compile_where(part)
            return Sql(f"(NOT {inner.text})", inner.params) if inner.exact else SUPERSET
        case Text(text):
            return _anywhere(text)
        case In(Field() as field) | Range(Field() as field) | Pattern(Field() as field) | Exists(Field() as field):
            return _of_field(field, where)
        case Address(field):
            return _of_field(field, where)
        case _:
            return _of_record(where)


def _of_field(field: Field, where: In | Range | Pattern | Exists | Address) -> Sql:
    if field is RAW:
        return Sql("(raw IS NOT NULL OR raw_bytes IS NOT NULL)") if isinstance(where, Exists) else SUPERSET
    match where:
        case In(_, values):
            return _in(field, values)
        case Range(_, start, end):
            return _range(field, start, end)
        case Pattern():
            return _pattern(field, where)
        case Address(_, network):
            return _address(field, network)
    return Sql(f"len({quoted(field)}) > 0 IS TRUE" if _is_list(field) else f"{quoted(field)} IS NOT NULL")


def _address(field: Field, network: str | None) -> Sql:
    """Addresses of IPv4 part by part, as Python reads them: without zeros before; of IPv6 what may be one."""
    within = None if network is None else ip_network(network, strict=False)
    if not isinstance(within, IPv4Network):
        test = "regexp_full_match({}, '[0-9A-Fa-f:.]+')" + ("" if within is None else " AND contains({}, ':')")
        return replace(Sql(_any(field, test)), exact=False)
    first, last = within.network_address.packed, within.broadcast_address.packed
    parts = [
        f"TRY_CAST(split_part({{}}, '.', {at + 1}) AS INTEGER) BETWEEN {first[at]} AND {last[at]}" for at in range(4)
    ]
    return Sql(_any(field, " AND ".join((f"regexp_full_match({{}}, '{_IPV4}')", *parts))))


def quoted(field: Field) -> str:
    """The column's name. Names come from the field tables alone, never from a user."""
    return f'"{field.name}"'


def column_value(value: object) -> object:
    """A value as the column holds it: times without a zone, in UTC."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _joined(parts: tuple[Where, ...], word: str, empty: Sql) -> Sql:
    if not parts:
        return empty
    done = [compile_where(part) for part in parts]
    params = tuple(param for part in done for param in part.params)
    return Sql(f"({word.join(part.text for part in done)})", params, all(part.exact for part in done))


def _in(field: Field, values: tuple[Scalar | None, ...]) -> Sql:
    wanted = [column_value(value) for value in values if isinstance(value, _PYTHON[field.type]) and _is_text(value)]
    missing = f"coalesce(len({quoted(field)}), 0) = 0" if _is_list(field) else f"{quoted(field)} IS NULL"
    texts = [missing] if None in values else []
    if wanted:
        name = f"list_has_any({quoted(field)}, ?)" if _is_list(field) else f"list_contains(?, {quoted(field)})"
        texts.append(f"coalesce({name}, false)")
    return Sql(f"({' OR '.join(texts)})", (wanted,) if wanted else ()) if texts else FALSE


def _range(field: Field, start: object, end: object) -> Sql:
    bounds = [(sign, column_value(bound)) for sign, bound in ((">=", start), ("<", end)) if bound is not None]
    if not all(isinstance(bound, _PYTHON[field.type]) for _, bound in bounds):
        return FALSE
    if not all(_is_text(bound) for _, bound in bounds):
        return SUPERSET
    test = " AND ".join(["{} IS NOT NULL", *(f"{{}} {sign} ?" for sign, _ in bounds)])
    return Sql(_any(field, test), tuple(bound for _, bound in bounds))


def _pattern(field: Field, where: Pattern) -> Sql:
    if field.type not in (FieldType.KEYWORD, FieldType.KEYWORDS):
        return FALSE
    if len(where.pattern) > _LONGEST_PATTERN or not _is_text(where.pattern):
        return SUPERSET
    text = f"translate({{}}, '{ascii_uppercase}', '{ascii_lowercase}')" if where.ignore_case else "{}"
    return Sql(_any(field, f"regexp_full_match({text}, ?, 's')"), (_expression(where.parts),))


def _expression(parts: tuple[str, ...]) -> str:
    """The pattern for RE2, which takes linear time whatever the pattern."""
    return "".join({ANY: ".*", ONE: "."}.get(part) or _escaped(part) for part in parts)


def _escaped(char: str) -> str:
    return f"\\x{{{ord(char):x}}}" if not char.isalnum() else char


def _any(field: Field, test: str) -> str:
    """The test on a column, or on any element of a list; false where there is no value."""
    if _is_list(field):
        return f"coalesce(len(list_filter({quoted(field)}, lambda x: {test.replace('{}', 'x')})) > 0, false)"
    return f"coalesce({test.replace('{}', quoted(field))}, false)"


def _anywhere(text: str) -> Sql:
    """Records with the text in them; of letters beyond ASCII the two of us may fold others."""
    if not text.isascii() or not _is_text(text):
        return SUPERSET
    return Sql("coalesce(raw IS NULL OR contains(lower(raw), ?), true)", (text.lower(),), exact=False)


def _of_record(where: Where) -> Sql:
    """Records that hold what there has to be; one with an escape may hold it in other letters."""
    match where:
        case In(Path(), values):
            return _in_record(values)
        case Pattern(Path() | MapText() as subject):
            fragments = _fragments(where.parts, subject)
            if where.ignore_case:
                return _holding(fragments, "lower(raw)")
        case Exists(Path(path)):
            fragments = [f'{path.rpartition(".")[2]}"'] if path.isascii() and path.isprintable() else []
            fragments = [one for one in fragments if one.count('"') == 1]
        case _:
            return SUPERSET
    return _holding(fragments, "raw")


def _holding(fragments: Sequence[str], raw: str) -> Sql:
    if not fragments:
        return SUPERSET
    holds = " AND ".join([f"contains({raw}, ?)"] * len(fragments))
    return Sql(f"coalesce(raw IS NULL OR contains(raw, '\\') OR ({holds}), true)", tuple(fragments), exact=False)


def _fragments(parts: Sequence[str], subject: Path | MapText) -> list[str]:
    """Texts that a record whose value fits the pattern must hold: the longest few of what stands between wildcards.

    Numbers have many forms. In a map's text only the words are the record's own.
    """
    text = "".join(part if len(part) == 1 else "\0" for part in parts)
    plain = _WORDS if isinstance(subject, MapText) else _PLAIN
    found = [one for one in plain.findall(text) if set(one) - _OF_A_NUMBER]
    return sorted(found, key=len, reverse=True)[:_MOST_FRAGMENTS]


def _in_record(values: tuple[Scalar | None, ...]) -> Sql:
    """Records whose text holds a value; one with an escape may hold it in other letters."""
    if not values or not all(isinstance(value, str) and _is_written_as_it_is(value) for value in values):
        return SUPERSET
    holds = " OR ".join(["contains(raw, ?)"] * len(values))
    return Sql(f"coalesce(raw IS NULL OR contains(raw, '\\') OR {holds}, true)", tuple(values), exact=False)


def _is_written_as_it_is(value: str) -> bool:
    """Whether a record can hold the value only in these letters: no escape, and no number, which has many forms."""
    try:
        float(value)
    except ValueError:
        return value.isascii() and value.isprintable()
    return False


def _is_text(value: object) -> bool:
    """Whether DuckDB can hold the value: a text with half a surrogate pair it cannot, and no column has one."""
    return not isinstance(value, str) or not any("\ud800" <= char <= "\udfff" for char in value)


def _is_list(field: Field) -> bool:
    return field.type is FieldType.KEYWORDS
