"""What panels are made of again and again: metrics, questions, controls."""

from __future__ import annotations

from cloudsearch.dashboards.model import Control, Measure, Metric, Terms
from cloudsearch.event import Copy, Field, Outcome
from cloudsearch.reports.evidence import NOT_CALLS
from cloudsearch.store import EVENTS, REPORT_ROWS
from cloudsearch.where import And, In, Not, Subject, Where


def event(name: str) -> Field:
    """A field of an event."""
    return EVENTS.by_name[name]


def row(name: str) -> Field:
    """A field of a report's row."""
    return REPORT_ROWS.by_name[name]


def named(name: str, *values: str | bool) -> Where:
    """Events whose field has one of the values."""
    return In(event(name), values)


def count(label: str) -> Metric:
    """How many rows."""
    return Metric(Measure.COUNT, label)


def unique(subject: Subject, label: str) -> Metric:
    """How many different values."""
    return Metric(Measure.UNIQUE, label, subject)


def last(subject: Subject, label: str) -> Metric:
    """The latest time."""
    return Metric(Measure.LAST, label, subject)


def first(subject: Subject, label: str) -> Metric:
    """The earliest time."""
    return Metric(Measure.FIRST, label, subject)


EVENT_TIME = event("time")
CALLS = count("calls")
LAST_SEEN = last(EVENT_TIME, "last")
FIRST_SEEN = first(EVENT_TIME, "first")

IS_CALL = And((named("copy", Copy.CALLER), Not(named("event_type", *sorted(NOT_CALLS)))))
"""A call as its caller's account logged it, so that none is counted twice: no sign-in, no Insight, no other's copy."""

IS_REFUSED = And((named("outcome", Outcome.DENIED), IS_CALL))
IS_SIGN_IN = named("event_name", "ConsoleLogin")
IS_CHANGE = And((named("read_only", False), IS_CALL))

BY_PRINCIPAL = Terms(event("principal"), "principal", 50)
BY_SERVICE = Terms(event("event_source"), "service", 20)
BY_NAME = Terms(event("event_name"), "call", 50)

EVENT_CONTROLS = (
    Control(event("recipient_account"), "Account"),
    Control(event("region"), "Region"),
    Control(event("event_source"), "Service"),
    Control(event("principal"), "Principal"),
    Control(event("outcome"), "Outcome"),
)
