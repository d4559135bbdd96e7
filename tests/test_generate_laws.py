"""Laws of generated policies, over random histories: they allow what was done, nothing of another service, and fit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions.arns import as_named, has_wildcard
from cloudsearch.iam import Document, Policy, State, render
from cloudsearch.policies.circumstances import shown_by
from cloudsearch.policies.exact import exact
from cloudsearch.policies.examined import Examined
from cloudsearch.policies.facts import Limit, limits
from cloudsearch.policies.generalising import generalised
from cloudsearch.policies.generate import Generated, Wishes, generate
from cloudsearch.policies.history import Used
from cloudsearch.policies.names import cut, depth
from cloudsearch.policies.parts import Part, text
from cloudsearch.policies.replay import replay
from cloudsearch.policies.sizes import TooLarge, fit
from cloudsearch.policies.subjects import Subject
from cloudsearch.policies.usage import ActionUse, Circumstances
from tests.uses import ACCOUNT, WORKER, histories, of_worker, state, use, used

wishes = st.builds(Wishes, generalise=st.none() | st.integers(2, 4), conditions=st.booleans())


def actions_of(found: Generated) -> set[str]:
    """Every action that a statement names; these policies hold no patterns of actions."""
    return {action for policy in found.policies for one in policy.statements for action in one.actions.texts}


def resources_of(policies: Sequence[Document], action: str) -> set[str]:
    """The resources on which statements allow an action."""
    return {
        resource
        for policy in policies
        for one in policy.statements
        if action in one.actions.texts and one.resources
        for resource in one.resources.texts
    }


@given(histories, wishes)
@settings(max_examples=60, deadline=None)
def test_every_use_is_allowed(events: list[Used], wish: Wishes) -> None:
    """Each action on each resource it was used on, judged by the evaluator; without a Condition where there is none."""
    found = generate(of_worker(events), wish)
    for event in events:
        for one in event.uses:
            for arn in one.arns or (None,):
                concrete = as_named(arn) if arn and not has_wildcard(arn) else None
                verdict = state(found.policies, one.action, concrete)
                is_free = not one.conditions and not wish.conditions
                assert verdict is State.GRANTED if is_free else verdict is not State.NOT_GRANTED, (one, arn)


@given(histories, wishes)
@settings(max_examples=60, deadline=None)
def test_it_replays_clean(events: list[Used], wish: Wishes) -> None:
    """Judged event by event, with what each tells of its circumstances: nothing would have been refused, and surely."""
    found = generate(of_worker(events), wish)
    named = tuple(Policy(f"p{number}", None, one, "inline") for number, one in enumerate(found.policies))
    judge = Examined(Subject("role", "worker", ACCOUNT, (WORKER,))).judge(named)
    again = replay(events, judge)
    assert again.rows == ()


@given(histories, wishes)
@settings(max_examples=60, deadline=None)
def test_nothing_else_is_allowed(events: list[Used], wish: Wishes) -> None:
    """Exactly the actions that were used; a resource that nobody named is allowed only where one was not known."""
    found = generate(of_worker(events), wish)
    uses = [one for event in events for one in event.uses]
    assert actions_of(found) == {one.action for one in uses}
    for action in {one.action for one in uses if one.takes_resources}:
        is_known = all(one.arns and not one.unknown for one in uses if one.action == action)
        assert ("*" in resources_of(found.policies, action)) is not is_known
        if wish.generalise is None:
            named = {arn for one in uses if one.action == action for arn in one.arns}
            assert resources_of(found.policies, action) - {"*"} <= named


@given(histories, wishes, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_events_changes_nothing(events: list[Used], wish: Wishes, chance: Random) -> None:
    """Policies, notes and evidence are the same, so that a second run can be compared with the first."""
    mixed = list(events)
    chance.shuffle(mixed)
    assert generate(of_worker(events), wish) == generate(of_worker(mixed), wish)


@given(histories, wishes)
@settings(max_examples=40, deadline=None)
def test_sids_are_unique_and_evidence_is_whole(events: list[Used], wish: Wishes) -> None:
    """A Sid is of letters and digits and no other statement's; each use stands in the evidence with its count."""
    found = generate(of_worker(events), wish)
    sids = [str(one.sid) for policy in found.policies for one in policy.statements]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch("[A-Za-z0-9]{1,70}", sid) for sid in sids)
    told: dict[str, int] = {}
    for line in found.lines:
        assert str(line.sid) in sids
        assert line.action in actions_of(found)
        told[line.action] = told.get(line.action, 0) + line.tally.count
    expected: dict[str, int] = {}
    for event in events:
        for one in event.uses:
            expected[one.action] = expected.get(one.action, 0) + max(len(one.arns), 1)
    assert told == expected


@given(histories)
@settings(max_examples=40, deadline=None)
def test_a_condition_holds_in_every_use(events: list[Used]) -> None:
    """What --conditions asks for was met by each use, and a call that a service made asks for nothing."""
    own = of_worker(events)
    for (action, conditions), whole in own.actions.items():
        uses = [event for event in events for one in event.uses if (one.action, one.conditions) == (action, conditions)]
        for test in shown_by(action, whole.about):
            assert not any(event.row.get("invoked_by") for event in uses)
            told: dict[str, list[str | None]] = {
                "aws:SourceVpce": [event.vpc_endpoint for event in uses],
                "aws:RequestedRegion": [event.region for event in uses],
                "aws:MultiFactorAuthPresent": ["true" if event.mfa else "false" for event in uses],
            }
            assert set(told[test.key]) == set(test.values)


services = st.sampled_from(["s3", "sqs", "dynamodb", "iam", "lambda", "cloudtrail"])


@given(services, st.data())
@settings(max_examples=80, deadline=None)
def test_exact_wildcards_match_what_they_stand_for(service: str, data: st.DataObject) -> None:
    """Over the whole catalogue the patterns cover the actions given, and no other one."""
    every = [action.name for action in catalogue.actions_of(service)]
    some = data.draw(st.lists(st.sampled_from(every), unique=True, max_size=len(every)))
    patterns = exact(some)
    assert {action.name for pattern in patterns for action in catalogue.expand(pattern)} == set(some)
    assert len(patterns) <= len(some)


def test_an_action_that_nobody_knows_stays_as_it_is() -> None:
    """It is not the company of any other, nor does it hide one."""
    assert exact(["s3:GetNothingAtAll", "s3:GetObject"]) == ("s3:GetNothingAtAll", "s3:GetObject")


def test_a_pattern_is_as_long_as_its_actions_allow() -> None:
    """So that of actions that AWS adds it takes as few as can be."""
    every = [action.name for action in catalogue.expand("s3:GetAccelerateConfiguration")]
    access = [action.name for action in catalogue.expand("s3:GetAccessGrants*")]
    assert exact([*every, *access]) == ("s3:GetAccelerateConfiguration", "s3:GetAccessGrants*")


arns = st.lists(
    st.builds(
        lambda kind, name: f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:{kind}/{name}",
        st.sampled_from(["table", "table/a/index"]),
        st.text("abcdefgh", min_size=1, max_size=30),
    ),
    min_size=1,
    max_size=40,
    unique=True,
).map(lambda found: tuple(sorted(found)))
parts = st.lists(
    st.builds(
        lambda actions, resources: Part(tuple(sorted(actions)), resources),
        st.lists(
            st.sampled_from(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"]),
            min_size=1,
            unique=True,
        ),
        arns,
    ),
    max_size=6,
)
small = st.builds(Limit, st.just("small"), st.integers(400, 3000), st.integers(1, 10), st.booleans(), st.booleans())


@given(parts, small)
@settings(max_examples=150, deadline=None)
def test_sizes_are_never_exceeded_and_nothing_is_lost(given_parts: list[Part], limit: Limit) -> None:
    """Either the policies fit, and allow just what the parts did, or an error says what to do."""
    pairs = {(action, resource) for part in given_parts for action in part.actions for resource in part.resources}
    try:
        found = fit(given_parts, limit)
    except TooLarge as error:
        advice = " ".join([str(error), *error.__notes__])
        assert "--generalise" in advice
        assert sum(len(one) for pair in pairs for one in pair) > limit.characters / 8
        return
    sizes = [len(json.dumps(render(policy), separators=(",", ":"))) for policy in found.documents]
    assert all(size <= limit.characters for size in sizes)
    assert len(sizes) <= (1 if limit.together else limit.policies)
    allowed = {
        (action.name, resource)
        for policy in found.documents
        for one in policy.statements
        for pattern in one.actions.texts
        for action in catalogue.expand(pattern)
        for resource in (one.resources.texts if one.resources else ())
    }
    assert allowed == pairs


@pytest.mark.parametrize("name", ["managed", "inline-role", "inline-user", "inline-group", "scp", "rcp"])
def test_the_limits_are_those_of_iam(name: str) -> None:
    """Characters and number of policies, and whether they add up."""
    expected = {
        "managed": (6144, 10, False),
        "inline-role": (10240, 1, True),
        "inline-user": (2048, 1, True),
        "inline-group": (5120, 1, True),
        "scp": (10240, 10, False),
        "rcp": (5120, 5, False),
    }
    limit = limits()[name]
    assert (limit.characters, limit.policies, limit.together) == expected[name]


def test_splitting_comes_before_wildcards() -> None:
    """What fits two policies keeps its actions by name; what must be one has patterns where these are exact."""
    every = tuple(sorted(action.name for action in catalogue.expand("s3:Get*")))
    long = Part(every, ("*",))
    room = len(text(fit([long], limits()["managed"]).documents[0]))
    split = fit([long], Limit("two", room - 200, 2, together=False, counts_blanks=False))
    assert len(split.policies) == 2
    assert not split.wildcards
    one = fit([long], Limit("one", room - 200, 1, together=True, counts_blanks=False))
    assert one.wildcards
    assert len(one.policies) == 1


@given(st.lists(st.text("ab/:", min_size=1, max_size=12), min_size=1, max_size=40), st.integers(1, 6), st.randoms())
@settings(deadline=None)
def test_folding_goes_no_deeper_than_the_bound_allows(names: list[str], most: int, chance: Random) -> None:
    """Resources told apart are the most that the bound allows, whatever their order; each use is still counted."""
    found = []
    for _ in range(2):
        chance.shuffle(names)
        one = ActionUse()
        for number, name in enumerate(names):
            arn = f"arn:aws:s3:::{name}"
            one.add(use("s3:GetObject", arn), used(number), most)
        found.append(sorted(one.resources))
        assert len(one.resources) <= most
        assert sum(tally.count for tally in one.resources.values()) == len(names)
        if one.deepest is not None:
            finer = {cut(f"arn:aws:s3:::{name}", one.deepest + 1) for name in names}
            assert len(finer) > most
    assert found[0] == found[1]


@given(st.lists(st.text("ab/:*", min_size=1, max_size=12), min_size=1, max_size=20), st.integers(2, 4))
@settings(deadline=None)
def test_what_is_made_one_covers_what_it_stands_for(names: list[str], least: int) -> None:
    """Every resource is there or lies in one that was made, and each of those stands for as many as were asked for."""
    given_arns = sorted({f"arn:aws:s3:::{name.replace('*', '${*}')}" for name in names})
    found = generalised("s3:GetObject", given_arns, least)
    assert all(arn in found.resources or any(arn.startswith(one[:-1]) for one, _ in found.made) for arn in given_arns)
    assert all(count >= least for _, count in found.made)
    assert all(depth(one) > 1 for one, _ in found.made)


def test_circumstances_start_with_nothing_shown() -> None:
    """An action without uses would ask for MFA alone; there is none such."""
    assert [test.key for test in shown_by("ec2:RunInstances", Circumstances())] == ["aws:MultiFactorAuthPresent"]
