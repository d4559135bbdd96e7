"""Markers, continued: copies of calls, what was granted once, whose an earlier call was, IAM's own word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.logfiles import ACCOUNT, record
from tests.scenario import ROLE, Scenario, account, background, moment, of_home, role, statement

OTHER = "444455556666"


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """Every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background(), *of_home())
    return made


def test_the_owners_copy_stands_in_where_no_log_of_the_callers_account_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its use is seen then, and nothing else of that account can be concluded."""
    scenario = Scenario(tmp_path, capsys)
    someone = {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    scenario.log(record(1, recipientAccountId=OTHER), record(2, recipientAccountId=OTHER, userIdentity=someone))
    rows = scenario.report(account(role(statement("ec2:DescribeInstances", "iam:CreateUser"))))
    assert {action: (row["marker"], row["calls"]) for action, row in rows.items()} == {
        "ec2:DescribeInstances": (" ", 1),
        "iam:CreateUser": ("?", 0),
    }


def test_a_call_that_only_its_owners_log_tells_of_is_a_use(scenario: Scenario) -> None:
    """The caller's own log may lack a day, or data events; what both logs tell of is one call all the same."""
    worker = {"type": "AWSAccount", "principalId": "AROAWORKER:run-1", "accountId": ACCOUNT}
    theirs = {"recipientAccountId": OTHER, "userIdentity": worker}
    topic = {"eventSource": "sns.amazonaws.com", "eventName": "CreateTopic", "readOnly": False}
    data = {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventCategory": "Data"}
    scenario.log(
        record(1, **(theirs | topic)),
        record(2, **(theirs | data)),
        record(3, sharedEventID="s"),
        record(4, sharedEventID="s", **theirs),
    )
    details = account(role(statement("sns:CreateTopic", "s3:GetObject", "ec2:DescribeInstances")))
    found = {action: (row["marker"], row["calls"]) for action, row in scenario.report(details).items()}
    assert found == dict.fromkeys(("sns:CreateTopic", "s3:GetObject", "ec2:DescribeInstances"), (" ", 1))


def test_a_copy_of_the_network_counts_no_call_and_leaves_nothing_unused(scenario: Scenario) -> None:
    """A VPC endpoint saw the call: it is no use that is counted, nor proof that there was none."""
    seen = {"eventType": "AwsVpceEvent", "eventCategory": "NetworkActivity", "managementEvent": False}
    scenario.log(record(1, eventName="StopInstances", readOnly=False, vpcEndpointId="vpce-1", **seen))
    row = scenario.report(account(role(statement("ec2:StopInstances"))))["ec2:StopInstances"]
    assert (row["marker"], row["calls"], row["used"]) == ("?", 0, False)
    assert "network" in row["reason"]


def test_times_of_use_are_those_of_calls_alone(scenario: Scenario) -> None:
    """A refusal before, and a failure of unknown sort after, move neither the first nor the last use."""
    call = {"eventName": "StopInstances", "readOnly": False}
    scenario.log(
        record(1, eventTime=moment(2), errorCode="AccessDenied", errorMessage="Access Denied", **call),
        record(2, eventTime=moment(10), **call),
        record(3, eventTime=moment(11), errorCode="Client.DryRunOperation", errorMessage="it would", **call),
        record(4, eventTime=moment(20), errorCode="Client.RequestLimitExceeded", errorMessage="slow down", **call),
    )
    row = scenario.report(account(role(statement("ec2:StopInstances"))))["ec2:StopInstances"]
    assert (row["calls"], row["errors"], row["denied"]) == (2, 1, 1)
    assert (row["first_used"], row["last_used"]) == (moment(10), moment(11))


def test_used_and_since_taken_away(scenario: Scenario) -> None:
    """A change after the last use that the logs show tells until when it was granted."""
    change = {"roleName": "worker", "policyName": "old"}
    names = {"eventSource": "iam.amazonaws.com", "eventName": "DeleteRolePolicy", "requestParameters": change}
    scenario.log(record(1, eventTime=moment(5)), record(2, eventTime=moment(20), readOnly=False, **names))
    row = scenario.report(account(role(statement("iam:CreateUser"))))["ec2:DescribeInstances"]
    assert row["marker"] == "+"
    assert row["reason"] == "granted until 2026-08-21 at the latest (DeleteRolePolicy then)"


def test_used_and_since_refused(scenario: Scenario) -> None:
    """A refusal after the last use says that the grant is gone."""
    refused = {"errorCode": "Client.UnauthorizedOperation", "errorMessage": "You are not authorized"}
    scenario.log(record(1, eventTime=moment(5)), record(2, eventTime=moment(9), **refused))
    row = scenario.report(account(role(statement("iam:CreateUser"))))["ec2:DescribeInstances"]
    assert (row["marker"], row["reason"]) == ("+", "refused since 2026-08-10")


def test_used_where_todays_statements_do_not_let_it(scenario: Scenario) -> None:
    """The reason is the evaluation's: here a Deny."""
    scenario.log(record(1))
    details = account(role(statement("ec2:*"), statement("ec2:DescribeInstances", effect="Deny", Sid="No")))
    row = scenario.report(details)["ec2:DescribeInstances"]
    assert row["marker"] == "+"
    assert "not granted today" in row["reason"]
    assert "No" in row["reason"]


def test_the_earlier_principal_of_the_name_may_be_taken_for_the_same(scenario: Scenario) -> None:
    """``--same-name``: somebody who makes a role anew at each deployment wants one answer."""
    identity = json.loads(json.dumps(record(1)["userIdentity"]).replace("AROAWORKER", "AROAEARLIER"))
    scenario.log(record(1, userIdentity=identity), record(2))
    details = account(role(statement("ec2:DescribeInstances")))
    for more in ((), ("--resources",)):
        assert scenario.report(details, *more)["ec2:DescribeInstances"]["calls"] == 1
        assert scenario.report(details, "--same-name", *more)["ec2:DescribeInstances"]["calls"] == 2
    iam = scenario.iam(details)
    assert scenario.run("report", "--role", "worker", "--iam", iam, "--same-name", "--through")[0] == 2


def test_a_window_that_begins_later_starts_the_clock(scenario: Scenario) -> None:
    """The latest of the beginnings counts: the window's, the logs', the principal's, the last change's."""
    granted = account(role(statement("iam:CreateUser"), CreateDate="2026-08-11T00:00:00Z"))
    starts = {(): "2026-08-11T00:00:00Z", ("--since", "2026-08-21"): "2026-08-21T00:00:00Z"}
    starts[("--since", "2026-07-01", "--until", "2026-09-30")] = "2026-08-11T00:00:00Z"
    for window, start in starts.items():
        row = scenario.report(granted, *window, "--min-days", "1")["iam:CreateUser"]
        assert (row["observed_from"], row["marker"] in "-?") == (start, True)


def test_a_group_that_a_user_joins_starts_its_clock(scenario: Scenario) -> None:
    """What the group grants was not unused before."""
    names = {"eventSource": "iam.amazonaws.com", "eventName": "AddUserToGroup", "readOnly": False}
    joined = {"userName": "ann", "groupName": "ops"}
    scenario.log(record(1, eventTime=moment(40), requestParameters=joined, **names))
    user = {
        "Path": "/",
        "UserName": "ann",
        "UserId": "AIDAANN",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
        "CreateDate": "2025-01-01T00:00:00Z",
        "UserPolicyList": [],
        "GroupList": ["ops"],
    }
    document = {"Version": "2012-10-17", "Statement": [statement("iam:CreateUser")]}
    group = {
        "Path": "/",
        "GroupName": "ops",
        "GroupId": "AGPAOPS",
        "Arn": f"arn:aws:iam::{ACCOUNT}:group/ops",
        "CreateDate": "2025-01-01T00:00:00Z",
        "GroupPolicyList": [{"PolicyName": "p", "PolicyDocument": document}],
    }
    row = scenario.report(account(users=[user], GroupDetailList=[group]), "--user", "ann")["iam:CreateUser"]
    assert (row["marker"], row["observed_from"]) == ("?", moment(40))
    assert "AddUserToGroup" in row["reason"]


@pytest.mark.parametrize(("region", "marker"), [("eu-west-1", "-"), ("ap-south-1", "?")])
def test_iam_may_know_of_a_region_that_is_not_loaded(scenario: Scenario, region: str, marker: str) -> None:
    """The role acted where no log is from: what else it did there is not known."""
    scenario.log(record(1))
    last = {"LastUsedDate": moment(50), "Region": region}
    worker = role(statement("ec2:StopInstances"), RoleLastUsed=last)
    row = scenario.report(account(worker))["ec2:StopInstances"]
    assert row["marker"] == marker
    assert ("in ap-south-1" in row["reason"]) is (marker == "?")


def test_a_credential_report_may_veto_too(scenario: Scenario) -> None:
    """It says the access key was used while the logs have nothing of the user: nothing is concluded."""
    user = {
        "Path": "/",
        "UserName": "ann",
        "UserId": "AIDAANN",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
        "CreateDate": "2025-01-01T00:00:00Z",
        "UserPolicyList": [
            {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement("iam:CreateUser")]}}
        ],
        "GroupList": [],
    }
    details = account(users=[user])
    assert scenario.report(details, "--user", "ann")["iam:CreateUser"]["marker"] == "-"
    told = scenario.folder / "credentials.csv"
    told.write_text(
        "user,arn,user_creation_time,password_enabled,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date\n"
        f"ann,{user['Arn']},2025-01-01T00:00:00+00:00,false,N/A,2026-08-20T10:00:00+00:00,N/A\n"
    )
    row = scenario.report(details, "--user", "ann", "--iam", str(told))["iam:CreateUser"]
    assert row["marker"] == "?"
    assert "2026-08-20" in row["reason"]


def test_a_forwarded_call_is_the_principals_own(scenario: Scenario) -> None:
    """A service that acts with the caller's permissions exercises them, let in or refused."""
    by = record(1)["userIdentity"]
    assert isinstance(by, dict)
    forwarded = {"userIdentity": by | {"invokedBy": "athena.amazonaws.com"}, "eventSource": "glue.amazonaws.com"}
    refused = {"errorCode": "AccessDeniedException", "errorMessage": "Access denied"}
    scenario.log(
        record(1, eventName="GetTable", sourceIPAddress="athena.amazonaws.com", **forwarded),
        record(2, eventName="GetDatabase", sourceIPAddress="athena.amazonaws.com", **forwarded, **refused),
    )
    rows = scenario.report(account(role(statement("glue:GetTable", "glue:GetDatabase"))))
    assert (rows["glue:GetTable"]["marker"], rows["glue:GetTable"]["calls"]) == (" ", 1)
    assert (rows["glue:GetDatabase"]["marker"], rows["glue:GetDatabase"]["denied"]) == ("?", 1)


def test_streams_of_an_administrator_are_whole(scenario: Scenario) -> None:
    """Every action the catalogue knows is a row for programs; the table has a line for each service."""
    iam = scenario.iam(account(role(statement("*"))))
    out = scenario.run("report", "--role", ROLE, "--iam", iam, "--format", "jsonl")[1]
    assert len(out.splitlines()) > 20_000
    table = scenario.run("report", "--role", ROLE, "--iam", iam)[1]
    assert len(table.splitlines()) < 1_500


def _managed(
    *versions: tuple[str, str, tuple[str, ...]], arn: str = "arn:aws:iam::aws:policy/Theirs"
) -> dict[str, Any]:
    """A managed policy, the newest of its versions first: the one in force."""
    told = [
        {
            "VersionId": name,
            "CreateDate": created,
            "IsDefaultVersion": number == 0,
            "Document": {"Version": "2012-10-17", "Statement": [statement(*actions)]},
        }
        for number, (name, created, actions) in enumerate(versions)
    ]
    return {"PolicyName": arn.rpartition("/")[2], "Arn": arn, "PolicyVersionList": told}


def test_what_a_newer_version_of_a_policy_grants_is_granted_since_then(scenario: Scenario) -> None:
    """AWS changes its policies without an event; the versions in the IAM file tell what is new, and since when."""
    theirs = _managed(
        ("v3", moment(50), ("ec2:StopInstances", "sqs:CreateQueue")),
        ("v2", moment(45), ("ec2:StopInstances",)),
        ("v1", "2024-01-01T00:00:00Z", ("ec2:StopInstances", "ec2:StartInstances")),
    )
    worker = role(AttachedManagedPolicies=[{"PolicyName": "Theirs", "PolicyArn": theirs["Arn"]}])
    rows = scenario.report(account(worker, Policies=[theirs]))
    assert (rows["ec2:StopInstances"]["marker"], rows["ec2:StopInstances"]["observed_days"]) == ("-", 61)
    assert (rows["sqs:CreateQueue"]["marker"], rows["sqs:CreateQueue"]["observed_days"]) == ("?", 11)
    assert rows["sqs:CreateQueue"]["reason"] == "granted only since 2026-09-20: Theirs v3 then"
    told_of = scenario.report(account(worker, Policies=[theirs]), "--min-days", "11")["sqs:CreateQueue"]
    assert (told_of["marker"], told_of["observed_from"]) == ("-", moment(50))


def test_a_policy_whose_earlier_versions_are_not_told_granted_nothing_before(scenario: Scenario) -> None:
    """Nor one whose earlier version is no policy; where another policy granted it all the time, that counts."""
    alone = _managed(("v7", moment(50), ("ec2:StopInstances", "sqs:CreateQueue")))
    broken = _managed(("v2", moment(50), ("sns:CreateTopic",)), arn=f"arn:aws:iam::{ACCOUNT}:policy/Ours")
    broken["PolicyVersionList"].append({"VersionId": "v1", "CreateDate": "2024-01-01T00:00:00Z", "Document": {"x": 1}})
    attached = [{"PolicyName": one["PolicyName"], "PolicyArn": one["Arn"]} for one in (alone, broken)]
    worker = role(statement("ec2:StopInstances"), AttachedManagedPolicies=attached)
    rows = scenario.report(account(worker, Policies=[alone, broken]))
    assert {action: row["marker"] for action, row in rows.items()} == {
        "ec2:StopInstances": "-",
        "sqs:CreateQueue": "?",
        "sns:CreateTopic": "?",
    }


def test_a_boundary_that_lets_more_in_since_lately(scenario: Scenario) -> None:
    """It bounds what is granted: what its newer version lets in was not granted before."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/Bound"
    versions = (("v2", moment(50), ("ec2:*",)), ("v1", "2024-01-01T00:00:00Z", ("ec2:StopInstances",)))
    bound = {"PermissionsBoundaryArn": arn}
    worker = role(statement("ec2:StopInstances", "ec2:StartInstances"), PermissionsBoundary=bound)
    rows = scenario.report(account(worker, Policies=[_managed(*versions, arn=arn)]))
    assert (rows["ec2:StopInstances"]["marker"], rows["ec2:StartInstances"]["marker"]) == ("-", "?")
    assert rows["ec2:StartInstances"]["reason"] == "granted only since 2026-09-20: Bound v2 then"


def test_what_is_granted_in_regions_without_logs_is_not_unused(scenario: Scenario) -> None:
    """By a condition or by the ARNs; one region with logs among them is enough, as for what is granted everywhere."""

    def within(*regions: str, operator: str = "StringEquals") -> dict[str, Any]:
        return {"Condition": {operator: {"aws:RequestedRegion": list(regions)}}}

    def on(*arns: str) -> dict[str, Any]:
        return {"Resource": list(arns)}

    there, here = "arn:aws:ec2:ap-south-1:*:instance/*", "arn:aws:ec2:eu-west-1:*:instance/*"
    rows = scenario.report(
        account(
            role(
                statement("ec2:StopInstances", "iam:CreateUser", **within("ap-south-1")),
                statement("ec2:CreateVpc", **within("ap-*", operator="StringLike")),
                statement("ec2:StartInstances", "s3:DeleteBucket", **on(there, "arn:aws:s3:::bucket")),
                statement("ec2:CreateSubnet", **within("ap-south-1", "eu-west-1")),
                statement("ec2:RebootInstances", **on(there, here)),
                statement("ec2:TerminateInstances", **on(there)),
                statement("ec2:TerminateInstances", **on("arn:aws:ec2:*:*:instance/*")),
            )
        )
    )
    assert {action for action, row in rows.items() if row["marker"] == "?"} == {
        "ec2:StopInstances",
        "ec2:CreateVpc",
        "ec2:StartInstances",
    }
    assert rows["ec2:StopInstances"]["reason"].startswith("granted in ap-south-1 alone")
