"""The commands, put together."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cloudsearch import __version__
from cloudsearch.cli import (
    actions,
    coverage,
    dashboards,
    denied,
    detect,
    history,
    list_,
    load,
    permissions,
    purge,
    rederive,
    redrive,
    report,
    search,
    snapshot,
    top,
    validate,
    who,
)

app = typer.Typer(
    name="cloudsearch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if asked:
        from cloudsearch.catalogue import data_version

        typer.echo(f"cloudsearch {__version__}, IAM catalogue: {data_version()}")
        _say_notices()
        raise typer.Exit


def _say_notices() -> None:
    """What is wrong with kept data of AWS, if a command has asked for any; none is imported to find out."""
    if catalogue := sys.modules.get("cloudsearch.catalogue"):
        from cloudsearch.cli.output import say

        for notice in catalogue.notices():
            say(f"note: {notice}")


@app.callback()
def cloudsearch(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001, FBT002 (the callback acts on it)
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Search and report on AWS CloudTrail: who may do what, who did what, what may be taken away.

    Two commands to begin with:

        cloudsearch load ./AWSLogs

        cloudsearch report --role deploy --iam iam.json
    """
    context.call_on_close(_say_notices)


app.command("load")(load.command)
app.command("purge")(purge.command)
app.command("rederive")(rederive.command)
app.command("redrive")(redrive.command)
app.command("snapshot")(snapshot.command)
app.command("list")(list_.command)
app.command("report")(report.command)
app.command("denied")(denied.command)
app.command("detect")(detect.command)
app.command("who")(who.command)
app.command("history")(history.command)
app.command("search")(search.command)
app.command("top")(top.command)
app.command("permissions")(permissions.command)
app.command("actions")(actions.command)
app.command("coverage")(coverage.command)
app.command("validate")(validate.command)
app.add_typer(dashboards.app, name="dashboards")
