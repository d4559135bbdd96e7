"""Other SDKs for the tests, from package registries, each installed once into a cache folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

AWS_CLI = "awscli>=1.40,<2"
JAVASCRIPT = "aws-sdk@2"


def aws_cli() -> list[str]:
    """The command of the AWS CLI v1."""

    def install(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", AWS_CLI])

    return [str(_installed("aws-cli-1", install) / "bin" / "aws")]


def javascript() -> Path:
    """The folder in which ``require("aws-sdk")`` finds version 2; AssertionError where there is no node."""
    assert shutil.which("node"), "node is not on the PATH: install Node.js"
    assert shutil.which("npm"), "npm is not on the PATH: install it with Node.js"

    def install(folder: Path) -> None:
        folder.mkdir()
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), JAVASCRIPT])

    return _installed("javascript-2", install)


def _installed(name: str, install: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache, whole, by whichever process comes first."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudsearch-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    with _locked(cache / f"{name}.lock"):
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            (folder / "whole").touch()
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
