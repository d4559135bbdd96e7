"""``cloudsearch purge``."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    IndexOption,
    OutputOption,
    ReceiptFormat,
    ReceiptFormatOption,
    StoreOption,
    VerboseOption,
)
from cloudsearch.errors import UsageError

if TYPE_CHECKING:
    from cloudsearch.load.purge import Chosen


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="DATE", help="Events before this day (UTC), or older than 400d."),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="Events that this account's trails delivered. Repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,  # noqa: FBT002
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: ReceiptFormatOption = ReceiptFormat.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Remove old events, or an account's, for good, and say what was removed.

    With both flags, an account's old events. The log files stay known, so no load brings the events back, and
    reports do not count the purged days as observed. Nothing is asked: try --dry-run first.

    Example: cloudsearch purge --before 400d
    """
    from cloudsearch.cli.output import put
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.load.purge import purge
    from cloudsearch.render.formats import Format
    from cloudsearch.render.receipt import purged

    log_to_stderr(verbose=verbose)
    what = _chosen(before, account or [])
    with opened(store, index=index, ca_cert=ca_cert, changing=not dry_run) as (opened_store, _):
        done = purge(opened_store, what, dry_run=dry_run)
    put(purged(done, Format(how)), output)


def _chosen(before: str | None, accounts: list[str]) -> Chosen:
    from cloudsearch.load.purge import Chosen

    if not before and not accounts:
        raise UsageError("Say what to remove: --before DATE, --account ID, or both")
    for account in accounts:
        if not (len(account) == 12 and account.isascii() and account.isdigit()):
            raise UsageError(f"--account {account!r} is no account id: write its twelve digits")
    return Chosen(_day(before) if before else None, tuple(dict.fromkeys(accounts)))


def _day(text: str) -> date:
    """The first day that stays: days go whole, so that none is left that seems quiet and is not."""
    from cloudsearch.reports.window import window

    moment = window(text, None, now=datetime.now(UTC)).since
    if moment is None or (moment.time() != time() and not text.strip().endswith("d")):
        raise UsageError(f"--before {text!r} is no day: write 2026-08-31, or 400d")
    return moment.date()
