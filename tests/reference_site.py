"""A web server of our own that serves AWS's Service Reference, as documented, or as badly as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

AWS = "https://servicereference.us-east-1.amazonaws.com"
CASES: dict[str, Any] = json.loads((Path(__file__).parent / "cases" / "service_reference.json").read_text())
PAGES: Mapping[str, Any] = CASES["pages"]

Answer = bytes | int | Callable[[BaseHTTPRequestHandler], None]
"""A body, a bare status, or what takes the request over."""


class ReferenceSite:
    """The pages by path, to be changed at will, and the paths that were asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.serve(PAGES)

    def serve(self, pages: Mapping[str, object]) -> None:
        """The list, with AWS's own addresses, and the pages."""
        listed = [{"service": name, "url": f"{AWS}/v1/{name}/{name}.json"} for name in pages]
        self.files["/v1/service-list.json"] = json.dumps(listed).encode()
        for name, page in pages.items():
            self.files[f"/v1/{name}/{name}.json"] = json.dumps(page).encode()


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """A whole answer; ``headers`` replace or add."""
    request.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def serving() -> Iterator[ReferenceSite]:
    """The site, for as long as it is needed."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            answer = site.files.get(self.path, 404)
            if isinstance(answer, bytes):
                send(self, 200, answer)
            elif isinstance(answer, int):
                send(self, answer, b"<html>")
            else:
                answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            """Nothing: requests are counted in ``asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site = ReferenceSite(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
