"""Every reporting command where something is missing: no store, a store without events, no IAM file, no logs for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.logfiles import record
from tests.scenario import ROLE, Scenario, account, role, statement

FORMATS = ("table", "json", "jsonl", "csv", "markdown", "html")
TARGET = "arn:aws:iam::111122223333:role/other"
WITH_IAM = {
    "report on a role": ("report", "--role", ROLE),
    "report on all": ("report", "--all"),
    "report by services": ("report", "--all", "--services"),
    "report by resources": ("report", "--all", "--resources"),
    "report merged": ("report", "--all", "--merge-by", "name"),
    "report compared": ("report", "--role", ROLE, "--compare", "2020-01-01"),
    "report of a destination": ("report", "--role", ROLE, "--dest-role", TARGET),
    "list users": ("list", "users"),
    "list roles": ("list", "roles"),
    "who": ("who", "ec2:DescribeInstances"),
    "history": ("history", "--role", "worker"),
    "report through": ("report", "--role", TARGET, "--through"),
}
WITHOUT_IAM = {
    "denied": ("denied",),
    "denied in a week": ("denied", "--weekly"),
    "coverage": ("coverage",),
    "top": ("top", "--by", "principal"),
    "top compared": ("top", "--by", "action", "--compare", "7d"),
}
COMMANDS = WITH_IAM | WITHOUT_IAM
NEEDS_IAM = frozenset({"report"})
"""Commands that cannot do without being told what is granted, but for ``--through``."""


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Nothing yet, and no AWS to ask."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return Scenario(tmp_path, capsys)


def told(scenario: Scenario) -> list[str]:
    """An IAM file of two roles."""
    other = role(statement("ec2:*"), RoleName="other", RoleId="AROAOTHER", Arn=TARGET, Path="/")
    return ["--iam", scenario.iam(account(role(statement("ec2:*", "iam:*")), other))]


@pytest.mark.parametrize("name", COMMANDS)
def test_without_a_store(empty: Scenario, name: str) -> None:
    """Exit 4, what to do, and none is made."""
    iam = told(empty) if name in WITH_IAM else []
    code, out, err = empty.run(*COMMANDS[name], *iam)
    assert (code, out) == (4, "")
    assert "cloudsearch load" in err
    assert not (empty.folder / "store.duckdb").exists()


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("name", COMMANDS)
def test_an_iam_file_without_logs(empty: Scenario, name: str, how: str) -> None:
    """Exit 0 and nothing unused; a role nobody came into, or an unknown one, may be an error that says so."""
    empty.log()
    iam = told(empty) if name in WITH_IAM else []
    code, out, err = empty.run(*COMMANDS[name], *iam, "--format", how)
    assert "Traceback" not in err
    if name in ("report through", "report of a destination", "history"):
        assert code in (0, 1), err
    else:
        assert code == 0, err
    if how == "json" and code == 0:
        rows: list[dict[str, Any]] = json.loads(out)
        assert not [row for row in rows if row.get("marker") == "-" or row.get("unused")]
    elif how == "table":
        assert not [line for line in out.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("name", COMMANDS)
def test_logs_without_an_iam_file(empty: Scenario, name: str, how: str) -> None:
    """A report says how to get one and exits 6; all else tells what the logs do, and nothing of grants."""
    empty.log(record(1), record(2))
    code, out, err = empty.run(*COMMANDS[name], "--format", how)
    assert "Traceback" not in err
    if COMMANDS[name][0] in NEEDS_IAM and name != "report through":
        assert (code, out) == (6, "")
        assert "--iam" in err
    elif name == "report through":
        assert code in (0, 1), err
    else:
        assert code == 0, err
        if how == "json":
            assert not [row for row in json.loads(out) if row.get("marker") in ("-", "+")]


@pytest.mark.parametrize("how", FORMATS)
def test_neither(empty: Scenario, how: str) -> None:
    """A store without events and no IAM file: empty tables, or why not."""
    empty.log()
    for name, arguments in COMMANDS.items():
        code, _, err = empty.run(*arguments, "--format", how)
        assert "Traceback" not in err, name
        assert code in (0, 1, 6), name
