"""What a principal did, call by call, with the resources: one unordered pass over the store.

A call is the principal's own as the reports count it (``reports.evidence``): the caller's copy, and the owner's only
where that is asked for; no network copies, no service events, no sign-ins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol, cast

from cloudsearch.actions.resources import Call, Resource, Use, uses_of
from cloudsearch.derive.reading import opened, read
from cloudsearch.errors import RecordError
from cloudsearch.event import RAW, Copy, Field, Outcome, Row
from cloudsearch.reports.evidence import NOT_CALLS
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Table
from cloudsearch.where import And, Exists, In, Not, Or, Where

LET_IN = (Outcome.OK, Outcome.ERROR)
"""Outcomes that prove that the caller was let in."""

_F = EVENTS.by_name
FIELDS = (
    *(
        _F[name]
        for name in (
            "id",
            "time",
            "event_source",
            "event_name",
            "event_type",
            "region",
            "account",
            "recipient_account",
            "copy",
            "principal",
            "principal_id",
            "principal_type",
            "session_name",
            "source_identity",
            "invoked_by",
            "via",
            "mfa",
            "outcome",
            "error_code",
            "denied_action",
            "source_address",
            "vpc_endpoint",
        )
    ),
    RAW,
)
"""What of an event is read: the keys of ``Used.row``."""


@dataclass(frozen=True, slots=True)
class Used:
    """One call of a principal, and what it used. ``uses`` is empty where the call's actions are unknown or none.

    ``row`` has the fields of ``FIELDS``; ``via`` is ``sdk``, ``console``, ``service:HOST`` or ``delegate:ACCOUNT``.
    """

    event_id: str
    time: datetime | None
    principal: str
    principal_id: str | None
    row: Row
    outcome: Outcome
    uses: tuple[Use, ...]
    vpc_endpoint: str | None
    mfa: bool | None
    region: str | None
    source_address: str | None
    via: str | None


class Readable(Protocol):
    """What is asked of a store: ``Store.rows``."""

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """Rows that match."""
        ...


def history(
    store: Readable,
    window: Window,
    principals: Collection[str] | None,
    *,
    outcomes: Collection[Outcome] = LET_IN,
    copies: Collection[Copy] = (Copy.CALLER,),
) -> Iterator[Used]:
    """Every call of the principals within the window that had one of the outcomes, in no order; memory stays flat.

    ``principals`` are ARNs of users and roles and ids (``AIDA...``, ``AROA...``); None is everybody. Where ids are
    among them an event of another id is an earlier principal's of the same name, and is left out: give the ids of all
    or of none. ``copies`` has ``Copy.OWNER`` too where no log of the principals' account is loaded.
    """
    ids = frozenset(one for one in principals or () if not one.startswith("arn:"))
    for row in store.rows(EVENTS, _where(window, principals, outcomes, copies), fields=FIELDS):
        if ids and row.get("principal_id") and row["principal_id"] not in ids:
            continue
        call = call_of(row)
        if call is not None:
            yield _used(row, uses_of(call))


def call_of(row: Row) -> Call | None:
    """The call that a row of events with its raw record tells of; None for one that is no call to an API."""
    source, name, raw = row.get("event_source"), row.get("event_name"), row.get("raw")
    if not isinstance(source, str) or not isinstance(name, str) or not isinstance(raw, bytes):
        return None
    if row.get("event_type") in NOT_CALLS or row.get("copy") == Copy.NETWORK:
        return None
    try:
        record, _ = read(raw)
    except RecordError:
        return None
    return Call(
        event_source=source,
        event_name=name,
        region=_text(row, "region") or "",
        account=_text(row, "account") or "",
        recipient_account=_text(row, "recipient_account"),
        partition=_partition(_text(row, "principal") or "", _text(row, "region") or ""),
        request=_object(opened(record.request)),
        response=_object(opened(record.response)),
        resources=_resources(opened(record.resources)),
        invoked_by=_text(row, "invoked_by"),
    )


def _where(
    window: Window, principals: Collection[str] | None, outcomes: Collection[Outcome], copies: Collection[Copy]
) -> Where:
    who: Where = Or((Exists(_F["principal"]), Exists(_F["principal_id"])))
    if principals is not None:
        arns = tuple(one for one in principals if one.startswith("arn:"))
        ids = tuple(one for one in principals if not one.startswith("arn:"))
        who = Or((In(_F["principal"], arns), In(_F["principal_id"], ids)))
    return And(
        (
            who,
            window.where(_F["time"]),
            In(_F["outcome"], tuple(outcomes)),
            In(_F["copy"], tuple(copies)),
            Not(In(_F["event_type"], tuple(sorted(NOT_CALLS)))),
        )
    )


def _used(row: Row, uses: tuple[Use, ...]) -> Used:
    return Used(
        event_id=str(row["id"]),
        time=cast("datetime | None", row.get("time")),
        principal=_text(row, "principal") or "",
        principal_id=_text(row, "principal_id"),
        row=row,
        outcome=Outcome(str(row["outcome"])),
        uses=uses,
        vpc_endpoint=_text(row, "vpc_endpoint"),
        mfa=cast("bool | None", row.get("mfa")),
        region=_text(row, "region"),
        source_address=_text(row, "source_address"),
        via=_text(row, "via"),
    )


def _text(row: Row, name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def _object(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, dict) else None


def _resources(value: object) -> tuple[Resource, ...]:
    """The entries of ``resources`` that have an ARN; a resource that is in no list stands for a list of one."""
    entries: list[Any] = value if isinstance(value, list) else [value]
    return tuple(
        (arn, _string(entry.get("type")), _string(entry.get("accountId")))
        for entry in entries
        if isinstance(entry, dict) and (arn := _string(entry.get("ARN")) or _string(entry.get("arn")))
    )


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


@lru_cache(maxsize=4096)
def _partition(principal: str, region: str) -> str:
    """The principal's partition, or the region's where it has no ARN.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    if principal.startswith("arn:aws"):
        return principal.split(":", 2)[1]
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
