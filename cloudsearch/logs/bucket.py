"""One bucket, asked through boto3: where it lies, what it holds, one object; and S3's errors turned into ours.

Decided here: a ``Place`` is all that another process needs to open the bucket for itself. Credentials that AWS says
have expired are looked for anew, once for all that run into it, since somebody may have renewed them meanwhile.
What is asked can only read.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore import exceptions as theirs
from botocore.config import Config

from cloudsearch.aws import (
    CONFIG,
    DEFAULT_REGION,
    NO_CREDENTIALS,
    TRIES,
    Access,
    one_line,
    session,
    without_credentials,
)
from cloudsearch.errors import AccessError, BadCredentials, CloudsearchError, SourceError
from cloudsearch.retry_after import seconds_of

if TYPE_CHECKING:
    import boto3

CONNECTIONS = 64
"""Requests to a bucket under way at a time, at most."""

LONGEST_PAUSE = 60.0
"""Seconds that S3 is left alone at most when it says when to come back."""

PAGE = 1000
"""Keys of a page of a listing, S3's own limit."""


class Sort(StrEnum):
    """What an error of S3 is about."""

    CREDENTIALS = "credentials"
    ACCESS = "access"
    PLACE = "place"
    OBJECT = "object"
    BUSY = "busy"


_OF_STATUS = {403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed", 301: "PermanentRedirect"}
"""What an error without a body means, by its status."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and whose eyes to look at it with."""

    bucket: str
    access: Access
    requester_pays: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """An object of a listing."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Headed:
    """An object that was asked for by its key, and what whoever wrote it said of it, names in lower case."""

    listed: Listed
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing: the objects, the folders where they were asked for, and what to ask on with."""

    objects: tuple[Listed, ...]
    folders: tuple[str, ...]
    token: str | None


class ObjectRefused(SourceError):
    """One object could not be had; the bucket's others are not concerned."""


_CONNECTING = Lock()
_CONNECTED: dict[Place, Bucket] = {}


def connected(place: Place) -> Bucket:
    """The process's one connection to a bucket."""
    with _CONNECTING:
        if place not in _CONNECTED:
            _CONNECTED[place] = Bucket(place)
        return _CONNECTED[place]


def lists_of(place: Place) -> int:
    """How many requests were made to list a bucket so far."""
    return _CONNECTED[place].asked["list_objects_v2"] if place in _CONNECTED else 0


class Bucket:
    """A bucket; ``asked`` counts requests by operation. Safe to use from several threads.

    Making one raises ``AccessError`` where there are no credentials, ``SourceError`` where there is no bucket.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.asked: Counter[str] = Counter()
        self._lock = Lock()
        self._client: Any = None
        self.session: boto3.Session
        self._connect()

    @property
    def region(self) -> str:
        """Where it lies."""
        return str(self._client.meta.region_name)

    @property
    def endpoint(self) -> str:
        """The URL that is asked."""
        return str(self._client.meta.endpoint_url)

    def page(
        self, prefix: str, *, by_folder: bool = False, token: str | None = None, after: str = "", size: int = PAGE
    ) -> Page:
        """A page of the keys that begin with a prefix, and come after ``after``; ``by_folder`` up to the next ``/``."""
        given: dict[str, object] = {"Prefix": prefix, "MaxKeys": size}
        given |= {"Delimiter": "/"} if by_folder else {}
        given |= {"ContinuationToken": token} if token else {}
        given |= {"StartAfter": after} if after and after != prefix and not token else {}
        with self._translated("s3:ListBucket", f"s3://{self.place.bucket}/{prefix}", SourceError):
            answer = self.ask("list_objects_v2", given)
        return Page(
            tuple(
                Listed(one["Key"], one["Size"], one["ETag"], one["LastModified"]) for one in answer.get("Contents", ())
            ),
            tuple(one["Prefix"] for one in answer.get("CommonPrefixes", ())),
            answer.get("NextContinuationToken") if answer.get("IsTruncated") else None,
        )

    def head(self, key: str) -> Headed | None:
        """An object of that very key; None where S3 says that there is none. ``ObjectRefused`` where it says neither.

        Without the right to list the bucket S3 says of what is not there, too, that access is refused.
        """
        with self.getting():
            try:
                answer = self.ask("head_object", {"Key": key})
            except theirs.ClientError as error:
                if _status(error) == 404:
                    return None
                raise
        listed = Listed(key, answer["ContentLength"], answer["ETag"], answer["LastModified"])
        return Headed(listed, {name.lower(): value for name, value in answer.get("Metadata", {}).items()})

    @contextmanager
    def getting(self) -> Iterator[None]:
        """Errors of botocore about an object as ours; which object, whoever hears of it knows."""
        with self._translated("s3:GetObject", "", ObjectRefused):
            yield

    def ask(self, operation: str, given: Mapping[str, object]) -> dict[str, Any]:
        """A call of boto3's, again with other credentials if AWS says that these have expired."""
        client = self._client
        with self._lock:
            self.asked[operation] += 1
        payer = {"RequestPayer": "requester"} if self.place.requester_pays else {}
        arguments = {"Bucket": self.place.bucket, **given, **payer}
        try:
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
        except theirs.ClientError as error:
            if not _code(error).startswith(("ExpiredToken", "TokenRefreshRequired")):
                raise
            self._renew(client)
            answer = getattr(self._client, operation)(**arguments)
        return answer

    def _renew(self, seen: object) -> None:
        with self._lock:
            if self._client is seen:
                self._connect()

    def _connect(self) -> None:
        self.session = session(self.place.access)
        make: Any = self.session.client
        config = CONFIG.merge(Config(max_pool_connections=CONNECTIONS, read_timeout=20))
        first = make("s3", region_name=self.session.region_name or DEFAULT_REGION, config=config)
        region = self._region(first)
        same = region in (None, first.meta.region_name)
        self._client = first if same else make("s3", region_name=region, config=config)
        self._client.meta.events.register_first("needs-retry.s3", _told_when)

    def _region(self, client: Any) -> str | None:  # noqa: ANN401 (botocore makes the class at run time)
        """The bucket's region, which S3 tells also those who may not look into it."""
        with self._translated("s3:ListBucket", f"s3://{self.place.bucket}", SourceError):
            try:
                self.asked["head_bucket"] += 1
                told = client.head_bucket(Bucket=self.place.bucket)
            except theirs.ClientError as error:
                if _status(error) == 404:
                    raise SourceError(f"There is no bucket {self.place.bucket}") from error
                told = error.response
        region: str | None = told["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region")
        return region

    @contextmanager
    def _translated(self, permission: str, where: str, kind: type[SourceError]) -> Iterator[None]:
        try:
            yield
        except theirs.ClientError as error:
            raise _refusal(error, permission, where, kind) from error
        except NO_CREDENTIALS as error:
            raise without_credentials(error) from error
        except theirs.ParamValidationError as error:
            raise SourceError(f"{where or 'it'} cannot be asked for: {one_line(error)}") from error
        except theirs.BotoCoreError as error:
            raise kind(_placed(where, f"no answer from S3: {one_line(error)}")) from error


def _told_when(response: tuple[Any, Mapping[str, Any]] | None, attempts: int, **_: object) -> float | None:
    """The seconds that an S3 which asks for fewer requests wants to be left alone, if it says so.

    botocore itself passes the header over. What this answers is the pause before its next try; None leaves it to it.
    """
    told = response[1].get("ResponseMetadata", {}) if response else {}
    if told.get("HTTPStatusCode") not in (429, 503) or attempts >= TRIES:
        return None
    pause = seconds_of(told.get("HTTPHeaders", {}).get("retry-after"), datetime.now(UTC))
    return None if pause is None else min(pause, LONGEST_PAUSE)


def _refusal(error: theirs.ClientError, permission: str, where: str, kind: type[SourceError]) -> CloudsearchError:
    """What an error of S3 means: for these credentials, for this place, or for one object."""
    code, message = _code(error), one_line(error.response.get("Error", {}).get("Message", ""))
    if error.operation_name.startswith("AssumeRole"):
        return BadCredentials(f"AWS refused sts:{error.operation_name} ({code}): {message}")
    sort, advice = _errors().get(code) or (Sort.ACCESS if _status(error) == 403 else Sort.BUSY, "")
    if sort is Sort.CREDENTIALS:
        return BadCredentials(f"AWS does not take these credentials ({code}): {advice}: {message}")
    if sort is Sort.ACCESS and kind is not ObjectRefused:
        told = advice if code != "AccessDenied" else f"it needs the permission {permission}"
        return AccessError(_placed(where, f"access refused ({code}): {told}: {message}"))
    return kind(_placed(where, f"{advice or 'S3 refused it'} ({code}): {message}"))


def _placed(where: str, text: str) -> str:
    return f"{where}: {text}" if where else text


def _code(error: theirs.ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", "?"))
    return _OF_STATUS.get(_status(error), code) if code.isdigit() else code


def _status(error: theirs.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@cache
def _errors() -> Mapping[str, tuple[Sort, str]]:
    """Sort and advice by code."""
    text = (files("cloudsearch.logs") / "data" / "s3-errors.tsv").read_text()
    rows = csv.DictReader(io.StringIO(text), delimiter="\t")
    return {row["code"]: (Sort(row["sort"]), row["advice"]) for row in rows}
