"""A store that fails on command, around a real one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from cloudsearch.event import Field, Row
from cloudsearch.store import (
    Group,
    Grouping,
    LogFile,
    Operation,
    RefusalKind,
    Refused,
    Store,
    StoreInfo,
    Table,
    Written,
)
from cloudsearch.where import Where

Fault = Callable[[Sequence[Operation]], Written | None]
"""Raises, or answers instead of the store, or returns None to let the write through."""


class Stopped(BaseException):
    """The process was stopped: nothing in between may catch this."""


class Faulty:
    """Passes everything on, except that each write first meets the next of the faults."""

    def __init__(self, store: Store, faults: Sequence[Fault] = ()) -> None:
        self.store = store
        self.faults = list(faults)
        self.sizes: list[int] = []

    def prepare(self, *, loading: bool = False) -> StoreInfo:
        """Pass on."""
        return self.store.prepare(loading=loading)

    def encode(self, table: Table, row: Row) -> Operation:
        """Pass on."""
        return self.store.encode(table, row)

    def decode(self, table: Table, operation: Operation) -> Row:
        """Pass on."""
        return self.store.decode(table, operation)

    def write(self, table: Table, operations: Sequence[Operation], *, replace: bool = False) -> Written:
        """Meet the next fault, then pass on."""
        self.sizes.append(len(operations))
        if self.faults and (answer := self.faults.pop(0)(operations)) is not None:
            return answer
        return self.store.write(table, operations, replace=replace)

    def known(self, table: Table, ids: Collection[str]) -> set[str]:
        """Pass on."""
        return self.store.known(table, ids)

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        """Pass on."""
        return self.store.group(table, by, where)

    def group_each(self, table: Table, where: Where, asked: Sequence[Grouping]) -> Iterator[Iterator[Group]]:
        """Pass on."""
        return self.store.group_each(table, where, asked)

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """Pass on."""
        return self.store.rows(table, where, fields=fields, ordered=ordered)

    def remove(self, table: Table, where: Where) -> int:
        """Pass on."""
        return self.store.remove(table, where)

    def shrink(self) -> None:
        """Pass on."""
        self.store.shrink()

    def commit(self, log_files: Sequence[LogFile] = ()) -> None:
        """Pass on."""
        self.store.commit(log_files)

    def close(self) -> None:
        """Pass on."""
        self.store.close()


def through(operations: Sequence[Operation]) -> None:
    """No fault."""


def raising(error: BaseException) -> Fault:
    """A write that never arrives."""

    def fault(_: Sequence[Operation]) -> Written | None:
        raise error

    return fault


def refusing(kind: RefusalKind, reason: str = "because") -> Fault:
    """A write that is refused whole."""
    return lambda operations: Written(refused=tuple(Refused(operation, kind, reason) for operation in operations))
