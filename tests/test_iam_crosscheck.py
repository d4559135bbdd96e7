"""What is granted, against an evaluator that is not ours: moto's, which decides one request at a time.

moto takes a policy, an action and an ARN, and ours takes policies and an action, and answers for all resources at
once. They are brought together twice: by a session policy that leaves one ARN of ours, and by the claims that ours
makes for all. moto compares texts as regular expressions and knows but a part of the grammar: ``cases/crosscheck.json``
names each point where it is not AWS's evaluation, and here stands how to spell such a statement so that moto reads
what AWS does. A statement that none of them concerns goes to moto as it is written. A permissions boundary, which
moto never asks, is one more policy that must allow; so is a level of service control policies.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.iam.access_control import IAMPolicy, IAMPolicyStatement, PermissionResult

from cloudsearch import catalogue
from cloudsearch.iam import SESSION, Grant, Layer, Principal, Scope, State, granted
from tests.policies import ACCOUNT, document, policy, principal, scp_layers, statements
from tests.test_iam_requests import REQUESTS

Statement = Mapping[str, Any]
Statements = Sequence[Statement]
Respelling = Callable[[Statement, str], Statement]

LIMITS = json.loads((Path(__file__).parent / "cases" / "crosscheck.json").read_text(encoding="utf-8"))
NAME = "alice"


class Question(NamedTuple):
    """Who asks: the documents of the identity, its boundary, the levels of service control policies; and for what."""

    action: str
    arns: Sequence[str]
    own: Sequence[Statements]
    boundary: Statements | None = None
    levels: Sequence[Statements] = ()
    partition: str = "aws"

    @property
    def who(self) -> Principal:
        """The user it is about."""
        limit = document(self.boundary) if self.boundary is not None else None
        arn = f"arn:{self.partition}:iam::{ACCOUNT}:user/{NAME}"
        return principal([document(one) for one in self.own], limit, kind="user", name=NAME, arn=arn)

    @property
    def layers(self) -> Iterator[Sequence[Statements]]:
        """All that must allow, each as policies that together do."""
        yield self.own
        if self.boundary is not None:
            yield [self.boundary]
        yield from ([level] for level in self.levels)


def ours(question: Question, *pinned: str) -> Grant:
    """What is granted on all resources, or with a session policy that leaves the pinned one."""
    further = scp_layers([policy("scp", document(level))] for level in question.levels)
    only = ({"Effect": "Allow", "Action": "*", "Resource": _exactly(arn)} for arn in pinned)
    session = [Layer(SESSION, (policy("session", document([one])),)) for one in only]
    (grant,) = granted(question.who, [question.action], (*further, *session))
    return grant


def _exactly(arn: str) -> str:
    """A pattern that nothing but this ARN fits, and ``*`` for the resource of actions that have none."""
    return arn if arn == "*" else arn.translate({ord(one): f"${{{one}}}" for one in "*?$"})


def theirs(question: Question, arn: str, respellings: Sequence[Respelling]) -> bool:
    """Whether moto allows one request."""
    read = partial(_read, action=question.action, arn=arn, respellings=respellings)
    answers = [[read(one) for one in layer] for layer in question.layers]
    return all(PermissionResult.DENIED not in layer and PermissionResult.PERMITTED in layer for layer in answers)


def _read(told: Statements, action: str, arn: str, respellings: Sequence[Respelling]) -> PermissionResult:
    """One policy."""
    spelt = [_respelt(statement, arn, respellings) for statement in told]
    return IAMPolicy(json.dumps(document(spelt))).is_action_permitted(action, arn)


def _respelt(statement: Statement, arn: str, respellings: Sequence[Respelling]) -> Statement:
    for respelling in respellings:
        statement = respelling(statement, arn)
    return statement


def _each(statement: Statement, element: str, change: Callable[[str], str]) -> Statement:
    """The statement with the texts of an element, or of its ``Not`` form, changed."""
    names = (element, f"Not{element}")
    return {name: [change(one) for one in _of(value)] if name in names else value for name, value in statement.items()}


def _of(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _complete(statement: Statement, _: str) -> Statement:
    return _each(statement, "Resource", lambda one: one + ":*" * (5 - one.count(":")) if one[:4] == "arn:" else one)


def _with_values(statement: Statement, _: str) -> Statement:
    """The three that stand for a character become its number: no wildcard, whoever reads them."""
    values = {"${aws:username}": NAME, "${*}": r"\x2a", "${?}": r"\x3f", "${$}": r"\x24"}

    def resolved(text: str) -> str:
        for variable, value in values.items():
            text = text.replace(variable, value)
        return text

    return _each(statement, "Resource", resolved)


def _with_numbers(statement: Statement, _: str) -> Statement:
    def spelt(text: str) -> str:
        return re.sub(r"[.+()\[\]{}|^$]", lambda found: f"\\x{ord(found[0]):02x}", text)

    return _each(_each(statement, "Resource", spelt), "Action", spelt)


def _with_dots(statement: Statement, _: str) -> Statement:
    return _each(
        _each(statement, "Resource", lambda one: one.replace("?", ".")), "Action", lambda one: one.replace("?", ".")
    )


def _in_any_case(statement: Statement, _: str) -> Statement:
    """Where a text is not in the case that AWS writes: a service's prefix never has capitals."""
    return _each(statement, "Action", lambda one: one if one.partition(":")[0].islower() else f"(?i:{one})")


def _across_lines(statement: Statement, arn: str) -> Statement:
    return _each(statement, "Resource", lambda one: f"(?s:{one})") if "\n" in arn else statement


def _with_resource(statement: Statement, arn: str) -> Statement:
    """Ask moto whether a Resource of these texts would hold, and turn its answer over."""
    if "NotResource" not in statement:
        return statement
    named = IAMPolicyStatement({"Effect": "Allow", "Action": "*", "Resource": statement["NotResource"]})
    holds = named.is_action_permitted("any:Action", arn) is not PermissionResult.PERMITTED
    rest = {name: value for name, value in statement.items() if name != "NotResource"}
    return rest | {"Resource": "*" if holds else "none"}


# In this order: a text is made whole before it becomes an expression, and is one before moto is asked about it.
RESPELLINGS: dict[str, Respelling] = {
    "an ARN of fewer than six parts": _complete,
    "policy variables": _with_values,
    "characters that expressions mean something by": _with_numbers,
    "a question mark": _with_dots,
    "the case of actions": _in_any_case,
    "a line break in a name": _across_lines,
    "NotResource": _with_resource,
}
LEFT_OUT = {"Condition"}
ALL = tuple(RESPELLINGS.values())


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit['what']}: {limit['action']}")
def test_a_limit_of_motos_is_one_today(limit: dict[str, Any]) -> None:
    """Moto's own answer is told and is not AWS's, ours is; respelt, and by this respelling alone, moto's is as well."""
    question = Question(limit["action"], [limit["arn"]], [limit["statements"]])
    assert limit["source"].startswith("https://docs.aws.amazon.com/")
    assert limit["why"]
    assert ours(question, limit["arn"]).state is (State.GRANTED if limit["allowed"] else State.NOT_GRANTED)
    assert _as_written(question) == limit["moto"]
    assert limit["moto"] != ("permitted" if limit["allowed"] else "refused")
    if limit["what"] not in LEFT_OUT:
        assert theirs(question, limit["arn"], [RESPELLINGS[limit["what"]]]) is limit["allowed"]


def _as_written(question: Question) -> str:
    try:
        return "permitted" if theirs(question, question.arns[0], ()) else "refused"
    except re.error:
        return "no expression"


def test_every_limit_is_named() -> None:
    """Nothing is respelt or left out that the table does not give a reason for, and the reverse."""
    assert {limit["what"] for limit in LIMITS} == RESPELLINGS.keys() | LEFT_OUT


REGIONS = ("eu-west-1", "us-east-1")
ACCOUNTS = (ACCOUNT, "444455556666")
NAMES = ("a", "ab", "x-1", NAME)
KEYS = (*NAMES, "a.b", "a/b", "a:ab")  # an object's key may hold anything
STRANGER = "nobodys:Action"
TELLING = (
    "s3:GetObject",
    "s3:ListBucket",
    "dynamodb:GetItem",
    "ec2:RunInstances",
    "ecs:RunTask",
    "iam:PassRole",
    "lambda:InvokeFunction",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "ec2:DescribeVpcs",
    STRANGER,
)
actions = st.sampled_from(TELLING) | st.sampled_from(catalogue.everything()).map(lambda action: action.name)


@st.composite
def arns_of(draw: st.DrawFn, action: str, partition: str) -> str:
    """A resource of one of the action's types; ``*`` where it has none, anybody's where nobody knows the action."""
    known = catalogue.arn_patterns(action) or (("arn:*:sqs:*:*:*",) if action == STRANGER else ())
    if not known:
        return "*"
    kind = draw(st.sampled_from(known))
    parts = kind.split(":", 5)
    choices = ((), (partition,), NAMES[:1], REGIONS, ACCOUNTS, NAMES)
    if kind == "arn:*:s3:::*/*":
        parts[5] = f"*/{draw(st.sampled_from(KEYS))}"
    for place, choice in enumerate(choices):
        while "*" in parts[place]:
            parts[place] = parts[place].replace("*", draw(st.sampled_from(choice)), 1)
    return ":".join(parts)


@st.composite
def widened(draw: st.DrawFn, text: str, *, odd: bool) -> str:
    """The text, or one with a star for a run of characters or a question mark for one."""
    how = draw(st.sampled_from(("as it is", "a star", "a star", "two stars", *("a question mark",) * odd)))
    if how == "a question mark" and text:
        at = draw(st.integers(0, len(text) - 1))
        return f"{text[:at]}?{text[at + 1 :]}"
    for _ in range(("a star", "two stars").index(how) + 1 if "star" in how else 0):
        start = draw(st.integers(0, len(text)))
        text = f"{text[:start]}*{text[draw(st.integers(start, len(text))) :]}"
    return text


@st.composite
def resources(draw: st.DrawFn, arns: Sequence[str], *, odd: bool) -> str:
    """A pattern near one of the ARNs, or ``*``: wild in some of its parts but the service's, perhaps cut short."""
    arn = draw(st.sampled_from(arns))
    if arn == "*" or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(("*", "*", "*", "arn:aws:s3:::*")))
    start, partition, service, *rest = arn.split(":", 5)
    rest = [draw(widened(part, odd=odd)) if draw(st.booleans()) else part for part in rest]
    parts = [start, draw(st.sampled_from((partition, partition, "*"))), service, *rest]
    if odd and draw(st.integers(0, 9)) == 0:
        parts = parts[: draw(st.integers(3, 5))]
    text = ":".join(parts)
    return text.replace(NAME, "${aws:username}") if odd and draw(st.booleans()) else text


@st.composite
def action_texts(draw: st.DrawFn, action: str, *, odd: bool) -> str:
    """A pattern near the action, one near another of the service, or a wide one."""
    service, _, name = action.partition(":")
    siblings = [one.short_name for one in catalogue.actions_of(service)[:2]]
    near = f"{service}:{draw(widened(draw(st.sampled_from([name, name, *siblings])), odd=odd))}"
    return draw(st.sampled_from((near, near, near, f"{service}:*", "*", "sts:*", *(near.upper(),) * odd)))


@st.composite
def statements_near(draw: st.DrawFn, action: str, arns: Sequence[str], *, odd: bool) -> Statement:
    """A statement that may well be about the action and the ARNs."""

    def element(names: Sequence[str], texts: st.SearchStrategy[str]) -> dict[str, Any]:
        return {draw(st.sampled_from(names)): draw(st.lists(texts, min_size=1, max_size=2) | texts)}

    return {
        "Effect": draw(st.sampled_from(("Allow", "Allow", "Allow", "Deny"))),
        **element(("Action", "Action", "NotAction"), action_texts(action, odd=odd)),
        **element(("Resource", *("NotResource",) * odd), resources(arns, odd=odd)),
    }


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """An action of any service, resources of its, and policies about them: ``odd`` ones may meet moto's limits."""
    action, partition, odd = draw(actions), draw(st.sampled_from(("aws", "aws", "aws-cn"))), draw(st.booleans())
    arns = draw(st.lists(arns_of(action, partition), min_size=1, max_size=4, unique=True))
    one = st.lists(statements_near(action, arns, odd=odd), min_size=1, max_size=4)
    own = draw(st.lists(one, min_size=1, max_size=2))
    return Question(action, arns, own, draw(st.none() | one), draw(st.lists(one, max_size=1)), partition)


def test_requests_are_decided_alike() -> None:
    """Moto allows a request exactly where ours grants what is left of the action by pinning it to that ARN.

    And of all resources at once: granted on all is allowed on each, not granted on none. Every answer comes up, and
    so does every limit, or this would say little.
    """
    seen: Counter[object] = Counter()

    @settings(max_examples=500, deadline=None, derandomize=True)
    @given(questions())
    def alike(question: Question) -> None:
        grant = ours(question)
        seen[grant.state, grant.scope] += 1
        seen.update(_concerned(question))
        for arn in question.arns:
            is_allowed = theirs(question, arn, ALL)
            pinned = ours(question, arn)
            assert pinned.state is (State.GRANTED if is_allowed else State.NOT_GRANTED), (arn, pinned)
            seen[is_allowed] += 1
            assert is_allowed or (grant.state, grant.scope) != (State.GRANTED, Scope.ALL), (arn, grant)
            assert not is_allowed or grant.state is State.GRANTED, (arn, grant)

    alike()
    told = {(State.GRANTED, Scope.ALL), (State.GRANTED, Scope.SOME), (State.NOT_GRANTED, Scope.ALL)}
    assert seen.keys() == {*told, True, False, "as written", *RESPELLINGS} - {"a line break in a name"}
    assert min(seen.values()) >= 20, seen


def _concerned(question: Question) -> set[str]:
    """The limits that concern the question; ``as written`` where none does."""
    told = [statement for layer in question.layers for one in layer for statement in one]
    concerned = {
        name
        for name, respelling in RESPELLINGS.items()
        for statement in told
        if _listed(respelling(statement, question.arns[0])) != _listed(statement)
    }
    return concerned or {"as written"}


def _listed(statement: Statement) -> dict[str, list[str]]:
    return {name: _of(value) for name, value in statement.items()}


said = st.lists(statements, min_size=1, max_size=4)


@given(said, st.none() | said, st.lists(said, max_size=1))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_the_whole_of_a_small_world_is_decided_alike(
    own: Statements, limit: Statements | None, levels: list[Statements]
) -> None:
    """Granted where moto allows some request, and on all where it allows each."""
    layers = [[_unconditional(one) for one in layer] for layer in (own, limit or (), *levels)]
    for action, arns in REQUESTS.items():
        question = Question(action, arns, layers[:1], layers[1] if limit else None, layers[2:])
        allowed = [theirs(question, arn, ALL) for arn in arns]
        grant = ours(question)
        assert grant.state is (State.GRANTED if any(allowed) else State.NOT_GRANTED), (grant, allowed)
        assert grant.scope is (Scope.ALL if len(set(allowed)) == 1 else Scope.SOME), (grant, allowed)


def _unconditional(statement: Statement) -> Statement:
    return {name: value for name, value in statement.items() if name != "Condition"}
