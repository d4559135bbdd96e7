"""``cloudsearch redrive``."""

from __future__ import annotations

import sys

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    IndexOption,
    KeepSecretsOption,
    MaxWaitOption,
    OutputOption,
    QuietOption,
    ReceiptFormat,
    ReceiptFormatOption,
    StoreOption,
    VerboseOption,
)


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    max_wait: MaxWaitOption = None,
    keep_secrets: KeepSecretsOption = False,  # noqa: FBT002
    how: ReceiptFormatOption = ReceiptFormat.TABLE,
    output: OutputOption = None,
    quiet: QuietOption = False,  # noqa: FBT002
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Try dead letters again: what fits now becomes events.

    What still does not fit stays, with its newest reason, and files that were refused are named: load them again.
    The exit code is 3 while anything is left.

    Example: cloudsearch redrive
    """
    from cloudsearch.cli import aside
    from cloudsearch.cli.output import put
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened, patience
    from cloudsearch.load.redrive import redrive
    from cloudsearch.render.formats import Format
    from cloudsearch.render.progress import Progress
    from cloudsearch.render.receipt import redriven

    log_to_stderr(verbose=verbose)
    with (
        opened(store, index=index, ca_cert=ca_cert, changing=True, max_wait=max_wait, quiet=quiet) as (
            opened_store,
            info,
        ),
        Progress(sys.stderr, quiet=quiet) as progress,
    ):
        aside.take(aside.path(store, index), opened_store, info, progress.note)
        done = redrive(opened_store, info, progress, max_wait=patience(max_wait), keep_secrets=keep_secrets)
    put(redriven(done, Format(how)), output)
    if not done.complete:
        raise typer.Exit(3)
