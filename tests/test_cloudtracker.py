"""What CloudTracker, whose markers these are, got wrong: each told as it should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, account, background, moment, role, statement


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """Every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


def call(number: int, source: str, name: str, **fields: object) -> dict[str, object]:
    """A call to a host of AWS's, without its ending."""
    return record(number, eventSource=f"{source}.amazonaws.com", eventName=name, **fields)


def test_everything_that_is_used_under_a_star_is_granted(scenario: Scenario) -> None:
    """Services younger than any list, hosts with other names, and a permission that no call bears."""
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/task"
    scenario.log(
        call(1, "bedrock", "InvokeModel"),
        call(2, "eks", "ListClusters"),
        call(3, "scheduler", "ListSchedules"),
        call(4, "models.lex", "GetBots"),
        call(5, "lambda", "CreateFunction20150331", readOnly=False, requestParameters={"role": role_arn}),
    )
    rows = scenario.report(account(role(statement("*"))))
    used = {action for action, row in rows.items() if row["used"]}
    assert used == {
        "bedrock:InvokeModel",
        "eks:ListClusters",
        "iam:PassRole",
        "lambda:CreateFunction",
        "lex:GetBots",
        "scheduler:ListSchedules",
    }
    assert not [action for action, row in rows.items() if row["marker"] == "+"]


@pytest.mark.parametrize("several", [False, True])
def test_a_users_own_policy_is_read_whatever_its_form(scenario: Scenario, several: bool) -> None:  # noqa: FBT001
    """One statement, or a list of them."""
    one = statement("iam:CreateUser")
    document = {"Version": "2012-10-17", "Statement": [one, statement("iam:DeleteUser")] if several else one}
    user = {
        "Path": "/",
        "UserName": "ann",
        "UserId": "AIDAANN",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
        "CreateDate": "2025-01-01T00:00:00Z",
        "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": document}],
        "GroupList": [],
    }
    rows = scenario.report(account(users=[user]), "--user", "ann")
    assert set(rows) == ({"iam:CreateUser", "iam:DeleteUser"} if several else {"iam:CreateUser"})


def test_what_is_called_otherwise_than_it_is_granted_is_one_line(scenario: Scenario) -> None:
    """Used and granted, for calls, hosts and versions whose names differ from IAM's."""
    calls = {
        ("s3", "GetBucketAcl"): "s3:GetBucketAcl",
        ("s3", "ListObjectsV2"): "s3:ListBucket",
        ("s3", "HeadBucket"): "s3:ListBucket",
        ("application-autoscaling", "DescribeScalingPolicies"): "application-autoscaling:DescribeScalingPolicies",
        ("lambda", "ListFunctions20150331"): "lambda:ListFunctions",
        ("monitoring", "DescribeAlarms"): "cloudwatch:DescribeAlarms",
    }
    scenario.log(*(call(number, *names) for number, names in enumerate(calls)))
    rows = scenario.report(account(role(statement(*sorted(set(calls.values()))))))
    assert {action: row["marker"] for action, row in rows.items()} == dict.fromkeys(calls.values(), " ")


def test_one_call_name_of_several_services_is_as_many_uses(scenario: Scenario) -> None:
    """No service is lost behind the first that has the name."""
    services = ("rds", "dynamodb", "sns")
    scenario.log(*(call(number, service, "ListTagsForResource") for number, service in enumerate(services)))
    scenario.log(call(9, "dynamodb", "ListTagsOfResource"))
    rows = scenario.report(account(role(statement("rds:*", "dynamodb:*", "sns:*"))))
    used = {action for action, row in rows.items() if row["used"]}
    assert {"rds:ListTagsForResource", "sns:ListTagsForResource", "dynamodb:ListTagsOfResource"} <= used


def test_unlogged_is_unknown_and_logged_is_unused(scenario: Scenario) -> None:
    """The dangerous direction is a ``-`` for what no default trail records; the useless one a ``?`` for what all do."""
    data = ["s3:GetObject", "dynamodb:GetItem", "sqs:ReceiveMessage", "sns:Publish", "kinesis:PutRecord"]
    data += ["logs:PutLogEvents", "cloudwatch:PutMetricData", "lambda:InvokeFunction"]
    rows = scenario.report(account(role(statement(*data, "s3:ListAllMyBuckets"))))
    assert {action: row["marker"] for action, row in rows.items()} == {
        **dict.fromkeys(data, "?"),
        "s3:ListAllMyBuckets": "-",
    }


@pytest.mark.parametrize("code", ["NoSuchBucketPolicy", "DryRunOperation", "ResourceNotFoundException"])
def test_a_failure_of_what_was_let_in_is_a_use(scenario: Scenario, code: str) -> None:
    """The service looked before it failed."""
    scenario.log(call(1, "s3", "GetBucketPolicy", errorCode=code, errorMessage="no"))
    row = scenario.report(account(role(statement("s3:GetBucketPolicy"))))["s3:GetBucketPolicy"]
    assert (row["marker"], row["calls"], row["errors"]) == (" ", 1, 1)


def test_windows_are_exact_to_the_day_and_may_be_years(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Across the turn of a year, and longer than one."""
    scenario = Scenario(tmp_path, capsys)
    days = ("2024-11-20", "2025-12-31", "2026-01-01", "2026-02-01", "2026-02-02")
    scenario.log(*(record(number, eventTime=f"{day}T12:00:00Z") for number, day in enumerate(days)))
    details = account(role(statement("ec2:DescribeInstances"), CreateDate="2020-01-01T00:00:00Z"))
    windows = {
        ("2025-11-20", "2026-02-01"): 3,
        ("2026-01-01", "2026-01-01"): 1,
        ("2024-01-01", "2026-12-31"): 5,
        ("2025-12-31", "2026-01-01"): 2,
    }
    for (since, until), calls in windows.items():
        rows = scenario.report(details, "--since", since, "--until", until)
        assert rows["ec2:DescribeInstances"]["calls"] == calls, since


def test_a_principal_that_is_gone_is_listed_as_such(scenario: Scenario) -> None:
    """Not hidden: what it did is in the logs."""
    iam = scenario.iam(account(role(RoleName="other", RoleId="AROAOTHER", Arn=f"arn:aws:iam::{ACCOUNT}:role/other")))
    scenario.log(record(1, eventTime=moment(3)))
    out = scenario.run("list", "roles", "--iam", iam, "--format", "json")[1]
    assert {row["name"]: (row["exists"], row["used"]) for row in json.loads(out)} == {
        "worker": (False, True),
        "other": (True, False),
    }
