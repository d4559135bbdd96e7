"""A small AWS over HTTP: moto's server, and one in between that notes each call and can refuse, throttle or go silent.

boto3 is really used; ``AWS_ENDPOINT_URL`` brings every call here.
"""

from __future__ import annotations

import http.client
import logging
import re
import threading
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from moto.server import ThreadedMotoServer

ACCOUNT = "123456789012"  # the one that moto takes callers for
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")


class SmallAws:
    """``calls`` are those made, as ``iam:GetUser``; ``refuse``, ``fail``, ``answer`` say what comes instead."""

    def __init__(self, moto: tuple[str, int]) -> None:
        self.calls: list[str] = []
        self._instead: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self._refused: set[str] = set()
        self._moto = moto
        self.url = ""

    def refuse(self, *calls: str) -> None:
        """AccessDenied from now on."""
        self._refused |= set(calls)

    def fail(self, call: str, *, status: int, code: str, message: str = "as the test wants it", times: int = 1) -> None:
        """This error first, so many times, then AWS's own answers."""
        self._instead[call] += [(status, _error(call, code, message))] * times

    def answer(self, call: str, body: str) -> None:
        """This answer first, then AWS's own."""
        self._instead[call].append((200, body.encode()))

    def instead(self, call: str) -> tuple[int, bytes] | None:
        """What to answer instead of AWS."""
        if self._instead[call]:
            return self._instead[call].pop(0)
        if call in self._refused:
            told = f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: {call}"
            return 403, _error(call, "AccessDenied", told)
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

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """AWS's own answer."""
        connection = http.client.HTTPConnection(*self._moto, timeout=30)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def _call(headers: dict[str, str], body: bytes) -> str:
    """Service and operation, in either of the protocols in use here."""
    service = _SERVICE.search(headers.get("Authorization", ""))
    target = headers.get("X-Amz-Target", "")
    operation = target.rpartition(".")[2] or parse_qs(body.decode()).get("Action", ["?"])[0]
    return f"{service[1] if service else '?'}:{operation}"


def _error(call: str, code: str, message: str) -> bytes:
    if not call.startswith(("iam:", "sts:")):
        return f'{{"__type": "{code}", "message": "{message}"}}'.encode()
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()


def _handler(aws: SmallAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = dict(self.headers.items())
            call = _call(headers, body)
            aws.calls.append(call)
            if instead := aws.instead(call):
                self._answer(instead[0], [], instead[1])
            else:
                self._answer(*aws.forward(self.path, headers, body))

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() in ("content-type", "x-amzn-requestid"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
