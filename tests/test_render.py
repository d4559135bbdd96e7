"""Values to text that is safe to show and safe to open."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.cli.redaction import redacted
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.text import clean, columns, iso

FIELDS = ("name", "calls", "seen", "tags")
ROWS = [
    {"name": "alice", "calls": 3, "seen": datetime(2026, 8, 1, 12, tzinfo=UTC), "tags": ("a", "b")},
    {"name": "=HYPERLINK(1)", "calls": 0, "seen": None, "tags": ()},
]


def test_json_is_one_array() -> None:
    """Keys in order, times in ISO 8601, nothing lost; an empty result is an empty array."""
    rows = json.loads("\n".join(render(ROWS, FIELDS, Format.JSON)))
    assert list(rows[0]) == list(FIELDS)
    assert rows[0] == {"name": "alice", "calls": 3, "seen": "2026-08-01T12:00:00Z", "tags": ["a", "b"]}
    assert rows[1]["name"] == "=HYPERLINK(1)"
    assert json.loads("\n".join(render([], FIELDS, Format.JSON))) == []


def test_json_lines_are_one_row_each() -> None:
    """Each line is a whole object."""
    assert [json.loads(line)["calls"] for line in render(ROWS, FIELDS, Format.JSONL)] == [3, 0]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\u00a0=", "\u200b=", "\uff1d", "a\n="])
def test_csv_holds_no_formula(start: str) -> None:
    """A cell that a spreadsheet would run begins with a quote; a lone marker stays what it is."""
    (_, line) = render([{"name": f"{start}cmd|' /C calc'!A0"}], ("name",), Format.CSV)
    ((cell,),) = csv.reader(io.StringIO(line, newline=""))
    assert cell.startswith("'")
    assert list(render([{"name": "-"}, {"name": "+"}, {"name": " "}], ("name",), Format.CSV)) == ["name", "-", "+", " "]


@given(st.text())
def test_clean_text_moves_no_cursor(text: str) -> None:
    """Nothing that a log says can forge a line or colour a terminal."""
    shown = clean(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def test_columns_wrap_the_last_one() -> None:
    """At a given width the last column folds under itself; without one nothing is cut."""
    rows = [("  s3:GetObject", "12", "one two three four five six seven eight nine ten eleven")]
    table = columns(rows, ("  action", "calls", "why"), width=60)
    assert max(map(len, table.splitlines())) <= 60
    assert len(table.splitlines()) == 3
    assert len(columns(rows, ("  action", "calls", "why")).splitlines()) == 2
    assert columns([]) == ""


def test_times_are_utc() -> None:
    """With Z, and with milliseconds only where there are any."""
    assert iso(datetime(2026, 8, 1, tzinfo=UTC)) == "2026-08-01T00:00:00Z"
    assert iso(datetime(2026, 8, 1, microsecond=5000, tzinfo=UTC)) == "2026-08-01T00:00:00.005Z"


@pytest.mark.parametrize(
    "text",
    [
        "https://elastic:canary-7@search.example.org:9200/x",
        "Authorization: ApiKey canary-7canary-7",
        "{'authorization': 'Basic canary-7canary-7'}",
        "https://b.s3.amazonaws.com/k?X-Amz-Signature=canary-7&x=1",
        "password canary-7 was refused",
    ],
)
def test_secrets_are_redacted(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of URLs, headers, signed requests and of the environment."""
    monkeypatch.setenv("CLOUDSEARCH_PASSWORD", "canary-7")
    assert "canary" not in redacted(text)
