"""Addresses, secrets and rights: what is asked of an Elasticsearch, and what is told to nobody."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.errors import AccessError, StoreError, StoreRejected, UsageError
from cloudsearch.store import EVENTS, Store, Written
from cloudsearch.stores.elasticsearch import ElasticEngine, ElasticsearchStore
from cloudsearch.stores.engine import Address
from cloudsearch.stores.searching import SearchStore
from cloudsearch.where import Everything
from tests.backends import Elasticsearch
from tests.proxy import Proxy, Reply, error
from tests.rows import FIELD, event, write

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://search.example.org", "https://search.example.org:443"),
        ("https://search.example.org/", "https://search.example.org:443"),
        ("https://search.example.org:9243/es/", "https://search.example.org:9243/es"),
        ("http://localhost", "http://localhost:9200"),
        ("http://[::1]:9200", "http://[::1]:9200"),
        ("https://me:secret@search.example.org", "https://search.example.org:443"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    """No port in an https URL means 443, a path is kept, and credentials are never shown."""
    assert str(Address.of(url)) == expected
    assert "secret" not in repr(Address.of(url))
    assert "secret" not in repr(ElasticsearchStore(url))


@pytest.mark.parametrize(
    "url",
    [
        "search.example.org",
        "ftp://x",
        "http://",
        "http://h:secret/",
        "http://h:99999/",
        "https://h/?q=secret",
        "https://[",
    ],
)
def test_what_is_no_url(url: str) -> None:
    """It is refused in words that repeat no part of it."""
    with pytest.raises(UsageError) as refused:
        ElasticsearchStore(url)
    assert "secret" not in str(refused.value)


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    """A certificate file that is not there is named before anything is sent."""
    with pytest.raises(UsageError, match=r"search\.example\.org"):
        ElasticsearchStore("https://search.example.org", ca_cert=str(tmp_path / "absent.pem"))


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://me:secret@search.example.org:9200", {}),
        ("http://search.example.org:9200", {"api_key": "secret"}),
        ("http://192.0.2.1:9200", {"basic": ("me", "secret")}),
    ],
)
def test_credentials_travel_encrypted_or_not_at_all(url: str, options: dict[str, Any]) -> None:
    """Plain http is for this machine alone."""
    with pytest.raises(UsageError, match="https") as refused:
        ElasticsearchStore(url, **options)
    assert "secret" not in str(refused.value)
    assert ElasticsearchStore(url.replace("http:", "https:"), **options)


@pytest.mark.parametrize(
    ("userinfo", "options", "header"),
    [
        ("", {"api_key": "c2VjcmV0"}, "ApiKey c2VjcmV0"),
        ("", {"basic": ("me", "secret")}, "Basic bWU6c2VjcmV0"),
        ("me:secret@", {}, "Basic bWU6c2VjcmV0"),
        ("m%65:se%63ret@", {}, "Basic bWU6c2VjcmV0"),
        ("other:no@", {"api_key": "c2VjcmV0"}, "ApiKey c2VjcmV0"),
    ],
)
def test_secrets_reach_the_server_and_nobody_else(
    proxy: Proxy, caplog: pytest.LogCaptureFixture, userinfo: str, options: dict[str, Any], header: str
) -> None:
    """They are in the request's header; not in an error, its causes, a log line or the store's text."""
    caplog.set_level(logging.DEBUG)
    proxy.fault("", Reply(401, error("security_exception", "unable to authenticate user")))
    store = ElasticsearchStore(proxy.url.replace("://", f"://{userinfo}"), **options)
    with pytest.raises(AccessError) as refused:
        store.prepare()
    store.close()
    assert proxy.seen[0].headers["authorization"] == header
    causes: list[BaseException | None] = [refused.value, refused.value.__cause__, refused.value.__context__]
    told = [repr(store), str(store), caplog.text, *(f"{cause!r} {cause}" for cause in causes)]
    for secret in ("secret", "c2VjcmV0", "bWU6c2VjcmV0"):
        assert secret not in " ".join(told)


def test_certificates_are_verified(cluster: Elasticsearch) -> None:
    """A server that nobody vouches for, or that has another name, gets nothing; its authority can be named."""
    files = (ROOT / "tests/cases/tls-certificate.pem", ROOT / "tests/cases/tls-key.pem")
    with Proxy(cluster.url, files).running() as proxy:
        for url, authority in ((proxy.url, None), (proxy.url.replace("127.0.0.1", "localhost"), str(files[0]))):
            stranger = ElasticsearchStore(url, prefix=cluster.prefix, api_key="c2VjcmV0", ca_cert=authority)
            with pytest.raises(StoreRejected, match="--ca-cert"):
                stranger.prepare()
            stranger.close()
        assert proxy.seen == []
        store = ElasticsearchStore(proxy.url, prefix=cluster.prefix, api_key="c2VjcmV0", ca_cert=str(files[0]))
        store.prepare(loading=True)
        store.close()
        assert proxy.seen[0].headers["authorization"] == "ApiKey c2VjcmV0"


def test_a_path_before_the_engines_own_is_kept(cluster: Elasticsearch, proxy: Proxy) -> None:
    """An engine behind a gateway has a path of its own."""
    proxy.fault("", Reply(404, error("index_not_found_exception")))
    store = ElasticsearchStore(f"{proxy.url}/gateway/es/", prefix=cluster.prefix)
    with pytest.raises(StoreError):
        store.prepare()
    store.close()
    assert {request.path.split("/_")[0].rpartition("/")[0] for request in proxy.seen} == {"/gateway/es"}


class Elsewhere(Address):
    """An address that is taken for another machine's."""

    is_loopback = False


def test_what_leaves_this_machine_is_compressed(cluster: Elasticsearch, proxy: Proxy) -> None:
    """Chunks go as gzip, and the server reads them as they were."""
    store = SearchStore(ElasticEngine(Elsewhere.of(proxy.url)), "elsewhere", prefix=cluster.prefix)
    store.prepare(loading=True)
    rows = [event(f"{n}", event_name="GetObject" * 20) for n in range(100)]
    operations = [store.encode(EVENTS, row) for row in rows]
    assert store.write(EVENTS, operations) == Written(created=100)
    store.close()
    (bulk,) = (request for request in proxy.seen if request.path.startswith("/_bulk"))
    assert gzip.decompress(bulk.body) == b"".join(operation.body for operation in operations)
    assert len(bulk.body) * 5 < sum(operation.size for operation in operations)


def test_without_the_right_to_put_templates(cluster: Elasticsearch, proxy: Proxy) -> None:
    """Indices are made with the same mapping all the same; a notice says so."""
    proxy.fault("PUT /_index_template", Reply(403, error("security_exception")))
    store = ElasticsearchStore(proxy.url, prefix=cluster.prefix)
    assert "manage_index_templates" in store.prepare(loading=True).notices[0]
    assert write(store, [event("1")]) == Written(created=1)
    store.close()


def test_without_the_right_to_change_mappings(cluster: Elasticsearch, proxy: Proxy) -> None:
    """An older store is read all the same; a notice says what cannot be found."""
    cluster.leave_older([event("1")], "region")
    proxy.fault("PUT /.*/_mapping", Reply(403, error("security_exception")))
    store = ElasticsearchStore(proxy.url, prefix=cluster.prefix)
    notices = store.prepare().notices
    assert any("could not be mapped" in notice for notice in notices)
    assert [row["id"] for row in store.rows(EVENTS, Everything())] == ["1"]
    store.close()


def test_without_the_right_to_make_a_month(behind: Store, proxy: Proxy) -> None:
    """Nothing is written to an index that an engine would make by itself."""
    proxy.fault(r"PUT /[^/]*2024\.05", Reply(403, error("security_exception")))
    with pytest.raises(AccessError):
        write(behind, [event("1")])
    assert not [request for request in proxy.seen if request.path.startswith("/_bulk")]


def test_with_the_right_to_write_alone(cluster: Elasticsearch, behind: Store, proxy: Proxy) -> None:
    """Months that somebody else made are written to by who may not make any."""
    behind.close()
    other = cluster.open()
    write(other, [event("1")])
    other.close()
    proxy.fault(r"PUT /[^/]*2024\.05", Reply(403, error("security_exception")))
    assert write(behind, [event("1"), event("2")]) == Written(created=1, existing=1)


def test_reading_asks_for_nothing_that_needs_a_right_to_change(cluster: Elasticsearch, proxy: Proxy) -> None:
    """A reader of a store that is up to date sends no PUT, and never asks the server who it is."""
    store = cluster.open()
    store.prepare(loading=True)
    store.close()
    reader = ElasticsearchStore(proxy.url, prefix=cluster.prefix)
    reader.prepare()
    list(reader.rows(EVENTS, Everything()))
    list(reader.group(EVENTS, [FIELD["event_name"]], Everything()))
    reader.close()
    assert {request.method for request in proxy.seen} == {"GET", "POST", "DELETE"}
    assert not [request for request in proxy.seen if request.path == "/" or "_bulk" in request.path]
