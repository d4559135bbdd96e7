"""``generate --scp``: what accounts provably do without is denied, and nothing that anybody did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions import ObservabilityClass, observability
from cloudsearch.actions.homes import logged_elsewhere
from cloudsearch.iam import Document, Effect, Patterns, Statement, render
from cloudsearch.policies.facts import Limit, limits
from cloudsearch.policies.forms import Form
from cloudsearch.policies.limiting import Touched, _packed, broken, limiting, replayed
from cloudsearch.policies.sizes import TooLarge
from cloudsearch.reports.coverage import AccountCoverage, Coverage
from cloudsearch.reports.window import Window
from cloudsearch.stores.duckdb import DuckDBStore
from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, background

COVERED = Coverage(Window(), {ACCOUNT: AccountCoverage(ACCOUNT)})


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events in two regions."""
    made = Scenario(tmp_path, capsys)
    made.log(*background(awsRegion="eu-west-1"))
    made.log(record(500, awsRegion="eu-central-1"), record(501, eventSource="iam.amazonaws.com", awsRegion="us-east-1"))
    return made


def proposed(scenario: Scenario, *arguments: str) -> tuple[dict[str, dict[str, Any]], str]:
    """The statements by Sid, and what is said beside them."""
    code, out, err = scenario.run("generate", "--scp", *arguments)
    assert code == 0, err
    return {one["Sid"]: one for one in json.loads(out)["Statement"]}, err


def test_regions_and_services(scenario: Scenario) -> None:
    """Regions with events are open, global services left out of the limit; what was touched is not denied."""
    statements, err = proposed(scenario, "--include-assumed")
    regional, unused = statements["DenyOtherRegions"], statements["DenyUnusedServices"]
    assert regional["Condition"] == {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}}
    assert {"iam:*", "sts:*", "cloudfront:*", "route53:*"} <= set(regional["NotAction"])
    assert not {"ec2:*", "iam:*"} & set(unused["Action"])
    assert "cloudhsm:*" in unused["Action"]
    assert "none would break" in err


def test_what_is_never_seen_is_never_denied(scenario: Scenario) -> None:
    """What data events alone show, or no event at all, may be in use; what is only assumed seen has to be asked for."""
    careful, _ = proposed(scenario)
    for statements, known in (
        (careful, {ObservabilityClass.MANAGEMENT_CONFIRMED}),
        (
            proposed(scenario, "--include-assumed")[0],
            {
                ObservabilityClass.MANAGEMENT_CONFIRMED,
                ObservabilityClass.MANAGEMENT_ASSUMED,
                ObservabilityClass.NO_OPERATION,
            },
        ),
    ):
        denied = {
            action for pattern in statements["DenyUnusedServices"]["Action"] for action in catalogue.expand(pattern)
        }
        assert {observability(action.name).observability for action in denied} <= known
    assert {"dynamodb:*", "execute-api:*", "kms:*"} <= set(careful["DenyOtherRegions"]["NotAction"])


@pytest.mark.parametrize(
    ("fields", "service"),
    [
        ({"eventSource": "autoscaling.amazonaws.com", "eventName": "CreateLaunchConfiguration"}, "autoscaling"),
        ({"eventSource": "textract.amazonaws.com", "errorCode": "AccessDenied"}, "textract"),
        ({"eventSource": "translate.amazonaws.com", "eventType": "AwsServiceEvent"}, "translate"),
        ({"eventSource": "ec2.amazonaws.com", "userIdentity": "linked"}, "autoscaling"),
    ],
)
def test_what_was_touched_stays(scenario: Scenario, fields: dict[str, Any], service: str) -> None:
    """Whatever came of it, and whoever it was: a refused call, a service's own event, a role linked to it."""
    assert f"{service}:*" in proposed(scenario)[0]["DenyUnusedServices"]["Action"]
    if fields.get("userIdentity") == "linked":
        arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        issuer = {"type": "Role", "arn": arn, "principalId": "AROALINKED"}
        session = {"type": "AssumedRole", "accountId": ACCOUNT, "sessionContext": {"sessionIssuer": issuer}}
        fields = fields | {"userIdentity": session}
    scenario.log(record(700, **fields))
    assert f"{service}:*" not in proposed(scenario)[0]["DenyUnusedServices"]["Action"]


def test_one_region_proves_nothing_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The trail may be of that region alone."""
    alone = Scenario(tmp_path, capsys)
    alone.log(*background(awsRegion="eu-west-1"))
    statements, err = proposed(alone)
    assert "DenyOtherRegions" not in statements
    assert "regions are not limited" in err


def test_what_logs_in_one_region_alone_needs_that_region() -> None:
    """Without us-east-1 nobody knows that CloudFront was not used; one account that lacks it is enough."""
    home, alone = frozenset({"eu-west-1", "us-east-1"}), frozenset({"eu-west-1"})
    denied, said = {}, {}
    for name, of_other in (("both", home), ("one", alone)):
        seen = ((ACCOUNT, home), ("444455556666", of_other))
        covered = {one: AccountCoverage(one, regions=regions, read_regions=regions) for one, regions in seen}
        touched = Touched((ACCOUNT, "444455556666"), frozenset(), home)
        found = limiting(touched, Coverage(Window(), covered), include_assumed=True)
        statements = [one for policy in found.policies for one in policy.statements if one.sid == "DenyUnusedServices"]
        denied[name] = {text for one in statements for text in one.actions.texts}
        said[name] = " ".join(found.notes)
    assert {"cloudfront:*", "cloudhsm:*"} <= denied["both"]
    assert denied["both"] - denied["one"] <= {f"{one}:*" for one in logged_elsewhere(alone)["us-east-1"]}
    assert "cloudfront:*" not in denied["one"]
    assert "cloudhsm:*" in denied["one"]
    assert "444455556666 has no management event of us-east-1" in said["one"]
    assert "no management event" not in said["both"]


def test_a_trail_without_reads_denies_no_service() -> None:
    """A service that was only read leaves no event there."""
    blind = Coverage(Window(), {ACCOUNT: AccountCoverage(ACCOUNT, regions=frozenset({"eu-west-1"}))})
    found = limiting(Touched((ACCOUNT,), frozenset(), frozenset({"eu-west-1", "us-east-1"})), blind)
    assert [one.sid for policy in found.policies for one in policy.statements] == ["DenyOtherRegions"]
    assert "records no reads" in found.notes[0]


def test_too_few_days(scenario: Scenario) -> None:
    """Refused, unless anyway."""
    window = ("--since", "2026-08-02", "--until", "2026-08-05")
    code, out, err = scenario.run("generate", "--scp", *window)
    assert (code, out) == (1, "")
    assert "only 4 days of logs" in err
    assert scenario.run("generate", "--scp", *window, "--anyway")[0] == 0


def test_a_policy_that_would_break_something_is_found(scenario: Scenario) -> None:
    """The replay that everything is held against names who and what."""
    document = Document(
        "2012-10-17", (Statement(0, "No", Effect.DENY, Patterns(("ec2:Describe*",)), Patterns(("*",))),)
    )
    store = DuckDBStore(scenario.folder / "store.duckdb")
    store.prepare()
    try:
        found = list(broken(replayed(store, Window(), (ACCOUNT,), (document,))))
    finally:
        store.close()
    assert any("role/jobs/worker: ec2:DescribeInstances x 1" in line for line in found)
    assert any("user/someone: ec2:DescribeVpcs x 61" in line for line in found)
    assert not any("RunInstances" in line for line in found)


services = st.lists(st.sampled_from(catalogue.services()), unique=True)


@given(services, st.lists(st.sampled_from(["eu-west-1", "us-east-1", "ap-south-1"]), unique=True), st.booleans())
@settings(max_examples=40, deadline=None)
def test_within_the_limit_and_never_what_was_touched(used: list[str], regions: list[str], assumed: bool) -> None:  # noqa: FBT001
    """Every character counts, and no Deny names a service that was touched."""
    found = limiting(Touched((ACCOUNT,), frozenset(used), frozenset(regions)), COVERED, include_assumed=assumed)
    limit = limits()["scp"]
    assert len(found.policies) <= limit.policies
    for policy in found.policies:
        assert len(json.dumps(render(policy), separators=(",", ":"))) <= limit.characters
        for one in policy.statements:
            if not one.actions.negated:
                assert not {name.partition(":")[0] for name in one.actions.texts} & set(used)


@given(st.integers(1, 400), st.integers(300, 2000))
@settings(max_examples=40, deadline=None)
def test_what_is_denied_by_name_may_be_parted(count: int, characters: int) -> None:
    """Into policies that each fit and together deny the same; or it is an error."""
    names = tuple(f"service{number:03}:*" for number in range(count))
    statement = Statement(0, "Deny", Effect.DENY, Patterns(names), Patterns(("*",)))
    try:
        found = list(_packed([statement], Limit("scp", characters, 10, together=False, counts_blanks=True)))
    except TooLarge:
        assert count * 18 > characters * 4
        return
    assert len(found) <= 10
    assert all(len(json.dumps(render(one), separators=(",", ":"))) <= characters for one in found)
    assert sorted(name for policy in found for one in policy.statements for name in one.actions.texts) == sorted(names)


def test_forms_of_it(scenario: Scenario) -> None:
    """Each form is written, and JSON has no blank, since every character counts."""
    for how in Form:
        code, out, _ = scenario.run("generate", "--scp", "--format", how.value)
        assert code == 0
        assert "DenyOtherRegions" in out
        if how is Form.JSON:
            assert " " not in out
    assert scenario.run("generate", "--scp", "--output", str(scenario.folder / "out"))[:2] == (0, "")
    assert " " not in (scenario.folder / "out" / f"{ACCOUNT}-limits.json").read_text()
