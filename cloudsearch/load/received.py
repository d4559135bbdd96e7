"""What a recording receives, into the store: opened for each flush, so that others can read it in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import msgspec

from cloudsearch.csm.datagrams import Line
from cloudsearch.csm.rows import row_of
from cloudsearch.errors import StoreRejected
from cloudsearch.event import Row
from cloudsearch.load.sending import Sender
from cloudsearch.load.sizing import Sizing
from cloudsearch.store import CSM_CALLS, Store, StoreInfo

PATIENCE = 5.0
"""Seconds a flush waits for a store that takes nothing; the next flush tries again."""

_AT_ONCE = 5_000

Opened = Callable[[], AbstractContextManager[tuple[Store, StoreInfo]]]


@dataclass(slots=True)
class StoreWriter:
    """Writes lines to a store; what cannot be written for long goes to ``aside``, which says how many are lost."""

    opened: Opened
    aside: Callable[[Sequence[Line]], int]
    created: int = 0
    existing: int = 0
    put_aside: int = field(default=0)

    def write(self, lines: Sequence[Line]) -> None:
        """Keep lines; writing some of them again changes nothing. Raises ``StoreError``."""
        if not lines:
            return
        created = existing = 0
        with self.opened() as (store, info):
            sender = Sender(store, CSM_CALLS, Sizing(info.chunk), lambda _: None, PATIENCE)
            for at in range(0, len(lines), _AT_ONCE):
                sent = sender.send([store.encode(CSM_CALLS, _row(line)) for line in lines[at : at + _AT_ONCE]])
                if sent.dead:
                    raise StoreRejected(f"The store will not have a call: {sent.dead[0].reason}")
                created += sent.created
                existing += sent.existing
            store.commit()
        self.created += created
        self.existing += existing

    def overflow(self, lines: Sequence[Line]) -> int:
        """Put lines aside; says how many are lost."""
        lost = self.aside(lines)
        self.put_aside += len(lines) - lost
        return lost


def _row(line: Line) -> Row:
    return row_of(msgspec.json.decode(line.text), line.text, id_="", host=None)
