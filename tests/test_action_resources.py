"""From a call's event to the actions it used and the ARNs it used them on, with the conditions that narrow them."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions.arns import as_named, as_written, has_wildcard, is_arn, patterns_in
from cloudsearch.actions.hosts import label
from cloudsearch.actions.naming import named_parts
from cloudsearch.actions.resource_facts import rows, shape_patterns
from cloudsearch.actions.resources import Call, Use, uses_of
from cloudsearch.actions.tables import table
from cloudsearch.actions.templates import shape
from cloudsearch.where import fits
from tests.samples import samples
from tools.resources import figure

ROOT = Path(__file__).parent.parent
CASES = json.loads((ROOT / "tests" / "cases" / "resources.json").read_text(encoding="utf-8"))
AWS = "https://docs.aws.amazon.com/"
ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

places = sorted(
    {
        step
        for _, _, _, templates, _ in rows()
        for path in templates.replace("}", "{").split("{")[1::2]
        for part in path.partition("=")[0].split("|")
        for step in part.partition(":")[0].removeprefix("<").replace("/", ".").split(".")
        if step != "@"
    }
)
texts = st.text(max_size=12) | st.sampled_from(
    [
        "i-0a1",
        "arn:aws:s3:::b/k",
        "arn:aws:iam::111122223333:role/r",
        KEY,
        "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
        "alias/x",
        "a*b?c${d}",
        "arn:aws:lambda:eu-west-1:111122223333:function:f:1",
        "arn:aws:states:eu-west-1:111122223333:execution:m:e",
        "select * from t.i",
        "/a/b/",
        "AWS-Run",
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.sampled_from(places), inner),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from(places) | st.text(max_size=4), json_values, max_size=6)
calls = st.sampled_from(sorted({(case["source"], case["event"]) for case in CASES}))
operations = st.sampled_from(
    sorted(
        {
            (f"{service}.amazonaws.com", event)
            for service, events, _, _, _ in rows()
            for event in events.split(",")
            if event != "*"
        }
        | {(f"{action.service}.amazonaws.com", action.short_name) for action in catalogue.everything()}
    )
)
resources = st.lists(st.tuples(texts, st.none() | st.text(max_size=3), st.none() | st.just(ACCOUNT)), max_size=3)


def call_of(case: dict[str, Any]) -> Call:
    """The call that a case describes."""
    return Call(
        event_source=case["source"],
        event_name=case["event"],
        region=case.get("region", "eu-west-1"),
        account=ACCOUNT,
        partition=case.get("partition", "aws"),
        request=case["request"],
        response=case.get("response"),
        resources=tuple(tuple(one) for one in case.get("resources", ())),
        invoked_by=case.get("invoked_by"),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{label(case['source'])}:{case['event']}")
def test_a_call_used_these_actions_on_these_resources(case: dict[str, Any]) -> None:
    """Each row was argued from the AWS page it names; null for the ARNs of an action that takes no resource."""
    uses = {use.action: use for use in uses_of(call_of(case))}
    assert sorted(uses) == sorted(one["action"] for one in case["uses"])
    for one in case["uses"]:
        use = uses[one["action"]]
        assert use.takes_resources is (one["arns"] is not None)
        assert sorted(use.arns) == sorted(one["arns"] or [])
        assert use.is_inferred is one.get("inferred", False)
        assert [list(pair) for pair in use.conditions] == one.get("conditions", [])
        reason = case.get("unknown", {}).get(use.action, "")
        assert reason in use.unknown
        assert bool(reason) is bool(use.unknown)
    assert case["page"].startswith(AWS)


def test_the_cases_cover_the_services_most_used() -> None:
    """A hundred and twenty and more, over thirty services."""
    assert len(CASES) >= 120
    assert len({case["source"] for case in CASES}) >= 28


@settings(deadline=None, max_examples=300)
@given(calls | operations, objects | json_values, json_values, resources, st.sampled_from(["eu-west-1", "", "x*"]))
def test_nothing_raises_and_every_arn_fits_its_action(
    named: tuple[str, str], request: object, response: object, listed: list[Any], region: str
) -> None:
    """Parameters hold anything; what comes out is a resource that the catalogue says the action can be used on."""
    parts: dict[str, Any] = {"request": request, "response": response}  # of any shape, whatever Call promises
    call = Call(*named, region=region, account=ACCOUNT, resources=tuple(listed), **parts)
    for use in uses_of(call):
        _check(use)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(CASES), st.data())
def test_every_arn_of_a_call_with_other_values_fits_its_action(case: dict[str, Any], data: st.DataObject) -> None:
    """The parameters a call really has, each text among them another: still nothing but resources of the action."""
    call = call_of(case | {"request": _other(case["request"], data)})
    for use in uses_of(call):
        _check(use)


def _other(value: object, data: st.DataObject) -> object:
    if isinstance(value, dict):
        return {key: _other(child, data) for key, child in value.items()}
    if isinstance(value, list):
        return [_other(child, data) for child in value]
    return data.draw(texts) if isinstance(value, str) else value


def _check(use: Use) -> None:
    patterns = catalogue.arn_patterns(use.action)
    assert use.takes_resources is bool(patterns)
    for arn in use.arns:
        assert any(fits(pattern, arn) for pattern in patterns), (use.action, arn)
        assert "\n" not in arn or arn.startswith("arn:aws:s3:::")  # the key of an object may be anything
    assert use.arns or use.unknown or not use.takes_resources
    assert len(set(use.arns)) == len(use.arns)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{label(case['source'])}:{case['event']}")
def test_a_case_without_account_has_no_arn_that_needs_one(case: dict[str, Any]) -> None:
    """No ARN is completed with an account that nobody told."""
    call = call_of(case | {"resources": []})
    nameless = Call(call.event_source, call.event_name, "", "", request=call.request, response=call.response)
    for use in uses_of(nameless):
        assert all(":::" in arn or "::" in arn or ACCOUNT in arn or "444455556666" in arn for arn in use.arns)


@given(st.text(), st.sampled_from(["", "/*", "?"]))
def test_a_name_is_written_without_wildcards_and_read_back(name: str, wildcard: str) -> None:
    """A star of a name matches the star alone, and the name comes back as it was."""
    written = as_written(name)
    assert not has_wildcard(written)
    assert as_named(written) == name
    assert has_wildcard(written + wildcard) is bool(wildcard)


def test_a_star_that_is_part_of_a_name_is_no_wildcard() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html: ${*}, ${?}, ${$}."""
    call = Call("s3.amazonaws.com", "GetObject", request={"bucketName": "b", "key": "*"})
    (use,) = uses_of(call)
    assert use.arns == ("arn:aws:s3:::b/${*}",)
    assert not has_wildcard(use.arns[0])


def test_every_fact_is_about_a_resource_of_its_service() -> None:
    """A template that no action's pattern takes is dead, and a misspelt one would be too."""
    dead = [
        (service, events, template)
        for service, events, _, templates, _ in rows()
        for template in templates.split(" ")
        if not shape_patterns(patterns_in(service), shape(template))
    ]
    assert dead == []
    assert all(page.startswith(AWS) for *_, page in rows())


def test_the_named_resources_are_the_catalogues() -> None:
    """Each is a pattern that some action has; a newer catalogue may have more."""
    known = {(one.service, one.resource) for service in catalogue.services() for one in patterns_in(service)}
    named = set(named_parts())
    assert len(named & known) > 0.9 * len(named)


def test_services_that_kms_knows_are_services() -> None:
    """Each host is one word, and its name in the condition too."""
    assert all(host.replace("-", "").isalnum() for row in table("resources_via_service.tsv", 2) for host in row)


def test_an_arn_of_another_service_names_no_resource() -> None:
    """A queue that a rule sends to is not what PutTargets is used on."""
    target = {"id": "1", "arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"}
    call = Call("events.amazonaws.com", "PutTargets", "eu-west-1", ACCOUNT, request={"rule": "r", "targets": [target]})
    assert uses_of(call)[0].arns == (f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/r",)


def test_the_events_own_resource_knows_the_account() -> None:
    """An object's table may be of another account than the caller: then the name alone misleads."""
    theirs = "arn:aws:dynamodb:eu-west-1:444455556666:table/Music"
    call = Call(
        "dynamodb.amazonaws.com",
        "GetItem",
        "eu-west-1",
        ACCOUNT,
        request={"tableName": "Music"},
        resources=((theirs, "AWS::DynamoDB::Table", "444455556666"),),
    )
    assert uses_of(call)[0].arns == (theirs,)
    assert is_arn(theirs)


def test_most_actions_of_the_example_trail_have_their_resources() -> None:
    """Nine in ten of those that take any."""
    found = figure([ROOT / "examples"])
    assert len(found.uses) > 20
    assert found.share >= 0.9


def test_most_uses_in_the_public_samples_have_their_resources() -> None:
    """Of the calls that name any resource at all; those that list everything name none."""
    found = figure([samples() / "flaws2", samples() / "umccr_examples", samples() / "awsdocs"])
    assert found.known.total() > 0.85 * found.uses.total()


def test_uses_are_found_fast() -> None:
    """A principal may have millions of calls. The floor is far below what one core does, for machines are shared."""
    made = [call_of(case) for case in CASES]
    for call in made:
        uses_of(call)
    began = perf_counter()
    for _ in range(10):
        for call in made:
            uses_of(call)
    assert 10 * len(made) / (perf_counter() - began) > 10_000
