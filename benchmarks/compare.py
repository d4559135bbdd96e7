"""Whole processes in turn, A B A B, over one corpus: each with a fresh target, each seen to do all of the work."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.corpus import write
from benchmarks.processes import ROOT, plain_environment, run
from benchmarks.sink import checksum_of


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has to get done: so many documents, with ids of this checksum."""

    documents: int
    checksum: int

    @classmethod
    def of(cls, ids: Sequence[bytes]) -> Work:
        """Documents with these ids."""
        return cls(len(ids), checksum_of(ids))


@dataclass(frozen=True, slots=True)
class Corpus:
    """The log files, what they hold, and how large they are."""

    folder: Path
    work: Work
    packed_bytes: int
    raw_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Run:
    """One load: how long it took, its processes' largest memory together, what it got done and left on disk."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    documents: int
    disk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run loads to, and what is to be found there when it is done."""

    name: str
    done: Callable[[], Work]
    disk: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """A way to load: its command for a target's name, and a fresh target for each run.

    One that ``loses`` is known to get less done than all; what it got done is told beside its time.
    """

    name: str
    command: Callable[[str], Sequence[str]]
    target: Callable[[], Target]
    environment: Mapping[str, str] = field(default_factory=dict)
    loses: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs in turn. A ratio above 1 says that cloudsearch was faster; ``goal`` is the least it should be."""

    name: str
    goal: float
    corpus: Corpus
    ours: tuple[Run, ...]
    naive: tuple[Run, ...]
    naive_name: str

    @property
    def ratios(self) -> list[float]:
        """Each pair's ratio."""
        return [naive.seconds / ours.seconds for ours, naive in zip(self.ours, self.naive, strict=True)]

    @property
    def cpu_ratios(self) -> list[float]:
        """Each pair's ratio of processor seconds."""
        return [naive.cpu_seconds / ours.cpu_seconds for ours, naive in zip(self.ours, self.naive, strict=True)]

    @property
    def is_met(self) -> bool:
        """Whether the median reaches the goal."""
        return median(self.ratios) >= self.goal


def make_corpus(folder: Path, events: int, per_file: int, seed: int) -> Corpus:
    """Write the log files and measure them."""
    write(folder, events=events, per_file=per_file, seed=seed)
    packed = raw = documents = checksum = files = 0
    for path in folder.rglob("*.json.gz"):
        data = path.read_bytes()
        text = zlib.decompress(data, wbits=31)
        work = Work.of([record["eventID"].encode() for record in json.loads(text)["Records"]])
        packed, raw, files = packed + len(data), raw + len(text), files + 1
        documents, checksum = documents + work.documents, checksum + work.checksum
    return Corpus(folder, Work(documents, checksum % (1 << 64)), packed, raw, files)


def compared(
    name: str, corpus: Corpus, ours: Contender, others: Mapping[Contender, float], pairs: int
) -> Iterator[Comparison]:
    """Ours and the others in turn, ``pairs`` times; ``others`` come with the goal against them."""
    runs: dict[Contender, list[Run]] = {contender: [] for contender in (ours, *others)}
    for _ in range(pairs):
        for contender, done in runs.items():
            done.append(_measured(contender, corpus))
    for other, goal in others.items():
        yield Comparison(name, goal, corpus, tuple(runs[ours]), tuple(runs[other]), other.name)


def _measured(contender: Contender, corpus: Corpus) -> Run:
    """Run one, and see that it did all of the work."""
    target = contender.target()
    ended = run(contender.command(target.name), {**plain_environment(), **contender.environment})
    if ended.code:
        raise SystemExit(f"{contender.name} ended with exit code {ended.code}\n{ended.output}")
    done = target.done()
    if done != corpus.work and not contender.loses:
        raise SystemExit(f"{contender.name} did {done}, not {corpus.work}")
    return Run(ended.seconds, ended.cpu_seconds, ended.peak_mib, done.documents, target.disk())


def cloudsearch(logs: str, store: str) -> Sequence[str]:
    """The command that loads logs into a store."""
    return [sys.executable, "-m", "cloudsearch", "load", logs, "--store", store, "--format", "json", "--quiet"]


def naive(what: str, target: str, logs: str) -> Sequence[str]:
    """The command of a naive script that does the same."""
    return [sys.executable, str(ROOT / "benchmarks" / "naive.py"), what, target, logs]
