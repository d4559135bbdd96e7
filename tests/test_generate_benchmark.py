"""The benchmark of generated policies runs, and does what it says; how fast it is, is not tested here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_it_runs() -> None:
    """One role's history, four times as much, both replayed, and three roles in one pass, each with all statements."""
    command = [sys.executable, "-m", "benchmarks.policies", "--json", "--events", "300", "--principals", "3"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    small, small_again, large, large_again, everybody = json.loads(ended.stdout)
    assert (small_again["what"], large_again["events"]) == ("one role, replayed", 1200)
    assert (small["events"], large["events"], everybody["events"]) == (300, 1200, 300)
    assert (small["policies"], large["policies"], everybody["policies"]) == (1, 1, 3)
    assert (small["statements"], large["statements"], everybody["statements"]) == (6, 6, 18)
