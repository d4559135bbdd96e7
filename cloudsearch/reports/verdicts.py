"""The marker of each action, and why: of what was used, of what is not granted, and of what is granted and unused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cloudsearch.actions import observability
from cloudsearch.catalogue import Action
from cloudsearch.iam import Grant, State, StatementRef
from cloudsearch.reports.absence import Absent, counted, last_chance, tried, why_unknown
from cloudsearch.reports.circumstances import Circumstances
from cloudsearch.reports.evidence import Use, needs_no_permission


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
        marker, reason = _absent(Absent(use, earlier, name, level, observability(name), about))
    else:
        marker, reason = Marker.UNKNOWN, f"{_lacking(about) or 'not granted'}; {tried(use)}"
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
    told = " (source: csm)" if use.monitored else "" if use.calls else f"; {tried(use)}"
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
        failed = f"; never succeeded ({counted(use.error_codes)})" if use.errors == use.calls else ""
        return Marker.USED, f"used (source: csm){failed}"
    if use.errors == use.calls:
        return Marker.USED, f"never succeeded ({counted(use.error_codes)})"
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


def _absent(case: Absent) -> tuple[Marker, str]:
    """A granted action without a call."""
    reason = why_unknown(case)
    return (Marker.UNKNOWN, reason) if reason else (Marker.UNUSED, last_chance(case))
