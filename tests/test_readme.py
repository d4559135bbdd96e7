"""The README is true: every command in it runs as written and prints what it shows.

What its sessions are about: the example trail, the same trail in a bucket, an account that AWS would tell of, and a
copy of a trail whose digests are signed with a key of the tests' own.

``CLOUDSEARCH_WRITE_README=1`` writes what the commands print today into the README instead of comparing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from typer.main import get_command

from cloudsearch.cli.app import app
from tests.aws import SmallAws, environment
from tests.digests import Trail, key_list
from tests.logfiles import record

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SESSIONS = re.compile(r"(?ms)^```console\n(.*?)^```$")
TIMING = re.compile(r"(?m)^\d+\.\d s(, [\d,]+ records/s)?$")
DOCUMENTED_URL = "http://localhost:9200"
EXAMPLE_ACCOUNT = "111122223333"


def test_every_session_prints_what_it_shows(tmp_path: Path, elasticsearch_url: str, aws: SmallAws) -> None:
    """Run in order, in one folder that holds nothing but the examples and a copy of a trail; AWS is a small one."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    _deliver(tmp_path)
    _fill(aws, tmp_path / "examples")
    surroundings = environment(aws.url, str(tmp_path))
    text = README.read_text()
    printed = SESSIONS.sub(
        lambda session: f"```console\n{_run(session[1], tmp_path, elasticsearch_url, surroundings)}```", text
    )
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


def _deliver(folder: Path) -> None:
    """A copy of a trail: four days of digests, two log files, and CloudTrail's public keys."""
    trail = Trail(folder)
    trail.hours(10)
    trail.hour([record(1, eventTime="2026-08-01T10:20:00Z")])
    trail.hours(30)
    trail.hour([record(2, eventTime="2026-08-02T17:20:00Z")])
    trail.hours(57)
    (folder / "keys.json").write_text(json.dumps(key_list()))


def _fill(aws: SmallAws, examples: Path) -> None:
    """The example trail in a bucket, and its account's role ``deploy`` with a trail."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="example-logs")
    for file in sorted((examples / "AWSLogs").rglob("*.json.gz")):
        s3.put_object(Bucket="example-logs", Key=f"trail/{file.relative_to(examples)}", Body=file.read_bytes())
    iam = aws.client("iam", EXAMPLE_ACCOUNT)
    told = json.loads((examples / "iam" / f"{EXAMPLE_ACCOUNT}.json").read_text())
    deploy = next(one for one in told["RoleDetailList"] if one["RoleName"] == "deploy")
    trust = json.dumps(deploy["AssumeRolePolicyDocument"])
    iam.create_role(RoleName="deploy", Path=deploy["Path"], AssumeRolePolicyDocument=trust)
    aws.client("s3", EXAMPLE_ACCOUNT).create_bucket(Bucket="logs-of-the-account")
    cloudtrail = aws.client("cloudtrail", EXAMPLE_ACCOUNT)
    cloudtrail.create_trail(Name="main", S3BucketName="logs-of-the-account", IsMultiRegionTrail=True)


def _run(session: str, folder: Path, url: str, surroundings: Mapping[str, str]) -> str:
    """The session's commands with what they print."""
    commands = [line for line in session.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{_output(command[2:], folder, url, surroundings)}" for command in commands)


def _output(command: str, folder: Path, url: str, surroundings: Mapping[str, str]) -> str:
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace(DOCUMENTED_URL, url)],
        cwd=folder,
        env={"PATH": os.pathsep.join(paths), "TZ": "America/New_York", "LC_ALL": "C.UTF-8", **surroundings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.replace(url, DOCUMENTED_URL)
