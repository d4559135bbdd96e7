"""What a refusal's message tells: the action, the reason, the policy.

The sentences are AWS's own; a service may add words before and behind them, and CloudTrail may cut the end off
(``...``). Of a sentence that is cut only what is surely whole is believed.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class DeniedReason(StrEnum):
    """Why a call was refused; a message that gives no reason has none of these.

    "no X" means that nothing in X allows the action, "explicit deny: X" that a statement in X denies it. AWS may word
    a service control policy's implicit denial as explicit, and names only one of several denying policies.
    """

    NO_IDENTITY = "no identity-based policy"
    NO_RESOURCE = "no resource-based policy"
    NO_SESSION = "no session policy"
    NO_ENDPOINT = "no VPC endpoint policy"
    NO_SERVICE_CONTROL = "no service control policy"
    NO_RESOURCE_CONTROL = "no resource control policy"
    NO_BOUNDARY = "no permissions boundary"
    NO_TRUST = "no role trust policy"
    DENY = "explicit deny"
    DENY_IDENTITY = "explicit deny: identity-based policy"
    DENY_RESOURCE = "explicit deny: resource-based policy"
    DENY_SESSION = "explicit deny: session policy"
    DENY_ENDPOINT = "explicit deny: VPC endpoint policy"
    DENY_SERVICE_CONTROL = "explicit deny: service control policy"
    DENY_RESOURCE_CONTROL = "explicit deny: resource control policy"
    DENY_BOUNDARY = "explicit deny: permissions boundary"
    DENY_TRUST = "explicit deny: role trust policy"
    ENDPOINT = "VPC endpoint policy"
    RESOURCE_OR_ABSENT = "resource-based policy, or no such resource"
    SERVICE_RULE = "service rule"
    ENCODED = "encoded"


class Denial(NamedTuple):
    """What a message tells of a refusal; None for what it does not tell."""

    action: str | None = None
    reason: DeniedReason | None = None
    policy: str | None = None


_KINDS: dict[str, tuple[DeniedReason, DeniedReason]] = {
    "identity-based policy": (DeniedReason.NO_IDENTITY, DeniedReason.DENY_IDENTITY),
    "resource-based policy": (DeniedReason.NO_RESOURCE, DeniedReason.DENY_RESOURCE),
    "session policy": (DeniedReason.NO_SESSION, DeniedReason.DENY_SESSION),
    "vpc endpoint policy": (DeniedReason.NO_ENDPOINT, DeniedReason.DENY_ENDPOINT),
    "service control policy": (DeniedReason.NO_SERVICE_CONTROL, DeniedReason.DENY_SERVICE_CONTROL),
    "resource control policy": (DeniedReason.NO_RESOURCE_CONTROL, DeniedReason.DENY_RESOURCE_CONTROL),
    "permissions boundary": (DeniedReason.NO_BOUNDARY, DeniedReason.DENY_BOUNDARY),
    "role trust policy": (DeniedReason.NO_TRUST, DeniedReason.DENY_TRUST),
}
"""Kind of policy -> the reason when it allows nothing, the reason when it denies."""

_WORDS = "|".join(kind.replace("policy", "polic(?:y|ies)").replace("-", "[- ]") for kind in _KINDS)
_ACTION = re.compile(
    r"\b(?:[Nn]ot authori[sz]ed|permissions?|authori[sz]ation) to (?:perform|call|execute|invoke)"
    r"(?: the)?(?: action| operation)?[:\s]+[\"'`(]*"
    r"([A-Za-z][A-Za-z0-9-]{1,62}):([A-Za-z][A-Za-z0-9]*)(?![A-Za-z0-9*:])"
)
_REFUSAL = re.compile(r"not authori[sz]ed to perform[:\s]", re.IGNORECASE)
_IMPLICIT = re.compile(rf"\bno (?P<kind>{_WORDS}) allows?\b", re.IGNORECASE)
_EXPLICIT = re.compile(rf"\bexplicit deny in (?:an? |the )?(?P<kind>{_WORDS})\b", re.IGNORECASE)
_EXPLICIT_AT_ALL = re.compile(r"\bexplicit(?:ly)? den(?:y|ied|ies)\b", re.IGNORECASE)
_CUT = re.compile(
    r"\b(?P<deny>because no|explicit deny in (?:an?|the)) (?P<kind>[A-Za-z][A-Za-z -]*?) ?\.\.\.$", re.IGNORECASE
)
_POLICY = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[^\s\"'<>]*[^\s\"'<>.,;:()]")
_SERVICE_RULES = (
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
    r"\bBlock ?Public ?(?:Access|Acls|Policy)\b",
    r"\b(?:RestrictPublicBuckets|IgnorePublicAcls)\b",
    r"\bobject lock\b",
    r"\bMfa ?Authentication must be used\b",
    r"\bMFA ?delete\b",
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html
    r"\baccess to the model\b",
    r"\bmodel access is denied\b",
    # https://docs.aws.amazon.com/lake-formation/latest/dg/access-control-overview.html
    r"\bLake Formation permission",
    # https://docs.aws.amazon.com/cost-management/latest/userguide/ce-access.html
    r"\bnot enabled for cost explorer\b",
    # https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    r"\bonly (?:from|by) the organi[sz]ation's management account\b",
)
_SERVICE_RULE = re.compile("|".join(_SERVICE_RULES), re.IGNORECASE)
_ABSENT = re.compile(
    r"\bthe resource does not exist in this Region, no resource-based policies allow access"
    r"|\bdoes not exist[^.]* or you (?:are not allowed|do not have|don't have)",
    re.IGNORECASE,
)
_ENDPOINT = re.compile(r"\bdue to an? VPC endpoint policy\b", re.IGNORECASE)
_ENCODED = re.compile(r"\bEncoded authorization failure message\b", re.IGNORECASE)


def names_refusal(message: str) -> bool:
    """Whether the message says in IAM's words that the caller may not."""
    return _REFUSAL.search(message) is not None


@lru_cache(maxsize=2048)
def denial(code: str | None, message: str | None) -> Denial:
    """What a refusal's code and message tell."""
    if not message:
        return Denial(reason=DeniedReason.ENDPOINT if code == "VpceAccessDenied" else None)
    reason, end = _reason(message)
    return Denial(_action(message), reason, _policy(message, end) if end is not None else None)


def _action(message: str) -> str | None:
    """``sns:Publish`` of a message that says ``SNS:Publish``; None where the name may be cut off."""
    match = _ACTION.search(message)
    if match is None or message[match.end() :] == "...":
        return None
    return f"{match[1].lower()}:{match[2]}"


def _reason(message: str) -> tuple[DeniedReason | None, int | None]:
    """The reason, and where the words about the policy end (None when they name no kind of policy)."""
    if _ABSENT.search(message):
        return DeniedReason.RESOURCE_OR_ABSENT, None
    for explicit, pattern in enumerate((_IMPLICIT, _EXPLICIT)):
        if match := _last(pattern, message):
            return _KINDS[_kind(match["kind"])][explicit], match.end()
    if _ENDPOINT.search(message):
        return DeniedReason.ENDPOINT, None
    if _SERVICE_RULE.search(message):
        return DeniedReason.SERVICE_RULE, None
    return _unsaid_kind(message), None


def _unsaid_kind(message: str) -> DeniedReason | None:
    """The reason of a message that is cut within it, encodes it, or says only that something denies."""
    if cut := _CUT.search(message):
        kinds = [pair for kind, pair in _KINDS.items() if kind.startswith(cut["kind"].lower())]
        if len(kinds) == 1:
            return kinds[0][cut["deny"].lower() != "because no"]
    if _EXPLICIT_AT_ALL.search(message):
        return DeniedReason.DENY
    return DeniedReason.ENCODED if _ENCODED.search(message) else None


def _policy(message: str, start: int) -> str | None:
    """The policy's ARN behind the words that name its kind; None where it may be cut off."""
    match = _POLICY.search(message, start)
    if match is None or message[match.end() :].strip() == "...":
        return None
    return match[0]


def _kind(words: str) -> str:
    kind = words.lower().replace("policies", "policy")
    return kind if kind in _KINDS else kind.replace(" based", "-based")


def _last(pattern: re.Pattern[str], message: str) -> re.Match[str] | None:
    """The last match: names before it, such as an object's key, are whoever's choice."""
    match = None
    for match in pattern.finditer(message):  # noqa: B007 (the last one is wanted)
        pass
    return match
