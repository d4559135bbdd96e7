"""Reports on everybody, service by service, by risk, and the gates that a pipeline sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.errors import UsageError
from cloudsearch.reports.gates import Counted, gates
from tests.scenario import Scenario, account, background, role, statement

ROOT = Path(__file__).parent.parent
IAM = [f"--iam={path}" for path in sorted((ROOT / "examples" / "iam").glob("*.json"))]
DATED = ["--iam-as-of", "2026-10-01"]
ALL = ["report", "--all", *IAM, *DATED]


@pytest.fixture
def example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """The example trail, loaded."""
    made = Scenario(tmp_path, capsys)
    assert made.run("load", str(ROOT / "examples" / "AWSLogs"))[0] == 0
    return made


def rows(text: str) -> list[dict[str, Any]]:
    """JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("more", [[], ["--min-days", "1"], ["--since", "2026-08-20", "--strict"]])
def test_a_report_on_all_is_the_reports_on_each(example: Scenario, more: list[str]) -> None:
    """One pass over the events, and the same rows."""
    code, out, _ = example.run(*ALL, "--format", "jsonl", *more)
    assert code == 0
    together = rows(out)
    arns = list(dict.fromkeys(row["principal"] for row in together))
    assert len(arns) > 10
    for arn in arns:
        kind = "--role" if ":role/" in arn else "--user"
        alone = example.run("report", kind, arn, *IAM, *DATED, "--format", "jsonl", *more)[1]
        assert [row for row in together if row["principal"] == arn] == rows(alone), arn


def test_all_takes_accounts(example: Scenario) -> None:
    """``--account`` keeps the principals of the others out."""
    out = example.run(*ALL, "--account", "444455556666", "--format", "jsonl")[1]
    assert {row["account"] for row in rows(out)} == {"444455556666"}


def test_a_user_and_a_role_that_share_a_name_or_an_id_stay_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an earlier role of the name did is said of the new one, as in a report on it alone."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background())
    other = role(statement("ec2:*"), RoleName="other", Arn="arn:aws:iam::111122223333:role/other", RoleId="AROAOTHER")
    iam = scenario.iam(account(role(statement("ec2:DescribeVpcs")), other))
    together = rows(scenario.run("report", "--all", "--iam", iam, *DATED, "--format", "jsonl")[1])
    for name in ("worker", "other"):
        alone = rows(scenario.run("report", "--role", name, "--iam", iam, *DATED, "--format", "jsonl")[1])
        assert [row for row in together if row["principal"].endswith(f"/{name}")] == alone


SERVICES = ("--services", "--format", "jsonl")


def test_services_are_the_sums_of_their_actions(example: Scenario) -> None:
    """Granted and used, the others by marker, calls and refusals."""
    actions = rows(example.run(*ALL, "--format", "jsonl")[1])
    services = rows(example.run(*ALL, "--services", "--format", "jsonl")[1])
    assert len(services) > 100
    for service in services:
        own = [
            row
            for row in actions
            if row["principal"] == service["principal"] and row["action"].startswith(f"{service['service']}:")
        ]
        granted = [row for row in own if row["granted"] in ("granted", "conditional")]
        assert service["granted"] == len(granted)
        assert service["used"] == sum(row["used"] for row in granted)
        assert service["unused"] == sum(row["marker"] == "-" for row in own)
        assert service["unknown"] == sum(row["marker"] == "?" for row in own)
        assert service["ungranted"] == sum(row["marker"] == "+" for row in own)
        assert (service["calls"], service["denied"]) == tuple(
            sum(row[key] for row in own) for key in ("calls", "denied")
        )


def test_a_service_is_counted_whole_whatever_of_it_is_shown(example: Scenario) -> None:
    """Those with an unused action, with all of their actions; the one that changes permissions first."""
    whole = {(row["principal"], row["service"]): row for row in rows(example.run(*ALL, *SERVICES)[1])}
    shown = rows(example.run(*ALL, *SERVICES, "--show", "unused", "--sort", "risk")[1])
    assert {(row["principal"], row["service"]) for row in shown} == {of for of, row in whole.items() if row["unused"]}
    assert all(whole[row["principal"], row["service"]] == row for row in shown)
    of_admin = [row["service"] for row in shown if row["principal"].endswith("/platform-admin")]
    assert of_admin.index("s3") < of_admin.index("autoscaling-plans")


def test_the_most_dangerous_come_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Changes of permissions, then iam:PassRole, then reading of data, then writing, then the rest."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background())
    granted = statement("ec2:DescribeVpcs", "ec2:RunInstances", "s3:GetObject", "iam:PassRole", "iam:PutRolePolicy")
    found = scenario.report(account(role(granted)), "--sort", "risk")
    assert list(found) == ["iam:PutRolePolicy", "iam:PassRole", "s3:GetObject", "ec2:RunInstances", "ec2:DescribeVpcs"]


def test_one_service_alone(example: Scenario) -> None:
    """``--service`` keeps the others out; a prefix that IAM has not is an error that names what is close."""
    out = example.run("report", "--role", "deploy", *IAM, *DATED, "--service", "s3", "--format", "jsonl")[1]
    assert {row["action"].partition(":")[0] for row in rows(out)} == {"s3"}
    code, _, err = example.run("report", "--role", "deploy", *IAM, "--service", "lambada")
    assert code == 2
    assert "lambda" in err


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("unused", 10),
        ("unused>1", 10),
        ("unused>2", 0),
        ("ungranted>1,unused>2", 0),
        ("ungranted,unused>2", 10),
        ("unknown>3", 0),
        ("unknown>2", 10),
        ("denied>2", 0),
        ("denied>1", 10),
    ],
)
def test_a_gate_trips_above_its_limit(example: Scenario, asked: str, code: int) -> None:
    """The example's ``deploy`` has 2 unused, 1 ungranted, 3 unknown and 2 refused calls; what is shown is no matter."""
    result = example.folder / "result.json"
    deploy = ["report", "--role", "deploy", *IAM, *DATED, "--show", "used"]
    ended, out, err = example.run(*deploy, "--fail-on", asked, "--result", str(result))
    assert ended == code, err
    assert "s3:GetBucketPolicy" in out
    told = json.loads(result.read_text())
    assert told["passed"] is (code == 0)
    assert len(told["gates"]) == len(asked.split(","))


def test_a_gate_never_passes_on_nothing(example: Scenario) -> None:
    """Nothing can be concluded of ``orders-api``; of an account without principals neither; nor without any event."""
    loose = ["--fail-on", "unused>999999"]
    assert example.run("report", "--role", "orders-api", *IAM, *DATED)[0] == 0
    assert example.run("report", "--role", "orders-api", *IAM, *DATED, *loose)[0] == 10
    assert example.run(*ALL, *loose)[0] == 10
    assert example.run(*ALL, "--account", "999999999999")[0] == 0
    assert example.run(*ALL, "--account", "999999999999", *loose)[0] == 10
    assert example.run(*ALL, "--since", "2020-01-01", "--until", "2020-01-02", *loose)[0] == 10
    assert example.run(*ALL, "--fail-on", "")[0] == 2


@pytest.mark.parametrize("text", ["", "used", "unused>", "unused>-1", "unused>=2", "unused,,denied", "unused>1.5"])
def test_a_gate_that_is_none_is_a_usage_error(text: str) -> None:
    """With what there is to choose from."""
    with pytest.raises(UsageError, match="unused>20"):
        gates(text)


@given(st.lists(st.tuples(st.sampled_from(Counted), st.integers(0, 10**9 - 1)), min_size=1, max_size=5))
def test_gates_are_read_as_written(asked: list[tuple[Counted, int]]) -> None:
    """In their order, blanks or none between them."""
    read = gates(" , ".join(f"{counted}>{limit}" for counted, limit in asked))
    assert [(gate.counted, gate.limit) for gate in read] == asked


@pytest.mark.parametrize(
    "flags",
    [
        ["--all", "--role", "deploy"],
        ["--all", "--dest-role", "deploy"],
        ["--all", "--through"],
        [],
        ["--role", "deploy", "--through", "--fail-on", "unused"],
        ["--role", "deploy", "--result", "result.json"],
    ],
)
def test_flags_that_do_not_go_together(example: Scenario, flags: list[str]) -> None:
    """Exit 2."""
    assert example.run("report", *flags, *IAM)[0] == 2
