"""Where a store can be: what the command line needs to name it, and how to open it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudsearch.store import Store
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.stores.elasticsearch import ElasticsearchStore


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

    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.exists()


@dataclass(frozen=True, slots=True)
class IndexPlace:
    """Indices of one prefix on a search engine."""

    url: str
    prefix: str

    @property
    def options(self) -> Sequence[str]:
        """Flags of the command line."""
        return ["--store", self.url, "--index", self.prefix]

    def open(self) -> Store:
        """A handle of its own."""
        return ElasticsearchStore(self.url, prefix=self.prefix)

    def exists(self) -> bool:
        """Whatever was there is made whole when it is opened for loading."""
        return True


Place = FilePlace | IndexPlace
PlaceFactory = Callable[[], Place]
