"""Every wrapper AWS puts around records comes off, and each record is the bytes it was written with."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.logs import BadPiece, Kind, Piece, Source, find, split
from tests.samples import samples

Wrap = Callable[[list[bytes]], bytes]

STAMP = b"2024-01-31T12:00:00.000Z "


def record(number: int = 0, **more: object) -> bytes:
    """A record as CloudTrail writes it, without blanks."""
    known = {"eventVersion": "1.08", "userIdentity": {"type": "Root"}, "eventSource": "s3.amazonaws.com"}
    return json.dumps({**known, "eventID": f"id-{number}", **more}, separators=(",", ":")).encode()


def records_of(data: bytes) -> list[bytes]:
    """The records of a log that is nothing but good."""
    contents = split(data)
    pieces = list(contents.records)
    assert (contents.kind, contents.problem) == (Kind.LOG, None)
    assert [piece.position for piece in pieces] == list(range(len(pieces)))
    assert all(isinstance(piece, Piece) for piece in pieces)
    return [piece.raw for piece in pieces]


def quoted(raw: bytes) -> bytes:
    """A text as a JSON string, bytes that are not UTF-8 as they are."""
    escaped = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"%b"' % b"".join(b"\\u%04x" % byte if byte < 32 else bytes((byte,)) for byte in escaped)


def joined(items: list[bytes]) -> bytes:
    """The inside of a list."""
    return b",".join(items)


def each(form: bytes) -> Callable[[bytes], bytes]:
    """Puts a record where ``form`` says ``%b``."""
    return lambda raw: form % raw


def in_list(form: bytes, item: Callable[[bytes], bytes] = bytes) -> Wrap:
    """All records as one list where ``form`` says ``%b``, each made ready by ``item``."""
    return lambda raws: form % joined([item(raw) for raw in raws])


def on_lines(item: Callable[[bytes], bytes] = bytes, between: bytes = b"\n", end: bytes = b"\n") -> Wrap:
    """Each record for itself."""
    return lambda raws: between.join(item(raw) for raw in raws) + end


def carried(key: bytes) -> Callable[[bytes], bytes]:
    """A record as a text within an object."""
    return lambda raw: b'{"id": "1", "%b": %b, "Username": "x"}' % (key, quoted(raw))


EVENTBRIDGE = each(b'{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":%b}')

WRAPPERS: dict[str, Wrap] = {
    "log file": in_list(b'{"Records":[%b]}'),
    "log file with blanks": in_list(b'\n {\t"Records" : [ %b ] }\r\n', each(b" %b\n")),
    "log file with other keys before": in_list(b'{"a":{"Records":3},"b":[[]],"c":"\\"","Records":[%b]}'),
    "log file with other keys after": in_list(b'{"Records":[%b],"owner":null,"x":{"Records":[]}}'),
    "log file with an escaped key": in_list(b'{"R\\u0065cords":[%b]}'),
    "list of records": in_list(b"[%b]"),
    "list over lines": lambda raws: b"[\n  " + b",\n  ".join(raws) + b"\n]\n",
    "JSON lines": on_lines(),
    "JSON lines without a last end": on_lines(end=b""),
    "JSON lines of DOS": on_lines(between=b"\r\n"),
    "JSON lines with empty lines": on_lines(between=b"\n\n \n"),
    "JSON lines with commas": on_lines(between=b",\n"),
    "objects one after another": on_lines(between=b"", end=b""),
    "JSON text sequence": on_lines(each(b"\x1e%b"), between=b"\n"),
    "log files one after another": on_lines(each(b'{"Records":[%b]}'), between=b"", end=b""),
    "log files on lines": on_lines(each(b'{"Records":[%b]}')),
    "list of log files": in_list(b"[%b]", each(b'{"Records":[%b]}')),
    "lists on lines": on_lines(each(b"[%b]")),
    "lookup-events": in_list(b'{"Events": [%b], "NextToken": "x"}', carried(b"CloudTrailEvent")),
    "lookup-events on lines": on_lines(carried(b"CloudTrailEvent")),
    "list of lookup-events": in_list(b"[%b]", carried(b"CloudTrailEvent")),
    "EventBridge on lines": on_lines(EVENTBRIDGE),
    "EventBridge one after another": on_lines(EVENTBRIDGE, between=b"", end=b""),
    "list of EventBridge": in_list(b"[%b]", EVENTBRIDGE),
    "Lake query": in_list(
        b'{"QueryStatus":"FINISHED","QueryResultRows":[%b]}',
        lambda raw: b'[{"eventID": "1"}, {"eventJson": %b}]' % quoted(raw),
    ),
    "Lake on lines": on_lines(carried(b"eventJson")),
    "CloudWatch Logs export": on_lines(each(STAMP + b"%b")),
    "CloudWatch Logs tail": on_lines(each(b"2024-01-31T12:00:00+00:00 a_CloudTrail_us-east-1 %b")),
    "CloudWatch Logs subscription": in_list(
        b'{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logEvents":[%b]}', carried(b"message")
    ),
    "CloudWatch Logs subscription, keys turned": in_list(
        b'{"logEvents":[%b],"messageType":"DATA_MESSAGE"}', carried(b"message")
    ),
    "CloudWatch Logs subscriptions on lines": on_lines(
        lambda raw: b'{"messageType":"DATA_MESSAGE","logEvents":[%b]}' % carried(b"message")(raw)
    ),
    "filter-log-events": in_list(b'{"events": [%b], "searchedLogStreams": []}', carried(b"message")),
    "EventBridge in CloudWatch Logs": in_list(b'{"events":[%b]}', lambda raw: carried(b"message")(EVENTBRIDGE(raw))),
}

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=5), inside, max_size=4),
    max_leaves=12,
)
"""With NaN and Infinity, which ``json.dumps`` writes as such, and halves of surrogate pairs."""


@st.composite
def any_record(draw: st.DrawFn) -> bytes:
    """A record with anything in it, its keys in any order, written in any of Python's ways."""
    known = json.loads(record(draw(st.integers())))
    keys = draw(st.permutations(list(known)))
    value: dict[str, Any] = {key: known[key] for key in keys}
    value["requestParameters"] = draw(any_json)
    ascii_only = draw(st.booleans())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\t")]))
    text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    return text.encode(errors="surrogatepass")


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapper_comes_off(wrap: Wrap) -> None:
    """Three records in a wrapper come back in order, byte for byte."""
    raws = [record(0), record(1, text='"}{[]\\ \n'), record(2, eventVersion="1.0")]
    assert records_of(wrap(raws)) == raws


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@given(raws=st.lists(any_record(), min_size=1, max_size=5))
def test_whatever_is_in_a_record_comes_back(wrap: Wrap, raws: list[bytes]) -> None:
    """Records of any JSON, and of what only Python writes, come back byte for byte out of every wrapper."""
    assert records_of(wrap(raws)) == raws


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_one_record_is_enough(wrap: Wrap) -> None:
    """A wrapper around a single record is recognised too."""
    assert records_of(wrap([record()])) == [record()]


@pytest.mark.parametrize("indent", [0, 1, 4, "\t"])
def test_pretty_printed_records_keep_their_blanks(indent: int | str) -> None:
    """A record of a pretty-printed file has the blanks within it that the file has."""
    data = json.dumps({"Records": [json.loads(record(number)) for number in range(50)]}, indent=indent).encode()
    raws = records_of(data)
    assert [json.loads(raw) for raw in raws] == [json.loads(record(number)) for number in range(50)]
    assert all(raw in data for raw in raws)


def test_pretty_printed_objects_one_after_another() -> None:
    """What jq writes comes apart."""
    raws = [json.dumps(json.loads(record(number)), indent=2).encode() for number in range(3)]
    assert records_of(b"\n".join(raws)) == raws


def test_a_list_named_twice_is_read_twice() -> None:
    """A key repeated to hide what stands under it hides nothing."""
    assert records_of(b'{"Records":[%b],"Records":[%b]}' % (record(1), record(2))) == [record(1), record(2)]
    hidden = b'{"Records":[%b],"R\\u0065cords":[]}' % record(1)
    assert records_of(hidden) == [record(1)]


def test_insight_records_are_records() -> None:
    """An Insight record, which has no eventID in its details and no userIdentity, is kept."""
    raw = b'{"eventVersion":"1.08","eventTime":"2023-07-10T01:42:00Z","eventType":"AwsCloudTrailInsight"}'
    assert records_of(b'{"Records":[%b]}' % raw) == [raw]


@pytest.mark.parametrize("text", [rb"\ud83d\ude00", rb"\u00e9\u20ac", rb"\/\b\f\n\r\t", rb"\u0000", "é€😀".encode()])
def test_a_carried_text_is_decoded_as_json_says(text: bytes) -> None:
    """Escapes of the carrying string are undone, whatever they stand for."""
    inner = b'{"eventVersion":"1.08","eventName":"x","y":'
    string = b'"%b%b}"' % (inner.replace(b'"', rb"\""), rb"\"" + text + rb"\"")
    expected = json.loads(string, strict=False).encode()
    assert records_of(b'{"Events":[{"CloudTrailEvent":%b}]}' % string) == [expected.strip()]


def test_a_carried_text_may_be_no_utf8() -> None:
    """Half a surrogate pair, and bytes that are not UTF-8, survive in a carried text."""
    string = rb'"{\"eventVersion\":\"1\",\"eventName\":\"' + b"\xff" + rb"\ud800" + rb'\"}"'
    expected = b'{"eventVersion":"1","eventName":"\xff\xed\xa0\x80"}'
    assert records_of(b'{"Events":[{"CloudTrailEvent":%b}]}' % string) == [expected]


def test_a_control_message_is_passed_over() -> None:
    """The message by which CloudWatch Logs tests a subscription is neither a record nor a loss."""
    control = b'{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"CWL CONTROL MESSAGE: Checking"}]}'
    data = b'{"messageType":"DATA_MESSAGE","logEvents":[%b]}' % carried(b"message")(record())
    assert records_of(control + data) == [record()]


@pytest.mark.parametrize(
    "item",
    [
        b'{"CloudTrailEvent": 3}',
        b'{"CloudTrailEvent": "not JSON"}',
        b'{"CloudTrailEvent": "{\\"eventVersion\\":"}',
        b'{"CloudTrailEvent": "{\\"eventVersion\\"]}"}',
        b'{"CloudTrailEvent": "{\\"a\\":1}"}',
        b'{"CloudTrailEvent": "\\x"}',
        b'{"detail": {"state": "running"}}',
        b'{"detail": "text"}',
        b'{"a": 1}',
        b"{a: 1}",
        b'[{"eventJson": 1}]',
        b'["eventJson"]',
        b'[{"a" 1}]',
        b'{"Records" [1]}',
        b'{"Records": [3]}',
    ],
)
def test_a_carrier_without_a_record_is_bad(item: bytes) -> None:
    """What carries no record is bad, whole and with a reason; its neighbours are good."""
    good = carried(b"CloudTrailEvent")(record())
    contents = split(b'{"Events":[%b,%b,%b]}' % (good, item, good))
    first, bad, last = contents.records
    assert (first, last) == (Piece(0, record()), Piece(2, record()))
    assert isinstance(bad, BadPiece)
    assert bad.raw in item
    assert bad.reason
    assert contents.problem is None


def test_wrappers_cannot_be_put_into_each_other_for_ever() -> None:
    """A record under hundreds of wrappers is bad, and nothing breaks."""
    raw = record()
    for _ in range(300):
        raw = b'{"Records":[%b]}' % raw
    (first, second) = split(b"[%b,%b]" % (raw, record())).records
    assert isinstance(first, BadPiece)
    assert second == Piece(1, record())


def test_the_samples_come_apart() -> None:
    """Every public sample is what it is known to be, and its records are all found."""
    known = {"flaws2": 37, "flaws_umccr": 185, "stratus": 310, "plaso": 6, "umccr_examples": 21}
    for folder, expected in known.items():
        sources = [source for source in find([samples() / folder]) if isinstance(source, Source)]
        contents = [split(source.read()) for source in sources]
        pieces = [piece for one in contents for piece in one.records]
        assert len(pieces) == expected
        assert all(isinstance(piece, Piece) for piece in pieces)
        assert not any(one.problem for one in contents)


def test_a_compressed_sample_is_its_text() -> None:
    """A sample gives the same records as stored and decompressed."""
    for path in (samples() / "flaws2").rglob("*.gz"):
        stored = path.read_bytes()
        assert records_of(stored) == records_of(gzip.decompress(stored))
