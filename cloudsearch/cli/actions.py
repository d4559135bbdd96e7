"""``cloudsearch actions``."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudsearch.cli.options import FormatOption, OutputOption
from cloudsearch.errors import CloudsearchError
from cloudsearch.render.formats import Format


def command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="CALL|ACTION", help="s3.amazonaws.com:HeadObject, HeadObject or s3:GetObject."),
    ],
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
) -> None:
    """Explain which IAM actions a call needs, and whether an action's use can be seen in a log.

    Example: cloudsearch actions s3.amazonaws.com:HeadObject
    """
    from cloudsearch.actions import explain
    from cloudsearch.cli.output import put, width
    from cloudsearch.render.actions import explanations

    found = [explain(name) for name in names]
    put(explanations(found, how, width=width()), output)
    if unknown := [explanation.text for explanation in found if not (explanation.calls or explanation.actions)]:
        raise CloudsearchError(f"Neither a call nor an action is known by the name of {', '.join(unknown)}")
