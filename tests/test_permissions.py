"""What cloudsearch says it needs is what it asks for: no call beyond it, nothing in it that is not used."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.actions import actions_for
from cloudsearch.cli import main
from cloudsearch.errors import UsageError
from cloudsearch.iam import Policy, Principal, State, facts_of, granted, parse
from cloudsearch.iam.focus import Focus
from cloudsearch.render.permissions import table
from cloudsearch.reports.permissions import Use, needs
from tests.aws import ACCOUNT, Request, SmallAws
from tests.buckets import BUCKET, Trails, key
from tests.digests import Trail, key_list
from tests.golden_files import golden
from tests.logfiles import record
from tests.test_digests_bucket import Delivered
from tests.test_iam_snapshot import member, people, trail

KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"
OF_ROLES = "sts:AssumeRole"


@pytest.fixture
def aws(aws: SmallAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallAws:
    """An AWS that boto3 finds, with a role and a user in it."""
    monkeypatch.chdir(tmp_path)
    people(aws, ACCOUNT)
    return aws


def principal(document: dict[str, Any]) -> Principal:
    """Somebody with this policy alone."""
    policies = (Policy("needs", None, parse(document, "needs"), "inline"),)
    arn = f"arn:aws:iam::{ACCOUNT}:role/tool"
    return Principal(
        arn=arn, name="tool", path="/", id=None, kind="role", created=None, account=ACCOUNT, policies=policies
    )


def asked(requests: Iterable[Request]) -> set[tuple[str, str | None]]:
    """Actions that AWS checks for these calls, and the resource for those of S3."""
    found = set()
    for one in requests:
        service, _, operation = one.call.partition(":")
        arn = f"arn:aws:s3:::{one.target.rstrip('/')}" if service == "s3" else None
        found |= {(action, arn) for action in actions_for(f"{service}.amazonaws.com", operation).actions}
    return found


def check(requests: Iterable[Request], document: dict[str, Any]) -> None:
    """Each call is allowed, on its resource; each action of the policy was asked for."""
    calls = {one for one in asked(requests) if one[0] != OF_ROLES}
    who = principal(document)
    for action, arn in calls:
        (grant,) = granted(Focus([action], arn).principal(who, facts_of(who)), [action])
        assert grant.state is State.GRANTED, (action, arn)
    listed = {name for one in parse(document, "needs").statements for name in one.actions.texts}
    assert {action for action, _ in calls} == listed


def policy(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What the command prints for AWS."""
    capsys.readouterr()
    assert main(["permissions", "--for", *arguments]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(told) == ["for", "aws", "elasticsearch", "opensearch", "aws_caller"]
    found: dict[str, Any] = told["aws"]
    return found


@pytest.mark.parametrize("role", [[], ["--role-arn", f"arn:aws:iam::{ACCOUNT}:role/logs"]])
def test_a_load_lists_and_gets(aws: SmallAws, capsys: pytest.CaptureFixture[str], role: list[str]) -> None:
    """Of its bucket alone, with a role or without."""
    trails = Trails(aws, f"needs-{aws.url.rpartition(':')[2]}")
    for number in range(3):
        trails.put(key(number), number)
    assert main(["load", "--bucket", trails.name, *role, "--store", "store.duckdb"]) == 0
    check(aws.requests, policy(capsys, "load", "--bucket", trails.name))
    assert (OF_ROLES in {action for action, _ in asked(aws.requests)}) is bool(role)
    caller = needs(Use.LOAD, "cloudtrail", bucket=trails.name, role_arns=role[1:]).caller
    assert (caller is None) is (not role)
    if caller:
        who = principal(caller)
        (grant,) = granted(Focus([OF_ROLES], role[1]).principal(who, facts_of(who)), [OF_ROLES])
        assert grant.state is State.GRANTED


def test_a_snapshot_reads_all_there_is(aws: SmallAws, capsys: pytest.CaptureFixture[str]) -> None:
    """In a management account, with an organisation that has policies, a trail, and a unit that says little."""
    member(aws)
    trail(aws)
    aws.client("organizations").create_organizational_unit(
        ParentId=aws.client("organizations").list_roots()["Roots"][0]["Id"], Name="Bare"
    )
    root = aws.client("organizations").list_roots()["Roots"][0]["Id"]
    attached = aws.client("organizations").list_policies_for_target(TargetId=root, Filter="SERVICE_CONTROL_POLICY")
    assert attached["Policies"]
    aws.answer("organizations:ListTargetsForPolicy", '{"Targets": []}')  # so that it asks the other way round as well
    assert main(["snapshot"]) == 0
    check(aws.requests, policy(capsys, "snapshot"))


def test_a_report_asks_iam_live(aws: SmallAws, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The grants and the credential report, nothing else."""
    logs = tmp_path / "log.json"
    logs.write_text(json.dumps({"Records": [record(1)]}))
    assert main(["load", str(logs), "--store", "store.duckdb"]) == 0
    assert aws.requests == []
    assert main(["report", "--role", "worker", "--store", "store.duckdb"]) == 0
    check(aws.requests, policy(capsys, "report"))


def test_a_validation_asks_for_public_keys(aws: SmallAws, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Of each region; the files themselves are here."""
    delivered = Trail(tmp_path / "logs")
    delivered.hour([record(1)])
    delivered.hour()
    tell_public_keys(aws)
    assert main(["validate", str(tmp_path / "logs"), "--store", "store.duckdb"]) == 0
    check(aws.requests, policy(capsys, "validate"))


def test_a_validation_where_the_files_lie(aws: SmallAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In their bucket: it is listed, objects are got, and their metadata, which is no other permission."""
    delivered = Delivered(aws, tmp_path, capsys)
    delivered.trail.hour([record(1)])
    delivered.trail.hour()
    delivered.deliver()
    tell_public_keys(aws)
    assert delivered.run("validate", delivered.url)[0] == 0
    assert "s3:HeadObject" in aws.calls
    check(aws.requests, policy(capsys, "validate", "--bucket", delivered.trails.name))


def tell_public_keys(aws: SmallAws) -> None:
    """What the next question for them is answered with."""
    (public,) = key_list()["PublicKeyList"]
    times = {"ValidityStartTime": 1782864000, "ValidityEndTime": 1814400000}
    aws.answer("cloudtrail:ListPublicKeys", json.dumps({"PublicKeyList": [public | times]}))


def test_a_key_is_for_what_it_encrypts(capsys: pytest.CaptureFixture[str]) -> None:
    """To decrypt, with that key alone; in another partition everything is of that partition."""
    document = policy(capsys, "load", "--bucket", BUCKET, "--key", KEY)
    statement = document["Statement"][-1]
    assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", KEY)
    document = policy(capsys, "load", "--bucket", BUCKET, "--key", KEY.replace("arn:aws:", "arn:aws-cn:"))
    assert {one["Resource"].split(":")[1] for one in document["Statement"]} == {"aws-cn"}
    assert policy(capsys, "load", "--bucket", f"arn:aws-us-gov:s3:::{BUCKET}")["Statement"][0]["Resource"].startswith(
        "arn:aws-us-gov:"
    )


@pytest.mark.parametrize("use", list(Use))
def test_documents_are_valid(use: Use) -> None:
    """For every use; none where AWS, or a store, is not asked."""
    found = needs(use, "cloudtrail")
    assert (found.policy is None) is (use in (Use.LOAD, Use.RECORD))
    assert (found.role is None) is (use is Use.SNAPSHOT) is (found.opensearch_role is None)
    if found.policy:
        assert parse(found.policy, "needs").statements
        assert len(json.dumps(found.policy, separators=(",", ":"))) < 6144
    if found.role:
        assert {name.split("*")[0] for one in found.role["indices"] for name in one["names"]} >= {"cloudtrail-2"}


@pytest.mark.parametrize(
    ("use", "arguments"),
    [
        (Use.REPORT, {"bucket": BUCKET}),
        (Use.LOAD, {"key": KEY}),
        (Use.LOAD, {"bucket": "logs/*"}),
        (Use.LOAD, {"bucket": BUCKET, "key": "0a1b"}),
        (Use.LOAD, {"bucket": BUCKET, "key": "arn:aws:kms:eu-west-1:1:key/*"}),
        (Use.LOAD, {"bucket": "arn:aws:sqs:::queue"}),
        (Use.SNAPSHOT, {"role_arns": ["arn:aws:iam::111122223333:user/alice"]}),
        (Use.SNAPSHOT, {"role_arns": ["arn:aws:iam::111122223333:role/*"]}),
    ],
)
def test_what_makes_no_sense_is_refused(use: Use, arguments: dict[str, Any]) -> None:
    """Rather than written into a policy."""
    with pytest.raises(UsageError):
        needs(use, "cloudtrail", **arguments)


def test_golden() -> None:
    """80 columns."""
    lines = [line for use in Use for line in (use.value, *table(needs(use, "cloudtrail"), width=80), "")]
    assert not [part for line in lines for part in line.split("\n") if len(part) > 80]
    golden("permissions.txt", lines)
