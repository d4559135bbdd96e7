"""What was refused: to whom, why, since when."""

from __future__ import annotations

from cloudsearch.dashboards.model import Band, Dashboard, Kind, Panel, Terms, Time
from cloudsearch.dashboards.spec.searches import REFUSED
from cloudsearch.dashboards.spec.words import (
    EVENT_CONTROLS,
    EVENT_TIME,
    FIRST_SEEN,
    IS_CALL,
    IS_REFUSED,
    LAST_SEEN,
    count,
    event,
    named,
    unique,
)
from cloudsearch.event import Outcome
from cloudsearch.where import And

_REFUSALS = count("refusals")
_BY_ACTION = Terms(event("denied_action"), "action", 50, missing="(not named)")
_BY_REASON = Terms(event("denied_reason"), "reason", 20, missing="(not said)")
_BY_PRINCIPAL = Terms(event("principal"), "principal", 50, missing="(not named)")

DENIED = Dashboard(
    "Denied",
    "Calls that a policy did not allow, each once: what somebody needs and lacks, or tries and should not.",
    (
        Band(
            7,
            (
                Panel("Refusals", "Calls refused in the chosen time.", Kind.METRIC, (_REFUSALS,), where=IS_REFUSED),
                Panel(
                    "Principals refused",
                    "Many at once: a policy of all of them was changed.",
                    Kind.METRIC,
                    (unique(event("principal"), "principals"),),
                    where=IS_REFUSED,
                ),
                Panel(
                    "Actions refused",
                    "Many of one principal: somebody tries what they may do.",
                    Kind.METRIC,
                    (unique(event("denied_action"), "actions"),),
                    where=IS_REFUSED,
                ),
                Panel(
                    "Policies that refused",
                    "Explicit denials that name their policy.",
                    Kind.METRIC,
                    (unique(event("denied_policy"), "policies"),),
                    where=IS_REFUSED,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Refusals over time, by reason",
                    "A step up that stays: a policy was changed. A burst: somebody tried things.",
                    Kind.COLUMNS,
                    (_REFUSALS,),
                    (Time(EVENT_TIME), _BY_REASON),
                    IS_REFUSED,
                    width=32,
                ),
                Panel(
                    "Reasons",
                    "Which kind of policy decided, as far as AWS says. A service control policy is not the team's to "
                    "change.",
                    Kind.PIE,
                    (_REFUSALS,),
                    (_BY_REASON,),
                    IS_REFUSED,
                ),
            ),
        ),
        Band(
            14,
            (
                Panel(
                    "Action by principal",
                    "A dark row: one principal is refused much. A dark column: many lack the same.",
                    Kind.HEATMAP,
                    (_REFUSALS,),
                    (_BY_ACTION, _BY_PRINCIPAL),
                    IS_REFUSED,
                ),
                Panel(
                    "Newest refusals",
                    "What was refused to whom, those that began last on top. These are news; the rest is known.",
                    Kind.TABLE,
                    (_REFUSALS, FIRST_SEEN, LAST_SEEN),
                    (
                        Terms(event("principal"), "principal", 50, by=1, missing="(not named)"),
                        Terms(event("denied_action"), "action", 20, by=1, missing="(not named)"),
                    ),
                    IS_REFUSED,
                    width=28,
                ),
            ),
        ),
        Band(
            11,
            (
                Panel(
                    "Policies that decided",
                    "Explicit denials by the policy AWS names. A guardrail that fires daily wants attention.",
                    Kind.TABLE,
                    (_REFUSALS, unique(event("principal"), "principals"), LAST_SEEN),
                    (Terms(event("denied_policy"), "policy", 50),),
                    IS_REFUSED,
                ),
                Panel(
                    "Services that refused",
                    "Where refusals come from, by error code.",
                    Kind.BARS,
                    (_REFUSALS,),
                    (Terms(event("event_source"), "service", 20), Terms(event("error_code"), "code", 10)),
                    IS_REFUSED,
                ),
                Panel(
                    "Refused from where",
                    "Addresses and clients. Look for addresses that are not yours.",
                    Kind.TABLE,
                    (_REFUSALS, LAST_SEEN),
                    (Terms(event("source_address"), "address", 30), Terms(event("user_agent"), "client", 3)),
                    IS_REFUSED,
                ),
            ),
        ),
        Band(
            10,
            (
                Panel(
                    "Refused changes",
                    "Refusals of calls that would have changed something: worth more attention than refused reading.",
                    Kind.TABLE,
                    (_REFUSALS, LAST_SEEN),
                    (_BY_PRINCIPAL, Terms(event("event_name"), "call", 20)),
                    And((IS_REFUSED, named("read_only", False))),
                ),
                Panel(
                    "Answers by code",
                    "Every error code and what it proves: denied, error (let in, then failed), or undetermined.",
                    Kind.TABLE,
                    (count("calls"), LAST_SEEN),
                    (Terms(event("error_code"), "code", 50), Terms(event("outcome"), "outcome", 4)),
                    And((named("outcome", Outcome.DENIED, Outcome.ERROR, Outcome.UNDETERMINED), IS_CALL)),
                ),
            ),
        ),
        Band(14, (REFUSED,)),
    ),
    EVENT_CONTROLS,
)
