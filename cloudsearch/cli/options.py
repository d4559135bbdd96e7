"""Options that commands share, each defined once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cloudsearch.render.formats import Format

DEFAULT_STORE = "cloudsearch.duckdb"


class ReceiptFormat(StrEnum):
    """How a receipt is printed."""

    TABLE = "table"
    JSON = "json"


StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="CLOUDSEARCH_STORE",
        metavar="PATH|URL",
        help="A DuckDB file, or the http(s) URL of an Elasticsearch or OpenSearch.",
    ),
]
IndexOption = Annotated[
    str, typer.Option("--index", envvar="CLOUDSEARCH_INDEX", metavar="PREFIX", help="Prefix of every index.")
]
CaCertOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-cert", envvar="CLOUDSEARCH_CA_CERT", metavar="FILE", help="Authority of the store's certificate."
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        envvar="CLOUDSEARCH_SINCE",
        metavar="WHEN",
        help="From this ISO date or time (UTC), or 90d back from now. [default: the first event loaded]",
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until",
        envvar="CLOUDSEARCH_UNTIL",
        metavar="WHEN",
        help="Up to this ISO date, included, or time (UTC). [default: the last event loaded, or now with --since 90d]",
    ),
]
AccountOption = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="ID", help="Only principals of this account. Repeatable."),
]
IamOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--iam",
        metavar="FILE|DIR",
        help=(
            "What `aws iam get-account-authorization-details` printed, or a folder: a snapshot. Repeatable. "
            "[default: IAM is asked]"
        ),
    ),
]
ScpOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--scp",
        metavar="FILE",
        help="Service control policies of one level, for all accounts. Repeatable, a file a level.",
    ),
]
SelectorsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--selectors",
        metavar="FILE|DIR",
        help="What the trails record: get-event-selectors and describe-trails output, or a snapshot. Repeatable.",
    ),
]
RoleArnOption = Annotated[
    list[str] | None,
    typer.Option("--role-arn", metavar="ARN", help="Ask AWS as this role, in its account. Repeatable."),
]
ExternalIdOption = Annotated[
    str | None, typer.Option("--external-id", metavar="ID", help="The external id that the role's trust asks for.")
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="The profile of the AWS configuration to ask with."),
]
BucketOption = Annotated[str | None, typer.Option("--bucket", metavar="NAME", help="A bucket with logs.")]
PrefixOption = Annotated[
    str | None, typer.Option("--prefix", metavar="FOLDER", help="Where in the bucket. [default: all of it]")
]
LogAccountOption = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="ID", help="Only log files of this account, by their path. Repeatable."),
]
LogRegionOption = Annotated[
    list[str] | None,
    typer.Option("--region", metavar="NAME", help="Only log files of this region, by their path. Repeatable."),
]
LogSinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="WHEN", help="Only log files from this ISO date on (UTC), or of the last 90d, by their path."
    ),
]
LogUntilOption = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="WHEN", help="Only log files with events up to this ISO date, included, by their path."
    ),
]
BucketRoleOption = Annotated[
    str | None, typer.Option("--role-arn", metavar="ARN", help="Read the bucket as this role.")
]
RequesterPaysOption = Annotated[
    bool, typer.Option("--requester-pays", help="Pay for the requests, where the bucket's owner does not.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only say how much there is to load, and about what it would take.")
]
FormatOption = Annotated[Format, typer.Option("--format", envvar="CLOUDSEARCH_FORMAT", help="How to print the result.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write the result to a file instead of stdout.")
]
MinDaysOption = Annotated[
    int,
    typer.Option(
        "--min-days",
        envvar="CLOUDSEARCH_MIN_DAYS",
        min=1,
        metavar="DAYS",
        help="Days of logs without which nothing is called unused.",
    ),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log to stderr what is done.")]
MaxWaitOption = Annotated[
    float | None,
    typer.Option(
        "--max-wait",
        envvar="CLOUDSEARCH_MAX_WAIT",
        min=0,
        metavar="SECONDS",
        help="Give up when the store took nothing for so long. [default: 300, and no wait for a store that is down]",
    ),
]
KeepSecretsOption = Annotated[
    bool,
    typer.Option("--keep-secrets", help="Keep session tokens, passwords and their like as they are in the record."),
]
RedactOption = Annotated[
    list[str] | None,
    typer.Option(
        "--redact",
        envvar="CLOUDSEARCH_REDACT",
        metavar="NAME,...",
        help="Hide texts under these names too, in parameters and answers; letter case does not matter. Repeatable.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on stderr but what is wrong.")]
ReceiptFormatOption = Annotated[ReceiptFormat, typer.Option("--format", help="How to print the receipt.")]
