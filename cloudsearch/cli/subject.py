"""Whose calls ``replay`` and ``diff`` are about: from ``--role NAME`` and ``--iam FILE`` to a principal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloudsearch.errors import UsageError

if TYPE_CHECKING:
    from cloudsearch.cli.principals import Asking
    from cloudsearch.policies.examined import Examined
    from cloudsearch.reports.coverage import Coverage
    from cloudsearch.reports.window import Window
    from cloudsearch.store import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """The flags: the role or user, its accounts, what IAM and the organisation told."""

    role: str | None
    user: str | None
    accounts: Sequence[str]
    iam: Sequence[Path]
    scps: Sequence[Path]
    asking: Asking
    needs_iam: bool = False

    @property
    def knows_iam(self) -> bool:
        """Whether IAM is read from files, or asked."""
        return self.needs_iam or bool(self.iam or self.asking)

    def check(self, *, with_grants: bool = False) -> None:
        """Raise ``UsageError`` for flags that do not go together."""
        if bool(self.role) == bool(self.user):
            raise UsageError("Say whose calls: --role NAME or --user NAME, one of them")
        if with_grants and not self.knows_iam:
            raise UsageError("--with-grants needs to know today's grants: give --iam FILE")

    def subject(self, store: Store, span: Window) -> Examined:
        """The principal, with what bounds it; without IAM, as far as events know it."""
        from dataclasses import replace

        from cloudsearch.cli import principals as who
        from cloudsearch.policies.examined import Examined, found_acting
        from cloudsearch.policies.subjects import told

        name, kind = (self.role, "role") if self.role else (self.user or "", "user")
        controls = who.controls(self.iam, self.scps)
        if self.knows_iam:
            found = Examined(told([who.chosen(who.read(self.iam, self.asking), name, kind, self.accounts)])[0])
        else:
            found = found_acting(store, span, kind, name, self.accounts)
        account = found.principal.account
        further = controls.layers_for(found.principal)
        return replace(found, further=further, organization=controls.organization_of(account))

    def window(self, covered: Coverage) -> str:
        """The window, as a line tells it."""
        from cloudsearch.render.denied import period

        return f"{period(covered.window)} UTC"

    def judged_by(self, subject: Examined, with_grants: bool) -> str:  # noqa: FBT001
        """What judges beside the policies, as a line tells it."""
        parts = ["with today's grants"] if with_grants else []
        if subject.principal.boundary:
            parts.append(f"under the boundary {subject.principal.boundary.name}")
        if subject.further:
            parts.append("under service control policies")
        if not subject.is_told:
            parts.append("today's grants are not known: with --iam FILE fewer calls cannot be told")
        return "; ".join(parts) or "by these policies alone"
