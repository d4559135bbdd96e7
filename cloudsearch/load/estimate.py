"""What a load would do, and roughly what it would take: everything is listed and looked up, nothing is read.

The figures behind the estimates are in ``data/figures.json``, and each estimate says which it stands on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from cloudsearch.load.ledger import Pending, look_up
from cloudsearch.logs import Digest, Found, Source, Unreadable
from cloudsearch.store import LOG_FILES, Store
from cloudsearch.where import In


class Prices(msgspec.Struct, frozen=True):
    """Dollars for a thousand requests; ``what`` says where and of what."""

    what: str
    list_per_1000: float
    get_per_1000: float
    source: str


class Speed(msgspec.Struct, frozen=True):
    """How a kind of store takes records."""

    records_per_second: float
    bytes_per_stored_byte: float


class Figures(msgspec.Struct, frozen=True):
    """What the estimates stand on."""

    prices: Prices
    stored_bytes_per_record: float
    lists_per_second: float
    gets_per_second: float
    file: Speed
    search: Speed
    basis: str


@dataclass(slots=True)
class Estimate:
    """Files as a receipt counts them, except that nothing is loaded; ``bytes`` as stored, of those to load.

    ``gets`` are requests a load would make; ``lists`` those made to find out, which a load makes again.
    """

    already_loaded: int = 0
    to_load: int = 0
    refused: int = 0
    digests: int = 0
    bytes: int = 0
    gets: int = 0
    lists: int = 0
    into_search: bool = False

    @property
    def listed(self) -> int:
        """Files found."""
        return self.already_loaded + self.to_load + self.refused

    @property
    def records(self) -> int:
        """About how many records are to be loaded."""
        return round(self.bytes / figures().stored_bytes_per_record)

    @property
    def seconds(self) -> float:
        """About how long it takes: listing, fetching and reading go on side by side."""
        of = figures()
        reading = self.records / self._speed.records_per_second
        return max(reading, self.gets / of.gets_per_second, self.lists / of.lists_per_second)

    @property
    def store_bytes(self) -> int:
        """About how much the store grows."""
        return round(self.bytes * self._speed.bytes_per_stored_byte)

    @property
    def dollars(self) -> float:
        """What the requests of a load cost."""
        prices = figures().prices
        return (self.lists * prices.list_per_1000 + self.gets * prices.get_per_1000) / 1000

    def as_json(self) -> dict[str, object]:
        """As ``load --dry-run --format json`` prints it."""
        return {
            "files": {
                "listed": self.listed,
                "already_loaded": self.already_loaded,
                "to_load": self.to_load,
                "refused": self.refused,
                "skipped": {"digests": self.digests},
            },
            "bytes": self.bytes,
            "requests": {"list": self.lists, "get": self.gets},
            "estimate": {
                "records": self.records,
                "seconds": round(self.seconds, 1),
                "store_bytes": self.store_bytes,
                "request_cost_usd": round(self.dollars, 6),
            },
            "assumed": msgspec.to_builtins(figures()),
        }

    @property
    def _speed(self) -> Speed:
        return figures().search if self.into_search else figures().file


def estimated(sources: Iterable[Found], store: Store | None, *, into_search: bool) -> tuple[Estimate, list[Unreadable]]:
    """Look everything up, in no store if there is none yet; with what could not be looked into."""
    estimate, unreadable = Estimate(into_search=into_search), list[Unreadable]()
    for one in _looked_up(_readable(sources, estimate, unreadable), store):
        if one.is_loaded:
            estimate.already_loaded += 1
            continue
        estimate.to_load += 1
        estimate.bytes += one.source.size
        estimate.gets += one.source.etag is not None
    return estimate, unreadable


@cache
def figures() -> Figures:
    """As they are written down."""
    return msgspec.json.decode((files("cloudsearch.load") / "data" / "figures.json").read_bytes(), type=Figures)


def _readable(sources: Iterable[Found], estimate: Estimate, unreadable: list[Unreadable]) -> Iterator[Source]:
    for source in sources:
        if isinstance(source, Source):
            yield source
        elif isinstance(source, Digest):
            estimate.digests += 1
        else:
            estimate.refused += 1
            unreadable.append(source)


def _looked_up(sources: Iterable[Source], store: Store | None) -> Iterator[Pending]:
    if store is None:
        return map(Pending, sources)
    return look_up(sources, lambda ids: store.rows(LOG_FILES, In(LOG_FILES.by_name["id"], tuple(ids))))
