"""A store that another version wrote, as the user of a report meets it."""

from __future__ import annotations

import json

import pytest

from cloudsearch.cli import main
from cloudsearch.derive import derive
from tests.backends import Backend
from tests.logfiles import record


def test_reports_work_on_an_older_store(backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    """Its fields are added, in old months too; the rows answer, and a notice names rederive."""
    months = (record(1), record(2, eventTime="2026-07-04T00:00:00Z"), record(3, eventTime="nonsense"))
    backend.leave_older([derive(json.dumps(one).encode()) for one in months], without="vpc_endpoint")
    for _ in range(2):
        assert main(["list", "roles", "--format", "json", *backend.place.options]) == 0
        out, err = capsys.readouterr()
        assert [(row["name"], row["calls"]) for row in json.loads(out)] == [("worker", 3)]
        assert "cloudsearch rederive" in err


def test_a_newer_store_is_refused(backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    """What this version does not understand it neither reads nor writes."""
    store = backend.open()
    store.prepare(loading=True)
    store.commit()
    store.close()
    backend.leave_newer()
    assert main(["list", "roles", *backend.place.options]) == 4
    assert "newer cloudsearch" in capsys.readouterr().err
