"""Buckets with logs in them, as CloudTrail leaves them, and loads of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from typing import Any

from cloudsearch.aws import Access
from cloudsearch.load import Load, Receipt
from cloudsearch.logs import Digest, Found, Selection, Source, Unreadable
from cloudsearch.logs.bucket import Place
from cloudsearch.logs.s3 import find
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import Everything
from tests.aws import SmallAws
from tests.logfiles import ACCOUNT, record

BUCKET = "trail-logs"
REGION = "eu-west-1"
EVERYTHING = Selection()


def key(
    number: int,
    *,
    day: str = "2026/08/01",
    prefix: str = "",
    account: str = ACCOUNT,
    region: str = REGION,
    kind: str = "CloudTrail",
) -> str:
    """A key as CloudTrail writes one."""
    stamp = day.replace("/", "")
    name = f"{account}_{kind}_{region}_{stamp}T{number % 24:02}{number % 60:02}Z_{number:016}.json.gz"
    return f"{prefix}AWSLogs/{account}/{kind}/{region}/{day}/{name}"


def packed(*records: object) -> bytes:
    """A log file's bytes."""
    return gzip.compress(json.dumps({"Records": list(records)}).encode(), mtime=0)


class Trails:
    """A bucket; ``numbers`` are those of the records in it."""

    def __init__(self, aws: SmallAws, name: str = BUCKET, region: str = REGION) -> None:
        self.aws = aws
        self.name = name
        self.client = aws.client("s3")
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})

    def put(self, key: str, *numbers: int) -> str:
        """A log file with the records of these numbers."""
        return self.write(key, packed(*map(record, numbers)))

    def write(self, key: str, body: bytes) -> str:
        """An object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=body)
        return key

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.name, Access())


class Heard:
    """Listens to a load."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        self.notes: list[str] = []

    def problem(self, name: str, reason: str) -> None:
        """Remember."""
        self.problems[name.rpartition("/")[2]] = reason

    def note(self, text: str) -> None:
        """Remember."""
        self.notes.append(text)

    def progress(self, receipt: Receipt) -> None:
        """The receipt adds up at any moment."""
        assert receipt.created + receipt.existing + receipt.dead_lettered <= receipt.read


def listed(place: Place, prefix: str = "", selection: Selection = EVERYTHING) -> list[Found]:
    """What is found."""
    return list(find(place, prefix, selection, Heard().note))


def keys(found: Iterable[Found], bucket: str = BUCKET) -> list[str]:
    """Keys of the log files found, sorted; nothing else was found."""
    sources = list(found)
    assert not [one for one in sources if isinstance(one, Unreadable)]
    return sorted(one.name.removeprefix(f"s3://{bucket}/") for one in sources if isinstance(one, Source))


def digests(found: Iterable[Found]) -> int:
    """How many digests were passed over."""
    return sum(isinstance(one, Digest) for one in found)


def load(
    store: Store, place: Place, prefix: str = "", selection: Selection = EVERYTHING, heard: Heard | None = None
) -> dict[str, Any]:
    """Load; the receipt as JSON, which adds up."""
    heard = heard or Heard()
    info = store.prepare(loading=True)
    receipt = Load(store, info, heard).run(find(place, prefix, selection, heard.note)).as_json()
    files: Any = receipt["files"]
    records: Any = receipt["records"]
    assert files["listed"] == files["already_loaded"] + files["loaded"] + files["refused"]
    assert records["read"] == records["created"] + records["existing"] + records["dead_lettered"]
    return {**files, **records}


def held(store: Store) -> list[str]:
    """Identities of the events in the store, sorted."""
    return sorted(str(row["id"]) for row in store.rows(EVENTS, Everything(), fields=[EVENTS.by_name["id"]]))


def identities(numbers: Sequence[int]) -> list[str]:
    """Identities of the records with these numbers, sorted."""
    return sorted(str(record(number)["eventID"]) for number in numbers)
