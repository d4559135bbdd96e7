"""``cloudsearch report``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
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
from cloudsearch.cli.told import Told
from cloudsearch.cli.whom import Way, Whom, before
from cloudsearch.errors import UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.reports.verdicts import Marker


class Sort(StrEnum):
    """What ``--sort`` takes."""

    NAME = "name"
    RISK = "risk"


class Merge(StrEnum):
    """What ``--merge-by`` takes."""

    NAME = "name"


class Show(StrEnum):
    """What ``--show`` takes."""

    USED = "used"
    UNUSED = "unused"
    UNKNOWN = "unknown"
    UNGRANTED = "ungranted"


RoleOption = Annotated[str | None, typer.Option("--role", metavar="NAME|ARN", help="The role to report on.")]
UserOption = Annotated[str | None, typer.Option("--user", metavar="NAME|ARN", help="The user to report on.")]
IamAsOfOption = Annotated[
    str | None,
    typer.Option(
        "--iam-as-of", metavar="DATE", help="When the IAM file was true. [default: the snapshot's date, or the file's]"
    ),
]
ShowOption = Annotated[
    str | None, typer.Option("--show", metavar="LIST", help="Only these, of: used,unused,unknown,ungranted.")
]
HideBenignOption = Annotated[
    bool, typer.Option("--hide-benign", help="Leave out listing and reading that hands out no data or secret.")
]
ExpandOption = Annotated[bool, typer.Option("--expand", help="A line for every action of unused services too.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Call nothing unused that AWS does not say is logged.")]
SameNameOption = Annotated[
    bool, typer.Option("--same-name", help="Take what earlier principals of the same name did for this one's.")
]
DestRoleOption = Annotated[
    str | None,
    typer.Option(
        "--dest-role", metavar="NAME|ARN", help="What it did as this role, directly or through a chain of roles."
    ),
]
DestAccountOption = Annotated[
    str | None,
    typer.Option(
        "--dest-account", metavar="ID", help="The account of --dest-role; alone, every role it came into there."
    ),
]
ThroughOption = Annotated[
    bool, typer.Option("--through", help="Who came into the role, which way, how often and when last.")
]


AllOption = Annotated[
    bool,
    typer.Option("--all", help="Every user and role of these accounts, a line each; --expand for their actions."),
]
PermissionSetOption = Annotated[
    str | None,
    typer.Option(
        "--permission-set",
        metavar="NAME",
        help="An Identity Center permission set, over all accounts: used anywhere is used.",
    ),
]
MergeOption = Annotated[
    Merge | None,
    typer.Option("--merge-by", help="name: principals of one name (or permission set) in several accounts are one."),
]
SaveOption = Annotated[bool, typer.Option("--save", help="Keep the report in the store, dated.")]
CompareOption = Annotated[
    str | None,
    typer.Option("--compare", metavar="DATE", help="What changed since the report that was saved last by that date."),
]
WithCsmOption = Annotated[
    bool, typer.Option("--with-csm", help="What client-side monitoring saw used counts as used, logged or not.")
]
ServiceOption = Annotated[
    list[str] | None, typer.Option("--service", metavar="PREFIX", help="Only actions of this service. Repeatable.")
]
ServicesOption = Annotated[bool, typer.Option("--services", help="A line for each service instead of each action.")]
ResourcesOption = Annotated[
    bool, typer.Option("--resources", help="On which resources each action is granted, and used as far as logs tell.")
]
SortOption = Annotated[
    Sort, typer.Option("--sort", help="risk: changes of permissions, passed roles and reading of data first.")
]
FailOnOption = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="LIST",
        help="Exit 10 if there is more than this, of: unused,ungranted,unknown,denied; with a limit: unused>20.",
    ),
]
ResultOption = Annotated[
    Path | None, typer.Option("--result", metavar="FILE", help="Where to write, as JSON, what became of --fail-on.")
]


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    role: RoleOption = None,
    user: UserOption = None,
    everybody: AllOption = False,  # noqa: FBT002
    permission_set: PermissionSetOption = None,
    merge_by: MergeOption = None,
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
    dest_role: DestRoleOption = None,
    dest_account: DestAccountOption = None,
    through: ThroughOption = False,  # noqa: FBT002
    save: SaveOption = False,  # noqa: FBT002
    compare: CompareOption = None,
    with_csm: WithCsmOption = False,  # noqa: FBT002
    show: ShowOption = None,
    service: ServiceOption = None,
    services: ServicesOption = False,  # noqa: FBT002
    resources: ResourcesOption = False,  # noqa: FBT002
    sort: SortOption = Sort.NAME,
    fail_on: FailOnOption = None,
    result: ResultOption = None,
    hide_benign: HideBenignOption = False,  # noqa: FBT002
    expand: ExpandOption = False,  # noqa: FBT002
    strict: StrictOption = False,  # noqa: FBT002
    same_name: SameNameOption = False,  # noqa: FBT002
    min_days: MinDaysOption = 30,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Compare the actions a role or user used with those it is granted.

    Blank: used. `-`: granted, not used, and the logs would have shown it. `?`: cannot be known. `+`: used, not granted.

    Example: cloudsearch report --role deploy --iam iam.json
    """
    from cloudsearch.cli import principals as who
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.shown import Picked, Shown
    from cloudsearch.cli.stores import opened
    from cloudsearch.reports.gates import Tally, gates
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    if result and fail_on is None:
        raise UsageError("--result says what became of --fail-on: give that too")
    if through and fail_on is not None:
        raise UsageError("--fail-on is for actions: leave it out, or --through")
    if services and resources:
        raise UsageError("--services and --resources are two ways to list the actions: give one")
    if same_name and (through or dest_role or dest_account):
        raise UsageError("--same-name is for what somebody did as itself: no --through, no destination")
    whom = Whom(role, user, everybody, permission_set, merge_by is not None, tuple(account or ()))
    way = Way(dest_role, dest_account, through, save, before(compare), resources, with_csm)
    way.check(whom)
    shown = Shown(
        how=how,
        output=output,
        picked=Picked(_markers(show), _services(service or ()), hide_benign, sort is Sort.RISK),
        expand=expand,
        by_service=services,
        whole_store=not (since or until),
        tally=Tally(gates(fail_on) if fail_on is not None else ()),
        result=result,
    )
    span = window(since, until, now=datetime.now(UTC))
    asking = who.Asking(profile, tuple(role_arn or ()), external_id)
    told = Told(iam or [], iam_as_of, scp or [], selectors or [], min_days, strict, same_name)
    known = who.read(told.iam, asking) if told.iam or asking or not through else None
    principals = whom.principals(known) if known and not through else []
    with opened(store, index=index, ca_cert=ca_cert, changing=save) as (opened_store, _):
        if through:
            way.through_role(opened_store, span, whom, known, shown)
        elif known:
            way.report(opened_store, span, whom, principals, known, told, shown)


def _markers(show: str | None) -> frozenset[Marker] | None:
    from cloudsearch.reports.verdicts import Marker

    if show is None:
        return None
    names = [name.strip() for name in show.split(",")]
    if unknown := [name for name in names if name not in list(Show)]:
        raise UsageError(f"--show {unknown[0]!r}: choose from {', '.join(Show)}")
    return frozenset(Marker[name.upper()] for name in names)


def _services(prefixes: Sequence[str]) -> frozenset[str]:
    from cloudsearch.catalogue import everything

    if not prefixes:
        return frozenset()
    known = {action.service for action in everything()}
    wanted = frozenset(prefix.lower() for prefix in prefixes)
    if unknown := sorted(wanted - known):
        close = get_close_matches(unknown[0], known)
        hint = f" Close: {', '.join(close)}." if close else ""
        raise UsageError(f"--service {unknown[0]!r}: IAM has no such service prefix.{hint}")
    return wanted
