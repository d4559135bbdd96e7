"""``cloudsearch load``."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    IndexOption,
    OutputOption,
    ReceiptFormat,
    StoreOption,
    VerboseOption,
)


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Log files, and folders of them.")],
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: Annotated[ReceiptFormat, typer.Option("--format", help="How to print the receipt.")] = ReceiptFormat.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Load CloudTrail log files into the store.

    Files that are loaded already are left alone, so the same command can be run again and again. What is broken is
    named on stderr, kept in the dead letters, and never stops the rest; the exit code is 3 then.

    Example: cloudsearch load ./AWSLogs
    """
    from cloudsearch.cli.output import put
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.load import Load
    from cloudsearch.logs import find
    from cloudsearch.render.formats import Format
    from cloudsearch.render.progress import Progress
    from cloudsearch.render.receipt import receipt

    log_to_stderr(verbose=verbose)
    # Rows live for one chunk and hold no cycles; looking for some every few hundred rows costs an eighth of the time.
    gc.set_threshold(50_000, 20, 100)
    own = {str(Path(f"{store}{ending}").resolve()) for ending in ("", ".wal", ".chunk")}
    with (
        opened(store, index=index, ca_cert=ca_cert, loading=True) as (opened_store, info),
        Progress(sys.stderr) as progress,
    ):
        loading = Load(opened_store, info, progress)
        try:
            loading.run(source for source in find(paths) if source.name not in own)
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
    put(receipt(loading.receipt, Format(how)), output)
    if interrupted:
        raise typer.Exit(130)
    if not loading.receipt.complete:
        raise typer.Exit(3)
