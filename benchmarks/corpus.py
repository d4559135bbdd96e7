"""A corpus of CloudTrail log files, made up from a seed: the same seed, the same bytes.

``python -m benchmarks.corpus FOLDER --events N``

What decides how fast a load is, and how small its store, is kept like the real thing: records of some 1.4 KB, many
calls of many services, principals whose sessions come and go, and in every record an event id, a request id and now
and then an address, a key, a token or a resource that no other record has. A record is one ``%`` on a text made
beforehand. The session token that AssumeRole answers with is left out: cloudsearch hides it, and what no packer
shrinks would be in the log alone, so that the store looked smaller than it is.
"""

from __future__ import annotations

import argparse
import gzip
import random
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from isal import igzip

from benchmarks.calls import BUSY, CALLS, OF_SERVICES, Call

ACCOUNTS = ("111122223333", "444455556666", "777788889999")
REGIONS = ("eu-west-1", "eu-west-1", "eu-west-1", "us-east-1", "us-east-1", "eu-central-1", "ap-southeast-2")
START = datetime(2026, 7, 17, tzinfo=UTC)
DAYS = 30
FILE_MINUTES = 15
ROLES, USERS, SERVICES = 150, 38, 12  # principals over all accounts: 200
CALLS_OF_A_SESSION = 10
KNOWN = 0.5  # share of calls for one of the busy resources
RECORDS_AT_ONCE = 1000
DENIED, FAILED = 0.03, 0.05  # shares of all calls, the second with the first in it

_AGENTS = (
    "aws-cli/2.17.20 md/awscrt#0.20.11 ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11.8 cfg/retry-mode#standard",
    "Boto3/1.34.140 md/Botocore#1.34.140 ua/2.0 os/linux#5.10.219 md/arch#aarch64 lang/python#3.12.3 Botocore/1.34.140",
    "aws-sdk-java/2.25.60 Linux/5.10 OpenJDK_64-Bit_Server_VM/17.0.11 Java/17.0.11 vendor/Amazon io/sync http/Apache",
    "APN/1.0 HashiCorp/1.0 Terraform/1.8.5 (+https://www.terraform.io) terraform-provider-aws/5.54.1 aws-sdk-go-v2",
    "aws-sdk-go/1.53.10 (go1.22.3; linux; amd64) kubernetes-controller/v2.8.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
)
_TEAMS = ("billing", "checkout", "search", "ledger", "media", "identity", "reports", "edge", "risk", "mobile")
_JOBS = ("api", "worker", "deploy", "etl", "cron", "reader", "stream", "admin", "build", "backup")
_NAMES = tuple(f"{team}-{thing}" for team in _TEAMS for thing in ("data", "events", "assets", "cache", "jobs", "state"))

_ROLE = (
    '{"type":"AssumedRole","principalId":"%(id)s:%(session)s",'
    '"arn":"arn:aws:sts::%(account)s:assumed-role/%(name)s/%(session)s","accountId":"%(account)s",'
    '"accessKeyId":"ASIA%(key)s","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"%(id)s",'
    '"arn":"arn:aws:iam::%(account)s:role/%(name)s","accountId":"%(account)s","userName":"%(name)s"},'
    '"attributes":{"creationDate":"%(since)s","mfaAuthenticated":"false"},"ec2RoleDelivery":"2.0"}}'
)
_USER = (
    '{"type":"IAMUser","principalId":"%(id)s","arn":"arn:aws:iam::%(account)s:user/%(name)s",'
    '"accountId":"%(account)s","accessKeyId":"AKIA%(id)s","userName":"%(name)s"}'
)
_SERVICE = '{"type":"AWSService","invokedBy":"%(name)s"}'
_DENIAL = (
    '"errorCode":"%(code)s","errorMessage":"User: %(arn)s is not authorized to perform: %(action)s on resource: '
    'arn:aws:%(prefix)s:%(region)s:%(account)s:%(name)s because no identity-based policy allows the %(action)s action",'
)
_FAILURES = (
    '"errorCode":"ThrottlingException","errorMessage":"Rate exceeded",',
    '"errorCode":"ResourceNotFoundException","errorMessage":"Requested resource not found",',
    '"errorCode":"ValidationException","errorMessage":"1 validation error detected: Value at \'name\' failed",',
)


@dataclass(slots=True)
class _Principal:
    """Who calls, and the session that is open: its identity's text, its address, its client."""

    kind: str
    name: str
    account: str
    id: str
    calls: list[Call]
    identity: str = ""
    arn: str = ""
    address: str = ""
    agent: str = ""
    left: int = 0

    def opens_session(self, rng: random.Random, now: str) -> None:
        """A new session: another key, another name, often another address."""
        self.left = rng.randrange(1, 2 * CALLS_OF_A_SESSION)
        session = f"i-0{rng.getrandbits(64):016x}" if self.kind == _ROLE else ""
        fields = {"account": self.account, "name": self.name, "id": self.id, "session": session, "since": now}
        self.identity = self.kind % (fields | {"key": _letters(rng, 16)})
        if self.kind == _SERVICE:
            self.address = self.agent = self.name
            return
        kind = f"sts::{self.account}:assumed-role" if self.kind == _ROLE else f"iam::{self.account}:user"
        self.arn = f"arn:aws:{kind}/{self.name}" + (f"/{session}" if session else "")
        self.agent = self.agent or rng.choice(_AGENTS)
        self.address = f"{rng.randrange(11, 223)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


@dataclass(slots=True)
class _World:
    """Everybody who calls, by account, and the resources that are called for."""

    rng: random.Random
    principals: dict[str, list[_Principal]] = field(default_factory=dict)
    resources: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, rng: random.Random) -> _World:
        world = cls(rng, {account: [] for account in ACCOUNTS}, [f"{rng.getrandbits(68):017x}" for _ in range(3000)])
        for number in range(ROLES + USERS + SERVICES):
            account = ACCOUNTS[number % len(ACCOUNTS)]
            world.principals[account].append(_principal(rng, number, account))
        for principals in world.principals.values():
            rng.shuffle(principals)
        return world

    def records(self, account: str, region: str, start: datetime, count: int) -> Iterator[str]:
        """Records of one account and region, in the order of their times."""
        rng, principals = self.rng, self.principals[account]
        bits, share, resources, names = rng.getrandbits, rng.random, self.resources, _NAMES
        for second in sorted(rng.choices(range(FILE_MINUTES * 60), k=count)):
            time = (start + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
            principal = principals[int(share() ** 2.5 * len(principals))]  # few are busy, many are not
            if not principal.left:
                principal.opens_session(rng, time)
            principal.left -= 1
            call = principal.calls[int(share() ** 2 * len(principal.calls))]
            digits = f"{bits(320):080x}"
            fields = {
                "identity": principal.identity,
                "time": time,
                "region": region,
                "account": account,
                "address": principal.address,
                "agent": principal.agent,
                "event": _uuid(digits[:32]),
                "request": _uuid(digits[32:64]),
                "resource": resources[int(share() ** 2 * 3000)] if share() < KNOWN else f"{bits(68):017x}",
                "name": names[int(share() ** 2 * len(names))],
                "new": digits[64:],
                "token": b64encode(rng.randbytes(57)).decode(),
                "number": f"{bits(20)}",
            }
            chance = share()
            if chance < FAILED and principal.arn:
                fields["error"] = _error(call, principal, fields) if chance < DENIED else rng.choice(_FAILURES)
                yield call.failed % fields
            else:
                yield call.answered % fields


def _principal(rng: random.Random, number: int, account: str) -> _Principal:
    id_ = _letters(rng, 17)
    if number >= ROLES + USERS:
        name = ("ec2", "lambda", "config", "autoscaling", "ecs-tasks", "cloudtrail")[number % 6] + ".amazonaws.com"
        return _Principal(_SERVICE, name, account, id_, list(OF_SERVICES))
    calls = [*rng.sample(BUSY, 2), *rng.sample(CALLS, rng.randrange(3, 12))]  # the first are called most
    if number >= ROLES:
        return _Principal(_USER, f"{rng.choice(_TEAMS)}-person-{number}", account, f"AIDA{id_}", calls)
    return _Principal(_ROLE, f"{rng.choice(_TEAMS)}-{rng.choice(_JOBS)}-{number}", account, f"AROA{id_}", calls)


def _error(call: Call, principal: _Principal, fields: dict[str, str]) -> str:
    prefix = call.action.partition(":")[0]
    code = "Client.UnauthorizedOperation" if prefix == "ec2" else "AccessDenied"
    return _DENIAL % (fields | {"code": code, "arn": principal.arn, "action": call.action, "prefix": prefix})


def _letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=count))


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def write(folder: Path, *, events: int, per_file: int, seed: int) -> None:
    """Write exactly ``events`` records, no two with one eventID, into files of ``per_file``; all in ``AWSLogs``."""
    rng = random.Random(seed)
    world = _World.of(rng)
    files = -(-events // per_file)
    for number in range(files):
        account, region = rng.choice(ACCOUNTS), rng.choice(REGIONS)
        start = START + number * timedelta(days=DAYS) / files
        count = min(per_file, events - number * per_file)
        text = '{"Records":[' + ",".join(world.records(account, region, start, count)) + "]}"
        path = folder / _path(account, region, start, _letters(rng, 16))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))


def write_one(path: Path, *, size: int, seed: int) -> int:
    """Write one log file of about ``size`` bytes of text, never holding it; gives the number of its records."""
    rng = random.Random(seed)
    world, account, region = _World.of(rng), ACCOUNTS[0], REGIONS[0]
    written = records = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with igzip.open(path, "wb", compresslevel=1) as file:  # type: ignore[no-untyped-call]
        file.write(b'{"Records":[')
        while written < size:
            start = START + timedelta(minutes=FILE_MINUTES * records // RECORDS_AT_ONCE % (DAYS * 96))
            batch = list(world.records(account, region, start, RECORDS_AT_ONCE))
            text = ",".join(batch).encode()
            file.write(b"," + text if records else text)
            written, records = written + len(text) + 1, records + len(batch)
        file.write(b"]}")
    return records


def _path(account: str, region: str, time: datetime, mark: str) -> str:
    name = f"{account}_CloudTrail_{region}_{time:%Y%m%dT%H%MZ}_{mark}.json.gz"
    return f"AWSLogs/{account}/CloudTrail/{region}/{time:%Y/%m/%d}/{name}"


@dataclass(frozen=True, slots=True)
class Size:
    """What a corpus weighs: files, and bytes as text and as stored."""

    files: int
    raw: int
    gzipped: int

    @classmethod
    def of(cls, folder: Path) -> Size:
        """Weigh the log files in a folder."""
        files = raw = gzipped = 0
        for path in folder.rglob("*.json.gz"):
            stored = path.read_bytes()
            files, raw, gzipped = files + 1, raw + len(gzip.decompress(stored)), gzipped + len(stored)
        return cls(files, raw, gzipped)


def main() -> None:
    """Write a corpus and say what it weighs."""
    parser = argparse.ArgumentParser(description="Write a corpus of CloudTrail log files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--per-file", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    write(asked.folder, events=asked.events, per_file=asked.per_file, seed=asked.seed)
    size = Size.of(asked.folder)
    print(f"{asked.events:,} events in {size.files:,} files")
    print(f"{size.raw / asked.events:,.0f} bytes an event, {size.gzipped / asked.events:,.0f} gzipped")


if __name__ == "__main__":
    main()
