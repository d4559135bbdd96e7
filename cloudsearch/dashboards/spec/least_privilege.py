"""What is granted against what is used: the rows that ``report --save`` keeps.

Reports pile up, and what was unused in an old one may be used by now. So nothing here adds up several: figures and
charts are of the last saving, tables of each principal's last report; one chart alone has a column for each saving.
"""

from __future__ import annotations

from cloudsearch.dashboards.model import (
    Band,
    Bucket,
    Choices,
    Control,
    Dashboard,
    Kind,
    Measure,
    Metric,
    Panel,
    Terms,
)
from cloudsearch.dashboards.spec.searches import UNUSED_ACTIONS
from cloudsearch.dashboards.spec.words import count, last, row
from cloudsearch.reports.verdicts import Marker
from cloudsearch.store import REPORT_ROWS
from cloudsearch.where import And, Exists, In, Where

_ACTIONS = count("actions")
_LAST_USE = last(row("last_used"), "last use")
_CALLS = Metric(Measure.SUM, "calls", row("calls"))

_BY_PRINCIPAL = Terms(row("principal"), "principal", 200)
_FEW_PRINCIPALS = Terms(row("principal"), "principal", 20)
_LAST_REPORT = Terms(row("time"), "report of", 1, by=None)
_LAST_SAVING = Terms(row("time"), "report of", 1, by=None, apart=True)
_BY_ACTION = Terms(row("action"), "action", 1_000, by=None, least=True)


def _marked(*markers: Marker) -> Where:
    return In(row("marker"), tuple(map(str, markers)))


_MARKERS = Choices(
    "verdict",
    (
        ("used and granted", _marked(Marker.USED)),
        ("unused", _marked(Marker.UNUSED)),
        ("unknown", _marked(Marker.UNKNOWN)),
        ("used, not granted", _marked(Marker.UNGRANTED)),
    ),
)
_IS_GRANTED = _marked(Marker.USED, Marker.UNUSED, Marker.UNKNOWN)
_RISKY = And((_marked(Marker.UNUSED), In(row("access_level"), ("Permissions management", "Write"))))


def _figure(title: str, look_for: str, where: Where) -> Panel:
    return Panel(title, look_for, Kind.METRIC, (_ACTIONS,), (_LAST_REPORT,), where, REPORT_ROWS)


_What = tuple[tuple[Metric, ...], tuple[Bucket, ...], Where]


def _panel(title: str, look_for: str, kind: Kind, what: _What, width: int | None = None) -> Panel:
    metrics, buckets, where = what
    return Panel(title, look_for, kind, metrics, buckets, where, REPORT_ROWS, width)


_ANY = In(row("marker"), tuple(map(str, Marker)))

LEAST_PRIVILEGE = Dashboard(
    "Least privilege",
    "Used against granted, from the reports that were saved: cloudsearch report --all --save. Of the last saving, or "
    "of each principal's last report, never of several together.",
    (
        Band(
            7,
            (
                _figure(
                    "Used and granted",
                    "Actions of the last saved reports that are needed as granted.",
                    _marked(Marker.USED),
                ),
                _figure(
                    "Unused", "Granted, and the log would have shown a use. May be taken away.", _marked(Marker.UNUSED)
                ),
                _figure(
                    "Unknown",
                    "Granted, and the log could not have shown a use. Not to be taken away for that.",
                    _marked(Marker.UNKNOWN),
                ),
                _figure(
                    "Used, not granted",
                    "Used by what is granted no longer, or in another way. Look before you forget.",
                    _marked(Marker.UNGRANTED),
                ),
            ),
        ),
        Band(
            14,
            (
                _panel(
                    "Principals by verdict",
                    "Each principal's actions in the last saving. Much of unused: begin there.",
                    Kind.BARS,
                    ((_ACTIONS,), (_LAST_SAVING, Terms(row("principal"), "principal", 30), _MARKERS), _ANY),
                ),
                _panel(
                    "Unused by access level",
                    "What the unused actions could do. Permissions management first.",
                    Kind.PIE,
                    ((_ACTIONS,), (_LAST_SAVING, Terms(row("access_level"), "level", 8)), _marked(Marker.UNUSED)),
                    16,
                ),
            ),
        ),
        Band(
            14,
            (
                _panel(
                    "Services, granted and used",
                    "By principal: actions granted of each service, calls, and the last use. No calls at all: "
                    "the whole service may be a candidate; Unused actions says which of it.",
                    Kind.TABLE,
                    (
                        (_ACTIONS, _CALLS, _LAST_USE),
                        (_BY_PRINCIPAL, _LAST_REPORT, Terms(row("service"), "service", 50, by=1, least=True)),
                        _IS_GRANTED,
                    ),
                ),
                _panel(
                    "Verdicts by principal",
                    "Each principal's last report in numbers.",
                    Kind.TABLE,
                    ((_ACTIONS,), (_BY_PRINCIPAL, _LAST_REPORT, _MARKERS), _ANY),
                    20,
                ),
            ),
        ),
        Band(
            14,
            (
                _panel(
                    "Unused actions",
                    "Of each principal's last report: what may be taken away.",
                    Kind.TABLE,
                    ((_ACTIONS,), (_FEW_PRINCIPALS, _LAST_REPORT, _BY_ACTION), _marked(Marker.UNUSED)),
                ),
                _panel(
                    "Unused and risky",
                    "Unused actions that write or change permissions: the first to take away.",
                    Kind.TABLE,
                    (
                        (_ACTIONS,),
                        (_FEW_PRINCIPALS, _LAST_REPORT, Terms(row("access_level"), "level", 2), _BY_ACTION),
                        _RISKY,
                    ),
                ),
            ),
        ),
        Band(
            12,
            (
                _panel(
                    "Last use",
                    "Used actions, those longest ago first. One that was last used months ago was perhaps needed once.",
                    Kind.TABLE,
                    (
                        (_LAST_USE, _CALLS),
                        (_BY_PRINCIPAL, _LAST_REPORT, Terms(row("action"), "action", 200, by=0, least=True)),
                        Exists(row("last_used")),
                    ),
                ),
                _panel(
                    "Used without a grant",
                    "Marked + : by a policy that is gone, a session policy, or a resource's own policy.",
                    Kind.TABLE,
                    (
                        (_CALLS, _LAST_USE),
                        (_BY_PRINCIPAL, _LAST_REPORT, Terms(row("action"), "action", 200)),
                        _marked(Marker.UNGRANTED),
                    ),
                ),
            ),
        ),
        Band(
            12,
            (
                _panel(
                    "Why unknown",
                    "Of the last saving: what kept a verdict back. Data events that are not logged can be switched on.",
                    Kind.BARS,
                    ((_ACTIONS,), (_LAST_SAVING, Terms(row("reason"), "reason", 15)), _marked(Marker.UNKNOWN)),
                ),
                _panel(
                    "Reports, newest first",
                    "A column for each saving: unused should fall. A column of one role is lower than one of all.",
                    Kind.COLUMNS,
                    ((_ACTIONS,), (Terms(row("time"), "report of", 50, by=None), _MARKERS), _ANY),
                ),
            ),
        ),
        Band(14, (UNUSED_ACTIONS,)),
    ),
    (
        Control(row("account"), "Account"),
        Control(row("principal"), "Principal"),
        Control(row("service"), "Service"),
        Control(row("access_level"), "Access level"),
    ),
    since="now-1y",
    table=REPORT_ROWS,
)
