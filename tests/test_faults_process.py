"""What happens to the process of a load, and around it: the numbers are the catalogue's."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from benchmarks.corpus import write as write_corpus
from cloudsearch.load import ledger
from cloudsearch.store import EVENTS, LOG_FILES, Store
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Everything
from tests.backends import DuckDB
from tests.killing import Corpus, Loading
from tests.logfiles import record, write
from tests.test_load import held, load


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A folder of log files."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, events=8_000, per_file=20, seed=5)
    return Corpus(folder)


@pytest.fixture
def loading(tmp_path: Path, corpus: Corpus) -> Loading:
    """A load into a file."""
    return Loading(DuckDB(tmp_path / "store.duckdb"), corpus)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """To its end."""
    given = {**os.environ, **(environment or {})}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_81_whoever_asks_a_load_to_end_gets_a_receipt(loading: Loading, asked: signal.Signals) -> None:
    """From a terminal or a supervisor: exit code 130, what became of the records so far; the next load goes on."""
    with subprocess.Popen(loading.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not Path(f"{loading.place.place.options[1]}.wal").exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(asked)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    receipt = json.loads(out)["records"]
    assert receipt["read"] == receipt["created"] + receipt["existing"] + receipt["dead_lettered"]
    loading.finish()
    loading.is_whole()


@pytest.mark.parametrize("damage", ["text", "cut", "zeros within"])
def test_83_a_damaged_store_is_not_taken_for_one(loading: Loading, damage: str) -> None:
    """Exit code 4 in one line that names it; the file is left as it is."""
    loading.finish()
    path = Path(loading.place.place.options[1])
    data = path.read_bytes()
    path.write_bytes(
        {
            "text": b"hello" * 1000,
            "cut": data[: len(data) // 2],
            "zeros within": data[:4096] + bytes(8192) + data[12288:],
        }[damage]
    )
    before = path.read_bytes()
    done = run(loading.command)
    assert done.returncode == 4, done.stderr
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == before


def test_83_a_store_that_may_only_be_read(tmp_path: Path, corpus: Corpus) -> None:
    """Exit code 4 for a folder in which nothing can be made, and nothing is."""
    place = DuckDB(Path("/proc/self/store.duckdb"))
    done = run(Loading(place, corpus).command)
    assert done.returncode == 4
    assert "/proc/self/store.duckdb could not be opened" in done.stderr
    assert list(tmp_path.iterdir()) == []


class Backwards(datetime):
    """A clock that was set back by a year."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The time of last year."""
        return datetime.now(tz or UTC) - timedelta(days=365)


def test_85_a_clock_that_is_set_back(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the ledger nor what is in it goes by the clock: what was loaded stays known, what is new is loaded."""
    load(store, write(tmp_path / "logs" / "a.json", [record(1)]))
    monkeypatch.setattr(ledger, "datetime", Backwards)
    write(tmp_path / "logs" / "b.json", [record(2)])
    os.utime(tmp_path / "logs" / "b.json", (0, 0))
    done = load(store, tmp_path / "logs")
    assert (done["already_loaded"], done["loaded"], done["created"]) == (1, 1, 1)
    assert {row["time"].year for row in store.rows(LOG_FILES, Everything())} == {  # type: ignore[union-attr]
        datetime.now(UTC).year,
        Backwards.now(UTC).year,
    }
    assert load(store, tmp_path / "logs")["already_loaded"] == 2


@pytest.mark.parametrize("zone", ["Pacific/Apia", "America/St_Johns", "nonsense"])
def test_86_neither_language_nor_zone_changes_anything(tmp_path: Path, zone: str) -> None:
    """In the C locale, without UTF-8, in an odd time zone, with a name in no ASCII: the same rows."""
    write(tmp_path / "logs" / "日誌 é.json", [record(1, eventName="Größe"), record(2)])
    rows = []
    for number, own in enumerate([{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": zone}]):
        path = tmp_path / f"{number}.duckdb"
        done = run([sys.executable, "-m", "cloudsearch", "load", str(tmp_path / "logs"), "--store", str(path)], own)
        assert (done.returncode, done.stderr) == (0, "")
        store = DuckDBStore(path)
        store.prepare()
        files = [row["name"] for row in store.rows(LOG_FILES, Everything())]
        events = [{**row, "ingested": None} for row in store.rows(EVENTS, Everything())]
        rows.append((sorted(map(repr, events)), files))
        store.close()
    assert rows[0] == rows[1]


def test_87_a_receipt_that_nobody_reads(loading: Loading) -> None:
    """A load whose output is closed loads all the same, without a traceback."""
    with subprocess.Popen(loading.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert "Traceback" not in said
    loading.is_whole()


@pytest.mark.parametrize("limits", [["--nofile=64"], ["--as=2147483648"]], ids=["files", "memory"])
def test_88_with_few_files_and_little_memory(loading: Loading, limits: Sequence[str]) -> None:
    """Files are opened one after another; a load of many needs no more than a load of few."""
    done = run(["prlimit", *limits, *loading.command])
    assert done.returncode == 0, done.stderr
    loading.is_whole()


def test_88_with_too_little_memory_it_says_so(loading: Loading) -> None:
    """What ends for want of memory ends as an error; the next load goes on, and nothing counts that is not there."""
    done = run(["prlimit", "--as=536870912", *loading.command])
    # 127 is what the C library ends with when a thread finds no room for what is its own
    assert done.returncode in (0, 1, 4, 127, 134, -6, -11), done.stderr
    loading.finish()
    loading.is_whole()


def test_90_load_after_load_nothing_grows(store: Store, tmp_path: Path) -> None:
    """Neither open files nor memory, in one process that loads again and again; a day of it in a minute's time."""
    sizes: list[int] = []
    files: list[int] = []
    for number in range(90):
        write(tmp_path / "logs" / f"{number}.json.gz", [record(number * 20 + one) for one in range(20)])
        assert load(store, tmp_path / "logs")["created"] == 20
        if number % 10 == 9:
            gc.collect()
            sizes.append(resident())
            files.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))
    assert len(held(store)) == 1800
    assert max(files[2:]) <= files[2] + 2
    assert sizes[-1] - sizes[2] < 40 << 20


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
