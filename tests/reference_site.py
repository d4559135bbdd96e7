"""A web server of our own that serves AWS's Service Reference, as documented, or as badly as a test wants.

And what tests of the two sides of it share: commands with a cache of their own, and caches made without a server.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.catalogue import bundled
from cloudsearch.catalogue.cache import Cache, keep
from cloudsearch.cli import main

CERTIFICATE = Path(__file__).parent / "cases" / "tls-certificate.pem"
AWS = "https://servicereference.us-east-1.amazonaws.com"
CASES: dict[str, Any] = json.loads((Path(__file__).parent / "cases" / "service_reference.json").read_text())
PAGES: Mapping[str, Any] = CASES["pages"]
MANY = {f"service{n}": PAGES["newservice"] | {"Name": f"service{n}"} for n in range(30)}
NEWER = bundled.release().updated_at + timedelta(seconds=1)
OLDER = bundled.release().updated_at - timedelta(seconds=1)

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
def serving(*, tls: bool = False) -> Iterator[ReferenceSite]:
    """The site, for as long as it is needed; with ``tls`` under the certificate that no authority vouches for."""

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
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("tls-key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site = ReferenceSite(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Run:
    """Runs commands with a cache of this test's own."""

    def __init__(self, folder: Path, site: ReferenceSite, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self.file = folder / "cache" / "service-reference.zip"
        self._capsys = capsys

    def refresh(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        self._capsys.readouterr()
        return (main(["actions", "--refresh", *arguments]), *self._capsys.readouterr())

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another process, which looks at the cache afresh."""
        command = [sys.executable, "-m", "cloudsearch", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def kept(folder: Path, pages: dict[str, Any], fetched_at: datetime = NEWER) -> Cache:
    """A cache that holds these pages."""
    file = folder / "kept.zip"
    keep(
        file, {name: json.dumps(raw).encode() for name, raw in pages.items()}, fetched_at=fetched_at, source="https://x"
    )
    return Cache(file)


@contextmanager
def running(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Commands that fetch from a site of their own and keep what they fetch in a folder of their own."""
    with serving() as site:
        monkeypatch.setenv("CLOUDSEARCH_CACHE", str(folder / "cache"))
        monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", site.url)
        yield Run(folder, site, capsys)
