"""``cloudsearch load --csm``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cloudsearch.cli.options import ReceiptFormat
from cloudsearch.cli.output import put, say
from cloudsearch.errors import UsageError

if TYPE_CHECKING:
    from cloudsearch.cli.sources import Sources


def load(  # noqa: PLR0913, PLR0917 (what a load is told)
    sources: Sources,
    store: str,
    index: str,
    ca_cert: Path | None,
    max_wait: float | None,
    how: ReceiptFormat,
    output: Path | None,
    *,
    quiet: bool,
    dry_run: bool,
) -> None:
    """Load archives of client-side monitoring, and print the receipt."""
    from cloudsearch.cli.stores import opened, patience
    from cloudsearch.load.archives import ArchiveLoad
    from cloudsearch.render.formats import Format
    from cloudsearch.render.progress import Progress
    from cloudsearch.render.receipt import receipt

    if dry_run:
        raise UsageError("--dry-run is for logs of CloudTrail: leave it out, or --csm")
    interrupted = False
    loading: ArchiveLoad | None = None
    try:
        with (
            opened(store, index=index, ca_cert=ca_cert, loading=True, max_wait=max_wait, quiet=quiet) as (kept, info),
            Progress(sys.stderr, quiet=quiet) as progress,
        ):
            loading = ArchiveLoad(kept, info, progress, max_wait=patience(max_wait))
            loading.run(sources.found(say))
    except KeyboardInterrupt:
        interrupted = True
    if loading is not None:
        put(receipt(loading.receipt, Format(how)), output)
    if interrupted:
        raise typer.Exit(130)
    if loading is None or not loading.receipt.complete:
        raise typer.Exit(3)
