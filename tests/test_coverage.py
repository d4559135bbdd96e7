"""What the store holds, day by day: proven, loaded, quiet or a gap; and what reports make of proven quiet days."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cloudsearch.cli import main
from cloudsearch.reports.coverage import AccountCoverage, coverage
from cloudsearch.reports.window import Window
from cloudsearch.store import DIGESTS, LogFile, Store
from cloudsearch.where import Everything
from tests.backends import Backend, Elasticsearch
from tests.digests import BUCKET, START, Trail, key_list, rewrite
from tests.logfiles import ACCOUNT, record, write
from tests.places import FilePlace
from tests.scenario import account, role, statement

GOLDEN = Path(__file__).parent / "golden"
FIRST = START.date()


class Bucket:
    """A folder of trails, a store, and the commands run on them."""

    def __init__(self, folder: Path, backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder / "bucket"
        self.keys = folder / "keys.json"
        self.keys.write_text(json.dumps(key_list()))
        self.backend = backend
        self._capsys = capsys

    def trail(self, **fields: Any) -> Trail:  # noqa: ANN401 (whatever a trail takes)
        """A trail that delivers here."""
        return Trail(self.folder, **fields)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command on the store."""
        self._capsys.readouterr()
        code = main([*arguments, *self.backend.place.options])
        return code, *self._capsys.readouterr()

    def load(self) -> int:
        """Load all there is."""
        return self.run("load", str(self.folder))[0]

    def validate(self) -> int:
        """Check all there is."""
        return self.run("validate", str(self.folder), "--public-keys", str(self.keys))[0]

    def days(self, *arguments: str) -> list[dict[str, Any]]:
        """The rows of ``coverage``."""
        code, out, err = self.run("coverage", "--format", "json", *arguments)
        assert code == 0, err
        rows: list[dict[str, Any]] = json.loads(out)
        return rows

    def states(self, region: str = "eu-west-1") -> list[str]:
        """The state of each day from the first on."""
        return [row["state"] for row in self.days() if row["region"] == region]

    def coverage(self, window: Window | None = None) -> AccountCoverage:
        """What reports make of it."""
        store: Store = self.backend.open()
        store.prepare()
        try:
            return coverage(store, window or Window()).of(ACCOUNT)
        finally:
            store.close()


@pytest.fixture
def bucket(tmp_path: Path, backend: Backend, capsys: pytest.CaptureFixture[str]) -> Bucket:
    """Nothing delivered yet."""
    return Bucket(tmp_path, backend, capsys)


def calls(at: datetime, **fields: object) -> list[dict[str, object]]:
    """A call at a moment."""
    return [record(int((at - START) / timedelta(minutes=1)), **{"eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"} | fields)]


def deliver(trail: Trail, busy: Sequence[int], days: int = 4, odd: Sequence[int] = ()) -> None:
    """Days of digests and three hours more; on busy days, counted from 0, there is a call in the hour from three on.

    On odd ones its log file holds something beside it that is no record.
    """
    for hour in range(24 * days + 3):
        is_busy = hour % 24 == 3 and hour // 24 in busy
        own = calls(trail.at, awsRegion=trail.region, eventID=f"{trail.region}-{trail.name}-{hour}")
        if hour // 24 in odd:
            own.append({"eventTime": own[0]["eventTime"]})
        trail.hour(*([own] if is_busy else []))


@pytest.mark.parametrize("many", [4_000, 0])
def test_a_day_is_proven_by_its_digests_and_the_ledger(
    bucket: Bucket, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With events, and without; the last day, of which two hours were delivered, is not shown as if it were one.

    However many log files there are.
    """
    monkeypatch.setattr("cloudsearch.reports.proofs.MANY", many)
    deliver(bucket.trail(), busy=(0, 2))
    assert bucket.load() == 0
    assert bucket.states() == ["loaded", "gap", "loaded"]
    assert bucket.validate() == 0
    rows = bucket.days()
    assert [row["state"] for row in rows] == ["proven"] * 4
    assert [row["quiet"] for row in rows] == [False, True, False, True]
    assert [row["events"] for row in rows] == [1, 0, 1, 0]
    assert rows[0]["read_events"] is True


def test_validated_before_it_is_loaded_it_is_a_gap(bucket: Bucket) -> None:
    """As after a load that was interrupted: a digest lists what is not in the store. Once it is, the proof holds."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 1, 2))
    assert bucket.run("load", str(trail.logs[0]), str(trail.logs[2]))[0] == 0
    assert bucket.validate() == 0
    assert bucket.states()[:3] == ["proven", "gap", "proven"]
    assert bucket.days()[1]["reason"] == "listed by a digest and not loaded"
    assert bucket.load() == 0
    assert bucket.states()[:3] == ["proven"] * 3


@pytest.mark.parametrize("unlinked", [30, 24, 47, 48])
def test_a_missing_digest_takes_the_proof(bucket: Bucket, unlinked: int) -> None:
    """Of the day it speaks of, or whose last files it lists; the digest before it loses its proof with it."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 1, 2))
    bucket.load()
    trail.digests[unlinked].unlink()
    assert bucket.validate() == 3
    found = bucket.states()
    assert found[1] == "loaded"
    assert found[3] == "proven"
    assert "gap" not in found


def test_a_quiet_day_of_a_missing_digest_is_a_gap(bucket: Bucket) -> None:
    """Nobody knows what was delivered in that hour."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 2))
    bucket.load()
    trail.digests[30].unlink()
    bucket.validate()
    assert bucket.states()[:3] == ["proven", "gap", "proven"]


def test_a_log_file_that_was_changed_makes_its_day_a_gap(bucket: Bucket) -> None:
    """What was in it is not known, though it is loaded."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 1, 2))
    rewrite(trail.logs[1], Records=[])
    bucket.load()
    assert bucket.validate() == 3
    found = bucket.days()
    assert [row["state"] for row in found][:3] == ["proven", "gap", "proven"]
    assert "changed" in found[1]["reason"]
    assert date(2026, 8, 2) in bucket.coverage().gaps


def test_a_digest_that_was_changed_makes_its_day_a_gap(bucket: Bucket) -> None:
    """Somebody struck a log file off it."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 1, 2))
    bucket.load()
    rewrite(trail.digests[27], logFiles=[])
    assert bucket.validate() == 3
    assert bucket.states()[:3] == ["proven", "gap", "proven"]


def test_a_log_file_that_was_refused_makes_its_day_a_gap(bucket: Bucket) -> None:
    """Until it is loaded after all."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 1, 2))
    good = trail.logs[1].read_bytes()
    trail.logs[1].write_bytes(good[:-9])
    assert bucket.load() == 3
    assert bucket.states() == ["loaded", "gap", "loaded"]
    assert "refused" in bucket.days()[1]["reason"]
    trail.logs[1].write_bytes(good)
    assert bucket.load() == 0
    assert bucket.states() == ["loaded"] * 3


def test_a_record_in_the_dead_letters_is_no_proof(bucket: Bucket) -> None:
    """All was delivered, yet not all of it is in the store."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 1, 2), odd=(1,))
    assert bucket.load() == 3
    assert bucket.validate() == 0
    assert bucket.states() == ["proven", "loaded", "proven", "proven"]


def test_log_files_loaded_from_s3_are_known_by_name(bucket: Bucket) -> None:
    """The ledger has no hash of their bytes."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 1))
    bucket.run("load", str(trail.logs[0]))
    assert bucket.validate() == 0
    assert bucket.states()[:2] == ["proven", "gap"]
    name = f"s3://{BUCKET}/{trail.logs[1].relative_to(trail.folder)}"
    store = bucket.backend.open()
    store.prepare(loading=True)
    store.commit([LogFile(id="s3", time=START, name=name, size=1, account=ACCOUNT, region="eu-west-1")])
    store.close()
    assert bucket.states()[:2] == ["proven", "proven"]


def test_what_a_fuller_copy_proved_stays_proven(bucket: Bucket) -> None:
    """A copy that lacks digests or log files says nothing against what is in the store."""
    trail = bucket.trail()
    deliver(trail, busy=(0, 2))
    bucket.load()
    bucket.validate()
    for path in (*trail.digests[40:], *trail.logs):
        path.unlink()
    assert bucket.validate() == 3
    assert bucket.states() == ["proven"] * 4


def test_late_files_are_told_and_count_for_their_day(bucket: Bucket) -> None:
    """Two days later: the day is as proven as its digests, and a gap while the late file is not loaded."""
    trail = bucket.trail()
    for hour in range(24 * 3 + 2):
        trail.hour(*([calls(START + timedelta(hours=20))] if hour == 50 else []))
    late = trail.logs[0]
    aside = late.rename(bucket.folder.parent / "aside.gz")
    bucket.load()
    write(bucket.folder / "other.json.gz", calls(START + timedelta(hours=30), eventID="other"))
    bucket.load()
    assert bucket.validate() == 3
    assert bucket.days()[0]["state"] == "gap"
    aside.rename(late)
    bucket.load()
    bucket.validate()
    (first, second, *_) = bucket.days()
    assert (first["state"], first["late"], first["events"]) == ("proven", 1, 1)
    assert (second["state"], second["late"]) == ("proven", 0)


def test_every_trail_of_a_region_has_to_prove_a_day(bucket: Bucket) -> None:
    """One trail may record what the other does not."""
    deliver(bucket.trail(), busy=(0, 2))
    other = bucket.trail(name="data")
    deliver(other, busy=(1,))
    bucket.load()
    bucket.validate()
    assert bucket.states() == ["proven"] * 4
    other.digests[80].unlink()
    store = bucket.backend.open()
    store.prepare(loading=True)
    store.remove(DIGESTS, Everything())
    store.close()
    bucket.validate()
    assert bucket.states() == ["proven", "proven", "proven", "gap"]


def test_a_quiet_day_of_an_account_is_quiet_in_every_region(bucket: Bucket) -> None:
    """For reports a day is proven quiet only where each region the account is logged in is."""
    deliver(bucket.trail(), busy=(0, 2))
    second = bucket.trail(region="us-east-1")
    deliver(second, busy=(0, 2))
    bucket.load()
    assert bucket.coverage().gaps == {date(2026, 8, 2)}
    second.digests[30].unlink()
    bucket.validate()
    assert bucket.states() == ["proven"] * 4
    assert bucket.states("us-east-1")[:3] == ["proven", "gap", "proven"]
    assert bucket.coverage().gaps == {date(2026, 8, 2)}
    assert bucket.coverage().quiet == set()


def test_proven_quiet_days_are_no_gaps_for_reports(bucket: Bucket) -> None:
    """They are days of observation, also at the window's edges."""
    trail = bucket.trail()
    deliver(trail, busy=(1, 3), days=6)
    bucket.load()
    assert bucket.coverage().gaps == {date(2026, 8, 3)}
    bucket.validate()
    found = bucket.coverage()
    assert not found.gaps
    assert found.quiet == {date(2026, 8, 3)}
    assert found.days_since(START) == 3
    wide = bucket.coverage(Window(START, START + timedelta(days=6)))
    assert wide.first_day == FIRST
    assert wide.days_since(START) == 6
    assert wide.problem is None


def test_a_report_concludes_where_quiet_is_proven(bucket: Bucket) -> None:
    """Four quiet days of ten are too many gaps; proven, the permission is unused."""
    deliver(bucket.trail(), busy=(0, 2, 3, 4, 6, 9), days=10)
    iam = bucket.folder.parent / "iam.json"
    iam.write_text(json.dumps(account(role(statement("ec2:RunInstances")))))
    bucket.load()
    asked = ("report", "--role", "worker", "--iam", str(iam), "--min-days", "5", "--format", "json")

    def marker() -> str:
        rows = {row["action"]: row for row in json.loads(bucket.run(*asked)[1])}
        return str(rows["ec2:RunInstances"]["marker"])

    assert marker() == "?"
    assert bucket.validate() == 0
    assert marker() == "-"


ROLES = account(role(statement("iam:CreateUser", "iam:ListUsers", "ec2:RunInstances")))


def markers(bucket: Bucket) -> dict[str, str]:
    """What the report on the worker says of its actions, and why of one that only us-east-1 would show."""
    iam = bucket.folder.parent / "iam.json"
    iam.write_text(json.dumps(ROLES))
    asked = ("report", "--role", "worker", "--iam", str(iam), "--min-days", "3", "--format", "json")
    rows = {row["action"]: row for row in json.loads(bucket.run(*asked)[1])}
    return {action: row["marker"] for action, row in rows.items()} | {"why": rows["iam:CreateUser"]["reason"]}


def two_regions(bucket: Bucket) -> Trail:
    """A trail of both, with calls in eu-west-1 alone; what it delivers of us-east-1."""
    deliver(bucket.trail(), busy=range(4))
    quiet = bucket.trail(region="us-east-1", home="eu-west-1")
    deliver(quiet, busy=())
    bucket.load()
    return quiet


def test_a_home_region_proven_quiet_shows_that_nothing_was_called(bucket: Bucket) -> None:
    """IAM logs in us-east-1 alone: without a call there it takes the digests of the trail that logs the others."""
    two_regions(bucket)
    before = markers(bucket)
    assert (before["iam:CreateUser"], before["iam:ListUsers"], before["ec2:RunInstances"]) == ("?", "?", "-")
    assert bucket.coverage().quiet_regions == frozenset()
    assert bucket.validate() == 0
    after = markers(bucket)
    assert (after["iam:CreateUser"], after["iam:ListUsers"], after["ec2:RunInstances"]) == ("-", "-", "-")
    assert "digests prove that nothing was called in us-east-1" in after["why"]
    assert bucket.coverage().quiet_regions == {"us-east-1"}


def test_digests_of_part_of_the_time_prove_no_home_region(bucket: Bucket) -> None:
    """One of the days of us-east-1 is not proven: something may have been called then."""
    two_regions(bucket).digests[30].unlink()
    bucket.validate()
    assert bucket.coverage().quiet_regions == frozenset()
    assert markers(bucket)["iam:CreateUser"] == "?"


def test_digests_of_another_trail_prove_no_home_region(bucket: Bucket) -> None:
    """It may record data events alone; the one that logs the calls has nothing of us-east-1."""
    deliver(bucket.trail(), busy=range(4))
    for region in ("eu-west-1", "us-east-1"):
        deliver(bucket.trail(region=region, name="data", home="eu-west-1"), busy=())
    bucket.load()
    assert bucket.validate() == 0
    assert bucket.states("us-east-1") == ["proven"] * 4
    assert bucket.coverage().quiet_regions == frozenset()
    assert markers(bucket)["iam:CreateUser"] == "?"


def test_a_region_without_events_is_quiet_and_unproven(bucket: Bucket) -> None:
    """While another region of the account has some; a day on which none has is a gap in each."""
    for day, region in ((0, "eu-west-1"), (0, "us-east-1"), (1, "eu-west-1"), (3, "us-east-1")):
        at = START + timedelta(days=day, hours=5)
        write(bucket.folder / f"{day}-{region}.json", calls(at, awsRegion=region, eventID=f"{day}-{region}"))
    bucket.load()
    assert bucket.states() == ["loaded", "loaded", "gap", "quiet, unproven"]
    assert bucket.states("us-east-1") == ["loaded", "quiet, unproven", "gap", "loaded"]


def test_data_events_are_told_by_type(bucket: Bucket) -> None:
    """And whether read events were seen: none means a trail of writes alone."""
    data = {
        "eventCategory": "Data",
        "managementEvent": False,
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/k"}],
    }
    at = START + timedelta(hours=1)
    plain = data | {"resources": None, "eventID": "plain", "eventSource": "dynamodb.amazonaws.com"}
    write(bucket.folder / "a.json", [*calls(at, readOnly=False), *calls(at, eventID="d", **data), *calls(at, **plain)])
    bucket.load()
    (row,) = bucket.days()
    assert row["data_types"] == ["AWS::S3::Object", "dynamodb.amazonaws.com"]
    assert (row["events"], row["read_events"]) == (3, False)


def test_accounts_and_windows_are_chosen(bucket: Bucket) -> None:
    """By recipient account; a window cuts both ways, and its edges are shown though nothing is known of them."""
    deliver(bucket.trail(), busy=(0, 2))
    other = "444455556666"
    write(bucket.folder / "o.json", calls(START, recipientAccountId=other, eventID="other"))
    bucket.load()
    bucket.validate()
    assert {row["account"] for row in bucket.days()} == {ACCOUNT, other}
    assert {row["account"] for row in bucket.days("--account", other)} == {other}
    cut = bucket.days("--account", ACCOUNT, "--since", "2026-08-02", "--until", "2026-08-06")
    assert [row["day"] for row in cut] == [f"2026-08-0{day}" for day in range(2, 7)]
    assert [row["state"] for row in cut] == ["proven", "proven", "proven", "gap", "gap"]


def test_an_empty_store_has_nothing_to_show(bucket: Bucket) -> None:
    """It says so, and is no error."""
    bucket.folder.mkdir()
    write(bucket.folder / "empty.json", [])
    bucket.load()
    code, out, _ = bucket.run("coverage")
    assert code == 0
    assert "Nothing is loaded" in out
    assert bucket.days() == []


def test_validate_makes_no_store(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that nothing is kept."""
    deliver(bucket.trail(), busy=(0,), days=1)
    monkeypatch.chdir(tmp_path)
    assert main(["validate", str(bucket.folder), "--public-keys", str(bucket.keys)]) == 0
    assert "not kept" in bucket._capsys.readouterr()[1]
    assert not (tmp_path / "cloudsearch.duckdb").exists()


def test_a_store_of_before_digests_is_read(bucket: Bucket) -> None:
    """One that an older version made has no place for them yet; validate makes it."""
    deliver(bucket.trail(), busy=(0, 2))
    bucket.load()
    forget_digests(bucket.backend)
    assert bucket.states() == ["loaded", "gap", "loaded"]
    forget_digests(bucket.backend)
    assert bucket.validate() == 0
    assert bucket.states() == ["proven"] * 4


def forget_digests(backend: Backend) -> None:
    """Leave the store as one that never had the table."""
    place = backend.place
    if isinstance(place, FilePlace):
        with duckdb.connect(str(place.path)) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {DIGESTS.name}")
    elif isinstance(backend, Elasticsearch):
        backend.ask("DELETE", f"/{place.prefix}.{DIGESTS.name}")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("coverage.txt", ["coverage"]),
        ("coverage.csv", ["coverage", "--format", "csv"]),
        ("coverage.jsonl", ["coverage", "--format", "jsonl", "--until", "2026-08-02"]),
        ("validate.txt", []),
    ],
)
def test_golden(bucket: Bucket, name: str, arguments: list[str]) -> None:
    """What is printed is what is in the golden file, 80 columns wide; ``CLOUDSEARCH_WRITE_GOLDEN=1`` writes it."""
    deliver(bucket.trail(), busy=(0, 2))
    second = bucket.trail(region="us-east-1")
    deliver(second, busy=(0, 1))
    second.digests[77].unlink()
    rewrite(second.logs[1], Records=calls(START + timedelta(hours=27), eventID="changed"))
    late = bucket.trail(account="444455556666")
    late.hour(calls(START, recipientAccountId="444455556666", eventID="late"))
    bucket.load()
    validated = bucket.run("validate", str(bucket.folder), "--public-keys", str(bucket.keys))
    _, out, _ = bucket.run(*arguments) if arguments else validated
    path = GOLDEN / name
    if os.environ.get("CLOUDSEARCH_WRITE_GOLDEN"):
        path.write_text(out)
    assert out == path.read_text()
    if name.endswith(".txt"):
        assert not [line for line in out.splitlines() if len(line) > 80 and "s3://" not in line]


def test_deliveries_end_with_the_digest(bucket: Bucket) -> None:
    """A day of which the hour after midnight is not yet digested is not proven."""
    trail = bucket.trail()
    for _ in range(25):
        trail.hour()
    write(bucket.folder / "a.json", calls(START + timedelta(hours=2)))
    bucket.load()
    bucket.validate()  # the last of the 25 is unproven
    assert bucket.states() == ["loaded"]
    trail.hour()
    bucket.validate()
    assert bucket.states() == ["proven"]
    assert gzip.decompress(trail.digests[0].read_bytes()).startswith(b'{"awsAccountId"')
    assert START.tzinfo is UTC
