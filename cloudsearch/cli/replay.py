"""``cloudsearch replay``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    AccountOption,
    CaCertOption,
    ExternalIdOption,
    FormatOption,
    IndexOption,
    OutputOption,
    ProfileOption,
    RoleArnOption,
    ScpOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.cli.subject import Asked
from cloudsearch.errors import GateTripped
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.policies.replay import Replayed
    from cloudsearch.render.replay import About

PoliciesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="POLICY...",
        help="Files with policies, or folders of them; `-` is stdin. Several are a union.",
        show_default=False,
    ),
]
RoleOption = Annotated[str | None, typer.Option("--role", metavar="NAME|ARN", help="The role whose calls are judged.")]
UserOption = Annotated[str | None, typer.Option("--user", metavar="NAME|ARN", help="The user whose calls are judged.")]
PolicyIamOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--iam",
        metavar="FILE|DIR",
        help="IAM as it is, as a file or snapshot: its boundary and organisation bind, its grants tell what is new.",
    ),
]
WithGrantsOption = Annotated[
    bool, typer.Option("--with-grants", help="Judge by the policies beside today's grants, not in their place.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit 10 as well where it cannot be told whether something would break.")
]
AnywayOption = Annotated[bool, typer.Option("--anyway", help="Conclude, although the logs have gaps.")]
ExpandOption = Annotated[bool, typer.Option("--expand", help="Every row, however many there are.")]


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    policies: PoliciesArgument,
    role: RoleOption = None,
    user: UserOption = None,
    iam: PolicyIamOption = None,
    scp: ScpOption = None,
    with_grants: WithGrantsOption = False,  # noqa: FBT002
    strict: StrictOption = False,  # noqa: FBT002
    anyway: AnywayOption = False,  # noqa: FBT002
    expand: ExpandOption = False,  # noqa: FBT002
    role_arn: RoleArnOption = None,
    external_id: ExternalIdOption = None,
    profile: ProfileOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    account: AccountOption = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Judge what a role or user did by other policies: which of its calls would have been refused.

    Exit 10 if some would, or if nothing can be concluded.

    Example: cloudsearch replay policy.json --role deploy --iam iam.json
    """
    from datetime import UTC, datetime

    from cloudsearch.cli.output import put, width
    from cloudsearch.cli.principals import Asking
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.policies.proposed import names, policies_in
    from cloudsearch.policies.replay import replay
    from cloudsearch.render.replay import About, replayed
    from cloudsearch.reports.coverage import coverage
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    asking = Asking(profile, tuple(role_arn or ()), external_id)
    asked = Asked(role, user, tuple(account or ()), iam or (), scp or (), asking)
    asked.check(with_grants=with_grants)
    proposed = policies_in(policies)
    span = window(since, until, now=datetime.now(UTC))
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        subject = asked.subject(opened_store, span)
        covered = coverage(opened_store, span)
        judge = subject.judge(proposed, with_grants=with_grants)
        found = replay(subject.calls(opened_store, span, covered), judge, subject.today)
    problem = None if anyway else covered.of(subject.principal.account).problem
    about = About(
        subject.principal.arn, asked.window(covered), names(proposed), asked.judged_by(subject, with_grants), problem
    )
    if not how.is_document:
        _say(found, about)
    put(replayed(found, about, how, expand=expand, width=width()), output)
    _gate(found, problem, strict=strict)


def _say(found: Replayed, about: About) -> None:
    """What a result for programs rests on, on stderr."""
    from cloudsearch.cli.output import say
    from cloudsearch.render.replay import head, sums

    for line in (*head(about, None), sums(found)):
        say(line)


def _gate(found: Replayed, problem: str | None, *, strict: bool) -> None:
    """Raise ``GateTripped`` where something would break; nothing passes on nothing."""
    from cloudsearch.policies.replay import Answer

    if found.breaks:
        raise GateTripped(f"{found.events[Answer.BROKEN]:,} calls would have been refused")
    if not found.total:
        raise GateTripped("cannot conclude: no call that was let in is in the window")
    if problem:
        raise GateTripped(f"cannot conclude: {problem}; --anyway takes what there is for all")
    if strict and found.events[Answer.UNTOLD]:
        raise GateTripped(f"--strict: of {found.events[Answer.UNTOLD]:,} calls it cannot be told")
