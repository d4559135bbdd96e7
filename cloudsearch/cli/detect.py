"""``cloudsearch detect``."""

from __future__ import annotations

from pathlib import Path
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
from cloudsearch.errors import GateTripped
from cloudsearch.render.formats import Format


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    rules: Annotated[
        list[Path],
        typer.Argument(metavar="RULES...", help="Files of Sigma rules, or folders of them.", show_default=False),
    ],
    fail_on_hit: Annotated[  # noqa: FBT002
        bool, typer.Option("--fail-on-hit", help="Exit with 10 when a rule has a hit, or could not be run.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=0, metavar="N", help="Events told of each rule, the newest; 0 is all.")
    ] = 20,
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
    """Run Sigma rules for CloudTrail over the events: hits of each rule, with the events.

    A rule that asks for more than single events (a correlation, an aggregation, a timeframe) or for a regular
    expression is not run, and is named with the reason.

    Example: cloudsearch detect rules/ --since 1d --fail-on-hit
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.detect import detections, foot
    from cloudsearch.reports.detect import Status, detect
    from cloudsearch.reports.search import Asked
    from cloudsearch.reports.sigma import rules as rules_in
    from cloudsearch.reports.window import window
    from cloudsearch.where import Everything

    log_to_stderr(verbose=verbose)
    asked = Asked(Everything(), window(since, until, now=datetime.now(UTC)), account or (), limit)
    read = rules_in(rules)
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        found = list(detect(opened_store, read, asked))
    put(detections(found, how, width=width() if output is None else None), output)
    for line in foot(found):
        say(line)
    if fail_on_hit and any(one.status is not Status.NO_HIT for one in found):
        raise GateTripped("A rule has a hit, or could not be run (--fail-on-hit)")
