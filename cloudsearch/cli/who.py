"""``cloudsearch who``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

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
    ScpOption,
    SelectorsOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.cli.report import IamAsOfOption, StrictOption
from cloudsearch.cli.told import Told
from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.reports.who import Asked

ActionArgument = Annotated[
    str, typer.Argument(metavar="ACTION", help="An IAM action, or a pattern of a service's.", show_default=False)
]
ResourceOption = Annotated[
    str | None, typer.Option("--resource", metavar="ARN", help="Only grants and uses of this one resource.")
]


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    action: ActionArgument,
    resource: ResourceOption = None,
    iam: IamOption = None,
    iam_as_of: IamAsOfOption = None,
    scp: ScpOption = None,
    selectors: SelectorsOption = None,
    role_arn: RoleArnOption = None,
    external_id: ExternalIdOption = None,
    profile: ProfileOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    strict: StrictOption = False,  # noqa: FBT002
    min_days: MinDaysOption = 30,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Tell who is granted an action, through which statement, and who used it, last when.

    Blank: used. `-`: granted, not used, and the logs would have shown it. `?`: cannot be known. `+`: used, not granted.

    Example: cloudsearch who iam:CreateRole --iam iam.json
    """
    from datetime import UTC, datetime

    from cloudsearch.cli import principals
    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.who import notes
    from cloudsearch.render.who import who as rendered
    from cloudsearch.reports.who import who
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    span = window(since, until, now=datetime.now(UTC))
    asked = _asked(action, resource, account or ())
    told = principals.known(iam or [], principals.Asking(profile, tuple(role_arn or ()), external_id))
    options = Told(iam or [], iam_as_of, scp or [], selectors or [], min_days, strict).options
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        known = told.principals if told else None
        found = who(opened_store, span, asked, known, options)
    lines = rendered(found, how, width=width())
    if how is Format.TABLE:
        put([*lines, *notes(found, width=width())], output)
        return
    for note in () if how.is_document else notes(found, width=None):
        say(note)
    put(lines, output)


def _asked(action: str, resource: str | None, accounts: Sequence[str]) -> Asked:
    """The actions meant; of a pattern, those that act on the resource."""
    from cloudsearch.catalogue import arn_patterns, expand, find, similar
    from cloudsearch.iam.focus import acts_on
    from cloudsearch.reports.who import Asked

    service, _, name = action.partition(":")
    if not name or set(service) & set("*?"):
        raise UsageError(f"{action!r} is no action of one service: write s3:GetObject, or 's3:Put*'")
    one = find(action)
    names = [one.name] if one else [known.name for known in expand(action)]
    if not names:
        close = f" Close: {', '.join(similar(action))}." if similar(action) else ""
        raise CloudsearchError(f"IAM has no action {action!r}.{close} `cloudsearch actions '{service}:*'` lists them")
    if resource is None:
        return Asked(frozenset(names), accounts=accounts)
    if set(resource) & set("*?"):
        raise UsageError(f"--resource {resource!r} has wildcards: name one resource by its ARN")
    fitting = frozenset(known for known in names if acts_on(known, resource))
    if not fitting:
        acts = " or ".join(arn_patterns(names[0])) or "* alone"
        raise UsageError(f"--resource {resource!r} is nothing that {names[0]} acts on: {acts}")
    return Asked(fitting, resource, accounts)
