"""Who made the call: what ``userIdentity`` says, as fields of the row.

====================  ==========================================================================================
type                  principal
====================  ==========================================================================================
IAMUser, Root         ``arn``
AssumedRole           ``sessionContext.sessionIssuer.arn``; without an issuer the role's ARN is built from the
                      session's, and its path is then unknown
FederatedUser         the issuer's ARN; without an issuer the federated user's own
AWSService            the service's host, ``invokedBy``
AWSAccount            none (the other account's copy of the call names it); principal_id joins it all the same
any other             the issuer's ARN, else ``arn`` where there is one
====================  ==========================================================================================

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from cloudsearch.derive.reading import Part, fields_of
from cloudsearch.derive.values import filled, flag
from cloudsearch.event import Value

SDK = "sdk"
CONSOLE = "console"

_CACHE_ENTRIES = 4096
_CACHE_BYTES = 4096  # of one userIdentity; a larger one is not usual and not kept
_KNOWN: dict[bytes, dict[str, Value]] = {}

_SESSION = re.compile(r"arn:([^:]*):sts::([^:]*):(assumed-role|federated-user)/([^/]*)(?:/(.*))?", re.DOTALL)
_COMPOSED = frozenset({"AssumedRole", "AWSAccount"})
"""Types whose principalId is ``ID:session``; others may have colons of their own (a web identity's)."""


def identity_fields(part: Part) -> dict[str, Value]:
    """The row's fields that ``userIdentity`` alone decides, as a dict that is the caller's own.

    ``own_account`` among them is no field: it is what ``userIdentity.accountId`` itself says.
    """
    if not isinstance(part, msgspec.Raw):
        return _derived(fields_of(part))
    data = bytes(part)
    known = _KNOWN.get(data)
    if known is None:
        known = _derived(fields_of(part))
        _remember(data, known)
    return known.copy()


def role_of(session_arn: str) -> str | None:
    """The role's ARN as far as an assumed-role ARN tells: without the role's path."""
    match = _SESSION.fullmatch(session_arn)
    if match is None or match[3] != "assumed-role":
        return None
    return f"arn:{match[1]}:iam::{match[2]}:role/{match[4]}"


def session_of(session_arn: str) -> str | None:
    """The name of the session an assumed-role or federated-user ARN is of."""
    match = _SESSION.fullmatch(session_arn)
    if match is None:
        return None
    return (match[5] if match[3] == "assumed-role" else match[4]) or None


def _remember(data: bytes, fields: dict[str, Value]) -> None:
    if len(data) > _CACHE_BYTES:
        return
    if len(_KNOWN) >= _CACHE_ENTRIES:
        _KNOWN.clear()  # cheaper than keeping an order, and as good for logs sorted by time
    _KNOWN[data] = fields


def _derived(identity: dict[str, Any]) -> dict[str, Value]:
    session = fields_of(identity.get("sessionContext"))
    issuer = fields_of(session.get("sessionIssuer"))
    kind, arn = filled(identity.get("type")), filled(identity.get("arn"))
    account = filled(identity.get("accountId")) or filled(issuer.get("accountId")) or _account_of(arn)
    user = filled(issuer.get("userName")) or filled(identity.get("userName"))
    fields: dict[str, Value] = {
        "account": account,
        "own_account": filled(identity.get("accountId")),
        "user_name": user,
        "related_users": (user,) if user else None,
        "principal": _principal(kind, arn, issuer, identity),
        "principal_id": _principal_id(kind, issuer, identity),
        "principal_type": kind,
        "session_name": _session_name(kind, arn, identity),
        "access_key_id": filled(identity.get("accessKeyId")),
        "source_identity": filled(session.get("sourceIdentity")),
        "on_behalf_of": filled(fields_of(identity.get("onBehalfOf")).get("userId")),
        "invoked_by": filled(identity.get("invokedBy")),
        "via": _via(identity, session),
        "mfa": flag(fields_of(session.get("attributes")).get("mfaAuthenticated")),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _principal(kind: str | None, arn: str | None, issuer: dict[str, Any], identity: dict[str, Any]) -> str | None:
    if kind == "AWSService":
        return filled(identity.get("invokedBy")) or arn
    if kind == "AWSAccount":
        return None
    if kind in ("IAMUser", "Root") and arn:
        return arn
    return filled(issuer.get("arn")) or (role_of(arn) if arn else None) or arn


def _principal_id(kind: str | None, issuer: dict[str, Any], identity: dict[str, Any]) -> str | None:
    own = filled(identity.get("principalId"))
    if kind not in ("IAMUser", "Root") and (issued := filled(issuer.get("principalId"))):
        return issued
    if kind == "FederatedUser":
        return None  # ACCOUNT:NAME, which is nobody's id
    return (own.partition(":")[0] or None) if own and kind in _COMPOSED else own


def _session_name(kind: str | None, arn: str | None, identity: dict[str, Any]) -> str | None:
    if arn and (name := session_of(arn)):
        return name
    own = filled(identity.get("principalId"))
    return (own.partition(":")[2] or None) if own and kind in _COMPOSED else None


def _via(identity: dict[str, Any], session: dict[str, Any]) -> str | None:
    """How the call came; None where no identity tells that anybody called."""
    if host := filled(identity.get("invokedBy")):
        return f"service:{host}"
    if delegate := filled(fields_of(identity.get("invokedByDelegate")).get("accountId")):
        return f"delegate:{delegate}"
    if flag(fields_of(session.get("attributes")).get("sessionCredentialFromConsole")):
        return CONSOLE
    return SDK if identity else None


def _account_of(arn: str | None) -> str | None:
    pieces = arn.split(":", 5) if arn else ()
    return (pieces[4] or None) if len(pieces) == 6 else None
