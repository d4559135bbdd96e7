"""Calls of SDKs: the most frequent, and which attempts are theirs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.csm.pairing import Call, pair
from cloudsearch.csm.reading import Reading
from cloudsearch.event import Row
from tests.backends import Backend
from tests.csm import BEGIN, MINUTE, attempt, both, call, packed
from tests.logfiles import ACCOUNT
from tests.scenario import Scenario


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """Nothing loaded."""
    return Scenario(tmp_path, capsys)


# The most called


def test_the_most_called(every_backend: Sequence[Backend], tmp_path: Path, capsys: Any) -> None:  # noqa: ANN401
    """By operation unless asked otherwise; calls, not attempts; from every store."""
    said = [
        *(one for n in range(3) for one in both(n * MINUTE)),
        attempt(0, HttpStatusCode=503),
        *both(9 * MINUTE, Service="DynamoDB", Api="Query", ClientId="other"),
        b"nothing that could be read",
    ]
    archive = tmp_path / "a.jsonl"
    archive.write_bytes(b"".join((one if isinstance(one, bytes) else packed(one)) + b"\n" for one in said))
    for backend in every_backend:
        assert main(["load", "--csm", str(archive), "--quiet", *backend.place.options]) == 3
        capsys.readouterr()
        for by, expected in {
            "api": {"S3:ListObjectsV2": 3, "DynamoDB:Query": 1},
            "service": {"S3": 3, "DynamoDB": 1},
            "client": {"my-app": 3, "other": 1},
            "host": {None: 4},
        }.items():
            flags = [] if by == "api" else ["--by", by]
            assert main(["top", "--csm", *flags, "--format", "json", *backend.place.options]) == 0
            rows = json.loads(capsys.readouterr().out)
            assert {row["value"]: row["count"] for row in rows} == expected
            assert {row["by"] for row in rows} == {by}
        since = ["--since", "2026-08-01T00:09:00Z", "--until", "2026-08-02"]
        assert main(["top", "--csm", *since, "--format", "json", *backend.place.options]) == 0
        assert [row["value"] for row in json.loads(capsys.readouterr().out)] == ["DynamoDB:Query"]


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--by", "api"],
        ["--csm", "--by", "principal"],
        ["--csm", "--compare", "7d"],
        ["--csm", "--account", ACCOUNT],
    ],
)
def test_flags_that_do_not_go_together(scenario: Scenario, flags: list[str]) -> None:
    """A usage error, and nothing is asked of a store."""
    assert scenario.run("top", *flags)[0] == 2


# Pairing


def rows(*said: dict[str, Any]) -> list[Row]:
    """The rows of what was said, in the order of their time."""
    reading = Reading()
    return sorted((reading.row(packed(one)) for one in said), key=lambda row: str(row["time"]))


def shape(calls: list[Call]) -> list[tuple[bool, int]]:
    """Of each call, whether it was received, and how many attempts it has."""
    return [(one.row is not None, len(one.attempts)) for one in calls]


def test_attempts_find_their_call() -> None:
    """By time, whichever was sent first; as many as the call says it had."""
    assert shape(list(pair(rows(attempt(2), call(0), attempt(102), call(100))))) == [(True, 1), (True, 1)]
    assert shape(list(pair(rows(call(0, AttemptCount=3, Latency=900), *(attempt(n) for n in (1, 300, 800)))))) == [
        (True, 3)
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"ClientId": "other"},
        {"Api": "GetObject"},
        {"Service": "EC2"},
        {"UserAgent": "aws-sdk-nodejs/2.1"},
        {"Timestamp": BEGIN + 5000},
        {"Host": "elsewhere", "Id": "x"},
    ],
)
def test_an_attempt_of_another_call_stands_alone(other: dict[str, Any]) -> None:
    """Another application, operation, SDK, time or host."""
    assert sorted(shape(list(pair(rows(call(0), attempt(**({"Timestamp": BEGIN + 2} | other))))))) == [
        (False, 1),
        (True, 0),
    ]


def test_calls_of_several_threads_each_find_one() -> None:
    """The one that ends first takes the attempt that only it can have."""
    said = [call(0, Latency=100), call(1, Latency=20), attempt(2, AttemptLatency=4), attempt(50, AttemptLatency=4)]
    assert shape(list(pair(rows(*said)))) == [(True, 1), (True, 1)]


def test_pairing_holds_only_what_is_open() -> None:
    """A call is handed on as soon as no attempt can be its own any more."""
    many = rows(*(one for n in range(50) for one in (call(100 * n), attempt(100 * n + 1))))
    taken = 0

    def counted() -> Any:  # noqa: ANN401 (a generator)
        nonlocal taken
        for row in many:
            taken += 1
            yield row

    calls = pair(counted())
    next(calls)
    assert taken <= 4
    assert len(list(calls)) == 49


def test_the_moment_of_a_row() -> None:
    """Milliseconds are kept."""
    (row,) = rows(call(1234))
    assert row["time"] == datetime(2026, 8, 1, tzinfo=UTC) + timedelta(milliseconds=1234)
