"""What is compared with what, and how much faster cloudsearch should be: a row of the goals, a function."""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import bucket, ready
from benchmarks.compare import Comparison, Contender, Corpus, Target, Work, cloudsearch, compared, make_corpus, naive
from benchmarks.processes import ROOT
from benchmarks.sink import running_sink
from cloudsearch.derive import derive
from cloudsearch.logs import Piece, split
from cloudsearch.store import EVENTS
from cloudsearch.stores.documents import Documents
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.stores.mappings import read_name
from tests.servers import ELASTICSEARCH, running

USUAL_FILE, SMALL_FILE, LARGE_FILE = 400, 25, 750
"""Events of a file: some 77 KB, 5 KB and 145 KB as stored."""

LESS = 5
"""So many times fewer events for what takes so much longer."""

PREFIX = "cloudtrail"
ALL_IDS = {"size": 10_000, "_source": False, "sort": ["_doc"]}


@dataclass(frozen=True, slots=True)
class Asked:
    """How much to compare: events, pairs, the corpus's seed; and where there is room for files."""

    folder: Path
    events: int
    pairs: int
    seed: int = 1

    def corpus(self, *, per_file: int = USUAL_FILE, less: int = 1) -> Corpus:
        """A corpus, made when it is first wanted."""
        events = max(1, self.events // less)
        return make_corpus(self.folder / f"logs-{per_file}-{events}", events, per_file, self.seed)


Contest = Callable[[Asked], Iterator[Comparison]]


def sink(asked: Asked) -> Iterator[Comparison]:
    """Into a search engine that costs nothing, on loopback, against ``helpers.bulk``."""
    corpus = asked.corpus()
    logs = str(corpus.folder)
    with running_sink() as url:
        ours = _into_sink("cloudsearch", partial(cloudsearch, logs), url)
        theirs = _into_sink("helpers.bulk", lambda url: naive("bulk", url, logs), url)
        yield from compared("search engine (sink)", corpus, ours, {theirs: 5.0}, asked.pairs)


def gzip(asked: Asked) -> Iterator[Comparison]:
    """The same compressed: the sink listens where this machine is reached from elsewhere."""
    corpus = asked.corpus()
    logs = str(corpus.folder)
    with running_sink(own_address()) as url:
        ours = _into_sink("cloudsearch", partial(cloudsearch, logs), url)
        theirs = _into_sink("http_compress", lambda url: naive("bulk-gzip", url, logs), url)
        yield from compared("the same, gzip on the wire", corpus, ours, {theirs: 10.0}, asked.pairs)


def s3(asked: Asked) -> Iterator[Comparison]:
    """From a bucket 40 ms away into the sink, against boto3, one object at a time and 16."""
    small = asked.corpus(per_file=SMALL_FILE, less=LESS)
    yield from _s3("S3, 40 ms, small objects", small, asked.pairs, sequential=40.0)
    yield from _s3("S3, 40 ms, usual objects", asked.corpus(per_file=LARGE_FILE), asked.pairs, sequential=10.0)


def _s3(name: str, corpus: Corpus, pairs: int, *, sequential: float) -> Iterator[Comparison]:
    with running_sink() as url, bucket.running_bucket(corpus.folder) as aws:
        from_bucket = f"s3://{bucket.NAME}"

        def contender(name: str, command: Callable[[str], Sequence[str]]) -> Contender:
            return Contender(name, command, lambda: _sink_target(url), aws)

        ours = contender("cloudsearch", lambda url: cloudsearch(from_bucket, url))
        one = contender("boto3", lambda url: naive("s3", url, bucket.NAME))
        pool = contender("boto3, 16", lambda url: naive("s3-pool", url, bucket.NAME))
        yield from compared(name, corpus, ours, {one: sequential, pool: 3.0}, pairs)


def embedded(asked: Asked) -> Iterator[Comparison]:
    """Into a file: DuckDB against SQLite."""
    corpus, numbers = asked.corpus(), count()
    logs = str(corpus.folder)

    def target(ending: str, ids: Callable[[Path], list[tuple[str]]]) -> Target:
        path = asked.folder / f"store-{next(numbers)}.{ending}"
        return Target(str(path), lambda: Work.of([id_.encode() for (id_,) in ids(path)]), lambda: _on_disk(path))

    ours = Contender("cloudsearch", partial(cloudsearch, logs), lambda: target("duckdb", _in_duckdb))
    theirs = Contender("sqlite3", lambda file: naive("sqlite", file, logs), lambda: target("sqlite", _in_sqlite))
    yield from compared("embedded", corpus, ours, {theirs: 2.0}, asked.pairs)


def elasticsearch(asked: Asked) -> Iterator[Comparison]:
    """Into a real Elasticsearch: against ready-made bodies on the same mapping, and ``helpers.bulk`` without one.

    Without a mapping an engine refuses the records whose values are of another type than the first it saw.
    """
    corpus = asked.corpus(less=LESS)
    with running(ELASTICSEARCH) as url:
        bodies = asked.folder / "bodies"
        ready.write_bodies(_operations(corpus), bodies)

        def contender(name: str, command: Callable[[str], Sequence[str]], *, ours: bool) -> Contender:
            return Contender(name, command, lambda: _engine_target(url, ours=ours), loses=not ours)

        ours = contender("cloudsearch", partial(cloudsearch, str(corpus.folder)), ours=True)
        post = [sys.executable, str(ROOT / "benchmarks" / "ready.py")]
        made = contender("ready bodies", lambda url: [*post, url, str(bodies)], ours=True)
        dynamic = contender("helpers.bulk", lambda url: naive("bulk", url, str(corpus.folder)), ours=False)
        yield from compared("Elasticsearch", corpus, ours, {made: 0.9, dynamic: 1.0}, asked.pairs)


CONTESTS: dict[str, Contest] = {
    "sink": sink,
    "gzip": gzip,
    "s3": s3,
    "elasticsearch": elasticsearch,
    "embedded": embedded,
}


def own_address() -> str:
    """An address of this machine that is not its loopback, or its name where it has no other; nothing is sent.

    To a client both are somewhere else, so that it compresses.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _into_sink(name: str, command: Callable[[str], Sequence[str]], url: str) -> Contender:
    return Contender(name, command, lambda: _sink_target(url))


def _sink_target(url: str) -> Target:
    def done() -> Work:
        stats = _asked(f"{url}/_sink/stats")
        _asked(f"{url}/_sink/reset", method="POST")
        return Work(stats["documents"], stats["checksum"])

    return Target(url, done)


def _engine_target(url: str, *, ours: bool) -> Target:
    """An engine without indices, or with those that cloudsearch makes before it loads."""
    if ours:
        store = ElasticsearchStore(url)
        store.prepare(loading=True)
        store.close()

    def done() -> Work:
        name = read_name(PREFIX, EVENTS) if ours else f"{PREFIX}-*"
        _asked(f"{url}/{name}/_refresh", method="POST")
        work = Work.of(list(_ids(url, name)))
        for index in _asked(f"{url}/{PREFIX}*/_alias"):
            _asked(f"{url}/{index}", method="DELETE")
        for index in _asked(f"{url}/_index_template")["index_templates"]:
            if index["name"].startswith(PREFIX):
                _asked(f"{url}/_index_template/{index['name']}", method="DELETE")
        return work

    return Target(url, done)


def _ids(url: str, name: str) -> Iterator[bytes]:
    page = _asked(f"{url}/{name}/_search?scroll=1m", "POST", ALL_IDS)
    while hits := page["hits"]["hits"]:
        yield from (hit["_id"].encode() for hit in hits)
        page = _asked(f"{url}/_search/scroll", "POST", {"scroll": "1m", "scroll_id": page["_scroll_id"]})


def _operations(corpus: Corpus) -> Iterator[bytes]:
    """What cloudsearch would send, made beforehand."""
    documents = Documents(PREFIX, EVENTS)
    for path in sorted(corpus.folder.rglob("*.json.gz")):
        for piece in split(path.read_bytes()).records:
            if isinstance(piece, Piece):
                yield documents.encode(derive(piece.raw)).body


def _asked(url: str, method: str = "GET", body: object = None) -> dict[str, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)  # noqa: S310 (our own servers)
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def _in_duckdb(path: Path) -> list[tuple[str]]:
    with duckdb.connect(str(path), read_only=True) as database:
        return database.execute("SELECT id FROM events").fetchall()


def _in_sqlite(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT id FROM events").fetchall()


def _on_disk(path: Path) -> int:
    """What a run left, its write-ahead log included; it is removed, so that the disk does not fill."""
    files = [found for found in path.parent.glob(f"{path.name}*") if found.is_file()]
    size = sum(found.stat().st_size for found in files)
    for found in files:
        found.unlink()
    return size
