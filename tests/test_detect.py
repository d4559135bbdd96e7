"""Sigma rules: what they find, on each store, and what is said of those that cannot be run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudsearch.cli import main
from cloudsearch.event import Row
from cloudsearch.reports.detect import Status, detect
from cloudsearch.reports.search import Asked
from cloudsearch.reports.sigma import Rule, rules
from cloudsearch.store import Store
from cloudsearch.where import Everything
from tests.rows import event, write_and_commit
from tests.test_search import ROOT, TRAIL, odd_rows, records, rows

RULES = ROOT / "examples" / "sigma"


def _identity(record: dict[str, Any], name: str) -> Any:  # noqa: ANN401 (what JSON holds)
    return (record.get("userIdentity") or {}).get(name)


def _asked(record: dict[str, Any]) -> dict[str, Any]:
    found = record.get("requestParameters")
    return found if isinstance(found, dict) else {}


def _answered(record: dict[str, Any], name: str) -> Any:  # noqa: ANN401
    return (record.get("responseElements") or {}).get(name)


def _outside(record: dict[str, Any]) -> bool:
    address = record["sourceIPAddress"]
    session = _identity(record, "sessionContext") or {}
    role = (session.get("sessionIssuer") or {}).get("userName")
    is_office = address.startswith("192.0.2.")
    is_ci = role in ("deploy", "release") or _identity(record, "type") == "WebIdentityUser"
    return address[0].isdigit() and not is_office and not is_ci


def _refused(record: dict[str, Any]) -> bool:
    return any(word in record.get("errorCode", "") for word in ("AccessDenied", "UnauthorizedOperation"))


EXPECTED: dict[str, Callable[[dict[str, Any]], bool]] = {
    "root_sign_in": lambda r: r["eventName"] == "ConsoleLogin" and _identity(r, "type") == "Root",
    "root_activity": lambda r: (
        _identity(r, "type") == "Root" and r["eventType"] != "AwsConsoleSignIn" and not _identity(r, "invokedBy")
    ),
    "console_sign_in_failed": lambda r: r["eventName"] == "ConsoleLogin" and _answered(r, "ConsoleLogin") == "Failure",
    "console_sign_in_by_password": lambda r: (
        r["eventName"] == "ConsoleLogin"
        and _identity(r, "type") == "IAMUser"
        and _answered(r, "ConsoleLogin") == "Success"
    ),
    "switch_role": lambda r: _answered(r, "SwitchRole") == "Success",
    "access_denied": _refused,
    "refused_to_iam_user": lambda r: (
        _identity(r, "type") == "IAMUser" and "is not authorized to perform" in r.get("errorMessage", "")
    ),
    "secret_read_refused": lambda r: r["eventName"] == "GetSecretValue" and _refused(r),
    "user_deleted": lambda r: r["eventName"] == "DeleteUser",
    "sign_in_taken_away": lambda r: r["eventName"] in ("DeleteLoginProfile", "RemoveUserFromGroup"),
    "inline_policy_written": lambda r: r["eventName"] in ("PutRolePolicy", "PutUserPolicy", "PutGroupPolicy"),
    "policy_for_every_resource": lambda r: any(
        one.get("Resource") == "*" for one in _statements(_asked(r).get("policyDocument", "[]"))
    ),
    "role_made_or_deleted": lambda r: r["eventName"] in ("CreateRole", "DeleteRole"),
    "bucket_deletion_tried": lambda r: r["eventName"] == "DeleteBucket",
    "commands_on_machines": lambda r: r["eventName"] == "SendCommand",
    "machine_started_with_a_role": lambda r: r["eventName"] == "RunInstances" and "iamInstanceProfile" in _asked(r),
    "function_code_changed": lambda r: r["eventName"].startswith("UpdateFunctionCode"),
    "key_changed_by_itself": lambda r: r["eventType"] == "AwsServiceEvent" and r["eventSource"] == "kms.amazonaws.com",
    "outside_the_office": _outside,
    "role_assumed_from_another_account": lambda r: (
        r["eventName"] == "AssumeRole" and _identity(r, "type") == "AWSAccount"
    ),
}


def _statements(document: str) -> list[dict[str, Any]]:
    read = json.loads(document)
    found = read.get("Statement", []) if isinstance(read, dict) else read
    return [one for one in found if isinstance(one, dict)]


def test_the_rules_of_the_example_hit_what_they_should(store: Store) -> None:
    """Twenty rules, each the events that a line of Python picks from the records, on every store alike."""
    write_and_commit(store, rows())
    calls = [record for record in records() if "eventName" in record]
    found = {Path(one.rule.file).stem: one for one in detect(store, rules([RULES]), Asked(Everything()))}
    assert len(found) == len(EXPECTED) == 20
    for name, one in found.items():
        expected = {record["eventID"] for record in calls if EXPECTED[name](record)}
        assert {str(row["id"]) for row in one.events} == expected, name
        assert (one.status, one.hits) == (Status.HIT, len(expected)), name


def test_rules_take_odd_records(store: Store) -> None:
    """What no trail should hold makes no rule fail, and is found where the rule means it."""
    write_and_commit(store, odd_rows())
    for one in detect(store, rules([RULES]), Asked(Everything())):
        where = one.rule.where
        assert where is not None
        assert one.hits == sum(where.matches(row) for row in odd_rows())


def rule(folder: Path, detection: object, **more: object) -> Rule:
    """A rule with this detection."""
    document: dict[str, object] = {
        "title": "A rule",
        "logsource": {"product": "aws", "service": "cloudtrail"},
        "detection": detection,
        **more,
    }
    path = folder / "rule.yml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    (read,) = rules([path])
    return read


def selection(**fields: object) -> dict[str, object]:
    """One selection of fields; ``__`` in a name is a dot, and the last ``___`` begins a modifier."""
    named = {name.replace("___", "|").replace("__", "."): value for name, value in fields.items()}
    return {"selection": named, "condition": "selection"}


ROW = event(
    "1",
    event_name="GetObject",
    user_agent="aws-cli/2.0",
    read_only=True,
    source_address="192.0.2.7",
    raw_length=400,
    raw=b'{"eventName":"GetObject","errorMessage":"","requestParameters":{"n":5,"size":1.5,"key":"a*b\\\\c","flag":true}}',
)

MEANINGS: list[tuple[dict[str, object], bool]] = [
    (selection(eventName="GetObject"), True),
    (selection(eventName="getobject"), True),
    (selection(eventName___cased="getobject"), False),
    (selection(eventName="Get*"), True),
    (selection(eventName="?etObject"), True),
    (selection(eventName=["PutObject", "GetObject"]), True),
    (selection(eventName___contains___all=["get", "object"]), True),
    (selection(eventName___contains___all=["get", "bucket"]), False),
    (selection(eventName___startswith="get"), True),
    (selection(eventName___endswith="get"), False),
    (selection(errorCode=None), True),
    (selection(eventName=None), False),
    (selection(errorCode="*"), False),
    (selection(errorCode___exists=False), True),
    (selection(errorMessage=""), True),
    (selection(requestParameters__n=5), True),
    (selection(requestParameters__n="5"), True),
    (selection(requestParameters__n___gte=5), True),
    (selection(requestParameters__n___gt=5), False),
    (selection(requestParameters__n___lt=5), False),
    (selection(requestParameters__n___lte=5), True),
    (selection(requestParameters__size=1.5), True),
    (selection(requestParameters__flag=True), True),
    (selection(requestParameters__key="a\\*b\\\\c"), True),
    (selection(requestParameters__key="a\\*c"), False),
    (selection(requestParameters___contains="flag=true"), True),
    (selection(raw_length___gt=399), True),
    (selection(readOnly=True), True),
    (selection(readOnly="true"), True),
    (selection(readonly="false"), False),
    (selection(sourceIPAddress___cidr="192.0.2.0/24"), True),
    (selection(source__ip___cidr="192.0.3.0/24"), False),
    (selection(source__ip="192.0.2.*"), True),
    (selection(useragent___contains="CLI"), True),
    (selection(event__dataset="aws.cloudtrail"), True),
    (selection(event__dataset="okta"), False),
    ({"keywords": ["getobject", "nothing"], "condition": "keywords"}, True),
    ({"keywords": ["*nothing*"], "condition": "keywords"}, False),
    ({"a": {"eventName": "GetObject"}, "b": {"errorCode": "x"}, "condition": "a and not b"}, True),
    ({"a1": {"eventName": "x"}, "a2": {"eventName": "GetObject"}, "condition": "1 of a*"}, True),
    ({"a1": {"eventName": "x"}, "a2": {"eventName": "GetObject"}, "condition": "all of a*"}, False),
    ({"a": [{"eventName": "x"}, {"eventName": "GetObject"}], "condition": "a"}, True),
]


@pytest.mark.parametrize("number", range(len(MEANINGS)))
def test_what_a_rule_means(number: int, tmp_path: Path) -> None:
    """As Sigma's specification has it: https://sigmahq.io/docs/basics/modifiers.html."""
    detection, expected = MEANINGS[number]
    read = rule(tmp_path, detection)
    assert read.problem is None
    assert read.where is not None
    row: Row = ROW
    assert read.where.matches(row) is expected


NOT_RUN: list[tuple[str, str]] = [
    ("detection: {a: {eventName: x}, timeframe: 5m, condition: a}", "timeframe"),
    ("detection: {a: {eventName: x}, condition: a | count() > 5}", "aggregates"),
    ("detection: {a: {eventName: x}, condition: 'a | count(eventName) by sourceIPAddress > 5'}", "aggregates"),
    ("detection: {a: {eventName|re: 'x.*'}, condition: a}", "regular expression"),
    ("detection: {a: {eventName|fieldref: eventSource}, condition: a}", "another field"),
    ("detection: {a: {princpal: x}, condition: a}", "principal"),
    ("detection: {a: ['Get*Object'], condition: a}", "wildcards"),
    ("detection: {a: {userIdentity.arn|cidr: 10.0.0.0/8}, condition: a}", "network"),
    ("detection: {a: {eventName|gt: 5}, condition: a}", "no number"),
    ("detection: {a: {eventName|expand: '%names%'}, condition: a}", "placeholder"),
    ("detection: {a: {eventName: x}, condition: b}", "Sigma rule"),
    ("detection: {a: {eventName|nonsense: x}, condition: a}", "Sigma rule"),
    ("detection: {a: {eventName: x}}", "Sigma rule"),
    ("detection: []", "Sigma rule"),
    ("level: high", "Sigma rule"),
    (
        "correlation: {type: event_count, rules: [a], timespan: 5m, condition: {gte: 5}}",
        "correlation",
    ),
    (
        "detection: {a: {EventID: 1}, condition: a}\nlogsource: {product: windows, service: security}",
        "windows/security",
    ),
    ("detection: {a: {eventName: x}, condition: a}\nlogsource: {category: process_creation}", "aws/cloudtrail"),
]


@pytest.mark.parametrize(("body", "words"), NOT_RUN)
def test_what_cannot_be_meant_is_said(body: str, words: str, tmp_path: Path) -> None:
    """Of the rule by its name, with the reason; it is never run as if it said something else."""
    source = "" if "logsource" in body or "correlation" in body else "logsource: {product: aws, service: cloudtrail}\n"
    (tmp_path / "rule.yml").write_text(f"title: Mine\n{source}{body}\n", "utf-8")
    (read,) = rules([tmp_path])
    assert read.where is None
    assert words in str(read.problem)


@pytest.mark.parametrize(
    "text", ["{", "- 1", "text", "a: [", "\x00", "title: {}\ndetection: 5", "&a [*a]", "a: &x [1]\nb: *x"]
)
def test_what_is_no_rule_is_said(text: str, tmp_path: Path) -> None:
    """A file that holds something else is named and not run."""
    (tmp_path / "rule.yml").write_text(text, "utf-8")
    assert all(one.where is None and one.problem for one in rules([tmp_path]))


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Hits as a table and as JSON; the gate of hits, and of rules that could not be run."""
    monkeypatch.setenv("CLOUDSEARCH_STORE", str(tmp_path / "example.duckdb"))
    assert main(["load", str(TRAIL), "--quiet"]) == 0
    capsys.readouterr()
    deleted = str(RULES / "user_deleted.yml")
    assert main(["detect", deleted]) == 0
    shown = capsys.readouterr()
    assert "An IAM user is deleted" in shown.out
    assert "iam:DeleteUser" in shown.out
    assert shown.err == "1 rule: 1 with hits, 0 without, 0 not run\n"
    assert main(["detect", deleted, "--format", "json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["status"], one["hits"], one["level"]) == ("hit", 1, "medium")
    assert one["events"][0]["event_name"] == "DeleteUser"
    assert main(["detect", deleted, "--fail-on-hit"]) == 10
    assert main(["detect", deleted, "--fail-on-hit", "--until", "2026-08-20"]) == 0
    assert main(["detect", deleted, "--fail-on-hit", "--account", "444455556666"]) == 0
    capsys.readouterr()
    (tmp_path / "odd.yml").write_text("title: Odd\nlogsource: {product: aws}\ndetection: {a: {x|re: y}, condition: a}")
    assert main(["detect", str(tmp_path / "odd.yml")]) == 0
    assert "not run: Odd" in capsys.readouterr().err
    assert main(["detect", str(tmp_path / "odd.yml"), "--fail-on-hit"]) == 10
    slip = "title: Slip\nlogsource: {product: aws}\ndetection: {a: {evntName: y}, condition: a}"
    (tmp_path / "slip.yml").write_text(slip)
    assert main(["detect", str(tmp_path / "slip.yml")]) == 0
    err = capsys.readouterr().err
    assert "note: Slip (" in err
    assert "not known to write 'evntName'; did you mean eventName" in err
    assert main(["detect", str(tmp_path / "nowhere")]) == 3
    (tmp_path / "empty").mkdir()
    assert main(["detect", str(tmp_path / "empty")]) == 2
