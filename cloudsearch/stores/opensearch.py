"""OpenSearch: opensearch-py as a thin client under the store that all search engines share.

A connection of the library is used without its transport, which decodes what it gives back and tries again by
itself: bodies go out and come back as bytes, and retrying is the caller's.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from opensearchpy import ConnectionError as NoConnection
from opensearchpy import ConnectionTimeout, SSLError, Urllib3HttpConnection

from cloudsearch.errors import StoreRejected, StoreUnavailable, UsageError
from cloudsearch.stores.amazon import Scope
from cloudsearch.stores.dialect import OPENSEARCH
from cloudsearch.stores.engine import CONNECTIONS, TIMEOUT_SECONDS, Address, Answer, payload_and_headers
from cloudsearch.stores.searching import SearchStore

Sign = Callable[[str, str, bytes | None], Mapping[str, str]]
"""The headers that sign a request: of its method, whole URL and body."""

_ANY_ERROR = range(300, 600)

# It would log the body of every request, which is what the records hold.
logging.getLogger("opensearchpy.trace").disabled = True


class OpenEngine:
    """An ``Engine`` over opensearch-py."""

    dialect = OPENSEARCH

    def __init__(self, address: Address, *, ca_cert: str | None = None, sign: Sign | None = None) -> None:
        self._address, self._sign = address, sign
        self._connection = _connection(address, ca_cert)

    def request(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Send once; every failure on the way is ``StoreUnavailable``."""
        payload, headers = payload_and_headers(self._address, body)
        target = f"{path}?{urlencode(params)}" if params else path
        if self._sign is not None:
            headers |= self._sign(method, f"{self._address}{target}", payload)
        return self._send(method, target, headers, payload)

    def _send(self, method: str, target: str, headers: Mapping[str, str], payload: bytes | None) -> Answer:
        """The one place where the client's exceptions become ours."""
        try:
            status, told, text = self._connection.perform_request(
                method, target, body=payload, headers=headers, ignore=_ANY_ERROR
            )
        except SSLError as error:
            raise StoreRejected(
                f"{self._address}: no trust in its certificate: {error.error}. Name its authority with --ca-cert"
            ) from error
        except ConnectionTimeout as error:
            raise StoreUnavailable(f"{self._address} did not answer in {TIMEOUT_SECONDS:.0f} seconds") from error
        except NoConnection as error:
            raise StoreUnavailable(f"{self._address} did not answer: {error.error}") from error
        return Answer(status, text.encode("utf-8", "surrogatepass"), told.get("retry-after"))

    def close(self) -> None:
        """Close the connections; a request opens new ones."""
        self._connection.close()


class OpenSearchStore(SearchStore):
    """A ``Store`` in OpenSearch 2.19 or 3; with a scope, requests are signed for Amazon's service."""

    def __init__(  # noqa: PLR0913 (what a connection may need)
        self,
        url: str,
        *,
        prefix: str = "cloudtrail",
        api_key: str | None = None,
        basic: tuple[str, str] | None = None,
        ca_cert: str | None = None,
        scope: Scope | None = None,
    ) -> None:
        address = Address.of(url, api_key=api_key, basic=basic, signed=scope is not None)
        engine = OpenEngine(address, ca_cert=ca_cert, sign=_signer(scope))
        super().__init__(engine, str(address), prefix=prefix)


def _signer(scope: Scope | None) -> Sign | None:
    if scope is None:
        return None
    from cloudsearch.stores.signing import Signer

    return Signer(scope)


def _connection(address: Address, ca_cert: str | None) -> Urllib3HttpConnection:
    options: dict[str, Any] = {}
    try:
        if address.scheme == "https" and ca_cert is not None:
            options["ssl_context"] = ssl.create_default_context(cafile=ca_cert)
        return Urllib3HttpConnection(
            host=address.host,
            port=address.port,
            use_ssl=address.scheme == "https",
            url_prefix=address.path,
            timeout=TIMEOUT_SECONDS,
            pool_maxsize=CONNECTIONS,
            **options,
        )
    except (OSError, ValueError) as error:
        raise UsageError(f"{address} cannot be used: {error}") from error
