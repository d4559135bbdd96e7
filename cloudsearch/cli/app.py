"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from cloudsearch import __version__
from cloudsearch.cli import actions, list_, load, report

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

        typer.echo(f"cloudsearch {__version__} (IAM catalogue {data_version()})")
        raise typer.Exit


@app.callback()
def cloudsearch(
    version: Annotated[  # noqa: FBT002 (the callback acts on it)
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Search and report on AWS CloudTrail: who may do what, who did what, what may be taken away.

    Two commands to begin with:

        cloudsearch load ./AWSLogs

        cloudsearch report --role deploy --iam iam.json
    """


app.command("load")(load.command)
app.command("list")(list_.command)
app.command("report")(report.command)
app.command("actions")(actions.command)
