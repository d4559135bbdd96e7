"""Who may do it and who did: right answers on the example trail, and small traps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.event import Field
from cloudsearch.iam import Iam, load_iam
from cloudsearch.render.formats import Format
from cloudsearch.render.who import notes
from cloudsearch.render.who import who as rendered
from cloudsearch.reports.report import Options, report
from cloudsearch.reports.who import Asked, who
from cloudsearch.reports.window import Window
from cloudsearch.store import Group, Store, Table
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Where
from tests.backends import Backend
from tests.golden_files import golden
from tests.logfiles import ACCOUNT, record
from tests.scenario import ROLE, Scenario, account, background, moment, of_home, role, statement

EXAMPLES = Path(__file__).parent.parent / "examples"
IAM = ["--iam", str(EXAMPLES / "iam"), "--iam-as-of", "2026-10-01"]
OPTIONS = Options(iam_as_of=datetime(2026, 10, 1, tzinfo=UTC))
RELEASE = "arn:aws:iam::444455556666:role/ci/release"
ORDERS = "arn:aws:s3:::marlowick-orders/exports/2026-08-03.parquet"
ACTIONS = frozenset({"ec2:TerminateInstances", "sts:AssumeRole", "s3:GetObject", "sqs:CreateQueue", "iam:PassRole"})


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background(), *of_home())
    return made


def asked(scenario: Scenario, action: str, details: dict[str, object], *arguments: str) -> dict[str, dict[str, Any]]:
    """Rows by the principal's ARN."""
    code, out, err = scenario.run("who", action, "--iam", scenario.iam(details), "--format", "json", *arguments)
    assert code == 0, err
    return {row["principal"]: row for row in json.loads(out)}


@pytest.fixture(scope="module")
def example_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example trail, loaded."""
    path = tmp_path_factory.mktemp("example") / "store.duckdb"
    assert main(["load", str(EXAMPLES / "AWSLogs"), "--store", str(path), "--quiet"]) == 0
    return path


@pytest.fixture
def example(example_file: Path) -> Iterator[Store]:
    """The example trail's store."""
    store = DuckDBStore(example_file)
    store.prepare()
    yield store
    store.close()


@pytest.fixture(scope="module")
def iam() -> Iam:
    """The example's principals."""
    return load_iam([EXAMPLES / "iam"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["sqs:CreateQueue"],
            {
                "deploy": ["+", "not granted", 3, "2026-08-17"],
                "platform-admin": ["-", "granted", 0, ""],
                "retired-batch": ["-", "granted", 0, ""],
            },
        ),
        (["iam:PassRole"], {"deploy": [" ", "granted", 4, "2026-09-17"]}),
        (
            ["s3:GetObject", "--resource", ORDERS],
            {
                "reports": [" ", "granted", 1, "2026-08-03"],
                "platform-admin": ["?", "granted", 0, ""],
                "retired-batch": ["?", "granted", 0, ""],
            },
        ),
        (
            ["sts:AssumeRole", "--resource", RELEASE],
            {"deploy": [" ", "granted", 8, "2026-09-25"], "platform-admin": ["-", "granted", 0, ""]},
        ),
        (["sqs:createqueue", "--account", "444455556666"], {}),
    ],
)
def test_right_answers(
    example_file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: dict[str, list[object]]
) -> None:
    """By hand, from what the example's README tells."""
    capsys.readouterr()
    assert main(["who", *arguments, *IAM, "--format", "json", "--store", str(example_file)]) == 0
    found = {
        row["principal"].rpartition("/")[2]: [
            row["marker"],
            row["granted"],
            row["calls"],
            (row["last_used"] or "")[:10],
        ]
        for row in json.loads(capsys.readouterr().out)
    }
    assert found == expected


def test_rows_are_the_reports(example: Store, iam: Iam) -> None:
    """Of every principal and several actions: marker, reason, statements and figures are its report's."""
    expected = {
        (row.principal, row.action): row
        for principal in iam
        for row in report(example, Window(), principal, OPTIONS).rows
        if row.action in ACTIONS and (row.used or row.granted in ("granted", "conditional"))
    }
    rows = who(example, Window(), Asked(ACTIONS), iam.principals, lambda _: OPTIONS).rows
    assert {(one.row.principal, one.row.action): one.row for one in rows} == expected
    assert len(expected) > 10


class _Counting(DuckDBStore):
    """Counts what it is asked."""

    asked: Counter[str]

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        self.asked[table.name] += 1
        return super().group(table, by, where)


def test_all_principals_share_the_reads(example_file: Path, iam: Iam) -> None:
    """Twenty times as many principals are no more questions."""
    counts = []
    for times in (1, 20):
        store = _Counting(example_file)
        store.asked = Counter()
        store.prepare()
        who(store, Window(), Asked(ACTIONS), iam.principals * times, lambda _: OPTIONS)
        store.close()
        counts.append(store.asked)
    assert counts[0] == counts[1]
    assert counts[0]["events"] < 30


def test_uses_on_other_resources_do_not_count(scenario: Scenario) -> None:
    """What no event tells is unknown: never used on it, never unused."""
    calls = {"eventSource": "kms.amazonaws.com", "eventName": "Decrypt"}
    arn = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/"
    told = {"resources": [{"ARN": f"{arn}other", "accountId": ACCOUNT, "type": "AWS::KMS::Key"}]}
    scenario.log(record(1, **calls, **told), record(2, **calls, **told))
    details = account(role(statement("kms:Decrypt")))
    row = asked(scenario, "kms:Decrypt", details, "--resource", f"{arn}mine")[ROLE]
    assert [row[key] for key in ("marker", "used", "calls", "other_calls", "untold_calls")] == ["?", False, 0, 2, 0]
    assert "on other resources" in row["reason"]
    scenario.log(record(3, **calls))
    row = asked(scenario, "kms:Decrypt", details, "--resource", f"{arn}mine")[ROLE]
    assert [row[key] for key in ("marker", "calls", "other_calls", "untold_calls")] == ["?", 0, 2, 1]
    assert "resource not told" in row["reason"]
    row = asked(scenario, "kms:Decrypt", details, "--resource", f"{arn}other")[ROLE]
    assert [row[key] for key in ("marker", "calls", "other_calls", "untold_calls")] == [" ", 2, 0, 1]


def test_a_resource_out_of_scope_is_not_granted(scenario: Scenario) -> None:
    """By its pattern, or by a Deny; and a use of it is then `+`, one of another nothing at all."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/"
    call = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}
    told = {"resources": [{"ARN": f"{arn}secret", "accountId": ACCOUNT, "type": "AWS::IAM::Role"}]}
    scenario.log(record(1, **call, **told))
    grants = statement("sts:AssumeRole"), statement("sts:AssumeRole", effect="Deny", Resource=f"{arn}secret")
    assert (
        asked(scenario, "sts:AssumeRole", account(role(*grants)), "--resource", f"{arn}secret")[ROLE]["marker"] == "+"
    )
    limited = account(role(statement("sts:AssumeRole", Resource=f"{arn}secret")))
    assert asked(scenario, "sts:AssumeRole", limited, "--resource", f"{arn}open") == {}
    assert asked(scenario, "sts:AssumeRole", limited, "--resource", f"{arn}secret")[ROLE]["granted"] == "granted"


def test_those_that_iam_does_not_tell_of(scenario: Scenario) -> None:
    """Gone: `+`. Root: no policy grants. Of another account: not known. A service is no principal of an account."""
    root = {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    other = json.loads(json.dumps(record(1)["userIdentity"]).replace(ACCOUNT, "444455556666"))
    aws = {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    scenario.log(*(record(9 + n, userIdentity=one) for n, one in enumerate((root, other, aws))), record(1))
    another = role(RoleName="another", RoleId="AROAANOTHER", Arn=f"arn:aws:iam::{ACCOUNT}:role/another")
    rows = asked(scenario, "ec2:DescribeInstances", account(another))
    assert {arn: (row["marker"], row["kind"]) for arn, row in rows.items()} == {
        ROLE: ("+", "role"),
        ROLE.replace(ACCOUNT, "444455556666"): ("?", "role"),
        f"arn:aws:iam::{ACCOUNT}:root": (" ", "root"),
    }


def test_without_iam_only_those_that_acted(scenario: Scenario) -> None:
    """A note says so, and nothing is said of grants."""
    scenario.log(record(1))
    code, out, err = scenario.run("who", "ec2:DescribeInstances", "--format", "json")
    (row,) = json.loads(out)
    assert (code, row["marker"], row["granted"], row["calls"]) == (0, "?", None, 1)
    assert "--iam" in err


def test_nothing_is_unused_without_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty store concludes nothing; one that is not there names load."""
    empty = Scenario(tmp_path, capsys)
    iam = empty.iam(account(role(statement("iam:CreateUser"))))
    code, _, err = empty.run("who", "iam:CreateUser", "--iam", iam)
    assert code == 4
    assert "cloudsearch load" in err
    empty.log()
    (row,) = asked(empty, "iam:CreateUser", account(role(statement("iam:CreateUser")))).values()
    assert row["marker"] == "?"
    code, out, _ = empty.run("who", "iam:CreateUser", "--iam", empty.iam(account()))
    assert code == 0
    assert out.startswith("Nobody")


def test_iam_may_know_better(scenario: Scenario) -> None:
    """IAM says it was used and the logs have nothing of it: no `-`. They have something else of it: that is the use."""
    used = {"RoleLastUsed": {"LastUsedDate": "2026-09-10T00:00:00Z", "Region": "eu-west-1"}}
    details = account(role(statement("iam:CreateUser"), **used))
    row = asked(scenario, "iam:CreateUser", details)[ROLE]
    assert (row["marker"], "RoleLastUsed" in row["reason"]) == ("?", True)
    scenario.log(record(1))
    row = asked(scenario, "iam:CreateUser", details)[ROLE]
    assert row["marker"] == "-"
    assert row["marker"] == scenario.report(details)["iam:CreateUser"]["marker"]


def test_missing_policies_are_told(scenario: Scenario) -> None:
    """Who may be granted it is named, and never called not granted."""
    lacking = role(AttachedManagedPolicies=[{"PolicyName": "p", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/p"}])
    code, out, _ = scenario.run("who", "iam:CreateUser", "--iam", scenario.iam(account(lacking)))
    assert code == 0
    assert ROLE in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["s3:GetObjct"], 1, "s3:GetObject"),
        (["*"], 2, "one service"),
        (["s3"], 2, "one service"),
        (["s3:GetObject", "--resource", "arn:aws:s3:::bucket/*"], 2, "wildcards"),
        (["s3:GetObject", "--resource", "arn:aws:s3:::bucket"], 2, "nothing that s3:GetObject acts on"),
        (["s3:ListAllMyBuckets", "--resource", "arn:aws:s3:::bucket"], 2, "* alone"),
    ],
)
def test_questions_that_make_no_sense(scenario: Scenario, arguments: list[str], code: int, says: str) -> None:
    """Are answered by what to write instead."""
    found, _, err = scenario.run("who", *arguments, "--iam", scenario.iam(account()))
    assert (found, says in err) == (code, True), err


def test_golden(example: Store, iam: Iam) -> None:
    """80 columns, whatever is told."""
    found = who(example, Window(), Asked(ACTIONS), iam.principals, lambda _: OPTIONS)
    lines = [*rendered(found, Format.TABLE, width=80), *notes(found, width=80)]
    assert not [part for line in lines for part in line.split("\n") if len(part) > 80]
    golden("who.txt", lines)


def test_hostile_names_are_harmless(scenario: Scenario) -> None:
    """No escape reaches the terminal, no formula a spreadsheet."""
    evil = json.loads(json.dumps(record(1)["userIdentity"]).replace("role/jobs/worker", "role/=cmd()\\u001b[31m"))
    scenario.log(record(1, userIdentity=evil))
    _, table, _ = scenario.run("who", "ec2:DescribeInstances", "--iam", scenario.iam(account()))
    assert "\x1b" not in table
    assert "cmd()" in table


def test_every_store_says_the_same(every_backend: Sequence[Backend], capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is asked of the example."""
    told = []
    for backend in every_backend:
        assert main(["load", str(EXAMPLES / "AWSLogs"), "--quiet", *backend.place.options]) == 0
        capsys.readouterr()
        for asking in (["sts:*"], ["s3:GetObject", "--resource", ORDERS], ["ec2:Describe*"]):
            assert main(["who", *asking, *IAM, "--format", "jsonl", *backend.place.options]) == 0
        told.append(capsys.readouterr().out)
    assert len(set(told)) == 1
    assert told[0].count("\n") > 100


def test_a_window_bounds_uses(scenario: Scenario) -> None:
    """A use before it is none in it."""
    scenario.log(record(1, eventTime=moment(2)))
    details = account(role(statement("ec2:DescribeInstances")))
    assert asked(scenario, "ec2:DescribeInstances", details, "--since", "2026-08-20")[ROLE]["calls"] == 0
    assert asked(scenario, "ec2:DescribeInstances", details)[ROLE]["calls"] == 1
