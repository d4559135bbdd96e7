"""What a JSON value is to us: a CloudTrail record, a digest, something that carries a record, or foreign."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from cloudsearch.logs.window import Window

RECORD_KEYS = frozenset(
    {
        "eventVersion",
        "eventTime",
        "eventSource",
        "eventName",
        "eventID",
        "eventType",
        "userIdentity",
        "awsRegion",
    }
)
"""Of these a CloudTrail record of any version, an Insight record too, has at least two."""

DIGEST_KEYS = frozenset({"digestEndTime", "digestS3Bucket", "digestS3Object", "previousDigestSignature", "logFiles"})
"""Beside ``digestStartTime`` a digest file has at least one of these."""

LIST_KEYS = frozenset({"Records", "Events", "events", "logEvents", "QueryResultRows"})
"""Where a log file, lookup-events, filter-log-events, a CloudWatch subscription and a Lake query keep their lists."""

TEXT_KEYS = ("CloudTrailEvent", "eventJson", "message")
"""Where lookup-events, CloudTrail Lake and CloudWatch Logs keep one record as a text."""

OBJECT_KEY = "detail"
"""Where EventBridge keeps one record as it is."""

CONTROL_MESSAGE = b"CWL CONTROL MESSAGE"
"""How the message begins by which CloudWatch Logs tests a subscription: not a record, and no loss."""

_WANTED = RECORD_KEYS | DIGEST_KEYS | LIST_KEYS | {*TEXT_KEYS, OBJECT_KEY, "digestStartTime"}
_USUAL = re.compile(rb'\{"eventVersion":"[^"\\]*","(?:userIdentity|event(?:Time|Source|Name|ID|Type)|awsRegion)":')
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_ESCAPE = re.compile(
    rb"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL
)
_PLAIN = {b'"': b'"', b"\\": b"\\", b"/": b"/", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def is_usual_record(raw: bytes) -> bool:
    """Whether the object is a CloudTrail record beyond doubt at first sight; False says nothing.

    It runs for every record: its first two keys and the first ``eventSource`` must do.
    """
    source = raw.find(b'"eventSource":"')
    return source > 0 and _USUAL.match(raw) is not None and not raw.startswith(b"aws:", source + 15)


def is_record(members: Mapping[str, bytes]) -> bool:
    """Whether an object with these members is a CloudTrail record.

    S3, DynamoDB, SES and Kinesis notifications share its keys; their ``eventSource`` begins with ``aws:``.
    """
    return len(RECORD_KEYS & members.keys()) >= 2 and not members.get("eventSource", b"").startswith(b'"aws:')


def is_digest(members: Mapping[str, bytes]) -> bool:
    """Whether an object with these members is a digest file."""
    return "digestStartTime" in members and not DIGEST_KEYS.isdisjoint(members)


def members_of(raw: bytes) -> dict[str, bytes]:
    """The members of an object that matter here, values as written; the last of two with one key.

    Raises ``Malformed`` if it is not an object.
    """
    try:
        members = _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _members_in(Window.over(raw))
    return {key: bytes(value) for key, value in members.items() if key in _WANTED}


def _members_in(window: Window) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for key in window.member_keys():
        keep_wanted(members, name_of(key), window.take())
    return members


def keep_wanted(members: dict[str, bytes], name: str, value: bytes) -> None:
    """Add a member if it matters here."""
    if name in _WANTED:
        members[name] = value


def name_of(key: bytes) -> str:
    """A key as text; one that is no key of ours may come out with escapes in it."""
    return (text_of(key) or key).decode(errors="backslashreplace")


def carried_by(members: Mapping[str, bytes]) -> bytes | None:
    """The record, as written, that an object with these members carries."""
    for key in TEXT_KEYS:
        value = members.get(key, b"")
        if value.startswith(b'"') and (text := text_of(value)) is not None:
            return text.strip()
    detail = members.get(OBJECT_KEY, b"")
    return detail if detail.startswith(b"{") else None


def text_of(string: bytes) -> bytes | None:
    """The text a JSON string stands for, as UTF-8; None if an escape is none of JSON's.

    Bytes that are not UTF-8 stay as they are; half of a surrogate pair becomes the three bytes it would have.
    """
    try:
        return _TEXT.decode(string).encode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        with suppress(KeyError):
            return _ESCAPE.sub(_unescaped, string[1:-1])
    return None


def _unescaped(escape: re.Match[bytes]) -> bytes:
    high, low, unit, plain = escape.groups()
    if plain:
        return _PLAIN[plain]
    if unit:
        return chr(int(unit, 16)).encode(errors="surrogatepass")
    return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF)).encode()
