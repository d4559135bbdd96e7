"""Dead letters, tried again: records that a newer cloudsearch understands, or a mended store takes, become events.

A letter is removed only after its event is committed. Stopped anywhere and run again it goes on; an event that was
kept before its letter could be removed is met as existing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from cloudsearch.derive import derive_again
from cloudsearch.errors import RecordError
from cloudsearch.event import TEXT_LIMIT, Row
from cloudsearch.load.lane import Listener
from cloudsearch.load.ledger import now
from cloudsearch.load.sending import Sender
from cloudsearch.load.sizing import Sizing
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Operation, Store, StoreInfo
from cloudsearch.where import Exists, In, Not

LETTERS_AT_ONCE = 200
"""Letters whose records are held in memory together."""

_L = DEAD_LETTERS.by_name
_NAME = LOG_FILES.by_name["name"]
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Redriven:
    """What became of the dead letters: ``read`` = created + existing + dead_lettered, records alone.

    ``refused`` files have to be loaded again, ``loaded`` ones were since; a record of which nothing but its place was
    kept can only come from its file, and counts as dead_lettered.
    """

    read: int = 0
    created: int = 0
    existing: int = 0
    dead_lettered: int = 0
    refused: int = 0
    loaded: int = 0
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether no letter is left."""
        return not (self.dead_lettered or self.refused)

    def as_json(self) -> dict[str, object]:
        """The receipt as ``redrive --format json`` prints it."""
        return {
            "files": {"refused": self.refused, "loaded": self.loaded},
            "records": {
                "read": self.read,
                "created": self.created,
                "existing": self.existing,
                "dead_lettered": self.dead_lettered,
            },
            "seconds": round(self.seconds, 3),
        }


def redrive(
    store: Store, info: StoreInfo, listener: Listener, *, max_wait: float, keep_secrets: bool = False
) -> Redriven:
    """Try every dead letter again.

    Raises ``StoreError`` when the store stops taking anything; letters not removed by then are all there still.
    """
    return _Redrive(store, info, listener, max_wait=max_wait, keep_secrets=keep_secrets).run()


class _Redrive:
    def __init__(
        self, store: Store, info: StoreInfo, listener: Listener, *, max_wait: float, keep_secrets: bool
    ) -> None:
        self._store, self._listener, self._keep_secrets = store, listener, keep_secrets
        sizing = Sizing(info.chunk)
        self._events = Sender(store, EVENTS, sizing, listener.note, max_wait)
        self._letters = Sender(store, DEAD_LETTERS, sizing, listener.note, max_wait, replace=True)
        self.done = Redriven()

    def run(self) -> Redriven:
        started = time.monotonic()
        of_records = self._store.rows(DEAD_LETTERS, Exists(_L["position"]), fields=[_L["id"]])
        ids = iter([str(row["id"]) for row in of_records])
        while batch := tuple(islice(ids, LETTERS_AT_ONCE)):
            self._records(list(self._store.rows(DEAD_LETTERS, In(_L["id"], batch))))
        self._files()
        self.done.seconds = time.monotonic() - started
        return self.done

    def _records(self, letters: Sequence[Row]) -> None:
        """Derive, write and commit, and only then remove; what does not fit stays with its newest reason."""
        reasons: dict[str, str] = {}
        operations: dict[int, tuple[Operation, str]] = {}
        for letter in letters:
            id_ = str(letter["id"])
            try:
                operation = self._store.encode(EVENTS, self._event(letter))
            except RecordError as error:
                reasons[id_] = str(error)
            else:
                operations[id(operation)] = (operation, id_)
        sent = self._events.send([operation for operation, _ in operations.values()])
        reasons |= {operations[id(item.operation)][1]: item.reason for item in sent.dead}
        self._stay([letter for letter in letters if letter["id"] in reasons], reasons)
        self._store.commit()
        gone = tuple(str(letter["id"]) for letter in letters if letter["id"] not in reasons)
        if gone:
            self._store.remove(DEAD_LETTERS, In(_L["id"], gone))
        self.done.read += len(letters)
        self.done.created += sent.created
        self.done.existing += sent.existing
        self.done.dead_lettered += len(reasons)

    def _event(self, letter: Row) -> Row:
        raw = letter["raw"]
        if not isinstance(raw, bytes):
            raise RecordError("only its place was kept; the record itself is in its file")
        identity = letter["identity"]
        row = derive_again(raw, str(identity) if identity else None, keep_secrets=self._keep_secrets)
        return {**row, "ingested": datetime.now(UTC).replace(microsecond=0)}

    def _stay(self, letters: Sequence[Row], reasons: dict[str, str]) -> None:
        for letter in letters:
            reason = reasons[str(letter["id"])]
            self._listener.problem(str(letter["name"]), f"record {letter['position']!r} stays: {reason}")
        newer = [
            {**letter, "time": now(), "reason": reasons[str(letter["id"])][:TEXT_LIMIT]}
            for letter in letters
            if letter["reason"] != reasons[str(letter["id"])][:TEXT_LIMIT]
        ]
        self._letters.send([self._store.encode(DEAD_LETTERS, letter) for letter in newer])

    def _files(self) -> None:
        """Letters of broken files: of one that was loaded since there is nothing to do any more."""
        fields = [_L["id"], _L["name"], _L["reason"], _L["time"]]
        letters = iter(list(self._store.rows(DEAD_LETTERS, Not(Exists(_L["position"])), fields=fields)))
        while batch := list(islice(letters, LETTERS_AT_ONCE)):
            loaded = self._loaded(tuple({str(letter["name"]) for letter in batch}))
            since = {str(one["id"]) for one in batch if loaded.get(str(one["name"]), _NEVER) >= _time(one)}
            if since:
                self._store.remove(DEAD_LETTERS, In(_L["id"], tuple(since)))
            self.done.loaded += len(since)
            for letter in batch:
                if letter["id"] not in since:
                    self.done.refused += 1
                    self._listener.problem(str(letter["name"]), f"was refused; load it again: {letter['reason']!s}")

    def _loaded(self, names: tuple[str, ...]) -> dict[str, datetime]:
        """When files of these names were loaded last."""
        names_loaded = self._store.group(LOG_FILES, [_NAME], In(_NAME, names))
        return {str(group.key[0]): group.last_seen for group in names_loaded if group.last_seen}


def _time(letter: Row) -> datetime:
    time = letter["time"]
    return time if isinstance(time, datetime) else _NEVER
