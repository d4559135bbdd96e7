"""Where text goes: results to stdout or a file, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import typer

from cloudsearch.errors import CloudsearchError


def say(text: str) -> None:
    """A line for people, on stderr, with whatever a log may have smuggled in made visible."""
    from cloudsearch.render.text import clean

    typer.echo(clean(text), err=True)


def put(lines: Iterable[str], output: Path | None) -> None:
    """Print the result, line by line as it comes; to a file only whole or not at all.

    What is no file (a device, a pipe) is written to and never replaced; a link leads to the file that is.
    """
    if output is None:
        for line in lines:
            _print(line)
        return
    try:
        if output.exists() and not output.is_file():
            _write(output, lines)
        else:
            _replace(Path(os.path.realpath(output)), lines)
    except OSError as error:
        raise CloudsearchError(f"{output} could not be written: {error.strerror}") from error


def _replace(file: Path, lines: Iterable[str]) -> None:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        _write(partial, lines)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _write(place: Path, lines: Iterable[str]) -> None:
    with place.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def _print(line: str) -> None:
    try:
        typer.echo(line)
    except BrokenPipeError:
        raise  # nobody reads any more: the end of the command, and no error
    except OSError as error:
        raise CloudsearchError(f"The result could not be printed: {error.strerror}") from error


def width() -> int | None:
    """Columns of the terminal that stdout is; None when it is none, and nothing need be cut to fit."""
    if sys.stdout is None or not sys.stdout.isatty():  # None where whoever started us closed it
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return None
