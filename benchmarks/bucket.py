"""A bucket of S3 that is as far away as it is told: a folder, listed and handed out, each answer after a wait.

    python benchmarks/bucket.py FOLDER [--milliseconds 40]

Prints its address when it listens; ``AWS_ENDPOINT_URL`` brings boto3 there. The bucket is called ``logs``. It knows
what a reader asks (HeadBucket, ListObjectsV2, GetObject) and no credentials, and it waits without holding anything up:
as many requests as come are under way at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape
from zlib import crc32

NAME = "logs"
REGION = "eu-west-1"
WAIT_MILLISECONDS = 40.0
PAGE = 1000
_MODIFIED = 1_780_000_000


class Bucket:
    """The files of a folder by their keys, read once."""

    def __init__(self, folder: Path) -> None:
        paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        self._bodies = {key: paths[key].read_bytes() for key in sorted(paths)}
        self._keys = list(self._bodies)
        self._marks = {key: f'"{crc32(body):032x}"' for key, body in self._bodies.items()}

    def answer(self, method: str, target: str) -> bytes:
        """A whole answer of HTTP."""
        parts = urlsplit(target)
        bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
        if bucket != NAME:
            return _answered(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        if not key:
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return _answered(200, b"" if method == "HEAD" else self._listed(asked).encode())
        body = self._bodies.get(key)
        if body is None:
            return _answered(404, b"<Error><Code>NoSuchKey</Code></Error>")
        return _answered(200, body, f"ETag: {self._marks[key]}\r\n")

    def _listed(self, asked: Mapping[str, str]) -> str:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        most = int(asked.get("max-keys", PAGE))
        after = asked.get("continuation-token") or asked.get("start-after", "")
        entries = list(islice(self._entries(prefix, delimiter, after), most + 1))
        whole = len(entries) <= most
        end = "" if whole else f"<NextContinuationToken>{escape(self._before(entries[-1][0]))}</NextContinuationToken>"
        return (
            f"<ListBucketResult><Name>{NAME}</Name><IsTruncated>{str(not whole).lower()}</IsTruncated>"
            f"{''.join(entry for _, entry in entries[:most])}{end}</ListBucketResult>"
        )

    def _entries(self, prefix: str, delimiter: str, after: str) -> Iterator[tuple[str, str]]:
        """What lies under a prefix after a key: where it begins, and how a listing says it."""
        at = bisect_left(self._keys, max(prefix, after + "\0" if after else ""))
        while at < len(self._keys) and (key := self._keys[at]).startswith(prefix):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                yield key, self._object(key)
                at += 1
            else:
                folder = key[: end + 1]
                yield key, f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
                at = bisect_left(self._keys, folder + "\U0010ffff")

    def _object(self, key: str) -> str:
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-08-20T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(self._marks[key])}</ETag><Size>{len(self._bodies[key])}</Size></Contents>"
        )

    def _before(self, key: str) -> str:
        """The key after which a page begins with this one."""
        return self._keys[self._keys.index(key) - 1]


def _answered(status: int, body: bytes, headers: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nx-amz-bucket-region: {REGION}\r\n"
        f"Last-Modified: {formatdate(_MODIFIED, usegmt=True)}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class _Connection(asyncio.Protocol):
    """Answers one request after another; none has a body."""

    def __init__(self, bucket: Bucket, seconds: float) -> None:
        self._bucket, self._seconds = bucket, seconds
        self._come = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (for the type checker)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what is whole, later."""
        self._come += data
        *whole, self._come = self._come.split(b"\r\n\r\n")
        for head in whole:
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            answer = self._bucket.answer(method, target)
            asyncio.get_running_loop().call_later(self._seconds, self._transport.write, answer)


@contextmanager
def running_bucket(folder: Path, milliseconds: float = WAIT_MILLISECONDS) -> Iterator[dict[str, str]]:
    """A bucket in a process of its own; gives the environment in which boto3 finds it, and nothing else."""
    command = [sys.executable, __file__, str(folder), "--milliseconds", str(milliseconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield {
                "AWS_ENDPOINT_URL": str(process.stdout.readline() if process.stdout else "").strip(),
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # AWS's own example
                "AWS_DEFAULT_REGION": REGION,
                "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        finally:
            process.terminate()


async def _serve(bucket: Bucket, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(bucket, seconds), "127.0.0.1", 0, backlog=256)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Listen until killed."""
    parser = argparse.ArgumentParser(description="A bucket with latency.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--milliseconds", type=float, default=WAIT_MILLISECONDS)
    asked = parser.parse_args()
    asyncio.run(_serve(Bucket(asked.folder), asked.milliseconds / 1000))


if __name__ == "__main__":
    main()
