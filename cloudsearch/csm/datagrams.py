"""What SDKs send, read: one JSON object a datagram; and each as the line that is kept of it.

A line is the object as it came, without secrets, with three members of ours: ``Id`` (what tells it from every other,
wherever it is loaded), ``Host`` and ``Received`` (milliseconds since 1970). What is no call and no attempt of one is a
``Rejected`` line with the reason. Nothing a sender does ends the listening.

Decided here: an object over 8 KiB is rejected. Every sender keeps to that (its own fields are cut to far less), so
what is larger was sent by something else. A relay may put several objects into a datagram, each on a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from secrets import token_hex
from typing import Any

import msgspec

from cloudsearch.csm.scrub import is_secret, unread, without_secrets
from cloudsearch.derive.values import YEARS

LARGEST = 8 * 1024
"""Bytes that senders keep to."""

VERSION = 1
_FIRST, _LAST = (YEARS.start - 1970) * 31_556_952_000, (YEARS.stop - 1970) * 31_556_952_000
_PLAIN = frozenset(
    {
        *("Version", "ClientId", "Type", "Service", "Api", "Timestamp", "Region", "UserAgent"),
        *("AttemptCount", "Latency", "MaxRetriesExceeded", "FinalHttpStatusCode", "FinalAwsException"),
        *("FinalAwsExceptionMessage", "FinalSdkException", "FinalSdkExceptionMessage"),
        *("AttemptLatency", "Fqdn", "AccessKey", "HttpStatusCode", "XAmznRequestId", "XAmzRequestId", "XAmzId2"),
        *("AwsException", "AwsExceptionMessage", "SdkException", "SdkExceptionMessage"),
        *("DestinationIp", "ConnectionReused", "AcquireConnectionLatency", "ConnectLatency", "RequestLatency"),
        *("DnsLatency", "TcpLatency", "SslLatency", "DataLatency", "SocketReuse"),
        *("Id", "Host", "Received"),
    }
)
"""Members that are no secrets, as long as they are no objects."""

_decode = msgspec.json.decode
_encode = msgspec.json.encode


class Kind(StrEnum):
    """What a line is."""

    CALL = "ApiCall"
    ATTEMPT = "ApiCallAttempt"
    REJECT = "Rejected"


_KINDS = {Kind.CALL.value: Kind.CALL, Kind.ATTEMPT.value: Kind.ATTEMPT}


class Unreadable(Exception):
    """Bytes that are no call and no attempt; the message says why, and shows nothing of them."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an archive, without the line's end."""

    kind: Kind
    text: bytes


class Stamp:
    """Marks lines: of which host, received when, and with an id that no other recording gives."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._run = token_hex(8)
        self._count = 0

    def members(self, received: int) -> dict[str, Any]:
        """The members of the next line."""
        self._count += 1
        return {"Host": self.host, "Received": received, "Id": f"{self._run}{self._count:x}"}


def lines(datagram: bytes, stamp: Stamp, received: int) -> Iterator[Line]:
    """The lines of a datagram: one, or as many as it holds objects on lines of their own. Never raises."""
    try:
        yield _kept(_of_size(datagram), stamp, received)
    except Unreadable as error:
        pieces = [piece for piece in datagram.split(b"\n") if piece.strip()] if b"\n" in datagram else []
        if len(pieces) < 2:
            yield _rejected(datagram, str(error), stamp, received)
            return
        for piece in pieces:
            yield _line(piece, stamp, received)


def _line(text: bytes, stamp: Stamp, received: int) -> Line:
    try:
        return _kept(_of_size(text), stamp, received)
    except Unreadable as error:
        return _rejected(text, str(error), stamp, received)


def _of_size(text: bytes) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise Unreadable(f"oversized: {len(text):,} bytes")
    return understood(text)


def _kept(found: dict[str, Any], stamp: Stamp, received: int) -> Line:
    found |= stamp.members(received)
    return Line(_KINDS[found["Type"]], _encode(found))


def _rejected(data: bytes, reason: str, stamp: Stamp, received: int) -> Line:
    said = {"Type": Kind.REJECT, "Reason": reason, "Size": len(data), "Text": unread(data)}
    return Line(Kind.REJECT, _encode(said | stamp.members(received)))


def understood(text: bytes) -> dict[str, Any]:
    """The object in these bytes, without secrets: a call or an attempt; raises ``Unreadable``."""
    return checked(parsed(text))


def parsed(text: bytes) -> dict[str, Any]:
    """The JSON object in these bytes; raises ``Unreadable``."""
    try:
        found = _decode(text)
    except UnicodeDecodeError as error:
        raise Unreadable("not UTF-8") from error
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    except msgspec.DecodeError as error:
        if not text.strip():
            raise Unreadable("empty") from error
        raise Unreadable("truncated" if "truncated" in str(error) else "not JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return found


def checked(found: dict[str, Any]) -> dict[str, Any]:
    """The object without secrets, if it is a call or an attempt of the version we know; raises ``Unreadable``."""
    found.pop("SessionToken", None)
    try:
        if not found.keys() <= _PLAIN or any(type(value) in {dict, list} for value in found.values()):
            members = ((name, value) for name, value in found.items() if not is_secret(name))
            found = {name: without_secrets(value, known=name in _PLAIN) for name, value in members}
        else:
            for name in ("SdkExceptionMessage", "FinalSdkExceptionMessage", "AwsExceptionMessage", "Fqdn"):
                if name in found:
                    found[name] = without_secrets(found[name])
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    if problem := _problem(found):
        raise Unreadable(problem)
    return found


def _problem(found: dict[str, Any]) -> str | None:
    version, kind = found.get("Version"), found.get("Type")
    if version not in (VERSION, str(VERSION)):
        return "unknown version"
    if not isinstance(kind, str) or kind not in _KINDS:
        return "unknown type"
    for name in ("Service", "Api"):
        if not isinstance(found.get(name), str) or not found[name]:
            return f"no {name}"
    time = found.get("Timestamp")
    if not isinstance(time, int | float) or isinstance(time, bool) or not _FIRST <= time < _LAST:
        return "no plausible Timestamp"
    return None
