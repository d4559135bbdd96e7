"""The archive of a recording: cut, finished after a kill, brought to a bucket; nothing that was flushed is lost."""

from __future__ import annotations

import json
import re
import signal
import stat
import time
from pathlib import Path

import pytest

from cloudsearch.csm.archive import Archive, finished
from cloudsearch.reports.permissions import Use, needs
from tests.aws import SmallAws
from tests.csm import SOME, call, line, lines, recording, run, send, until


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


def test_a_kill_before_an_upload(tmp_path: Path, bucket: SmallAws) -> None:
    """What was flushed is in the bucket after the next recording."""
    with recording(tmp_path, "--archive", "s3://kept") as running:
        send(running.port, *SOME)
        (part,) = _parts(tmp_path / "cloudsearch-csm-spool")
        until(lambda: part.stat().st_size)
        time.sleep(1.5)
        running.end(signal.SIGKILL, -9)
    assert not keys(bucket)
    with recording(tmp_path, "--archive", "s3://kept") as running:
        assert running.end()["archive"] == {"files": [], "recovered": 1, "uploaded": 1, "waiting": 0}
    assert len(keys(bucket)) == 1
