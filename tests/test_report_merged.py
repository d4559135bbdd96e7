"""Permission sets, and roles of one name, over several accounts: used anywhere is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, account, background, moment, role, statement

OTHER = "444455556666"
SET = "AWSReservedSSO_Analyst_0123456789abcdef"
PATH = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
GRANTED = statement("ec2:DescribeVpcs", "ec2:RunInstances", "sns:CreateTopic", "s3:GetObject")


def reserved(of: str, *statements: dict[str, object], **fields: object) -> dict[str, object]:
    """The permission set's role in an account."""
    arn = f"arn:aws:iam::{of}:role{PATH}{SET}"
    return role(*(statements or (GRANTED,)), Path=PATH, RoleName=SET, Arn=arn, RoleId=f"AROA{of}", **fields)


def call(number: int, of: str, name: str, day: int = 5, source: str = "ec2.amazonaws.com") -> dict[str, object]:
    """A call of the permission set's session in an account."""
    identity = {
        "type": "AssumedRole",
        "principalId": f"AROA{of}:kim@example.com",
        "arn": f"arn:aws:sts::{of}:assumed-role/{SET}/kim@example.com",
        "accountId": of,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": f"AROA{of}",
                "arn": f"arn:aws:iam::{of}:role{PATH}{SET}",
                "accountId": of,
                "userName": SET,
            }
        },
    }
    return record(
        number,
        userIdentity=identity,
        eventTime=moment(day),
        eventName=name,
        eventSource=source,
        recipientAccountId=of,
    )


def elsewhere() -> list[dict[str, object]]:
    """The other account's background: it has no gap either."""
    someone = {
        "type": "IAMUser",
        "principalId": "AIDAOTHER",
        "arn": f"arn:aws:iam::{OTHER}:user/someone",
        "accountId": OTHER,
        "userName": "someone",
    }
    mine = background(recipientAccountId=OTHER)
    return [one | {"userIdentity": someone, "eventID": f"other-{number}"} for number, one in enumerate(mine)]


@pytest.fixture
def two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """Two accounts with the set: one looks at VPCs, the other runs instances and is refused a topic."""
    scenario = Scenario(tmp_path, capsys)
    refused = call(3, OTHER, "CreateTopic", source="sns.amazonaws.com") | {
        "errorCode": "AccessDenied",
        "errorMessage": "User is not authorized to perform: sns:CreateTopic",
    }
    scenario.log(*background(), *elsewhere(), call(1, ACCOUNT, "DescribeVpcs"), call(2, OTHER, "RunInstances"), refused)
    scenario.iam(account(reserved(ACCOUNT)), "one.json")
    scenario.iam(account(reserved(OTHER)), "two.json")
    return scenario


def rows(scenario: Scenario, *arguments: str) -> dict[str, dict[str, Any]]:
    """The merged rows, by action."""
    files = [f"--iam={scenario.folder / name}.json" for name in ("one", "two")]
    code, out, err = scenario.run("report", *files, "--iam-as-of", "2026-10-01", "--format", "json", *arguments)
    assert code == 0, err
    found = json.loads(out)
    assert len({row["action"] for row in found}) == len(found)
    return {row["action"]: row for row in found}


def test_a_permission_set_is_one_over_all_accounts(two: Scenario) -> None:
    """Used in one account is used; refused in one is not unused in the other; a data action is as unknown as ever."""
    found = rows(two, "--permission-set", "analyst")
    assert {action: row["marker"] for action, row in found.items()} == {
        "ec2:DescribeVpcs": " ",
        "ec2:RunInstances": " ",
        "sns:CreateTopic": "?",
        "s3:GetObject": "?",
    }
    assert found["ec2:RunInstances"]["calls"] == 1
    assert found["ec2:RunInstances"]["reason"] == "not used in 1 of 2 accounts"
    assert found["sns:CreateTopic"]["denied"] == 1
    assert {row["account"] for row in found.values()} == {"*"}
    pattern = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Analyst_*"
    assert {row["principal"] for row in found.values()} == {pattern}


def test_unused_is_what_no_account_used(two: Scenario) -> None:
    """And every one of them could have shown it."""
    two.iam(account(reserved(ACCOUNT, statement("sqs:CreateQueue"))), "one.json")
    two.iam(account(reserved(OTHER, statement("sqs:CreateQueue"))), "two.json")
    row = rows(two, "--permission-set", "Analyst")["sqs:CreateQueue"]
    assert row["marker"] == "-"
    assert row["reason"].endswith("so in 2 of 2 accounts")
    new = reserved(OTHER, statement("sqs:CreateQueue"), CreateDate="2026-09-25T00:00:00Z")
    two.iam(account(new), "two.json")
    row = rows(two, "--permission-set", "Analyst")["sqs:CreateQueue"]
    assert row["marker"] == "?"
    assert row["observed_days"] < 30


def test_an_account_without_logs_leaves_nothing_unused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody could see there may have been used there."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background())
    scenario.iam(account(reserved(ACCOUNT)), "one.json")
    scenario.iam(account(reserved(OTHER)), "two.json")
    assert {row["marker"] for row in rows(scenario, "--permission-set", "Analyst").values()} == {"?"}
    files = [f"--iam={tmp_path / name}.json" for name in ("one", "two")]
    code, out, _ = scenario.run("report", *files, "--permission-set", "Analyst", "--fail-on", "unused")
    assert code == 10
    assert f"{OTHER}: cannot conclude" in out


def test_used_in_one_account_and_granted_in_another_is_used(two: Scenario) -> None:
    """The reason says where it is not granted."""
    two.iam(account(reserved(OTHER, statement("ec2:DescribeVpcs"))), "two.json")
    row = rows(two, "--permission-set", "Analyst")["ec2:RunInstances"]
    assert row["marker"] == " "
    assert row["reason"] == f"used without being granted in {OTHER}, granted elsewhere"


def test_roles_of_one_name_merge_when_asked_to(two: Scenario) -> None:
    """``--all --merge-by name``: a line for each name; ``--role NAME --merge-by name``: the one."""
    found = rows(two, "--all", "--merge-by", "name")
    assert found == rows(two, "--role", SET, "--merge-by", "name") == rows(two, "--permission-set", "Analyst")
    files = [f"--iam={two.folder / name}.json" for name in ("one", "two")]
    _, out, _ = two.run("report", *files, "--all", "--iam-as-of", "2026-10-01", "--format", "jsonl")
    assert {json.loads(line)["account"] for line in out.splitlines()} == {ACCOUNT, OTHER}


def test_an_unknown_permission_set_names_what_is_close(two: Scenario) -> None:
    """As any other name does."""
    code, _, err = two.run("report", "--permission-set", "Analist", f"--iam={two.folder / 'one.json'}")
    assert code == 1
    assert "Close: Analyst" in err
