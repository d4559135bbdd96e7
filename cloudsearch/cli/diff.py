"""``cloudsearch diff``."""

from __future__ import annotations

from dataclasses import dataclass
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
from cloudsearch.cli.subject import Asked
from cloudsearch.cli.told import Told
from cloudsearch.errors import CloudsearchError, GateTripped, UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudsearch.policies.compared import Others, Past
    from cloudsearch.policies.diff import Diff
    from cloudsearch.policies.plan import Trial
    from cloudsearch.render.diff import About

RoleOption = Annotated[str | None, typer.Option("--role", metavar="NAME|ARN", help="The role whose policies they are.")]
UserOption = Annotated[str | None, typer.Option("--user", metavar="NAME|ARN", help="The user whose policies they are.")]
AgainstOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--against",
        metavar="POLICY",
        help="Files with policies, or folders of them. Repeatable. [default: those that history generates]",
    ),
]
RemoveUnusedOption = Annotated[
    bool, typer.Option("--remove-unused", help="Against today's policies minus what is provably unused.")
]
IncludeAssumedOption = Annotated[
    bool, typer.Option("--include-assumed", help="Remove also what AWS does not say is logged, but seems to be.")
]
PlanOption = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        metavar="DIR",
        help="Write the new policies, today's to go back to, and a canary that denies what is to go.",
    ),
]
TrialDaysOption = Annotated[
    int, typer.Option("--trial-days", min=1, max=3650, metavar="DAYS", help="How long the canary of --plan denies.")
]
IamAsOfOption = Annotated[
    str | None,
    typer.Option(
        "--iam-as-of", metavar="DATE", help="When the IAM file was true. [default: the snapshot's date, or the file's]"
    ),
]


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    role: RoleOption = None,
    user: UserOption = None,
    against: AgainstOption = None,
    remove_unused: RemoveUnusedOption = False,  # noqa: FBT002
    include_assumed: IncludeAssumedOption = False,  # noqa: FBT002
    plan: PlanOption = None,
    trial_days: TrialDaysOption = 14,
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
    min_days: MinDaysOption = 30,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Compare a role's or user's policies with what history generates, with other ones, or with less unused.

    What it is compared with is replayed over the window; nothing is written that would break a call.

    Example: cloudsearch diff --role deploy --remove-unused --plan deploy-plan --iam iam.json
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.principals import Asking
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.policies.compared import Past, proved, unprovable
    from cloudsearch.policies.plan import trial_of
    from cloudsearch.render.diff import About
    from cloudsearch.reports.coverage import coverage
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    wanted = _Wanted(tuple(against or ()), remove_unused, include_assumed)
    asking = Asking(profile, tuple(role_arn or ()), external_id)
    asked = Asked(role, user, tuple(account or ()), iam or (), scp or (), asking, needs_iam=True)
    asked.check()
    told = Told(iam or [], iam_as_of, scp or [], selectors or [], min_days, strict=not include_assumed)
    span = window(since, until, now=(now := datetime.now(UTC)))
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        past = Past(opened_store, span, coverage(opened_store, span), asked.subject(opened_store, span))
        others = wanted.others(past, told)
        proof = past.replayed(others.policies)
    found = past.compared(others)
    doubt = None if remove_unused else unprovable(found)
    about = About(others.what, asked.window(past.covered), (*others.notes, *((doubt,) if doubt else ()), proved(proof)))
    _show(found, about, how, output)
    if plan and proof.lost_actions:
        raise GateTripped(f"{proved(proof)}; {plan} is not written")
    if plan:
        _write(plan, found, others, about.notes, trial_of(now, trial_days))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """With what today's policies are to be compared."""

    against: tuple[Path, ...]
    remove_unused: bool
    include_assumed: bool

    def __post_init__(self) -> None:
        if self.against and self.remove_unused:
            raise UsageError("--against and --remove-unused say each with what to compare: give one of them")
        if self.include_assumed and not self.remove_unused:
            raise UsageError("--include-assumed says what --remove-unused removes: give that too")

    def others(self, past: Past, told: Told) -> Others:
        """The policies that are meant."""
        from cloudsearch.policies.compared import Others
        from cloudsearch.policies.proposed import names, policies_in

        if self.remove_unused:
            return past.minus_unused(told.options(past.subject.principal))
        if not self.against:
            return past.generated(told.min_days)
        policies = policies_in(self.against)
        return Others(names(policies), policies)


def _show(found: Diff, about: About, how: Format, output: Path | None) -> None:
    """Print the comparison; what a result for programs rests on goes to stderr."""
    from cloudsearch.cli.output import put, say, width
    from cloudsearch.render.diff import diff, head, sums

    for line in () if how.is_document else (*head(found, about, None), *sums(found, about, None)):
        say(line)
    put(diff(found, about, how, width=width()), output)


def _write(folder: Path, found: Diff, others: Others, notes: Sequence[str], trial: Trial) -> None:
    """Write the plan into a folder that is new or empty: nothing of an older plan is to be taken for this one's."""
    from cloudsearch.cli.output import put, say
    from cloudsearch.policies.plan import files

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"--plan {folder} is not empty: name a new folder")
        for name, content in files(found, others.policies, trial, notes).items():
            (folder / name).parent.mkdir(exist_ok=True)
            put([content.removesuffix("\n")], folder / name)
    except OSError as error:
        raise CloudsearchError(f"{folder} could not be written: {error.strerror}") from error
    say(f"written: {folder / 'PLAN.md'} says what to do")
