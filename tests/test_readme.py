"""The README is true: every command in it runs as written and prints what it shows.

``CLOUDSEARCH_WRITE_README=1`` writes what the commands print today into the README instead of comparing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from typer.main import get_command

from cloudsearch.cli.app import app

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SESSIONS = re.compile(r"(?ms)^```console\n(.*?)^```$")
TIMING = re.compile(r"(?m)^\d+\.\d s(, [\d,]+ records/s)?$")
DOCUMENTED_URL = "http://localhost:9200"


def test_every_session_prints_what_it_shows(tmp_path: Path, elasticsearch_url: str) -> None:
    """Run in order, in one folder that holds nothing but the examples."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    text = README.read_text()
    printed = SESSIONS.sub(lambda session: f"```console\n{_run(session[1], tmp_path, elasticsearch_url)}```", text)
    if os.environ.get("CLOUDSEARCH_WRITE_README"):
        README.write_text(printed)
    assert TIMING.sub("TIME", printed) == TIMING.sub("TIME", README.read_text())


def test_every_command_is_in_the_readme() -> None:
    """Each command has a session, and help with an example."""
    text = README.read_text()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        assert re.search(rf"\$ cloudsearch {name}\s", text), name
        assert f"Example: cloudsearch {name}" in command.help


def test_every_file_the_readme_links_to_is_there() -> None:
    """No link leads nowhere."""
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (ROOT / target).exists(), target


def _run(session: str, folder: Path, url: str) -> str:
    """The session's commands with what they print."""
    commands = [line for line in session.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{_output(command[2:], folder, url)}" for command in commands)


def _output(command: str, folder: Path, url: str) -> str:
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace(DOCUMENTED_URL, url)],
        cwd=folder,
        env={"PATH": os.pathsep.join(paths), "TZ": "America/New_York", "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.replace(url, DOCUMENTED_URL)
