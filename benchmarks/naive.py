"""What one would write in an afternoon, to measure against: every file read, every record decoded, rows sent.

    python benchmarks/naive.py bulk http://127.0.0.1:9200 FOLDER
    python benchmarks/naive.py bulk-gzip http://127.0.0.1:9200 FOLDER
    python benchmarks/naive.py s3 http://127.0.0.1:9200 BUCKET
    python benchmarks/naive.py s3-pool http://127.0.0.1:9200 BUCKET
    python benchmarks/naive.py sqlite FILE FOLDER

Not careless: ``create`` with the event's id and the client's own ``helpers.bulk``, compressed or not; objects
of a bucket one after the other, or by 16 threads; SQLite with a write-ahead log, the columns that a report asks for,
their indexes, and ``executemany``.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch, helpers

ROWS_AT_ONCE = 10_000
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, time TEXT, event_source TEXT, event_name TEXT, event_type TEXT, event_category TEXT,
    region TEXT, account TEXT, recipient_account TEXT, read_only INTEGER, principal TEXT, principal_id TEXT,
    session_name TEXT, error_code TEXT, error_message TEXT, source_address TEXT, shared_event_id TEXT, raw TEXT
);
CREATE INDEX IF NOT EXISTS by_principal ON events (principal, event_source, event_name);
CREATE INDEX IF NOT EXISTS by_call ON events (event_source, event_name);
CREATE INDEX IF NOT EXISTS by_account ON events (recipient_account, region, time);
CREATE INDEX IF NOT EXISTS by_time ON events (time);
"""
COLUMNS = 18
THREADS = 16


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every record of every file."""
    for path in sorted(folder.rglob("*.json.gz")):
        with gzip.open(path) as file:
            yield from json.load(file)["Records"]


def records_of_bucket(bucket: str, threads: int) -> Iterator[dict[str, Any]]:
    """Every record of every object."""
    import boto3

    make: Any = boto3.client
    client = make("s3")

    def fetched(key: str) -> bytes:
        body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    with ThreadPoolExecutor(threads) as pool:
        for body in pool.map(fetched, keys) if threads > 1 else map(fetched, keys):
            yield from json.loads(gzip.decompress(body))["Records"]


def bulk(url: str, found: Iterator[dict[str, Any]], *, compressed: bool = False) -> None:
    """Send records to Elasticsearch."""
    with Elasticsearch(url, http_compress=compressed) as client:
        actions = (
            {
                "_op_type": "create",
                "_index": f"cloudtrail-{record['eventTime'][:4]}.{record['eventTime'][5:7]}",
                "_id": record["eventID"],
                "_source": record,
            }
            for record in found
        )
        helpers.bulk(client, actions, raise_on_error=False)


def sqlite(file: Path, folder: Path) -> None:
    """Insert every record into a SQLite file."""
    with closing(sqlite3.connect(file)) as database:
        database.executescript(SCHEMA)
        rows = map(_row, records(folder))
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            places = ",".join("?" * COLUMNS)
            database.executemany(f"INSERT OR IGNORE INTO events VALUES ({places})", batch)  # noqa: S608 (our own text)
            database.commit()


def _row(record: dict[str, Any]) -> tuple[object, ...]:
    identity = record["userIdentity"]
    issuer = identity.get("sessionContext", {}).get("sessionIssuer", {})
    return (
        record["eventID"],
        record["eventTime"],
        record["eventSource"],
        record["eventName"],
        record["eventType"],
        record.get("eventCategory"),
        record["awsRegion"],
        identity.get("accountId"),
        record.get("recipientAccountId"),
        record.get("readOnly"),
        issuer.get("arn") or identity.get("arn"),
        issuer.get("principalId") or identity.get("principalId"),
        identity.get("arn", "").rpartition("/")[2],
        record.get("errorCode"),
        record.get("errorMessage"),
        record.get("sourceIPAddress"),
        record.get("sharedEventID"),
        json.dumps(record, separators=(",", ":")),
    )


def main(what: str, target: str, source: str) -> None:
    """Do one of them."""
    if what == "sqlite":
        sqlite(Path(target), Path(source))
    elif what.startswith("s3"):
        bulk(target, records_of_bucket(source, THREADS if what == "s3-pool" else 1))
    else:
        bulk(target, records(Path(source)), compressed=what == "bulk-gzip")


if __name__ == "__main__":
    main(*sys.argv[1:])
