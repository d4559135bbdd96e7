"""One read for everybody: a store that is asked the same about one principal after the other.

What a report reads of a principal is a grouped question with one condition on who it was. Here it is put once, without
that condition and by principal, and the answers are handed out; all other reads are made once and remembered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from cloudsearch.event import Field, Row, Value
from cloudsearch.store import EVENTS, Group, LogFile, Operation, Store, StoreInfo, Table, Written
from cloudsearch.where import And, In, Or, Where

_WHO = (EVENTS.by_name["principal"], EVENTS.by_name["principal_id"])

_Name = tuple[str, object]
_Found = Mapping[_Name, Sequence[tuple[int, Group]]]


class Shared(Store):
    """Reads of a store, shared by many questions; ``narrow`` bounds those about principals. Writes nothing.

    Its memory grows with the combinations of calls and principals that are found, not with the events.
    """

    def __init__(self, store: Store, narrow: Where) -> None:
        self._store = store
        self._narrow = narrow
        self._groups: dict[tuple[Table, tuple[Field, ...], Where], list[Group]] = {}
        self._rows: dict[tuple[Table, Where, tuple[Field, ...] | None, bool], list[Row]] = {}
        self._by_name: dict[tuple[tuple[Field, ...], Where], _Found] = {}

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        """As of the store; of events of some principals, those within ``narrow``."""
        whose, rest = _parted(where) if table is EVENTS else (None, where)
        if whose is not None:
            yield from self._of(whose, tuple(by), rest)
            return
        key = table, tuple(by), where
        if key not in self._groups:
            self._groups[key] = list(self._store.group(table, by, where))
        yield from self._groups[key]

    def _of(self, whose: Sequence[In], by: tuple[Field, ...], rest: Where) -> Iterator[Group]:
        if (by, rest) not in self._by_name:
            self._by_name[by, rest] = self._by_principal(by, rest)
        by_name = self._by_name[by, rest]
        names = [(str(getattr(one.subject, "name", "")), value) for one in whose for value in one.values]
        found = dict(pair for name in names for pair in by_name.get(name, ()))
        yield from _merged(found.values(), len(by))

    def _by_principal(self, by: tuple[Field, ...], rest: Where) -> _Found:
        """Every group, numbered, under each of the names of its principal."""
        found: dict[_Name, list[tuple[int, Group]]] = defaultdict(list)
        asked = (*by, *(field for field in _WHO if field not in by))
        places = [(field.name, asked.index(field)) for field in _WHO]
        for number, group in enumerate(self._store.group(EVENTS, asked, And((rest, self._narrow)))):
            for name, place in places:
                found[name, group.key[place]].append((number, group))
        return found

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """As of the store."""
        key = table, where, None if fields is None else tuple(fields), ordered
        if key not in self._rows:
            self._rows[key] = list(self._store.rows(table, where, fields=fields, ordered=ordered))
        yield from self._rows[key]

    def known(self, table: Table, ids: Collection[str]) -> set[str]:
        """As of the store."""
        return self._store.known(table, ids)

    def prepare(self, *, loading: bool = False) -> StoreInfo:
        """As of the store."""
        return self._store.prepare(loading=loading)

    def decode(self, table: Table, operation: Operation) -> Row:
        """As of the store."""
        return self._store.decode(table, operation)

    def encode(self, table: Table, row: Row) -> Operation:
        """Nothing is written through it."""
        raise NotImplementedError

    def write(self, table: Table, operations: Sequence[Operation], *, replace: bool = False) -> Written:
        """Nothing is written through it."""
        raise NotImplementedError

    def remove(self, table: Table, where: Where) -> int:
        """Nothing is written through it."""
        raise NotImplementedError

    def shrink(self) -> None:
        """Nothing is written through it."""
        raise NotImplementedError

    def commit(self, log_files: Sequence[LogFile] = ()) -> None:
        """Nothing is written through it."""
        raise NotImplementedError

    def close(self) -> None:
        """Whoever opened the store closes it."""


def _parted(where: Where) -> tuple[Sequence[In] | None, Where]:
    """The one condition that says who it was, and the others; None where there is not one such, of names alone."""
    parts = list(_conjuncts(where))
    asking = [(part, names) for part in parts if (names := _names(part)) is not None]
    if len(asking) != 1:
        return None, where
    ((own, names),) = asking
    return names, And(tuple(part for part in parts if part is not own))


def _conjuncts(where: Where) -> Iterator[Where]:
    if not isinstance(where, And):
        yield where
        return
    for part in where.parts:
        yield from _conjuncts(part)


def _names(part: Where) -> Sequence[In] | None:
    options = part.parts if isinstance(part, Or) else (part,)
    names = [one for one in options if isinstance(one, In) and one.subject in _WHO]
    return names if names and len(names) == len(options) else None


def _merged(groups: Collection[Group], width: int) -> Iterator[Group]:
    """Groups with the same first values of their keys as one."""
    same: dict[tuple[Value, ...], list[Group]] = defaultdict(list)
    for group in groups:
        same[group.key[:width]].append(group)
    for key, own in same.items():
        first = _moments(group.first_seen for group in own)
        last = _moments(group.last_seen for group in own)
        yield Group(key, sum(group.count for group in own), min(first, default=None), max(last, default=None))


def _moments(times: Iterator[datetime | None]) -> list[datetime]:
    return [time for time in times if time is not None]
