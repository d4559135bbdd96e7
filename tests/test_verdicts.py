"""What each marker may claim: one test a decision, from log files and an IAM file to the row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.logfiles import ACCOUNT, record
from tests.scenario import ROLE, Scenario, account, background, moment, of_home, role, statement

MODERN = (
    "User: arn:aws:sts::111122223333:assumed-role/worker/run-1 is not authorized to perform: {action} on resource: "
    "arn:aws:ec2:eu-west-1:111122223333:instance/i-1 because no identity-based policy allows the {action} action"
)


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background(), *of_home())
    return made


def test_used_and_granted_is_blank(scenario: Scenario) -> None:
    """With the number of calls and the first and last of them."""
    scenario.log(record(1, eventTime=moment(3)), record(2, eventTime=moment(9)))
    row = scenario.report(account(role(statement("ec2:DescribeInstances"))))["ec2:DescribeInstances"]
    assert (row["marker"], row["granted"], row["used"], row["calls"]) == (" ", "granted", True, 2)
    assert (row["first_used"], row["last_used"]) == (moment(3), moment(9))
    assert row["statements"] == [{"policy": "inline", "sid": None, "effect": "Allow"}]
    assert row["access_level"] == "List"


def test_granted_unused_and_visible_is_unused(scenario: Scenario) -> None:
    """With since when, how many days, and where it would have been seen."""
    row = scenario.report(account(role(statement("iam:CreateUser"))))["iam:CreateUser"]
    assert (row["marker"], row["used"], row["observed_days"]) == ("-", False, 61)
    assert row["observed_from"] == "2026-08-01T00:00:00Z"
    assert "61 days" in row["reason"]
    assert "eu-west-1" in row["reason"]


def test_used_and_not_granted_is_plus(scenario: Scenario) -> None:
    """A resource policy may grant it, and the reason says so."""
    scenario.log(record(1))
    row = scenario.report(account(role(statement("iam:CreateUser"))))["ec2:DescribeInstances"]
    assert (row["marker"], row["granted"]) == ("+", "not granted")
    assert "resource policy" in row["reason"]


def test_a_condition_makes_it_conditional(scenario: Scenario) -> None:
    """Conditional grants count as granted."""
    scenario.log(record(1))
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    row = scenario.report(account(role(statement("ec2:DescribeInstances", Condition=condition))))
    assert (row["ec2:DescribeInstances"]["marker"], row["ec2:DescribeInstances"]["granted"]) == (" ", "conditional")


def test_a_data_action_is_never_unused(scenario: Scenario) -> None:
    """Nor is what no log shows, nor what needs no operation."""
    rows = scenario.report(
        account(role(statement("s3:GetObject", "s3:ListBucket", "iam:PassRole", "sqs:ReceiveMessage")))
    )
    assert {row["marker"] for row in rows.values()} == {"?"}


def test_refused_only_cannot_be_known(scenario: Scenario) -> None:
    """It may be a grant that was mended yesterday."""
    refused = {"errorCode": "Client.UnauthorizedOperation", "errorMessage": MODERN.format(action="ec2:StopInstances")}
    scenario.log(record(1, eventName="StopInstances", readOnly=False, eventTime=moment(5), **refused))
    row = scenario.report(account(role(statement("ec2:StopInstances"))))["ec2:StopInstances"]
    assert (row["marker"], row["calls"], row["denied"], row["used"]) == ("?", 0, 1, False)
    assert "tried once, refused" in row["reason"]
    assert "2026-08-06" in row["reason"]


def test_a_refusal_counts_on_the_action_its_message_names(scenario: Scenario) -> None:
    """RunInstances refused for PassRole is no refusal of RunInstances."""
    refused = {"errorCode": "Client.UnauthorizedOperation", "errorMessage": MODERN.format(action="iam:PassRole")}
    scenario.log(record(1, eventName="RunInstances", readOnly=False, **refused))
    rows = scenario.report(account(role(statement("ec2:RunInstances", "iam:PassRole"))))
    assert (rows["iam:PassRole"]["denied"], rows["ec2:RunInstances"]["denied"]) == (1, 0)
    assert rows["ec2:RunInstances"]["marker"] == "-"


def test_undetermined_errors_only_cannot_be_known(scenario: Scenario) -> None:
    """A throttled call may have come before authorisation."""
    scenario.log(
        record(1, eventName="StopInstances", errorCode="Client.RequestLimitExceeded", errorMessage="slow down")
    )
    row = scenario.report(account(role(statement("ec2:StopInstances"))))["ec2:StopInstances"]
    assert (row["marker"], row["calls"]) == ("?", 0)
    assert "only failed calls: Client.RequestLimitExceeded x 1" in row["reason"]


def test_an_error_after_authorisation_is_a_use(scenario: Scenario) -> None:
    """NoSuchEntity, DryRunOperation: the service looked, so it let the caller in."""
    scenario.log(
        record(
            1, eventSource="iam.amazonaws.com", eventName="GetRole", errorCode="NoSuchEntityException", errorMessage="x"
        ),
        record(2, eventName="RunInstances", readOnly=False, errorCode="Client.DryRunOperation", errorMessage="ok"),
    )
    rows = scenario.report(account(role(statement("iam:GetRole", "ec2:RunInstances"))))
    for action in ("iam:GetRole", "ec2:RunInstances"):
        assert (rows[action]["marker"], rows[action]["calls"], rows[action]["errors"]) == (" ", 1, 1)
        assert rows[action]["reason"].startswith("never succeeded")


def test_an_earlier_role_of_the_name_is_told_apart(scenario: Scenario) -> None:
    """Its calls are not this one's; an action it used is no longer called unused."""
    identity = json.loads(json.dumps(record(1)["userIdentity"]).replace("AROAWORKER", "AROAEARLIER"))
    scenario.log(record(1, userIdentity=identity, eventTime=moment(2)))
    row = scenario.report(account(role(statement("ec2:DescribeInstances"))))["ec2:DescribeInstances"]
    assert (row["marker"], row["calls"]) == ("?", 0)
    assert "AROAEARLIER" in row["reason"]
    assert "2026-08-03" in row["reason"]


def test_a_young_role_is_not_judged(scenario: Scenario) -> None:
    """Its life began ten days before the logs end."""
    row = scenario.report(account(role(statement("iam:CreateUser"), CreateDate="2026-09-21T00:00:00Z")))[
        "iam:CreateUser"
    ]
    assert (row["marker"], row["observed_days"]) == ("?", 10)
    assert "granted only since 2026-09-21" in row["reason"]


def test_a_policy_changed_in_the_window_starts_the_clock_again(scenario: Scenario) -> None:
    """What was granted last week was not unused for two months."""
    change = {"roleName": "worker", "policyName": "inline"}
    scenario.log(
        record(
            1,
            eventSource="iam.amazonaws.com",
            eventName="PutRolePolicy",
            requestParameters=change,
            eventTime=moment(50),
        )
    )
    row = scenario.report(account(role(statement("iam:CreateUser"))))["iam:CreateUser"]
    assert (row["marker"], row["observed_days"]) == ("?", 11)
    assert "PutRolePolicy" in row["reason"]
    long_ago = scenario.report(account(role(statement("iam:CreateUser"))), "--min-days", "10")["iam:CreateUser"]
    assert long_ago["marker"] == "-"


def test_a_policy_changed_after_the_window_was_none_in_it(scenario: Scenario) -> None:
    """The window ends before what it asks about was granted; IAM does not mind the case of a name."""
    scenario.log(
        record(
            1,
            eventSource="iam.amazonaws.com",
            eventName="PutRolePolicy",
            requestParameters={"roleName": "Worker", "policyName": "inline"},
            eventTime=moment(50),
        )
    )
    row = scenario.report(account(role(statement("ec2:StopInstances"))), "--until", "2026-09-10")["ec2:StopInstances"]
    assert (row["marker"], row["observed_days"]) == ("?", 0)
    assert row["reason"] == "granted only since 2026-09-20: PutRolePolicy then"


def test_a_file_older_than_the_policy_proves_nothing(scenario: Scenario) -> None:
    """A grant that changed after the IAM file was written is not judged by it."""
    change = {"roleName": "worker", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    scenario.log(
        record(
            1,
            eventSource="iam.amazonaws.com",
            eventName="AttachRolePolicy",
            requestParameters=change,
            eventTime=moment(5),
        )
    )
    rows = scenario.report(account(role(statement("iam:CreateUser"))), "--iam-as-of", "2026-08-02")
    assert rows["iam:CreateUser"]["marker"] == "?"
    assert "older than the policy" in rows["iam:CreateUser"]["reason"]


def test_a_file_older_than_the_role_itself_proves_nothing(scenario: Scenario) -> None:
    """The role that it tells of is gone, and another has its name."""
    made = {"eventSource": "iam.amazonaws.com", "requestParameters": {"roleName": "worker"}, "readOnly": False}
    scenario.log(
        record(1, eventName="DeleteRole", eventTime=moment(50), **made),
        record(2, eventName="CreateRole", eventTime=moment(51), **made),
    )
    row = scenario.report(account(role(statement("ec2:StopInstances"))))["ec2:StopInstances"]
    assert (row["marker"], row["reason"]) == ("?", "the IAM file is older than this role: CreateRole 2026-09-21")
    anew = role(statement("ec2:StopInstances"), RoleId="AROANEW", CreateDate=moment(51))
    assert "created then" in scenario.report(account(anew))["ec2:StopInstances"]["reason"]
    same = scenario.report(account(role(statement("ec2:StopInstances"))), "--same-name")["ec2:StopInstances"]
    assert same["marker"] == "-"


def test_few_days_of_logs_prove_nothing(scenario: Scenario) -> None:
    """Under --min-days nothing is unused."""
    rows = scenario.report(account(role(statement("iam:CreateUser"))), "--since", "2026-09-20")
    assert (rows["iam:CreateUser"]["marker"], rows["iam:CreateUser"]["observed_days"]) == ("?", 11)
    assert "only 11 days of logs" in rows["iam:CreateUser"]["reason"]
    assert (
        scenario.report(account(role(statement("iam:CreateUser"))), "--min-days", "62")["iam:CreateUser"]["marker"]
        == "?"
    )


def test_days_without_events_are_gaps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Past 5 % nothing can be concluded; below it the reason counts them."""
    for missing, marker in ((3, "-"), (4, "?")):
        scenario = Scenario(tmp_path / str(missing), capsys)
        scenario.folder.mkdir()
        gone = {moment(day) for day in range(20, 20 + missing)}
        scenario.log(*(event for event in [*background(), *of_home()] if event["eventTime"] not in gone))
        row = scenario.report(account(role(statement("iam:CreateUser"))))["iam:CreateUser"]
        assert row["marker"] == marker
        assert ("3 gap days" if marker == "-" else "cannot conclude: 4 of 61 days") in row["reason"]


def test_logs_that_end_early_are_a_gap(scenario: Scenario) -> None:
    """A window that reaches past the last event is not covered by it."""
    rows = scenario.report(account(role(statement("iam:CreateUser"))), "--until", "2026-10-20")
    assert rows["iam:CreateUser"]["marker"] == "?"
    assert "cannot conclude" in rows["iam:CreateUser"]["reason"]


def test_an_account_without_events_gets_no_advice(scenario: Scenario) -> None:
    """No `-` at all, whatever other accounts' logs hold; the head gives the verdict."""
    other = json.loads(json.dumps(account(role(statement("iam:CreateUser")))).replace(ACCOUNT, "999988887777"))
    assert {row["marker"] for row in scenario.report(other).values()} == {"?"}
    _, _, err = scenario.run("report", "--role", "worker", "--iam", scenario.iam(other), "--format", "json")
    assert "cannot conclude" in err


def test_an_empty_store_gets_no_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty query must never end in removing every permission."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log()
    rows = scenario.report(account(role(statement("*"))))
    assert len(rows) > 10_000
    assert {row["marker"] for row in rows.values()} <= {"?", " "}


def test_read_actions_need_read_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trail of writes alone shows no read; writes are judged all the same."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*(event for event in [*background(), *of_home()] if not event["readOnly"]))
    rows = scenario.report(account(role(statement("iam:CreateUser", "iam:ListUsers"))))
    assert (rows["iam:CreateUser"]["marker"], rows["iam:ListUsers"]["marker"]) == ("-", "?")


def test_a_service_of_one_region_needs_the_logs_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """IAM is called from everywhere and logged in us-east-1: other regions' logs show nothing of it."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background(awsRegion="eu-west-1"))
    rows = scenario.report(account(role(statement("iam:CreateUser", "route53:*", "ec2:StopInstances"))))
    assert {row["marker"] for action, row in rows.items() if not action.startswith("ec2:")} == {"?"}
    assert "logged in us-east-1" in rows["iam:CreateUser"]["reason"]
    assert rows["ec2:StopInstances"]["marker"] == "-"


def test_events_that_tell_no_region_are_calls_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CloudTrail tells it always; what makes logs of its own may not."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background(awsRegion=None))
    details = account(role(statement("ec2:StopInstances", "iam:CreateUser")))
    assert {row["marker"] for row in scenario.report(details).values()} == {"-"}
    _, told, _ = scenario.run("report", "--role", "worker", "--iam", scenario.iam(details))
    assert "us-east-1" not in told


@pytest.mark.parametrize(
    "fields", [{"eventCategory": "Data", "managementEvent": False}, {"eventType": "AwsServiceEvent"}]
)
def test_other_events_show_no_calls_of_management(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, object]
) -> None:
    """A trail of data events alone, or what AWS's services do by themselves, cover the days and prove nothing."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background(**fields))
    details = account(role(statement("ec2:StopInstances")))
    row = scenario.report(details)["ec2:StopInstances"]
    assert (row["marker"], row["reason"]) == ("?", "no management events of the account are loaded")
    _, out, _ = scenario.run("list", "roles", "--iam", scenario.iam(details))
    assert "? worker" in out


def test_kms_may_be_left_out_of_a_trail(scenario: Scenario) -> None:
    """Its management events are excludable: unused only where some are seen."""
    details = account(role(statement("kms:ScheduleKeyDeletion")))
    assert scenario.report(details)["kms:ScheduleKeyDeletion"]["marker"] == "?"
    someone = background()[0]["userIdentity"]
    scenario.log(record(1, userIdentity=someone, eventSource="kms.amazonaws.com", eventName="ListKeys"))
    assert scenario.report(details)["kms:ScheduleKeyDeletion"]["marker"] == "-"


def test_iam_itself_may_veto(scenario: Scenario) -> None:
    """RoleLastUsed inside the window while the logs have nothing: nothing is concluded."""
    used = {"LastUsedDate": "2026-08-20T00:00:00Z", "Region": "eu-west-1"}
    row = scenario.report(account(role(statement("iam:CreateUser"), RoleLastUsed=used)))["iam:CreateUser"]
    assert row["marker"] == "?"
    assert "2026-08-20" in row["reason"]
    before = {"LastUsedDate": "2026-07-20T00:00:00Z", "Region": "eu-west-1"}
    assert (
        scenario.report(account(role(statement("iam:CreateUser"), RoleLastUsed=before)))["iam:CreateUser"]["marker"]
        == "-"
    )


def test_what_needs_no_permission_is_never_advice(scenario: Scenario) -> None:
    """GetCallerIdentity: blank when used, and never - or +."""
    used = scenario.report(account(role(statement("sts:GetCallerIdentity"))))
    assert used["sts:GetCallerIdentity"]["marker"] == " "
    scenario.log(record(1, eventSource="sts.amazonaws.com", eventName="GetCallerIdentity"))
    row = scenario.report(account(role(statement("iam:CreateUser"))))["sts:GetCallerIdentity"]
    assert (row["marker"], row["reason"], row["calls"]) == (" ", "needs no permission", 1)


def test_an_assumed_observability_is_said_and_strict_refuses_it(scenario: Scenario) -> None:
    """Where no AWS page states that a call is logged, the reason says assumed, and --strict concludes nothing."""
    details = account(role(statement("*")))
    assumed = [row for row in scenario.report(details).values() if row["marker"] == "-" and "assumed" in row["reason"]]
    assert assumed
    strict = scenario.report(details, "--strict")
    assert {strict[row["action"]]["marker"] for row in assumed} == {"?"}


def test_a_missing_policy_document_is_not_a_missing_grant(scenario: Scenario) -> None:
    """A filtered file that lacks a document yields ?, never not granted."""
    scenario.log(record(1))
    attached = [{"PolicyName": "Gone", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/Gone"}]
    row = scenario.report(account(role(statement("iam:CreateUser"), AttachedManagedPolicies=attached)))
    assert (row["ec2:DescribeInstances"]["marker"], row["ec2:DescribeInstances"]["granted"]) == ("?", None)
    assert "policy/Gone" in row["ec2:DescribeInstances"]["reason"]


def test_nothing_is_known_to_be_granted_under_a_boundary_that_is_missing(scenario: Scenario) -> None:
    """Neither granted nor unused may be claimed: the boundary may allow none of it."""
    scenario.log(
        record(1), record(2, eventName="RunInstances", readOnly=False, errorCode="Client.UnauthorizedOperation")
    )
    arn = f"arn:aws:iam::{ACCOUNT}:policy/limit"
    limited = role(statement("ec2:*", "iam:CreateUser"), PermissionsBoundary={"PermissionsBoundaryArn": arn})
    rows = scenario.report(account(limited))
    told = {action: (row["marker"], row["granted"]) for action, row in rows.items()}
    assert set(told.values()) == {("?", None)}
    lacking = f"the IAM file lacks the document of {arn}"
    assert rows["iam:CreateUser"]["reason"] == f"{lacking}; never called"
    assert rows["ec2:DescribeInstances"]["reason"] == lacking
    assert rows["ec2:RunInstances"]["reason"].startswith(f"{lacking}; tried once, refused")


def test_a_call_without_a_known_action_is_listed_as_unknown(scenario: Scenario) -> None:
    """It is never guessed, and never lost."""
    scenario.log(record(1, eventSource="warp.amazonaws.com", eventName="EngageDrive"))
    row = scenario.report(account(role(statement("iam:CreateUser"))))["warp.amazonaws.com:EngageDrive"]
    assert (row["marker"], row["calls"], row["granted"]) == ("?", 1, None)
    assert "no IAM action is known" in row["reason"]


def test_a_call_whose_parameters_decide_may_have_used_each_of_its_actions(scenario: Scenario) -> None:
    """None of them is unused; those of other calls are."""
    names = {"eventSource": "models-v2-lex.amazonaws.com", "eventName": "CreateResourcePolicyStatement"}
    scenario.log(record(1, **names, readOnly=False))
    granted = account(role(statement("lex:UpdateResourcePolicy", "lex:CreateResourcePolicy", "lex:CreateBot")))
    rows = scenario.report(granted)
    markers = {action: row["marker"] for action, row in rows.items() if action.startswith("lex:")}
    assert markers == {"lex:UpdateResourcePolicy": "?", "lex:CreateResourcePolicy": "?", "lex:CreateBot": "-"}
    assert "CreateResourcePolicyStatement x 1" in rows["lex:UpdateResourcePolicy"]["reason"]


def test_what_parameters_would_have_told_is_unused(scenario: Scenario) -> None:
    """A call that needs more with some parameters, and was made without them, needed no more."""
    names = {"eventSource": "lambda.amazonaws.com", "eventName": "CreateFunction20150331", "readOnly": False}
    scenario.log(record(1, **names, requestParameters={"functionName": "f"}))
    rows = scenario.report(account(role(statement("lambda:CreateFunction", "lambda:TagResource"))))
    assert {action: row["marker"] for action, row in rows.items()} == {
        "lambda:CreateFunction": " ",
        "lambda:TagResource": "-",
    }


def test_service_events_are_no_calls(scenario: Scenario) -> None:
    """AwsServiceEvent and sign-in events appear in no report."""
    scenario.log(
        record(1, eventType="AwsServiceEvent"),
        record(2, eventType="AwsConsoleSignIn", eventSource="signin.amazonaws.com", eventName="ConsoleLogin"),
    )
    rows = scenario.report(account(role(statement("iam:CreateUser"))))
    assert set(rows) == {"iam:CreateUser"}


def test_the_owners_copy_counts_only_where_the_callers_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cross-account call is one call, though two accounts log it."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background())
    scenario.log(record(1, sharedEventID="s"), record(2, sharedEventID="s", recipientAccountId="444455556666"))
    details = account(role(statement("ec2:DescribeInstances")))
    assert scenario.report(details)["ec2:DescribeInstances"]["calls"] == 1


def test_principals_of_the_same_name_in_two_accounts_do_not_mix(scenario: Scenario) -> None:
    """The name alone is not enough then; the ARN is, and so is --account."""
    other = json.loads(json.dumps(role(statement("iam:CreateUser"))).replace(ACCOUNT, "444455556666"))
    path = scenario.iam(account(role(statement("ec2:DescribeInstances")), other))
    code, _, err = scenario.run("report", "--role", "worker", "--iam", path)
    assert code == 2
    assert ROLE in err
    assert scenario.run("report", "--role", ROLE, "--iam", path)[0] == 0
    code, _, err = scenario.run("report", "--role", "worker", "--iam", path, "--account", "999999999999")
    assert (code, "of account 999999999999" in err, ROLE in err) == (1, True, True)
    assert scenario.run("report", "--role", "worker", "--account", "444455556666", "--iam", path)[0] == 0


def test_show_and_hide_benign_leave_rows_out(scenario: Scenario) -> None:
    """--hide-benign goes by the access level, and never hides what reads secrets or data."""
    reads = ("secretsmanager:GetSecretValue", "s3:GetObject", "kms:Decrypt", "ssm:GetParameters", "dynamodb:GetItem")
    details = account(role(statement("iam:CreateUser", "iam:ListUsers", "s3:ListBucket", *reads)))
    hidden = scenario.report(details, "--hide-benign")
    assert set(hidden) == {"iam:CreateUser", *reads}
    assert set(scenario.report(details, "--show", "unused")) >= {"iam:CreateUser", "iam:ListUsers"}
    assert "s3:GetObject" not in scenario.report(details, "--show", "unused,used")
    asked = ("report", "--role", "worker", "--iam", scenario.iam(details), "--show")
    assert scenario.run(*asked, "bogus")[0] == 2
    assert scenario.run(*asked, "unused,used")[1].splitlines()[-2] == "0 used, 4 unused"
