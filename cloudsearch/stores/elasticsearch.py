"""Elasticsearch: elasticsearch-py as a thin client under the store that all search engines share.

Bodies go out and come back as bytes: what is sent is ready-made, and a record must come back byte for byte, which
no decoded answer gives. Retrying is the caller's: the transport tries once.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from elastic_transport import ApiResponseMeta, NodeConfig, Serializer, TlsError
from elastic_transport import TransportError as ElasticTransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError

from cloudsearch.errors import StoreRejected, StoreUnavailable, UsageError
from cloudsearch.stores.dialect import ELASTICSEARCH
from cloudsearch.stores.engine import CONNECTIONS, TIMEOUT_SECONDS, Address, Answer, payload_and_headers
from cloudsearch.stores.searching import SearchStore

PRODUCT_HEADER = "x-elastic-product"

_BODIES = (
    "application/json",
    "application/x-ndjson",
    "application/vnd.elasticsearch+json",
    "application/vnd.elasticsearch+x-ndjson",
    "text/*",
)


class _Bytes(Serializer):
    """Keeps bodies as they are."""

    mimetype = "application/json"

    def loads(self, data: bytes) -> bytes:
        """The body itself."""
        return data

    def dumps(self, data: Any) -> bytes:  # noqa: ANN401 (the client's own signature)
        """The body itself."""
        return bytes(data)


class ElasticEngine:
    """An ``Engine`` over elasticsearch-py."""

    dialect = ELASTICSEARCH

    def __init__(self, address: Address, *, ca_cert: str | None = None) -> None:
        self._address, self._ca_cert = address, ca_cert
        self._opened: Elasticsearch | None = self._open()

    @property
    def _client(self) -> Elasticsearch:
        """The client; one that was closed is opened again."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> Elasticsearch:
        try:
            return Elasticsearch(
                [_node(self._address, self._ca_cert)],
                serializers=dict.fromkeys(_BODIES, _Bytes()),
                request_timeout=TIMEOUT_SECONDS,
                max_retries=0,
                retry_on_status=(),
                retry_on_timeout=False,
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"{self._address} cannot be used: {error}") from error

    def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Send once; every failure on the way is ``StoreUnavailable``."""
        try:
            meta, answer = self._perform(method, path, params, body)
        except UnsupportedProductError as error:
            raise StoreRejected(f"What answers at {self._address} is not Elasticsearch") from error
        return Answer(meta.status, _bytes(answer), meta.headers.get("retry-after"))

    def told_of(self, path: str) -> tuple[Answer, bool]:
        """What whatever listens says to a question, and whether it names itself Elasticsearch."""
        try:
            meta, answer = self._perform("GET", path, None, None)
        except UnsupportedProductError as error:
            meta, answer = error.meta, error.body
        return Answer(meta.status, _bytes(answer)), PRODUCT_HEADER in meta.headers

    def _perform(
        self, method: str, path: str, params: Mapping[str, str] | None, body: object
    ) -> tuple[ApiResponseMeta, object]:
        """The one place where the client's exceptions become ours."""
        payload, headers = payload_and_headers(self._address, body)
        try:
            response = self._client.perform_request(method, path, params=params, headers=headers, body=payload)
        except UnsupportedProductError:
            raise
        except ApiError as error:
            return error.meta, error.body
        except TlsError as error:
            raise StoreRejected(
                f"{self._address}: no trust in its certificate: {error.message}. Name its authority with --ca-cert"
            ) from error
        except ElasticTransportError as error:
            raise StoreUnavailable(f"{self._address} did not answer: {error.message}") from error
        return response.meta, response.body

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None


class ElasticsearchStore(SearchStore):
    """A ``Store`` in Elasticsearch 8 or 9."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "cloudtrail",
        api_key: str | None = None,
        basic: tuple[str, str] | None = None,
        ca_cert: str | None = None,
    ) -> None:
        address = Address.of(url, api_key=api_key, basic=basic)
        super().__init__(ElasticEngine(address, ca_cert=ca_cert), str(address), prefix=prefix)


def _node(address: Address, ca_cert: str | None) -> NodeConfig:
    config = NodeConfig(
        address.scheme, address.host, address.port, path_prefix=address.path, connections_per_node=CONNECTIONS
    )
    if address.scheme == "https" and ca_cert is not None:
        return config.replace(ssl_context=ssl.create_default_context(cafile=ca_cert))
    return config


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return str(body).encode() if body is not None else b""
