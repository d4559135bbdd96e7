"""CloudTrail's digest files: what one says, which file says it, and whether a signature of it holds.

Every hour a trail with log file validation delivers a digest of each account and region: the log files delivered in
that hour with their hashes, and the hash and signature of the digest before. A digest's own signature is no part of
it but of its S3 object's metadata, so that a copy of it is proven by the digest that follows, or by that metadata.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, BinaryIO, cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from isal import igzip

from cloudsearch.errors import SourceError
from cloudsearch.logs.local import Source, Unreadable, placed
from cloudsearch.logs.opening import STORED_BLOCK, TEXT_LIMIT
from cloudsearch.logs.records import is_digest, members_of
from cloudsearch.logs.window import Malformed

DIGEST_LIMIT = 256 << 20
"""Bytes a digest may have; a log file takes some four hundred of them."""

SIGNATURE_ALGORITHM = "SHA256withRSA"
HASH_ALGORITHM = "SHA-256"

_HEAD = 4096
_GZIP = b"\x1f\x8b"
_gunzipped = cast("Callable[..., BinaryIO]", igzip.GzipFile)  # it has no types of its own
_GZIP_ERROR = (OSError, EOFError, zlib.error, cast("type[Exception]", igzip.BadGzipFile))
_NAME = re.compile(r"(?:^|/)\d{12}_CloudTrail-Digest_([a-z0-9-]+?)_(.+)_\d{8}T\d{6}Z(_backfill)?\.json(?:\.gz)?$")


Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ListedFile(
    msgspec.Struct,
    frozen=True,
    rename={
        "bucket": "s3Bucket",
        "key": "s3Object",
        "sha256": "hashValue",
        "algorithm": "hashAlgorithm",
        "oldest_event": "oldestEventTime",
        "newest_event": "newestEventTime",
    },
):
    """A log file as a digest lists it; ``sha256`` is of its uncompressed content, in hexadecimal digits."""

    bucket: str
    key: str
    sha256: str
    algorithm: str
    oldest_event: Moment | None = None
    newest_event: Moment | None = None


class Digest(
    msgspec.Struct,
    frozen=True,
    rename={
        "account": "awsAccountId",
        "start": "digestStartTime",
        "end_as_written": "digestEndTime",
        "bucket": "digestS3Bucket",
        "key": "digestS3Object",
        "fingerprint": "digestPublicKeyFingerprint",
        "algorithm": "digestSignatureAlgorithm",
        "oldest_event": "oldestEventTime",
        "newest_event": "newestEventTime",
        "previous_bucket": "previousDigestS3Bucket",
        "previous_key": "previousDigestS3Object",
        "previous_sha256": "previousDigestHashValue",
        "previous_algorithm": "previousDigestHashAlgorithm",
        "previous_signature": "previousDigestSignature",
        "log_files": "logFiles",
    },
):
    """What a digest file says. A starting digest, where validation began or began again, has nothing previous."""

    account: str
    start: Moment
    end_as_written: str
    bucket: str
    key: str
    fingerprint: str
    algorithm: str
    oldest_event: Moment | None
    newest_event: Moment | None
    previous_bucket: str | None
    previous_key: str | None
    previous_sha256: str | None
    previous_algorithm: str | None
    previous_signature: str | None
    log_files: tuple[ListedFile, ...]

    @property
    def end(self) -> datetime:
        """Where the time of delivery ends that it speaks of."""
        return datetime.fromisoformat(self.end_as_written)

    @property
    def path(self) -> str:
        """Bucket and key, the name it is signed under."""
        return f"{self.bucket}/{self.key}"

    @property
    def previous_path(self) -> str | None:
        """Bucket and key of the digest before."""
        return f"{self.previous_bucket}/{self.previous_key}" if self.previous_bucket and self.previous_key else None

    @property
    def region(self) -> str:
        """The region whose log files it lists, as its key says."""
        named = _NAME.search(self.key)
        return named[1] if named else placed(self.key)[1] or ""

    @property
    def trail(self) -> str:
        """The trail's name and home region as its key has them, for example ``management_eu-west-1``."""
        named = _NAME.search(self.key)
        return named[2] if named else ""

    @property
    def is_backfill(self) -> bool:
        """Whether it adds log files, processed late, that the digests of their hours do not list."""
        named = _NAME.search(self.key)
        return bool(named and named[3])


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was gone through: hashes of it as stored and of its content, and the digest it is, if it is one.

    ``problem`` says why it could not be read to its end, or is a digest that does not say what one must. One that is
    ``unread`` was not to be had at all, so that nothing is known of its content.
    """

    source: Source
    stored_sha256: str = ""
    sha256: str = ""
    digest: Digest | None = None
    problem: str | None = None
    unread: bool = False


def read(sources: Iterable[Source | Unreadable]) -> Iterator[ReadFile | Unreadable]:
    """Go through each file once. Nothing is raised for what is in them, nor where one cannot be read."""
    for source in sources:
        yield source if isinstance(source, Unreadable) else _read(source)


def _read(source: Source) -> ReadFile:
    stored_sha256 = ""
    try:
        opened = source.open()
    except SourceError as error:
        return ReadFile(source, problem=f"could not be read: {error}", unread=True)
    try:
        with opened as stored:
            stored_sha256 = _sha256(iter(lambda: stored.read(STORED_BLOCK), b""))
            stored.seek(0)
            return _opened(source, stored_sha256, stored)
    except SourceError as error:
        return ReadFile(source, stored_sha256, problem=str(error))
    except _GZIP_ERROR as error:
        return ReadFile(source, stored_sha256, problem=f"it could not be decompressed: {error}")


def _opened(source: Source, stored_sha256: str, stored: BinaryIO) -> ReadFile:
    blocks = _content(stored)
    head = next(blocks, b"")
    sha256 = hashlib.sha256(head)
    size, kept = len(head), [head] if b'"digestStartTime"' in head[:_HEAD] else []
    for block in blocks:
        sha256.update(block)
        size += len(block)
        if size > TEXT_LIMIT or (kept and size > DIGEST_LIMIT):
            return ReadFile(source, stored_sha256, problem=f"it decompresses to more than {size - 1:,} bytes")
        if kept:
            kept.append(block)
    content = b"".join(kept)
    if not _is_digest(content):
        return ReadFile(source, stored_sha256, sha256.hexdigest())
    try:
        return ReadFile(source, stored_sha256, sha256.hexdigest(), parsed(content))
    except SourceError as error:
        return ReadFile(source, stored_sha256, sha256.hexdigest(), problem=str(error))


def _content(stored: BinaryIO) -> Iterator[bytes]:
    """The content's very bytes: what is hashed must not be cleaned of byte order marks, nor salvaged."""
    head = stored.read(2)
    stored.seek(0)
    file = _gunzipped(fileobj=stored) if head == _GZIP else stored
    return iter(lambda: file.read(STORED_BLOCK), b"")


def _sha256(blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _is_digest(content: bytes) -> bool:
    try:
        return bool(content) and is_digest(members_of(content))
    except Malformed:
        return False


def parsed(content: bytes) -> Digest:
    """A digest file's content. ``SourceError`` where it lacks what a digest must say, or says it in another form."""
    try:
        digest = msgspec.json.decode(content, type=Digest)
        backwards = digest.end <= digest.start
    except (msgspec.DecodeError, ValueError, TypeError, OverflowError) as error:
        raise SourceError(f"it is no digest as CloudTrail writes them: {error}") from error
    if backwards:
        raise SourceError("it is no digest as CloudTrail writes them: it ends before it starts")
    return digest


def signed_text(digest: Digest, sha256: str) -> bytes:
    """What CloudTrail signs of a digest whose content has this hash; ``null`` stands for no previous signature."""
    return "\n".join((digest.end_as_written, digest.path, sha256, digest.previous_signature or "null")).encode()


def is_signed(digest: Digest, sha256: str, signature: str, key: RSAPublicKey) -> bool:
    """Whether a signature, in hexadecimal digits, is the key's for this digest."""
    try:
        key.verify(bytes.fromhex(signature), signed_text(digest, sha256), PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True
