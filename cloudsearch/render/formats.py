"""How results can be printed. Light to import: the command line's help lists them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
