"""The example is what its generator writes, and holds what its README says."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from examples.company import MAIN, ORDERS, PRINCIPALS, RELEASES
from examples.generate import write

EXAMPLES = Path(__file__).parent.parent / "examples"
MOST_BYTES = 400_000


def contents(folder: Path) -> dict[str, str]:
    """Text by name of everything generated below a folder; how zlib packs it differs from one build to the next."""
    files = {path for part in ("AWSLogs", "iam") for path in (folder / part).rglob("*") if path.is_file()}
    return {str(path.relative_to(folder)): text(path) for path in files}


def text(path: Path) -> str:
    """A file's text, unpacked."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """Every record of the trail, Insights included."""
    paths = sorted((EXAMPLES / "AWSLogs").rglob("*.json.gz"))
    return [record for path in paths for record in json.loads(text(path)).get("Records", ())]


def test_the_generator_writes_what_is_kept(tmp_path: Path) -> None:
    """Nobody has edited the files, and none is missing or left over."""
    write(tmp_path)
    assert contents(tmp_path) == contents(EXAMPLES)


def test_the_generator_writes_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Down to the gzip header, which would else hold the time of writing."""
    for name in ("one", "other"):
        write(tmp_path / name)
    for path in (tmp_path / "one").rglob("*.gz"):
        data = path.read_bytes()
        assert data == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes()
        assert data[4:8] == bytes(4)


def test_it_is_small() -> None:
    """A clone should not notice it."""
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < MOST_BYTES


def test_it_is_nobodys(records: list[dict[str, Any]]) -> None:
    """Only account ids and addresses that are kept free for documentation, and only keys that say EXAMPLE."""
    written = json.dumps(records)
    accounts = set(re.findall(r'(?<=[":/])\d{12}(?=[":/])', written))
    assert accounts == {MAIN, RELEASES, "777788889999"}
    assert all(key.endswith("EXAMPLE") for key in re.findall(r'"(A(?:SIA|KIA|IDA|ROA)\w{16,17})[":]', written))
    addresses = set(re.findall(r'"sourceIPAddress": "([\d.]+)"', written))
    assert all(address.startswith(("192.0.2.", "198.51.100.", "203.0.113.")) for address in addresses)


def test_no_day_of_either_account_is_without_an_event(records: list[dict[str, Any]]) -> None:
    """Else its reports would have gaps."""
    days = {str(date(2026, 8, 1) + timedelta(days=number)) for number in range(61)}
    for account in (MAIN, RELEASES):
        assert {record["eventTime"][:10] for record in records if record["recipientAccountId"] == account} == days


def test_event_ids_are_unique_and_copies_share_one(records: list[dict[str, Any]]) -> None:
    """A cross-account call is there twice, under two ids and one sharedEventID."""
    assert len({record["eventID"] for record in records}) == len(records)
    accounts: dict[str, list[str]] = {}
    for record in records:
        if record["eventType"] == "AwsApiCall" and "sharedEventID" in record:
            accounts.setdefault(record["sharedEventID"], []).append(record["recipientAccountId"])
    pairs = [sorted(found) for found in accounts.values() if len(found) > 1]
    assert pairs
    assert all(pair == [MAIN, RELEASES] for pair in pairs)


def test_the_chain_can_be_followed_by_its_keys(records: list[dict[str, Any]]) -> None:
    """From alice to deploy to release: the key that one AssumeRole issued signs the next."""
    issued = {
        record["responseElements"]["credentials"]["accessKeyId"]: record
        for record in records
        if record.get("eventName", "").startswith("AssumeRole") and record["recipientAccountId"] == MAIN
    }
    last = next(
        record
        for record in records
        if record.get("eventName") == "CreateChangeSet" and record["userIdentity"]["arn"].endswith("/alice")
    )
    chain = list(steps_back(last, issued))
    assert [step["requestParameters"]["roleArn"].rpartition("/")[2] for step in chain] == ["release", "deploy"]
    assert chain[-1]["userIdentity"]["userName"] == "alice"


def steps_back(record: dict[str, Any], issued: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The AssumeRole calls that led to a record, the last one first."""
    while opened := issued.get(record["userIdentity"]["accessKeyId"]):
        yield opened
        record = opened


def test_iam_knows_when_roles_were_used(records: list[dict[str, Any]]) -> None:
    """RoleLastUsed never lies before a call of the role in the trail."""
    roles = {role["Arn"]: role for account in (MAIN, RELEASES) for role in details(account)["RoleDetailList"]}
    for record in records:
        issuer = record.get("userIdentity", {}).get("sessionContext", {}).get("sessionIssuer", {}).get("arn")
        if issuer in roles and roles[issuer]["RoleId"] in record["userIdentity"]["principalId"]:
            assert roles[issuer]["RoleLastUsed"]["LastUsedDate"][:19] + "Z" >= record["eventTime"]
    assert roles[ORDERS.arn]["RoleLastUsed"]


def test_it_holds_what_its_readme_says(records: list[dict[str, Any]]) -> None:
    """One of every kind of event that is awkward, and both kinds of call."""
    readme = (EXAMPLES / "README.md").read_text()
    assert f"{len(records)} records" in readme
    codes = {record.get("errorCode") for record in records}
    assert {
        "AccessDenied",
        "NoSuchBucketPolicy",
        "Client.RequestLimitExceeded",
        "Client.UnauthorizedOperation",
    } <= codes
    types = {record["eventType"] for record in records}
    assert types == {"AwsApiCall", "AwsConsoleSignIn", "AwsServiceEvent", "AwsCloudTrailInsight"}
    assert {record["eventCategory"] for record in records} == {"Management", "Data", "Insight"}
    assert {record.get("readOnly") for record in records} >= {True, False}
    assert len({record["eventVersion"] for record in records}) > 3
    kinds = {record["userIdentity"].get("type") for record in records if "userIdentity" in record}
    assert kinds >= {"IAMUser", "AssumedRole", "AWSService", "AWSAccount", "WebIdentityUser", "Root"}
    assert any(record.get("eventName") == "ForecastStackDrift" for record in records)
    for principal in PRINCIPALS:
        assert principal.name in readme


def details(account: str) -> dict[str, Any]:
    """An account's IAM file."""
    found: dict[str, Any] = json.loads((EXAMPLES / "iam" / f"{account}.json").read_text())
    return found
