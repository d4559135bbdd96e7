"""A made-up organisation of three accounts, and three days in which its people came into roles in every way there is.

``PEOPLE`` has the users, ``WORK`` and ``TARGET`` the roles; both have a role ``admin``. What the reports should say of
it was written down by hand in ``tests/cases/chains.json``, and of the ``whole`` in ``tests/cases/organisation.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

PEOPLE, WORK, TARGET = "111111111111", "222222222222", "333333333333"
OPS = "AWSReservedSSO_Ops_0123456789abcdef"
KEEP = "arn:aws:organizations::444444444444:policy/o-example/service_control_policy/p-keep"
FIRST = datetime(2026, 8, 1, tzinfo=UTC)

Record = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """Who calls: ``userIdentity``, with what other events need of it."""

    type: str
    account: str | None
    name: str
    id: str = ""
    session: str = ""
    key: str | None = None
    source_identity: str | None = None
    on_behalf_of: str | None = None

    @property
    def element(self) -> Record:
        """``userIdentity``, as AWS writes it.

        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
        """
        if self.type == "AWSService":
            return {"type": self.type, "invokedBy": self.name}
        if self.account is None:
            return {"type": self.type, "principalId": self.name, "userName": self.name.rpartition(":")[2]}
        if self.type == "IAMUser":
            own = {"principalId": self.id, "arn": self.arn, "userName": self.name}
            return _there({"type": self.type, **own, "accountId": self.account, "accessKeyId": self.key})
        issuer = {"type": "Role", "principalId": self.id, "arn": self.arn, "accountId": self.account}
        context = {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}}
        return _there(
            {
                "type": self.type,
                "principalId": f"{self.id}:{self.session}",
                "arn": f"arn:aws:sts::{self.account}:assumed-role/{self.name}/{self.session}",
                "accountId": self.account,
                "accessKeyId": self.key,
                "sessionContext": _there({**context, "sourceIdentity": self.source_identity}),
                "onBehalfOf": {"userId": self.on_behalf_of} if self.on_behalf_of else None,
            }
        )

    @property
    def stranger(self) -> Record:
        """What another account's copy of a call says of the caller."""
        composed = f"{self.id}:{self.session}" if self.session else self.id
        return {"type": "AWSAccount", "principalId": composed, "accountId": self.account}

    @property
    def arn(self) -> str:
        """The user's or the role's."""
        return f"arn:aws:iam::{self.account}:{'user' if self.type == 'IAMUser' else 'role'}/{self.name}"


def user(name: str) -> Identity:
    """A user of ``PEOPLE``."""
    return Identity("IAMUser", PEOPLE, name, f"AIDA{name.upper()}", key=f"AKIA{name.upper()}")


def role(account: str, name: str) -> Identity:
    """A role, without a session."""
    return Identity("AssumedRole", account, name, f"AROA{name.upper()[-8:]}{account[0]}")


def service(host: str) -> Identity:
    """An AWS service."""
    return Identity("AWSService", None, host)


def federated(kind: str, name: str) -> Identity:
    """Somebody of a federation, who has no account."""
    return Identity(kind, None, name)


@dataclass
class Organisation:
    """The records so far, each with the account whose trail delivered it."""

    records: list[Record] = field(default_factory=list)
    keys: int = 0

    def call(self, who: Identity, time: datetime, call: str, **more: object) -> Record:
        """A call that went through; ``service:Name``."""
        source, _, name = call.partition(":")
        record = {
            "eventVersion": "1.09",
            "userIdentity": who.element,
            "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "awsRegion": "eu-west-1",
            "requestParameters": None,
            "responseElements": None,
            "readOnly": True,
            "eventID": self._id(),
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "eventCategory": "Management",
            "recipientAccountId": who.account,
        } | more
        self.records.append(record)
        return record

    def assume(
        self, who: Identity, time: datetime, target: Identity, session: str, call: str = "AssumeRole"
    ) -> Identity:
        """Open a session of a role; both accounts log it where they differ. The session."""
        key = self._key()
        request = _there({"roleArn": target.arn, "roleSessionName": session, "sourceIdentity": who.source_identity})
        answer = {"credentials": {"accessKeyId": key}, "assumedRoleUser": {"assumedRoleId": f"{target.id}:{session}"}}
        shared = {"sharedEventID": self._id()} if who.account not in (None, target.account) else {}
        record = self.call(
            who,
            time,
            f"sts:{call}",
            requestParameters=request,
            responseElements=answer,
            recipientAccountId=who.account or target.account,
            **shared,
        )
        if shared:
            copy = {"userIdentity": who.stranger, "eventID": self._id(), "recipientAccountId": target.account}
            self.records.append(record | copy)
        return replace(target, session=session, key=key, source_identity=who.source_identity)

    def unopened(self, target: Identity, session: str, **fields: str) -> Identity:
        """A session of which no event says who opened it."""
        return replace(replace(target, session=session, key=self._key()), **fields)

    def switch(self, origin: Identity, time: datetime, target: Identity) -> Identity:
        """Switch to a role in the console."""
        session = self.unopened(target, origin.name)
        self.call(
            session,
            time,
            "signin:SwitchRole",
            eventType="AwsConsoleSignIn",
            responseElements={"SwitchRole": "Success"},
            additionalEventData={"SwitchFrom": origin.arn},
        )
        return session

    def refused(self, who: Identity, time: datetime, call: str, reason: str, code: str = "AccessDenied") -> None:
        """A call that was refused, in words as AWS writes them."""
        message = f"User: {who.element['arn']} is not authorized to perform: {call} on resource: * {reason}"
        self.call(who, time, call, errorCode=code, errorMessage=message, readOnly=False)

    def of(self, *accounts: str) -> list[Record]:
        """What the trails of these accounts delivered."""
        return [record for record in self.records if record["recipientAccountId"] in accounts]

    def _key(self) -> str:
        self.keys += 1
        return f"ASIA{self.keys:08}"

    def _id(self) -> str:
        self.keys += 1
        return f"00000000-0000-4000-8000-{self.keys:012}"


def organisation() -> Organisation:
    """The three days."""
    org = Organisation()
    for number, story in enumerate(
        (days, three_hops, circle, federation, identity_center, console, services, loose_ends)
    ):
        story(org, FIRST + timedelta(days=1, hours=number))
    return org


def days(org: Organisation, _: datetime) -> None:
    """Each account has an event every day, so that none is a gap."""
    for day in range(3):
        for account in (PEOPLE, WORK, TARGET):
            someone = replace(role(account, "watch"), session="w", key="ASIAWATCH")
            org.call(someone, FIRST + timedelta(days=day, hours=9), "ec2:DescribeVpcs")


def three_hops(org: Organisation, start: datetime) -> None:
    """Alice by hub and deploy to TARGET's admin; carol, who exists no more, by deploy; alice to reader."""
    hub = org.assume(user("alice"), start, role(PEOPLE, "hub"), "alice")
    deploy = org.assume(hub, start + timedelta(minutes=1), role(WORK, "deploy"), "a1")
    org.call(deploy, start + timedelta(minutes=2), "cloudformation:DescribeStacks")
    admin = org.assume(deploy, start + timedelta(minutes=3), role(TARGET, "admin"), "a2")
    for minute in (4, 5):
        org.call(admin, start + timedelta(minutes=minute), "ec2:DescribeInstances")
    carol = org.assume(user("carol"), start, role(WORK, "deploy"), "carol")
    org.call(carol, start + timedelta(minutes=2), "cloudformation:ListStacks")
    further = org.assume(carol, start + timedelta(minutes=6), role(TARGET, "admin"), "carol")
    org.call(further, start + timedelta(minutes=7), "ec2:DescribeVolumes")
    org.assume(user("alice"), start, role(TARGET, "reader"), "idle")


def circle(org: Organisation, start: datetime) -> None:
    """Bob to ping, from there to pong, and from there to ping again."""
    first = org.assume(user("bob"), start, role(WORK, "ping"), "one")
    between = org.assume(first, start + timedelta(minutes=1), role(WORK, "pong"), "two")
    again = org.assume(between, start + timedelta(minutes=2), role(WORK, "ping"), "three")
    org.call(again, start + timedelta(minutes=3), "ec2:DescribeImages")


def federation(org: Organisation, start: datetime) -> None:
    """Dana by SAML to WORK's admin; the CI by a web identity to deploy, where a later key is its by the name alone."""
    dana = federated("SAMLUser", "idp=:dana@example.com")
    admin = org.assume(dana, start, role(WORK, "admin"), "dana@example.com", "AssumeRoleWithSAML")
    org.call(admin, start + timedelta(minutes=1), "ec2:DescribeInstances")
    ci = federated("WebIdentityUser", "ci.example:aud:main")
    deploy = org.assume(ci, start, role(WORK, "deploy"), "run-7", "AssumeRoleWithWebIdentity")
    org.call(deploy, start + timedelta(minutes=1), "cloudformation:DescribeStacks")
    later = org.unopened(role(WORK, "deploy"), "run-7")
    org.call(later, start + timedelta(minutes=2), "cloudformation:DescribeStacks")


def identity_center(org: Organisation, start: datetime) -> None:
    """Erin from the portal, and on to reader; a session whose user AWS names, and one that its name tells of."""
    erin = federated("SAMLUser", "sso=:erin@example.com")
    ops = org.assume(erin, start, role(WORK, OPS), "erin@example.com", "AssumeRoleWithSAML")
    reader = org.assume(ops, start + timedelta(minutes=1), role(TARGET, "reader"), "erin")
    org.call(reader, start + timedelta(minutes=2), "s3:ListBuckets")
    named = org.unopened(role(WORK, OPS), "frank@example.com", on_behalf_of="user-frank")
    org.call(named, start + timedelta(minutes=3), "ec2:DescribeInstances")
    told = org.unopened(role(WORK, OPS), "gina@example.com")
    org.call(told, start + timedelta(minutes=4), "ec2:DescribeInstances")


def console(org: Organisation, start: datetime) -> None:
    """Bob switches to WORK's admin; the console signs one call with the switch's key and one with another."""
    admin = org.switch(user("bob"), start, role(WORK, "admin"))
    org.call(admin, start + timedelta(minutes=1), "ec2:DescribeInstances")
    other = org.unopened(role(WORK, "admin"), "bob")
    org.call(other, start + timedelta(minutes=2), "ec2:DescribeSubnets")


def services(org: Organisation, start: datetime) -> None:
    """Lambda opens a session of reader."""
    reader = org.assume(service("lambda.amazonaws.com"), start, role(TARGET, "reader"), "function")
    org.call(reader, start + timedelta(minutes=1), "s3:ListBuckets")


def loose_ends(org: Organisation, start: datetime) -> None:
    """Sessions of TARGET's roles that nobody opened: one with a source identity, one with nothing.

    And one whose name two callers gave within the hour.
    """
    alices = org.unopened(role(TARGET, "reader"), "x", source_identity="alice")
    org.call(alices, start, "iam:ListUsers")
    nobodys = org.unopened(role(TARGET, "admin"), "y")
    org.call(nobodys, start, "ec2:DescribeRegions", awsRegion="us-east-1")
    for name in ("alice", "bob"):
        org.assume(user(name), start, role(TARGET, "reader"), "shared")
    either = org.unopened(role(TARGET, "reader"), "shared")
    org.call(either, start + timedelta(minutes=5), "iam:ListRoles")


def whole() -> Organisation:
    """The same with those who left and one who came back as another, and with what the organisation forbids."""
    org = organisation()
    departed(org, FIRST + timedelta(days=1, hours=12))
    guarded(org, FIRST + timedelta(days=1, hours=15))
    return org


def departed(org: Organisation, start: datetime) -> None:
    """Dave worked and was deleted by alice; WORK's role batch was deleted and made anew, with another id."""
    for minute in (0, 1):
        org.call(user("dave"), start + timedelta(minutes=minute), "ec2:DescribeVpcs")
    of_iam = {"awsRegion": "us-east-1", "readOnly": False}
    gone = {"requestParameters": {"userName": "dave"}, **of_iam}
    org.call(user("alice"), start + timedelta(minutes=2), "iam:DeleteUser", **gone)
    earlier = replace(role(WORK, "batch"), id="AROAEARLIER", session="b", key="ASIABATCH1")
    for minute in (0, 1):
        org.call(earlier, start + timedelta(minutes=minute), "s3:ListBuckets")
    watch = replace(role(WORK, "watch"), session="w", key="ASIAWATCH")
    batch = {"requestParameters": {"roleName": "batch"}, **of_iam}
    org.call(watch, start + timedelta(minutes=3), "iam:DeleteRole", **batch)
    org.call(watch, start + timedelta(minutes=4), "iam:CreateRole", **batch)
    later = replace(role(WORK, "batch"), session="b", key="ASIABATCH2")
    org.call(later, start + timedelta(hours=1), "ec2:DescribeImages", awsRegion="us-east-1")


def guarded(org: Organisation, start: datetime) -> None:
    """A service control policy denies deploy what nobody may do; another one allows reader too little."""
    deploy = replace(role(WORK, "deploy"), session="run-8", key="ASIAGUARD1")
    denied = f"with an explicit deny in a service control policy: {KEEP}"
    for minute in range(3):
        at = start + timedelta(minutes=minute)
        org.refused(deploy, at, "ec2:TerminateInstances", denied, "Client.UnauthorizedOperation")
    reader = replace(role(TARGET, "reader"), session="r", key="ASIAGUARD2")
    org.refused(reader, start, "s3:CreateBucket", "because no service control policy allows the s3:CreateBucket action")


def whole_details() -> dict[str, dict[str, Any]]:
    """The accounts' authorization details after that: dave is gone, zoe never came, batch is the new one."""
    found = details()
    zoe = user("zoe")
    own = {"Path": "/", "UserName": "zoe", "UserId": zoe.id, "Arn": zoe.arn, "CreateDate": "2025-01-01T00:00:00Z"}
    found[PEOPLE]["UserDetailList"].append(own)
    batch = _detail(role(WORK, "batch"), ("s3:ListAllMyBuckets", "ec2:DescribeImages", "iam:ListUsers"))
    found[WORK]["RoleDetailList"].append(batch | {"CreateDate": "2026-08-02T12:04:00Z"})
    return found


def details() -> dict[str, dict[str, Any]]:
    """The accounts' authorization details; carol is gone, and so is WORK's ping."""
    granted = ("ec2:Describe*", "iam:ListUsers", "iam:ListRoles", "iam:ListGroups", "cloudformation:ListStacks")
    roles = [role(PEOPLE, "hub"), role(WORK, "deploy"), role(WORK, "admin"), role(WORK, OPS)]
    roles += [role(WORK, "pong"), role(TARGET, "admin"), role(TARGET, "reader")]
    return {
        account: {
            "UserDetailList": list(_users()) if account == PEOPLE else [],
            "GroupDetailList": [],
            "RoleDetailList": [_detail(one, granted) for one in roles if one.account == account],
            "Policies": [],
        }
        for account in (PEOPLE, WORK, TARGET)
    }


def _users() -> Iterator[Record]:
    for name in ("alice", "bob"):
        own = user(name)
        yield {"Path": "/", "UserName": name, "UserId": own.id, "Arn": own.arn, "CreateDate": "2025-01-01T00:00:00Z"}


def _detail(one: Identity, granted: tuple[str, ...]) -> Record:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": granted, "Resource": "*"}]}
    return {
        "Path": "/",
        "RoleName": one.name,
        "RoleId": one.id,
        "Arn": one.arn,
        "CreateDate": "2025-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": {},
        "RolePolicyList": [{"PolicyName": "all", "PolicyDocument": document}],
        "AttachedManagedPolicies": [],
    }


def _there(fields: Record) -> Record:
    return {name: value for name, value in fields.items() if value is not None}
