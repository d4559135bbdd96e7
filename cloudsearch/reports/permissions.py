"""What the tool itself needs: of AWS as a policy, of a search engine as a role. The one list of the calls it makes.

A test runs the commands against an AWS that notes every call, and finds each allowed here and nothing here unused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cloudsearch.errors import UsageError
from cloudsearch.iam import Document, Effect, Patterns, Statement, parse, render
from cloudsearch.iam.focus import acts_on
from cloudsearch.stores import roles


class Use(StrEnum):
    """What is to be done."""

    LOAD = "load"
    SNAPSHOT = "snapshot"
    REPORT = "report"
    RECORD = "record"
    VALIDATE = "validate"


_IAM = ("iam:GetAccountAuthorizationDetails", "iam:GetCredentialReport")
_TRAILS = ("cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus")
_ORGANIZATION = (
    "organizations:DescribeOrganization",
    "organizations:DescribePolicy",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListPolicies",
    "organizations:ListPoliciesForTarget",
    "organizations:ListRoots",
    "organizations:ListTargetsForPolicy",
)
_ACCOUNT: Mapping[Use, Mapping[str, Sequence[str]]] = {
    Use.REPORT: {"Iam": _IAM},
    Use.SNAPSHOT: {
        "Iam": ("iam:GenerateCredentialReport", *_IAM),
        "Trails": (*_TRAILS, "cloudtrail:ListTrails"),
        "Organization": _ORGANIZATION,
    },
    Use.VALIDATE: {"PublicKeys": ("cloudtrail:ListPublicKeys",)},
}
"""Actions on whatever there is, by the Sid of their statement. ``sts:GetCallerIdentity`` needs no permission."""

_OF_STORE: Mapping[Use, roles.Use] = {
    Use.LOAD: roles.Use.LOAD,
    Use.RECORD: roles.Use.LOAD,
    Use.VALIDATE: roles.Use.LOAD,
    Use.REPORT: roles.Use.REPORT,
}
"""A snapshot goes to a folder."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a use needs: AWS's policy, Elasticsearch's role, OpenSearch's; None where it asks nothing of them.

    With roles to assume ``policy`` is what each of them needs, and ``caller`` what whoever assumes them does.
    """

    use: Use
    policy: dict[str, Any] | None
    role: dict[str, Any] | None
    opensearch_role: dict[str, Any] | None
    caller: dict[str, Any] | None = None


def needs(
    use: Use, prefix: str, *, bucket: str | None = None, key: str | None = None, role_arns: Sequence[str] = ()
) -> Needs:
    """The least that a use needs: of a bucket, if it reads one, and of the KMS key that its objects are encrypted with.

    ``prefix`` is that of the indices, ``role_arns`` are roles to assume. Raises ``UsageError`` for what makes
    no sense together, and for what is no ARN.
    """
    if bucket and use not in (Use.LOAD, Use.VALIDATE, Use.RECORD):
        raise UsageError(f"--bucket goes with --for load, validate or record: {use} uses no bucket")
    if key and not bucket:
        raise UsageError("--key goes with --bucket: a key that the bucket's objects are encrypted with")
    own = [_statement(n, sid, names, ("*",)) for n, (sid, names) in enumerate(_ACCOUNT.get(use, {}).items())]
    of_bucket = _into_bucket if use is Use.RECORD else _of_bucket
    statements = [*of_bucket(bucket, key), *own] if bucket else own
    of_store = _OF_STORE.get(use)
    role = roles.role(of_store, prefix) if of_store else None
    return Needs(
        use,
        _policy(statements) if statements else None,
        role,
        _for_opensearch(role) if role else None,
        _policy([_assuming(role_arns)]) if role_arns else None,
    )


def _assuming(role_arns: Sequence[str]) -> Statement:
    if wrong := [arn for arn in role_arns if not acts_on("sts:AssumeRole", arn) or set(arn) & set("*?$")]:
        raise UsageError(f"--role-arn {wrong[0]!r} is no role: give its ARN, arn:aws:iam::ACCOUNT:role/NAME")
    return _statement(0, "AssumeRoles", ("sts:AssumeRole",), role_arns)


_GROUPS: Mapping[str, Sequence[str]] = {
    "manage_index_templates": ("cluster_manage_index_templates",),
    "read": ("read", "indices:admin/mappings/get", "indices:admin/get"),
    "index": ("index",),
    "manage": ("manage",),
    "view_index_metadata": ("indices:admin/aliases/get", "indices:monitor/settings/get"),
}
"""Action groups and permissions of OpenSearch's security plugin that stand for Elasticsearch's privileges.

From its documentation alone: https://docs.opensearch.org/latest/security/access-control/default-action-groups/
"""


def _for_opensearch(role: Mapping[str, Any]) -> dict[str, Any]:
    """The body of ``PUT /_plugins/_security/api/roles/NAME``; there requests for many rows are the cluster's."""
    cluster = [group for one in role["cluster"] for group in _GROUPS[one]]
    return {
        "cluster_permissions": ["cluster_composite_ops" if cluster else "cluster_composite_ops_ro", *cluster],
        "index_permissions": [
            {
                "index_patterns": list(one["names"]),
                "allowed_actions": [group for privilege in one["privileges"] for group in _GROUPS[privilege]],
            }
            for one in role["indices"]
        ],
    }


def _of_bucket(bucket: str, key: str | None) -> list[Statement]:
    """A bucket's ARN or name: to list it, to get its objects, to decrypt them.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    arn = _checked(bucket, key)
    found = [
        _statement(0, "ListLogs", ("s3:ListBucket",), (arn,)),
        _statement(1, "ReadLogs", ("s3:GetObject",), (f"{arn}/*",)),
    ]
    return [*found, _statement(2, "DecryptLogs", ("kms:Decrypt",), (key,))] if key else found


def _into_bucket(bucket: str, key: str | None) -> list[Statement]:
    """To put objects into a bucket, encrypted under a key.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    found = [_statement(0, "KeepArchive", ("s3:PutObject",), (f"{_checked(bucket, key)}/*",))]
    return [*found, _statement(1, "EncryptArchive", ("kms:GenerateDataKey",), (key,))] if key else found


def _checked(bucket: str, key: str | None) -> str:
    """The bucket's ARN; raises ``UsageError`` where it or the key is none."""
    arn = bucket if bucket.startswith("arn:") else f"arn:{_partition(key)}:s3:::{bucket}"
    name = arn.partition(":s3:::")[2]
    if not name or set(name) & set("*?/$"):
        raise UsageError(f"--bucket {bucket!r} is no bucket: give its name, or its ARN")
    if key and (key.split(":")[2:3] != ["kms"] or ":key/" not in key or set(key) & set("*?$")):
        raise UsageError(f"--key {key!r} is no key: give its ARN, arn:aws:kms:REGION:ACCOUNT:key/ID")
    return arn


def _partition(key: str | None) -> str:
    return key.split(":")[1] if key and key.count(":") > 1 else "aws"


def _statement(index: int, sid: str, actions: Sequence[str], resources: Sequence[str]) -> Statement:
    return Statement(index, sid, Effect.ALLOW, Patterns(tuple(actions)), Patterns(tuple(resources)))


def _policy(statements: Sequence[Statement]) -> dict[str, Any]:
    """The document, read again as any other is."""
    written = render(Document("2012-10-17", tuple(statements)))
    parse(written, "of cloudsearch")
    return written
