"""Every report on a made-up organisation of three accounts, against answers written down by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from tests.backends import Backend
from tests.logfiles import write
from tests.organisation import whole, whole_details

CASES = json.loads((Path(__file__).parent / "cases" / "organisation.json").read_text())["cases"]
WITHOUT_IAM = frozenset({"denied", "top", "coverage"})
"""Commands that take no IAM file."""

Rows = Callable[[list[str]], list[dict[str, Any]]]


@pytest.fixture
def rows(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Rows:
    """The rows of a command on the organisation's store."""
    write(tmp_path / "logs" / "all.json.gz", whole().records)
    (tmp_path / "iam").mkdir()
    for account, own in whole_details().items():
        (tmp_path / "iam" / f"{account}.json").write_text(json.dumps(own))
    assert main(["load", str(tmp_path / "logs"), *backend.place.options]) == 0

    def ask(arguments: list[str]) -> list[dict[str, Any]]:
        iam = [] if arguments[0] in WITHOUT_IAM else ["--iam", str(tmp_path / "iam")]
        capsys.readouterr()
        code = main([*arguments, *iam, "--format", "json", *backend.place.options])
        out, err = capsys.readouterr()
        assert code == 0, err
        found: list[dict[str, Any]] = json.loads(out)
        return found

    return ask


def test_every_report_says_what_was_written_down(rows: Rows) -> None:
    """All rows, no more; where a case names actions, the rows of these."""
    answers, right = {}, {}
    for case in CASES:
        found = rows(case["arguments"])
        wanted = case.get("actions")
        told = [[row[name] for name in case["columns"]] for row in found if not wanted or row["action"] in wanted]
        answers[case["name"]] = sorted(told, key=repr)
        right[case["name"]] = sorted(case["rows"], key=repr)
    assert answers == right


def test_no_report_is_left_out() -> None:
    """Each reporting command, and each kind of report, has a case."""
    asked = {word for case in CASES for word in case["arguments"]}
    wanted = {"list", "users", "roles", "report", "--all", "denied", "who", "history", "top", "coverage"}
    assert wanted | {"--through", "--dest-role", "--resources", "--services"} <= asked
