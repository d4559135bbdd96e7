"""``cloudsearch permissions``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cloudsearch.cli.options import IndexOption, OutputOption, RoleArnOption


class For(StrEnum):
    """What ``--for`` takes."""

    LOAD = "load"
    SNAPSHOT = "snapshot"
    REPORT = "report"
    RECORD = "record"
    VALIDATE = "validate"


class PermissionsFormat(StrEnum):
    """How needs are printed."""

    JSON = "json"
    TABLE = "table"


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    use: Annotated[For, typer.Option("--for", help="What it is to do.", show_default=False)],
    bucket: Annotated[
        str | None, typer.Option("--bucket", metavar="NAME|ARN", help="The bucket it reads, or writes to.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="ARN", help="The KMS key that the bucket's objects are under.")
    ] = None,
    role_arn: RoleArnOption = None,
    index: IndexOption = "cloudtrail",
    how: Annotated[PermissionsFormat, typer.Option("--format", help="How to print it.")] = PermissionsFormat.JSON,
    output: OutputOption = None,
) -> None:
    """Print the least AWS policy that cloudsearch itself needs, and the least role in Elasticsearch or OpenSearch.

    report means without --iam: with a file AWS is not asked at all. OpenSearch's role follows its documentation and was
    not tried.

    Example: cloudsearch permissions --for load --bucket example-logs
    """
    from cloudsearch.cli.output import put, width
    from cloudsearch.render.permissions import documents, table
    from cloudsearch.reports.permissions import Use, needs

    found = needs(Use(use.value), index, bucket=bucket, key=key, role_arns=role_arn or ())
    put(documents(found) if how is PermissionsFormat.JSON else table(found, width=width()), output)
