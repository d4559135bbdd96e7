"""Where calls came from: addresses, clients, services, endpoints."""

from __future__ import annotations

from cloudsearch.dashboards.model import Band, Choices, Dashboard, Kind, Panel, Terms, Time
from cloudsearch.dashboards.spec.searches import CALLS as CALLS_SEARCH
from cloudsearch.dashboards.spec.words import (
    CALLS,
    EVENT_CONTROLS,
    EVENT_TIME,
    FIRST_SEEN,
    IS_CALL,
    IS_REFUSED,
    LAST_SEEN,
    count,
    event,
    unique,
)
from cloudsearch.where import And, Exists, In, Not, Or, Path, Pattern

_OF_AWS = Or((Pattern(event("source_address"), "*.amazonaws.com"), In(event("source_address"), ("AWS Internal",))))
_FROM_OUTSIDE = And((IS_CALL, Not(_OF_AWS), Exists(event("source_address"))))
_FROM_AWS = And((IS_CALL, _OF_AWS))
_ADDRESSES = unique(event("source_address"), "addresses")
_PRINCIPALS = unique(event("principal"), "principals")
_BY_ADDRESS = Terms(event("source_address"), "address", 50)

NETWORK = Dashboard(
    "Network",
    "Where calls came from and by what client: addresses, AWS services, VPC endpoints, TLS.",
    (
        Band(
            7,
            (
                Panel(
                    "Addresses",
                    "Different addresses that called. AWS services that call for you are apart.",
                    Kind.METRIC,
                    (_ADDRESSES,),
                    where=_FROM_OUTSIDE,
                ),
                Panel(
                    "Clients",
                    "Different user agents. Each SDK, version and machine type is one.",
                    Kind.METRIC,
                    (unique(event("user_agent"), "clients"),),
                    where=_FROM_OUTSIDE,
                ),
                Panel(
                    "Services calling for you",
                    "AWS services that made calls on somebody's behalf.",
                    Kind.METRIC,
                    (unique(event("source_address"), "services"),),
                    where=_FROM_AWS,
                ),
                Panel(
                    "Addresses refused",
                    "Addresses with a refused call.",
                    Kind.METRIC,
                    (_ADDRESSES,),
                    where=And((IS_REFUSED, Not(_OF_AWS))),
                ),
            ),
        ),
        Band(
            13,
            (
                Panel(
                    "Addresses by calls",
                    "The busiest addresses: whose they are you should know.",
                    Kind.TABLE,
                    (CALLS, _PRINCIPALS, FIRST_SEEN, LAST_SEEN),
                    (_BY_ADDRESS,),
                    _FROM_OUTSIDE,
                ),
                Panel(
                    "Newest addresses",
                    "Addresses that were first seen last, within the chosen time. Look for one you cannot place.",
                    Kind.TABLE,
                    (CALLS, FIRST_SEEN, _PRINCIPALS),
                    (Terms(event("source_address"), "address", 50, by=1), Terms(event("principal"), "principal", 5)),
                    _FROM_OUTSIDE,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Principals by addresses",
                    "Who calls from how many addresses. A key of one machine that calls from many is a lost key.",
                    Kind.BARS,
                    (_ADDRESSES,),
                    (Terms(event("principal"), "principal", 20),),
                    _FROM_OUTSIDE,
                ),
                Panel(
                    "Addresses over time",
                    "Different addresses in each span. A step up wants an explanation.",
                    Kind.LINE,
                    (_ADDRESSES,),
                    (Time(EVENT_TIME),),
                    _FROM_OUTSIDE,
                ),
                Panel(
                    "The way calls came",
                    "By SDK, in the console, or through an AWS service.",
                    Kind.PIE,
                    (CALLS,),
                    (Terms(event("via"), "way", 15),),
                    IS_CALL,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Clients by calls",
                    "User agents and who uses them. Look for old SDKs and for tools that nobody here uses.",
                    Kind.TABLE,
                    (CALLS, _PRINCIPALS, FIRST_SEEN, LAST_SEEN),
                    (Terms(event("user_agent"), "client", 50),),
                    _FROM_OUTSIDE,
                ),
                Panel(
                    "AWS services that call for you",
                    "Which service calls on whose behalf. Look for a service that you did not set up.",
                    Kind.TABLE,
                    (CALLS, LAST_SEEN),
                    (
                        Terms(event("invoked_by"), "service", 30),
                        Terms(event("principal"), "for", 10, missing="(not named)"),
                    ),
                    And((IS_CALL, Exists(event("invoked_by")))),
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Regions and services",
                    "Which service is called in which region. Look for a lone field: one service in a strange region.",
                    Kind.HEATMAP,
                    (CALLS,),
                    (Terms(event("region"), "region", 20), Terms(event("event_source"), "service", 20)),
                    IS_CALL,
                ),
                Panel(
                    "Refused by address",
                    "Addresses with refused calls, and how many different actions were tried from each.",
                    Kind.TABLE,
                    (count("refusals"), unique(event("denied_action"), "actions"), LAST_SEEN),
                    (_BY_ADDRESS,),
                    IS_REFUSED,
                ),
            ),
        ),
        Band(
            10,
            (
                Panel(
                    "Through VPC endpoints",
                    "Calls that never left your networks, by endpoint. Empty: no endpoint is used, or the calls log "
                    "none.",
                    Kind.TABLE,
                    (CALLS, _PRINCIPALS, LAST_SEEN),
                    (Terms(event("vpc_endpoint"), "endpoint", 30), Terms(event("event_source"), "service", 10)),
                    And((IS_CALL, Exists(event("vpc_endpoint")))),
                ),
                Panel(
                    "TLS versions",
                    "What clients speak, where the service logs it. Anything below TLSv1.2 needs an update of the "
                    "client.",
                    Kind.PIE,
                    (count("events"),),
                    (Terms(Path("tlsDetails.tlsVersion"), "version", 8),),
                ),
                Panel(
                    "From outside and through AWS, over time",
                    "Calls from addresses beside those of AWS services. A machine that falls silent shows here.",
                    Kind.AREA,
                    (CALLS,),
                    (Time(EVENT_TIME), Choices("from", (("addresses", _FROM_OUTSIDE), ("AWS services", _OF_AWS)))),
                    IS_CALL,
                ),
            ),
        ),
        Band(14, (CALLS_SEARCH,)),
    ),
    EVENT_CONTROLS,
)
