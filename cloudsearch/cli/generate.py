"""``cloudsearch generate``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    AccountOption,
    CaCertOption,
    IndexOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.cli.report import PermissionSetOption
from cloudsearch.errors import UsageError


class FormChoice(StrEnum):
    """What ``--format`` takes."""

    JSON = "json"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    CDK = "cdk"
    CLI = "cli"


class Kind(StrEnum):
    """What ``--as`` takes."""

    MANAGED = "managed"
    INLINE = "inline"


GenerateRoleOption = Annotated[
    str | None, typer.Option("--role", metavar="NAME|ARN", help="The role to write a policy for.")
]
GenerateUserOption = Annotated[
    str | None, typer.Option("--user", metavar="NAME|ARN", help="The user to write a policy for.")
]
EverybodyOption = Annotated[
    bool, typer.Option("--all", help="Every user and role that acted, in one pass over the store.")
]
ScpOption = Annotated[
    bool,
    typer.Option(
        "--scp", help="Service control policies: deny the services and regions that whole accounts do without."
    ),
]
IncludeAssumedOption = Annotated[
    bool, typer.Option("--include-assumed", help="With --scp: services too that AWS does not say are logged.")
]
IncludeFailedOption = Annotated[
    bool, typer.Option("--include-failed", help="Calls too that failed before it was decided whether they may.")
]
GeneraliseOption = Annotated[
    int | None,
    typer.Option("--generalise", min=2, metavar="N", help="Make N or more siblings (bucket/logs/a, /b ...) one."),
]
ConditionsOption = Annotated[
    bool, typer.Option("--conditions", help="Ask for the VPC endpoint, region and MFA that every use shows.")
]
KeepGrantedOnlyOption = Annotated[
    bool, typer.Option("--keep-granted-only", help="Only what is granted today: leave out other uses. Needs --iam.")
]
IamAsItIsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--iam",
        metavar="FILE|DIR",
        help="IAM as it is, as a file or snapshot: tells earlier principals of a name apart, and what is granted.",
    ),
]
AsOption = Annotated[
    Kind | None,
    typer.Option("--as", help="Managed policies, or inline. [default: managed; of a permission set inline]"),
]
FormOption = Annotated[FormChoice, typer.Option("--format", help="How to write it.")]
FolderOption = Annotated[
    Path | None,
    typer.Option("--output", metavar="DIR", help="A folder: a file for each policy, or each principal."),
]
EvidenceOption = Annotated[
    Path | None,
    typer.Option("--evidence", metavar="FILE", help="Write, as JSON, what each line of the policy rests on."),
]
MostOption = Annotated[
    int,
    typer.Option("--most-resources", min=1, metavar="N", help="Resources told apart for each action."),
]
MinDaysOption = Annotated[
    int,
    typer.Option(
        "--min-days",
        envvar="CLOUDSEARCH_MIN_DAYS",
        min=1,
        metavar="DAYS",
        help="Days of logs without which no policy is written.",
    ),
]
AnywayOption = Annotated[bool, typer.Option("--anyway", help="Write it from too few days or broken coverage too.")]


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    role: GenerateRoleOption = None,
    user: GenerateUserOption = None,
    permission_set: PermissionSetOption = None,
    everybody: EverybodyOption = False,  # noqa: FBT002
    scp: ScpOption = False,  # noqa: FBT002
    include_assumed: IncludeAssumedOption = False,  # noqa: FBT002
    include_failed: IncludeFailedOption = False,  # noqa: FBT002
    generalise: GeneraliseOption = None,
    conditions: ConditionsOption = False,  # noqa: FBT002
    keep_granted_only: KeepGrantedOnlyOption = False,  # noqa: FBT002
    iam: IamAsItIsOption = None,
    kind: AsOption = None,
    how: FormOption = FormChoice.JSON,
    output: FolderOption = None,
    evidence: EvidenceOption = None,
    most: MostOption = 10_000,
    min_days: MinDaysOption = 30,
    anyway: AnywayOption = False,  # noqa: FBT002
    since: SinceOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Write the smallest policy that allows what a role or user did, with the ARNs it did it on.

    Stdout has the policy alone; what was used, what could not be known and what to look at is told on stderr.

    Example: cloudsearch generate --role deploy > deploy.json
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.generated import Asked, Written, make
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    whom = (role, user, permission_set, everybody, scp)
    if sum(map(bool, whom)) != 1:
        raise UsageError("Say whom for: --role, --user, --permission-set, --all, or --scp for accounts; one of them")
    if include_assumed and not scp:
        raise UsageError("--include-assumed goes with --scp")
    if keep_granted_only and not iam:
        raise UsageError("--keep-granted-only needs to know what is granted: add --iam FILE")
    asked = Asked(
        role=role,
        user=user,
        permission_set=permission_set,
        everybody=everybody,
        accounts=tuple(account or ()),
        include_failed=include_failed,
        generalise=generalise,
        conditions=conditions,
        keep_granted_only=keep_granted_only,
        iam=tuple(iam or ()),
        inline=_is_inline(kind, permission_set),
        most=most,
        min_days=min_days,
        anyway=anyway,
    )
    span = window(since, until, now=datetime.now(UTC))
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        if scp:
            from cloudsearch.cli.limited import Limiting

            made = Limiting(asked.accounts, include_assumed, min_days, anyway).make(opened_store, span)
        else:
            made = make(opened_store, span, asked)
    Written(how.value, output, evidence).write(made)


def _is_inline(kind: Kind | None, permission_set: str | None) -> bool:
    if permission_set and kind is Kind.MANAGED:
        raise UsageError(
            "--as managed: a permission set takes an inline policy; its managed ones must be in every account"
        )
    return kind is Kind.INLINE or permission_set is not None
