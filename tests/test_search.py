"""Searching: what a query means, the same from every store, and what is said of one that cannot be read."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch.cli import main
from cloudsearch.derive import derive
from cloudsearch.errors import RecordError
from cloudsearch.event import Row
from cloudsearch.reports.lucene import QueryError
from cloudsearch.reports.query import parse
from cloudsearch.reports.search import Asked, columns, search
from cloudsearch.reports.window import window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import Everything, In, Where
from tests.rows import ODD_RECORDS, write_and_commit

ROOT = Path(__file__).parent.parent
TRAIL = ROOT / "examples" / "AWSLogs"
NOW = datetime(2026, 10, 1, tzinfo=UTC)
QUERIES: list[tuple[str, int]] = json.loads((ROOT / "tests/cases/search.json").read_text("utf-8"))["queries"]


@cache
def records() -> list[dict[str, Any]]:
    """The example trail's records, each once."""
    found = (
        record
        for path in sorted(TRAIL.rglob("*.gz"))
        for record in json.loads(gzip.decompress(path.read_bytes())).get("Records", ())
    )
    return list({record["eventID"] if "eventID" in record else json.dumps(record): record for record in found}.values())


@cache
def rows() -> list[Row]:
    """The example trail's rows."""
    return [derive(json.dumps(record, separators=(",", ":")).encode()) for record in records()]


@cache
def odd_rows() -> list[Row]:
    """Rows of records that no trail should hold, and each store keeps in a way of its own."""
    found: list[Row] = []
    for name, raw in ODD_RECORDS.items():
        if len(raw) < 60_000 and raw.lstrip(b"\xef\xbb\xbf").startswith(b"{") and name != "cut off":
            with suppress(RecordError):
                found.append(derive(raw))
    return found


def found(where: Where) -> set[str]:
    """The ids of the example's rows that match."""
    return {str(row["id"]) for row in rows() if where.matches(row)}


@pytest.mark.parametrize(("query", "count"), QUERIES)
def test_a_query_finds_as_many_events_as_the_table_says(query: str, count: int) -> None:
    """The counts were written down from the parser's own answers: they keep its meaning from changing unseen.

    What the meaning has to be, ``test_a_query_means_what_it_says`` holds against the records.
    """
    assert len(found(parse(query, now=NOW))) == count


INDEPENDENT: dict[str, Callable[[dict[str, Any]], bool]] = {
    "eventName:Delete* AND NOT errorCode:*": lambda r: r["eventName"].startswith("Delete") and not r.get("errorCode"),
    "+eventName:AssumeRole -awsRegion:us-east-1": lambda r: (
        r["eventName"] == "AssumeRole" and r["awsRegion"] != "us-east-1"
    ),
    "requestParameters.maxItems:>=100": lambda r: ((r.get("requestParameters") or {}).get("maxItems") or 0) >= 100,
    "eventName:ListUsers eventName:DeleteUser": lambda r: r["eventName"] in ("ListUsers", "DeleteUser"),
    "dave": lambda r: "dave" in json.dumps(r).lower(),
    "@timestamp:[2026-08-10 TO 2026-08-12}": lambda r: "2026-08-10" <= r["eventTime"] < "2026-08-12",
    "source.ip:198.51.100.0/25": lambda r: (
        r["sourceIPAddress"].startswith("198.51.100.") and int(r["sourceIPAddress"].split(".")[3]) < 128
    ),
    "resources.type:AWS\\:\\:S3*": lambda r: any(
        one.get("type", "").startswith("AWS::S3") for one in r.get("resources", ())
    ),
    "aws.cloudtrail.request_parameters:\\{stackName=storefront*\\}": lambda r: (
        list(r.get("requestParameters") or ())[:1] == ["stackName"]
    ),
    "userIdentity.accountId:(111122223333 OR 444455556666) AND readOnly:false": lambda r: (
        r["userIdentity"].get("accountId") in ("111122223333", "444455556666") and not r["readOnly"]
    ),
}


@pytest.mark.parametrize("query", INDEPENDENT)
def test_a_query_means_what_it_says(query: str) -> None:
    """As a few words of Python say it of CloudTrail's own records."""
    calls = [record for record in records() if "eventName" in record]
    expected = {record["eventID"] for record in calls if INDEPENDENT[query](record)}
    assert expected
    ids = {str(row["id"]) for row in rows() if "event_name" in row and parse(query, now=NOW).matches(row)}
    assert ids == expected


def test_every_store_finds_the_same(store: Store) -> None:
    """All queries of the table, over the example's events and over records of every odd kind."""
    kept = [*rows(), *odd_rows()]
    write_and_commit(store, kept)
    wrong = {}
    for query, _ in QUERIES:
        where = parse(query, now=NOW)
        expected = {str(row["id"]) for row in kept if where.matches(row)}
        told = {str(row["id"]) for row in store.rows(EVENTS, where, fields=[EVENTS.by_name["id"]])}
        if told != expected:
            wrong[query] = sorted(told ^ expected)[:5]
    assert not wrong


def test_the_newest_come_first(store: Store) -> None:
    """However many are asked for, those without a time last, in a window only those in it."""
    undated = derive(b'{"eventID":"undated","eventName":"ListUsers"}')
    write_and_commit(store, [*rows(), undated])
    shown = columns(["id"])
    expected = sorted(
        (row for row in rows() if row.get("time")), key=lambda row: (row["time"], row["id"]), reverse=True
    )
    ids = [row["id"] for row in expected]
    everything = [row["id"] for row in search(store, Asked(Everything()), shown)]
    assert everything[: len(ids)] == ids
    assert "undated" in everything[len(ids) :]
    assert [row["id"] for row in search(store, Asked(Everything(), limit=7), shown)] == ids[:7]
    of_day = window("2026-08-21", "2026-08-21", now=NOW)
    assert {row["id"] for row in search(store, Asked(Everything(), of_day), shown)} == found(
        parse("time:2026-08-21", now=NOW)
    )
    asked = Asked(Everything(), accounts=("444455556666",), limit=3)
    of_account = [row["id"] for row in expected if row.get("recipient_account") == "444455556666"]
    assert [row["id"] for row in search(store, asked, shown)] == of_account[:3]


FAULTS = [
    ("", 0, "empty"),
    ("a~2", 1, "likeness"),
    ('eventName:"x"~3', 13, "likeness"),
    ("eventName:x^2", 11, "boosts"),
    ("eventName:/x.*/", 10, "regular expressions"),
    ("requestParameters.key:/etc/passwd", 22, "quotes"),
    ("eventName:(A OR", 15, "too early"),
    ("eventName:A)", 11, "not expected"),
    ("AND eventName:A", 0, "not expected"),
    ('eventName:"x', 10, "not closed"),
    ("eventName:'x'", 10, "quotes are"),
    ("userIdentity.arn:arn:aws:iam::1:user/x", 29, "colon"),
    ("userIdentity.arn:arn:x", 20, "colon"),
    ("eventName:(a OR errorCode:b)", 25, "within a field"),
    ("a && b", 2, "AND"),
    ("a || b", 2, "OR"),
    ("eventName:A AND !x", 16, "NOT"),
    ("outcome:ok OR princpal:x", 14, "principal"),
    ("eventname:x", 0, "eventName"),
    ("event.acton:x", 0, "event.action"),
    ("cloudsearch.nothing:x", 0, "no field"),
    ("request*:x", 0, "no wildcard"),
    ("readOnly:maybe", 9, "true or false"),
    ("readOnly:tr*", 9, "wildcard"),
    ("readOnly:[false TO true]", 10, "range"),
    ("raw_length:many", 11, "whole number"),
    ("time:yesterday", 5, "no time"),
    ("time:2026-13-01", 5, "no time"),
    ("time:[2026-08-01 TO 2026-02-30]", 20, "no time"),
    ("source.ip:nonsense", 10, "IP address"),
    ("source.ip:[10.0.0.9 TO 10.0.0.1]", 11, "order"),
    ("source.ip:>10.0.0.1", 11, "both"),
    ("eventName:[a* TO b]", 11, "wildcard"),
    ("Get*Policy", 0, "field before"),
    ("[a TO b]", 0, "field before"),
    ("_exists_:(a OR b)", 9, "word"),
]


@pytest.mark.parametrize(("query", "at", "words"), FAULTS)
def test_what_is_wrong_is_pointed_at(query: str, at: int, words: str) -> None:
    """The character, and what to write instead."""
    with pytest.raises(QueryError) as raised:
        parse(query, now=NOW)
    assert (raised.value.at, raised.value.exit_code) == (at, 2)
    assert words in str(raised.value)
    shown, mark = raised.value.__notes__
    assert query[at : at + 1] == shown[mark.index("^") : mark.index("^") + 1]


HOSTILE = [
    "*" * 1000,
    "eventName:" + "*" * 1000,
    "eventName:" + "*a" * 2000 + "b",
    "eventName:" + "?" * 5000,
    "requestParameters.key:" + "*a?" * 1000,
    "userAgent:" + "a*" * 20 + "?" * 20 + "b",
    "(" * 10_000 + "a" + ")" * 10_000,
    "(" * 4_000 + "a" + ")" * 4_000,
    "NOT " * 2_000 + "a",
    "-" * 9_000 + "a",
    "a:" * 4_000 + "a",
    "eventName:(" + "x OR " * 1_000 + "x)",
    " AND ".join(["eventName:*a*"] * 500),
    "a " * 4_000,
    "x" * 20_000,
    "eventName:/(a+)+b/",
    'eventName:"' + "\\" * 5_001,
    "[* TO " * 1_000,
    "eventName:{{}}{{" * 500,
    "\0\ud800\u202e",
    "eventName:\ud800*",
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_query_takes_no_time(number: int, store: Store) -> None:
    """It is refused, or answered, as every store would; within a few seconds even where machines are slow."""
    some = rows()[:60]
    write_and_commit(store, some)
    began = time.monotonic()
    try:
        where = parse(HOSTILE[number], now=NOW)
    except QueryError:
        pass
    else:
        told = {row["id"] for row in store.rows(EVENTS, where, fields=[EVENTS.by_name["id"]])}
        assert told == {row["id"] for row in some if where.matches(row)}
    assert time.monotonic() - began < 10


@given(st.text(max_size=40) | st.text('aT:"()[]{}*?\\+-~^/<>= \tORAND1', max_size=40))
@settings(deadline=None)
def test_any_text_is_read_or_refused(query: str) -> None:
    """Nothing else comes out, what is read can be asked."""
    with suppress(QueryError):
        assert parse(query, now=NOW).matches(rows()[0]) in (True, False)


@given(st.text(min_size=1, max_size=20), st.sampled_from(["user_agent", "userAgent", "requestParameters.key"]))
@settings(deadline=None)
def test_a_quoted_value_is_itself(text: str, name: str) -> None:
    """Whatever signs it holds; only quotes and backslashes need a backslash."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    where = parse(f'{name}:"{quoted}"', now=NOW)
    for value in (text, f"{text}x"):
        record = json.dumps({"userAgent": value, "requestParameters": {"key": value}}).encode()
        assert where.matches({"user_agent": value, "raw": record}) is (value == text)


@given(st.text("ab*?\\", min_size=1, max_size=6))
@settings(deadline=None)
def test_a_wildcard_behind_a_backslash_is_itself(text: str) -> None:
    """A word with every sign escaped finds that word and no other; a star behind it is one."""
    word = "".join(f"\\{char}" for char in text)
    assert parse(f"user_agent:{word}", now=NOW) == In(EVENTS.by_name["user_agent"], (text,))
    begins = parse(f"user_agent:{word}*", now=NOW)
    assert begins.matches({"user_agent": f"{text}x"})
    assert not begins.matches({"user_agent": f"y{text}"})


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the example trail, the command's own."""
    path = tmp_path / "example.duckdb"
    monkeypatch.setenv("CLOUDSEARCH_STORE", str(path))
    assert main(["load", str(TRAIL), "--quiet"]) == 0
    return path


@pytest.mark.usefixtures("example")
def test_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    """One object or line an event, of the fields asked for under the names they were asked for by."""
    capsys.readouterr()
    fields = "id,event.action,source.ip,requestParameters,requestParameters.userName,cloudsearch.time"
    query = ["search", "event.action:DeleteUser", "--fields", fields]
    assert main([*query, "--format", "json"]) == 0
    (event,) = json.loads(capsys.readouterr().out)
    assert list(event) == fields.split(",")
    assert event | {"id": ""} == {
        "id": "",
        "event.action": "DeleteUser",
        "source.ip": "192.0.2.10",
        "requestParameters": {"userName": "dave"},
        "requestParameters.userName": "dave",
        "cloudsearch.time": "2026-08-21T16:02:00Z",
    }
    assert main([*query, "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out) == event
    assert main([*query, "--format", "csv"]) == 0
    (line,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (line["event.action"], line["requestParameters"]) == ("DeleteUser", '{"userName":"dave"}')
    assert main([*query, "--format", "markdown"]) == 0
    assert "| DeleteUser |" in capsys.readouterr().out
    assert main(query) == 0
    assert capsys.readouterr().out.split()[:2] == ["id", "event.action"]
    assert main(["search", "event.action:DeleteUser", "--fields", "record", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["record"]["requestParameters"] == {"userName": "dave"}


@pytest.mark.usefixtures("example")
def test_the_limit_says_that_there_are_more(capsys: pytest.CaptureFixture[str]) -> None:
    """And says nothing of it where there are none."""
    capsys.readouterr()
    assert main(["search", "eventName:Delete*", "--limit", "3"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 4
    assert "The newest 3 events; there are more" in shown.err
    assert main(["search", "eventName:Delete*", "--limit", "7"]) == 0
    assert capsys.readouterr().err == "7 events\n"
    assert main(["search", "eventName:Nothing"]) == 0
    assert capsys.readouterr() == ("", "No event is found.\n")


@pytest.mark.usefixtures("example")
def test_a_wrong_query_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    """With the character below the query; so are a query and an id at once, and fields that there are not."""
    capsys.readouterr()
    assert main(["search", "eventName:x AND princpal:y"]) == 2
    assert capsys.readouterr().err.split("\n")[1:3] == ["    eventName:x AND princpal:y", "                    ^"]
    for wrong in (
        ["search"],
        ["search", "x", "--open", "y"],
        ["search", "x", "--fields", "princpal"],
        ["search", "x", "--fields", ","],
    ):
        assert main(wrong) == 2


@pytest.mark.usefixtures("example")
def test_a_member_that_nobody_knows_is_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be new, so it is looked for; whoever mistyped it must not take no events for an answer."""
    capsys.readouterr()
    assert main(["search", "evntName:x AND requestParameters.anything:y OR NOT Foo.bar:1", "--limit", "1"]) == 0
    err = capsys.readouterr().err
    assert "CloudTrail is not known to write 'evntName'; did you mean eventName" in err
    assert "CloudTrail is not known to write 'Foo'\n" in err
    assert "requestParameters" not in err


@pytest.mark.usefixtures("example")
def test_an_event_is_opened_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """What was derived, and the record; an id that is nobody's is an error."""
    (one,) = (record for record in records() if record.get("eventName") == "DeleteUser")
    capsys.readouterr()
    assert main(["search", "--open", one["eventID"]]) == 0
    derived, _, record = capsys.readouterr().out.partition("\n\n")
    assert json.loads(record) == one
    assert "arn:aws:iam::111122223333:user/people/alice" in derived
    assert main(["search", "--open", one["eventID"], "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["record"] == one
    assert main(["search", "--open", "nobody"]) == 1
    assert "no event nobody" in capsys.readouterr().err


def test_following_tells_what_is_loaded_once(example: Path, tmp_path: Path) -> None:
    """The newest events first, then each that comes, whatever its own time; Ctrl-C ends it with 130."""
    new = {
        "eventID": "new",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventName": "DeleteUser",
        "eventSource": "iam.amazonaws.com",
    }
    (tmp_path / "new.json").write_text(json.dumps({"Records": [new, {**new, "eventID": "other", "eventName": "x"}]}))
    query = ["search", "eventName:DeleteUser", "--follow", "--interval", "0.2", "--fields", "id", "--format", "csv"]
    command = [sys.executable, "-m", "cloudsearch", *query, "--store", str(example)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        (one,) = (record["eventID"] for record in records() if record.get("eventName") == "DeleteUser")
        assert [process.stdout.readline().strip() for _ in range(2)] == ["id", one]
        assert main(["load", str(tmp_path / "new.json"), "--store", str(example), "--quiet"]) == 0
        assert process.stdout.readline().strip() == "new"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""
        assert process.wait(10) == 130


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize("wrong", [["--format", "json"], ["--output", "x"], ["--format", "html"]])
def test_following_has_no_end_to_wait_for(wrong: list[str]) -> None:
    """What would be whole only at its end is refused."""
    assert main(["search", "*", "--follow", *wrong]) == 2


def test_an_event_on_a_terminal_is_highlighted(example: Path) -> None:
    """And what is no colour of ours moves no cursor."""
    (one,) = (record for record in records() if record.get("eventName") == "DeleteUser")
    out = _on_a_terminal(["search", "--open", one["eventID"], "--store", str(example)])
    assert "\x1b[9" in out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out).replace("\r", "")
    assert "\x1b" not in plain
    assert json.loads(plain.partition("\n\n")[2]) == one


def _on_a_terminal(command: Sequence[str]) -> str:
    here, terminal = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "cloudsearch", *command], stdout=terminal):
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # what reading from a terminal that nobody writes to any more ends in
            while part := os.read(here, 65_536):
                shown += part
    os.close(here)
    return shown.decode()
