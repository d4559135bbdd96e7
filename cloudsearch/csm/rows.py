"""Lines as rows of the store's table of calls.

``outcome`` is what the answer proves about the caller's permission, and there is none without an answer: a call that
never reached AWS uses no permission. What the SDK itself ran into stands under ``error_code`` too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloudsearch.actions.sdk import event_source_of, sdk_actions
from cloudsearch.csm.datagrams import Kind
from cloudsearch.csm.keys import account_of
from cloudsearch.derive.denial import denial
from cloudsearch.derive.outcome import outcome_of
from cloudsearch.derive.values import storable
from cloudsearch.event import TEXT_LIMIT, Outcome, Row, Value

_HTTP_CODE = re.compile(r"[1-5]\d\d", re.ASCII)
_FORBIDDEN = 403
_REFUSED_HEADS = frozenset({"403", "Forbidden"})
_LARGEST_INTEGER = 1 << 53


def row_of(found: Mapping[str, Any], raw: bytes, *, id_: str, host: str | None) -> Row:
    """The row of a line that was read; ``id_`` and ``host`` are what to take where the line itself does not say."""
    row = dict(_row(found))
    row |= {"id": str(found.get("Id") or id_), "host": _text(found.get("Host")) or host, "raw": raw}
    row["received"] = moment(found.get("Received"))
    if len(raw) <= TEXT_LIMIT and b"\\" not in raw:  # then no text in it is too long, or holds what no store takes
        return {name: value for name, value in row.items() if value is not None}
    return {name: storable(value) for name, value in row.items() if value is not None}


def _row(found: Mapping[str, Any]) -> Row:
    match found.get("Type"):
        case Kind.CALL:
            return _common(found) | _of_call(found)
        case Kind.ATTEMPT:
            return _common(found) | _of_attempt(found)
        case _:
            return {
                "kind": Kind.REJECT.value,
                "time": moment(found.get("Received")),
                "reason": _text(found.get("Reason")) or "not said",
            }


def _common(found: Mapping[str, Any]) -> dict[str, Value]:
    service, api = str(found["Service"]), str(found["Api"])
    return {
        "kind": str(found["Type"]),
        "time": moment(found.get("Timestamp")),
        "service_id": service,
        "api": api,
        "event_source": event_source_of(service),
        "client_id": _text(found.get("ClientId")),
        "region": _text(found.get("Region")),
        "user_agent": _text(found.get("UserAgent")),
        "actions": sdk_actions(service, api).actions,
    }


def _of_call(found: Mapping[str, Any]) -> dict[str, Value]:
    return _answer(found, "FinalHttpStatusCode", "Final") | {
        "attempts": _number(found.get("AttemptCount")),
        "latency": _number(found.get("Latency")),
        "retries_exceeded": bool(_number(found.get("MaxRetriesExceeded"))),
    }


def _of_attempt(found: Mapping[str, Any]) -> dict[str, Value]:
    key = _text(found.get("AccessKey"))
    return _answer(found, "HttpStatusCode", "") | {
        "access_key_id": key,
        "account": account_of(key),
        "request_id": _text(found.get("XAmznRequestId")) or _text(found.get("XAmzRequestId")),
        "latency": _number(found.get("AttemptLatency")),
        "endpoint": _text(found.get("Fqdn")),
    }


def _answer(found: Mapping[str, Any], status: str, prefix: str) -> dict[str, Value]:
    code, message = _text(found.get(f"{prefix}AwsException")), _text(found.get(f"{prefix}AwsExceptionMessage"))
    number = _number(found.get(status))
    outcome = answered(number, code, message)
    return {
        "http_status": number,
        "outcome": outcome,
        "error_code": code or _text(found.get(f"{prefix}SdkException")),
        "error_message": message or _text(found.get(f"{prefix}SdkExceptionMessage")),
        "denied_action": denial(code, message).action if outcome is Outcome.DENIED else None,
    }


def answered(status: int | None, code: str | None, message: str | None) -> Outcome | None:
    """What an answer proves; None without one. A HEAD is refused without a code of AWS's: its status stands in."""
    if status is None:
        return None
    if not code and not message:
        if 200 <= status < 300:
            return Outcome.OK
        return Outcome.DENIED if status == _FORBIDDEN else Outcome.UNDETERMINED
    if code and (_HTTP_CODE.fullmatch(code) or code in _REFUSED_HEADS):
        return Outcome.DENIED if status == _FORBIDDEN else Outcome.UNDETERMINED
    return outcome_of(code, message)


def moment(milliseconds: object) -> datetime | None:
    """Milliseconds since 1970 as a time; None where they are none."""
    number = _number(milliseconds)
    if number is None:
        return None
    seconds, rest = divmod(number, 1000)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=1000 * rest)
    except (OverflowError, ValueError, OSError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    """A whole number; also of a fraction, of a text of digits, of a flag."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    return int(value) if isinstance(value, int | float) and -_LARGEST_INTEGER < value < _LARGEST_INTEGER else None
