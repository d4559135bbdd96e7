"""Chunks to the store, until each operation is acknowledged or is a dead letter.

Acts on the kinds of refusal alone: what is too large or unanswered is split, what is refused for load is sent
again by itself, what is blocked waits, and what the store will never take is handed back with the reason.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cloudsearch.errors import StoreRejected, StoreUnavailable
from cloudsearch.load.sizing import Sizing
from cloudsearch.store import Operation, RefusalKind, Refused, Store, Table, Written

T = TypeVar("T")

MAX_WAIT_SECONDS = 300.0
LONGEST_PAUSE = 30.0
TRIES_ALONE = 8


@dataclass(slots=True)
class Patience:
    """How long to go on asking: pauses that grow, until nothing was taken for ``max_wait`` seconds.

    A store that says when to come back is left alone until then, but asked once more before the time is over.
    """

    notify: Callable[[str], None]
    max_wait: float = MAX_WAIT_SECONDS
    tries: int = 0
    _since: float = field(default_factory=time.monotonic)

    def renew(self) -> None:
        """Something was taken."""
        self._since, self.tries = time.monotonic(), 0

    def pause(self, reason: str, cause: StoreUnavailable | None = None, *, at_least: float | None = None) -> None:
        """Wait a while, with jitter; raises ``StoreUnavailable`` when it has been too long."""
        waited = time.monotonic() - self._since
        left = self.max_wait - waited
        if left <= 0:
            raise StoreUnavailable(
                f"The store took nothing for {waited:.0f} s: {reason}. What was loaded is kept; run the same command "
                "again to go on, with --max-wait to wait longer"
            ) from cause
        self.tries += 1
        own = min(LONGEST_PAUSE, 0.1 * 2**self.tries, left) * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
        pause = max(own, min(at_least or 0.0, left))
        self.notify(f"waiting {pause:.1f} s for the store: {reason}")
        time.sleep(pause)


def patiently(call: Callable[[], T], notify: Callable[[str], None], max_wait: float) -> T:
    """What the call answers; a store that does not answer is asked again, for ``max_wait`` seconds."""
    patience = Patience(notify, max_wait)
    while True:
        try:
            return call()
        except StoreUnavailable as error:
            patience.pause(str(error), error, at_least=error.retry_after)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a chunk: created + existing + len(dead) = all its operations."""

    created: int
    existing: int
    dead: tuple[Refused, ...]


@dataclass(slots=True)
class Sender:
    """Sends chunks of one table; safe to use from several threads."""

    store: Store
    table: Table
    sizing: Sizing
    notify: Callable[[str], None]
    max_wait: float = MAX_WAIT_SECONDS
    replace: bool = False

    def send(self, operations: Sequence[Operation]) -> Sent:
        """Send until every operation is accounted for.

        Raises ``StoreUnavailable`` when nothing was taken for ``max_wait`` seconds, ``StoreRejected`` when the
        store says that it never will.
        """
        return _Delivery(self).run(operations)


class _Delivery:
    """One chunk's way: the parts still to send, and what was acknowledged."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._left: list[Sequence[Operation]] = []
        self._created = self._existing = 0
        self._dead: list[Refused] = []
        self._patience = Patience(sender.notify, sender.max_wait)

    def run(self, operations: Sequence[Operation]) -> Sent:
        self._left.append(operations)
        while self._left:
            part = self._left.pop()
            if part:
                self._attempt(part)
        return Sent(self._created, self._existing, tuple(self._dead))

    def _attempt(self, part: Sequence[Operation]) -> None:
        size = sum([len(operation.body) for operation in part])
        started = time.monotonic()
        try:
            written = self._sender.store.write(self._sender.table, part, replace=self._sender.replace)
        except StoreUnavailable as error:
            self._sender.sizing.unanswered(size)
            self._halve(part)
            self._patience.pause(str(error), error, at_least=error.retry_after)
            return
        self._created += written.created
        self._existing += written.existing
        if len(written.refused) < len(part):
            self._patience.renew()
            self._sender.sizing.answered(size, time.monotonic() - started)
        self._refused(written, size)

    def _refused(self, written: Written, size: int) -> None:
        kinds = {kind: [item for item in written.refused if item.kind is kind] for kind in RefusalKind}
        self._dead += kinds[RefusalKind.DOCUMENT]
        if fatal := kinds[RefusalKind.FATAL]:
            raise StoreRejected(f"The store takes nothing: {fatal[0].reason}")
        if large := kinds[RefusalKind.TOO_LARGE]:
            self._sender.sizing.too_large(size)
            if len(large) == 1:
                self._dead += large
            else:
                self._halve([item.operation for item in large])
        if again := kinds[RefusalKind.RETRY]:
            self._sender.sizing.overloaded(size)
            self._again(again, written.retry_after)
        if blocked := kinds[RefusalKind.WAIT]:
            self._left.append([item.operation for item in blocked])
            reason = f"{blocked[0].reason}. It takes nothing until the block is lifted or space is freed"
            self._patience.pause(reason, at_least=written.retry_after)

    def _again(self, refused: Sequence[Refused], at_least: float | None) -> None:
        """Only what was refused goes again; an operation refused alone time after time never will be taken."""
        if len(refused) == 1 and self._patience.tries >= TRIES_ALONE:
            self._dead += refused
            return
        self._left.append([item.operation for item in refused])
        self._patience.pause(refused[0].reason, at_least=at_least)

    def _halve(self, part: Sequence[Operation]) -> None:
        middle = len(part) // 2
        self._left += [part[middle:], part[:middle]]
