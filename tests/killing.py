"""Loads that are killed, and what has to be true of the store whenever they were."""

from __future__ import annotations

import gzip
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Store
from cloudsearch.where import Everything, Exists
from tests.backends import Backend

LAUNCHER = """
import json, os, sys
import duckdb, elasticsearch, opensearchpy
from cloudsearch.cli import load, main
from cloudsearch.load import commits
from cloudsearch.stores import duckdb, elasticsearch, opensearch, querying

commits.FIRST_COMMIT = int(sys.argv[1])
for line in sys.stdin:
    if not (child := os.fork()):
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os._exit(main(json.loads(line)))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Starts loads as processes of their own, with everything imported already; their commits begin early, for of a small
corpus there would be one otherwise."""


@dataclass(frozen=True)
class Corpus:
    """A folder of log files that hold no record twice, read without the loader's help."""

    folder: Path

    @cached_property
    def records(self) -> dict[str, dict[str, bytes]]:
        """By file, the bytes of each record by its identity."""
        return {str(path.resolve()): dict(_records(path)) for path in sorted(self.folder.rglob("*.json.gz"))}

    @cached_property
    def together(self) -> dict[str, bytes]:
        """The bytes of each record by its identity."""
        return {id_: raw for records in self.records.values() for id_, raw in records.items()}


def _records(path: Path) -> Iterator[tuple[str, bytes]]:
    text = gzip.decompress(path.read_bytes()).decode()
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while text[at] != "]":
        at += text[at] == ","
        record, end = decoder.raw_decode(text, at)
        yield record["eventID"], text[at:end].encode()
        at = end


@dataclass(frozen=True)
class Loading:
    """A store that a corpus is loaded into, by one process or more."""

    place: Backend
    corpus: Corpus

    @property
    def arguments(self) -> list[str]:
        """Of the load."""
        return ["load", str(self.corpus.folder), *self.place.place.options, "--format", "json"]

    @property
    def command(self) -> Sequence[str]:
        """The load, as its user types it."""
        return [sys.executable, "-m", "cloudsearch", *self.arguments]

    def killed_after(self, seconds: float) -> bool:
        """Run a load and kill it with kill -9; False when it had ended, and well, before."""
        with subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                _, said = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                return True
        assert process.returncode == 0, said.decode()
        assert b"Traceback" not in said
        return False

    def finish(self) -> None:
        """A load to its end."""
        subprocess.run(self.command, check=True, capture_output=True, timeout=300)

    def marked(self) -> int:
        """How many files the ledger names. It must be true: all records of each are there, and no event is twice."""
        with _opened(self.place) as store:
            files, events = ledger(store), ids(store)
        assert len(events) == len(set(events))
        assert len(files) == len(set(files))
        assert {id_ for name in files for id_ in self.corpus.records[name]} <= set(events) <= set(self.corpus.together)
        return len(files)

    def is_whole(self) -> None:
        """Everything that the files hold is in the store: byte for byte, once, and marked; and nothing else."""
        with _opened(self.place) as store:
            files = {str(row["name"]): row["records"] for row in store.rows(LOG_FILES, Everything())}
            fields = [EVENTS.by_name["id"], EVENTS.by_name["redacted"]]
            hidden = {row["id"] for row in store.rows(EVENTS, Exists(fields[1]), fields=[fields[0]])}
            rows = [(str(row["id"]), row["raw"]) for row in store.rows(EVENTS, Everything())]
            letters = list(store.rows(DEAD_LETTERS, Everything()))
        assert sorted(id_ for id_, _ in rows) == sorted(self.corpus.together)
        assert all(raw == self.corpus.together[id_] for id_, raw in rows if id_ not in hidden)
        assert files == {name: len(records) for name, records in self.corpus.records.items()}
        assert letters == []


class Launcher:
    """Runs loads one after another, each in a process of its own that needs no time to start.

    They commit first after so many records. ``limits`` is a command that sets some and runs the rest of its line.
    """

    def __init__(self, first_commit: int, limits: Sequence[str] = ()) -> None:
        command = [*limits, sys.executable, "-c", LAUNCHER, str(first_commit)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def run(self, arguments: Sequence[str], seconds: float = 300.0) -> int:
        """The exit code of a load, or -9 when it was killed, as it is after so many seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(list(arguments)) + "\n")
        self._process.stdin.flush()
        child = int(self._line())
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def ids(store: Store) -> list[str]:
    """Identities of the events, as often as they are there."""
    return [str(row["id"]) for row in store.rows(EVENTS, Everything(), fields=[EVENTS.by_name["id"]])]


def ledger(store: Store) -> list[str]:
    """The files marked as loaded."""
    return [str(row["name"]) for row in store.rows(LOG_FILES, Everything(), fields=[LOG_FILES.by_name["name"]])]


class _opened:  # noqa: N801 (a context manager)
    """The store, closed in any case; prepared as a load does it, for a killed one may have made half of it."""

    def __init__(self, place: Backend) -> None:
        self._store = place.open()

    def __enter__(self) -> Store:
        self._store.prepare(loading=True)
        self._store.commit()
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()
