"""Files of one web site, fetched with care: https alone, nothing off the site, nothing without an end.

Standard library alone: it takes proxies (``HTTPS_PROXY``, ``NO_PROXY``) and authorities (``SSL_CERT_FILE``) from where
administrators set them. Plain http is for this machine only, and never goes through a proxy.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import threading
import time
from http.client import HTTPException, HTTPResponse
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, quote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from cloudsearch import __version__
from cloudsearch.errors import CloudsearchError, UsageError

TIMEOUT_SECONDS = 10.0  # for a connection, and between two pieces of an answer
LONGEST_SECONDS = 120.0  # for a whole file
PAUSES = (0.2, 1.0)  # before the second and the third try

_PIECE = 1 << 16
_PATH = "/:@!$&'()*+,;=~-._%"
_PLAIN = re.compile(r"[!-~]+")
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class Unreachable(CloudsearchError):
    """The site, or the network, does not answer as it should; other files would fare no better."""


class NotServed(CloudsearchError):
    """The site does not have, or does not give, this one file."""


class _Interrupted(Exception):
    """``stop`` was called."""


class Site:
    """A web site by its base URL, ``https://host`` with or without a path; safe to use from several threads."""

    def __init__(self, base: str) -> None:
        """Raises ``UsageError`` for a URL that is none, or not one to trust."""
        self.base = base.strip().rstrip("/")
        self._parts = _checked(self.base)
        self._opener = _opener(self._parts)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let downloads under way in other threads end soon, with ``Unreachable``."""
        self._stopped.set()

    def own(self, url: str) -> str:
        """The address on this site of a file whose address is given, on whatever site: a mirror need rewrite none.

        Raises ``ValueError`` for what is no URL.
        """
        parts = urlsplit(url)
        is_own = parts[:2] == self._parts[:2]
        path = parts.path.removeprefix(f"{self._parts.path}/") if is_own else parts.path
        return f"{self.base}/{quote(path.lstrip('/'), safe=_PATH)}"

    def get(self, url: str, limit: int) -> bytes:
        """The file at an address of this site. Raises ``Unreachable``, or ``NotServed``, also for one too large."""
        for pause in (*PAUSES, None):
            try:
                return self._once(url, limit)
            except HTTPError as error:
                error.close()
                if error.code not in _TRY_AGAIN:
                    raise NotServed(f"HTTP {error.code} {error.reason}") from error
                failure: Exception = error
            except (URLError, HTTPException, OSError, _Interrupted) as error:
                failure = error
            if pause is None or _is_final(failure) or self._stopped.wait(pause):
                break
        raise Unreachable(_why(failure)) from failure

    def _once(self, url: str, limit: int) -> bytes:
        if self._stopped.is_set():
            raise _Interrupted
        request = Request(url, headers={"User-Agent": f"cloudsearch/{__version__}", "Accept": "application/json"})  # noqa: S310 (checked when the site was made)
        with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return self._body(answer, limit)

    def _body(self, answer: HTTPResponse, limit: int) -> bytes:
        end = time.monotonic() + LONGEST_SECONDS
        body = bytearray()
        while piece := answer.read1(_PIECE):
            body += piece
            if len(body) > limit:
                raise NotServed(f"larger than {limit >> 20} MiB")
            if self._stopped.is_set():
                raise _Interrupted
            if time.monotonic() > end:
                raise TimeoutError(f"no end after {LONGEST_SECONDS:.0f} s")
        if len(body) < int(answer.headers.get("Content-Length") or 0):
            raise ConnectionError(f"the connection broke off after {len(body):,} bytes")
        return bytes(body)


class _OnSite(HTTPRedirectHandler):
    """Follows a redirect within the site only."""

    def __init__(self, site: SplitResult) -> None:
        self._site = site

    def redirect_request(  # noqa: PLR0913, PLR0917 (the library's own signature)
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> Request | None:
        """The request for the new address; an HTTPError of the redirect's own code for one elsewhere."""
        if urlsplit(newurl)[:2] != self._site[:2]:
            raise HTTPError(req.full_url, code, "and a redirect to another site", headers, fp)  # type: ignore[arg-type]
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _checked(base: str) -> SplitResult:
    try:
        parts = urlsplit(base)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{base!r} is no URL: {error}") from error
    if not parts.hostname or port == 0 or parts.query or parts.fragment or not _PLAIN.fullmatch(base):
        raise UsageError(f"{base!r} is no base URL: write https://host or https://host/path")
    if "@" in parts.netloc:
        raise UsageError("A user name or password in the Service Reference's URL is not supported")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(parts.hostname)):
        raise UsageError(f"{base} is not https, which only an address of this machine need not be")
    return parts


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _opener(parts: SplitResult) -> OpenerDirector:
    """Of http and https alone: the library's usual one opens files and ftp too."""
    opener = OpenerDirector()
    is_local = _is_this_machine(parts.hostname or "")
    for handler in (
        ProxyHandler({} if is_local else None),
        HTTPHandler(),
        HTTPSHandler(context=ssl.create_default_context()),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        _OnSite(parts),
    ):
        opener.add_handler(handler)
    return opener


def _is_final(failure: Exception) -> bool:
    """Whether another try must fail the same way: an interruption, or a certificate nobody trusts."""
    reason = failure.reason if isinstance(failure, URLError) else failure
    return isinstance(reason, _Interrupted | ssl.SSLCertVerificationError)


def _why(failure: Exception) -> str:
    if isinstance(failure, HTTPError):
        return f"HTTP {failure.code} {failure.reason}"
    reason = failure.reason if isinstance(failure, URLError) else failure
    return str(reason) or type(reason).__name__
