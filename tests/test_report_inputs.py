"""What a report is told beside logs and grants: the trails' selectors, service control policies, a snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, account, background, moment, of_home, role, statement

TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main"
EVERYTHING: dict[str, object] = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}
OBJECTS = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background(), *of_home())
    return made


def trails(scenario: Scenario, *selectors: object, started: str = "2026-01-01T00:00:00Z", **trail: object) -> str:
    """A snapshot's description of one trail of the account."""
    content = {
        "taken_at": "2026-10-01T00:00:00Z",
        "account": ACCOUNT,
        "trails": [
            {
                "trail": {"TrailARN": TRAIL, "Name": "main", "HomeRegion": "eu-west-1", "IsMultiRegionTrail": True}
                | {"IncludeGlobalServiceEvents": True, "IsOrganizationTrail": False}
                | trail,
                "status": {"IsLogging": True, "StartLoggingTime": started},
                "event_selectors": list(selectors),
                "advanced_event_selectors": None,
            }
        ],
    }
    path = scenario.folder / "trails.json"
    path.write_text(json.dumps(content))
    return str(path)


def markers(rows: dict[str, Any]) -> dict[str, str]:
    """Action -> marker."""
    return {action: row["marker"] for action, row in rows.items()}


def test_a_trail_that_records_every_object_event_shows_that_there_was_none(scenario: Scenario) -> None:
    """And the reason names the trail; data actions of other types stay unknown."""
    path = trails(scenario, EVERYTHING | {"DataResources": [OBJECTS]})
    granted = account(role(statement("s3:GetObject", "sqs:ReceiveMessage", "iam:PassRole", "iam:CreateUser")))
    rows = scenario.report(granted, "--selectors", path)
    assert markers(rows) == {"s3:GetObject": "-", "sqs:ReceiveMessage": "?", "iam:PassRole": "?", "iam:CreateUser": "-"}
    assert "trail main records all" in rows["s3:GetObject"]["reason"]
    assert "sqs" in rows["sqs:ReceiveMessage"]["reason"].lower()


@pytest.mark.parametrize(
    ("selector", "action", "marker"),
    [
        ({"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::one/"]}]}, "s3:GetObject", "?"),
        ({"DataResources": [OBJECTS], "ReadWriteType": "WriteOnly"}, "s3:GetObject", "?"),
        ({"DataResources": [OBJECTS], "ReadWriteType": "WriteOnly"}, "s3:PutObject", "-"),
        ({"ReadWriteType": "WriteOnly"}, "ec2:DescribeVpcs", "?"),
        ({"ReadWriteType": "WriteOnly"}, "iam:CreateUser", "-"),
        ({"ExcludeManagementEventSources": ["kms.amazonaws.com"]}, "kms:Decrypt", "?"),
        ({}, "kms:Decrypt", "-"),
        ({"IncludeManagementEvents": False}, "iam:CreateUser", "?"),
    ],
)
def test_what_a_trail_leaves_out_proves_nothing(
    scenario: Scenario, selector: dict[str, object], action: str, marker: str
) -> None:
    """A use could have gone unseen; where nothing of its kind is left out, it could not."""
    path = trails(scenario, EVERYTHING | selector)
    assert scenario.report(account(role(statement(action))), "--selectors", path)[action]["marker"] == marker


def test_a_trail_that_began_lately_cannot_speak_for_the_time_before(scenario: Scenario) -> None:
    """Its days count, not those of the logs."""
    path = trails(scenario, EVERYTHING | {"DataResources": [OBJECTS]}, started="2026-09-20T00:00:00Z")
    row = scenario.report(account(role(statement("s3:GetObject"))), "--selectors", path)["s3:GetObject"]
    assert row["marker"] == "?"
    assert "2026-09-20" in row["reason"]


def test_trails_of_another_account_say_nothing_of_this_one(scenario: Scenario) -> None:
    """Management events go by the logs, as without the option; data events stay unknown."""
    other = TRAIL.replace(ACCOUNT, "444455556666")
    path = trails(scenario, EVERYTHING | {"DataResources": [OBJECTS]}, TrailARN=other)
    content = json.loads(Path(path).read_text())
    Path(path).write_text(json.dumps(content | {"account": "444455556666"}))
    rows = scenario.report(account(role(statement("s3:GetObject", "iam:CreateUser"))), "--selectors", path)
    assert markers(rows) == {"s3:GetObject": "?", "iam:CreateUser": "-"}


def test_an_scp_takes_away_what_the_role_is_granted(scenario: Scenario) -> None:
    """What it denies is not granted, what was used of it is +, and the statements name it."""
    scenario.log(record(1, eventName="RunInstances", eventTime=moment(9), readOnly=False))
    scp = scenario.folder / "scp.json"
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Sid": "NoMachines", "Effect": "Deny", "Action": "ec2:*", "Resource": "*"}
    scp.write_text(json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    granted = account(role(statement("ec2:RunInstances", "ec2:StopInstances", "iam:CreateUser")))
    rows = scenario.report(granted, "--scp", str(scp))
    assert markers(rows) == {"ec2:RunInstances": "+", "iam:CreateUser": "-"}
    row = rows["ec2:RunInstances"]
    assert row["granted"] == "not granted"
    assert "NoMachines" in row["reason"]
    assert [(one["sid"], one["effect"]) for one in row["statements"]] == [("NoMachines", "Deny")]


def test_the_head_says_what_it_was_not_told(scenario: Scenario) -> None:
    """Service control policies that nobody gave are named as not known."""
    path = scenario.iam(account(role(statement("iam:CreateUser"))))
    _, out, _ = scenario.run("report", "--role", "worker", "--iam", path)
    assert "service control policies are not known" in out
    scp = scenario.folder / "scp.json"
    scp.write_text(json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}))
    _, out, _ = scenario.run("report", "--role", "worker", "--iam", path, "--scp", str(scp))
    assert "service control policies are not known" not in out


def test_the_head_says_what_was_not_to_be_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Grants made after the window, and changes of policies where the region that logs them is not loaded."""
    alone = Scenario(tmp_path, capsys)
    alone.log(*background(awsRegion="eu-west-1"))
    iam = alone.iam(account(role(statement("ec2:StopInstances"))))
    for asked in (("--role", "worker"), ("--all",)):
        told = [alone.run("report", *asked, "--iam", iam, "--iam-as-of", f"2026-10-0{day}")[1] for day in (1, 3)]
        assert ["2 days after the window" in one for one in told] == [False, True]
    assert "logged in us-east-1, of which nothing" in alone.run("report", "--role", "worker", "--iam", iam)[1]


def test_a_snapshot_tells_all_of_it(scenario: Scenario) -> None:
    """A folder given to --iam holds the trails too, and the date at which all was true."""
    folder = scenario.folder / "snapshot" / ACCOUNT
    folder.mkdir(parents=True)
    trails(scenario, EVERYTHING | {"DataResources": [OBJECTS]})
    (scenario.folder / "trails.json").rename(folder / "trails.json")
    details = account(role(statement("s3:GetObject")), taken_at="2026-10-01T00:00:00Z", account=ACCOUNT)
    (folder / "authorization-details.json").write_text(json.dumps(details))
    arguments = ("report", "--role", "worker", "--iam", str(scenario.folder / "snapshot"))
    code, out, err = scenario.run(*arguments, "--format", "json")
    assert code == 0, err
    (row,) = json.loads(out)
    assert (row["action"], row["marker"]) == ("s3:GetObject", "-")
    assert "as of 2026-10-01" in err


def test_selectors_that_are_none_are_an_error(scenario: Scenario) -> None:
    """With the file's name; an empty folder says what would be in it."""
    path = scenario.iam(account(role(statement("iam:CreateUser"))))
    bad = scenario.folder / "bad.json"
    bad.write_text("{}")
    for given, text in ((bad, "bad.json"), (scenario.folder / "absent", "absent")):
        code, _, err = scenario.run("report", "--role", "worker", "--iam", path, "--selectors", str(given))
        assert (code, text in err) == (3, True), err
    empty = scenario.folder / "empty"
    empty.mkdir()
    code, _, err = scenario.run("report", "--role", "worker", "--iam", path, "--selectors", str(empty))
    assert (code, "cloudsearch snapshot" in err) == (3, True)
