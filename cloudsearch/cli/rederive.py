"""``cloudsearch rederive``."""

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
    """Renew derived fields of events that an older cloudsearch loaded, from the records themselves.

    It goes month by month and can be stopped at any time: run it again to go on.

    Example: cloudsearch rederive
    """
    from cloudsearch.cli.output import put
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened, patience
    from cloudsearch.load.rederive import rederive
    from cloudsearch.render.formats import Format
    from cloudsearch.render.progress import Progress
    from cloudsearch.render.receipt import rederived
    from cloudsearch.store import older_derivation

    log_to_stderr(verbose=verbose)
    with (
        opened(store, index=index, ca_cert=ca_cert, changing=True, max_wait=max_wait, quiet=True) as (
            opened_store,
            info,
        ),
        Progress(sys.stderr, quiet=quiet) as progress,
    ):
        for notice in info.notices:
            if notice != older_derivation(info.name):  # which names this command
                progress.note(f"note: {notice}")
        done = rederive(opened_store, info, progress, max_wait=patience(max_wait), keep_secrets=keep_secrets)
    put(rederived(done, Format(how)), output)
    if done.left:
        raise typer.Exit(3)
