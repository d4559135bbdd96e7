"""Who there is at Marlowick, a company that does not exist: two accounts, their users, groups, roles and policies.

``authorization_details`` writes an account down as ``aws iam get-account-authorization-details`` prints it. The
account ids, key ids and addresses are of the kind AWS and the IETF keep free for documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAIN = "111122223333"
RELEASES = "444455556666"
ORGANISATION = "o-exampleorg"
MANAGEMENT = "777788889999"
POLICY_LANGUAGE = "2012-10-17"

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A user or role; ``last_used`` is IAM's record of a role's use before the trail begins."""

    kind: str
    name: str
    created: str
    account: str = MAIN
    path: str = "/"
    tag: str = ""
    inline: Mapping[str, Sequence[Statement]] = field(default_factory=dict)
    attached: Sequence[str] = ()
    groups: Sequence[str] = ()
    trust: Sequence[Statement] = ()
    last_used: str | None = None
    exists: bool = True

    @property
    def id(self) -> str:
        """AIDA... or AROA...: what tells this principal from another of its name."""
        return _id("AIDA" if self.kind == "user" else "AROA", self.tag or self.name)

    @property
    def arn(self) -> str:
        """The ARN, with the path."""
        return f"arn:aws:iam::{self.account}:{self.kind}{self.path}{self.name}"


def _id(prefix: str, tag: str) -> str:
    letters = "".join(letter for letter in tag.upper() if letter.isalpha() or letter in "234567")
    return f"{prefix}{letters[:10]:7<10}EXAMPLE"


def _allow(*actions: str, resource: str | Sequence[str] = "*", **more: object) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def _trusts(principal: Mapping[str, object], action: str = "sts:AssumeRole", **more: object) -> list[Statement]:
    return [{"Effect": "Allow", "Principal": dict(principal), "Action": action, **more}]


def _document(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": POLICY_LANGUAGE, "Statement": list(statements)}


IDENTITY_PROVIDER = f"arn:aws:iam::{MAIN}:oidc-provider/ci.marlowick.example"
LAMBDA_ROLE = f"arn:aws:iam::{MAIN}:role/service/orders-api"
INSTANCE_PROFILE = f"arn:aws:iam::{MAIN}:instance-profile/service/build-agent"
QUEUES_POLICY = f"arn:aws:iam::{MAIN}:policy/ci/queues"
OPERATORS_POLICY = f"arn:aws:iam::{MAIN}:policy/iam-operators"
RUNTIME_POLICY = f"arn:aws:iam::{MAIN}:policy/service/runtime"
AUDIT_POLICY = f"arn:aws:iam::{RELEASES}:policy/audit/read-configuration"
SCP = f"arn:aws:organizations::{MANAGEMENT}:policy/{ORGANISATION}/service_control_policy/p-examplekeep"

ALICE = Principal(
    kind="user",
    name="alice",
    path="/people/",
    created="2024-03-11T09:12:44+00:00",
    groups=("people",),
    attached=(OPERATORS_POLICY,),
)
BOB = Principal(kind="user", name="bob", path="/people/", created="2024-06-03T07:40:10+00:00", groups=("people",))
DAVE = Principal(kind="user", name="dave", path="/people/", created="2023-10-02T08:00:00+00:00", exists=False)
EXPORT = Principal(
    kind="user",
    name="legacy-export",
    path="/machines/",
    created="2021-05-19T13:22:07+00:00",
    inline={"export": [_allow("s3:ListAllMyBuckets", "rds:DescribeDBInstances", "rds:StartExportTask")]},
)

DEPLOY = Principal(
    kind="role",
    name="deploy",
    path="/ci/",
    created="2024-02-20T10:05:31+00:00",
    trust=[
        *_trusts(
            {"Federated": IDENTITY_PROVIDER},
            "sts:AssumeRoleWithWebIdentity",
            Condition={"StringEquals": {"ci.marlowick.example:aud": "sts.amazonaws.com"}},
        ),
        *_trusts({"AWS": ALICE.arn}),
    ],
    inline={
        "deploy": [
            _allow(
                "cloudformation:CreateStack",
                "cloudformation:DeleteStack",
                "cloudformation:DescribeStacks",
                "ec2:DescribeInstances",
                "ec2:RunInstances",
                "lambda:InvokeFunction",
                "lambda:UpdateFunctionCode",
                "kms:Decrypt",
                Sid="Deploy",
            ),
            _allow(
                "ec2:TerminateInstances",
                Sid="CleanUp",
                Condition={"StringEquals": {"aws:ResourceTag/stage": "preview"}},
            ),
            _allow(
                "s3:GetBucketPolicy",
                "s3:PutBucketPolicy",
                "s3:PutObject",
                resource=["arn:aws:s3:::marlowick-artifacts", "arn:aws:s3:::marlowick-artifacts/*"],
                Sid="Artifacts",
            ),
            _allow("iam:PassRole", resource=f"arn:aws:iam::{MAIN}:role/service/*", Sid="PassToServices"),
            _allow("sts:AssumeRole", resource=f"arn:aws:iam::{RELEASES}:role/ci/release", Sid="Release"),
        ]
    },
)
REPORTS = Principal(
    kind="role",
    name="reports",
    path="/data/",
    created="2023-01-17T15:44:02+00:00",
    trust=_trusts({"Service": "glue.amazonaws.com"}),
    inline={
        "reports": [
            _allow("athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution"),
            _allow("glue:GetTables", "glue:GetDatabases", "glue:DeleteTable"),
            _allow("s3:GetObject", "s3:ListBucket", "s3:DeleteObject", resource="arn:aws:s3:::marlowick-*"),
            {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*", "Sid": "KeepHistory"},
        ]
    },
)
PLATFORM = Principal(
    kind="role",
    name="platform-admin",
    created="2023-09-08T12:00:00+00:00",
    trust=_trusts({"AWS": BOB.arn}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    inline={
        "everything-but-people": [
            {
                "Sid": "NotIdentity",
                "Effect": "Allow",
                "NotAction": ["iam:*", "organizations:*", "account:*"],
                "Resource": "*",
            }
        ]
    },
)
PATCHING = Principal(
    kind="role",
    name="patching",
    path="/ops/",
    created="2024-11-04T06:30:00+00:00",
    trust=_trusts({"Service": "ssm.amazonaws.com"}),
    inline={
        "patching": [_allow("ec2:DescribeInstances", "ec2:RebootInstances", "ssm:SendCommand", "ssm:ListCommands")]
    },
)
EARLIER_METRICS = Principal(
    kind="role", name="metrics", path="/ops/", created="2022-04-01T08:00:00+00:00", tag="METRICS222", exists=False
)
METRICS = Principal(
    kind="role",
    name="metrics",
    path="/ops/",
    created="2026-08-25T09:31:20+00:00",
    tag="METRICS333",
    trust=_trusts({"Service": "lambda.amazonaws.com"}),
    inline={"metrics": [_allow("cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:PutMetricData")]},
)
RETIRED = Principal(
    kind="role",
    name="retired-batch",
    path="/data/",
    created="2020-07-22T11:11:11+00:00",
    trust=_trusts({"Service": "batch.amazonaws.com"}),
    inline={"batch": [_allow("ecr:BatchGetImage", "ecr:GetAuthorizationToken", "s3:GetObject", "sqs:CreateQueue")]},
    last_used="2025-11-30T04:12:09+00:00",
)
ORDERS = Principal(
    kind="role",
    name="orders-api",
    path="/service/",
    created="2024-02-21T09:00:00+00:00",
    trust=_trusts({"Service": "lambda.amazonaws.com"}),
    attached=(RUNTIME_POLICY,),
)
AUTOSCALING = Principal(
    kind="role",
    name="AWSServiceRoleForAutoScaling",
    path="/aws-service-role/autoscaling.amazonaws.com/",
    created="2022-01-10T10:00:00+00:00",
    tag="AUTOSCALIN",
    trust=_trusts({"Service": "autoscaling.amazonaws.com"}),
    attached=("arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy",),
)
RELEASE = Principal(
    kind="role",
    account=RELEASES,
    name="release",
    path="/ci/",
    created="2024-02-20T11:20:00+00:00",
    trust=_trusts({"AWS": DEPLOY.arn}),
    inline={
        "release": [
            _allow(
                "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet", "cloudformation:DescribeStacks"
            ),
            _allow("lambda:UpdateFunctionCode", "lambda:DeleteFunction", "route53:ChangeResourceRecordSets"),
        ]
    },
)
AUDIT = Principal(
    kind="role",
    account=RELEASES,
    name="security-audit",
    path="/audit/",
    created="2023-03-03T03:03:03+00:00",
    trust=_trusts({"AWS": f"arn:aws:iam::{MAIN}:root"}),
    attached=(AUDIT_POLICY,),
)
CONFIG = Principal(
    kind="role",
    account=RELEASES,
    name="AWSServiceRoleForConfig",
    path="/aws-service-role/config.amazonaws.com/",
    created="2022-01-11T10:00:00+00:00",
    tag="CONFIGSLR2",
    trust=_trusts({"Service": "config.amazonaws.com"}),
    attached=("arn:aws:iam::aws:policy/aws-service-role/AWSConfigServiceRolePolicy",),
)

PRINCIPALS = (
    ALICE,
    BOB,
    DAVE,
    EXPORT,
    DEPLOY,
    REPORTS,
    PLATFORM,
    PATCHING,
    EARLIER_METRICS,
    METRICS,
    RETIRED,
    ORDERS,
    AUTOSCALING,
    RELEASE,
    AUDIT,
    CONFIG,
)

_PEOPLE = [
    _allow("ec2:DescribeInstances", "ec2:DescribeImages", "s3:ListAllMyBuckets", "s3:DeleteBucket", Sid="LookAround"),
    _allow("sts:AssumeRole", resource=f"arn:aws:iam::{MAIN}:role/*", Sid="WorkAsARole"),
    _allow("sts:AssumeRole", resource=AUDIT.arn, Sid="Audit"),
    {"Sid": "KeepBuckets", "Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"},
    {
        "Sid": "NothingWithoutMfa",
        "Effect": "Deny",
        "NotAction": ["iam:ListUsers", "iam:GetUser", "sts:GetSessionToken"],
        "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    },
]
_MANAGED: Mapping[str, Sequence[Statement]] = {
    QUEUES_POLICY: [_allow("sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue")],
    OPERATORS_POLICY: [
        _allow(
            "iam:GetUser",
            "iam:ListUsers",
            "iam:ListRoles",
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:RemoveUserFromGroup",
            "iam:DeleteLoginProfile",
            "iam:DeleteUser",
            "iam:CreateAccessKey",
        )
    ],
    RUNTIME_POLICY: [
        _allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
        _allow("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DescribeTable"),
    ],
    AUDIT_POLICY: [
        _allow("iam:GetAccountSummary", "iam:ListUsers", "iam:ListRoles", "ec2:Describe*Groups", "s3:GetBucketPolicy"),
        {"Sid": "NoContents", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"},
    ],
    "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy": [
        _allow("ec2:DescribeInstances", "ec2:RunInstances", "ec2:TerminateInstances")
    ],
    "arn:aws:iam::aws:policy/aws-service-role/AWSConfigServiceRolePolicy": [
        _allow("ec2:DescribeVolumes", "ec2:DescribeInstances", "s3:GetBucketAcl")
    ],
}
_GROUP_CREATED = "2023-09-08T11:50:00+00:00"


def authorization_details(account: str, last_used: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """An account as IAM tells it; ``last_used`` is a role's ARN -> when and in which region it was used last."""
    present = [one for one in PRINCIPALS if one.account == account and one.exists]
    return {
        "UserDetailList": [_user(one) for one in present if one.kind == "user"],
        "GroupDetailList": [_group()] if account == MAIN else [],
        "RoleDetailList": [_role(one, last_used.get(one.arn)) for one in present if one.kind == "role"],
        "Policies": [_policy(arn, statements) for arn, statements in _MANAGED.items() if _belongs(arn, account)],
    }


def _belongs(arn: str, account: str) -> bool:
    if f"::{account}:" in arn:
        return True
    return any(arn in one.attached for one in PRINCIPALS if one.account == account)


def _attached(arns: Sequence[str]) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]


def _inline(policies: Mapping[str, Sequence[Statement]]) -> list[dict[str, Any]]:
    return [{"PolicyName": name, "PolicyDocument": _document(statements)} for name, statements in policies.items()]


def _user(user: Principal) -> dict[str, Any]:
    inline = {"UserPolicyList": _inline(user.inline)} if user.inline else {}
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created,
        **inline,
        "GroupList": list(user.groups),
        "AttachedManagedPolicies": _attached(user.attached),
        "Tags": [],
    }


def _group() -> dict[str, Any]:
    return {
        "Path": "/",
        "GroupName": "people",
        "GroupId": _id("AGPA", "people"),
        "Arn": f"arn:aws:iam::{MAIN}:group/people",
        "CreateDate": _GROUP_CREATED,
        "GroupPolicyList": _inline({"people": _PEOPLE}),
        "AttachedManagedPolicies": [],
    }


def _role(role: Principal, last_used: tuple[str, str] | None) -> dict[str, Any]:
    time, region = last_used or (role.last_used, "eu-west-1")
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": _document(role.trust),
        "InstanceProfileList": [],
        "RolePolicyList": _inline(role.inline),
        "AttachedManagedPolicies": _attached(role.attached),
        "Tags": [],
        "RoleLastUsed": {"LastUsedDate": time, "Region": region} if time else {},
    }


def _policy(arn: str, statements: Sequence[Statement]) -> dict[str, Any]:
    name = arn.rpartition("/")[2]
    everyone = [attached for one in PRINCIPALS if one.exists for attached in one.attached]
    return {
        "PolicyName": name,
        "PolicyId": _id("ANPA", name),
        "Arn": arn,
        "Path": f"/{arn.partition(':policy/')[2].removesuffix(name)}",
        "DefaultVersionId": "v1",
        "AttachmentCount": everyone.count(arn),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": "2023-02-01T08:00:00+00:00",
        "UpdateDate": "2024-02-20T10:04:00+00:00",
        "PolicyVersionList": [
            {
                "Document": _document(statements),
                "VersionId": "v1",
                "IsDefaultVersion": True,
                "CreateDate": "2024-02-20T10:04:00+00:00",
            }
        ],
    }
