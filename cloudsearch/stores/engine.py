"""What a search engine's client must be, and what its answers mean: one address, one request verb, one map of errors.

A client is thin: it sends bytes and gives back a status and bytes. Everything that Elasticsearch and OpenSearch
share stands on that.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Protocol, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
from isal import igzip

from cloudsearch.errors import AccessError, StoreError, StoreRejected, StoreUnavailable, UsageError
from cloudsearch.retry_after import seconds_of
from cloudsearch.store import RefusalKind
from cloudsearch.stores.dialect import Dialect

T = TypeVar("T")

KEEP_ALIVE = "5m"
"""How long an engine keeps a snapshot that nobody asks."""

TIMEOUT_SECONDS = 55.0  # Amazon's proxies close at 60: better our own word than theirs
COMPRESS_FROM = 1024
CONNECTIONS = 16

_PREVIEW = re.compile(r"\.? ?Preview of field's value: '.*?'(?=[)\s]|$)", re.DOTALL)
"""Where an engine's words repeat what a document holds, which may be secret."""

_ADVICE = (
    "Check CLOUDSEARCH_API_KEY, or CLOUDSEARCH_USERNAME and CLOUDSEARCH_PASSWORD; at Amazon's service, what its access "
    "policy allows to the AWS identity that signs"
)

_PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_ENDS_IN_A_YEAR = re.compile(r"-\d{4}$")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens and who we are there; what is secret never shows in its text."""

    scheme: str
    host: str
    port: int
    path: str = ""
    basic: tuple[str, str] | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(  # noqa: PLR0913 (what an address may need)
        cls,
        url: str,
        *,
        api_key: str | None = None,
        basic: tuple[str, str] | None = None,
        signed: bool = False,
        what: str = "store",
        http_port: int = 9200,
    ) -> Address:
        """Read a URL: https without a port means 443, a path is kept, ``user:password@`` is credentials.

        ``UsageError`` for anything else than http and https, and for credentials that plain http would carry off
        this machine; a signed request carries a session's token. ``what`` listens there, at ``http_port`` by default.
        """
        parts, port = _split(url, what)
        if parts.username and not (api_key or basic):
            basic = (unquote(parts.username), unquote(parts.password or ""))
        address = cls(
            parts.scheme,
            parts.hostname or "",
            port or {"https": 443, "http": http_port}[parts.scheme],
            parts.path.rstrip("/"),
            None if api_key else basic,
            api_key,
        )
        if (address.basic or address.api_key or signed) and parts.scheme == "http" and not address.is_loopback:
            raise UsageError(f"Credentials would travel unencrypted to {address}. Use https")
        return address

    @property
    def is_loopback(self) -> bool:
        """Whether nothing leaves this machine."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def authorization(self) -> str | None:
        """The header that shows who we are, if these are credentials of the engine's own."""
        if self.api_key:
            return f"ApiKey {self.api_key}"
        if self.basic:
            return f"Basic {b64encode(':'.join(self.basic).encode()).decode()}"
        return None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def _split(url: str, what: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"The {what}'s URL cannot be read; write it like https://search.example.org:9200") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"The {what}'s URL must look like https://HOST[:PORT][/PATH]")
    return parts, port


def checked_prefix(prefix: str) -> str:
    """The prefix of every index, if it may be one.

    Without dots, and not ending in a year: so no index of one prefix fits a pattern of another.
    """
    if not _PREFIX.fullmatch(prefix) or _ENDS_IN_A_YEAR.search(prefix):
        raise UsageError(
            f"{prefix!r} cannot be the name of the indices: small letters, digits, - and _, not ending in a year"
        )
    return prefix


class Cause(msgspec.Struct):
    """What an engine says went wrong."""

    type: str = ""
    reason: str | None = None
    caused_by: Cause | None = None

    def __str__(self) -> str:
        inner = f" ({self.caused_by.reason})" if self.caused_by and self.caused_by.reason else ""
        return _PREVIEW.sub("", f"{self.type}: {self.reason}{inner}")[:1000]


class _Failure(msgspec.Struct):
    error: Cause | str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the body's own bytes, and the header ``Retry-After`` if there is one."""

    status: int
    body: bytes
    retry_after: str | None = None

    @property
    def pause(self) -> float | None:
        """How many seconds the engine, or what stands in front of it, asks to be left alone."""
        return seconds_of(self.retry_after, datetime.now(UTC)) if self.retry_after else None

    @property
    def cause(self) -> Cause:
        """What went wrong; a body that does not say gives its first words."""
        try:
            error = _FAILURE.decode(self.body).error
        except (msgspec.DecodeError, RecursionError):
            error = ""
        if isinstance(error, Cause):
            return error
        return Cause("", error or " ".join(self.body[:200].decode("utf-8", "replace").split()))


_FAILURE = msgspec.json.Decoder(_Failure)


class Engine(Protocol):
    """A thin client. It raises ``StoreUnavailable`` when there was no whole answer, and judges no status."""

    @property
    def dialect(self) -> Dialect:
        """What this engine says otherwise than others; may have to ask it."""
        ...

    def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Send a request; a body that is bytes goes as lines of JSON, as it is."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


def payload_and_headers(address: Address, body: object) -> tuple[bytes | None, dict[str, str]]:
    """What a request sends: bytes as they are, all else as JSON; compressed when it leaves this machine."""
    headers = {"accept": "application/json"}
    if address.authorization is not None:
        headers["authorization"] = address.authorization
    if body is not None:
        headers["content-type"] = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
    # Escapes keep a lone surrogate in a question from making the whole request invalid UTF-8.
    payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    if not address.is_loopback:
        headers["accept-encoding"] = "gzip"
        if payload is not None and len(payload) >= COMPRESS_FROM:
            headers["content-encoding"] = "gzip"
            payload = igzip.compress(payload, compresslevel=1)
    return payload, headers


def answered(answer: Answer, type_: type[T], doing: str) -> T:
    """The answer's body, read as a type; an error status raises ours, an unreadable body ``StoreUnavailable``."""
    checked(answer, doing)
    try:
        return msgspec.json.decode(answer.body, type=type_)
    except (msgspec.DecodeError, RecursionError) as error:
        raise StoreUnavailable(f"{doing}: the answer was cut short, or is not the engine's") from error


def checked(answer: Answer, doing: str) -> Answer:
    """The answer, unless its status is an error: then the fitting exception."""
    if answer.status < 300:
        return answer
    raise failure(answer, doing)


def failure(answer: Answer, doing: str) -> StoreError | AccessError:
    """The exception that an error status stands for."""
    cause = answer.cause
    text = f"{doing}: {cause.type + ': ' if cause.type else ''}{cause.reason or ''} (HTTP {answer.status})"
    blocked = cause.type == "cluster_block_exception"
    if cause.type == "index_not_found_exception":
        return StoreError(f"{doing}: {cause.reason}. Load logs first: cloudsearch load PATH")
    if answer.status in (401, 403) and not blocked:
        return AccessError(f"{text}. {_ADVICE}")
    if answer.status in (408, 429, 500, 502, 503, 504) or blocked:
        return StoreUnavailable(text, retry_after=answer.pause)
    return StoreRejected(text)


def refusal(status: int, cause: Cause) -> RefusalKind:
    """What one refused item asks for.

    Not every 400 is the document's fault: an engine also answers so to a closed index or too many shards, and
    what is not known to be the document's fault must never reach the dead letters.
    """
    if cause.type in ("cluster_block_exception", "index_closed_exception"):
        return RefusalKind.WAIT
    if status == 413:
        return RefusalKind.TOO_LARGE
    if status in (408, 429) or status >= 500:
        return RefusalKind.RETRY
    if status == 400 and _is_the_documents_fault(cause):
        return RefusalKind.DOCUMENT
    return RefusalKind.FATAL


def _is_the_documents_fault(cause: Cause) -> bool:
    if cause.type in ("document_parsing_exception", "mapper_parsing_exception"):
        return True
    reason = str(cause)
    return cause.type == "illegal_argument_exception" and ("immense term" in reason or "Malformed content" in reason)
