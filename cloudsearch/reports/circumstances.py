"""What holds for every action of a principal in a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cloudsearch.actions import Case
from cloudsearch.actions.homes import home_region
from cloudsearch.actions.selectors import Selectors
from cloudsearch.reports.changes import Change
from cloudsearch.reports.coverage import AccountCoverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What holds for every action of a principal.

    ``cannot_conclude`` is set when nothing may be said of what is not there, ``stale`` when the IAM file is older
    than the last change of the principal's grants, ``granted_since`` when that change or the principal's creation,
    and not the logs, bounds what was observed. ``selectors`` are what the trails record, where that was given.
    ``missing_documents`` are policies that the IAM file lacks; ``is_bound_untold`` where the boundary is one of them:
    nothing is known to be granted then.
    ``granted_in`` are the only regions in which an action is granted, where there are logs of none of them.
    ``perhaps_used`` are actions with the calls that need them in some case, of which nobody can say whether it was so.
    """

    account: str
    principal: str
    observed_from: datetime | None
    observed_days: int
    coverage: AccountCoverage
    min_days: int
    strict: bool
    selectors: Selectors | None = None
    cannot_conclude: str | None = None
    stale: str | None = None
    granted_since: str | None = None
    last_change: Change | None = None
    missing_documents: tuple[str, ...] = ()
    is_bound_untold: bool = False
    granted_in: tuple[str, ...] = ()
    perhaps_used: Mapping[str, Mapping[Case, tuple[str, ...]]] = field(default_factory=dict)

    def home(self, service: str) -> str | None:
        """The only region of the principal's partition that logs the service's calls; None where it is not one."""
        _, _, rest = self.principal.partition(":")
        return home_region(service, rest.partition(":")[0])

    def lacks(self, region: str) -> bool:
        """Whether nothing tells what was called in a region: no management event, no digest.

        Not of an account whose events tell no region at all.
        """
        return bool(self.coverage.regions) and region not in self.coverage.called_regions
