"""A ``Where`` as SQL: a condition that is never NULL, its parameters, and whether it says exactly what is meant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from string import ascii_lowercase, ascii_uppercase

from cloudsearch.event import RAW, Field, FieldType
from cloudsearch.where import And, Everything, Exists, In, Not, Or, Path, Pattern, Range, Scalar, Where

_PYTHON = {
    FieldType.KEYWORD: str,
    FieldType.KEYWORDS: str,
    FieldType.TIME: datetime,
    FieldType.INTEGER: int | float,
    FieldType.BOOLEAN: bool,
    FieldType.BLOB: bytes,
}
_LONGEST_PATTERN = 1_000  # RE2 refuses programs past its memory budget


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition; where it is not exact it holds for more rows than were meant, never for fewer."""

    text: str
    params: tuple[object, ...] = ()
    exact: bool = True


TRUE = Sql("true")
SUPERSET = Sql("true", exact=False)
FALSE = Sql("false")


def compile_where(where: Where) -> Sql:  # noqa: C901, PLR0911 (a kind of question, a line)
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
        case Exists(field) if field is RAW:
            return Sql("(raw IS NOT NULL OR raw_bytes IS NOT NULL)")
        case In(field) | Range(field) | Pattern(field) if field is RAW:
            return SUPERSET
        case In(Field() as field, values):
            return _in(field, values)
        case Range(Field() as field, start, end):
            return _range(field, start, end)
        case Pattern(Field() as field, pattern, ignore_case):
            return _pattern(field, pattern, ignore_case=ignore_case)
        case Exists(Field() as field):
            return Sql(f"len({quoted(field)}) > 0 IS TRUE" if _is_list(field) else f"{quoted(field)} IS NOT NULL")
        case In(Path(), values):
            return _in_record(values)
        case _:
            return SUPERSET


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


def _pattern(field: Field, pattern: str, *, ignore_case: bool) -> Sql:
    if field.type not in (FieldType.KEYWORD, FieldType.KEYWORDS):
        return FALSE
    if len(pattern) > _LONGEST_PATTERN or not _is_text(pattern):
        return SUPERSET
    text, expression = "{}", _expression(pattern)
    if ignore_case:
        text = f"translate({{}}, '{ascii_uppercase}', '{ascii_lowercase}')"
        expression = _expression(pattern.translate(str.maketrans(ascii_uppercase, ascii_lowercase)))
    return Sql(_any(field, f"regexp_full_match({text}, ?, 's')"), (expression,))


def _expression(pattern: str) -> str:
    """The pattern for RE2, which takes linear time whatever the pattern."""
    return "".join({"*": ".*", "?": "."}.get(char) or _escaped(char) for char in pattern)


def _escaped(char: str) -> str:
    return f"\\x{{{ord(char):x}}}" if not char.isalnum() else char


def _any(field: Field, test: str) -> str:
    """The test on a column, or on any element of a list; false where there is no value."""
    if _is_list(field):
        return f"coalesce(len(list_filter({quoted(field)}, lambda x: {test.replace('{}', 'x')})) > 0, false)"
    return f"coalesce({test.replace('{}', quoted(field))}, false)"


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
