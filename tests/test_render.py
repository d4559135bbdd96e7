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
from cloudsearch.render.text import clean, columns, folded, iso, wide

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


def test_what_has_no_room_beside_stands_below() -> None:
    """Long names leave the last column no room: no line is wider than the terminal for that."""
    name = "  s3:GetAccessPointPolicyStatusForObjectLambda"
    rows = [(name, "12", "one two three four five six seven eight nine ten eleven twelve"), (name, "", "")]
    lines = columns(rows, ("  action", "calls", "why"), width=60).split("\n")
    assert max(map(len, lines)) <= 60
    assert lines[0].split() == ["action", "calls"]
    assert lines[1:3] == ["    why", f"{name}  12"]
    assert " ".join(lines[3:5]).split() == rows[0][2].split()
    assert lines[5:] == [name]


@given(
    st.lists(st.tuples(*[st.text("ab -:", max_size=30)] * 3), min_size=1, max_size=5),
    st.integers(40, 120),
    st.booleans(),
)
def test_no_line_is_wider_for_its_last_column(rows: list[tuple[str, str, str]], width: int, headed: bool) -> None:  # noqa: FBT001
    """Whatever fits without the last column fits with it, unless a single word does not; and no word is lost."""
    headers = ("name", "calls", "why") if headed else ()
    bare = columns([row[:2] for row in rows], headers[:2]).split("\n")
    shown = columns(rows, headers, width=width)
    words = [word for row in rows for cell in row for word in cell.split()]
    assert sorted(shown.split()) == sorted([*headers, *words])
    widest_word = max((wide(word) for row in rows for word in row[2].split()), default=0)
    if widest_word <= 24:
        assert max(map(wide, shown.split("\n"))) <= max(width, *map(wide, bare))


def test_a_line_goes_on_set_in() -> None:
    """What does not fit goes on in the next line; what fits, and what goes to no terminal, is as it was."""
    assert folded("one two  three", 10) == ["one", "    two", "    three"]
    assert folded("one two  three", 14) == folded("one two  three", None) == ["one two  three"]


def test_wide_characters_take_two_columns() -> None:
    """Names of people are written in all scripts: columns stay aligned, and what is too wide is folded."""
    lines = columns([("名前", "1", "x"), ("né", "2", "名" * 40)], width=60).split("\n")
    assert [line[: line.index(one)].count(" ") for line, one in zip(lines, "12", strict=False)] == [2, 4]
    assert max(map(wide, lines)) <= 60
    assert [wide(line) for line in folded("名" * 30, 20)] == [16, 20, 20, 16]


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
