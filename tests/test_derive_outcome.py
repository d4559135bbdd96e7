"""What answers prove, and what refusals tell."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from cloudsearch.derive import DeniedReason, derive
from cloudsearch.derive.denial import denial
from cloudsearch.derive.outcome import code_outcome
from cloudsearch.event import Outcome
from tests.test_derive_cases import Case, check, record, sign_in

ME = "User: arn:aws:sts::111122223333:assumed-role/App/run-1 is not authorized to perform:"
ARN = "arn:aws:codecommit:us-east-1:111122223333:repo"
POLICY = "arn:aws:iam::111122223333:policy/Guard"
SCP = "arn:aws:organizations::111122223333:policy/o-abc/service_control_policy/p-xyz"


def _failed(code: str | None, message: str | None = None) -> dict[str, object]:
    return {"errorCode": code, "errorMessage": message}


CASES = (
    Case("ok", {}, {"outcome": "ok", "error_code": None, "denied_action": None}),
    Case("denied", _failed("AccessDenied", f"{ME} s3:GetObject on resource: {ARN} with an explicit deny in a service "
        f"control policy: {SCP}"), {
        "outcome": "denied", "error_code": "AccessDenied", "denied_action": "s3:GetObject",
        "denied_reason": "explicit deny: service control policy", "denied_policy": SCP}),
    Case("error", _failed("NoSuchKey", "The specified key does not exist."), {
        "outcome": "error", "error_code": "NoSuchKey", "denied_reason": None}),
    Case("dry run", _failed("Client.DryRunOperation"), {"outcome": "error", "error_code": "Client.DryRunOperation"}),
    Case("undetermined", _failed("ThrottlingException", "Rate exceeded"), {"outcome": "undetermined"}),
    Case("unknown code", _failed("SomethingNewException"), {"outcome": "undetermined"}),
    Case("unknown code, known words", _failed("ClientException", f"{ME} iam:PassRole on resource: {ARN}"), {
        "outcome": "denied", "denied_action": "iam:PassRole"}),
    Case("no code, known words", _failed(None, f"{ME} s3:GetObject"), {"outcome": "denied", "error_code": None}),
    Case("the service looked, whatever it says", _failed("NoSuchEntityException", f"{ME} s3:GetObject"), {
        "outcome": "error", "denied_action": None}),
    Case("failed sign-in", sign_in("ConsoleLogin", "Failure", errorMessage="Failed authentication"), {
        "outcome": "undetermined", "error_code": None, "denied_reason": None}),
    Case("failed sign-in without a message", sign_in("ConsoleLogin", "Failure"), {"outcome": "undetermined"}),
    Case("refused in the network", {"eventType": "AwsVpceEvent", **_failed("VpceAccessDenied", "The request was denied "
        "due to a VPC endpoint policy")}, {
        "outcome": "denied", "denied_reason": "VPC endpoint policy", "copy": "network"}),
    Case("refused elsewhere than called", {"eventName": "RunInstances", "eventSource": "ec2.amazonaws.com",
        **_failed("Client.UnauthorizedOperation", f"You are not authorized to perform this operation. {ME} "
        "iam:PassRole because no identity-based policy allows the iam:PassRole action")}, {
        "outcome": "denied", "denied_action": "iam:PassRole", "denied_reason": "no identity-based policy"}),
    Case("a number for a code", _failed("x") | {"errorCode": 403}, {"outcome": "undetermined", "error_code": "403"}),
)  # fmt: skip

_R = DeniedReason


def _no(kind: str) -> str:
    return f"{ME} iam:Do on resource: {ARN} because no {kind} allows the iam:Do action"


def _deny(kind: str, end: str = "") -> str:
    return f"{ME} iam:Do with an explicit deny in {kind}{end}"


ENCODED = "Encoded authorization failure message: AbC-dEf"
PUBLIC = "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access"
NOT_HERE = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)
NO_KEY = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
    "or you are not allowed to access."
)
DECOY = (
    "arn:aws:s3:::b/with an explicit deny in a session policy because no permissions boundary allows the s3:Get action"
)

MESSAGES: tuple[tuple[str, str | None, DeniedReason | None, str | None], ...] = (
    (_no("identity-based policy"), "iam:Do", _R.NO_IDENTITY, None),
    (f"{ME} iam:Do because no identity-based policy allows the iam:Do action", "iam:Do", _R.NO_IDENTITY, None),
    (_no("resource-based policy"), "iam:Do", _R.NO_RESOURCE, None),
    (_no("session policy"), "iam:Do", _R.NO_SESSION, None),
    (_no("VPC endpoint policy"), "iam:Do", _R.NO_ENDPOINT, None),
    (_no("service control policy"), "iam:Do", _R.NO_SERVICE_CONTROL, None),
    (_no("resource control policy"), "iam:Do", _R.NO_RESOURCE_CONTROL, None),
    (_no("permissions boundary"), "iam:Do", _R.NO_BOUNDARY, None),
    (_no("role trust policy"), "iam:Do", _R.NO_TRUST, None),
    (_no("identity-based policy") + f": {POLICY}", "iam:Do", _R.NO_IDENTITY, POLICY),
    (_deny("an identity-based policy"), "iam:Do", _R.DENY_IDENTITY, None),
    (_deny("an identity-based policy", f": {POLICY}"), "iam:Do", _R.DENY_IDENTITY, POLICY),
    (_deny("an identity-based policy", f" {POLICY}."), "iam:Do", _R.DENY_IDENTITY, POLICY),
    (_deny("a resource-based policy"), "iam:Do", _R.DENY_RESOURCE, None),
    (_deny("a session policy"), "iam:Do", _R.DENY_SESSION, None),
    (_deny("a VPC endpoint policy"), "iam:Do", _R.DENY_ENDPOINT, None),
    (_deny("a service control policy", f": {SCP}"), "iam:Do", _R.DENY_SERVICE_CONTROL, SCP),
    (_deny("a resource control policy"), "iam:Do", _R.DENY_RESOURCE_CONTROL, None),
    (_deny("a permissions boundary", f": {POLICY}"), "iam:Do", _R.DENY_BOUNDARY, POLICY),
    (_deny("the role trust policy"), "iam:Do", _R.DENY_TRUST, None),
    (f"{ME} iam:Do with an explicit deny", "iam:Do", _R.DENY, None),
    (f"{ME} iam:Do due to an explicit deny in a Service Control Policy", "iam:Do", _R.DENY_SERVICE_CONTROL, None),
    (f"{ME} SNS:Publish on resource: {ARN}", "sns:Publish", None, None),
    (f'{ME} s3:Get on resource: "arn:aws:s3:::b" because no session policy allows it', "s3:Get", _R.NO_SESSION, None),
    ("Not authorized to perform sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithWebIdentity", None, None),
    ("User does not have permission to perform iam:PassRole on the role", "iam:PassRole", None, None),
    (f"You are not authorized to perform this operation. {ENCODED}", None, _R.ENCODED, None),
    (_deny("an identity-based policy", f". {ENCODED}"), "iam:Do", _R.DENY_IDENTITY, None),
    (f"{ME} s3:PutBucketPolicy on resource: {ARN} {PUBLIC}", "s3:PutBucketPolicy", _R.SERVICE_RULE, None),
    ("Access Denied because object protected by object lock.", None, _R.SERVICE_RULE, None),
    ("Mfa Authentication must be used for this request", None, _R.SERVICE_RULE, None),
    ("You don't have access to the model with the specified model ID.", None, _R.SERVICE_RULE, None),
    ("Insufficient Lake Formation permission(s): Required Describe on t", None, _R.SERVICE_RULE, None),
    (f"{ME} kms:Decrypt on this resource {NOT_HERE}", "kms:Decrypt", _R.RESOURCE_OR_ABSENT, None),
    (NO_KEY, None, _R.RESOURCE_OR_ABSENT, None),
    ("The request was denied due to a VPC endpoint policy", None, _R.ENDPOINT, None),
    ("Access Denied", None, None, None),
    ("An unknown error occurred", None, None, None),
    (f"{ME} s3:GetOb...", None, None, None),
    (f"{ME} s3:GetObject on resource: arn:aws:s3:::buc...", "s3:GetObject", None, None),
    (f"{ME} iam:Do because no identity-b...", "iam:Do", _R.NO_IDENTITY, None),
    (f"{ME} iam:Do because no ...", "iam:Do", None, None),
    (f"{ME} iam:Do because no r...", "iam:Do", None, None),
    (_deny("a serv..."), "iam:Do", _R.DENY_SERVICE_CONTROL, None),
    (_deny("a ..."), "iam:Do", _R.DENY, None),
    (_deny("a service control policy", ": arn:aws:organizations::111122223333:pol..."),
     "iam:Do", _R.DENY_SERVICE_CONTROL, None),
    (f"{ME} s3:Get on resource: {DECOY}", "s3:Get", _R.NO_BOUNDARY, None),
    (f"{ME} s3:* on resource: x", None, None, None),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_outcome(case: Case) -> None:
    """Each kind of answer has the outcome that the counting rules give it."""
    check(case)


@pytest.mark.parametrize(("message", "action", "reason", "policy"), MESSAGES)
def test_a_refusal_tells(message: str, action: str | None, reason: DeniedReason | None, policy: str | None) -> None:
    """Each form of message gives its action, reason and policy, and nothing that it does not say."""
    assert denial("AccessDenied", message) == (action, reason, policy)


def test_every_reason_has_a_message() -> None:
    """No reason of the closed set is without a form of message that gives it."""
    assert {reason for _, _, reason, _ in MESSAGES} >= set(DeniedReason)


def test_refusals_of_what_was_let_in_are_not_told() -> None:
    """Only a denied call has denied fields."""
    row = derive(record(errorCode="ValidationException", errorMessage="with an explicit deny in a session policy"))
    assert not [name for name in row if name.startswith("denied")]


def _table() -> list[list[str]]:
    lines = files("cloudsearch.derive").joinpath("data/error_codes.tsv").read_text("utf-8").splitlines()
    return list(csv.reader((line for line in lines if not line.startswith("#")), delimiter="\t"))


def test_the_table_of_codes_is_sourced() -> None:
    """Every code has an outcome and an AWS page, and stands once."""
    rows = _table()
    codes = [code.lower() for code, _, _ in rows]
    assert len(codes) == len(set(codes)) > 100
    assert all(Outcome(outcome) is not Outcome.OK for _, outcome, _ in rows)
    assert all(page.startswith("https://docs.aws.amazon.com/") for _, _, page in rows)


@pytest.mark.parametrize(("code", "outcome"), [(code, outcome) for code, outcome, _ in _table()])
def test_the_table_decides(code: str, outcome: str) -> None:
    """A code has the outcome of its own line, bare or prefixed as EC2 and the query services do."""
    bare = code.removeprefix("Client.")
    assert {code_outcome(form) for form in (code, f"Client.{bare}", f"Server.{bare}", code.lower())} == {
        Outcome(outcome)
    }


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("UnauthorizedOperationException", "denied"),
        ("AccessDeniedFault", "denied"),
        ("com.amazonaws.x#AccessDeniedException", "denied"),
        ("ParameterNotFoundException", "error"),
        ("NoSuchBucket", "undetermined"),
        ("UnauthorizedThing", "undetermined"),
        ("Exception", "undetermined"),
        ("#", "undetermined"),
        ("", "undetermined"),
    ],
)
def test_codes_beyond_the_table(code: str, outcome: str) -> None:
    """Other endings of a known code follow it; any other code is undetermined."""
    assert code_outcome(code) == outcome
