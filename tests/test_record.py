"""``record``: what arrives is kept, whatever happens; what was not is counted."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.csm import sockets as listening
from cloudsearch.csm.archive import Archive, finished
from cloudsearch.csm.background import Background
from cloudsearch.csm.datagrams import Kind, Line
from cloudsearch.csm.sockets import Address, Sockets, addresses
from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.reports.permissions import Use, needs
from cloudsearch.store import CSM_CALLS
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Everything
from tests.aws import SmallAws
from tests.csm import TOKEN, attempt, call, lines, packed, recording, run, send

SOME = [packed(attempt(number)) for number in range(300)]


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that comes soon."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def line(number: int) -> Line:
    """A line of an archive."""
    return Line(Kind.CALL, packed(call(number)))


# Listening


def test_every_datagram_is_kept_once(tmp_path: Path) -> None:
    """Of both loopbacks, what could not be read among them; the end is asked for while it lies in the buffers."""
    with recording(tmp_path, "--archive", "kept", "--host", "web-1") as running:
        send(running.port, *SOME)
        send(running.port, *map(packed, (call(1), call(2))), host="::1")
        send(running.port, b"nothing", b"", b"\xff" * 3000, packed(call(Version=7)))
        told = running.end()
    assert told["datagrams"] == {"received": 306, "dropped_by_kernel": 0}
    assert told["lines"] == {"calls": 2, "attempts": 300, "rejected": 4, "lost": 0}
    assert told["store"] is None
    found = lines(tmp_path / "kept")
    assert Counter(one["Type"] for one in found) == {"ApiCallAttempt": 300, "ApiCall": 2, "Rejected": 4}
    assert {one["XAmzRequestId"] for one in found if "XAmzRequestId" in one} == {f"REQ{n}" for n in range(300)}
    assert {one["Host"] for one in found} == {"web-1"}
    assert len({one["Id"] for one in found}) == 306
    assert TOKEN not in json.dumps(found)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_summary(tmp_path: Path, how: int) -> None:
    """Exit code 0, one JSON object, and no file where nothing came."""
    with recording(tmp_path, "--archive", "kept") as running:
        told = running.end(how)
    assert told["lines"]["calls"] == 0
    assert told["archive"] == {"files": [], "recovered": 0}
    assert not list((tmp_path / "kept").iterdir())


def test_what_the_kernel_drops_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was received and what was dropped is all that was sent, with a buffer far too small."""
    monkeypatch.setattr(listening, "WANTED_BUFFER", 4096)
    sockets = Sockets(addresses((), 0))
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    received = 0
    try:
        for number, data in enumerate(SOME):
            senders[number % 3].sendto(data, ("127.0.0.1", sockets.port))
            if number % 100 == 99:
                received += len(sockets.receive(1000))
        dropped = sockets.dropped
    finally:
        sockets.close()
        for one in senders:
            one.close()
    assert dropped
    assert received + dropped == len(SOME)
    assert sockets.dropped == dropped


def test_a_port_that_is_taken() -> None:
    """The message says which, and what to do."""
    first = Sockets([Address("127.0.0.1", 0)])
    try:
        with pytest.raises(CloudsearchError, match=rf"127\.0\.0\.1:{first.port} is taken: .*--port"):
            Sockets([Address("127.0.0.1", first.port)])
    finally:
        first.close()


def test_addresses() -> None:
    """Both loopbacks unless told otherwise; a name is none."""
    assert [str(one) for one in addresses((), 31000)] == ["127.0.0.1:31000", "[::1]:31000"]
    assert [one.is_loopback for one in addresses(["localhost", "0.0.0.0", "[::]"], 1)] == [True, False, False]  # noqa: S104
    with pytest.raises(UsageError, match="no IP address"):
        addresses(["example.com"], 1)


def test_an_address_of_the_network_is_warned_of(tmp_path: Path) -> None:
    """Whoever reaches it can send."""
    done = run(["record", "--port", "0", "--listen", "0.0.0.0", "--archive", "a", "--seconds", "0"], tmp_path, {})  # noqa: S104
    assert done.returncode == 0
    assert "warning: whoever reaches this address can send records" in done.stderr


def test_a_recording_survives_a_sink_that_fails() -> None:
    """Lines wait while they cannot be written, in their order, and are counted as lost when there are too many."""

    class Disk:
        def __init__(self) -> None:
            self.is_full, self.kept, self.over = True, list[Line](), 0

        def write(self, given: Any) -> None:  # noqa: ANN401 (lines)
            if self.is_full:
                raise OSError(28, "No space left on device")
            self.kept += given

        def overflow(self, given: Any) -> int:  # noqa: ANN401 (lines)
            self.over += len(given)
            return len(given)

    disk, told = Disk(), list[str]()
    background = Background(disk, 0.01, told.append, most_bytes=10 * len(line(0).text))
    background.add([line(n) for n in range(5)])
    until(lambda: background.problem)
    background.add([line(n) for n in range(5, 10)])
    disk.is_full = False
    until(lambda: len(disk.kept) == 10)
    assert disk.kept == [line(n) for n in range(10)]
    disk.is_full = True
    background.add([line(n) for n in range(11)])
    background.add([line(n) for n in range(3)])
    background.close()
    assert (background.lost, disk.over) == (14, 14)
    assert told == ["No space left on device", "it works again", "No space left on device"]


# The archive


def test_files_are_cut_by_size(tmp_path: Path) -> None:
    """And named by host and time, for their owner alone."""
    archive = Archive(tmp_path / "a", "web 1/../x", cut_bytes=3 * len(line(0).text))
    for number in range(10):
        archive.write([line(number)])
    archive.cut()
    files = finished(tmp_path / "a")
    assert files == sorted(archive.files)
    assert len(files) == 4
    assert all(re.fullmatch(r"web-1-..-x_\d{8}T\d{6}Z_[0-9a-f]{8}\.jsonl\.gz", path.name) for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert sorted(one["Timestamp"] for one in lines(tmp_path / "a")) == [call(n)["Timestamp"] for n in range(10)]


def test_files_are_cut_by_time(tmp_path: Path) -> None:
    """Though nothing more comes: a finished file appears soon after its time is over."""
    with recording(tmp_path, "--archive", "a", "--cut-seconds", "0.5") as running:
        send(running.port, SOME[0])
        until(lambda: len(finished(tmp_path / "a")) == 1)
        send(running.port, SOME[1])
        until(lambda: len(finished(tmp_path / "a")) == 2)
        assert len(running.end()["archive"]["files"]) == 2


def test_a_kill_loses_only_what_was_not_flushed(tmp_path: Path) -> None:
    """The next recording finishes the file that was left, half a member at its end notwithstanding."""
    with recording(tmp_path, "--archive", "a") as running:
        send(running.port, *SOME)
        (part,) = _parts(tmp_path / "a")
        until(lambda: part.stat().st_size)
        time.sleep(1.5)
        flushed = part.stat().st_size
        send(running.port, SOME[0])
        running.end(signal.SIGKILL, -9)
    with part.open("ab") as file:
        file.write(part.read_bytes()[: flushed // 2])
    with recording(tmp_path, "--archive", "a") as running:
        send(running.port, SOME[1])
        assert running.end()["archive"]["recovered"] == 1
    assert not _parts(tmp_path / "a")
    found = [one["XAmzRequestId"] for one in lines(tmp_path / "a")]
    assert {f"REQ{n}" for n in range(300)} <= set(found)
    assert 301 <= len(found) <= 302


def _parts(folder: Path) -> list[Path]:
    until(lambda: folder.exists() and list(folder.iterdir()) if folder else True)
    return sorted(folder.glob(".*.part"))


def test_kills_at_any_moment_leave_an_archive_that_can_be_read(tmp_path: Path) -> None:
    """Ten of them, while it is written to all the time; no line comes twice."""
    for number in range(10):
        with recording(tmp_path, "--archive", "a", "--cut-bytes", "20000", "--cut-seconds", "0.2") as running:
            end = time.monotonic() + 0.1 + 0.07 * number
            while time.monotonic() < end:
                send(running.port, *SOME[:20])
            running.end(signal.SIGKILL, -9)
    archive = Archive(tmp_path / "a", "web-1")
    archive.cut()
    found = lines(tmp_path / "a")
    assert found
    assert len({one["Id"] for one in found}) == len(found)


def test_two_recordings_share_a_folder(tmp_path: Path) -> None:
    """Neither takes the other's file for one that was left."""
    first, second = Archive(tmp_path, "a"), Archive(tmp_path, "a")
    first.write([line(1)])
    third = Archive(tmp_path, "a")
    assert not third.recovered
    second.write([line(2)])
    first.cut()
    second.cut()
    assert len(lines(tmp_path)) == 2


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """Is said before anything is listened to for long."""
    (tmp_path / "file").touch()
    done = run(["record", "--port", "0", "--archive", "file/a", "--seconds", "0"], tmp_path, {})
    assert done.returncode == 1
    assert "cannot be used for an archive" in done.stderr


# The bucket


def keys(aws: SmallAws) -> list[str]:
    """What is in the bucket."""
    listed = aws.client("s3").list_objects_v2(Bucket="kept")
    return [one["Key"] for one in listed.get("Contents", ())]


@pytest.fixture
def bucket(aws: SmallAws) -> SmallAws:
    """An AWS with one."""
    aws.client("s3").create_bucket(Bucket="kept")
    return aws


def test_files_are_uploaded_and_then_removed(tmp_path: Path, bucket: SmallAws) -> None:
    """A folder a day; loading them from there, twice, adds each once."""
    with recording(tmp_path, "--archive", "s3://kept/csm", "--cut-bytes", "20000") as running:
        send(running.port, *SOME)
        told = running.end()
    assert told["archive"]["waiting"] == 0
    assert told["archive"]["uploaded"] == len(told["archive"]["files"]) == len(keys(bucket))
    assert all(re.match(r"csm/\d{4}/\d\d/\d\d/[^/]+\.jsonl\.gz$", key) for key in keys(bucket))
    assert not list((tmp_path / "cloudsearch-csm-spool").iterdir())
    for created in (300, 0):
        done = run(["load", "--csm", "s3://kept/csm", "--format", "json", "--quiet"], tmp_path, {})
        assert json.loads(done.stdout)["records"]["created"] == created, done.stderr
    assert json.loads(done.stdout)["files"]["already_loaded"] == len(keys(bucket))


def test_an_upload_that_fails_for_a_while(tmp_path: Path, bucket: SmallAws) -> None:
    """The files stay until the bucket has them, and the recording goes on."""
    bucket.fail("s3:PutObject", status=500, code="InternalError", times=8)
    with recording(tmp_path, "--archive", "s3://kept", "--cut-seconds", "0.3") as running:
        send(running.port, *SOME)
        until(lambda: len(keys(bucket)) == 1, 60)
        told = running.end()
    assert (told["archive"]["uploaded"], told["archive"]["waiting"]) == (1, 0)
    assert "it is kept in" in running.errors


def test_what_could_not_be_uploaded_is_the_next_time(tmp_path: Path, bucket: SmallAws) -> None:
    """The exit code says that something is left; its bytes are those that arrive later."""
    bucket.refuse("s3:PutObject")
    with recording(tmp_path, "--archive", "s3://kept", "--upload-wait", "1") as running:
        send(running.port, *SOME)
        assert running.end(code=3)["archive"]["waiting"] == 1
    assert "s3:PutObject" in running.errors
    (left,) = finished(tmp_path / "cloudsearch-csm-spool")
    data = left.read_bytes()
    bucket._refused.clear()
    with recording(tmp_path, "--archive", "s3://kept") as running:
        assert running.end()["archive"]["uploaded"] == 1
    (key,) = keys(bucket)
    assert bucket.client("s3").get_object(Bucket="kept", Key=key)["Body"].read() == data


def test_what_it_takes_to_upload() -> None:
    """No more than to put objects there, under a key."""
    key = "arn:aws:kms:eu-west-1:111122223333:key/1"
    policy = needs(Use.RECORD, "cloudtrail", bucket="kept", key=key).policy
    assert policy is not None
    found = {(one["Action"], one["Resource"]) for one in policy["Statement"]}
    assert found == {("s3:PutObject", "arn:aws:s3:::kept/*"), ("kms:GenerateDataKey", key)}


# The store


def test_a_store_is_written_by_flushes_and_free_in_between(tmp_path: Path) -> None:
    """Others read it while the recording runs; the archive of the same recording adds nothing."""
    with recording(tmp_path, "--archive", "a", "--store", "s.duckdb", "--flush-seconds", "0.5") as running:
        send(running.port, *SOME)
        until(lambda: _top(tmp_path) == 0)
        send(running.port, packed(call(1)))
        until(lambda: _top(tmp_path) == 1)
        assert running.end()["store"] == {"created": 301, "existing": 0, "put_aside": 0}
    done = run(["load", "--csm", "a", "--store", "s.duckdb", "--format", "json", "--quiet"], tmp_path, {})
    assert json.loads(done.stdout)["records"] == {"read": 301, "created": 0, "existing": 301, "dead_lettered": 0}
    assert TOKEN.encode() not in (tmp_path / "s.duckdb").read_bytes()


def _top(folder: Path) -> int | None:
    done = run(["top", "--csm", "--store", "s.duckdb", "--format", "json"], folder, {})
    return sum(row["count"] for row in json.loads(done.stdout)) if done.returncode == 0 else None


def test_a_store_that_is_held_by_another(tmp_path: Path) -> None:
    """What it does not take until the end is put aside, in a form that load takes; the exit code says so."""
    store = DuckDBStore(tmp_path / "s.duckdb")
    with recording(tmp_path, "--store", "s.duckdb", "--flush-seconds", "60") as running:
        store.prepare(loading=True)
        try:
            send(running.port, *SOME)
            assert running.end(code=4)["store"] == {"created": 0, "existing": 0, "put_aside": 300}
        finally:
            store.close()
    assert "cloudsearch load --csm cloudsearch-csm-aside" in running.errors
    done = run(["load", "--csm", "cloudsearch-csm-aside", "--store", "s.duckdb", "--quiet"], tmp_path, {})
    assert done.returncode == 0
    assert len(_kept(tmp_path / "s.duckdb")) == 300


def _kept(path: Path) -> list[object]:
    store = DuckDBStore(path)
    store.prepare()
    try:
        return list(store.rows(CSM_CALLS, Everything(), fields=[CSM_CALLS.by_name["id"]]))
    finally:
        store.close()


def test_without_a_place_the_usual_store_is_made(tmp_path: Path) -> None:
    """As load makes one; rejects are in it with their reason."""
    with recording(tmp_path, environment={"CLOUDSEARCH_STORE": ""}) as running:
        send(running.port, b"nothing")
        assert running.end()["store"]["created"] == 1
    assert len(_kept(tmp_path / "cloudsearch.duckdb")) == 1


# One command

CALLS = """
import boto3, sys
s3 = boto3.client("s3")
s3.list_buckets()
for _ in range(3):
    try:
        s3.get_object(Bucket="kept", Key="nothing")
    except s3.exceptions.NoSuchKey:
        pass
try:
    boto3.client("iam").list_users()
except Exception as error:
    print(type(error).__name__)
sys.exit(7)
"""


def test_a_command_is_run_and_what_it_called_is_told(tmp_path: Path, bucket: SmallAws) -> None:
    """Its calls, the actions they took, what a refusal names; its exit code, and what it prints, are passed on."""
    bucket.refuse("iam:ListUsers")
    done = run(["record", "--format", "json", "--output", "told", "--", sys.executable, "-c", CALLS], tmp_path, {})
    assert (done.returncode, done.stdout) == (7, "ClientError\n")
    told = json.loads((tmp_path / "told").read_text())
    assert [(one["service"], one["api"], one["count"]) for one in told["calls"]] == [
        ("S3", "GetObject", 3),
        ("IAM", "ListUsers", 1),
        ("S3", "ListBuckets", 1),
    ]
    assert told["actions"] == ["iam:ListUsers", "s3:GetObject", "s3:ListAllMyBuckets"]
    assert told["refused"] == ["iam:ListUsers"]
    assert told["exit_code"] == 7
    assert not (tmp_path / "cloudsearch.duckdb").exists()


def test_a_command_with_an_archive(tmp_path: Path, bucket: SmallAws) -> None:
    """Both at once, for people."""
    bucket.calls.clear()
    done = run(["record", "--archive", "a", "--", sys.executable, "-c", CALLS], tmp_path, {})
    assert "IAM actions it needed:\n  iam:ListUsers\n  s3:GetObject\n" in done.stdout
    assert Counter(one["Type"] for one in lines(tmp_path / "a")) == {"ApiCall": 5, "ApiCallAttempt": 5}


@pytest.mark.parametrize(
    ("command", "code"),
    [(["no-such-command"], 127), (["/"], 126), (["sh", "-c", "kill -9 $$"], 137), (["true"], 0), (["false"], 1)],
)
def test_the_exit_code_of_a_command(tmp_path: Path, command: list[str], code: int) -> None:
    """As a shell would tell it."""
    assert run(["record", "--", *command], tmp_path, {}).returncode == code


def test_options_of_the_command_are_its_own(tmp_path: Path) -> None:
    """With or without the dashes."""
    done = run(["record", "echo", "--archive", "-v"], tmp_path, {})
    assert done.stdout.startswith("--archive -v\n")


def test_sigterm_is_passed_on_to_the_command(tmp_path: Path) -> None:
    """And it is for the command to end."""
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(5)); print(1, flush=True); time.sleep(60)"
    command = [sys.executable, "-m", "cloudsearch", "record", "--", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 5


# What the SDKs really do

TRAFFIC = """
import boto3, botocore.exceptions as theirs
from botocore.config import Config
quick = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=1, read_timeout=1)
s3, sts = boto3.client("s3", config=quick), boto3.client("sts", config=quick)
for number in range(5):
    s3.put_object(Bucket="kept", Key=str(number), Body=b"x")
s3.list_objects_v2(Bucket="kept")
sts.get_caller_identity()
try:
    boto3.client("ec2", endpoint_url="http://127.0.0.1:9", config=quick).describe_instances()
except theirs.EndpointConnectionError:
    pass
"""


def test_boto3(tmp_path: Path, bucket: SmallAws) -> None:
    """Every call once, equal to those made; attempts are the requests; what reached nobody is told apart."""
    bucket.fail("sts:GetCallerIdentity", status=503, code="Throttling", times=2)
    bucket.calls.clear()
    with recording(tmp_path, "--archive", "a") as running:
        environment = {**os.environ, "AWS_CSM_ENABLED": "true", "AWS_CSM_PORT": str(running.port)}
        subprocess.run([sys.executable, "-c", TRAFFIC], env=environment, check=True, timeout=60)
        running.end()
    found = lines(tmp_path / "a")
    calls = Counter(f"{one['Service']} {one['Api']}" for one in found if one["Type"] == "ApiCall")
    assert calls == {"S3 PutObject": 5, "S3 ListObjectsV2": 1, "STS GetCallerIdentity": 1, "EC2 DescribeInstances": 1}
    answered = [one for one in found if "HttpStatusCode" in one]
    assert len(answered) == len(bucket.calls) == 9
    tried = {one["Api"]: one for one in found if one["Type"] == "ApiCall"}
    assert tried["GetCallerIdentity"]["AttemptCount"] == 3
    assert tried["DescribeInstances"]["AttemptCount"] == 3
    assert tried["DescribeInstances"]["FinalSdkException"] == "EndpointConnectionError"
    assert tried["DescribeInstances"]["MaxRetriesExceeded"] == 1


def test_aws_cli_version_1(tmp_path: Path, bucket: SmallAws) -> None:
    """Under its own command line, each call once."""
    from tests.sdks import aws_cli

    bucket.calls.clear()
    (tmp_path / "file").write_text("x")
    script = (
        'set -e; "$0" s3 cp file s3://kept/one; "$0" s3api head-object --bucket kept --key one; "$0" iam list-users'
    )
    done = run(["record", "--format", "json", "--output", "told", "--", "sh", "-c", script, *aws_cli()], tmp_path, {})
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told").read_text())
    assert {(one["service"], one["api"]): one["count"] for one in told["calls"]} == {
        ("S3", "PutObject"): 1,
        ("S3", "HeadObject"): 1,
        ("IAM", "ListUsers"): 1,
    }
    assert told["recording"]["lines"]["attempts"] == len(bucket.calls) == 3


@pytest.mark.javascript
def test_javascript_version_2(tmp_path: Path, bucket: SmallAws) -> None:
    """The newest of it, each call once; it sends to localhost, whichever loopback that is."""
    from tests.sdks import javascript

    script = """
    const AWS = require("aws-sdk")
    const s3 = new AWS.S3({endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true})
    const iam = new AWS.IAM({endpoint: process.env.AWS_ENDPOINT_URL})
    async function main() {
      for (let n = 0; n < 5; n++) await s3.putObject({Bucket: "kept", Key: String(n), Body: "x"}).promise()
      await s3.listBuckets().promise()
      await iam.listUsers().promise()
      await s3.getObject({Bucket: "kept", Key: "none"}).promise().catch(() => 0)
    }
    main()
    """
    bucket.calls.clear()
    environment = {"NODE_PATH": str(javascript() / "node_modules"), "AWS_REGION": "us-east-1"}
    environment["AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE"] = "1"
    done = run(["record", "--format", "json", "--output", "told", "--", "node", "-e", script], tmp_path, environment)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told").read_text())
    assert {(one["service"], one["api"]): one["count"] for one in told["calls"]} == {
        ("S3", "PutObject"): 5,
        ("S3", "ListBuckets"): 1,
        ("S3", "GetObject"): 1,
        ("IAM", "ListUsers"): 1,
    }
    assert told["recording"]["lines"]["attempts"] == len(bucket.calls) == 8
