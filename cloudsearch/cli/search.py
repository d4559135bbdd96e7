"""``cloudsearch search``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

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
from cloudsearch.errors import CloudsearchError, StoreUnavailable, UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.reports.search import Asked, Column
    from cloudsearch.store import Store, StoreInfo


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY", help="What to look for, in Lucene's words; * finds every event.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="How many, the newest; 0 is all.")] = 100,
    fields: Annotated[
        list[str] | None,
        typer.Option("--fields", metavar="NAME,...", help="What to show of each; record is all of it. Repeatable."),
    ] = None,
    open_: Annotated[
        str | None, typer.Option("--open", metavar="EVENT_ID", help="Show this one event whole, instead of a search.")
    ] = None,
    follow: Annotated[  # noqa: FBT002
        bool, typer.Option("--follow", help="Go on with events as they are loaded, until Ctrl-C.")
    ] = False,
    interval: Annotated[
        float, typer.Option("--interval", min=0.1, metavar="SECONDS", help="How often --follow looks.")
    ] = 10.0,
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
    """Find events: by names of CloudTrail's records, of the Elastic Common Schema, and of our own.

    Words beside one another are alternatives, as in Kibana: write AND between them where all must hold. A word
    without a field is looked for anywhere in the record. Fields take values, "quoted values", * and ?,
    [a TO b], >=, (a OR b); times may be as short as 2026-08, or now-7d.

    Example: cloudsearch search 'eventName:Delete* AND NOT user.name:deploy' --since 7d
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import say
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.search import USUAL
    from cloudsearch.reports.query import doubts, parse
    from cloudsearch.reports.search import DEFAULT_FIELDS, Asked, columns
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    if (query is None) == (open_ is None):
        raise UsageError("Give either a query or --open EVENT_ID; * finds every event")
    if open_ is not None:
        with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
            _show_one(opened_store, open_, how, output)
        return
    now = datetime.now(UTC)
    asked = Asked(parse(query or "", now=now), window(since, until, now=now), account or (), limit)
    names = [name.strip() for one in fields or () for name in one.split(",") if name.strip()]
    shown = columns(names if fields else USUAL if how is Format.TABLE else DEFAULT_FIELDS)
    for doubt in doubts(asked.where):
        say(f"note: {doubt}")
    if follow:
        if how not in (Format.TABLE, Format.JSONL, Format.CSV) or output is not None:
            raise UsageError("--follow never ends: it prints as a table, jsonl or csv, and to no file")
        _follow(lambda quiet: opened(store, index=index, ca_cert=ca_cert, quiet=quiet), asked, shown, how, interval)
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        _show(opened_store, asked, shown, how, output)


def _follow(
    opened: Callable[[bool], AbstractContextManager[tuple[Store, StoreInfo]]],
    asked: Asked,
    shown: list[Column],
    how: Format,
    interval: float,
) -> NoReturn:
    """The newest events, and then those that come, the earliest first.

    The store is opened for each look: a file that stays open cannot be loaded into. While somebody writes to it there
    is nothing to see.
    """
    import time
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, width
    from cloudsearch.render.page import Page
    from cloudsearch.render.search import events
    from cloudsearch.reports.search import Following, search, told

    names = [column.name for column in shown]
    following, headed = Following(asked, datetime.now(UTC)), True
    with opened(False) as (store, _):
        found = list(search(store, asked, shown))[::-1]
        following.new(store, shown, datetime.now(UTC))
    while True:
        if found:
            put(events(told(iter(found), shown), names, how, Page("Events"), width=width(), headed=headed), None)
            headed = False
        time.sleep(interval)
        found = []
        with suppress(StoreUnavailable), opened(True) as (store, _):
            found = following.new(store, shown, datetime.now(UTC))


def _show(store: Store, asked: Asked, shown: list[Column], how: Format, output: Path | None) -> None:
    from dataclasses import replace

    from cloudsearch.cli.output import put, say, width
    from cloudsearch.render.page import Page
    from cloudsearch.render.search import events, foot
    from cloudsearch.reports.search import search, told

    counted = _Counted(asked.limit)
    one_more = replace(asked, limit=asked.limit + 1 if asked.limit else 0)
    rows = counted.over(told(search(store, one_more, shown), shown))
    names = [column.name for column in shown]
    put(events(rows, names, how, Page("Events"), width=width() if output is None else None), output)
    for line in foot(counted.shown, more=counted.more):
        say(line)


class _Counted:
    """Counts rows on their way, and holds back the one that only tells that there are more."""

    def __init__(self, limit: int) -> None:
        self.limit, self.shown, self.more = limit, 0, False

    def over(self, rows: Iterator[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
        for row in rows:
            if self.limit and self.shown == self.limit:
                self.more = True
                return
            self.shown += 1
            yield row


def _show_one(store: Store, id_: str, how: Format, output: Path | None) -> None:
    """An event in a table's place whole and for people; in other formats its record."""
    import sys

    from cloudsearch.cli.output import put, width
    from cloudsearch.render.machine import render
    from cloudsearch.render.page import Page
    from cloudsearch.render.search import whole
    from cloudsearch.reports.search import Column, event, told

    found = event(store, id_)
    if not found:
        raise CloudsearchError(f"There is no event {id_}. Its id is what search shows with --fields id")
    if how is not Format.TABLE:
        put(render(told(iter(found), [Column("record", None)]), ["record"], how, Page(f"Event {id_}")), output)
        return
    colour = output is None and sys.stdout.isatty()
    put((line for row in found for line in whole(row, colour=colour, width=width())), output)
