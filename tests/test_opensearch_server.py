"""Only what a real OpenSearch answers: collected where ``CLOUDSEARCH_TEST_STORES`` asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from benchmarks.corpus import write as write_corpus
from cloudsearch.errors import AccessError, StoreError
from cloudsearch.store import CSM_CALLS, EVENTS, LOG_FILES, RefusalKind, Store, Written
from cloudsearch.stores.amazon import Scope, Service
from cloudsearch.stores.either import store_at
from cloudsearch.stores.opensearch import OpenSearchStore
from cloudsearch.where import Everything
from tests.backends import OpenSearch
from tests.proxy import Proxy, Reply, error
from tests.rows import FIELD, NOON, event, ids, kinds, write
from tests.servers import OPENSEARCH
from tests.signatures import signed_for

ROOT = Path(__file__).parent.parent
CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


@pytest.fixture
def place(opensearch_url: str) -> Iterator[OpenSearch]:
    """A prefix of this test's own."""
    backend = OpenSearch(opensearch_url)
    yield backend
    backend.clean()


@pytest.fixture
def loaded(place: OpenSearch) -> Iterator[Store]:
    """An empty store, ready for loading."""
    store = place.open()
    store.prepare(loading=True)
    yield store
    store.close()


@pytest.fixture
def between(place: OpenSearch) -> Iterator[Proxy]:
    """A server in between."""
    with Proxy(place.url).running() as proxy:
        yield proxy


def test_the_server_is_the_one_asked_for(opensearch_url: str) -> None:
    """A run that asks for OpenSearch is tried on it, and on no other engine."""
    with urllib.request.urlopen(opensearch_url, timeout=60) as answer:
        version = json.load(answer)["version"]
    assert version["distribution"] == "opensearch"
    assert OPENSEARCH.given or version["number"] == OPENSEARCH.version


# Reading


def test_rows_without_a_time_over_many_pages(loaded: Store) -> None:
    """No order of the engine's own tells them apart: pages join by time and id, also where there is no time."""
    rows = [event(f"{n:05}", time=None if n % 2 else NOON) for n in range(11_000)]
    for at in range(0, len(rows), 2_000):
        write(loaded, rows[at : at + 2_000])
    loaded.commit()
    expected = [row["id"] for row in sorted(rows, key=lambda row: (row["time"] is None, row["id"]))]
    fields = [FIELD["id"]]
    assert [row["id"] for row in loaded.rows(EVENTS, Everything(), fields=fields, ordered=True)] == expected
    assert ids(loaded.rows(EVENTS, Everything(), fields=fields)) == sorted(expected, key=str)


def test_snapshots_are_closed(
    place: OpenSearch, loaded: Store, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nobody reads to the end: an engine keeps few of them open."""
    monkeypatch.setattr("cloudsearch.stores.reading.PAGE_OF_GROUPS", 2)
    write(loaded, [event("1"), event("2")])
    loaded.commit()
    store = OpenSearchStore(between.url, prefix=place.prefix)
    next(iter(store.rows(EVENTS, Everything())))
    list(store.group(EVENTS, [FIELD["id"]], Everything()))
    store.close()
    opened = [request for request in between.seen if "point_in_time?" in request.path]
    closed = [json.loads(request.body) for request in between.seen if request.method == "DELETE"]
    assert len(opened) == len(closed) == 2
    left = place.ask("GET", "/_search/point_in_time/_all").get("pits", [])
    assert not {one["pit_id"] for one in left} & {id_ for body in closed for id_ in body["pit_id"]}


# Documents


def test_keys_grow_no_mapping(place: OpenSearch, loaded: Store) -> None:
    """Keys that AWS or an attacker makes up cost no field."""
    rows = [
        event(f"{n}", raw=json.dumps({"requestParameters": {f"k{n}-{m}": m for m in range(390)}}).encode())
        for n in range(50)
    ]
    assert write(loaded, rows) == Written(created=50)
    month, undated = (
        place.ask("GET", f"/{index}/_mapping")[index]
        for index in (f"{place.prefix}-2024.05", f"{place.prefix}-undated")
    )
    assert month == undated


def test_texts_of_other_tables_are_cut_to_what_a_term_holds(loaded: Store) -> None:
    """There is no other form for them; four bytes a letter are the worst case."""
    assert write(loaded, [{"id": "1", "time": NOON, "api": "\U0001f600" * 40_000}], CSM_CALLS) == Written(created=1)
    loaded.commit()
    assert [found["api"] for found in loaded.rows(CSM_CALLS, Everything())] == ["\U0001f600" * 8_191]


# What it refuses


@pytest.mark.parametrize("block", ["write", "read_only", "read_only_allow_delete"])
def test_a_block_is_waited_for(place: OpenSearch, loaded: Store, block: str) -> None:
    """A disk that is full or an index that somebody locked refuses nothing for good."""
    write(loaded, [event("1")])
    place.ask("PUT", f"/{place.prefix}-2024.05/_settings", {f"index.blocks.{block}": True})
    try:
        written = write(loaded, [event("2"), event("3", time=None)])
    finally:
        place.ask("PUT", f"/{place.prefix}-2024.05/_settings", {f"index.blocks.{block}": None})
    assert (written.created, kinds(written)) == (1, {RefusalKind.WAIT})


def test_a_closed_month(place: OpenSearch, loaded: Store) -> None:
    """Writing to it waits; reading says so instead of leaving its events out."""
    write(loaded, [event("1"), event("2", time=None)])
    loaded.commit()
    place.ask("POST", f"/{place.prefix}-2024.05/_close")
    assert kinds(write(loaded, [event("3")])) == {RefusalKind.WAIT}
    with pytest.raises(StoreError, match="closed"):
        list(loaded.rows(EVENTS, Everything()))


def test_too_many_shards_are_nobodys_documents_fault(place: OpenSearch, loaded: Store) -> None:
    """A cluster that takes no more indices refuses a new month for good, and goes on with the others."""
    write(loaded, [event("1")])
    later = event("3", time=NOON + timedelta(days=90))
    place.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": 1}})
    try:
        written = write(loaded, [event("2"), later])
    finally:
        place.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": None}})
    assert (written.created, kinds(written)) == (1, {RefusalKind.FATAL})
    assert "shards" in written.refused[0].reason
    assert write(loaded, [later]) == Written(created=1)


# From the command line


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Files enough for several processes."""
    write_corpus(tmp_path / "logs", events=9_000, per_file=300, seed=5)
    return tmp_path / "logs"


def run(*arguments: str) -> Any:  # noqa: ANN401 (what JSON holds)
    """A command's JSON."""
    command = [sys.executable, "-m", "cloudsearch", *arguments, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_url_is_all_that_is_needed(place: OpenSearch, corpus: Path, jobs: str) -> None:
    """Loading and reading find out which engine it is; so does each process of a load."""
    receipt = run("load", str(corpus), *place.place.options, "--jobs", jobs)
    assert receipt["records"] == {"read": 9_000, "created": 9_000, "existing": 0, "dead_lettered": 0}
    again = run("load", str(corpus), *place.place.options, "--jobs", jobs)
    assert again["files"]["already_loaded"] == receipt["files"]["loaded"] == 30
    assert sum(row["calls"] for row in run("list", "roles", *place.place.options)) > 0
    store = place.open()
    store.prepare()
    assert sum(1 for _ in store.rows(LOG_FILES, Everything())) == 30
    store.close()


def checked(proxy: Proxy) -> Callable[[Callable[[], Reply]], Reply]:
    """Passes on what is rightly signed, as Amazon's service does."""

    def passed(forward: Callable[[], Reply]) -> Reply:
        if signed_for(proxy.seen[-1], CREDENTIALS) == ("es", "eu-west-1"):
            return forward()
        return Reply(403, b'{"message":"The request signature we calculated does not match"}')

    return passed


def test_everything_that_is_asked_is_signed(
    monkeypatch: pytest.MonkeyPatch, place: OpenSearch, between: Proxy, corpus: Path
) -> None:
    """A load by two processes and a report, through a gate that lets no other request pass."""
    between.fault("", checked(between))
    for name, value in (
        ("AWS_ACCESS_KEY_ID", CREDENTIALS.access_key),
        ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.secret_key),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("CLOUDSEARCH_AWS_SERVICE", "es"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    iam = ["--iam", str(ROOT / "examples" / "iam" / "111122223333.json")]
    options = ["--store", between.url, "--index", place.prefix]
    receipt = run("load", str(corpus), *options, "--jobs", "2")
    assert receipt["records"]["created"] == 9_000
    assert sum(row["calls"] for row in run("list", "roles", *iam, *options)) > 0
    store = OpenSearchStore(between.url, prefix=place.prefix, scope=Scope(Service.SERVERLESS, "eu-west-1"))
    with pytest.raises(AccessError, match="signature we calculated"):
        store.prepare()
    store.close()


def test_who_may_not_ask_for_the_version(place: OpenSearch, between: Proxy) -> None:
    """A role that is allowed the indices alone is allowed all that is needed."""
    between.fault("GET /$", Reply(403, error("security_exception", "no permissions for [cluster:monitor/main]"), {}))
    store = store_at(between.url, prefix=place.prefix)
    store.prepare(loading=True)
    assert write(store, [event("1")]) == Written(created=1)
    store.commit()
    assert [row["id"] for row in store.rows(EVENTS, Everything())] == ["1"]
    store.close()
