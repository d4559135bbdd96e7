"""Questions about rows: ``matches`` is their meaning."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.event import EVENT_FIELDS, Row
from cloudsearch.where import And, Everything, Exists, In, Not, Or, Path, Pattern, Range, Text, Where, fits, subjects

F = {field.name: field for field in EVENT_FIELDS}
TIME = datetime(2026, 8, 1, 12, tzinfo=UTC)
ROW: Row = {
    "id": "e-1",
    "time": TIME,
    "event_name": "PutObject",
    "actions": ("s3:PutObject", "s3:PutObjectAcl"),
    "read_only": False,
    "raw_length": 42,
    "raw": b'{"requestParameters":{"bucketName":"Blue","a.b":{"c":7},"size":1.5,"zero":0,'
    b'"items":[{"n":1},{"n":null},{"n":true}]},"bad":"\xff"}',
}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Everything(), True),
        (And(()), True),
        (Or(()), False),
        (Not(Everything()), False),
        (In(F["event_name"], ("PutObject", "GetObject")), True),
        (In(F["event_name"], ("putobject",)), False),
        (In(F["event_name"], (None,)), False),
        (In(F["error_code"], (None,)), True),
        (In(F["error_code"], ("AccessDenied",)), False),
        (In(F["actions"], ("s3:PutObjectAcl",)), True),
        (In(F["resources"], (None,)), True),
        (Range(F["time"], TIME), True),
        (Range(F["time"], None, TIME), False),
        (Range(F["raw_length"], 42, 43), True),
        (Range(F["raw_length"], "4"), False),
        (Range(F["event_name"], "Put", "Puu"), True),
        (Range(F["error_code"], "A"), False),
        (Pattern(F["event_name"], "Put*"), True),
        (Pattern(F["event_name"], "put*"), False),
        (Pattern(F["event_name"], "put*", ignore_case=True), True),
        (Pattern(F["event_name"], "Put?bject"), True),
        (Pattern(F["actions"], "*Acl"), True),
        (Pattern(F["raw_length"], "*"), False),
        (Exists(F["actions"]), True),
        (Exists(F["resources"]), False),
        (Exists(Path("requestParameters.a.b.c")), True),
        (Exists(Path("requestParameters.absent")), False),
        (In(Path("requestParameters.bucketName"), ("Blue",)), True),
        (In(Path("requestParameters.a.b.c"), (7,)), True),
        (In(Path("requestParameters.a.b.c"), ("7",)), True),
        (In(Path("requestParameters.items.n"), ("true",)), True),
        (In(Path("requestParameters.items.n"), (True,)), True),
        (Range(Path("requestParameters.size"), 1, 2), True),
        (Range(Path("requestParameters.zero"), 0), True),
        (Range(Path("requestParameters.zero"), 0.5), False),
        (Range(Path("requestParameters.bucketName"), 1, 2), False),
        (Range(Path("requestParameters.bucketName"), "A", "C"), True),
        (Text("BLUE"), True),
        (Text("green"), False),
    ],
)
def test_matches(where: Where, expected: bool) -> None:  # noqa: FBT001 (a column of the table)
    """Each kind of question means what its docstring says, and its negation the opposite."""
    assert where.matches(ROW) is expected
    assert Not(where).matches(ROW) is not expected


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_agree_with_an_oracle(pattern: str, text: str) -> None:
    """Two letters and two wildcards reach every branch of the matcher."""
    expression = "".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in pattern)
    assert fits(pattern, text) == bool(re.fullmatch(expression, text))


def test_eight_stars_do_not_hang() -> None:
    """A pattern that takes a backtracking expression minutes is answered at once."""
    assert not fits("*a" * 8 + "*b", "a" * 2_000)


def test_subjects_names_everything_asked_about() -> None:
    """A store learns from it whether a question can be grouped."""
    asked = And((In(F["id"], ("x",)), Not(Or((Exists(Path("a.b")), Text("t"), Everything())))))
    assert list(subjects(asked)) == [F["id"], Path("a.b"), Text("t")]


def test_a_row_without_a_record_answers_no_path() -> None:
    """Rows read without their record match no raw path and no text."""
    assert not Exists(Path("a")).matches({"id": "x"})
    assert not Text("a").matches({"id": "x"})
    assert not Exists(Path("a")).matches({"id": "x", "raw": b"[" * 20_000})
