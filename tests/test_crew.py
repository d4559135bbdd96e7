"""A load by several processes: the same store as one process leaves, whatever becomes of a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.corpus import write as write_corpus
from cloudsearch.cli import main
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Store, Table
from cloudsearch.where import Everything
from tests.backends import Elasticsearch
from tests.logfiles import record, write
from tests.proxy import Proxy, Reply, error

EVENTS_WRITTEN = 30_000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many files; broken ones, broken records, a digest and a file that is no log among them."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, events=EVENTS_WRITTEN, per_file=300, seed=11)
    write(folder / "a" / "bad-records.json", [record(1), None, {"no": "record"}, record(2)])
    (folder / "a" / "broken.json.gz").write_bytes(b"\x1f\x8b\x08\x00not really")
    (folder / "a" / "README.md").write_text("# hello")
    (folder / "a" / "digest.json").write_text(
        json.dumps({"awsAccountId": "1", "digestStartTime": "x", "previousDigestSignature": None, "logFiles": []})
    )
    return folder


def command(place: Elasticsearch, corpus: Path, jobs: int) -> list[str]:
    """The load, as its user types it."""
    options = [*place.place.options, "--jobs", str(jobs), "--format", "json"]
    return [sys.executable, "-m", "cloudsearch", "load", str(corpus), *options]


def held(store: Store, table: Table) -> set[tuple[str, object]]:
    """Identities in a table, with their place."""
    fields = [table.by_name["id"], table.by_name["name" if table is not EVENTS else "day"]]
    return {(str(row["id"]), row[fields[1].name]) for row in store.rows(table, Everything(), fields=fields)}


def test_many_processes_leave_what_one_leaves(cluster: Elasticsearch, elasticsearch_url: str, corpus: Path) -> None:
    """Events, ledger, dead letters, receipt, exit code, and what is said of the broken ones."""
    alone = Elasticsearch(elasticsearch_url)
    found = []
    try:
        for place, jobs in ((alone, 1), (cluster, 3)):
            done = subprocess.run(
                command(place, corpus, jobs), capture_output=True, text=True, check=False, timeout=300
            )
            receipt = json.loads(done.stdout)
            del receipt["seconds"]
            store = place.open()
            store.prepare()
            tables = [held(store, table) for table in (EVENTS, LOG_FILES, DEAD_LETTERS)]
            store.close()
            found.append((done.returncode, receipt, sorted(done.stderr.splitlines()), tables))
    finally:
        alone.clean()
    assert found[0] == found[1]
    code, receipt, said, (events, files, letters) = found[1]
    assert (code, len(events), len(letters)) == (3, EVENTS_WRITTEN + 2, 3)
    assert receipt["files"] == {
        "listed": 102,
        "already_loaded": 0,
        "loaded": 101,
        "refused": 1,
        "skipped": {"digests": 1, "not_log_files": 1},
    }
    assert len(files) == 101
    assert len(said) == 4


@pytest.fixture
def started(proxy: Proxy, cluster: Elasticsearch, corpus: Path) -> Iterator[subprocess.Popen[str]]:
    """A load by two processes that has begun to send, and is asked again and again to come later."""
    proxy.fault("POST /_bulk", Reply(429, error("es_rejected_execution_exception")))
    place = Elasticsearch(proxy.url)
    place.prefix = cluster.prefix
    with subprocess.Popen(
        command(place, corpus, 2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: any("_bulk" in request.path for request in proxy.seen))
        yield process
        process.kill()


def until(happened: Callable[[], bool]) -> None:
    """Wait for something, a minute at most."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


def members(process: subprocess.Popen[str]) -> list[int]:
    """The processes that load for it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def is_running(number: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_processes_end_with_the_load(started: subprocess.Popen[str]) -> None:
    """However it ends: nobody is there to stop what a killed load leaves behind."""
    crew = members(started)
    assert len(crew) == 2
    started.kill()
    started.wait()
    until(lambda: not any(map(is_running, crew)))


def test_ctrl_c_ends_all_of_them(started: subprocess.Popen[str]) -> None:
    """As it does from a terminal, where each of them gets the signal: soon, with a receipt and no traceback."""
    crew = members(started)
    began = time.monotonic()
    for number in (started.pid, *crew):
        os.kill(number, signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert (started.returncode, time.monotonic() - began < 2) == (130, True)
    assert "Traceback" not in err
    receipt = json.loads(out)
    assert receipt["records"] == {"read": 0, "created": 0, "existing": 0, "dead_lettered": 0}
    assert not any(map(is_running, crew))


def test_a_process_that_dies_stops_the_load(
    started: subprocess.Popen[str], proxy: Proxy, cluster: Elasticsearch, corpus: Path
) -> None:
    """With what to do next; the same command then goes on, and nothing is lost."""
    os.kill(members(started)[0], signal.SIGKILL)
    _, err = started.communicate(timeout=60)
    assert started.returncode == 1
    assert "ended unexpectedly" in err
    assert "Traceback" not in err
    proxy.heal()
    subprocess.run(command(cluster, corpus, 2), check=False, capture_output=True, timeout=300)
    store = cluster.open()
    store.prepare()
    assert len(held(store, EVENTS)) == EVENTS_WRITTEN + 2
    store.close()


def test_what_stops_one_process_stops_the_load(proxy: Proxy, cluster: Elasticsearch, corpus: Path) -> None:
    """A store that refuses for good is named as it is by one process, with its exit code."""
    proxy.fault("POST /_bulk", Reply(403, error("security_exception", "no write for you")))
    place = Elasticsearch(proxy.url)
    place.prefix = cluster.prefix
    done = subprocess.run(command(place, corpus, 2), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 6
    assert "no write for you" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_has_one_writer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More processes for an embedded store are a mistake, not a wish to be passed over."""
    path = write(tmp_path / "a.json", [record(1)])
    store = tmp_path / "store.duckdb"
    assert main(["load", str(path), "--store", str(store), "--jobs", "2"]) == 2
    assert "--jobs 2" in capsys.readouterr().err
    assert not store.exists()
    assert main(["load", str(path), "--store", str(store), "--jobs", "1"]) == 0
