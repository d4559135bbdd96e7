"""Saved searches: the rows behind the panels."""

from __future__ import annotations

from cloudsearch.dashboards.model import SavedSearch
from cloudsearch.dashboards.spec.words import (
    IS_CALL,
    IS_CHANGE,
    IS_REFUSED,
    event,
    named,
    row,
)
from cloudsearch.event import Outcome
from cloudsearch.store import REPORT_ROWS
from cloudsearch.where import And, In, Path, Pattern

_WHO = (event("principal"), event("session_name"), event("source_address"))
_WHAT = (event("event_source"), event("event_name"), event("region"), event("outcome"))

EVERY_EVENT = SavedSearch(
    "Events",
    "Every event, newest first. A click into a chart above narrows this list to what the chart counts.",
    (*_WHAT, *_WHO),
)
CALLS = SavedSearch(
    "Calls", "Calls, each once as its caller's account logged it, with where they came from.", (*_WHAT, *_WHO), IS_CALL
)
REFUSED = SavedSearch(
    "Refused calls",
    "Each refusal with AWS's own words. Look for who was refused something they need, and for what nobody should try.",
    (event("denied_action"), event("principal"), event("denied_reason"), event("region"), Path("errorMessage")),
    IS_REFUSED,
)
FAILED = SavedSearch(
    "Calls that were let in and failed",
    "Errors that prove the permission was there. Look for throttling, and for names that do not exist.",
    (*_WHAT, event("error_code"), Path("errorMessage"), event("principal")),
    named("outcome", Outcome.ERROR),
)
SIGN_INS = SavedSearch(
    "Console sign-ins",
    "Sign-ins and switched roles. Look for failures in a row, unusual addresses, and sign-ins without MFA.",
    (event("event_name"), event("principal"), event("source_address"), event("mfa"), Path("errorMessage")),
    named("event_type", "AwsConsoleSignIn"),
)
ROOT = SavedSearch(
    "Root",
    "What the root user did. Look at each: daily work needs no root.",
    (event("event_name"), event("account"), event("source_address"), event("user_agent"), event("mfa")),
    named("principal_type", "Root"),
)
ASSUMED = SavedSearch(
    "Roles assumed",
    "Who opened a session of which role. Look for a caller who is new to a role.",
    (event("target_role"), event("target_session"), event("principal"), event("source_address"), event("via")),
    And((Pattern(event("event_name"), "AssumeRole*"), IS_CALL)),
)
CHANGES = SavedSearch(
    "Changes",
    "Calls that change something, let in or not. Look for changes outside the usual hours and by unusual callers.",
    (*_WHAT, *_WHO),
    IS_CHANGE,
)
IAM_CHANGES = SavedSearch(
    "IAM changes",
    "Changes to users, roles and policies. Look for grants that nobody asked for.",
    (event("event_name"), event("outcome"), *_WHO, event("resources")),
    And((IS_CHANGE, named("event_source", "iam.amazonaws.com"))),
)
UNUSED_ACTIONS = SavedSearch(
    "Granted and not used",
    "Rows of saved reports that are marked unused: granted, and the log would have shown a use. Newest report first.",
    (row("principal"), row("action"), row("access_level"), row("observed_days"), row("reason")),
    In(row("marker"), ("-",)),
    REPORT_ROWS,
)

SEARCHES = (
    EVERY_EVENT,
    CALLS,
    REFUSED,
    FAILED,
    SIGN_INS,
    ROOT,
    ASSUMED,
    CHANGES,
    IAM_CHANGES,
    UNUSED_ACTIONS,
)
