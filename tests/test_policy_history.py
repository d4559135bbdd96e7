"""A principal's history: one pass over the store, its own calls alone, each with what it used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from cloudsearch.derive import derive
from cloudsearch.event import Copy, Field, Outcome, Row
from cloudsearch.policies.history import Used, call_of, history
from cloudsearch.reports.window import Window
from cloudsearch.store import Store, Table
from cloudsearch.where import Where
from tests import rows
from tests.logfiles import ACCOUNT, record

WORKER = f"arn:aws:iam::{ACCOUNT}:role/jobs/worker"
ALWAYS = Window()


def keep(store: Store, *records: dict[str, object]) -> None:
    """Write records as a load would."""
    rows.write(store, [derive(json.dumps(one).encode()) for one in records])
    store.commit()


def call(number: int, service: str, name: str, parameters: object, **fields: object) -> dict[str, object]:
    """A record of one call by the worker."""
    own = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "requestParameters": parameters}
    return record(number, **own, **fields)


def used(store: Store, *principals: str, **options: object) -> list[Used]:
    """The history of the principals, by event id."""
    found = history(store, ALWAYS, principals or (WORKER,), **options)  # type: ignore[arg-type]
    return sorted(found, key=lambda one: one.event_id)


def test_a_call_is_told_with_its_resources(store: Store) -> None:
    """What generate and replay need of an event is there, without another read of it."""
    keep(store, call(1, "dynamodb", "GetItem", {"tableName": "Music"}, vpcEndpointId="vpce-1"))
    (one,) = used(store)
    assert one.uses[0].action == "dynamodb:GetItem"
    assert one.uses[0].arns == (f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/Music",)
    assert (one.principal, one.principal_id, one.outcome) == (WORKER, "AROAWORKER", Outcome.OK)
    assert (one.vpc_endpoint, one.region, one.mfa, one.via) == ("vpce-1", "eu-west-1", False, "sdk")
    assert one.source_address == "192.0.2.10"
    assert one.time == datetime(2026, 8, 2, 1, tzinfo=UTC)
    assert one.row["event_name"] == "GetItem"


def test_only_its_own_calls_are_a_principals_history(store: Store) -> None:
    """Service events, sign-ins, the owner's and the network's copies, and other principals' calls are left out."""
    keep(
        store,
        call(1, "s3", "GetObject", {"bucketName": "b", "key": "k"}),
        call(2, "s3", "GetObject", {"bucketName": "b", "key": "k"}, eventType="AwsServiceEvent"),
        call(3, "signin", "ConsoleLogin", None, eventType="AwsConsoleSignIn"),
        call(4, "s3", "GetObject", {"bucketName": "b", "key": "k"}, recipientAccountId="444455556666"),
        call(5, "s3", "GetObject", {"bucketName": "b", "key": "k"}, eventType="AwsVpceEvent"),
        call(6, "s3", "GetObject", {}, userIdentity={"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/eve"}),
    )
    assert [one.row["event_name"] for one in used(store)] == ["GetObject"]
    assert len(used(store, copies=(Copy.CALLER, Copy.OWNER))) == 2


def test_refused_calls_are_told_only_where_asked(store: Store) -> None:
    """A refusal used nothing; an error after authorisation did; an undetermined one is told with --include-failed."""
    keep(
        store,
        call(1, "s3", "GetBucketPolicy", {"bucketName": "b"}, errorCode="AccessDenied", errorMessage="no"),
        call(2, "s3", "GetBucketPolicy", {"bucketName": "b"}, errorCode="NoSuchBucketPolicy"),
        call(3, "s3", "GetBucketPolicy", {"bucketName": "b"}, errorCode="ThrottlingException"),
    )
    assert [one.outcome for one in used(store)] == [Outcome.ERROR]
    every = used(store, outcomes=(Outcome.OK, Outcome.ERROR, Outcome.UNDETERMINED, Outcome.DENIED))
    assert [one.outcome for one in every] == [Outcome.DENIED, Outcome.ERROR, Outcome.UNDETERMINED]


def test_an_earlier_principal_of_the_name_is_another(store: Store) -> None:
    """With its id, a role is told from an older one of its ARN; an event without an id is the ARN's."""
    keep(store, call(1, "sqs", "ListQueues", {}), call(2, "sqs", "ListQueues", {}))
    assert len(used(store, WORKER)) == 2
    assert len(used(store, WORKER, "AROAWORKER")) == 2
    assert used(store, WORKER, "AROANEWER") == []
    assert len(used(store, "AROAWORKER")) == 2


def test_everybodys_history_is_one_read(store: Store) -> None:
    """``None`` is every principal, from one pass."""
    keep(store, call(1, "sqs", "ListQueues", {}), call(2, "sqs", "ListQueues", {}))
    asked = Counting(store)
    assert len(list(history(asked, ALWAYS, None))) == 2
    assert asked.reads == 1


class Counting:
    """A store that counts its reads."""

    def __init__(self, store: Store) -> None:
        self.reads = 0
        self._store = store

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """The store's own."""
        self.reads += 1
        assert not ordered
        return self._store.rows(table, where, fields=fields, ordered=ordered)


@pytest.mark.parametrize("name", rows.ODD_RECORDS)
def test_an_odd_record_is_a_call_or_none(name: str) -> None:
    """Whatever is in a store is read without an error."""
    raw = rows.ODD_RECORDS[name]
    row = rows.event("x", raw=raw, event_source="s3.amazonaws.com", event_name="GetObject", account=ACCOUNT)
    found = call_of(row)
    assert found is None or found.event_name == "GetObject"


def test_a_row_that_is_no_call_is_none() -> None:
    """Without a source, a name or a record there is no call."""
    assert call_of({"event_source": "s3.amazonaws.com", "event_name": "GetObject"}) is None
    assert call_of(rows.event("x", event_source="s3.amazonaws.com")) is None
    service = rows.event("x", event_source="s3.amazonaws.com", event_name="Y", event_type="AwsServiceEvent")
    assert call_of(service) is None


def test_the_partition_is_the_principals(store: Store) -> None:
    """China's ARNs begin with aws-cn."""
    identity = {
        "type": "IAMUser",
        "accountId": ACCOUNT,
        "principalId": "AIDACN",
        "arn": f"arn:aws-cn:iam::{ACCOUNT}:user/li",
    }
    parameters = {"bucketName": "b", "key": "k"}
    keep(store, call(1, "s3", "GetObject", parameters, awsRegion="cn-north-1", userIdentity=identity))
    (one,) = used(store, "AIDACN")
    assert one.uses[0].arns == ("arn:aws-cn:s3:::b/k",)


def test_the_resources_of_a_record_are_read(store: Store) -> None:
    """A key that was named by its alias is known from the event's own resources."""
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    listed = [{"ARN": key, "type": "AWS::KMS::Key", "accountId": ACCOUNT}, None, {"ARN": 5}]
    keep(store, call(1, "kms", "Encrypt", {"keyId": "alias/app"}, resources=listed))
    assert used(store)[0].uses[0].arns == (key,)
