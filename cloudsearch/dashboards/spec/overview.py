"""What there is in the log: how much, of whom, where, when."""

from __future__ import annotations

from cloudsearch.dashboards.model import Band, Choices, Dashboard, Kind, Panel, Terms, Time
from cloudsearch.dashboards.spec.searches import EVERY_EVENT
from cloudsearch.dashboards.spec.words import (
    BY_SERVICE,
    CALLS,
    EVENT_CONTROLS,
    EVENT_TIME,
    IS_CALL,
    IS_CHANGE,
    IS_REFUSED,
    LAST_SEEN,
    count,
    event,
    named,
    unique,
)
from cloudsearch.event import Outcome
from cloudsearch.where import And

_EVENTS = count("events")

_FIGURES = Band(
    7,
    (
        Panel(
            "Events loaded",
            "Everything loaded in the chosen time, copies included. None: nothing is loaded for it.",
            Kind.METRIC,
            (_EVENTS,),
        ),
        Panel(
            "Accounts",
            "Accounts whose trails delivered. Fewer than you have: a trail is missing.",
            Kind.METRIC,
            (unique(event("recipient_account"), "accounts"),),
        ),
        Panel(
            "Principals",
            "Users, roles and services that called. A sudden rise is worth a look at Identity.",
            Kind.METRIC,
            (unique(event("principal"), "principals"),),
            where=IS_CALL,
        ),
        Panel(
            "Calls refused",
            "Calls that a policy did not allow, each once. Denied says why.",
            Kind.METRIC,
            (count("refused"),),
            where=IS_REFUSED,
        ),
        Panel(
            "Calls that change something",
            "Let in or not, each once. Change says what they were.",
            Kind.METRIC,
            (count("changes"),),
            where=IS_CHANGE,
        ),
    ),
)

OVERVIEW = Dashboard(
    "Overview",
    "How much is in the log, of which accounts and services, and how it went.",
    (
        _FIGURES,
        Band(
            12,
            (
                Panel(
                    "Events over time, by outcome",
                    "The usual rhythm. Look for days without events (a trail that stopped, or was not loaded) and for "
                    "bursts of refusals.",
                    Kind.COLUMNS,
                    (_EVENTS,),
                    (Time(EVENT_TIME), Terms(event("outcome"), "outcome", 5)),
                    width=32,
                ),
                Panel(
                    "Outcomes",
                    "How calls ended. undetermined: the answer does not say whether the caller was allowed.",
                    Kind.PIE,
                    (CALLS,),
                    (Terms(event("outcome"), "outcome", 5),),
                    IS_CALL,
                ),
            ),
        ),
        Band(
            14,
            (
                Panel(
                    "Services",
                    "What is called most. Look for a service that you do not use.",
                    Kind.BARS,
                    (CALLS,),
                    (BY_SERVICE,),
                    IS_CALL,
                ),
                Panel(
                    "Actions",
                    "The IAM actions that calls exercised, refused ones included, and when last.",
                    Kind.TABLE,
                    (CALLS, unique(event("principal"), "principals"), LAST_SEEN),
                    (Terms(event("actions"), "action", 100),),
                    IS_CALL,
                ),
                Panel(
                    "Names of calls",
                    "Large is frequent. Look for a name that does not belong.",
                    Kind.TAG_CLOUD,
                    (CALLS,),
                    (Terms(event("event_name"), "call", 40),),
                    IS_CALL,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Accounts that delivered",
                    "Whose trails the events came from. An account that you know and miss here has no trail that is "
                    "loaded.",
                    Kind.PIE,
                    (_EVENTS,),
                    (Terms(event("recipient_account"), "account", 30),),
                ),
                Panel(
                    "Regions",
                    "Where calls were logged; global services log in us-east-1. Look for a region that you do not use.",
                    Kind.PIE,
                    (_EVENTS,),
                    (Terms(event("region"), "region", 40),),
                ),
                Panel(
                    "Reading and changing over time",
                    "Changes follow releases. Look for changes at other times.",
                    Kind.AREA,
                    (CALLS,),
                    (
                        Time(EVENT_TIME),
                        Choices("kind", (("reads", named("read_only", True)), ("changes", named("read_only", False)))),
                    ),
                    IS_CALL,
                    width=20,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Kinds of events",
                    "Management, data and Insights, by type. Without data events no report can say that reading of "
                    "objects is unused.",
                    Kind.TABLE,
                    (_EVENTS, LAST_SEEN),
                    (Terms(event("event_category"), "category", 10), Terms(event("event_type"), "type", 10)),
                ),
                Panel(
                    "Errors of calls that were let in",
                    "Codes that prove the permission was there. Look for throttling and for things that do not exist.",
                    Kind.TABLE,
                    (CALLS, LAST_SEEN),
                    (Terms(event("error_code"), "code", 30), Terms(event("event_source"), "service", 5)),
                    And((named("outcome", Outcome.ERROR), IS_CALL)),
                ),
            ),
        ),
        Band(16, (EVERY_EVENT,)),
    ),
    EVENT_CONTROLS,
)
