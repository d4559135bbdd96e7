"""How fast policies are made from history, and how much memory that takes.

    python -m benchmarks.policies [--events 100000] [--principals 200] [--json]

A store with that many events of one role, then one with four times as many: events a second, and the peak of the
process's memory, which must not grow with them; then the policies are replayed over the events they were made of, and
must break none. Then as many events by 200 roles, whose policies are made in one pass. Each run is a process of its
own, `cloudsearch generate` or `cloudsearch replay`, its start included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it runs as a script from anywhere

from cloudsearch.derive import derive
from cloudsearch.store import EVENTS
from cloudsearch.stores.duckdb import DuckDBStore

ACCOUNT = "111122223333"
START = datetime(2026, 8, 1, tzinfo=UTC)
DAYS = 60
AT_ONCE = 20_000
GROWTH = 1.25
"""How much more memory four times the events may take."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took; ``statements`` are those of all its policies."""

    what: str
    events: int
    seconds: float
    peak_mib: float
    policies: int
    statements: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def main() -> None:
    """Load, measure, print; exits with 1 where memory grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="events of the smaller history (100000)")
    parser.add_argument("--times", type=int, default=4, help="how many times as many the larger has (4)")
    parser.add_argument("--principals", type=int, default=200, help="roles of --all (200)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = measured(Path(folder) / "small.duckdb", asked.events, 1)
        small_again = replayed(Path(folder) / "small.duckdb", small)
        large = measured(Path(folder) / "large.duckdb", asked.events * asked.times, 1)
        large_again = replayed(Path(folder) / "large.duckdb", large)
        everybody = measured(Path(folder) / "all.duckdb", asked.events, asked.principals)
    runs = [small, small_again, large, large_again, everybody]
    if asked.json:
        print(json.dumps([asdict(run) for run in runs]))
    else:
        for run in runs:
            print(f"{run.what}: {run.events:,} events, {run.seconds:.1f} s, {run.rate:,.0f} events/s,", end=" ")
            print(f"peak {run.peak_mib:.0f} MiB, {run.policies} policies, {run.statements} statements", flush=True)
    for one, other in ((small, large), (small_again, large_again)):
        if other.peak_mib > one.peak_mib * GROWTH:
            sys.exit(f"Memory of {one.what} grew from {one.peak_mib:.0f} to {other.peak_mib:.0f} MiB")


def measured(path: Path, events: int, principals: int) -> Run:
    """Fill a store and make the policies of all that acted."""
    loading = multiprocessing.get_context("spawn").Process(target=load, args=(path, events, principals))
    loading.start()  # elsewhere, since a process that is started begins with the peak of the one that starts it
    loading.join()
    whom = ["--all"] if principals > 1 else ["--role", "worker-0"]
    seconds, peak = _timed(path, ["generate", *whom], path.with_suffix(".json"))
    documents = _documents(json.loads(path.with_suffix(".json").read_text()))
    what = f"{principals} roles, one pass" if principals > 1 else "one role"
    statements = sum(len(one["Statement"]) for one in documents)
    return Run(what, events, seconds, peak, len(documents), statements)


def replayed(path: Path, made: Run) -> Run:
    """Replay the policy that was made, which exits with 10 where a call would break."""
    policy = path.with_suffix(".json")
    seconds, peak = _timed(path, ["replay", str(policy), "--role", "worker-0"], path.with_suffix(".txt"))
    return Run(f"{made.what}, replayed", made.events, seconds, peak, made.policies, made.statements)


def _timed(path: Path, arguments: list[str], output: Path) -> tuple[float, float]:
    """Run a command on the store; seconds, and the peak of its memory in MiB."""
    command = [sys.executable, "-m", "cloudsearch", *arguments, "--store", str(path)]
    began = time.perf_counter()
    with output.open("wb") as out, path.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(path.with_suffix(".log").read_text())
    return seconds, usage.ru_maxrss / 1024


def _documents(told: Any) -> list[dict[str, list[object]]]:  # noqa: ANN401 (JSON)
    if not isinstance(told, list):
        return [told]
    return [policy["document"] for one in told for policy in one["policies"]] if "policies" in told[0] else told


def load(path: Path, count: int, principals: int) -> None:
    """Write the events."""
    store = DuckDBStore(path)
    store.prepare(loading=True)
    batch = []
    for raw in records(count, principals):
        batch.append(store.encode(EVENTS, derive(raw)))
        if len(batch) == AT_ONCE:
            store.write(EVENTS, batch)
            batch = []
    store.write(EVENTS, batch)
    store.commit()
    store.close()


def records(count: int, principals: int) -> Iterator[bytes]:
    """Records of calls such as a service makes: a few actions on some hundred resources, over sixty days."""
    chance = random.Random(7)
    for number in range(count):
        source, name, request = _call(chance)
        role = f"worker-{number % principals}"
        moment = START + timedelta(seconds=number * DAYS * 86_400 // count)
        yield json.dumps(
            {
                "eventVersion": "1.09",
                "userIdentity": {
                    "type": "AssumedRole",
                    "principalId": f"AROA{role}:run",
                    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/run",
                    "accountId": ACCOUNT,
                    "sessionContext": {
                        "sessionIssuer": {
                            "type": "Role",
                            "principalId": f"AROA{role}",
                            "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
                            "accountId": ACCOUNT,
                        }
                    },
                },
                "eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
                "eventSource": f"{source}.amazonaws.com",
                "eventName": name,
                "awsRegion": "eu-west-1",
                "sourceIPAddress": "192.0.2.10",
                "userAgent": "aws-sdk",
                "requestParameters": request,
                "eventID": f"00000000-0000-4000-8000-{number:012}",
                "readOnly": True,
                "eventType": "AwsApiCall",
                "recipientAccountId": ACCOUNT,
                "eventCategory": "Management",
            }
        ).encode()


def _call(chance: random.Random) -> tuple[str, str, dict[str, object] | None]:
    resource = chance.randrange(100)
    calls: list[tuple[str, str, dict[str, object] | None]] = [
        ("s3", "GetObject", {"bucketName": "orders", "key": f"in/{resource}.csv"}),
        ("dynamodb", "GetItem", {"tableName": f"orders-{resource % 10}"}),
        ("lambda", "GetFunction20150331v2", {"functionName": f"orders-{resource % 10}"}),
        ("sqs", "GetQueueAttributes", {"queueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs"}),
        ("ec2", "DescribeInstances", {"instancesSet": {}}),
        ("sts", "AssumeRole", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/reader-{resource % 5}"}),
    ]
    return chance.choice(calls)


if __name__ == "__main__":
    main()
