"""``load --csm``: archives into the store, each line once, by the ledger that logs have."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.store import CSM_CALLS, LOG_FILES, Store
from cloudsearch.where import Everything
from tests.backends import Backend
from tests.csm import TOKEN, attempt, call, packed, write_archive
from tests.logfiles import record, write

SAID = [call(0), attempt(1), call(5), attempt(6)]


def load(backend: Backend, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:  # noqa: ANN401
    """The receipt."""
    capsys.readouterr()
    flags = ["--csm", "--format", "json", *backend.place.options]
    assert main(["load", *arguments, *flags]) == code
    return json.loads(capsys.readouterr().out)


def opened(backend: Backend) -> Store:
    """The store, for reading."""
    store = backend.open()
    store.prepare()
    return store


def test_a_second_load_adds_nothing(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same file is not read again; a copy of it is, and all of it is there."""
    path = write_archive(tmp_path / "a.jsonl", *SAID)
    assert load(backend, capsys, str(path))["records"]["created"] == 4
    again = load(backend, capsys, str(path))
    assert (again["files"]["already_loaded"], again["records"]["read"]) == (1, 0)
    (tmp_path / "copy.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    copied = load(backend, capsys, str(tmp_path))
    assert copied["records"] == {"read": 4, "created": 0, "existing": 4, "dead_lettered": 0}


def test_a_file_that_has_grown(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only what is new is added: an agent that appends is loaded from time to time."""
    path = write_archive(tmp_path / "a.jsonl", *SAID)
    load(backend, capsys, str(path))
    with path.open("ab") as file:
        file.write(packed(call(9)) + b"\n")
    assert load(backend, capsys, str(path))["records"]["created"] == 1


def test_lines_that_cannot_be_read(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are kept with their reason, without a token, and the exit code is 3."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(packed(call()) + b"\n" + packed(attempt())[:-30] + b"\n\n")
    told = load(backend, capsys, str(path), code=3)
    assert told["records"] == {"read": 2, "created": 1, "existing": 0, "dead_lettered": 1}
    store = opened(backend)
    rows = {row["kind"]: row for row in store.rows(CSM_CALLS, Everything())}
    store.close()
    assert rows["Rejected"]["reason"] == "truncated"
    assert TOKEN[:40].encode() not in b"".join(
        bytes(row["raw"]) for row in rows.values() if isinstance(row["raw"], bytes)
    )


def test_a_file_that_breaks_off(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused and not marked; what stood before the break is there, and not twice when it is whole."""
    data = gzip.compress(b"".join(packed(call(n)) + b"\n" for n in range(5000)))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(data[: len(data) // 2])
    broken = load(backend, capsys, str(path), code=3)
    assert broken["files"]["refused"] == 1
    assert 0 < broken["records"]["created"] < 5000
    path.write_bytes(data)
    whole = load(backend, capsys, str(path))
    assert whole["records"]["created"] == 5000 - broken["records"]["created"]


def test_logs_and_archives_are_apart(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An archive is no log, and loading it as one does not mark it; nor the other way round."""
    archive = write_archive(tmp_path / "a" / "a.jsonl", *SAID)
    log = write(tmp_path / "l" / "log.json.gz", [record(1)])
    assert main(["load", str(archive), str(log), "--quiet", *backend.place.options]) == 0
    assert load(backend, capsys, str(archive))["records"]["created"] == 4
    store = opened(backend)
    kinds = {row["name"]: row["kind"] for row in store.rows(LOG_FILES, Everything())}
    store.close()
    assert kinds == {str(archive.resolve()): "csm", str(log.resolve()): None}


def test_nothing_there(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is refused; an estimate is for logs."""
    assert load(backend, capsys, str(tmp_path / "none"), code=3)["files"]["refused"] == 1
    assert main(["load", "--csm", str(tmp_path), "--dry-run", *backend.place.options]) == 2
