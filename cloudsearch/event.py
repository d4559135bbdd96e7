"""What flows: the record as AWS wrote it, and the one table that defines every derived field.

Stores, mappings, the DuckDB columns and the documentation are all generated from ``EVENT_FIELDS``.
Whoever adds a field raises ``FIELDS_VERSION``; whoever fills one differently raises ``DERIVATION_VERSION``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FIELDS_VERSION = 3
DERIVATION_VERSION = 3

TEXT_LIMIT = 8191
"""Characters a derived text keeps: at four bytes each still under the 32,766 bytes of a Lucene term."""

Value = str | int | bool | datetime | tuple[str, ...] | bytes | None
"""A field's value. Times are timezone-aware UTC with whole milliseconds; lists are tuples without duplicates."""

Row = Mapping[str, Value]
"""Field name -> value; a field that is absent, None or an empty tuple has no value."""


class FieldType(StrEnum):
    """How stores keep a field."""

    KEYWORD = "keyword"
    KEYWORDS = "keywords"
    TIME = "time"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    BLOB = "blob"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table: its name in every store, its type, what it means, where it comes from."""

    name: str
    type: FieldType
    meaning: str
    source: str = ""


class Outcome(StrEnum):
    """What a call's answer proves about the caller's permission."""

    OK = "ok"
    DENIED = "denied"
    ERROR = "error"
    UNDETERMINED = "undetermined"


class Copy(StrEnum):
    """Whose copy of a call an event is; reports count each call once."""

    CALLER = "caller"
    OWNER = "owner"
    NETWORK = "network"


_K, _L, _T, _I, _B = FieldType.KEYWORD, FieldType.KEYWORDS, FieldType.TIME, FieldType.INTEGER, FieldType.BOOLEAN

EVENT_FIELDS: tuple[Field, ...] = (
    Field(
        "id",
        _K,
        "identity within the event's month: eventID, or sha256 of the record where that is not usable",
        "eventID",
    ),
    Field(
        "time",
        _T,
        "when the call was made, UTC, milliseconds; none when eventTime is not a plausible time",
        "eventTime",
    ),
    Field("day", _K, "the UTC day of time, YYYY-MM-DD", "eventTime"),
    Field("event_source", _K, "the service's host", "eventSource"),
    Field("event_name", _K, "the call", "eventName"),
    Field("event_type", _K, "AwsApiCall, AwsServiceEvent, AwsConsoleSignIn ...", "eventType"),
    Field("event_category", _K, "Management, Data, Insight, NetworkActivity", "eventCategory"),
    Field("region", _K, "the region that logged the event", "awsRegion"),
    Field("account", _K, "the principal's account", "userIdentity.accountId"),
    Field("recipient_account", _K, "the account whose trail delivered the event", "recipientAccountId"),
    Field("copy", _K, "caller, owner or network: whose copy of the call this is", "recipientAccountId, eventType"),
    Field("read_only", _B, "whether the call changes nothing", "readOnly"),
    Field(
        "principal",
        _K,
        "ARN of the user or role; for a session, of its issuer",
        "userIdentity.sessionContext.sessionIssuer.arn",
    ),
    Field(
        "principal_id",
        _K,
        "AIDA... or AROA...: tells a re-created principal from an earlier one of its name",
        "userIdentity",
    ),
    Field("principal_type", _K, "IAMUser, AssumedRole, Root, AWSService ...", "userIdentity.type"),
    Field("session_name", _K, "the role session's name", "userIdentity.arn"),
    Field("access_key_id", _K, "the key that signed the call", "userIdentity.accessKeyId"),
    Field("issued_access_key_id", _K, "the key this call issued", "responseElements.credentials.accessKeyId"),
    Field("target_role", _K, "ARN of the role this call assumed or switched to", "requestParameters.roleArn"),
    Field("target_session", _K, "name of the session this call opened", "requestParameters.roleSessionName"),
    Field("switch_from", _K, "who switched to this role in the console", "additionalEventData.SwitchFrom"),
    Field(
        "source_identity",
        _K,
        "the source identity that persists through chains",
        "userIdentity.sessionContext.sourceIdentity",
    ),
    Field("on_behalf_of", _K, "the Identity Center user id", "userIdentity.onBehalfOf.userId"),
    Field("invoked_by", _K, "the AWS service that made the call for the principal", "userIdentity.invokedBy"),
    Field(
        "via",
        _K,
        "sdk, console, service:HOST or delegate:ACCOUNT",
        "userIdentity.invokedBy, sessionCredentialFromConsole",
    ),
    Field(
        "mfa", _B, "whether the session was opened with MFA", "userIdentity.sessionContext.attributes.mfaAuthenticated"
    ),
    Field("outcome", _K, "ok, denied, error (authorised, then failed) or undetermined", "errorCode"),
    Field("error_code", _K, "the error code as AWS wrote it", "errorCode"),
    Field("denied_action", _K, "the IAM action a refusal names", "errorMessage"),
    Field("denied_reason", _K, "why it was refused, as far as the message says", "errorMessage"),
    Field("denied_policy", _K, "ARN of the denying policy", "errorMessage"),
    Field("actions", _L, "IAM actions surely exercised", "eventSource, eventName"),
    Field("inferred_actions", _L, "IAM actions inferred from the parameters", "requestParameters"),
    Field("resources", _L, "ARNs the event names", "resources[].ARN"),
    Field("resource_types", _L, "types of the resources the event names", "resources[].type"),
    Field("source_address", _K, "address or service host the call came from", "sourceIPAddress"),
    Field("user_agent", _K, "the client", "userAgent"),
    Field("vpc_endpoint", _K, "the VPC endpoint the call went through", "vpcEndpointId"),
    Field("request_id", _K, "the service's request id", "requestID"),
    Field("shared_event_id", _K, "joins the copies of a cross-account call", "sharedEventID"),
    Field("event_outcome", _K, "success or failure: whether the answer is an error", "errorCode, errorMessage"),
    Field("event_categories", _L, "iam, authentication, network ...: what the call is about", "eventSource, eventName"),
    Field("event_types", _L, "creation, change, deletion, info ...: what it does", "eventSource, eventName"),
    Field("user_name", _K, "the session issuer's user or role name, else the user's", "userIdentity"),
    Field("target_user", _K, "the user that a call to IAM is about", "requestParameters.userName"),
    Field("changed_user", _K, "the name that a call to IAM gives a user", "requestParameters.newUserName"),
    Field("related_users", _L, "every user name of the event", "userIdentity, requestParameters"),
    Field("group_name", _K, "the group that a call to IAM is about", "requestParameters.groupName"),
    Field("group_id", _K, "its id", "responseElements.group.groupId"),
    Field(
        "cloud_account",
        _K,
        "the caller's account, else the one whose trail delivered the event",
        "userIdentity.accountId, recipientAccountId",
    ),
    Field("tls_version", _K, "1.2, 1.3: without the protocol's name", "tlsDetails.tlsVersion"),
    Field("login_mfa", _K, "Yes or No: whether a sign-in to the console used MFA", "additionalEventData.MFAUsed"),
    Field("login_to", _K, "where somebody signed in to", "additionalEventData.LoginTo"),
    Field("login_mobile", _K, "Yes or No: whether it was the mobile application", "additionalEventData.MobileVersion"),
    Field("ingested", _T, "when the event was first put into the store"),
    Field("raw_length", _I, "length of the kept record in bytes"),
    Field("redacted", _L, "paths of secret values replaced by HIDDEN_DUE_TO_SECURITY_REASONS"),
    Field("derivation", _I, "the version of derive that filled the row"),
)

RAW = Field("raw", FieldType.BLOB, "the record's own bytes, secret values excepted")
