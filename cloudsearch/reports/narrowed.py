"""A store of which a report sees, of what principals did, only what bears on a question."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from cloudsearch.event import Field, Row
from cloudsearch.store import EVENTS, Group, Grouping, LogFile, Operation, Store, StoreInfo, Table, Written
from cloudsearch.where import And, Where, subjects

_WHO = (EVENTS.by_name["principal"], EVENTS.by_name["principal_id"])


class Narrowed(Store):
    """A store for reading. Grouped questions about events of principals see those within ``narrow``, others all."""

    def __init__(self, store: Store, narrow: Where) -> None:
        self._store = store
        self._narrow = narrow

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        """As of the store; where the question is who it was, within ``narrow``."""
        return self._store.group(table, by, self._narrowed(table, where))

    def group_each(self, table: Table, where: Where, asked: Sequence[Grouping]) -> Iterator[Iterator[Group]]:
        """As ``group``; who it was stands in what all have in common."""
        return self._store.group_each(table, self._narrowed(table, where), asked)

    def _narrowed(self, table: Table, where: Where) -> Where:
        asks_who = table is EVENTS and any(subject in _WHO for subject in subjects(where))
        return And((where, self._narrow)) if asks_who else where

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """As of the store."""
        return self._store.rows(table, where, fields=fields, ordered=ordered)

    def known(self, table: Table, ids: Collection[str]) -> set[str]:
        """As of the store."""
        return self._store.known(table, ids)

    def prepare(self, *, loading: bool = False) -> StoreInfo:
        """As of the store."""
        return self._store.prepare(loading=loading)

    def encode(self, table: Table, row: Row) -> Operation:
        """As of the store."""
        return self._store.encode(table, row)

    def decode(self, table: Table, operation: Operation) -> Row:
        """As of the store."""
        return self._store.decode(table, operation)

    def write(self, table: Table, operations: Sequence[Operation], *, replace: bool = False) -> Written:
        """Refused: a part of a store is for reading."""
        raise NotImplementedError

    def remove(self, table: Table, where: Where) -> int:
        """Refused: a part of a store is for reading."""
        raise NotImplementedError

    def shrink(self) -> None:
        """Refused: a part of a store is for reading."""
        raise NotImplementedError

    def commit(self, log_files: Sequence[LogFile] = ()) -> None:
        """Refused: a part of a store is for reading."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing: whoever opened the store closes it."""
