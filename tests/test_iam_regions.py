"""Sorting texts by the patterns they fit, against trying every short text."""

from __future__ import annotations

from itertools import product
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.iam.regions import Group, regions
from cloudsearch.iam.resources import PART, Kind, aligned, kinds_of
from tests.policies import fits_slowly

TEXTS = ["".join(letters) for size in range(8) for letters in product("ab:", repeat=size)]
patterns = st.text("ab*?", min_size=1, max_size=4)


def sorts(kind: Kind, many: frozenset[str]) -> set[frozenset[str]]:
    """What the texts of the kind fit, by trying them."""
    left = {text for text in TEXTS if kind.but and fits_slowly(kind.but, text)}
    of_kind = (text for text in TEXTS if fits_slowly(kind.arn, text) and text not in left)
    return {frozenset(one for one in many if fits_slowly(one, text)) for text in of_kind}


@given(patterns, st.just("") | patterns, st.frozensets(patterns, max_size=3))
def test_the_sorts_are_those_of_all_texts(arn: str, but: str, many: frozenset[str]) -> None:
    """None is lacking and none is made up."""
    kind = Kind(arn, but)
    found, is_whole = regions((kind,), many)
    assert is_whole
    tried = sorts(kind, many)
    if not tried and len(found) == 1:
        return  # nothing of the kind, or nothing that a pattern tells
    assert set(found) == tried


@given(patterns, st.frozensets(patterns, min_size=2, max_size=4))
def test_what_is_one_is_told_by_one(arn: str, many: frozenset[str]) -> None:
    """Patterns of one statement: whether one of them fits is told, which of them is not."""
    one = Group(many, many, is_one=True)
    found, _ = regions((Kind(arn),), many, frozenset({one}))
    assert {bool(fitting) for fitting in found} == ({bool(fitting) for fitting in sorts(Kind(arn), many)} or {False})


def test_two_patterns_that_cover_only_together() -> None:
    """Every text of the kind fits one or the other."""
    kind = (Kind("arn:aws:s3:::b/*"),)
    found, _ = regions(kind, frozenset({"arn:aws:s3:::b/a*", "arn:aws:s3:::b/*"}))
    assert frozenset({"arn:aws:s3:::b/*"}) in found
    assert frozenset() not in found


def test_no_kind_is_one_sort() -> None:
    """An action without resource types has one resource, which fits no ARN."""
    assert regions((), frozenset({"arn:aws:s3:::*", "*"})).fitting == (frozenset(),)


@pytest.mark.parametrize(
    ("action", "arn", "takes"),
    [
        ("s3:ListBucket", "arn:aws:s3:::b", True),
        ("s3:ListBucket", "arn:aws:s3:::b/key", False),
        ("s3:GetObject", "arn:aws:s3:::b/a/key:with:colons", True),
        ("s3:GetObject", "arn:aws-cn:s3:::b/key", False),
        ("ec2:StopInstances", "arn:aws:ec2:eu-west-1:111122223333:instance/i-1", True),
        ("ec2:StopInstances", "arn:aws:ec2:eu-west-1:111122223333:volume/v:1:instance/i-1", False),
        ("dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/t/index/i", False),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/a/path/name", True),
        ("iam:PassRole", "short", False),
    ],
)
def test_what_is_of_an_action(action: str, arn: str, takes: bool) -> None:  # noqa: FBT001
    """Parts of an ARN hold no colons, the names of some types no slashes."""
    assert any(kind.takes(arn) for kind in kinds_of(action, "aws")) is takes


@pytest.mark.parametrize(
    ("pattern", "action", "is_aligned"),
    [
        ("arn:aws:ec2:*:*:volume/*", "ec2:StopInstances", True),
        ("arn:aws:ec2:*:*:*", "ec2:StopInstances", False),
        ("arn:aws:lambda:*:function:app", "lambda:InvokeFunction", False),
        ("arn:aws:logs:*:*:log-stream:x", "logs:PutLogEvents", False),
        ("arn:aws:s3:*:*:accesspoint/x", "s3:GetObject", False),
        ("*", "s3:GetObject", False),
        ("arn:*:s3:::*", "s3:GetObject", True),
        ("*:*:s3:::*", "s3:GetObject", False),
    ],
)
def test_patterns_that_name_a_type_stay_within_their_parts(pattern: str, action: str, is_aligned: bool) -> None:  # noqa: FBT001
    """Only those of which no text of the action could go on past a colon."""
    assert (PART in aligned(pattern, kinds_of(action, "aws")[-1])) is is_aligned


def test_hard_patterns_end() -> None:
    """Subsets of subsets: the search stops, says so, and what it found there is."""
    many = frozenset(f"*{one}????????????*{other}*" for one in "abcd" for other in "abcd")
    start = perf_counter()
    found, is_whole = regions((Kind("*"),), many)
    assert perf_counter() - start < 2
    assert not is_whole
    assert found
