"""Service control policies: files in, levels out; an organisation's tree, account by account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli.principals import controls
from cloudsearch.errors import PolicyError, SourceError
from cloudsearch.iam import (
    Controls,
    Organization,
    Principal,
    State,
    granted,
    load_organizations,
    load_scps,
    parse,
    without_allow,
)
from cloudsearch.iam.details import iam_of
from cloudsearch.iam.files import Value
from tests.samples import samples

FULL: dict[str, Any] = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NO_S3 = {"Version": "2012-10-17", "Statement": [{"Sid": "NoS3", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
SCP = "service control policy"
MANAGEMENT, MEMBER, NESTED = "111111111111", "222222222222", "333333333333"


def policy(name: str, content: object, kind: str = "SERVICE_CONTROL_POLICY") -> dict[str, Any]:
    """A policy with its content as Organizations tells it: JSON within a string."""
    return {"Id": f"p-{name}", "Arn": f"arn:p-{name}", "Name": name, "Type": kind, "Content": json.dumps(content)}


def described(name: str, content: object) -> dict[str, Any]:
    """What ``aws organizations describe-policy`` prints."""
    whole = policy(name, content)
    return {"Policy": {"Content": whole.pop("Content"), "PolicySummary": whole}}


def written(folder: Path, *contents: object, name: str = "scp.json") -> Path:
    """Values one after another in a file."""
    path = folder / name
    path.write_text("\n".join(map(json.dumps, contents)), encoding="utf-8")
    return path


def principal(account: str, kind: str = "role", path: str = "/") -> Principal:
    """One that may do everything as far as its own policies go."""
    item = {
        "Arn": f"arn:aws:iam::{account}:{kind}{path}someone",
        f"{kind.title()}Name": "someone",
        "Path": path,
        f"{kind.title()}PolicyList": [{"PolicyName": "all", "PolicyDocument": FULL}],
    }
    return iam_of([Value("test", {f"{kind.title()}DetailList": [item]})]).principals[0]


def states(someone: Principal, bounds: Controls) -> list[State]:
    """Of an action of S3 and another."""
    return [grant.state for grant in granted(someone, ["s3:GetObject", "ec2:RunInstances"], bounds.layers_for(someone))]


@pytest.mark.parametrize(
    "contents",
    [
        [FULL, NO_S3],
        [[FULL, NO_S3]],
        [described("full", FULL), described("no-s3", NO_S3)],
        [{"Policies": [policy("full", FULL), policy("no-s3", NO_S3)]}],
        [[described("full", FULL), NO_S3]],
        [[described("full", FULL)["Policy"], {"Name": "no-s3", "Content": NO_S3}]],
    ],
    ids=["values", "list", "describe-policy", "list-policies", "mixed", "bare policies"],
)
def test_a_file_is_a_level_however_it_was_saved(tmp_path: Path, contents: list[object]) -> None:
    """The policies of one file are a union that must allow and may deny."""
    (level,) = load_scps([written(tmp_path, *contents)])
    assert level.name == "service control policy level scp.json"
    assert [one.document for one in level.policies] == [parse(FULL, ""), parse(NO_S3, "")]
    assert states(principal(MEMBER), Controls((level,))) == [State.NOT_GRANTED, State.GRANTED]
    assert not list(without_allow([level]))


def test_every_level_must_allow(tmp_path: Path) -> None:
    """Two files are two levels: what the second lacks is not granted."""
    only_s3 = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    paths = [written(tmp_path, FULL, name="root.json"), written(tmp_path, only_s3, name="unit.json")]
    assert states(principal(MEMBER), Controls(load_scps(paths))) == [State.GRANTED, State.NOT_GRANTED]


def test_a_level_without_an_allow_is_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It grants nothing, by AWS's rules; most likely FullAWSAccess was not saved along."""
    bounds = controls([], [written(tmp_path, NO_S3)])
    assert "service control policy level scp.json has no Allow" in capsys.readouterr().err
    assert states(principal(MEMBER), bounds) == [State.NOT_GRANTED, State.NOT_GRANTED]


def test_a_level_of_the_tree_without_an_allow_is_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, however many accounts are below it; a unit that binds nobody is no matter."""
    load(tmp_path, organization())
    controls([tmp_path], [])
    assert not capsys.readouterr().err
    tree = organization()
    for target in tree["targets"]:
        target["policies"] = [one for one in target["policies"] if one != "p-full" or target["id"] != "ou-1"]
    written(tmp_path / "0", tree, name="organization.json")
    bounds = controls([tmp_path], [])
    assert capsys.readouterr().err.count("service control policy level OU ou-1 has no Allow") == 1
    assert states(principal(NESTED), bounds) == [State.NOT_GRANTED, State.NOT_GRANTED]
    tree["targets"] = [target for target in tree["targets"] if target["id"] != NESTED]
    written(tmp_path / "0", tree, name="organization.json")
    controls([tmp_path], [])
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "describe-policy"),
        ([1], "describe-policy"),
        ("text", "describe-policy"),
        ({"Policies": [{"Id": "p-1", "Name": "lost"}]}, "no Content of lost"),
        (policy("tags", {}, "TAG_POLICY"), "tags is a TAG_POLICY"),
        ({"taken_at": "2026-01-01", "organization": {}}, "part of a snapshot"),
        ({"Policy": {"PolicySummary": "full", "Content": FULL}}, "PolicySummary is no object"),
        ({"Name": "Root", "Children": True}, "Children is no list of objects"),
        ({"Name": "Root", "Children": [], "Policies": 1}, "Policies is no list of objects"),
    ],
)
def test_a_file_that_is_no_scp_is_named(tmp_path: Path, content: object, message: str) -> None:
    """With what to do instead."""
    with pytest.raises(SourceError, match=message) as refused:
        load_scps([written(tmp_path, content)])
    assert "scp.json" in str(refused.value)


def test_broken_files_and_policies_are_named(tmp_path: Path) -> None:
    """Cut off, not there, not IAM."""
    cut = written(tmp_path, FULL)
    cut.write_text(cut.read_text()[:-5])
    with pytest.raises(SourceError, match="cut off"):
        load_scps([cut])
    with pytest.raises(SourceError, match="cannot be read"):
        load_scps([tmp_path / "none.json"])
    with pytest.raises(PolicyError, match=r"bad in .*scp\.json, statement 0"):
        load_scps([written(tmp_path, policy("bad", {"Statement": [{}]}))])
    with pytest.raises(PolicyError, match=r"whom in .*scp\.json, statement 0: has a Principal"):
        load_scps([written(tmp_path, policy("whom", {"Statement": FULL["Statement"][0] | {"Principal": "*"}}))])


def organization(**more: Any) -> dict[str, Any]:  # noqa: ANN401 (the snapshot's own shape)
    """A tree of a root, a unit and a unit in it; the unit denies S3, the resources' policies are others."""
    targets = [
        ("r-1", "ROOT", None, ["p-full", "p-resources"]),
        ("ou-1", "ORGANIZATIONAL_UNIT", "r-1", ["p-full", "p-no-s3"]),
        ("ou-2", "ORGANIZATIONAL_UNIT", "ou-1", ["p-full"]),
        (MANAGEMENT, "ACCOUNT", "ou-1", ["p-full"]),
        (MEMBER, "ACCOUNT", "r-1", ["p-full"]),
        (NESTED, "ACCOUNT", "ou-2", ["p-full"]),
    ]
    resources = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
    return {
        "taken_at": "2026-03-01T00:00:00+00:00",
        "account": MANAGEMENT,
        "organization": {"Id": "o-1", "MasterAccountId": MANAGEMENT},
        "policy_types": [
            {"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"},
            {"Type": "RESOURCE_CONTROL_POLICY", "Status": "ENABLED"},
        ],
        "targets": [{"id": i, "type": t, "name": i, "parent": p, "policies": a} for i, t, p, a in targets],
        "policies": [
            policy("full", FULL),
            policy("no-s3", NO_S3),
            policy("resources", resources, "RESOURCE_CONTROL_POLICY"),
        ],
    } | more


def load(folder: Path, *contents: dict[str, Any]) -> tuple[Organization, ...]:
    """A snapshot of so many accounts' view of the organisation."""
    for number, content in enumerate(contents):
        (folder / str(number)).mkdir()
        written(folder / str(number), content, name="organization.json")
    return load_organizations([folder])


def test_the_tree_is_applied_account_by_account(tmp_path: Path) -> None:
    """From the root down to the account; a Deny above binds all below, and nobody beside."""
    bounds = Controls(organizations=load(tmp_path, organization()))
    (told,) = bounds.organizations
    names = [layer.name for layer in told.layers_for(NESTED)]
    assert names == [f"{SCP} level {one}" for one in ("root", "OU ou-1", "OU ou-2", f"account {NESTED}")]
    assert states(principal(NESTED), bounds) == [State.NOT_GRANTED, State.GRANTED]
    assert states(principal(MEMBER), bounds) == [State.GRANTED, State.GRANTED]
    assert next(layer.name for layer in told.resource_layers_for(MEMBER)) == "resource control policy level root"


def test_the_management_account_and_service_linked_roles_are_not_bound(tmp_path: Path) -> None:
    """Though the management account lies below a unit that denies; files bind it no more than the tree does."""
    bounds = Controls(load_scps([written(tmp_path, NO_S3)]), load(tmp_path, organization()))
    assert states(principal(MANAGEMENT), bounds) == [State.GRANTED, State.GRANTED]
    linked = principal(NESTED, path="/aws-service-role/support.amazonaws.com/")
    assert states(linked, bounds) == [State.GRANTED, State.GRANTED]
    assert states(principal(NESTED, "user", "/aws-service-role/"), bounds) == [State.NOT_GRANTED] * 2


def test_policies_of_a_type_that_is_not_enabled_bind_nobody(tmp_path: Path) -> None:
    """Attached or not."""
    bounds = Controls(organizations=load(tmp_path, organization(policy_types=[])))
    assert states(principal(NESTED), bounds) == [State.GRANTED, State.GRANTED]


def test_the_latest_view_that_has_the_tree_counts(tmp_path: Path) -> None:
    """A member sees the organisation without its tree, however lately it looked."""
    member = {"taken_at": "2026-09-01", "account": MEMBER, "organization": organization()["organization"]}
    older = organization(taken_at="2026-01-01", policies=[policy("full", FULL)], targets=[])
    (told,) = load(tmp_path, older, organization(), member)
    assert told.knows(NESTED)
    assert told.knows(MANAGEMENT)
    assert not told.knows("999999999999")


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    """Without the tree only the management account is known not to be bound; an account in none is known too."""
    member = {"taken_at": "2026-09-01", "account": MEMBER, "organization": organization()["organization"]}
    alone = {"taken_at": "2026-09-01", "account": "999999999999", "organization": None}
    bounds = Controls(organizations=load(tmp_path, member, alone))
    known = [bounds.knows(account) for account in (MANAGEMENT, MEMBER, "999999999999")]
    assert known == [True, False, True]
    ids = [bounds.organization_of(account) for account in (MANAGEMENT, MEMBER, "999999999999")]
    assert ids == ["o-1", None, ""]
    assert states(principal("999999999999"), bounds) == [State.GRANTED] * 2


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"targets": [{"id": "r-1", "type": "ROOT", "parent": None, "policies": ["p-gone"]}]}, "p-gone"),
        ({"targets": [{"id": MEMBER, "type": "ACCOUNT", "parent": "ou-9", "policies": []}]}, "lacks ou-9"),
        ({"targets": [1]}, "targets is no list"),
        ({"targets": [{"type": "ROOT"}]}, "a target is none"),
        ({"targets": [{"id": ["r-1"], "type": "ROOT"}]}, "id is no text"),
        ({"targets": [{"id": "r-1", "type": "ROOT", "policies": "p-full"}]}, "policies is no list of texts"),
        ({"organization": ["o-1"]}, "organization is no object"),
        ({"organization": {"Id": "o-1"}}, "lacks the organisation's Id or MasterAccountId"),
        ({"policies": [{"Id": {}}]}, "Id is no text"),
    ],
)
def test_a_broken_tree_is_named(tmp_path: Path, broken: dict[str, Any], message: str) -> None:
    """Rather than binding less than it should."""
    with pytest.raises(SourceError, match=message):
        load(tmp_path, organization(**broken))


def test_a_tree_that_turns_in_a_circle_ends(tmp_path: Path) -> None:
    """Nothing AWS would write, but nothing to hang on either."""
    loop = organization(targets=[{"id": MEMBER, "type": "ACCOUNT", "parent": MEMBER, "policies": ["p-full"]}])
    (told,) = load(tmp_path, loop)
    assert len(told.layers_for(MEMBER)) == 1


def test_a_tree_is_a_level_each_as_long_as_it_is_for_all(tmp_path: Path) -> None:
    """None of its policies is left aside; branches that differ are not for all accounts, and it says so."""
    account = {"Id": MEMBER, "Name": "test", "Policies": [policy("full", FULL)]}
    root = {"Id": "r-1", "Name": "Root", "Policies": [policy("full", FULL)], "Children": [account]}
    account["Policies"] = [policy("no-s3", NO_S3), policy("full", FULL)]
    levels = load_scps([written(tmp_path, root)])
    assert [level.name for level in levels] == [f"{SCP} level {one} of scp.json" for one in ("Root", "test")]
    assert states(principal(MEMBER), Controls(levels)) == [State.NOT_GRANTED, State.GRANTED]
    assert len(load_scps([written(tmp_path, root | {"Children": [account, account]})])) == 2
    free = account | {"Policies": [policy("full", FULL)]}
    with pytest.raises(SourceError, match="below Root not all have the same policies"):
        load_scps([written(tmp_path, root | {"Children": [account, free]})])


def test_public_samples_of_scps_are_read() -> None:
    """As another tool keeps them: a root with accounts below, which differ in one sample."""
    files = {path.stem: path for path in (samples() / "iamspy").glob("scp-*.json")}
    with pytest.raises(SourceError, match="below Root not all have the same policies"):
        load_scps([files.pop("scp-basic")])
    assert len(files) >= 2
    for path in files.values():
        levels = load_scps([path])
        assert len(levels) == 2
        assert not list(without_allow(levels))
        calls = granted(principal(MEMBER), ["lambda:CreateFunction", "s3:GetObject"], levels)
        assert [grant.state for grant in calls] == [State.NOT_GRANTED, State.GRANTED]
