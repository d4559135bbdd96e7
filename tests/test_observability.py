"""Whether an action's use can be seen, and by which data events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions import ObservabilityClass, actions_for, observability
from cloudsearch.actions.observability import recorded_with, resource_types
from cloudsearch.actions.tables import table

CASES = json.loads((Path(__file__).parent / "cases" / "observability.json").read_text(encoding="utf-8"))
MANAGEMENT = {ObservabilityClass.MANAGEMENT_CONFIRMED, ObservabilityClass.MANAGEMENT_ASSUMED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["action"])
def test_what_it_takes_to_see_an_action(case: dict[str, Any]) -> None:
    """Each row was argued by hand from the AWS page it names."""
    found = observability(case["action"])
    assert found.observability == case["class"]
    assert list(found.resource_types) == case["resource_types"]
    assert found.complete is case["complete"]
    assert found.reason
    assert case["source"].startswith("https://docs.aws.amazon.com/")


def test_there_are_enough_argued_rows() -> None:
    """The table is not to shrink in silence, and argues each action once."""
    assert len({case["action"] for case in CASES}) == len(CASES) >= 180


def test_every_action_of_the_catalogue_has_a_class_and_only_types_of_the_guide() -> None:
    """A type that the user guide does not list could never be asked for; an event of a type shows a data event."""
    known = resource_types()
    for action in catalogue.expand("*"):
        found = observability(action.name)
        assert isinstance(found.observability, ObservabilityClass)
        assert found.reason, action.name
        assert set(found.resource_types) <= known.keys(), action.name
        assert found.complete or found.observability is ObservabilityClass.DATA, action.name


def test_case_does_not_matter_and_what_is_no_action_has_no_event() -> None:
    """Policies are written in any case, and hold names that never were."""
    assert observability("S3:GETOBJECT") == observability("s3:GetObject")
    assert observability("no:Such").observability is ObservabilityClass.NO_OPERATION


def test_the_chief_type_is_told_of_data_actions_alone() -> None:
    """A management action with data events beside it is no data action."""
    assert observability("s3:GetObject").resource_type == "AWS::S3::Object"
    assert observability("sns:Publish").resource_type == "AWS::SNS::Topic"
    assert observability("lambda:InvokeFunctionUrl").resource_type is None
    assert observability("bedrock:InvokeModel").resource_type is None


def test_no_object_level_action_of_s3_is_called_management() -> None:
    """Whatever AWS adds to S3's objects is a data event until a page says otherwise."""
    for pattern in ("s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*", "s3:ListObject*"):
        for action in catalogue.expand(pattern):
            seen = observability(action.name).observability
            assert seen in {ObservabilityClass.DATA, ObservabilityClass.NEVER}, action.name


def test_no_call_that_a_page_lists_as_a_data_event_needs_a_mere_management_action() -> None:
    """The dangerous direction: a management event is expected where there is only a data event."""
    checked = 0
    for kind in resource_types().values():
        for call in kind.calls:
            for action in actions_for(f"{kind.service}.amazonaws.com", call).actions:
                found = observability(action)
                checked += 1
                assert found.observability not in MANAGEMENT or kind.name in found.resource_types, (kind.name, call)
    assert checked > 200


def test_no_action_of_the_types_service_is_left_without_thought() -> None:
    """A service with data events has an action that leaves them, unless IAM has no action for them."""
    data = {
        action.name.partition(":")[0] for action in catalogue.expand("*") if observability(action.name).resource_types
    }
    data |= {
        action.name.partition(":")[0]
        for action in catalogue.expand("*")
        if observability(action.name).observability is ObservabilityClass.DATA
    }
    unheard = {kind.service for kind in resource_types().values() if kind.service} - data
    assert unheard == {
        "agentaccess-mcp",
        "aws-external-anthropic",
        "bedrock-mantle",
        "bedrock-websearch",
        "finspace",
        "glue",
        "qdeveloper",
        "redshift",
        "transform",
        "transform-custom",
    }


def test_the_guide_s_table_is_whole_and_well_formed() -> None:
    """One row a type, with its console name; what stands beside a type is a type."""
    kinds = resource_types()
    assert len(kinds) == len(list(table("resource_types.tsv", 6))) == 250
    services = set(catalogue.services())
    for kind in kinds.values():
        assert kind.name.count("::") == 2
        assert kind.console
        assert kind.service is None or kind.service in services, kind.name
        assert set(kind.beside) <= kinds.keys()
        assert kind.source.startswith("https://docs.aws.amazon.com/")
    assert recorded_with("AWS::DynamoDB::Stream") == ("AWS::DynamoDB::Table",)
    assert recorded_with("AWS::No::Such") == ()


def test_every_line_about_observability_covers_an_action_and_names_a_page() -> None:
    """A misspelt pattern would leave its action assumed; a line behind one that covers the same would never count."""
    decided: dict[str, str] = {}
    for pattern, kind, types, _, page in table("observability.tsv", 5):
        covered = {action.name for action in catalogue.expand(pattern)}
        assert covered, pattern
        assert covered - decided.keys(), f"{pattern} never counts: {decided[min(covered)]} comes first"
        decided.update(dict.fromkeys(covered - decided.keys(), pattern))
        assert kind in {"confirmed", "data", "never", "excludable"}
        assert kind == "data" or "?" not in types.split(",")
        assert page.startswith("https://docs.aws.amazon.com/")


@given(st.text())
def test_no_text_raises(name: str) -> None:
    """Policies hold anything."""
    assert observability(name).reason
