"""Whom ``cloudsearch generate`` makes policies for, of how much, where they go, and when there are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.event import Row
from cloudsearch.store import Table
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Where
from tests.generating import BUCKET, call, get_object, made, resources
from tests.logfiles import ACCOUNT, record
from tests.scenario import ROLE, Scenario, account, background, moment, role, statement


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


def test_all_in_one_pass(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody's policies are made while the store's events are read once; each is the one made alone."""
    someone = background()[0]["userIdentity"]
    scenario.log(record(1), get_object(2, "in/a"), call(3, "iam", "ListUsers", userIdentity=someone))
    alone = {
        flag: json.loads(scenario.run("generate", flag, name)[1])
        for flag, name in (("--role", "worker"), ("--user", "someone"))
    }
    reads: list[str] = []
    rows = DuckDBStore.rows

    def counted(self: DuckDBStore, table: Table, where: Where, **named: Any) -> Iterator[Row]:  # noqa: ANN401
        reads.append(table.name)
        return rows(self, table, where, **named)

    monkeypatch.setattr(DuckDBStore, "rows", counted)
    code, out, _ = scenario.run("generate", "--all")
    assert code == 0
    found = {one["principal"]: [policy["document"] for policy in one["policies"]] for one in json.loads(out)}
    assert found == {
        ROLE: [alone["--role"]],
        f"arn:aws:iam::{ACCOUNT}:user/someone": [alone["--user"]],
    }
    assert reads.count("events") == 1


def test_where_nobody_acted_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty answer alone could be taken for one."""
    empty = Scenario(tmp_path, capsys)
    empty.log()
    code, out, err = empty.run("generate", "--all")
    assert (code, out) == (0, "")
    assert "no user or role acted in the window" in err


def test_a_file_for_each_policy(scenario: Scenario) -> None:
    """--output is a folder; other forms have a file for each principal."""
    scenario.log(record(1))
    folder = scenario.folder / "out"
    code, out, _ = scenario.run("generate", "--role", "worker", "--output", str(folder))
    assert (code, out) == (0, "")
    assert scenario.run("generate", "--role", "worker", "--output", str(folder), "--format", "terraform")[0] == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "worker-least-privilege.json",
        "worker-least-privilege.tf",
    ]
    assert json.loads((folder / "worker-least-privilege.json").read_text())["Statement"]


def test_more_than_one_policy_holds(scenario: Scenario) -> None:
    """What is too large for one managed policy is in several, each within the limit, and all of it is there."""
    keys = [f"a-rather-long-prefix-for-a-key/{number:04}" for number in range(300)]
    scenario.log(*(get_object(number, key) for number, key in enumerate(keys)))
    folder = scenario.folder / "out"
    assert scenario.run("generate", "--role", "worker", "--output", str(folder))[0] == 0
    documents = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    assert len(documents) == 3
    assert all(len(json.dumps(one, separators=(",", ":"))) <= 6144 for one in documents)
    found = [arn for one in documents for arn in resources(one["Statement"])["s3:GetObject"]]
    assert sorted(found) == [f"{BUCKET}/{key}" for key in keys]


def test_what_fits_nowhere(scenario: Scenario) -> None:
    """An inline policy takes less: the error says how much there is and what to do, and exits 1."""
    scenario.log(*(get_object(number, f"a-rather-long-prefix-for-a-key/{number:04}") for number in range(300)))
    code, out, err = scenario.run("generate", "--role", "worker", "--as", "inline")
    assert (code, out) == (1, "")
    assert "AWS allows 10,240 characters (inline-role)" in err
    assert "s3:GetObject on 300 resources" in err
    assert "--generalise" in err
    assert made(scenario, "--as", "inline", "--generalise", "100")[0]


def test_a_permission_set(scenario: Scenario) -> None:
    """Its roles of all accounts are one, and a hint names close ones."""
    other = "444455556666"
    for number, owner in enumerate((ACCOUNT, other)):
        arn = (
            f"arn:aws:iam::{owner}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Operators_{number:016x}"
        )
        identity = {
            "type": "AssumedRole",
            "principalId": f"AROA{number}:anna",
            "arn": f"arn:aws:sts::{owner}:assumed-role/AWSReservedSSO_Operators_{number:016x}/anna",
            "accountId": owner,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn, "principalId": f"AROA{number}"}},
        }
        scenario.log(
            *background(recipientAccountId=owner) if number else (),
            record(
                700 + number,
                userIdentity=identity,
                recipientAccountId=owner,
                eventName=("DescribeVpcs", "DescribeSubnets")[number],
            ),
        )
    statements, err = made(scenario, "--permission-set", "Operators", "--anyway")
    assert resources(statements) == {"ec2:DescribeSubnets": ["*"], "ec2:DescribeVpcs": ["*"]}
    assert "one after the other" not in err
    code, _, err = scenario.run("generate", "--permission-set", "Operator")
    assert code == 1
    assert "Close: Operators" in err


def test_a_permission_set_of_which_some_is_not_known(scenario: Scenario) -> None:
    """No policy for all of its roles is made of what some of them did."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operators_{1:016x}"
    for owner, days in ((ACCOUNT, background()), ("444455556666", background(recipientAccountId="444455556666")[:8])):
        own = arn.replace(ACCOUNT, owner)
        issuer = {"type": "Role", "arn": own, "principalId": f"AROA{owner}"}
        identity = {"type": "AssumedRole", "accountId": owner, "sessionContext": {"sessionIssuer": issuer}}
        events = [one | {"eventID": f"{owner}-{one['eventID']}"} for one in days]
        scenario.log(
            *events, record(int(owner[:3]), userIdentity=identity, recipientAccountId=owner, eventTime=moment(2))
        )
    code, out, err = scenario.run("generate", "--permission-set", "Operators")
    assert (code, out) == (1, "")
    assert "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operators" in err
    assert "account 444455556666" in err


def test_all_but_those_too_large(scenario: Scenario) -> None:
    """Everybody else gets a policy, and the exit code is 1 with the names of those who did not."""
    someone = background()[0]["userIdentity"]
    keys = (f"a-rather-long-prefix-for-a-key/{number:04}" for number in range(300))
    scenario.log(*(get_object(number, key, userIdentity=someone) for number, key in enumerate(keys)), record(900))
    code, out, err = scenario.run("generate", "--all", "--as", "inline")
    assert code == 1
    assert [one["principal"] for one in json.loads(out)] == [ROLE]
    assert f"No policy is made: arn:aws:iam::{ACCOUNT}:user/someone: The statements take" in err
    assert "Load more logs" not in err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--role", "a", "--all"), ("--role", "a", "--generalise", "1"), ("--permission-set", "P", "--as", "managed")],
)
def test_what_makes_no_sense(scenario: Scenario, arguments: tuple[str, ...]) -> None:
    """Is refused as usage."""
    assert scenario.run("generate", *arguments)[0] == 2


def test_a_wrong_name_gets_a_hint(scenario: Scenario) -> None:
    """Close ones are named."""
    scenario.log(record(1))
    code, _, err = scenario.run("generate", "--role", "wroker")
    assert code == 1
    assert "Close: worker" in err


def test_one_that_did_nothing_gets_no_policy(scenario: Scenario) -> None:
    """An empty policy would take everything away: there is none, and the exit code says so."""
    iam = scenario.iam(account(role(statement("s3:*"))))
    code, out, err = scenario.run("generate", "--role", "worker", "--iam", iam)
    assert (code, out) == (1, "")
    assert "There is nothing to make a policy from" in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "only 10 days of logs"),
        (("--since", "2026-08-02", "--until", "2026-08-04", "--min-days", "3"), None),
        (("--since", "2026-08-02", "--until", "2026-08-04"), "only 3 days of logs"),
        (("--since", "2027-01-01"), "No role 'worker' acted"),
    ],
)
def test_too_few_days(scenario: Scenario, arguments: tuple[str, ...], reason: str | None) -> None:
    """No policy is made of a short window, and the reason names what was found and what was asked for."""
    days = Scenario(scenario.folder / "short", scenario._capsys)
    days.folder.mkdir()
    days.log(*(one for one in background() if str(one["eventTime"]) < moment(10)), record(1, eventTime=moment(2)))
    code, out, err = days.run("generate", "--role", "worker", *arguments)
    assert (code, bool(out)) == ((1, False) if reason else (0, True))
    assert (reason or "services used") in err
    assert "Traceback" not in err


def test_broken_coverage(scenario: Scenario) -> None:
    """More than a twentieth of the days without events: no policy, unless it is to be made anyway."""
    days = Scenario(scenario.folder / "gaps", scenario._capsys)
    days.folder.mkdir()
    days.log(*(one for one in background() if not moment(20) <= str(one["eventTime"]) < moment(30)), record(1))
    code, out, err = days.run("generate", "--role", "worker")
    assert (code, out) == (1, "")
    assert f"10 of 61 days of account {ACCOUNT} have no events" in err
    assert "--anyway" in err
    code, out, err = days.run("generate", "--role", "worker", "--anyway")
    assert code == 0
    assert json.loads(out)["Statement"]
    assert "made all the same (--anyway): 10 of 61 days" in err
