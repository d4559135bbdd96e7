"""Whose call is it: the service prefixes of IAM that an event source's host stands for.

In most of AWS the host's first part is the prefix. ``data/hosts.tsv`` holds those that differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from cloudsearch import catalogue
from cloudsearch.actions.tables import table

_SUFFIX = re.compile(r"\.(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$|\.amazon\.com$|\.aws\.internal$")
_ODD = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4096)
def prefixes(event_source: str) -> tuple[str, ...]:
    """IAM's service prefixes for ``monitoring.amazonaws.com``, the likeliest first; none for an unknown host."""
    host = label(event_source)
    return next((found for name in _names(host) if (found := _known(name))), ())


def label(event_source: str) -> str:
    """The host without AWS's domain, in lower case: ``models.lex`` of ``models.lex.amazonaws.com``."""
    host = event_source.strip().lower()
    whole = host.removesuffix(".cn").removesuffix(".amazonaws.com")
    return whole if whole != host else _SUFFIX.sub("", host)


def _names(host: str) -> Iterator[str]:
    """The host itself, then its first and its last dotted part."""
    yield host
    if "." in host:
        yield host.partition(".")[0]
        yield host.rpartition(".")[2]


def _known(name: str) -> tuple[str, ...]:
    plain = _plain(name)
    curated = _curated().get(plain)
    if curated is not None:
        return curated
    prefix = _by_plain_name().get(plain)
    return (prefix,) if prefix else ()


@lru_cache(maxsize=1)
def _curated() -> dict[str, tuple[str, ...]]:
    return {_plain(host): tuple(prefix.split(",")) for host, prefix in table("hosts.tsv", 2)}


@lru_cache(maxsize=1)
def _by_plain_name() -> dict[str, str]:
    return {_plain(prefix): prefix for prefix in catalogue.services()}


def _plain(name: str) -> str:
    return _ODD.sub("", name.lower())
