"""A small history and a small account, reported on as a user would: files in, ``main`` called, JSON out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from tests.logfiles import ACCOUNT, record, write

ROLE = f"arn:aws:iam::{ACCOUNT}:role/jobs/worker"
DAYS = 61


def statement(*actions: str, effect: str = "Allow", **fields: object) -> dict[str, object]:
    """A statement on every resource; ``fields`` replace or add."""
    return {"Effect": effect, "Action": list(actions), "Resource": "*"} | fields


def role(*statements: dict[str, object], **fields: object) -> dict[str, object]:
    """The role ``worker`` with one inline policy."""
    return {
        "Path": "/jobs/",
        "RoleName": "worker",
        "RoleId": "AROAWORKER",
        "Arn": ROLE,
        "CreateDate": "2025-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": {},
        "InstanceProfileList": [],
        "RolePolicyList": [
            {"PolicyName": "inline", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
        ],
        "AttachedManagedPolicies": [],
        "Tags": [],
        "RoleLastUsed": {},
    } | fields


def account(*roles: dict[str, object], users: Sequence[object] = (), **fields: object) -> dict[str, object]:
    """What ``get-account-authorization-details`` prints."""
    return {
        "UserDetailList": list(users),
        "GroupDetailList": [],
        "RoleDetailList": list(roles),
        "Policies": [],
    } | fields


def background(**fields: object) -> list[dict[str, object]]:
    """A read and a write by somebody else on each of 61 days, so that nothing is a gap; the write is in us-east-1."""
    someone = {
        "type": "IAMUser",
        "principalId": "AIDASOMEONE",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/someone",
        "accountId": ACCOUNT,
        "userName": "someone",
    }
    return [
        record(
            10_000 + 2 * day + write_too,
            userIdentity=someone,
            eventTime=moment(day),
            eventName="RunInstances" if write_too else "DescribeVpcs",
            readOnly=not write_too,
            **({"awsRegion": "us-east-1" if write_too else "eu-west-1"} | fields),
        )
        for day in range(DAYS)
        for write_too in (0, 1)
    ]


def of_home() -> list[dict[str, object]]:
    """The same in us-east-1, as a trail of all regions has it: IAM's calls are logged there alone."""
    return [event | {"awsRegion": "us-east-1", "eventID": f"home-{event['eventID']}"} for event in background()]


def moment(day: int) -> str:
    """Noon of a day from 2026-08-01 on."""
    month, date = (8, day + 1) if day < 31 else (9, day - 30)
    return f"2026-{month:02}-{date:02}T12:00:00Z"


class Scenario:
    """A folder with logs and IAM files, and the commands run in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self._files = 0

    def log(self, *records: object) -> None:
        """Write a log file and load it."""
        self._files += 1
        write(self.folder / f"{self._files}.json.gz", records)
        assert self.run("load", str(self.folder / f"{self._files}.json.gz"))[0] == 0

    def iam(self, details: dict[str, object], name: str = "iam.json") -> str:
        """Write an IAM file."""
        path = self.folder / name
        path.write_text(json.dumps(details))
        return str(path)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command on the scenario's store."""
        self._capsys.readouterr()
        store = [] if arguments[0] == "actions" else ["--store", str(self.folder / "store.duckdb")]
        code = main([*arguments, *store])
        out, err = self._capsys.readouterr()
        return code, out, err

    def report(self, details: dict[str, object], *arguments: str) -> dict[str, Any]:
        """Rows of the report on ``worker``, by action."""
        path = self.iam(details)
        whom = () if {"--role", "--user"} & set(arguments) else ("--role", "worker")
        code, out, err = self.run("report", *whom, "--iam", path, "--format", "json", *arguments)
        assert code == 0, err
        return {row["action"]: row for row in json.loads(out)}


ScenarioFactory = Callable[[], Scenario]
