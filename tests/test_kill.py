"""kill -9 in the middle of a load, time after time: nothing is lost, nothing is kept twice, and the ledger is true."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.corpus import write
from tests.backends import Backend, DuckDB
from tests.conftest import ASKED
from tests.killing import Corpus, Launcher, Loading

SEED = 20260801
"""Of the moments of death; another one is as good."""

LARGE, SMALL = 100_000, 6_000
KILLS_OF_LARGE, KILLS_OF_SMALL = 10, 50
PARTLY = 7
FIRST_COMMIT = 300
"""Records after which a load of the small corpus commits first, and at growing distances from there."""

SHARE = 0.4
"""Of the time that a load of the large corpus takes: what one is given at most before it is killed."""

STORES_AT_ONCE = 3
LONGER, SHORTER = 1.1, 0.85

LEAST = 0.25
"""Share of the time of a whole load in which the rest of one ends, about, however small it is."""

IN_CREWS = 0.1
"""Share of loads into a search engine that several processes work on, which takes them a second to start."""

ON = pytest.mark.parametrize(
    "make_backend", tuple(kind for kind in ASKED if not kind.startswith("opensearch")) or ASKED, indirect=True
)
"""A load into OpenSearch is the same code as one into Elasticsearch: where both are asked for, one of them will do."""


def written(folder: Path, events: int, per_file: int) -> Corpus:
    """Generated log files."""
    write(folder, events=events, per_file=per_file, seed=7)
    return Corpus(folder)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """As large as half a day of a busy account."""
    return written(tmp_path_factory.mktemp("large"), LARGE, 400)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Small enough to be killed fifty times."""
    return written(tmp_path_factory.mktemp("small"), SMALL, 60)


@ON
def test_fifty_kills_at_random(make_backend: Callable[[], Backend], small: Corpus) -> None:
    """Each load goes on where the last one died, on several stores in turn; the ledger never says what is not true.

    A store whose load came to its end holds every record byte for byte, and a new one takes its turn; the next are
    given less time then, and more after one that was killed before it had marked anything.
    """
    chance, killed = random.Random(SEED), 0
    with Launcher(FIRST_COMMIT) as launcher:
        longest = whole_load(Loading(make_backend(), small), launcher)
        loadings = [Loading(make_backend(), small) for _ in range(STORES_AT_ONCE)]
        marked = [0] * STORES_AT_ONCE
        while killed < KILLS_OF_SMALL:
            which = chance.randrange(STORES_AT_ONCE)
            seconds = chance.uniform(0, longest) * max(1 - marked[which] / len(small.records), LEAST)
            told = f"seed {SEED}, kill {killed} after {seconds:.3f} s in {loadings[which].place.place}"
            try:
                code = launcher.run([*loadings[which].arguments, *jobs(loadings[which], chance)], seconds)
                if code == -signal.SIGKILL:
                    killed += 1
                    before, marked[which] = marked[which], loadings[which].marked()
                    longest *= LONGER if marked[which] == before else 1
                else:
                    assert code == 0
                    loadings[which].is_whole()
                    loadings[which], marked[which] = Loading(make_backend(), small), 0
                    longest *= SHORTER
            except AssertionError as error:
                raise AssertionError(told) from error
        for loading in loadings:
            whole_load(loading, launcher)


def jobs(loading: Loading, chance: random.Random) -> Sequence[str]:
    """Now and then a search engine is loaded by several processes."""
    return ["--jobs", "2"] if not isinstance(loading.place, DuckDB) and chance.random() < IN_CREWS else []


def whole_load(loading: Loading, launcher: Launcher) -> float:
    """Load to the end and look at everything; the seconds of the load."""
    started = time.monotonic()
    assert launcher.run(loading.arguments) == 0
    seconds = time.monotonic() - started
    loading.is_whole()
    return seconds


@ON
def test_ten_kills_of_a_large_load(make_backend: Callable[[], Backend], large: Corpus) -> None:
    """Most of them leave a ledger that is filled in part, and the next run goes on from there to the same end.

    A load that comes to its end leaves its turn to a new store.
    """
    chance = random.Random(SEED)
    whole = Loading(make_backend(), large)
    started = time.monotonic()
    whole.finish()
    longest = SHARE * (time.monotonic() - started)
    loading, killed, partly = Loading(make_backend(), large), 0, 0
    while killed < KILLS_OF_LARGE:
        seconds = chance.uniform(0.7, 1.0) * longest
        told = f"seed {SEED}, kill {killed} after {seconds:.3f} s"
        if loading.killed_after(seconds):
            killed += 1
            marked = loading.marked()
            assert marked <= len(large.records), told
            partly += 0 < marked < len(large.records)
        else:
            loading.is_whole()
            loading = Loading(make_backend(), large)
    loading.finish()
    loading.is_whole()
    assert partly >= PARTLY


def test_ctrl_c_ends_cleanly(tmp_path: Path, large: Corpus) -> None:
    """Exit 130 with a receipt that adds up and no traceback, early and late; each next run goes on."""
    loading = Loading(DuckDB(tmp_path / "store.duckdb"), large)
    codes = [interrupted(loading, seconds) for seconds in (0.3, 0.5, 0.8, 1.2, 1.8)]
    assert set(codes) <= {130, 0}
    assert codes.count(130) >= 3
    loading.finish()
    loading.is_whole()


def interrupted(loading: Loading, seconds: float) -> int:
    """The exit code of a load that got Ctrl-C so long after it had opened its store."""
    with subprocess.Popen(loading.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(0.3)
        while not Path(f"{loading.place.place.options[1]}").exists():
            time.sleep(0.05)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    receipt = json.loads(out)["records"]
    assert receipt["read"] == receipt["created"] + receipt["existing"] <= LARGE
    return process.returncode
