"""Whichever search engine listens at an address: nobody has to say, for Elasticsearch names itself in its answers.

Not in those that refuse access, though: with security on, neither its 401 nor its 403 bears the header. So it is asked
what every command asks first, which any role that is of use may ask; ``GET /`` needs a privilege on the whole cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

import msgspec

from cloudsearch.errors import StoreRejected
from cloudsearch.store import EVENTS
from cloudsearch.stores.amazon import scope_of
from cloudsearch.stores.dialect import Dialect
from cloudsearch.stores.elasticsearch import ElasticEngine
from cloudsearch.stores.engine import Address, Answer, Engine, checked_prefix, failure
from cloudsearch.stores.mappings import read_name
from cloudsearch.stores.searching import SearchStore

_ABSENT = "index_not_found_exception"


class _Version(msgspec.Struct):
    distribution: str = ""


class _Greeting(msgspec.Struct):
    version: _Version = msgspec.field(default_factory=_Version)


class EitherEngine:
    """The engine at an address. It is asked once, with the first request, and again only when it did not answer."""

    def __init__(self, address: Address, index: str, *, ca_cert: str | None = None) -> None:
        self._address, self._index, self._ca_cert = address, index, ca_cert
        self._elastic = ElasticEngine(address, ca_cert=ca_cert)
        self._told: Engine | None = None
        self._lock = Lock()

    @property
    def _engine(self) -> Engine:
        with self._lock:
            if self._told is None:
                self._told = self._tell()
            return self._told

    def _tell(self) -> Engine:
        answer, is_elastic = self._elastic.told_of(f"/{self._index}/_mapping")
        if is_elastic:
            return self._elastic
        asking = f"Asking {self._address} for the mapping of {self._index}"
        if answer.status >= 300 and answer.cause.type != _ABSENT:
            raise failure(answer, asking)  # of something in between, perhaps
        from cloudsearch.stores.opensearch import OpenEngine

        other = OpenEngine(self._address, ca_cert=self._ca_cert)
        greeting = other.request("GET", "/")
        if greeting.status >= 500 or greeting.status == 429:
            raise failure(greeting, f"Asking {self._address} what it is")
        if greeting.status < 300 and not _is_opensearch(greeting):
            other.close()
            raise StoreRejected(f"What answers at {self._address} is neither Elasticsearch 8 or 9 nor OpenSearch")
        # Who may not ask for the version may be allowed all that we need.
        self._elastic.close()
        return other

    @property
    def dialect(self) -> Dialect:
        """What this engine says otherwise than others."""
        return self._engine.dialect

    def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Send once; every failure on the way is ``StoreUnavailable``."""
        return self._engine.request(method, path, params=params, body=body)

    def close(self) -> None:
        """Close the connections; a request opens new ones."""
        (self._told or self._elastic).close()


def store_at(  # noqa: PLR0913 (what a connection may need)
    url: str,
    *,
    prefix: str = "cloudtrail",
    api_key: str | None = None,
    basic: tuple[str, str] | None = None,
    aws_service: str | None = None,
    ca_cert: str | None = None,
) -> SearchStore:
    """The store in whatever listens there; nothing is asked of it yet.

    Without credentials of the engine's own, requests to Amazon's service, known by its name or said to be it, are
    signed with AWS credentials; then it is OpenSearch.
    """
    address = Address.of(url, api_key=api_key, basic=basic)
    scope = None if address.api_key or address.basic else scope_of(address.host, aws_service)
    if scope is None:
        engine = EitherEngine(address, read_name(checked_prefix(prefix), EVENTS), ca_cert=ca_cert)
        return SearchStore(engine, str(address), prefix=prefix)
    from cloudsearch.stores.opensearch import OpenSearchStore

    return OpenSearchStore(url, prefix=prefix, ca_cert=ca_cert, scope=scope)


def _is_opensearch(answer: Answer) -> bool:
    try:
        return msgspec.json.decode(answer.body, type=_Greeting).version.distribution == "opensearch"
    except (msgspec.DecodeError, RecursionError):
        return False
