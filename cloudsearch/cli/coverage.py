"""``cloudsearch coverage``."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    FormatOption,
    IndexOption,
    OutputOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.render.formats import Format


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    since: SinceOption = None,
    until: UntilOption = None,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="Only logs of this account. Repeatable."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Show which days the store holds of each account and region, and how far they can be trusted.

    proven: digests show that all is there. loaded: there are events. quiet, unproven: there are none, yet the account
    has some elsewhere that day. gap: nothing is known, or something is missing.

    Example: cloudsearch coverage --since 90d
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.coverage import coverage
    from cloudsearch.reports.days import days
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    span = window(since, until, now=datetime.now(UTC))
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        rows = days(opened_store, span, account or ())
    put(coverage(rows, how, width=width()), output)
