"""IAM's wildcards, against a slow oracle."""

from __future__ import annotations

from itertools import product
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.iam.matching import ActionMatcher, covers, matches_action, matches_resource, overlaps
from tests.policies import fits_slowly

patterns = st.text("ab:*?", max_size=7)
texts = st.text("ab:", max_size=7)
ALL_TEXTS = ["".join(letters) for size in range(6) for letters in product("ab", repeat=size)]


@given(patterns, texts)
def test_matching_is_what_the_oracle_says(pattern: str, text: str) -> None:
    """The fast matcher and the slow meaning never differ."""
    assert matches_resource(pattern, text) == fits_slowly(pattern, text)
    assert matches_action(pattern.upper(), text) == fits_slowly(pattern, text)


@given(st.lists(st.text("ab:*?", min_size=1, max_size=6), max_size=4), st.text("ab", min_size=1), st.text("ab"))
def test_many_patterns_at_once_are_each_of_them(many: list[str], service: str, name: str) -> None:
    """A matcher of a whole statement is the union of its patterns, and touches what it matches."""
    matcher = ActionMatcher(many)
    wanted = any(
        fits_slowly(pattern, f"{service}:{name}") for pattern in many if ":" in pattern or not pattern.strip("*")
    )
    found = matcher.matches(service, name)
    assert not wanted or found
    assert not found or matcher.touches(service)


@given(st.text("ab*?", max_size=5), st.text("ab*?", max_size=5))
def test_covering_and_overlapping_agree_with_what_fits(one: str, other: str) -> None:
    """What covers misses no text of the other; patterns that share a text overlap."""
    shared = [text for text in ALL_TEXTS if fits_slowly(one, text) and fits_slowly(other, text)]
    if shared:
        assert overlaps(one, other)
        assert overlaps(other, one)
    if covers(one, other):
        assert all(fits_slowly(one, text) for text in ALL_TEXTS if fits_slowly(other, text))


@given(st.text("ab*?", max_size=4), st.text("ab*?", max_size=4))
def test_what_overlaps_shares_a_text(one: str, other: str) -> None:
    """No overlap is claimed for nothing: some short text fits both."""
    letters = ["".join(chosen) for size in range(9) for chosen in product("ab", repeat=size)]
    if overlaps(one, other):
        assert any(fits_slowly(one, text) and fits_slowly(other, text) for text in letters)


def test_eight_stars_answer_fast() -> None:
    """A pattern that took a regular expression 50 s; the quickest of some tries, for the machine may be busy."""
    pattern, text = "*a*a*a*a*a*a*a*b", "a" * 5000

    def seconds() -> float:
        start = perf_counter()
        assert not matches_resource(pattern, "a" * 64)
        return perf_counter() - start

    assert min(seconds() for _ in range(10)) < 0.001
    start = perf_counter()
    assert not matches_resource(pattern, text)
    assert not overlaps(pattern * 4, "a*c" * 20 + "c")
    assert perf_counter() - start < 5
