"""Fetching ahead: the order stays, memory is bounded, an error waits for its turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch.errors import SourceError
from cloudsearch.load.ahead import BYTES_AHEAD, FILES_AHEAD, Ahead
from cloudsearch.load.ledger import Pending
from cloudsearch.logs import WHOLE, Source


class Shelf:
    """Hands out files and knows how many, and how many bytes, were fetched and not yet taken."""

    def __init__(self) -> None:
        self.files = self.bytes = self.most_files = self.most_bytes = 0
        self._lock = threading.Lock()

    def source(self, number: int, size: int, *, remote: bool) -> Pending:
        """A file; only its size is real."""
        opener = partial(self.fetch, number, size, counted=remote and size <= WHOLE)
        return Pending(Source(str(number), size, None, None, None, None, opener, "etag" if remote else None))

    def fetch(self, number: int, size: int, *, counted: bool) -> BinaryIO:
        """Fetch one."""
        if counted:
            with self._lock:
                self.files, self.bytes = self.files + 1, self.bytes + size
                self.most_files = max(self.most_files, self.files)
                self.most_bytes = max(self.most_bytes, self.bytes)
        return BytesIO(str(number).encode())

    def taken(self, size: int) -> None:
        """Somebody read it."""
        with self._lock:
            self.files, self.bytes = self.files - 1, self.bytes - size


@pytest.fixture
def ahead() -> Iterator[Ahead]:
    """One that ends with the test."""
    ahead = Ahead()
    yield ahead
    ahead.close()


@settings(max_examples=25, deadline=None)
@given(files=st.lists(st.tuples(st.integers(0, 12 << 20), st.booleans()), max_size=150))
def test_the_order_stays_and_memory_is_bounded(files: list[tuple[int, bool]]) -> None:
    """Whatever the sizes, and however files of this machine lie between those of buckets."""
    shelf, ahead = Shelf(), Ahead()
    pending = [shelf.source(number, size, remote=remote) for number, (size, remote) in enumerate(files)]
    for number, (one, (size, remote)) in enumerate(zip(ahead.fetched(pending), files, strict=True)):
        assert one.source.read() == str(number).encode()
        if remote and size <= WHOLE:
            shelf.taken(size)
    ahead.close()
    assert shelf.most_files <= FILES_AHEAD + 1
    assert shelf.most_bytes <= BYTES_AHEAD + WHOLE


def test_files_are_fetched_side_by_side(ahead: Ahead) -> None:
    """A hundred files of which each takes a twentieth of a second."""

    def slow(number: int) -> BinaryIO:
        time.sleep(0.05)
        return BytesIO(str(number).encode())

    pending = [Pending(Source(str(n), 1, None, None, None, None, partial(slow, n), "etag")) for n in range(100)]
    started = time.monotonic()
    assert [one.source.read() for one in ahead.fetched(pending)] == [str(n).encode() for n in range(100)]
    assert time.monotonic() - started < 1


def test_an_error_waits_for_its_turn(ahead: Ahead) -> None:
    """And is that of one file alone."""

    def broken() -> BinaryIO:
        raise SourceError("because")

    def whole() -> BinaryIO:
        return BytesIO(b"x")

    openers: list[Callable[[], BinaryIO]] = [whole, broken, whole]
    pending = [Pending(Source("a", 1, None, None, None, None, opener, "etag")) for opener in openers]
    read = []
    for one in ahead.fetched(pending):
        try:
            read.append(one.source.read())
        except SourceError as error:
            read.append(str(error).encode())
    assert read == [b"x", b"because", b"x"]


def test_local_files_are_not_waited_with(ahead: Ahead) -> None:
    """They come at once, and start no thread."""
    shelf = Shelf()
    threads = threading.active_count()

    def endless() -> Iterator[Pending]:
        while True:
            yield shelf.source(1, 1, remote=False)

    assert next(ahead.fetched(endless())).source.read() == b"1"
    assert threading.active_count() == threads
