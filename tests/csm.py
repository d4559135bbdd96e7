"""Datagrams as SDKs send them, and what receives them."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudsearch.csm.datagrams import Kind, Line

ROOT = Path(__file__).parent.parent
TOKEN = "IQoJb3JpZ2luX2VjE" * 12
KEY = "ASIAQNZGKIQY56JQ7WML"
ACCOUNT = "029608264753"  # which that key carries within it
BEGIN = 1_785_542_400_000  # 2026-08-01T00:00:00Z
USED_KEY = f"ASIA{3:016}"  # a key that no account can be read from: the events tell whose it is
SECOND, MINUTE = 1000, 60_000


def attempt(at: int = 0, **members: object) -> dict[str, Any]:
    """An attempt, so many milliseconds after the beginning; None takes a member away."""
    whole = {
        "Version": 1,
        "ClientId": "my-app",
        "Type": "ApiCallAttempt",
        "Service": "S3",
        "Api": "ListObjectsV2",
        "Timestamp": BEGIN + at,
        "AttemptLatency": 4,
        "Fqdn": "s3.amazonaws.com",
        "UserAgent": "Botocore/1.44.5 md/x",
        "AccessKey": KEY,
        "Region": "us-east-1",
        "SessionToken": TOKEN,
        "HttpStatusCode": 200,
        "XAmzRequestId": f"REQ{at}",
    } | members
    return {name: value for name, value in whole.items() if value is not None}


def call(at: int = 0, **members: object) -> dict[str, Any]:
    """A call of one attempt; None takes a member away."""
    whole = {
        "Version": 1,
        "ClientId": "my-app",
        "Type": "ApiCall",
        "Service": "S3",
        "Api": "ListObjectsV2",
        "Timestamp": BEGIN + at,
        "AttemptCount": 1,
        "Region": "us-east-1",
        "UserAgent": "Botocore/1.44.5 md/x",
        "FinalHttpStatusCode": 200,
        "Latency": 9,
        "MaxRetriesExceeded": 0,
    } | members
    return {name: value for name, value in whole.items() if value is not None}


def both(milliseconds: int, **members: object) -> list[dict[str, Any]]:
    """A call and its attempt, as botocore sends them."""
    of_both = {name: members.pop(name) for name in ("Service", "Api", "ClientId") if name in members}
    status = members.get("HttpStatusCode", 200)
    told = {"AccessKey": USED_KEY, "XAmzRequestId": None, "XAmznRequestId": f"id-{milliseconds}"} | members
    return [
        attempt(milliseconds + 1, **told, **of_both),
        call(milliseconds, FinalHttpStatusCode=status, **of_both),
    ]


def packed(said: object) -> bytes:
    """As it goes over the wire."""
    return json.dumps(said, separators=(",", ":")).encode()


def send(port: int, *datagrams: bytes, host: str = "127.0.0.1") -> None:
    """One after the other, never more than a small buffer holds at once."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as own:
        for number, one in enumerate(datagrams):
            own.sendto(one, (host, port))
            if number % 50 == 49:
                time.sleep(0.002)


def lines(folder: Path) -> list[dict[str, Any]]:
    """All lines of an archive's finished files."""
    texts = [gzip.decompress(path.read_bytes()) for path in sorted(folder.glob("*.jsonl.gz"))]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def write_archive(path: Path, *said: object) -> Path:
    """A file as another agent would write it: one object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(packed(one) + b"\n" for one in said))
    return path


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that comes soon."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def line(number: int) -> Line:
    """A line of an archive."""
    return Line(Kind.CALL, packed(call(number)))


SOME = [packed(attempt(number)) for number in range(300)]
"""Attempts, each with a request id of its own."""


class Recording:
    """A running ``cloudsearch record``."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port
        self.errors = ""

    def end(self, signal_: int = signal.SIGTERM, code: int = 0) -> Any:  # noqa: ANN401 (JSON)
        """End it and return what it summed up."""
        self.process.send_signal(signal_)
        out, self.errors = self.process.communicate(timeout=60)
        assert self.process.returncode == code, self.errors
        return json.loads(out) if out else None


@contextmanager
def recording(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[Recording]:
    """``cloudsearch record`` in a folder, on a port of its own."""
    command = [sys.executable, "-m", "cloudsearch", "record", "--port", "0", *arguments]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    process = subprocess.Popen(
        command, cwd=folder, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r":(\d+)", said)
        assert found, said + process.stderr.read()
        yield Recording(process, int(found[1]))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """``cloudsearch`` in a process of its own, in a folder."""
    command = [sys.executable, "-m", "cloudsearch", *arguments]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=120, check=False
    )
