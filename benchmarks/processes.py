"""A process and those it starts, watched until they end: how long it took, and the memory of all of them together."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
GLANCE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended: its exit code, what it printed, and its memory in MiB (0 where there is no /proc).

    ``cpu_seconds`` are those of all its processes: where others use the machine too, they say more than ``seconds``.

    ``peak_mib`` is what was resident in all its processes together at the worst moment that was seen; pages that
    they share count once for each. ``peaks_mib`` has the high-water mark of each process, kept by the kernel.
    """

    code: int
    output: str
    seconds: float
    cpu_seconds: float
    peak_mib: float
    peaks_mib: tuple[float, ...]


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, silent: bool = False) -> Ended:
    """Run a command of this project in its folder; what it says on stderr goes where ours goes, or nowhere."""
    environment, errors = environment or plain_environment(), subprocess.DEVNULL if silent else None
    with tempfile.TemporaryFile() as output:
        started, used = time.perf_counter(), _cpu_seconds()
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=errors) as process:
            peak, peaks = _watched(process)
            seconds = time.perf_counter() - started
        output.seek(0)
        return Ended(process.returncode, output.read().decode(), seconds, _cpu_seconds() - used, peak, peaks)


def plain_environment() -> dict[str, str]:
    """The environment without settings that would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CLOUDSEARCH_", "AWS_"))}


def _cpu_seconds() -> float:
    """What the processes have used that were waited for, by us or by those we waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watched(process: subprocess.Popen[bytes]) -> tuple[float, tuple[float, ...]]:
    """The largest sum, and each process's largest memory.

    ``ru_maxrss`` will not do: a child inherits its parent's.
    """
    largest = 0
    marks: dict[int, int] = {}
    while process.poll() is None:
        now = {pid: sizes for pid in _family(process.pid) if (sizes := _sizes(pid))}
        largest = max(largest, sum(resident for resident, _ in now.values()))
        marks |= {pid: mark for pid, (_, mark) in now.items()}
        time.sleep(GLANCE_SECONDS)
    return largest / 1024, tuple(sorted((mark / 1024 for mark in marks.values()), reverse=True))


def _family(pid: int) -> Iterator[int]:
    """A process, its children, and theirs; whichever of its threads started them."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in thread.read_text().split():
                yield from _family(int(child))


def _sizes(pid: int) -> tuple[int, int] | None:
    """What is resident, and the most that ever was, in KiB."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        sizes = {
            name: int(rest.split()[0])
            for name, _, rest in (line.partition(":") for line in lines)
            if "VmHWM" in name or "VmRSS" in name
        }
        if sizes:
            return sizes["VmRSS"], sizes["VmHWM"]
    return None
