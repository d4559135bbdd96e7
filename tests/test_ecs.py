"""The names of the Elastic Common Schema and of Elastic's integration: all there, with the right values, everywhere."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.derive import derive
from cloudsearch.derive.schema import event_kinds
from cloudsearch.errors import RecordError
from cloudsearch.java_map import java_map
from cloudsearch.names import ALIASES, CONSTANTS, MAP_TEXTS, named
from cloudsearch.reports.query import parse
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import MapText, values_of
from tests.backends import Backend, DuckDB
from tests.rows import event, write_and_commit
from tests.samples import samples
from tests.test_derive_cases import ALICE, APP, Case, check, record, sign_in

NOW = datetime(2026, 10, 1, tzinfo=UTC)
IAM = "iam.amazonaws.com"


def iam(name: str, request: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Fields of a call to IAM."""
    return {"eventSource": IAM, "eventName": name, "requestParameters": request, **fields}


CASES = (
    Case("success", {}, {"event_outcome": "success"}),
    Case("failure by code", {"errorCode": "NoSuchKey"}, {"event_outcome": "failure"}),
    Case("failure by message", {"errorMessage": "Failed"}, {"event_outcome": "failure"}),
    Case("sign-in that failed", sign_in("ConsoleLogin", "Failure"), {"event_outcome": "failure"}),
    Case("sign-in", sign_in("ConsoleLogin", "Success"), {"event_outcome": "success", "event_types": ("start",)}),
    Case(
        "how somebody signed in",
        sign_in(
            "ConsoleLogin", "Success", additionalEventData={"MFAUsed": "No", "LoginTo": "x", "MobileVersion": "Yes"}
        ),
        {"login_mfa": "No", "login_to": "x", "login_mobile": "Yes"},
    ),
    Case("read", {}, {"event_categories": ("file",), "event_types": ("access",)}),
    Case(
        "user made",
        iam("CreateUser", {"userName": "eve"}),
        {"event_categories": ("iam",), "event_types": ("creation", "user")},
    ),
    Case("nobody knows", {"eventName": "Frobnicate"}, {"event_categories": None, "event_types": ("info",)}),
    Case("caller's role", {"userIdentity": APP}, {"user_name": "App", "related_users": ("App",)}),
    Case("caller's name", {"userIdentity": {**ALICE, "userName": "alice"}}, {"user_name": "alice"}),
    Case("caller without a name", {}, {"user_name": None, "related_users": None}),
    Case(
        "users of IAM's calls",
        iam("UpdateUser", {"userName": "eve", "newUserName": "eva"}, userIdentity=APP),
        {"target_user": "eve", "changed_user": "eva", "related_users": ("App", "eve", "eva")},
    ),
    Case("no user of IAM's", {"requestParameters": {"userName": "eve"}}, {"target_user": None}),
    Case(
        "group",
        iam("CreateGroup", {"groupName": "g"}, responseElements={"group": {"groupId": "AGPA1", "groupName": "g"}}),
        {"group_name": "g", "group_id": "AGPA1"},
    ),
    Case("account of the caller", {"recipientAccountId": "444455556666"}, {"cloud_account": "111122223333"}),
    Case("account of the trail", {"userIdentity": {"type": "AWSService"}}, {"cloud_account": "111122223333"}),
    Case("no account", {"userIdentity": {}, "recipientAccountId": ...}, {"cloud_account": None}),
    Case("encrypted", {"tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "X"}}, {"tls_version": "1.3"}),
    Case("encrypted somehow", {"tlsDetails": {"tlsVersion": "SSLv3"}}, {"tls_version": "SSLv3"}),
    Case("not told", {"tlsDetails": "none"}, {"tls_version": None}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    """Each row of the table holds."""
    check(case)


def test_the_table_of_kinds_holds_values_of_the_schema() -> None:
    """At least 400 calls, no value that the schema has not."""
    kinds = event_kinds()
    assert len(kinds) >= 400
    categories = {
        *(
            [
                "api",
                "authentication",
                "configuration",
                "database",
                "driver",
                "email",
                "file",
                "host",
                "iam",
                "intrusion_detection",
                "library",
            ]
        ),
        *(["malware", "network", "package", "process", "registry", "session", "threat", "vulnerability", "web"]),
    }
    types = {
        *(
            [
                "access",
                "admin",
                "allowed",
                "change",
                "connection",
                "creation",
                "deletion",
                "denied",
                "device",
                "end",
                "error",
                "group",
                "indicator",
            ]
        ),
        *(["info", "installation", "protocol", "start", "user"]),
    }
    for own_categories, own_types in kinds.values():
        assert set(own_categories) <= categories
        assert own_types
        assert set(own_types) <= types


NAMES = [
    "@timestamp",
    "event.action",
    "event.provider",
    "event.outcome",
    "event.id",
    "event.category",
    "event.type",
    "event.kind",
    "event.dataset",
    "event.ingested",
    "data_stream.dataset",
    "data_stream.namespace",
    "data_stream.type",
    "cloud.account.id",
    "cloud.region",
    "cloud.provider",
    "user.id",
    "user.name",
    "user.target.name",
    "user.changes.name",
    "group.id",
    "group.name",
    "source.ip",
    "source.address",
    "user_agent.original",
    "tls.client.server_name",
    "tls.version",
    "tls.cipher",
    "related.user",
    "aws.cloudtrail.event_version",
    "aws.cloudtrail.event_type",
    "aws.cloudtrail.event_category",
    "aws.cloudtrail.read_only",
    "aws.cloudtrail.management_event",
    "aws.cloudtrail.recipient_account_id",
    "aws.cloudtrail.request_id",
    "aws.cloudtrail.shared_event_id",
    "aws.cloudtrail.error_code",
    "aws.cloudtrail.error_message",
    "aws.cloudtrail.request_parameters",
    "aws.cloudtrail.response_elements",
    "aws.cloudtrail.additional_eventdata",
    "aws.cloudtrail.session_credential_from_console",
    "aws.cloudtrail.resources.arn",
    "aws.cloudtrail.resources.type",
    "aws.cloudtrail.resources.account_id",
    "aws.cloudtrail.user_identity.type",
    "aws.cloudtrail.user_identity.arn",
    "aws.cloudtrail.user_identity.access_key_id",
    "aws.cloudtrail.user_identity.invoked_by",
    "aws.cloudtrail.user_identity.session_context.mfa_authenticated",
    "aws.cloudtrail.user_identity.session_context.creation_date",
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn",
    "aws.cloudtrail.user_identity.session_context.session_issuer.type",
    "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id",
    "aws.cloudtrail.user_identity.session_context.session_issuer.account_id",
    "aws.cloudtrail.console_login.additional_eventdata.mfa_used",
    "aws.cloudtrail.console_login.additional_eventdata.login_to",
    "aws.cloudtrail.console_login.additional_eventdata.mobile_version",
]
"""Fields of Elastic's integration: https://www.elastic.co/docs/reference/integrations/aws/cloudtrail"""


def test_every_name_is_known() -> None:
    """Those that rules use stand for something; ours are told apart from them."""
    assert [name for name in NAMES if named(name) is None] == []
    assert set(NAMES) <= {*ALIASES, *CONSTANTS, *MAP_TEXTS}


RICH = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROA1:session",
        "arn": "arn:aws:sts::111122223333:assumed-role/App/session",
        "accountId": "111122223333",
        "accessKeyId": "ASIA1",
        "invokedBy": "glue.amazonaws.com",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROA1",
                "arn": "arn:aws:iam::111122223333:role/App",
                "accountId": "111122223333",
                "userName": "App",
            },
            "attributes": {"creationDate": "2026-08-01T00:00:00Z", "mfaAuthenticated": "false"},
        },
    },
    "eventTime": "2026-08-01T12:00:00Z",
    "eventSource": IAM,
    "eventName": "UpdateUser",
    "awsRegion": "us-east-1",
    "sourceIPAddress": "192.0.2.7",
    "userAgent": "aws-cli/2.0",
    "errorCode": "LimitExceeded",
    "errorMessage": "Too many",
    "requestParameters": {
        "userName": "eve",
        "newUserName": "eva",
        "groupName": "g",
        "list": ["a", 1],
        "deep": {"x": True},
    },
    "responseElements": {"group": {"groupId": "AGPA1"}},
    "additionalEventData": {"note": 'a "b" \\ c'},
    "requestID": "r-1",
    "eventID": "e-1",
    "readOnly": False,
    "resources": [{"ARN": "arn:aws:iam::111122223333:user/eve", "type": "AWS::IAM::User", "accountId": "111122223333"}],
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": "444455556666",
    "sharedEventID": "s-1",
    "eventCategory": "Management",
    "sessionCredentialFromConsole": "true",
    "tlsDetails": {"tlsVersion": "TLSv1.2", "cipherSuite": "ECDHE", "clientProvidedHostHeader": "iam.amazonaws.com"},
}
VALUES = {
    "@timestamp": "2026-08-01T12:00:00Z",
    "event.action": "UpdateUser",
    "event.provider": IAM,
    "event.outcome": "failure",
    "event.id": "e-1",
    "event.category": "iam",
    "event.type": "user",
    "event.kind": "event",
    "event.dataset": "aws.cloudtrail",
    "data_stream.namespace": "default",
    "data_stream.type": "logs",
    "cloud.account.id": "111122223333",
    "cloud.region": "us-east-1",
    "cloud.provider": "aws",
    "user.id": "AROA1:session",
    "user.name": "App",
    "user.target.name": "eve",
    "user.changes.name": "eva",
    "group.id": "AGPA1",
    "group.name": "g",
    "related.user": "eva",
    "source.ip": "192.0.2.7",
    "source.address": "192.0.2.7",
    "user_agent.original": "aws-cli/2.0",
    "tls.client.server_name": "iam.amazonaws.com",
    "tls.version": "1.2",
    "tls.cipher": "ECDHE",
    "aws.cloudtrail.event_version": "1.11",
    "aws.cloudtrail.read_only": "false",
    "aws.cloudtrail.management_event": "true",
    "aws.cloudtrail.recipient_account_id": "444455556666",
    "aws.cloudtrail.error_message": "Too many",
    "aws.cloudtrail.request_parameters": "{userName=eve, newUserName=eva, groupName=g, list=[a, 1], deep={x=true}}",
    "aws.cloudtrail.response_elements": "{group={groupId=AGPA1}}",
    "aws.cloudtrail.additional_eventdata": '{note=a "b" \\ c}',
    "aws.cloudtrail.session_credential_from_console": "true",
    "aws.cloudtrail.resources.account_id": "111122223333",
    "aws.cloudtrail.user_identity.invoked_by": "glue.amazonaws.com",
    "aws.cloudtrail.user_identity.session_context.mfa_authenticated": "false",
    "aws.cloudtrail.user_identity.session_context.creation_date": "2026-08-01T00:00:00Z",
    "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id": "AROA1",
    "aws.cloudtrail.flattened.request_parameters.userName": "eve",
}


def test_every_name_finds_its_value(store: Store) -> None:
    """By search from each store, and nothing else."""
    write_and_commit(store, [derive(json.dumps(RICH).encode()), event("other", raw=b"{}")])
    for name, value in VALUES.items():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        where = parse(f'{name}:"{quoted}"', now=NOW)
        ids = {row["id"] for row in store.rows(EVENTS, where, fields=[EVENTS.by_name["id"]])}
        assert ids == ({"e-1", "other"} if name in CONSTANTS else {"e-1"}), name


def test_an_engine_finds_them_too(backend: Backend, store: Store) -> None:
    """By its own query, under the alias that tools made for Elastic's integration look for."""
    if isinstance(backend, DuckDB):
        assert backend.path.exists()  # a file has no names but ours
        return
    write_and_commit(store, [derive(json.dumps(RICH).encode())])
    prefix = backend.prefix  # type: ignore[attr-defined]
    for name, value in VALUES.items():
        answer = backend.ask("POST", f"/logs-aws.cloudtrail-{prefix}/_search", {"query": {"term": {name: value}}})  # type: ignore[attr-defined]
        assert [hit["_id"] for hit in answer["hits"]["hits"]] == ["e-1"], name
    for pattern in ("*userName=eve*", "*list=[a, 1]*", "{*deep={x=true}}"):
        query = {"query": {"wildcard": {"aws.cloudtrail.request_parameters": {"value": pattern}}}}
        assert backend.ask("POST", f"/{prefix}.events/_search", query)["hits"]["hits"]  # type: ignore[attr-defined]


def as_java(value: object) -> str:
    """What Java's maps and lists say of themselves, by the value."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={as_java(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_java, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text('ab":,{}[]\\=\n é\U0001f600', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab":,{}\\', max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text('ab":,{}[]\\', max_size=4), JSON, max_size=4), st.sampled_from([None, 1]), st.booleans())
def test_a_maps_text_is_what_java_writes(value: dict[str, Any], indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001
    """However the JSON is written, and whatever its texts hold."""
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert json.loads(b'"' + java_map(written) + b'"') == as_java(value)


def test_the_public_samples() -> None:
    """Every record's names say what a few words of Python read in it."""
    seen = 0
    for raw in _sample_records():
        try:
            row = derive(raw)
        except RecordError:
            continue
        read = json.loads(row["raw"]) if isinstance(row["raw"], bytes) else {}
        identity: dict[str, Any] = read["userIdentity"] if isinstance(read.get("userIdentity"), dict) else {}
        issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
        assert row.get("user_name") == (issuer.get("userName") or identity.get("userName") or None)
        assert row.get("cloud_account") == (identity.get("accountId") or read.get("recipientAccountId") or None)
        if read.get("eventName") != "ConsoleLogin":
            assert row["event_outcome"] == (
                "failure" if read.get("errorCode") or read.get("errorMessage") else "success"
            )
        for part, name in (
            ("request", "requestParameters"),
            ("response", "responseElements"),
            ("additional", "additionalEventData"),
        ):
            if isinstance(read.get(name), dict) and "." not in json.dumps(read[name]):
                assert list(values_of(MapText(part), row)) == [as_java(read[name])]
        seen += 1
    assert seen > 400


def _sample_records() -> Iterator[bytes]:
    for path in sorted(samples().rglob("*.json*")):
        try:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            content = json.loads(data)
        except (ValueError, OSError):
            continue
        for one in content.get("Records", ()) if isinstance(content, dict) else ():
            if isinstance(one, dict) and "eventName" in one:
                yield json.dumps(one).encode()


def test_a_record_of_nothing_has_its_names() -> None:
    """What says nothing is of type info, and a success."""
    row = derive(record(eventSource=..., eventName=..., userIdentity=..., recipientAccountId=...))
    assert (row["event_types"], row["event_outcome"]) == (("info",), "success")
