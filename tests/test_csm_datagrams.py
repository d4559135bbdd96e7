"""What SDKs send is read, and whatever else arrives is a reject; no session token is in what is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudsearch.csm.datagrams import LARGEST, Kind, Line, Stamp, lines
from cloudsearch.csm.keys import account_of
from cloudsearch.csm.reading import Reading
from cloudsearch.csm.rows import row_of
from cloudsearch.event import Outcome, Row
from cloudsearch.store import CSM_CALLS
from tests.csm import ACCOUNT, BEGIN, KEY, ROOT, TOKEN, attempt, call, packed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*attempt(), *call(), "Id", "Host", "Received", "X"])


def kept(datagram: bytes) -> list[Line]:
    """What is kept of a datagram."""
    return list(lines(datagram, Stamp("web-1"), BEGIN + 500))


def one(datagram: bytes) -> dict[str, Any]:
    """The one line of a datagram."""
    (line,) = kept(datagram)
    found = json.loads(line.text)
    assert isinstance(found, dict)
    return found


def row(said: object) -> Row:
    """The row of what was said."""
    (line,) = kept(packed(said))
    return row_of(msgspec.json.decode(line.text), line.text, id_="", host=None)


def test_an_attempt_is_kept_as_it_came_but_for_the_token() -> None:
    """Every member stays, and three are added."""
    found = one(packed(attempt()))
    own = {name: found.pop(name) for name in ("Id", "Host", "Received")}
    assert found == attempt(SessionToken=None)
    assert (own["Host"], own["Received"]) == ("web-1", BEGIN + 500)


def test_ids_tell_equal_datagrams_apart() -> None:
    """Two calls in one millisecond are two, in one recording and in two."""
    stamps = [Stamp("a"), Stamp("a")]
    found = [
        json.loads(line.text)["Id"] for stamp in stamps for _ in range(3) for line in lines(packed(call()), stamp, 0)
    ]
    assert len(set(found)) == 6


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"not json", "not JSON"),
        (packed(attempt())[:-20], "truncated"),
        (packed(attempt(UserAgent="x" * LARGEST)), "oversized"),
        (b'{"Version":1,"ClientId":"\xff"}', "not UTF-8"),
        (packed(call(Version=2)), "unknown version"),
        (packed(call(Version=None)), "unknown version"),
        (packed(call(Type="ApiCallTrace")), "unknown type"),
        (packed(call(Type=["ApiCall"])), "unknown type"),
        (packed(call(Service=None)), "no Service"),
        (packed(call(Api=3)), "no Api"),
        (packed(call(Timestamp=None)), "no plausible Timestamp"),
        (packed(call(Timestamp=1)), "no plausible Timestamp"),
        (packed([1]), "not a JSON object"),
        (b"[" * 8000, "nested too deeply"),
        ("{}".encode("utf-16"), "not"),
    ],
)
def test_what_is_no_call_is_a_reject_with_the_reason(data: bytes, reason: str) -> None:
    """Counted, kept, and nothing is raised."""
    found = one(data)
    assert found["Type"] == Kind.REJECT
    assert found["Reason"].startswith(reason)
    assert found["Size"] == len(data)


def test_several_objects_on_lines_of_their_own_are_several_lines() -> None:
    """A relay may put them together; an empty line is nothing, and a bad one takes no other along."""
    data = b"\n\n".join([packed(call()), b"{", packed(attempt())]) + b"\n"
    assert [line.kind for line in kept(data)] == [Kind.CALL, Kind.REJECT, Kind.ATTEMPT]
    assert [line.kind for line in kept(packed(call()) + b"\n")] == [Kind.CALL]
    large = packed(call(UserAgent="x" * LARGEST))
    many = b"\n".join([*[packed(call(n)) for n in range(40)], large])
    assert [line.kind for line in kept(many)] == [Kind.CALL] * 40 + [Kind.REJECT]


@pytest.mark.parametrize(
    "data",
    [
        packed(attempt()),
        packed(attempt(Version=9)),
        packed(attempt(Extra={"Session-Token": TOKEN, "deep": [{"sessionToken": TOKEN}]})),
        packed(attempt(SdkExceptionMessage=f"https://x/?X-Amz-Security-Token={TOKEN}&a=b")),
        *(packed(attempt())[:cut] for cut in range(150, len(packed(attempt())), 7)),
        packed(attempt())[300:],
        packed(attempt(UserAgent="x" * LARGEST)),
        packed(attempt()).replace(b'"SessionToken"', b'"Session\\u0054oken"') + b"}",
        packed(attempt()).replace(b"SessionToken", b"SESSIONTOKEN")[:-1],
        json.dumps(attempt()).encode("utf-16"),
        packed(attempt()) + b"\xff",
        b"{\n" + packed(attempt())[1:] + b"\nx",
    ],
)
def test_no_token_is_kept(data: bytes) -> None:
    """Not of what can be read, nor of what was cut or is something else."""
    text = b"".join(line.text for line in kept(data)).decode()
    assert not any(TOKEN[at : at + 40] in text for at in range(17))
    assert not any(TOKEN[at : at + 40] in str(value) for at in range(17) for value in text.split('"'))


@given(st.binary(max_size=300))
@example(b'{"Version":1,"Type":"ApiCall","Service":"\\ud800","Api":"a","Timestamp":1785542400000}')
def test_any_bytes_are_a_line_or_a_reject(data: bytes) -> None:
    """Nothing is raised, every line is JSON on one line, and a store can take its row."""
    for line in kept(data):
        assert b"\n" not in line.text
        made = row_of(msgspec.json.decode(line.text), line.text, id_="", host=None)
        assert set(made) <= {field.name for field in CSM_CALLS.fields} | {"raw"}


@given(st.dictionaries(NAMES, JSON, max_size=4), st.booleans())
def test_any_values_are_a_line_or_a_reject(changes: dict[str, Any], is_call: bool) -> None:  # noqa: FBT001
    """Whatever stands where a number or a text should; and what was kept can be loaded again as it is."""
    said = (call() if is_call else attempt()) | changes
    data = json.dumps(said).encode()
    for line in kept(data):
        made = row_of(msgspec.json.decode(line.text), line.text, id_="", host=None)
        for field in CSM_CALLS.fields:
            value = made.get(field.name)
            assert not isinstance(value, int) or -(2**63) <= value < 2**63
        assert Reading().row(line.text) == made


@pytest.mark.skipif(sys.platform != "linux", reason="atheris is made for Linux alone")
def test_a_fuzzer_that_follows_the_branches_finds_nothing(tmp_path: Path) -> None:
    """From what SDKs send on, so many changes that every branch of the reader was taken."""
    command = [sys.executable, "-m", "tests.fuzzing", str(tmp_path), "-runs=20000", "-seed=1", "-max_len=2000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done 20000 runs" in done.stderr


@given(st.integers(0, len(packed(attempt()))), st.integers(0, 255))
@example(257, 32)  # which makes another name of the token's
def test_a_flipped_byte_shows_no_token(at: int, byte: int) -> None:
    """Noise on the way makes a reject or another value, and never a token that is kept."""
    data = bytearray(packed(attempt()))
    data[at : at + 1] = bytes([byte])
    assert TOKEN[20:60] not in b"".join(line.text for line in kept(bytes(data))).decode()


def test_the_row_of_an_attempt() -> None:
    """What a report reads: whose account, which action, which request, what came of it."""
    found = row(attempt())
    assert found == {
        "id": found["id"],
        "time": datetime(2026, 8, 1, tzinfo=UTC),
        "kind": "ApiCallAttempt",
        "service_id": "S3",
        "api": "ListObjectsV2",
        "client_id": "my-app",
        "host": "web-1",
        "region": "us-east-1",
        "account": ACCOUNT,
        "access_key_id": KEY,
        "request_id": "REQ0",
        "http_status": 200,
        "latency": 4,
        "user_agent": "Botocore/1.44.5 md/x",
        "actions": ("s3:ListBucket",),
        "event_source": "s3.amazonaws.com",
        "outcome": Outcome.OK,
        "endpoint": "s3.amazonaws.com",
        "received": datetime(2026, 8, 1, 0, 0, 0, 500_000, tzinfo=UTC),
        "raw": found["raw"],
    }


@pytest.mark.parametrize(
    ("changes", "outcome", "denied_action"),
    [
        ({}, Outcome.OK, None),
        (
            {
                "HttpStatusCode": 403,
                "AwsException": "AccessDenied",
                "AwsExceptionMessage": "User: x is not authorized to perform: s3:ListBucket",
            },
            Outcome.DENIED,
            "s3:ListBucket",
        ),
        ({"HttpStatusCode": 403, "AwsException": "403", "AwsExceptionMessage": "Forbidden"}, Outcome.DENIED, None),
        ({"HttpStatusCode": 404, "AwsException": "NoSuchBucketPolicy"}, Outcome.ERROR, None),
        (
            {"HttpStatusCode": 404, "AwsException": "404", "AwsExceptionMessage": "Not Found"},
            Outcome.UNDETERMINED,
            None,
        ),
        ({"HttpStatusCode": 503, "AwsException": "SlowDown"}, Outcome.UNDETERMINED, None),
        ({"HttpStatusCode": 500}, Outcome.UNDETERMINED, None),
        ({"HttpStatusCode": None, "SdkException": "ConnectTimeoutError"}, None, None),
    ],
)
def test_the_outcome_of_an_attempt(changes: dict[str, Any], outcome: Outcome | None, denied_action: str | None) -> None:
    """As an event's; what nothing answered has none, for it used no permission."""
    found = row(attempt(**changes))
    assert (found.get("outcome"), found.get("denied_action")) == (outcome, denied_action)


@pytest.mark.parametrize(
    ("key", "account"),
    [
        (KEY, ACCOUNT),  # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
        ("ASIAQNZGKIQY56JQ7WML"[:12] + "AAAAAAAA", "029608264752"),
        ("AKIAIOSFODNN7EXAMPLE", None),  # made before keys carried their account
        ("ASIAEXAMPLE", None),
        ("AROAQNZGKIQY56JQ7WML", None),
        ("", None),
        (None, None),
    ],
)
def test_the_account_of_a_key(key: str | None, account: str | None) -> None:
    """From the key alone; an old key says nothing."""
    assert account_of(key) == account


@pytest.mark.parametrize(
    "line",
    [
        packed(call() | {"host": "web-2"}),
        b"2026-08-01T00:00:00+00:00\tcsm.udp\t" + packed(call() | {"host": "web-2"}),
        packed({"message": packed(call()).decode(), "host": "web-2"}),
        packed({"log": packed(call()).decode(), "hostname": "web-2", "@timestamp": 1}),
        packed({"log": call(), "hostname": "web-2"}),
    ],
)
def test_what_other_agents_write(line: bytes) -> None:
    """Fluentd's and Fluent Bit's ways to write a datagram: the same row, but for the id."""
    found = dict(Reading().row(line))
    assert (found["kind"], found["service_id"], found["host"]) == ("ApiCall", "S3", "web-2")
    assert found["time"] == datetime(2026, 8, 1, tzinfo=UTC)


def test_equal_lines_of_another_agent_are_two_calls_and_the_same_ones_next_time() -> None:
    """A file that has grown, or lies elsewhere, adds only what is new."""
    first, again = Reading(), Reading()
    ids = [first.row(packed(call()))["id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert ids == [again.row(packed(call()))["id"] for _ in range(2)]
