"""Signed chains of digests, as CloudTrail writes them, with an RSA key of the tests' own.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.logfiles import ACCOUNT

BUCKET = "trail-bucket"
FINGERPRINT = "31e8b5433410dfb61a9dc45cc65b22ff"
START = datetime(2026, 8, 1, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@cache
def private_key() -> RSAPrivateKey:
    """One key for a run; making one takes a while."""
    return generate_private_key(65537, 2048)


def key_list(*, fingerprint: str = FINGERPRINT, form: PublicFormat = PublicFormat.PKCS1) -> dict[str, Any]:
    """What ``aws cloudtrail list-public-keys`` prints."""
    value = base64.b64encode(private_key().public_key().public_bytes(Encoding.DER, form)).decode()
    validity = {"ValidityStartTime": "2026-07-01T00:00:00+00:00", "ValidityEndTime": "2027-07-01T00:00:00+00:00"}
    return {"PublicKeyList": [{"Value": value, "Fingerprint": fingerprint, **validity}]}


@dataclass
class Trail:
    """A trail that delivers to a folder, hour by hour, from ``START`` on: log files, and the digest of each hour."""

    folder: Path
    account: str = ACCOUNT
    region: str = "eu-west-1"
    name: str = "main"
    home: str | None = None  # the home region of a trail of several; else it is the same
    bucket: str = BUCKET
    at: datetime = START
    signatures: dict[str, str] = field(default_factory=dict)  # as S3 has them, by the digest's path on this machine
    previous: Mapping[str, Any] = field(default_factory=dict)
    digests: list[Path] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def hour(self, *files: Sequence[Mapping[str, object]], backfill: bool = False, **fields: object) -> Path:
        """An hour in which a log file of each list of records was delivered; ``fields`` replace what a digest says."""
        end = self.at + HOUR
        listed = [self._log_file(records) for records in files]
        times = sorted(time for one in listed for time in (one["oldestEventTime"], one["newestEventTime"]) if time)
        key = self._key(end, backfill=backfill)
        digest = {
            "awsAccountId": self.account,
            "digestStartTime": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": self.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": FINGERPRINT,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": times[-1] if times else None,
            "oldestEventTime": times[0] if times else None,
            "previousDigestS3Bucket": None if backfill else self.previous.get("bucket"),
            "previousDigestS3Object": None if backfill else self.previous.get("key"),
            "previousDigestHashValue": None if backfill else self.previous.get("sha256"),
            "previousDigestHashAlgorithm": "SHA-256" if self.previous and not backfill else None,
            "previousDigestSignature": None if backfill else self.previous.get("signature"),
            "logFiles": listed,
        } | fields
        path = self._deliver(digest)
        if not backfill:
            self.at = end
        return path

    def hours(self, count: int) -> None:
        """So many hours in which nothing was delivered."""
        for _ in range(count):
            self.hour()

    def skip(self, count: int) -> None:
        """So many hours in which the trail was stopped; it begins a new chain after them."""
        self.at += count * HOUR
        self.previous = {}

    def _deliver(self, digest: Mapping[str, Any]) -> Path:
        content = json.dumps(digest).encode()
        sha256 = hashlib.sha256(content).hexdigest()
        lines = (
            digest["digestEndTime"],
            f"{self.bucket}/{digest['digestS3Object']}",
            sha256,
            digest["previousDigestSignature"] or "null",
        )
        signature = private_key().sign("\n".join(lines).encode(), PKCS1v15(), SHA256()).hex()
        path = _write(self.folder / digest["digestS3Object"], content)
        self.digests.append(path)
        self.signatures[str(path)] = signature
        if not path.name.endswith("_backfill.json.gz"):
            key = digest["digestS3Object"]
            self.previous = {"bucket": self.bucket, "key": key, "sha256": sha256, "signature": signature}
        return path

    def _key(self, end: datetime, *, backfill: bool) -> str:
        folder = f"AWSLogs/{self.account}/CloudTrail-Digest/{self.region}/{end:%Y/%m/%d}"
        suffix = "_backfill" if backfill else ""
        trail = f"{self.name}_{self.home or self.region}"
        name = f"{self.account}_CloudTrail-Digest_{self.region}_{trail}_{end:%Y%m%dT%H%M%SZ}{suffix}"
        return f"{folder}/{name}.json.gz"

    def _log_file(self, records: Sequence[Mapping[str, object]]) -> dict[str, Any]:
        delivered = self.at + timedelta(minutes=10)
        stamp = f"{delivered:%Y%m%dT%H%MZ}_{len(self.logs):016}"
        folder = f"AWSLogs/{self.account}/CloudTrail/{self.region}/{delivered:%Y/%m/%d}"
        key = f"{folder}/{self.account}_CloudTrail_{self.region}_{stamp}.json.gz"
        content = json.dumps({"Records": list(records)}).encode()
        self.logs.append(_write(self.folder / key, content))
        times = sorted(str(record["eventTime"]) for record in records)
        return {
            "s3Bucket": self.bucket,
            "s3Object": key,
            "hashValue": hashlib.sha256(content).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": times[-1] if times else None,
            "oldestEventTime": times[0] if times else None,
        }


def rewrite(path: Path, **fields: object) -> None:
    """Change what a digest or log file says, as somebody who holds no key can."""
    _write(path, json.dumps(json.loads(gzip.decompress(path.read_bytes())) | fields).encode())


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content))
    return path
