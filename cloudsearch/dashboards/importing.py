"""Saved objects sent to Kibana or OpenSearch Dashboards, and what it says of them.

Its import answers 200 also when it took nothing: what counts is ``success``, and each error beside it.
https://www.elastic.co/guide/en/kibana/8.19/saved-objects-api-import.html
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, SSLError
from urllib3.filepost import encode_multipart_formdata

from cloudsearch.dashboards.flavours import Flavour
from cloudsearch.errors import AccessError, DashboardsError, UsageError
from cloudsearch.stores.engine import Address

TIMEOUT_SECONDS = 55.0
PORT = 5601

_SPACE = re.compile(r"[a-z0-9_-]{1,100}")
_TENANT = re.compile(r"[ -~]{1,200}")


@dataclass(frozen=True, slots=True)
class Target:
    """A product at an address; ``part`` is Kibana's space or OpenSearch Dashboards' tenant, None the usual one."""

    flavour: Flavour
    address: Address
    part: str | None = None

    @property
    def path(self) -> str:
        """The path of its import."""
        in_space = self.part and not self.flavour.tenant and self.part != "default"
        return f"{self.address.path}{f'/s/{self.part}' if in_space else ''}/api/saved_objects/_import?overwrite=true"

    @property
    def headers(self) -> dict[str, str]:
        """What a request bears: the header that no other site can make a browser send, and who we are."""
        headers = {self.flavour.xsrf: "true", "accept": "application/json"}
        if self.address.authorization is not None:
            headers["authorization"] = self.address.authorization
        if self.part and self.flavour.tenant:
            headers[self.flavour.tenant] = self.part
        return headers


def target(
    flavour: Flavour,
    url: str,
    *,
    part: str | None = None,
    api_key: str | None = None,
    basic: tuple[str, str] | None = None,
) -> Target:
    """Where to send; ``UsageError`` for a URL or a part that is none, and for credentials that would travel openly."""
    pattern = _TENANT if flavour.tenant else _SPACE
    if part is not None and not pattern.fullmatch(part):
        raise UsageError(f"{part!r} cannot be the name of a {'tenant' if flavour.tenant else 'space'}")
    key = api_key if flavour.takes_api_keys else None
    return Target(flavour, Address.of(url, api_key=key, basic=basic, what=flavour.product, http_port=PORT), part)


class _Of(msgspec.Struct):
    type: str = ""
    id: str = ""


class _Error(msgspec.Struct):
    type: str = "unknown"
    message: str = ""
    references: list[_Of] = []


class _Meta(msgspec.Struct):
    title: str = ""


class _Failed(msgspec.Struct):
    type: str = ""
    id: str = ""
    title: str = ""
    meta: _Meta = msgspec.field(default_factory=_Meta)
    error: _Error = msgspec.field(default_factory=_Error)

    def __str__(self) -> str:
        title = self.meta.title or self.title
        return f"{self.type} {title or self.id}: {_said(self.error)}"


class _Answer(msgspec.Struct, rename="camel"):
    success: bool
    success_count: int = 0
    errors: list[_Failed] = []


class _Refusal(msgspec.Struct):
    message: str = ""


def push(where: Target, objects: str, *, ca_cert: Path | None = None) -> int:
    """Import saved objects, each in the place of one with its id; how many there are now.

    ``AccessError`` for credentials, ``DashboardsError`` for everything else that was not taken, with a note for each
    object; nothing is known of the objects then, and pushing again is safe.
    """
    data = objects.encode()
    # Made of the content, so that it is not in it, and the same request has the same bytes.
    boundary = hashlib.sha256(data).hexdigest()
    part = (where.flavour.file, data, "application/x-ndjson")
    body, content_type = encode_multipart_formdata({"file": part}, boundary=boundary)
    status, answer = _send(where, {**where.headers, "content-type": content_type}, body, ca_cert)
    if status != 200:
        raise _refused(where, status, answer)
    return _taken(where, answer, objects.count("\n"))


def _send(where: Target, headers: Mapping[str, str], body: bytes, ca_cert: Path | None) -> tuple[int, bytes]:
    """The one place where the client's exceptions become ours. A redirect is not followed: it leads to a login."""
    address = where.address
    url = (
        f"{address.scheme}://{f'[{address.host}]' if ':' in address.host else address.host}:{address.port}{where.path}"
    )
    try:
        context = ssl.create_default_context(cafile=ca_cert)
    except OSError as error:
        raise UsageError(f"{ca_cert} cannot be used as an authority: {error}") from error
    with urllib3.PoolManager(ssl_context=context, timeout=TIMEOUT_SECONDS, retries=False) as pool:
        try:
            answer = pool.request("POST", url, headers=headers, body=body, redirect=False)
        except SSLError as error:
            raise DashboardsError(
                f"{address}: no trust in its certificate: {error}. Name its authority with --ca-cert"
            ) from error
        except HTTPError as error:
            raise DashboardsError(f"{where.flavour} at {address} did not answer: {error}") from error
    return answer.status, answer.data


def _refused(where: Target, status: int, answer: bytes) -> AccessError | DashboardsError:
    """The error that a status stands for, with the answer's own words and advice."""
    text = f"{where.flavour} at {where.address} took nothing: {_words(answer)} (HTTP {status})"
    if status in {401, 403}:
        return AccessError(f"{text}. {_advice(where)}")
    if 300 <= status < 400:
        return AccessError(f"{text}. It wants somebody to sign in. {_advice(where)}")
    hints = {
        404: f"Is that the address of {where.flavour}, with its base path?",
        409: "Somebody else changes the same objects; try again",
        413: "Something in front of it takes no more: raise server.maxPayload, savedObjects.maxImportPayloadBytes or "
        "the proxy's own limit",
        429: "It has too much to do; try again",
        503: "It is not ready yet; try again",
    }
    return DashboardsError(f"{text}. {hints[status]}" if status in hints else text)


def _advice(where: Target) -> str:
    ways = "CLOUDSEARCH_USERNAME and CLOUDSEARCH_PASSWORD"
    if where.flavour.takes_api_keys:
        ways = f"CLOUDSEARCH_API_KEY, or {ways}"
    return f"Check {ways}, and that they may write saved objects there"


def _words(answer: bytes) -> str:
    try:
        said = msgspec.json.decode(answer, type=_Refusal).message
    except (msgspec.DecodeError, RecursionError):
        said = ""
    return said or " ".join(answer[:200].decode("utf-8", "replace").split()) or "no word of why"


def _taken(where: Target, answer: bytes, sent: int) -> int:
    try:
        found = msgspec.json.decode(answer, type=_Answer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DashboardsError(f"What answers at {where.address} is not {where.flavour}: {_words(answer)}") from error
    if found.success and not found.errors and found.success_count == sent:
        return found.success_count
    failure = DashboardsError(
        f"{where.flavour} at {where.address} took {found.success_count} of {sent} saved objects. "
        "Pushing again replaces those"
    )
    for one in found.errors:
        failure.add_note(str(one))
    raise failure


def _said(error: _Error) -> str:
    """An error of an object, in words: its type is what is documented."""
    match error.type:
        case "missing_references":
            missing = ", ".join(f"{one.type} {one.id}" for one in error.references)
            return f"refers to what is not there: {missing}"
        case "conflict" | "ambiguous_conflict":
            return f"{error.type.replace('_', ' ')}: another object stands in its place, perhaps in another space"
        case "unsupported_type":
            return "objects of this type cannot be imported there"
    return f"{error.type}: {error.message}" if error.message else error.type
