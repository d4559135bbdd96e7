"""The benchmarks run, and do what they say; how fast anything is, is not tested here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ASKED

ROOT = Path(__file__).parent.parent
EVENTS = 300
CONTESTS = {
    "sink": [("search engine (sink)", "helpers.bulk", EVENTS)],
    "gzip": [("the same, gzip on the wire", "http_compress", EVENTS)],
    "s3": [
        ("S3, 40 ms, small objects", "boto3", EVENTS // 5),
        ("S3, 40 ms, small objects", "boto3, 16", EVENTS // 5),
        ("S3, 40 ms, usual objects", "boto3", EVENTS),
        ("S3, 40 ms, usual objects", "boto3, 16", EVENTS),
    ],
    "embedded": [("embedded", "sqlite3", EVENTS)],
} | (
    {
        "elasticsearch": [
            ("Elasticsearch", "ready bodies", EVENTS // 5),
            ("Elasticsearch", "helpers.bulk", EVENTS // 5),
        ]
    }
    if "elasticsearch" in ASKED
    else {}
)
"""Each comparison by its name, the other's, and the events of its corpus."""


def run(module: str, *arguments: str, code: int = 0) -> Any:  # noqa: ANN401 (JSON)
    """What a benchmark prints with ``--json``."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def test_every_comparison_runs(tmp_path: Path) -> None:
    """Each is of real processes, and each process is seen to have loaded the whole corpus, or the run would fail."""
    wanted = [part for name in CONTESTS for part in ("--only", name)]
    told = run("load", "--events", str(EVENTS), "--pairs", "1", "--folder", str(tmp_path), *wanted)
    found = told["comparisons"]
    assert [(one["name"], one["naive"], one["events"]) for one in found] == [
        row for rows in CONTESTS.values() for row in rows
    ]
    assert all(one["ratio_median"] > 0 and one["ours"][0]["documents"] == one["events"] for one in found)
    assert all(run["disk_bytes"] > 0 for one in found if one["name"] == "embedded" for run in one["ours"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("most", "code"), [("100000", 0), ("1", 1)])
def test_the_memory_of_a_load_is_seen_from_outside(most: str, code: int, tmp_path: Path) -> None:
    """All of it, of every process; a load that takes more than the goal fails the run."""
    small = ("--events", "500", "--text-bytes", "200000", "--only", "many", "--into", "embedded")
    (one,) = run("memory", *small, "--most-mib", most, "--folder", str(tmp_path), code=code)
    assert 20 < one["peak_mib"] <= sum(one["peaks_mib"]) + 1
    assert not list(tmp_path.iterdir())


def test_a_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    """What would be gigabytes once unpacked neither fills the memory nor ends the load."""
    bomb = ("--only", "bombs", "--bomb", "brackets", "--bomb", "numbers for records", "--bomb-bytes", "1000000000")
    found = run("memory", *bomb, "--into", "embedded", "--folder", str(tmp_path))
    assert [one["task"] for one in found] == ["a bomb: brackets", "a bomb: numbers for records"]
    assert all(one["peak_mib"] < 400 for one in found)


def test_every_report_is_measured() -> None:
    """Each does the same work in every round, and what is known of the events; only one role's query has a goal."""
    found = run_measured("--events", "1500", "--rounds", "1")
    names = [one["name"] for one in found]
    assert len(names) == len(set(names))
    for part in ("its query", "its report", "principals", "refused calls", "through chains", "a bare aggregation"):
        assert any(part in name for name in names), part
    assert sum(name.startswith("the command ") for name in names) == 4
    assert [one["name"] for one in found if one["goal"]] == ["one role: its query"]
    assert all(one["median"] > 0 for one in found)


def run_measured(*arguments: str) -> list[dict[str, Any]]:
    """What ``reports`` prints; a goal that is missed on a busy machine fails nothing here."""
    command = [sys.executable, "-m", "benchmarks.reports", "--json", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def test_twenty_thousand_datagrams_a_second(tmp_path: Path) -> None:
    """For ten seconds, from four senders: all was received or is counted as dropped, and memory stays flat."""
    from benchmarks.csm import loaded, recorded

    short = recorded(tmp_path / "short", rate=20_000, seconds=2, senders=4)
    long = recorded(tmp_path / "long", rate=20_000, seconds=10, senders=4)
    for done in (short, long):
        assert done.dropped is not None
        assert done.received + done.dropped == done.sent
    assert long.sent == pytest.approx(200_000, rel=0.1)
    assert long.received > 2 * short.received
    assert long.memory < short.memory + 40
    assert loaded(tmp_path / "long")[0] == long.received
