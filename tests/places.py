"""Where a store can be: what the command line needs to name it, and how to open it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudsearch.store import Store
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.stores.opensearch import OpenSearchStore


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A DuckDB file."""

    path: Path

    @property
    def options(self) -> Sequence[str]:
        """Flags of the command line."""
        return ["--store", str(self.path)]

    def open(self) -> Store:
        """A handle of its own."""
        return DuckDBStore(self.path)


@dataclass(frozen=True, slots=True)
class IndexPlace:
    """Indices of one prefix on a search engine."""

    url: str
    prefix: str
    kind: type[ElasticsearchStore | OpenSearchStore] = ElasticsearchStore

    @property
    def options(self) -> Sequence[str]:
        """Flags of the command line."""
        return ["--store", self.url, "--index", self.prefix]

    def open(self) -> Store:
        """A handle of its own."""
        return self.kind(self.url, prefix=self.prefix)


Place = FilePlace | IndexPlace
