"""What the reports promise, line by line, and the mistakes of others: each with the tests that show it.

``cases/verdicts_lines.tsv`` has the rules by which markers are given, ``cases/cloudtracker_lines.tsv`` what
CloudTracker and its successors got wrong. A line without a test, and a test that is not there, fail here.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.test_faults_table import functions_of

CASES = Path(__file__).parent / "cases"
TABLES = {"verdicts_lines.tsv": "line", "cloudtracker_lines.tsv": "mistake"}
MISTAKES = [*map(str, range(1, 15))]
PARTS = ["Counting", "Since when", "Not used", "Used", "Principals", "No conclusion", "Size"]


def rows_of(name: str) -> list[dict[str, str]]:
    """The lines of a table."""
    with (CASES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


LINES = [(name, row) for name in TABLES for row in rows_of(name)]


@pytest.mark.parametrize(("name", "row"), LINES, ids=[f"{row['of']}: {row[TABLES[name]]}" for name, row in LINES])
def test_every_line_has_a_test(name: str, row: dict[str, str]) -> None:
    """And each test that is named for it is there."""
    assert row[TABLES[name]]
    named = row["tests"].split()
    assert named
    for test in named:
        module, _, function = test.partition("::")
        assert function in functions_of(module), test


def test_every_rule_and_every_mistake_stands_once() -> None:
    """The parts in their order, the nine steps of what was not used and the three of what was, fourteen mistakes."""
    lines = rows_of("verdicts_lines.tsv")
    assert list(dict.fromkeys(row["of"] for row in lines)) == PARTS
    for part, count in (("Not used", 9), ("Used", 3)):
        steps = [row["line"].partition(":")[0] for row in lines if row["of"] == part]
        assert steps == [str(step) for step in range(1, count + 1)]
    assert [row["of"] for row in rows_of("cloudtracker_lines.tsv") if row["of"].isdigit()] == MISTAKES
    said = [row[TABLES[name]] for name, row in LINES]
    assert len(said) == len(set(said))
