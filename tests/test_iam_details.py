"""Authorization details: files in, principals out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.errors import PolicyError, SourceError
from cloudsearch.iam import Iam, LastUse, State, granted, load_iam, parse
from cloudsearch.iam.details import iam_of
from cloudsearch.iam.files import Value
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


def test_an_inline_policy_without_its_document_is_missing(tmp_path: Path) -> None:
    """Whoever left it out of the file: what it grants is not known."""
    alice = user("alice", UserPolicyList=[{"PolicyName": "own"}])
    (found,) = load(tmp_path, {"UserDetailList": [alice]}).principals
    assert found.missing == (f"policy own of {found.arn}",)


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
    """Neither a missing file nor an empty folder is a traceback."""
    with pytest.raises(SourceError, match=r"none\.json: cannot be read"):
        load_iam([tmp_path / "none.json"])
    with pytest.raises(SourceError, match="holds no JSON file"):
        load_iam([tmp_path])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda page: [page],
        lambda page: {"ResponseMetadata": {"HTTPStatusCode": 200}, **page, "IsTruncated": False},
        lambda page: {"GetAccountAuthorizationDetailsResponse": {"GetAccountAuthorizationDetailsResult": page}},
        lambda page: {"111122223333": {"pages": [page]}},
        lambda page: [[{"account": "111122223333", "details": page}]],
    ],
    ids=["list", "boto3", "API", "by account", "deep"],
)
def test_a_page_is_found_within_what_a_client_put_around_it(
    tmp_path: Path, wrap: Callable[[dict[str, Any]], object]
) -> None:
    """A page is a page, whoever saved it."""
    assert [p.name for p in load(tmp_path, wrap({"UserDetailList": [user("alice")]}))] == ["alice"]


def test_documents_may_be_url_encoded(tmp_path: Path) -> None:
    """As IAM's API and most of its clients give them."""
    encoded = quote(json.dumps(ALLOW))
    alice = user("alice", UserPolicyList=[{"PolicyName": "own", "PolicyDocument": encoded}], **attached("shared"))
    (found,) = load(tmp_path, {"UserDetailList": [alice], "Policies": [managed("shared", encoded)]}).principals
    assert [policy.document for policy in found.policies] == [parse(ALLOW, ""), parse(ALLOW, "")]


@pytest.mark.parametrize("goes_on", [{"IsTruncated": True, "Marker": "more"}, {"NextToken": "more"}])
def test_an_answer_that_goes_on_is_refused(tmp_path: Path, goes_on: dict[str, Any]) -> None:
    """Whoever is on the page that is lost would pass for nobody; with that page in any file all is well."""
    first, last, foreign = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.json"
    first.write_text(json.dumps({"UserDetailList": [user("alice")], **goes_on}), "utf-8")
    last.write_text(json.dumps({"UserDetailList": [user("bob")], "IsTruncated": False}), "utf-8")
    foreign.write_text(json.dumps({"UserDetailList": [user("eve", "444455556666")]}), "utf-8")
    for files in ([first], [first, foreign]):
        with pytest.raises(SourceError, match=r"a\.json: IAM's answer goes on"):
            load_iam(files)
    assert len(load_iam([last, first, foreign]).principals) == 3


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=12, max_size=12), st.permutations(range(3)))
def test_how_an_answer_was_cut_into_pages_does_not_matter(pages: list[int], order: list[int]) -> None:
    """Users, groups and policies on whatever pages, read in whatever order, are the same picture."""
    group = {"GroupName": "devs", "Arn": f"{ARN}:group/devs", **attached("shared")}
    entities = [("UserDetailList", user(f"u{number}", GroupList=["devs"])) for number in range(10)]
    entities += [("GroupDetailList", group), ("Policies", managed("shared", ALLOW))]
    whole = [Value("whole", _page(entities))]
    cut = [Value("cut", _page([one for one, page in zip(entities, pages, strict=True) if page == at])) for at in order]
    assert set(iam_of(cut).principals) == set(iam_of(whole).principals)


def _page(entities: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    names = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    return {name: [entity for kind, entity in entities if kind == name] for name in names}


def test_a_page_of_aws_s_own_policies_may_be_the_last(tmp_path: Path) -> None:
    """It names no account, and is the end of one account's answer, not of two."""
    end = {"Policies": [managed("x", ALLOW) | {"Arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}], "IsTruncated": False}
    pages = [{"UserDetailList": [user("alice", account)], "IsTruncated": True} for account in ("1" * 12, "2" * 12)]
    assert len(load(tmp_path, pages[0], end).principals) == 1
    with pytest.raises(SourceError, match="goes on"):
        load(tmp_path, *pages, end)


def test_a_role_s_last_use_is_iam_s_word(tmp_path: Path) -> None:
    """RoleLastUsed, where the role has any."""
    used = role("worker", RoleLastUsed={"LastUsedDate": "2025-01-02T03:04:05Z", "Region": "eu-west-1"})
    (worker, idle) = load(tmp_path, {"RoleDetailList": [used, role("idle", RoleLastUsed={})]})
    assert worker.last_use == LastUse("RoleLastUsed", datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert idle.last_use is None


@pytest.mark.parametrize(
    ("path", "name", "permission_set"),
    [
        ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_ReadOnly_0123456789abcdef", "ReadOnly"),
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_My_Set_0123456789abcdef", "My_Set"),
        ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_ReadOnly_0123456789ABCDEF", None),
        ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_ReadOnly_0123", None),
        ("/", "AWSReservedSSO_ReadOnly_0123456789abcdef", None),
    ],
)
def test_reserved_roles_are_named_by_their_permission_set(
    tmp_path: Path, path: str, name: str, permission_set: str | None
) -> None:
    """Identity Center's path and name, region or none; anybody may call a role so elsewhere."""
    item = role(name, Path=path, Arn=f"{ARN}:role{path}{name}")
    iam = load(tmp_path, {"RoleDetailList": [item, role("other")]})
    assert iam.principals[0].permission_set == permission_set
    assert len(iam.find(permission_set or "ReadOnly", "role")) == (permission_set is not None)
    assert iam.principals[1].permission_set is None
    assert (permission_set in iam.close_matches(f"{permission_set}s", "role")) == (permission_set is not None)


def test_a_role_of_that_very_name_comes_before_the_permission_set(tmp_path: Path) -> None:
    """What is named so is meant."""
    reserved = "/aws-reserved/sso.amazonaws.com/"
    name = "AWSReservedSSO_admin_0123456789abcdef"
    items = [role(name, Path=reserved, Arn=f"{ARN}:role{reserved}{name}"), role("Admin")]
    iam = load(tmp_path, {"RoleDetailList": items})
    assert [found.name for found in iam.find("admin", "role")] == ["Admin"]


def test_a_role_s_trust_policy_is_read(tmp_path: Path) -> None:
    """It has no Resource; who may be in it is no grant of the role's."""
    trust = {
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }
    roles = [role("worker", AssumeRolePolicyDocument=quote(json.dumps(trust))), role("other")]
    worker, other = load(tmp_path, {"RoleDetailList": roles})
    assert worker.trust == parse(trust, "", needs_resource=False)
    assert other.trust is None
    assert worker.policies == ()


def test_service_linked_roles_and_instance_profiles_are_recognised(tmp_path: Path) -> None:
    """By the path AWS keeps for them; by the list on the role."""
    profile = {"InstanceProfileName": "machines", "Arn": f"{ARN}:instance-profile/machines"}
    items = [role("linked", Path="/aws-service-role/ecs.amazonaws.com/", Arn=f"{ARN}:role/x/linked")]
    items.append(role("worker", InstanceProfileList=[profile]))
    linked, worker = load(tmp_path, {"RoleDetailList": items})
    assert (linked.is_service_linked, worker.is_service_linked) == (True, False)
    assert worker.instance_profiles == (f"{ARN}:instance-profile/machines",)


def test_a_policy_that_is_not_iam_s_is_named(tmp_path: Path) -> None:
    """The error tells whose policy it is."""
    bad = user("alice", UserPolicyList=[{"PolicyName": "own", "PolicyDocument": {"Statement": [{}]}}])
    with pytest.raises(PolicyError, match=r"own of arn:.*alice, statement 0"):
        load(tmp_path, {"UserDetailList": [bad]})


def test_dates_are_read_in_the_forms_of_all_clients(tmp_path: Path) -> None:
    """Texts of several kinds, and seconds since 1970 as Java's clients write them; what is not there is no date."""
    moment = datetime(2019, 12, 12, 12, 55, 41, tzinfo=UTC)
    dates = [
        "2019-12-12 12:55:41+00:00",
        "2019-12-12T12:55:41Z",
        "2019-12-12T13:55:41+01:00",
        "2019-12-12T12:55:41.0000000Z",
        "2019-12-12 12:55:41 UTC",
        moment.timestamp(),
        None,
    ]
    users = [user(f"u{number}", CreateDate=date) for number, date in enumerate(dates)]
    created = [principal.created for principal in load(tmp_path, {"UserDetailList": users})]
    assert created == [moment] * 6 + [None]


@pytest.mark.parametrize("date", ["yesterday", "0001-01-01T00:00:00+14:00", 1e300, ["2019"]])
def test_a_date_that_cannot_be_read_is_refused(tmp_path: Path, date: object) -> None:
    """Else a role of last week would have been there for all of the logs."""
    with pytest.raises(SourceError, match=r"iam\.json: CreateDate is no time"):
        load(tmp_path, {"UserDetailList": [user("alice", CreateDate=date)]})
    with pytest.raises(SourceError, match=r"iam\.json: LastUsedDate is no time"):
        load(tmp_path, {"RoleDetailList": [role("worker", RoleLastUsed={"LastUsedDate": date})]})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"UserPolicyList": ["own"]}, "UserPolicyList is no list of objects"),
        ({"UserPolicyList": {"PolicyName": "own"}}, "UserPolicyList is no list of objects"),
        ({"AttachedManagedPolicies": [f"{ARN}:policy/x"]}, "AttachedManagedPolicies is no list of objects"),
        ({"GroupList": [{"GroupName": "devs"}]}, "GroupList is no list of texts"),
        ({"GroupList": True}, "GroupList is no list of texts"),
        ({"PermissionsBoundary": f"{ARN}:policy/x"}, "PermissionsBoundary is no object"),
        ({"PermissionsBoundary": {"PermissionsBoundaryType": "Policy"}}, "an entry has no PermissionsBoundaryArn"),
        ({"PermissionsBoundary": {"PermissionsBoundaryArn": [ARN]}}, "an entry has no PermissionsBoundaryArn"),
        ({"Tags": {"team": "a"}}, "Tags is no list of objects"),
        ({"Path": 1}, "Path is no text"),
        ({"UserId": ["AIDA"]}, "UserId is no text"),
    ],
)
def test_what_is_of_another_type_is_named(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    """A boundary or a policy that cannot be read must not be passed over."""
    with pytest.raises(SourceError, match=rf"iam\.json: {told}"):
        load(tmp_path, {"UserDetailList": [user("alice") | change]})


def test_flags_may_be_texts(tmp_path: Path) -> None:
    """Some of those that turn IAM's XML into JSON leave them so; the version in force is the one that is marked."""
    shared = managed("shared", ALLOW)
    del shared["DefaultVersionId"]
    for version in shared["PolicyVersionList"]:
        version["IsDefaultVersion"] = str(version["IsDefaultVersion"]).lower()
    page = {"UserDetailList": [user("alice", **attached("shared"))], "Policies": [shared], "IsTruncated": "false"}
    (alice,) = load(tmp_path, page).principals
    assert alice.policies[0].document == parse(ALLOW, "")
    shared["PolicyVersionList"] = [{"Document": ALLOW}]
    assert load(tmp_path, page).principals[0].missing == (f"{ARN}:policy/shared",)
    shared["PolicyVersionList"] = "v2"
    with pytest.raises(SourceError, match="PolicyVersionList is no list of objects"):
        load(tmp_path, page)


def test_every_public_sample_is_read() -> None:
    """Details as IAM gave them, from several projects; documents URL-encoded or not."""
    files = [*(samples() / "iam").glob("*.json"), *(samples() / "iamspy").glob("*.json")]
    details = [path for path in files if "DetailList" in path.read_text(encoding="utf-8")]
    assert len(details) >= 12
    assert sum(len(load_iam([path]).principals) for path in details) > 20
    for path in set(files) - set(details):
        for document in _documents(json.loads(path.read_text(encoding="utf-8"))):
            parse(document, path.name, names_principals=True)


def _documents(node: object) -> list[object]:
    """Every policy document within a JSON value."""
    if isinstance(node, list):
        return [found for child in node for found in _documents(child)]
    if not isinstance(node, dict):
        return []
    if "Statement" in node:
        return [node]
    return [found for child in node.values() for found in _documents(child)]
