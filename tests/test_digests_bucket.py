"""Digests are checked where CloudTrail left them: in a bucket, by the metadata of their objects."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from tests.aws import SmallAws
from tests.buckets import Trails
from tests.digests import HOUR, START, Trail, key_list
from tests.logfiles import ACCOUNT, record

HEX = "0123456789abcdef"


class Delivered:
    """A trail whose files lie in a bucket, the digests signed in their metadata; and commands run on it."""

    def __init__(self, aws: SmallAws, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.aws = aws
        self.trails = Trails(aws, f"digests-{aws.url.rpartition(':')[2]}")
        self.trail = Trail(folder / "local", bucket=self.trails.name)
        self.url = f"s3://{self.trails.name}"
        self.keys = folder / "keys.json"
        self.keys.write_text(json.dumps(key_list()))
        self.store = folder / "store.duckdb"
        self._capsys = capsys

    def deliver(self, prefix: str = "", **metadata: str) -> None:
        """Put all that the trail wrote into the bucket; ``metadata`` replaces what a digest's object is given."""
        for path in (*self.trail.logs, *self.trail.digests):
            signed = {"signature": self.trail.signatures.get(str(path), ""), "signature-algorithm": "SHA256withRSA"}
            given = {name: value for name, value in (signed | metadata).items() if value}
            self.trails.client.put_object(
                Bucket=self.trails.name,
                Key=prefix + self.key(path),
                Body=path.read_bytes(),
                Metadata=given if path in self.trail.digests else {},
            )

    def key(self, path: Path) -> str:
        """The key of a file's object."""
        return str(path.relative_to(self.trail.folder))

    def about(self, path: Path) -> str:
        """Bucket and key."""
        return f"{self.trails.name}/{self.key(path)}"

    def remove(self, path: Path) -> None:
        """Delete an object."""
        self.trails.client.delete_object(Bucket=self.trails.name, Key=self.key(path))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        self._capsys.readouterr()
        code = main([*arguments, "--store", str(self.store)])
        return code, *self._capsys.readouterr()

    def validate(self, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        """Exit code, findings, stderr of ``validate``, of the whole bucket unless another place is named."""
        place = () if any(one.startswith(("s3://", "--bucket")) for one in arguments) else (self.url,)
        told = ("--public-keys", str(self.keys), "--format", "json")
        code, out, err = self.run("validate", *place, *arguments, *told)
        return code, json.loads(out or "[]"), err

    def validate_folder(self, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        """The same of the copy on this machine."""
        told = ("--public-keys", str(self.keys), "--format", "json")
        code, out, err = self.run("validate", str(self.trail.folder), *arguments, *told)
        return code, json.loads(out or "[]"), err


@pytest.fixture
def delivered(
    aws: SmallAws, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Delivered:
    """Four hours: two log files, none, one, none."""
    monkeypatch.chdir(tmp_path)
    made = Delivered(aws, tmp_path, capsys)
    made.trail.hour(calls(0), calls(0, 1))
    made.trail.hour()
    made.trail.hour(calls(2))
    made.trail.hour()
    return made


def calls(hour: int, count: int = 2) -> list[dict[str, object]]:
    """Records of calls in an hour after the start."""
    time = START + timedelta(hours=hour, minutes=5)
    return [record(100 * hour + n, eventTime=f"{time:%Y-%m-%dT%H:%M:%SZ}") for n in range(count)]


def states(found: list[dict[str, Any]]) -> list[str]:
    """The state of each finding."""
    return [row["state"] for row in found]


def test_a_bucket_is_proven_to_its_last_digest(delivered: Delivered) -> None:
    """The metadata of the last digest's object has its signature; no other object's is asked for."""
    delivered.deliver()
    code, found, _ = delivered.validate()
    assert (code, states(found)) == (0, ["valid"] * 4)
    asked = [request.key for request in delivered.aws.requests if request.call == "s3:HeadObject"]
    assert asked == [delivered.key(delivered.trail.digests[-1])]
    assert not [call for call in delivered.aws.calls if not call.startswith(("s3:Head", "s3:Get", "s3:List"))]


@pytest.mark.parametrize("flags", [False, True])
def test_a_place_in_a_bucket(delivered: Delivered, flags: bool) -> None:  # noqa: FBT001
    """A prefix before the layout, as a URL or as flags; log files are found beside their digest there."""
    delivered.deliver("team/")
    name = delivered.trails.name
    place = (
        ["--bucket", name, "--prefix", "team"] if flags else [f"s3://{name}/team/AWSLogs/{ACCOUNT}/CloudTrail-Digest"]
    )
    code, found, _ = delivered.validate(*place)
    assert (code, states(found)) == (0, ["valid"] * 4)
    assert sum(row["valid_log_files"] for row in found) == 3


def test_keys_are_asked_of_cloudtrail_as_the_role_that_reads(delivered: Delivered) -> None:
    """No file is needed: the role that may read the bucket asks for the keys of the digests' time."""
    delivered.deliver()
    delivered.aws.answer("cloudtrail:ListPublicKeys", json.dumps(key_list()))
    role = f"arn:aws:iam::{ACCOUNT}:role/log-reader"
    code, out, _ = delivered.run("validate", delivered.url, "--role-arn", role)
    assert (code, "digests: 4: 4 valid" in out) == (0, True)
    assert "sts:AssumeRole" in delivered.aws.calls
    (asked,) = [request for request in delivered.aws.requests if request.call == "cloudtrail:ListPublicKeys"]
    assert asked.signed[1] == "eu-west-1"
    assert asked.signed[0] != "AKIAIOSFODNN7EXAMPLE"


def test_a_region_whose_keys_are_refused_is_unproven(delivered: Delivered, tmp_path: Path) -> None:
    """The other regions are proven all the same."""
    other = Trail(tmp_path / "other", region="us-east-1", bucket=delivered.trails.name)
    for _ in range(2):
        other.hour(digestPublicKeyFingerprint="ab" * 16)
    delivered.deliver()
    for path in other.digests:
        delivered.trails.write(str(path.relative_to(other.folder)), path.read_bytes())
    delivered.aws.answer("cloudtrail:ListPublicKeys", json.dumps(key_list()))
    delivered.aws.refuse("cloudtrail:ListPublicKeys")
    code, out, err = delivered.run("validate", delivered.url, "--format", "json")
    assert code == 3
    assert states(json.loads(out)) == ["valid"] * 4 + ["unproven"] * 2
    assert "note: public keys: AWS refused cloudtrail:ListPublicKeys" in err


@pytest.mark.parametrize(
    ("metadata", "state", "reason"),
    [
        ({"signature": HEX * 32}, "invalid", "not CloudTrail's"),
        ({"signature": "no hexadecimal"}, "invalid", "not CloudTrail's"),
        ({"signature-algorithm": "SHA1withRSA"}, "unproven", "SHA1withRSA"),
        ({"signature": ""}, "unproven", "no signature in this copy"),
        ({"signature-algorithm": ""}, "valid", ""),
    ],
    ids=str,
)
def test_what_metadata_may_say(delivered: Delivered, metadata: dict[str, str], state: str, reason: str) -> None:
    """The chain proves all but the last digest, whose metadata alone speak for it."""
    delivered.deliver(**metadata)
    code, found, _ = delivered.validate()
    assert states(found) == ["valid"] * 3 + [state]
    assert reason in found[-1]["reason"]
    assert code == (3 if state == "invalid" else 0)


def test_metadata_that_are_refused_leave_it_unproven(delivered: Delivered) -> None:
    """Nothing is claimed either way, and the reason is told."""
    delivered.deliver()
    delivered.aws.refuse("s3:HeadObject")
    code, found, _ = delivered.validate()
    assert (code, states(found)) == (0, ["valid"] * 3 + ["unproven"])
    assert "s3:GetObject" in found[-1]["reason"]


def test_a_log_file_that_is_refused_is_named_and_nothing_is_said_of_it(delivered: Delivered) -> None:
    """It is neither valid nor missing nor changed; every other file is checked; the exit code says that one was not."""
    delivered.deliver()
    refused = delivered.trail.logs[1]
    delivered.aws.refuse(f"s3:GetObject {delivered.about(refused)}")
    code, found, _ = delivered.validate()
    assert (code, states(found)) == (3, ["unproven", "valid", "valid", "valid"])
    (file,) = found[0]["files"]
    assert (file["name"], file["state"]) == (f"{delivered.url}/{delivered.key(refused)}", "unproven")
    assert "s3:GetObject" in file["reason"]
    assert found[0]["valid_log_files"] == 1


def test_a_digest_that_is_refused_leaves_a_gap(delivered: Delivered) -> None:
    """Its hour is one of which nothing is known; the chain before it is proven by metadata."""
    delivered.deliver()
    delivered.aws.refuse(f"s3:GetObject {delivered.about(delivered.trail.digests[1])}")
    code, found, _ = delivered.validate()
    assert code == 3
    assert [(row["finding"], row["state"]) for row in found] == [
        ("digest", "valid"),
        ("gap", "missing"),
        ("digest", "valid"),
        ("digest", "valid"),
        ("unreadable", "invalid"),
    ]
    assert found[-1]["name"] == f"{delivered.url}/{delivered.key(delivered.trail.digests[1])}"


def test_missing_is_what_s3_says_is_not_there(delivered: Delivered) -> None:
    """It is asked for by its very name first."""
    delivered.deliver()
    delivered.remove(delivered.trail.logs[1])
    code, found, _ = delivered.validate()
    assert (code, states(found)) == (3, ["missing", "valid", "valid", "valid"])
    assert f"s3:HeadObject {delivered.about(delivered.trail.logs[1])}" in {
        f"{request.call} {request.target}" for request in delivered.aws.requests
    }


def test_what_nobody_lets_us_ask_for_is_not_missing(delivered: Delivered) -> None:
    """A folder that may not be listed and objects that may not be asked for: unproven, and named."""
    delivered.deliver()
    folder = delivered.key(delivered.trail.logs[0].parent)
    for path in delivered.trail.logs:
        delivered.remove(path)
        delivered.aws.refuse(f"s3:HeadObject {delivered.about(path)}")
    code, found, _ = delivered.validate()
    assert (code, states(found)) == (3, ["unproven", "valid", "unproven", "valid"])
    assert {file["state"] for row in found for file in row["files"]} == {"unproven"}
    assert all(file["name"].startswith(f"{delivered.url}/{folder}") for row in found for file in row["files"])


def test_a_window_takes_the_log_files_of_its_digests_along(delivered: Delivered) -> None:
    """The digest of midnight lists files of the day before: they are asked for, and not called missing."""
    for _ in range(20):
        delivered.trail.hour()
    delivered.trail.at -= HOUR
    delivered.trail.digests.pop()
    delivered.trail.previous = {}
    delivered.trail.hour(calls(23))
    delivered.trail.hours(2)
    delivered.deliver()
    code, found, _ = delivered.validate("--since", "2026-08-02")
    assert (code, set(states(found))) == (0, {"valid"})
    assert [row["start"] for row in found] == [
        f"2026-08-0{day}" for day in ("1T23:00:00Z", "2T00:00:00Z", "2T01:00:00Z")
    ]
    assert found[0]["valid_log_files"] == 1


def test_a_window_on_a_folder_takes_them_along_too(delivered: Delivered) -> None:
    """As in a bucket."""
    delivered.trail.at = START + 23 * HOUR
    delivered.trail.previous = {}
    delivered.trail.hour(calls(23))
    delivered.trail.hours(1)
    code, found, _ = delivered.validate_folder("--since", "2026-08-02")
    assert (code, states(found)) == (0, ["valid", "unproven"])
    assert found[0]["valid_log_files"] == 1


def test_accounts_and_regions_are_chosen_by_path(delivered: Delivered, tmp_path: Path) -> None:
    """Nothing of the others is fetched."""
    other = Trail(tmp_path / "other", region="us-east-1", bucket=delivered.trails.name)
    other.hours(2)
    delivered.deliver()
    for path in other.digests:
        delivered.trails.write(str(path.relative_to(other.folder)), path.read_bytes())
    code, found, _ = delivered.validate("--region", "eu-west-1", "--account", ACCOUNT)
    assert (code, {row["region"] for row in found}) == (0, {"eu-west-1"})
    assert not [request for request in delivered.aws.requests if "us-east-1/" in request.key]


def test_a_damaged_transfer_is_gone_on_with(delivered: Delivered) -> None:
    """Validation reads as a load reads: a body that breaks off is fetched again."""
    delivered.deliver()
    delivered.aws.cut(f"s3:GetObject {delivered.about(delivered.trail.logs[0])}", 20, times=2)
    code, found, _ = delivered.validate()
    assert (code, states(found)) == (0, ["valid"] * 4)


def test_coverage_shows_what_a_bucket_proves(delivered: Delivered) -> None:
    """Loaded from the bucket and validated there: the day is proven, also where the chain ends soon after it."""
    delivered.trail.hours(22)
    delivered.deliver()
    assert delivered.run("load", delivered.url)[0] == 0
    code, found, err = delivered.validate()
    assert (code, set(states(found))) == (0, {"valid"})
    assert "26 digests" in err
    code, out, _ = delivered.run("coverage", "--since", "2026-08-01", "--until", "2026-08-01", "--format", "json")
    (row,) = json.loads(out)
    assert (code, row["state"], row["events"]) == (0, "proven", 4)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "--bucket"),
        (["--prefix", "x", "--format", "json"], 2, "--bucket"),
        (["./nowhere", "--role-arn", "arn:aws:iam::1:role/r"], 2, "for a bucket"),
        (["s3://"], 2, "which bucket"),
        (["./nowhere"], 3, "nowhere"),
    ],
    ids=str,
)
def test_what_makes_no_sense(delivered: Delivered, arguments: list[str], code: int, told: str) -> None:
    """The exit code and what to do instead."""
    done, out, err = delivered.run("validate", *arguments)
    assert (done, out) == (code, "")
    assert told in err


def test_a_bucket_that_is_refused(delivered: Delivered) -> None:
    """The permission that is lacking is named, and the exit code is 6."""
    delivered.deliver()
    delivered.aws.refuse("s3:ListObjectsV2")
    code, _, err = delivered.validate()
    assert code == 6
    assert "s3:ListBucket" in err


def test_a_bucket_beside_another_that_is_refused(delivered: Delivered) -> None:
    """What can be read is checked; the exit code says that something was refused."""
    delivered.deliver()
    code, found, _ = delivered.validate(delivered.url, "s3://no-such-bucket-anywhere")
    assert (code, states(found)) == (3, ["valid"] * 4 + ["invalid"])
    assert "no bucket" in found[-1]["reason"]
