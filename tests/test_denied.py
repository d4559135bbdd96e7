"""Refused calls: who, what, why, where, since when, what is new, and what would help."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.catalogue import find, services
from cloudsearch.derive import DeniedReason
from cloudsearch.reports.advice import by_reason
from cloudsearch.reports.facts import table
from cloudsearch.reports.refusals import BY, UNKNOWN, clusters
from cloudsearch.store import Group
from tests.backends import Backend
from tests.logfiles import ACCOUNT, record
from tests.refusals import (
    OTHER,
    PERFORM,
    SEPTEMBER,
    WORKER,
    Json,
    Room,
    network,
    owners_copy,
    refusal,
    role_identity,
    user,
)
from tests.scenario import background, moment

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases" / "denied.json").read_text())
EXAMPLES = HERE.parent / "examples"
KEYS = [
    "account",
    "region",
    "principal",
    "action",
    "service",
    "reason",
    "policy_arn",
    "error_code",
    "calls",
    "first_seen",
    "last_seen",
    "new",
    "advice",
    "resource_account",
    "via",
]


@pytest.fixture
def empty(tmp_path: Path, backend: Backend, capsys: pytest.CaptureFixture[str]) -> Room:
    """Nothing loaded."""
    return Room(tmp_path, backend, capsys)


@pytest.fixture
def room(empty: Room) -> Room:
    """Two months of which every day has a read and a write by somebody in eu-west-1, none refused."""
    empty.log(*background())
    return empty


def only(rows: Sequence[Json]) -> Json:
    """The one row."""
    assert len(rows) == 1, rows
    return rows[0]


def test_every_reason_aws_documents(room: Room) -> None:
    """Action, reason, policy and older names as the table says, and advice that fits; each case is a user's."""
    room.log(
        *(
            refusal(
                n,
                call=case["call"],
                userIdentity=user(f"case{n}"),
                errorCode=case["code"],
                errorMessage=case["message"],
            )
            for n, case in enumerate(CASES)
        )
    )
    found = {row["principal"].rpartition("/")[2]: row for row in room.rows()}
    assert len(found) == len(CASES)
    for n, case in enumerate(CASES):
        row = found[f"case{n}"]
        assert {name: row[name] for name in case["expected"]} == case["expected"], case["name"]
        assert all(words in row["advice"] for words in case["advice"]), (case["name"], row["advice"])


def test_the_keys_of_a_row_are_a_promise(room: Room) -> None:
    """Fifteen in this order, whatever is appended; the values of a plain case."""
    room.log(refusal(1, 40), refusal(2, 42))
    row = only(room.rows(*SEPTEMBER))
    assert list(row)[: len(KEYS)] == KEYS
    assert {key: row[key] for key in KEYS if key != "advice"} == {
        "account": ACCOUNT,
        "region": "eu-west-1",
        "principal": WORKER,
        "action": "ec2:StopInstances",
        "service": "ec2",
        "reason": "no identity-based policy",
        "policy_arn": None,
        "error_code": "AccessDenied",
        "calls": 2,
        "first_seen": moment(40),
        "last_seen": moment(42),
        "new": True,
        "resource_account": None,
        "via": "sdk",
    }


def test_sessions_codes_and_policies_do_not_part_a_cluster(room: Room) -> None:
    """Account, region, principal, action and reason do; of what may differ within, the most frequent is told."""
    scp = f"{PERFORM} ec2:StopInstances with an explicit deny in a service control policy: "
    arn = "arn:aws:organizations::777788889999:policy/o-example/service_control_policy/p-"
    room.log(
        refusal(1, errorMessage=f"{scp}{arn}one"),
        refusal(2, errorMessage=f"{scp}{arn}two", errorCode="Client.UnauthorizedOperation"),
        refusal(3, errorMessage=f"{scp}{arn}two", errorCode="Client.UnauthorizedOperation"),
        refusal(4),
        refusal(5, awsRegion="us-west-2"),
        refusal(6, userIdentity=user("alice")),
        refusal(7, action="ec2:StartInstances"),
    )
    rows = room.rows()
    assert [row["calls"] for row in rows] == [3, 1, 1, 1, 1]
    assert rows[0]["policy_arn"] == f"{arn}two"
    assert rows[0]["policy_arns"] == [f"{arn}one", f"{arn}two"]
    assert rows[0]["error_code"] == "Client.UnauthorizedOperation"


def test_new_is_what_the_period_before_does_not_have(room: Room) -> None:
    """It is as long as the period asked for; a refusal of an earlier one does not count."""
    room.log(refusal(1, 50), refusal(2, 40), refusal(3, 50, "ec2:StartInstances"), refusal(4, 5, "ec2:StartInstances"))
    rows = room.rows("--since", "2026-09-15", "--until", "2026-09-28")
    assert {row["action"]: row["new"] for row in rows} == {"ec2:StopInstances": False, "ec2:StartInstances": True}
    assert [row["note"] for row in rows] == ["", ""]


def test_new_is_unknown_where_logs_of_the_period_before_are_missing(empty: Room) -> None:
    """One day is enough; what it does show is known all the same."""
    days = [one for one in background() if one["eventTime"] != moment(20)]
    empty.log(*days, refusal(1, 40), refusal(2, 40, "ec2:StartInstances"), refusal(3, 10, "ec2:StartInstances"))
    rows = {row["action"]: row for row in empty.rows(*SEPTEMBER)}
    assert rows["ec2:StopInstances"]["new"] is None
    assert "1 of 30 days before are without whole logs" in rows["ec2:StopInstances"]["note"]
    assert rows["ec2:StopInstances"]["flags"] == []
    assert rows["ec2:StartInstances"]["new"] is False
    assert "cannot be known" in empty.run("denied", *SEPTEMBER)[1]


def test_without_a_beginning_nothing_is_new(room: Room) -> None:
    """There is no period before, and the row says how to have one."""
    room.log(refusal(1))
    row = only(room.rows())
    assert row["new"] is None
    assert "--since" in row["note"]


def test_new_is_unknown_of_kinds_of_events_that_were_not_logged_before(empty: Room) -> None:
    """Data events since this month, and reads where the trail recorded writes alone."""
    writes = [one for one in background() if not one["readOnly"]]
    data = {"eventCategory": "Data", "managementEvent": False}
    empty.log(*writes, refusal(1, 40, "s3:GetObject", **data), refusal(2, 40, "ec2:DescribeVpcs", readOnly=True))
    notes = {row["action"]: (row["new"], row["note"]) for row in empty.rows(*SEPTEMBER)}
    assert notes["s3:GetObject"] == (None, "new unknown: no data events of s3.amazonaws.com were logged before")
    assert notes["ec2:DescribeVpcs"] == (None, "new unknown: no read events were logged before")


def test_data_events_that_were_logged_before_make_a_refused_one_new(room: Room) -> None:
    """Of the same service in the same account."""
    data = {"eventCategory": "Data", "managementEvent": False}
    room.log(
        refusal(1, 40, "s3:GetObject", **data),
        record(2, eventTime=moment(10), eventSource="s3.amazonaws.com", eventName="PutObject", **data),
    )
    assert only(room.rows(*SEPTEMBER))["new"] is True


SERVICE = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}


def test_awss_own_probing_is_left_out(room: Room) -> None:
    """A service, and a role that is linked to one; nothing wider: no role of the customer's, whatever its name."""
    linked = role_identity("aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig")
    lookalike = role_identity("x:role/aws-service-role/mine")
    forwarded = user("alice") | {"invokedBy": "cloudformation.amazonaws.com"}
    room.log(
        refusal(1, userIdentity=SERVICE, errorMessage="Access Denied"),
        refusal(2, userIdentity=linked),
        refusal(3, userIdentity=lookalike),
        refusal(4, userIdentity=role_identity("service-role/config")),
        refusal(5, userIdentity=forwarded),
    )
    assert {row["principal"].rpartition("/")[2] for row in room.rows()} == {"mine", "config", "alice"}
    assert "2 refused calls of AWS's own services left out: --include-services" in room.run("denied")[1]
    every = room.rows("--include-services", "--account", ACCOUNT)
    assert len(every) == 5
    service = only([row for row in every if row["account"] is None])
    assert (service["principal"], service["resource_account"]) == ("config.amazonaws.com", ACCOUNT)
    alice = only([row for row in every if row["principal"].endswith("alice")])
    assert alice["via"] == "service:cloudformation.amazonaws.com"
    assert "cloudformation.amazonaws.com called in the principal's name" in alice["advice"]


def test_an_owners_copy_counts_only_where_the_callers_logs_are_not_loaded(room: Room) -> None:
    """Else it tells whose resource it was; a principal without an ARN goes by its id."""
    room.log(
        refusal(1, call="kms:Decrypt", userIdentity=user("alice"), sharedEventID="shared-1"),
        owners_copy(2, "alice", OTHER, call="kms:Decrypt", errorMessage="Access Denied"),
        owners_copy(3, "eve", ACCOUNT, call="kms:Decrypt", caller="999988887777"),
    )
    rows = {row["account"]: row for row in room.rows()}
    assert [row["calls"] for row in rows.values()] == [1, 1]
    assert rows[ACCOUNT]["resource_account"] == OTHER
    assert rows[ACCOUNT]["principal"].endswith("user/alice")
    assert f"was refused here, in account {ACCOUNT}" in rows[ACCOUNT]["advice"]
    assert rows["999988887777"]["principal"] == "AIDAEVE"
    assert rows["999988887777"]["resource_account"] == ACCOUNT


def test_a_refusal_that_only_its_owners_log_tells_of_is_counted(room: Room) -> None:
    """The caller's account logs no data events, the bucket's does."""
    data = {"call": "s3:GetObject", "eventCategory": "Data", "managementEvent": False}
    room.log(owners_copy(1, "ann", OTHER, **data), refusal(2, userIdentity=user("ann")))
    found = {row["action"]: (row["calls"], row["resource_account"]) for row in room.rows()}
    assert found == {"s3:GetObject": (1, OTHER), "ec2:StopInstances": (1, None)}


def test_who_has_no_policies_is_not_told_to_change_them(room: Room) -> None:
    """Anonymous callers, and the root user."""
    root = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    nobody = {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    refused = [
        refusal(number, call="s3:GetBucketAcl", userIdentity=whose, errorMessage="Access Denied")
        for number, whose in enumerate((root, nobody))
    ]
    room.log(*refused)
    advice = {row["account"]: row["advice"] for row in room.rows()}
    assert advice[ACCOUNT].startswith("The root user needs no Allow")
    assert advice["ANONYMOUS_PRINCIPAL"].startswith("The caller is anonymous")
    assert "principal here" not in advice["ANONYMOUS_PRINCIPAL"]


def test_a_role_of_another_account_names_the_side_that_can_mend_it(room: Room) -> None:
    """The role's account is the resource's."""
    parameters = {"roleArn": f"arn:aws:iam::{OTHER}:role/deploy", "roleSessionName": "x"}
    message = f"{PERFORM} sts:AssumeRole because no role trust policy allows the sts:AssumeRole action"
    room.log(refusal(1, call="sts:AssumeRole", errorMessage=message, requestParameters=parameters))
    row = only(room.rows())
    assert row["resource_account"] == OTHER
    assert f"account {OTHER}: the role's trust policy there" in row["advice"]
    assert row["advice"].endswith("it was refused there")


def test_network_activity_shows_what_endpoint_policies_refuse(room: Room) -> None:
    """Counted once, where the service logged the same refusal itself."""
    message = f"{PERFORM} kms:ListKeys because no VPC endpoint policy allows the kms:ListKeys action"
    room.log(network(1), network(2, userIdentity=user("alice")))
    assert [row["calls"] for row in room.rows()] == [1, 1]
    assert {row["reason"] for row in room.rows()} == {"VPC endpoint policy"}
    room.log(refusal(3, call="kms:ListKeys", errorMessage=message))
    rows = {row["principal"]: row for row in room.rows()}
    assert rows[WORKER]["reason"] == "no VPC endpoint policy"
    assert [row["calls"] for row in rows.values()] == [1, 1]


def test_unexpected_regions_and_services_seen_first(room: Room) -> None:
    """Against the period before; calls that were let in make a region known, any call a service."""
    room.log(
        refusal(1),
        refusal(2, awsRegion="ap-south-2", userIdentity=user("alice")),
        refusal(3, awsRegion="ap-south-2", day=10, userIdentity=user("dave")),
        refusal(4, call="iam:CreateUser", awsRegion="us-east-1"),
        refusal(5, call="braket:CreateJob", userIdentity=user("bob")),
        refusal(6, call="braket:CreateJob", awsRegion="ap-south-2", userIdentity=user("carol")),
    )
    flags = {row["principal"].rpartition("/")[2] + " " + row["service"]: row["flags"] for row in room.rows(*SEPTEMBER)}
    assert flags == {
        "worker ec2": [],
        "alice ec2": ["unexpected region"],
        "worker iam": ["first-seen service"],
        "bob braket": ["first-seen service"],
        "carol braket": ["unexpected region", "first-seen service"],
    }


def test_awss_own_probing_makes_no_region_known(room: Room) -> None:
    """It looks around everywhere."""
    probing = record(2, eventTime=moment(10), awsRegion="ap-south-2", userIdentity=SERVICE)
    room.log(probing, refusal(1, awsRegion="ap-south-2"))
    assert only(room.rows(*SEPTEMBER))["flags"] == ["unexpected region"]


def test_only_the_accounts_asked_for(room: Room) -> None:
    """The principal's account, repeatable."""
    room.log(refusal(1), owners_copy(2, "eve", ACCOUNT, caller="999988887777"))
    assert only(room.rows("--account", ACCOUNT))["account"] == ACCOUNT
    assert only(room.rows("--account", "999988887777"))["account"] == "999988887777"
    assert len(room.rows("--account", ACCOUNT, "--account", "999988887777")) == 2


def test_sign_ins_and_service_events_are_no_refused_calls(room: Room) -> None:
    """Nor calls that were let in, or failed otherwise."""
    room.log(
        refusal(1, eventType="AwsConsoleSignIn"),
        refusal(2, eventType="AwsServiceEvent"),
        refusal(3, errorCode="ThrottlingException", errorMessage="Rate exceeded"),
    )
    assert room.rows() == []
    assert "no refused call is in the logs" in room.run("denied", *SEPTEMBER)[1]


def test_nothing_is_concluded_from_nothing(empty: Room) -> None:
    """A store without events, a period without any, an account that is not loaded: said, and the gate trips."""
    code, _, err = empty.run("denied")
    assert code == 4
    assert "load" in err
    empty.log(*background())
    for asked in (["--since", "2020-01-01", "--until", "2020-02-01"], ["--account", OTHER]):
        code, out, err = empty.run("denied", *asked, "--fail-on", "denied")
        assert code == 10
        assert "nothing can be concluded" in out
        assert "no events" in err
        code, out, err = empty.run("denied", *asked, "--format", "json")
        assert (code, json.loads(out)) == (0, [])
        assert "no events" in err


def test_days_that_are_missing_are_said(empty: Room) -> None:
    """There may have been more refusals."""
    empty.log(*(one for one in background() if one["eventTime"] != moment(45)), refusal(1))
    assert f"Not all days are covered of account {ACCOUNT}" in empty.run("denied", *SEPTEMBER)[1]


@pytest.mark.parametrize(
    ("gate", "code"),
    [("denied", 10), ("denied>1", 10), ("denied > 2", 0), ("denied>3", 0), ("new", 2), ("denied>x", 2)],
)
def test_the_gate(room: Room, gate: str, code: int) -> None:
    """Two calls were refused."""
    room.log(refusal(1), refusal(2))
    assert room.run("denied", "--fail-on", gate)[0] == code


def test_there_is_advice_for_every_reason() -> None:
    """And for none; each rests on a page of AWS's."""
    assert set(by_reason()) == {*DeniedReason, UNKNOWN}
    assert all(row[-1].startswith("https://docs.aws.amazon.com/") for row in table("advice.tsv", 4))
    allowed = {reason for reason, advice in by_reason().items() if advice.allow_helps}
    assert allowed == {DeniedReason.NO_IDENTITY}
    assert all(
        "would not help" in one.text or one.allow_helps is not False or "No policy" in one.text
        for one in by_reason().values()
    )


def test_renamed_actions_are_actions() -> None:
    """Older and newer ones alike; where a whole service was renamed, both are services."""
    for older, newer, where, since, page in table("renamed.tsv", 5):
        for name in (older, *newer.split(",")):
            assert (name[:-2] in services()) if name.endswith(":*") else find(name), name
        assert where in {"any", "scp"}
        assert datetime.strptime(since, "%Y-%m").replace(tzinfo=UTC)
        assert page.startswith("https://docs.aws.amazon.com/")


def test_the_names_of_global_services_are_hosts() -> None:
    """Each rests on a page of AWS's."""
    for source, page in table("global_services.tsv", 2):
        assert source.endswith(".amazonaws.com")
        assert page.startswith("https://docs.aws.amazon.com/")


_NAMES = [field.name for field in BY]
_GROUP: Callable[..., Any] = st.fixed_dictionaries
_VALUES = _GROUP(
    {
        "account": st.sampled_from([ACCOUNT, OTHER, None]),
        "recipient_account": st.sampled_from([ACCOUNT, None]),
        "principal": st.sampled_from(["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/aws-service-role/b", "", None]),
        "principal_id": st.sampled_from(["AROAX", None]),
        "event_source": st.sampled_from(["s3.amazonaws.com", "nobody", "", None]),
        "event_name": st.sampled_from(["CopyObject", "ListBuckets", None]),
        "denied_action": st.sampled_from(["s3:getobject", "new:Thing", None]),
        "denied_reason": st.sampled_from([*DeniedReason, None]),
    }
)


@given(st.lists(st.tuples(_VALUES, st.integers(1, 9)), max_size=12))
def test_no_refusal_is_lost_or_counted_twice(found: list[tuple[dict[str, Any], int]]) -> None:
    """The caller's copies of all clusters together are those of all groups, whatever is missing in them."""
    groups = [
        Group(tuple({"copy": "caller", **values}.get(name) for name in _NAMES), count, None, None)
        for values, count in found
    ]
    gathered = clusters(groups, {ACCOUNT})
    assert sum(cluster.calls for cluster in gathered.values()) == sum(count for _, count in found)
    assert all(key == cluster.key for key, cluster in gathered.items())
