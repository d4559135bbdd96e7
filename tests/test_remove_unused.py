"""Today's policies minus what is provably unused: never wider, never without what was used, never too large."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions import ObservabilityClass, observability
from cloudsearch.iam import Document, Effect, Patterns, State, Statement, granted, parse, render
from cloudsearch.iam.judge import Judge
from cloudsearch.iam.matching import covers, matches_action
from cloudsearch.policies.diff import actions_of, granted_of
from cloudsearch.policies.facts import limits
from cloudsearch.policies.history import Used
from cloudsearch.policies.parts import text
from cloudsearch.policies.replay import replay
from cloudsearch.policies.splitting import shortened, without
from cloudsearch.policies.unused import trim
from cloudsearch.store import EVENTS
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import In
from tests.logfiles import ACCOUNT, record
from tests.policies import document, policies, principal
from tests.replaying import run
from tests.scenario import DAYS, Scenario, account, background, moment, of_home, role, statement
from tests.uses import histories

S3 = [action.name for action in catalogue.actions_of("s3")]
SOME = ["s3:GetObject", "s3:GetObjectAcl", "s3:ListAllMyBuckets", "s3:PutObject", "iam:CreateUser", "ec2:DescribeVpcs"]


def allow(*texts: str, negated: bool = False) -> Statement:
    """An Allow of action patterns."""
    return Statement(0, "Own", Effect.ALLOW, Patterns(texts, negated), Patterns(("*",)))


def covered(one: Statement | None) -> set[str]:
    """The catalogue's actions that are left."""
    return {action.name for action in actions_of(one)} if one else set()


@pytest.mark.parametrize(
    "texts",
    [
        ("s3:*",),
        ("s3:Get*",),
        ("S3:get*", "s3:ListAllMyBuckets"),
        ("s3:*Object",),
        ("s3:GetObject",),
        ("s3:G?tObject*",),
    ],
)
@given(gone=st.sets(st.sampled_from(S3)))
@settings(max_examples=40, deadline=None)
def test_a_wildcard_is_split_into_what_remains(texts: tuple[str, ...], gone: set[str]) -> None:
    """Exactly the actions that were covered minus those that go; every pattern is within an old one."""
    before, after = allow(*texts), without(allow(*texts), gone)
    assert covered(after) == covered(before) - gone
    if after:
        for made in after.actions.texts:
            probe = made.replace("*", "Zz")
            assert any(matches_action(old, probe) for old in texts), made


def test_no_pattern_goes_past_the_wildcard_it_is_of() -> None:
    """Whatever the service's names: ``*s`` is split into patterns within it, or into names."""
    for service in catalogue.services():
        for action in catalogue.actions_of(service)[:1]:
            text_ = f"{service}:*{action.name[-1]}"
            after = without(allow(text_), {action.name})
            for made in after.actions.texts if after else ():
                assert covers(text_.lower(), made.lower()), (text_, made)


@pytest.mark.parametrize("one", [allow("*"), allow("*:*", "s3:Get*"), allow("iam:*", negated=True)])
@given(gone=st.sets(st.sampled_from([*S3, "iam:CreateUser", "sqs:SendMessage"])))
@settings(max_examples=20, deadline=None)
def test_everything_becomes_all_but_what_goes(one: Statement, gone: set[str]) -> None:
    """A NotAction, so that what no catalogue knows stays as it was."""
    after = without(one, gone)
    assert covered(after) == covered(one) - gone
    assert after is not None
    assert after.actions.negated is (bool(gone) or one.actions.negated)
    assert not any(matches_action(made, "nobodys:Action") for made in after.actions.texts if after.actions.negated)


def test_a_deny_and_a_wild_service_stay() -> None:
    """A Deny takes away anyhow; of ``s?:*`` nobody can say what other services it may come to mean."""
    deny = replace(allow("s3:*"), effect=Effect.DENY)
    assert without(deny, S3) is deny
    wild = allow("s?:Get*")
    assert without(wild, S3) == wild


def test_nothing_is_left_of_a_statement_whose_actions_all_go() -> None:
    """It is dropped, and the others keep Sid and order."""
    content = document(
        [{"Sid": sid, "Effect": "Allow", "Action": one, "Resource": "*"} for sid, one in zip("ABC", SOME, strict=False)]
    )
    after, _ = trim(parse(content, "p"), {SOME[1]}, 0)
    assert [(one.sid, one.index) for one in after.statements] == [("A", 0), ("C", 1)]
    assert without(allow("s3:Get*"), S3) is None


@given(st.sets(st.sampled_from([*S3, *SOME]), min_size=1))
def test_shortened_covers_the_same(actions: set[str]) -> None:
    """The actions and no other of the catalogue's."""
    assert {one.name for made in shortened(actions) for one in catalogue.expand(made)} == actions


@given(policies, st.sets(st.sampled_from(SOME)), st.integers(0, 400))
@settings(max_examples=25, deadline=None)
def test_the_result_grants_a_subset_and_fits(told: list[dict[str, Any]], gone: set[str], room: int) -> None:
    """No action is granted that was not, on no resource; nothing but what goes is lost; the room is kept to."""
    before = parse(document(told), "p")
    after, notes = trim(before, gone, room)
    assert len(text(after)) <= len(text(before)) + room
    old, new = (principal([_rendered(one)]) for one in (before, after))
    names = [*SOME, "s3:DeleteBucket", "iam:ListUsers", "sqs:SendMessage"]
    for was, is_ in zip(granted(old, names), granted(new, names), strict=True):
        if is_.action.name not in gone:
            assert (is_.state, is_.scope) == (was.state, was.scope), is_
        elif not notes:
            assert is_.state is State.NOT_GRANTED, is_
    if not notes:
        assert granted_of(new, ()) == granted_of(old, ()) - gone
    else:
        assert granted_of(old, ()) - gone <= granted_of(new, ()) <= granted_of(old, ())


def _rendered(one: Document) -> dict[str, Any]:
    return render(one)


@given(histories, policies)
@settings(max_examples=30, deadline=None)
def test_history_is_allowed_as_before(events: list[Used], told: list[dict[str, Any]]) -> None:
    """Without the actions that history does not have every call fares as it did."""
    before = principal([document(told)])
    gone = granted_of(before, ()) - {use.action for event in events for use in event.uses}
    after = principal([_rendered(trim(parse(document(told), "p"), gone, 100_000)[0])])
    was, is_ = Judge.of(before), Judge.of(after)
    for event in events:
        assert replay([event], is_, was).events == replay([event], was, was).events


def test_what_has_no_room_stays() -> None:
    """A policy at its limit keeps what would make it larger; services whose patterns are short go first."""
    everything = parse(document([{"Effect": "Allow", "Action": "*", "Resource": "*"}]), "p")
    gone = [action.name for action in catalogue.everything() if len(action.name) % 3]
    room = limits()["managed"].characters - len(text(everything))
    after, notes = trim(everything, gone, room)
    assert len(text(after)) <= limits()["managed"].characters
    assert notes
    left = covered(after.statements[0])
    assert {action.name for action in catalogue.everything()} - set(gone) <= left
    assert len(left) < len(catalogue.everything())
    assert trim(everything, gone, 0)[0] == everything


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """61 days; the worker describes instances each day, and asks who it is."""
    found = Scenario(tmp_path, capsys)
    found.log(*background(), *of_home(), *(record(day, eventTime=moment(day)) for day in range(DAYS)))
    return found


def compared(scenario: Scenario, capsys: pytest.CaptureFixture[str], iam: str, *options: str) -> tuple[int, str, str]:
    """The command on the worker."""
    store = scenario.folder / "store.duckdb"
    common = ("--role", "worker", "--iam", iam, "--iam-as-of", "2026-10-01", "--remove-unused", "--store", store)
    return run(capsys, "diff", *common, *options)


def new_policies(folder: Path) -> dict[str, Any]:
    """The policies of a plan, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((folder / "new").glob("*.json"))}


def test_unused_goes_and_what_is_not_proved_stays(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """CreateUser would have been seen. GetObject is a data event, PassRole is in no log, the Deny is a Deny."""
    deny = statement("iam:CreateUser", effect="Deny", Resource="arn:aws:iam::*:user/root")
    own = [
        statement("iam:CreateUser", "s3:GetObject", "ec2:DescribeInstances", Sid="Mixed"),
        statement("iam:DeleteUser", Sid="Gone"),
        statement("iam:PassRole", Sid="Pass"),
        deny,
    ]
    iam = scenario.iam(account(role(*own)))
    code, out, err = compared(scenario, capsys, iam, "--plan", str(scenario.folder / "plan"))
    assert code == 0, err
    content = new_policies(scenario.folder / "plan")["inline"]
    assert [one.get("Sid") for one in content["Statement"]] == ["Mixed", "Pass", None]
    assert content["Statement"][0]["Action"] == ["s3:GetObject", "ec2:DescribeInstances"]
    assert content["Statement"][2]["Effect"] == "Deny"
    assert "61 fine" in out


def test_assumed_stays_unless_it_is_asked_for(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an action that AWS nowhere says is logged an absence proves less."""
    assumed = next(
        one.name
        for one in catalogue.everything()
        if observability(one.name).observability is ObservabilityClass.MANAGEMENT_ASSUMED
        and one.access_level == "Write"
    )
    iam = scenario.iam(account(role(statement(assumed, "iam:CreateUser", "ec2:DescribeInstances"))))
    for number, (options, kept) in enumerate([([], True), (["--include-assumed"], False)]):
        folder = scenario.folder / f"plan{number}"
        assert compared(scenario, capsys, iam, "--plan", str(folder), *options)[0] == 0
        actions = new_policies(folder)["inline"]["Statement"][0]["Action"]
        assert (assumed in actions) is kept
        assert "iam:CreateUser" not in actions


def test_nothing_is_removed_of_a_service_with_a_call_nobody_knows(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    """The call may have needed what seems to be unused."""
    scenario.log(record(900, eventSource="iam.amazonaws.com", eventName="NobodyKnowsThis", eventTime=moment(3)))
    iam = scenario.iam(account(role(statement("iam:CreateUser", "ec2:DescribeInstances", "ec2:TerminateInstances"))))
    code, out, _ = compared(scenario, capsys, iam)
    assert code == 0
    assert "iam: nothing is removed" in out
    assert '-        "ec2:TerminateInstances"' in out
    assert '-        "iam:CreateUser"' not in out


def test_policies_of_groups_stay_and_attached_ones_are_said_to_be_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group's is its other members' too; a managed one needs a copy."""
    found = Scenario(tmp_path, capsys)
    found.log(*background(), *of_home())
    unused = {"Version": "2012-10-17", "Statement": [statement("iam:CreateUser")]}
    arn = f"arn:aws:iam::{ACCOUNT}:policy/managed"
    user = {
        "Path": "/",
        "UserName": "someone",
        "UserId": "AIDASOMEONE",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/someone",
        "CreateDate": "2025-01-01T00:00:00Z",
        "GroupList": ["g"],
        "AttachedManagedPolicies": [{"PolicyName": "managed", "PolicyArn": arn}],
    }
    group = {
        "Path": "/",
        "GroupName": "g",
        "GroupId": "AGPAG",
        "Arn": f"arn:aws:iam::{ACCOUNT}:group/g",
        "GroupPolicyList": [{"PolicyName": "shared", "PolicyDocument": unused}],
        "AttachedManagedPolicies": [],
    }
    managed = {"Version": "2012-10-17", "Statement": [statement("iam:DeleteUser", "ec2:RunInstances")]}
    version = {"Document": managed, "VersionId": "v1", "IsDefaultVersion": True}
    policy = {"PolicyName": "managed", "Arn": arn, "DefaultVersionId": "v1", "PolicyVersionList": [version]}
    iam = found.iam(account(users=[user], GroupDetailList=[group], Policies=[policy]))
    options = ("--user", "someone", "--iam", iam, "--iam-as-of", "2026-10-01", "--store", tmp_path / "store.duckdb")
    code, out, err = run(capsys, "diff", "--remove-unused", *options)
    assert code == 0, err
    assert "shared: a policy of group g, stays as it is" in out
    assert f"perhaps attached to others: make a policy of your own of it and attach that instead of {arn}" in out
    assert '-        "iam:DeleteUser"' in out


def test_broken_coverage_removes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two days of logs a month apart prove nothing: exit 10, and no word of a policy."""
    found = Scenario(tmp_path, capsys)
    found.log(record(1, eventTime=moment(0)), record(2, eventTime=moment(40)))
    iam = found.iam(account(role(statement("iam:CreateUser"))))
    code, out, err = compared(found, capsys, iam, "--plan", str(tmp_path / "plan"))
    assert (code, out) == (10, "")
    assert "nothing is removed" in err
    assert not (tmp_path / "plan").exists()


def test_few_days_prove_nothing_unused(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """With more days asked for than there are everything stays."""
    iam = scenario.iam(account(role(statement("iam:CreateUser", "ec2:DescribeInstances"))))
    code, out, _ = compared(scenario, capsys, iam, "--min-days", "90")
    assert code == 0
    assert "0 actions are provably unused" in out


def test_what_the_replay_needs_is_put_back(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of an older version lack the ACL that a call gave; the report trusts them, the replay reads the record."""
    giving = {"bucketName": "b", "x-amz-acl": "public-read"}
    made = {"eventSource": "s3.amazonaws.com", "eventName": "CreateBucket", "requestParameters": giving}
    scenario.log(record(900, readOnly=False, eventTime=moment(3), **made))
    _forget_inferred(scenario.folder / "store.duckdb", "00000000-0000-4000-8000-000000000900", "s3:PutBucketAcl")
    iam = scenario.iam(account(role(statement("s3:DeleteBucket", "s3:PutBucketAcl", "s3:CreateBucket"))))
    code, out, err = compared(scenario, capsys, iam)
    assert code == 0, err
    assert "the replay needs s3:PutBucketAcl: put back" in out
    assert '-        "s3:DeleteBucket"' in out
    assert '-        "s3:PutBucketAcl"' not in out


def _forget_inferred(path: Path, event_id: str, action: str) -> None:
    """Write an event's row as a version did that inferred nothing."""
    store = DuckDBStore(path)
    store.prepare(loading=True)
    (row,) = store.rows(EVENTS, In(EVENTS.by_name["id"], (event_id,)))
    assert row["inferred_actions"] == (action,)
    store.write(EVENTS, [store.encode(EVENTS, {**row, "inferred_actions": None})], replace=True)
    store.commit()
    store.close()


def test_the_replay_is_the_last_word(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an administrator who describes instances that stays, whatever goes, and what is left is still a policy."""
    iam = scenario.iam(account(role(statement("*"))))
    code, _, err = compared(scenario, capsys, iam, "--plan", str(scenario.folder / "plan"))
    assert code == 0, err
    content = new_policies(scenario.folder / "plan")["inline"]
    after = Judge.of(principal([content]))
    assert after.judge("ec2:DescribeInstances", None, {}).state == 2
    assert after.judge("iam:CreateUser", None, {}).state == 0
    assert len(json.dumps(content, separators=(",", ":"))) <= limits()["inline-role"].characters
