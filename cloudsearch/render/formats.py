"""How results can be printed. Light to import: the command line's help lists them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"
    HTML = "html"

    @property
    def is_document(self) -> bool:
        """Whether a result says itself what it rests on, instead of telling it beside."""
        return self in (Format.TABLE, Format.MARKDOWN, Format.HTML)
