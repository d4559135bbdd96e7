"""Who there is: users, roles, root, keys, sign-ins, sessions."""

from __future__ import annotations

from cloudsearch.dashboards.model import Band, Choices, Dashboard, Kind, Panel, Terms, Time
from cloudsearch.dashboards.spec.searches import ASSUMED, SIGN_INS
from cloudsearch.dashboards.spec.words import (
    BY_PRINCIPAL,
    CALLS,
    EVENT_CONTROLS,
    EVENT_TIME,
    FIRST_SEEN,
    IS_CALL,
    IS_SIGN_IN,
    LAST_SEEN,
    count,
    event,
    named,
    unique,
)
from cloudsearch.where import And, Exists, In, Not, Path, Pattern

_IS_ROOT = named("principal_type", "Root")
_IS_ASSUMING = And((Exists(event("target_role")), IS_CALL))
_FAILED = Exists(Path("errorMessage"))

_LIFE = (
    "CreateUser",
    "DeleteUser",
    "CreateRole",
    "DeleteRole",
    "CreateAccessKey",
    "DeleteAccessKey",
    "UpdateAccessKey",
    "CreateLoginProfile",
    "UpdateLoginProfile",
    "DeleteLoginProfile",
    "CreateServiceSpecificCredential",
    "UploadSigningCertificate",
    "UploadSSHPublicKey",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "DeactivateMFADevice",
    "EnableMFADevice",
    "CreateVirtualMFADevice",
    "CreateSAMLProvider",
    "CreateOpenIDConnectProvider",
    "UpdateAssumeRolePolicy",
)

_SIGN_IN_RESULTS = Choices("result", (("signed in", Not(_FAILED)), ("failed", _FAILED)))
_MFA = Choices(
    "MFA",
    (
        ("with MFA", named("mfa", True)),
        ("without MFA", named("mfa", False)),
        ("not said", In(event("mfa"), (None,))),
    ),
)

_FIGURES = Band(
    7,
    (
        Panel(
            "Users and roles seen",
            "Principals with a call of their own. Compare with list users, list roles.",
            Kind.METRIC,
            (unique(event("principal"), "principals"),),
            where=And((IS_CALL, Pattern(event("principal"), "arn:*"))),
        ),
        Panel(
            "Events of root",
            "Anything the root user did, sign-ins included. More than none is worth a look.",
            Kind.METRIC,
            (count("events"),),
            where=_IS_ROOT,
        ),
        Panel(
            "Sign-ins that failed",
            "A few are typing errors. Many of one user are not.",
            Kind.METRIC,
            (count("failed"),),
            where=And((IS_SIGN_IN, _FAILED)),
        ),
        Panel(
            "Long-lived keys in use",
            "Access keys of users (AKIA...). Roles need none: fewer is better.",
            Kind.METRIC,
            (unique(event("access_key_id"), "keys"),),
            where=Pattern(event("access_key_id"), "AKIA*"),
        ),
    ),
)

IDENTITY = Dashboard(
    "Identity",
    "Who called, how they came to be who they were, and what was done to users and keys.",
    (
        _FIGURES,
        Band(
            14,
            (
                Panel(
                    "Kinds of callers",
                    "AssumedRole should be most. IAMUser stands for long-lived keys, AWSAccount for callers of other "
                    "accounts.",
                    Kind.PIE,
                    (count("events"),),
                    (Terms(event("principal_type"), "kind", 12),),
                    width=14,
                ),
                Panel(
                    "Principals",
                    "The user or role behind each call, services it called and when last. Look for one that should be "
                    "gone.",
                    Kind.TABLE,
                    (CALLS, unique(event("event_source"), "services"), FIRST_SEEN, LAST_SEEN),
                    (BY_PRINCIPAL, Terms(event("principal_type"), "kind", 3)),
                    IS_CALL,
                ),
            ),
        ),
        Band(
            12,
            (
                Panel(
                    "Roles assumed over time",
                    "Sessions opened, by role. Look for a role that is used at a new time of day.",
                    Kind.AREA,
                    (count("sessions"),),
                    (Time(EVENT_TIME), Terms(event("target_role"), "role", 10)),
                    _IS_ASSUMING,
                ),
                Panel(
                    "Who assumes which role",
                    "Every pair of caller and role. Look for a caller that is new, or of another account.",
                    Kind.TABLE,
                    (count("sessions"), FIRST_SEEN, LAST_SEEN),
                    (
                        Terms(event("target_role"), "role", 30),
                        Terms(event("principal"), "caller", 20, missing="(not named)"),
                    ),
                    _IS_ASSUMING,
                ),
            ),
        ),
        Band(
            11,
            (
                Panel(
                    "Console sign-ins over time",
                    "Look for failures in a row that end in a success.",
                    Kind.COLUMNS,
                    (count("sign-ins"),),
                    (Time(EVENT_TIME), _SIGN_IN_RESULTS),
                    IS_SIGN_IN,
                ),
                Panel(
                    "Who signed in to the console",
                    "Who signed in, from where, and whether with MFA. Look for addresses that are not yours.",
                    Kind.TABLE,
                    (count("sign-ins"), LAST_SEEN),
                    (
                        Terms(event("principal"), "principal", 50, missing="(not named)"),
                        Terms(event("source_address"), "address", 20),
                        _SIGN_IN_RESULTS,
                    ),
                    IS_SIGN_IN,
                ),
                Panel(
                    "Sign-ins and MFA",
                    "Any part without MFA should be of a provider that asks for it itself.",
                    Kind.PIE,
                    (count("sign-ins"),),
                    (_MFA,),
                    IS_SIGN_IN,
                    width=12,
                ),
            ),
        ),
        Band(
            11,
            (
                Panel(
                    "Sessions and MFA",
                    "Calls of sessions that were opened with MFA. Roles of machines have none.",
                    Kind.PIE,
                    (CALLS,),
                    (_MFA,),
                    IS_CALL,
                    width=12,
                ),
                Panel(
                    "Long-lived access keys",
                    "Keys of users, with who signs by them and from how many addresses. Look for a key in many places.",
                    Kind.TABLE,
                    (count("events"), unique(event("source_address"), "addresses"), FIRST_SEEN, LAST_SEEN),
                    (Terms(event("access_key_id"), "key", 50), Terms(event("principal"), "principal", 3)),
                    Pattern(event("access_key_id"), "AKIA*"),
                ),
                Panel(
                    "Root's events",
                    "Each thing the root user did, and from where.",
                    Kind.TABLE,
                    (count("events"), LAST_SEEN),
                    (
                        Terms(event("account"), "account", 50),
                        Terms(event("event_name"), "event", 20),
                        Terms(event("source_address"), "address", 10),
                    ),
                    _IS_ROOT,
                ),
            ),
        ),
        Band(
            11,
            (
                Panel(
                    "Users, roles and keys: made, changed, removed",
                    "Look for users and keys that nobody asked for, and for MFA that was taken away.",
                    Kind.TABLE,
                    (CALLS, LAST_SEEN),
                    (
                        Terms(event("event_name"), "call", 30),
                        Terms(event("principal"), "by", 10, missing="(not named)"),
                        Terms(event("outcome"), "outcome", 4),
                    ),
                    And((named("event_source", "iam.amazonaws.com"), named("event_name", *_LIFE), IS_CALL)),
                ),
                Panel(
                    "Roles switched to in the console",
                    "People who become a role in their browser. Look for switches to roles of machines.",
                    Kind.TABLE,
                    (count("switches"), LAST_SEEN),
                    (Terms(event("switch_from"), "from", 30), Terms(event("principal"), "to", 10)),
                    Exists(event("switch_from")),
                ),
            ),
        ),
        Band(14, (SIGN_INS, ASSUMED)),
    ),
    EVENT_CONTROLS,
)
