"""``cloudsearch denied``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    AccountOption,
    CaCertOption,
    FormatOption,
    IndexOption,
    OutputOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.errors import GateTripped, UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.cli.mailing import Mailing
    from cloudsearch.reports.activity import Day
    from cloudsearch.reports.denied import Denied
    from cloudsearch.reports.window import Window

ServicesOption = Annotated[
    bool, typer.Option("--include-services", help="Also what AWS's own services were refused when they look around.")
]
WeeklyOption = Annotated[
    bool, typer.Option("--weekly", help="A summary that fits a mail, of the last 7 days unless --since says otherwise.")
]
EmailOption = Annotated[
    list[str] | None,
    typer.Option("--email", metavar="ADDRESS", help="Send the summary there, as text and HTML. Repeatable."),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", envvar="CLOUDSEARCH_MAIL_FROM", metavar="ADDRESS", help="The address to send from."),
]
SmtpOption = Annotated[
    str | None,
    typer.Option(
        "--smtp",
        envvar="CLOUDSEARCH_SMTP",
        metavar="URL",
        help=(
            "Send through this server: smtp://HOST[:25] or smtps://HOST[:465]; name and password only from "
            "CLOUDSEARCH_SMTP_USERNAME and CLOUDSEARCH_SMTP_PASSWORD. [default: Amazon SES]"
        ),
    ),
]
MailDryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the mail instead of sending it.")]
FailOnOption = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="denied[>N]",
        help="Exit with 10 if more than N calls were refused (0 if not said), or if the logs cannot tell.",
    ),
]


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    since: SinceOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    include_services: ServicesOption = False,  # noqa: FBT002
    weekly: WeeklyOption = False,  # noqa: FBT002
    email: EmailOption = None,
    sender: FromOption = None,
    smtp: SmtpOption = None,
    dry_run: MailDryRunOption = False,  # noqa: FBT002
    fail_on: FailOnOption = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """List refused calls: who, what, why, where, since when, and what would help.

    new: the period before, as long as this one, has none like it. ?: its logs cannot tell.

    Example: cloudsearch denied --since 7d
    """
    from datetime import UTC

    from cloudsearch.cli.mailing import mailing
    from cloudsearch.cli.output import put, say
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.reports.denied import denied, refused_days

    log_to_stderr(verbose=verbose)
    limit = _limit(fail_on)
    mail = mailing(email or (), sender, smtp, dry_run=dry_run)
    span = _window(since, until, datetime.now(UTC), weekly=weekly)
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        found = denied(opened_store, span, account or (), include_services=include_services)
        is_drawn = how is Format.HTML and not mail
        days = refused_days(opened_store, found, account or (), include_services=include_services) if is_drawn else []
    if mail:
        _send(found, mail, output)
    else:
        if how is not Format.TABLE and found.problem:
            say(f"note: {found.problem}")
        put(_lines(found, how, days, weekly=weekly), output)
    if limit is not None and (found.problem or found.calls > limit):
        raise GateTripped(f"--fail-on {fail_on}: {found.problem or f'{found.calls:,} calls were refused'}")


def _lines(found: Denied, how: Format, days: Sequence[Day], *, weekly: bool) -> Iterable[str]:
    from cloudsearch.cli.output import width
    from cloudsearch.render import denied as rendered

    if weekly and how is Format.TABLE:
        return rendered.weekly(found)
    return rendered.denied(found, how, width=width(), days=days)


def _send(found: Denied, mail: Mailing, output: Path | None) -> None:
    """Send the summary, or print what would be sent; with ``--output``, keep what was."""
    from cloudsearch.cli.output import put, say
    from cloudsearch.render.mail import html, subject, text

    parts = subject(found), text(found), html(found)
    if mail.dry_run:
        put(mail.shown(*parts), output)
        return
    mail.send(*parts)
    if output:
        put(mail.shown(*parts), output)
    say(f"sent to {', '.join(mail.to)}")


def _window(since: str | None, until: str | None, now: datetime, *, weekly: bool) -> Window:
    from datetime import timedelta

    from cloudsearch.reports.window import Window, window

    span = window(since, until, now=now)
    if not weekly or span.since:
        return span
    end = span.until or now
    return Window(end - timedelta(days=7), end)


def _limit(gate: str | None) -> int | None:
    """The calls that ``--fail-on`` lets pass; None without it."""
    if gate is None:
        return None
    match = re.fullmatch(r"denied(?:\s*>\s*(\d{1,12}))?", gate.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"--fail-on {gate!r} is not known here: write denied or denied>10")
    return int(match[1] or 0)
