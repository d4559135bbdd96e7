"""What was changed, and what the CIS benchmark wants to be told of."""

from __future__ import annotations

from cloudsearch.dashboards.model import Band, Choices, Dashboard, Kind, Panel, Terms, Time
from cloudsearch.dashboards.spec.cis import any_of, choices
from cloudsearch.dashboards.spec.searches import CHANGES, IAM_CHANGES
from cloudsearch.dashboards.spec.words import (
    BY_SERVICE,
    EVENT_CONTROLS,
    EVENT_TIME,
    IS_CHANGE,
    LAST_SEEN,
    count,
    event,
    named,
    unique,
)
from cloudsearch.where import And, Not, Or

_CHANGES = count("changes")
_BY_CALL = Terms(event("event_name"), "call", 50)
_BY_PRINCIPAL = Terms(event("principal"), "principal", 20, missing="(not named)")
_BY_OUTCOME = Terms(event("outcome"), "outcome", 4)
_IAM = And((IS_CHANGE, named("event_source", "iam.amazonaws.com")))
_NETWORK = ("3.10", "3.11", "3.12", "3.13", "3.14")
_GUARDS = Or(
    (
        any_of("3.5", "3.9"),
        And(
            (
                named(
                    "event_source",
                    "cloudtrail.amazonaws.com",
                    "config.amazonaws.com",
                    "guardduty.amazonaws.com",
                    "securityhub.amazonaws.com",
                    "access-analyzer.amazonaws.com",
                    "monitoring.amazonaws.com",
                ),
                named("read_only", False),
            )
        ),
    )
)

CHANGE = Dashboard(
    "Change and CIS",
    "Calls that change something, and the CIS AWS Foundations Benchmark's monitoring controls 3.1 to 3.14.",
    (
        Band(
            7,
            (
                Panel(
                    "Changes made or tried",
                    "Calls that change something, each once; refused ones too.",
                    Kind.METRIC,
                    (_CHANGES,),
                    where=IS_CHANGE,
                ),
                Panel(
                    "Principals that change",
                    "Few is good: people should change by pipeline.",
                    Kind.METRIC,
                    (unique(event("principal"), "principals"),),
                    where=IS_CHANGE,
                ),
                Panel(
                    "Changes of IAM", "Users, roles and policies. Look at each.", Kind.METRIC, (_CHANGES,), where=_IAM
                ),
                Panel(
                    "Events that CIS wants told",
                    "All of 3.1 to 3.14 together; an event may be in several.",
                    Kind.METRIC,
                    (count("events"),),
                    where=any_of(),
                ),
            ),
        ),
        Band(
            18,
            (
                Panel(
                    "CIS 3.1 to 3.14",
                    "A line for each control, 0 too: then the loaded logs have no such event. Any number but 0 wants "
                    "somebody who knows why.",
                    Kind.TABLE,
                    (count("events"), unique(event("principal"), "principals"), LAST_SEEN),
                    (Choices("control", choices()),),
                ),
                Panel(
                    "CIS 3.1 to 3.14 over time",
                    "The same by time. A guard that is switched off (3.5, 3.9) shortly before a change is no accident.",
                    Kind.COLUMNS,
                    (count("events"),),
                    (Time(EVENT_TIME), Choices("control", choices())),
                    any_of(),
                    width=28,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Changes over time, by service",
                    "Releases show as a rhythm. Look for changes outside of it.",
                    Kind.COLUMNS,
                    (_CHANGES,),
                    (Time(EVENT_TIME), Terms(event("event_source"), "service", 10)),
                    IS_CHANGE,
                    width=28,
                ),
                Panel(
                    "What was changed by whom",
                    "Every principal and its changes. Look for people where a pipeline should be.",
                    Kind.TABLE,
                    (_CHANGES, LAST_SEEN),
                    (
                        Terms(event("principal"), "principal", 30, missing="(not named)"),
                        Terms(event("event_name"), "call", 20),
                        _BY_OUTCOME,
                    ),
                    IS_CHANGE,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Changes of IAM by call",
                    "Grants given and taken. history --role tells them of one principal, with the policies.",
                    Kind.TABLE,
                    (_CHANGES, LAST_SEEN),
                    (_BY_CALL, _BY_PRINCIPAL, _BY_OUTCOME),
                    _IAM,
                ),
                Panel(
                    "Services changed",
                    "Where changes were made. Look for a service that no pipeline of yours deploys.",
                    Kind.BARS,
                    (_CHANGES,),
                    (BY_SERVICE, _BY_OUTCOME),
                    IS_CHANGE,
                ),
            ),
        ),
        Band(
            11,
            (
                Panel(
                    "Security groups, routes, gateways, VPCs",
                    "Changes of the network, CIS 3.10 to 3.14, by kind: 0 where there was none. Look for rules opened "
                    "to the world.",
                    Kind.TABLE,
                    (count("events"), unique(event("principal"), "principals"), LAST_SEEN),
                    (Choices("of", choices(*_NETWORK)),),
                ),
                Panel(
                    "Buckets: changes",
                    "Changes of buckets themselves, not of objects; refused ones too. Look for policies and for "
                    "deletions.",
                    Kind.TABLE,
                    (_CHANGES, LAST_SEEN),
                    (_BY_CALL, _BY_PRINCIPAL, _BY_OUTCOME),
                    And((named("event_source", "s3.amazonaws.com"), named("event_category", "Management"), IS_CHANGE)),
                ),
                Panel(
                    "Keys: use and changes",
                    "What was done with KMS keys. Look for DisableKey, ScheduleKeyDeletion and PutKeyPolicy.",
                    Kind.TABLE,
                    (count("events"), LAST_SEEN),
                    (_BY_CALL, _BY_PRINCIPAL),
                    named("event_source", "kms.amazonaws.com"),
                ),
            ),
        ),
        Band(
            11,
            (
                Panel(
                    "Guards: trails, Config, alarms, GuardDuty",
                    "Changes of what watches the account. Each should be planned.",
                    Kind.TABLE,
                    (_CHANGES, LAST_SEEN),
                    (Terms(event("event_source"), "service", 10), _BY_CALL, _BY_PRINCIPAL),
                    _GUARDS,
                ),
                Panel(
                    "Changes that AWS services made",
                    "Changes on somebody's behalf or by AWS itself, such as rotated keys.",
                    Kind.TABLE,
                    (count("events"), LAST_SEEN),
                    (
                        Terms(event("event_type"), "type", 5),
                        _BY_CALL,
                        Terms(event("invoked_by"), "service", 10, missing="(AWS itself)"),
                    ),
                    And(
                        (
                            named("read_only", False),
                            Or((named("principal_type", "AWSService"), named("event_type", "AwsServiceEvent"))),
                        )
                    ),
                ),
                Panel(
                    "Resources changed",
                    "What changes named by ARN, where the service logs it.",
                    Kind.TABLE,
                    (_CHANGES, LAST_SEEN),
                    (Terms(event("resources"), "resource", 50), Terms(event("event_name"), "call", 5)),
                    And((named("read_only", False), Not(named("event_source", "sts.amazonaws.com")))),
                ),
            ),
        ),
        Band(14, (CHANGES, IAM_CHANGES)),
    ),
    EVENT_CONTROLS,
)
