"""How fast reports are: one role, all principals, refused calls, who came in through chains of roles.

    python -m benchmarks.reports                                     # 200,000 events, embedded: two minutes
    python -m benchmarks.reports --events 4000000                    # half an hour, nearly all of it the load
    python -m benchmarks.reports --events 1000000 --elasticsearch    # into a real one, which is fetched at first use

The events are those of the corpus, loaded as a user would, with sessions of three roles that open each other beside
them. What counts is the median of the rounds. The query of one role is also measured, turn by turn, against one bare
aggregation of the same events by the same fields; both have to count the same events, and Elasticsearch's cache of
answers is emptied before each. Each report has to say the same in every round
and what is known of the events, or the run ends. It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from elasticsearch import Elasticsearch

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it runs as a script from anywhere

from benchmarks import chains, corpus
from benchmarks.processes import run
from cloudsearch.event import DERIVATION_VERSION, Value
from cloudsearch.iam import Principal, load_iam
from cloudsearch.reports.denied import denied
from cloudsearch.reports.evidence import evidence
from cloudsearch.reports.principals import account_of, arns_of
from cloudsearch.reports.report import Options, report, reports
from cloudsearch.reports.sessions import roles
from cloudsearch.reports.through import through
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.stores.mappings import read_name
from cloudsearch.where import And, Exists, In
from tests.servers import ELASTICSEARCH, running

PREFIX = "cloudtrail"
FEW, MANY = 1_000_000, 4_000_000
"""Up to so many events one role's query has 20 ms, up to so many 100 ms; beyond there is no goal."""

MOST_TIMES_BARE = 1.3
PER_SESSION = 100
"""Events of the corpus for each session of a chain."""

PAGE = 10_000
IN_TURN = 5
BY = ("event_source", "event_name", "event_type", "copy", "outcome", "error_code", "denied_action", "denied_reason")
F = EVENTS.by_name
OPTIONS = Options(iam_as_of=datetime(2026, 9, 1, tzinfo=UTC))

Timed = tuple[float, object]


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured: seconds of each round, and the most that the median should be, where there is a goal."""

    name: str
    seconds: tuple[float, ...]
    goal: float | None = None

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.seconds)

    @property
    def is_met(self) -> bool:
        """Whether there is no goal, or the median meets it."""
        return self.goal is None or self.median <= self.goal


@dataclass(frozen=True, slots=True)
class Place:
    """A loaded store: what the command line calls it, how it is opened, and the bare aggregation of one role.

    ``forget`` has it answer the next question anew.
    """

    name: str
    open: Callable[[], Store]
    bare: Callable[[Principal], int]
    forget: Callable[[], None]
    embedded: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """The store with what is asked of it: everybody, and the role that called most."""

    place: Place
    iam: Path
    everybody: tuple[Principal, ...]
    busiest: Principal
    sessions: int


def main() -> None:
    """Load, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000, help="events of the corpus (200000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--elasticsearch", action="store_true", help="in a real Elasticsearch, not in a file")
    parser.add_argument("--folder", type=Path, help="where there is room for logs and a store")
    parser.add_argument("--json", action="store_true", help="for programs")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=asked.folder)))
        url = stack.enter_context(running(ELASTICSEARCH)) if asked.elasticsearch else None
        loaded = load(engine(url) if url else embedded(folder / "store.duckdb"), folder, asked.events)
        figures = list(measure(loaded, asked.events, asked.rounds))
    if asked.json:
        print(json.dumps([asdict(one) | {"median": one.median, "met": one.is_met} for one in figures], indent=2))
    else:
        print("\n".join(table(figures)))
    if not all(one.is_met for one in figures):
        sys.exit(1)


def embedded(path: Path) -> Place:
    """A DuckDB file."""

    def bare(role: Principal) -> int:
        events = _connection(path).table("events").filter(duckdb.ColumnExpression("principal") == role.arn)
        names = ", ".join(("principal_id", *BY))
        found = events.aggregate(f"{names}, count(*) AS calls, min(time), max(time)")
        return sum(row[-3] for row in found.fetchall())

    return Place(str(path), lambda: DuckDBStore(path), bare, lambda: None, embedded=True)


@lru_cache(maxsize=1)
def _connection(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), read_only=True)


def engine(url: str) -> Place:
    """An Elasticsearch, asked by its client for the bare aggregation."""
    client = Elasticsearch(url)
    index = read_name(PREFIX, EVENTS)
    sources: list[Any] = [
        {name: {"terms": {"field": f"cloudsearch.{name}", "missing_bucket": True}}} for name in ("principal_id", *BY)
    ]
    times = {name: {name: {"field": "cloudsearch.time"}} for name in ("min", "max")}

    def bare(role: Principal) -> int:
        composite: dict[str, Any] = {"size": PAGE, "sources": sources}
        count = 0
        while True:
            found = client.search(
                index=index,
                size=0,
                query={"term": {"cloudsearch.principal": role.arn}},
                aggs={"groups": {"composite": composite, "aggs": times}},
            )["aggregations"]["groups"]
            count += sum(int(bucket["doc_count"]) for bucket in found["buckets"])
            if len(found["buckets"]) < PAGE:
                return count
            composite["after"] = found["after_key"]

    def forget() -> None:
        client.indices.clear_cache(index=index, request=True)

    return Place(url, lambda: ElasticsearchStore(url, prefix=PREFIX), bare, forget, embedded=False)


def load(place: Place, folder: Path, events: int) -> Loaded:
    """The corpus by the command, the chains beside it, and an IAM file that knows everybody."""
    logs = folder / "logs"
    corpus.write(logs, events=events, per_file=400, seed=1)
    _command(place, "load", str(logs), "--quiet")
    with closing(place.open()) as store:
        store.prepare(loading=True)
        batch = []
        for number, row in enumerate(chains.events(events // PER_SESSION)):
            identity: dict[str, Value] = {
                "id": f"c{number}",
                "raw": b"{}",
                "raw_length": 2,
                "derivation": DERIVATION_VERSION,
            }
            batch.append(store.encode(EVENTS, {**row, **identity}))
        for at in range(0, len(batch), chains.AT_ONCE // 10):
            store.write(EVENTS, batch[at : at + chains.AT_ONCE // 10])
        store.commit()
        counts = {
            str(arn): (str(principal_id), group.count)
            for group in store.group(EVENTS, (F["principal"], F["principal_id"]), Exists(F["principal_id"]))
            for arn, principal_id in (group.key,)
            if arn and ":iam::" in str(arn)
        }
    iam = folder / "iam"
    iam.mkdir()
    for account in sorted({account_of(arn) for arn in counts}):
        own = {arn: principal_id for arn, (principal_id, _) in counts.items() if account_of(arn) == account}
        (iam / f"{account}.json").write_text(json.dumps(details(own)))
    everybody = tuple(load_iam([iam]).principals)
    busiest = max((one for one in everybody if one.kind == "role"), key=lambda one: counts[one.arn][1])
    per_hub = 1 + chains.PER_HUB * (1 + chains.PER_DEPLOY)
    sessions = events // PER_SESSION // per_hub * chains.PER_HUB * chains.PER_DEPLOY
    return Loaded(place, iam, everybody, busiest, sessions)


def details(own: dict[str, str]) -> dict[str, Any]:
    """Authorization details of these, by ARN with their ids; each is granted a few services."""
    services = ["s3:*", "ec2:Describe*", "kms:*", "sts:*", "dynamodb:*", "logs:*", "lambda:*", "iam:List*"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": services, "Resource": "*"}]}
    policies = [{"PolicyName": "some", "PolicyDocument": document}]
    users, found = [], []
    for arn, principal_id in sorted(own.items()):
        common = {"Path": "/", "Arn": arn, "CreateDate": "2025-01-01T00:00:00Z"}
        name = arn.rpartition("/")[2]
        if ":user/" in arn:
            users.append(common | {"UserName": name, "UserId": principal_id, "UserPolicyList": policies})
        else:
            rest = {"AssumeRolePolicyDocument": {}, "RolePolicyList": policies, "AttachedManagedPolicies": []}
            found.append(common | {"RoleName": name, "RoleId": principal_id} | rest)
    return {"UserDetailList": users, "GroupDetailList": [], "RoleDetailList": found, "Policies": []}


def measure(loaded: Loaded, events: int, rounds: int) -> Iterator[Figure]:
    """Everything, a round of each after the other."""
    place, role = loaded.place, loaded.busiest
    limit = 0.020 if events <= FEW else 0.100
    goal = limit if place.embedded and events <= MANY else None
    with closing(place.open()) as store:
        store.prepare()
        turns = list(_turns([lambda: _query(store, role), lambda: place.bare(role)], place.forget, rounds))
        query, bare = ([turn[at] for turn in turns] for at in (0, 1))
        _must(bare[0][1] == query[0][1], f"the bare aggregation counts {bare[0][1]} events, the query {query[0][1]}")
        yield _figure("one role: its query", query, goal)
        yield _figure("one role: a bare aggregation", bare)
        if not place.embedded:
            ratios = tuple(ours / theirs for (ours, _), (theirs, _) in turns)
            yield Figure("its query against the bare one, times", ratios, MOST_TIMES_BARE)
        alone = list(_rounds(lambda: _calls(report(store, Window(), role, OPTIONS).rows), rounds))
        yield _figure("one role: its report", alone)
        asked = [(one, OPTIONS) for one in loaded.everybody]
        everybody = list(
            _rounds(lambda: {r.principal.arn: _calls(r.rows) for r in reports(store, Window(), asked)}, rounds)
        )
        yield _figure(f"all {len(asked)} principals", everybody)
        _must(everybody[0][1][role.arn] == alone[0][1], "the role alone has other calls than among all")  # type: ignore[index]
        refused = list(_rounds(lambda: denied(store, Window()).calls, rounds))
        yield _figure("refused calls", refused)
        counted = sum(
            g.count for g in store.group(EVENTS, (), And((In(F["outcome"], ("denied",)), Exists(F["principal"]))))
        )
        _must(refused[0][1] == counted, f"{refused[0][1]} calls refused, {counted} events say so")
        came = list(_rounds(lambda: _sessions(store), rounds))
        yield _figure(f"{loaded.sessions:,} sessions through chains", came)
        _must(came[0][1] == loaded.sessions, f"{came[0][1]} sessions, not {loaded.sessions}")
    yield from _commands(loaded, rounds)


def _query(store: Store, role: Principal) -> int:
    return evidence(store, Window(), arns=arns_of(role), principal_id=role.id, caller_loaded=True).events


def _calls(rows: Sequence[Any]) -> tuple[int, int]:
    return sum(row.calls for row in rows), len(rows)


def _sessions(store: Store) -> int:
    rows = through(store, Window(), roles(store, Window(), {}), chains.ROLES[2])
    return sum(row.sessions for row in rows)


def _commands(loaded: Loaded, rounds: int) -> Iterator[Figure]:
    """Whole processes, from the start of Python to the last line."""
    iam = ("--iam", str(loaded.iam), "--iam-as-of", "2026-09-01", "--format", "jsonl")
    commands = {
        "report --role": ("report", "--role", loaded.busiest.arn, *iam),
        "report --all --services": ("report", "--all", "--services", *iam),
        "denied": ("denied", "--format", "jsonl"),
        "report --role --through": ("report", "--role", chains.ROLES[2], "--through", *iam),
    }
    for name, arguments in commands.items():
        told = list(_rounds(lambda: _command(loaded.place, *arguments), rounds))  # noqa: B023 (called at once)
        yield _figure(f"the command {name}", told)


def _command(place: Place, *arguments: str) -> str:
    ended = run([sys.executable, "-m", "cloudsearch", *arguments, "--store", place.name], silent=True)
    _must(ended.code == 0, f"{' '.join(arguments)} ended with {ended.code}")
    return ended.output


def _rounds(part: Callable[[], object], rounds: int) -> Iterator[Timed]:
    """Seconds and answers, after one round that does not count."""
    first = part()
    for _ in range(rounds):
        started = time.perf_counter()
        answer = part()
        yield time.perf_counter() - started, answer
        _must(answer == first, "the rounds differ")


def _turns(
    parts: Sequence[Callable[[], object]], forget: Callable[[], None], rounds: int
) -> Iterator[tuple[Timed, ...]]:
    """The parts in turn, ``IN_TURN`` times a round: they are short."""
    for part in parts:
        part()
    for _ in range(rounds * IN_TURN):
        turn = []
        for part in parts:
            forget()
            started = time.perf_counter()
            answer = part()
            turn.append((time.perf_counter() - started, answer))
        yield tuple(turn)


def _figure(name: str, timed: Sequence[Timed], goal: float | None = None) -> Figure:
    return Figure(name, tuple(seconds for seconds, _ in timed), goal)


def _must(holds: bool, problem: str) -> None:  # noqa: FBT001 (an assertion)
    if not holds:
        raise SystemExit(f"Not the same work: {problem}")


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """For people."""
    yield f"{'':42}{'median':>13}{'worst':>13}{'goal':>13}"
    for one in figures:
        scale, unit = (1, "x") if one.name.endswith("times") else (1000, "ms")
        goal = f"{one.goal * scale:,.1f} {unit}" if one.goal else ""
        middle, worst = (f"{value * scale:,.1f} {unit}" for value in (one.median, max(one.seconds)))
        line = f"{one.name:42}{middle:>13}{worst:>13}{goal:>13}"
        yield line if one.is_met else f"{line}  MISSED"


if __name__ == "__main__":
    main()
