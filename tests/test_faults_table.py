"""The catalogue of faults: ``cases/faults.tsv`` has a row for each, with the tests that show what becomes of it.

1 to 44 are files, 45 to 62 S3, 63 to 79 search engines, 80 to 90 the process; R1 to R13 what a search engine answers
to a bulk request. A fault without a test, and a test that is not there, fail here.
"""

from __future__ import annotations

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
NUMBERS = [*map(str, range(1, 91)), *(f"R{number}" for number in range(1, 14))]

with (TESTS / "cases" / "faults.tsv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))


@cache
def functions_of(module: str) -> frozenset[str]:
    """The tests of a module that say what they promise."""
    tree = ast.parse((TESTS / module).read_text(encoding="utf-8"))
    return frozenset(
        one.name
        for one in tree.body
        if isinstance(one, ast.FunctionDef) and one.name.startswith("test_") and ast.get_docstring(one)
    )


def test_every_fault_stands_once() -> None:
    """In order, with words for it."""
    assert [row["number"] for row in ROWS] == NUMBERS
    assert all(row["fault"] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['number']} {row['fault']}" for row in ROWS])
def test_every_fault_has_a_test(row: dict[str, str]) -> None:
    """And each test that is named for it is there."""
    named = row["tests"].split()
    assert named
    for test in named:
        module, _, function = test.partition("::")
        assert function in functions_of(module), test


@pytest.mark.parametrize("number", [row["number"] for row in ROWS if row["number"].isdigit()])
def test_a_test_with_a_number_is_in_its_row(number: str) -> None:
    """``test_64_...`` shows fault 64, wherever it stands."""
    (row,) = (row for row in ROWS if row["number"] == number)
    for path in TESTS.glob("test_*.py"):
        for function in functions_of(path.name):
            if function.startswith(f"test_{number}_"):
                assert f"{path.name}::{function}" in row["tests"].split()
