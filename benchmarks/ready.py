"""What a search engine takes when its client costs nothing: bulk bodies that were made beforehand, posted as they are.

    python benchmarks/ready.py URL FOLDER

Every file of the folder is the body of one request; four connections at a time, as a load has.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from urllib.parse import urlsplit

CONNECTIONS = 4
BODY = 3 << 20
_own = local()


def write_bodies(lines: Iterator[bytes], folder: Path) -> None:
    """Operations of a bulk request, into as many files as they fill."""
    folder.mkdir(parents=True)
    for number, body in enumerate(_bodies(lines)):
        (folder / f"{number:06}").write_bytes(body)


def _bodies(lines: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= BODY:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _post(url: str, path: Path) -> None:
    connection = getattr(_own, "connection", None)
    if connection is None:
        connection = _own.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    body = path.read_bytes()
    target = "/_bulk?filter_path=errors,items.*.status,items.*.error"
    connection.request("POST", target, body, {"content-type": "application/x-ndjson"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    if answer.status != 200 or told["errors"]:
        raise SystemExit(f"{path.name}: {answer.status} {json.dumps(told)[:500]}")


def main(url: str, folder: str) -> None:
    """Post all."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for _ in pool.map(lambda path: _post(url, path), sorted(Path(folder).iterdir())):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
