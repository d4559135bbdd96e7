"""A Kibana, or OpenSearch Dashboards, whose import is as documented: keeps what it was sent, answers what it is told.

https://www.elastic.co/guide/en/kibana/8.19/saved-objects-api-import.html
OpenSearch Dashboards has the same request, with a header of its own: ``osd-xsrf``.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).parent / "cases" / "tls-certificate.pem"


@dataclass(frozen=True)
class Sent:
    """A request: its path, its headers by small name, its body's own bytes."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def file(self) -> tuple[str, bytes]:
        """The one part's name as a file, and what lies in it; anything but one part of documented form is an error."""
        boundary = self.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
        first, part, last = self.body.split(b"--" + boundary)
        assert (first, last) == (b"", b"--\r\n")
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition, kind = head.decode().split("\r\n")
        assert kind == "Content-Type: application/x-ndjson"
        name = disposition.removeprefix('Content-Disposition: form-data; name="file"; filename="').removesuffix('"')
        assert disposition.endswith(f'filename="{name}"')
        return name, content.removesuffix(b"\r\n")

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The saved objects in it."""
        return [json.loads(line) for line in self.file[1].splitlines()]


@dataclass
class Kibana:
    """What was sent, and what to answer; by itself it takes everything, as long as the header of its kind is there."""

    xsrf: str = "kbn-xsrf"
    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    status: int = 200
    answer: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def tell(self, status: int, answer: object, **headers: str) -> None:
        """Answer this from now on."""
        self.status, self.headers = status, headers
        self.answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def reply(self, request: Sent) -> tuple[int, bytes]:
        """The answer to a request."""
        if self.answer is not None:
            return self.status, self.answer
        if not request.headers.get(self.xsrf):
            said = f"Request must contain a {self.xsrf} header."
            return 400, json.dumps({"statusCode": 400, "error": "Bad Request", "message": said}).encode()
        if not request.file[0].endswith(".ndjson"):
            said = f"Invalid file extension .{request.file[0].rpartition('.')[2]}"
            return 400, json.dumps({"statusCode": 400, "error": "Bad Request", "message": said}).encode()
        taken = {"success": True, "successCount": len(request.objects), "warnings": [], "successResults": []}
        return 200, json.dumps(taken).encode()


@contextmanager
def kibana(xsrf: str = "kbn-xsrf", *, tls: bool = False) -> Iterator[Kibana]:
    """One, for as long as it is needed; with ``tls`` under a certificate that no authority vouches for."""
    here = Kibana(xsrf)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            here.sent.append(Sent(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            status, answer = here.reply(here.sent[-1])
            self.send_response(status)
            for name, value in {"content-length": str(len(answer)), **here.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("tls-key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    here.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
