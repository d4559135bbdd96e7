"""The commands ``replay`` and ``diff`` run as ``main`` runs them, wherever they stand among the commands."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import typer

from cloudsearch.cli.diff import command as diff
from cloudsearch.cli.output import say
from cloudsearch.cli.replay import command as replay
from cloudsearch.errors import CloudsearchError

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
app.command("replay")(replay)
app.command("diff")(diff)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    capsys.readouterr()
    code = _code([str(one) for one in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def _code(arguments: Sequence[str]) -> int:
    try:
        app(args=list(arguments), prog_name="cloudsearch")
    except CloudsearchError as error:
        say(f"cloudsearch: {error}")
        for note in getattr(error, "__notes__", ()):
            say(note)
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
