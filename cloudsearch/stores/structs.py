"""A table's fields as a msgspec struct, for stores whose encoded rows are JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from cloudsearch.event import FieldType
from cloudsearch.store import Table

_TYPES: dict[FieldType, tuple[Any, Any]] = {
    FieldType.KEYWORD: (str | None, None),
    FieldType.KEYWORDS: (tuple[str, ...], ()),
    FieldType.TIME: (datetime | None, None),
    FieldType.INTEGER: (int | None, None),
    FieldType.BOOLEAN: (bool | None, None),
}


def struct_of(table: Table, more: Sequence[tuple[str, Any, Any]] = ()) -> type[Any]:
    """A struct with the table's fields, none of which need be there, and some more: (name, type, default)."""
    fields = [(field.name, *_TYPES[field.type]) for field in table.fields]
    return msgspec.defstruct("Fields", [*fields, *more], gc=False)
