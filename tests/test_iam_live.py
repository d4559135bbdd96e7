"""IAM asked live, over HTTP: what comes back, what is refused, and that nothing is ever changed."""

from __future__ import annotations

import base64
import io
import json
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloudsearch import catalogue
from cloudsearch.cli.principals import Asking, as_of, known, read
from cloudsearch.errors import AccessError, SourceError, UsageError
from cloudsearch.iam import LastUse
from cloudsearch.iam.aws import Access, connect
from cloudsearch.iam.live import ask_iam
from tests.aws import ACCOUNT, SmallAws, environment
from tests.logfiles import record
from tests.scenario import Scenario

OTHER = "444455556666"
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def aws(aws: SmallAws) -> SmallAws:
    """An AWS that boto3 finds, with a user and a role in it."""
    people(aws, ACCOUNT)
    return aws


def people(aws: SmallAws, account: str) -> None:
    """A user, with a group and a managed policy, and a role with a boundary and an instance profile."""
    iam = aws.client("iam", account)
    policy = iam.create_policy(PolicyName="shared", PolicyDocument=json.dumps(DOCUMENT))["Policy"]["Arn"]
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="own", PolicyDocument=json.dumps(DOCUMENT))
    iam.create_group(GroupName="devs")
    iam.attach_group_policy(GroupName="devs", PolicyArn=policy)
    iam.add_user_to_group(GroupName="devs", UserName="alice")
    iam.create_role(
        RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=policy, Path="/app/"
    )
    iam.create_instance_profile(InstanceProfileName="machines")
    iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName="worker")


def quiet(_: str) -> None:
    """Nobody watches."""


def test_iam_tells_its_principals(aws: SmallAws) -> None:
    """Policies inline, by group, as boundary; the instance profile; the account is the caller's."""
    iam = ask_iam(connect(Access()), quiet)
    (alice,) = iam.find("alice", "user")
    assert (alice.account, alice.missing) == (ACCOUNT, ())
    assert [(policy.name, policy.attached) for policy in alice.policies] == [
        ("own", "inline"),
        ("shared", "group devs"),
    ]
    (worker,) = iam.find("worker", "role")
    assert worker.boundary is not None
    assert [arn.rpartition("/")[2] for arn in worker.instance_profiles] == ["machines"]
    assert aws.calls == ["sts:GetCallerIdentity", "iam:GetAccountAuthorizationDetails", "iam:GetCredentialReport"]


def test_pages_are_asked_to_the_end(aws: SmallAws) -> None:
    """As long as IAM says that its answer goes on."""
    aws.answer(
        "iam:GetAccountAuthorizationDetails",
        f"""<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult>
        <UserDetailList><member><UserName>zoe</UserName><UserId>AIDAZOE</UserId><Path>/</Path>
        <Arn>arn:aws:iam::{ACCOUNT}:user/zoe</Arn><GroupList><member>devs</member></GroupList></member></UserDetailList>
        <IsTruncated>true</IsTruncated><Marker>more</Marker>
        </GetAccountAuthorizationDetailsResult></GetAccountAuthorizationDetailsResponse>""",
    )
    iam = ask_iam(connect(Access()), quiet)
    assert aws.calls.count("iam:GetAccountAuthorizationDetails") == 2
    assert {principal.name for principal in iam} == {"zoe", "alice", "worker"}
    assert [policy.attached for policy in iam.find("zoe")[0].policies] == ["group devs"]


def test_times_that_iam_tells_are_known(aws: SmallAws) -> None:
    """boto3 makes them datetimes; a role that passed for old, or for never used, would lose what it needs."""
    aws.answer(
        "iam:GetAccountAuthorizationDetails",
        f"""<GetAccountAuthorizationDetailsResponse><GetAccountAuthorizationDetailsResult>
        <RoleDetailList><member><RoleName>old</RoleName><RoleId>AROAOLD</RoleId><Path>/</Path>
        <Arn>arn:aws:iam::{ACCOUNT}:role/old</Arn><CreateDate>2024-01-02T03:04:05Z</CreateDate>
        <RoleLastUsed><LastUsedDate>2024-02-03T04:05:06Z</LastUsedDate></RoleLastUsed></member></RoleDetailList>
        <IsTruncated>true</IsTruncated><Marker>more</Marker>
        </GetAccountAuthorizationDetailsResult></GetAccountAuthorizationDetailsResponse>""",
    )
    iam = ask_iam(connect(Access()), quiet)
    (old,) = iam.find("old", "role")
    assert old.created == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert old.last_use == LastUse("RoleLastUsed", datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC))
    (worker,) = iam.find("worker", "role")
    assert worker.created is not None


def test_a_credential_report_that_is_there_is_used(aws: SmallAws) -> None:
    """One that was made lately is taken along; none is made for a mere report of ours."""
    csv = (
        "user,arn,password_last_used,access_key_1_last_used_date,access_key_2_last_used_date\n"
        f"alice,arn:aws:iam::{ACCOUNT}:user/alice,no_information,2099-01-02T03:04:05+00:00,N/A\n"
    )
    aws.answer(
        "iam:GetCredentialReport",
        f"""<GetCredentialReportResponse><GetCredentialReportResult>
        <Content>{base64.b64encode(csv.encode()).decode()}</Content><ReportFormat>text/csv</ReportFormat>
        </GetCredentialReportResult></GetCredentialReportResponse>""",
    )
    iam = ask_iam(connect(Access()), quiet)
    assert iam.find("alice")[0].last_use == LastUse("access key 1", datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert iam.find("worker")[0].last_use is None
    assert iam.notes == ()
    assert "iam:GenerateCredentialReport" not in aws.calls


def test_a_refused_credential_report_is_a_note(aws: SmallAws) -> None:
    """Authorization details are enough to go on; what is lacking is said."""
    aws.refuse("iam:GetCredentialReport")
    iam = ask_iam(connect(Access()), quiet)
    assert len(iam.principals) == 2
    assert "iam:GetCredentialReport" in iam.notes[0]


def test_a_report_without_a_file_asks_iam(aws: SmallAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole command, with the caller's own credentials."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(record(1))
    code, out, _ = scenario.run("report", "--role", "worker")
    assert code == 0
    assert f"arn:aws:iam::{ACCOUNT}:role/app/worker" in out
    assert "iam:GetAccountAuthorizationDetails" in aws.calls


def test_roles_of_other_accounts_are_assumed(aws: SmallAws) -> None:
    """Each role's account is told, the caller's own is not."""
    people(aws, OTHER)
    asking = Asking(role_arns=(f"arn:aws:iam::{OTHER}:role/reader",), external_id="external")
    assert {principal.account for principal in read([], asking)} == {OTHER}
    assert aws.calls[0] == "sts:AssumeRole"


def test_nothing_that_is_asked_changes_anything(aws: SmallAws) -> None:
    """Beside AssumeRole every call is a List or Read action, after AWS's own access levels."""
    read([], Asking(role_arns=(f"arn:aws:iam::{OTHER}:role/reader",)))
    levels = {call: catalogue.find(call) for call in set(aws.calls) - {"sts:AssumeRole"}}
    assert levels
    assert {action.access_level if action else None for action in levels.values()} <= {"List", "Read"}


@pytest.mark.parametrize("call", ["iam:GetAccountAuthorizationDetails", "sts:AssumeRole"])
def test_a_refusal_names_the_call_and_the_permission(aws: SmallAws, call: str) -> None:
    """Exit 6; and the way to get a file instead."""
    aws.refuse(call)
    with pytest.raises(AccessError, match=f"AWS refused {call}.*needs the permission {call}") as refused:
        read([], Asking(role_arns=(f"arn:aws:iam::{OTHER}:role/reader",)))
    assert "aws iam get-account-authorization-details > iam.json" in "".join(refused.value.__notes__)
    assert refused.value.exit_code == 6


def test_a_profile_s_role_that_is_refused_is_named(
    aws: SmallAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 assumes it by itself on the first call, which is not what was refused."""
    (tmp_path / "config").write_text(
        f"[profile over]\nrole_arn = arn:aws:iam::{OTHER}:role/reader\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert connect(Access(profile="over")).account == OTHER
    aws.refuse("sts:AssumeRole")
    with pytest.raises(AccessError, match=r"AWS refused sts:AssumeRole .*needs the permission sts:AssumeRole"):
        connect(Access(profile="over"))


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "ExpiredToken", "SignatureDoesNotMatch"])
def test_bad_credentials_are_said_to_be_bad(aws: SmallAws, code: str) -> None:
    """Not a permission that is lacking; and no secret is told."""
    aws.fail("sts:GetCallerIdentity", status=403, code=code, message="The security token is wrong")
    with pytest.raises(AccessError, match=f"does not take these credentials .{code}") as refused:
        connect(Access())
    assert "wJalrXUtnFEMI" not in str(refused.value)


def test_throttling_is_waited_out(aws: SmallAws) -> None:
    """By botocore's own retries."""
    aws.fail("iam:GetAccountAuthorizationDetails", status=400, code="Throttling", times=2)
    assert len(ask_iam(connect(Access()), quiet).principals) == 2
    assert aws.calls.count("iam:GetAccountAuthorizationDetails") == 3


def test_an_error_of_aws_is_a_source_that_cannot_be_read(aws: SmallAws) -> None:
    """Neither a refusal nor a traceback."""
    aws.fail("iam:GetAccountAuthorizationDetails", status=400, code="ValidationError")
    with pytest.raises(SourceError, match=r"iam:GetAccountAuthorizationDetails.*ValidationError"):
        ask_iam(connect(Access()), quiet)


def test_an_aws_that_is_not_there_is_a_source_that_cannot_be_read(
    aws: SmallAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call that got no answer is named."""
    del aws
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between botocore's tries
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(SourceError, match="sts:GetCallerIdentity got no answer"):
        connect(Access())


def test_an_unknown_profile_and_an_odd_role_are_named(aws: SmallAws) -> None:
    """Before anything is asked."""
    with pytest.raises(AccessError, match="nobody"):
        connect(Access(profile="nobody"))
    with pytest.raises(UsageError, match="RoleArn"):
        connect(Access(role_arn="x"))
    assert aws.calls == []


def test_a_listing_can_do_without_credentials(
    aws: SmallAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there are none at all; a refusal is an error as everywhere."""
    assert len(list(known([]) or ())) == 2
    aws.refuse("iam:GetAccountAuthorizationDetails")
    with pytest.raises(AccessError, match="refused"):
        known([])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert known([]) is None
    assert "only those that acted are listed" in capsys.readouterr().err


class Terminal(io.StringIO):
    """A stream that someone watches."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_a_terminal_is_told_how_far_it_is(aws: SmallAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line on stderr that is wiped in the end; nothing at all where nobody watches."""
    del aws
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        read([])
        assert ("1 users, 1 roles" in stream.getvalue()) is stream.isatty()
        assert stream.getvalue().endswith("\x1b[2K" if stream.isatty() else "")


def test_files_and_asking_exclude_each_other(tmp_path: Path) -> None:
    """A file tells who may do what; a role to ask as would be ignored."""
    with pytest.raises(UsageError, match="--iam"):
        read([tmp_path / "iam.json"], Asking(profile="p"))


def test_what_is_asked_is_true_now() -> None:
    """Without a file and without --iam-as-of."""
    assert abs(as_of([], None).timestamp() - time.time()) < 5


def test_without_credentials_it_says_so_within_five_seconds(tmp_path: Path) -> None:
    """Even where a metadata service takes the connection and never answers; and how to get a file is told."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asked = environment("http://127.0.0.1:1", str(tmp_path)) | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": address}
        kept = {name: value for name, value in asked.items() if "KEY" not in name and "DISABLED" not in name}
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "cloudsearch", "report", "--role", "worker"],
            env={**kept, "PYTHONPATH": ":".join(sys.path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert time.monotonic() - started < 5
    assert done.returncode == AccessError.exit_code
    assert "credentials" in done.stderr
    assert "aws iam get-account-authorization-details > iam.json" in done.stderr
