"""How a command goes is shown where somebody looks on, and a Ctrl-C ends it."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import write as write_corpus
from cloudsearch.cli import main
from cloudsearch.load import Receipt
from cloudsearch.render.progress import Pace, Progress, span
from tests.backends import DuckDB, Elasticsearch
from tests.logfiles import record, write
from tests.proxy import Proxy, Reply, error

SOON = 2.0
ROOT = Path(__file__).parent.parent


def command(corpus: Path, *options: str) -> list[str]:
    """A load, as its user types it."""
    return [sys.executable, "-m", "cloudsearch", "load", str(corpus), *options]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated log files."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, events=60_000, per_file=300, seed=5)
    return folder


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(0, 1000)), max_size=60), st.integers(0, 10**9))
def test_a_pace_is_never_absurd(steps: list[tuple[float, int]], left: int) -> None:
    """Not negative, not faster than the fastest step, and no time for the rest without a rate."""
    pace, now, done = Pace(), 0.0, 0
    pace.at(0, 0.0)
    for seconds, more in steps:
        now, done = now + seconds, done + more
        pace.at(done, now)
    fastest = max((more / seconds for seconds, more in steps), default=0)
    assert 0 <= pace.rate <= fastest * 1.001
    rest = pace.seconds_for(left)
    assert rest is None if pace.rate == 0 else rest == left / pace.rate


def test_a_pace_forgets_what_is_long_past() -> None:
    """A load that was quick over files it knew is not taken to stay so."""
    pace = Pace()
    for second in range(100):
        pace.at(1000 * second if second < 50 else 49_000 + 10 * (second - 49), float(second))
    assert pace.rate == pytest.approx(10)
    assert pace.seconds_for(600) == pytest.approx(60)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599.6, "1 h 00 min"), (93_784, "26 h 03 min")],
)
def test_spans_are_read_at_a_glance(seconds: float, text: str) -> None:
    """Two units at most."""
    assert span(seconds) == text


@pytest.mark.parametrize("quiet", [False, True])
def test_only_a_terminal_is_shown_progress(*, quiet: bool) -> None:
    """A file gets notes and problems, one line each; quiet, problems alone."""
    stream = io.StringIO()
    with Progress(stream, quiet=quiet) as progress:
        progress.expect(10)
        progress.progress(Receipt(read=5))
        progress.part(1, 2, "events")
        progress.note("a note")
        progress.problem("a.json", "broken")
    assert stream.getvalue() == ("" if quiet else "a note\n") + "a.json: broken\n"


def test_a_terminal_is_shown_rate_and_remaining_time(tmp_path: Path, corpus: Path) -> None:
    """As text that one line holds; the receipt stands on stdout as ever."""
    shown, out = on_a_terminal(command(corpus, "--store", str(tmp_path / "store.duckdb")))
    assert re.search(r"[\d,]+ of 200 files, [\d,]+ records read, [\d,]+ new, [\d,]+/s, \d+ s left", shown)
    assert "200 log files: 200 loaded" in out


def test_quiet_shows_nothing_on_a_terminal(tmp_path: Path) -> None:
    """But the result."""
    path = write(tmp_path / "a.json", [record(1)])
    shown, out = on_a_terminal(command(path, "--store", str(tmp_path / "store.duckdb"), "--quiet"))
    assert shown == ""
    assert "1 log files" in out


def test_quiet_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Problems are no chatter."""
    path = write(tmp_path / "a.json", [record(1), "broken"])
    assert main(["load", str(path), "--store", str(tmp_path / "store.duckdb"), "-q"]) == 3
    assert "dead letters" in capsys.readouterr().err


def on_a_terminal(arguments: Sequence[str]) -> tuple[str, str]:
    """A command whose stderr is a terminal: what is shown there, and what it prints."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=slave, text=True, env=environment) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                block = os.read(master, 4096)
            except OSError:  # the other side was closed
                break
            if not block:
                break
            shown += block
        out = process.communicate(timeout=60)[0]
    os.close(master)
    return shown.decode(), out


def interrupted(arguments: Sequence[str], when: Callable[[], bool], folder: Path) -> tuple[int, float, str]:
    """Send a Ctrl-C once something is so: the exit code, the seconds it took, and what was said."""
    with subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        while not when():
            assert process.poll() is None
            time.sleep(0.05)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            said = process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, time.monotonic() - started, said


@pytest.mark.parametrize("size", [1 << 20, 6 << 20, 12 << 20])
def test_ctrl_c_ends_a_load_into_a_file_soon(tmp_path: Path, corpus: Path, size: int) -> None:
    """Early and late, with a receipt and without a traceback."""
    place = DuckDB(tmp_path / "store.duckdb")

    def grown() -> bool:
        return sum(path.stat().st_size for path in tmp_path.glob("store.duckdb*")) > size

    code, seconds, said = interrupted(command(corpus, *place.place.options), grown, tmp_path)
    assert (code, "Traceback" in said) == (130, False), said
    assert "log files" in said
    assert seconds < SOON


def silent(asked: Event) -> Callable[[Callable[[], Reply]], Reply | None]:
    """A server that takes a request and never answers."""

    def fault(_: Callable[[], Reply]) -> None:
        asked.set()
        time.sleep(30)

    return fault


def blocked(asked: Event) -> Callable[[Callable[[], Reply]], Reply | None]:
    """A server that takes nothing for now."""

    def fault(_: Callable[[], Reply]) -> Reply:
        asked.set()
        return Reply(429, error("cluster_block_exception"))

    return fault


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("kind", [silent, blocked])
def test_ctrl_c_ends_a_load_that_waits_for_a_server_soon(  # noqa: PLR0917 (fixtures)
    cluster: Elasticsearch,
    proxy: Proxy,
    corpus: Path,
    tmp_path: Path,
    kind: Callable[[Event], Callable[[Callable[[], Reply]], Reply | None]],
    jobs: str,
) -> None:
    """One that does not answer, and one that takes nothing."""
    asked = Event()
    proxy.fault("POST /_bulk", kind(asked))
    options = ["--store", proxy.url, "--index", cluster.prefix, "--jobs", jobs]
    code, seconds, said = interrupted(command(corpus, *options), asked.is_set, tmp_path)
    assert (code, "Traceback" in said) == (130, False), said
    assert seconds < SOON
