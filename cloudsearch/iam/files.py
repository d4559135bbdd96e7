"""What AWS answered, as people keep it: JSON values in files, and folders of such files.

IAM's API itself answers in XML; such a page, as it came over the wire, is read too.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from cloudsearch.errors import SourceError

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[\s\ufeff]*")  # each of several files that were put together may begin with a mark of its own
_ENDINGS = (".json", ".csv", ".xml")
_BOOLEANS = frozenset({"IsTruncated", "IsDefaultVersion", "IsAttachable"})
_OTHER_PARTS = ("trails", "organization")


@dataclass(frozen=True, slots=True)
class Value:
    """A JSON value (of XML what JSON would hold, of a ``.csv`` file its text), and where it stands.

    ``is_named`` says whether the user named its file: one that was only found in a folder may be about something else.
    """

    where: str
    content: Any
    is_named: bool = True


class _Dated(msgspec.Struct):
    """The head of every file of a snapshot; other files have none of it."""

    taken_at: str | None = None
    account: str | None = None
    trails: msgspec.Raw = msgspec.Raw()
    organization: msgspec.Raw = msgspec.Raw()
    report: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="ReportFormat")

    @property
    def part(self) -> tuple[str | None, bool, bool, bool]:
        """What of which account it tells."""
        return self.account, bool(self.trails), bool(self.organization), bool(self.report)


def values(paths: Iterable[Path | str]) -> Iterator[Value]:
    """The values of all files, in order; a file may hold several. ``SourceError`` names the file that is broken."""
    for path in map(Path, paths):
        for file in _files(path):
            for content in _contents(file):
                yield Value(str(file), content, is_named=file == path)


def is_other_part(content: object) -> bool:
    """Whether a value is a part of a snapshot that tells nothing of principals: its trails, its organisation."""
    return isinstance(content, dict) and "taken_at" in content and any(name in content for name in _OTHER_PARTS)


def as_of(paths: Iterable[Path | str], account: str | None = None) -> datetime | None:
    """When the files were true: the oldest ``taken_at`` of a snapshot's parts, else the oldest file's time.

    Of a part that is there several times the newest counts, as it does for all who read it. Files that say they are of
    another account than the one asked for do not count. None where no file is left.
    """
    newest: dict[object, datetime] = {}
    for path in map(Path, paths):
        for part, date in _dates(_files(path), account):
            newest[part] = max(date, newest.get(part, date))
    return min(newest.values(), default=None)


def moment(value: object) -> datetime | None:
    """A time as any of AWS's clients gives it, UTC; none where it is not one.

    boto3's own datetime, a text, or seconds since 1970 as Java's clients write them.
    """
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        read = datetime.fromisoformat(value.replace(" UTC", "Z")) if isinstance(value, str) else value
        if not isinstance(read, datetime):
            return None
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _dates(files: Iterable[Path], account: str | None) -> Iterator[tuple[object, datetime]]:
    """What each file tells and when it was true; beside files that tell it themselves, others do not count."""
    heads = [(file, _head(file)) for file in files]
    if any(head.taken_at for _, head in heads):
        for _, head in heads:
            if (time := moment(head.taken_at)) and account in (None, head.account):
                yield head.part, time
        return
    yield from ((file, datetime.fromtimestamp(file.stat().st_mtime, UTC)) for file, _ in heads)


def _head(file: Path) -> _Dated:
    try:
        return msgspec.json.decode(_bytes(file), type=_Dated)
    except msgspec.MsgspecError:
        return _Dated()


def _files(path: Path) -> list[Path]:
    """The file itself, or every file of a folder that may hold an answer of AWS, hidden ones excepted."""
    if not path.is_dir():
        return [path]
    found = [
        Path(folder, name)
        for folder, folders, names in os.walk(path, onerror=_unreadable)
        if not folders.sort()
        for name in sorted(names)
        if name.endswith(_ENDINGS) and not name.startswith(".")
    ]
    if not found:
        raise SourceError(f"{path}: the folder holds no JSON file")
    return found


def _unreadable(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be read: {error.strerror or error}") from error


def _contents(file: Path) -> Iterator[object]:
    text = _text(file)
    if file.suffix == ".csv":
        yield text
        return
    if text.startswith("<"):
        yield _of_xml(file, text)
        return
    at = 0
    while at < len(text):
        try:
            content, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{file}: is not JSON, or was cut off: {error}") from error
        yield content
        space = _SPACE.match(text, end)
        at = space.end() if space else end


def _of_xml(file: Path, text: str) -> object:
    try:
        root = ET.fromstring(text)  # noqa: S314 (expat bounds what entities may become; nothing is fetched)
        return {_name(root): _plain(root)}
    except (ET.ParseError, RecursionError) as error:
        raise SourceError(f"{file}: is not XML, or was cut off: {error}") from error


def _plain(element: ET.Element) -> object:
    """A list of its members, an object of its other children, or its text."""
    children = list(element)
    if children and all(_name(child) == "member" for child in children):
        return [_plain(child) for child in children]
    if children:
        return {_name(child): _plain(child) for child in children}
    text = (element.text or "").strip()
    return text == "true" if _name(element) in _BOOLEANS else text


def _name(element: ET.Element) -> str:
    """Without its name space."""
    return element.tag.rpartition("}")[2]


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(f"{file}: cannot be read: {error.strerror or error}") from error


def _text(file: Path) -> str:
    """The text, in UTF-8 or, as Windows' shells write what is redirected, UTF-16."""
    data = _bytes(file)
    try:
        text = data.decode(json.detect_encoding(data)).strip()
    except UnicodeDecodeError as error:
        raise SourceError(f"{file}: is not UTF-8 text") from error
    if not text:
        raise SourceError(f"{file}: is empty")
    return text
