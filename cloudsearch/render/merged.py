"""Principals of many accounts that stand for one, as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudsearch.render.everyone import Line, counted
from cloudsearch.render.text import folded
from cloudsearch.reports.merged import Merged
from cloudsearch.reports.verdicts import ReportRow


def head(one: Merged, *, width: int | None) -> Iterator[str]:
    """Whom it is made of, and of which of them nothing can be concluded."""
    accounts = ", ".join(sorted({report.principal.account for report in one.reports}))
    yield from folded(f"{one.title}  {one.arn}", width)
    yield from folded(f"accounts  {accounts}", width)
    for report in one.reports:
        if report.verdict:
            yield from folded(f"verdict   {report.principal.account}: {report.verdict}", width)


def line(one: Merged, rows: Sequence[ReportRow]) -> Line:
    """Count the rows."""
    accounts = len({report.principal.account for report in one.reports})
    unsure = sum(bool(report.verdict) for report in one.reports)
    remark = f"{accounts} account{'s' if accounts > 1 else ''}"
    return counted("", one.title, rows, f"{remark}, of {unsure} cannot conclude" if unsure else remark)
