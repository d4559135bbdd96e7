"""``report --resources``: where an action is granted, and what it was used on as far as events tell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from tests.backends import Backend
from tests.golden_files import golden
from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, account, background, moment, role, statement

EXAMPLES = Path(__file__).parent.parent / "examples"
IAM = ["--iam", str(EXAMPLES / "iam"), "--iam-as-of", "2026-10-01"]
DEPLOY = ["report", "--role", "deploy", "--resources", *IAM]
LOGS, DATA = "arn:aws:s3:::logs", "arn:aws:s3:::data"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """61 days without a gap."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


def call(number: int, what: str, *arns: str, **fields: object) -> dict[str, object]:
    """A call of ``service:Name`` by ``worker`` whose event names these ARNs."""
    service, _, name = what.partition(":")
    named = {"resources": [{"ARN": arn, "accountId": ACCOUNT} for arn in arns]} if arns else {}
    source = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "eventTime": moment(number)}
    return record(number, **source, **named, **fields)


def used(row: dict[str, Any]) -> dict[str, int]:
    """Calls by resource."""
    return {one["resource"]: one["calls"] for one in row["used_on"]}


def test_granted_on_everything_and_used_on_two_buckets(scenario: Scenario) -> None:
    """The sentence that the list is for; the most called comes first."""
    scenario.log(*(call(n, "s3:GetBucketPolicy", LOGS if n else DATA) for n in range(3)))
    details = account(role(statement("s3:GetBucketPolicy")))
    row = scenario.report(details, "--resources")["s3:GetBucketPolicy"]
    assert (row["granted_on"], row["not_told"]) == (["*"], 0)
    assert row["used_on"] == [
        {"resource": LOGS, "calls": 2, "first_used": moment(1), "last_used": moment(2)},
        {"resource": DATA, "calls": 1, "first_used": moment(0), "last_used": moment(0)},
    ]
    iam = scenario.iam(details)
    out = scenario.run("report", "--role", "worker", "--resources", "--iam", iam)[1]
    assert f"granted on *; used on 2 resources: {LOGS} x 2, {DATA} x 1" in out


def test_what_no_event_names_is_not_told(scenario: Scenario) -> None:
    """Calls without an ARN, and with those of other things alone, are counted and never spread over the named ones."""
    key = f"{DATA}/a"
    scenario.log(
        call(1, "s3:GetObject", f"{DATA}/a", DATA),
        call(2, "s3:GetObject", f"{DATA}/a", f"{DATA}/b", DATA),
        call(3, "s3:GetObject", DATA),
        call(4, "s3:GetObject"),
        call(5, "s3:GetObject", f"{DATA}/c", errorCode="AccessDenied"),
    )
    row = scenario.report(account(role(statement("s3:GetObject"))), "--resources")["s3:GetObject"]
    assert used(row) == {key: 2, f"{DATA}/b": 1}
    assert (row["calls"], row["not_told"]) == (4, 2)


def test_an_action_without_resources_has_none_to_tell(scenario: Scenario) -> None:
    """It acts on ``*`` alone: whatever an event names is not what it was granted on."""
    scenario.log(call(1, "ec2:DescribeInstances", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1"))
    row = scenario.report(account(role(statement("ec2:DescribeInstances"))), "--resources")["ec2:DescribeInstances"]
    assert (row["calls"], row["used_on"], row["not_told"]) == (1, [], 0)


def test_patterns_are_those_that_may_name_what_the_action_acts_on(scenario: Scenario) -> None:
    """A statement on a bucket and on its objects grants each action on one of them; NotResource says what it spares."""
    both = statement("s3:GetObject", "s3:GetBucketPolicy", Resource=[DATA, f"{DATA}/${{aws:userid}}/*"])
    spared = statement("kms:Decrypt") | {"NotResource": [KEY]}
    del spared["Resource"]
    rows = scenario.report(account(role(both, spared)), "--resources")
    assert rows["s3:GetObject"]["granted_on"] == [f"{DATA}/${{aws:userid}}/*"]
    assert rows["s3:GetBucketPolicy"]["granted_on"] == [DATA]
    assert rows["kms:Decrypt"]["granted_on"] == [f"everything but {KEY}"]


def test_what_a_boundary_leaves_and_a_deny_takes_is_said(scenario: Scenario) -> None:
    """Each beside the others: the three parts are not reckoned up."""
    limit = {"Version": "2012-10-17", "Statement": [statement("s3:*", Resource=f"{DATA}/*")]}
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limit"
    details = account(
        role(
            statement("s3:GetObject"),
            statement("s3:*", effect="Deny", Resource=f"{DATA}/secret/*"),
            PermissionsBoundary={"PermissionsBoundaryArn": boundary, "PermissionsBoundaryType": "Policy"},
        ),
        Policies=[
            {
                "PolicyName": "limit",
                "Arn": boundary,
                "DefaultVersionId": "v1",
                "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": True, "Document": limit}],
            }
        ],
    )
    row = scenario.report(details, "--resources")["s3:GetObject"]
    assert row["granted_on"] == ["*"]
    assert row["limited_to"] == [f"{DATA}/*"]
    assert row["denied_on"] == [f"{DATA}/secret/*"]


def test_policies_of_one_name_are_told_apart_by_what_they_name(scenario: Scenario) -> None:
    """A user's inline policy and its group's may share a name, and their statements a place."""
    own = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement("s3:GetObject")]}}
    groups = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}
    groups["PolicyDocument"] = {
        "Version": "2012-10-17",
        "Statement": [statement("s3:ListBucket", Resource=LOGS)],
    }
    user = {
        "Path": "/",
        "UserName": "alice",
        "UserId": "AIDAALICE",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
        "CreateDate": "2025-01-01T00:00:00Z",
        "UserPolicyList": [own],
        "GroupList": ["g"],
    }
    group = {
        "Path": "/",
        "GroupName": "g",
        "GroupId": "AGPAG",
        "Arn": f"arn:aws:iam::{ACCOUNT}:group/g",
        "CreateDate": "2025-01-01T00:00:00Z",
        "GroupPolicyList": [groups],
    }
    rows = scenario.report(account(users=[user], GroupDetailList=[group]), "--user", "alice", "--resources")
    assert rows["s3:GetObject"]["granted_on"] == ["*"]
    assert rows["s3:ListBucket"]["granted_on"] == [LOGS]


def test_rows_are_those_of_the_report(scenario: Scenario) -> None:
    """Markers, counts and reasons; what was used and is not granted too, and calls that no action is known for."""
    scenario.log(
        call(1, "sqs:CreateQueue", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"),
        call(2, "nosuch:Thing", KEY),
        call(3, "kms:Decrypt", KEY),
        call(4, "kms:Decrypt", KEY, recipientAccountId="444455556666"),
    )
    details = account(role(statement("kms:Decrypt", "sqs:DeleteQueue")))
    plain, told = scenario.report(details), scenario.report(details, "--resources")
    assert list(told) == list(plain)
    for action, row in told.items():
        for name in ("account", "principal", "marker", "granted", "calls", "reason"):
            assert row[name] == plain[action][name], action
    assert used(told["sqs:CreateQueue"]) == {f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q": 1}
    assert used(told["nosuch.amazonaws.com:Thing"]) == {KEY: 1}
    assert used(told["kms:Decrypt"]) == {KEY: 1}


def test_all_is_the_same_as_each(scenario: Scenario) -> None:
    """One pass over the events, and the same rows."""
    assert scenario.run("load", str(EXAMPLES / "AWSLogs"))[0] == 0
    whole = ["report", "--all", "--resources", *IAM, "--format", "jsonl"]
    together = [json.loads(line) for line in scenario.run(*whole)[1].splitlines()]
    for name in ("deploy", "reports", "platform-admin"):
        alone = ["report", "--role", name, "--resources", *IAM, "--format", "jsonl"]
        own = [json.loads(line) for line in scenario.run(*alone)[1].splitlines()]
        assert own == [row for row in together if row["principal"].endswith(f"/{name}")]
        assert own


def test_every_store_tells_the_same(every_backend: Sequence[Backend], capsys: pytest.CaptureFixture[str]) -> None:
    """On the example trail, in every format."""
    told = []
    for place in every_backend:
        assert main(["load", str(EXAMPLES / "AWSLogs"), *place.place.options]) == 0
        for how in ("table", "json", "jsonl", "csv", "markdown", "html"):
            capsys.readouterr()
            assert main(["report", "--all", "--resources", *IAM, "--format", how, *place.place.options]) == 0
            told.append((how, capsys.readouterr().out))
    assert len(set(told)) == 6


def test_golden(scenario: Scenario) -> None:
    """The example's ``deploy``, for people; as CSV a list is JSON in its cell, and Markdown and HTML have every row."""
    assert scenario.run("load", str(EXAMPLES / "AWSLogs"))[0] == 0
    code, out, err = scenario.run(*DEPLOY)
    assert code == 0, err
    golden("deploy-resources.txt", out.splitlines())
    rows = list(csv.DictReader(io.StringIO(scenario.run(*DEPLOY, "--format", "csv")[1])))
    (decrypt,) = (row for row in rows if row["action"] == "kms:Decrypt")
    assert json.loads(decrypt["granted_on"]) == ["*"]
    for how in ("markdown", "html"):
        shown = scenario.run(*DEPLOY, "--format", how)[1]
        assert all(row["action"] in shown for row in rows)


@pytest.mark.parametrize(
    "flags",
    [["--services"], ["--through"], ["--dest-role", "release"], ["--merge-by", "name"], ["--compare", "2026-09-01"]],
)
def test_flags_that_do_not_go_together(scenario: Scenario, flags: list[str]) -> None:
    """Exit 2, and what to leave out."""
    code, out, err = scenario.run(*DEPLOY, *flags)
    assert (code, out) == (2, "")
    assert "--resources" in err or "--through" in err


def test_gates_go_by_the_rows(scenario: Scenario) -> None:
    """As in the plain report."""
    assert scenario.run("load", str(EXAMPLES / "AWSLogs"))[0] == 0
    assert scenario.run(*DEPLOY, "--fail-on", "unused>1")[0] == 10
    assert scenario.run(*DEPLOY, "--fail-on", "unused>2")[0] == 0
