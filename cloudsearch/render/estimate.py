"""What a load would do, before it does it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cloudsearch.load.estimate import Estimate, figures
from cloudsearch.render.formats import Format


def estimate(found: Estimate, how: Format) -> Iterator[str]:
    """The estimate as lines or as one JSON object."""
    if how is not Format.TABLE:
        yield msgspec.json.encode(found.as_json()).decode()
        return
    of = figures()
    yield (
        f"{found.listed:,} files: {found.to_load:,} to load ({_size(found.bytes)}), {found.already_loaded:,} already "
        f"loaded, {found.refused:,} refused"
    )
    if found.digests:
        yield f"skipped: {found.digests:,} digest files"
    if found.lists or found.gets:
        yield f"requests: {found.lists:,} list, {found.gets:,} get; about {found.dollars:,.4f} USD"
        yield f"  at the prices of {of.prices.what} ({of.prices.source})"
    yield (
        f"about {found.records:,} records, {_time(found.seconds)}, and {_size(found.store_bytes)} in the "
        f"{'indices' if found.into_search else 'file'}"
    )
    yield f"  on {of.basis}"


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
