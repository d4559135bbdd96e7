"""From ``--store`` to a store that is open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cloudsearch.cli.output import say
from cloudsearch.errors import UsageError
from cloudsearch.store import Store, StoreInfo


@contextmanager
def opened(  # noqa: PLR0913 (a way to open, a parameter)
    name: str,
    *,
    index: str,
    ca_cert: Path | None,
    loading: bool = False,
    changing: bool = False,
    max_wait: float | None = None,
    quiet: bool = False,
) -> Iterator[tuple[Store, StoreInfo]]:
    """Open a store, say its notices on stderr, and close it in any case.

    ``loading`` creates one; ``changing`` opens one that is there for writing. A store that does not answer is asked
    again for ``max_wait`` seconds. ``quiet``, its notices are not said.
    """
    store = connect(name, index, ca_cert)
    try:
        if changing:
            _patiently(partial(store.prepare), max_wait)
        info = _patiently(partial(store.prepare, loading=loading or changing), max_wait)
        for notice in () if quiet else info.notices:
            say(f"note: {notice}")
        yield store, info
    finally:
        store.close()


def _patiently(prepare: Callable[[], StoreInfo], max_wait: float | None) -> StoreInfo:
    if max_wait is None:
        return prepare()
    from cloudsearch.load.sending import patiently

    return patiently(prepare, say, max_wait)


def patience(max_wait: float | None) -> float:
    """Seconds that a store which takes nothing more is waited for: as ``--max-wait`` says, else as the loads do."""
    from cloudsearch.load.sending import MAX_WAIT_SECONDS

    return MAX_WAIT_SECONDS if max_wait is None else max_wait


def takes_many_writers(name: str) -> bool:
    """Whether several processes may write to the store at once: to a search engine, not to a file."""
    return name.startswith(("http://", "https://"))


def connect(name: str, index: str, ca_cert: Path | None) -> Store:
    """The store of that name, whatever is there; nothing is asked of it yet."""
    if takes_many_writers(name):
        from cloudsearch.stores.either import store_at

        username, password = os.environ.get("CLOUDSEARCH_USERNAME"), os.environ.get("CLOUDSEARCH_PASSWORD")
        return store_at(
            name,
            prefix=index,
            api_key=os.environ.get("CLOUDSEARCH_API_KEY") or None,
            basic=(username, password) if username and password else None,
            aws_service=os.environ.get("CLOUDSEARCH_AWS_SERVICE") or None,
            ca_cert=str(ca_cert) if ca_cert else None,
        )
    if "://" in name:
        raise UsageError(f"--store {name}: a store is a DuckDB file or an http(s) URL")
    from cloudsearch.stores.duckdb import DuckDBStore

    return DuckDBStore(Path(name))
