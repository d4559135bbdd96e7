"""Conditions: what the principal decides, and what only a request can."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.iam import ConditionTest, Facts, facts_of
from cloudsearch.iam.conditions import Truth, decide, holds, implies, open_tests
from cloudsearch.iam.facts import NOTHING_KNOWN
from cloudsearch.iam.operators import Family, Operator, Quantifier, operator
from cloudsearch.iam.variables import Text, resolve
from tests.policies import fits_slowly, principal

KNOWN = Facts(
    {
        "k": ("red",),
        "n": ("7",),
        "d": ("2024-05-06T07:08:09Z",),
        "e": ("1714979289",),
        "a": ("192.0.2.7",),
        "six": ("2001:db8::7",),
        "b": ("true",),
        "bin": ("QmluYXJ5",),
        "arn": ("arn:aws:iam::111122223333:role/x/y",),
        "many": ("red", "blue"),
        "none": (),
        "part": ("AROA1:*",),
    }
)
YES, NO, PERHAPS = Truth.YES, Truth.NO, Truth.PERHAPS


@pytest.mark.parametrize(
    ("name", "key", "values", "truth"),
    [
        ("StringEquals", "k", ["red"], YES),
        ("StringEquals", "K", ["blue", "red"], YES),
        ("StringEquals", "k", ["r*"], NO),
        ("StringNotEquals", "k", ["blue"], YES),
        ("StringNotEquals", "k", ["blue", "red"], NO),
        ("StringEqualsIgnoreCase", "k", ["RED"], YES),
        ("StringNotEqualsIgnoreCase", "k", ["RED"], NO),
        ("StringLike", "k", ["?e?"], YES),
        ("StringNotLike", "k", ["b*"], YES),
        ("NumericEquals", "n", ["7.0"], YES),
        ("NumericNotEquals", "n", ["7"], NO),
        ("NumericLessThan", "n", ["7"], NO),
        ("NumericLessThanEquals", "n", ["7"], YES),
        ("NumericGreaterThan", "n", ["6.9"], YES),
        ("NumericGreaterThanEquals", "n", ["8", "7"], YES),
        ("NumericEquals", "k", ["7"], PERHAPS),
        ("DateEquals", "d", ["2024-05-06T09:08:09+02:00"], YES),
        ("DateEquals", "d", ["1714979289"], YES),
        ("DateLessThan", "e", ["2024-05-07"], YES),
        ("DateGreaterThan", "d", ["2025-01-01T00:00:00Z"], NO),
        ("DateNotEquals", "d", ["2025-01-01T00:00:00Z"], YES),
        ("DateLessThanEquals", "d", ["soon"], PERHAPS),
        ("DateGreaterThanEquals", "d", ["1999-01-01"], YES),
        ("Bool", "b", ["TRUE"], YES),
        ("Bool", "b", ["false"], NO),
        ("BinaryEquals", "bin", ["QmluYXJ5"], YES),
        ("BinaryEquals", "bin", ["qmluYXJ5"], NO),
        ("IpAddress", "a", ["192.0.2.0/24"], YES),
        ("IpAddress", "a", ["192.0.2.7"], YES),
        ("IpAddress", "a", ["198.51.100.0/24", "2001:db8::/32"], NO),
        ("NotIpAddress", "a", ["192.0.2.0/24"], NO),
        ("IpAddress", "six", ["2001:DB8::/32"], YES),
        ("IpAddress", "k", ["192.0.2.0/24"], PERHAPS),
        ("ArnLike", "arn", ["arn:aws:iam::*:role/*"], YES),
        ("ArnEquals", "arn", ["arn:aws:iam::*:role/x*"], YES),
        ("ArnLike", "arn", ["arn:*:role/x/y"], PERHAPS),
        ("ArnNotLike", "arn", ["arn:aws:iam::4*:role/*"], YES),
        ("ArnNotEquals", "arn", ["arn:aws:iam::1*:role/*"], NO),
        ("Null", "k", ["false"], YES),
        ("Null", "k", ["true"], NO),
        ("Null", "none", ["true"], YES),
        ("Null", "unheard", ["true"], PERHAPS),
        ("StringEquals", "none", ["red"], NO),
        ("StringNotEquals", "none", ["red"], YES),
        ("StringEqualsIfExists", "none", ["red"], YES),
        ("StringNotEqualsIfExists", "none", ["red"], YES),
        ("NumericLessThan", "none", ["9"], NO),
        ("NotIpAddress", "none", ["192.0.2.0/24"], YES),
        ("BoolIfExists", "none", ["false"], YES),
        ("ForAllValues:StringEquals", "none", ["red"], YES),
        ("ForAllValues:StringNotEquals", "none", ["red"], YES),
        ("ForAnyValue:StringEquals", "none", ["red"], NO),
        ("ForAnyValue:StringNotEquals", "none", ["red"], NO),
        ("ForAnyValue:StringEqualsIfExists", "none", ["red"], YES),
        ("ForAllValues:StringEquals", "many", ["red", "blue", "green"], YES),
        ("ForAllValues:StringEquals", "many", ["red"], NO),
        ("ForAnyValue:StringEquals", "many", ["red"], YES),
        ("ForAnyValue:StringEquals", "many", ["green"], NO),
        ("ForAllValues:StringNotEquals", "many", ["green"], YES),
        ("ForAllValues:StringNotEquals", "many", ["red"], NO),
        ("ForAnyValue:StringNotEquals", "many", ["red"], YES),
        ("ForAnyValue:StringNotEquals", "many", ["red", "blue"], NO),
        ("StringEquals", "many", ["red"], PERHAPS),
        ("StringEquals", "unheard", ["red"], PERHAPS),
        ("StringEquals", "k", [], PERHAPS),
        ("StringLike", "part", ["AROA1:*"], YES),
        ("StringLike", "part", ["AROA*"], YES),
        ("StringLike", "part", ["AROA1:b*"], PERHAPS),
        ("StringLike", "part", ["AROA2:*"], NO),
        ("StringNotLike", "part", ["AROA2:*"], YES),
        ("StringEquals", "part", ["AROA1:build"], PERHAPS),
        ("StringEquals", "part", ["AIDA"], NO),
        ("StringEquals", "k", ["${k}"], YES),
        ("StringEquals", "k", ["${n}"], NO),
        ("StringEquals", "k", ["${none}"], NO),
        ("StringNotEquals", "k", ["${none}"], YES),
        ("StringEquals", "k", ["${none, 'red'}"], YES),
        ("StringEquals", "k", ["${unheard}"], PERHAPS),
        ("StringLike", "k", ["b${unheard}"], NO),
        ("StringEquals", "unheard", ["${none}"], NO),
        ("StringNotEquals", "unheard", ["${none}"], YES),
        ("StringEqualsIfExists", "unheard", ["${none}"], PERHAPS),
        ("ForAnyValue:StringNotEquals", "unheard", ["${none}"], PERHAPS),
        ("NumericEquals", "n", ["${n}"], PERHAPS),
        ("StringLike", "k", ["${*}"], NO),
    ],
)
def test_a_test_is_decided(name: str, key: str, values: list[str], truth: Truth) -> None:
    """Each operator as AWS's pages on operators, on several values and on variables tell it."""
    assert decide(ConditionTest(name, key, tuple(values)), KNOWN) is truth


def test_all_tests_must_hold() -> None:
    """One that surely fails decides, one that is open leaves open."""
    tests = {
        truth: ConditionTest("StringEquals", key, ("red",)) for truth, key in ((YES, "k"), (NO, "n"), (PERHAPS, "x"))
    }
    assert holds([], KNOWN) is YES
    assert holds([tests[YES], tests[PERHAPS]], KNOWN) is PERHAPS
    assert holds([tests[PERHAPS], tests[NO]], KNOWN) is NO
    assert open_tests(tests.values(), KNOWN) == (tests[PERHAPS],)
    assert ~YES is NO
    assert ~PERHAPS is PERHAPS


@pytest.mark.parametrize(
    ("first", "other", "implied"),
    [
        (("StringEquals", "r", "a"), ("StringNotEquals", "r", "b"), True),
        (("StringEquals", "r", "a"), ("StringNotLike", "R", "b*"), True),
        (("StringEquals", "r", "a"), ("StringNotEquals", "r", "a"), False),
        (("StringEquals", "r", "a"), ("StringNotEquals", "s", "b"), False),
        (("StringEquals", "r", "a*"), ("StringLike", "r", "ab"), False),
        (("StringLike", "r", "a"), ("StringLike", "r", "a"), True),
        (("StringLike", "r", "a"), ("StringLike", "r", "?"), False),
        (("Bool", "r", "true"), ("Null", "r", "false"), True),
        (("Bool", "r", "true"), ("BoolIfExists", "r", "true"), True),
        (("StringEquals", "r", "${v}"), ("StringEquals", "r", "${v}"), False),
        (("StringEqualsIfExists", "r", "a"), ("StringNotEquals", "r", "b"), False),
    ],
)
def test_one_test_implies_another(first: tuple[str, str, str], other: tuple[str, str, str], implied: bool) -> None:  # noqa: FBT001
    """Known where the first lists what the key may be; never guessed."""
    one, two = (ConditionTest(name, key, (value,)) for name, key, value in (first, other))
    assert implies(one, two) is implied


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("StringEquals", Operator(Family.STRING, "equals")),
        ("stringlikeifexists", Operator(Family.STRING, "like", if_exists=True)),
        ("ArnNotEquals", Operator(Family.ARN, "like", is_negated=True)),
        (
            "ForAnyValue:StringNotLikeIfExists",
            Operator(Family.STRING, "like", is_negated=True, if_exists=True, quantifier=Quantifier.ANY),
        ),
        ("ForAllValues:Bool", Operator(Family.BOOL, "equals", quantifier=Quantifier.ALL)),
        ("Null", Operator(Family.NULL, "null")),
        ("NullIfExists", None),
        ("StringNotNull", None),
        ("NotBool", None),
        ("", None),
        ("IfExists", None),
    ],
)
def test_operators_are_taken_apart(name: str, found: Operator | None) -> None:
    """In any case; what IAM has not is none."""
    assert operator(name) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain/*", Text("plain/*", "plain/*")),
        ("${k}/*", Text("red/*", "red/*")),
        ("${K}", Text("red", "red")),
        ("${ k }", Text("red", "red")),
        ("${none}", None),
        ("x${none}y", None),
        ("${none, 'a*'}", Text("a\x02", "a\x02")),
        ("${k,'a'}", Text("red", "red")),
        ("${unheard, 'a'}", Text("\x04unheard\x04", "*")),
        ("${*}${?}${$}", Text("\x02\x03$", "\x02\x03$")),
        ("${part}/x", Text("\x04part\x04/x", "AROA1:*/x")),
        ("${many}", Text("\x04many\x04", "*")),
        ("${open", Text("${open", "${open")),
        ("a${open ${k", Text("a${open ${k", "a${open ${k")),
        ("${k}${k}-${n}", Text("redred-7", "redred-7")),
        ("${none, ''}", Text("", "")),
        ("${none, 'a', 'b'}", Text("a', 'b", "a', 'b")),
        ("${none, a}", None),
        ("", Text("", "")),
    ],
)
def test_variables_are_resolved(text: str, found: Text | None) -> None:
    """Known values, defaults, characters; what only a request tells stays open."""
    assert resolve(text, KNOWN) == found


def test_long_texts_are_read_in_time() -> None:
    """No text of a policy takes longer than it is long, whatever its author had in mind."""
    start = perf_counter()
    for text in ("${" * 50_000, "${" + " " * 100_000 + "}", "${a" + "," * 100_000 + "}", "${x, '" * 20_000):
        resolve(text, KNOWN)
    assert perf_counter() - start < 2


@given(st.text("ab*?", max_size=5), st.text("ab", max_size=5))
def test_likeness_is_what_the_wildcards_mean(pattern: str, value: str) -> None:
    """StringLike and StringNotLike against the slow meaning of wildcards."""
    facts = Facts({"k": (value,)})
    found = decide(ConditionTest("StringLike", "k", (pattern,)), facts)
    assert (found is YES) is fits_slowly(pattern, value)
    assert decide(ConditionTest("StringNotLike", "k", (pattern,)), facts) is ~found


@given(
    st.sampled_from(["StringEquals", "StringNotLike", "ForAllValues:StringLike", "ForAnyValue:StringNotEquals"]),
    st.sampled_from(["k", "l", "none"]),
    st.lists(st.sampled_from(["red", "r*", "${k}", "${none}", "${l}"]), max_size=3),
    st.sampled_from(["red", "rod", "blue"]),
)
def test_what_is_decided_stays_so_when_more_is_known(name: str, key: str, values: list[str], later: str) -> None:
    """A request can only fill in what was open."""
    test = ConditionTest(name, key, tuple(values))
    before, after = decide(test, KNOWN), decide(test, KNOWN.with_values({"L": (later,)}))
    assert before in (PERHAPS, after)


def test_nothing_is_decided_of_nobody() -> None:
    """Without facts every key is open."""
    assert decide(ConditionTest("StringEquals", "aws:PrincipalArn", ("x",)), NOTHING_KNOWN) is PERHAPS


def test_facts_of_a_role_and_of_a_user() -> None:
    """A role's session has the role's ARN and no user name; tags of a session may come with a request."""
    role = facts_of(principal([], tags={"Team": "red"}, id="AROA1"))
    assert role.of("aws:PrincipalArn") == ("arn:aws:iam::111122223333:role/r",)
    assert role.of("AWS:userid") == ("AROA1:*",)
    assert role.of("aws:username") == ()
    assert role.of("aws:PrincipalTag/TEAM") == ("red",)
    assert role.of("aws:PrincipalTag/other") is None
    assert role.of("aws:PrincipalOrgID") is None
    assert role.of("aws:SourceIp") is None
    user = facts_of(principal([], kind="user", name="alice"), "o-1")
    assert user.of("aws:username") == ("alice",)
    assert user.of("aws:userid") is None
    assert user.of("aws:PrincipalTag/other") == ()
    assert user.of("aws:PrincipalOrgID") == ("o-1",)
    trust = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": ["sts:AssumeRole", "sts:TagSession"]}}
    tagged = facts_of(principal([], tags={"Team": "red"}, trust=trust))
    assert tagged.of("aws:PrincipalTag/team") is None
