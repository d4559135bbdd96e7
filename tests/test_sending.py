"""Chunks to the store, whatever it answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.errors import StoreRejected, StoreUnavailable
from cloudsearch.load import sending
from cloudsearch.load.sending import MAX_WAIT_SECONDS, Sender
from cloudsearch.load.sizing import Sizing
from cloudsearch.store import EVENTS, ChunkSize, Operation, RefusalKind, Refused, Written
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Everything
from tests.faults import Fault, Faulty, raising, refusing

BOUNDS = ChunkSize(start=2 << 20, floor=64 << 10, ceiling=10 << 20)


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """A real store that can be told to fail, and pauses that take no time."""
    monkeypatch.setattr(sending, "LONGEST_PAUSE", 0.0)
    store = Faulty(DuckDBStore(tmp_path / "store.duckdb"))
    store.prepare(loading=True)
    yield store
    store.close()


def operations(store: Faulty, count: int) -> list[Operation]:
    """Rows ready to send."""
    time = datetime(2026, 8, 1, tzinfo=UTC)
    return [store.encode(EVENTS, {"id": f"e-{n}", "time": time, "raw": b"{}"}) for n in range(count)]


def ids(store: Faulty) -> set[object]:
    """What the store holds."""
    return {row["id"] for row in store.rows(EVENTS, Everything())}


def sender(store: Faulty, max_wait: float = MAX_WAIT_SECONDS) -> Sender:
    """A sender that tells nobody."""
    return Sender(store, EVENTS, Sizing(BOUNDS), lambda _: None, max_wait)


@pytest.mark.parametrize(
    "fault",
    [
        raising(StoreUnavailable("timeout")),
        refusing(RefusalKind.RETRY),
        refusing(RefusalKind.WAIT),
        refusing(RefusalKind.TOO_LARGE),
    ],
)
def test_what_is_worth_another_try_arrives(faulty: Faulty, fault: Fault) -> None:
    """Timeouts, overload, blocks and requests too large lose nothing."""
    faulty.faults = [fault, fault]
    sent = sender(faulty).send(operations(faulty, 10))
    assert (sent.created, sent.existing, sent.dead) == (10, 0, ())
    assert len(ids(faulty)) == 10


@pytest.mark.parametrize("fault", [raising(StoreUnavailable("timeout")), refusing(RefusalKind.TOO_LARGE)])
def test_what_was_too_much_is_split(faulty: Faulty, fault: Fault) -> None:
    """After a 413 or no answer the halves go one by one."""
    faulty.faults = [fault]
    sender(faulty).send(operations(faulty, 10))
    assert faulty.sizes == [10, 5, 5]


def test_only_what_was_refused_is_sent_again(faulty: Faulty) -> None:
    """Of a chunk half refused for load, half goes again."""

    def half(chunk: list[Operation]) -> Written:
        taken = faulty.store.write(EVENTS, chunk[:5])
        return Written(taken.created, 0, tuple(Refused(item, RefusalKind.RETRY, "busy") for item in chunk[5:]))

    faulty.faults = [half]  # type: ignore[list-item]
    sent = sender(faulty).send(operations(faulty, 10))
    assert sent.created == 10
    assert faulty.sizes == [10, 5]


def test_an_answer_that_was_lost_creates_nothing_twice(faulty: Faulty) -> None:
    """A write that arrived although no answer came is existing when sent again."""

    def lost(chunk: list[Operation]) -> Written:
        faulty.store.write(EVENTS, chunk)
        raise StoreUnavailable("connection reset")

    faulty.faults = [lost]  # type: ignore[list-item]
    sent = sender(faulty).send(operations(faulty, 10))
    assert (sent.created, sent.existing) == (0, 10)
    assert len(ids(faulty)) == 10


def test_what_will_never_be_taken_comes_back_with_its_reason(faulty: Faulty) -> None:
    """A refused document is handed back; the rest is not concerned."""
    faulty.faults = [refusing(RefusalKind.DOCUMENT, "no mapping takes it")]
    sent = sender(faulty).send(operations(faulty, 2))
    assert [dead.reason for dead in sent.dead] == ["no mapping takes it"] * 2


def test_one_operation_too_large_is_dead(faulty: Faulty) -> None:
    """What cannot be split any more is handed back."""
    faulty.faults = [refusing(RefusalKind.TOO_LARGE)]
    assert len(sender(faulty).send(operations(faulty, 1)).dead) == 1


def test_one_operation_refused_for_ever_is_dead(faulty: Faulty) -> None:
    """A single document that is answered 429 time after time never will be taken."""
    faulty.faults = [refusing(RefusalKind.RETRY)] * 20
    assert len(sender(faulty).send(operations(faulty, 1)).dead) == 1


def test_a_store_that_takes_nothing_ends_the_load(faulty: Faulty) -> None:
    """Fatal refusals and endless waiting raise, with what to do next."""
    faulty.faults = [refusing(RefusalKind.FATAL, "index_not_found")]
    with pytest.raises(StoreRejected, match="index_not_found"):
        sender(faulty).send(operations(faulty, 1))
    faulty.faults = [raising(StoreUnavailable("down"))] * 100
    with pytest.raises(StoreUnavailable, match="run the same command again"):
        sender(faulty, max_wait=0.0).send(operations(faulty, 4))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["answered", "too_large", "unanswered", "overloaded"]),
            st.integers(1, 40 << 20),
            st.floats(0, 100),
        )
    )
)
def test_sizes_stay_within_their_bounds(answers: list[tuple[str, int, float]]) -> None:
    """Whatever the store answers, the next chunk is between floor and ceiling."""
    sizing = Sizing(BOUNDS)
    for kind, size, seconds in answers:
        if kind == "answered":
            sizing.answered(size, seconds)
        else:
            getattr(sizing, kind)(size)
        assert BOUNDS.floor <= sizing.size <= BOUNDS.ceiling


def test_sizes_grow_while_answers_are_quick_and_shrink_when_they_are_not() -> None:
    """Half a MiB more after a quick full chunk, half after a slow one, and never again what was refused."""
    sizing = Sizing(BOUNDS)
    sizing.answered(2 << 20, 0.5)
    assert sizing.size == (2 << 20) + (512 << 10)
    sizing.answered(sizing.size, 6.0)
    assert sizing.size == ((2 << 20) + (512 << 10)) // 2
    for _ in range(100):
        sizing.answered(sizing.size, 0.1)
    assert sizing.size == 10 << 20
    sizing.too_large(4 << 20)
    for _ in range(200):
        sizing.answered(sizing.size, 0.1)
    assert sizing.size == int((4 << 20) * 0.9)


def test_sizes_stay_where_growing_is_of_no_use() -> None:
    """A store that takes so many bytes a second, whatever the chunk, gets no larger ones; another does."""
    sizing = Sizing(BOUNDS)
    for _ in range(100):
        sizing.answered(sizing.size, sizing.size / (20 << 20))
    assert sizing.size == (2 << 20) + (512 << 10)
    sizing.overloaded(sizing.size)
    for _ in range(100):
        sizing.answered(sizing.size, 0.2 + sizing.size / (40 << 20))
    assert sizing.size > 4 << 20
