"""Snapshots: what is asked of AWS, what is written, and that it is read again."""

from __future__ import annotations

import json
import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudsearch import catalogue
from cloudsearch.cli import main
from cloudsearch.cli.principals import as_of, controls, read
from cloudsearch.errors import UsageError
from cloudsearch.iam import State, granted
from tests.aws import ACCOUNT, SmallAws

OTHER = "444455556666"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NO_S3 = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
PARTS = ["authorization-details", "credential-report", "organization", "trails"]


@pytest.fixture
def aws(aws: SmallAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallAws:
    """An AWS that boto3 finds, with a role and a user in it."""
    monkeypatch.chdir(tmp_path)
    people(aws, ACCOUNT)
    return aws


def people(aws: SmallAws, account: str) -> None:
    """A role and a user that may do everything."""
    iam = aws.client("iam", account)
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(ALLOW))
    iam.put_role_policy(RoleName="worker", PolicyName="all", PolicyDocument=json.dumps(ALLOW))
    iam.create_user(UserName="alice")


def member(aws: SmallAws) -> str:
    """An organisation with a unit that denies S3 and a member account in it; returns the member's id."""
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    unit = organizations.create_organizational_unit(ParentId=root, Name="Sandbox")["OrganizationalUnit"]["Id"]
    created = organizations.create_account(AccountName="member", Email="member@example.com")
    account = str(created["CreateAccountStatus"]["AccountId"])
    organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    policy = organizations.create_policy(
        Name="no-s3", Description="-", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(NO_S3)
    )
    organizations.attach_policy(PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=unit)
    people(aws, account)
    return account


def trail(aws: SmallAws) -> None:
    """A trail with a selector for data events."""
    aws.client("s3").create_bucket(Bucket="logs-of-the-company")
    cloudtrail = aws.client("cloudtrail")
    cloudtrail.create_trail(Name="all", S3BucketName="logs-of-the-company", IsMultiRegionTrail=True)
    cloudtrail.start_logging(Name="all")
    data = {"ReadWriteType": "All", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}
    cloudtrail.put_event_selectors(TrailName="all", EventSelectors=[data])


def kept(account: str, name: str) -> dict[str, Any]:
    """A part as it was written."""
    content: dict[str, Any] = json.loads(Path("snapshot", account, f"{name}.json").read_text("utf-8"))
    return content


def test_a_snapshot_holds_every_part(aws: SmallAws, capsys: pytest.CaptureFixture[str]) -> None:
    """Each in a file of its own that says when it was taken and of which account, for the owner's eyes alone."""
    member(aws)
    trail(aws)
    assert main(["snapshot"]) == 0
    out, err = capsys.readouterr()
    folder = Path("snapshot", ACCOUNT)
    assert sorted(path.stem for path in folder.iterdir()) == PARTS
    for path in folder.iterdir():
        content = json.loads(path.read_text("utf-8"))
        assert content["account"] == ACCOUNT
        assert abs((datetime.fromisoformat(content["taken_at"]) - datetime.now(UTC)).total_seconds()) < 60
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert str(path) in out
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert err == ""


def test_a_snapshot_s_trails_have_status_and_selectors(aws: SmallAws) -> None:
    """In the form that is told to whoever reads it."""
    trail(aws)
    assert main(["snapshot"]) == 0
    (found,) = kept(ACCOUNT, "trails")["trails"]
    assert list(found) == ["trail", "status", "event_selectors", "advanced_event_selectors"]
    assert found["trail"]["IsMultiRegionTrail"] is True
    assert found["status"]["IsLogging"] is True
    assert found["event_selectors"][0]["DataResources"][0]["Type"] == "AWS::S3::Object"
    assert found["advanced_event_selectors"] == []


def test_a_snapshot_is_read_by_the_folder(aws: SmallAws, capsys: pytest.CaptureFixture[str]) -> None:
    """Principals, their bounds account by account, and when it was true."""
    account = member(aws)
    assert main(["snapshot", "--output", "kept"]) == 0
    capsys.readouterr()
    assert main(["snapshot", "--output", "kept", "--role-arn", f"arn:aws:iam::{account}:role/reader"]) == 0
    folder = Path("kept")
    iam = read([folder])
    bounds = controls([folder], [])
    states = {}
    for worker in iam.find("worker", "role"):
        (grant,) = granted(worker, ["s3:GetObject"], bounds.layers_for(worker))
        states[worker.account] = grant.state
    assert states == {ACCOUNT: State.GRANTED, account: State.NOT_GRANTED}
    assert iam.notes == ()
    taken_at = datetime.fromisoformat(json.loads((folder / account / "trails.json").read_text())["taken_at"])
    assert as_of([folder], None, account) == taken_at
    for path in folder.rglob("*.json"):
        os.utime(path, (0, 0))
    assert as_of([folder], None, account) == taken_at


def test_only_what_reads_is_called(aws: SmallAws) -> None:
    """Beside AssumeRole every call is a List or Read action, after AWS's own access levels."""
    account = member(aws)
    trail(aws)
    aws.calls.clear()
    arns = [f"arn:aws:iam::{one}:role/reader" for one in (ACCOUNT, account)]
    assert main(["snapshot", "--role-arn", arns[0], "--role-arn", arns[1]]) == 0
    called = set(aws.calls) - {"sts:AssumeRole"}
    assert {"organizations:ListTargetsForPolicy", "cloudtrail:GetEventSelectors"} <= called
    levels = {call: catalogue.find(call) for call in called}
    assert {action.access_level if action else None for action in levels.values()} <= {"List", "Read"}


def test_no_level_is_thought_to_be_without_policies(aws: SmallAws) -> None:
    """One that grants nothing would make everything below it look not granted: it is asked twice."""
    member(aws)
    aws.answer("organizations:ListTargetsForPolicy", '{"Targets": []}')
    assert main(["snapshot"]) == 0
    assert "organizations:ListPoliciesForTarget" in aws.calls
    names = {policy["Id"]: policy["Name"] for policy in kept(ACCOUNT, "organization")["policies"]}
    attached = [{names[one] for one in target["policies"]} for target in kept(ACCOUNT, "organization")["targets"]]
    assert sorted(map(sorted, attached)) == [["FullAWSAccess"]] * 3 + [["FullAWSAccess", "no-s3"]]


def test_an_organisation_is_asked_once(aws: SmallAws) -> None:
    """Its tree is the same whoever asks, and long."""
    member(aws)
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"
    assert main(["snapshot", "--role-arn", role, "--role-arn", role]) == 0
    assert aws.calls.count("organizations:ListRoots") == 1


@pytest.mark.parametrize(
    ("call", "part"),
    [
        ("iam:GetAccountAuthorizationDetails", "authorization-details"),
        ("iam:GenerateCredentialReport", "credential-report"),
        ("organizations:DescribeOrganization", "organization"),
        ("cloudtrail:ListTrails", "trails"),
    ],
)
def test_a_refused_part_is_named_and_left_out(
    aws: SmallAws, capsys: pytest.CaptureFixture[str], call: str, part: str
) -> None:
    """The others are written, and the exit code is 0."""
    aws.refuse(call)
    assert main(["snapshot"]) == 0
    err = capsys.readouterr().err
    assert f"{ACCOUNT}, {part}: not in the snapshot: AWS refused {call}" in err
    assert f"needs the permission {call}" in err
    assert sorted(path.stem for path in Path("snapshot", ACCOUNT).iterdir()) == [one for one in PARTS if one != part]


def test_a_refused_tree_leaves_what_members_see(aws: SmallAws, capsys: pytest.CaptureFixture[str]) -> None:
    """The organisation without its tree: which is the management account."""
    member(aws)
    aws.refuse("organizations:ListRoots")
    assert main(["snapshot"]) == 0
    assert "organizations:ListRoots" in capsys.readouterr().err
    assert kept(ACCOUNT, "organization")["organization"]["MasterAccountId"] == ACCOUNT
    assert controls([Path("snapshot")], []).knows(ACCOUNT)
    assert not controls([Path("snapshot")], []).knows(OTHER)


def test_refused_selectors_are_not_no_selectors(aws: SmallAws, capsys: pytest.CaptureFixture[str]) -> None:
    """Null is not known; an empty list would say that nothing is selected."""
    trail(aws)
    aws.refuse("cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus")
    assert main(["snapshot"]) == 0
    (found,) = kept(ACCOUNT, "trails")["trails"]
    assert (found["status"], found["event_selectors"], found["advanced_event_selectors"]) == (None, None, None)
    assert "cloudtrail:GetEventSelectors" in capsys.readouterr().err


def test_a_refused_part_leaves_the_earlier_one(aws: SmallAws) -> None:
    """With its own, older date, and that is when the snapshot was true."""
    assert main(["snapshot"]) == 0
    path = Path("snapshot", ACCOUNT, "authorization-details.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"taken_at": "2025-01-01T00:00:00+00:00"}))
    aws.refuse("iam:GetAccountAuthorizationDetails")
    assert main(["snapshot"]) == 0
    assert as_of([Path("snapshot")], None) == datetime(2025, 1, 1, tzinfo=UTC)


def test_an_account_of_which_nothing_could_be_had_is_an_error(
    aws: SmallAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 6, though others were written."""
    aws.fail("sts:AssumeRole", status=403, code="AccessDenied")
    arns = [f"arn:aws:iam::{one}:role/reader" for one in (OTHER, ACCOUNT)]
    assert main(["snapshot", "--role-arn", arns[0], "--role-arn", arns[1]]) == 6
    out, err = capsys.readouterr()
    assert f"snapshot/{ACCOUNT}/authorization-details.json" in out
    assert "AWS refused sts:AssumeRole" in err
    assert "Traceback" not in err


def test_an_account_that_refuses_everything_is_an_error(aws: SmallAws) -> None:
    """Exit 6, and nothing is written."""
    aws.refuse(
        "iam:GetAccountAuthorizationDetails",
        "iam:GenerateCredentialReport",
        "cloudtrail:ListTrails",
        "organizations:DescribeOrganization",
    )
    assert main(["snapshot"]) == 6
    assert not Path("snapshot").exists()


def test_an_account_in_no_organisation_is_bound_by_none(aws: SmallAws) -> None:
    """That is known then, and written."""
    assert main(["snapshot"]) == 0
    assert "organizations:ListRoots" not in aws.calls
    assert kept(ACCOUNT, "organization")["organization"] is None
    assert controls([Path("snapshot")], []).knows(ACCOUNT)


def test_a_credential_report_that_is_not_ready_is_left_out(
    aws: SmallAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """IAM gets some seconds for it, not for ever."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    state = "<GenerateCredentialReportResult><State>INPROGRESS</State></GenerateCredentialReportResult>"
    for _ in range(30):
        aws.answer(
            "iam:GenerateCredentialReport",
            f"<GenerateCredentialReportResponse>{state}</GenerateCredentialReportResponse>",
        )
    assert main(["snapshot"]) == 0
    assert "credential-report: not in the snapshot: iam:GetCredentialReport" in capsys.readouterr().err
    assert 10 < sum(waited) < 30


def test_a_folder_that_cannot_be_written_is_named(aws: SmallAws, capsys: pytest.CaptureFixture[str]) -> None:
    """Before more is asked."""
    Path("snapshot").write_text("a file")
    assert main(["snapshot"]) == 1
    assert "could not be written" in capsys.readouterr().err
    assert "cloudtrail:ListTrails" not in aws.calls


def test_a_stated_date_goes_before_the_snapshot_s(tmp_path: Path) -> None:
    """And one that is none is refused."""
    assert as_of([tmp_path], "2026-08-31") == datetime(2026, 8, 31, tzinfo=UTC)
    with pytest.raises(UsageError, match="yesterday"):
        as_of([tmp_path], "yesterday")
