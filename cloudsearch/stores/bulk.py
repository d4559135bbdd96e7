"""Bulk requests: operations in one body, and the engine's answers as what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from cloudsearch.errors import StoreUnavailable
from cloudsearch.store import Operation, RefusalKind, Refused, Written
from cloudsearch.stores.engine import Answer, Cause, Engine, answered, failure, refusal

PARAMS = {"filter_path": "errors,items.*.status,items.*.error"}

_UNREADABLE = frozenset(
    {
        "action_request_validation_exception",
        "illegal_argument_exception",
        "json_parse_exception",
        "parse_exception",
        "x_content_parse_exception",
    }
)
"""What an engine calls a body of which it could not tell the lines."""


class Item(msgspec.Struct):
    """The answer to one operation."""

    status: int
    error: Cause | None = None


class _Answers(msgspec.Struct):
    items: list[dict[str, Item]]


class _Unread(msgspec.Struct):
    items: list[msgspec.Raw]
    errors: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a bulk's operations; ``unfit`` are those whose document was refused."""

    created: int = 0
    existing: int = 0
    refused: tuple[Refused, ...] = ()
    retry_after: float | None = None

    def __add__(self, other: Outcome) -> Outcome:
        pauses = [pause for pause in (self.retry_after, other.retry_after) if pause is not None]
        return Outcome(
            self.created + other.created,
            self.existing + other.existing,
            self.refused + other.refused,
            max(pauses, default=None),
        )

    @property
    def written(self) -> Written:
        """The same as the store's answer."""
        return Written(self.created, self.existing, self.refused, self.retry_after)

    @property
    def unfit(self) -> tuple[Refused, ...]:
        """Those refused for their document's sake."""
        return tuple(refused for refused in self.refused if refused.kind is RefusalKind.DOCUMENT)


def send(engine: Engine, operations: Sequence[Operation], *, replace: bool) -> Outcome:
    """Send operations in one request; a body that an engine cannot read is halved until the culprit stands alone."""
    if not operations:
        return Outcome()
    answer = engine.request("POST", "/_bulk", params=PARAMS, body=_body(operations, replace=replace))
    if answer.status < 300:
        return _outcome(operations, answer)
    cause = answer.cause
    if answer.status in (413, 429):
        return _all(operations, refusal(answer.status, cause), cause, answer.pause)
    if answer.status == 400 and cause.type in _UNREADABLE:
        if len(operations) == 1:
            return _all(operations, RefusalKind.DOCUMENT, cause)
        half = len(operations) // 2
        return send(engine, operations[:half], replace=replace) + send(engine, operations[half:], replace=replace)
    raise failure(answer, f"Writing {len(operations)} rows")


def resend(
    engine: Engine, outcome: Outcome, fallback: Callable[[Operation, str], Operation | None], *, replace: bool
) -> Outcome:
    """Send the unfit once more in another form; what is refused again is named by the operation first asked for."""
    first_asked: dict[int, Operation] = {}
    others: list[Operation] = []
    final = [refused for refused in outcome.refused if refused.kind is not RefusalKind.DOCUMENT]
    for refused in outcome.unfit:
        other = fallback(refused.operation, refused.reason.partition(":")[0])
        if other is None:
            final.append(refused)
        else:
            others.append(other)
            first_asked[id(other)] = refused.operation
    again = send(engine, others, replace=replace)
    final += (Refused(first_asked[id(one.operation)], one.kind, one.reason) for one in again.refused)
    kept = Outcome(outcome.created, outcome.existing, tuple(final), outcome.retry_after)
    return kept + Outcome(again.created, again.existing, retry_after=again.retry_after)


def deleted(engine: Engine, places: Sequence[tuple[str, str]]) -> int:
    """Delete documents by index and id; says how many were there."""
    if not places:
        return 0
    lines = (b'{"delete":%b}\n' % msgspec.json.encode({"_index": index, "_id": id_}) for index, id_ in places)
    answer = engine.request("POST", "/_bulk", params=PARAMS, body=b"".join(lines))
    items = [item for line in _items(answer, len(places)) for item in line.values()]
    for item in items:
        if item.error is not None:
            raise failure(Answer(item.status, msgspec.json.encode({"error": item.error})), "Removing rows")
    return sum(item.status == 200 for item in items)


def _body(operations: Sequence[Operation], *, replace: bool) -> bytes:
    if not replace:
        return b"".join([operation.body for operation in operations])
    return b"".join([piece for operation in operations for piece in (b'{"index"', operation.body[len('{"create"') :])])


def _items(answer: Answer, expected: int) -> list[dict[str, Item]]:
    """The answers, one for each operation; with fewer, nobody knows what became of which."""
    items = answered(answer, _Answers, "Writing rows").items
    if len(items) != expected:
        raise StoreUnavailable(f"Writing rows: {len(items)} answers to {expected} operations")
    return items


def _outcome(operations: Sequence[Operation], answer: Answer) -> Outcome:
    """What became of each; where nothing failed nobody need read item by item, for what was there already fails."""
    unread = answered(answer, _Unread, "Writing rows")
    if not unread.errors and len(unread.items) == len(operations):
        return Outcome(created=len(operations))
    items = [item for line in _items(answer, len(operations)) for item in line.values()]
    refused = tuple(_refusals(operations, items))
    existing = sum(item.status == 409 for item in items)
    return Outcome(len(operations) - existing - len(refused), existing, refused, answer.pause)


def _refusals(operations: Sequence[Operation], items: Sequence[Item]) -> Iterator[Refused]:
    for operation, item in zip(operations, items, strict=True):
        if item.status not in (200, 201, 409):
            cause = item.error or Cause("", f"HTTP {item.status}")
            yield Refused(operation, refusal(item.status, cause), str(cause))


def _all(operations: Sequence[Operation], kind: RefusalKind, cause: Cause, retry_after: float | None = None) -> Outcome:
    refused = tuple(Refused(operation, kind, str(cause)) for operation in operations)
    return Outcome(refused=refused, retry_after=retry_after)
