"""What may be concluded where a granted action has no call: the order of decisions, one function a step.

A wrong ``-`` takes a permission away from someone who needs it. So absence is a finding only where the logs
could have shown presence; everything else is ``?`` with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from cloudsearch.actions import Observability, ObservabilityClass
from cloudsearch.actions.selecting import Answer
from cloudsearch.reports.circumstances import Circumstances
from cloudsearch.reports.coverage import EXCLUDABLE_SOURCES
from cloudsearch.reports.evidence import Use

_NAMED = 3
"""Calls that a reason names."""


@dataclass(frozen=True, slots=True)
class Absent:
    """One granted action without a call."""

    use: Use
    earlier: tuple[str, datetime | None] | None
    action: str
    access_level: str | None
    seen: Observability
    about: Circumstances

    @property
    def service(self) -> str:
        """The action's service prefix."""
        return self.action.partition(":")[0]

    @property
    def home(self) -> str | None:
        """The only region that logs the service's calls, if it is one."""
        return self.about.home(self.service)

    @property
    def is_read(self) -> bool:
        """Whether IAM calls it a read."""
        return self.access_level in ("List", "Read")


def why_unknown(case: Absent) -> str | None:
    """Why nothing may be concluded from the absence: the first of the steps that holds. None where it is a finding."""
    return next(filter(None, (step(case) for step in _STEPS)), None)


def last_chance(case: Absent) -> str:
    """How long, and where, the logs would have shown a use."""
    about, coverage = case.about, case.about.coverage
    regions = ", ".join(sorted(coverage.read_regions if case.is_read else coverage.regions)) or "no region"
    parts = [f"not in {about.observed_days} days of logs since {day(about.observed_from)}", f"seen: {regions}"]
    if case.home in coverage.quiet_regions:
        parts.append(f"digests prove that nothing was called in {case.home}")
    if coverage.gaps:
        parts.append(f"{len(coverage.gaps)} gap {'day' if len(coverage.gaps) == 1 else 'days'}")
    if case.seen.observability is ObservabilityClass.DATA and (recorded := _recorded(case)):
        parts.append(recorded.reason)
    elif case.seen.observability is ObservabilityClass.MANAGEMENT_ASSUMED:
        parts.append("that the log shows it is assumed")
    return "; ".join(parts)


def tried(use: Use) -> str:
    """Of what was never let in, what was tried."""
    if not use.denied:
        return f"only failed calls: {counted(use.undetermined)}" if use.undetermined else "never called"
    times = "once" if use.denied == 1 else f"{use.denied} times"
    return f"tried {times}, refused ({use.denied_reason or 'no reason given'}), last {day(use.last_denied)}"


def counted(codes: Counter[str]) -> str:
    """The most frequent codes, each with its count."""
    return ", ".join(f"{code} x {count}" for code, count in codes.most_common(3))


def day(moment: datetime | None) -> str:
    """A day as reasons name it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else "an unknown day"


def _refused_only(case: Absent) -> str | None:
    return tried(case.use) if case.use.denied else None


def _failed_only(case: Absent) -> str | None:
    return f"only failed calls: {counted(case.use.undetermined)}" if case.use.undetermined else None


def _used_by_earlier(case: Absent) -> str | None:
    if case.earlier is None:
        return None
    principal_id, last = case.earlier
    whose = "the earlier" if not case.about.stale else "another"
    return f"used by {whose} principal of this name, {principal_id}, until {day(last)}"


def _cannot_be_seen(case: Absent) -> str | None:
    kind = case.seen.observability
    recorded = _recorded(case)
    if kind is ObservabilityClass.DATA:
        return (None if recorded.whole else recorded.reason) if recorded else case.seen.reason
    if kind in (ObservabilityClass.NEVER, ObservabilityClass.NO_OPERATION):
        return case.seen.reason
    if recorded and not recorded.whole:
        return recorded.reason
    if elsewhere := _logged_elsewhere(case) or _granted_elsewhere(case):
        return elsewhere
    if recorded is None and (case.seen.resource_types or not case.seen.complete):
        return f"some of its uses are data events ({', '.join(case.seen.resource_types) or 'of no documented type'})"
    left_out = kind is ObservabilityClass.EXCLUDABLE and recorded is None
    return (_left_out(case) if left_out else None) or _only_writes_are_logged(case)


class _Recorded(NamedTuple):
    """What the trails' selectors say of an action: whether all of its use is in the log, why, and since when."""

    whole: bool
    reason: str
    since: datetime | None = None


def _recorded(case: Absent) -> _Recorded | None:
    """None where no trail of the account was given, so that only the events themselves can tell."""
    about = case.about
    if about.selectors is None:
        return None
    is_data = case.seen.observability is ObservabilityClass.DATA
    seen = about.selectors.seen(
        account=about.account,
        regions=sorted(about.coverage.regions | (about.coverage.quiet_regions & {case.home})),
        action=case.action,
        observability=case.seen,
        # IAM's level says of management events alone what CloudTrail calls them, but for those that are documented
        is_read=None if is_data or case.access_level is None else case.is_read,
        principal=about.principal,
    )
    if seen.answer is Answer.UNKNOWN and not is_data:
        return None
    return _Recorded(seen.answer is Answer.ALL, seen.reason, seen.since)


def _logged_elsewhere(case: Absent) -> str | None:
    """IAM's calls are logged in us-east-1 alone: the log of other regions could not have shown them."""
    home, coverage = case.home, case.about.coverage
    if not coverage.days:
        return None
    if not coverage.management_sources:
        return "no management events of the account are loaded"
    if home is None or not coverage.regions:  # events that tell no region
        return None
    if case.about.lacks(home):
        return f"{case.service} is logged in {home} alone, and no management event of that region is loaded"
    if case.is_read and home not in coverage.read_regions | coverage.quiet_regions:
        return f"{case.service} is logged in {home} alone, and no read event of that region is loaded"
    return None


def _granted_elsewhere(case: Absent) -> str | None:
    regions = ", ".join(case.about.granted_in)
    return f"granted in {regions} alone, of which no management events are loaded" if regions else None


def _only_writes_are_logged(case: Absent) -> str | None:
    if case.is_read and case.about.coverage.days and not case.about.coverage.read_regions:
        return "the trail shows no read events at all"
    return None


def _left_out(case: Absent) -> str | None:
    sources = [source for source in EXCLUDABLE_SOURCES if source in case.about.coverage.management_sources]
    service = case.service.replace("-", "")
    if any(source.partition(".")[0] == service for source in sources):
        return None
    return f"{case.seen.reason}; no such event is in the window"


def _perhaps_used(case: Absent) -> str | None:
    perhaps = case.about.perhaps_used.get(case.action)
    if not perhaps:
        return None
    return (
        f"may have been used: {'; '.join(f'{_named(calls)}, which need it {when}' for when, calls in perhaps.items())}"
    )


def _named(calls: tuple[str, ...]) -> str:
    others = len(calls) - _NAMED
    return f"{', '.join(calls[:_NAMED])}{f' and {others} more' if others > 0 else ''}"


def _seen_on_the_network_only(case: Absent) -> str | None:
    return "seen in network activity events only" if case.use.network_only else None


def _recorded_too_short(case: Absent) -> str | None:
    """A trail that began to log a while ago cannot speak for the time before."""
    about, recorded = case.about, _recorded(case)
    if recorded is None or recorded.since is None or about.observed_from is None:
        return None
    days = about.coverage.days_since(max(recorded.since, about.observed_from))
    if days >= about.min_days:
        return None
    return f"the trail that records it logs only since {day(recorded.since)}: {days} days of logs"


def _too_short(case: Absent) -> str | None:
    about = case.about
    if about.observed_days >= about.min_days or about.cannot_conclude:
        return None
    if about.granted_since:
        return f"granted only since {day(about.observed_from)}: {about.granted_since}"
    return f"only {about.observed_days} {'day' if about.observed_days == 1 else 'days'} of logs"


def _stale(case: Absent) -> str | None:
    return case.about.stale


def _inconclusive(case: Absent) -> str | None:
    return f"cannot conclude: {case.about.cannot_conclude}" if case.about.cannot_conclude else None


def _assumed(case: Absent) -> str | None:
    if case.about.strict and case.seen.observability is ObservabilityClass.MANAGEMENT_ASSUMED:
        return "that the log shows it is only assumed"
    return None


_STEPS: tuple[Callable[[Absent], str | None], ...] = (
    _refused_only,
    _failed_only,
    _used_by_earlier,
    _perhaps_used,
    _seen_on_the_network_only,
    _cannot_be_seen,
    _recorded_too_short,
    _too_short,
    _stale,
    _inconclusive,
    _assumed,
)
