"""What a report goes by, beside the logs: IAM, the bounds from above, what trails record, how careful it is to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsearch.iam import Controls, Principal
    from cloudsearch.reports.report import Options


@dataclass(frozen=True)
class Told:
    """The flags; files are read once, whatever the number of principals."""

    iam: Sequence[Path]
    iam_as_of: str | None
    scps: Sequence[Path]
    selectors: Sequence[Path]
    min_days: int
    strict: bool
    same_name: bool = False

    @cached_property
    def controls(self) -> Controls:
        """What bounds the principals of every account from above."""
        from cloudsearch.cli import principals as who

        return who.controls(self.iam, self.scps)

    def options(self, principal: Principal) -> Options:
        """What the report on one principal goes by."""
        return replace(self._of_account(principal.account), further=self.controls.layers_for(principal))

    def _of_account(self, account: str) -> Options:
        if account not in self._accounts:
            self._accounts[account] = self._read(account)
        return self._accounts[account]

    @cached_property
    def _accounts(self) -> dict[str, Options]:
        return {}

    def _read(self, account: str) -> Options:
        from cloudsearch.cli import principals as who
        from cloudsearch.cli import trails
        from cloudsearch.reports.report import Options

        organization = self.controls.organization_of(account)
        return Options(
            iam_as_of=who.as_of(self.iam, self.iam_as_of, account),
            min_days=self.min_days,
            strict=self.strict,
            organization=organization,
            same_name=self.same_name,
            scps_known=self.controls.knows(account),
            selectors=trails.selectors(self.selectors, self.iam, members=[account] if organization else []),
        )
