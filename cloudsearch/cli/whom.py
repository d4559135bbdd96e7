"""Whom ``cloudsearch report`` is on, and which of its reports it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.cli.shown import Shown
    from cloudsearch.cli.told import Told
    from cloudsearch.iam import Iam, Principal
    from cloudsearch.reports.activity import Day
    from cloudsearch.reports.monitored import Monitored
    from cloudsearch.reports.report import Report
    from cloudsearch.reports.window import Window
    from cloudsearch.store import Store


@dataclass(frozen=True, slots=True)
class Whom:
    """``--role``, ``--user``, ``--all`` or ``--permission-set``; ``merge`` makes one of those of one name."""

    role: str | None
    user: str | None
    everybody: bool
    permission_set: str | None
    merge: bool
    accounts: Sequence[str]

    def __post_init__(self) -> None:
        if sum(map(bool, (self.role, self.user, self.everybody, self.permission_set))) != 1:
            raise UsageError(
                "Say whom to report on: --role NAME, --user NAME, --permission-set NAME or --all, one of them"
            )

    @property
    def are_many(self) -> bool:
        """Whether several principals may be meant."""
        return self.everybody or self.are_merged

    @property
    def are_merged(self) -> bool:
        """Whether principals of several accounts are made one."""
        return self.merge or self.permission_set is not None

    def principals(self, iam: Iam) -> list[Principal]:
        """Those that are meant, by account and ARN."""
        from cloudsearch.cli import principals as who

        name, kind = (self.role, "role") if self.role else (self.user or "", "user")
        if not self.are_many:
            return [who.chosen(iam, name, kind, self.accounts)]
        if self.permission_set:
            found = _of_permission_set(iam, self.permission_set)
        elif self.everybody:
            found = [one for one in iam if one.kind in ("user", "role")]
        else:
            found = list(iam.find(name, kind)) or [who.chosen(iam, name, kind, ())]
        wanted = [one for one in found if not self.accounts or one.account in self.accounts]
        return sorted(wanted, key=lambda one: (one.account, one.arn))


def _of_permission_set(iam: Iam, name: str) -> list[Principal]:
    found = [one for one in iam if (one.permission_set or "").lower() == name.lower()]
    if not found:
        known = sorted({one.permission_set for one in iam if one.permission_set})
        close = get_close_matches(name, known)
        hint = f" Close: {', '.join(close)}." if close else ""
        raise CloudsearchError(f"IAM told of no role of a permission set {name!r}.{hint}")
    return found


@dataclass(frozen=True, slots=True)
class Way:
    """What is told of them: what they did themselves, as another role, or who came into theirs.

    ``save`` keeps the reports; ``compare`` tells what changed since those that were saved before that moment;
    ``resources`` tells where each action is granted and what it was used on.
    ``with_csm`` has what client-side monitoring shows used count as used.
    """

    dest_role: str | None
    dest_account: str | None
    through: bool
    save: bool = False
    compare: datetime | None = None
    resources: bool = False
    with_csm: bool = False

    def check(self, whom: Whom) -> None:
        """Raise ``UsageError`` for flags that do not go together."""
        if self.through and (not whom.role or whom.merge or self.dest_role or self.dest_account):
            raise UsageError("--through tells who came into a role: --role NAME --through, and no destination")
        if self.dest_account and not (len(self.dest_account) == 12 and self.dest_account.isdecimal()):
            raise UsageError(f"--dest-account {self.dest_account!r} is no account id: it takes 12 digits")
        if whom.are_many and (self.dest_role or self.dest_account):
            raise UsageError("--dest-role and --dest-account tell what one did: --role or --user, and nobody merged")
        if (self.save or self.compare) and (self.through or self.dest_role or self.dest_account):
            raise UsageError("--save and --compare are for what somebody did as itself: no --through, no destination")
        if self.with_csm and (self.through or self.dest_role or self.dest_account):
            raise UsageError("--with-csm is for what somebody did as itself: no --through, no destination")
        if self.compare and whom.are_merged:
            raise UsageError("--compare tells of one principal at a time: leave --merge-by and --permission-set out")
        if self.resources and (self.through or self.dest_role or self.dest_account or self.compare or whom.are_merged):
            raise UsageError(
                "--resources is for what each did as itself: no --through, no destination, no --compare, nobody merged"
            )

    def through_role(self, store: Store, span: Window, whom: Whom, iam: Iam | None, shown: Shown) -> None:
        """Who came into the role."""
        from cloudsearch.cli.chains import who_came

        shown.through(who_came(store, span, whom.role or "", whom.accounts, iam))

    def report(  # noqa: PLR0913, PLR0917 (whom, where, by what, and how it is shown)
        self,
        store: Store,
        span: Window,
        whom: Whom,
        principals: Sequence[Principal],
        iam: Iam,
        told: Told,
        shown: Shown,
    ) -> None:
        """What they did, as themselves or as another role."""
        from cloudsearch.cli.chains import Into, destinations
        from cloudsearch.reports.merged import merged
        from cloudsearch.reports.report import reports
        from cloudsearch.reports.resources import by_resource
        from cloudsearch.reports.saved import changes, saving

        into = Into(iam, principals[0], self.dest_role, self.dest_account) if principals else None
        if into:
            shown.destinations(list(destinations(store, span, into, told.options)))
            return
        now = datetime.now(UTC)
        found = reports(store, span, [(one, told.options(one)) for one in principals], self._monitored(store, span))
        if self.save:
            found = saving(store, found, now=now)
        if self.resources:
            shown.resources(by_resource(store, span, principals, found))
        elif whom.are_merged:
            shown.merged(merged(found))
        elif self.compare:
            told_of = list(found)
            shown.changes(told_of, changes(store, told_of, min(self.compare, now)))
        elif whom.everybody:
            shown.everyone(found)
        else:
            only = next(found)
            shown.reports([only, *found], days=_days(store, only) if shown.how is Format.HTML else [])

    def _monitored(self, store: Store, span: Window) -> Monitored | None:
        from cloudsearch.reports.monitored import monitored

        return monitored(store, span) if self.with_csm else None


def _days(store: Store, report: Report) -> Sequence[Day]:
    from cloudsearch.reports.activity import activity

    return activity(store, report.window, report.principal, report.circumstances.coverage)


def before(text: str | None) -> datetime | None:
    """The end of the day that ``--compare`` names, or the moment; ``UsageError`` for anything else."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--compare {text!r} is no date: write 2026-08-31 or 2026-08-31T12:00:00Z") from error
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment + timedelta(days=1) if len(text.strip()) <= len("2026-08-31") else moment
