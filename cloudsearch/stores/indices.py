"""The indices of a store: made explicitly, with the whole mapping, before anything is sent to them.

An engine that makes an index by itself guesses a mapping from the first document. The templates stand behind, for
the index that somebody deletes while a load runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec

from cloudsearch.errors import AccessError, StoreRejected
from cloudsearch.event import DERIVATION_VERSION, FIELDS_VERSION
from cloudsearch.store import EVENTS, TABLES, RefusalKind, Table
from cloudsearch.stores.engine import Answer, Engine, answered, checked, failure, refusal
from cloudsearch.stores.mappings import (
    YEARS,
    aliases,
    first_index,
    index_name,
    properties,
    read_name,
    template,
    template_name,
)


class _Versions(msgspec.Struct):
    fields_version: int = 0
    derivation_version: int = 0


class _Meta(msgspec.Struct):
    cloudsearch: _Versions | None = None


class _Mapping(msgspec.Struct, rename={"meta": "_meta"}):
    meta: _Meta = msgspec.field(default_factory=_Meta)
    properties: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def derived(self) -> Mapping[str, Any]:
        """The derived fields that are mapped."""
        found: Mapping[str, Any] = self.properties.get("cloudsearch", {}).get("properties", {})
        return found


class _Index(msgspec.Struct):
    mappings: _Mapping
    aliases: dict[str, Any] = msgspec.field(default_factory=dict)


class _Count(msgspec.Struct):
    count: int


class Barred(msgspec.Struct, frozen=True):
    """Why an index cannot be had."""

    kind: RefusalKind
    reason: str


class Indices:
    """Makes the indices of one prefix and keeps their mappings up to date."""

    def __init__(self, engine: Engine, name: str, prefix: str) -> None:
        self._engine, self._name, self._prefix = engine, name, prefix
        self._lock = Lock()
        self._made: set[str] = set()
        self.created: set[str] = set()
        """Indices that were not there before."""

    def found(self) -> dict[Table, dict[str, _Mapping]]:
        """The mappings of every index of each table.

        ``StoreRejected`` when one is not ours, or was made by a newer program.
        """
        found = {table: self._mappings(read_name(self._prefix, table)) for table in TABLES}
        for mappings in found.values():
            for index, mapping in mappings.items():
                self._check(index, mapping)
        return found

    def _mappings(self, name: str) -> dict[str, _Mapping]:
        answer = self._engine.request("GET", f"/{name}/_mapping")
        if answer.status == 404:
            return {}
        read = answered(answer, dict[str, _Index], f"Reading the mapping of {name}")
        return {index: description.mappings for index, description in read.items()}

    def _check(self, index: str, mapping: _Mapping) -> None:
        versions = mapping.meta.cloudsearch
        if versions is None:
            raise StoreRejected(f"{index} in {self._name} is not cloudsearch's. Choose another name with --index")
        if versions.fields_version > FIELDS_VERSION or versions.derivation_version > DERIVATION_VERSION:
            raise StoreRejected(
                f"{self._name} was written by a newer cloudsearch (field table {versions.fields_version}, derivation "
                f"{versions.derivation_version}; this one knows {FIELDS_VERSION} and {DERIVATION_VERSION}). "
                "Upgrade cloudsearch"
            )

    def create(self) -> tuple[str, ...]:
        """Put the templates and make each table's first index; what could not be done and may wait is a notice."""
        self._made.clear()
        # Side by side, since a cluster takes many such changes in one step, and each step alone is slow.
        with ThreadPoolExecutor(len(TABLES)) as pool:
            notices = set(pool.map(self._put_template, TABLES))
            indices = [first_index(self._prefix, table) for table in TABLES]
            for index, barred in zip(indices, pool.map(self._make, TABLES, indices), strict=True):
                if barred is not None:
                    raise StoreRejected(f"{index} could not be made: {barred.reason}")
        return tuple(filter(None, notices))

    def _put_template(self, table: Table) -> str | None:
        name = template_name(self._prefix, table)
        path, body = f"/_index_template/{name}", template(self._prefix, table, self._engine.dialect)
        try:
            checked(self._engine.request("PUT", path, body=body), f"Putting template {name}")
        except AccessError:
            return (
                "The index templates could not be put (that needs the privilege manage_index_templates); "
                "indices are made with the same mappings, so this matters only when somebody deletes one during a load"
            )
        return None

    def ensure(self, table: Table, months: Collection[str | None]) -> dict[str | None, Barred]:
        """Make the indices of these months where they are not there; those that cannot be had, and why."""
        barred = {}
        for month in months:
            index = index_name(self._prefix, table, month)
            if index in self._made:
                continue
            with self._lock:
                why = self._make(table, index) if index not in self._made else None
            if why is not None:
                barred[month] = why
        return barred

    def _make(self, table: Table, index: str) -> Barred | None:
        body = template(self._prefix, table, self._engine.dialect)["template"]
        answer = self._engine.request("PUT", f"/{index}", body=body)
        why = self._not_made(table, index, answer)
        if why is None:
            self._made.add(index)
        return why

    def _not_made(self, table: Table, index: str, answer: Answer) -> Barred | None:
        if answer.status < 300:
            self.created.add(index)
            return None
        cause = answer.cause
        if cause.type == "resource_already_exists_exception":
            return self._not_ours(table, index)
        error = failure(answer, f"Making {index}")
        if isinstance(error, AccessError):
            # Who may write but not make indices has them made by somebody else.
            if self._engine.request("GET", f"/{index}").status == 200:
                return self._not_ours(table, index)
            raise error
        kind = refusal(answer.status, cause)
        return Barred(RefusalKind.FATAL if kind is RefusalKind.DOCUMENT else kind, str(error))

    def _not_ours(self, table: Table, index: str) -> Barred | None:
        """Whether an index of our name is another's; one of ours that lost its aliases gets them back."""
        answer = self._engine.request("GET", f"/{index}")
        description = answered(answer, dict[str, _Index], f"Reading {index}")[index]
        self._check(index, description.mappings)
        for alias in aliases(self._prefix, table).keys() - description.aliases.keys():
            checked(self._engine.request("PUT", f"/{index}/_alias/{alias}"), f"Adding {index} to {alias}")
        return None

    def before(self, table: Table, end: datetime) -> tuple[str, ...]:
        """The indices of months that end before or at a time, earliest first."""
        last = f"{end.year}.{end.month:02}"
        names = {index_name(self._prefix, table, f"{year}.{month:02}") for year in YEARS for month in range(1, 13)}
        limit = index_name(self._prefix, table, last)
        return tuple(
            sorted(name for name in self._mappings(read_name(self._prefix, table)) if name in names and name < limit)
        )

    def drop(self, index: str) -> int:
        """Delete an index; says how many rows it held, none where that is not allowed."""
        answer = self._engine.request("POST", f"/{index}/_count")
        held = answered(answer, _Count, f"Counting {index}").count
        try:
            checked(self._engine.request("DELETE", f"/{index}"), f"Dropping {index}")
        except AccessError:
            return 0
        self._made.discard(index)
        return held

    def upgrade(self, found: Mapping[Table, Mapping[str, _Mapping]], *, loading: bool) -> tuple[bool, tuple[str, ...]]:
        """Add what this version maps and an index lacks; whether events got fields, and notices."""
        added, refused = False, False
        for table, mappings in found.items():
            for index, mapping in mappings.items():
                lacks = properties(table).keys() - mapping.derived.keys()
                added |= bool(lacks) and table is EVENTS
                if lacks or self._is_older(mapping, loading=loading):
                    refused |= not self._add(table, index, mapping, loading=loading)
        if not refused:
            return added, ()
        notice = (
            f"Fields that this version added could not be mapped in {self._name} (that needs the privilege manage on "
            "its indices): searching by them finds nothing in what was loaded before"
        )
        return added, (notice,)

    @staticmethod
    def _is_older(mapping: _Mapping, *, loading: bool) -> bool:
        versions = mapping.meta.cloudsearch or _Versions()
        older_rows = versions.derivation_version < DERIVATION_VERSION
        return versions.fields_version < FIELDS_VERSION or (loading and older_rows)

    def _add(self, table: Table, index: str, mapping: _Mapping, *, loading: bool) -> bool:
        """Put the mapping of this version; False when that is not allowed."""
        versions = mapping.meta.cloudsearch or _Versions()
        derivation = DERIVATION_VERSION if loading else versions.derivation_version
        body = {
            "_meta": {"cloudsearch": {"fields_version": FIELDS_VERSION, "derivation_version": derivation}},
            "properties": template(self._prefix, table, self._engine.dialect)["template"]["mappings"]["properties"],
        }
        try:
            checked(self._engine.request("PUT", f"/{index}/_mapping", body=body), f"Adding fields to {index}")
        except AccessError:
            return False
        return True
