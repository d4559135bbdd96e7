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
    API = "api"
    CLIENT = "client"
    HOST = "host"


OF_EVENTS = (Key.ACTION, Key.PRINCIPAL, Key.SERVICE, Key.REGION, Key.ERROR, Key.ADDRESS, Key.AGENT)
OF_CSM = (Key.API, Key.SERVICE, Key.CLIENT, Key.HOST, Key.REGION, Key.ERROR, Key.AGENT)


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    by: Annotated[
        Key | None,
        typer.Option("--by", help="What calls are counted by. [default: with --csm, api]", show_default=False),
    ] = None,
    csm: Annotated[  # noqa: FBT002
        bool, typer.Option("--csm", help="Count what SDKs called, as client-side monitoring tells: every call.")
    ] = False,
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

    Calls are counted once, refused ones too; sign-ins and what services tell of themselves are no calls. With --csm,
    calls of SDKs by api, service, client (the application), host, region, error or agent, logged or not.

    Example: cloudsearch top --by principal --compare 7d
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.top import foot
    from cloudsearch.render.top import top as rendered
    from cloudsearch.reports.top import By, CsmBy, Ranking, top, top_of_csm
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    length = _length(compare) if compare else None
    key = _checked(by, csm=csm, others=bool(compare or account))
    span = window(since, until, now=datetime.now(UTC))
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        if csm:
            found = top_of_csm(opened_store, span, CsmBy(key.value), limit)
        else:
            found = top(opened_store, span, Ranking(By(key.value), limit, account or (), length))
    lines = rendered(found, how, width=width())
    if how is Format.TABLE:
        put([*lines, "", *foot(found)], output)
        return
    for line in () if how.is_document else foot(found):
        say(line)
    put(lines, output)


def _checked(by: Key | None, *, csm: bool, others: bool) -> Key:
    """What to count by; raises ``UsageError`` for what does not go together."""
    if by is None and not csm:
        raise UsageError(f"--by: say what to count by, of: {', '.join(OF_EVENTS)}")
    if csm and others:
        raise UsageError("--csm counts what SDKs told of their calls: leave out --compare and --account")
    key = by or Key.API
    if key not in (OF_CSM if csm else OF_EVENTS):
        which = "with --csm, choose" if csm else "choose"
        raise UsageError(f"--by {key}: {which} from {', '.join(OF_CSM if csm else OF_EVENTS)}")
    return key


def _length(text: str) -> timedelta:
    days = _DAYS.fullmatch(text.strip())
    if not days:
        raise UsageError(f"--compare {text!r}: write a number of days, such as 7d")
    return timedelta(days=int(days[1]))
