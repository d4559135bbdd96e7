"""Refused calls, gathered into clusters: one for each account, region, principal, action and reason.

One refusal is counted once: the caller's copy; the resource owner's copy only where no log of the caller's account is
loaded or that log has none like it, and otherwise only to tell whose resource it was; a network copy (a VPC endpoint's
policy refused) where the service itself logged no such refusal of the same caller. Pure functions of groups: ``BY`` is
what they are grouped by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cloudsearch.actions import actions_for, prefixes
from cloudsearch.catalogue import find
from cloudsearch.derive import DeniedReason
from cloudsearch.event import Copy, Outcome
from cloudsearch.reports.evidence import NOT_CALLS
from cloudsearch.reports.principals import account_of
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Group
from cloudsearch.where import And, In, Not, Where

UNKNOWN = "unknown"
"""The reason of a refusal whose message gives none."""

ANONYMOUS = "ANONYMOUS_PRINCIPAL"
"""The account that CloudTrail gives callers who sign nothing."""

FROM_MESSAGE, FROM_CALL, FROM_NAME = "message", "call", "event name"
"""How an action is known: the message names it; the call needs it and no other; not at all, it is the call's name."""

_F = EVENTS.by_name
_NAMES = (
    "account",
    "recipient_account",
    "region",
    "principal",
    "principal_id",
    "principal_type",
    "event_source",
    "event_name",
    "event_category",
    "read_only",
    "copy",
    "error_code",
    "denied_action",
    "denied_reason",
    "denied_policy",
    "via",
    "target_role",
)
BY = tuple(_F[name] for name in _NAMES)
BY_DAY = (*BY, _F["day"])
_AT = {name: at for at, name in enumerate(_NAMES)}
_SERVICE_LINKED = "role/aws-service-role/"
_ENDPOINT_REASONS = frozenset({DeniedReason.NO_ENDPOINT, DeniedReason.DENY_ENDPOINT, DeniedReason.ENDPOINT})


class Key(NamedTuple):
    """What makes refusals one cluster."""

    account: str | None
    region: str | None
    principal: str | None
    action: str
    reason: str


class Logged(NamedTuple):
    """Where and as what kind of event refusals were logged: what it takes to have seen earlier ones."""

    account: str | None
    event_source: str
    category: str
    read_only: bool


@dataclass(slots=True)
class Cluster:
    """Refusals of one key: how many, when, and what else the log says of them, each with its calls.

    ``days`` are theirs where the groups are of a day each.
    """

    key: Key
    calls: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    action_from: str = FROM_NAME
    by_aws: bool = False
    policies: Counter[str] = field(default_factory=Counter)
    error_codes: Counter[str] = field(default_factory=Counter)
    vias: Counter[str] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)
    candidates: set[str] = field(default_factory=set)
    logged: set[Logged] = field(default_factory=set)
    days: Counter[str] = field(default_factory=Counter)

    def add(self, group: Group) -> None:
        """Count refusals."""
        self.calls += group.count
        self.first_seen = min(filter(None, (self.first_seen, group.first_seen)), default=None)
        self.last_seen = max(filter(None, (self.last_seen, group.last_seen)), default=None)
        counters = (("denied_policy", self.policies), ("error_code", self.error_codes), ("via", self.vias))
        for name, counter in counters:
            if value := _text(group, name):
                counter[value] += group.count
        self.logged.add(_logged(group))
        if len(group.key) > len(BY) and isinstance(day := group.key[-1], str):
            self.days[day] += group.count


def refused(window: Window) -> Where:
    """Every refusal of a call within a window, whoever's copy."""
    not_calls = tuple(sorted(NOT_CALLS))
    return And((In(_F["outcome"], (Outcome.DENIED,)), Not(In(_F["event_type"], not_calls)), window.where(_F["time"])))


def is_aws_itself(group: Group) -> bool:
    """Whether AWS's own probing was refused: a service's call, or one of a role that is linked to a service."""
    principal = _text(group, "principal") or ""
    is_linked = principal.startswith("arn:") and principal.split(":", 5)[-1].startswith(_SERVICE_LINKED)
    return _text(group, "principal_type") == "AWSService" or is_linked


def clusters(groups: Iterable[Group], loaded: Collection[str]) -> dict[Key, Cluster]:
    """Gather refusals grouped by ``BY`` or ``BY_DAY``; ``loaded`` are the accounts of which logs are loaded.

    A principal that some copies know only by its id is named by the ARN that others give it.
    """
    gathered = _Gathering(list(groups))
    gathered.count(lambda group: _text(group, "copy") == Copy.CALLER)
    gathered.count(lambda group: _text(group, "copy") == Copy.OWNER and _text(group, "account") not in loaded)
    gathered.name_owners(lambda group: _text(group, "copy") == Copy.OWNER)
    gathered.count_network()
    return gathered.found


class _Gathering:
    def __init__(self, groups: list[Group]) -> None:
        self.found: dict[Key, Cluster] = {}
        self._names = {
            str(_text(group, "principal_id")): _text(group, "principal")
            for group in groups
            if _text(group, "principal_id") and _text(group, "principal")
        }
        self._keyed = [(group, self._key(group)) for group in groups]

    def count(self, counts: Callable[[Group], bool]) -> None:
        for group, key in self._keyed:
            if counts(group):
                self._add(group, key)

    def name_owners(self, tells: Callable[[Group], bool]) -> None:
        """Whose resources were asked for, as owners' copies tell; those that are like no caller's copy are counted."""
        alike: dict[Key, list[Cluster]] = {}
        for key, cluster in self.found.items():
            alike.setdefault(key._replace(reason=""), []).append(cluster)  # an owner is not always told the reason
        for group, key in self._keyed:
            owner = _text(group, "recipient_account")
            own = alike.get(key._replace(reason=""))
            for cluster in own or () if owner and tells(group) else ():
                cluster.owners.setdefault(str(owner), group.count)
            if own is None and tells(group):
                self._add(group, key)

    def count_network(self) -> None:
        """Refusals of endpoint policies that no copy of the service's tells already."""
        told = {key._replace(reason="") for key in self.found if key.reason in _ENDPOINT_REASONS}
        for group, key in self._keyed:
            if _text(group, "copy") == Copy.NETWORK and key._replace(reason="") not in told:
                self._add(group, key)

    def _add(self, group: Group, key: Key) -> None:
        cluster = self.found.setdefault(key, Cluster(key))
        cluster.add(group)
        _, cluster.action_from, candidates = _action(group)
        cluster.by_aws = is_aws_itself(group)
        cluster.candidates.update(candidates)
        if owner := _owner(group):
            cluster.owners[owner] += group.count

    def _key(self, group: Group) -> Key:
        id_ = _text(group, "principal_id")
        principal = _text(group, "principal") or self._names.get(id_ or "") or id_
        action, _, _ = _action(group)
        reason = _text(group, "denied_reason") or UNKNOWN
        return Key(_text(group, "account"), _text(group, "region"), principal, action, reason)


def _action(group: Group) -> tuple[str, str, tuple[str, ...]]:
    """The action that was refused, how it is known, and those it may have been where the log does not say."""
    if named := _text(group, "denied_action"):
        known = find(named)
        return (known.name if known else named), FROM_MESSAGE, ()
    source, name = _text(group, "event_source") or "", _text(group, "event_name") or ""
    actions = actions_for(source, name).actions
    if len(actions) == 1:
        return actions[0], FROM_CALL, ()
    service = next(iter(prefixes(source)), source.partition(".")[0])
    return f"{service}:{name}", FROM_NAME, actions


def _owner(group: Group) -> str | None:
    """The account of the resource: who logged an owner's copy, or whose role was to be assumed.

    A service of AWS has no account of its own; its calls are the account's that logged them.
    """
    recipient = _text(group, "recipient_account")
    if _text(group, "copy") == Copy.OWNER or (_text(group, "copy") == Copy.CALLER and not _text(group, "account")):
        return recipient
    return account_of(_text(group, "target_role") or "") or None


def _logged(group: Group) -> Logged:
    category = "NetworkActivity" if _text(group, "copy") == Copy.NETWORK else _text(group, "event_category")
    is_read = group.key[_AT["read_only"]] is True
    source = _text(group, "event_source") or ""
    return Logged(_text(group, "recipient_account"), source, category or "Management", is_read)


def _text(group: Group, name: str) -> str | None:
    value = group.key[_AT[name]]
    return str(value) if value not in (None, "") else None
