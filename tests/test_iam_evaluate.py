"""Three values, by a table of decisions and by laws."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.iam import (
    IDENTITY,
    Effect,
    Evaluation,
    Layer,
    Policy,
    Principal,
    Scope,
    State,
    granted,
    grants,
    load_iam,
    parse,
)
from tests.samples import samples

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases" / "evaluate").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]
ACTIONS = ("s3:GetObject", "s3:ListBucket", "s3:ListAllMyBuckets", "iam:CreateUser", "ec2:DescribeVpcs")
ORDER = [State.NOT_GRANTED, State.CONDITIONAL, State.GRANTED]

conditions = st.sampled_from([None, {}, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}])
statements = st.builds(
    lambda effect, action, resource, condition: {"Effect": effect} | action | resource | condition,
    st.sampled_from(["Allow", "Deny"]),
    st.builds(
        lambda name, values: {name: values},
        st.sampled_from(["Action", "NotAction"]),
        st.lists(st.sampled_from(["*", "s3:*", "s3:Get*", "s3:ListAllMyBuckets", "iam:*", "ec2:Describe????"])),
    ),
    st.builds(
        lambda name, values: {name: values},
        st.sampled_from(["Resource", "NotResource"]),
        st.lists(st.sampled_from(["*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::*", "arn:aws:iam::*"])),
    ),
    st.builds(lambda condition: {} if condition is None else {"Condition": condition}, conditions),
)
policies = st.lists(statements, max_size=4)


def principal(documents: Iterable[object], boundary: object = None) -> Principal:
    """A role with these policies."""
    own = tuple(Policy(f"policy{n}", None, parse(one, f"policy{n}"), "inline") for n, one in enumerate(documents))
    arn = "arn:aws:iam::111122223333:policy/limit"
    limit = Policy("limit", arn, parse(boundary, "limit"), "attached") if boundary else None
    return Principal(
        arn="arn:aws:iam::111122223333:role/r",
        name="r",
        path="/",
        id="AROA1",
        kind="role",
        created=None,
        account="111122223333",
        policies=own,
        boundary_arn=limit.arn if limit else None,
        boundary=limit,
    )


def states(*documents: object, boundary: object = None) -> list[int]:
    """The states of a few telling actions, as numbers that grow with what is granted."""
    return [ORDER.index(grant.state) for grant in granted(principal(documents, boundary), ACTIONS)]


def document(content: list[dict[str, Any]]) -> dict[str, Any]:
    """Statements as a document."""
    return {"Version": "2012-10-17", "Statement": content}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_decision(case: dict[str, Any]) -> None:
    """Each row names the AWS page it follows from."""
    assert case["source"].startswith("https://docs.aws.amazon.com/")
    (grant,) = granted(principal(case["policies"], case.get("boundary")), [case["action"]])
    assert grant.state == case["state"], grant
    assert grant.scope == case.get("scope", grant.scope), grant
    assert case.get("reason", grant.reason) == grant.reason


def test_there_are_enough_decisions() -> None:
    """The table is not to shrink in silence."""
    assert len(CASES) >= 40


@given(policies, policies)
def test_another_allow_never_loses(before: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    """Widening what is allowed takes nothing away."""
    allows = [one for one in more if one["Effect"] == "Allow"]
    pairs = zip(states(document(before)), states(document(before + allows)), strict=True)
    assert all(old <= new for old, new in pairs)


@given(policies, policies)
def test_another_deny_never_gains(before: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    """Denying more gives nothing."""
    denies = [one for one in more if one["Effect"] == "Deny"]
    pairs = zip(states(document(before)), states(document(before), document(denies)), strict=True)
    assert all(old >= new for old, new in pairs)


@given(policies, policies)
def test_a_boundary_never_gains(own: list[dict[str, Any]], limit: list[dict[str, Any]]) -> None:
    """A boundary only takes away, and one that allows all takes nothing."""
    everything = document([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    free = states(document(own))
    assert states(document(own), boundary=everything) == free
    assert all(old >= new for old, new in zip(free, states(document(own), boundary=document(limit)), strict=True))


@given(policies, st.permutations(range(4)))
def test_the_order_of_statements_is_of_no_account(content: list[dict[str, Any]], order: list[int]) -> None:
    """Neither their order nor how they are spread over policies."""
    shuffled = [content[place] for place in order if place < len(content)]
    assert states(document(content)) == states(*(document([one]) for one in shuffled))


def test_an_administrator_is_granted_what_exists() -> None:
    """Mistake 1: with Action * five in six actions could never be granted."""
    admin = principal([document([{"Effect": "Allow", "Action": "*", "Resource": "*"}])])
    found = list(grants(admin))
    assert [grant.action for grant in found] == list(catalogue.everything())
    assert {(grant.state, grant.scope, grant.reason) for grant in found} == {(State.GRANTED, Scope.ALL, "")}


def test_not_action_wildcards_and_denies_count() -> None:
    """Mistake 5: NotAction, ?, and any Deny but the plainest were not understood."""
    content = [
        {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["s3:*", "ec2:Describe????"], "Resource": "*"},
    ]
    assert states(document(content)) == [2, 2, 2, 0, 2]


def test_an_administrator_minus_three_denies_is_decided_fast() -> None:
    """The whole catalogue, in well under a second once it is read."""
    content: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["iam:*", "organizations:*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::logs/*"},
        {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"Bool": {"aws:x": "true"}}},
    ]
    catalogue.everything()
    start = perf_counter()
    found = {grant.action.name: grant for grant in grants(principal([document(content)]))}
    assert perf_counter() - start < 3
    assert found["iam:CreateUser"].state is State.NOT_GRANTED
    assert found["s3:DeleteObject"].scope is Scope.SOME
    assert found["ec2:RunInstances"].state is State.CONDITIONAL


def test_the_statements_that_decide_are_named() -> None:
    """Policy, Sid, place and effect."""
    content = [
        {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "NoIam", "Effect": "Deny", "Action": "iam:*", "Resource": "*"},
    ]
    allowed, refused = granted(principal([document(content)]), ["s3:GetObject", "iam:CreateUser"])
    (allow,), (deny,) = allowed.statements, refused.statements
    assert (allow.policy, allow.sid, allow.index, allow.effect) == ("policy0", "All", 0, Effect.ALLOW)
    assert (deny.sid, deny.effect, str(deny)) == ("NoIam", Effect.DENY, "policy0, NoIam")


def test_an_action_nobody_knows_is_judged_by_the_statements() -> None:
    """A retired action keeps its name as it came."""
    who = principal([document([{"Effect": "Allow", "Action": "old:*", "Resource": "arn:aws:old:::x"}])])
    known, unknown = granted(who, ["old:DoThis", "older:DoThis"])
    assert (known.action.name, known.state, unknown.state) == ("old:DoThis", State.GRANTED, State.NOT_GRANTED)


def test_variables_of_2008_are_text() -> None:
    """Before 2012-10-17 ${aws:username} is no variable, and so it can be no bucket's name."""
    content = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${aws:username}/*"}]
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${aws:*}/*"}
    found = {}
    for version in ("2008-10-17", "2012-10-17"):
        (grant,) = granted(principal([{"Version": version, "Statement": [*content, deny]}]), ["s3:GetObject"])
        found[version] = grant.state
    assert found == {"2008-10-17": State.NOT_GRANTED, "2012-10-17": State.GRANTED}


def test_further_layers_must_allow_too() -> None:
    """A layer without any Allow grants nothing."""
    allow = parse(document([{"Effect": "Allow", "Action": "*", "Resource": "*"}]), "p")
    identity = Layer(IDENTITY, (Policy("p", None, allow, "inline"),))
    evaluation = Evaluation((identity, Layer("service control policy level 1", ())))
    action = catalogue.find("s3:GetObject")
    assert action is not None
    grant = evaluation.grant(action)
    assert grant.state is State.NOT_GRANTED
    assert "service control policy level 1" in grant.reason


def test_the_samples_grants_are_what_their_notes_say() -> None:
    """Every pattern that the sample's notes call granted grants its actions."""
    folder = samples() / "combined" / "flaws"
    (who,) = load_iam([folder / "iam-authorization-details.json"]).principals
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))[who.arn]
    wanted = {action.name for pattern in expected["granted_patterns"] for action in catalogue.expand(pattern)}
    found = {grant.action.name for grant in grants(who) if grant.state is State.GRANTED}
    assert found <= wanted
    assert wanted - found <= {name for name in wanted if name.startswith("apigateway:")}


@pytest.mark.parametrize(
    ("file", "action", "state"),
    [
        ("basic-allow", "lambda:InvokeFunction", State.GRANTED),
        ("allow-with-conditions", "lambda:InvokeFunction", State.CONDITIONAL),
        ("role-boundary-allow", "lambda:InvokeFunction", State.GRANTED),
        ("role-boundary-deny", "lambda:InvokeFunction", State.NOT_GRANTED),
        ("role-boundary-no-policies", "lambda:InvokeFunction", State.NOT_GRANTED),
        ("user-boundary-allow", "lambda:InvokeFunction", State.GRANTED),
        ("user-boundary-deny", "lambda:InvokeFunction", State.NOT_GRANTED),
    ],
)
def test_another_evaluator_s_cases(file: str, action: str, state: State) -> None:
    """Small files with boundaries and conditions, written for another project's evaluator."""
    (who,) = load_iam([samples() / "iamspy" / f"{file}.json"]).principals
    (grant,) = granted(who, [action])
    assert grant.state is state
