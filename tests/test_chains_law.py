"""The law of role chains: what is solved at once from groups is what a search through single events finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cloudsearch.derive import derive
from cloudsearch.event import Row
from cloudsearch.reports.sessions import chains, of_role, roles, sessions
from cloudsearch.reports.through import through
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from tests.organisation import FIRST, TARGET, WORK, Identity, Organisation, role, service, user

ROLES = (role(WORK, "a"), role(WORK, "b"), role(TARGET, "a"))
ORIGINS = (user("alice"), user("bob"), service("lambda.amazonaws.com"))
IDS = {one.id: one.arn for one in (*ROLES, *ORIGINS) if one.id}
LONGEST = timedelta(hours=12)

Found = tuple[str | None, tuple[str, ...], int]
Move = tuple[str, int, int, str, int, int]

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["open", "open", "open", "act", "stray", "told", "switch"]),
        st.integers(-5, 2),  # of those there are, one of the last or of the first
        st.sampled_from([0, 0, 1, 2]),
        st.sampled_from("sst"),
        st.sampled_from([1, 1, 1, 60, 700]),
        st.integers(0, 3),
    ),
    min_size=6,
    max_size=24,
)


def history(moves: Sequence[Move]) -> list[dict[str, Any]]:
    """Records of moves, some of them lost: a session's opening, one of its copies, or the key of a call."""
    org, time = Organisation(), FIRST
    callers: list[Identity] = [*ORIGINS]
    for kind, who, which, name, minutes, lost in moves:
        time += timedelta(minutes=minutes)
        caller, target, before = callers[who % len(callers)], ROLES[which], len(org.records)
        if kind == "open":
            callers.append(org.assume(caller, time, target, name))
            copies = org.records[before:]
            org.records[before:] = [one for at, one in enumerate(copies) if not lost >> at & 1]
        elif kind == "act" and caller.type == "AssumedRole":
            org.call(caller if lost else replace(caller, key=None), time, "ec2:DescribeVpcs")
        elif kind in ("stray", "told"):
            callers.append(org.unopened(target, name, **({"source_identity": "alice"} if kind == "told" else {})))
            org.call(callers[-1], time, "ec2:DescribeVpcs")
        elif kind == "switch" and caller.type == "IAMUser":
            callers.append(org.switch(caller, time, target))
            org.call(callers[-1], time, "ec2:DescribeVpcs")
    return org.records


@dataclass(frozen=True)
class Held:
    """A party, as the oracle holds it."""

    arn: str | None
    session: str | None = None
    key: str | None = None
    told: str | None = None
    is_session: bool = False

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What is the same of two parties that are one; not every copy of a user's call names the key."""
        return (self.arn, self.session, self.key) if self.is_session else (self.arn,)


class Oracle:
    """Looks through all events for each single question."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.openings = [row for row in rows if row.get("target_role") and row["outcome"] == "ok"]

    def holder(self, row: Row) -> Held:
        """Who made a call, by this copy."""
        arn = row.get("principal") or IDS.get(str(row.get("principal_id")))
        is_session = str(row.get("principal_id")).startswith("AROA")
        session, key, told = (_text(row.get(name)) for name in ("session_name", "access_key_id", "source_identity"))
        return Held(_text(arn), session, key, told, is_session)

    def caller(self, opening: Row) -> Held:
        """Who made it, by the best copy."""
        if switch := opening.get("switch_from"):
            return Held(str(switch))
        shared = opening.get("shared_event_id")
        copies = [one for one in self.openings if shared and one.get("shared_event_id") == shared] or [opening]
        return self.holder(next((one for one in copies if one.get("principal")), copies[0]))

    def opening(self, held: Held, first: datetime, last: datetime) -> tuple[Row | None, int]:
        """What opened a session, and how strong the link is."""
        own = [row for row in self.openings if row["target_role"] == held.arn]
        for field, strength in (("issued_access_key_id", 5), ("access_key_id", 4)):
            for row in own:
                if held.key and row.get(field) == held.key and (strength == 5 or row.get("switch_from")):
                    return row, strength
        if not held.is_session or held.told:
            return None, 0
        named = [row for row in own if row["target_session"] == held.session and first - LONGEST <= _time(row) <= last]
        before = [row for row in named if _time(row) <= first]
        if not before or len({self.caller(row).identity for row in named}) > 1:
            return None, 0
        return max(before, key=lambda row: (_time(row), row.get("issued_access_key_id") or "")), 1

    def above(self, opening: Row) -> tuple[Row | None, int]:
        """What opened the session that made an opening."""
        return self.opening(self.caller(opening), _time(opening), _time(opening))

    def runs_in_a_circle(self, opening: Row) -> bool:
        """Whether an opening leads up to itself."""
        at, _ = self.above(opening)
        for _ in self.openings:
            if at is None or _same(at, opening):
                break
            at, _ = self.above(at)
        return at is not None and _same(at, opening)

    def chain(self, held: Held, first: datetime, last: datetime) -> Found:
        """Who is behind a party, through which roles, and the weakest link."""
        opening, link = self.opening(held, first, last)
        if opening is None:
            if not held.is_session:
                return held.arn, (), 5
            return (held.told, (), 2) if held.told else (None, (), 0)
        found: Found = (None, (), 0)
        if not self.runs_in_a_circle(opening):
            caller = self.caller(opening)
            found = self.chain(caller, _time(opening), _time(opening))
            if caller.is_session and found[1][-1:] != (caller.arn,):
                found = (found[0], (*found[1], str(caller.arn)), found[2])
        if found[0] is None and held.told:
            found = (held.told, found[1], 2)
        return found[0], found[1], min(found[2], link)


def _same(one: Row, other: Row) -> bool:
    shared = one.get("shared_event_id")
    return one["id"] == other["id"] or (shared is not None and shared == other.get("shared_event_id"))


def _time(row: Row) -> datetime:
    time = row["time"]
    assert isinstance(time, datetime)
    return time


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def by_single_events(rows: Sequence[Row], target: Identity) -> dict[tuple[str, ...], tuple[Found, int]]:
    """What the oracle says of each session of a role."""
    oracle = Oracle(rows)
    own: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.get("principal") == target.arn and row["event_type"] == "AwsApiCall" and row["copy"] == "caller":
            key = row.get("access_key_id")
            name: tuple[str, ...] = (str(key),) if key else (target.id, str(row["session_name"]), str(row["day"]))
            own.setdefault(name, []).append(row)
    found = {}
    for name, calls in own.items():
        times = [_time(row) for row in calls]
        told = next((_text(row["source_identity"]) for row in calls if row.get("source_identity")), None)
        held = replace(oracle.holder(calls[0]), told=told)
        found[name] = oracle.chain(held, min(times), max(times)), len(calls)
    return found


def calls_of(rows: Sequence[Row], target: Identity) -> list[Row]:
    """A role's calls, by others' copies too where no trail of its own account is there."""
    own = any(row["recipient_account"] == target.account for row in rows)
    named = [row for row in rows if row.get("principal") == target.arn or row.get("principal_id") == target.id]
    copies = ("caller",) if own else ("caller", "owner")
    return [row for row in named if row["event_type"] == "AwsApiCall" and row["copy"] in copies]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
@example(moves=[*[("open", 0, 0, "s", 1, 0)] * 4, ("open", 0, 0, "s", 1, 1), ("act", -1, 0, "s", 1, 0)])
@example(moves=[*[("open", 0, 0, "s", 1, 0)] * 5, ("open", 0, 2, "s", 1, 2), ("open", -1, 0, "s", 1, 1)])
def test_chains_are_what_single_events_tell(make_store: Callable[[], Store], moves: Sequence[Move]) -> None:
    """Whatever was opened, switched to, named alike or lost."""
    store = make_store()
    rows = [derive(json.dumps(record).encode()) for record in history(moves)]
    store.write(EVENTS, [store.encode(EVENTS, row) for row in rows])
    store.commit()
    known = roles(store, Window(), IDS)
    for target in ROLES:
        solved = chains(store, Window(), known, [target.arn])
        expected = by_single_events(rows, target)
        read = sessions(store, Window(), of_role([target.arn], [target.id]), caller_loaded=True)
        found = {}
        for session in read:
            chain = solved.behind(session.party, session.first, session.last)
            found[session.id] = (
                (chain.origin.who if chain.origin else None, chain.roles, int(chain.link)),
                session.calls,
            )
        assert found == expected
        listed = through(store, Window(), known, target.arn)
        assert sum(row.calls for row in listed) == len(calls_of(rows, target))
    store.close()
