"""``cloudsearch compare``."""

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
        list[str] | None, typer.Option("--account", metavar="ID", help="Only calls of this account. Repeatable.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Compare what SDKs called, as client-side monitoring recorded it, with what CloudTrail logged.

    Joined by request id, else by access key, call and time. Tells which calls were logged, which were not, of which
    nobody can say, and which only CloudTrail has, on the days of which there are records.

    Example: cloudsearch compare --since 7d
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.compare import compare as rendered
    from cloudsearch.render.compare import foot
    from cloudsearch.render.text import folded
    from cloudsearch.reports.compare import compare
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    span = window(since, until, now=datetime.now(UTC))
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        found = compare(opened_store, span, account or ())
    lines = rendered(found, how, width=width())
    if how is Format.TABLE:
        below = (part for line in foot(found) for part in folded(line, width()))
        put([*lines, *below], output)
        return
    for line in () if how.is_document else foot(found):
        say(line)
    put(lines, output)
