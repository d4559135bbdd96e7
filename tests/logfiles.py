"""Log files for tests: records made up, written as AWS writes them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

ACCOUNT = "111122223333"


def record(number: int, **fields: object) -> dict[str, object]:
    """A record of a call by the role ``worker``; ``fields`` replace or add."""
    return {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAWORKER:run-{number % 7}",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run-{number % 7}",
            "accountId": ACCOUNT,
            "accessKeyId": f"ASIA{number % 7:016}",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAWORKER",
                    "arn": f"arn:aws:iam::{ACCOUNT}:role/jobs/worker",
                    "accountId": ACCOUNT,
                    "userName": "worker",
                },
                "attributes": {"creationDate": "2026-08-01T00:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": f"2026-08-{number % 28 + 1:02}T{number % 24:02}:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-cli/2.17",
        "requestParameters": {"instancesSet": {}, "number": number},
        "responseElements": None,
        "requestID": f"request-{number}",
        "eventID": f"00000000-0000-4000-8000-{number:012}",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    } | fields


def write(path: Path, records: Sequence[object]) -> Path:
    """A log file; gzipped when its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps({"Records": list(records)}).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
