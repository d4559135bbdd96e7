"""A small AWS over HTTP: moto's server, and one in between that notes each call and can refuse, throttle or break off.

Calls of S3 are named ``s3:GetObject``, or ``s3:GetObject bucket/key`` and ``s3:ListObjectsV2 bucket/prefix`` for
one object or prefix alone.

boto3 is really used; ``AWS_ENDPOINT_URL`` brings every call here.
"""

from __future__ import annotations

import http.client
import logging
import re
import socket
import struct
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from moto.server import ThreadedMotoServer

ACCOUNT = "123456789012"  # the one that moto takes callers for
_SERVICE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_PASSED_ON = ("content-type", "etag", "last-modified", "content-range", "accept-ranges", "retry-after")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def call(self) -> str:
        """Service and operation, in each of the protocols in use here."""
        if self.service == "s3":
            return f"s3:{_S3.get((self.method, bool(self.key)), '?')}"
        operation = (
            self.header("x-amz-target").rpartition(".")[2] or parse_qs(self.body.decode()).get("Action", ["?"])[0]
        )
        return f"{self.service}:{operation}"

    @property
    def key(self) -> str:
        """Of the object, without its bucket."""
        return self.target.partition("/")[2]

    @property
    def target(self) -> str:
        """Bucket and key."""
        return unquote(urlsplit(f"http://aws{self.path}").path).removeprefix("/")

    @property
    def about(self) -> str:
        """Bucket and key, or bucket and the prefix that is listed."""
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        return self.target if self.key else f"{self.target}/{prefix}"

    @property
    def service(self) -> str:
        """Whom it was signed for."""
        return self.signed[2]

    @property
    def signed(self) -> tuple[str, str, str]:
        """The access key, the region and the service it was signed with."""
        found = _SERVICE.search(self.header("authorization"))
        return (found[1], found[2], found[3]) if found else ("", "", "?")

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return next((value for one, value in self.headers.items() if one.lower() == name), "")


_S3 = {
    ("HEAD", False): "HeadBucket",
    ("HEAD", True): "HeadObject",
    ("GET", False): "ListObjectsV2",
    ("GET", True): "GetObject",
    ("PUT", True): "PutObject",
}


@dataclass(frozen=True, slots=True)
class Instead:
    """An answer that is not AWS's; or AWS's, broken off after some bytes, in order or not."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False


class SmallAws:
    """``calls`` are those made, as ``iam:GetUser``; ``refuse``, ``fail``, ``answer``, ``cut`` say what else comes."""

    def __init__(self, moto: tuple[str, int]) -> None:
        self.calls: list[str] = []
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._instead: dict[str, list[Instead]] = defaultdict(list)
        self._refused: set[str] = set()
        self._shunned: list[str] = []
        self._moto = moto
        self.url = ""

    def refuse(self, *calls: str) -> None:
        """AccessDenied from now on."""
        self._refused |= set(calls)

    def fail(
        self,
        call: str,
        *,
        status: int,
        code: str,
        message: str = "as the test wants it",
        times: int = 1,
        headers: dict[str, str] | None = None,
    ) -> None:
        """This error first, so many times, then AWS's own answers."""
        self._instead[call] += [Instead(status, _error(call, code, message), headers or {})] * times

    def answer(self, call: str, body: str) -> None:
        """This answer first, then AWS's own."""
        self._instead[call].append(Instead(200, body.encode()))

    def cut(self, call: str, after: int, *, times: int = 1, reset: bool = False) -> None:
        """AWS's own answer, but the connection ends after some bytes of the body."""
        self._instead[call] += [Instead(cut=after, reset=reset)] * times

    def shun(self, agent: str) -> None:
        """AccessDenied from now on for whoever calls itself so."""
        self._shunned.append(agent)

    def instead(self, request: Request) -> Instead | None:
        """What to answer instead of AWS."""
        with self._lock:
            self.calls.append(request.call)
            self.requests.append(request)
            if request.header("user-agent").startswith(tuple(self._shunned)):
                return Instead(403, _error(request.call, "AccessDenied", "not you"))
            for name in (f"{request.call} {request.about}", request.call):
                if self._instead[name]:
                    return self._instead[name].pop(0)
                if name in self._refused:
                    told = f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: {request.call}"
                    return Instead(403, _error(request.call, "AccessDenied", told))
        return None

    def client(self, service: str, account: str = ACCOUNT) -> Any:  # noqa: ANN401 (made at run time)
        """A client to set the scene with, past the notes."""
        own = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}
        host, port = self._moto
        make: Any = boto3.client
        if account != ACCOUNT:
            role = f"arn:aws:iam::{account}:role/setter"
            given = self.client("sts").assume_role(RoleArn=role, RoleSessionName="scene")["Credentials"]
            own = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        return make(service, endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **own)

    def forward(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        """AWS's own answer."""
        connection = http.client.HTTPConnection(*self._moto, timeout=30)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def _error(call: str, code: str, message: str) -> bytes:
    if call.startswith("s3:"):
        return f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>".encode()
    if not call.startswith(("iam:", "sts:")):
        return f'{{"__type": "{code}", "message": "{message}"}}'.encode()
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()


def _handler(aws: SmallAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, dict(self.headers.items()), body)
            instead = aws.instead(request)
            if instead and instead.cut is None:
                self._answer(instead.status, list(instead.headers.items()), instead.body)
                return
            status, headers, answer = aws.forward(request)
            self._answer(status, headers, answer, instead)

        do_GET = do_POST  # noqa: N815 (http.server calls them so)
        do_HEAD = do_POST  # noqa: N815
        do_PUT = do_POST  # noqa: N815

        def _answer(
            self, status: int, headers: list[tuple[str, str]], body: bytes, broken: Instead | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() in _PASSED_ON or name.lower().startswith("x-amz"):
                    self.send_header(name, value)
            size = next((value for name, value in headers if name.lower() == "content-length"), "0")
            self.send_header("Content-Length", size if self.command == "HEAD" else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body if broken is None else body[: broken.cut])
            if broken and broken.reset:
                self.wfile.flush()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    return Handler


@contextmanager
def moto_server() -> Iterator[tuple[str, int]]:
    """Moto's server, quiet."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()
    finally:
        server.stop()


@contextmanager
def small_aws(moto: tuple[str, int]) -> Iterator[SmallAws]:
    """An AWS without anything in it."""
    host, port = moto
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    aws = SmallAws(moto)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(aws))
    aws.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield aws
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def found_by_boto3(moto: tuple[str, int], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallAws]:
    """An AWS without anything in it that whoever asks with boto3 comes to."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with small_aws(moto) as aws:
        for name, value in environment(aws.url, str(folder)).items():
            monkeypatch.setenv(name, value)
        yield aws


def environment(url: str, folder: str) -> dict[str, str]:
    """What boto3 has to find to come here, and to find nothing else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": f"{folder}/config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{folder}/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
