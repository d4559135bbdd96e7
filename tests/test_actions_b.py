"""Call -> action for S3 in all its forms and for the services from l to z."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudsearch import catalogue
from cloudsearch.actions import NO_PERMISSION, UNKNOWN, actions_for, prefixes
from cloudsearch.actions.hosts import label
from cloudsearch.actions.mapping import possible

CASES = json.loads((Path(__file__).parent / "cases" / "actions_b.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{label(case['event_source'])}:{case['event_name']}")
def test_a_call_needs_these_actions(case: dict[str, Any]) -> None:
    """Each row was argued by hand from the AWS page it names."""
    found = actions_for(case["event_source"], case["event_name"])
    assert sorted(found.actions) == case["actions"]
    assert case["source"].startswith("https://docs.aws.amazon.com/")


def test_the_rows_are_many_and_mostly_of_names_that_differ() -> None:
    """The table is not to shrink in silence, nor to fill up with what needs no table."""
    calls = {(case["event_source"], case["event_name"]) for case in CASES}
    differ = [case for case in CASES if [name.partition(":")[2] for name in case["actions"]] != [case["event_name"]]]
    assert len(calls) == len(CASES) >= 100
    assert len(differ) > len(CASES) * 0.6


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("neptune-db", "ExecuteGremlinExplainQuery"),
        ("neptune-db", "ExecuteOpenCypherQuery"),
        ("neptune-graph", "ExecuteQuery"),
    ],
)
def test_a_query_may_read_write_or_delete(source: str, name: str) -> None:
    """AWS asks for one of three actions, by what the query does: the name alone tells none of them."""
    found = actions_for(f"{source}.amazonaws.com", name)
    assert (found.actions, found.how) == ((), UNKNOWN)
    assert len(possible()[(source, name.lower())]) == 3


@pytest.mark.parametrize("name", ["CreateUser", "PatchGroup", "ListResourceTypes"])
def test_scim_needs_no_permission(name: str) -> None:
    """An identity provider comes with a token of its own; CreateUser of the identity store is another call."""
    found = actions_for("identitystore-scim.amazonaws.com", name)
    assert (found.actions, found.how) == ((), NO_PERMISSION)
    assert actions_for("identitystore.amazonaws.com", "CreateUser").actions == ("identitystore:CreateUser",)


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("rdsdata", "rds-data"),
        ("rdsdataapi", "rds-data"),
        ("memory-db", "memorydb"),
        ("lexv2", "lex"),
        ("runtime-medical-imaging", "medical-imaging"),
        ("portal.sso", "awsssoportal"),
        ("s3-control", "s3"),
        ("s3express", "s3express"),
        ("s3tables", "s3tables"),
        ("sync-states", "states"),
        ("transcribestreaming", "transcribe"),
        ("qldb-session", "qldb"),
    ],
)
def test_hosts_stand_for_prefixes(host: str, prefix: str) -> None:
    """What CloudTrail or an endpoint calls a service is often not what IAM calls it."""
    assert prefixes(f"{host}.amazonaws.com")[0] == prefix


def test_objects_of_a_directory_bucket_need_a_session() -> None:
    """No call on objects of a directory bucket or of a table has an action of its own name."""
    calls = ("GetObject", "PutObject", "HeadObject", "UploadPart", "CompleteMultipartUpload", "ListParts")
    express = {action for name in calls for action in actions_for("s3express.amazonaws.com", name).actions}
    tables = {action for name in calls for action in actions_for("s3tables.amazonaws.com", name).actions}
    assert express == {"s3express:CreateSession"}
    assert tables == {"s3tables:GetTableData", "s3tables:PutTableData"}


def test_every_action_of_a_row_is_of_the_catalogue() -> None:
    """A row that names an action IAM does not know would prove nothing."""
    names = {name for case in CASES for name in case["actions"]}
    assert {name for name in names if catalogue.find(name) is None} == set()
