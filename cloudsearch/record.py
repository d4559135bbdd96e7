"""A record as AWS wrote it: the names of its members, and those that matter here, told apart but not all opened."""

from __future__ import annotations

import msgspec

NOTHING = msgspec.Raw(b"null")
"""A part that is not there."""

NAMES = {
    "event_id": "eventID",
    "event_time": "eventTime",
    "event_source": "eventSource",
    "event_name": "eventName",
    "event_type": "eventType",
    "event_category": "eventCategory",
    "region": "awsRegion",
    "recipient_account": "recipientAccountId",
    "source_address": "sourceIPAddress",
    "user_agent": "userAgent",
    "error_code": "errorCode",
    "error_message": "errorMessage",
    "vpc_endpoint": "vpcEndpointId",
    "request_id": "requestID",
    "shared_event_id": "sharedEventID",
    "read_only": "readOnly",
    "from_console": "sessionCredentialFromConsole",
    "identity": "userIdentity",
    "request": "requestParameters",
    "response": "responseElements",
    "additional": "additionalEventData",
    "service_details": "serviceEventDetails",
    "insight": "insightDetails",
    "resources": "resources",
    "tls": "tlsDetails",
}
"""Attribute of a ``Record`` -> member of CloudTrail's record."""

_FREE_FORM = ("request", "response", "additional", "service_details", "insight")


class Record(msgspec.Struct, rename=NAMES, gc=False):
    """Texts, flags, and parts that are opened when needed; two are names of ours, which AWS does not use.

    In the order in which AWS writes them, for msgspec first looks for the field that comes next.
    """

    identity: msgspec.Raw = NOTHING
    event_time: str | None = None
    event_source: str | None = None
    event_name: str | None = None
    region: str | None = None
    source_address: str | None = None
    user_agent: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    request: msgspec.Raw = NOTHING
    response: msgspec.Raw = NOTHING
    additional: msgspec.Raw = NOTHING
    request_id: str | None = None
    event_id: str | None = None
    read_only: bool | str | None = None
    resources: msgspec.Raw = NOTHING
    event_type: str | None = None
    recipient_account: str | None = None
    service_details: msgspec.Raw = NOTHING
    shared_event_id: str | None = None
    vpc_endpoint: str | None = None
    event_category: str | None = None
    tls: msgspec.Raw = NOTHING
    from_console: bool | str | None = None
    cloudsearch: msgspec.Raw = NOTHING
    aws: msgspec.Raw = NOTHING
    insight: msgspec.Raw = NOTHING


class Parts(msgspec.Struct, rename={name: NAMES[name] for name in _FREE_FORM}, gc=False):
    """What of a ``Record`` can be told whatever types its other members have."""

    request: msgspec.Raw = NOTHING
    response: msgspec.Raw = NOTHING
    additional: msgspec.Raw = NOTHING
    service_details: msgspec.Raw = NOTHING
    cloudsearch: msgspec.Raw = NOTHING
    aws: msgspec.Raw = NOTHING
    insight: msgspec.Raw = NOTHING


_decode_record = msgspec.json.Decoder(Record).decode
_decode_parts = msgspec.json.Decoder(Parts).decode
_latest: tuple[bytes, Record | Parts] = (b"", Parts())


def decode(raw: bytes) -> Record:
    """The record in these bytes; ``msgspec.DecodeError`` or ``RecursionError`` where it is not well formed."""
    global _latest  # noqa: PLW0603 (see parts_of)
    record = _decode_record(raw)
    _latest = raw, record
    return record


def parts_of(raw: bytes) -> Record | Parts:
    """The free-form objects of a record, and its members of names that are ours; raises as ``decode`` does.

    A record is encoded right after its fields were derived, and to read it twice would take a twentieth of a load:
    the one that was decoded last is remembered.
    """
    latest_raw, latest = _latest
    return latest if latest_raw is raw else _decode_parts(raw)
