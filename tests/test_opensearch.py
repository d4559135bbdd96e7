"""OpenSearch without a server: its mapping files, addresses and secrets, signatures, and how engines are told apart."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from cloudsearch.cli import main
from cloudsearch.errors import AccessError, CloudsearchError, StoreError, StoreRejected, StoreUnavailable, UsageError
from cloudsearch.store import EVENTS, TABLES, LogFile, Store, Table
from cloudsearch.stores import mappings
from cloudsearch.stores.amazon import Scope, Service, scope_of
from cloudsearch.stores.dialect import ELASTICSEARCH, OPENSEARCH
from cloudsearch.stores.either import EitherEngine, store_at
from cloudsearch.stores.engine import Address
from cloudsearch.stores.opensearch import OpenEngine, OpenSearchStore
from cloudsearch.where import Everything
from tests.proxy import HTML, PAGE, Proxy, Reply, Request, error
from tests.rows import NOON, event, write
from tests.signatures import signed_for

ROOT = Path(__file__).parent.parent
JSON = {"content-type": "application/json; charset=UTF-8"}
ELASTIC = JSON | {"x-elastic-product": "Elasticsearch"}
HELLO = json.dumps({"name": "n", "version": {"distribution": "opensearch", "number": "2.19.4"}}).encode()
MISSING = Reply(404, error("index_not_found_exception", "no such index"), JSON)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A server with nothing behind it: each answer is a test's own; without one, an index that is not there."""
    with Proxy("http://127.0.0.1:9").running() as between:
        between.fault("", MISSING)
        yield between


# The mapping


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_mapping_files_say_what_the_tables_say(table: Table) -> None:
    """``python -m cloudsearch.stores.mappings`` was run after the last change of a field or of a dialect."""
    file = ROOT / "mappings" / mappings.file_name(table, OPENSEARCH)
    assert json.loads(file.read_text()) == mappings.generated(table, OPENSEARCH)


def test_the_engines_map_alike_but_for_free_form_objects() -> None:
    """What is searched by on one is searched by on the other, under the same names."""

    def without(node: Any) -> Any:  # noqa: ANN401 (what JSON holds)
        if isinstance(node, dict):
            free = node.get("type") in ("flattened", "flat_object")
            return "free form" if free else {name: without(child) for name, child in node.items()}
        return node

    theirs, ours = (mappings.generated(EVENTS, dialect) for dialect in (ELASTICSEARCH, OPENSEARCH))
    assert theirs != ours
    assert without(theirs) == without(ours)


# Addresses and secrets


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://search-logs-abc.eu-west-1.es.amazonaws.com", "search-logs-abc.eu-west-1.es.amazonaws.com:443"),
        ("https://search.example.org:9243/os/", "search.example.org:9243/os"),
        ("http://[::1]:9200", "[::1]:9200"),
    ],
)
def test_urls(url: str, expected: str) -> None:
    """No port in an https URL means 443; a path is kept."""
    assert repr(OpenSearchStore(url)) == f"<OpenSearchStore cloudtrail at {url.partition(':')[0]}://{expected}>"


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://me:secret@search.example.org:9200", {}),
        ("http://search.example.org:9200", {"api_key": "secret"}),
        ("http://192.0.2.1:9200", {"basic": ("me", "secret")}),
        ("http://search.example.org:9200", {"aws_service": "es"}),
        ("http://search-logs-abc.eu-west-1.es.amazonaws.com", {}),
    ],
)
def test_credentials_travel_encrypted_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, url: str, options: dict[str, Any]
) -> None:
    """Plain http is for this machine alone; a signed request carries a session's token."""
    sign_as(monkeypatch, CREDENTIALS)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with pytest.raises(UsageError, match="https") as refused:
        store_at(url, **options)
    assert "secret" not in str(refused.value)
    assert store_at(url.replace("http:", "https:"), **options)


@pytest.mark.parametrize(
    ("userinfo", "options", "header"),
    [
        ("", {"api_key": "c2VjcmV0"}, "ApiKey c2VjcmV0"),
        ("", {"basic": ("me", "secret")}, "Basic bWU6c2VjcmV0"),
        ("", {"basic": ("mé", "sécret: x")}, "Basic bcOpOnPDqWNyZXQ6IHg="),
        ("m%65:se%63ret@", {}, "Basic bWU6c2VjcmV0"),
        ("other:no@", {"api_key": "c2VjcmV0"}, "ApiKey c2VjcmV0"),
    ],
)
def test_secrets_reach_the_server_and_nobody_else(
    proxy: Proxy, caplog: pytest.LogCaptureFixture, userinfo: str, options: dict[str, Any], header: str
) -> None:
    """They are in the request's header; not in an error, its causes, a log line or the store's text."""
    caplog.set_level(logging.INFO)
    proxy.fault("", Reply(401, b"Unauthorized", HTML))
    for kind in (OpenSearchStore, store_at):
        store = kind(proxy.url.replace("://", f"://{userinfo}"), **options)
        with pytest.raises(AccessError) as refused:
            store.prepare()
        store.close()
        assert {request.headers["authorization"] for request in proxy.seen} == {header}
        causes: list[BaseException | None] = [refused.value, refused.value.__cause__, refused.value.__context__]
        told = " ".join([repr(store), str(store), caplog.text, *(f"{cause!r} {cause}" for cause in causes)])
        for secret in ("secret", "sécret", header.split(" ")[1]):
            assert secret not in told


def test_certificates_are_verified() -> None:
    """A server that nobody vouches for, or that has another name, gets nothing; its authority can be named."""
    files = (ROOT / "tests/cases/tls-certificate.pem", ROOT / "tests/cases/tls-key.pem")
    with Proxy("http://127.0.0.1:9", files).running() as proxy:
        proxy.fault("", MISSING)
        for kind in (OpenSearchStore, store_at):
            proxy.seen.clear()
            for url, authority in ((proxy.url, None), (proxy.url.replace("127.0.0.1", "localhost"), str(files[0]))):
                stranger = kind(url, api_key="c2VjcmV0", ca_cert=authority)
                with pytest.raises(StoreRejected, match="--ca-cert"):
                    stranger.prepare()
                stranger.close()
            assert proxy.seen == []
            store = kind(proxy.url, api_key="c2VjcmV0", ca_cert=str(files[0]))
            with pytest.raises(StoreError, match="cloudsearch load"):
                store.prepare()
            store.close()
            assert proxy.seen[0].headers["authorization"] == "ApiKey c2VjcmV0"


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    """A certificate file that is not there is named before anything is sent."""
    with pytest.raises(UsageError, match=r"search\.example\.org"):
        OpenSearchStore("https://search.example.org", ca_cert=str(tmp_path / "absent.pem"))


# What lies in between


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, StoreUnavailable),
        (Reply(200, b'{"_shards"', JSON), StoreUnavailable),
        (Reply(200, b'{"a":1}', JSON, promised=50), StoreUnavailable),
        (Reply(200, b"\xff\xfe", JSON), StoreUnavailable),
        (Reply(502, PAGE, HTML), StoreUnavailable),
        (Reply(503, error("unavailable_shards_exception"), JSON), StoreUnavailable),
        (Reply(429, b"Too Many Requests", HTML), StoreUnavailable),
        (Reply(403, b'{"Message":"User: x is not authorized to perform: es:ESHttpGet"}', JSON), AccessError),
        (Reply(403, error("security_exception", "no permissions for [indices:admin/get]"), JSON), AccessError),
        (Reply(301, b"", {"location": "http://127.0.0.1:1/"}), StoreRejected),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_answers_and_what_they_mean(proxy: Proxy, reply: Reply | None, expected: type[CloudsearchError]) -> None:
    """Each request is sent once, no redirect is followed, and the exception says whether another try is worth it."""
    proxy.fault("", reply)
    store = OpenSearchStore(proxy.url)
    with pytest.raises(expected) as raised:
        store.prepare()
    store.close()
    assert type(raised.value) is expected
    assert len(proxy.seen) == 1


def test_nobody_there() -> None:
    """A port where nobody listens is worth another try, and named."""
    for kind in (OpenSearchStore, store_at):
        store = kind("http://127.0.0.1:9")
        with pytest.raises(StoreUnavailable, match=r"http://127\.0\.0\.1:9 did not answer"):
            store.prepare()
        store.close()


def test_a_search_that_failed_in_part_is_an_error(proxy: Proxy) -> None:
    """Also where the parameter that asks for one is passed over: hits of a shard that failed are never left out."""
    proxy.fault("POST .*point_in_time", Reply(200, b'{"pit_id":"p"}', JSON))
    found = {"timed_out": False, "hits": {"hits": []}, "_shards": {"total": 2, "failed": 1}}
    proxy.fault("POST /_search.allow", Reply(200, json.dumps(found).encode(), JSON))
    store = OpenSearchStore(proxy.url)
    with pytest.raises(StoreUnavailable, match="shards"):
        list(store.rows(EVENTS, Everything()))
    store.close()
    assert (proxy.seen[-1].method, json.loads(proxy.seen[-1].body)) == ("DELETE", {"pit_id": ["p"]})


def test_a_service_that_cannot_make_events_readable(proxy: Proxy) -> None:
    """A commit promises that what was written is found; where nobody can ask for that, nothing counts as loaded."""
    proxy.fault("POST .*/_refresh", Reply(404, b"", JSON))
    store = OpenSearchStore(proxy.url)
    with pytest.raises(StoreRejected, match="Serverless"):
        store.commit([LogFile(id="f", time=NOON, name="f", size=1)])
    store.close()
    assert not [request for request in proxy.seen if "_bulk" in request.path]


class Elsewhere(Address):
    """An address that is taken for another machine's."""

    is_loopback = False


def test_what_leaves_this_machine_is_compressed(proxy: Proxy) -> None:
    """Bodies go as gzip."""
    engine = OpenEngine(Elsewhere.of(proxy.url))
    engine.request("POST", "/_bulk", body=b"x" * 50_000)
    engine.close()
    assert gzip.decompress(proxy.seen[0].body) == b"x" * 50_000
    assert len(proxy.seen[0].body) < 5_000


def test_records_are_not_logged(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """``-v`` says what was asked and what came of it, never what the records hold."""
    caplog.set_level(logging.INFO)
    engine = OpenEngine(Address.of(proxy.url))
    engine.request("POST", "/_bulk", body=b'{"secret":1}')
    engine.close()
    assert "/_bulk" in caplog.text
    assert "secret" not in caplog.text


# Telling engines apart


MAPPING = Reply(200, b"{}", JSON)
UNAUTHORIZED = error("security_exception", "action [indices:admin/mappings/get] is unauthorized for user [me]")


@pytest.mark.parametrize(
    ("reply", "greeting", "product"),
    [
        (Reply(200, b"{}", ELASTIC), None, "elasticsearch"),
        (Reply(404, MISSING.body, ELASTIC), None, "elasticsearch"),
        (Reply(503, error("cluster_block_exception"), ELASTIC), None, "elasticsearch"),
        (MAPPING, Reply(200, HELLO, JSON), "opensearch"),
        (MISSING, Reply(200, HELLO, JSON), "opensearch"),
        (
            MISSING,
            Reply(403, error("security_exception", "no permissions for [cluster:monitor/main]"), JSON),
            "opensearch",
        ),
        (MISSING, Reply(404, b"", JSON), "opensearch"),
    ],
    ids=str,
)
def test_the_header_of_an_answer_tells(proxy: Proxy, reply: Reply, greeting: Reply | None, product: str) -> None:
    """An error tells as well; it is asked once, and only without the header for more."""
    proxy.fault("GET /$", greeting)
    proxy.fault("GET /p.events/_mapping", reply)
    engine = EitherEngine(Address.of(proxy.url), "p.events")
    assert str(engine.dialect) == product
    engine.request("GET", "/x")
    engine.close()
    asked = ["/p.events/_mapping", *(["/"] if greeting else []), "/x"]
    assert [request.path for request in proxy.seen] == asked


@pytest.mark.parametrize(
    ("reply", "greeting", "expected"),
    [
        (Reply(401, error("security_exception"), JSON), None, AccessError),
        (Reply(403, UNAUTHORIZED, JSON), None, AccessError),
        (Reply(403, b'{"message":"Forbidden"}', JSON), None, AccessError),
        (MAPPING, Reply(200, b"{}", JSON), StoreRejected),
        (MAPPING, Reply(200, PAGE, HTML), StoreRejected),
        (MAPPING, Reply(200, b'{"version":{"number":"7.10.2","build_flavor":"oss"}}', JSON), StoreRejected),
        (MAPPING, Reply(200, b'{"version":7}', JSON), StoreRejected),
        (MAPPING, Reply(503, PAGE, HTML), StoreUnavailable),
        (Reply(404, PAGE, HTML), None, StoreRejected),
        (Reply(502, PAGE, HTML), None, StoreUnavailable),
        (Reply(429, b"", HTML), None, StoreUnavailable),
        (None, None, StoreUnavailable),
    ],
    ids=str,
)
def test_what_is_neither_or_cannot_be_told(
    proxy: Proxy, reply: Reply | None, greeting: Reply | None, expected: type[CloudsearchError]
) -> None:
    """A web server is no store; refused access and what lies in between decide nothing, and it is asked again."""
    proxy.fault("GET /$", greeting, times=1)
    proxy.fault("GET /cloudtrail.events/_mapping", reply, times=1)
    store = store_at(proxy.url)
    with pytest.raises(expected) as raised:
        store.prepare()
    assert type(raised.value) is expected
    proxy.heal()
    proxy.fault("", MISSING)
    proxy.fault("GET /cloudtrail.events/_mapping", Reply(404, MISSING.body, ELASTIC))
    with pytest.raises(StoreError, match="cloudsearch load"):
        store.prepare()
    store.close()
    assert proxy.seen[-1].headers["user-agent"].startswith("elasticsearch-py")


def test_encoding_asks_nobody(proxy: Proxy) -> None:
    """Rows are made ready before anybody knows which engine they go to, since both take the same bytes."""
    store = store_at(proxy.url)
    here: Store = OpenSearchStore(proxy.url)
    assert store.encode(EVENTS, event("1")) == here.encode(EVENTS, event("1"))
    assert proxy.seen == []


# Signatures

CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", "secret/of+a/session", "token/of+a/session==")


def sign_as(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    """What boto3's chain finds."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    if credentials.token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", credentials.token)
    else:
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("host", "named", "expected"),
    [
        ("search-logs-x1.us-east-1.es.amazonaws.com", None, Scope(Service.DOMAIN, "us-east-1")),
        ("vpc-logs-x1.us-gov-west-1.es.amazonaws.com", None, Scope(Service.DOMAIN, "us-gov-west-1")),
        ("search-logs-x1.cn-north-1.es.amazonaws.com.cn", None, Scope(Service.DOMAIN, "cn-north-1")),
        ("search-logs-x1.aos.eu-west-1.on.aws", None, Scope(Service.DOMAIN, "eu-west-1")),
        ("1tg2xudton46knx2a95g.us-east-1.aoss.amazonaws.com", None, Scope(Service.SERVERLESS, "us-east-1")),
        ("1tg2xudton46knx2a95g.aoss.us-east-1.on.aws", None, Scope(Service.SERVERLESS, "us-east-1")),
        ("search.example.org", "es", Scope(Service.DOMAIN)),
        ("search.example.org", "aoss", Scope(Service.SERVERLESS)),
        ("search-logs-x1.us-east-1.es.amazonaws.com", "es", Scope(Service.DOMAIN, "us-east-1")),
        ("search.example.org", None, None),
        ("es.amazonaws.com", None, None),
        ("search-x.us-east-1.es.amazonaws.com.example.org", None, None),
        ("x.us-east-1.s3.amazonaws.com", None, None),
    ],
)
def test_what_a_name_is_signed_for(host: str, named: str | None, expected: Scope | None) -> None:
    """Amazon's own names tell service and region; any other host gets a signature only when somebody says so."""
    assert scope_of(host, named) == expected


def test_a_service_that_is_none() -> None:
    """It is refused, with those that there are."""
    with pytest.raises(UsageError, match="es or aoss"):
        scope_of("search.example.org", "s3")


@pytest.mark.parametrize("credentials", [CREDENTIALS, SESSION], ids=["key", "session"])
@pytest.mark.parametrize("service", list(Service))
def test_requests_are_signed(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, credentials: Credentials, service: Service
) -> None:
    """Method, path, parameters and body: what arrived is what was signed, for the service and region meant."""
    sign_as(monkeypatch, credentials)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    store = store_at(f"{proxy.url}/gate%20way", aws_service=service)
    with pytest.raises(StoreError):
        store.prepare()
    with pytest.raises(StoreError):
        list(store.rows(EVENTS, Everything()))
    proxy.fault("PUT ", Reply(200, b"{}", JSON))
    proxy.fault("POST .*/_bulk", Reply(200, b'{"errors":false,"items":[{}]}', JSON))
    write(store, [event("1", user_agent="é \ud83d")])
    store.close()
    methods = {request.method for request in proxy.seen}
    assert methods == {"GET", "POST", "PUT"}
    assert any("%2C" in request.path and "?" in request.path for request in proxy.seen)
    assert {signed_for(request, credentials) for request in proxy.seen} == {(service, "eu-central-1")}


@pytest.mark.parametrize("change", ["method", "path", "body", "header"])
def test_a_signature_is_of_the_whole_request(monkeypatch: pytest.MonkeyPatch, proxy: Proxy, change: str) -> None:
    """The check that the tests rely on finds whatever was changed on the way."""
    sign_as(monkeypatch, SESSION)
    engine = OpenSearchStore(proxy.url, scope=Scope(Service.DOMAIN, "eu-west-1"))
    with pytest.raises(StoreError):
        list(engine.rows(EVENTS, Everything()))
    engine.close()
    (seen,) = proxy.seen
    assert signed_for(seen, SESSION) == ("es", "eu-west-1")
    changed = {
        "method": Request("PUT", seen.path, seen.headers, seen.body),
        "path": Request(seen.method, seen.path.replace("5m", "6m"), seen.headers, seen.body),
        "body": Request(seen.method, seen.path, seen.headers, seen.body + b" "),
        "header": Request(seen.method, seen.path, {**seen.headers, "host": "elsewhere"}, seen.body),
    }
    assert signed_for(changed[change], SESSION) is None


def test_what_is_compressed_is_signed_as_it_is_sent(monkeypatch: pytest.MonkeyPatch, proxy: Proxy) -> None:
    """The signature is of the compressed bytes."""
    sign_as(monkeypatch, CREDENTIALS)
    from cloudsearch.stores.signing import Signer

    engine = OpenEngine(Elsewhere.of(proxy.url), sign=Signer(Scope(Service.DOMAIN, "us-east-1")))
    engine.request("POST", "/_bulk", body=b"x" * 5_000)
    engine.close()
    assert proxy.seen[0].headers["content-encoding"] == "gzip"
    assert signed_for(proxy.seen[0], CREDENTIALS) == ("es", "us-east-1")


def test_an_engines_own_credentials_come_before_aws(monkeypatch: pytest.MonkeyPatch, proxy: Proxy) -> None:
    """A domain with users of its own is asked as one of them, also by Amazon's name."""
    sign_as(monkeypatch, CREDENTIALS)
    assert type(store_at("https://me:secret@search-x.us-east-1.es.amazonaws.com")) is not OpenSearchStore
    store = store_at(proxy.url, basic=("me", "secret"), aws_service="es")
    with pytest.raises(StoreError):
        store.prepare()
    store.close()
    assert {request.headers["authorization"] for request in proxy.seen} == {"Basic bWU6c2VjcmV0"}


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is sent unsigned; the exit code is that of refused access."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    url = "https://search-x.us-east-1.es.amazonaws.com"
    assert main(["list", "roles", "--store", url]) == 6
    assert "aws sts get-caller-identity" in capsys.readouterr().err


def test_a_region_that_nobody_knows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name of one's own tells none: it must come from the AWS configuration."""
    sign_as(monkeypatch, CREDENTIALS)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(UsageError, match="AWS_DEFAULT_REGION"):
        store_at("https://search.example.org", aws_service="es")
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(AccessError, match="absent"):
        store_at("https://search.example.org", aws_service="es")


def test_secrets_of_aws_are_told_to_nobody(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    """The session's token travels in a header; the secret key nowhere."""
    caplog.set_level(logging.INFO)
    sign_as(monkeypatch, SESSION)
    proxy.fault("", Reply(403, b'{"message":"The request signature we calculated does not match"}', JSON))
    store = OpenSearchStore(proxy.url, scope=Scope(Service.DOMAIN, "us-east-1"))
    with pytest.raises(AccessError) as refused:
        store.prepare()
    store.close()
    told = f"{store!r} {refused.value!r} {refused.value} {caplog.text}"
    assert str(SESSION.token) not in told
    assert SESSION.secret_key not in f"{told} {proxy.seen}"
