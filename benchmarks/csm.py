"""Datagrams a second that ``record`` keeps without loss, and the load rate of archives.

    python -m benchmarks.csm [--rate 20000] [--seconds 10] [--senders 4]

Several processes send attempts with a session token, as botocore writes them, at an even pace. Beside ``record`` runs
what people would write in ten lines: a loop that appends each datagram to a file as it is, the least that anything
has to do. received + dropped by the kernel = sent must hold of ``record``; the other cannot tell.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_SENDER = """
import json, socket, sys, time
port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
said = {"Version": 1, "ClientId": "benchmark", "Type": "ApiCallAttempt", "Service": "S3", "Api": "ListObjectsV2",
    "Timestamp": int(time.time() * 1000), "AttemptLatency": 4, "Fqdn": "s3.amazonaws.com",
    "UserAgent": "Botocore/1.44.5 Python/3.11.7 Linux/6.1", "AccessKey": "ASIAQNZGKIQY56JQ7WML", "Region": "us-east-1",
    "SessionToken": "T" * 400, "HttpStatusCode": 200, "XAmzRequestId": "REQUEST"}
data = json.dumps(said, separators=(",", ":")).encode()
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.connect(("127.0.0.1", port))
sent, begin = 0, time.monotonic()
while (passed := time.monotonic() - begin) < seconds:
    due = int(passed * rate) - sent
    for _ in range(due):
        own.send(data)
    sent += due
    time.sleep(0.001)
print(sent)
"""
_NAIVE = """
import signal, socket, sys
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
own.bind(("127.0.0.1", 0))
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print(own.getsockname()[1], flush=True)
with open(sys.argv[1], "ab") as file:
    while True:
        file.write(own.recv(65535) + b"\\n")
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What was sent, and what became of it; CPU in seconds, memory in MiB."""

    sent: int
    received: int
    dropped: int | None
    cpu: float
    memory: float


def recorded(folder: Path, *, rate: float, seconds: float, senders: int) -> Run:
    """Run ``record`` with an archive in a folder, and the senders."""
    command = [sys.executable, "-m", "cloudsearch", "record", "--port", "0", "--archive", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        said = process.stderr.readline() if process.stderr else ""
        sent = _send(int(re.findall(r"127\.0\.0\.1:(\d+)", said)[0]), rate, seconds, senders)
        cpu, memory = _used(process.pid)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    told = json.loads(out)["datagrams"]
    return Run(sent, told["received"], told["dropped_by_kernel"], cpu, memory)


def naive(file: Path, *, rate: float, seconds: float, senders: int) -> Run:
    """The same with a loop that only writes."""
    with subprocess.Popen([sys.executable, "-c", _NAIVE, str(file)], stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline()) if process.stdout else 0
        sent = _send(port, rate, seconds, senders)
        time.sleep(0.5)
        cpu, memory = _used(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    return Run(sent, file.read_bytes().count(b"\n"), None, cpu, memory)


def loaded(folder: Path) -> tuple[int, float]:
    """Lines a second of ``load --csm`` into a new store: how many, and how fast."""
    store = folder / "store.duckdb"
    command = [sys.executable, "-m", "cloudsearch", "load", "--csm", str(folder), "--store", str(store), "--quiet"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=True)
    receipt = json.loads(done.stdout)
    return receipt["records"]["read"], receipt["records"]["read"] / receipt["seconds"]


def _send(port: int, rate: float, seconds: float, senders: int) -> int:
    command = [sys.executable, "-c", _SENDER, str(port), str(rate / senders), str(seconds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(senders)]
    return sum(int(one.communicate()[0]) for one in running)


def _used(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak[1]) / 1024 if peak else 0.0


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--senders", type=int, default=4)
    asked = parser.parse_args()
    terms = {"rate": asked.rate, "seconds": asked.seconds, "senders": asked.senders}
    print(f"receive buffer at most {_buffer() >> 10:,} KiB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, run in (
            ("record", recorded(folder / "archive", **terms)),
            ("a loop that writes", naive(folder / "naive", **terms)),
        ):
            print(
                f"{what}: {run.sent:,} sent, {run.received:,} received, {run.dropped} dropped by the kernel; "
                f"{run.cpu:.1f} s of CPU, {1e6 * run.cpu / max(run.received, 1):.1f} us each, {run.memory:.0f} MiB"
            )
        read, rate = loaded(folder / "archive")
        print(f"load --csm: {read:,} lines, {rate:,.0f} lines/s")


def _buffer() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for option in (33, socket.SO_RCVBUF):
            try:
                one.setsockopt(socket.SOL_SOCKET, option, 64 << 20)
                break
            except OSError:
                continue
        return one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


if __name__ == "__main__":
    main()
