"""``cloudsearch record``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    IndexOption,
    OutputOption,
    ProfileOption,
    QuietOption,
    ReceiptFormat,
    ReceiptFormatOption,
    VerboseOption,
)
from cloudsearch.errors import UsageError

CONTEXT = {"allow_interspersed_args": False}
"""What follows the command to run is that command's."""


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    run: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND [ARGUMENT]...]", help="Record this command alone.", show_default=False),
    ] = None,
    check: Annotated[  # noqa: FBT002
        bool, typer.Option("--check", help="Say why a process (--check PID; or one started here) would send nothing.")
    ] = False,
    generate: Annotated[  # noqa: FBT002
        bool, typer.Option("--generate", help="Of a command: write a policy for it too, on all resources.")
    ] = False,
    listen: Annotated[
        list[str] | None,
        typer.Option("--listen", metavar="ADDRESS", help="Where to listen. Repeatable. [default: 127.0.0.1 and ::1]"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="UDP port. [default: 31000; of a command, a free one]"),
    ] = None,
    archive: Annotated[
        str | None, typer.Option("--archive", metavar="DIR|s3://BUCKET/PREFIX", help="Keep what comes in files there.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            envvar="CLOUDSEARCH_STORE",
            metavar="PATH|URL",
            help=f"Keep what comes in this store. [default: {DEFAULT_STORE}; none with --archive or a command]",
        ),
    ] = None,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    cut_seconds: Annotated[
        float, typer.Option("--cut-seconds", min=0.1, help="Begin another file of the archive after so long.")
    ] = 600.0,
    cut_bytes: Annotated[
        int, typer.Option("--cut-bytes", min=1, help="Or when it holds so many bytes of lines, before compression.")
    ] = 256 << 20,
    spool: Annotated[
        Path, typer.Option("--spool", metavar="DIR", help="Where files wait until the bucket has them.")
    ] = Path("cloudsearch-csm-spool"),
    upload_wait: Annotated[
        float, typer.Option("--upload-wait", min=0, help="Seconds in which to upload the last files at the end.")
    ] = 30.0,
    flush_seconds: Annotated[
        float, typer.Option("--flush-seconds", min=0.1, help="How often the store is opened and written to.")
    ] = 10.0,
    host: Annotated[
        str | None, typer.Option("--host", metavar="NAME", help="What to call this host. [default: its name]")
    ] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="End after so long.")] = None,
    profile: ProfileOption = None,
    how: ReceiptFormatOption = ReceiptFormat.TABLE,
    output: OutputOption = None,
    quiet: QuietOption = False,  # noqa: FBT002
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Record what the AWS SDKs on this host call: client-side monitoring (CSM), logged by CloudTrail or not.

    SDKs send to it where AWS_CSM_ENABLED=true is set. It ends with Ctrl-C or SIGTERM, keeps all it has received, and
    prints a summary as one JSON object. With a command: that command is run with the variables set, and what it called
    and which IAM actions that took is printed; the exit code is the command's.

    Example: cloudsearch record --archive /var/lib/cloudsearch
    """
    from cloudsearch.cli.redaction import log_to_stderr

    log_to_stderr(verbose=verbose)
    if generate and (check or not run):
        raise UsageError("--generate is for a command: cloudsearch record --generate -- COMMAND")
    if check:
        from cloudsearch.cli.checking import check as checked

        checked(run or [], port, seconds, how, output)
        return
    from cloudsearch.cli.recording import Kept, Listening, Telling, listened, ran

    if spool != Path("cloudsearch-csm-spool") and not (archive or "").startswith("s3://"):
        raise UsageError("--spool is for files on their way to a bucket: --archive s3://BUCKET/PREFIX")
    if store is None and archive is None and not run:
        store = DEFAULT_STORE
    kept = Kept(archive, store, index, ca_cert, cut_seconds, cut_bytes, spool, upload_wait, flush_seconds, profile)
    listening = Listening(listen or [], port, host, quiet=quiet)
    if run:
        raise typer.Exit(ran(run, listening, kept, Telling(how, output, generate=generate)))
    raise typer.Exit(listened(listening, kept, seconds, output))
