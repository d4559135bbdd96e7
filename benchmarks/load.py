"""How fast ``cloudsearch load`` is, beside the naive script that does the same work, in the same run.

    python -m benchmarks.load [--events 200000] [--pairs 5] [--only sink|embedded] [--json]

Two comparisons, each of whole processes: into a bulk sink (``sink.py``) against ``helpers.bulk``, and into DuckDB
against SQLite. The two run in turn, A B A B, so that a machine which is busy for a while is unkind to both; what
counts is the median of the pairs' ratios, and the worst pair. After each run the documents and a checksum of their
ids are compared with the corpus: a run that did less work is an error, not a fast one.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs as a script from anywhere

from benchmarks.corpus import write  # noqa: E402
from benchmarks.parts import microseconds_an_event, seconds_to_help  # noqa: E402
from benchmarks.sink import checksum_of  # noqa: E402

PER_FILE = 400


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has to get done: so many documents, with ids of this checksum."""

    documents: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """The log files, what they hold, and how large they are."""

    folder: Path
    work: Work
    packed_bytes: int
    raw_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """One process: how long it took, its largest memory, and what it left on disk."""

    seconds: float
    peak_mib: float
    disk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to load: its command for a target, what it got done there, what it takes on disk."""

    name: str
    command: Callable[[Path, str], Sequence[str]]
    done: Callable[[str], Work]
    disk: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pairs of runs; a ratio above 1 says that cloudsearch was faster."""

    name: str
    ours: tuple[Run, ...]
    naive: tuple[Run, ...]
    naive_name: str

    @property
    def ratios(self) -> list[float]:
        """Each pair's ratio."""
        return [naive.seconds / ours.seconds for ours, naive in zip(self.ours, self.naive, strict=True)]


@dataclass(frozen=True, slots=True)
class Alone:
    """What has nothing beside it: seconds of ``--help``, and microseconds an event of a load's parts."""

    help_seconds: float
    microseconds: dict[str, float]


def main() -> None:
    """Compare, and print a table or JSON."""
    parser = argparse.ArgumentParser(description="Measure cloudsearch load beside naive scripts.")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("sink", "embedded"))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = make_corpus(folder / "logs", asked.events, asked.seed)
        comparisons = []
        if asked.only != "embedded":
            with running_sink() as url:
                comparisons.append(against_bulk(corpus, url, asked.pairs))
        if asked.only != "sink":
            comparisons.append(against_sqlite(corpus, folder, asked.pairs))
        alone = Alone(seconds_to_help(), microseconds_an_event(corpus.folder))
    lines = [as_json(corpus, comparisons, alone)] if asked.json else table(corpus, comparisons, alone)
    print("\n".join(lines))


def make_corpus(folder: Path, events: int, seed: int) -> Corpus:
    """Write the log files and measure them."""
    write(folder, events=events, per_file=PER_FILE, seed=seed)
    packed = raw = documents = checksum = 0
    for path in folder.rglob("*.json.gz"):
        data = path.read_bytes()
        text = zlib.decompress(data, wbits=31)
        ids = [record["eventID"].encode() for record in json.loads(text)["Records"]]
        packed, raw = packed + len(data), raw + len(text)
        documents, checksum = documents + len(ids), checksum + checksum_of(ids)
    return Corpus(folder, Work(documents, checksum % (1 << 64)), packed, raw)


@contextmanager
def running_sink() -> Iterator[str]:
    """A sink in a process of its own; gives its URL."""
    command = [sys.executable, str(ROOT / "benchmarks" / "sink.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield str(process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.terminate()


def against_bulk(corpus: Corpus, url: str, pairs: int) -> Comparison:
    """Into the sink: cloudsearch, and ``helpers.bulk``."""

    def done(_: str) -> Work:
        stats = _ask(f"{url}/_sink/stats")
        _ask(f"{url}/_sink/reset", method="POST")
        return Work(stats["documents"], stats["checksum"])

    ours = Contender("cloudsearch", lambda logs, _: _cloudsearch(logs, url), done, lambda _: 0)
    naive = Contender("helpers.bulk", lambda logs, _: _naive("bulk", url, logs), done, lambda _: 0)
    return _compare("search engine (sink)", ours, naive, corpus, [url] * pairs)


def against_sqlite(corpus: Corpus, folder: Path, pairs: int) -> Comparison:
    """Into a file: cloudsearch with DuckDB, and SQLite."""
    ours = Contender("cloudsearch", lambda logs, file: _cloudsearch(logs, f"{file}.duckdb"), _in_duckdb, _on_disk)
    naive = Contender("sqlite3", lambda logs, file: _naive("sqlite", f"{file}.sqlite", logs), _in_sqlite, _on_disk)
    return _compare("embedded", ours, naive, corpus, [str(folder / f"store-{number}") for number in range(pairs)])


def _compare(name: str, ours: Contender, naive: Contender, corpus: Corpus, targets: Sequence[str]) -> Comparison:
    runs: dict[str, list[Run]] = {ours.name: [], naive.name: []}
    for target in targets:
        for contender in (ours, naive):
            runs[contender.name].append(_measure(contender, corpus, target))
    return Comparison(name, tuple(runs[ours.name]), tuple(runs[naive.name]), naive.name)


def _measure(contender: Contender, corpus: Corpus, target: str) -> Run:
    """Run one, and see that it did all of the work."""
    started = time.perf_counter()
    command = contender.command(corpus.folder, target)
    with subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL) as process:
        peak = _peak_mib(process)
        seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{contender.name} ended with exit code {process.returncode}")
    done = contender.done(target)
    if done != corpus.work:
        raise SystemExit(f"{contender.name} did {done}, not {corpus.work}")
    return Run(seconds, peak, contender.disk(target))


def _peak_mib(process: subprocess.Popen[bytes]) -> float:
    """The largest memory of a process, looked at until it ends; 0 where there is no /proc.

    ``ru_maxrss`` will not do: a child inherits its parent's.
    """
    peak = 0
    while process.poll() is None:
        with suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
        time.sleep(0.05)
    return peak / 1024


def _environment() -> dict[str, str]:
    """The environment without settings that would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSEARCH_")}


def _cloudsearch(logs: Path, store: str) -> Sequence[str]:
    return [sys.executable, "-m", "cloudsearch", "load", str(logs), "--store", store, "--format", "json"]


def _naive(what: str, target: str, logs: Path) -> Sequence[str]:
    return [sys.executable, str(ROOT / "benchmarks" / "naive.py"), what, target, str(logs)]


def _ask(url: str, method: str = "GET") -> dict[str, Any]:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as answer:  # noqa: S310 (our own sink)
        found: dict[str, Any] = json.load(answer)
    return found


def _in_duckdb(target: str) -> Work:
    with duckdb.connect(f"{target}.duckdb", read_only=True) as database:
        return _work(database.execute("SELECT id FROM events").fetchall())


def _in_sqlite(target: str) -> Work:
    with closing(sqlite3.connect(f"{target}.sqlite")) as database:
        return _work(database.execute("SELECT id FROM events").fetchall())


def _work(rows: Sequence[tuple[str]]) -> Work:
    return Work(len(rows), checksum_of([id_.encode() for (id_,) in rows]))


def _on_disk(target: str) -> int:
    """What the last run left, its write-ahead log included; it is removed, so that the disk does not fill."""
    files = [path for path in Path(target).parent.glob(f"{Path(target).name}.*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    for path in files:
        path.unlink()
    return size


def table(corpus: Corpus, comparisons: Sequence[Comparison], alone: Alone) -> Iterator[str]:
    """For people, the ratios first."""
    for one in comparisons:
        against = f"{one.name}, against {one.naive_name}"
        yield f"{against:42}{median(one.ratios):6.2f} x (median){min(one.ratios):6.2f} x (worst pair)"
    yield ""
    events = corpus.work.documents
    yield f"{events:,} events, {corpus.raw_bytes / events:,.0f} B each, {corpus.packed_bytes / events:,.0f} B gzipped"
    for one in comparisons:
        yield ""
        yield f"{one.name}: {len(one.ours)} pairs, whole processes"
        yield f"{'':14}{'events/s':>12}{'seconds':>10}{'peak MiB':>10}{'B/event':>10}{'of gz':>8}"
        for name, runs in (("cloudsearch", one.ours), (one.naive_name, one.naive)):
            yield f"{name:14}" + _figures(corpus, runs)
    yield ""
    yield f"cloudsearch --help: {alone.help_seconds:.2f} s"
    for part, figure in alone.microseconds.items():
        yield f"{part}: {figure:.1f} us an event"


def _figures(corpus: Corpus, runs: Sequence[Run]) -> str:
    seconds = median(run.seconds for run in runs)
    text = f"{corpus.work.documents / seconds:12,.0f}{seconds:10.2f}{max(run.peak_mib for run in runs):10.0f}"
    disk = median(run.disk_bytes for run in runs)
    return f"{text}{disk / corpus.work.documents:10.0f}{disk / corpus.packed_bytes:8.2f}" if disk else text


def as_json(corpus: Corpus, comparisons: Sequence[Comparison], alone: Alone) -> str:
    """For programs."""
    return json.dumps(
        {
            "events": corpus.work.documents,
            "raw_bytes": corpus.raw_bytes,
            "gzipped_bytes": corpus.packed_bytes,
            "help_seconds": round(alone.help_seconds, 3),
            "microseconds_an_event": {name: round(figure, 2) for name, figure in alone.microseconds.items()},
            "comparisons": [
                {
                    "name": one.name,
                    "naive": one.naive_name,
                    "ratio_median": round(median(one.ratios), 3),
                    "ratio_worst": round(min(one.ratios), 3),
                    "ours": [asdict(run) for run in one.ours],
                    "theirs": [asdict(run) for run in one.naive],
                }
                for one in comparisons
            ],
        },
        indent=2,
    )


if __name__ == "__main__":
    main()
