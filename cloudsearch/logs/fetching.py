"""An object of a bucket as a seekable file: small ones in memory, large ones in a temporary file without a name.

Decided here: obstore fetches what it can, since boto3 ends at some 600 objects a second however many threads there
are. It cannot name every key, and tells errors as text; whatever it fails at boto3 fetches again, and boto3's answer
is the one that counts. If obstore keeps failing where boto3 does not (a proxy, an authority of one's own), it is left
out. Every request asks for the version that was listed, so no file is put together of two.
"""

from __future__ import annotations

import logging
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore import exceptions as theirs

from cloudsearch.aws import one_line
from cloudsearch.logs.bucket import Bucket, ObjectRefused, Place, connected
from cloudsearch.logs.local import WHOLE

if TYPE_CHECKING:
    from botocore.response import StreamingBody

try:
    import obstore
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    HAS_OBSTORE = True
except ImportError:
    HAS_OBSTORE = False

TRIES = 5
"""Attempts at a body that breaks off, without a byte of progress in between."""

FAILURES = 3
"""Objects that boto3 got and obstore did not, one after another, until obstore is left out."""

_BLOCK = 1 << 20
_PLAIN = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]*(?:/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*")
_BROKEN = (
    theirs.ResponseStreamingError,
    theirs.IncompleteReadError,
    theirs.ReadTimeoutError,
    theirs.ConnectionError,
    theirs.HTTPClientError,
)
_log = logging.getLogger(__name__)


def opened(place: Place, key: str, etag: str, size: int) -> BinaryIO:
    """The object that was listed so, from its start; the caller closes it.

    Raises ``SourceError`` when it is not to be had, ``BadCredentials`` when nothing is, ``OSError`` when a large one
    finds no room on the disk.
    """
    fetcher = _fetcher(connected(place))
    return BytesIO(fetcher.whole(key, etag, size)) if size <= WHOLE else fetcher.spooled(key, etag, size)


@cache
def _fetcher(bucket: Bucket) -> Fetcher:
    return Fetcher(bucket)


class Fetcher:
    """Gets the objects of a bucket; from several threads."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._lock = Lock()
        self._failures = 0
        self._session: object = None
        self._get: Callable[[str, str], bytes | None] | None = None

    def whole(self, key: str, etag: str, size: int) -> bytes:
        """All bytes of the object."""
        get = self._fast()
        if get is None or not _PLAIN.fullmatch(key):
            return self._surely(key, etag, size)
        body = get(key, etag)
        if body is not None and len(body) == size:
            self._failures = 0
            return body
        body = self._surely(key, etag, size)
        with self._lock:
            self._failures += 1
        return body

    def spooled(self, key: str, etag: str, size: int) -> BinaryIO:
        """A temporary file with all bytes of the object; what breaks off is gone on with."""
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            for block in self._blocks(key, etag, size):
                file.write(block)
            file.seek(0)
            stack.pop_all()  # whole: its caller closes it
        return file

    def _fast(self) -> Callable[[str, str], bytes | None] | None:
        """The fast way, anew where the bucket has other credentials; None where there is none, or it does not work."""
        with self._lock:
            if HAS_OBSTORE and self._session is not self._bucket.session:
                self._session, self._failures = self._bucket.session, 0
                self._get = _through_obstore(self._bucket)
            return self._get if self._failures < FAILURES else None

    def _surely(self, key: str, etag: str, size: int) -> bytes:
        return b"".join(self._blocks(key, etag, size))

    def _blocks(self, key: str, etag: str, size: int) -> Iterator[bytes]:
        """The object's bytes through boto3."""
        at = tries = 0
        while at < size or not size:
            try:
                for block in self._body(key, etag, at).iter_chunks(_BLOCK):
                    yield block
                    at, tries = at + len(block), 0
            except _BROKEN as error:
                tries = self._once_more(tries, f"the connection broke off: {error}", error)
                continue
            if at >= size:
                break
            tries = self._once_more(tries, f"S3 sent {at:,} of {size:,} bytes", None)

    def _body(self, key: str, etag: str, at: int) -> StreamingBody:
        given = {"Key": key, "IfMatch": etag} | ({"Range": f"bytes={at}-"} if at else {})
        with self._bucket.getting():
            body: StreamingBody = self._bucket.ask("get_object", given)["Body"]
            return body

    def _once_more(self, tries: int, reason: str, cause: Exception | None) -> int:
        """Wait a little; give up when nothing came time after time."""
        if tries + 1 >= TRIES:
            raise ObjectRefused(f"{reason}; run the same command again later") from cause
        time.sleep(0.1 * 2**tries * random.uniform(0.5, 1.0))  # noqa: S311 (jitter)
        return tries + 1


def _through_obstore(bucket: Bucket) -> Callable[[str, str], bytes | None]:
    """Gets an object through obstore, or nothing."""
    credentials = Boto3CredentialProvider(bucket.session, ttl=timedelta(minutes=10))  # botocore's last call for renewal
    config: dict[str, Any] = {"request_payer": True} if bucket.place.requester_pays else {}
    store = S3Store(
        bucket.place.bucket,
        endpoint=bucket.endpoint,
        region=bucket.region,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": bucket.endpoint.startswith("http://"),
            "connect_timeout": "5s",
            "read_timeout": "20s",
            "timeout": "600s",
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=10)},
        credential_provider=credentials,
        **config,
    )

    def get(key: str, etag: str) -> bytes | None:
        try:
            return bytes(obstore.get(store, key, options={"if_match": etag}).bytes())
        except (BaseError, OSError, ValueError) as error:
            _log.info("obstore: %s", one_line(error))
            return None

    return get
