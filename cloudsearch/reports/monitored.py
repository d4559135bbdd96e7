"""What client-side monitoring adds to the evidence: whose calls they were, and which actions they show used.

A call is known by the key that signed it, and a key by the events it signed, or by the event that issued it. An attempt
that was let in stands for one call, for an SDK tries again only what failed. Nothing is concluded from what is absent:
hosts that nobody listens on, and SDKs that do not send, are not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cloudsearch.csm.datagrams import Kind
from cloudsearch.csm.keys import account_of
from cloudsearch.event import Copy
from cloudsearch.reports.evidence import Evidence, Use, gathered
from cloudsearch.reports.principals import account_of as account_of_arn
from cloudsearch.reports.window import Window
from cloudsearch.store import CSM_CALLS, EVENTS, Group, Store
from cloudsearch.where import And, Exists, In

SOURCE = "source: csm"
"""How a reason names it."""

_AT_ONCE = 500
_C, _E = CSM_CALLS.by_name, EVENTS.by_name
_BY = tuple(_C[name] for name in ("access_key_id", "event_source", "api", "outcome", "error_code", "denied_action"))
_OF_THE_CALLER = frozenset({"GetSessionToken"})


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose key it is: the principal's ARN and unique id, each where known, and the account."""

    principal: str | None
    principal_id: str | None
    account: str | None


@dataclass(frozen=True, slots=True)
class Host:
    """A host that was listened on: its first and last record in the window, and how many calls and attempts."""

    name: str | None
    first: datetime | None
    last: datetime | None
    records: int


@dataclass(frozen=True, slots=True)
class Monitored:
    """What monitoring saw in a window. ``unknown`` are answered attempts whose principal nobody knows."""

    hosts: tuple[Host, ...]
    attempts: int
    unknown: int
    groups: Mapping[str, Sequence[Group]]

    def evidence(self, arns: Collection[str], principal_id: str | None) -> Evidence:
        """What a principal did, known by any of its names."""
        names = [*arns, *([principal_id] if principal_id else [])]
        groups = {id(group): group for name in dict.fromkeys(names) for group in self.groups.get(name, ())}
        return gathered(groups.values(), principal_id)


def monitored(store: Store, window: Window) -> Monitored:
    """Read what monitoring saw: two grouped reads of it, and the owners of the keys."""
    time = window.where(_C["time"])
    kinds = In(_C["kind"], (Kind.CALL.value, Kind.ATTEMPT.value))
    hosts = tuple(
        Host(str(group.key[0]) if group.key[0] else None, group.first_seen, group.last_seen, group.count)
        for group in store.group(CSM_CALLS, (_C["host"],), And((kinds, time)))
    )
    attempts = And((In(_C["kind"], (Kind.ATTEMPT.value,)), Exists(_C["outcome"]), time))
    groups = list(store.group(CSM_CALLS, _BY, attempts))
    known = owners(store, {str(group.key[0]) for group in groups if group.key[0]})
    found: dict[str, list[Group]] = defaultdict(list)
    unknown = 0
    for group in groups:
        owner = known.get(str(group.key[0]), _NOBODY)
        if owner.principal is None and owner.principal_id is None:
            unknown += group.count
            continue
        told = _as_event(group, owner)
        for name in filter(None, (owner.principal, owner.principal_id)):
            found[name].append(told)
    return Monitored(hosts, sum(group.count for group in groups), unknown, found)


_NOBODY = Owner(None, None, None)


def _as_event(group: Group, owner: Owner) -> Group:
    """The group as one of events would be."""
    _, source, api, outcome, code, denied = group.key
    return replace(group, key=(owner.principal_id, source, api, "AwsApiCall", Copy.CALLER, outcome, code, denied, None))


def owners(store: Store, keys: Iterable[str]) -> dict[str, Owner]:
    """Whose keys these are; of a key that no event knows, the account that the key itself carries, if any."""
    wanted = sorted(set(keys))
    found: dict[str, Owner] = {}
    for some in (wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE)):
        found |= _by_use(store, some)
        found |= _by_issue(store, [key for key in some if key not in found])
    return {key: found.get(key) or Owner(None, None, account_of(key)) for key in wanted}


def _by_use(store: Store, keys: Sequence[str]) -> dict[str, Owner]:
    by = tuple(_E[name] for name in ("access_key_id", "principal", "principal_id", "account"))
    groups = sorted(store.group(EVENTS, by, In(by[0], tuple(keys))), key=lambda group: group.count)
    named = ((str(group.key[0]), _texts(group.key[1:])) for group in groups)
    return {key: Owner(*names) for key, names in named if names[0] or names[1]}


def _by_issue(store: Store, keys: Sequence[str]) -> dict[str, Owner]:
    if not keys:
        return {}
    by = tuple(_E[name] for name in ("issued_access_key_id", "target_role", "event_name", "principal", "principal_id"))
    return dict(_issued(store.group(EVENTS, by, In(by[0], tuple(keys)))))


def _issued(groups: Iterable[Group]) -> Iterator[tuple[str, Owner]]:
    for group in groups:
        key, role, name, principal, principal_id = (str(part) if part else None for part in group.key)
        if key and role:
            yield key, Owner(role, None, account_of_arn(role) or account_of(key))
        elif key and principal and name in _OF_THE_CALLER:
            yield key, Owner(principal, principal_id, account_of_arn(principal) or account_of(key))


def _texts(values: Iterable[object]) -> tuple[str | None, str | None, str | None]:
    one, two, three = (str(value) if value else None for value in values)
    return one, two, three


def joined(found: Evidence, told: Evidence) -> Evidence:
    """The evidence of the logs, and where they show no use, what monitoring shows; no call is counted twice."""
    uses = dict(found.uses) | {action: _joined(found.uses.get(action), use) for action, use in told.uses.items()}
    unknown = {call: _joined(None, use) for call, use in told.unknown_calls.items()} | dict(found.unknown_calls)
    return replace(
        found,
        uses=uses,
        unknown_calls=unknown,
        calls=dict(told.calls) | dict(found.calls),
        earlier=dict(told.earlier) | dict(found.earlier),
    )


def _joined(own: Use | None, told: Use) -> Use:
    own = own or Use()
    if own.calls:
        return own
    refused = own if own.denied else told
    reason = refused.denied_reason if own.denied else f"{told.denied_reason or 'no reason given'}; {SOURCE}"
    return replace(
        told,
        denied=refused.denied,
        last_denied=refused.last_denied,
        denied_reason=reason,
        undetermined=own.undetermined or told.undetermined,
        network_only=own.network_only,
        monitored=told.calls > 0,
    )
