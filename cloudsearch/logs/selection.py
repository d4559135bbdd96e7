"""Which log files are wanted, by what their paths say: account, region, day.

CloudTrail's layout is ``[prefix/]AWSLogs/[o-organisation/]account/CloudTrail/region/YYYY/MM/DD/``
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-find-log-files.html). Decided here: a file is
loaded whole or not at all, so a window selects files by their folder's day; what a path does not say excludes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SPILL_DAYS = 2
"""Days after the window in whose folders events of the window may lie: a folder is of the delivery, not of the event,
about one event in a hundred lies in the next day's, and delivery may come hours late."""

LAYOUT = "AWSLogs/"
DIGESTS = "CloudTrail-Digest"
_LAYOUT = re.compile(
    r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?"
    r"(?:(\d{12})/(?:([^/]+)/(?:([^/]+)/(?:(\d{4})/(?:(\d\d)/(?:(\d\d)/)?)?)?)?)?)?$"
)


@dataclass(frozen=True, slots=True)
class Folder:
    """What the path of a folder of the layout says, as far down as it goes; ``date`` is YYYY, YYYY/MM or YYYY/MM/DD."""

    account: str | None
    service: str | None
    region: str | None
    date: str

    @property
    def is_of_a_trail(self) -> bool:
        """Whether it is a ``CloudTrail`` folder of an account, or lies in one."""
        return self.service is not None and (self.service == "CloudTrail" or self.service.startswith("CloudTrail-"))

    @property
    def is_a_day(self) -> bool:
        """Whether files, not folders, are to be expected in it."""
        return len(self.date) == len("2026/08/31")


def folder(path: str) -> Folder | None:
    """What a path that ends in ``/`` says; None where it does not lie in the layout."""
    found = _LAYOUT.search(path)
    if found is None:
        return None
    account, service, region, *date = found.groups()
    return Folder(account, service, region, "/".join(part for part in date if part))


@dataclass(frozen=True, slots=True)
class Selection:
    """Accounts and regions, all when there are none, and a time from ``since`` up to but without ``until``, UTC."""

    accounts: Sequence[str] = ()
    regions: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, account: str | None, region: str | None, day: str | None) -> bool:
        """Whether a file of which the path says this is wanted."""
        return self._named(account, region) and (day is None or self._dated(day.replace("-", "/")))

    def enters(self, folder: Folder) -> bool:
        """Whether a folder of the layout can hold anything wanted."""
        if folder.service is not None and not folder.is_of_a_trail:
            return False
        return self._named(folder.account, folder.region) and self._dated(folder.date)

    def after(self, folder: Folder) -> str:
        """What of the folder's keys comes before all that is wanted of it: to be added to its path; often nothing."""
        first, _ = self._days()
        if folder.region and first.startswith(folder.date):
            return first[len(folder.date) :].lstrip("/")
        return ""

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.accounts or self.regions or self.since or self.until)

    def _named(self, account: str | None, region: str | None) -> bool:
        return (not self.accounts or account is None or account in self.accounts) and (
            not self.regions or region is None or region in self.regions
        )

    def _dated(self, date: str) -> bool:
        first, last = self._days()
        return first[: len(date)] <= date and (not last or date <= last[: len(date)])

    def _days(self) -> tuple[str, str]:
        """The first and the last folder wanted, as YYYY/MM/DD; empty where that side is open."""
        first = f"{self.since:%Y/%m/%d}" if self.since else ""
        if self.until is None:
            return first, ""
        last = self.until - timedelta(microseconds=1) + timedelta(days=SPILL_DAYS)
        return first, f"{last:%Y/%m/%d}"
