"""Laws of replay, over random histories: what history generates replays clean, and what is taken away is missed."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cloudsearch.iam import Document, Facts, Policy
from cloudsearch.iam.judge import Judge
from cloudsearch.policies.generate import Wishes, generate
from cloudsearch.policies.history import Used
from cloudsearch.policies.replay import Answer, replay
from cloudsearch.policies.splitting import without
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
    from cloudsearch.iam import parse

    return parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "all")
