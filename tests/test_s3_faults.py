"""What S3 refuses, breaks off or forgets: said clearly, counted, asked for again where that helps, never fatal."""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudsearch.aws import Access
from cloudsearch.cli import main
from cloudsearch.errors import AccessError, BadCredentials, SourceError
from cloudsearch.logs import Source
from cloudsearch.logs.bucket import Place
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Store
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Everything
from tests.aws import SmallAws, environment
from tests.buckets import BUCKET, Heard, Trails, held, identities, key, listed, load
from tests.logfiles import ACCOUNT, record
from tests.logfiles import write as write_file


@pytest.fixture
def trails(aws: SmallAws) -> Trails:
    """A bucket of the test's own, with eight log files of one record each."""
    trails = Trails(aws, f"{BUCKET}-{aws.url.rpartition(':')[2]}")
    for number in range(8):
        trails.put(key(number), number)
    return trails


def get(trails: Trails, number: int) -> str:
    """The request for one of the files, as the small AWS calls it."""
    return f"s3:GetObject {trails.name}/{key(number)}"


def run(trails: Trails, folder: Path, *arguments: str) -> int:
    """The load, as its user types it."""
    return main(["load", f"s3://{trails.name}", "--store", str(folder / "store.duckdb"), *arguments])


ONE_OBJECT = [
    (403, "AccessDenied", "needs s3:GetObject, and kms:Decrypt"),
    (400, "KMS.DisabledException", "KMS key"),
    (404, "NoSuchKey", "deleted after it was listed"),
    (403, "InvalidObjectState", "archived"),
    (412, "PreconditionFailed", "overwritten after it was listed"),
    (418, "Teapot", "S3 refused it"),
]


@pytest.mark.parametrize(("status", "code", "said"), ONE_OBJECT)
def test_an_object_that_is_refused_stops_no_other(
    trails: Trails, store: Store, status: int, code: str, said: str
) -> None:
    """It is named with S3's code and what to do, is a dead letter, and is loaded once that is mended."""
    trails.aws.fail(get(trails, 3), status=status, code=code, times=9)
    heard = Heard()
    done = load(store, trails.place, heard=heard)
    assert (done["loaded"], done["refused"]) == (7, 1)
    ((name, reason),) = heard.problems.items()
    assert name == key(3).rpartition("/")[2]
    assert said in reason
    assert code in reason
    (letter,) = store.rows(DEAD_LETTERS, Everything())
    assert (letter["name"], letter["day"]) == (f"s3://{trails.name}/{key(3)}", "2026-08-01")
    assert held(store) == identities([0, 1, 2, 4, 5, 6, 7])
    trails.aws._instead.clear()
    assert load(store, trails.place)["loaded"] == 1
    assert held(store) == identities(range(8))


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (503, "ServiceUnavailable")])
def test_a_busy_s3_is_asked_again(trails: Trails, store: Store, status: int, code: str) -> None:
    """Listing and reading."""
    trails.aws.fail("s3:ListObjectsV2", status=status, code=code, times=2)
    trails.aws.fail("s3:GetObject", status=status, code=code, times=4)
    assert load(store, trails.place)["loaded"] == 8
    assert held(store) == identities(range(8))


@pytest.mark.parametrize("reset", [False, True])
def test_a_body_that_breaks_off_is_asked_again(trails: Trails, store: Store, reset: bool) -> None:  # noqa: FBT001
    """Ended early or reset; no half of a file is loaded."""
    trails.aws.cut("s3:GetObject", 100, times=6, reset=reset)
    assert load(store, trails.place)["loaded"] == 8
    assert held(store) == identities(range(8))


def test_a_body_that_always_breaks_off_is_refused(trails: Trails, store: Store) -> None:
    """And nothing of it is loaded."""
    trails.aws.cut(get(trails, 3), 0, times=100)
    heard = Heard()
    done = load(store, trails.place, heard=heard)
    assert (done["loaded"], done["refused"], done["read"]) == (7, 1, 7)
    assert "run the same command again" in heard.problems[key(3).rpartition("/")[2]]


def test_a_large_object_goes_on_where_it_broke_off(trails: Trails, store: Store) -> None:
    """What came is not asked for again, and all of it is asked of the same version."""
    body = json.dumps({"Records": [record(n, userAgent="x" * 200_000) for n in range(100, 150)]}).encode()
    trails.write(key(100), body)
    for _ in range(3):
        trails.aws.cut(get(trails, 100), 3 << 20)
    done = load(store, trails.place)
    assert (done["loaded"], done["created"]) == (9, 58)
    asked = [request for request in trails.aws.requests if request.key == key(100)]
    assert len(asked) == 4
    assert [bool(request.header("range")) for request in asked] == [False, True, True, True]
    assert len({request.header("if-match") for request in asked}) == 1


def test_a_listing_that_is_refused_is_refused_access(
    trails: Trails, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, the permission, exit 6, no store."""
    trails.aws.refuse("s3:ListObjectsV2", "s3:HeadBucket")
    for arguments in ((), ("--dry-run",)):
        assert run(trails, tmp_path, *arguments) == 6
        out, err = capsys.readouterr()
        assert out == ""
        assert "s3:ListBucket" in err
        assert len(err.splitlines()) == 1
        assert not (tmp_path / "store.duckdb").exists()


def test_a_place_that_is_refused_stops_no_other(
    trails: Trails, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It counts as one more that is refused; the exit code is still 6."""
    local = write_file(tmp_path / "a.json", [record(50)])
    trails.aws.refuse("s3:ListObjectsV2")
    assert run(trails, tmp_path, str(local), "--format", "json") == 6
    out, err = capsys.readouterr()
    assert json.loads(out)["files"]["listed"] == 2
    assert json.loads(out)["files"]["refused"] == 1
    assert json.loads(out)["records"]["created"] == 1
    assert "s3:ListBucket" in err


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("RequestTimeTooSkewed", "clock"),
        ("InvalidAccessKeyId", "does not know the access key"),
        ("SignatureDoesNotMatch", "does not fit"),
    ],
)
def test_credentials_that_do_not_work(
    trails: Trails, tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, said: str
) -> None:
    """Exit 6, with what is wrong; no secret in it."""
    trails.aws.fail("s3:ListObjectsV2", status=403, code=code, times=50)
    assert run(trails, tmp_path) == 6
    err = capsys.readouterr().err
    assert said in err
    assert "wJalr" not in err


def test_credentials_that_expired_are_looked_for_anew(trails: Trails, store: Store) -> None:
    """At a listing and at an object: somebody may have renewed them."""
    for call in ("s3:ListObjectsV2", get(trails, 2), get(trails, 5)):
        trails.aws.fail(call, status=400, code="ExpiredToken")
    assert load(store, trails.place)["loaded"] == 8


def test_credentials_that_end_stop_the_load(trails: Trails, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 6 with a receipt; what was read is kept, nothing else is refused, and the next load goes on."""
    for number in range(4, 8):
        trails.aws.fail(get(trails, number), status=400, code="ExpiredToken", times=9)
    assert run(trails, tmp_path, "--format", "json") == 6
    out, err = capsys.readouterr()
    assert json.loads(out)["files"] | {"skipped": None} == {
        "listed": 4,
        "already_loaded": 0,
        "loaded": 4,
        "refused": 0,
        "skipped": None,
    }
    assert "expired" in err
    trails.aws._instead.clear()
    assert run(trails, tmp_path) == 0
    assert "8 log files: 4 loaded, 4 already loaded" in capsys.readouterr().out


def test_a_folder_that_cannot_be_listed_stops_no_other(trails: Trails, store: Store) -> None:
    """It is named, and refused."""
    trails.put(key(50, region="us-east-1"), 50)
    trails.put(key(51, account="444455556666"), 51)
    heard = Heard()
    done = load(store, trails.place, f"AWSLogs/{ACCOUNT}/", heard=heard)
    assert (done["loaded"], done["refused"]) == (9, 0)
    trails.aws.refuse(f"s3:ListObjectsV2 {trails.name}/AWSLogs/444455556666/")
    done = load(store, trails.place, heard=heard)
    assert (done["already_loaded"], done["refused"]) == (9, 1)
    (reason,) = heard.problems.values()
    assert "s3:ListBucket" in reason


def test_a_bucket_that_is_not_there(aws: SmallAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3; a prefix with nothing under it as well, as a path that is not there."""
    store = ["--store", str(tmp_path / "store.duckdb")]
    name = f"absent-{aws.url.rpartition(':')[2]}"
    assert main(["load", f"s3://{name}", *store]) == 3
    assert f"There is no bucket {name}" in capsys.readouterr().err
    Trails(aws, name)
    assert main(["load", f"s3://{name}/nothing", *store]) == 3
    assert "there is nothing under it" in capsys.readouterr().err


def test_a_redirect_to_another_region_is_followed(trails: Trails, store: Store) -> None:
    """Also where HEAD is answered with it, as by another region's endpoint."""
    told = {"x-amz-bucket-region": "eu-central-1"}
    trails.aws.fail("s3:HeadBucket", status=301, code="PermanentRedirect", headers=told, times=2)
    assert load(store, trails.place)["loaded"] == 8
    signed = {request.signed[1] for request in trails.aws.requests if request.call == "s3:GetObject"}
    assert signed == {"eu-central-1"}


def test_the_requester_pays_when_asked_to(trails: Trails, tmp_path: Path) -> None:
    """The header is on every listing and reading then, and never else."""
    assert run(trails, tmp_path, "--requester-pays") == 0
    asked = [one for one in trails.aws.requests if one.call in ("s3:ListObjectsV2", "s3:GetObject")]
    assert {request.header("x-amz-request-payer") for request in asked} == {"requester"}
    trails.aws.requests.clear()
    assert run(trails, tmp_path) == 0
    assert {request.header("x-amz-request-payer") for request in trails.aws.requests} == {""}


def assumed(seconds: int) -> str:
    """What STS answers, with credentials that expire so soon."""
    soon = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = (
        "<Credentials><AccessKeyId>ASIASOON</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        f"<SessionToken>t</SessionToken><Expiration>{soon}</Expiration></Credentials>"
    )
    return f"<AssumeRoleResponse><AssumeRoleResult>{given}</AssumeRoleResult></AssumeRoleResponse>"


def test_a_role_is_assumed_and_renewed(trails: Trails, store: Store) -> None:
    """With its external id; credentials that are about to expire are not used."""
    trails.aws.answer("sts:AssumeRole", assumed(30))
    place = Place(trails.name, Access(role_arn=f"arn:aws:iam::{ACCOUNT}:role/logs", external_id="a b"))
    assert load(store, place)["loaded"] == 8
    asked = [request for request in trails.aws.requests if request.call == "sts:AssumeRole"]
    assert len(asked) == 2
    assert all(b"ExternalId=a+b" in request.body for request in asked)
    keys = {request.signed[0] for request in trails.aws.requests if request.call == "s3:GetObject"}
    assert len(keys) == 1
    assert keys.isdisjoint({"ASIASOON", "AKIAIOSFODNN7EXAMPLE"})


def test_a_role_that_cannot_be_renewed_stops_the_load(trails: Trails) -> None:
    """Exit 6, without a traceback: whoever was to get an object hears of it."""
    for _ in range(20):
        trails.aws.answer("sts:AssumeRole", assumed(30))
    place = Place(trails.name, Access(role_arn=f"arn:aws:iam::{ACCOUNT}:role/logs"))
    sources = [one for one in listed(place) if isinstance(one, Source)]
    trails.aws._instead.clear()
    trails.aws.refuse("sts:AssumeRole")
    with pytest.raises(BadCredentials, match="sts:AssumeRole"):
        sources[0].read()


def test_a_role_that_is_refused_is_named(trails: Trails, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 6."""
    trails.aws.refuse("sts:AssumeRole")
    assert run(trails, tmp_path, "--role-arn", f"arn:aws:iam::{ACCOUNT}:role/logs") == 6
    assert "sts:AssumeRole" in capsys.readouterr().err


def test_nothing_that_is_asked_changes_anything(trails: Trails, store: Store) -> None:
    """A load lists and reads."""
    load(store, trails.place)
    assert set(trails.aws.calls) == {"s3:HeadBucket", "s3:ListObjectsV2", "s3:GetObject"}


def test_obstore_reads_what_it_can(trails: Trails, store: Store) -> None:
    """And boto3 what it cannot name."""
    trails.put("a//b.json.gz", 50)
    trails.aws.requests.clear()
    load(store, trails.place, "")
    load(store, trails.place, "a/")
    readers = {one.key: one.header("user-agent").partition("/")[0] for one in trails.aws.requests if one.key}
    assert readers.pop("a//b.json.gz") == "Boto3"
    assert set(readers.values()) == {"object_store"}


def test_an_obstore_that_never_works_is_left_out(trails: Trails, store: Store) -> None:
    """As behind a proxy that it cannot pass: boto3 reads all, and soon alone."""
    trails.aws.shun("object_store")
    assert load(store, trails.place)["loaded"] == 8
    trails.aws.requests.clear()
    for number in range(20, 25):
        trails.put(key(number), number)
    assert load(store, trails.place)["loaded"] == 5
    assert {one.header("user-agent").partition("/")[0] for one in trails.aws.requests} == {"Boto3"}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_everything_is_accounted_for(trails: Trails, store: Store, seed: int) -> None:
    """Listed = loaded + refused, read = created + existing; a load without faults ends equal to what is there."""
    chance = random.Random(seed)
    for number in range(20, 40):
        trails.put(key(number, day=f"2026/08/{number - 10}"), number, number + 1)
    for number in (*range(8), *range(20, 40)):
        day = f"2026/08/{number - 10}" if number >= 20 else "2026/08/01"
        call = f"s3:GetObject {trails.name}/{key(number, day=day)}"
        for _ in range(chance.choice((0, 1, 3, 12))):
            status, code, _ = chance.choice(ONE_OBJECT)
            if chance.random() < 0.5:
                trails.aws.fail(call, status=status, code=code)
            else:
                trails.aws.cut(call, chance.randrange(200), reset=chance.random() < 0.5)
    done = load(store, trails.place)
    assert done["loaded"] + done["refused"] == 28
    trails.aws._instead.clear()
    done = load(store, trails.place)
    assert done["already_loaded"] + done["loaded"] == 28
    assert held(store) == identities([*range(8), *range(20, 41)])


def test_boto3_alone_reads_as_well(trails: Trails, tmp_path: Path) -> None:
    """Where there is no obstore."""
    store = tmp_path / "store.duckdb"
    program = (
        "import sys; sys.modules['obstore'] = None; from cloudsearch.cli import main; "
        f"sys.exit(main(['load', 's3://{trails.name}', '--store', {str(store)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "8 log files: 8 loaded" in done.stdout
    readers = {one.header("user-agent").partition("/")[0] for one in trails.aws.requests if one.call == "s3:GetObject"}
    assert readers == {"Boto3"}
    opened = DuckDBStore(store)
    opened.prepare()
    assert sorted(str(row["id"]) for row in opened.rows(EVENTS, Everything())) == identities(range(8))
    assert len(list(opened.rows(LOG_FILES, Everything()))) == 8
    opened.close()


def test_without_credentials_it_says_so_within_five_seconds(tmp_path: Path) -> None:
    """Although the machine's metadata service never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asked = environment("http://127.0.0.1:1", str(tmp_path)) | {"AWS_EC2_METADATA_SERVICE_ENDPOINT": address}
        own = {name: value for name, value in asked.items() if not re.search("ACCESS_KEY|DISABLED", name)}
        command = [sys.executable, "-m", "cloudsearch", "load", "--bucket", "b", "--store", str(tmp_path / "s.duckdb")]
        started = time.monotonic()
        path = {"PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path)}
        done = subprocess.run(command, env=own | path, capture_output=True, text=True, timeout=60, check=False)
    assert time.monotonic() - started < 5
    assert done.returncode == 6
    assert "AWS credentials are missing" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "s.duckdb").exists()


def test_an_endpoint_that_is_not_there_is_a_source_that_cannot_be_read(
    aws: SmallAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After boto3 has tried for a while."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceError) as raised:
        listed(Place(f"gone-{aws.url.rpartition(':')[2]}", Access()))
    assert not isinstance(raised.value, AccessError)


def test_53_an_object_overwritten_while_it_is_read(trails: Trails, store: Store) -> None:
    """Between two ranges of it: refused, and nothing of either version is loaded; the next load reads the new one."""
    body = json.dumps({"Records": [record(n, userAgent="x" * 200_000) for n in range(100, 150)]}).encode()
    trails.write(key(100), body)
    trails.aws.cut(get(trails, 100), 3 << 20)
    trails.aws.fail(get(trails, 100), status=412, code="PreconditionFailed")
    heard = Heard()
    done = load(store, trails.place, heard=heard)
    assert (done["loaded"], done["refused"], done["created"]) == (8, 1, 8)
    assert "overwritten" in heard.problems[key(100).rpartition("/")[2]]
    trails.put(key(100), 100)
    assert load(store, trails.place)["created"] == 1


def test_60_a_bucket_that_vanishes_while_it_is_read(trails: Trails, store: Store) -> None:
    """What was read before is kept, every other file is named, and the load comes to its end."""
    for number in range(4, 8):
        trails.aws.fail(get(trails, number), status=404, code="NoSuchBucket", times=9)
    heard = Heard()
    done = load(store, trails.place, heard=heard)
    assert (done["loaded"], done["refused"]) == (4, 4)
    assert all("no such bucket" in reason for reason in heard.problems.values())
    assert held(store) == identities(range(4))
