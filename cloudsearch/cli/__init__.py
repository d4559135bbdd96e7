"""The command line: parse, wire a store with a source, call, print. One file a command.

A command's rooms are imported when it runs, so that ``--help`` answers at once. Every error of ours ends here, as
one line on stderr, with lines of advice where it has notes, and an exit code.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence

from cloudsearch.errors import CloudsearchError

INTERRUPTED = 130
CLOSED_PIPE = 141
"""What a shell says of a process that SIGPIPE ended."""


def run() -> int:
    """The process: ``main``, and after a Ctrl-C or a SIGTERM an end at once, whatever a thread still waits for."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us so wants what Ctrl-C does
    code = main()
    if code == INTERRUPTED:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):  # nobody reads any more
                continue
        os._exit(code)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # said already; Python would try once more at its end, and make the exit code 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the process's exit code."""
    try:
        from cloudsearch.cli.app import app

        app(args=None if argv is None else list(argv), prog_name="cloudsearch")
    except CloudsearchError as error:
        from cloudsearch.cli.output import say
        from cloudsearch.cli.redaction import redacted

        say(f"cloudsearch: {redacted(str(error))}")
        for note in getattr(error, "__notes__", ()):
            for line in note.split("\n"):
                say(redacted(line))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:
        if isinstance(end.__context__, OSError) and end.__context__.errno == errno.EPIPE:
            return CLOSED_PIPE  # nobody reads any more, as behind ``head``: no error of ours
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
