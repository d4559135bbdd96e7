"""The names events are asked by: our own, CloudTrail's, the Elastic Common Schema's and Elastic's integration's.

``ALIASES`` is the one table of the names that others gave: what each shows is a derived field (``cloudsearch.x``) or a
path of the record as AWS writes it. The search engines' aliases are made from it, and so is what ``search`` and
``detect`` understand. Sources:
https://www.elastic.co/docs/reference/ecs/ecs-field-reference
https://www.elastic.co/docs/reference/integrations/aws/cloudtrail
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from cloudsearch.event import EVENT_FIELDS, Field
from cloudsearch.where import MapText, Path, Subject

OURS = "cloudsearch."
"""What a derived field's name begins with in a search engine."""

_FIELDS = {field.name: field for field in EVENT_FIELDS}

_IDENTITY, _USER = "userIdentity", "aws.cloudtrail.user_identity"
_ISSUER, _SESSION = f"{_IDENTITY}.sessionContext.sessionIssuer", f"{_USER}.session_context"
_LOGIN = "aws.cloudtrail.console_login.additional_eventdata"

ALIASES: Mapping[str, str] = {
    "@timestamp": "cloudsearch.time",
    "event.action": "eventName",
    "event.provider": "eventSource",
    "event.id": "eventID",
    "event.outcome": "cloudsearch.event_outcome",
    "event.category": "cloudsearch.event_categories",
    "event.type": "cloudsearch.event_types",
    "event.ingested": "cloudsearch.ingested",
    "cloud.region": "awsRegion",
    "cloud.account.id": "cloudsearch.cloud_account",
    "user.id": "userIdentity.principalId",
    "user.name": "cloudsearch.user_name",
    "user.target.name": "cloudsearch.target_user",
    "user.changes.name": "cloudsearch.changed_user",
    "group.id": "cloudsearch.group_id",
    "group.name": "cloudsearch.group_name",
    "related.user": "cloudsearch.related_users",
    "user_agent.original": "userAgent",
    "source.address": "sourceIPAddress",
    "source.ip": "sourceIPAddress.ip",
    "tls.client.server_name": "tlsDetails.clientProvidedHostHeader",
    "tls.cipher": "tlsDetails.cipherSuite",
    "tls.version": "cloudsearch.tls_version",
    f"{_USER}.type": f"{_IDENTITY}.type",
    f"{_USER}.arn": f"{_IDENTITY}.arn",
    f"{_USER}.access_key_id": f"{_IDENTITY}.accessKeyId",
    f"{_USER}.invoked_by": f"{_IDENTITY}.invokedBy",
    f"{_SESSION}.mfa_authenticated": f"{_IDENTITY}.sessionContext.attributes.mfaAuthenticated",
    f"{_SESSION}.creation_date": f"{_IDENTITY}.sessionContext.attributes.creationDate",
    f"{_SESSION}.session_issuer.arn": f"{_ISSUER}.arn",
    f"{_SESSION}.session_issuer.type": f"{_ISSUER}.type",
    f"{_SESSION}.session_issuer.principal_id": f"{_ISSUER}.principalId",
    f"{_SESSION}.session_issuer.account_id": f"{_ISSUER}.accountId",
    "aws.cloudtrail.event_version": "eventVersion",
    "aws.cloudtrail.event_type": "eventType",
    "aws.cloudtrail.event_category": "eventCategory",
    "aws.cloudtrail.read_only": "cloudsearch.read_only",
    "aws.cloudtrail.management_event": "managementEvent",
    "aws.cloudtrail.recipient_account_id": "recipientAccountId",
    "aws.cloudtrail.request_id": "requestID",
    "aws.cloudtrail.shared_event_id": "sharedEventID",
    "aws.cloudtrail.api_version": "apiVersion",
    "aws.cloudtrail.vpc_endpoint_id": "vpcEndpointId",
    "aws.cloudtrail.error_code": "errorCode",
    "aws.cloudtrail.error_message": "errorMessage",
    "aws.cloudtrail.session_credential_from_console": "sessionCredentialFromConsole",
    "aws.cloudtrail.resources.arn": "resources.ARN",
    "aws.cloudtrail.resources.type": "resources.type",
    "aws.cloudtrail.resources.account_id": "resources.accountId",
    f"{_LOGIN}.mfa_used": "cloudsearch.login_mfa",
    f"{_LOGIN}.login_to": "cloudsearch.login_to",
    f"{_LOGIN}.mobile_version": "cloudsearch.login_mobile",
}
"""Name -> derived field or path of the record whose values it shows."""

CONSTANTS: Mapping[str, str] = {
    "event.kind": "event",
    "event.dataset": "aws.cloudtrail",
    "data_stream.dataset": "aws.cloudtrail",
    "data_stream.namespace": "default",
    "data_stream.type": "logs",
    "cloud.provider": "aws",
}
"""Names that say the same of every event."""

MAP_TEXTS: Mapping[str, str] = {
    "aws.cloudtrail.request_parameters": "request",
    "aws.cloudtrail.response_elements": "response",
    "aws.cloudtrail.additional_eventdata": "additional",
    "requestParameters": "request",
    "responseElements": "response",
    "additionalEventData": "additional",
    "serviceEventDetails": "service_details",
    "insightDetails": "insight",
}
"""Names of the texts of Java maps, and of whole objects -> which of the record's objects."""

FLATTENED: Mapping[str, str] = {
    "requestParameters": "request_parameters",
    "responseElements": "response_elements",
    "additionalEventData": "additional_eventdata",
    "serviceEventDetails": "service_event_details",
    "insightDetails": "insight_details",
}
"""Free-form objects of a record, and the name of each one's copy under ``aws.cloudtrail.flattened``."""

SAME: Mapping[str, str] = {
    "eventTime": "time",
    "eventSource": "event_source",
    "eventName": "event_name",
    "eventType": "event_type",
    "eventCategory": "event_category",
    "awsRegion": "region",
    "recipientAccountId": "recipient_account",
    "sourceIPAddress": "source_address",
    "userAgent": "user_agent",
    "errorCode": "error_code",
    "vpcEndpointId": "vpc_endpoint",
    "requestID": "request_id",
    "sharedEventID": "shared_event_id",
    "readOnly": "read_only",
    "userIdentity.type": "principal_type",
    "userIdentity.accessKeyId": "access_key_id",
    "userIdentity.invokedBy": "invoked_by",
}
"""Paths of a record whose value a derived field holds: every store finds those at once, and compares times as times."""

_OTHER_MEMBERS = (
    "addendum",
    "additionalEventData",
    "apiVersion",
    "edgeDeviceDetails",
    "errorMessage",
    "eventContext",
    "eventID",
    "eventVersion",
    "insightDetails",
    "managementEvent",
    "requestParameters",
    "resources",
    "responseElements",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "tlsDetails",
    "userIdentity",
)
MEMBERS = frozenset((*_OTHER_MEMBERS, *(name for name in SAME if "." not in name)))
"""What CloudTrail's records have at their top."""

_ADDRESS = "sourceIPAddress.ip"
_FLATTENED_ROOT = "aws.cloudtrail.flattened."
_OTHERS_ROOTS = frozenset(name.partition(".")[0] for name in (*ALIASES, *CONSTANTS) if "." in name)


@dataclass(frozen=True, slots=True)
class Addresses:
    """A field as far as its values are IP addresses."""

    field: Field


@dataclass(frozen=True, slots=True)
class Constant:
    """What is the same for every event."""

    value: str


Named = Subject | Addresses | Constant


def named(name: str) -> Named | None:
    """What a name stands for; None for one that is nobody's.

    Any path is taken for one of the record, unless it looks like a name of ours or of the schema that there is not.
    """
    if field := _FIELDS.get(name.removeprefix(OURS)):
        return field
    if name.startswith(_FLATTENED_ROOT):
        return _flattened(name.removeprefix(_FLATTENED_ROOT))
    if name in CONSTANTS:
        return Constant(CONSTANTS[name])
    if name in MAP_TEXTS:
        return MapText(MAP_TEXTS[name])
    if name in ALIASES or name in SAME or name == _ADDRESS:
        return _target(ALIASES.get(name, name))
    root, dot, _ = name.partition(".")
    looks_derived = root == "cloudsearch" or root in _OTHERS_ROOTS or (not dot and name == name.lower())
    return None if looks_derived and root not in MEMBERS else Path(name)


def _target(target: str) -> Named:
    if target == _ADDRESS:
        return Addresses(_FIELDS["source_address"])
    name = target.removeprefix(OURS) if target.startswith(OURS) else SAME.get(target)
    return Path(target) if name is None else _FIELDS[name]


def _flattened(rest: str) -> Path | None:
    first, dot, path = rest.partition(".")
    root = next((root for root, name in FLATTENED.items() if name == first), None)
    return Path(f"{root}.{path}") if root and dot and path else None


def close_to(name: str) -> list[str]:
    """Names that somebody who wrote this one may have meant."""
    known = {one.lower(): one for one in (*_FIELDS, *ALIASES, *CONSTANTS, *MAP_TEXTS, *SAME, *MEMBERS)}
    found = get_close_matches(name.lower(), known, n=3, cutoff=0.7)
    return [known[one] for one in found]
