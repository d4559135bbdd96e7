"""Two loads at once of one source: nothing is lost or there twice, and whoever has to wait is told for whom."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.corpus import write as write_corpus
from tests.backends import DuckDB, Elasticsearch
from tests.killing import Corpus, Loading

EVENTS = 12_000


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A folder of log files that is worth a moment."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, events=EVENTS, per_file=100, seed=5)
    return Corpus(folder)


def started(loading: Loading, *options: str) -> subprocess.Popen[str]:
    """A load that has begun."""
    command = [*loading.command, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, int], str]:
    """Its exit code, what became of its records, and what it said."""
    with process:
        out, err = process.communicate(timeout=120)
    records = json.loads(out)["records"] if out else {}
    if records:
        assert records["read"] == records["created"] + records["existing"] + records["dead_lettered"]
    return process.returncode, records, err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_two_loads_into_a_cluster_share_the_work(cluster: Elasticsearch, corpus: Corpus, jobs: str) -> None:
    """Both end well; every event is created by one of them, the ledger is true, and no setting is left relaxed."""
    loading = Loading(cluster, corpus)
    done = [ended(process) for process in [started(loading, "--jobs", jobs), started(loading, "--jobs", "1")]]
    assert [code for code, _, _ in done] == [0, 0], done
    assert sum(records["created"] for _, records, _ in done) == EVENTS
    loading.is_whole()
    settings = cluster.ask("GET", f"/{cluster.prefix}-*/_settings/index.refresh_interval")
    assert {one["settings"]["index"]["refresh_interval"] for one in settings.values()} == {"30s"}


def test_the_second_starts_while_the_first_is_at_it(cluster: Elasticsearch, corpus: Corpus) -> None:
    """What the first has marked by then the second leaves alone."""
    loading = Loading(cluster, corpus)
    first = started(loading, "--jobs", "1")
    time.sleep(2)
    second = started(loading, "--jobs", "1")
    done = [ended(first), ended(second)]
    assert [code for code, _, _ in done] == [0, 0], done
    assert sum(records["created"] for _, records, _ in done) == EVENTS
    loading.is_whole()


@contextmanager
def halted(loading: Loading) -> Iterator[subprocess.Popen[str]]:
    """A load into a file that stands still, holding it, until it is told to go on."""
    process = started(loading)
    try:
        while not Path(f"{loading.place.place.options[1]}.wal").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)


def test_a_second_load_into_a_file_says_who_holds_it(tmp_path: Path, corpus: Corpus) -> None:
    """After a moment, with exit code 4 and the process's number; the first is not disturbed."""
    loading = Loading(DuckDB(tmp_path / "store.duckdb"), corpus)
    with halted(loading) as first:
        began = time.monotonic()
        code, records, err = ended(started(loading))
        assert (code, records) == (4, {})
        assert 4 < time.monotonic() - began < 20
        assert f"PID {first.pid}" in err
        assert "wait for it" in err
        assert len(err.splitlines()) == 1
    assert ended(first)[:2] == (0, {"read": EVENTS, "created": EVENTS, "existing": 0, "dead_lettered": 0})
    loading.is_whole()


def test_a_second_load_waits_for_the_first_when_told_to(tmp_path: Path, corpus: Corpus) -> None:
    """With --max-wait, or when it takes but a moment; then it finds everything loaded."""
    loading = Loading(DuckDB(tmp_path / "store.duckdb"), corpus)
    with halted(loading) as first:
        second = started(loading, "--max-wait", "60")
        time.sleep(1)
    assert ended(first)[0] == 0
    code, records, err = ended(second)
    assert (code, records["read"]) == (0, 0), err
    loading.is_whole()
