"""Elasticsearch: elasticsearch-py as a thin client under the store that all search engines share.

Bodies go out and come back as bytes: what is sent is ready-made, and a record must come back byte for byte, which
no decoded answer gives. Retrying is the caller's: the transport tries once.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

import msgspec
from elastic_transport import NodeConfig, Serializer, TlsError
from elastic_transport import TransportError as ElasticTransportError
from elasticsearch import ApiError, Elasticsearch, UnsupportedProductError
from isal import igzip

from cloudsearch.errors import StoreRejected, StoreUnavailable, UsageError
from cloudsearch.stores.engine import KEEP_ALIVE, Address, Answer, Engine, answered
from cloudsearch.stores.searching import SearchStore

TIMEOUT_SECONDS = 55.0  # Amazon's proxies close at 60: better our own word than theirs
COMPRESS_FROM = 1024
CONNECTIONS = 16

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


class _Snapshot(msgspec.Struct):
    id: str


class ElasticEngine:
    """An ``Engine`` over elasticsearch-py."""

    tie_break = "_shard_doc"

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
                api_key=self._address.api_key,
                basic_auth=self._address.basic,
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
        lines = isinstance(body, bytes)
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/x-ndjson" if lines else "application/json"
        # Escapes keep a lone surrogate in a question from making the whole request invalid UTF-8.
        payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if not self._address.is_loopback:
            headers["accept-encoding"] = "gzip"
            if payload is not None and len(payload) >= COMPRESS_FROM:
                headers["content-encoding"] = "gzip"
                payload = igzip.compress(payload, compresslevel=1)
        return self._send(method, path, params, headers, payload)

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        headers: dict[str, str],
        payload: bytes | None,
    ) -> Answer:
        """The one place where the client's exceptions become ours."""
        try:
            response = self._client.perform_request(method, path, params=params, headers=headers, body=payload)
        except UnsupportedProductError as error:
            raise StoreRejected(f"What answers at {self._address} is not Elasticsearch") from error
        except ApiError as error:
            return Answer(error.meta.status, _bytes(error.body))
        except TlsError as error:
            raise StoreRejected(
                f"{self._address}: no trust in its certificate: {error.message}. Name its authority with --ca-cert"
            ) from error
        except ElasticTransportError as error:
            raise StoreUnavailable(f"{self._address} did not answer: {error.message}") from error
        return Answer(response.meta.status, _bytes(response.body))

    def open_snapshot(self, index: str) -> str:
        """Open a point in time."""
        answer = self.request("POST", f"/{index}/_pit", params={"keep_alive": KEEP_ALIVE})
        return answered(answer, _Snapshot, f"Reading {index}").id

    def close_snapshot(self, snapshot: str) -> None:
        """Close a point in time; one that is gone already is fine."""
        self.request("DELETE", "/_pit", body={"id": snapshot})

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
        engine: Engine = ElasticEngine(address, ca_cert=ca_cert)
        super().__init__(engine, str(address), prefix=prefix)


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
