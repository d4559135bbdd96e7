"""Authorization details: files in, principals out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.errors import PolicyError, SourceError
from cloudsearch.iam import Iam, State, granted, load_iam, parse
from tests.samples import samples

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
ARN = "arn:aws:iam::111122223333"


def user(name: str, account: str = "111122223333", **more: Any) -> dict[str, Any]:  # noqa: ANN401 (IAM's own shape)
    """A user as IAM tells one."""
    return {
        "Path": "/",
        "UserName": name,
        "UserId": f"AIDA{name.upper()}",
        "Arn": f"arn:aws:iam::{account}:user/{name}",
        "CreateDate": "2024-05-06T07:08:09+00:00",
    } | more


def role(name: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (IAM's own shape)
    """A role as IAM tells one."""
    return {"Path": "/app/", "RoleName": name, "RoleId": "AROA1", "Arn": f"{ARN}:role/app/{name}"} | more


def managed(name: str, document: object) -> dict[str, Any]:
    """A managed policy with one version in force and an older one."""
    versions = [
        {"VersionId": "v1", "IsDefaultVersion": False, "Document": {"Statement": []}},
        {"VersionId": "v2", "IsDefaultVersion": True, "Document": document},
    ]
    return {"PolicyName": name, "Arn": f"{ARN}:policy/{name}", "DefaultVersionId": "v2", "PolicyVersionList": versions}


def attached(*names: str) -> dict[str, Any]:
    """References to managed policies."""
    return {"AttachedManagedPolicies": [{"PolicyName": name, "PolicyArn": f"{ARN}:policy/{name}"} for name in names]}


def load(folder: Path, *pages: object) -> Iam:
    """Write pages one after another into a file and read it."""
    path = folder / "iam.json"
    path.write_text("\n".join(map(json.dumps, pages)), encoding="utf-8")
    return load_iam([path])


def test_a_principal_has_all_that_is_granted_to_it(tmp_path: Path) -> None:
    """Inline, attached, by group; each policy says how."""
    group = {
        "GroupName": "devs",
        "Arn": f"{ARN}:group/devs",
        "GroupPolicyList": [{"PolicyName": "of-group", "PolicyDocument": ALLOW}],
        **attached("shared"),
    }
    alice = user(
        "alice",
        GroupList=["devs"],
        UserPolicyList=[{"PolicyName": "own", "PolicyDocument": ALLOW}],
        Tags=[{"Key": "team", "Value": "a"}],
        **attached("shared"),
    )
    iam = load(
        tmp_path, {"UserDetailList": [alice], "GroupDetailList": [group], "Policies": [managed("shared", ALLOW)]}
    )
    (found,) = iam.principals
    assert [(policy.name, policy.arn, policy.attached) for policy in found.policies] == [
        ("own", None, "inline"),
        ("shared", f"{ARN}:policy/shared", "attached"),
        ("of-group", None, "group devs"),
        ("shared", f"{ARN}:policy/shared", "group devs"),
    ]
    assert found.policies[1].document == parse(ALLOW, "")
    assert (found.kind, found.id, found.account, found.missing) == ("user", "AIDAALICE", "111122223333", ())
    assert (found.groups, found.tags) == (("devs",), (("team", "a"),))
    assert found.created == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_what_the_file_lacks_is_missing(tmp_path: Path) -> None:
    """A filtered file is no proof that something is not granted."""
    boundary: dict[str, Any] = {"PermissionsBoundary": {"PermissionsBoundaryArn": f"{ARN}:policy/limit"}}
    alice = user("alice", GroupList=["gone"], **attached("lost"), **boundary)
    (found,) = load(tmp_path, {"UserDetailList": [alice]}).principals
    assert found.missing == (f"{ARN}:policy/lost", "group gone", f"{ARN}:policy/limit")
    assert found.boundary_arn == f"{ARN}:policy/limit"
    assert found.boundary is None
    (grant,) = granted(found, ["s3:GetObject"])
    assert (grant.state, grant.missing) == (State.NOT_GRANTED, found.missing)


def test_a_boundary_in_the_file_is_applied(tmp_path: Path) -> None:
    """The role's boundary is a layer of its own."""
    worker = role(
        "worker",
        RolePolicyList=[{"PolicyName": "own", "PolicyDocument": {"Statement": ALLOW["Statement"]}}],
        PermissionsBoundary={"PermissionsBoundaryArn": f"{ARN}:policy/limit"},
        RoleLastUsed={"LastUsedDate": "2025-01-02T03:04:05Z", "Region": "eu-west-1"},
    )
    limit = managed("limit", {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})
    (found,) = load(tmp_path, {"RoleDetailList": [worker], "Policies": [limit]}).principals
    assert found.boundary is not None
    assert found.role_last_used == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (found.path, found.kind) == ("/app/", "role")
    states = [grant.state for grant in granted(found, ["s3:GetObject", "s3:PutObject"])]
    assert states == [State.GRANTED, State.NOT_GRANTED]


def test_pages_and_accounts_make_one_picture(tmp_path: Path) -> None:
    """Pages one after another, as a list, in several files; what is told twice is as told last."""
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    pages = [{"UserDetailList": [user("alice", **attached("shared"))]}, {"Policies": [managed("shared", ALLOW)]}]
    first.write_text("\ufeff" + json.dumps(pages[0]) + "\n\n" + json.dumps(pages[1]), encoding="utf-8")
    second.write_text(json.dumps([{"UserDetailList": [user("alice", "444455556666"), user("alice")]}]), "utf-8")
    iam = load_iam([str(first), second])
    assert [account.id for account in iam.accounts] == ["111122223333", "444455556666"]
    assert [len(account.principals) for account in iam.accounts] == [1, 1]
    assert len(iam.find("alice", "user")) == 2
    assert iam.find("alice")[0].policies == ()


@pytest.mark.parametrize("name", ["12345", "true", "null", "a*b", "it's"])
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    """Mistake 12: users named 12345 or true were unknown."""
    iam = load(tmp_path, {"UserDetailList": [user(name)]})
    assert [found.name for found in iam.find(name, "user")] == [name]


def test_principals_are_found_by_name_path_and_arn(tmp_path: Path) -> None:
    """A role is no user, case does not matter, and close names are told."""
    iam = load(tmp_path, {"UserDetailList": [user("Alice")], "RoleDetailList": [role("worker")]})
    assert [p.name for p in iam.find("alice", "user")] == ["Alice"]
    for name in ("worker", "/app/worker", "app/worker", f"{ARN}:role/app/worker", "WORKER"):
        assert [p.name for p in iam.find(name, "role")] == ["worker"], name
    assert iam.find("worker", "user") == iam.find("nobody") == ()
    assert iam.close_matches("wroker", "role") == ("worker",)
    assert iam.close_matches("wroker", "user") == ()
    assert [p.kind for p in iam] == ["user", "role"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1]",
        "{}",
        '{"Policies": [{"Id": "p-1"}]}',
        '{"UserDetailList": [{}]}',
        '{"UserDetailList": 1}',
        "\xff",
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, content: str) -> None:
    """The error is ours and tells the file."""
    path = tmp_path / "iam.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SourceError, match=r"iam\.json"):
        load_iam([path])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Neither a missing file nor a folder is a traceback."""
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"):
            load_iam([path])


def test_a_policy_that_is_not_iam_s_is_named(tmp_path: Path) -> None:
    """The error tells whose policy it is."""
    bad = user("alice", UserPolicyList=[{"PolicyName": "own", "PolicyDocument": {"Statement": [{}]}}])
    with pytest.raises(PolicyError, match=r"own of arn:.*alice, statement 0"):
        load(tmp_path, {"UserDetailList": [bad]})


def test_odd_dates_are_no_dates(tmp_path: Path) -> None:
    """All clients' forms are read, anything else is none."""
    dates = ["2019-12-12 12:55:41+00:00", "2019-12-12T12:55:41Z", "2019-12-12T13:55:41+01:00", "yesterday", None, 1]
    users = [user(f"u{number}", CreateDate=date) for number, date in enumerate(dates)]
    created = [principal.created for principal in load(tmp_path, {"UserDetailList": users})]
    assert created == [datetime(2019, 12, 12, 12, 55, 41, tzinfo=UTC)] * 3 + [None] * 3


def test_every_public_sample_is_read() -> None:
    """Details as IAM gave them, from several projects; documents URL-encoded or not."""
    files = [*(samples() / "iam").glob("*.json"), *(samples() / "iamspy").glob("*.json")]
    details = [path for path in files if "DetailList" in path.read_text(encoding="utf-8")]
    assert len(details) >= 12
    assert sum(len(load_iam([path]).principals) for path in details) > 20
    for path in set(files) - set(details):
        for document in _documents(json.loads(path.read_text(encoding="utf-8"))):
            parse(document, path.name)


def _documents(node: object) -> list[object]:
    """Every identity policy document within a JSON value."""
    if isinstance(node, list):
        return [found for child in node for found in _documents(child)]
    if not isinstance(node, dict):
        return []
    if "Statement" in node:
        return [node]
    return [found for child in node.values() for found in _documents(child)]
