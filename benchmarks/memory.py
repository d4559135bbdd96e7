"""How much memory ``cloudsearch load`` takes, whatever it is given: all of its processes together, seen from outside.

    python -m benchmarks.memory [--events 1000000] [--text-bytes 2000000000] [--bomb-bytes 10737418240]
                                [--most-mib 300] [--bomb-mib 512] [--only many|one|bombs] [--bomb NAME]...
                                [--into sink|embedded]... [--folder DIR] [--json]

Many small files, one large one, and files that are small and grow without end when they are unpacked, each into a
bulk sink and into DuckDB. A load that held what it reads would grow with them. Exits with 1 when a load takes more
than the goal, and ends at once when one did not do its work: every record of a log, and every bomb refused.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs as a script from anywhere

from benchmarks.corpus import write, write_one  # noqa: E402
from benchmarks.processes import Ended, run  # noqa: E402
from benchmarks.sink import running_sink  # noqa: E402

PER_FILE = 400
MOST_MIB, MOST_MIB_OF_A_BOMB = 300.0, 512.0
"""Goals. A single value may have 128 MiB, which is held twice while it grows: what a bomb can make of it at worst."""
MEMBER = 32 << 20
INCOMPLETE = 3
"""The exit code of a load that refused a file."""

RECORD = (
    b'{"eventVersion":"1.08","userIdentity":{"type":"AWSService","invokedBy":"ec2.amazonaws.com"},'
    b'"eventTime":"2026-07-17T00:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole",'
    b'"awsRegion":"eu-west-1","eventID":"00000000-0000-4000-8000-000000000000","eventType":"AwsApiCall","requestParameters":{"roleArn":"'
    + b"x" * 10_000
    + b'"}}'
)
LIST = b'{"Records":['
BOMBS: dict[str, tuple[bytes, bytes]] = {
    "blanks": (LIST, b" "),
    "a text without end": (LIST + b'{"eventVersion":"1.08","eventName":"', b"x"),
    "brackets": (LIST, b"["),
    "one record over and over": (LIST + RECORD, b"," + RECORD),
    "numbers for records": (LIST + RECORD, b",1"),
    "empty objects for records": (LIST + RECORD, b",{}"),
    "lines that are no JSON": (RECORD + b"\n" + RECORD + b"\n", b"{\n"),
}
"""How the text of a bomb begins, and what it goes on with."""


@dataclass(frozen=True, slots=True)
class Task:
    """Logs to load. They are made in a folder and say how many records they hold; None if they must be refused."""

    name: str
    make: Callable[[Path], int | None]
    most_mib: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A load: what, into which store, and what it took."""

    task: str
    store: str
    seconds: float
    peak_mib: float
    peaks_mib: tuple[float, ...]
    most_mib: float

    @property
    def is_met(self) -> bool:
        """Whether it is within the goal."""
        return self.peak_mib <= self.most_mib


def main() -> None:
    """Measure, print a table or JSON, and exit with 1 when a goal was missed."""
    asked = _arguments()
    tasks = [task for kind in _kinds(asked) for task in kind]
    with tempfile.TemporaryDirectory(dir=asked.folder) as temporary:
        found = list(_measured(tasks, asked.into, Path(temporary), quiet=asked.json))
    if asked.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    if any(not one.is_met for one in found):
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the memory of cloudsearch load.")
    parser.add_argument("--events", type=int, default=1_000_000, help="records in many small files")
    parser.add_argument("--text-bytes", type=int, default=2_000_000_000, help="text in one file")
    parser.add_argument("--bomb-bytes", type=int, default=10 << 30, help="text that each bomb would become")
    parser.add_argument("--most-mib", type=float, default=MOST_MIB, help="the goal for logs")
    parser.add_argument("--bomb-mib", type=float, default=MOST_MIB_OF_A_BOMB, help="the goal for bombs")
    parser.add_argument("--only", choices=("many", "one", "bombs"))
    parser.add_argument("--bomb", choices=tuple(BOMBS), action="append", help="these bombs alone")
    parser.add_argument("--into", choices=("sink", "embedded"), action="append")
    parser.add_argument("--folder", type=Path, help="where to write the logs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _kinds(asked: argparse.Namespace) -> Iterator[Sequence[Task]]:
    if asked.only in (None, "many"):
        yield [Task(f"{asked.events:,} events in files of {PER_FILE}", partial(_many, asked.events), asked.most_mib)]
    if asked.only in (None, "one"):
        yield [Task(f"one file of {asked.text_bytes:,} bytes", partial(_one, asked.text_bytes), asked.most_mib)]
    if asked.only in (None, "bombs"):
        yield [
            Task(f"a bomb: {name}", partial(_bomb, name, asked.bomb_bytes), asked.bomb_mib)
            for name in asked.bomb or BOMBS
        ]


def _many(events: int, folder: Path) -> int:
    write(folder, events=events, per_file=PER_FILE, seed=1)
    return events


def _one(size: int, folder: Path) -> int:
    return write_one(folder / "one.json.gz", size=size, seed=1)


def _bomb(name: str, size: int, folder: Path) -> None:
    """Members of gzip one after another, which are one text; each but the first is the same, and made once."""
    start, more = BOMBS[name]
    member = zlib.compress(more * (MEMBER // len(more)), level=9, wbits=31)
    folder.mkdir()
    with (folder / "bomb.json.gz").open("wb") as file:
        file.write(zlib.compress(start, wbits=31))
        for _ in range(-(-size // MEMBER)):
            file.write(member)


def _measured(tasks: Sequence[Task], into: Sequence[str] | None, folder: Path, *, quiet: bool) -> Iterator[Measured]:
    if not quiet:
        print(f"{'':44}{'store':>10}{'seconds':>9}{'MiB':>7}  of each process, at its own worst moment", flush=True)
    with running_sink() as url:
        for number, task in enumerate(tasks):
            logs = folder / str(number)
            records = task.make(logs)
            for store in into or ("sink", "embedded"):
                target = url if store == "sink" else str(folder / f"{number}.duckdb")
                one = _of(task, store, _loaded(task, logs, target, records))
                if not quiet:
                    print(_line(one), flush=True)
                yield one
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()


def _loaded(task: Task, logs: Path, target: str, records: int | None) -> Ended:
    """Load, and see that what should be loaded was and what should be refused was."""
    command = [sys.executable, "-m", "cloudsearch", "load", str(logs), "--store", target, "--format", "json", "--quiet"]
    ended = run(command, silent=records is None)
    receipt: dict[str, Any] = json.loads(ended.output) if ended.output else {}
    fine = ended.code == INCOMPLETE if records is None else ended.code == 0
    done = receipt.get("files", {}).get("refused") == 1 if records is None else _created(receipt) == records
    if not (fine and done):
        raise SystemExit(f"{task.name}: the load ended with exit code {ended.code}\n{ended.output}")
    return ended


def _created(receipt: dict[str, Any]) -> object:
    return receipt.get("records", {}).get("created")


def _of(task: Task, store: str, ended: Ended) -> Measured:
    peaks = tuple(round(peak) for peak in ended.peaks_mib)
    return Measured(task.name, store, round(ended.seconds, 2), round(ended.peak_mib), peaks, task.most_mib)


def _line(one: Measured) -> str:
    verdict = "" if one.is_met else f"  more than {one.most_mib:g}"
    each = " + ".join(f"{peak:.0f}" for peak in one.peaks_mib)
    return f"{one.task:44}{one.store:>10}{one.seconds:9.1f}{one.peak_mib:7.0f}  {each}{verdict}"


if __name__ == "__main__":
    main()
