"""Policies in focus answer as the whole ones do; with a resource, as a request for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch.iam import State, facts_of, granted, grants
from cloudsearch.iam.focus import Focus, acts_on
from tests.policies import document, policies, policy, principal, scp_layers
from tests.test_iam_requests import REQUESTS, Statements, answer_of

ONE_BY_ONE = sorted((action, arn) for action, arns in REQUESTS.items() for arn in arns if arn != "*")


@settings(deadline=None)  # the first look at the catalogue takes its time
@given(policies, st.none() | policies, st.lists(policies, max_size=1), st.sampled_from(sorted(REQUESTS)))
def test_an_action_in_focus_is_granted_as_before(
    own: Statements, limit: Statements | None, levels: list[Statements], action: str
) -> None:
    """State, reason, statements and scope are those of the whole policies, and no other action is granted."""
    who = principal([document(own)], document(limit) if limit else None)
    further = scp_layers([policy("scp", document(level))] for level in levels)
    facts, focus = facts_of(who), Focus([action])
    in_focus = focus.principal(who, facts), tuple(focus.layer(one, facts) for one in further)
    assert granted(in_focus[0], [action], in_focus[1]) == granted(who, [action], further)
    others = {one.action.name for one in grants(*in_focus) if one.state is not State.NOT_GRANTED} - {action}
    assert not others


@given(policies, st.none() | policies, st.lists(policies, max_size=1), st.sampled_from(ONE_BY_ONE))
def test_a_resource_in_focus_is_a_request_for_it(
    own: Statements, limit: Statements | None, levels: list[Statements], asked: tuple[str, str]
) -> None:
    """Granted, conditional or not as an evaluator of single requests says."""
    action, arn = asked
    who = principal([document(own)], document(limit) if limit else None)
    further = scp_layers([policy("scp", document(level))] for level in levels)
    facts, focus = facts_of(who), Focus([action], arn)
    (grant,) = granted(focus.principal(who, facts), [action], [focus.layer(one, facts) for one in further])
    assert grant.state is answer_of([own, *([limit] if limit else []), *levels], action, arn)


VARIABLE = "arn:aws:s3:::home/${aws:SourceIdentity}/*"


@pytest.mark.parametrize(
    ("statements", "state"),
    [
        ([("Allow", VARIABLE)], State.CONDITIONAL),
        ([("Allow", VARIABLE), ("Deny", "arn:aws:s3:::home/x/*")], State.NOT_GRANTED),
        ([("Allow", "*"), ("Deny", VARIABLE)], State.CONDITIONAL),
        ([("Allow", VARIABLE), ("Deny", VARIABLE)], State.NOT_GRANTED),
        ([("Allow", "arn:aws:s3:::home/y/*"), ("Deny", VARIABLE)], State.NOT_GRANTED),
        ([("Allow", "arn:aws:s3:::home/${aws:PrincipalTag/team}/*")], State.GRANTED),
        ([("Allow", "arn:aws:s3:::home/${aws:PrincipalTag/other, 'y'}/*")], State.NOT_GRANTED),
        ([("Allow", "arn:aws:s3")], State.GRANTED),
    ],
)
def test_variables_that_only_a_request_fills_in(statements: Sequence[tuple[str, str]], state: State) -> None:
    """They may name the resource or not; those that the principal fills in do."""
    content: list[dict[str, Any]] = [
        {"Effect": effect, "Action": "s3:GetObject", "Resource": resource} for effect, resource in statements
    ]
    trust = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    who = principal([document(content)], tags={"team": "x"}, trust=trust)
    focus = Focus(["s3:GetObject"], "arn:aws:s3:::home/x/report")
    (grant,) = granted(focus.principal(who, facts_of(who)), ["s3:GetObject"])
    assert grant.state is state


@pytest.mark.parametrize("key", ["${aws:username}", "$", "${", "a$b"])
def test_a_resource_is_no_pattern(key: str) -> None:
    """An object may be called like a variable; that is its name."""
    arn = f"arn:aws:s3:::b/{key}"
    who = principal([document([{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}])])
    (grant,) = granted(Focus(["s3:GetObject"], arn).principal(who, facts_of(who)), ["s3:GetObject"])
    assert grant.state is State.GRANTED


@pytest.mark.parametrize(
    ("action", "arn", "expected"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/x", True),
        ("s3:GetObject", "arn:aws:s3:::b", False),
        ("s3:ListBucket", "arn:aws:s3:::b/x", False),
        ("s3:ListBucket", "arn:aws-cn:s3:::b", True),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::b", False),
        ("sts:AssumeRole", "arn:aws:iam::111122223333:role/x", True),
        ("s3:GetObject", "b/x", False),
    ],
)
def test_what_an_action_acts_on(action: str, arn: str, expected: bool) -> None:  # noqa: FBT001
    """By the resource types of its page."""
    assert acts_on(action, arn) is expected
