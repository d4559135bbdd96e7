"""Calls that open a session or hand out a key: to which role, under which name, with which key.

A refused call names its target too; who counts sessions asks for outcome ok.
Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html and each service's page
on its CloudTrail events.
"""

from __future__ import annotations

from typing import Any

from cloudsearch.derive.identity import role_of, session_of
from cloudsearch.derive.reading import fields_of
from cloudsearch.derive.values import filled, flag
from cloudsearch.event import Value
from cloudsearch.record import Record

SIGN_IN = "signin.amazonaws.com"

ISSUING = frozenset(
    {
        ("sts.amazonaws.com", "AssumeRole"),
        ("sts.amazonaws.com", "AssumeRoleWithSAML"),
        ("sts.amazonaws.com", "AssumeRoleWithWebIdentity"),
        ("sts.amazonaws.com", "AssumeRoot"),
        ("sts.amazonaws.com", "GetSessionToken"),
        ("sts.amazonaws.com", "GetFederationToken"),
        ("iam.amazonaws.com", "CreateAccessKey"),
        ("sso.amazonaws.com", "GetRoleCredentials"),
        ("sso.amazonaws.com", "Federate"),
        ("eks-auth.amazonaws.com", "AssumeRoleForPodIdentity"),
        ("cognito-identity.amazonaws.com", "GetCredentialsForIdentity"),
        ("rolesanywhere.amazonaws.com", "CreateSession"),
        ("s3express.amazonaws.com", "CreateSession"),
    }
)
"""The calls whose parameters or answer say what they issued."""

ISSUING_NAMES = frozenset(name for _, name in ISSUING)


def issued_fields(record: Record) -> dict[str, Value]:
    """Fields about the target and the key of an ``ISSUING`` call; a value may be None."""
    request, response = fields_of(record.request), fields_of(record.response)
    grant = _first_credential_set(response) or response
    session = fields_of(grant.get("assumedRoleUser")) or fields_of(response.get("federatedUser"))
    session_arn = filled(session.get("arn")) or ""
    return {
        "target_role": _asked_for(request) or role_of(session_arn) or _portal_role(record),
        "target_session": filled(request.get("roleSessionName"))
        or session_of(session_arn)
        or (filled(request.get("name")) if record.event_name == "GetFederationToken" else None),
        "issued_access_key_id": filled(fields_of(grant.get("credentials")).get("accessKeyId"))
        or filled(fields_of(response.get("accessKey")).get("accessKeyId")),
        "source_identity": filled(request.get("sourceIdentity")),
    }


def sign_in_fields(record: Record, row: dict[str, Value]) -> dict[str, Value]:
    """Fields of a sign-in event: who switched to which role, and whether MFA was used.

    A SwitchRole event is logged as the role switched to; its caller is in ``SwitchFrom``.
    """
    additional = fields_of(record.additional)
    fields: dict[str, Value] = {"switch_from": filled(additional.get("SwitchFrom"))}
    if record.event_name in ("SwitchRole", "RenewRole") and row.get("principal_type") == "AssumedRole":
        fields["target_role"] = row.get("principal")
        fields["target_session"] = row.get("session_name")
    if record.event_name == "ConsoleLogin":
        fields["mfa"] = flag({"Yes": True, "No": False}.get(filled(additional.get("MFAUsed")) or ""))
    return fields


def sign_in_failed(record: Record) -> bool:
    """Whether the answer of a sign-in event says ``Failure`` under the event's own name."""
    return fields_of(record.response).get(record.event_name or "") == "Failure"


def _asked_for(request: dict[str, Any]) -> str | None:
    arn = filled(request.get("roleArn")) or filled(request.get("customRoleArn"))
    if arn:
        return arn
    target = filled(request.get("targetPrincipal"))  # of AssumeRoot: an account, or its root's ARN
    return f"arn:aws:iam::{target}:root" if target and target.isdigit() else target


def _first_credential_set(response: dict[str, Any]) -> dict[str, Any]:
    """IAM Roles Anywhere wraps its answer in a list."""
    sets = response.get("credentialSet")
    return fields_of(sets[0]) if isinstance(sets, list) and sets else {}


def _portal_role(record: Record) -> str | None:
    """The role of an access portal's event, where it names the role itself and not only the permission set."""
    details = fields_of(record.service_details)
    name, account = filled(details.get("role_name")), filled(details.get("account_id"))
    if name and account and name.startswith("AWSReservedSSO_"):
        return f"arn:aws:iam::{account}:role/{name}"
    return None
