"""Several processes that load side by side, each with a lane and a connection of its own.

Reading and deriving is work for a processor, and Python's threads share one. A process is given a batch of files
at a time and answers when all of it is accounted for, so that nothing large passes between processes. Only for a
store that several may write to. Each process ends with the one that started it, however that ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from cloudsearch.errors import CloudsearchError
from cloudsearch.load.lane import Lane, Listener, Settled
from cloudsearch.load.ledger import Pending
from cloudsearch.load.terms import Terms
from cloudsearch.store import Store

StoreOpener = Callable[[], Store]
"""Opens a prepared store in another process: a function of a module, or a ``partial`` of one."""


@dataclass(frozen=True, slots=True)
class _Problem:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Note:
    text: str


class Crew:
    """The processes. They start at once, and wait for ``begin``."""

    def __init__(self, size: int, opener: StoreOpener) -> None:
        self._members = [_Member(opener) for _ in range(size)]
        self._busy: set[_Member] = set()
        self._listener: Listener | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, terms: Terms, listener: Listener) -> None:
        """The store is prepared: open it."""
        self._listener = listener
        for member in self._members:
            member.send(terms)

    def give(self, batch: Sequence[Pending]) -> Iterator[Settled]:
        """Hand a batch to whoever is free, once somebody is; gives what was settled while waiting."""
        while len(self._busy) == len(self._members):
            yield from self._answers()
        free = next(member for member in self._members if member not in self._busy)
        free.send(batch)
        self._busy.add(free)

    def rest(self) -> Iterator[Settled]:
        """What is still under way, when it is settled."""
        while self._busy:
            yield from self._answers()

    def close(self) -> None:
        """End the processes; what they have not settled will be loaded again."""
        for member in self._members:
            member.end()
        self._members = []
        self._busy.clear()

    def _answers(self) -> Iterator[Settled]:
        """Wait for something to happen; raises what stopped a process."""
        ready = set(wait([member.connection for member in self._busy]))
        for member in [one for one in self._busy if one.connection in ready]:
            answer = member.receive()
            if isinstance(answer, Settled):
                self._busy.discard(member)
                yield answer
            elif isinstance(answer, CloudsearchError):
                raise answer
            elif self._listener is not None and isinstance(answer, _Problem):
                self._listener.problem(answer.name, answer.reason)
            elif self._listener is not None and isinstance(answer, _Note):
                self._listener.note(answer.text)


class _Member:
    """A process, seen from the one that started it."""

    def __init__(self, opener: StoreOpener) -> None:
        context = multiprocessing.get_context("spawn")  # no thread's lock is copied, on any system
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, opener), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, message: object) -> None:
        try:
            self.connection.send(message)
        except (BrokenPipeError, ConnectionError) as error:
            raise self._lost() from error

    def receive(self) -> object:
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise self._lost() from error

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self.connection.close()

    def _lost(self) -> CloudsearchError:
        self._process.join(1)
        return CloudsearchError(
            f"A process of the load ended unexpectedly (exit code {self._process.exitcode}). What was committed stays; "
            "run the same command again to go on, with --jobs 1 if memory is short"
        )


class _Messages:
    """The ``Listener`` of a lane in another process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = Lock()

    def problem(self, name: str, reason: str) -> None:
        """Pass on."""
        self.send(_Problem(name, reason))

    def note(self, text: str) -> None:
        """Pass on."""
        self.send(_Note(text))

    def send(self, message: object) -> None:
        """From any thread."""
        with self._lock:
            self._connection.send(message)


def _work(connection: Connection, opener: StoreOpener) -> None:
    """The life of a process of the crew: the terms, then batch after batch."""
    for asked_to_end in (signal.SIGINT, signal.SIGTERM):  # which is for the one that started us, who ends us
        signal.signal(asked_to_end, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    messages = _Messages(connection)
    with suppress(EOFError, ConnectionError):  # the one that started us has ended, and we end with it
        terms: Terms = connection.recv()
        lane = Lane(opener(), terms, messages)
        while True:
            batch: Sequence[Pending] = connection.recv()
            try:
                for _ in lane.take_all(batch):
                    pass
                messages.send(lane.settle())
            except CloudsearchError as error:
                messages.send(error)
    os._exit(1)  # without waiting for what is on its way: the next load sends it again


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
