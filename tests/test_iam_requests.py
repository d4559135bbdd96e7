"""The evaluation of patterns against an evaluator of single requests: slow, and obviously right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.iam import Scope, State, granted
from tests.policies import ALWAYS, NEVER, OPEN, document, fits_slowly, policies, policy, principal, scp_layers

Statements = list[dict[str, Any]]

KEYS = ["x", "xa", "xab", "y", "y/xa", "y/xab"]
BUCKETS = ["b", "c"]
REQUESTS = {
    "s3:GetObject": [
        *(f"arn:aws:s3:::{bucket}/{key}" for bucket, key in product(BUCKETS, KEYS)),
        "arn:aws:s3:eu-west-1:111122223333:accesspoint/b/object/xa",
    ],
    "s3:ListBucket": [*(f"arn:aws:s3:::{bucket}" for bucket in BUCKETS), "arn:aws:s3:eu-west-1:1:accesspoint/xa"],
    "s3:ListAllMyBuckets": ["*"],
    "iam:CreateUser": [f"arn:aws:iam::111122223333:user/{name}" for name in ("alice", "bob", "x/bob")],
    "ec2:DescribeVpcs": ["*"],
}


def _of(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _speaks(statement: dict[str, Any], action: str, arn: str, *, mfa: bool) -> bool:
    """Whether a statement applies to one request."""
    names = _of(statement.get("Action", statement.get("NotAction")))
    if any(fits_slowly(name.lower(), action.lower()) for name in names) is ("NotAction" in statement):
        return False
    patterns = [_whole(one) for one in _of(statement.get("Resource", statement.get("NotResource")))]
    matched = any(one == "*" for one in patterns) if arn == "*" else any(fits_slowly(one, arn) for one in patterns)
    if matched is ("NotResource" in statement):
        return False
    condition = statement.get("Condition")
    return condition in (None, {}, ALWAYS) or (condition == OPEN and mfa)


def _whole(pattern: str) -> str:
    """An incomplete ARN ends in stars."""
    return pattern + ":*" * (5 - pattern.count(":")) if pattern.startswith("arn:") else pattern


def _allowed(layers: Sequence[Statements], action: str, arn: str, *, mfa: bool) -> bool:
    """AWS's evaluation of one request: no Deny applies, and in every layer an Allow does."""
    speaking = [[one for one in layer if _speaks(one, action, arn, mfa=mfa)] for layer in layers]
    if any(one["Effect"] == "Deny" for layer in speaking for one in layer):
        return False
    return all(any(one["Effect"] == "Allow" for one in layer) for layer in speaking)


def _answers(layers: Sequence[Statements], action: str) -> Iterator[State]:
    """The three values of each request: allowed however it comes, or only with or without MFA, or never."""
    yield from (answer_of(layers, action, arn) for arn in REQUESTS[action])


def answer_of(layers: Sequence[Statements], action: str, arn: str) -> State:
    """The value of one request."""
    with_mfa, without = (_allowed(layers, action, arn, mfa=mfa) for mfa in (True, False))
    return State.GRANTED if with_mfa and without else State.CONDITIONAL if with_mfa or without else State.NOT_GRANTED


@given(policies, st.none() | policies, st.lists(policies, max_size=2), st.sampled_from(sorted(REQUESTS)))
def test_patterns_and_requests_agree(
    own: Statements, limit: Statements | None, levels: list[Statements], action: str
) -> None:
    """What is granted is granted to some request, what is granted on all to every one, what is not to none."""
    who = principal([document(own)], document(limit) if limit else None)
    further = scp_layers([policy("scp", document(level))] for level in levels)
    (grant,) = granted(who, [action], further)
    answers = list(_answers([own, *([limit] if limit else []), *levels], action))
    best = max(answers, key=[State.NOT_GRANTED, State.CONDITIONAL, State.GRANTED].index)
    assert grant.state is best, (grant, answers)
    assert grant.scope is (Scope.ALL if all(one is best for one in answers) else Scope.SOME), (grant, answers)


@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_the_requests_are_of_the_action(action: str) -> None:
    """The oracle asks for resources that the catalogue's types take, and for * where there is none."""
    for arn in REQUESTS[action]:
        patterns = catalogue.arn_patterns(action)
        assert any(fits_slowly(pattern, arn) for pattern in patterns) if patterns else arn == "*"


def test_a_condition_that_never_holds_is_none() -> None:
    """The table of the oracle has each kind of Condition."""
    assert ALWAYS != NEVER != OPEN
