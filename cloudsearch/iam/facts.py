"""What is known of a principal before it asks for anything: the condition keys that it alone decides.

A key is known (its values; one may be a pattern, as a role's ``aws:userid`` ends in a session's name), known to be
absent, or free: then only a request tells it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-infotouse
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from cloudsearch.iam.documents import Document, Effect
from cloudsearch.iam.matching import matches_action
from cloudsearch.iam.principals import Principal

_TAG = "aws:principaltag/"
_ALWAYS = ("aws:currenttime", "aws:epochtime", "aws:requestedregion", "aws:securetransport", "aws:viaawsservice")
_OF_SERVICES = ("aws:principalservicename", "aws:principalservicenameslist")
_OF_SESSIONS = ("aws:federatedprovider", "aws:sourceidentity", "aws:assumedroot")


@dataclass(frozen=True, slots=True)
class Facts:
    """Values by key in lower case; an empty tuple is a key that no request of the principal has.

    With ``has_all_tags`` a principal's tag that is not among the values is absent, else it is free.
    """

    values: Mapping[str, tuple[str, ...]]
    has_all_tags: bool = False

    def of(self, key: str) -> tuple[str, ...] | None:
        """The key's values, none where it is surely absent; None where it is free."""
        name = key.lower()
        if name not in self.values and self.has_all_tags and name.startswith(_TAG):
            return ()
        return self.values.get(name)

    def with_values(self, values: Mapping[str, tuple[str, ...]]) -> Facts:
        """These and others, which win: what a request is known to have."""
        return replace(self, values={**self.values, **{key.lower(): value for key, value in values.items()}})


NOTHING_KNOWN = Facts(MappingProxyType({}))


def facts_of(principal: Principal, organization: str | None = None) -> Facts:
    """What every request of the principal says of it.

    ``organization`` is the id of its organisation, empty where it is in none and so has no such key, None if unknown.

    A role's sessions may bring tags of their own, which win over the role's. Where its trust policy lets nobody pass
    any the role's are all; where it does, none is known; and where the trust policy is not known those that the role
    has are taken and others are free.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    values: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (principal.arn,),
        "aws:principalisawsservice": ("false",),
        **dict.fromkeys(_ALWAYS, ("*",)),
        **dict.fromkeys(_OF_SERVICES, ()),
    }
    if principal.account:
        values["aws:principalaccount"] = (principal.account,)
    if organization is not None:
        values["aws:principalorgid"] = (organization,) if organization else ()
    if organization == "":
        values["aws:principalorgpaths"] = ()
    is_role = principal.kind == "role"
    tagged = may_tag_sessions(principal.trust) if is_role and principal.trust else None
    if not tagged:
        values |= {_TAG + key.lower(): (value,) for key, value in principal.tags}
    values |= _of_role(principal) if is_role else _of_user(principal)
    return Facts(values, has_all_tags=not is_role or tagged is False)


def may_tag_sessions(trust: Document) -> bool:
    """Whether a role's trust policy lets anybody pass session tags: it takes an Allow of ``sts:TagSession``."""
    return any(
        one.effect is Effect.ALLOW
        and any(matches_action(text, "sts:TagSession") for text in one.actions.texts) is not one.actions.negated
        for one in trust.statements
    )


def _of_user(principal: Principal) -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {"aws:principaltype": ("User",), "aws:username": (principal.name,)}
    if principal.id:
        known["aws:userid"] = (principal.id,)
    return known | dict.fromkeys(_OF_SESSIONS, ())


def _of_role(principal: Principal) -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {
        "aws:principaltype": ("AssumedRole",),
        "aws:username": (),
        "aws:tokenissuetime": ("*",),
        "aws:assumedroot": (),
    }
    if principal.id:
        known["aws:userid"] = (f"{principal.id}:*",)
    return known
