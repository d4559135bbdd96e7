"""Refused calls for tests: records of them, and a store that the command is run on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from tests.backends import Backend
from tests.logfiles import ACCOUNT, record, write
from tests.scenario import moment

OTHER = "444455556666"
SEPTEMBER = ("--since", "2026-09-01", "--until", "2026-09-30")
PERFORM = "User: x is not authorized to perform:"
WORKER = f"arn:aws:iam::{ACCOUNT}:role/jobs/worker"
Json = dict[str, Any]


class Room:
    """A store, the logs put into it, and the commands run on it."""

    def __init__(self, folder: Path, backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.backend, self._capsys = folder, backend, capsys
        self._files = 0

    def log(self, *records: object) -> None:
        """Write a log file and load it."""
        self._files += 1
        path = write(self.folder / f"{self._files}.json.gz", records)
        assert self.run("load", str(path))[0] == 0

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command on the store."""
        self._capsys.readouterr()
        code = main([*arguments, *self.backend.place.options])
        return code, *self._capsys.readouterr()

    def rows(self, *arguments: str) -> list[Json]:
        """The rows of ``denied``."""
        code, out, err = self.run("denied", "--format", "json", *arguments)
        assert code == 0, err
        rows: list[Json] = json.loads(out)
        return rows


def refusal(number: int, day: int = 40, call: str = "ec2:StopInstances", **fields: Any) -> Json:  # noqa: ANN401 (what a record holds)
    """A refused call by the role ``worker``; day 0 is the first of August 2026, 31 the first of September."""
    service, _, name = call.partition(":")
    action = fields.pop("action", call)
    default = f"{PERFORM} {action} because no identity-based policy allows the {action} action"
    return record(
        number,
        **{
            "eventTime": moment(day),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "readOnly": False,
            "errorCode": "AccessDenied",
            "errorMessage": default,
            "requestParameters": None,
        }
        | fields,
    )


def user(name: str, account: str = ACCOUNT) -> Json:
    """An IAM user's identity."""
    arn = f"arn:aws:iam::{account}:user/{name}"
    return {"type": "IAMUser", "principalId": f"AIDA{name.upper()}", "arn": arn, "accountId": account, "userName": name}


def role_identity(path: str) -> Json:
    """A session of a role with this path and name."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{path}"
    issuer = {
        "type": "Role",
        "principalId": "AROAX",
        "arn": arn,
        "accountId": ACCOUNT,
        "userName": path.rpartition("/")[2],
    }
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{path.rpartition('/')[2]}/session"
    return {
        "type": "AssumedRole",
        "principalId": "AROAX:session",
        "arn": session,
        "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": issuer},
    }


def owners_copy(number: int, name: str, owner: str, **fields: Any) -> Json:  # noqa: ANN401
    """The copy that the resource's account gets of a call by another account's user."""
    identity = {"type": "AWSAccount", "principalId": f"AIDA{name.upper()}", "accountId": fields.pop("caller", ACCOUNT)}
    return refusal(number, userIdentity=identity, recipientAccountId=owner, sharedEventID="shared-1", **fields)


def network(number: int, **fields: Any) -> Json:  # noqa: ANN401
    """A VPC endpoint's policy refused."""
    message = "The request was denied due to a VPC endpoint policy"
    kind = {"eventType": "AwsVpceEvent", "eventCategory": "NetworkActivity", "errorCode": "VpceAccessDenied"}
    return refusal(number, **{"call": "kms:ListKeys", "errorMessage": message} | kind | fields)
