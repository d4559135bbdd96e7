"""What an event tells of its request's context: the values of the condition keys that a policy asks for.

``data/condition_keys.tsv`` of ``actions`` lists the keys, each with its AWS page. A key that is not listed, or whose
value an event does not surely tell, stays open. What CloudTrail writes is taken for what IAM saw only where AWS says
that both come from the request:

- a call that a service made with the principal's credentials says nothing of address, endpoint or MFA of the first one
- an address of the ranges that VPCs have, without an endpoint beside it, may have come through one all the same
- events of global services and of S3 do not tell the region that was asked for (``data/regions_not_told.tsv``)
- EC2, Glue, Lake Formation and OpsWorks do not tell IAM whether a service made the call

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

import msgspec

from cloudsearch.actions.parameters import plain
from cloudsearch.actions.resources import Use
from cloudsearch.actions.tables import table
from cloudsearch.derive.reading import fields_of, opened
from cloudsearch.policies.facts import without_region
from cloudsearch.policies.history import Used
from cloudsearch.where import fits

Values = tuple[str, ...]

_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
_OF_VPCS = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")))
_SAY_NOTHING = frozenset({"ec2", "glue", "lakeformation", "opsworks"})


class Key(NamedTuple):
    """A condition key that some event tells, in lower case, for the actions that a pattern covers."""

    name: str
    actions: str
    how: str
    absent: bool


class Event:
    """A call's event, its record read at most once and only where a key asks for it."""

    __slots__ = ("_record", "used")

    def __init__(self, used: Used) -> None:
        self.used = used
        self._record: Mapping[str, object] | None = None

    @property
    def record(self) -> Mapping[str, object]:
        """The record's members."""
        if self._record is None:
            raw = self.used.row.get("raw")
            self._record = fields_of(msgspec.Raw(raw)) if isinstance(raw, bytes) else {}
        return self._record

    @property
    def by_service(self) -> bool:
        """Whether the principal did not make the call itself: a service or a vendor did."""
        return (self.used.via or "").startswith(("service:", "delegate:")) or bool(self.used.row.get("invoked_by"))

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address that the principal called from."""
        return None if self.by_service else _address(self.used.source_address or "")

    @property
    def is_from_outside(self) -> bool:
        """Whether it surely came through no VPC endpoint."""
        address = self.address
        return address is not None and not self.used.vpc_endpoint and not _may_be_of_a_vpc(address)

    def parameters(self) -> Mapping[str, object]:
        """The request's parameters by plain name; none where the record keeps none."""
        return {plain(name): value for name, value in fields_of(self.record.get("requestParameters")).items()}


@lru_cache(maxsize=65536)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=65536)
def _may_be_of_a_vpc(address: IPv4Address | IPv6Address) -> bool:
    """IPv6 addresses of a VPC are public ones, so any of them may be."""
    return address.version == 6 or any(address in net for net in _OF_VPCS)


def context_of(event: Event, use: Use, keys: frozenset[str]) -> dict[str, Values]:
    """Those of the keys, in lower case, that the event tells of one use, with their values."""
    if not keys:
        return {}
    found = {}
    for key, known in _telling(use.action, keys):
        values = _RULES[known.how](event, key) if known.how in _RULES else _parameter(event, known)
        if values is not None:
            found[key] = values
    for name, value in use.conditions:
        if (key := name.lower()) in keys:
            found[key] = (value,)
    return found


@lru_cache(maxsize=4096)
def _telling(action: str, keys: frozenset[str]) -> tuple[tuple[str, Key], ...]:
    """The keys of an action that some event tells, each with what tells it."""
    return tuple(
        (key, known)
        for key in sorted(keys)
        for known in _known()
        if fits(known.name, key) and fits(known.actions, action)
    )


@lru_cache(maxsize=1)
def _known() -> tuple[Key, ...]:
    return tuple(
        Key(name.lower(), actions, how, absent == "absent")
        for name, actions, how, absent, _ in table("condition_keys.tsv", 5)
    )


def _parameter(event: Event, known: Key) -> Values | None:
    """A parameter's value as text; one that is hidden, or no text at all, is open."""
    name = known.how.removeprefix("request:")
    parameters = event.parameters()
    if plain(name) not in parameters:
        return () if known.absent and parameters else None
    return _texts(parameters[plain(name)])


def _texts(value: object) -> Values | None:
    values = value if isinstance(value, list) else [value]
    texts = [_plainly(one) for one in values]
    return None if None in texts or _HIDDEN in texts else tuple(one for one in texts if one is not None)


def _plainly(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _time(event: Event, _: str) -> Values | None:
    return (event.used.time.isoformat(),) if event.used.time else None


def _epoch(event: Event, _: str) -> Values | None:
    return (str(int(event.used.time.timestamp())),) if event.used.time else None


def _region(event: Event, _: str) -> Values | None:
    """IAM's one endpoint is in us-east-1; events of other global services do not tell what was asked for."""
    region = event.used.region
    service = str(event.used.row.get("event_source") or "").partition(".")[0]
    if region is None or (service in without_region() and (service, region) != ("iam", "us-east-1")):
        return None
    return (region,)


def _mfa(event: Event, _: str) -> Values | None:
    """Only temporary credentials have the key; a user's event without a session is of a long-term key."""
    if event.by_service:
        return None
    if event.used.mfa is None:
        return () if event.used.row.get("principal_type") == "IAMUser" else None
    return ("true" if event.used.mfa else "false",)


def _mfa_age(event: Event, key: str) -> Values | None:
    """Not there where no MFA was used; how long ago it was no event tells."""
    present = _mfa(event, key)
    return () if present is not None and "true" not in present else None


def _source_ip(event: Event, _: str) -> Values | None:
    if event.used.vpc_endpoint and not event.by_service:
        return ()
    return (str(event.address),) if event.is_from_outside else None


def _vpc_source_ip(event: Event, _: str) -> Values | None:
    if event.is_from_outside:
        return ()
    return (str(event.address),) if event.used.vpc_endpoint and event.address else None


def _source_vpce(event: Event, _: str) -> Values | None:
    if event.by_service:
        return None
    return (event.used.vpc_endpoint,) if event.used.vpc_endpoint else _source_vpc(event, _)


def _source_vpc(event: Event, _: str) -> Values | None:
    """Not there without an endpoint; which VPC an endpoint is of no event tells."""
    return () if event.is_from_outside else None


def _not_called_via(event: Event, _: str) -> Values | None:
    return None if event.by_service else ()


def _via_service(event: Event, _: str) -> Values | None:
    """No service made the call. One that did may have done so by a role of its own, which counts as none."""
    service = str(event.used.row.get("event_source") or "").partition(".")[0]
    return None if event.by_service or service in _SAY_NOTHING else ("false",)


def _userid(event: Event, _: str) -> Values | None:
    """``AIDA...`` of a user, ``AROA...:session`` of a role's session."""
    own, session = event.used.principal_id, event.used.row.get("session_name")
    kind = event.used.row.get("principal_type")
    if own and kind == "IAMUser":
        return (own,)
    if own and isinstance(session, str) and session and kind == "AssumedRole":
        return (f"{own}:{session}",)
    return None


def _source_identity(event: Event, _: str) -> Values | None:
    own = event.used.row.get("source_identity")
    if isinstance(own, str) and own:
        return (own,)
    return () if event.used.row.get("principal_type") in ("IAMUser", "AssumedRole") else None


def _issued(event: Event, _: str) -> Values | None:
    """When the session's credentials were issued; long-term keys were not."""
    identity = fields_of(event.record.get("userIdentity"))
    session = fields_of(identity.get("sessionContext"))
    moment = fields_of(session.get("attributes")).get("creationDate")
    if isinstance(moment, str) and moment and not event.by_service:
        return (moment,)
    return () if identity.get("type") == "IAMUser" and not session and not event.by_service else None


def _tls(event: Event, _: str) -> Values | None:
    return ("true",) if fields_of(event.record.get("tlsDetails")).get("tlsVersion") else None


def _encryption_context(event: Event, key: str) -> Values | None:
    """The value of one member; a request's whole context is in its parameters."""
    given = _given_context(event)
    if given is None:
        return None
    wanted = key.partition(":")[2].partition(":")[2]
    return next((_texts(value) for name, value in given.items() if name.lower() == wanted), ())


def _encryption_context_keys(event: Event, _: str) -> Values | None:
    given = _given_context(event)
    return None if given is None else tuple(given)


def _given_context(event: Event) -> Mapping[str, object] | None:
    parameters = fields_of(event.record.get("requestParameters"))
    given = opened(parameters.get("encryptionContext")) if parameters else None
    if given is None:
        return {} if parameters else None
    return given if isinstance(given, dict) else None


_RULES: Mapping[str, Callable[[Event, str], Values | None]] = {
    "encryption_context": _encryption_context,
    "encryption_context_keys": _encryption_context_keys,
    "epoch": _epoch,
    "issued": _issued,
    "mfa": _mfa,
    "mfa_age": _mfa_age,
    "not_called_via": _not_called_via,
    "region": _region,
    "source_identity": _source_identity,
    "source_ip": _source_ip,
    "source_vpc": _source_vpc,
    "source_vpce": _source_vpce,
    "time": _time,
    "tls": _tls,
    "userid": _userid,
    "via_service": _via_service,
    "vpc_source_ip": _vpc_source_ip,
}
