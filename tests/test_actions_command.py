"""``cloudsearch actions``: explanations, lists, what is unknown, and names that are none."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloudsearch.actions import ExplainedAction, ExplainedCall, Explanation, Mapping, Observability, ObservabilityClass
from cloudsearch.catalogue import Action, Catalogue
from cloudsearch.catalogue.refresh import LeftOut, Refreshed
from cloudsearch.cli import main
from cloudsearch.render.actions import FIELDS, UNKNOWN_FIELDS, explanations, unknown_calls
from cloudsearch.render.formats import Format
from cloudsearch.render.refresh import refreshed

GOLDEN = Path(__file__).parent / "golden"
UNKNOWN = [
    ("s3", "SelectObjectContent", "depends on its parameters: s3:GetObject, s3:GetObjectVersion"),
    ("models.lex.v2", "DescribeImport", "no service of IAM is known for models.lex.v2 and a reason that is long"),
    ("models.lex.v2", "DescribeExport", "no service of IAM is known for models.lex.v2 and a reason that is long"),
    ("a4b", "ListDevices", "the service is retired"),
    ("glacier", "Retired", "the service is retired"),
    *(("a4b", f"DescribeSomethingOrOther{n}", "the service is retired") for n in range(4)),
    ("evil\x1b[31m", "Call\nForged", "=cmd()"),
]
CLASSES = (
    ObservabilityClass.MANAGEMENT_CONFIRMED,
    ObservabilityClass.MANAGEMENT_ASSUMED,
    ObservabilityClass.DATA,
    ObservabilityClass.NO_OPERATION,
)


def golden(name: str, lines: list[str]) -> None:
    """What is printed is what is in the golden file; ``CLOUDSEARCH_WRITE_GOLDEN=1`` writes it."""
    text = "".join(f"{line}\n" for line in lines)
    if os.environ.get("CLOUDSEARCH_WRITE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def explained(name: str, level: str, kind: ObservabilityClass) -> ExplainedAction:
    """An action of which no more is told."""
    return ExplainedAction(
        Action(name, name.partition(":")[0], level, (), ()), Observability(kind, "because", "https://page"), ()
    )


def test_a_list_of_actions_fits_a_terminal() -> None:
    """One line each: name, class, level; nothing longer than 80 columns for names of usual length."""
    levels = ("Permissions management", "Write", "Read", "List")
    listed = [
        explained(f"s3:GetBucketIntelligentTieringConfig{n}", level, kind)
        for n, (level, kind) in enumerate(zip(levels, CLASSES, strict=True))
    ]
    found = [Explanation("s3:Get*", (), tuple(listed)), Explanation("s3:Nothing*", (), ())]
    lines = list(explanations(found, Format.TABLE, similar={}, width=80))
    assert max(map(len, "\n".join(lines).splitlines())) <= 80
    golden("actions-list.txt", lines)


def test_an_unknown_call_names_similar_actions() -> None:
    """In the paragraph, and in the last column for programs; a known call does not."""
    known = ExplainedCall("s3.amazonaws.com", "GetObject", Mapping(("s3:GetObject",), "same name", "https://page"))
    unknown = ExplainedCall("s3.amazonaws.com", "GetObjct", Mapping((), "unknown", "s3 has no action of that name"))
    found = [Explanation("s3:GetObjct", (unknown,), ()), Explanation("GetObject", (known,), ())]
    similar = {"s3:GetObjct": ("s3:GetObject", "s3:PutObject"), "GetObject": ("wrong:Wrong",)}
    golden("actions-similar.txt", list(explanations(found, Format.TABLE, similar=similar, width=80)))
    rows = [json.loads(line) for line in explanations(found, Format.JSONL, similar=similar, width=None)]
    assert [row["similar"] for row in rows] == [["s3:GetObject", "s3:PutObject"], []]
    assert all(tuple(row) == FIELDS for row in rows)


def test_unknown_calls_as_people_read_them() -> None:
    """By reason and service, names fold at 80 columns, a count ends the list, and nothing in a name moves a cursor."""
    lines = list(unknown_calls(UNKNOWN, Format.TABLE, width=80))
    assert max(map(len, "\n".join(lines).splitlines())) <= 80
    assert "\x1b" not in "".join(lines)
    golden("actions-unknown.txt", lines)
    assert list(unknown_calls([], Format.TABLE, width=80)) == ["0 calls whose actions are not known"]


def test_unknown_calls_as_programs_do() -> None:
    """A row each, in every format."""
    rows = [dict(zip(UNKNOWN_FIELDS, row, strict=True)) for row in UNKNOWN]
    assert json.loads("\n".join(unknown_calls(UNKNOWN, Format.JSON, width=None))) == rows
    assert [json.loads(line) for line in unknown_calls(UNKNOWN, Format.JSONL, width=None)] == rows
    text = "\r\n".join(unknown_calls(UNKNOWN, Format.CSV, width=None))
    assert [row["reason"] for row in csv.DictReader(io.StringIO(text, newline=""))][-1] == "'=cmd()"
    assert list(unknown_calls([], Format.CSV, width=None)) == ["service,operation,reason"]


def test_the_receipt_of_a_refresh() -> None:
    """As people read it, what was left out by name."""
    done = Refreshed(
        source="https://servicereference.us-east-1.amazonaws.com",
        fetched_at=datetime(2026, 11, 21, 23, 59, tzinfo=UTC),
        file=Path("/home/someone/.cache/cloudsearch/service-reference.zip"),
        size=4_123_456,
        seconds=12.34,
        services=455,
        actions=22_321,
        operations=14_012,
        left_out=(LeftOut("odd", "HTTP 404 Not Found"),),
    )
    golden("refresh.txt", list(refreshed(done, Format.TABLE)))
    (line,) = refreshed(done, Format.JSON)
    assert json.loads(line)["left_out"] == [{"service": "odd", "reason": "HTTP 404 Not Found"}]


@pytest.mark.parametrize(
    ("pattern", "some"),
    [
        ("iam:Create*Role", "iam:CreateServiceLinkedRole"),
        ("IAM:create?ole", "iam:CreateRole"),
        ("GetObject*", "s3:GetObjectAcl"),
        ("*", "s3:GetObject"),
        ("s3*:Create*", "s3express:CreateSession"),
    ],
)
def test_a_wildcard_lists(capsys: pytest.CaptureFixture[str], pattern: str, some: str) -> None:
    """Of the service, or of every one where none is named; each action a row."""
    assert main(["actions", pattern, "--format", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert some in {row["action"] for row in rows}
    assert {row["asked"] for row in rows} == {pattern}
    assert all(row["call"] is None for row in rows)


@pytest.mark.parametrize(
    ("text", "near", "code"),
    [
        ("GetObjct", "s3:GetObject", 1),
        ("s3:Gett*", "s3:Get", 1),
        ("s3:GetObjct", "s3:GetObject", 0),
        ("s3.amazonaws.com:GetObjct", "s3:GetObject", 0),
        ("s33:GetObject", "s3:GetObject", 0),
        ("email.amazonaws.com:SendEmial", "ses:SendEmail", 0),
    ],
)
def test_a_wrong_name_gives_similar_ones(capsys: pytest.CaptureFixture[str], text: str, near: str, code: int) -> None:
    """A call of a service is unknown, which is an answer; a name that means nothing is an error."""
    assert main(["actions", text]) == code
    out, err = capsys.readouterr()
    assert near in (err if code else out)
    assert bool(err) is bool(code)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iam:PasRole", "iam:PassRole"),
        ("IAM:passrol", "iam:PassRole"),
        ("passrol", "iam:PassRole"),
        ("lamda:InvokeFunction", "lambda:InvokeFunction"),
    ],
)
def test_similar_names(name: str, expected: str) -> None:
    """The likest first, as AWS writes it."""
    assert Catalogue().similar(name)[0] == expected


@pytest.mark.parametrize("name", ["", ":", "s3:", "zzzzzzzzz", "zzzz:zzzz", "s3:zzzzzzzzzzzz", "\x00"])
def test_nothing_is_similar_to_nonsense(name: str) -> None:
    """And no text raises."""
    assert Catalogue().similar(name) == ()


@pytest.mark.parametrize(
    "arguments", [[], ["--refresh", "--unknown"], ["s3:GetObject", "--refresh"], ["s3:GetObject", "--unknown"]]
)
def test_one_thing_at_a_time(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Names, --unknown or --refresh: exit 2 says so."""
    assert main(["actions", *arguments]) == 2
    assert "one of the three" in capsys.readouterr().err
