"""A bulk sink: answers as Elasticsearch does to a loader, keeps nothing, and counts what it was sent.

    python benchmarks/sink.py [--host 127.0.0.1] [--port 0]

Prints its address when it listens. It costs as little as it can, so that what is measured is the client: a thread
for each connection, two ready-made forms of an item's answer, no JSON parsed. ``GET /_sink/stats`` tells how many
documents were created and a checksum of their ids that does not depend on their order; ``POST /_sink/reset``
starts anew. What was sent before is not known: every document counts as new.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock, Thread
from zlib import crc32

from isal import igzip

LOOPBACK = "127.0.0.1"
CREATE = b'{"create"'
DELETE = b'{"delete"'
SHORT_ITEM = b'{"create":{"status":201}}'
WHOLE_ITEM = (
    b'{"create":{"_index":"cloudtrail-2026.06","_id":"00000000-0000-4000-8000-000000000000","_version":1,"result":"created",'
    b'"_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1000,"_primary_term":1,"status":201}}'
)
_ID = re.compile(rb'"_id":\s?"([^"]*)"')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_GZIPPED = re.compile(rb"\r\ncontent-encoding:\s*gzip", re.IGNORECASE)
_HEAD_LIMIT = 65536


@dataclass(slots=True)
class Stats:
    """What came in; ``other`` are operations that replace or delete, such as a ledger's."""

    documents: int = 0
    checksum: int = 0
    other: int = 0
    requests: int = 0
    received: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, documents: int, checksum: int, other: int, received: int) -> None:
        """Count one bulk request."""
        with self.lock:
            self.documents += documents
            self.checksum = (self.checksum + checksum) % (1 << 64)
            self.other += other
            self.requests += 1
            self.received += received

    def reset(self) -> None:
        """Start anew."""
        with self.lock:
            self.documents = self.checksum = self.other = self.requests = self.received = 0

    def as_json(self) -> bytes:
        """The counts."""
        with self.lock:
            counts = {name: getattr(self, name) for name in ("documents", "checksum", "other", "requests", "received")}
        return json.dumps(counts).encode()


def checksum_of(ids: Sequence[bytes]) -> int:
    """A sum over the ids that is the same in any order."""
    return sum(map(crc32, ids)) % (1 << 64)


@lru_cache(maxsize=256)
def bulk_answer(operations: int, *, short: bool) -> bytes:
    """An answer that says of each operation that it was created."""
    item = SHORT_ITEM if short else WHOLE_ITEM
    head = b'{"errors":false,"items":[' if short else b'{"took":1,"errors":false,"items":['
    return head + b",".join([item] * operations) + b"]}"


class Sink:
    """Listens at an address of this machine, a thread for each connection."""

    def __init__(self, host: str = LOOPBACK, port: int = 0) -> None:
        self.stats = Stats()
        self._socket = socket.create_server((host, port), backlog=64)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            connection, _ = self._socket.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            room, rest = bytearray(), b""
            while request := _read(connection, rest, room):
                method, path, body, rest = request
                status, answer = self._answer(method, path, body)
                connection.sendall(
                    b"HTTP/1.1 %d X\r\nX-Elastic-Product: Elasticsearch\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (status, len(answer), b"" if method == "HEAD" else answer)
                )

    def _answer(self, method: str, path: str, body: bytes | bytearray) -> tuple[int, bytes]:
        path, _, query = path.partition("?")
        last = path.rpartition("/")[2]
        if last == "_bulk":
            return 200, self._bulk(body, short="filter_path=" in query)
        if path == "/_sink/stats":
            return 200, self.stats.as_json()
        if path == "/_sink/reset":
            self.stats.reset()
            return 200, b"{}"
        return _small_answer(method, last, body)

    def _bulk(self, body: bytes | bytearray, *, short: bool) -> bytes:
        actions = list(_actions(body))
        operations = len(actions)
        created = [action for action in actions if action.startswith(CREATE)]
        ids = _ID.findall(b"\n".join(created))
        self.stats.add(len(created), checksum_of(ids), operations - len(created), len(body))
        return bulk_answer(operations, short=short)


_ANSWERS = {
    ("POST", "_search"): b'{"timed_out":false,"hits":{"hits":[]},"aggregations":{"oldest":{"value":null}}}',
    ("POST", "_refresh"): b'{"_shards":{"total":1,"successful":1,"failed":0}}',
    ("POST", "_pit"): b'{"id":"sink"}',
    ("GET", "_mapping"): b"{}",
    ("GET", ""): b'{"version":{"number":"8.19.6"},"tagline":"You Know, for Search"}',
}
_ABSENT = b'{"error":{"type":"index_not_found_exception","reason":"no such index"},"status":404}'


def _small_answer(method: str, last: str, body: bytes | bytearray) -> tuple[int, bytes]:
    """Everything but bulks: indices can be made and are empty, and nothing that is asked for is there."""
    if last == "_mget":
        asked = json.loads(body)
        wanted = asked.get("ids") or [one["_id"] for one in asked.get("docs", ())]
        return 200, json.dumps({"docs": [{"_id": id_, "found": False} for id_ in wanted]}).encode()
    if answer := _ANSWERS.get((method, last)):
        return 200, answer
    return (404, _ABSENT) if method in ("GET", "HEAD") else (200, b'{"acknowledged":true}')


def _actions(body: bytes | bytearray) -> Iterator[bytes | bytearray]:
    """The action lines; to delete takes one line, all else two, and the document's need not be copied."""
    at, end = 0, len(body)
    while at < end:
        stop = body.find(b"\n", at)
        action = body[at:stop]
        yield action
        at = (stop if action.startswith(DELETE) else body.find(b"\n", stop + 1)) + 1


def _read(connection: socket.socket, data: bytes, room: bytearray) -> tuple[str, str, bytes | bytearray, bytes] | None:
    """One request: method, path, body, and what was read beyond it; None when the client is gone.

    A large body is read into ``room``, which the connection keeps: fresh memory would cost more than to read it.
    """
    while (end := data.find(b"\r\n\r\n")) < 0:
        more = connection.recv(_HEAD_LIMIT)
        if not more or len(data) > _HEAD_LIMIT:
            return None
        data += more
    head, start = data[: end + 2], end + 4
    method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    length = int(found[1]) if (found := _LENGTH.search(head)) else 0
    body = _body(connection, data[start : start + length], length, room)
    if body is None:
        return None
    if _GZIPPED.search(head):
        body = bytes(igzip.decompress(body))  # type: ignore[no-untyped-call]
    return method, path, body, data[start + length :]


def _body(connection: socket.socket, begun: bytes, length: int, room: bytearray) -> bytes | bytearray | None:
    if len(begun) == length:
        return begun
    del room[length:]
    room.extend(bytes(length - len(room)))
    room[: len(begun)] = begun
    with memoryview(room) as view:
        at = len(begun)
        while at < length:
            got = connection.recv_into(view[at:length], flags=socket.MSG_WAITALL)
            if not got:
                return None
            at += got
    return room


@contextmanager
def running_sink(host: str = LOOPBACK) -> Iterator[str]:
    """A sink in a process of its own; gives its URL."""
    command = [sys.executable, __file__, "--host", host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield str(process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.terminate()


def main() -> None:
    """Listen until killed."""
    parser = argparse.ArgumentParser(description="A server that takes bulk requests and keeps nothing.")
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    sink = Sink(asked.host, asked.port)
    print(sink.url, flush=True)
    sink.run()


if __name__ == "__main__":
    main()
