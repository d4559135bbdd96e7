"""``cloudsearch snapshot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cloudsearch.cli.options import ExternalIdOption, ProfileOption, RoleArnOption, VerboseOption
from cloudsearch.errors import AccessError, CloudsearchError, SourceError


def command(
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="The folder; each account gets one of its own in it.")
    ] = Path("snapshot"),
    role_arn: RoleArnOption = None,
    external_id: ExternalIdOption = None,
    profile: ProfileOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Save what the reports need from AWS, dated: IAM, the organisation with its policies, trails, last uses.

    Reads of the caller's account, or of each --role-arn's; nothing in AWS is changed. What AWS refuses is named and
    left out; the exit code is 0 as long as something of every account was written, else that of the first refusal.
    The files tell who may do what: only their owner can read them. Give the folder to --iam.

    Example: cloudsearch snapshot --output snapshot
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import say
    from cloudsearch.cli.principals import progress
    from cloudsearch.cli.redaction import log_to_stderr, redacted
    from cloudsearch.iam.aws import Access, connect
    from cloudsearch.iam.snapshot import Snapshot

    log_to_stderr(verbose=verbose)
    taking = Snapshot(output)
    nothing_of: list[CloudsearchError] = []
    for arn in role_arn or (None,):
        try:
            with progress() as tell:
                parts = list(taking.take(connect(Access(profile, arn, external_id)), datetime.now(UTC), tell))
        except (AccessError, SourceError) as error:
            say(f"cloudsearch: {redacted(str(error))}")
            nothing_of.append(error)
            continue
        for part in parts:
            if part.error is None:
                typer.echo(f"{part.path}  {part.text}")
            else:
                say(f"cloudsearch: {part.account}, {part.name}: {redacted(part.text)}")
        if not any(part.path for part in parts):
            nothing_of += [part.error for part in parts if part.error]
    if nothing_of:
        raise typer.Exit(nothing_of[0].exit_code)
