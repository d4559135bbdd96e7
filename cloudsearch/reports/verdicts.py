"""The marker of each action: the order of decisions, one function a step, the first that holds wins.

A wrong ``-`` takes a permission away from someone who needs it. So absence is a finding only where the logs
could have shown presence; everything else is ``?`` with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from cloudsearch.actions import Case, Observability, ObservabilityClass, observability
from cloudsearch.actions.homes import home_region
from cloudsearch.actions.selecting import Answer
from cloudsearch.actions.selectors import Selectors
from cloudsearch.catalogue import Action
from cloudsearch.iam import Grant, State, StatementRef
from cloudsearch.reports.changes import Change
from cloudsearch.reports.coverage import EXCLUDABLE_SOURCES, AccountCoverage
from cloudsearch.reports.evidence import Use, needs_no_permission

_NAMED = 3
"""Calls that a reason names."""


class Marker(StrEnum):
    """CloudTracker's markers."""

    USED = " "
    UNUSED = "-"
    UNKNOWN = "?"
    UNGRANTED = "+"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """One action of a principal: what is granted, what was used, and what may be concluded.

    ``tried`` is whether there was any call at all: let in, refused, or failed before that was decided.
    """

    account: str
    principal: str
    action: str
    marker: Marker
    granted: str | None
    used: bool
    tried: bool
    calls: int
    denied: int
    errors: int
    first_used: datetime | None
    last_used: datetime | None
    reason: str
    statements: tuple[StatementRef, ...]
    observed_from: datetime | None
    observed_days: int
    access_level: str | None

    @property
    def service(self) -> str:
        """The action's service prefix."""
        return self.action.partition(":")[0]


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
        """Whether nothing tells what was called in a region: no management event, no digest."""
        return region not in self.coverage.called_regions


@dataclass(frozen=True, slots=True)
class _Case:
    """One granted action without a call."""

    use: Use
    earlier: tuple[str, datetime | None] | None
    action: str
    access_level: str | None
    seen: Observability
    about: Circumstances

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]

    @property
    def home(self) -> str | None:
        return self.about.home(self.service)

    @property
    def is_read(self) -> bool:
        return self.access_level in ("List", "Read")


def judge(
    action: Action | str,
    grant: Grant | None,
    use: Use,
    about: Circumstances,
    *,
    earlier: tuple[str, datetime | None] | None = None,
) -> ReportRow:
    """Decide an action's marker and say why."""
    name, level = (action, None) if isinstance(action, str) else (action.name, action.access_level)
    is_granted = _is_granted(grant, about)
    if needs_no_permission(name):
        marker, reason = Marker.USED, "needs no permission"
    elif use.calls:
        marker, reason = _used(use) if is_granted else _ungranted(use, grant, about)
    elif is_granted:
        marker, reason = _absent(_Case(use, earlier, name, level, observability(name), about))
    else:
        marker, reason = Marker.UNKNOWN, f"{_lacking(about) or 'not granted'}; {_tried(use)}"
    statements = grant.statements if grant else ()
    return _row(
        name,
        use,
        about,
        marker=marker,
        reason=reason,
        granted=_state(grant, about),
        statements=statements,
        access_level=level,
    )


def unknown_call(event_source: str, event_name: str, use: Use, about: Circumstances) -> ReportRow:
    """A call whose IAM action nobody can name: listed, never guessed."""
    told = " (source: csm)" if use.monitored else "" if use.calls else f"; {_tried(use)}"
    reason = f"no IAM action is known for this call{told}"
    return _row(f"{event_source}:{event_name}", use, about, marker=Marker.UNKNOWN, reason=reason)


def _row(  # noqa: PLR0913 (a row has as many)
    action: str,
    use: Use,
    about: Circumstances,
    *,
    marker: Marker,
    reason: str,
    granted: str | None = None,
    statements: tuple[StatementRef, ...] = (),
    access_level: str | None = None,
) -> ReportRow:
    return ReportRow(
        account=about.account,
        principal=about.principal,
        action=action,
        marker=marker,
        granted=granted,
        used=use.calls > 0,
        tried=bool(use.calls or use.denied or use.undetermined),
        calls=use.calls,
        denied=use.denied,
        errors=use.errors,
        first_used=use.first_used,
        last_used=use.last_used,
        reason=reason,
        statements=statements,
        observed_from=about.observed_from,
        observed_days=about.observed_days,
        access_level=access_level,
    )


def _state(grant: Grant | None, about: Circumstances) -> str | None:
    if grant is not None and _is_granted(grant, about):
        return str(grant.state)
    return None if about.missing_documents else str(State.NOT_GRANTED)


def _is_granted(grant: Grant | None, about: Circumstances) -> bool:
    """Whether it is known to be granted, perhaps on a Condition."""
    return grant is not None and grant.state is not State.NOT_GRANTED and not about.is_bound_untold


def _lacking(about: Circumstances) -> str | None:
    """Why it is not known whether something is granted."""
    missing = about.missing_documents
    return f"the IAM file lacks the document of {', '.join(missing)}" if missing else None


def _used(use: Use) -> tuple[Marker, str]:
    if use.inferred:
        return Marker.USED, use.inference
    if use.monitored:
        failed = f"; never succeeded ({_counted(use.error_codes)})" if use.errors == use.calls else ""
        return Marker.USED, f"used (source: csm){failed}"
    if use.errors == use.calls:
        return Marker.USED, f"never succeeded ({_counted(use.error_codes)})"
    return Marker.USED, use.inference


def _ungranted(use: Use, grant: Grant | None, about: Circumstances) -> tuple[Marker, str]:
    inferred = f"{use.inference}; " if use.inferred else "used (source: csm); " if use.monitored else ""
    if lacking := _lacking(about):
        return Marker.UNKNOWN, inferred + lacking
    return Marker.UNGRANTED, inferred + _lost(use, grant, about)


def _lost(use: Use, grant: Grant | None, about: Circumstances) -> str:
    """Why something was used that today's grants do not cover."""
    change = about.last_change
    if change and use.last_used and change.time >= use.last_used:
        return f"granted until {change.time:%Y-%m-%d} at the latest ({change.call} then)"
    if use.last_denied and use.last_used and use.last_denied > use.last_used:
        return f"refused since {use.last_denied:%Y-%m-%d}"
    if grant is not None and grant.statements:
        return f"not granted today: {grant.reason}"
    return "no statement in the IAM file grants it; a resource policy may"


def _absent(case: _Case) -> tuple[Marker, str]:
    """A granted action without a call: the steps in their order."""
    for step in _STEPS:
        if reason := step(case):
            return Marker.UNKNOWN, reason
    return Marker.UNUSED, _unused(case)


def _refused_only(case: _Case) -> str | None:
    return _tried(case.use) if case.use.denied else None


def _failed_only(case: _Case) -> str | None:
    return f"only failed calls: {_counted(case.use.undetermined)}" if case.use.undetermined else None


def _used_by_earlier(case: _Case) -> str | None:
    if case.earlier is None:
        return None
    principal_id, last = case.earlier
    whose = "the earlier" if not case.about.stale else "another"
    return f"used by {whose} principal of this name, {principal_id}, until {_day(last)}"


def _cannot_be_seen(case: _Case) -> str | None:
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


def _recorded(case: _Case) -> _Recorded | None:
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


def _logged_elsewhere(case: _Case) -> str | None:
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


def _granted_elsewhere(case: _Case) -> str | None:
    regions = ", ".join(case.about.granted_in)
    return f"granted in {regions} alone, of which no management events are loaded" if regions else None


def _only_writes_are_logged(case: _Case) -> str | None:
    if case.is_read and case.about.coverage.days and not case.about.coverage.read_regions:
        return "the trail shows no read events at all"
    return None


def _left_out(case: _Case) -> str | None:
    sources = [source for source in EXCLUDABLE_SOURCES if source in case.about.coverage.management_sources]
    service = case.service.replace("-", "")
    if any(source.partition(".")[0] == service for source in sources):
        return None
    return f"{case.seen.reason}; no such event is in the window"


def _perhaps_used(case: _Case) -> str | None:
    perhaps = case.about.perhaps_used.get(case.action)
    if not perhaps:
        return None
    return (
        f"may have been used: {'; '.join(f'{_named(calls)}, which need it {when}' for when, calls in perhaps.items())}"
    )


def _named(calls: tuple[str, ...]) -> str:
    others = len(calls) - _NAMED
    return f"{', '.join(calls[:_NAMED])}{f' and {others} more' if others > 0 else ''}"


def _seen_on_the_network_only(case: _Case) -> str | None:
    return "seen in network activity events only" if case.use.network_only else None


def _recorded_too_short(case: _Case) -> str | None:
    """A trail that began to log a while ago cannot speak for the time before."""
    about, recorded = case.about, _recorded(case)
    if recorded is None or recorded.since is None or about.observed_from is None:
        return None
    days = about.coverage.days_since(max(recorded.since, about.observed_from))
    if days >= about.min_days:
        return None
    return f"the trail that records it logs only since {_day(recorded.since)}: {days} days of logs"


def _too_short(case: _Case) -> str | None:
    about = case.about
    if about.observed_days >= about.min_days or about.cannot_conclude:
        return None
    if about.granted_since:
        return f"granted only since {_day(about.observed_from)}: {about.granted_since}"
    return f"only {about.observed_days} {'day' if about.observed_days == 1 else 'days'} of logs"


def _stale(case: _Case) -> str | None:
    return case.about.stale


def _inconclusive(case: _Case) -> str | None:
    return f"cannot conclude: {case.about.cannot_conclude}" if case.about.cannot_conclude else None


def _assumed(case: _Case) -> str | None:
    if case.about.strict and case.seen.observability is ObservabilityClass.MANAGEMENT_ASSUMED:
        return "that the log shows it is only assumed"
    return None


_STEPS: tuple[Callable[[_Case], str | None], ...] = (
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


def _unused(case: _Case) -> str:
    about, coverage = case.about, case.about.coverage
    regions = ", ".join(sorted(coverage.read_regions if case.is_read else coverage.regions)) or "no region"
    parts = [f"not in {about.observed_days} days of logs since {_day(about.observed_from)}", f"seen: {regions}"]
    if case.home in coverage.quiet_regions:
        parts.append(f"digests prove that nothing was called in {case.home}")
    if coverage.gaps:
        parts.append(f"{len(coverage.gaps)} gap {'day' if len(coverage.gaps) == 1 else 'days'}")
    if case.seen.observability is ObservabilityClass.DATA and (recorded := _recorded(case)):
        parts.append(recorded.reason)
    elif case.seen.observability is ObservabilityClass.MANAGEMENT_ASSUMED:
        parts.append("that the log shows it is assumed")
    return "; ".join(parts)


def _tried(use: Use) -> str:
    if not use.denied:
        return f"only failed calls: {_counted(use.undetermined)}" if use.undetermined else "never called"
    times = "once" if use.denied == 1 else f"{use.denied} times"
    return f"tried {times}, refused ({use.denied_reason or 'no reason given'}), last {_day(use.last_denied)}"


def _counted(codes: Counter[str]) -> str:
    return ", ".join(f"{code} x {count}" for code, count in codes.most_common(3))


def _day(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else "an unknown day"
