"""``record --check``: why a process would send nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.csm.sockets import Sockets, addresses
from tests.csm import call, packed, send


@contextmanager
def sleeping(folder: Path, environment: dict[str, str], *command: str) -> Iterator[int]:
    """A process with exactly these variables, in a folder; its id once it runs."""
    own = {"PATH": os.environ["PATH"], **environment}
    program = command or (sys.executable, "-c", "print(flush=True); import time; time.sleep(60)")
    with subprocess.Popen(program, cwd=folder, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A home with a configuration."""
    path = tmp_path / ".aws" / "config"
    path.parent.mkdir()
    path.write_text(
        "[default]\nregion = eu-west-1\n[profile on]\ncsm_enabled = true\ncsm_port = 31999\n"
        "[profile off]\ncsm_enabled = false\n[profile aws_csm]\ncsm_enabled = true\n"
    )
    return path


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[bool, list[str]]:
    """Whether it would send, and what was found."""
    capsys.readouterr()
    assert main(["record", "--check", "--seconds", "0", "--format", "json", *arguments]) == 0
    told: Any = json.loads(capsys.readouterr().out)
    return told["would_send"], [one["what"] for one in told["findings"]]


@pytest.mark.parametrize(
    ("environment", "sends", "says"),
    [
        ({"AWS_CSM_ENABLED": "true"}, True, "AWS_CSM_ENABLED=true"),
        ({"AWS_CSM_ENABLED": "false"}, False, "AWS_CSM_ENABLED=false"),
        ({"AWS_CSM_ENABLED": "false", "HOME": "{home}", "AWS_PROFILE": "on"}, False, "AWS_CSM_ENABLED=false"),
        ({"HOME": "{home}"}, False, "AWS_CSM_ENABLED is not set; profile default in {home}/.aws/config has no csm"),
        ({"HOME": "{home}", "AWS_PROFILE": "on"}, True, "it would send to 127.0.0.1 port 31999"),
        ({"HOME": "{home}", "AWS_PROFILE": "off"}, False, "csm_enabled = false"),
        ({"HOME": "{home}", "AWS_PROFILE": "none"}, False, "{home}/.aws/config has no profile none"),
        ({"HOME": "{home}"}, False, "which Go v1 and Java v1 alone read"),
        (
            {"AWS_CONFIG_FILE": ".aws/config", "AWS_PROFILE": "on"},
            True,
            "profile on in .aws/config has csm_enabled = true",
        ),
        ({"AWS_CONFIG_FILE": "{home}/nothing"}, False, "{home}/nothing is not there, or cannot be read"),
        ({}, False, "HOME is not set"),
        ({"AWS_CSM_ENABLED": "true", "AWS_CSM_PORT": "many"}, False, "the port 'many' is no number"),
        ({"AWS_CSM_ENABLED": "true", "AWS_CSM_HOST": "10.0.0.1"}, True, "10.0.0.1 is not this host's loopback"),
    ],
)
def test_what_a_process_was_started_with(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    sends: bool,  # noqa: FBT001
    says: str,
) -> None:
    """Its variables go before the file it would find, in its own folder and profile."""
    home = str(config.parent.parent)
    own = {name: value.replace("{home}", home) for name, value in environment.items()}
    with sleeping(config.parent.parent, own) as pid:
        would_send, found = checked(capsys, str(pid))
    assert would_send is sends
    assert any(says.replace("{home}", home) in one for one in found), found


def test_what_sdk_it_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Python's, where botocore is installed for it; of a shell nobody can tell."""
    with sleeping(tmp_path, {"AWS_CSM_ENABLED": "true"}) as pid:
        assert "botocore (boto3, AWS CLI): has monitoring" in checked(capsys, str(pid))[1]
    with sleeping(tmp_path, {"AWS_CSM_ENABLED": "true"}, "sh", "-c", "echo; sleep 60") as pid:
        assert "which SDK it uses cannot be told from outside" in checked(capsys, str(pid))[1]


@pytest.mark.parametrize(
    ("name", "behind", "arguments", "says"),
    [
        ("node", b"", (), "AWS SDK for JavaScript v3: has no monitoring"),
        ("node", b"", (), "AWS SDK for JavaScript v2: has monitoring"),
        ("java", b"", ("aws-java-sdk-core-1.12.1.jar",), "AWS SDK for Java v1: has monitoring"),
        ("java", b"", ("/m2/software/amazon/awssdk/s3.jar",), "AWS SDK for Java v2: has no monitoring"),
        ("ruby", b"", (), "AWS SDK for Ruby: has monitoring"),
        ("agent", b"Go buildinf: github.com/aws/aws-sdk-go-v2/service", (), "AWS SDK for Go v2: has no monitoring"),
        ("agent", b"Go buildinf: github.com/aws/aws-sdk-go/aws", (), "AWS SDK for Go v1: has monitoring"),
    ],
)
def test_other_sdks(  # noqa: PLR0917 (a fixture, a parameter)
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    behind: bytes,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    """By the program's name, the modules' folders, the archives it was given, what it was built from."""
    for module in ("@aws-sdk/client-s3", "aws-sdk"):
        (tmp_path / "node_modules" / module).mkdir(parents=True)
    program = tmp_path / name
    program.write_bytes(Path("/bin/sh").read_bytes() + behind)
    program.chmod(0o700)
    with sleeping(tmp_path, {"AWS_CSM_ENABLED": "true"}, str(program), "-c", "echo; read x", *arguments) as pid:
        assert says in checked(capsys, str(pid))[1]


def test_whether_anything_arrives(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process, of what would be started here; somebody who listens is not disturbed."""
    monkeypatch.setenv("AWS_CSM_ENABLED", "true")
    sockets = Sockets(addresses((), 0))
    try:
        monkeypatch.setenv("AWS_CSM_PORT", str(sockets.port))
        would_send, found = checked(capsys)
        assert would_send
        assert f"a process listens on UDP port {sockets.port}" in found
        send(sockets.port, packed(call()))
        assert len(sockets.receive(10)) == 1
    finally:
        sockets.close()
    assert any("nobody listens, and nothing arrived in 0 s" in one for one in checked(capsys)[1])


def test_records_that_arrive_are_counted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody listens, it does for a moment."""
    free = Sockets(addresses((), 0))
    port = free.port
    free.close()
    monkeypatch.setenv("AWS_CSM_ENABLED", "true")
    script = (
        "import socket, sys, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for _ in range(40):\n    time.sleep(0.1)\n    s.sendto(sys.argv[1].encode(), ('127.0.0.1', int(sys.argv[2])))"
    )
    with subprocess.Popen([sys.executable, "-c", script, packed(call()).decode(), str(port)]) as process:
        assert main(["record", "--check", "--port", str(port), "--seconds", "2"]) == 0
        process.kill()
    out = capsys.readouterr().out
    assert "nothing speaks against its sending" in out
    assert "records of SDKs arrived in 2 s of listening" in out


@pytest.mark.parametrize(("pid", "code"), [("4194305", 1), ("x", 2)])
def test_no_such_process(capsys: pytest.CaptureFixture[str], pid: str, code: int) -> None:
    """An error that names it."""
    assert main(["record", "--check", pid]) == code
    assert pid in capsys.readouterr().err
