"""Only what is Elasticsearch's: its mapping, the conflicts in it, and what a real server refuses."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.derive import derive
from cloudsearch.errors import StoreError, StoreRejected, StoreUnavailable, UsageError
from cloudsearch.event import Row
from cloudsearch.store import CSM_CALLS, EVENTS, LOG_FILES, TABLES, LogFile, RefusalKind, Store, Table, Written
from cloudsearch.stores import mappings
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.where import Everything, In
from tests.backends import Elasticsearch
from tests.rows import FIELD, NOON, event, kinds, write

ROOT = Path(__file__).parent.parent


# The mapping


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_mapping_files_say_what_the_tables_say(table: Table) -> None:
    """``python -m cloudsearch.stores.mappings`` was run after the last change of a field."""
    assert json.loads((ROOT / "mappings" / mappings.file_name(table)).read_text()) == mappings.generated(table)


def test_no_more_than_the_limit_of_fields() -> None:
    """An index takes 500 fields, aliases and objects included."""

    def count(properties: dict[str, Any]) -> int:
        return sum(1 + count(one.get("properties", {})) + count(one.get("fields", {})) for one in properties.values())

    assert count(mappings.generated(EVENTS)["template"]["mappings"]["properties"]) < 300


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("{}-2024.05", "{}.events"),
        ("{}-undated", "{}.events"),
        ("{}.csm-2024.05", "{}.csm"),
        ("{}.csm-undated", "{}.csm"),
        ("{}.ledger", "{}.ledger"),
        ("{}.dead", "{}.dead"),
        ("{}.reports", "{}.reports"),
        ("{}-eu-2024.05", "{}-eu.events"),
        ("{}-eu.ledger", "{}-eu.ledger"),
        ("{}-us-2024.05", None),
        ("{}-us.ledger", None),
        ("{}-ledger", None),
        ("{}.ledger-old", None),
        ("{}", None),
    ],
)
def test_index_patterns_are_exact(cluster: Elasticsearch, name: str, expected: str | None) -> None:
    """A template takes the indices of its table and prefix, and of no other."""
    for prefix in (cluster.prefix, f"{cluster.prefix}-eu"):
        store = ElasticsearchStore(cluster.url, prefix=prefix)
        store.prepare(loading=True)
        store.close()
    answer = cluster.ask("POST", f"/_index_template/_simulate_index/{name.format(cluster.prefix)}")
    meta = answer.get("template", {}).get("mappings", {}).get("properties", {}).get("cloudsearch", {})
    assert answer.get("overlapping", []) == []
    assert bool(meta) == (expected is not None)
    if expected is not None:
        aliases = answer["template"]["aliases"]
        table = expected.rpartition(".")[2]
        assert (expected.format(cluster.prefix) in aliases) == (table in ("events", "csm"))


@pytest.mark.parametrize("prefix", ["", "A", "a.b", "a-2024", "-a", "_a", "a*", "a/b", "a,b", "x" * 200])
def test_prefixes_that_would_not_keep_apart(prefix: str) -> None:
    """A prefix that is no index name, or whose indices another's patterns would take, is refused."""
    with pytest.raises(UsageError):
        ElasticsearchStore("http://localhost:9200", prefix=prefix)


RECORD = {
    "eventVersion": "1.08",
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROA1:session",
        "arn": "arn:aws:sts::111122223333:assumed-role/App/session",
        "accountId": "111122223333",
        "accessKeyId": "ASIA1",
        "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/App", "userName": "App"}},
    },
    "eventTime": "2024-05-31T12:00:00Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "RunInstances",
    "awsRegion": "eu-west-1",
    "sourceIPAddress": "192.0.2.7",
    "userAgent": "aws-cli/2.0",
    "errorCode": "Client.UnauthorizedOperation",
    "requestParameters": {"instanceType": "t3.micro", "tags": {"owner.team": "blue"}, "count": 3},
    "responseElements": {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}},
    "additionalEventData": {"bytes": 12.5},
    "requestID": "r-1",
    "eventID": "e-1",
    "readOnly": False,
    "resources": [{"ARN": "arn:aws:ec2:::instance/i-1", "type": "AWS::EC2::Instance"}],
    "recipientAccountId": "111122223333",
}


@pytest.mark.parametrize(
    "query",
    [
        {"range": {"@timestamp": {"gte": "2024-05-31T12:00:00Z", "lte": "2024-05-31T12:00:00Z"}}},
        {"term": {"event.action": "RunInstances"}},
        {"term": {"event.provider": "ec2.amazonaws.com"}},
        {"term": {"event.id": "e-1"}},
        {"term": {"cloud.region": "eu-west-1"}},
        {"term": {"cloud.account.id": "111122223333"}},
        {"prefix": {"user.id": "AROA1"}},
        {"wildcard": {"user_agent.original": "aws-cli*"}},
        {"term": {"source.ip": "192.0.2.0/24"}},
        {"term": {"source.address": "192.0.2.7"}},
        {"term": {"aws.cloudtrail.error_code": "Client.UnauthorizedOperation"}},
        {"term": {"aws.cloudtrail.user_identity.type": "AssumedRole"}},
        {"wildcard": {"aws.cloudtrail.user_identity.session_context.session_issuer.arn": "*role/App"}},
        {"term": {"aws.cloudtrail.resources.type": "AWS::EC2::Instance"}},
        {"term": {"aws.cloudtrail.flattened.request_parameters.instanceType": "t3.micro"}},
        {"term": {"aws.cloudtrail.flattened.request_parameters.tags.owner.team": "blue"}},
        {"term": {"aws.cloudtrail.flattened.response_elements.instancesSet.items.instanceId": "i-2"}},
        {"exists": {"field": "aws.cloudtrail.flattened.additional_eventdata.bytes"}},
        {"term": {"eventName": "RunInstances"}},
        {"term": {"cloudsearch.event_name": "RunInstances"}},
        {"query_string": {"query": "event.action:RunInstances AND cloudsearch.read_only:false"}},
    ],
    ids=json.dumps,
)
def test_names_that_others_use_find_events(cluster: Elasticsearch, loaded: Store, query: dict[str, Any]) -> None:
    """ECS names, AWS's names and ours find the event, through the alias that Elastic's tools look for."""
    other = json.dumps({"eventName": "Other"}).encode()
    raw = json.dumps(RECORD).encode()
    rows = [{**derive(raw), "id": "1"}]
    write(loaded, [*rows, event("2", raw=other, time=NOON - timedelta(days=40))])
    loaded.commit()
    for index in (f"{cluster.prefix}.events", f"logs-aws.cloudtrail-{cluster.prefix}"):
        found = cluster.ask("POST", f"/{index}/_search", {"query": query})
        assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]


def test_a_month_deleted_during_a_load_comes_back_with_its_mapping(cluster: Elasticsearch, loaded: Store) -> None:
    """The template stands behind the explicit creation."""
    write(loaded, [event("1")])
    cluster.ask("DELETE", f"/{cluster.prefix}-2024.05")
    assert write(loaded, [event("1", raw=b'{"requestParameters":{"a":{"b":1}}}')]) == Written(created=1)
    loaded.commit()
    assert [row["id"] for row in loaded.rows(EVENTS, Everything())] == ["1"]
    mapping = cluster.ask("GET", f"/{cluster.prefix}-2024.05/_mapping")[f"{cluster.prefix}-2024.05"]["mappings"]
    undated = cluster.ask("GET", f"/{cluster.prefix}-undated/_mapping")[f"{cluster.prefix}-undated"]["mappings"]
    assert mapping == undated


@pytest.mark.parametrize("name", ["{}-2024.05", "{}.ledger", "{}-undated"])
def test_an_index_that_is_not_ours_is_left_alone(cluster: Elasticsearch, name: str) -> None:
    """Somebody else's index of our name is refused, not written to."""
    index = name.format(cluster.prefix)
    cluster.ask("PUT", f"/{index}", {"mappings": {"properties": {"x": {"type": "keyword"}}}})
    store = cluster.open()
    with pytest.raises(StoreRejected, match=r"not cloudsearch's. Choose another name with --index"):
        _load(store)
    store.close()
    assert cluster.ask("GET", f"/{index}/_count")["count"] == 0


def _load(store: Store) -> None:
    store.prepare(loading=True)
    write(store, [event("1")])


# Documents that some mapping refuses


def test_forty_thousand_keys_grow_no_mapping(cluster: Elasticsearch, loaded: Store) -> None:
    """Keys that AWS or an attacker makes up cost no field."""
    rows = [
        event(f"{n}", raw=json.dumps({"requestParameters": {f"k{n}-{m}": m for m in range(400)}}).encode())
        for n in range(100)
    ]
    assert write(loaded, rows) == Written(created=100)
    month, undated = (
        cluster.ask("GET", f"/{index}/_mapping")[index]
        for index in (f"{cluster.prefix}-2024.05", f"{cluster.prefix}-undated")
    )
    assert month == undated


def test_texts_of_other_tables_are_cut_to_what_a_term_holds(loaded: Store) -> None:
    """There is no other form for them; four bytes a letter are the worst case."""
    row: Row = {"id": "1", "time": NOON, "api": "\U0001f600" * 40_000}
    assert write(loaded, [row], CSM_CALLS) == Written(created=1)
    loaded.commit()
    assert [found["api"] for found in loaded.rows(CSM_CALLS, Everything())] == ["\U0001f600" * 8_191]


@pytest.mark.parametrize("id_", ["", "x" * 600])
def test_an_id_that_would_refuse_the_whole_request(loaded: Store, id_: str) -> None:
    """Ids are of 1 to 510 bytes; others are refused before they can take their neighbours along."""
    with pytest.raises(ValueError, match="id"):
        loaded.encode(EVENTS, event(id_))


# What a real server refuses


@pytest.mark.parametrize("block", ["write", "read_only", "read_only_allow_delete"])
def test_a_block_is_waited_for(cluster: Elasticsearch, loaded: Store, block: str) -> None:
    """A disk that is full or an index that somebody locked refuses nothing for good."""
    write(loaded, [event("1")])
    cluster.ask("PUT", f"/{cluster.prefix}-2024.05/_settings", {f"index.blocks.{block}": True})
    try:
        written = write(loaded, [event("2"), event("3", time=None)])
    finally:
        cluster.ask("PUT", f"/{cluster.prefix}-2024.05/_settings", {f"index.blocks.{block}": None})
    assert (written.created, kinds(written)) == (1, {RefusalKind.WAIT})
    assert "cluster_block_exception" in written.refused[0].reason
    assert write(loaded, [loaded.decode(EVENTS, refused.operation) for refused in written.refused]) == Written(
        created=1
    )


def test_a_blocked_ledger_is_no_commit(cluster: Elasticsearch, loaded: Store) -> None:
    """Files count as loaded only when the ledger took them."""
    cluster.ask("PUT", f"/{cluster.prefix}.ledger/_settings", {"index.blocks.write": True})
    with pytest.raises(StoreUnavailable, match="ledger"):
        loaded.commit([LogFile(id="f", time=NOON, name="f", size=1)])
    cluster.ask("PUT", f"/{cluster.prefix}.ledger/_settings", {"index.blocks.write": None})
    assert loaded.known(LOG_FILES, ["f"]) == set()


def test_a_closed_month(cluster: Elasticsearch, loaded: Store) -> None:
    """Writing to it waits; reading says so instead of leaving its events out."""
    write(loaded, [event("1"), event("2", time=None)])
    loaded.commit()
    cluster.ask("POST", f"/{cluster.prefix}-2024.05/_close")
    assert kinds(write(loaded, [event("3")])) == {RefusalKind.WAIT}
    with pytest.raises(StoreError, match="closed"):
        list(loaded.rows(EVENTS, Everything()))
    with pytest.raises(StoreError, match="closed"):
        list(loaded.group(EVENTS, [FIELD["event_name"]], Everything()))


def test_too_many_shards_are_nobodys_documents_fault(cluster: Elasticsearch, loaded: Store) -> None:
    """A cluster that takes no more indices refuses a new month for good, and goes on with the others."""
    write(loaded, [event("1")])
    cluster.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": 1}})
    try:
        written = write(loaded, [event("2"), event("3", time=NOON + timedelta(days=90))])
    finally:
        cluster.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": None}})
    assert (written.created, kinds(written)) == (1, {RefusalKind.FATAL})
    assert "shards" in written.refused[0].reason
    assert write(loaded, [event("3", time=NOON + timedelta(days=90))]) == Written(created=1)


def test_a_store_that_was_deleted(cluster: Elasticsearch, loaded: Store) -> None:
    """Reading from what is gone is an error that names load."""
    cluster.clean()
    for read in (
        lambda: list(loaded.rows(EVENTS, Everything())),
        lambda: loaded.known(LOG_FILES, ["f"]),
        lambda: list(loaded.rows(LOG_FILES, In(LOG_FILES.by_name["id"], ("f",)))),
        loaded.prepare,
    ):
        with pytest.raises(StoreError, match="cloudsearch load"):
            read()
