"""``cloudsearch top``."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
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
from cloudsearch.errors import UsageError
from cloudsearch.render.formats import Format

_DAYS = re.compile(r"([1-9]\d{0,4})d", re.ASCII)


class Key(StrEnum):
    """What ``--by`` takes."""

    ACTION = "action"
    PRINCIPAL = "principal"
    SERVICE = "service"
    REGION = "region"
    ERROR = "error"
    ADDRESS = "address"
    AGENT = "agent"


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    by: Annotated[Key, typer.Option("--by", help="What calls are counted by.", show_default=False)],
    compare: Annotated[
        str | None, typer.Option("--compare", metavar="7d", help="The last 7 days, and the change from the 7 before.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="How many; 0 is all.")] = 20,
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
    """Count the most frequent actions, principals, services, regions, errors, addresses or agents.

    Calls are counted once, refused ones too; sign-ins and what services tell of themselves are no calls.

    Example: cloudsearch top --by principal --compare 7d
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.top import foot
    from cloudsearch.render.top import top as rendered
    from cloudsearch.reports.top import By, Ranking, top
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    length = _length(compare) if compare else None
    span = window(since, until, now=datetime.now(UTC))
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        found = top(opened_store, span, Ranking(By(by.value), limit, account or (), length))
    lines = rendered(found, how, width=width())
    if how is Format.TABLE:
        put([*lines, "", *foot(found)], output)
        return
    for line in () if how.is_document else foot(found):
        say(line)
    put(lines, output)


def _length(text: str) -> timedelta:
    days = _DAYS.fullmatch(text.strip())
    if not days:
        raise UsageError(f"--compare {text!r}: write a number of days, such as 7d")
    return timedelta(days=int(days[1]))
