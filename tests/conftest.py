"""Fixtures: every test that takes ``store`` runs over each store named in ``CLOUDSEARCH_TEST_STORES``.

A store that was asked for and is not there fails the run; nothing is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cloudsearch.store import Store
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from tests.backends import Backend, DuckDB, Elasticsearch, OpenSearch
from tests.proxy import Proxy
from tests.servers import ELASTICSEARCH, ELASTICSEARCH_9, OPENSEARCH, OPENSEARCH_3, Server, ServerFailed, running

if TYPE_CHECKING:
    from tests.aws import SmallAws

KNOWN = ("duckdb", "elasticsearch", "elasticsearch9", "opensearch", "opensearch3")
ASKED = tuple(filter(None, os.environ.get("CLOUDSEARCH_TEST_STORES", "duckdb").split(",")))

if not ASKED or not set(ASKED) <= set(KNOWN):
    raise pytest.UsageError(f"CLOUDSEARCH_TEST_STORES must name some of {', '.join(KNOWN)}, not {','.join(ASKED)!r}")

ENGINES = tuple(kind for kind in ASKED if kind != "duckdb")
"""The search engines among them."""

_OF_ENGINES = {"opensearch": "test_opensearch_server.py", "elasticsearch": "test_elasticsearch_security.py"}
collect_ignore = [file for engine, file in _OF_ENGINES.items() if engine not in ASKED]
if not ENGINES:
    collect_ignore.append("test_dashboards_answers.py")
"""What is an engine's alone and takes a server of its own is tried where that engine was asked for."""

StoreFactory = Callable[[], Store]


@pytest.fixture(scope="session", autouse=True)
def _no_catalogue_of_the_users_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What somebody fetched with ``actions --refresh`` on this machine changes no test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """A real Elasticsearch, started when a test first needs one."""
    yield from _asked_for(ELASTICSEARCH)


@pytest.fixture(scope="session")
def elasticsearch9_url() -> Iterator[str]:
    """A real Elasticsearch of the version after, started when a test first needs one."""
    yield from _asked_for(ELASTICSEARCH_9)


@pytest.fixture(scope="session")
def opensearch_url() -> Iterator[str]:
    """A real OpenSearch, started when a test first needs one."""
    yield from _asked_for(OPENSEARCH)


@pytest.fixture(scope="session")
def opensearch3_url() -> Iterator[str]:
    """A real OpenSearch of the version after, started when a test first needs one."""
    yield from _asked_for(OPENSEARCH_3)


def _asked_for(server: Server) -> Iterator[str]:
    """A server's URL; one that cannot be had ends the run, or where tests run side by side fails each that needs it."""
    try:
        with running(server) as url:
            yield url
    except ServerFailed as error:
        if "PYTEST_XDIST_WORKER" in os.environ:  # which may not end, and is lost with what it has to say
            raise
        pytest.exit(str(error), returncode=1)


@pytest.fixture
def backends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Backend]]:
    """Makes empty stores of a kind, this test's alone; files lie beside the test's own folder, which it may walk."""
    folder = tmp_path_factory.mktemp("stores")
    made: list[Backend] = []

    def make(kind: str) -> Backend:
        if kind == "duckdb":
            made.append(DuckDB(folder / f"store-{len(made)}.duckdb"))
        else:
            engine = OpenSearch if kind.startswith("opensearch") else Elasticsearch
            made.append(engine(request.getfixturevalue(f"{kind}_url")))
        return made[-1]

    yield make
    for backend in made:
        backend.clean()


@pytest.fixture(params=ASKED)
def make_backend(request: pytest.FixtureRequest, backends: Callable[[str], Backend]) -> Callable[[], Backend]:
    """Makes empty stores, of each kind asked for."""
    return lambda: backends(request.param)


@pytest.fixture
def every_backend(backends: Callable[[str], Backend]) -> Sequence[Backend]:
    """One empty store of each kind asked for."""
    return [backends(kind) for kind in ASKED]


@pytest.fixture
def backend(make_backend: Callable[[], Backend]) -> Backend:
    """The store behind ``store``, seen from outside."""
    return make_backend()


@pytest.fixture
def make_store(make_backend: Callable[[], Backend]) -> Iterator[StoreFactory]:
    """Makes empty stores, ready for loading."""
    opened: list[Store] = []

    def make() -> Store:
        opened.append(make_backend().open())
        opened[-1].prepare(loading=True)
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    """An empty store, ready for loading."""
    opened = backend.open()
    opened.prepare(loading=True)
    yield opened
    opened.close()


@pytest.fixture
def reopen(backend: Backend, store: Store) -> Iterator[StoreFactory]:
    """Closes the test's store without a commit and opens it again for reading, as another process would."""
    opened: list[Store] = []

    def open_again() -> Store:
        for before in (store, *opened):
            before.close()
        opened.append(backend.open())
        opened[-1].prepare()
        return opened[-1]

    yield open_again
    for again in opened:
        again.close()


@pytest.fixture(scope="module")
def moto() -> Iterator[tuple[str, int]]:
    """One server of AWS's for all tests of a file; each begins with nothing in it."""
    from tests.aws import moto_server  # which takes a second to import

    with moto_server() as address:
        yield address


@pytest.fixture
def aws(moto: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallAws]:
    """An AWS that boto3 finds, with nothing in it."""
    from tests.aws import found_by_boto3

    with found_by_boto3(moto, tmp_path, monkeypatch) as small:
        yield small


@pytest.fixture
def cluster(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    """An Elasticsearch and a prefix of this test's own, for what is Elasticsearch's alone."""
    backend = Elasticsearch(elasticsearch_url)
    yield backend
    backend.clean()


@pytest.fixture
def loaded(cluster: Elasticsearch) -> Iterator[Store]:
    """An empty store, ready for loading."""
    store = cluster.open()
    store.prepare(loading=True)
    yield store
    store.close()


@pytest.fixture
def proxy(cluster: Elasticsearch) -> Iterator[Proxy]:
    """A server in between."""
    with Proxy(cluster.url).running() as between:
        yield between


@pytest.fixture
def behind(cluster: Elasticsearch, proxy: Proxy) -> Iterator[Store]:
    """An empty store behind the server in between."""
    store = ElasticsearchStore(proxy.url, prefix=cluster.prefix)
    store.prepare(loading=True)
    yield store
    store.close()
