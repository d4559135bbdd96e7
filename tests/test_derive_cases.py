"""A record says this, so the row says that: one case per fact, and together they fill every field."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from cloudsearch.derive import derive
from cloudsearch.event import DERIVATION_VERSION, EVENT_FIELDS

ACCOUNT, OTHER = "111122223333", "444455556666"
USER = f"arn:aws:iam::{ACCOUNT}:user/team/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/App"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/App/run-1"
ALICE = {"type": "IAMUser", "principalId": "AIDAALICE", "arn": USER, "accountId": ACCOUNT, "accessKeyId": "AKIAALICE"}
ISSUER = {"type": "Role", "principalId": "AROAAPP", "arn": ROLE, "accountId": ACCOUNT, "userName": "App"}
APP = {
    "type": "AssumedRole",
    "principalId": "AROAAPP:run-1",
    "arn": SESSION,
    "accountId": ACCOUNT,
    "accessKeyId": "ASIAAPP",
    "sessionContext": {"sessionIssuer": ISSUER, "attributes": {"mfaAuthenticated": "false"}},
}


class Case(NamedTuple):
    """Fields of a record, and what the row must hold; None means that the field has no value."""

    name: str
    record: dict[str, Any]
    expected: dict[str, Any]


def record(**fields: object) -> bytes:
    """A usual record's bytes with these fields set; one set to Ellipsis is left out."""
    usual: dict[str, Any] = {
        "eventVersion": "1.09",
        "userIdentity": ALICE,
        "eventTime": "2024-05-01T10:20:30Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "aws-cli/2.15",
        "requestParameters": None,
        "responseElements": None,
        "requestID": "REQ1",
        "eventID": "0f1e2d3c-0000-4000-8000-000000000001",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Data",
    }
    usual.update(fields)
    return json.dumps({name: value for name, value in usual.items() if value is not ...}).encode()


def sts(name: str, request: object, response: object, **fields: object) -> dict[str, Any]:
    """Fields of a call to STS."""
    source = fields.pop("eventSource", "sts.amazonaws.com")
    return {
        "eventSource": source,
        "eventName": name,
        "requestParameters": request,
        "responseElements": response,
        **fields,
    }


def sign_in(name: str, answer: str, **fields: object) -> dict[str, Any]:
    """Fields of a sign-in event."""
    return {
        "eventSource": "signin.amazonaws.com",
        "eventName": name,
        "eventType": "AwsConsoleSignIn",
        "responseElements": {name: answer},
        **fields,
    }


TARGET = f"arn:aws:iam::{OTHER}:role/deploy/Deploy"
GRANT = {
    "credentials": {"accessKeyId": "ASIANEW", "expiration": "soon"},
    "assumedRoleUser": {"assumedRoleId": "AROADEP:ci", "arn": f"arn:aws:sts::{OTHER}:assumed-role/Deploy/ci"},
}
ASKED = {"roleArn": TARGET, "roleSessionName": "ci"}
ISSUED = {"target_role": TARGET, "target_session": "ci", "issued_access_key_id": "ASIANEW"}
COGNITO, ANYWHERE = "cognito-identity.amazonaws.com", "rolesanywhere.amazonaws.com"
BOB = f"arn:aws:sts::{ACCOUNT}:federated-user/bob"
BUCKET = "arn:aws:s3:::bucket"
TIME = datetime(2024, 5, 1, 10, 20, 30, tzinfo=UTC)

CASES = (
    Case("id", {}, {"id": "0f1e2d3c-0000-4000-8000-000000000001", "derivation": DERIVATION_VERSION}),
    Case("id of 256 characters", {"eventID": "x" * 256}, {"id": "x" * 256}),
    Case("time", {}, {"time": TIME, "day": "2024-05-01"}),
    Case("call", {}, {"event_source": "s3.amazonaws.com", "event_name": "GetObject", "event_type": "AwsApiCall"}),
    Case("delivery", {}, {"event_category": "Data", "region": "eu-central-1", "recipient_account": ACCOUNT}),
    Case("client", {}, {"source_address": "192.0.2.7", "user_agent": "aws-cli/2.15", "request_id": "REQ1"}),
    Case("endpoint", {"vpcEndpointId": "vpce-1"}, {"vpc_endpoint": "vpce-1"}),
    Case("shared", {"sharedEventID": "S1"}, {"shared_event_id": "S1"}),
    Case("reads", {}, {"read_only": True}),
    Case("writes", {"readOnly": False}, {"read_only": False}),
    Case("reads, as text", {"readOnly": "true"}, {"read_only": True}),
    Case("writes, as text", {"readOnly": "False"}, {"read_only": False}),
    Case("reads, as nonsense", {"readOnly": "maybe"}, {"read_only": None}),
    Case("no account delivered it", {"recipientAccountId": ...}, {"copy": "caller", "recipient_account": None}),
    Case("own copy", {}, {"copy": "caller"}),
    Case("owner's copy", {"recipientAccountId": OTHER}, {"copy": "owner", "account": ACCOUNT}),
    Case("network copy", {"eventType": "AwsVpceEvent"}, {"copy": "network", "actions": None}),
    Case("network copy by category", {"eventCategory": "NetworkActivity"}, {"copy": "network", "actions": None}),
    Case("an action", {}, {"actions": ("s3:GetObject",)}),
    Case("service event", {"eventType": "AwsServiceEvent"}, {"actions": None, "event_type": "AwsServiceEvent"}),
    Case("insight", {"eventType": "AwsCloudTrailInsight", "userIdentity": ...}, {"actions": None, "via": None}),
    Case(
        "a role is passed",
        sts("CreateFunction20150331", {"role": ROLE}, None, eventSource="lambda.amazonaws.com"),
        {"inferred_actions": ("iam:PassRole",), "actions": ("lambda:CreateFunction",)},
    ),
    Case(
        "resources",
        {"resources": [{"type": "AWS::S3::Object", "ARN": f"{BUCKET}/k"}, {"type": "AWS::S3::Bucket", "ARN": BUCKET}]},
        {"resources": (f"{BUCKET}/k", BUCKET), "resource_types": ("AWS::S3::Object", "AWS::S3::Bucket")},
    ),
    Case("a prefix of resources", {"resources": [{"ARNPrefix": f"{BUCKET}/"}]}, {"resources": (f"{BUCKET}/",)}),
    Case("resources, small letters", {"resources": [{"arn": BUCKET}, {"arn": BUCKET}]}, {"resources": (BUCKET,)}),
    Case("one resource", {"resources": {"ARN": BUCKET, "type": "T"}}, {"resources": (BUCKET,)}),
    Case("junk resources", {"resources": [None, 7, "x", [], {"ARN": None}, {"ARN": BUCKET}]}, {"resources": (BUCKET,)}),
    Case("no resources", {"resources": None}, {"resources": None, "resource_types": None}),
    Case("AssumeRole", sts("AssumeRole", ASKED, GRANT), ISSUED),
    Case("source identity", sts("AssumeRole", ASKED | {"sourceIdentity": "a"}, GRANT), {"source_identity": "a"}),
    Case("AssumeRole, parameters hidden", sts("AssumeRole", "HIDDEN_DUE_TO_SECURITY_REASONS", GRANT), {
        "target_role": f"arn:aws:iam::{OTHER}:role/Deploy",
        "target_session": "ci",
    }),
    Case("AssumeRole refused", sts("AssumeRole", ASKED, None, errorCode="AccessDenied"), {
        "target_role": TARGET, "issued_access_key_id": None, "outcome": "denied",
    }),
    Case("AssumeRoleWithSAML", sts("AssumeRoleWithSAML", ASKED, GRANT), ISSUED),
    Case("AssumeRoleWithWebIdentity", sts("AssumeRoleWithWebIdentity", ASKED, GRANT), ISSUED),
    Case("AssumeRoot", sts("AssumeRoot", {"targetPrincipal": OTHER}, GRANT | {"assumedRoleUser": None}), {
        "target_role": f"arn:aws:iam::{OTHER}:root", "issued_access_key_id": "ASIANEW",
    }),
    Case("GetSessionToken", sts("GetSessionToken", None, GRANT | {"assumedRoleUser": None}), {
        "target_role": None, "target_session": None, "issued_access_key_id": "ASIANEW",
    }),
    Case(
        "GetFederationToken",
        sts("GetFederationToken", {"name": "bob"}, {"federatedUser": {"arn": BOB}}),
        {"target_role": None, "target_session": "bob"},
    ),
    Case(
        "CreateAccessKey",
        sts("CreateAccessKey", None, {"accessKey": {"accessKeyId": "AKIANEW"}}, eventSource="iam.amazonaws.com"),
        {"issued_access_key_id": "AKIANEW"},
    ),
    Case(
        "pod identity",
        sts("AssumeRoleForPodIdentity", {"clusterName": "c"}, GRANT, eventSource="eks-auth.amazonaws.com"),
        {"target_role": f"arn:aws:iam::{OTHER}:role/Deploy", "target_session": "ci", "issued_access_key_id": "ASIANEW"},
    ),
    Case(
        "Cognito",
        sts("GetCredentialsForIdentity", {"customRoleArn": TARGET}, GRANT, eventSource=COGNITO),
        {"target_role": TARGET},
    ),
    Case(
        "Roles Anywhere",
        sts("CreateSession", {"roleArn": TARGET}, {"credentialSet": [GRANT]}, eventSource=ANYWHERE),
        ISSUED,
    ),
    Case(
        "access portal, by role",
        {
            "eventSource": "sso.amazonaws.com",
            "eventName": "GetRoleCredentials",
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": {"role_name": "AWSReservedSSO_Ops_0123456789abcdef", "account_id": OTHER},
        },
        {"target_role": f"arn:aws:iam::{OTHER}:role/AWSReservedSSO_Ops_0123456789abcdef"},
    ),
    Case(
        "access portal, by permission set",
        {
            "eventSource": "sso.amazonaws.com",
            "eventName": "Federate",
            "serviceEventDetails": {"role_name": "Ops", "account_id": OTHER},
        },
        {"target_role": None},
    ),
    Case(
        "SwitchRole",
        sign_in("SwitchRole", "Success", userIdentity=APP, additionalEventData={"SwitchFrom": USER, "RedirectTo": "u"}),
        {"switch_from": USER, "target_role": ROLE, "target_session": "run-1", "via": "console", "outcome": "ok"},
    ),
    Case(
        "ConsoleLogin",
        sign_in("ConsoleLogin", "Success", additionalEventData={"MFAUsed": "Yes"}),
        {"outcome": "ok", "mfa": True, "via": "console", "actions": None, "target_role": None},
    ),
    Case(
        "secrets",
        {"responseElements": {"credentials": {"sessionToken": "IQoJ"}}},
        {"redacted": ("responseElements.credentials.sessionToken",)},
    ),
    Case("empty texts", {"userAgent": "", "errorCode": "", "errorMessage": ""}, {"user_agent": None, "outcome": "ok"}),
    Case("a number for a text", {"eventName": 7, "awsRegion": True}, {"event_name": "7", "region": "true"}),
    Case("an object for a text", {"eventName": {"a": 1}, "userAgent": []}, {"event_name": None, "user_agent": None}),
)  # fmt: skip


def check(case: Case) -> None:
    """Derive the case's record and compare; None and absent are the same."""
    row = derive(record(**case.record))
    assert {name: row.get(name) for name in case.expected} == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    """Each row of the table holds."""
    check(case)


def test_every_field_is_filled_by_a_case() -> None:
    """No field of the event is without a case that fills it."""
    filled: set[str] = {"raw", "ingested"}  # a record does not say when it was loaded
    for case in (*CASES, *_other_cases()):
        row = derive(record(**case.record))
        filled.update(name for name in case.expected if row.get(name) is not None)
        if "raw_length" in row:
            filled.add("raw_length")
    assert {field.name for field in EVENT_FIELDS} <= filled


def test_the_row_holds_the_record() -> None:
    """``raw`` is the record byte for byte and ``raw_length`` its length."""
    raw = record()
    row = derive(raw)
    assert (row["raw"], row["raw_length"]) == (raw, len(raw))


@pytest.mark.parametrize("event_id", [..., None, "", 7, {}, "é", "a\nb", "x" * 257, "\ud800"], ids=repr)
def test_an_unusable_id_gives_way_to_a_hash(event_id: object) -> None:
    """Where eventID is no usable text, the identity is the sha256 of the record's bytes."""
    raw = record(eventID=event_id)
    assert derive(raw)["id"] == hashlib.sha256(raw).hexdigest()


def test_the_hash_is_of_the_record_before_redaction() -> None:
    """Two records that differ in a secret alone are two events."""
    rows = [derive(record(eventID=None, responseElements={"sessionToken": token})) for token in ("one", "two")]
    assert rows[0]["raw"] == rows[1]["raw"]
    assert rows[0]["id"] != rows[1]["id"]


def _other_cases() -> tuple[Case, ...]:
    from tests import test_derive_identity, test_derive_outcome, test_ecs

    return (*test_derive_identity.CASES, *test_derive_outcome.CASES, *test_ecs.CASES)
