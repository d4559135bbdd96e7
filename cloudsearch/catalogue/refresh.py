"""Fetch AWS's Service Reference over the user's own network, and keep it.

Nothing here was ever run against AWS's own site, which is out of reach where this is built: it is tested against an
HTTP server that serves pages of the format AWS documents (``reference.PAGE``). What AWS may do otherwise is met by
keeping little of what is not as documented: a page that cannot be read is left out, and the bundled data stay for it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cloudsearch.catalogue import bundled
from cloudsearch.catalogue.cache import MAX_PAGE, keep, path
from cloudsearch.catalogue.download import NotServed, Site, Unreachable
from cloudsearch.catalogue.reference import PAGE, Listed, PageError, listed, page
from cloudsearch.errors import CloudsearchError

BASE = "https://servicereference.us-east-1.amazonaws.com"
WORKERS = 6
MAX_LIST = 4 << 20  # bytes
MAX_SERVICES = 5_000
MAX_TOTAL = 512 << 20  # bytes
MOST_LEFT_OUT = 0.1  # of the services: more missing is no Service Reference

_LISTS = ("/v1/service-list.json", "/")  # the list by its name, and where AWS's page says to begin
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A service whose page is not kept, and why."""

    service: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh fetched: counts, and what it could not; ``seconds`` it took, ``size`` of the file in bytes."""

    source: str
    fetched_at: datetime
    file: Path
    size: int
    seconds: float
    services: int
    actions: int
    operations: int
    left_out: tuple[LeftOut, ...]


Watch = Callable[[int, int], None]
"""Told how many pages of how many are done."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    service: str
    raw: bytes
    actions: int
    operations: int


def refresh(base: str, *, now: datetime, watch: Watch) -> Refreshed:
    """Fetch every page and put them in the place of those kept before, all at once.

    Raises ``UsageError`` for a base URL not to be used, ``CloudsearchError`` when the pages cannot be fetched or
    kept; what was kept before is then still there.
    """
    start = time.monotonic()
    site = Site(base)
    file = path()
    if file is None:
        raise CloudsearchError("There is no home folder to keep a cache in: name one with CLOUDSEARCH_CACHE")
    try:
        fetched, left_out = _fetch(site, _services(site), watch)
    except Unreachable as error:
        raise CloudsearchError(_unreachable(site, error)) from error
    return Refreshed(
        source=site.base,
        fetched_at=now,
        file=file,
        size=keep(file, {one.service: one.raw for one in fetched}, fetched_at=now, source=site.base),
        seconds=time.monotonic() - start,
        services=len(fetched),
        actions=sum(one.actions for one in fetched),
        operations=sum(one.operations for one in fetched),
        left_out=tuple(sorted(left_out, key=lambda one: one.service)),
    )


def _services(site: Site) -> dict[str, str]:
    """Service prefix -> the address of its page, as listed."""
    found = _list(site)
    if len(found) > MAX_SERVICES:
        raise CloudsearchError(f"{site.base} lists {len(found):,} services, which no AWS has; nothing was kept")
    return {one.service: one.url for one in found}


def _list(site: Site) -> list[Listed]:
    refusals = []
    for place in _LISTS:
        try:
            return listed(site.get(f"{site.base}{place}", MAX_LIST))
        except (NotServed, PageError) as error:
            refusals.append(f"{place}: {error}")
    raise CloudsearchError(
        f"{site.base} has no Service Reference of AWS ({'; '.join(refusals)}). {_stays()} "
        f"A mirror must serve what {PAGE} describes"
    )


def _fetch(site: Site, services: Mapping[str, str], watch: Watch) -> tuple[list[_Fetched], list[LeftOut]]:
    fetched: list[_Fetched] = []
    left_out: list[LeftOut] = []
    total = 0
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="refresh")
    try:
        pages = [pool.submit(_page, site, service, url) for service, url in services.items()]
        for done, future in enumerate(as_completed(pages), start=1):
            found = future.result()
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                fetched.append(found)
                total += len(found.raw)
            _check(site, total, left_out, len(services))
            watch(done, len(services))
    finally:
        site.stop()
        pool.shutdown(cancel_futures=True)
    return sorted(fetched, key=lambda one: one.service), left_out


def _page(site: Site, service: str, url: str) -> _Fetched | LeftOut:
    if not _PREFIX.fullmatch(service):
        return LeftOut(service, "not a service prefix")
    try:
        raw = site.get(site.own(url), MAX_PAGE)
        found = page(raw, service)
    except (NotServed, PageError, ValueError) as error:
        return LeftOut(service, str(error))
    except Unreachable as error:
        raise Unreachable(f"{error}, at {url}") from error
    return _Fetched(service, raw, len(found.actions), len(found.operations))


def _check(site: Site, total: int, left_out: Iterable[LeftOut], services: int) -> None:
    missing = list(left_out)
    if total > MAX_TOTAL:
        raise CloudsearchError(f"{site.base} serves more than {MAX_TOTAL >> 20} MiB; nothing was kept. {_stays()}")
    if len(missing) > services * MOST_LEFT_OUT:
        first = missing[0]
        raise CloudsearchError(
            f"{site.base}: {len(missing)} of {services} pages cannot be used, the first that of {first.service}: "
            f"{first.reason}. Nothing was kept. {_stays()}"
        )


def _stays() -> str:
    return f"The data in use stay: those of the last refresh if there was one, and of {bundled.release()}."


def _unreachable(site: Site, error: Unreachable) -> str:
    return (
        f"AWS's Service Reference could not be fetched from {site.base}: {error}. {_stays()} "
        "Behind a proxy set HTTPS_PROXY; a mirror is named by CLOUDSEARCH_SERVICE_REFERENCE"
    )
