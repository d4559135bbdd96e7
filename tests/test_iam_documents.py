"""Policy documents in every shape that IAM takes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.errors import PolicyError
from cloudsearch.iam import ConditionTest, Effect, Patterns, Principals, parse, render
from tests.policies import document, policies

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
DOCUMENT = {"Version": "2012-10-17", "Statement": [STATEMENT]}


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENT,
        DOCUMENT | {"Statement": STATEMENT},
        json.dumps(DOCUMENT),
        json.dumps(DOCUMENT).encode(),
        quote(json.dumps(DOCUMENT)),
        "\ufeff" + json.dumps(DOCUMENT, indent=2),
        {"version": "2012-10-17", "statement": [{"effect": "Allow", "action": ["s3:GetObject"], "resource": ["*"]}]},
    ],
    ids=["list", "single", "text", "bytes", "URL-encoded", "byte order mark", "lower case"],
)
def test_every_shape_means_the_same(document: object) -> None:
    """Mistake 2: a user's inline policy whose Statement is a list was ignored."""
    (statement,) = parse(document, "p").statements
    assert statement.effect is Effect.ALLOW
    assert statement.actions == Patterns(("s3:GetObject",))
    assert statement.resources == Patterns(("*",))
    assert (statement.index, statement.sid, statement.conditions) == (0, None, ())


def test_not_forms_and_conditions_are_read() -> None:
    """NotAction, NotResource and every key of a Condition."""
    condition = {"Bool": {"aws:SecureTransport": False}, "StringLike": {"s3:prefix": ["a", "b"]}, "Null": {}}
    document = {"Statement": {"Effect": "Deny", "NotAction": "iam:*", "NotResource": ["arn:a"], "Condition": condition}}
    (statement,) = parse(document, "p").statements
    assert statement.actions == Patterns(("iam:*",), negated=True)
    assert statement.resources == Patterns(("arn:a",), negated=True)
    assert statement.conditions == (
        ConditionTest("Bool", "aws:SecureTransport", ("false",)),
        ConditionTest("StringLike", "s3:prefix", ("a", "b")),
    )


def test_variables_mean_something_from_2012_on() -> None:
    """Without a Version a document is of 2008, where ${...} is text."""
    assert parse({"Statement": STATEMENT}, "p").version == "2008-10-17"
    assert not parse({"Statement": STATEMENT}, "p").statements[0].has_variables
    assert parse(DOCUMENT, "p").statements[0].has_variables


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Effect": "allow"}, "Effect"),
        ({"Effect": None}, "Effect"),
        ({"Effect": ["Allow"]}, "Effect"),
        ({"Action": 1}, "Action"),
        ({"Action": [None]}, "Action"),
        ({"Action": "GetObject"}, "Action 'GetObject' names no service"),
        ({"Action": ""}, "Action '' names no service"),
        ({"Action": ["s3:*", " s3:GetObject"]}, "Action ' s3:GetObject' names no service"),
        ({"Action": ":GetObject"}, "Action ':GetObject' names no service"),
        ({"Action": "s3:"}, "Action 's3:' is no service and an action of it"),
        ({"Action": "s3:Get:Object"}, "Action 's3:Get:Object' is no service and an action of it"),
        ({"Resource": "reports"}, "Resource 'reports' is neither an ARN nor *"),
        ({"Resource": ["*", ""]}, "Resource '' is neither an ARN nor *"),
        ({"NotAction": "s3:*"}, "both Action and NotAction"),
        ({"NotResource": "x"}, "both Resource and NotResource"),
        ({"Resource": {}}, "Resource"),
        ({"Condition": []}, "Condition"),
        ({"Condition": {"Bool": "x"}}, "Condition Bool"),
        ({"Condition": {"Bool": {"k": [{}]}}}, "Condition k"),
        ({"Sid": 1}, "Sid"),
        ({"Actions": "s3:*"}, "actions"),
        ({"action": "s3:*"}, "twice"),
        ({"Action": []}, "Action is an empty list"),
        ({"Resource": []}, "Resource is an empty list"),
        ({"Condition": {"StringIs": {"k": "v"}}}, "Condition StringIs is no operator"),
        ({"Condition": {"NullIfExists": {"k": "true"}}}, "Condition NullIfExists is no operator"),
        ({"Condition": {"ForSomeValues:StringLike": {"k": "v"}}}, "is no operator"),
        ({"Condition": {"Bool": {"k": None}}}, "Condition k"),
        ({"Principal": 1}, "Principal"),
        ({"Principal": {"AWS": [1]}}, "Principal AWS"),
        ({"Principal": "*", "NotPrincipal": "*"}, "both Principal and NotPrincipal"),
        ({"Principal": "*"}, "has a Principal"),
        ({"NotPrincipal": {"AWS": "1"}}, "has a NotPrincipal"),
    ],
)
def test_what_iam_refuses_is_named(change: dict[str, Any], told: str) -> None:
    """The error tells the policy, the statement and the element."""
    with pytest.raises(PolicyError) as caught:
        parse({"Statement": [STATEMENT, STATEMENT | change]}, "Deploy of alice")
    assert "policy Deploy of alice, statement 1" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize("missing", ["Effect", "Action", "Resource"])
def test_what_is_lacking_is_named(missing: str) -> None:
    """A statement needs an effect, actions and resources."""
    statement = {name: value for name, value in STATEMENT.items() if name != missing}
    with pytest.raises(PolicyError, match=missing):
        parse({"Statement": statement}, "p")
    if missing == "Resource":
        assert parse({"Statement": statement}, "p", needs_resource=False).statements[0].resources is None


@pytest.mark.parametrize(
    "document",
    [
        None,
        1,
        [],
        "",
        "{",
        "[]",
        "nothing",
        {},
        {"Version": "2020"},
        {"Version": "2020", "Statement": []},
        {"Version": ["2012-10-17"], "Statement": []},
        {"Statement": [1]},
        {"Statement": None},
        {"Statement": [], "Statements": []},
        {"Statement": [], "statement": []},
        '{"Statement": [], "Statement": []}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {}, "Bool": {}}}}',
        '{"Statement": ' + "[" * 100_000,
    ],
    ids=lambda document: str(document)[:40],
)
def test_what_is_no_document_is_an_error_of_ours(document: object) -> None:
    """Nothing else escapes."""
    with pytest.raises(PolicyError, match="policy p"):
        parse(document, "p")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Condition"]) | st.text(),
                inner,
            )
        ),
    )
)
def test_any_json_is_a_document_or_a_policy_error(document: object) -> None:
    """Files hold anything."""
    with suppress(PolicyError):
        parse(document, "p")


@given(policies, st.sampled_from(["2012-10-17", "2008-10-17"]), st.data())
def test_what_is_rendered_is_read_as_the_same(content: list[dict[str, Any]], version: str, data: st.DataObject) -> None:
    """Rendering loses nothing, and takes the way through JSON, URL-encoded or not."""
    named = [one | data.draw(st.sampled_from([{}, {"Sid": "a"}, {"Sid": "b"}])) for one in content]
    read = parse(document(named, version), "p")
    text = json.dumps(render(read))
    assert parse(render(read), "p") == parse(text, "p") == parse(quote(text), "p") == read


def test_what_is_rendered_is_as_iam_writes_it() -> None:
    """Elements in IAM's order, one of a kind as itself, several as a list."""
    content: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "A",
                "Effect": "Deny",
                "Principal": {"AWS": ["1", "2"], "Service": "ec2.amazonaws.com"},
                "NotAction": ["a:b", "c:d"],
                "Resource": "*",
                "Condition": {"Bool": {"k": "true", "l": ["x", "y"]}, "Null": {"k": "false"}},
            },
            {"Effect": "Allow", "NotPrincipal": "*", "Action": "*", "NotResource": "arn:x"},
        ],
    }
    read = parse(content, "p", names_principals=True)
    assert render(read) == content
    assert list(render(read)["Statement"][0]) == list(content["Statement"][0])


def test_principals_are_kept() -> None:
    """Of a resource's policy or a trust policy; what names no kind is of the kind ``*``."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    (anybody,) = parse({"Statement": statement}, "p", needs_resource=False).statements
    assert anybody.principals == Principals((("*", ("*",)),))
    (nobody,) = parse({"Statement": STATEMENT}, "p").statements
    assert nobody.principals is None


def test_values_of_a_condition_are_texts() -> None:
    """Numbers and booleans as JSON writes them; an empty list is kept, and tests nothing that could be known."""
    condition = {"NumericEquals": {"k": [1, 2.5, True, "x"], "l": []}}
    (statement,) = parse({"Statement": STATEMENT | {"Condition": condition}}, "p").statements
    assert statement.conditions == (
        ConditionTest("NumericEquals", "k", ("1", "2.5", "true", "x")),
        ConditionTest("NumericEquals", "l", ()),
    )
