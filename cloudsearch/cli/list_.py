"""``cloudsearch list``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    AccountOption,
    CaCertOption,
    ExternalIdOption,
    FormatOption,
    IamOption,
    IndexOption,
    MinDaysOption,
    OutputOption,
    ProfileOption,
    RoleArnOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.render.formats import Format


class Kind(StrEnum):
    """What can be listed."""

    USERS = "users"
    ROLES = "roles"


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    kind: Annotated[Kind, typer.Argument(help="Which principals.", show_default=False)],
    iam: IamOption = None,
    role_arn: RoleArnOption = None,
    external_id: ExternalIdOption = None,
    profile: ProfileOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    min_days: MinDaysOption = 30,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """List users or roles: who acted, how often, when last; with --iam also who never did.

    Blank: used. `-`: not used, and the logs would have shown it. `?`: cannot be known.

    Example: cloudsearch list roles --iam iam.json
    """
    from datetime import UTC, datetime

    from cloudsearch.cli import principals as who
    from cloudsearch.cli.output import put, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.principals import principals as rendered
    from cloudsearch.reports.principals import of_accounts, principals
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    span = window(since, until, now=datetime.now(UTC))
    told = who.known(iam or [], who.Asking(profile, tuple(role_arn or ()), external_id))
    known = told.principals if told else None
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        rows = principals(opened_store, span, kind.value.rstrip("s"), known, min_days=min_days)
    put(rendered(of_accounts(rows, account or ()), how, width=width()), output)
