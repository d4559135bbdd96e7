"""What the digests prove: one finding per account, region and hour of delivery, and per file that fits none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cloudsearch.logs.chains import Checked, CheckedDigest, Gap, State, Unexpected
from cloudsearch.logs.local import Source


class Finding(StrEnum):
    """What a finding is of."""

    DIGEST = "digest"
    BACKFILL = "backfill"
    GAP = "gap"
    UNEXPECTED = "unexpected"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """One finding; ``start`` to ``end`` is the time of delivery it speaks of, UTC.

    ``valid_log_files`` are those whose content a valid digest lists; a digest that is not valid proves none.
    ``quiet`` is whether a valid digest proves that nothing was delivered then. ``files`` are log files that are not
    valid: name, state and reason.
    """

    account: str | None
    region: str | None
    trail: str | None
    start: datetime | None
    end: datetime | None
    finding: Finding
    state: State
    reason: str
    log_files: int = 0
    valid_log_files: int = 0
    quiet: bool = False
    oldest_event: datetime | None = None
    newest_event: datetime | None = None
    name: str | None = None
    files: tuple[dict[str, str], ...] = ()
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Sums:
    """How many digests there are and what they prove, ``states`` in the order of ``State``."""

    digests: int
    states: tuple[tuple[State, int], ...]
    log_files: int
    valid_log_files: int
    quiet: int
    gaps: int
    unexpected: int
    uncovered: int


def findings(checked: Checked) -> list[FindingRow]:
    """Every finding, by account, region, trail and time; files that no digest lists come last."""
    spans = [*map(_of_digest, checked.digests), *map(_of_gap, checked.gaps)]
    spans.sort(key=lambda row: (row.account or "", row.region or "", row.trail or "", row.start, row.finding))
    return [*spans, *map(_of_file, checked.unexpected)]


def sums(checked: Checked) -> Sums:
    """The findings, counted."""
    rows = [_of_digest(one) for one in checked.digests]
    return Sums(
        digests=len(rows),
        states=tuple((state, sum(row.state is state for row in rows)) for state in State),
        log_files=sum(row.log_files for row in rows),
        valid_log_files=sum(row.valid_log_files for row in rows),
        quiet=sum(row.quiet for row in rows),
        gaps=len(checked.gaps),
        unexpected=sum(one.state is State.UNPROVEN for one in checked.unexpected),
        uncovered=checked.uncovered,
    )


def passes(rows: Iterable[FindingRow]) -> bool:
    """Whether nothing is invalid, missing, or beyond the keys that were given, and something is proven at all."""
    rows = list(rows)
    return any(row.state is State.VALID for row in rows) and not any(row.fails for row in rows)


def state_of(one: CheckedDigest) -> State:
    """A digest's state with its log files': invalid before missing before unproven before valid."""
    states = {one.state, *(file.state for file in one.log_files)}
    return next(state for state in (State.INVALID, State.MISSING, State.UNPROVEN, State.VALID) if state in states)


def _of_digest(one: CheckedDigest) -> FindingRow:
    digest, state = one.digest, state_of(one)
    return FindingRow(
        account=digest.account,
        region=digest.region,
        trail=digest.trail,
        start=digest.start,
        end=digest.end,
        finding=Finding.BACKFILL if digest.is_backfill else Finding.DIGEST,
        state=state,
        reason=why(one),
        log_files=len(one.log_files),
        valid_log_files=one.count(State.VALID) if one.state is State.VALID else 0,
        quiet=state is State.VALID and not one.log_files and not digest.is_backfill,
        oldest_event=digest.oldest_event,
        newest_event=digest.newest_event,
        name=f"s3://{digest.path}",
        files=tuple(
            {"name": file.name, "state": file.state, "reason": file.reason}
            for file in one.log_files
            if file.state is not State.VALID
        ),
        fails=state in {State.INVALID, State.MISSING} or one.key_is_missing or one.count(State.UNPROVEN) > 0,
    )


def why(one: CheckedDigest) -> str:
    """Why a digest with its log files is not valid; empty where it is."""
    return "; ".join(_reasons(one))


def _reasons(one: CheckedDigest) -> Iterator[str]:
    if one.reason:
        yield one.reason
    if missing := one.count(State.MISSING):
        yield f"{missing} of {len(one.log_files)} log files missing"
    bad = [(file.state, file.reason) for file in one.log_files if file.state in {State.INVALID, State.UNPROVEN}]
    for (state, reason), count in Counter(bad).items():
        yield f"{count} of {len(one.log_files)} log files {state}: {reason}"


def _of_gap(gap: Gap) -> FindingRow:
    return FindingRow(
        account=gap.account,
        region=gap.region,
        trail=gap.trail,
        start=gap.start,
        end=gap.end,
        finding=Finding.GAP,
        state=State.MISSING,
        reason=gap.reason,
        fails=True,
    )


def _of_file(one: Unexpected) -> FindingRow:
    source = one.source
    is_unlisted = one.state is State.UNPROVEN
    return FindingRow(
        account=source.account if isinstance(source, Source) else None,
        region=source.region if isinstance(source, Source) else None,
        trail=None,
        start=None,
        end=None,
        finding=Finding.UNEXPECTED if is_unlisted else Finding.UNREADABLE,
        state=one.state,
        reason=one.reason,
        name=source.name,
        fails=not is_unlisted,
    )
