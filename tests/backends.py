"""The stores that the contract is tried on: how each is opened, seen from outside, and made to look older or newer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from cloudsearch.event import Row
from cloudsearch.store import EVENTS, TABLES, Store
from cloudsearch.stores import mappings
from cloudsearch.stores.dialect import ELASTICSEARCH, OPENSEARCH
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.stores.opensearch import OpenSearchStore
from tests.places import FilePlace, IndexPlace, Place
from tests.servers import harm


class Backend(Protocol):
    """One store, from outside."""

    @property
    def place(self) -> Place:
        """What the command line calls it."""
        ...

    def open(self) -> Store:
        """A handle, not prepared."""
        ...

    def contents(self) -> set[str]:
        """What there is of the store: files, or indices and templates."""
        ...

    def leave_older(self, rows: Sequence[Row], without: str) -> None:
        """A store that an older version left: these events, without one field, and version numbers of 0."""
        ...

    def leave_newer(self) -> None:
        """Raise the version numbers that the store remembers."""
        ...

    def harm(self) -> Sequence[str]:
        """What speaks against the health of the server behind it: nothing, where there is none."""
        ...

    def clean(self) -> None:
        """Remove it."""
        ...


class DuckDB:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> Place:
        """The path."""
        return FilePlace(self.path)

    def open(self) -> Store:
        """A handle, not prepared."""
        return self.place.open()

    def contents(self) -> set[str]:
        """The file, if it is there."""
        return {path.name for path in self.path.parent.glob(f"{self.path.name}*")}

    def leave_older(self, rows: Sequence[Row], without: str) -> None:
        """Write rows and drop the column."""
        store = self.open()
        store.prepare(loading=True)
        store.write(EVENTS, [store.encode(EVENTS, {**row, "derivation": 0}) for row in rows])
        store.commit()
        store.close()
        self._run(f'ALTER TABLE events DROP COLUMN "{without}"', "UPDATE meta SET fields_version = 0")
        self._run("UPDATE meta SET derivation_version = 0")

    def leave_newer(self) -> None:
        """Raise the number in its meta table."""
        self._run("UPDATE meta SET fields_version = 99")

    def _run(self, *statements: str) -> None:
        import duckdb

        with duckdb.connect(str(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)

    def harm(self) -> Sequence[str]:
        """There is no server."""
        return ()

    def clean(self) -> None:
        """Nothing: the file lies in the test's own folder."""


class Elasticsearch:
    """Indices of a prefix that nobody else has."""

    kind: type[ElasticsearchStore | OpenSearchStore] = ElasticsearchStore
    dialect = ELASTICSEARCH

    def __init__(self, url: str) -> None:
        self.url = url
        self.prefix = f"test-{uuid4().hex[:12]}"

    @property
    def place(self) -> Place:
        """The URL and the prefix."""
        return IndexPlace(self.url, self.prefix, self.kind)

    def open(self) -> Store:
        """A handle, not prepared."""
        return self.place.open()

    def contents(self) -> set[str]:
        """Its indices and templates."""
        templates = self.ask("GET", "/_index_template")["index_templates"]
        found = {f"template {one['name']}" for one in templates} | set(self.ask("GET", "/_alias"))
        return {name for name in found if name.removeprefix("template ").startswith(self.prefix)}

    def leave_older(self, rows: Sequence[Row], without: str) -> None:
        """Make the indices by hand, without the field, and write rows."""
        for table in TABLES:
            months = {table.month(row) for row in rows} if table is EVENTS else set()
            first = mappings.first_index(self.prefix, table)
            for index in {first, *(mappings.index_name(self.prefix, table, month) for month in months)}:
                body = mappings.template(self.prefix, table, self.dialect)["template"]
                body["mappings"]["properties"]["cloudsearch"]["properties"].pop(without, None)
                body["mappings"]["_meta"] = {"cloudsearch": {"fields_version": 0, "derivation_version": 0}}
                self.ask("PUT", f"/{index}", body)
        store = self.open()
        store.write(EVENTS, [store.encode(EVENTS, {**row, "derivation": 0}) for row in rows])
        store.commit()
        store.close()

    def leave_newer(self) -> None:
        """Raise the number in the events' mapping."""
        body = {"_meta": {"cloudsearch": {"fields_version": 99, "derivation_version": 1}}}
        self.ask("PUT", f"/{self.prefix}.events/_mapping", body)

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (what JSON holds)
        """Ask the server beside the store; its answer, an error's too."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read() or b"{}")

    def harm(self) -> Sequence[str]:
        """Lines of its log that tell of a thread that died; what it answers, where that is no answer."""
        health = self.ask("GET", "/_cluster/health")
        well = health.get("status") in {"green", "yellow"}
        return [*harm(self.url), *([] if well else [json.dumps(health)])]

    def clean(self) -> None:
        """Remove its indices and templates."""
        for name in self.contents():
            if name.startswith("template "):
                self.ask("DELETE", f"/_index_template/{name.removeprefix('template ')}")
            else:
                self.ask("PUT", f"/{name}/_settings", {"index.blocks.write": None, "index.blocks.read_only": None})
                self.ask("DELETE", f"/{name}")


class OpenSearch(Elasticsearch):
    """The same on the other engine."""

    kind = OpenSearchStore
    dialect = OPENSEARCH
