"""What of an event the Elastic Common Schema names otherwise than CloudTrail: outcome, category, type, users, groups.

``data/event_kinds.tsv`` says of what category and type a call is; one that is not there is of type info, a change of
what nobody named included. Names of users and groups in parameters are read of IAM's calls alone: elsewhere they are
other things' names.

https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category
https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-type
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

import msgspec

from cloudsearch.derive.issued import SIGN_IN
from cloudsearch.derive.reading import Part, fields_of
from cloudsearch.derive.values import distinct, filled
from cloudsearch.event import Value
from cloudsearch.record import NOTHING, Record

IAM = "iam.amazonaws.com"
_DEFAULT: tuple[tuple[str, ...], tuple[str, ...]] = ((), ("info",))
_TLS = "TLSv"


def add_schema(row: dict[str, Value], record: Record) -> None:
    """Add the fields; it runs for every record, and only sign-ins and IAM's calls have parameters read."""
    source = record.event_source
    failed = record.error_code or record.error_message
    row["event_outcome"] = "failure" if failed else "success"
    categories, types = kind_of(source, record.event_name)
    if categories:
        row["event_categories"] = categories
    row["event_types"] = types
    account = row.pop("own_account", None) or record.recipient_account
    if account:
        row["cloud_account"] = account
    if record.tls is not NOTHING and (version := _tls_version(record.tls)):
        row["tls_version"] = version
    if source == SIGN_IN:
        _add_sign_in(row, record)
    elif source == IAM:
        _add_names(row, record)


@lru_cache(maxsize=16384)
def kind_of(source: str | None, name: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The categories and types of a call."""
    return event_kinds().get(f"{source}\t{name}", _DEFAULT)


@cache
def event_kinds() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The table: source and name -> categories and types."""
    found = {}
    for line in files(__package__).joinpath("data/event_kinds.tsv").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            source, name, categories, types, _ = line.split("\t")
            found[f"{source}\t{name}"] = (tuple(categories.split()), tuple(types.split()))
    return found


def _tls_version(part: Part) -> str | None:
    if isinstance(part, msgspec.Raw):
        return _tls_version_in(bytes(part))
    return _version(filled(fields_of(part).get("tlsVersion")))


@lru_cache(maxsize=1024)
def _tls_version_in(part: bytes) -> str | None:
    return _version(filled(fields_of(msgspec.Raw(part)).get("tlsVersion")))


def _version(written: str | None) -> str | None:
    """``TLSv1.3`` without the protocol's name."""
    return (written.removeprefix(_TLS) or None) if written else None


def _add_sign_in(row: dict[str, Value], record: Record) -> None:
    answer = filled(fields_of(record.response).get("ConsoleLogin"))
    if answer:
        row["event_outcome"] = answer.lower()
    more = fields_of(record.additional)
    for name, key in (("login_mfa", "MFAUsed"), ("login_to", "LoginTo"), ("login_mobile", "MobileVersion")):
        if value := filled(more.get(key)):
            row[name] = value


def _add_names(row: dict[str, Value], record: Record) -> None:
    """The users and groups that a call to IAM is about; a call about no other user is about the caller."""
    request = fields_of(record.request)
    group = fields_of(fields_of(record.response).get("group"))
    found = {
        "target_user": filled(request.get("userName")),
        "changed_user": filled(request.get("newUserName")),
        "group_name": filled(request.get("groupName")),
        "group_id": filled(group.get("groupId")),
    }
    row.update({name: value for name, value in found.items() if value is not None})
    if found["target_user"] or found["changed_user"]:
        own = row.get("related_users")
        users = (*(own if isinstance(own, tuple) else ()), found["target_user"], found["changed_user"])
        row["related_users"] = distinct(users)
