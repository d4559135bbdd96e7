"""A third name space: what the SDKs call a service. Its serviceId is ``CloudWatch``, its event source ``monitoring``.

``data/service_ids.tsv`` holds the endpoint of every serviceId of the public SDK models; ``tools/service_ids.py`` writes
it. SDKs differ in blanks and letter case (``API Gateway``, ``ApiGateway``, ``api-gateway``): neither counts.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cloudsearch.actions.hosts import prefixes
from cloudsearch.actions.mapping import UNKNOWN, Mapping, actions_for
from cloudsearch.actions.tables import table

_ODD = re.compile(r"[^a-z0-9]+")
_DOMAIN = ".amazonaws.com"


@lru_cache(maxsize=4096)
def event_source_of(service_id: str) -> str | None:
    """The endpoint's host, as an event source: ``monitoring.amazonaws.com`` of ``CloudWatch``; None of an unknown id.

    A service that is newer than the table is taken for what its id says, where IAM has a prefix like it.
    """
    plain = _plain(service_id)
    if known := _endpoints().get(plain):
        return f"{known}{_DOMAIN}"
    return f"{plain}{_DOMAIN}" if plain and prefixes(f"{plain}{_DOMAIN}") else None


def sdk_actions(service_id: str, api: str) -> Mapping:
    """The actions that an SDK's call needs, as ``actions_for`` tells them. Pure; never raises."""
    source = event_source_of(service_id)
    if source is None:
        return Mapping((), UNKNOWN, f"no service of IAM is known for the SDKs' {service_id}")
    return actions_for(source, api)


@lru_cache(maxsize=1)
def _endpoints() -> dict[str, str]:
    return {_plain(service_id): endpoint for service_id, endpoint in table("service_ids.tsv", 2)}


def _plain(service_id: str) -> str:
    return _ODD.sub("", service_id.lower())
