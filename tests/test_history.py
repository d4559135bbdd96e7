"""What changed of a principal: by the events, with what they cannot tell said."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.render.formats import Format
from cloudsearch.render.history import head
from cloudsearch.render.history import history as rendered
from cloudsearch.reports.changes import CALLS
from cloudsearch.reports.history import Subject, history
from cloudsearch.reports.window import Window
from cloudsearch.stores.duckdb import DuckDBStore
from tests.backends import Backend
from tests.golden_files import golden
from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, account, background, moment, of_home, role, statement

EXAMPLES = Path(__file__).parent.parent / "examples"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/p"
ALICE = {
    "type": "IAMUser",
    "principalId": "AIDAALICE",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    "accountId": ACCOUNT,
    "userName": "alice",
}


def call(number: int, name: str, day: int, parameters: object, **fields: object) -> dict[str, object]:
    """A call of IAM by alice, at noon of a day."""
    source = CALLS[name].source
    return record(
        number,
        userIdentity=ALICE,
        eventSource=source,
        eventName=name,
        requestParameters=parameters,
        eventTime=moment(day),
        awsRegion="us-east-1",
        readOnly=False,
        **fields,
    )


def user(name: str, **fields: object) -> dict[str, object]:
    """A user of the IAM file."""
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    about = {"Path": "/", "UserName": name, "UserId": f"AIDA{name.upper()}", "Arn": arn}
    return about | {"CreateDate": "2025-01-01T00:00:00Z", "GroupList": [], "AttachedManagedPolicies": []} | fields


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


def told(scenario: Scenario, *arguments: str) -> list[dict[str, Any]]:
    """Rows of the history."""
    code, out, err = scenario.run("history", *arguments, "--format", "json")
    assert code == 0, err
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


def days(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Call and day of each."""
    return [f"{row['call']} {row['time'][5:10]}" for row in rows]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--role", "deploy"], ["DetachRolePolicy 08-18"]),
        (["--role", "patching"], ["PutRolePolicy 09-15"]),
        (["--user", "dave"], ["RemoveUserFromGroup 08-21", "DeleteUser 08-21"]),
        (
            ["--role", "metrics"],
            ["DeleteRolePolicy 08-25", "DeleteRole 08-25", "CreateRole 08-25", "PutRolePolicy 08-25"],
        ),
        (["--role", "metrics", "--since", "2026-08-26"], []),
        (["--role", "deploy", "--account", "444455556666"], []),
        (["--role", "arn:aws:iam::111122223333:role/ci/deploy"], ["DetachRolePolicy 08-18"]),
    ],
)
def test_right_answers(
    every_backend: Sequence[Backend], capsys: pytest.CaptureFixture[str], arguments: list[str], expected: list[str]
) -> None:
    """On the example, by hand; with an IAM file and without, and from every store."""
    for backend in every_backend:
        assert main(["load", str(EXAMPLES / "AWSLogs"), "--quiet", *backend.place.options]) == 0
        for iam in ([], ["--iam", str(EXAMPLES / "iam")]):
            capsys.readouterr()
            assert main(["history", *arguments, *iam, "--format", "json", *backend.place.options]) == 0
            rows = json.loads(capsys.readouterr().out)
            assert days(rows) == expected
            assert {row["by"] for row in rows} <= {"arn:aws:iam::111122223333:user/people/alice"}


def test_who_and_how(scenario: Scenario) -> None:
    """By whom, from where, what exactly, with the document that was put."""
    document = json.dumps({"Statement": [statement("s3:GetObject")]})
    put = {"roleName": "worker", "policyName": "inline", "policyDocument": document}
    scenario.log(call(1, "PutRolePolicy", 3, put))
    (row,) = told(scenario, "--role", "worker")
    assert (row["change"], row["details"], row["document"]) == ("inline policy put", {"policyName": "inline"}, document)
    assert (row["by"], row["source_address"], row["outcome"]) == (ALICE["arn"], "192.0.2.10", "ok")
    assert row["time"] == moment(3)


@pytest.mark.parametrize("named", ["role worker", f"arn:aws:iam::{ACCOUNT}:role/jobs/worker"])
def test_refused_attempts_are_shown_as_such(scenario: Scenario, named: str) -> None:
    """A refusal has no parameters: its message names the role. It changes nothing that a report goes by."""
    message = (
        f"User: {ALICE['arn']} is not authorized to perform: iam:PutRolePolicy on resource: {named} "
        "because no identity-based policy allows the iam:PutRolePolicy action"
    )
    scenario.log(call(1, "PutRolePolicy", 55, None, errorCode="AccessDenied", errorMessage=message))
    (row,) = told(scenario, "--role", "worker")
    assert (row["outcome"], row["error_code"]) == ("denied", "AccessDenied")
    _, table, _ = scenario.run("history", "--role", "worker")
    assert "refused: inline policy put" in table
    assert told(scenario, "--role", "work") == []
    report = scenario.report(account(role(statement("iam:CreateUser"))))
    assert report["iam:CreateUser"]["observed_days"] == 61


def test_a_group_counts_while_the_user_was_in_it(scenario: Scenario) -> None:
    """Before it was put in and after it was taken out the group's policies are not its own."""
    group, member = {"groupName": "people"}, {"groupName": "people", "userName": "bob"}
    put = {**group, "policyName": "x"}
    scenario.log(
        call(1, "PutGroupPolicy", 2, put),
        call(2, "AddUserToGroup", 4, member),
        call(3, "PutGroupPolicy", 6, put),
        call(4, "AttachGroupPolicy", 7, {**group, "policyArn": POLICY}),
        call(5, "CreatePolicyVersion", 8, {"policyArn": POLICY}),
        call(6, "RemoveUserFromGroup", 10, member),
        call(7, "PutGroupPolicy", 12, put),
        call(8, "CreatePolicyVersion", 13, {"policyArn": POLICY}),
    )
    rows = told(scenario, "--user", "bob")
    assert days(rows) == [
        "AddUserToGroup 08-05",
        "PutGroupPolicy 08-07",
        "AttachGroupPolicy 08-08",
        "CreatePolicyVersion 08-09",
        "RemoveUserFromGroup 08-11",
    ]
    assert [row["through"] for row in rows] == [None, "group people", "group people", f"policy {POLICY}", None]


def test_iam_tells_what_events_do_not(scenario: Scenario) -> None:
    """A policy that was attached before the logs begin, and a group of old."""
    scenario.log(
        call(1, "SetDefaultPolicyVersion", 3, {"policyArn": POLICY, "versionId": "v3"}),
        call(2, "PutGroupPolicy", 4, {"groupName": "people", "policyName": "x"}),
    )
    attached = [{"PolicyName": "p", "PolicyArn": POLICY}]
    document = {"Version": "2012-10-17", "Statement": [statement("s3:GetObject")]}
    version = {"Document": document, "VersionId": "v3", "IsDefaultVersion": True}
    policy = {"PolicyName": "p", "Arn": POLICY, "DefaultVersionId": "v3", "PolicyVersionList": [version]}
    arn = f"arn:aws:iam::{ACCOUNT}:group/people"
    group: dict[str, object] = {"GroupName": "people", "GroupId": "AGPA", "Arn": arn, "Path": "/"}
    group |= {"GroupPolicyList": [], "AttachedManagedPolicies": []}
    bob = user("bob", AttachedManagedPolicies=attached, GroupList=["people"])
    details = account(users=[bob, user("carol")], Policies=[policy], GroupDetailList=[group])
    iam = ["--iam", scenario.iam(details)]
    assert days(told(scenario, "--user", "bob", *iam)) == ["SetDefaultPolicyVersion 08-04", "PutGroupPolicy 08-05"]
    assert told(scenario, "--user", "bob") == []
    assert told(scenario, "--user", "carol", *iam) == []


def test_a_role_is_no_user(scenario: Scenario) -> None:
    """Names are of a kind, and of an account."""
    elsewhere = {"recipientAccountId": "444455556666"}
    scenario.log(
        call(1, "PutRolePolicy", 1, {"roleName": "same", "policyName": "x"}),
        call(2, "PutUserPolicy", 2, {"userName": "same", "policyName": "x"}),
        call(3, "PutRolePolicy", 3, {"roleName": "same", "policyName": "x"}, **elsewhere),
    )
    assert days(told(scenario, "--user", "same")) == ["PutUserPolicy 08-03"]
    assert days(told(scenario, "--role", "same")) == ["PutRolePolicy 08-02", "PutRolePolicy 08-04"]
    assert days(told(scenario, "--role", "same", "--account", ACCOUNT)) == ["PutRolePolicy 08-02"]


def test_names_that_the_parameters_do_not_tell(scenario: Scenario) -> None:
    """A service-linked role is named by the answer, a renamed user by both its names."""
    made = {"role": {"roleName": "AWSServiceRoleForX", "arn": "arn:aws:iam::1:role/AWSServiceRoleForX"}}
    scenario.log(
        call(1, "CreateServiceLinkedRole", 1, {"awsServiceName": "x.amazonaws.com"}, responseElements=made),
        call(2, "UpdateUser", 2, {"userName": "Bob", "newUserName": "robert"}),
    )
    assert days(told(scenario, "--role", "AWSServiceRoleForX")) == ["CreateServiceLinkedRole 08-02"]
    for name in ("bob", "robert"):
        assert days(told(scenario, "--user", name)) == ["UpdateUser 08-03"]


@pytest.mark.parametrize(
    ("name", "parameters", "concerned"),
    [
        ("AttachPolicy", {"policyId": "p-12345678", "targetId": ACCOUNT}, True),
        ("AttachPolicy", {"policyId": "p-12345678", "targetId": "444455556666"}, False),
        ("AttachPolicy", {"policyId": "p-12345678", "targetId": "ou-ab12-11111111"}, True),
        ("DetachPolicy", {"policyId": "p-12345678", "targetId": "r-ab12"}, True),
        ("MoveAccount", {"accountId": ACCOUNT, "destinationParentId": "r-ab12"}, True),
        ("MoveAccount", {"accountId": "444455556666", "destinationParentId": "r-ab12"}, False),
        ("UpdatePolicy", {"policyId": "p-12345678"}, True),
    ],
)
def test_changes_above_the_account(
    scenario: Scenario,
    name: str,
    parameters: dict[str, str],
    concerned: bool,  # noqa: FBT001
) -> None:
    """In the log of the management account; those that may bear on the account start the report's clock again."""
    scenario.log(call(1, name, 50, parameters, recipientAccountId="999988887777"), *of_home())
    details = account(role(statement("iam:CreateUser")))
    rows = told(scenario, "--role", "worker", "--iam", scenario.iam(details))
    assert [row["call"] for row in rows] == ([name] if concerned else [])
    row = scenario.report(details)["iam:CreateUser"]
    assert (row["marker"], row["observed_days"]) == (("?", 11) if concerned else ("-", 61))


@pytest.mark.parametrize("name", ["UpdateAssumeRolePolicy", "CreateRole", "DeleteRole"])
def test_trust_and_existence_are_no_grants(scenario: Scenario, name: str) -> None:
    """They are history, and no reason to call a grant young; what is told to exist no more is not judged."""
    scenario.log(call(1, name, 50, {"roleName": "worker"}))
    details = account(role(statement("iam:CreateUser")))
    assert len(told(scenario, "--role", "worker", "--iam", scenario.iam(details))) == 1
    row = scenario.report(details)["iam:CreateUser"]
    assert (row["marker"], row["observed_days"]) == ("-" if name == "UpdateAssumeRolePolicy" else "?", 61)


def test_what_is_not_covered_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Gap days, a home region that is not loaded, an organisation's log, an account without any."""
    made = Scenario(tmp_path, capsys)
    made.log(*(event for event in background(awsRegion="eu-west-1") if event["eventTime"] != moment(20)))
    iam = made.iam(account(role(statement("iam:CreateUser"))))
    _, out, _ = made.run("history", "--role", "worker", "--iam", iam)
    for said in ("1 gap days: 2026-08-21", "nothing of us-east-1", "management account", "No change"):
        assert said in out
    _, out, err = made.run("history", "--role", "ghost", "--format", "json")
    assert json.loads(out) == []
    assert "no account is known" in err


def test_empty_stores_and_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that is not there names load; one that is empty says that whatever changed is not in the logs."""
    empty = Scenario(tmp_path, capsys)
    code, _, err = empty.run("history", "--role", "worker")
    assert code == 4
    assert "cloudsearch load" in err
    empty.log()
    iam = empty.iam(account(role(statement("iam:CreateUser"))))
    code, out, _ = empty.run("history", "--role", "worker", "--iam", iam)
    assert code == 0
    assert "whatever changed is not in the logs" in out
    for wrong in ([], ["--role", "a", "--user", "b"]):
        assert empty.run("history", *wrong)[0] == 2


def test_hostile_names_are_harmless(scenario: Scenario) -> None:
    """No escape reaches the terminal, no formula a spreadsheet."""
    scenario.log(call(1, "PutRolePolicy", 1, {"roleName": "=cmd()\x1b[31m", "policyName": "=1+1\x1b[0m"}))
    name = ["history", "--role", "=cmd()\x1b[31m"]
    _, out, _ = scenario.run(*name)
    assert "\x1b" not in out
    assert "inline policy put" in out
    _, out, _ = scenario.run(*name, "--format", "csv")
    (line,) = csv.DictReader(io.StringIO(out, newline=""))
    assert line["principal"].startswith("'=")


def test_golden(scenario: Scenario) -> None:
    """80 columns; whose, what is covered, then the changes."""
    refused = {
        "errorCode": "AccessDenied",
        "errorMessage": "x is not authorized to perform: y on resource: role worker",
    }
    scenario.log(
        call(1, "AttachRolePolicy", 2, {"roleName": "worker", "policyArn": POLICY}),
        call(2, "CreatePolicyVersion", 9, {"policyArn": POLICY, "setAsDefault": True}),
        call(3, "DeleteRolePolicy", 11, None, **refused),
        call(4, "AttachPolicy", 20, {"policyId": "p-12345678", "targetId": "r-ab12"}, recipientAccountId="9" * 12),
    )
    store = DuckDBStore(scenario.folder / "store.duckdb")
    store.prepare()
    found = history(store, Window(), Subject("role", "worker"))
    store.close()
    lines = [*head(found, width=80), *rendered(found, Format.TABLE, width=80)]
    assert not [part for line in lines for part in line.split("\n") if len(part) > 80]
    golden("history.txt", lines)
