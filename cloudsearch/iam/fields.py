"""What an answer of AWS holds, taken out by name and of the type that it should be.

What is not there, null or empty is nothing; what is of another type raises ``SourceError`` with the place and the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloudsearch.errors import SourceError
from cloudsearch.iam.files import moment


def objects(where: str, content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects."""
    items = content.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise SourceError(f"{where}: {name} is no list of objects")
    return items


def texts(where: str, content: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts."""
    items = content.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise SourceError(f"{where}: {name} is no list of texts")
    return items


def one_object(where: str, content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object."""
    found = content.get(name) or {}
    if not isinstance(found, dict):
        raise SourceError(f"{where}: {name} is no object")
    return found


def text(where: str, content: Mapping[str, Any], name: str) -> str | None:
    """A text, None where there is none."""
    found = content.get(name)
    if found is not None and not isinstance(found, str):
        raise SourceError(f"{where}: {name} is no text")
    return found


def time(where: str, content: Mapping[str, Any], name: str) -> datetime | None:
    """A time; one that cannot be read is refused, since to be created at an unknown time would be another fact."""
    found = moment(content.get(name))
    if found is None and content.get(name):
        raise SourceError(f"{where}: {name} is no time but {str(content[name])[:80]!r}")
    return found
