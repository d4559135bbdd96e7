"""What would help against a refusal, and when another Allow would not; which older names its action once had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from cloudsearch.derive import DeniedReason
from cloudsearch.reports.facts import table
from cloudsearch.reports.refusals import ANONYMOUS, FROM_CALL, FROM_NAME, UNKNOWN, Cluster, Key

_STS = "sts"
_SERVICE_CONTROL = DeniedReason.NO_SERVICE_CONTROL, DeniedReason.DENY_SERVICE_CONTROL
_ALLOW_MAY_LACK = frozenset(
    {
        UNKNOWN,
        DeniedReason.ENCODED,
        DeniedReason.NO_BOUNDARY,
        DeniedReason.NO_IDENTITY,
        DeniedReason.NO_RESOURCE,
        DeniedReason.NO_SERVICE_CONTROL,
        DeniedReason.NO_SESSION,
        DeniedReason.DENY_SERVICE_CONTROL,  # AWS may word that none allows it so
    }
)
"""Reasons that an action's newer name may be behind: a policy that allows the older one alone."""
_THERE = frozenset(
    {
        DeniedReason.NO_RESOURCE,
        DeniedReason.NO_RESOURCE_CONTROL,
        DeniedReason.NO_TRUST,
        DeniedReason.DENY_RESOURCE,
        DeniedReason.DENY_RESOURCE_CONTROL,
        DeniedReason.DENY_TRUST,
    }
)
"""Reasons that only the side of the resource can mend."""

_HERE = frozenset(
    {
        DeniedReason.NO_BOUNDARY,
        DeniedReason.NO_IDENTITY,
        DeniedReason.NO_SERVICE_CONTROL,
        DeniedReason.NO_SESSION,
        DeniedReason.DENY_BOUNDARY,
        DeniedReason.DENY_IDENTITY,
        DeniedReason.DENY_SERVICE_CONTROL,
        DeniedReason.DENY_SESSION,
    }
)
"""Reasons that only the side of the principal can mend: its policies, its boundary, its organization's."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What would help; ``allow_helps`` is whether another Allow in the principal's policies would, None if not sure."""

    allow_helps: bool | None
    text: str


@cache
def by_reason() -> dict[str, Advice]:
    """Reason -> advice, for every reason there is and for ``unknown``."""
    helps = {"yes": True, "no": False, "perhaps": None}
    return {reason: Advice(helps[allow], text) for reason, allow, text, _ in table("advice.tsv", 4)}


@dataclass(frozen=True, slots=True)
class Renamed:
    """An action's older name; ``only_in`` is the one kind of policy that must name the newer one, if not every kind."""

    older: str
    only_in: str | None
    since: str


@cache
def _renamed() -> dict[str, tuple[Renamed, ...]]:
    """Newer action in lower case, or ``service:*`` -> its older names."""
    found: dict[str, tuple[Renamed, ...]] = {}
    for older, newer, where, since, _ in table("renamed.tsv", 5):
        for name in newer.lower().split(","):
            found[name] = (*found.get(name, ()), Renamed(older, None if where == "any" else where, since))
    return found


def older_names(action: str, reason: str) -> tuple[Renamed, ...]:
    """Older names under which a policy may still allow what was refused under its newer one."""
    if reason not in _ALLOW_MAY_LACK:
        return ()
    service, _, name = action.partition(":")
    own = _renamed().get(action.lower(), ())
    of_service = _renamed().get(f"{service.lower()}:*", ())
    named = (*own, *(Renamed(one.older.replace("*", name), one.only_in, one.since) for one in of_service))
    is_scp = reason in (*_SERVICE_CONTROL, UNKNOWN)
    return tuple(one for one in named if one.only_in is None or is_scp)


def advice(cluster: Cluster, older: Iterable[Renamed]) -> str:
    """What would help against a cluster's refusals, in a sentence or a few."""
    return ". ".join(_sentences(cluster, tuple(older)))


def _sentences(cluster: Cluster, older: tuple[Renamed, ...]) -> Iterator[str]:
    reason = by_reason().get(cluster.key.reason, by_reason()[UNKNOWN])
    without_policies = _of_those_without_policies(cluster.key) if cluster.key.reason == UNKNOWN else None
    yield without_policies or reason.text
    if cluster.policies:
        yield f"The message names {', '.join(sorted(cluster.policies))}"
    if cluster.candidates:
        yield f"The call needs {' and '.join(sorted(cluster.candidates))}; the message does not say which was refused"
    elif cluster.action_from == FROM_NAME:
        yield "Which action the call needs is not known"
    elif cluster.action_from == FROM_CALL and cluster.key.reason == DeniedReason.ENCODED:
        yield "The refused action may be another than the call's own; the decoded message names it"
    if older:
        names = ", ".join(f"{one.older} (before {one.since})" for one in older)
        yield f"AWS has renamed or split actions here: a policy that names only {names} does not cover it"
    has_account = cluster.key.account not in (None, ANONYMOUS)
    if foreign := sorted(set(cluster.owners) - {cluster.key.account}) if has_account else ():
        yield _across(cluster, foreign)
    if services := sorted(via.removeprefix("service:") for via in cluster.vias if via.startswith("service:")):
        yield f"{', '.join(services)} called in the principal's name, with the principal's own permissions"


def _of_those_without_policies(key: Key) -> str | None:
    """What may refuse anonymous callers and the root user, whom no policy of their own lets in or keeps out."""
    if key.account == ANONYMOUS:
        return (
            "The caller is anonymous: only the resource's own policy or ACL could let everybody in, if that is wanted"
        )
    if key.principal and key.principal.startswith("arn:") and key.principal.endswith(":root"):
        return (
            "The root user needs no Allow: a policy of the organization, the resource's own or the service refused it"
        )
    return None


def _across(cluster: Cluster, owners: list[str]) -> str:
    """A call to another account needs both sides; the reason tells which one refused it."""
    there = f"account {owners[0]}" if len(owners) == 1 else f"accounts {', '.join(owners)}"
    trust = cluster.key.action.startswith(f"{_STS}:AssumeRole")
    what = "the role's trust policy" if trust else "the resource's own policy"
    both = f"The call went to {there}: {what} there and a policy of the principal here must both allow it"
    if cluster.key.reason in _THERE:
        return f"{both}; it was refused there"
    return f"{both}; it was refused here, in account {cluster.key.account}" if cluster.key.reason in _HERE else both
