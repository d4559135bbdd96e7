"""Digests prove what was delivered; each way to break that is found, named, and nothing else is."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch.cli import main
from cloudsearch.errors import SourceError
from cloudsearch.logs import find
from cloudsearch.logs.chains import Checked, State, check
from cloudsearch.logs.digests import read
from cloudsearch.logs.local import Source, placed
from cloudsearch.logs.public_keys import load_public_keys, public_keys
from cloudsearch.reports.validation import FindingRow, findings, passes
from tests.aws import found_by_boto3, moto_server
from tests.digests import BUCKET, FINGERPRINT, START, Trail, key_list, rewrite
from tests.logfiles import record

KEYS = public_keys(key_list()["PublicKeyList"], "the test")


def calls(hour: int, count: int = 2) -> list[dict[str, object]]:
    """Records of calls in an hour after the start."""
    time = START + timedelta(hours=hour, minutes=5)
    return [record(100 * hour + n, eventTime=f"{time:%Y-%m-%dT%H:%M:%SZ}") for n in range(count)]


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    """Four hours: two log files, none, one, none."""
    made = Trail(tmp_path)
    made.hour(calls(0), calls(0, 1))
    made.hour()
    made.hour(calls(2))
    made.hour()
    return made


def checked(trail: Trail, signature_of: Callable[[Source], str | None] | None = None) -> Checked:
    """What validation finds in the trail's folder."""
    files = read(find([trail.folder]))
    return check(files, KEYS, signature_of) if signature_of else check(files, KEYS)


def rows(trail: Trail) -> list[FindingRow]:
    """The findings."""
    return findings(checked(trail))


def states(trail: Trail) -> list[str]:
    """The state of each finding."""
    return [str(row.state) for row in rows(trail)]


def test_a_copy_is_proven_up_to_its_last_digest(trail: Trail) -> None:
    """Each digest is proven by the next; of the last it is said why it is not. An hour without files is quiet."""
    found = rows(trail)
    assert [row.state for row in found] == [State.VALID, State.VALID, State.VALID, State.UNPROVEN]
    assert [row.log_files for row in found] == [2, 0, 1, 0]
    assert [row.quiet for row in found] == [False, True, False, False]
    assert "S3 metadata" in found[-1].reason
    assert found[0].oldest_event == START + timedelta(minutes=5)
    assert passes(found)


def test_metadata_of_s3_proves_the_last_digest_too(trail: Trail) -> None:
    """Where the signature in its object's metadata is at hand, nothing stays unproven; a wrong one is invalid."""
    found = checked(trail, lambda source: trail.signatures.get(source.name))
    assert [one.state for one in found.digests] == [State.VALID] * 4
    found = checked(trail, lambda source: "ab" * 256 if source.name == str(trail.digests[-1]) else None)
    assert found.digests[-1].state is State.INVALID


def test_a_log_file_that_was_changed_is_invalid(trail: Trail) -> None:
    """The hash of its content says so; its neighbours are not concerned."""
    rewrite(trail.logs[0], Records=calls(0, 1))
    assert states(trail) == ["invalid", "valid", "valid", "unproven"]
    (file,) = rows(trail)[0].files
    assert file["name"].endswith(trail.logs[0].name)
    assert "changed" in file["reason"]
    assert not passes(rows(trail))


def test_a_log_file_that_is_damaged_is_invalid(trail: Trail) -> None:
    """The reason is that it cannot be decompressed."""
    trail.logs[2].write_bytes(trail.logs[2].read_bytes()[:-12])
    assert states(trail)[2] == "invalid"
    assert "decompressed" in rows(trail)[2].reason


def test_a_log_file_that_is_missing_is_named(trail: Trail) -> None:
    """Which one, and of which hour."""
    trail.logs[1].unlink()
    found = rows(trail)
    assert [row.state for row in found][:2] == [State.MISSING, State.VALID]
    assert [file["name"] for file in found[0].files] == [f"s3://{BUCKET}/{trail.logs[1].relative_to(trail.folder)}"]
    assert not passes(found)


def test_copies_may_be_unzipped_and_renamed(trail: Trail) -> None:
    """What counts is the content."""
    trail.logs[0].with_name("a.json").write_bytes(gzip.decompress(trail.logs[0].read_bytes()))
    trail.logs[0].unlink()
    trail.digests[0].rename(trail.folder / "first.gz")
    assert states(trail) == ["valid", "valid", "valid", "unproven"]


def test_a_log_file_that_no_digest_lists_is_unexpected(trail: Trail) -> None:
    """Somebody put it there; that alone is no failure, for another trail may write to the same place."""
    planted = trail.logs[0].with_name(trail.logs[0].name.replace("0000.json", "9999.json"))
    planted.write_bytes(gzip.compress(json.dumps({"Records": calls(0, 3)}).encode()))
    found = rows(trail)
    assert [(row.finding, row.name) for row in found if row.finding == "unexpected"] == [("unexpected", str(planted))]
    assert passes(found)


def test_log_files_of_hours_without_digests_are_only_counted(trail: Trail) -> None:
    """No digest speaks of them."""
    later = trail.logs[0].with_name(trail.logs[0].name.replace("T0010Z", "T0710Z"))
    later.write_bytes(gzip.compress(json.dumps({"Records": calls(7, 3)}).encode()))
    assert checked(trail).uncovered == 1
    assert passes(rows(trail))


def test_a_missing_digest_is_a_gap(trail: Trail) -> None:
    """The digest before it loses its proof, and its hour is one of which nothing is known."""
    trail.digests[1].unlink()
    found = rows(trail)
    assert [(row.finding, row.state) for row in found] == [
        ("digest", "unproven"),
        ("gap", "missing"),
        ("digest", "valid"),
        ("digest", "unproven"),
    ]
    assert (found[1].start, found[1].end) == (START + timedelta(hours=1), START + timedelta(hours=2))
    assert not passes(found)


def test_a_copy_may_begin_in_the_middle_of_a_chain(trail: Trail) -> None:
    """What was before is not asked for."""
    trail.digests[0].unlink()
    trail.logs[0].unlink()
    trail.logs[1].unlink()
    assert states(trail) == ["valid", "valid", "unproven"]


def test_a_trail_that_was_stopped_leaves_a_gap(trail: Trail) -> None:
    """A starting digest has nothing before it; the hours between were not validated, maybe not logged."""
    trail.skip(3)
    trail.hours(2)
    found = rows(trail)
    (gap,) = [row for row in found if row.finding == "gap"]
    assert "stopped" in gap.reason
    assert gap.end == START + timedelta(hours=7)


@pytest.mark.parametrize(
    "fields",
    [
        {"logFiles": []},
        {"awsAccountId": "999999999999"},
        {"digestStartTime": "2026-07-30T00:00:00Z"},
        {"newestEventTime": None},
    ],
    ids=str,
)
def test_a_digest_that_was_changed_is_invalid(trail: Trail, fields: dict[str, object]) -> None:
    """Whatever was changed in it: a log file struck off, the account, the hours."""
    rewrite(trail.digests[2], **fields)
    found = {row.name: row for row in rows(trail)}
    changed = found[f"s3://{BUCKET}/{trail.digests[2].relative_to(trail.folder)}"]
    assert changed.state is State.INVALID
    assert "hash" in changed.reason
    assert not passes(found.values())


def test_the_last_digest_cannot_lie_about_the_one_before(trail: Trail) -> None:
    """No signature of it is at hand, but the hash it gives of a proven digest is wrong."""
    rewrite(trail.digests[3], previousDigestHashValue="0" * 64)
    assert states(trail) == ["valid", "valid", "valid", "invalid"]


def test_a_signature_of_another_key_is_invalid(trail: Trail) -> None:
    """The hash fits and yet nobody but CloudTrail can sign."""
    rewrite(trail.digests[3], previousDigestSignature="ab" * 256)
    found = rows(trail)
    assert found[2].state is State.INVALID
    assert "not CloudTrail's" in found[2].reason


def test_without_its_key_nothing_is_proven(trail: Trail) -> None:
    """A key of another fingerprint proves nothing, and what is not proven does not pass."""
    found = findings(check(read(find([trail.folder])), {"00" * 16: KEYS[FINGERPRINT]}))
    assert {row.state for row in found} == {State.UNPROVEN}
    assert FINGERPRINT in found[0].reason
    assert not passes(found)


def test_an_unknown_algorithm_is_not_trusted(tmp_path: Path) -> None:
    """Neither of a signature nor of a hash."""
    trail = Trail(tmp_path)
    trail.hour(digestSignatureAlgorithm="MD5withRSA")
    path = trail.hour(calls(1))
    listed = json.loads(gzip.decompress(path.read_bytes()))["logFiles"]
    trail.hour(logFiles=[{**listed[0], "hashAlgorithm": "MD5"}])
    trail.hour()
    assert states(trail) == ["invalid", "valid", "invalid", "unproven"]


def test_backfill_digests_list_late_files(trail: Trail) -> None:
    """They stand outside the chain: no gap, no quiet hour; a signature is in S3's metadata alone."""
    trail.at = START
    trail.hour(calls(0, 3), backfill=True)
    found = checked(trail, lambda source: trail.signatures.get(source.name))
    assert not found.gaps
    (row,) = [row for row in findings(found) if row.finding == "backfill"]
    assert (row.state, row.log_files, row.quiet) == (State.VALID, 1, False)
    trail.logs[-1].unlink()
    assert "missing" in states(trail)


def test_regions_accounts_and_trails_are_chains_of_their_own(tmp_path: Path) -> None:
    """Nothing of one is a gap in another."""
    for number, region in enumerate(("eu-west-1", "us-east-1")):
        for account in ("111122223333", "444455556666"):
            for name in ("main", "data_events"):
                other = Trail(tmp_path, account, region, name, at=START + number * timedelta(hours=30))
                other.hours(3)
    found = findings(check(read(find([tmp_path])), KEYS))
    assert len(found) == 24
    assert {row.finding for row in found} == {"digest"}
    assert sum(row.state is State.VALID for row in found) == 16
    assert {row.trail for row in found if row.region == "eu-west-1"} == {"main_eu-west-1", "data_events_eu-west-1"}


def test_what_is_no_digest_where_one_should_be_is_named(trail: Trail) -> None:
    """Cut off, or not what CloudTrail writes."""
    trail.digests[0].write_bytes(gzip.compress(b'{"digestStartTime": "yesterday", "logFiles": []}'))
    trail.digests[1].write_bytes(b"\x1f\x8bnot gzip")
    found = rows(trail)
    assert [row.state for row in found if row.finding == "unreadable"] == [State.INVALID] * 2
    assert not passes(found)


@pytest.mark.parametrize("form", [PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo])
def test_keys_are_read_as_aws_prints_them(tmp_path: Path, form: PublicFormat) -> None:
    """Once or several times, in either form the user guide shows."""
    file = tmp_path / "keys.json"
    lists = [key_list(form=form), key_list(fingerprint="ab", form=form)]
    file.write_text("\n".join(json.dumps(one, indent=4) for one in lists))
    assert set(load_public_keys([file])) == {FINGERPRINT, "ab"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "{}",
        "[1]",
        '{"PublicKeyList": {}}',
        '{"PublicKeyList": [{"Fingerprint": "a"}]}',
        '{"PublicKeyList": [{"Fingerprint": "a", "Value": "%%"}]}',
        '{"PublicKeyList": [{"Fingerprint": "a", "Value": "AAAA"}]}',
    ],
)
def test_other_files_are_no_keys(tmp_path: Path, text: str) -> None:
    """The error names the file."""
    file = tmp_path / "keys.json"
    file.write_text(text)
    with pytest.raises(SourceError, match=r"keys\.json"):
        load_public_keys([file])


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, str]]:
    """A trail's objects by their S3 names, uncompressed, and the signatures in their metadata."""
    made = Trail(tmp_path_factory.mktemp("delivered"))
    for hour in range(3):
        made.hour(calls(hour))
    names = {str(path): f"s3://{BUCKET}/{path.relative_to(made.folder)}" for path in (*made.digests, *made.logs)}
    objects = {name: gzip.decompress(Path(path).read_bytes()) for path, name in names.items()}
    return objects, {names[path]: signature for path, signature in made.signatures.items()}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_byte_can_be_changed_unnoticed(
    delivered: tuple[dict[str, bytes], dict[str, str]], data: st.DataObject
) -> None:
    """Whichever byte of a log file or digest is another, it is no longer valid, by metadata or by the chain."""
    objects, signatures = delivered
    name = data.draw(st.sampled_from(sorted(objects)))
    at = data.draw(st.integers(0, len(objects[name]) - 1))
    with_metadata = data.draw(st.booleans())
    changed = bytearray(objects[name])
    changed[at] ^= data.draw(st.integers(1, 255))
    sources = [in_memory(one, bytes(changed) if one == name else content) for one, content in objects.items()]
    signature_of = signatures.get if with_metadata else dict[str, str]().get
    found = check(read(sources), KEYS, lambda source: signature_of(source.name))
    of_it = [row for row in findings(found) if row.name == name or any(file["name"] == name for file in row.files)]
    assert all(row.state is not State.VALID for row in of_it)
    assert len([row for row in findings(found) if row.state is State.VALID]) < 3
    unchanged = [in_memory(one, content) for one, content in objects.items()]
    whole = check(read(unchanged), KEYS, lambda source: signatures.get(source.name))
    assert [one.state for one in whole.digests] == [State.VALID] * 3


def in_memory(name: str, content: bytes) -> Source:
    """An object of S3."""
    return Source(name, len(content), None, *placed(name), lambda: BytesIO(content))


class Command:
    """``cloudsearch validate`` on a trail's folder."""

    def __init__(self, trail: Trail, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.trail = trail
        self.keys = folder / "keys.json"
        self.keys.write_text(json.dumps(key_list()))
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        self._capsys.readouterr()
        code = main(["validate", str(self.trail.folder), "--public-keys", str(self.keys), *arguments])
        return code, *self._capsys.readouterr()

    def err(self) -> str:
        """What was said on stderr since."""
        return self._capsys.readouterr()[1]


@pytest.fixture
def command(
    trail: Trail,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Command]:
    """Run in a folder of its own, where no store is."""
    folder = tmp_path_factory.mktemp("work")
    monkeypatch.chdir(folder)
    yield Command(trail, folder, capsys)
    assert not list(folder.glob("*.duckdb"))


def test_the_command_passes_what_is_proven(command: Command) -> None:
    """Exit code 0, hours folded into a line, and what stays unproven said."""
    code, out, _ = command.run()
    assert code == 0
    assert "111122223333 eu-west-1  trail main_eu-west-1" in out
    assert "digests: 4: 3 valid, 1 unproven; quiet hours proven: 1" in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_command_fails_what_is_not(command: Command) -> None:
    """Exit code 3, and the log file is named."""
    command.trail.logs[1].unlink()
    code, out, _ = command.run()
    assert code == 3
    assert command.trail.logs[1].name in out
    assert "1 of 2 log files missing" in " ".join(out.split())


def test_the_command_prints_rows_for_programs(command: Command) -> None:
    """Every digest is a row in every machine format; the sums go to stderr."""
    code, out, err = command.run("--format", "json")
    found: list[dict[str, Any]] = json.loads(out)
    assert (code, len(found)) == (0, 4)
    assert list(found[0])[:7] == ["account", "region", "trail", "start", "end", "finding", "state"]
    assert (found[0]["start"], found[1]["quiet"]) == ("2026-08-01T00:00:00Z", True)
    assert "digests: 4" in err
    assert len(command.run("--format", "csv")[1].splitlines()) == 5


def test_keys_are_asked_of_each_region(
    command: Command, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file CloudTrail itself tells its keys, of the time and in the region of the digests, page by page."""
    other = key_list(fingerprint="00" * 16)["PublicKeyList"]
    with moto_server() as moto, found_by_boto3(moto, tmp_path_factory.mktemp("aws"), monkeypatch) as aws:
        aws.answer("cloudtrail:ListPublicKeys", json.dumps({"PublicKeyList": other, "NextToken": "more"}))
        aws.answer("cloudtrail:ListPublicKeys", json.dumps({"PublicKeyList": key_list()["PublicKeyList"]}))
        code = main(["validate", str(command.trail.folder)])
    assert code == 0
    assert [call for call in aws.calls if "ListPublicKeys" in call] == ["cloudtrail:ListPublicKeys"] * 2


def test_without_keys_it_says_how_to_get_them(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command to type; nothing is claimed."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    command.run()
    code = main(["validate", str(command.trail.folder)])
    assert code == 6
    assert "aws cloudtrail list-public-keys" in command.err()


def test_the_command_needs_digests(command: Command) -> None:
    """A folder without any is an error that says where they are."""
    for path in command.trail.digests:
        path.unlink()
    code, out, err = command.run()
    assert (code, out) == (3, "")
    assert "CloudTrail-Digest" in err
