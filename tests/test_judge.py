"""Concrete requests: a table of decisions, and that they are those of the evaluation of grants and of moto's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch.iam import SESSION, Layer, Scope, State, facts_of, granted
from cloudsearch.iam.conditions import Truth
from cloudsearch.iam.judge import Judge, Judged, judge
from tests.policies import OPEN, document, further, policies, policy, principal
from tests.test_iam_crosscheck import ALL, Question, actions, arns_of, statements_near, theirs
from tests.test_iam_requests import REQUESTS

CASES = json.loads((Path(__file__).parent / "cases" / "judge.json").read_text(encoding="utf-8"))
STATES = {"yes": Truth.YES, "perhaps": Truth.PERHAPS, "no": Truth.NO}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_request(case: dict[str, Any]) -> None:
    """Each row names the AWS page it follows from, and why it follows."""
    assert case["source"].startswith("https://docs.aws.amazon.com/")
    assert case["why"]
    who = principal(case["policies"], case.get("boundary"), **case.get("principal", {}))
    context = {key: tuple(values) for key, values in case.get("context", {}).items()}
    found = Judge.of(who, further(case)).judge(case["action"], case["arn"], context)
    assert found.state is STATES[case["state"]], found
    assert found.reason == case.get("reason", found.reason)
    assert found.is_final == case.get("final", found.is_final), found
    assert bool(found.reason) is (found.state is not Truth.YES)


def test_there_are_enough_requests() -> None:
    """The table is not to shrink in silence, and no two rows of it have one name."""
    assert len(CASES) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert {case["state"] for case in CASES} == STATES.keys()


def test_a_principal_is_judged_by_its_own_and_layers_by_themselves() -> None:
    """The one call takes either."""
    allow = document([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
    assert judge(principal([allow]), "s3:GetObject", "arn:aws:s3:::b/k", {}).state is Truth.YES
    assert judge([Layer("identity", (policy("p", allow),))], "s3:GetObject", None, {}).state is Truth.YES
    assert judge([Layer("identity", ())], "s3:GetObject", None, {}).state is Truth.NO


def test_contexts_of_one_meaning_are_judged_by_one() -> None:
    """A time on the same side of a date needs nothing made ready anew; a name in a resource does."""
    told = document(
        [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:userid}/*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-10-01T00:00:00Z"}},
            },
        ]
    )
    judging = Judge([Layer("identity", (policy("p", told),))])

    def requests(moment: str, who: str) -> object:
        return judging.requests({"aws:CurrentTime": (moment,), "aws:userid": (who,)})

    assert requests("2026-10-02T00:00:00Z", "A:x") is requests("2026-10-03T00:00:00Z", "A:x")
    assert requests("2026-10-02T00:00:00Z", "A:x") is not requests("2026-09-03T00:00:00Z", "A:x")
    assert requests("2026-10-02T00:00:00Z", "A:x") is not requests("2026-10-02T00:00:00Z", "A:y")
    for who, state in (("A:x", Truth.YES), ("A:y", Truth.NO)):
        context = {"aws:CurrentTime": ("2026-10-02T00:00:00Z",), "aws:userid": (who,)}
        assert judging.judge("s3:GetObject", "arn:aws:s3:::b/A:x/k", context).state is state


def test_a_missing_document_is_no_refusal() -> None:
    """What a policy says that nobody gave cannot be known: a NO is PERHAPS then, unless a Deny holds."""
    deny = document([{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}])
    layers = [Layer("identity", (policy("p", deny),))]
    lacking = Judge(layers, missing=("arn:aws:iam::aws:policy/X",))
    assert lacking.judge("sqs:SendMessage", None, {}).state is Truth.PERHAPS
    assert lacking.judge("s3:GetObject", "arn:aws:s3:::b/k", {}).state is Truth.NO


def test_keys_are_those_that_policies_ask_for() -> None:
    """Conditions and variables, in any case; of others no request need tell."""
    asking = document(
        [
            {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:PrincipalTag/Team, 'x'}/*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": OPEN},
        ]
    )
    keys = Judge([Layer("identity", (policy("p", asking),))]).keys
    assert keys == {"aws:principaltag/team", "aws:multifactorauthpresent"}
    assert Judge([]).keys == frozenset()


def test_names_with_any_characters_are_names() -> None:
    """What patterns mean something by is a character like others, in a key that a log may hold."""
    allow = document([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}])
    who = principal([allow])
    for key in ("\x00\x01", "\x06", "\x07x", "a\nb", "${$}{aws:username}", "é", "${*}${?}"):
        assert judge(who, "s3:GetObject", f"arn:aws:s3:::b/{key}", {}).state is Truth.YES, key
        assert judge(who, "s3:GetObject", f"arn:aws:s3:::c/{key}", {}).state is Truth.NO, key


def _pinned(statements: Sequence[dict[str, Any]], action: str, arn: str) -> State:
    """What the evaluation of grants says where a session policy leaves but this resource."""
    only = document([{"Effect": "Allow", "Action": "*", "Resource": arn}])
    (grant,) = granted(principal([document(statements)]), [action], [Layer(SESSION, (policy("session", only),))])
    return grant.state


@given(policies, st.sampled_from([(action, arn) for action, arns in REQUESTS.items() for arn in arns]))
@settings(max_examples=300, deadline=None)
def test_a_request_is_decided_as_grants_are(told: list[dict[str, Any]], request_: tuple[str, str]) -> None:
    """Granted is YES, conditional PERHAPS and not granted NO, of the one resource that is left."""
    action, arn = request_
    found = judge(principal([document(told)]), action, None if arn == "*" else arn, {})
    expected = {State.GRANTED: Truth.YES, State.CONDITIONAL: Truth.PERHAPS, State.NOT_GRANTED: Truth.NO}
    assert found.state is expected[_pinned(told, action, arn)], (found, told)


@given(policies, st.sampled_from(list(REQUESTS)))
@settings(max_examples=150, deadline=None)
def test_an_unknown_resource_is_all_that_it_may_have_been(told: list[dict[str, Any]], action: str) -> None:
    """YES where granted on all, PERHAPS where on some or under a Condition, NO where on none."""
    who = principal([document(told)])
    (grant,) = granted(who, [action])
    found = judge(who, action, None, {})
    sure = grant.state is State.GRANTED and grant.scope is Scope.ALL
    assert (found.state is Truth.YES) is sure
    assert (found.state is Truth.NO) is (grant.state is State.NOT_GRANTED)


@given(policies, st.sampled_from([(action, arn) for action, arns in REQUESTS.items() for arn in arns]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_key_that_is_known_decides(told: list[dict[str, Any]], request_: tuple[str, str], used: bool) -> None:  # noqa: FBT001
    """Of policies that hang on MFA alone nothing is open once it is known; and what was sure before stays."""
    action, arn = request_
    who, resource = principal([document(told)]), None if arn == "*" else arn
    before = judge(who, action, resource, {})
    after = judge(who, action, resource, {"AWS:MultiFactorAuthPresent": ("true" if used else "false",)})
    assert after.state is not Truth.PERHAPS
    assert before.state in (Truth.PERHAPS, after.state)


def test_requests_are_decided_as_moto_does() -> None:
    """Moto's evaluator allows a request exactly where ours says YES; both answers come up often."""
    seen: Counter[bool] = Counter()

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(st.data())
    def alike(data: st.DataObject) -> None:
        action = data.draw(actions)
        arns = data.draw(st.lists(arns_of(action, "aws"), min_size=1, max_size=3, unique=True))
        one = st.lists(statements_near(action, arns, odd=False), min_size=1, max_size=4)
        question = Question(action, arns, data.draw(st.lists(one, min_size=1, max_size=2)), data.draw(st.none() | one))
        judging = Judge.of(question.who, facts=facts_of(question.who))
        for arn in arns:
            found = judging.judge(action, None if arn == "*" else arn, {})
            is_allowed = theirs(question, arn, ALL)
            assert found.state is (Truth.YES if is_allowed else Truth.NO), (arn, found)
            seen[is_allowed] += 1

    alike()
    assert min(seen[True], seen[False]) >= 40, seen


def test_a_request_that_hangs_on_the_same_is_let_in_alike() -> None:
    """Fewer Allows that bear on it, or more Denies, and it may not be; other actions of a statement do not matter."""
    allow = {"Effect": "Allow", "Action": ["s3:Get*", "s3:Put*"], "Resource": "*", "Condition": OPEN}
    fewer = allow | {"Action": "s3:GetObject"}
    deny = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    tagged = allow | {"Condition": {"StringEquals": {"s3:ExistingObjectTag/a": "b"}}}

    def lets_in(new: Sequence[object], old: Sequence[object]) -> bool:
        judges = [Judge([Layer("identity", (policy("p", document(list(one))),))]) for one in (new, old)]
        found: list[Judged] = [one.judge("s3:GetObject", "arn:aws:s3:::b/k", {}) for one in judges]
        return judges[0].lets_in_as(judges[1], *found)

    assert lets_in([fewer], [allow])
    assert lets_in([fewer, tagged], [allow])
    assert lets_in([allow], [allow, deny])
    assert not lets_in([tagged], [allow])
    assert not lets_in([fewer], [allow, tagged])
    assert not lets_in([allow, deny], [allow])
