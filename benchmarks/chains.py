"""How fast it is told who came into a role, against a script that asks the store about each AssumeRole.

    python -m benchmarks.chains [--sessions 100000] [--naive 300] [--pairs 3]

People open sessions of a role ``hub``, from there of ``deploy`` in another account, from there of ``admin`` in a third;
all accounts' copies are there. Ours reads the embedded store and solves every session of ``admin``; the script
follows some of them, a query a step. They take turns, and both must say the same of each session that both looked at.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it runs as a script from anywhere

from cloudsearch.event import DERIVATION_VERSION, Value
from cloudsearch.reports.sessions import chains, of_role, roles, sessions
from cloudsearch.reports.through import through
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS
from cloudsearch.stores.duckdb import DuckDBStore

PEOPLE = 500
PER_HUB, PER_DEPLOY = 2, 4
"""Sessions of deploy that each of hub opens, and of admin that each of deploy opens."""

ACCOUNTS = ("111111111111", "222222222222", "333333333333")
ROLES = tuple(
    f"arn:aws:iam::{account}:role/{name}" for account, name in zip(ACCOUNTS, ("hub", "deploy", "admin"), strict=True)
)
START = datetime(2026, 8, 1, tzinfo=UTC)
AT_ONCE = 20_000

Row = dict[str, Value]
Answer = tuple[str | None, tuple[str, ...]]


def main() -> None:
    """Load, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=100_000, help="sessions of the three roles together (100000)")
    parser.add_argument("--naive", type=int, default=300, help="sessions that the script follows (300)")
    parser.add_argument("--pairs", type=int, default=3, help="how often each is measured (3)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chains.duckdb"
        print(f"{load(path, asked.sessions):,} events of {asked.sessions:,} sessions", flush=True)
        ours, theirs = [], []
        for _ in range(asked.pairs):
            found, listing, seconds = solved(path)
            ours.append(seconds)
            followed, each = naive(path, asked.naive)
            theirs.append(each)
            if any(found[key] != answer for key, answer in followed.items()):
                sys.exit("The two say different things of a session")
    print(f"cloudsearch: {median(ours):.2f} s for {len(found):,} sessions of admin, {listing:,} rows")
    print(f"a query a step: {median(theirs) * 1000:.1f} ms a session, so {median(theirs) * len(found):,.0f} s for all")
    print(f"ratio: {median(theirs) * len(found) / median(ours):,.0f}")


def load(path: Path, count: int) -> int:
    """Write the events; how many there are."""
    store = DuckDBStore(path)
    store.prepare(loading=True)
    written, batch = 0, []
    for number, row in enumerate(events(count)):
        identity: Row = {"id": f"e{number}", "raw": b"{}", "raw_length": 2, "derivation": DERIVATION_VERSION}
        batch.append(store.encode(EVENTS, {**row, **identity}))
        if len(batch) == AT_ONCE:
            written += store.write(EVENTS, batch).created
            batch = []
    written += store.write(EVENTS, batch).created
    store.commit()
    store.close()
    return written


def events(count: int) -> Iterator[Row]:
    """As many sessions, the openings of each in both accounts, and two calls of each of admin's."""
    per_hub = 1 + PER_HUB * (1 + PER_DEPLOY)
    for number in range(count // per_hub):
        moment = START + timedelta(seconds=number * 5)
        person = number % PEOPLE
        arn = f"arn:aws:iam::{ACCOUNTS[0]}:user/person-{person}"
        user: Row = {"principal": arn, "principal_id": f"AIDA{person:08}", "principal_type": "IAMUser"}
        user |= {"account": ACCOUNTS[0], "access_key_id": f"AKIA{person:08}"}
        hub = f"ASIAH{number:08}"
        yield from opening(user, 0, hub, moment)
        for one in range(PER_HUB):
            deploy = f"ASIAD{number:08}{one}"
            yield from opening(session(0, hub), 1, deploy, moment + timedelta(minutes=1))
            for other in range(PER_DEPLOY):
                admin = f"ASIAA{number:08}{one}{other}"
                yield from opening(session(1, deploy), 2, admin, moment + timedelta(minutes=2))
                for name in ("DescribeInstances", "DescribeVpcs"):
                    at = moment + timedelta(minutes=3)
                    yield call(session(2, admin), at, "ec2.amazonaws.com", name, ACCOUNTS[2])


def session(level: int, key: str) -> Row:
    """A session's part of an event."""
    who: Row = {"principal": ROLES[level], "principal_id": f"AROA{level}", "principal_type": "AssumedRole"}
    return {**who, "account": ACCOUNTS[level], "session_name": "work", "access_key_id": key}


def opening(caller: Row, level: int, key: str, moment: datetime) -> Iterator[Row]:
    """An AssumeRole, and the copy in the role's account where that is another."""
    issued: Row = {"target_role": ROLES[level], "target_session": "work", "issued_access_key_id": key}
    account = str(caller["account"])
    if account == ACCOUNTS[level]:
        yield call(caller, moment, "sts.amazonaws.com", "AssumeRole", account) | issued
        return
    issued["shared_event_id"] = f"shared-{key}"
    yield call(caller, moment, "sts.amazonaws.com", "AssumeRole", account) | issued
    stranger: Row = {"principal_type": "AWSAccount", "account": account}
    stranger |= {name: caller.get(name) for name in ("principal_id", "session_name")}
    yield call(stranger, moment, "sts.amazonaws.com", "AssumeRole", ACCOUNTS[level]) | issued | {"copy": "owner"}


def call(caller: Row, moment: datetime, source: str, name: str, recipient: str) -> Row:
    """A call that went through."""
    return {
        **caller,
        "time": moment,
        "day": f"{moment:%Y-%m-%d}",
        "event_source": source,
        "event_name": name,
        "event_type": "AwsApiCall",
        "recipient_account": recipient,
        "copy": "caller",
        "outcome": "ok",
    }


def solved(path: Path) -> tuple[dict[str, Answer], int, float]:
    """Every session of admin, the rows of ``--through``, and the seconds that listing took."""
    store = DuckDBStore(path)
    store.prepare()
    began = time.perf_counter()
    known = roles(store, Window(), {})
    rows = through(store, Window(), known, ROLES[2])
    seconds = time.perf_counter() - began
    solver = chains(store, Window(), known, [ROLES[2]])
    found = {}
    for one in sessions(store, Window(), of_role([ROLES[2]], ["AROA2"]), caller_loaded=True):
        chain = solver.behind(one.party, one.first, one.last)
        found[str(one.party.key)] = (chain.origin.who if chain.origin else None, chain.roles)
    store.close()
    return found, len(rows), seconds


def naive(path: Path, count: int) -> tuple[dict[str, Answer], float]:
    """As CloudTracker did it: who issued this key, and that one's key, until it is a user's; seconds a session."""
    with duckdb.connect(str(path), read_only=True) as connection:
        query = "SELECT DISTINCT access_key_id FROM events WHERE principal = ? ORDER BY hash(access_key_id) LIMIT ?"
        keys = [str(row[0]) for row in connection.execute(query, [ROLES[2], count]).fetchall()]
        began = time.perf_counter()
        found = {key: followed(connection, key) for key in keys}
        return found, (time.perf_counter() - began) / len(keys)


def followed(connection: duckdb.DuckDBPyConnection, key: str) -> Answer:
    """Who is behind a key, a query a step."""
    between: list[str] = []
    while True:
        row = connection.execute(
            "SELECT principal, principal_type, access_key_id FROM events "
            "WHERE issued_access_key_id = ? AND event_name = 'AssumeRole' AND principal IS NOT NULL",
            [key],
        ).fetchone()
        if row is None:
            return None, tuple(reversed(between))
        who, kind, key = row
        if kind != "AssumedRole":
            return who, tuple(reversed(between))
        between.append(who)


if __name__ == "__main__":
    main()
