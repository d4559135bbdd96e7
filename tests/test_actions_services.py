"""Call -> action, service by service, where a row of ``cases/actions.json`` does not say enough."""

from __future__ import annotations

import pytest

from cloudsearch.actions import NO_PERMISSION, UNKNOWN, actions_for, prefixes
from cloudsearch.actions.mapping import possible


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
