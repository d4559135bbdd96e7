"""A server between a store and a real engine: passes requests on, but for those it was told to answer otherwise."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}
    )
    promised: int | None = None  # a content-length other than the body's: the connection then breaks off
    chunked: bool = False


@dataclass(frozen=True)
class Request:
    """What came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Fault = Callable[[Callable[[], Reply]], Reply | None]
"""Makes the reply, from the engine's if it asks for it; None drops the connection."""


class Proxy:
    """The server, its faults, and the requests it has seen."""

    def __init__(self, target: str, certificate: tuple[Path, Path] | None = None, *, port: int = 0) -> None:
        self.target = urlsplit(target)
        self.seen: list[Request] = []
        self._faults: list[tuple[re.Pattern[str], Fault, list[int]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._scheme = "http"
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Of this machine."""
        return int(self._server.server_address[1])

    def fault(self, pattern: str, reply: Reply | Fault | None, *, times: int = 1_000_000) -> None:
        """Answer requests whose ``METHOD /path`` the pattern finds in this way, so many times."""
        made: Fault = reply if callable(reply) else lambda _: reply
        self._faults.insert(0, (re.compile(pattern), made, [times]))

    def heal(self) -> None:
        """Pass everything on."""
        self._faults.clear()

    def answer(self, request: Request) -> Reply | None:
        """The reply to a request."""
        self.seen.append(request)
        for pattern, fault, left in self._faults:
            if left[0] and pattern.search(f"{request.method} {request.path}"):
                left[0] -= 1
                return fault(lambda: self._forward(request))
        return self._forward(request)

    def _forward(self, request: Request) -> Reply:
        connection = http.client.HTTPConnection(self.target.hostname or "", self.target.port, timeout=60)
        try:
            kept = ("content-type", "accept", "content-encoding")
            headers = {name: value for name, value in request.headers.items() if name in kept}
            connection.request(request.method, request.path, request.body or None, headers)
            answer = connection.getresponse()
            names = ("content-type", "x-elastic-product")
            found = {name: value for name in names if (value := answer.getheader(name))}
            return Reply(answer.status, answer.read(), found)
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = proxy.answer(Request(self.command, self.path, headers, body))
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.chunked:
                    self.send_header("transfer-encoding", "chunked")
                else:
                    self.send_header("content-length", str(reply.promised or len(reply.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(b"".join(_chunks(reply.body)) if reply.chunked else reply.body)
                self.close_connection = reply.promised is not None

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _any  # noqa: N815 (the library's names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's signature)
                """Say nothing."""

        return Handler

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def _chunks(body: bytes) -> Iterator[bytes]:
    """The body as HTTP's chunks of seven bytes, and the last one, which is empty."""
    for start in range(0, len(body), 7):
        part = body[start : start + 7]
        yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


HTML = {"content-type": "text/html"}
PAGE = b"<html><body>502 Bad Gateway</body></html>"


def error(type_: str, reason: str = "because") -> bytes:
    """An engine's error."""
    return json.dumps({"error": {"type": type_, "reason": reason}, "status": 0}).encode()
