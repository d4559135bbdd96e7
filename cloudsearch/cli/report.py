"""``cloudsearch report``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
from cloudsearch.errors import UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.iam import Principal
    from cloudsearch.reports.report import Options
    from cloudsearch.reports.verdicts import Marker


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


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    role: RoleOption = None,
    user: UserOption = None,
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
    show: ShowOption = None,
    hide_benign: HideBenignOption = False,  # noqa: FBT002
    expand: ExpandOption = False,  # noqa: FBT002
    strict: StrictOption = False,  # noqa: FBT002
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
    from cloudsearch.cli.chains import Into, destinations, who_came
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.shown import Shown
    from cloudsearch.cli.stores import opened
    from cloudsearch.reports.report import report
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    name, kind = _checked(_who(role, user), dest_role, dest_account, through=through)
    shown = Shown(how, output, _markers(show), hide_benign, expand, not (since or until))
    span = window(since, until, now=datetime.now(UTC))
    asking = who.Asking(profile, tuple(role_arn or ()), external_id)
    if through:
        known = who.read(iam or [], asking) if iam or asking else None
        with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
            rows = who_came(opened_store, span, name, account or (), known)
        shown.through(rows)
        return
    told = _Told(iam or [], iam_as_of, scp or [], selectors or [], min_days, strict)
    principals = who.read(told.iam, asking)
    into = Into(principals, who.chosen(principals, name, kind, account or ()), dest_role, dest_account)
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        came = list(destinations(opened_store, span, into, told.options)) if into else []
        own = [] if into else [report(opened_store, span, into.origin, told.options(into.origin))]
    shown.destinations(came) if into else shown.reports(own)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a report goes by: IAM's state and when it was so, its bounds, what trails record, how careful it is."""

    iam: Sequence[Path]
    iam_as_of: str | None
    scps: Sequence[Path]
    selectors: Sequence[Path]
    min_days: int
    strict: bool

    def options(self, principal: Principal) -> Options:
        """What the report on one principal goes by."""
        from cloudsearch.cli import principals as who
        from cloudsearch.cli import trails
        from cloudsearch.reports.report import Options

        controls = who.controls(self.iam, self.scps)
        organization = controls.organization_of(principal.account)
        members = [principal.account] if organization else []
        return Options(
            iam_as_of=who.as_of(self.iam, self.iam_as_of, principal.account),
            min_days=self.min_days,
            strict=self.strict,
            further=controls.layers_for(principal),
            organization=organization,
            scps_known=controls.knows(principal.account),
            selectors=trails.selectors(self.selectors, self.iam, members=members),
        )


def _who(role: str | None, user: str | None) -> tuple[str, str]:
    if role and not user:
        return role, "role"
    if user and not role:
        return user, "user"
    raise UsageError("Say whom to report on: --role NAME or --user NAME, one of them")


def _checked(
    whom: tuple[str, str], dest_role: str | None, dest_account: str | None, *, through: bool
) -> tuple[str, str]:
    if through and (whom[1] != "role" or dest_role or dest_account):
        raise UsageError("--through tells who came into a role: --role NAME --through, and no destination")
    if dest_account and not (len(dest_account) == 12 and dest_account.isdecimal()):
        raise UsageError(f"--dest-account {dest_account!r} is no account id: it takes 12 digits")
    return whom


def _markers(show: str | None) -> frozenset[Marker] | None:
    from cloudsearch.reports.verdicts import Marker

    if show is None:
        return None
    names = [name.strip() for name in show.split(",")]
    if unknown := [name for name in names if name not in list(Show)]:
        raise UsageError(f"--show {unknown[0]!r}: choose from {', '.join(Show)}")
    return frozenset(Marker[name.upper()] for name in names)
