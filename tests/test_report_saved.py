"""Reports kept in the store, and what changed since."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.iam import load_iam
from cloudsearch.reports.report import Options, Report, report
from cloudsearch.reports.saved import changes, saving
from cloudsearch.reports.verdicts import Marker
from cloudsearch.reports.window import Window
from cloudsearch.store import REPORT_ROWS, Store
from cloudsearch.where import Everything
from tests.backends import Backend
from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, account, background, moment, role, statement

EXAMPLES = Path(__file__).parent.parent / "examples"
GRANTED = role(statement("ec2:DescribeVpcs", "ec2:RunInstances", "sns:CreateTopic"))
THEN = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """Two months of somebody else's calls, and one of the role's own."""
    made = Scenario(tmp_path, capsys)
    made.log(*background(), record(1, eventName="DescribeVpcs", eventTime=moment(3)))
    made.iam(account(GRANTED))
    return made


def run(scenario: Scenario, *arguments: str) -> tuple[int, str, str]:
    """A report on the role."""
    iam = f"--iam={scenario.folder / 'iam.json'}"
    return scenario.run("report", "--role", "worker", iam, "--iam-as-of", "2026-10-01", *arguments)


def changed(scenario: Scenario, *arguments: str) -> dict[str, dict[str, Any]]:
    """What changed since today's or an earlier report, by action."""
    today = datetime.now(UTC).date().isoformat()
    code, out, err = run(scenario, "--compare", today, "--format", "json", *arguments)
    assert code == 0, err
    return {row["action"]: row for row in json.loads(out)}


def test_a_saved_report_is_what_a_later_one_is_held_against(scenario: Scenario) -> None:
    """An action that came into use, one that was taken away, one that was granted; what is as it was is no row."""
    assert run(scenario, "--save")[0] == 0
    assert changed(scenario) == {}
    scenario.log(record(2, eventName="RunInstances", eventTime=moment(40), readOnly=False))
    scenario.iam(account(role(statement("ec2:DescribeVpcs", "ec2:RunInstances", "sqs:CreateQueue"))))
    rows = changed(scenario)
    assert {action: (row["marker_then"], row["marker"]) for action, row in rows.items()} == {
        "ec2:RunInstances": ("-", " "),
        "sns:CreateTopic": ("-", None),
        "sqs:CreateQueue": (None, "-"),
    }
    assert rows["sns:CreateTopic"]["granted"] is None
    assert rows["sqs:CreateQueue"]["granted"] == "granted"
    code, out, _ = run(scenario, "--compare", datetime.now(UTC).date().isoformat())
    assert code == 0
    assert "used, granted" in out


def test_a_report_is_not_held_against_itself(scenario: Scenario) -> None:
    """Saved and compared in one run: against the one before, and there was none."""
    _, out, _ = run(scenario, "--save", "--compare", datetime.now(UTC).date().isoformat())
    assert "no report on it was saved by then" in out


def test_a_day_without_a_saved_report_says_so(scenario: Scenario) -> None:
    """Nothing is made up."""
    assert run(scenario, "--save")[0] == 0
    _, out, _ = run(scenario, "--compare", "2020-01-01")
    assert "no report on it was saved by then" in out
    assert run(scenario, "--compare", "lately")[0] == 2


def test_gates_go_by_the_report_of_today(scenario: Scenario) -> None:
    """Whatever changed."""
    assert run(scenario, "--save")[0] == 0
    assert run(scenario, "--compare", "2030-01-01", "--fail-on", "unused>1")[0] == 10
    assert run(scenario, "--compare", "2030-01-01", "--fail-on", "unused>2")[0] == 0


def test_saving_needs_a_store_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And does not make one."""
    scenario = Scenario(tmp_path, capsys)
    scenario.iam(account(GRANTED))
    assert run(scenario, "--save")[0] == 4
    assert not (tmp_path / "store.duckdb").exists()


@pytest.mark.parametrize(
    "flags", [["--through"], ["--dest-role", "x"], ["--merge-by", "name", "--compare", "2026-10-01"]]
)
def test_what_cannot_be_saved_or_compared(scenario: Scenario, flags: list[str]) -> None:
    """Exit 2."""
    assert run(scenario, "--save", *flags)[0] == 2


def test_every_store_keeps_reports(make_backend: Callable[[], Backend], capsys: pytest.CaptureFixture[str]) -> None:
    """The last one by a time is the one compared with; each row comes back as it was."""
    place = make_backend()
    assert main(["load", str(EXAMPLES / "AWSLogs"), *place.place.options]) == 0
    capsys.readouterr()
    principal = next(one for one in load_iam([EXAMPLES / "iam" / f"{ACCOUNT}.json"]) if one.name == "deploy")
    with closing(place.open()) as store:
        store.prepare(loading=True)
        today = report(store, Window(), principal, Options(iam_as_of=THEN))
        older = replace(today, rows=tuple(replace(row, marker=Marker.UNKNOWN) for row in today.rows))
        for days, one in ((0, older), (2, today)):
            assert list(saving(store, [one], now=THEN + timedelta(days=days))) == [one]
        kept = {(row["time"], row["action"]): row["marker"] for row in store.rows(REPORT_ROWS, Everything())}
        assert kept == {
            (THEN + timedelta(days=days), row.action): str(row.marker)
            for days, one in ((0, older), (2, today))
            for row in one.rows
        }
        assert rows_since(store, today, THEN + timedelta(days=3)) == set()
        unlike = {row.action for row in today.rows if row.marker is not Marker.UNKNOWN}
        assert rows_since(store, today, THEN + timedelta(days=1)) == unlike
        assert changes(store, [today], THEN)[0].then is None


def rows_since(store: Store, one: Report, until: datetime) -> set[str]:
    """The actions that changed."""
    (found,) = changes(store, [one], until)
    assert found.then is not None
    return {row.action for row in found.rows}
