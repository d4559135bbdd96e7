"""What analysts wait for: searches on each store, every panel of the dashboards, and the bytes that their names take.

    python -m benchmarks.analysts                        # 200,000 events in a file and in Elasticsearch
    python -m benchmarks.analysts --events 1000000 --store duckdb --store elasticsearch --store opensearch

Each store is loaded as a user would, and has to find the same events as the others. A panel's search is asked for
another span of time in each round, or an engine would answer from memory. Index bytes are those of one merged segment,
against the same events without the names of others: their derived fields, texts and constants; at most 1.25 times that
is the goal, and the run exits with 1 when it is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it runs as a script from anywhere

from benchmarks import corpus
from benchmarks.processes import run
from cloudsearch.dashboards.asking import Span, body
from cloudsearch.dashboards.checking import Searched
from cloudsearch.dashboards.flavours import KIBANA
from cloudsearch.dashboards.objects import panel_id, saved_objects
from cloudsearch.dashboards.spec import DASHBOARDS
from cloudsearch.event import EVENT_FIELDS, RAW
from cloudsearch.names import ALIASES, OURS
from cloudsearch.reports.query import parse
from cloudsearch.reports.search import DEFAULT_FIELDS, Asked, columns, search
from cloudsearch.store import EVENTS, Store
from cloudsearch.stores.documents import Documents
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.stores.mappings import name_of, read_name, template
from cloudsearch.stores.opensearch import OpenSearchStore
from cloudsearch.where import Everything
from tests.servers import ELASTICSEARCH, OPENSEARCH, running

PREFIX = "cloudtrail"
QUERIES = (
    "eventName:DeleteObject",
    "event.provider:iam.amazonaws.com AND event.outcome:failure",
    "userIdentity.arn:*deploy*",
    "requestParameters.bucketName:*logs*",
    "awsRegion:eu-west-1 AND NOT readOnly:true",
    "cloud.account.id:* AND source.ip:10.0.0.0/8",
    '"AccessDenied"',
    "eventName:NothingOfTheKind",
)
LIMIT = 100
SLOWEST = 5
MOST_TIMES_PLAIN = 1.25
IN_A_REQUEST = 2_000
_KEPT = {"time", "read_only"}
OTHERS_FIELDS = {target.removeprefix(OURS) for target in ALIASES.values() if target.startswith(OURS)} - _KEPT
"""Derived fields that are there for others' names alone."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured: seconds of each round; or bytes, with the most that they should be."""

    store: str
    name: str
    values: tuple[float, ...]
    goal: float | None = None

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.values)


@dataclass(frozen=True, slots=True)
class Place:
    """A store: what it is called, what the command line calls it, and how it is opened."""

    kind: str
    name: str
    open: Callable[[], Store]


def main() -> None:
    """Load, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000, help="events of the corpus (200000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--store", choices=("duckdb", "elasticsearch", "opensearch"), action="append")
    parser.add_argument("--folder", type=Path, help="where there is room for logs and a store")
    parser.add_argument("--json", action="store_true", help="for programs")
    asked = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        logs = Path(name) / "logs"
        corpus.write(logs, events=asked.events, per_file=400, seed=1)
        found: dict[str, list[str]] = {}
        for kind in asked.store or ("duckdb", "elasticsearch"):
            with ExitStack() as stack:
                place = _place(kind, Path(name), stack)
                figures += _measured(place, logs, asked.rounds, found)
    if asked.json:
        print(json.dumps([asdict(one) | {"median": one.median} for one in figures], indent=2))
    else:
        print("\n".join(table(figures)))
    if any(one.goal and one.median > one.goal for one in figures):
        sys.exit(1)


def _place(kind: str, folder: Path, stack: ExitStack) -> Place:
    if kind == "duckdb":
        path = folder / "store.duckdb"
        return Place(kind, str(path), lambda: DuckDBStore(path))
    url = stack.enter_context(running(ELASTICSEARCH if kind == "elasticsearch" else OPENSEARCH))
    opened: Callable[..., Store] = ElasticsearchStore if kind == "elasticsearch" else OpenSearchStore
    return Place(kind, url, lambda: opened(url, prefix=PREFIX))


def _measured(place: Place, logs: Path, rounds: int, found: dict[str, list[str]]) -> Iterator[Figure]:
    ended = run([sys.executable, "-m", "cloudsearch", "load", str(logs), "--quiet", "--store", place.name], silent=True)
    if ended.code != 0:
        raise SystemExit(f"The load into {place.kind} ended with {ended.code}")
    with closing(place.open()) as store:
        store.prepare()
        for query in QUERIES:
            seconds, ids = _rounds(lambda: _found(store, query), rounds)  # noqa: B023 (called at once)
            if found.setdefault(query, ids) != ids:
                raise SystemExit(f"Not the same work: {place.kind} finds other events for {query}")
            yield Figure(place.kind, query, seconds)
        if place.kind != "duckdb":
            yield from _panels(place, cast("Searched", store), rounds)
    if place.kind == "elasticsearch":
        yield Figure(
            place.kind, "index bytes, times those without others' names", (_times_plain(place.name),), MOST_TIMES_PLAIN
        )


def _found(store: Store, query: str) -> list[str]:
    asked = Asked(parse(query, now=datetime.now(UTC)), limit=LIMIT)
    return [str(row["id"]) for row in search(store, asked, columns(DEFAULT_FIELDS))]


def _rounds(part: Callable[[], list[str]], rounds: int) -> tuple[tuple[float, ...], list[str]]:
    """Seconds and the answer, after one round that does not count."""
    answer, seconds = part(), []
    for _ in range(rounds):
        started = time.perf_counter()
        part()
        seconds.append(time.perf_counter() - started)
    return tuple(seconds), answer


def _panels(place: Place, store: Searched, rounds: int) -> Iterator[Figure]:
    """The slowest panels."""
    shapes = {one["id"]: one["attributes"] for one in saved_objects(KIBANA, PREFIX)}
    start, end = datetime(2006, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    figures = []
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            shape, seconds = shapes[panel_id(PREFIX, dashboard, panel)], []
            for number in range(rounds):
                asked = body(shape, name_of(panel.table.by_name["time"]), Span(start, end + timedelta(seconds=number)))
                started = time.perf_counter()
                store.search(panel.table, asked)
                seconds.append(time.perf_counter() - started)
            figures.append(Figure(place.kind, f"panel {dashboard.title}: {panel.title}", tuple(seconds)))
    yield from sorted(figures, key=lambda one: -one.median)[:SLOWEST]


def _times_plain(url: str) -> float:
    """Index bytes of the events, against those of the same ones in an index without the names of others."""
    mappings: Any = template(PREFIX, EVENTS)["template"]
    own = mappings["mappings"]["properties"]
    kept = {name: one for name, one in own.items() if name in {"cloudsearch", "aws"} or not _is_others(name, own)}
    kept["cloudsearch"] = kept["cloudsearch"] | {
        "properties": {k: v for k, v in own["cloudsearch"]["properties"].items() if k not in OTHERS_FIELDS}
    }
    flattened = own["aws"]["properties"]["cloudtrail"]["properties"]["flattened"]
    kept["aws"] = {"properties": {"cloudtrail": {"properties": {"flattened": flattened}}}}
    index = {"settings": mappings["settings"], "mappings": mappings["mappings"] | {"properties": kept}}
    _asked(f"{url}/plain", index, "PUT")
    with closing(ElasticsearchStore(url, prefix=PREFIX)) as store:
        store.prepare()
        rows = store.rows(EVENTS, Everything(), fields=[*EVENT_FIELDS, RAW])
        documents = Documents(PREFIX, EVENTS)
        while batch := list(islice(rows, IN_A_REQUEST)):
            lines = b"".join(b'{"create":{}}\n' + _plain(documents.encode(row).body) + b"\n" for row in batch)
            answer = _asked(f"{url}/plain/_bulk?filter_path=errors", lines, "POST")
            if answer["errors"]:
                raise SystemExit("The plain index refused an event")
    return _bytes(url, read_name(PREFIX, EVENTS)) / _bytes(url, "plain")


def _is_others(name: str, properties: dict[str, Any]) -> bool:
    """Whether all that a member of the mapping holds are aliases."""
    one = properties[name]
    if one.get("type") == "alias":
        return True
    inner = one.get("properties", {})
    return bool(inner) and all(_is_others(child, inner) for child in inner)


def _plain(operation: bytes) -> bytes:
    document = json.loads(operation.split(b"\n", 1)[1])
    document["cloudsearch"] = {k: v for k, v in document["cloudsearch"].items() if k not in OTHERS_FIELDS}
    flattened = document.pop("aws", {}).get("cloudtrail", {}).get("flattened")
    if flattened:
        document["aws"] = {"cloudtrail": {"flattened": flattened}}
    return json.dumps(document, separators=(",", ":")).encode()


def _bytes(url: str, index: str) -> float:
    """Bytes an event of an index, in one segment."""
    _asked(f"{url}/{index}/_forcemerge?max_num_segments=1", None, "POST")
    _asked(f"{url}/{index}/_refresh", None, "POST")
    told = _asked(f"{url}/{index}/_stats/store,docs", None, "GET")["_all"]["primaries"]
    return float(told["store"]["size_in_bytes"]) / max(1, int(told["docs"]["count"]))


def _asked(url: str, asked: object, method: str) -> Any:  # noqa: ANN401 (what JSON holds)
    data = asked if isinstance(asked, bytes) else json.dumps(asked).encode() if asked is not None else None
    request = urllib.request.Request(url, data, {"content-type": "application/x-ndjson"}, method=method)  # noqa: S310
    if not isinstance(asked, bytes):
        request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
        return json.loads(answer.read())


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """For people."""
    yield f"{'':14}{'median':>10}{'worst':>10}"
    for one in figures:
        if one.goal:
            missed = "  MISSED" if one.median > one.goal else ""
            yield f"{one.store:14}{one.median:8.2f} x{'':12}{one.name} (goal {one.goal} x){missed}"
        else:
            yield f"{one.store:14}{one.median * 1000:7.0f} ms{max(one.values) * 1000:7.0f} ms  {one.name}"


if __name__ == "__main__":
    main()
