"""Whatever JSON can hold: nothing is lost, nothing raises, and both ways of reading agree."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.derive import derive, derived
from cloudsearch.derive.reading import read, read_tolerantly
from cloudsearch.derive.values import LIST_LIMIT, moment
from cloudsearch.errors import RecordError
from cloudsearch.event import EVENT_FIELDS, RAW, TEXT_LIMIT, FieldType, Row, Value
from tests import test_derive_identity, test_derive_outcome
from tests.samples import samples
from tests.test_derive_cases import ALICE, APP, CASES, record

TYPES = {field.name: field.type for field in (*EVENT_FIELDS, RAW)}
NAMES = [
    *json.loads(record()),
    "errorCode",
    "errorMessage",
    "resources",
    "sharedEventID",
    "additionalEventData",
]
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["true", "\x00", "arn:aws:x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), JSON_VALUES, max_size=12)
IDENTITIES = st.fixed_dictionaries(
    {},
    optional={
        name: JSON_VALUES | st.text()
        for name in ("type", "arn", "principalId", "accountId", "sessionContext", "invokedBy", "onBehalfOf")
    },
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WELL_FORMED = st.fixed_dictionaries(
    {},
    optional={
        "eventID": TEXT,
        "eventTime": TEXT | st.datetimes().map(lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}"),
        "eventName": TEXT | st.sampled_from(["AssumeRole", "CreateFunction20150331", "SwitchRole"]),
        "eventSource": st.sampled_from(["sts.amazonaws.com", "lambda.amazonaws.com", "signin.amazonaws.com"]),
        "eventType": TEXT,
        "recipientAccountId": TEXT,
        "errorCode": TEXT | st.sampled_from(["AccessDenied", "NoSuchKey"]),
        "errorMessage": TEXT,
        "readOnly": st.booleans() | TEXT,
        "userIdentity": st.sampled_from([ALICE, APP]) | IDENTITIES,
        "requestParameters": JSON_VALUES | st.just({"roleArn": "arn:aws:iam::111122223333:role/x"}),
        "responseElements": JSON_VALUES,
        "additionalEventData": JSON_VALUES,
        "resources": JSON_VALUES | st.lists(st.fixed_dictionaries({}, optional={"ARN": TEXT, "type": JSON_VALUES})),
    },
)


def assert_storable(row: Row) -> None:
    """Each value is of its field's type and such as every store takes."""
    assert {"id", "raw", "raw_length", "derivation", "outcome", "copy"} <= set(row)
    for name, value in row.items():
        assert _fits(TYPES[name], value), (name, value)


def _fits(kind: FieldType, value: Value) -> bool:
    match kind:
        case FieldType.KEYWORD:
            return _is_text(value)
        case FieldType.KEYWORDS:
            assert isinstance(value, tuple)
            return 0 < len(value) == len(set(value)) <= LIST_LIMIT and all(map(_is_text, value))
        case FieldType.TIME:
            assert isinstance(value, datetime)
            return value.tzinfo is UTC and value.microsecond % 1000 == 0
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case FieldType.BLOB:
            return isinstance(value, bytes)


def _is_text(value: object) -> bool:
    return (
        isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT and "\0" not in value and bool(value.encode() or True)
    )


@given(OBJECTS | IDENTITIES.map(lambda identity: {"userIdentity": identity}))
def test_any_object_derives(value: dict[str, Any]) -> None:
    """Any JSON object becomes a row of the right types and keeps its bytes unless a secret was in them."""
    raw = json.dumps(value).encode()
    row = derive(raw)
    assert_storable(row)
    assert row["raw"] == raw or row["redacted"]


@given(OBJECTS, st.binary(min_size=1, max_size=4), st.integers(min_value=0))
def test_any_bytes_derive_or_are_refused(value: dict[str, Any], junk: bytes, place: int) -> None:
    """Bytes broken anywhere give a row or a ``RecordError``, nothing else."""
    raw = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    at = place % (len(raw) + 1)
    with suppress(RecordError):
        assert_storable(derive(raw[:at] + junk + raw[at:]))


def _both_ways(raw: bytes) -> tuple[Row, Row]:
    return derived(read(raw)[0]), derived(read_tolerantly(raw))


@given(WELL_FORMED)
def test_both_ways_of_reading_agree(value: dict[str, Any]) -> None:
    """The fast way and the tolerant way derive the same from a well-formed record."""
    fast, tolerant = _both_ways(json.dumps(value).encode())
    assert fast == tolerant


@pytest.mark.parametrize(
    "case", [*CASES, *test_derive_identity.CASES, *test_derive_outcome.CASES], ids=lambda case: case.name
)
def test_both_ways_agree_on_every_case(case: Any) -> None:  # noqa: ANN401 (a Case)
    """The tables of cases hold for both ways of reading."""
    fast, tolerant = _both_ways(record(**case.record))
    assert fast == tolerant


DEEP = "[" * 10_000 + "]" * 10_000
ODD: tuple[tuple[str, bytes, dict[str, object]], ...] = (
    ("invalid UTF-8", b'{"eventName":"Get\xffObject"}', {"event_name": "Get\ufffdObject"}),
    ("half a surrogate pair", b'{"eventName":"a\\ud800b"}', {"event_name": "a\ufffdb"}),
    ("a whole surrogate pair", b'{"eventName":"\\ud83d\\ude00"}', {"event_name": "\U0001f600"}),
    ("NUL, escaped", b'{"eventName":"a\\u0000b"}', {"event_name": "a\ufffdb"}),
    ("NUL, bare", b'{"eventName":"a\0b"}', {"event_name": "a\ufffdb"}),
    ("a key twice", b'{"eventName":"Get","eventName":"Delete"}', {"event_name": "Delete"}),
    ("a key twice, once odd", b'{"eventName":{},"eventName":"Delete"}', {"event_name": "Delete"}),
    ("a key twice, once escaped", b'{"eventName":"Get","event\\u004eame":"Delete"}', {"event_name": "Delete"}),
    ("NaN", b'{"eventName":"Get","x":[NaN,Infinity,-Infinity,1e999]}', {"event_name": "Get"}),
    ("a large number", b'{"eventName":"Get","x":' + b"9" * 5000 + b"}", {"event_name": "Get"}),
    ("a large number for a text", b'{"eventName":18446744073709551616}', {"event_name": "18446744073709551616"}),
    ("depth in a parameter", b'{"eventName":"Get","requestParameters":%b}' % DEEP.encode(), {"event_name": "Get"}),
    (
        "depth beside an identity",
        b'{"eventName":"Get","userIdentity":{"x":%b,"type":"Root"},"y":"z"}' % DEEP.encode(),
        {"event_name": "Get", "principal_type": "Root"},
    ),
    ("byte order mark", b'\xef\xbb\xbf{"eventName":"Get"}', {"event_name": "Get", "raw": b'{"eventName":"Get"}'}),
    ("white space around", b' \r\n{"eventName":"Get"}\n', {"event_name": "Get", "raw": b'{"eventName":"Get"}'}),
    ("nothing", b"{}", {"outcome": "ok", "copy": "caller", "raw": b"{}", "raw_length": 2}),
)


@pytest.mark.parametrize(
    ("raw", "expected"), [(raw, expected) for _, raw, expected in ODD], ids=[odd[0] for odd in ODD]
)
def test_odd_records_derive(raw: bytes, expected: dict[str, object]) -> None:
    """What parsers trip over becomes a row all the same."""
    row = derive(raw)
    assert_storable(row)
    assert {name: row.get(name) for name in expected} == expected
    assert row["raw"] == raw.removeprefix(b"\xef\xbb\xbf").strip()


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b'"x"', b"7", b"{", b'{"a":1', b"<html>", DEEP.encode(), b"[" * 10_000]
)
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    """Bytes that no reading makes an object are a ``RecordError``, which does not repeat them."""
    with pytest.raises(RecordError) as caught:
        derive(raw)
    assert len(str(caught.value)) < 200


def test_long_texts_and_lists_are_cut() -> None:
    """A text keeps 8,191 characters, a list a thousand elements; the record keeps everything."""
    arns = [{"ARN": f"arn:aws:s3:::{number}"} for number in range(5000)]
    raw = record(userAgent="é" * 10_000, resources=arns)
    row = derive(raw)
    assert row["user_agent"] == "é" * TEXT_LIMIT
    assert row["resources"] == tuple(arn["ARN"] for arn in arns[:LIST_LIMIT])
    assert row["raw"] == raw


NOON = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
TIMES: tuple[tuple[object, datetime | None], ...] = (
    ("2024-02-29T12:00:00Z", NOON),
    ("2024-02-29T12:00:00.123Z", NOON + timedelta(milliseconds=123)),
    ("2024-02-29T12:00:00.1239999Z", NOON + timedelta(milliseconds=123)),
    ("2024-02-29T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
    ("2024-02-29T21:00:00+09:00", NOON),
    ("2024-02-29T21:00:00+0900", NOON),
    ("2024-02-29T04:30:00-07:30", NOON),
    ("2024-02-29 12:00:00", NOON),
    ("2024-02-29 12:00:00.250", NOON + timedelta(milliseconds=250)),
    ("2024-02-29T12:00:00", NOON),
    ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ("2024-03-01T01:00:00+02:00", datetime(2024, 2, 29, 23, 0, tzinfo=UTC)),
    ("2006-01-01T00:00:00Z", datetime(2006, 1, 1, tzinfo=UTC)),
    ("2100-12-31T23:59:59Z", datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ("2005-12-31T23:59:59Z", None),
    ("2101-01-01T00:00:00Z", None),
    ("1970-01-01T00:00:00Z", None),
    ("2999-01-01T00:00:00Z", None),
    ("0001-01-01T00:00:00+23:00", None),
    ("2024-02-30T00:00:00Z", None),
    ("2024-02-29T25:00:00Z", None),
    ("2024-02-29T12:00:00+99:00", None),
    ("2024-W09-4T12:00:00Z", None),
    ("２０２４-02-29T12:00:00Z", None),  # noqa: RUF001 (digits of another script)
    ("1709208000", None),
    (1709208000, None),
    (1709208000.5, None),
    ("Feb 29, 2024 12:00:00 PM", None),
    ("", None),
    (None, None),
    ({}, None),
)


@pytest.mark.parametrize(("written", "time"), TIMES, ids=[repr(written) for written, _ in TIMES])
def test_times(written: object, time: datetime | None) -> None:
    """A plausible ISO 8601 time is kept in UTC and milliseconds with its day; nothing else is guessed."""
    row = derive(record(eventTime=written))
    assert row.get("time") == time
    assert row.get("day") == (f"{time:%Y-%m-%d}" if time else None)


@given(st.datetimes(datetime(2006, 1, 2), datetime(2100, 12, 30)), st.integers(-23 * 60, 23 * 60))  # noqa: DTZ001
def test_any_time_in_any_zone(time: datetime, minutes: int) -> None:
    """A time written with any offset is the same moment."""
    sign, offset = "-" if minutes < 0 else "+", abs(minutes)
    written = f"{time + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.%f}{sign}{offset // 60:02}:{offset % 60:02}"
    found = moment(written)
    assert found is not None
    assert found[0] == time.replace(microsecond=time.microsecond // 1000 * 1000, tzinfo=UTC)


def _records(value: object) -> list[dict[str, Any]]:
    """The records in a sample file's JSON, whatever wraps them."""
    if isinstance(value, list):
        return [record for element in value for record in _records(element)]
    if not isinstance(value, dict):
        return []
    if "CloudTrailEvent" in value:
        return _records(json.loads(value["CloudTrailEvent"]))
    return [value] if "eventVersion" in value else [found for child in value.values() for found in _records(child)]


def _documents(data: bytes) -> list[object]:
    try:
        return [json.loads(data)]
    except ValueError:
        return [json.loads(line) for line in data.splitlines() if line.startswith(b"{")]


def test_every_public_sample_derives() -> None:
    """Each record of the public samples becomes a row with an id, a time and, for a call, its source and name."""
    import gzip

    folder, count = samples(), 0
    for path in sorted(folder.rglob("*.json*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for sample in _records(_documents(data)):
            row = derive(json.dumps(sample).encode())
            assert_storable(row)
            assert row.get("time") is not None
            assert row.get("event_name") == sample.get("eventName")
            count += 1
    assert count > 700
