"""Laws of replay, over random histories: what history generates replays clean, and what is taken away is missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cloudsearch.cli import main
from cloudsearch.event import Outcome
from cloudsearch.iam import Document, Facts, Policy, load_iam, parse
from cloudsearch.iam.judge import Judge
from cloudsearch.policies.examined import Examined
from cloudsearch.policies.generate import Wishes, generate
from cloudsearch.policies.history import Used
from cloudsearch.policies.replay import Answer, replay
from cloudsearch.policies.splitting import without
from cloudsearch.policies.subjects import told
from cloudsearch.policies.usage import usage
from cloudsearch.reports.coverage import coverage
from cloudsearch.reports.window import Window
from cloudsearch.stores.duckdb import DuckDBStore
from tests.samples import samples
from tests.uses import ACCOUNT, histories, holder, of_worker

wishes = st.builds(Wishes, generalise=st.none() | st.integers(2, 4), conditions=st.booleans())


def judging(documents: Sequence[Document]) -> Judge:
    """The role with these policies, of whose session nothing is known but what events tell."""
    return Judge.of(holder(documents), facts=Facts({"aws:principalaccount": (ACCOUNT,)}))


@given(histories, wishes)
@settings(max_examples=80, deadline=None)
def test_a_generated_policy_replays_clean(events: list[Used], wish: Wishes) -> None:
    """Nothing would break; without Conditions of its own making every call is surely let in."""
    judge = judging(generate(of_worker(events), wish).policies)
    found = replay(events, judge, judge)
    assert not found.breaks
    assert found.total == len(events)
    if not wish.conditions and not any(use.conditions for event in events for use in event.uses):
        assert found.events[Answer.FINE] == found.total


@given(histories, st.data())
@settings(max_examples=80, deadline=None)
def test_an_action_taken_away_is_missed_where_it_was_used(events: list[Used], data: st.DataObject) -> None:
    """The rows name exactly the events that used it, and no other event is worse than it was."""
    used = sorted({use.action for event in events for use in event.uses})
    assume(used)
    gone = data.draw(st.sampled_from(used))
    whole = generate(of_worker(events)).policies
    today = judging(whole)
    left = [
        Document(one.version, tuple(kept for each in one.statements if (kept := without(each, {gone}))))
        for one in whole
    ]
    found = replay(events, judging([one for one in left if one.statements]), today)
    concerned = [event.event_id for event in events if any(use.action == gone for use in event.uses)]
    assert found.events[Answer.BROKEN] == len(concerned)
    assert {row.action for row in found.rows if row.answer is Answer.BROKEN} == {gone}
    assert {event for row in found.rows for event in row.events} <= set(concerned)
    if len(concerned) <= 3:
        assert {event for row in found.rows for event in row.events} == set(concerned)


@given(histories, wishes)
@settings(max_examples=40, deadline=None)
def test_the_order_of_events_changes_no_count(events: list[Used], wish: Wishes) -> None:
    """Rows, their calls and times are the same; the events that are named may be others."""
    half = generate(of_worker(events[::2]), wish).policies
    one, other = (replay(order, judging(half)) for order in (events, events[::-1]))
    assert one.events == other.events
    plain = [
        [(row.action, row.resource, row.answer, row.calls, row.last_seen) for row in each.rows] for each in (one, other)
    ]
    assert plain[0] == plain[1]


@given(histories)
@settings(max_examples=40, deadline=None)
def test_everything_allows_and_nothing_does_not(events: list[Used]) -> None:
    """``*`` on ``*`` is fine for all, no policy at all for none that used something."""
    everything = holder([])
    assert replay(events, judging([])).events[Answer.FINE] == sum(not event.uses for event in events)
    policies = (Policy("all", None, _all(), "inline"),)
    who = type(everything)(
        **{name: getattr(everything, name) for name in everything.__slots__} | {"policies": policies}
    )
    assert replay(events, Judge.of(who)).events[Answer.FINE] == len(events)


def _all() -> Document:
    return parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "all")


EXAMPLES = Path(__file__).parent.parent / "examples"


def trail(folder: Path, iam: Sequence[Path], store: Path) -> Counter[str]:
    """Every principal that did something: its generated policies replay clean, and each action is missed by its calls.

    Counts the actions that were taken away, by principal.
    """
    assert main(["load", str(folder), "--store", str(store), "--quiet"]) == 0
    tried: Counter[str] = Counter()
    opened = DuckDBStore(store)
    opened.prepare()
    try:
        covered = coverage(opened, Window())
        for subject in told(load_iam(iam)):
            own = Examined(subject)
            events = list(own.calls(opened, Window(), covered))
            assert {event.outcome for event in events} <= {Outcome.OK, Outcome.ERROR}
            made = usage(events, lambda _: "one").get("one")
            for action in _missed(own, events, generate(made).policies if made else ()):
                tried[subject.key] += bool(action)
    finally:
        opened.close()
    return tried


def _missed(own: Examined, events: list[Used], documents: Sequence[Document]) -> list[str]:
    """The actions used, each of which was taken away and missed by exactly the calls that used it."""
    used = sorted({use.action for event in events for use in event.uses})
    whole = [Policy(f"p{at}", None, one, "generated") for at, one in enumerate(documents)]
    today = own.judge(whole)
    assert not replay(events, today, today).breaks
    for gone in used:
        left = [
            Policy(one.name, None, Document(one.document.version, kept), "generated")
            for one in whole
            if (kept := tuple(rest for each in one.document.statements if (rest := without(each, {gone}))))
        ]
        found = replay(events, own.judge(left), today)
        concerned = {event.event_id for event in events if any(use.action == gone for use in event.uses)}
        assert found.broken_actions == {gone}
        assert found.events[Answer.BROKEN] == len(concerned)
        assert {event for row in found.rows if row.answer is Answer.BROKEN for event in row.events} <= concerned
    return used


def test_on_the_example_trail_every_action_taken_away_is_missed(tmp_path: Path) -> None:
    """Eight principals of two accounts, over two months."""
    iam = sorted((EXAMPLES / "iam").glob("*.json"))
    tried = trail(EXAMPLES / "AWSLogs", iam, tmp_path / "store.duckdb")
    assert len(tried) >= 8
    assert tried.total() >= 25


@pytest.mark.parametrize("name", ["combined/flaws"])
def test_on_the_samples_every_action_taken_away_is_missed(tmp_path: Path, name: str) -> None:
    """A user that looked at all there is."""
    folder = samples() / name
    tried = trail(folder / "AWSLogs", [folder / "iam-authorization-details.json"], tmp_path / "store.duckdb")
    assert tried.total() >= 50
