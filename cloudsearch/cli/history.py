"""``cloudsearch history``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    AccountOption,
    CaCertOption,
    ExternalIdOption,
    FormatOption,
    IamOption,
    IndexOption,
    OutputOption,
    ProfileOption,
    RoleArnOption,
    SinceOption,
    StoreOption,
    UntilOption,
    VerboseOption,
)
from cloudsearch.cli.report import RoleOption, UserOption
from cloudsearch.errors import UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.iam import Iam
    from cloudsearch.reports.history import Subject


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    role: RoleOption = None,
    user: UserOption = None,
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
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Show what changed in what a role or user is granted: when, by whom, and what was tried in vain.

    From the calls of IAM and Organizations in the store; with --iam also through the groups and policies it has.

    Example: cloudsearch history --role deploy
    """
    from datetime import UTC, datetime

    from cloudsearch.cli import principals
    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.stores import opened
    from cloudsearch.render.history import head
    from cloudsearch.render.history import history as rendered
    from cloudsearch.reports.history import history
    from cloudsearch.reports.window import window

    log_to_stderr(verbose=verbose)
    span = window(since, until, now=datetime.now(UTC))
    asking = principals.Asking(profile, tuple(role_arn or ()), external_id)
    told = principals.read(iam or [], asking) if iam or asking else None
    subject = _subject(role, user, told, account or ())
    with opened(store, index=index, ca_cert=ca_cert) as (opened_store, _):
        found = history(opened_store, span, subject)
    headlines = list(head(found, width=width()))
    lines = rendered(found, how, width=width())
    if how is Format.TABLE:
        put([*headlines, "", *lines], output)
        return
    for line in () if how.is_document else headlines:
        say(line)
    put(lines, output)


def _subject(role: str | None, user: str | None, iam: Iam | None, accounts: Sequence[str]) -> Subject:
    """Whom it is about; one that IAM does not tell of may have been deleted, and events still name it."""
    from cloudsearch.cli import principals
    from cloudsearch.cli.output import say
    from cloudsearch.reports.history import Subject
    from cloudsearch.reports.principals import account_of

    kind, name = ("role", role) if role else ("user", user)
    if not name or (role and user):
        raise UsageError("Say whose history: --role NAME or --user NAME, one of them")
    own = [account_of(name)] if account_of(name) else list(accounts)
    bare = name.rpartition("/")[2]
    if iam is not None:
        if [one for one in iam.find(name, kind) if not own or one.account in own]:
            known = principals.chosen(iam, name, kind, own)
            return Subject(kind, known.name, (known.account,), known)
        say(f"note: IAM told of no {kind} {name}: what events say of it is shown")
    return Subject(kind, bare, own)
