"""No room for the store or the dead letters: said, with what was committed kept, and the next load completes.

No file of such a process may grow past a size, which the system tells it as it tells of a full disk.
"""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.corpus import write as write_corpus
from cloudsearch.cli import aside
from cloudsearch.errors import SourceError
from cloudsearch.load import dead_letters
from cloudsearch.load.dead_letters import of_record
from cloudsearch.load.sending import Sender
from cloudsearch.load.sizing import Sizing
from cloudsearch.store import DEAD_LETTERS, Store
from cloudsearch.stores.duckdb import CHUNK, DuckDBStore
from cloudsearch.where import Everything
from tests.backends import DuckDB
from tests.killing import Corpus, Launcher, Loading
from tests.logfiles import record, write
from tests.test_load import held
from tests.test_redrive import made, source

FULL = Path("/dev/full")


def room_for(size: int) -> Sequence[str]:
    """Runs the command that stands after it as a process of which no file grows past a size."""
    return ["prlimit", f"--fsize={size}"]


def run(arguments: Sequence[str], folder: Path, size: int) -> subprocess.CompletedProcess[str]:
    """A command of ours in a folder, with so much room."""
    return subprocess.run(
        [*room_for(size), sys.executable, "-m", "cloudsearch", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Log files that fill some megabytes of a store."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, events=30_000, per_file=100, seed=5)
    return Corpus(folder)


@pytest.mark.parametrize("size", [10_000, 300_000, 1_000_000, 3_000_000, 5_000_000, 6_500_000])
def test_a_full_disk_ends_the_load(tmp_path: Path, corpus: Corpus, size: int) -> None:
    """Wherever it strikes: exit code 4, what and where, what to do next, no traceback; then the same load completes."""
    loading = Loading(DuckDB(tmp_path / "store.duckdb"), corpus)
    done = run(loading.arguments, tmp_path, size)
    assert done.returncode == 4, done.stderr
    assert str(tmp_path / "store.duckdb") in done.stderr
    assert "run the same command again" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    loading.finish()
    loading.is_whole()


@pytest.mark.parametrize("size", [0, 4096, 8192, 12_287])
def test_a_file_that_never_became_a_store_is_made_anew(tmp_path: Path, corpus: Corpus, size: int) -> None:
    """What a load left that was stopped, or found no room, while DuckDB wrote its headers; a file of text stays."""
    loading = Loading(DuckDB(tmp_path / "store.duckdb"), corpus)
    loading.place.open().prepare(loading=True)
    (tmp_path / "store.duckdb").write_bytes((tmp_path / "store.duckdb").read_bytes()[:size])
    (tmp_path / "store.duckdb.wal").unlink(missing_ok=True)
    loading.finish()
    loading.is_whole()
    text = tmp_path / "notes.txt"
    text.write_text("mine")
    assert run(["load", str(corpus.folder), "--store", str(text)], tmp_path, 1 << 30).returncode == 4
    assert text.read_text() == "mine"


def test_what_was_committed_stays(tmp_path: Path, corpus: Corpus) -> None:
    """The ledger is true when the disk is full, load after load as it gets more room, and nothing is loaded twice."""
    loading = Loading(DuckDB(tmp_path / "store.duckdb"), corpus)
    codes, marked = [], []
    for size in (4_000_000, 6_000_000, 8_000_000):
        with Launcher(300, room_for(size)) as launcher:
            codes.append(launcher.run(loading.arguments))
        marked.append(loading.marked())
    assert codes[0] == 4
    assert set(codes) <= {0, 4}
    assert 0 < marked[0] < len(corpus.records)
    assert marked == sorted(marked)
    loading.finish()
    loading.is_whole()


def test_dead_letters_that_find_no_room_mark_nothing(tmp_path: Path) -> None:
    """A letter larger than what is left: exit code 4, the file is not in the ledger, and the next load keeps it."""
    path = write(tmp_path / "logs" / "a.json", [record(1), "x" * 3_000_000])
    arguments = ["load", str(path), "--store", str(tmp_path / "store.duckdb"), "--format", "json"]
    done = run(arguments, tmp_path, 2_000_000)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    assert "run the same command again" in done.stderr
    done = run(arguments, tmp_path, 1 << 30)
    assert done.returncode == 3
    assert json.loads(done.stdout)["records"] == {"read": 2, "created": 1, "existing": 0, "dead_lettered": 1}
    store = DuckDBStore(tmp_path / "store.duckdb")
    store.prepare()
    (letter,) = store.rows(DEAD_LETTERS, Everything())
    assert len(letter["raw"]) == 3_000_002  # type: ignore[arg-type]
    store.close()
    assert not list(tmp_path.glob("cloudsearch-dead-letters-*"))


def small_letters(count: int, size: int = 1000) -> list[bytes]:
    """Records for letters."""
    return [b"%04d" % number + b"x" * size for number in range(count)]


def test_a_file_put_aside_is_not_left_in_pieces(store: Store, tmp_path: Path) -> None:
    """What did not fit is not there in part either, so the letters before it and after it come back."""
    path = dead_letters.aside("a store", tmp_path)
    dead_letters.put_aside(made(*small_letters(3)), path)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(SourceError, match=path.name):
            dead_letters.put_aside(made(*small_letters(30)), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    dead_letters.put_aside(made(b"{}", b"[]", b"1", b"the fourth"), path)
    assert dead_letters.put_back(path, store, sender(store)) == 7
    assert len(held(store, DEAD_LETTERS)) == 7


def test_what_a_crash_left_of_a_line_spoils_no_other(store: Store, tmp_path: Path) -> None:
    """Letters put aside after it are whole."""
    path = dead_letters.aside("a store", tmp_path)
    dead_letters.put_aside(made(*small_letters(3)), path)
    path.write_bytes(path.read_bytes()[:-100])
    dead_letters.put_aside(made(b"{}", b"[]", b"1", b"the fourth"), path)
    assert dead_letters.put_back(path, store, sender(store)) == 6
    assert len(held(store, DEAD_LETTERS)) == 6


def sender(store: Store) -> Sender:
    """Of dead letters."""
    return Sender(store, DEAD_LETTERS, Sizing(CHUNK), lambda _: None)


def test_a_full_device_refuses_them() -> None:
    """``/dev/full`` answers as a full disk does: with what the system says, and without a loss in silence."""
    assert stat.S_ISCHR(FULL.stat().st_mode)
    with pytest.raises(SourceError, match=os.strerror(28)):
        dead_letters.put_aside(made(b"{}"), FULL)


def test_letters_that_nobody_takes_do_not_hide_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The load ends with the store's own error; that the letters found no place either is said beside it."""
    aside.put([of_record(source(), 0, b"{}", "because")], FULL)
    err = capsys.readouterr().err
    assert str(FULL) in err
    assert "read again" in err
    aside.put([], tmp_path / "nothing")
    assert capsys.readouterr().err == ""
