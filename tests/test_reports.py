"""Reports as text: how the table folds, and golden files of what the example trail shows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.scenario import Scenario, account, background, of_home, role, statement

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
IAM = [f"--iam={path}" for path in sorted((ROOT / "examples" / "iam").glob("*.json"))]
DEPLOY = ["report", "--role", "deploy", *IAM, "--iam-as-of", "2026-10-01"]


@pytest.fixture
def example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """The example trail, loaded."""
    made = Scenario(tmp_path, capsys)
    assert made.run("load", str(ROOT / "examples" / "AWSLogs"))[0] == 0
    return made


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("deploy.txt", DEPLOY),
        ("deploy-expanded.txt", [*DEPLOY, "--expand", "--hide-benign"]),
        ("deploy.json", [*DEPLOY, "--format", "json"]),
        ("deploy.csv", [*DEPLOY, "--format", "csv", "--show", "unused,ungranted"]),
        ("deploy.md", [*DEPLOY, "--format", "markdown", "--show", "unused,ungranted"]),
        ("deploy.html", [*DEPLOY, "--format", "html"]),
        ("all.txt", ["report", "--all", *IAM, "--iam-as-of", "2026-10-01"]),
        ("services.txt", [*DEPLOY, "--services"]),
        ("alice.txt", ["report", "--user", "alice", *IAM, "--iam-as-of", "2026-10-01"]),
        ("roles.txt", ["list", "roles", *IAM]),
        ("users.jsonl", ["list", "users", *IAM, "--format", "jsonl"]),
        ("actions.txt", ["actions", "s3.amazonaws.com:HeadObject", "iam:PassRole", "kms:Decrypt"]),
    ],
)
def test_golden(example: Scenario, name: str, arguments: list[str]) -> None:
    """What is printed is what is in the golden file; ``CLOUDSEARCH_WRITE_GOLDEN=1`` writes it."""
    code, out, err = example.run(*arguments)
    assert code == 0, err
    path = GOLDEN / name
    if os.environ.get("CLOUDSEARCH_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(out)
    assert out == path.read_text()


def test_the_example_shows_every_marker(example: Scenario) -> None:
    """The report on ``deploy`` has a line of each."""
    _, out, _ = example.run(*DEPLOY)
    table = out.partition("  action ")[2]
    for marker in (" ", "-", "?", "+"):
        assert re.search(rf"(?m)^{re.escape(marker)} [a-z0-9-]+:", table), marker


def test_the_table_folds_services_nobody_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An administrator is 22,000 rows: a line a service, unfolded by --expand."""
    scenario = Scenario(tmp_path, capsys)
    scenario.log(*background(), *of_home())
    iam = scenario.iam(account(role(statement("iam:*", "sqs:*", "s3:CreateBucket"))))
    _, folded, _ = scenario.run("report", "--role", "worker", "--iam", iam)
    assert re.search(r"(?m)^- iam:\* +\d+ actions", folded)
    assert re.search(r"(?m)^\? sqs:\* +\d+ actions", folded)
    assert re.search(r"(?m)^- s3:CreateBucket ", folded)
    _, expanded, _ = scenario.run("report", "--role", "worker", "--iam", iam, "--expand")
    assert "- iam:CreateUser" in expanded
    assert ":*" not in expanded.partition("  action ")[2]
