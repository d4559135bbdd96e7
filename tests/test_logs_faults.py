"""What is wrong with a file costs nothing but what is wrong: the rows are numbered as in the fault catalogue."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.logs import BadPiece, Contents, Kind, Piece, split
from tests.test_logs_wrappers import WRAPPERS, Wrap, carried, quoted, record, records_of

RAWS = [record(number) for number in range(3)]
LOG = b'{"Records":[%b]}' % b",".join(RAWS)
ZSTD = bytes.fromhex("28b52ffd0458") + b"\x00" * 20

S3_NOTIFICATION = (
    b'{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1",'
    b'"eventTime":"2024-01-01T00:00:00Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"x"}}]}'
)
DIGEST = json.dumps(
    {
        "awsAccountId": "123456789012",
        "digestStartTime": "2024-01-01T00:00:00Z",
        "digestEndTime": "2024-01-01T01:00:00Z",
        "previousDigestSignature": "00ff",
        "logFiles": [{"s3Object": "x", "hashValue": "y"}],
    }
).encode()


def taken(data: bytes) -> tuple[Contents, list[bytes], list[BadPiece]]:
    """A file's contents, its records and what is bad in it."""
    contents = split(data)
    pieces = list(contents.records)
    assert [piece.position for piece in pieces] == list(range(len(pieces)))
    good = [piece.raw for piece in pieces if isinstance(piece, Piece)]
    return contents, good, [piece for piece in pieces if isinstance(piece, BadPiece)]


def gzip_damaged_at(at: int, data: bytes = LOG) -> bytes:
    """A gzip file with one byte turned over."""
    stored = bytearray(gzip.compress(data))
    stored[at] ^= 0xFF
    return bytes(stored)


def many(count: int) -> list[bytes]:
    """Records that do not compress to nothing."""
    return [record(number, noise=f"{number * 2654435761 % 2**32:x}" * 4) for number in range(count)]


def log_of(raws: list[bytes]) -> bytes:
    """A log file as CloudTrail writes it."""
    return b'{"Records":[%b]}' % b",".join(raws)


REFUSED = {
    "1 gzip without its end": (gzip.compress(LOG)[:-4], "breaks off"),
    "1 gzip of which the head alone is there": (gzip.compress(LOG)[:5], "breaks off"),
    "2 gzip with a wrong checksum": (gzip_damaged_at(-6), "damaged"),
    "2 gzip with a wrong length": (gzip_damaged_at(-2), "damaged"),
    "3 gzip with half a member after it": (gzip.compress(LOG) + gzip.compress(LOG)[:20], "breaks off"),
    "3 gzip with uncompressed log after it": (gzip.compress(LOG) + b"\n" + LOG, "uncompressed text follows"),
    "5 nothing": (b"", "empty"),
    "5 gzip of nothing": (gzip.compress(b""), "empty"),
    "9 zstd": (ZSTD, "zstd"),
    "9 xz": (lzma.compress(LOG), "xz"),
    "9 lz4": (b"\x04\x22\x4d\x18" + bytes(20), "lz4"),
    "9 bzip2 without its end": (bz2.compress(LOG)[:-4], "breaks off"),
    "9 bzip2 damaged": (bz2.compress(LOG)[:20] + b"xxxx" + bz2.compress(LOG)[24:], "damaged"),
    "11 UTF-16 within a character": (LOG.decode().encode("utf-16")[:-1], "breaks off"),
    "13 not gzip behind its magic bytes": (b"\x1f\x8bgarbage garbage", "damaged"),
    "13 text after the log": (LOG + b"<html>", "where an object or a list should begin"),
    "13 NUL bytes after the log": (LOG + bytes(9), "where an object or a list should begin"),
    "13 wrong bracket": (LOG[:-2] + b"}}", "closes what it did not open|should go on"),
    "13 missing comma": (LOG.replace(b"},{", b"}{"), "should go on"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_broken_file_has_a_problem(data: bytes, reason: str) -> None:
    """What is damaged, breaks off or cannot be read is a log with a problem, never a foreign file."""
    contents, _, bad = taken(data)
    assert contents.kind is Kind.LOG
    assert re.search(reason, contents.problem or "")
    assert bad == []


WHOLE = {
    "2 gzip with a wrong checksum": gzip_damaged_at(-6),
    "3 gzip and garbage": gzip.compress(LOG) + b"garbage",
    "3 gzip and padding": gzip.compress(LOG) + bytes(3_000_000),
    "3 gzip, padding and an empty member": gzip.compress(LOG) + bytes(2_000_000) + gzip.compress(b""),
    "4 gzip members one after another": gzip.compress(LOG[:100]) + gzip.compress(b"") + gzip.compress(LOG[100:]),
    "4 bzip2 streams one after another": bz2.compress(LOG[:100]) + bz2.compress(LOG[100:]),
    "6 plain, whatever it is called": LOG,
    "7 gzip, whatever it is called": gzip.compress(LOG),
    "9 bzip2": bz2.compress(LOG),
    "10 byte order mark": b"\xef\xbb\xbf" + LOG,
    "10 byte order mark in gzip": gzip.compress(b"\xef\xbb\xbf" + LOG),
    "11 UTF-16 with a mark": LOG.decode().encode("utf-16"),
    "11 UTF-16 of the other end": b"\xfe\xff" + LOG.decode().encode("utf-16-be"),
    "11 UTF-16 without a mark": LOG.decode().encode("utf-16-le"),
    "11 UTF-16 of the other end without a mark": LOG.decode().encode("utf-16-be"),
    "14 list": b"[%b]" % b",".join(RAWS),
    "18 Insight": LOG,
    "21 lines": b"\n".join(RAWS),
    "a comma too many": LOG.replace(b"]}", b",]}"),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_all_records_are_read(data: bytes) -> None:
    """Whatever a file is stored as, all records come out of it."""
    contents, good, bad = taken(data)
    assert (contents.kind, good, bad) == (Kind.LOG, RAWS, [])


def test_only_lost_bytes_are_a_problem() -> None:
    """Padding and foreign bytes after gzip data are passed over as gzip does; a wrong checksum is not."""
    assert all(split_problem(data) is None for name, data in WHOLE.items() if not name.startswith("2"))
    assert split_problem(WHOLE["2 gzip with a wrong checksum"]) is not None


def split_problem(data: bytes) -> str | None:
    """What is wrong once all was read."""
    return taken(data)[0].problem


FOREIGN = {
    "13 HTML": b"<!DOCTYPE html><html><body>AccessDenied</body></html>",
    "13 XML": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "13 text of CloudTrail": b"A record has eventName, eventSource, eventTime:\n{...}",
    "13 text": b"These are the logs of 2024.\n\n{see below}\n",
    "13 zeros": bytes(1000),
    "13 bytes": bytes(range(1, 256)) * 10,
    "13 gzip of text": gzip.compress(b"hello\n"),
    "13 blanks": b" \n\n",
    "15 null": b'{"Records":null}',
    "16 object": b'{"Records":{}}',
    "16 text": b'{"Records":"x"}',
    "61 S3 notification": S3_NOTIFICATION,
    "61 S3 notification wrapped by SNS": json.dumps(
        {
            "Type": "Notification",
            "MessageId": "1",
            "TopicArn": "arn:aws:sns:eu-west-1:1:t",
            "Message": S3_NOTIFICATION.decode(),
        }
    ).encode(),
    "61 S3 notification, pretty": json.dumps(json.loads(S3_NOTIFICATION), indent=2).encode(),
    "61 S3 test event": b'{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}',
    "Config": b'{"fileVersion":"1.0","configSnapshotId":"x","configurationItems":[{"awsRegion":"us-east-1"}]}',
    "flow logs": b"version account-id interface-id srcaddr\n2 123456789012 eni-1 10.0.0.1\n",
    "load balancer": b'https 2024-01-01T00:00:00.0Z app/x 10.0.0.1:1 "GET https://x/ HTTP/1.1" "curl"\n',
    "IAM details": b'{"UserDetailList":[],"RoleDetailList":[{"Arn":"x"}]}',
    "a list of numbers": b"[1, 2, 3]",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a text": b'"eventVersion eventName"',
    "a list broken off": b'[{"name": "x"}, {"na',
    "an object broken off": b'{"name": [1, 2',
    "lines of other things": b'{"a":1}\n{"b":2}\n',
    "lines of other things broken off": b'{"a":1}\n{"b":2}\n{"c',
    "EventBridge of another service": b'{"version":"0","detail-type":"EC2 State","detail":{"state":"running"}}\n' * 2,
    "filter-log-events of another group": b'{"events":[{"message":"START RequestId"}],"searchedLogStreams":[]}',
    "one key of a record": b'{"Records":[{"eventName":"x"}]}',
    "20 nothing but null": b'{"Records":[null,1,"x",[]]}',
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_a_readable_file_of_something_else_is_no_log(data: bytes) -> None:
    """What can be read, and is no CloudTrail, is not a log and not a problem, and nothing of it is dead."""
    contents, good, bad = taken(data)
    assert (contents.kind, contents.problem, good, bad) == (Kind.NOT_A_LOG, None, [], [])


@pytest.mark.parametrize("data", [DIGEST, gzip.compress(DIGEST), json.dumps(json.loads(DIGEST), indent=2).encode()])
def test_17_a_digest_is_known_by_its_content(data: bytes) -> None:
    """A digest file is neither a log nor foreign, wherever it lies."""
    contents, good, bad = taken(data)
    assert (contents.kind, contents.problem, good, bad) == (Kind.DIGEST, None, [], [])


@pytest.mark.parametrize("data", [b'{"Records":[]}', b' { "Records" : [ ] } \n', gzip.compress(b'{"Records": []}')])
def test_19_a_log_may_have_no_record(data: bytes) -> None:
    """CloudTrail writes files without records: they are logs."""
    contents, good, bad = taken(data)
    assert (contents.kind, contents.problem, good, bad) == (Kind.LOG, None, [], [])


BAD_ELEMENTS = {
    b"null": "null, not a record",
    b'"{}"': "a text, not a record",
    b"12e3": "a number, not a record",
    b"NaN": "a number, not a record",
    b"true": "a boolean, not a record",
    b"false": "a boolean, not a record",
    b'[{"eventVersion":"1.08","eventName":"x"}]': "a list, not a record",
    b"[[]]": "a list, not a record",
    b"[{]": "",
    b"{}": "an object, but not a CloudTrail record",
    b'{"eventName":"x","a":{"eventVersion":"1"}}': "an object, but not a CloudTrail record",
    S3_NOTIFICATION[12:-2]: "an object, but not a CloudTrail record",
    b"{'eventName': 1}": "not JSON",
}


@pytest.mark.parametrize("element", [element for element, reason in BAD_ELEMENTS.items() if reason])
@pytest.mark.parametrize("form", [b'{"Records":[%b,%b,%b]}', b'{"Records": [ %b ,\n %b\n, %b ] }', b"[%b,%b,%b]"])
def test_20_a_bad_element_costs_no_other(element: bytes, form: bytes) -> None:
    """What stands among records and is none is bad, with its bytes and a reason; the records are good."""
    contents, good, bad = taken(form % (RAWS[0], element, RAWS[1]))
    assert (contents.kind, contents.problem, good) == (Kind.LOG, None, RAWS[:2])
    assert [(piece.position, piece.raw) for piece in bad] == [(1, element)]
    assert bad[0].reason.startswith(BAD_ELEMENTS[element])


def test_20_bad_elements_may_come_first() -> None:
    """A log whose first elements are bad is a log."""
    contents, good, bad = taken(b'{"Records":[null,%b]}' % RAWS[0])
    assert (contents.kind, good, len(bad)) == (Kind.LOG, RAWS[:1], 1)


STRANGE = {
    "12 bytes that are no UTF-8": b'"\xff\xfe\xc3"',
    "22 a key twice": b'1,"eventName":"a","eventName":"b"',
    "23 NaN": b"[NaN,Infinity,-Infinity,1e999,-0]",
    "24 large numbers": b"[9223372036854775808,-99999999999999999999999999,1.0000000000000000000001]",
    "25 deep": b"[" * 10_000 + b"]" * 10_000,
    "25 deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "26 half a surrogate pair": rb'"\ud800 \udc00\ud800"',
    "26 half a surrogate pair as bytes": b'"\xed\xa0\x80"',
    "27 zero characters": rb'{"\u0000":"\u0000"}',
    "27 zero bytes": b'"\x00\x01"',
    "28 keys": b'{"":1,"a.b":2,".":3," x":4,"%b":5}' % (b"k" * 300),
    "38 long": b'"' + b"x" * 200_000 + b'"',
    "39 what terminals obey": "\"\x1b[31m\u202e=cmd|' /C calc'!A0<script>\"".encode(),
    "brackets in a text": rb'"}]}{[\"},{\"eventVersion\":\"1\",[[["',
    "escapes at the end of a text": rb'"\\\\\\\""',
    "a boundary at the end of a text": b'["},{","eventVersion"]',
    "line ends in a text": '"\u2028\u2029\x85"'.encode(),
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize(
    "form", [b'{"Records":[%b]}', b"[%b]", b'{"a":{"Records":1},"Records":[ %b ]}'], ids=["log", "list", "keys"]
)
def test_whatever_is_inside_the_bytes_stay(value: bytes, form: bytes) -> None:
    """A record keeps its very bytes, be it strict JSON or not, and so do its neighbours."""
    strange = b'{"eventVersion":"1.08","eventName":"x","requestParameters":%b}' % value
    raws = [RAWS[0], strange, RAWS[1], strange, RAWS[2]]
    assert records_of(form % b",".join(raws)) == raws
    assert records_of(b"\n".join(raws)) == raws
    assert records_of(b"\n".join(b'{"CloudTrailEvent":%b}' % quoted(raw) for raw in raws)) == raws


def test_32_to_36_what_a_record_says_is_not_asked_here() -> None:
    """Records without an id, with null for an identity or a wrong time are records."""
    raws = [
        b'{"eventID":null,"eventTime":"2024-02-30"}',
        b'{"eventID":3,"eventVersion":"2.0"}',
        b'{"userIdentity":null,"eventName":"x","requestParameters":"text"}',
        b'{"eventTime":12,"eventSource":null}',
    ]
    assert records_of(log_of(raws)) == raws


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_file_cut_anywhere_gives_what_came_before(wrap: Wrap) -> None:
    """Cut at any byte, a file gives its first records, nothing else, and says that it broke off if a record is lost."""
    data = wrap(RAWS)
    for cut in range(len(data)):
        contents, good, _ = taken(data[:cut])
        assert good == RAWS[: len(good)]
        assert good == [] or len(good) == 3 or contents.problem or data[:cut].rstrip(b"\n\r\x1e ,")[-1:] in b"}]"


def test_1_gzip_cut_anywhere_gives_what_came_before() -> None:
    """Cut at any byte, a gzip file gives every record of which all bytes can still be decompressed, and a problem."""
    raws = many(60)
    stored = gzip.compress(log_of(raws))
    before = 0
    for cut in range(len(stored)):
        contents, good, bad = taken(stored[:cut])
        assert good == raws[: len(good)]
        assert len(good) >= before
        assert contents.problem
        assert (contents.kind, bad) == (Kind.LOG, [])
        before = len(good)
    assert before == len(raws)


def test_gzip_damaged_anywhere_never_goes_unnoticed() -> None:
    """With any one byte turned over, a gzip file gives the records before it, or says so."""
    raws = many(60)
    stored = log_of(raws)
    for at in range(10, len(gzip.compress(stored))):
        contents, good, _ = taken(gzip_damaged_at(at, stored))
        assert contents.problem or good == raws


def test_a_damaged_block_gives_its_beginning() -> None:
    """Of a large gzip file damaged near its end, all records before the damage are read."""
    raws = many(20_000)
    stored = bytearray(gzip.compress(log_of(raws)))
    at = len(stored) - 5000
    stored[at : at + 8] = b"\xff" * 8
    readable = zlib.decompressobj(wbits=31).decompress(bytes(stored[:at])).count(b"},{")
    contents, good, _ = taken(bytes(stored))
    assert contents.problem
    assert good[:readable] == raws[:readable]
    assert readable > 19_000


LINES = {
    "broken off": RAWS[1][:40],
    "within a text": RAWS[1][:12],
    "no JSON": b"oops",
    "brackets turned": b'{"a":[}',
    "an object of something else": b'{"a":1}',
    "a stamped text": b"2024-01-31T12:00:00Z START",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_broken_line_costs_no_other(line: bytes, place: int) -> None:
    """Among JSON lines one that is broken is bad, as it stands; every other line is read."""
    lines = [RAWS[0], RAWS[1], RAWS[2]]
    lines.insert(place, line)
    contents, good, bad = taken(b"\n".join(lines) + b"\n")
    assert (contents.kind, good) == (Kind.LOG, RAWS)
    assert [(piece.position, piece.raw) for piece in bad] == [(place, line)]
    assert contents.problem is None


def test_a_last_line_without_an_end_broke_off() -> None:
    """The last line, cut, is the file's problem and no bad record."""
    contents, good, bad = taken(b"\n".join(RAWS) + b'\n{"eventVer')
    assert (good, bad) == (RAWS, [])
    assert "breaks off" in (contents.problem or "")


def test_the_end_of_a_line_that_is_lost_is_shown() -> None:
    """Of a line that holds records and then breaks, the records are read and the rest is bad."""
    _, good, bad = taken(b"\n".join([RAWS[0], RAWS[1] + b"oops", RAWS[2]]) + b"\n")
    assert good == RAWS
    assert [piece.raw for piece in bad] == [b"oops"]


@given(st.binary(max_size=200) | st.text('{}[]",:\\ \nRecordsventNam', max_size=200).map(str.encode))
def test_nothing_in_a_file_raises(data: bytes) -> None:
    """Any bytes at all are a kind of file."""
    contents, good, bad = taken(data)
    assert contents.kind is Kind.LOG or not (good or bad or contents.problem)


@given(st.lists(st.sampled_from([*RAWS, b"null", b'{"a":NaN}', b"{", b"]", b",", b"\n", b'"', b'{"Records":[', b" "])))
def test_records_pulled_apart_never_raise(parts: list[bytes]) -> None:
    """Pieces of logs in any order are a kind of file, and only true records come out of them."""
    _, good, _ = taken(b"".join(parts))
    assert set(good) <= set(RAWS)


def test_a_file_object_is_read_as_it_is() -> None:
    """``split`` takes an open file as it takes bytes."""
    contents = split(BytesIO(gzip.compress(LOG)))
    assert [piece.raw for piece in contents.records] == RAWS
    assert repr(contents) == "Contents('log', problem=None)"


def test_a_problem_says_where() -> None:
    """Where text stops being JSON is said in bytes."""
    contents, good, _ = taken(LOG[:-2] + b"oops")
    assert good == RAWS
    assert contents.problem == f"'o' where a list should go on, at byte {len(LOG) - 2:,}"


def test_events_and_lines_may_be_mixed() -> None:
    """A line in one wrapper may follow a line in another."""
    lines = [RAWS[0], carried(b"CloudTrailEvent")(RAWS[1]), log_of([RAWS[2]])]
    assert records_of(b"\n".join(lines)) == RAWS
