"""What a load is made of, each part by itself in this process; and how long the program takes to say hello."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median

from cloudsearch.derive import derive
from cloudsearch.logs import Piece, split
from cloudsearch.store import EVENTS
from cloudsearch.stores.documents import Documents
from cloudsearch.stores.duckdb import DuckDBStore

FILES, ROUNDS, STARTS = 50, 5, 10


def microseconds_an_event(folder: Path) -> dict[str, float]:
    """Microseconds of each part for an event of the first files: the median of some rounds, one thread."""
    stored = [path.read_bytes() for path in islice(sorted(folder.rglob("*.json.gz")), FILES)]
    raws = _split(stored)
    rows = [derive(raw) for raw in raws]
    documents, lines = Documents("cloudtrail", EVENTS), DuckDBStore(folder / "never-opened")
    parts: dict[str, Callable[[], object]] = {
        "split": lambda: _split(stored),
        "derive": lambda: [derive(raw) for raw in raws],
        "encode for a search engine": lambda: [documents.encode(row) for row in rows],
        "encode for DuckDB": lambda: [lines.encode(EVENTS, row) for row in rows],
    }
    return {name: median(_timed(part) for _ in range(ROUNDS)) / len(raws) * 1e6 for name, part in parts.items()}


def seconds_to_help(command: Sequence[str] = (sys.executable, "-m", "cloudsearch", "--help")) -> float:
    """Seconds of ``cloudsearch --help`` as a process of its own: the median of some starts."""
    return median(_timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(STARTS))


def _split(stored: Sequence[bytes]) -> list[bytes]:
    """Every record, unpacked."""
    return [piece.raw for data in stored for piece in split(data).records if isinstance(piece, Piece)]


def _timed(part: Callable[[], object]) -> float:
    started = time.perf_counter()
    part()
    return time.perf_counter() - started
