"""Which hosts client-side monitoring covers, and when."""

from __future__ import annotations

from collections.abc import Iterator

from cloudsearch.render.text import iso
from cloudsearch.reports.monitored import Host, Monitored

_SHOWN = 20
"""Hosts that are named."""


def monitoring(told: Monitored) -> Iterator[tuple[str, str]]:
    """Lines of a report's head."""
    if not told.hosts:
        yield "csm", "no record of client-side monitoring is in the window"
        return
    unknown = f", {told.unknown:,} of them of principals that no log names" if told.unknown else ""
    yield "csm", f"{told.attempts:,} answered attempts of SDK calls{unknown}; what it lacks shows nothing"
    for host in sorted(told.hosts, key=lambda one: -one.records)[:_SHOWN]:
        yield "", line(host)
    if len(told.hosts) > _SHOWN:
        yield "", f"and {len(told.hosts) - _SHOWN:,} more hosts"


def line(host: Host) -> str:
    """A host and its times."""
    span = f"{iso(host.first)} to {iso(host.last)}" if host.first and host.last else "at unknown times"
    return f"host {host.name or '(none is named)'}: {span}, {host.records:,} records"
