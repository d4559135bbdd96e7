"""A trail and what it is told to record, from the answers of CloudTrail's own API. Reads no file.

Sources, all in the AWS CloudTrail API reference: GetEventSelectors, EventSelector, DataResource, AdvancedEventSelector,
AdvancedFieldSelector, Trail, GetTrailStatus. Names of members are taken in any case and with or without underscores,
since the CLI, the console and the SDKs write them differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudsearch.actions.selecting import Category, Condition, Operator, Selector
from cloudsearch.errors import SourceError

Json = Mapping[str, Any]

_OPERATORS = {operator.lower(): operator for operator in Operator}
_READ_ONLY = {"readonly": "true", "writeonly": "false"}
_BASIC_KINDS = frozenset({"all", *_READ_ONLY})
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A trail as it was when its description was taken; None is what no description told.

    ``selectors`` are what it records, one of them sufficing. ``accounts`` are those whose own list of trails shows it:
    an organisation trail stands in its members' lists. ``started`` is when it last began to log, ``taken_at`` when it
    was described: selectors say nothing about the time before.
    """

    arn: str
    selectors: tuple[Selector, ...] | None = None
    multi_region: bool | None = None
    organization: bool | None = None
    global_services: bool | None = None
    logging: bool | None = None
    accounts: frozenset[str] = frozenset()
    started: datetime | None = None
    taken_at: datetime | None = None

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov`` ..."""
        return self.arn.split(":")[1]

    @property
    def region(self) -> str:
        """The home region."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account that owns it: an organisation trail's management account."""
        return self.arn.split(":")[4]

    @property
    def name(self) -> str:
        """The name its owner gave it."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Told:
    """What one value of a file tells of a trail, and where it stands."""

    where: str
    trail: Trail


def plain(value: object) -> Any:  # noqa: ANN401 (JSON)
    """The same JSON with every member's name in lower case and without underscores."""
    if isinstance(value, Mapping):
        return {str(name).lower().replace("_", ""): plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def described(where: str, entry: Json, *, account: str | None = None, taken_at: datetime | None = None) -> Told:
    """A trail from an entry of DescribeTrails, ListTrails, GetTrail or CreateTrail, already made ``plain``."""
    arn = trail_arn(where, entry)
    return Told(
        where,
        Trail(
            arn=arn,
            multi_region=_flag(where, entry, "ismultiregiontrail"),
            organization=_flag(where, entry, "isorganizationtrail"),
            global_services=_flag(where, entry, "includeglobalserviceevents"),
            accounts=frozenset({account} if account else ()),
            taken_at=taken_at,
        ),
    )


def selecting(where: str, arn: str, basic: object, advanced: object, *, taken_at: datetime | None = None) -> Told:
    """A trail's selectors from an answer of GetEventSelectors, already made ``plain``; none where both are empty."""
    found: list[Selector] = []
    for number, selector in enumerate(_objects(f"{where}: EventSelectors", basic)):
        found += _basic(f"{where}: EventSelectors[{number}]", selector)
    for number, selector in enumerate(_objects(f"{where}: AdvancedEventSelectors", advanced)):
        found.append(_advanced(f"{where}: AdvancedEventSelectors[{number}]", selector))
    told = tuple(found) if basic or advanced else None
    return Told(where, Trail(arn=arn, selectors=told, taken_at=taken_at))


def status(where: str, arn: str, entry: Json, *, taken_at: datetime | None = None) -> Told:
    """Whether a trail logs, from an answer of GetTrailStatus, already made ``plain``."""
    logging = _flag(where, entry, "islogging")
    started = moment(f"{where}: StartLoggingTime", entry.get("startloggingtime"))
    return Told(where, Trail(arn=arn, logging=logging, started=started, taken_at=taken_at))


def together(told: Iterable[Told]) -> tuple[Trail, ...]:
    """One trail for each ARN, in the order first told; the newest dated description of anything counts.

    ``SourceError`` where two values of the same date, or of none, contradict each other.
    """
    by_arn: dict[str, list[Told]] = {}
    for one in told:
        by_arn.setdefault(one.trail.arn, []).append(one)
    return tuple(_merged(arn, parts) for arn, parts in by_arn.items())


def trail_arn(where: str, entry: Json) -> str:
    """The entry's ``TrailARN``; ``SourceError`` where there is none or it is none of a trail."""
    arn = entry.get("trailarn")
    if not isinstance(arn, str):
        raise SourceError(f"{where}: TrailARN is missing; give the whole answer, not the selectors alone")
    parts = arn.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "cloudtrail" or not parts[5].startswith("trail/"):
        raise SourceError(f"{where}: TrailARN {arn!r} is not the ARN of a trail")
    return arn


def moment(where: str, value: object) -> datetime | None:
    """A time as the CLI (seconds since 1970, or ISO 8601) or a snapshot writes it; UTC where it names no zone."""
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SourceError(f"{where}: {value!r} is not a time") from error
    raise SourceError(f"{where}: {value!r} is not a time")


def _merged(arn: str, parts: Sequence[Told]) -> Trail:
    return Trail(
        arn=arn,
        selectors=_newest(parts, "selectors"),
        multi_region=_newest(parts, "multi_region"),
        organization=_newest(parts, "organization"),
        global_services=_newest(parts, "global_services"),
        logging=_newest(parts, "logging"),
        accounts=frozenset().union(*(part.trail.accounts for part in parts)),
        started=_newest(parts, "started"),
        taken_at=max((part.trail.taken_at for part in parts if part.trail.taken_at), default=None),
    )


def _newest(parts: Sequence[Told], field: str) -> Any:  # noqa: ANN401 (of the field's type)
    told = [part for part in parts if getattr(part.trail, field) is not None]
    date = max((part.trail.taken_at or _NEVER for part in told), default=_NEVER)
    newest = [part for part in told if (part.trail.taken_at or _NEVER) == date]
    for one in newest[1:]:
        if getattr(one.trail, field) != getattr(newest[0].trail, field):
            trail = one.trail.name
            raise SourceError(f"{one.where}: trail {trail} is told otherwise in {newest[0].where}; give one of the two")
    return getattr(newest[0].trail, field) if newest else None


def _basic(where: str, entry: Json) -> Iterator[Selector]:
    kind = str(entry.get("readwritetype") or "All").lower()
    if kind not in _BASIC_KINDS:
        raise SourceError(f"{where}: ReadWriteType {kind!r} is none of All, ReadOnly, WriteOnly")
    reads = (_equals("readOnly", _READ_ONLY[kind]),) if kind in _READ_ONLY else ()
    if _flag(where, entry, "includemanagementevents") is not False:
        excluded = _texts(f"{where}: ExcludeManagementEventSources", entry.get("excludemanagementeventsources"))
        left_out = (Condition("eventSource", ((Operator.NOT_EQUALS, excluded),)),) if excluded else ()
        yield Selector((_equals("eventCategory", Category.MANAGEMENT), *reads, *left_out))
    for number, resource in enumerate(_objects(f"{where}: DataResources", entry.get("dataresources"))):
        yield from _data_resource(f"{where}: DataResources[{number}]", resource, reads)


def _data_resource(where: str, entry: Json, reads: tuple[Condition, ...]) -> Iterator[Selector]:
    """A whole service (``arn:aws:lambda``), a beginning of S3 object ARNs, or one function or table."""
    kind = entry.get("type")
    if not isinstance(kind, str) or not kind:
        raise SourceError(f"{where}: Type is missing")
    which = (_equals("eventCategory", Category.DATA), _equals("resources.type", kind), *reads)
    for value in _texts(f"{where}: Values", entry.get("values")):
        if len(value.rstrip(":").split(":")) <= 3:
            yield Selector(which)
        else:
            operator = Operator.STARTS_WITH if kind.startswith("AWS::S3::") else Operator.EQUALS
            yield Selector((*which, Condition("resources.ARN", ((operator, (value,)),))))


def _advanced(where: str, entry: Json) -> Selector:
    fields = list(_objects(f"{where}: FieldSelectors", entry.get("fieldselectors")))
    conditions = tuple(_condition(f"{where}: FieldSelectors[{at}]", one) for at, one in enumerate(fields))
    asked = {one.field for one in conditions}
    if "eventCategory" not in asked:
        raise SourceError(f"{where}: no field selector is for eventCategory, which every selector has")
    return Selector(conditions)


def _condition(where: str, entry: Json) -> Condition:
    field = entry.get("field")
    if not isinstance(field, str) or not field:
        raise SourceError(f"{where}: Field is missing")
    unknown = entry.keys() - _OPERATORS.keys() - {"field"}
    if unknown:
        raise SourceError(f"{where}: {', '.join(sorted(unknown))} is no operator of a field selector")
    tests = tuple(
        (operator, wanted)
        for name, operator in _OPERATORS.items()
        if (wanted := _texts(f"{where}: {operator}", entry.get(name)))
    )
    if not tests:
        raise SourceError(f"{where}: {field} has no operator with a value")
    return Condition(field, tests)


def _equals(field: str, value: str) -> Condition:
    return Condition(field, ((Operator.EQUALS, (str(value),)),))


def _objects(where: str, value: object) -> Iterator[Json]:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise SourceError(f"{where} is not a list of objects")
    yield from value


def _texts(where: str, value: object) -> tuple[str, ...]:
    """A list of texts, or a single one; JSON's booleans as CloudTrail spells them."""
    texts = []
    for item in value if isinstance(value, list) else [] if value is None else [value]:
        text = str(item).lower() if isinstance(item, bool) else item
        if not isinstance(text, str):
            raise SourceError(f"{where} is not a list of texts")
        texts.append(text)
    return tuple(texts)


def _flag(where: str, entry: Json, name: str) -> bool | None:
    value = entry.get(name)
    if value is not None and not isinstance(value, bool):
        raise SourceError(f"{where}: {name} is {value!r} instead of true or false")
    return value
