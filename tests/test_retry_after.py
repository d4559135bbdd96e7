"""Who is busy and says when to come back is left alone until then: search engines by both clients, and S3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.errors import StoreUnavailable
from cloudsearch.load import sending
from cloudsearch.load.sending import Sender, patiently
from cloudsearch.load.sizing import Sizing
from cloudsearch.logs import bucket
from cloudsearch.retry_after import seconds_of
from cloudsearch.store import DEAD_LETTERS, Store
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.stores.opensearch import OpenSearchStore
from cloudsearch.stores.searching import CHUNK
from tests.aws import SmallAws
from tests.buckets import Trails, held, identities, key, load
from tests.proxy import HTML, Proxy, Reply, error

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
KINDS = (ElasticsearchStore, OpenSearchStore)
PLAIN = {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}

HEADERS = {
    "120": 120.0,
    " 7 ": 7.0,
    "0": 0.0,
    "007": 7.0,
    "9" * 400: 999_999_999.0,
    "Sat, 01 Aug 2026 12:00:30 GMT": 30.0,
    "Saturday, 01-Aug-26 12:00:30 GMT": 30.0,
    "Sat Aug  1 12:00:30 2026": 30.0,
    "Sat, 01 Aug 2026 14:00:30 +0200": 30.0,
    "Sat, 01 Aug 2026 11:00:00 GMT": 0.0,
    "": None,
    "soon": None,
    "-5": None,
    "1.5": None,
    "1e3": None,
    "٣": None,
    "Sat, 32 Aug 2026 12:00:30 GMT": None,
    "Sat, 01 Aug 2026 99:00:30 GMT": None,
}


@pytest.mark.parametrize(("header", "seconds"), HEADERS.items())
def test_what_a_header_says(header: str, seconds: float | None) -> None:
    """Seconds, or a date in any of HTTP's three forms; what is neither says nothing."""
    assert seconds_of(header, NOW) == seconds


def test_no_header_says_nothing() -> None:
    """As most answers."""
    assert seconds_of(None, NOW) is None


@given(st.text(max_size=60) | st.from_regex(r"\w{3}, \d\d \w{3} \d{1,5} \d\d:\d\d:\d\d [+-]?\w{3,5}"))
def test_no_header_raises(header: str) -> None:
    """Whatever stands in it, the answer is no negative time."""
    seconds = seconds_of(header, NOW)
    assert seconds is None or seconds >= 0


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A server with nothing behind it that takes whatever it is sent."""
    with Proxy("http://127.0.0.1:9").running() as between:
        between.fault("", Reply(200, b'{"errors":false,"items":[{}]}', PLAIN))
        yield between


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def engine(request: pytest.FixtureRequest, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store of each kind, behind it, and a loader that would not wait of its own accord."""
    monkeypatch.setattr(sending, "LONGEST_PAUSE", 0.0)
    store = request.param(proxy.url)
    yield store
    store.close()


def send(store: Store, max_wait: float = 30.0) -> float:
    """Send one row; how long that took."""
    letter = store.encode(DEAD_LETTERS, {"id": "1", "time": NOW, "name": "a", "raw": b"{}"})
    started = time.monotonic()
    assert Sender(store, DEAD_LETTERS, Sizing(CHUNK), lambda _: None, max_wait).send([letter]).created == 1
    return time.monotonic() - started


BUSY = {
    "429 of the engine": Reply(429, error("es_rejected_execution_exception"), PLAIN),
    "429 of a proxy": Reply(429, b"Too Many Requests", HTML),
    "429 of a full disk": Reply(429, error("cluster_block_exception"), PLAIN),
    "503 of the engine": Reply(503, error("unavailable_shards_exception"), PLAIN),
    "503 of a proxy": Reply(503, b"Service Unavailable", HTML),
}


@pytest.mark.parametrize("reply", BUSY.values(), ids=BUSY)
def test_an_engine_is_left_alone_as_long_as_it_says(engine: Store, proxy: Proxy, reply: Reply) -> None:
    """And asked again then, not later by more than it takes."""
    proxy.fault("_bulk", Reply(reply.status, reply.body, {**reply.headers, "retry-after": "1"}), times=1)
    assert 1 <= send(engine) < 3
    assert len([one for one in proxy.seen if "_bulk" in one.path]) == 2


def test_an_engine_may_say_it_as_a_date(engine: Store, proxy: Proxy) -> None:
    """Which has no parts of a second."""
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    proxy.fault("_bulk", Reply(503, b"", {**HTML, "retry-after": then}), times=1)
    assert 0.9 <= send(engine) < 4


def test_without_the_header_nothing_changes(engine: Store, proxy: Proxy) -> None:
    """The loader's own pauses, which are none here."""
    proxy.fault("_bulk", Reply(503, b"", HTML), times=2)
    assert send(engine) < 1


def test_nobody_waits_longer_than_the_user_does(engine: Store, proxy: Proxy) -> None:
    """An engine that wants an hour is asked once more when --max-wait is over, and then the load ends."""
    proxy.fault("_bulk", Reply(503, b"", {**HTML, "retry-after": "3600"}))
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match="run the same command again"):
        send(engine, max_wait=0.5)
    assert 0.5 <= time.monotonic() - started < 3
    assert len([one for one in proxy.seen if "_bulk" in one.path]) == 2


def test_what_is_not_written_waits_as_well(engine: Store, proxy: Proxy) -> None:
    """A look-up, a commit, the first question of all."""
    proxy.fault("_refresh", Reply(200, b'{"_shards":{"failed":0}}', PLAIN))
    proxy.fault("_refresh", Reply(429, b"", {**HTML, "retry-after": "1"}), times=1)
    send(engine)
    started = time.monotonic()
    patiently(engine.commit, lambda _: None, 30.0)
    assert time.monotonic() - started >= 1


@pytest.fixture
def trails(aws: SmallAws) -> Trails:
    """A bucket of the test's own with one log file."""
    trails = Trails(aws, f"busy-{aws.url.rpartition(':')[2]}")
    trails.put(key(1), 1)
    return trails


@pytest.mark.parametrize("call", ["s3:ListObjectsV2", "s3:GetObject"])
def test_s3_is_left_alone_as_long_as_it_says(trails: Trails, store: Store, call: str) -> None:
    """Amazon's own says nothing; others that speak its language do, and what stands in front of them."""
    trails.aws.shun("object_store")  # which has a patience of its own; boto3's answer is the one that counts
    trails.aws.fail(call, status=503, code="SlowDown", headers={"Retry-After": "2"})
    started = time.monotonic()
    assert load(store, trails.place)["loaded"] == 1
    assert time.monotonic() - started >= 2
    assert held(store) == identities([1])


def test_s3_is_not_waited_for_without_an_end(trails: Trails, monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """Neither an hour nor for ever: the object is refused then, and the next load asks again."""
    monkeypatch.setattr(bucket, "LONGEST_PAUSE", 0.01)
    trails.aws.shun("object_store")
    trails.aws.fail("s3:GetObject", status=503, code="SlowDown", headers={"Retry-After": "3600"}, times=8)
    started = time.monotonic()
    done = load(store, trails.place)
    assert (done["loaded"], done["refused"]) == (0, 1)
    assert time.monotonic() - started < 5
    assert load(store, trails.place)["loaded"] == 1
