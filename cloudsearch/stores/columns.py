"""How a table's fields are DuckDB's columns, and a row of them a ``Row`` again. Says what to run, and runs nothing."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec

from cloudsearch.event import RAW, Field, FieldType, Row, Value
from cloudsearch.store import TABLES, UNDATED, Operation, Table
from cloudsearch.stores.sql import Sql, compile_where, quoted
from cloudsearch.stores.structs import struct_of
from cloudsearch.where import Where, subjects

COLUMN_TYPES = {
    FieldType.KEYWORD: "VARCHAR",
    FieldType.KEYWORDS: "VARCHAR[]",
    FieldType.TIME: "TIMESTAMP",
    FieldType.INTEGER: "BIGINT",
    FieldType.BOOLEAN: "BOOLEAN",
}


USUAL_LINE = 4 << 20
"""Bytes that a line of JSON hardly ever has more of: CloudTrail ends its records at 256 KB, or 1 MB when enriched."""


def json_source(table: Table, longest: int) -> str:
    """The reader of a file of JSON lines, its path a parameter; ``longest`` is the longest line in bytes."""
    columns = ", ".join(f"\"{name}\": '{'VARCHAR' if name == 'raw_bytes' else type_}'" for name, type_ in stored(table))
    size = max(longest, USUAL_LINE) + 1024
    return f"read_json(?, format = 'newline_delimited', columns = {{{columns}}}, maximum_object_size = {size})"


def there(table: Table, operations: Sequence[Operation]) -> tuple[str, tuple[datetime, ...]]:
    """Where a row of the same identity could be: the months of the operations alone."""
    months = sorted({operation.month for operation in operations}, key=str)
    if not table.monthly or UNDATED in months:
        return table.name, ()
    (_, (first, _)), (_, (_, end)) = within(months[0]), within(months[-1])
    return f'(SELECT id, "time" FROM {table.name} WHERE "time" >= ? AND "time" < ?)', (first, end)


def within(month: str | None) -> tuple[str, tuple[datetime, ...]]:
    """Whether a row is of a month; None is that of a table without months."""
    if month is None:
        return "true", ()
    if month == UNDATED:
        return '"time" IS NULL', ()
    first = datetime.strptime(month, "%Y.%m")  # noqa: DTZ007 (columns have no zone)
    return '"time" >= ? AND "time" < ?', (first, (first + timedelta(days=31)).replace(day=1))


def same(table: Table) -> str:
    """Whether rows e and n have one identity."""
    month = "date_trunc('month', {}.\"time\")"
    same_month = f" AND {month.format('e')} IS NOT DISTINCT FROM {month.format('n')}" if table.monthly else ""
    return f"e.id = n.id{same_month}"


def stored(table: Table) -> list[tuple[str, str]]:
    """Columns of a table with their types."""
    raw = [("raw", "VARCHAR"), ("raw_bytes", "BLOB")] if table.has_raw else []
    return [(field.name, COLUMN_TYPES[field.type]) for field in table.fields] + raw


def definition(name: str, type_: str) -> str:
    """A column as CREATE and ALTER TABLE take it."""
    return f'"{name}" {type_}{" USING COMPRESSION zstd" if name == "raw" else ""}'


def raw_columns(raw: bytes) -> dict[str, str | None]:
    """A record as text, or base64 where it is not UTF-8."""
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw": None, "raw_bytes": base64.b64encode(raw).decode()}


def row_in(table: Table, line: bytes) -> Row:
    """The row that a line of JSON holds."""
    values = msgspec.structs.asdict(_line(table.name).decode(line))
    as_text, as_bytes = values.pop("raw"), values.pop("raw_bytes")
    raw = as_text.encode() if as_text is not None else base64.b64decode(as_bytes) if as_bytes is not None else None
    return {**values, RAW.name: raw} if table.has_raw else values


@cache
def _line(table: str) -> msgspec.json.Decoder[Any]:
    raw = [(name, str | None, None) for name in ("raw", "raw_bytes")]
    return msgspec.json.Decoder(struct_of(next(one for one in TABLES if one.name == table), raw))


def selected(field: Field) -> tuple[str, ...]:
    """The columns that hold a field."""
    return ("raw", "raw_bytes") if field is RAW else (quoted(field),)


def row_of(fields: Sequence[Field], values: Sequence[Any]) -> Row:
    """What was selected for these fields, as a row."""
    row: dict[str, Value] = {}
    left = iter(values)
    for field in fields:
        value = next(left)
        if field is RAW:
            as_bytes = next(left)
            row[field.name] = as_bytes if value is None else value.encode()
        else:
            row[field.name] = value_of(value)
    return row


def unfolded(field: Field) -> str:
    """A list's elements, each once; NULL for a list without any."""
    name = quoted(field)
    return f"unnest(CASE WHEN len({name}) > 0 THEN list_distinct({name}) ELSE [NULL] END) AS {name}"


def unfolding(table: str, by: Sequence[Field], condition: str) -> str:
    """Rows of the fields and of ``seen``, a row for each combination of the lists' elements.

    One list after the other: side by side in one SELECT their elements would go in step.
    """
    lists = [field for field in by if field.type is FieldType.KEYWORDS]
    keys = (unfolded(field) if field in lists[:1] else quoted(field) for field in by)
    text = f'SELECT {", ".join(keys)}, "time" AS seen FROM {table} WHERE {condition}'
    for field in lists[1:]:
        text = f"SELECT * REPLACE ({unfolded(field)}) FROM ({text})"
    return text


def exactly(where: Where) -> Sql:
    """The question in SQL; ``ValueError`` when it asks about the record itself."""
    if any(not isinstance(subject, Field) for subject in subjects(where)):
        raise ValueError("group takes derived fields only")
    return compile_where(where)


def value_of(value: Any) -> Value:  # noqa: ANN401 (what the driver gives)
    """A column's value as a field's."""
    if isinstance(value, list):
        return tuple(value) or None
    return utc(value) if isinstance(value, datetime) else value


def utc(value: datetime | None) -> datetime | None:
    """A column's time, which has no zone, in UTC."""
    return value.replace(tzinfo=UTC) if value is not None else None
