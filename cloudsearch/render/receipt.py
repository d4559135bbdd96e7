"""What a load did, and how it goes while it does."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cloudsearch.load import Receipt
from cloudsearch.load.purge import Purged
from cloudsearch.load.rederive import Rederived
from cloudsearch.load.redrive import Redriven
from cloudsearch.render.formats import Format


def receipt(done: Receipt, how: Format) -> Iterator[str]:
    """The receipt as lines or as one JSON object."""
    if how is not Format.TABLE:
        yield msgspec.json.encode(done.as_json()).decode()
        return
    yield (
        f"{done.listed:,} log files: {done.loaded:,} loaded, {done.already_loaded:,} already loaded, "
        f"{done.refused:,} refused"
    )
    if done.digests or done.not_log_files:
        yield f"skipped: {done.digests:,} digest files, {done.not_log_files:,} that are not log files"
    yield (
        f"{done.read:,} records: {done.created:,} new, {done.existing:,} already there, "
        f"{done.dead_lettered:,} in the dead letters"
    )
    rate = f", {done.read / done.seconds:,.0f} records/s" if done.seconds and done.read else ""
    yield f"{done.seconds:.1f} s{rate}"


def redriven(done: Redriven, how: Format) -> Iterator[str]:
    """What became of the dead letters, as lines or as one JSON object."""
    if how is not Format.TABLE:
        yield msgspec.json.encode(done.as_json()).decode()
        return
    yield (
        f"{done.read:,} dead letters: {done.created:,} new, {done.existing:,} already there, "
        f"{done.dead_lettered:,} that stay"
    )
    if done.refused or done.loaded:
        yield f"{done.refused:,} refused files to load again, {done.loaded:,} loaded since"
    yield f"{done.seconds:.1f} s"


def rederived(done: Rederived, how: Format) -> Iterator[str]:
    """What became of rows of an older derivation, as lines or as one JSON object."""
    if how is not Format.TABLE:
        yield msgspec.json.encode(done.as_json()).decode()
        return
    yield f"{done.read:,} older events: {done.renewed:,} renewed, {done.left:,} left as they are"
    rate = f", {done.read / done.seconds:,.0f} events/s" if done.seconds and done.read else ""
    yield f"{done.seconds:.1f} s{rate}"


def purged(done: Purged, how: Format) -> Iterator[str]:
    """What was removed, as lines or as one JSON object."""
    if how is not Format.TABLE:
        yield msgspec.json.encode(done.as_json()).decode()
        return
    verb = "to remove" if done.dry_run else "removed"
    for (account, month), count in done.months.items():
        yield f"{count:,} events of {account or 'no account'}, {month}"
    yield f"{verb}: {done.events:,} events, {done.dead_letters:,} dead letters"
    yield f"{done.seconds:.1f} s"
