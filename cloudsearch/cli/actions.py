"""``cloudsearch actions``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import FormatOption, OutputOption
from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.actions import Explanation


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CALL|ACTION",
            help="s3.amazonaws.com:HeadObject, HeadObject, s3:GetObject, or a list: 's3:Get*'.",
            show_default=False,
        ),
    ] = None,
    unknown: Annotated[  # noqa: FBT002
        bool, typer.Option("--unknown", help="List the calls of AWS's SDKs whose actions are not known, and why.")
    ] = False,
    refresh: Annotated[  # noqa: FBT002
        bool, typer.Option("--refresh", help="Fetch AWS's Service Reference, and use it from now on.")
    ] = False,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Explain which IAM actions a call needs, and whether an action's use can be seen in a log.

    The data come with cloudsearch; --refresh fetches AWS's own, newer ones, over your network, into a cache folder
    (CLOUDSEARCH_CACHE). CLOUDSEARCH_SERVICE_REFERENCE names a mirror.

    Example: cloudsearch actions s3.amazonaws.com:HeadObject
    """
    if (bool(names), unknown, refresh).count(True) != 1:
        raise UsageError("Say what to explain: a call or an action, or --unknown, or --refresh; one of the three")
    if refresh:
        _refresh(how, output)
    elif unknown:
        _list_unknown(how, output)
    else:
        _explain(names or [], how, output)


def _explain(names: Iterable[str], how: Format, output: Path | None) -> None:
    from cloudsearch.cli.output import put, width
    from cloudsearch.render.actions import explanations

    found = [_explained(name) for name in names]
    similar = {one.text: _similar(one) for one in found}
    put(explanations(found, how, similar=similar, width=width()), output)
    nothing = [one.text for one in found if not (one.calls or one.actions)]
    if nothing:
        near = ", ".join(dict.fromkeys(name for text in nothing for name in similar[text]))
        hint = f". Similar: {near}" if near else ""
        raise CloudsearchError(f"Neither a call nor an action is known by the name of {', '.join(nothing)}{hint}")


def _explained(text: str) -> Explanation:
    """A text with a wildcard asks for actions, of every service unless it names one."""
    from cloudsearch import catalogue
    from cloudsearch.actions import Explanation, explain, explain_action
    from cloudsearch.render.actions import is_pattern

    if not is_pattern(text):
        return explain(text)
    pattern = text if ":" in text else f"*:{text}"
    return Explanation(text, (), tuple(map(explain_action, catalogue.expand(pattern))))


def _similar(explanation: Explanation) -> tuple[str, ...]:
    """Actions named like a call that is unknown, or like a text that means nothing."""
    from cloudsearch import catalogue
    from cloudsearch.actions import prefixes

    if explanation.actions:
        return ()
    names = [explanation.text] if not explanation.calls else []
    for call in explanation.calls:
        if not call.mapping.is_known:
            services = prefixes(call.event_source) or (call.event_source.partition(".")[0],)
            names += [f"{service}:{call.event_name}" for service in services]
    return tuple(dict.fromkeys(near for name in names for near in catalogue.similar(name)))


def _list_unknown(how: Format, output: Path | None) -> None:
    from cloudsearch.actions import unknown_calls
    from cloudsearch.cli.output import put, width
    from cloudsearch.render import actions

    put(actions.unknown_calls(unknown_calls(), how, width=width()), output)


def _refresh(how: Format, output: Path | None) -> None:
    import os
    import sys
    from datetime import UTC, datetime

    from cloudsearch.catalogue.refresh import BASE, refresh
    from cloudsearch.cli.output import put
    from cloudsearch.render.refresh import Progress, refreshed

    base = os.environ.get("CLOUDSEARCH_SERVICE_REFERENCE") or BASE
    with Progress(sys.stderr) as progress:
        done = refresh(base, now=datetime.now(UTC), watch=progress)
    put(refreshed(done, how), output)
