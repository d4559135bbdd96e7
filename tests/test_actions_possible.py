"""What calls may have needed beside what is sure: tags given with them, roles passed; and what a report makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions import Case, actions_for, inferred_for, may_need
from cloudsearch.actions.hosts import label, prefixes
from cloudsearch.actions.possible import tagging
from cloudsearch.actions.tables import table
from cloudsearch.iam import Grant, Scope, State
from cloudsearch.reports.circumstances import Circumstances
from cloudsearch.reports.coverage import AccountCoverage
from cloudsearch.reports.evidence import Use
from cloudsearch.reports.report import perhaps_used
from cloudsearch.reports.verdicts import Marker, judge
from tests.logfiles import record
from tests.scenario import Scenario, account, background, role, statement
from tools import takes as generator

CASES = json.loads((Path(__file__).parent / "cases" / "possible.json").read_text(encoding="utf-8"))
AWS = "https://docs.aws.amazon.com/"
DATASYNC = {"eventSource": "datasync.amazonaws.com", "readOnly": False}
TAKES = [(row[0], call, row[1], row[2]) for row in table("takes.tsv", 4) for call in row[3].split(",")]
TOP_TAGS = [(service, call, path) for service, call, what, path in TAKES if what == "tags" and "." not in path]
GIVEN: tuple[object, ...] = (
    "a=b",
    [{"Key": "a", "Value": "b"}],
    True,
    [{"Tags": [{"Key": "a"}]}],
    {"Tags": [{"Key": "a"}]},
)
CALLS = sorted({(f"{service}.amazonaws.com", call) for service, call, _, _ in TAKES})
CALLS.append(("tagging.amazonaws.com", "TagResources"))
TAGGING = sorted(name for service in catalogue.services() for name in tagging(service)[0])


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{label(case['event_source'])}:{case['event_name']}")
def test_a_call_may_need_these_actions(case: dict[str, Any]) -> None:
    """Each row is argued from the AWS page it names: what the page asks for, or that it asks for nothing further."""
    assert dict(may_need(case["event_source"], case["event_name"])) == case["may_need"]
    assert case["source"].startswith(AWS)


def test_there_are_enough_argued_rows() -> None:
    """The table is not to shrink in silence."""
    assert len(CASES) >= 34


@settings(deadline=None)  # the first question reads the tables
@given(st.text(), st.text())
def test_no_text_raises(source: str, name: str) -> None:
    """Logs hold anything; what no SDK knows may need nothing that could be named."""
    assert may_need(source, name) == may_need(source, name)


def test_tags_that_no_row_tells_of_leave_no_tagging_action_unused() -> None:
    """Whatever call it is: its tags are told of by the parameters, or its service's tagging actions are possible."""
    told = 0
    for service, call, path in TOP_TAGS:
        source = f"{service}.amazonaws.com"
        concerned = {action for one in prefixes(source) for actions in tagging(one) for action in actions}
        known = {*actions_for(source, call).actions, *may_need(source, call)}
        if concerned and not concerned & known and not _is_taken_out(service, call, path):
            assert any(inferred_for(source, call, {path: tags, "taggingDirective": "REPLACE"}) for tags in GIVEN), (
                service,
                call,
            )
            told += 1
    assert len(TOP_TAGS) > 1500
    assert told > 300


def test_nothing_possible_is_sure_or_made_up() -> None:
    """An action is either sure or possible, and one of the catalogue."""
    for call in CALLS:
        assert set(may_need(*call)).isdisjoint(actions_for(*call).actions)
        assert all(catalogue.find(action) for action in may_need(*call))


def _is_taken_out(service: str, call: str, path: str) -> bool:
    rows = [row for row in table("not_given.tsv", 6) if row[:2] == (service, "tags")]
    return any(call in row[2].split(",") or row[2] == "*" for row in rows if {path, "*"} & set(row[3].split(",")))


def test_a_call_to_the_tagging_service_may_need_any_tagging_action() -> None:
    """Of whichever service the resource is; taking tags away is another permission."""
    for call, needed, other in (
        ("TagResources", "lambda:TagResource", "lambda:UntagResource"),
        ("UntagResources", "ec2:DeleteTags", "ec2:CreateTags"),
    ):
        found = may_need("tagging.amazonaws.com", call)
        assert found[needed] is Case.SOME
        assert other not in found


def test_the_list_of_calls_is_up_to_date() -> None:
    """After a new SDK: python tools/takes.py. A newer file may have more, never less."""
    kept = {(*row[:3], call) for row in table("takes.tsv", 4) for call in row[3].split(",")}
    assert set(generator.taken()) <= kept


def test_every_line_by_hand_is_of_a_call_that_exists() -> None:
    """A misspelt call, parameter or action would be a line without effect."""
    for service, what, calls, parameters, why, page in table("not_given.tsv", 6):
        rows = [row for row in table("takes.tsv", 4) if row[:2] == (service, what)]
        for name in parameters.split(","):
            reached = {call for row in rows if name == "*" or name in row[2].split(".") for call in row[3].split(",")}
            assert reached & set(reached if calls == "*" else calls.split(",")), (service, name)
        assert why
        assert page.startswith(AWS)
    for service, calls, actions, why, page in table("beyond.tsv", 5):
        assert all(actions_for(f"{service}.amazonaws.com", call).is_known for call in calls.split(","))
        assert all(name.startswith("*:") or catalogue.find(name) for name in actions.split(","))
        assert why
        assert page.startswith(AWS)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(CALLS), st.integers(1, 9), max_size=6),
    st.builds(lambda days, strict: _about(days, strict=strict), st.integers(0, 40), st.booleans()),
    st.lists(st.sampled_from(TAGGING), max_size=6),
)
def test_whatever_was_seen_makes_no_action_unused(
    seen: dict[tuple[str, str], int], about: Circumstances, others: list[str]
) -> None:
    """A call that may have needed an action takes a ``-`` from it and gives one to none."""
    possible = perhaps_used(seen)
    with_rule = replace(about, perhaps_used=possible)
    assert set(possible) == {action for call in seen for action in may_need(*call)}
    for name in {*possible, *others}:
        was, now = _marker(name, about), _marker(name, with_rule)
        assert now == was or (was, now) == (Marker.UNUSED, Marker.UNKNOWN)
        assert name not in possible or now != Marker.UNUSED


def _about(days: int, *, strict: bool) -> Circumstances:
    first = date(2026, 8, 1)
    every = frozenset(first + timedelta(day) for day in range(days))
    regions = frozenset({"eu-west-1"})
    return Circumstances(
        account="111122223333",
        principal="arn:aws:iam::111122223333:role/worker",
        observed_from=datetime(2026, 8, 1, tzinfo=UTC),
        observed_days=days,
        coverage=AccountCoverage("111122223333", days=every, regions=regions, read_regions=regions),
        min_days=30,
        strict=strict,
    )


def _marker(name: str, about: Circumstances) -> Marker:
    action = catalogue.find(name)
    assert action
    return judge(action, Grant(action, State.GRANTED, "", (), Scope.ALL), Use(), about).marker


def test_tags_that_may_have_been_given_leave_the_tagging_action_unknown(scenario: Scenario) -> None:
    """A store keeps no parameters: nobody can say whether the call gave any, and the reason says so."""
    scenario.log(
        record(1, eventName="CreateTask", **DATASYNC),
        record(2, eventName="CreateAgent", **DATASYNC),
        record(3, eventName="CreateAgent", **DATASYNC),
    )
    report = scenario.report(account(role(statement("datasync:TagResource", "datasync:UntagResource"))))
    row = report["datasync:TagResource"]
    assert (row["marker"], row["used"], row["calls"]) == ("?", False, 0)
    assert row["reason"] == ("may have been used: CreateAgent x 2, CreateTask x 1, which need it where tags are given")
    assert report["datasync:UntagResource"]["marker"] == "-"


def test_a_reason_names_a_few_calls_and_counts_the_others(scenario: Scenario) -> None:
    """However many kinds of calls there were."""
    names = ("CreateAgent", "CreateLocationEfs", "CreateLocationNfs", "CreateLocationS3", "CreateTask")
    scenario.log(*(record(number, eventName=name, **DATASYNC) for number, name in enumerate(names)))
    row = scenario.report(account(role(statement("datasync:TagResource"))))["datasync:TagResource"]
    assert "CreateLocationNfs x 1 and 2 more, which need it" in row["reason"]


def test_calls_that_take_no_tags_leave_the_tagging_action_unused(scenario: Scenario) -> None:
    """Nor do calls that were refused, nor those of another service, nor those whose parameters are read."""
    refused = {"errorCode": "AccessDenied", "errorMessage": "no"}
    scenario.log(
        record(1, eventName="ListTasks", **(DATASYNC | {"readOnly": True})),
        record(2, eventName="DeleteTask", **DATASYNC),
        record(3, eventName="CreateTask", **DATASYNC, **refused),
        record(4, eventSource="drs.amazonaws.com", eventName="CreateExtendedSourceServer", readOnly=False),
        record(5, eventSource="lambda.amazonaws.com", eventName="CreateFunction20150331", readOnly=False),
    )
    report = scenario.report(account(role(statement("datasync:TagResource", "lambda:TagResource"))))
    assert {name: report[name]["marker"] for name in ("datasync:TagResource", "lambda:TagResource")} == {
        "datasync:TagResource": "-",
        "lambda:TagResource": "-",
    }


def test_a_role_that_may_have_been_passed_is_said(scenario: Scenario) -> None:
    """By calls that no row tells of, and by a launch template, whose contents no parameter shows."""
    scenario.log(
        record(1, eventSource="braket.amazonaws.com", eventName="CreateJob", readOnly=False),
        record(2, eventName="RunInstances", readOnly=False),
    )
    report = scenario.report(account(role(statement("iam:PassRole", "ec2:CreateTags"))))
    assert (report["iam:PassRole"]["marker"], report["ec2:CreateTags"]["marker"]) == ("?", "?")
    assert report["iam:PassRole"]["reason"] == (
        "may have been used: CreateJob x 1, which need it where a role is passed; "
        "RunInstances x 1, which need it in some cases"
    )


def test_tags_that_were_seen_are_a_use(scenario: Scenario) -> None:
    """What is possible never hides what is inferred."""
    tags = {"tagSpecificationSet": {"items": [{"tags": [{"key": "a", "value": "b"}]}]}}
    scenario.log(record(1, eventName="RunInstances", readOnly=False, requestParameters=tags))
    row = scenario.report(account(role(statement("ec2:CreateTags"))))["ec2:CreateTags"]
    assert (row["marker"], row["calls"]) == (" ", 1)
    assert row["reason"].startswith("inferred")
