"""From a record's bytes to the event's row: the one place where an event meets IAM's actions.

Decisions that the field table leaves open:

- An empty text is no value. A number or boolean where a text belongs is that text, as JSON writes it.
- White space around the record is not part of it: what is kept begins with ``{`` and ends with ``}``.
- ``account`` is what the record says, ``ANONYMOUS_PRINCIPAL`` too; a call from there is the owner's copy.
- A failed sign-in is undetermined (see ``outcome``); a sign-in came by way of the console.
- ``actions`` follow from the call alone and stand on refused calls too: ``outcome`` says what became of it. One that
  the parameters show was not needed (a versionId asks for s3:GetObjectVersion instead of s3:GetObject) is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from cloudsearch.actions import actions_for, displaced, inferred_for, infers, may_tell
from cloudsearch.derive.denial import DeniedReason, denial
from cloudsearch.derive.identity import CONSOLE, SDK, identity_fields
from cloudsearch.derive.issued import ISSUING, ISSUING_NAMES, SIGN_IN, issued_fields, sign_in_failed, sign_in_fields
from cloudsearch.derive.outcome import outcome_of
from cloudsearch.derive.reading import Part, names_in, opened, present, read
from cloudsearch.derive.redact import NONE, redacted, redacted_at_length, without_secrets
from cloudsearch.derive.resources import resource_fields
from cloudsearch.derive.schema import add_schema
from cloudsearch.derive.values import distinct, flag, moment, storable
from cloudsearch.event import DERIVATION_VERSION, TEXT_LIMIT, Copy, Outcome, Row, Value
from cloudsearch.record import NOTHING, Record

__all__ = ["DeniedReason", "derive", "derive_again", "fingerprint", "without_secrets"]

_WHITE_SPACE = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"
_BACKSLASH = ord("\\")
_NOT_CALLS = frozenset({"awsserviceevent", "awsconsolesignin", "awscloudtrailinsight", "awsvpceevent"})
_ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def derive(raw: bytes, *, keep_secrets: bool = False, redact: frozenset[str] = NONE) -> dict[str, Value]:
    """Every derived field that has a value, and ``raw``: the record's bytes, secret values hidden.

    ``ingested`` is none of them: whoever puts the row into a store says when.

    ``redact`` are further names, in lower case, under which texts of a call's data are secret.

    ``RecordError`` only when the bytes are no JSON object in any tolerant reading.
    """
    raw = _bare(raw)
    record, well_formed = read(raw)
    row = derived(record)
    row["id"] = _id(record.event_id, raw)
    kept = raw
    if not keep_secrets:
        kept, paths = redacted(raw, record, redact) if well_formed else redacted_at_length(raw, redact)
        if paths:
            row["redacted"] = paths
    if _unstorable(raw):
        row = {name: storable(value) for name, value in row.items()}
    row["raw"] = kept
    row["raw_length"] = len(kept)
    row["derivation"] = DERIVATION_VERSION
    return row


def derive_again(
    raw: bytes, identity: str | None, hidden: Sequence[str] = (), *, keep_secrets: bool = False
) -> dict[str, Value]:
    """As ``derive``, for a record out of a store, whose secret values are hidden already.

    ``identity`` is what a record without an id of its own had before, ``hidden`` are the paths that were told then.
    """
    row = derive(raw, keep_secrets=keep_secrets)
    if identity and row["id"] == fingerprint(raw):
        row["id"] = identity
    if paths := distinct((*hidden, *_paths(row))):
        row["redacted"] = paths
    return row


def fingerprint(raw: bytes) -> str:
    """The identity of a record without an id of its own: of the bytes as they came, without blanks around."""
    return hashlib.sha256(_bare(raw)).hexdigest()


def _paths(row: Row) -> tuple[str, ...]:
    paths = row.get("redacted")
    return paths if isinstance(paths, tuple) else ()


def _bare(raw: bytes) -> bytes:
    raw = raw.strip(_WHITE_SPACE)
    return raw.removeprefix(_MARK).strip(_WHITE_SPACE) if raw.startswith(_MARK) else raw


def derived(record: Record) -> dict[str, Value]:
    """The fields that follow from what a record says, texts still of any length.

    It runs for every record, and most hold no error, no sign-in and no new session: only the others pay for those.
    """
    row = identity_fields(record.identity)
    _add_what_stands_there(row, record)
    row["copy"] = _copy(record, row.get("account"))
    if record.resources is not NOTHING and present(record.resources):
        _add_resources(row, record)
    if record.event_source == SIGN_IN:
        _add(row, sign_in_fields(record, row))
    elif record.event_name in ISSUING_NAMES and (record.event_source, record.event_name) in ISSUING:
        _add(row, {**issued_fields(record), **row})
    if row.get("via") == SDK and (record.event_source == SIGN_IN or flag(record.from_console)):
        row["via"] = CONSOLE
    if record.error_code or record.error_message:
        _add_failure(row, record)
    else:
        failed = record.event_source == SIGN_IN and sign_in_failed(record)
        row["outcome"] = Outcome.UNDETERMINED if failed else Outcome.OK
    _add_actions(row, record)
    add_schema(row, record)
    return row


def _add(row: dict[str, Value], fields: dict[str, Value]) -> None:
    """Set the fields that have a value; False is one."""
    row.update({name: value for name, value in fields.items() if value is not None and value not in ("", ())})


def _add_what_stands_there(row: dict[str, Value], record: Record) -> None:  # noqa: C901, PLR0912 (a field, a branch)
    """What was called, when, and where the call came from; field by field, for a loop would take twice as long."""
    if record.event_time and (found := moment(record.event_time)):
        row["time"], row["day"] = found
    if record.event_source:
        row["event_source"] = record.event_source
    if record.event_name:
        row["event_name"] = record.event_name
    if record.event_type:
        row["event_type"] = record.event_type
    if record.event_category:
        row["event_category"] = record.event_category
    if record.region:
        row["region"] = record.region
    if record.recipient_account:
        row["recipient_account"] = record.recipient_account
    if record.source_address:
        row["source_address"] = record.source_address
    if record.user_agent:
        row["user_agent"] = record.user_agent
    if record.vpc_endpoint:
        row["vpc_endpoint"] = record.vpc_endpoint
    if record.request_id:
        row["request_id"] = record.request_id
    if record.shared_event_id:
        row["shared_event_id"] = record.shared_event_id
    if (read_only := flag(record.read_only)) is not None:
        row["read_only"] = read_only


def _add_resources(row: dict[str, Value], record: Record) -> None:
    arns, types = resource_fields(record.resources)
    if arns:
        row["resources"] = arns
    if types:
        row["resource_types"] = types


def _copy(record: Record, account: Value) -> Copy:
    if record.event_type == "AwsVpceEvent" or record.event_category == "NetworkActivity":
        return Copy.NETWORK
    recipient = record.recipient_account
    return Copy.OWNER if recipient and account and recipient != account else Copy.CALLER


def _add_failure(row: dict[str, Value], record: Record) -> None:
    code, message = record.error_code, record.error_message
    row["outcome"] = outcome = outcome_of(code, message)
    _add(row, {"error_code": code})
    if outcome is Outcome.DENIED:
        action, reason, policy = denial(code, message)
        _add(row, {"denied_action": action, "denied_reason": reason, "denied_policy": policy})


def _add_actions(row: dict[str, Value], record: Record) -> None:
    """IAM actions of a call to an API; an event of any other type exercises none."""
    source, name = record.event_source, record.event_name
    if not source or not name:
        return
    actions, has_telling_parameters = _of_call(source, name, record.event_type, record.event_category)
    if has_telling_parameters and (inferred := _inferred(source, name, record.request)):
        row["inferred_actions"] = inferred
        instead = {action for one in inferred for action in displaced(source, name, one)}
        actions = tuple(action for action in actions if action not in instead)
    if actions:
        row["actions"] = actions


@lru_cache(maxsize=16384)
def _of_call(source: str, name: str, event_type: str | None, category: str | None) -> tuple[tuple[str, ...], bool]:
    """The actions of a call's name, and whether its parameters may tell of others."""
    if (event_type or "").lower() in _NOT_CALLS or category in ("Insight", "NetworkActivity"):
        return (), False
    return distinct(actions_for(source, name).actions), infers(source, name)


def _inferred(source: str, name: str, request: Part) -> tuple[str, ...]:
    """What the parameters show; most calls are told from the names of their parameters alone."""
    names = names_in(request)
    if not names or not may_tell(source, name, names):
        return ()
    return distinct(inferred_for(source, name, opened(request)))


def _id(event_id: str | None, raw: bytes) -> str:
    """The event's own id where a store can take it as one, else the sha256 of the record as it came."""
    if event_id and len(event_id) <= 256 and event_id.isascii() and event_id.isprintable():
        return event_id
    return hashlib.sha256(raw).hexdigest()


def _unstorable(raw: bytes) -> bool:
    """Whether a text of the record may be too long, or hold NUL or half of a surrogate pair."""
    return len(raw) > TEXT_LIMIT or 0 in raw or (_BACKSLASH in raw and _ODD_ESCAPE.search(raw) is not None)
