"""Every kind of ``userIdentity`` that AWS writes, and what the row says of the caller."""

from __future__ import annotations

import pytest

from tests.test_derive_cases import ACCOUNT, ALICE, APP, ISSUER, OTHER, ROLE, SESSION, USER, Case, check

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
CHINA = f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/App/run-1"


def _who(identity: object, **fields: object) -> dict[str, object]:
    return {"userIdentity": identity, **fields}


def _session(**context: object) -> dict[str, object]:
    return {**APP, "sessionContext": {"sessionIssuer": ISSUER, **context}}


CASES = (
    Case("IAM user", _who(ALICE), {
        "principal": USER, "principal_id": "AIDAALICE", "principal_type": "IAMUser", "account": ACCOUNT,
        "access_key_id": "AKIAALICE", "session_name": None, "via": "sdk", "mfa": None,
    }),
    Case("IAM user's session", _who({**ALICE, "sessionContext": {"sessionIssuer": {}, "attributes": {
        "mfaAuthenticated": "true"}}}), {"principal": USER, "principal_id": "AIDAALICE", "mfa": True}),
    Case("IAM user without ARN", _who({"type": "IAMUser", "accountId": ACCOUNT,
        "userName": "HIDDEN_DUE_TO_SECURITY_REASONS", "accessKeyId": ""}), {
        "principal": None, "account": ACCOUNT, "access_key_id": None, "principal_type": "IAMUser"}),
    Case("role", _who(APP), {
        "principal": ROLE, "principal_id": "AROAAPP", "principal_type": "AssumedRole", "account": ACCOUNT,
        "session_name": "run-1", "access_key_id": "ASIAAPP", "mfa": False,
    }),
    Case("role without issuer", _who({**APP, "sessionContext": {}}), {
        "principal": f"arn:aws:iam::{ACCOUNT}:role/App", "principal_id": "AROAAPP", "session_name": "run-1"}),
    Case("role without issuer, China", _who({"type": "AssumedRole", "arn": CHINA}), {
        "principal": f"arn:aws-cn:iam::{ACCOUNT}:role/App", "account": ACCOUNT, "principal_id": None}),
    Case("role's account from its issuer", _who({"type": "AssumedRole", "sessionContext": {"sessionIssuer": ISSUER}}), {
        "account": ACCOUNT, "principal": ROLE, "principal_id": "AROAAPP"}),
    Case("session name from the id", _who({"type": "AssumedRole", "principalId": "AROAAPP:x"}), {
        "session_name": "x", "principal_id": "AROAAPP", "principal": None}),
    Case("session name with a slash", _who({"type": "AssumedRole", "arn": f"{SESSION}/more"}), {
        "session_name": "run-1/more"}),
    Case("source identity", _who(_session(sourceIdentity="ann")), {"source_identity": "ann"}),
    Case("MFA as a boolean", _who(_session(attributes={"mfaAuthenticated": True})), {"mfa": True}),
    Case("federated user", _who({
        "type": "FederatedUser", "principalId": f"{ACCOUNT}:bob", "accountId": ACCOUNT,
        "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
        "sessionContext": {"sessionIssuer": {"type": "IAMUser", "principalId": "AIDAALICE", "arn": USER}},
    }), {"principal": USER, "principal_id": "AIDAALICE", "session_name": "bob", "principal_type": "FederatedUser"}),
    Case("federated user without issuer", _who({
        "type": "FederatedUser", "principalId": f"{ACCOUNT}:bob", "arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
    }), {"principal": f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "principal_id": None, "account": ACCOUNT}),
    Case("root", _who({"type": "Root", "principalId": ACCOUNT, "arn": ROOT, "accountId": ACCOUNT}), {
        "principal": ROOT, "principal_id": ACCOUNT, "principal_type": "Root"}),
    Case("assumed root", _who({"type": "Root", "arn": ROOT, "sessionContext": {"sessionIssuer": ISSUER,
        "assumedRoot": "true"}}), {"principal": ROOT}),
    Case("service", _who({"type": "AWSService", "invokedBy": "s3.amazonaws.com"}), {
        "principal": "s3.amazonaws.com", "principal_type": "AWSService", "invoked_by": "s3.amazonaws.com",
        "via": "service:s3.amazonaws.com", "account": None, "copy": "caller"}),
    Case("other account", _who({"type": "AWSAccount", "principalId": "AROAFAR:run-9", "accountId": OTHER}), {
        "principal": None, "principal_id": "AROAFAR", "session_name": "run-9", "account": OTHER, "copy": "owner"}),
    Case("other account's user", _who({"type": "AWSAccount", "principalId": "AIDAFAR", "accountId": OTHER}), {
        "principal": None, "principal_id": "AIDAFAR", "session_name": None}),
    Case("anonymous", _who({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}), {
        "principal": None, "principal_id": None, "account": "ANONYMOUS_PRINCIPAL", "copy": "owner"}),
    Case("SAML user", _who({"type": "SAMLUser", "principalId": "q:ann@example.com", "userName": "ann@example.com"}), {
        "principal": None, "principal_type": "SAMLUser", "principal_id": "q:ann@example.com", "account": None}),
    Case("web identity user", _who({"type": "WebIdentityUser", "principalId": "accounts.google.com:app:7"}), {
        "principal": None, "principal_id": "accounts.google.com:app:7", "session_name": None}),
    Case("Identity Center user", _who({"type": "IdentityCenterUser", "arn": "", "accountId": ACCOUNT,
        "onBehalfOf": {"userId": "u-1", "identityStoreArn": "a"}, "credentialId": "c"}), {
        "principal": None, "on_behalf_of": "u-1", "principal_type": "IdentityCenterUser", "account": ACCOUNT}),
    Case("on behalf of a person", _who({**APP, "onBehalfOf": {"userId": "u-2"}}), {
        "principal": ROLE, "on_behalf_of": "u-2"}),
    Case("forwarded", _who({**APP, "invokedBy": "athena.amazonaws.com"}), {
        "principal": ROLE, "invoked_by": "athena.amazonaws.com", "via": "service:athena.amazonaws.com"}),
    Case("delegate", _who({**APP, "invokedByDelegate": {"accountId": OTHER}}), {"via": f"delegate:{OTHER}"}),
    Case("console, as text", _who(APP, sessionCredentialFromConsole="true"), {"via": "console"}),
    Case("console, as boolean", _who(APP, sessionCredentialFromConsole=True), {"via": "console"}),
    Case("console, in the session", _who(_session(attributes={"sessionCredentialFromConsole": "true"})), {
        "via": "console"}),
    Case("not the console", _who(APP, sessionCredentialFromConsole="false"), {"via": "sdk"}),
    Case("a service wins over the console", _who({**APP, "invokedBy": "x.amazonaws.com"},
        sessionCredentialFromConsole="true"), {"via": "service:x.amazonaws.com"}),
    Case("only invokedBy", _who({"invokedBy": "AWS Internal"}), {"via": "service:AWS Internal", "principal": None}),
    Case("null", _who(None), {"principal": None, "account": None, "via": None, "copy": "caller"}),
    Case("empty", _who({}), {"principal": None, "principal_type": None, "via": None}),
    Case("a text", _who("HIDDEN_DUE_TO_SECURITY_REASONS"), {"principal": None, "principal_type": None}),
    Case("a list", _who([ALICE]), {"principal": None}),
    Case("a number for the account", _who({"type": "Root", "accountId": 111122223333}), {"account": ACCOUNT}),
    Case("objects for texts", _who({"type": {}, "arn": [], "principalId": {"a": 1}, "sessionContext": "x"}), {
        "principal": None, "principal_id": None, "principal_type": None}),
    Case("an ARN that is none", _who({"type": "AssumedRole", "arn": "junk"}), {"principal": "junk", "account": None}),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_identity(case: Case) -> None:
    """Each kind of caller becomes the principal, id and account that the table of kinds promises."""
    check(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_identity_is_the_same_when_it_is_known_already(case: Case) -> None:
    """A caller seen before is described as when first seen."""
    check(case)
    check(case)
