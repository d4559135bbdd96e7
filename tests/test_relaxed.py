"""Settings that make a load into a search engine faster, and that never outlast it for good."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpus import write as write_corpus
from cloudsearch.cli import main
from cloudsearch.store import EVENTS, Store
from cloudsearch.stores import relaxing
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.where import Everything
from tests.backends import Elasticsearch
from tests.logfiles import record, write
from tests.proxy import Proxy, Reply, error
from tests.rows import NOON, event
from tests.rows import write as write_rows

USUAL = {"refresh_interval": "30s", "auto_expand_replicas": "0-1"}
RELAXED = {"refresh_interval": "-1", "auto_expand_replicas": "false", "number_of_replicas": "0"}
KEPT = {"fields_version", "derivation_version"}


def settings(cluster: Elasticsearch, month: str = "2024.05") -> dict[str, str]:
    """An index's settings, as somebody set them."""
    answer = cluster.ask("GET", f"/{cluster.prefix}-{month}/_settings")
    found: dict[str, str] = next(iter(answer.values()))["settings"]["index"]
    return {name: found[name] for name in (*RELAXED,) if name in found}


def noted(cluster: Elasticsearch, month: str = "2024.05") -> dict[str, Any]:
    """What an index remembers of us."""
    answer = cluster.ask("GET", f"/{cluster.prefix}-{month}/_mapping")
    found: dict[str, Any] = next(iter(answer.values()))["mappings"]["_meta"]["cloudsearch"]
    return found


def chunks(store: Store, count: int, start: int = 0) -> None:
    """Write so many chunks of one row."""
    for n in range(start, start + count):
        write_rows(store, [event(f"e-{n}")])


def is_usual(cluster: Elasticsearch, month: str = "2024.05") -> bool:
    """Whether an index is as a template makes it."""
    return USUAL.items() <= settings(cluster, month).items() and noted(cluster, month).keys() == KEPT


def test_an_index_that_much_is_written_to_is_relaxed_until_the_end(cluster: Elasticsearch, loaded: Store) -> None:
    """Not by little; no refresh and no replicas then, and everything back on close."""
    chunks(loaded, relaxing.RELAX_AFTER - 1)
    assert is_usual(cluster)
    chunks(loaded, 1, start=10)
    assert settings(cluster) == RELAXED
    loaded.commit()
    assert sum(group.count for group in loaded.group(EVENTS, [], Everything())) == relaxing.RELAX_AFTER
    loaded.close()
    assert is_usual(cluster)


def test_an_index_that_was_there_keeps_its_copies(cluster: Elasticsearch, loaded: Store) -> None:
    """It is not refreshed meanwhile; replicas of what it holds are nobody's to take away."""
    chunks(loaded, 1)
    loaded.close()
    loaded.prepare(loading=True)
    again = cluster.open()
    again.prepare(loading=True)
    chunks(again, relaxing.RELAX_AFTER, start=10)
    assert settings(cluster)["refresh_interval"] == "-1"
    assert settings(cluster)["auto_expand_replicas"] == "0-1"
    again.close()
    assert is_usual(cluster)


@pytest.mark.parametrize(
    "own",
    [
        {"refresh_interval": "5s", "auto_expand_replicas": "false", "number_of_replicas": "2"},
        {"refresh_interval": None, "auto_expand_replicas": "0-all"},
    ],
)
def test_what_somebody_chose_comes_back(cluster: Elasticsearch, loaded: Store, own: dict[str, str | None]) -> None:
    """Also that nothing was chosen."""
    chunks(loaded, 1)
    cluster.ask("PUT", f"/{cluster.prefix}-2024.05/_settings", {"index": own})
    before = settings(cluster)
    chunks(loaded, relaxing.RELAX_AFTER, start=10)
    assert settings(cluster)["refresh_interval"] == "-1"
    loaded.close()
    after = settings(cluster)
    assert {name: after.get(name) for name in own} == {name: before.get(name) for name in own}


def test_an_index_that_somebody_stopped_refreshing_stays_so(cluster: Elasticsearch, loaded: Store) -> None:
    """That was their choice."""
    chunks(loaded, 1)
    cluster.ask("PUT", f"/{cluster.prefix}-2024.05/_settings", {"index": {"refresh_interval": "-1"}})
    chunks(loaded, relaxing.RELAX_AFTER, start=10)
    loaded.close()
    assert settings(cluster)["refresh_interval"] == "-1"


def test_many_months_go_back_in_few_requests(cluster: Elasticsearch, behind: Store, proxy: Proxy) -> None:
    """A load of years does not end in a hundred requests."""
    months = [event(f"m-{n}", time=NOON.replace(year=2010 + n // 12, month=n % 12 + 1, day=1)) for n in range(14)]
    for _ in range(relaxing.RELAX_AFTER):
        write_rows(behind, months)
    proxy.seen.clear()
    behind.close()
    assert len(proxy.seen) <= 3
    assert is_usual(cluster, "2010.01")
    assert is_usual(cluster, "2011.02")


def test_without_the_right_there_is_a_notice_and_a_load(cluster: Elasticsearch, proxy: Proxy) -> None:
    """Nothing fails, and nothing is left behind."""
    proxy.fault("PUT .*/_settings", Reply(403, error("security_exception", "unauthorized")))
    store = ElasticsearchStore(proxy.url, prefix=cluster.prefix)
    notices = store.prepare(loading=True).notices
    assert ["manage" in notice for notice in notices] == [True]
    chunks(store, relaxing.RELAX_AFTER + 1)
    store.close()
    assert is_usual(cluster)


def test_an_engine_that_fails_meanwhile_fails_no_load(cluster: Elasticsearch, behind: Store, proxy: Proxy) -> None:
    """Relaxing is a help; what it leaves undone the next load mends."""
    proxy.fault("PUT .*/_settings", Reply(503))
    chunks(behind, relaxing.RELAX_AFTER)
    behind.close()
    proxy.heal()
    chunks(behind, 1)
    behind.prepare(loading=True)
    assert is_usual(cluster)


def test_a_load_that_was_killed_is_mended_by_the_next(cluster: Elasticsearch, tmp_path: Path) -> None:
    """Kill -9 leaves the settings relaxed and noted; the next load puts them back before it writes."""
    corpus = tmp_path / "corpus"
    write_corpus(corpus, events=60_000, per_file=400, seed=3)
    with subprocess.Popen(command(cluster, corpus), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        relaxed = _wait_until_relaxed(cluster, process)
        process.kill()
    assert relaxed
    assert any("relaxed" in noted(cluster, month) for month in relaxed)
    assert main(["load", str(write(tmp_path / "a.json", [record(1)])), *cluster.place.options]) == 0
    assert all(is_usual(cluster, month) for month in relaxed)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_load_leaves_nothing_relaxed(cluster: Elasticsearch, tmp_path: Path, jobs: str) -> None:
    """Whether one process wrote or several, and when it was interrupted."""
    corpus = tmp_path / "corpus"
    write_corpus(corpus, events=40_000, per_file=400, seed=4)
    with subprocess.Popen(
        [*command(cluster, corpus), "--jobs", jobs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        relaxed = _wait_until_relaxed(cluster, process)
        process.send_signal(2)
        assert process.wait(30) in (0, 130)
    assert relaxed
    assert all(is_usual(cluster, month) for month in relaxed)
    done = subprocess.run(
        [*command(cluster, corpus), "--jobs", jobs, "--format", "json"], capture_output=True, check=True, timeout=120
    )
    assert json.loads(done.stdout)["records"]["dead_lettered"] == 0
    assert all(is_usual(cluster, month) for month in _months(cluster))


def command(cluster: Elasticsearch, corpus: Path) -> Sequence[str]:
    """The load, as its user types it."""
    return [sys.executable, "-m", "cloudsearch", "load", str(corpus), *cluster.place.options]


def _wait_until_relaxed(cluster: Elasticsearch, process: subprocess.Popen[bytes]) -> list[str]:
    while process.poll() is None:
        if found := [month for month in _months(cluster) if settings(cluster, month).get("refresh_interval") == "-1"]:
            return found
        time.sleep(0.05)
    return []


def _months(cluster: Elasticsearch) -> list[str]:
    """Months that there are."""
    return [name.rpartition("-")[2] for name in cluster.contents() if name.startswith(f"{cluster.prefix}-2")]
