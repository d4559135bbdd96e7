"""How events of a trail are made: who calls, what CloudTrail writes of it, and the copy another account gets."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from examples.company import IDENTITY_PROVIDER, MAIN, Principal

FIRST = datetime(2026, 8, 1, tzinfo=UTC)
DAYS = 61
GLOBAL, HOME = "us-east-1", "eu-west-1"
CLI = "aws-cli/2.27.41 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython"
SDK = "Boto3/1.39.3 md/Botocore#1.39.3 ua/2.1 os/linux#6.8.0 md/arch#aarch64 lang/python#3.13.4 Botocore/1.39.3"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
OFFICE, BUILDERS, CLOUD = "192.0.2.10", "198.51.100.", "203.0.113."
VERSIONS = {"signin": "1.08", "sts": "1.08", "iam": "1.10", "s3": "1.11", "kms": "1.11", "ec2": "1.10", "logs": "1.05"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as ``userIdentity`` tells it, from where, with what, and whether by way of the console."""

    identity: Json
    address: str
    agent: str
    account: str = MAIN
    console: bool = False


@dataclass(slots=True)
class Trail:
    """The events so far. Everything that looks like chance comes from one seeded source, in the order of the calls."""

    chance: random.Random
    events: list[Json] = field(default_factory=list)
    last_used: dict[str, tuple[str, str]] = field(default_factory=dict)

    def call(  # noqa: PLR0913 (what an event tells)
        self,
        caller: Caller,
        time: datetime,
        call: str,
        parameters: Json | None = None,
        *,
        answer: Json | None = None,
        region: str = HOME,
        write: bool = False,
        error: tuple[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> Json:
        """Add an event; ``call`` is ``service:Name``, ``more`` adds or replaces elements (None removes one)."""
        service, _, name = call.partition(":")
        event = {
            "eventVersion": VERSIONS.get(service, "1.09"),
            "userIdentity": caller.identity,
            "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": caller.address,
            "userAgent": caller.agent,
            **({"errorCode": error[0], "errorMessage": error[1]} if error else {}),
            "requestParameters": parameters,
            "responseElements": answer if write and not error else None,
            "requestID": self.uuid(),
            "eventID": self.uuid(),
            "readOnly": not write,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": caller.account,
            "eventCategory": "Management",
            **({"sessionCredentialFromConsole": "true"} if caller.console else {}),
            **(more or {}),
        }
        self.events.append({key: value for key, value in event.items() if value is not None or key in _MAY_BE_NULL})
        self._note_use(caller.identity.get("sessionContext", {}).get("sessionIssuer", {}).get("arn"), time, region)
        return self.events[-1]

    def _note_use(self, role: str | None, time: datetime, region: str) -> None:
        """What IAM would show as the role's last use."""
        now = (f"{time:%Y-%m-%dT%H:%M:%S}+00:00", region)
        if role:
            self.last_used[role] = max(now, self.last_used.get(role, now))

    def assume(self, caller: Caller, time: datetime, role: Principal, session: str, how: str = "AssumeRole") -> str:
        """Add an AssumeRole event, and the copy in the role's account if that is another; gives the issued key's id."""
        parameters: Json = {"roleArn": role.arn, "roleSessionName": session, "durationSeconds": 3600}
        answer = self.credentials(role, session, time)
        if how == "AssumeRoleWithWebIdentity":
            answer |= {"subjectFromWebIdentityToken": "project:storefront", "provider": IDENTITY_PROVIDER}
        region = HOME if caller.identity["type"] == "AWSService" else GLOBAL
        shared = {"resources": [resource(role.account, "AWS::IAM::Role", role.arn)], "sharedEventID": self.uuid()}
        more = shared if _is_shared(caller, role) else {"resources": shared["resources"]}
        # AssumeRole changes nothing that lasts: CloudTrail calls it read-only, and shows the answer all the same.
        event = self.call(
            caller, time, f"sts:{how}", parameters, region=region, more={**more, "responseElements": answer}
        )
        if caller.account != role.account:
            self.owner_copy(event, role.account)
        self._note_use(role.arn, time, region)
        return str(answer["credentials"]["accessKeyId"])

    def owner_copy(self, event: Json, owner: str) -> None:
        """Add the copy of a cross-account call that the owner of the resource gets."""
        caller = event["userIdentity"]
        stranger = {"type": "AWSAccount", "principalId": caller["principalId"], "accountId": caller["accountId"]}
        copy = {**event, "userIdentity": stranger, "eventID": self.uuid(), "recipientAccountId": owner}
        copy.pop("sessionCredentialFromConsole", None)
        self.events.append(copy)

    def credentials(self, role: Principal, session: str, time: datetime) -> Json:
        """What an AssumeRole answers."""
        token = "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz", k=24))
        return {
            "credentials": {
                "accessKeyId": self.key("ASIA"),
                "sessionToken": f"EXAMPLE{token}EXAMPLE",
                "expiration": f"{time + timedelta(hours=1):%b %-d, %Y, %-I:%M:%S %p}",
            },
            "assumedRoleUser": {"assumedRoleId": f"{role.id}:{session}", "arn": _session_arn(role, session)},
        }

    def key(self, prefix: str) -> str:
        """An access key id that is nobody's."""
        return f"{prefix}{''.join(self.chance.choices('ABCDEFGHJKLMNPQRSTUVWXYZ', k=9))}EXAMPLE"

    def uuid(self) -> str:
        """A random UUID."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def at(self, day: int, hour: int, minute: int = 0) -> datetime:
        """A moment within ten minutes of a time on a day of the trail, counted from 0."""
        return FIRST + timedelta(days=day, hours=hour, minutes=minute, seconds=self.chance.randrange(600))


_MAY_BE_NULL = ("requestParameters", "responseElements")


def resource(account: str, kind: str, arn: str) -> Json:
    """An element of ``resources``."""
    return {"accountId": account, "type": kind, "ARN": arn}


def _is_shared(caller: Caller, role: Principal) -> bool:
    return caller.account != role.account or caller.identity["type"] == "AWSService"


def _session_arn(role: Principal, session: str) -> str:
    return f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{session}"


def user(who: Principal, trail: Trail, *, agent: str = CLI, mfa: bool = True) -> Caller:
    """A person, with a session of MFA or with nothing but an access key."""
    console = agent == BROWSER
    context = {"attributes": {"creationDate": "2026-08-01T08:00:00Z", "mfaAuthenticated": "true"}}
    identity = {
        "type": "IAMUser",
        "principalId": who.id,
        "arn": who.arn,
        "accountId": who.account,
        "accessKeyId": trail.key("ASIA" if mfa else "AKIA"),
        "userName": who.name,
        **({"sessionContext": context} if mfa else {}),
    }
    return Caller(identity, OFFICE, agent, who.account, console=console)


def session(  # noqa: PLR0913 (what a session is)
    role: Principal,
    name: str,
    time: datetime,
    trail: Trail,
    *,
    key: str = "",
    agent: str = SDK,
    address: str = "",
    mfa: bool = False,
    service: str | None = None,
) -> Caller:
    """A session of a role, with the key that was issued for it; with ``service``, used by that service for the role."""
    issuer = {"type": "Role", "principalId": role.id, "arn": role.arn, "accountId": role.account, "userName": role.name}
    attributes = {"creationDate": f"{time:%Y-%m-%dT%H:%M:%SZ}", "mfaAuthenticated": "true" if mfa else "false"}
    identity = {
        "type": "AssumedRole",
        "principalId": f"{role.id}:{name}",
        "arn": _session_arn(role, name),
        "accountId": role.account,
        "accessKeyId": key or trail.key("ASIA"),
        "sessionContext": {"sessionIssuer": issuer, "attributes": attributes},
        **({"invokedBy": service} if service else {}),
    }
    where = service or address or f"{CLOUD}{trail.chance.randrange(1, 250)}"
    return Caller(identity, where, service or agent, role.account, console=agent == BROWSER)


def service(host: str, account: str = MAIN) -> Caller:
    """An AWS service that acts for itself."""
    return Caller({"type": "AWSService", "invokedBy": host}, host, host, account)
