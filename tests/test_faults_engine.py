"""What a search engine and the way to it do to a load, beyond its answers: numbers are the catalogue's."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudsearch.cli import main
from cloudsearch.errors import StoreError
from cloudsearch.load import sending
from cloudsearch.store import DEAD_LETTERS, LOG_FILES, Store
from cloudsearch.stores import elasticsearch, opensearch
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from tests.backends import Elasticsearch
from tests.logfiles import record, write
from tests.proxy import Proxy, Reply
from tests.test_load import held
from tests.test_retries import Told
from tests.test_retries import load as load_file

COUNT = 9


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LONGEST_PAUSE", 0.05)


def log(tmp_path: Path, first: int = 0) -> Path:
    """A log file."""
    return write(tmp_path / f"{first}.json", [record(first + n) for n in range(COUNT)])


def test_64_a_server_that_goes_away_and_comes_back(cluster: Elasticsearch, tmp_path: Path) -> None:
    """In the middle of a load: it is waited for, at the same place, and nothing is lost or there twice."""
    with Proxy(cluster.url).running() as before:
        port = before.port
        store = ElasticsearchStore(before.url, prefix=cluster.prefix)
        load_file(store, log(tmp_path))
        before.fault("", None)  # connections that are open end as well
    told = Told()
    done: list[object] = []
    loading = threading.Thread(target=lambda: done.append(load_file_patiently(store, log(tmp_path, 100), told)))
    loading.start()
    time.sleep(1)
    with Proxy(cluster.url, port=port).running():
        loading.join(30)
        store.close()
    assert done == [COUNT]
    assert any("did not answer" in note for note in told.notes)
    opened = cluster.open()
    assert len(held(opened)) == 2 * COUNT
    opened.close()


def load_file_patiently(store: Store, path: Path, told: Told) -> int:
    """Load a file into a store that may not be there yet."""
    sending.patiently(lambda: store.prepare(loading=True), told.note, 30.0)
    return load_file(store, path, told).created


@pytest.mark.parametrize("took", [False, True], ids=["passed on never", "passed on"])
def test_65_a_server_that_is_too_slow(
    cluster: Elasticsearch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, took: bool
) -> None:
    """No answer in our own time is no answer: sent again with the same ids, in smaller chunks."""
    store = cluster.open()
    load_file(store, log(tmp_path, 100))
    store.close()
    monkeypatch.setattr(elasticsearch, "TIMEOUT_SECONDS", 3.0)

    def slow(forward: Callable[[], Reply]) -> Reply | None:
        if took:
            forward()
        time.sleep(4)
        return None

    with Proxy(cluster.url).running() as proxy:
        store = ElasticsearchStore(proxy.url, prefix=cluster.prefix)
        store.prepare(loading=True)
        proxy.fault("POST /_bulk", slow, times=1)
        done = load_file(store, log(tmp_path))
        assert (done.created + done.existing, done.dead_lettered) == (COUNT, 0)
        assert len(held(store)) == 2 * COUNT
        store.close()


def zipped(forward: Callable[[], Reply]) -> Reply:
    """The engine's answer, compressed on the way."""
    reply = forward()
    return Reply(reply.status, gzip.compress(reply.body), {**reply.headers, "content-encoding": "gzip"})


def in_chunks(forward: Callable[[], Reply]) -> Reply:
    """The engine's answer, in chunks and without a length."""
    reply = forward()
    return Reply(reply.status, reply.body, reply.headers, chunked=True)


def huge(forward: Callable[[], Reply]) -> Reply:
    """The engine's answer, with thirty megabytes of blanks in it."""
    reply = forward()
    return Reply(reply.status, reply.body[:1] + b" " * (30 << 20) + reply.body[1:], reply.headers)


@pytest.mark.parametrize("fault", [zipped, in_chunks, huge])
def test_70_an_answer_may_come_in_any_form(
    cluster: Elasticsearch, proxy: Proxy, tmp_path: Path, fault: Callable[[Callable[[], Reply]], Reply]
) -> None:
    """Compressed, in chunks, or very long: it means the same, and nothing is sent twice."""
    store = ElasticsearchStore(proxy.url, prefix=cluster.prefix)
    proxy.fault("", fault)
    store.prepare(loading=True)
    done = load_file(store, log(tmp_path))
    assert (done.created, done.existing) == (COUNT, 0)
    assert len(held(store)) == COUNT
    store.close()


def test_73_a_name_of_ours_that_is_an_alias(cluster: Elasticsearch, tmp_path: Path) -> None:
    """Of indices that are somebody else's, none of which is to be written to: said, and nothing is marked loaded."""
    store = cluster.open()
    store.prepare(loading=True)
    for name in ("one", "two"):
        cluster.ask("PUT", f"/{cluster.prefix}-x{name}", {"aliases": {f"{cluster.prefix}-2026.08": {}}})
    with pytest.raises(StoreError, match=f"{cluster.prefix}-2026.08"):
        load_file(store, log(tmp_path))
    assert (held(store, LOG_FILES), held(store, DEAD_LETTERS)) == ([], [])
    for name in ("one", "two"):
        cluster.ask("DELETE", f"/{cluster.prefix}-x{name}")
    store.close()
    again = cluster.open()
    again.prepare(loading=True)
    assert load_file(again, log(tmp_path)).created == COUNT
    again.close()


def test_74_nothing_is_rolled_over(cluster: Elasticsearch, tmp_path: Path) -> None:
    """Months are written by their own names, which no alias moves: an event loaded again still meets itself."""
    store = cluster.open()
    load_file(store, log(tmp_path))
    answer = cluster.ask("POST", f"/{cluster.prefix}.events/_rollover/{cluster.prefix}-2026.08-000002")
    assert answer["status"] == 400
    again = load_file(store, write(tmp_path / "again.json", [record(n) for n in range(COUNT)]))
    assert (again.created, again.existing) == (0, COUNT)
    assert len(held(store)) == COUNT
    store.close()


def test_78_an_ingest_pipeline_that_is_broken(cluster: Elasticsearch, tmp_path: Path) -> None:
    """Put before a month by somebody: nothing is marked loaded, no record is blamed; without it the load goes on."""
    store = cluster.open()
    load_file(store, log(tmp_path))
    settings = f"/{cluster.prefix}-2026.08/_settings"
    cluster.ask("PUT", settings, {"index.default_pipeline": f"{cluster.prefix}-gone"})
    with pytest.raises(StoreError, match="pipeline"):
        load_file(store, log(tmp_path, 100), max_wait=0.3)
    assert (len(held(store, LOG_FILES)), held(store, DEAD_LETTERS)) == (1, [])
    cluster.ask("PUT", settings, {"index.default_pipeline": None})
    assert load_file(store, log(tmp_path, 100)).created == COUNT
    store.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never says a word, as behind a network that was cut."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_89_a_network_that_was_cut(
    silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits for ever for an answer that never comes: exit code 4, and who did not answer."""
    monkeypatch.chdir(tmp_path)
    for module in (elasticsearch, opensearch):
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.5)
    started = time.monotonic()
    assert main(["load", str(log(tmp_path)), "--store", silent, "--max-wait", "1"]) == 4
    assert time.monotonic() - started < 15
    err = capsys.readouterr().err
    assert silent in err
    assert "run the same command again" in err
