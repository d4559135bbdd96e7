"""What every store must answer: rows that match, and groups of them. The same file runs over each store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from cloudsearch.event import RAW, Field, Row, Value
from cloudsearch.store import EVENTS, Group, Grouping, Store, Written
from cloudsearch.where import And, Everything, Exists, In, Not, Path, Range, Text, Where
from tests.questions import ID, LENGTH, NAME, PRINCIPAL, READ_ONLY, TIME, WHERES, deep, questions
from tests.rows import FIELD, NOON, corpus, event, ids, whole
from tests.rows import write_and_commit as write


def test_rows_are_those_that_match(store: Store) -> None:
    """Whatever the question, the rows are those of which ``matches`` says so, whole."""
    rows = corpus()
    assert write(store, rows) == Written(created=len(rows))
    wanted = {row["id"]: whole(row) for row in rows}
    for where in (*WHERES, deep(10), deep(60)):
        found = list(store.rows(EVENTS, where))
        assert ids(found) == ids(row for row in rows if where.matches(row)), where
        assert all(row == wanted[row["id"]] for row in found), where


def test_any_tree_of_questions(store: Store) -> None:
    """However questions are combined, the rows are those that match, and groups count the same rows."""
    rows = corpus()
    write(store, rows)

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(questions())
    def agree(where: Where) -> None:
        expected = [row for row in rows if where.matches(row)]
        assert ids(store.rows(EVENTS, where, fields=[ID])) == ids(expected)
        if "Path(" not in repr(where) and "Text(" not in repr(where):
            assert list(store.group(EVENTS, [NAME], where)) == grouped(expected, [NAME])

    agree()


def test_rows_have_the_fields_asked_for(store: Store) -> None:
    """Exactly those asked for are keys, whatever the question needs; all of them, and raw, by default."""
    write(store, [event("1", event_name="GetObject", region="r")])
    for where in (Everything(), Exists(NAME), Text("get"), In(Path("eventName"), ("GetObject",))):
        assert list(store.rows(EVENTS, where, fields=[ID, FIELD["mfa"]])) == [{"id": "1", "mfa": None}]
        (row,) = store.rows(EVENTS, where, fields=[RAW, FIELD["region"]])
        assert row == {"raw": event("1")["raw"], "region": "r"}
        assert list(store.rows(EVENTS, where, fields=[])) == [{}]
        (row,) = store.rows(EVENTS, where)
        assert list(row) == [*FIELD, "raw"]


def test_rows_in_order_of_time(store: Store) -> None:
    """Ordered rows come by time and id, those without a time last."""
    rows = [event(f"{n % 7}-{n}", time=NOON + timedelta(hours=n * 37 % 1000)) for n in range(300)]
    rows += [event(f"same-{n}") for n in (3, 1, 2)] + [event(f"none-{n}", time=None) for n in (2, 1)]
    write(store, rows)
    expected = sorted(rows, key=lambda row: (row["time"] is None, row["time"] or NOON, row["id"]))
    for where in (Everything(), Text("event")):
        found = store.rows(EVENTS, where, fields=[ID], ordered=True)
        assert [row["id"] for row in found] == [row["id"] for row in expected]


def test_more_rows_than_a_page(store: Store) -> None:
    """Pages join without a gap or an overlap, in order or not, of records and of fields."""
    rows = [event(f"{n:05}", time=NOON + timedelta(seconds=n // 100)) for n in range(6_300)]
    write(store, rows)
    expected = [row["id"] for row in rows]
    assert [row["id"] for row in store.rows(EVENTS, Everything(), ordered=True)] == expected
    assert ids(store.rows(EVENTS, Everything(), fields=[ID])) == expected
    assert ids(store.rows(EVENTS, Everything())) == expected


# Groups


def grouped(rows: Iterable[Row], by: Sequence[Field]) -> list[Group]:
    """The groups of rows, counted one by one."""
    times: dict[tuple[Value, ...], list[datetime | None]] = defaultdict(list)
    for row in rows:
        time = row["time"]
        for key in product(*(_values(row.get(field.name)) for field in by)):
            times[key].append(time if isinstance(time, datetime) else None)
    return [_group(key, times[key]) for key in sorted(times, key=_none_first)]


def _values(value: Value) -> tuple[Value, ...]:
    return (value or (None,)) if isinstance(value, tuple) else (value,)


def _none_first(key: tuple[Value, ...]) -> list[tuple[bool, Any]]:
    return [(value is not None, value) for value in key]


def _group(key: tuple[Value, ...], times: list[datetime | None]) -> Group:
    known = [time for time in times if time is not None]
    return Group(key, len(times), min(known, default=None), max(known, default=None))


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("event_name",),
        ("time",),
        ("read_only",),
        ("raw_length",),
        ("actions",),
        ("principal", "region"),
        ("resources", "actions", "read_only"),
        ("event_name", "mfa", "time", "raw_length", "principal", "user_agent"),
        ("region", "region"),
    ],
    ids="-".join,
)
def test_groups_are_exact(store: Store, names: Sequence[str]) -> None:
    """Counts and times per combination, by every type of field, in order of the key with None first.

    Of two lists every element of one stands with every element of the other, whichever is longer.
    """
    lists = {"a": (2, 1), "b": (2, 3), "c": (0, 2), "d": (3, 0)}
    rows = corpus() + [
        event(f"lists {name}", resources=tuple("rst"[:some]), actions=tuple("xyz"[:others]))
        for name, (some, others) in lists.items()
    ]
    write(store, rows)
    by = [FIELD[name] for name in names]
    for where in (Everything(), Exists(NAME), Range(TIME, NOON), Not(In(FIELD["region"], ("eu-west-1",)))):
        expected = [row for row in rows if where.matches(row)]
        assert list(store.group(EVENTS, by, where)) == grouped(expected, by)


def test_types_of_a_groups_key(store: Store) -> None:
    """Key values are what rows hold: booleans are not numbers, times know their zone."""
    write(store, [event("1", read_only=True)])
    ((key),) = [group.key for group in store.group(EVENTS, [READ_ONLY, LENGTH, TIME], Everything())]
    assert [type(value) for value in key] == [bool, int, datetime]
    assert key[2] == NOON
    assert isinstance(key[2], datetime)
    assert key[2].tzinfo is not None


def test_no_rows_make_no_group(store: Store) -> None:
    """Without a field to group by there is one group, or none if there are no rows."""
    assert list(store.group(EVENTS, [], Everything())) == []
    assert list(store.group(EVENTS, [NAME], Everything())) == []
    write(store, [event("1"), event("2", time=None)])
    assert list(store.group(EVENTS, [], Everything())) == [Group((), 2, NOON, NOON)]
    assert list(store.group(EVENTS, [], In(ID, ("2",)))) == [Group((), 1, None, None)]


def test_groups_beyond_a_page(store: Store) -> None:
    """Thousands of groups are as exact as two: nothing is cut off."""
    rows = [event(f"{n:05}", principal=f"p{n % 7}") for n in range(20_100)]
    for at in range(0, len(rows), 5_000):
        store.write(EVENTS, [store.encode(EVENTS, row) for row in rows[at : at + 5_000]])
    store.commit()
    groups = list(store.group(EVENTS, [ID, PRINCIPAL], Everything()))
    assert [group.key for group in groups] == [(row["id"], row["principal"]) for row in rows]
    assert {group.count for group in groups} == {1}


def test_several_groupings_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is what it is when asked alone, with more pages than one or none at all, by lists or by nothing."""
    rows = corpus()
    write(store, rows)
    asked = [
        Grouping((), Everything()),
        Grouping((NAME, FIELD["outcome"]), Exists(NAME)),
        Grouping((FIELD["resources"],), Not(In(FIELD["region"], ("eu-west-1",)))),
        Grouping((ID,), In(ID, ("nobody",))),
        Grouping((), In(ID, ("nobody",))),
        Grouping((ID,), Everything()),
    ]
    for page in (10_000, len(rows), 3):
        monkeypatch.setattr("cloudsearch.stores.reading.PAGE_OF_GROUPS", page)
        for where in (Everything(), Exists(PRINCIPAL)):
            found = [list(groups) for groups in store.group_each(EVENTS, where, asked)]
            expected = [list(store.group(EVENTS, one.by, And((where, one.where)))) for one in asked]
            assert found == expected
            matching = [row for row in rows if where.matches(row) and Exists(NAME).matches(row)]
            assert found[1] == grouped(matching, asked[1].by)
    assert list(store.group_each(EVENTS, Everything(), [])) == []


@pytest.mark.parametrize("where", [Exists(Path("eventName")), Not(Text("x")), And((In(Path("a"), ("b",)),))], ids=repr)
def test_group_takes_derived_fields_only(store: Store, where: Where) -> None:
    """What lies in the record itself cannot be grouped by or asked about."""
    with pytest.raises(ValueError, match="derived fields"):
        list(store.group(EVENTS, [NAME], where))
