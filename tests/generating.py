"""``cloudsearch generate`` on a scenario: calls of the worker, and its policy as statements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.logfiles import record
from tests.scenario import Scenario

BUCKET = "arn:aws:s3:::orders"


def call(number: int, source: str, name: str, request: object = None, **fields: object) -> dict[str, object]:
    """A call of the worker."""
    return record(number, eventSource=f"{source}.amazonaws.com", eventName=name, requestParameters=request, **fields)


def get_object(number: int, key: str, **fields: object) -> dict[str, object]:
    """The worker reads an object."""
    return call(number, "s3", "GetObject", {"bucketName": "orders", "key": key}, eventCategory="Data", **fields)


def made(scenario: Scenario, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """The worker's statements, and what is said beside them."""
    whom = () if {"--role", "--user", "--all", "--permission-set"} & set(arguments) else ("--role", "worker")
    code, out, err = scenario.run("generate", *whom, *arguments)
    assert code == 0, err
    document = json.loads(out)
    assert document["Version"] == "2012-10-17"
    return document["Statement"], err


def resources(statements: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Each action's resources."""
    found: dict[str, list[str]] = {}
    for one in statements:
        for action in listed(one["Action"]):
            found.setdefault(action, []).extend(listed(one["Resource"]))
    return found


def listed(value: str | list[str]) -> list[str]:
    """A text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else value
