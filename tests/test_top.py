"""The most frequent: counted once, compared only with what the logs hold."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.render.formats import Format
from cloudsearch.render.top import foot
from cloudsearch.render.top import top as rendered
from cloudsearch.reports.top import By, Ranking, top
from cloudsearch.reports.window import Window
from cloudsearch.stores.duckdb import DuckDBStore
from tests.backends import Backend
from tests.golden_files import golden
from tests.logfiles import ACCOUNT, record
from tests.scenario import DAYS, Scenario, background, moment

EXAMPLES = Path(__file__).parent.parent / "examples"
OTHER = "444455556666"


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """Nothing loaded."""
    return Scenario(tmp_path, capsys)


def counts(scenario: Scenario, by: str, *arguments: str) -> dict[str | None, dict[str, Any]]:
    """Rows by value."""
    code, out, err = scenario.run("top", "--by", by, "--format", "json", *arguments)
    assert code == 0, err
    return {row["value"]: row for row in json.loads(out)}


@pytest.mark.parametrize(
    ("arguments", "first", "total"),
    [
        (["action"], {"value": "sts:AssumeRole", "count": 89, "first_seen": "2026-08-01T02:09:27Z"}, 41),
        (["error"], {"value": "AccessDenied", "count": 3, "denied": 3, "last_seen": "2026-09-17T15:14:27Z"}, 5),
        (["region"], {"value": "eu-west-1", "count": 384}, 2),
        (["region", "--account", OTHER], {"value": "eu-west-1"}, 2),
        (["service"], {"value": "sts.amazonaws.com", "count": 147}, 13),
    ],
)
def test_right_answers(
    every_backend: Sequence[Backend],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    first: dict[str, object],
    total: int,
) -> None:
    """On the example, from every store."""
    for backend in every_backend:
        assert main(["load", str(EXAMPLES / "AWSLogs"), "--quiet", *backend.place.options]) == 0
        capsys.readouterr()
        assert main(["top", "--by", *arguments, "--limit", "0", "--format", "json", *backend.place.options]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert {key: rows[0][key] for key in first} == first
        assert len(rows) == total
        assert [row["count"] for row in rows] == sorted((row["count"] for row in rows), reverse=True)


def test_the_example_is_counted_as_its_records_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: calls that are no owner's copy of a loaded caller's, no sign-in, no Insight, no service event."""
    calls: Counter[str] = Counter()
    for path in (EXAMPLES / "AWSLogs").rglob("*.json.gz"):
        for one in json.loads(gzip.decompress(path.read_bytes())).get("Records", ()):
            is_copy = (
                one.get("userIdentity", {}).get("accountId", one["recipientAccountId"]) != one["recipientAccountId"]
            )
            if one["eventType"] == "AwsApiCall" and not is_copy:
                calls[one["awsRegion"]] += 1
    made = Scenario(tmp_path, capsys)
    assert made.run("load", str(EXAMPLES / "AWSLogs"))[0] == 0
    assert {value: row["count"] for value, row in counts(made, "region").items()} == calls


def test_a_cross_account_call_is_one(scenario: Scenario) -> None:
    """The owner's copy counts only where no log of the caller's account is loaded."""
    shared = {"sharedEventID": "s", "eventName": "AssumeRole", "eventSource": "sts.amazonaws.com"}
    copy = record(2, **shared, recipientAccountId=OTHER)
    scenario.log(copy)
    assert counts(scenario, "action")["sts:AssumeRole"]["count"] == 1
    scenario.log(record(1, **shared))
    assert counts(scenario, "action")["sts:AssumeRole"]["count"] == 1
    network = record(3, **shared, eventType="AwsVpceEvent", eventCategory="NetworkActivity")
    scenario.log(network)
    assert counts(scenario, "action")["sts:AssumeRole"]["count"] == 1


def test_actions_are_those_of_the_calls(scenario: Scenario) -> None:
    """A refusal counts on the action it names; a call of several on each; an unknown one under its own name."""
    message = (
        f"User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::{ACCOUNT}:role/y "
        "because no identity-based policy allows the iam:PassRole action"
    )
    refused = {"errorCode": "Client.UnauthorizedOperation", "errorMessage": message}
    s3 = {"eventSource": "s3.amazonaws.com"}
    scenario.log(
        record(1, eventName="RunInstances", **refused),
        record(2, **s3, eventName="ListBuckets"),
        record(3, eventSource="nobody.amazonaws.com", eventName="Nothing"),
        record(4, eventSource="sts.amazonaws.com", eventName="GetCallerIdentity"),
        record(5, **s3, eventName="GetBucketPolicy", errorCode="NoSuchBucketPolicy"),
        record(6, eventSource="signin.amazonaws.com", eventName="ConsoleLogin", eventType="AwsConsoleSignIn"),
    )
    found = {value: (row["count"], row["denied"], row["errors"]) for value, row in counts(scenario, "action").items()}
    assert found == {
        "iam:PassRole": (1, 1, 0),
        "s3:ListAllMyBuckets": (1, 0, 0),
        "nobody.amazonaws.com:Nothing": (1, 0, 0),
        "sts:GetCallerIdentity": (1, 0, 0),
        "s3:GetBucketPolicy": (1, 0, 1),
    }
    assert set(counts(scenario, "error")) == {"Client.UnauthorizedOperation", "NoSuchBucketPolicy"}


def test_a_comparison(scenario: Scenario) -> None:
    """The last days that are over with as many before them, the first and last days whole."""
    scenario.log(*background(awsRegion="eu-west-1"))
    scenario.log(*(record(n, eventTime=moment(day)) for n, day in enumerate((47, 48, 54, 55, 60, 60))))
    row = counts(scenario, "action", "--compare", "7d")["ec2:DescribeInstances"]
    assert (row["count"], row["before"], row["change"]) == (4, 2, 2)
    row = counts(scenario, "action", "--compare", "7d")["ec2:DescribeVpcs"]
    assert (row["count"], row["before"], row["change"]) == (7, 7, 0)
    day = ["--since", "2026-09-25", "--until", "2026-09-25"]
    row = counts(scenario, "action", "--compare", "1d", *day)["ec2:DescribeInstances"]
    assert (row["before"], row["change"]) == (1, 0)


@pytest.mark.parametrize(
    ("missing", "compare", "said"),
    [(None, "31d", "nothing of account"), (50, "7d", "have no events"), (60 - 7, "7d", "have no events")],
)
def test_what_is_not_covered_is_not_compared(scenario: Scenario, missing: int | None, compare: str, said: str) -> None:
    """A gap in either period, or logs that begin later: null, and why."""
    gone = None if missing is None else moment(missing)
    scenario.log(*(event for event in background(awsRegion="eu-west-1") if event["eventTime"] != gone))
    code, out, err = scenario.run("top", "--by", "region", "--format", "json", "--compare", compare)
    (row,) = json.loads(out)
    assert (code, row["before"], row["change"]) == (0, None, None)
    assert row["count"] > 0
    assert said in err


def test_an_account_without_logs_is_not_compared(scenario: Scenario) -> None:
    """One of two accounts begins later: the sum of both would seem to have grown."""
    scenario.log(*background(awsRegion="eu-west-1"))
    other = [
        event | {"recipientAccountId": OTHER, "eventID": f"b{n}"}
        for n, event in enumerate(background(awsRegion="eu-west-1"))
    ]
    mine = [event | {"userIdentity": {**event["userIdentity"], "accountId": OTHER}} for event in other[100:]]  # type: ignore[dict-item]
    scenario.log(*mine)
    assert counts(scenario, "region", "--compare", "7d")["eu-west-1"]["before"] is None
    assert counts(scenario, "region", "--compare", "7d", "--account", ACCOUNT)["eu-west-1"]["before"] == 14
    assert DAYS == 61


def test_questions_that_make_no_sense(scenario: Scenario) -> None:
    """Each is exit 2 and says what to write."""
    scenario.log(*background(awsRegion="eu-west-1"))
    for wrong in (
        ["--by", "colour"],
        [],
        ["--by", "region", "--compare", "week"],
        ["--by", "region", "--compare", "0d"],
        ["--by", "region", "--compare", "7d", "--since", "2026-09-01"],
        ["--by", "region", "--limit", "-1"],
    ):
        assert scenario.run("top", *wrong)[0] == 2, wrong


def test_empty_stores(scenario: Scenario) -> None:
    """One that is not there names load; one without events says so."""
    code, _, err = scenario.run("top", "--by", "region")
    assert code == 4
    assert "cloudsearch load" in err
    scenario.log()
    for compare in ([], ["--compare", "7d"]):
        code, out, _ = scenario.run("top", "--by", "region", *compare)
        assert (code, out.splitlines()[0]) == (0, "No call is in the window.")


def test_hostile_names_are_harmless(scenario: Scenario) -> None:
    """No escape reaches the terminal, no formula a spreadsheet."""
    scenario.log(record(1, userAgent="=cmd()\x1b[31m"), record(2, userAgent="@x\ny"))
    _, out, _ = scenario.run("top", "--by", "agent")
    assert "\x1b" not in out
    assert len(out.splitlines()) == 5
    _, out, _ = scenario.run("top", "--by", "agent", "--format", "csv")
    assert {row["value"][0] for row in csv.DictReader(io.StringIO(out, newline=""))} == {"'"}


def test_golden(scenario: Scenario) -> None:
    """80 columns; the value, which may be long, stands last."""
    assert scenario.run("load", str(EXAMPLES / "AWSLogs"))[0] == 0
    store = DuckDBStore(scenario.folder / "store.duckdb")
    store.prepare()
    found = top(store, Window(), Ranking(By.AGENT, limit=5, compare=timedelta(days=30)))
    store.close()
    lines = [*rendered(found, Format.TABLE, width=80), *foot(found)]
    assert not [part for line in lines for part in line.split("\n") if len(part) > 80]
    golden("top.txt", lines)


@pytest.mark.parametrize("how", ["markdown", "html"])
@pytest.mark.parametrize(
    "command",
    [["top", "--by", "agent"], ["history", "--role", "worker"], ["who", "ec2:DescribeInstances"]],
)
def test_documents_say_what_they_rest_on(scenario: Scenario, command: list[str], how: str) -> None:
    """In the document and not beside it, and what a log says is text there."""
    scenario.log(record(1, userAgent="<script>alert(1)</script>"))
    code, out, err = scenario.run(*command, "--format", how)
    assert code == 0
    assert {"top": "1 calls", "history": "AWS-managed", "who": "AWS services"}[command[0]] in out
    assert how == "markdown" or "<script>alert" not in out  # there it is code, which is text
    assert "calls" not in err
