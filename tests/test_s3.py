"""Buckets: every trail's log files are found and loaded once, with few requests, and nothing else is read."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.cli import main
from cloudsearch.logs import Selection, Source
from cloudsearch.logs.selection import folder
from cloudsearch.store import Store
from tests.aws import SmallAws
from tests.buckets import BUCKET, Heard, Trails, digests, held, identities, key, keys, listed, load, packed
from tests.logfiles import ACCOUNT, record
from tests.logfiles import write as write_file

OTHER = "444455556666"


@pytest.fixture
def trails(aws: SmallAws) -> Trails:
    """A bucket without anything in it. Its name is the test's own: connections to buckets last as long as a process."""
    return Trails(aws, f"{BUCKET}-{aws.url.rpartition(':')[2]}")


def found(trails: Trails, prefix: str = "", selection: Selection | None = None) -> list[str]:
    """Keys found."""
    return keys(listed(trails.place, prefix, selection or Selection()), trails.name)


def test_every_trail_of_a_bucket_is_found(trails: Trails, store: Store) -> None:
    """Plain and organisation trails, with and without a prefix, each account and region; no other service's logs."""
    wanted = [
        trails.put(key(1), 1, 2),
        trails.put(key(2, region="us-east-1", account=OTHER), 3),
        trails.put(key(3, prefix="team/one/"), 4),
        trails.put(key(4, prefix="o-abcdefghij/").replace("AWSLogs/", "AWSLogs/o-abcdefghij/"), 5),
        trails.put(key(5, kind="CloudTrail-Insight"), 6),
    ]
    trails.write(key(6, kind="CloudTrail-Digest"), b"never read")
    trails.write(f"AWSLogs/{ACCOUNT}/elasticloadbalancing/eu-west-1/2026/08/01/lb.log.gz", b"never read")
    trails.write(f"AWSLogs/{ACCOUNT}/CloudTrail/", b"")
    heard = Heard()
    done = load(store, trails.place, heard=heard)
    assert (done["loaded"], done["refused"], done["skipped"]) == (5, 0, {"digests": 1, "not_log_files": 0})
    assert held(store) == identities(range(1, 7))
    assert found(trails) == sorted(wanted)
    assert heard.problems == {}
    assert trails.aws.calls.count("s3:GetObject") == 5


def test_loading_twice_loads_nothing_twice(trails: Trails, store: Store) -> None:
    """The second load reads no object at all."""
    for number in range(30):
        trails.put(key(number, day=f"2026/08/{number + 1:02}"), number, number + 1)
    done = load(store, trails.place)
    assert (done["loaded"], done["created"], done["existing"]) == (30, 31, 29)
    trails.aws.calls.clear()
    done = load(store, trails.place)
    assert (done["already_loaded"], done["read"]) == (30, 0)
    assert "s3:GetObject" not in trails.aws.calls
    assert held(store) == identities(range(31))


def test_a_key_that_is_written_over_is_loaded_again(trails: Trails, store: Store) -> None:
    """It has another ETag; written again with the same bytes it is the same file."""
    trails.put(key(1), 1)
    load(store, trails.place)
    trails.put(key(1), 1)
    assert load(store, trails.place)["already_loaded"] == 1
    trails.put(key(1), 1, 2)
    done = load(store, trails.place)
    assert (done["loaded"], done["created"], done["existing"]) == (1, 1, 1)


def test_a_late_key_is_found_wherever_it_arrives(trails: Trails, store: Store) -> None:
    """Before all that is loaded, in an older day, in a region that sorts first: no marker is kept."""
    trails.put(key(5, day="2026/08/05"), 5)
    load(store, trails.place)
    trails.put(key(4, day="2026/08/05"), 4)
    trails.put(key(3, day="2026/07/01"), 3)
    trails.put(key(2, region="af-south-1"), 2)
    assert load(store, trails.place)["loaded"] == 3
    assert held(store) == identities([2, 3, 4, 5])


def test_what_a_path_says_selects(trails: Trails) -> None:
    """By account, region and day; the two days after the window are looked into, for what was delivered late."""
    days = [f"2026/{day}" for day in ("07/30", "07/31", "08/01", "08/02", "08/03", "08/04", "08/05")]
    for number, day in enumerate(days):
        trails.put(key(number, day=day), number)
        trails.put(key(number, day=day, account=OTHER, region="us-east-1"), 100 + number)
    trails.put("AWSLogs/notes.json.gz", 7)

    def said(selection: Selection) -> list[tuple[str, str, str]]:
        inside = [folder(one[: one.rfind("/") + 1]) for one in found(trails, selection=selection)]
        return [(one.account or "", one.region or "", one.date) for one in inside if one]

    since, until = datetime(2026, 7, 31, 5, tzinfo=UTC), datetime(2026, 8, 2, tzinfo=UTC)
    both = said(Selection(since=since, until=until))
    assert {date for *_, date in both} == {"", "2026/07/31", "2026/08/01", "2026/08/02", "2026/08/03"}
    assert len(both) == 9
    assert {account for account, *_ in said(Selection(accounts=(OTHER,)))} == {OTHER, ""}
    assert {region for _, region, _ in said(Selection(regions=("us-east-1",)))} == {"us-east-1", ""}
    assert said(Selection(accounts=("999999999999",))) == [("", "", "")]


def test_a_prefix_is_a_folder_or_a_key(trails: Trails) -> None:
    """Anywhere in the layout; a folder whose name only begins so is another."""
    one, two = trails.put(key(1, prefix="a/"), 1), trails.put(key(2, prefix="ab/"), 2)
    assert found(trails, "a") == found(trails, "a/") == found(trails, "a/AWSLogs") == [one]
    assert found(trails, f"a/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/08") == [one]
    assert found(trails, two) == [two]
    assert found(trails) == [one, two]
    trails.aws.refuse(f"s3:ListObjectsV2 {trails.name}/a")  # as where only a/* may be listed
    assert found(trails, "a") == [one]


def test_what_lies_beside_is_said(trails: Trails, store: Store) -> None:
    """Where there are AWSLogs folders, other folders are not read, and named; where there are none, all is read."""
    trails.put(key(1, prefix="team/"), 1)
    trails.put("backup/2026/a.json.gz", 2)
    trails.put("team/notes/b.json.gz", 3)
    heard = Heard()
    assert load(store, trails.place, heard=heard)["loaded"] == 1
    assert [text.rpartition(": ")[2] for text in heard.notes] == ["backup/, team/notes/"]
    trails.put("team/AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/c.json.gz", 4)
    assert load(store, trails.place, "team/AWSLogs", heard=heard)["already_loaded"] == 1
    assert "not in CloudTrail's layout" in heard.notes[-1]
    assert load(store, trails.place, "backup")["loaded"] == 1
    assert held(store) == identities([1, 2])


def test_a_local_load_asks_nothing_of_aws(tmp_path: Path) -> None:
    """Not even boto3 is imported for it."""
    path = write_file(tmp_path / "a.json", [record(1)])
    program = (
        "import sys; from cloudsearch.cli import main; "
        f"assert main(['load', {str(path)!r}, '--store', {str(tmp_path / 's.duckdb')!r}]) == 0; "
        "sys.exit(bool({'boto3', 'obstore'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    "name",
    [
        "../../x.json.gz",
        "a//b.json.gz",
        "/lead.json.gz",
        "a/./b.json.gz",
        "x" * 1017 + ".json",
        "blank and + and %41 and ünï/ß.json.gz",
        "it's (1) <&>.json.gz",
    ],
)
def test_strange_keys_are_keys(trails: Trails, store: Store, name: str) -> None:
    """They are read, known again, and lead to no file on this machine."""
    trails.put(name, 1)
    trails.put("plain.json.gz", 2)
    done = load(store, trails.place)
    assert (done["loaded"], done["created"]) == (2, 2)
    assert load(store, trails.place)["already_loaded"] == 2


def test_more_keys_than_a_page_holds(trails: Trails) -> None:
    """Over a thousand with one time and in one folder, and many days beside: all are found, once."""
    busy = {trails.write(key(number, day="2026/08/02"), b"{}") for number in range(1003)}
    quiet = {trails.write(key(1, day=f"2026/07/{day:02}"), b"{}") for day in range(1, 6)}
    elsewhere = trails.write(key(1, region="us-east-1"), b"{}")
    assert found(trails) == sorted(busy | quiet | {elsewhere})
    trails.aws.requests.clear()
    assert found(trails, selection=Selection(until=datetime(2026, 7, 2, tzinfo=UTC))) == [
        key(1, day=f"2026/07/{day:02}") for day in (1, 2, 3)
    ]
    asked = [request.path for request in trails.aws.requests if request.call == "s3:ListObjectsV2"]
    assert not [path for path in asked if "2026%2F08" in path]


def test_a_quiet_trail_costs_few_requests(trails: Trails) -> None:
    """A year of a region that fits on a page is one request, with and without a window."""
    for month in range(1, 13):
        trails.write(key(month, day=f"2026/{month:02}/10"), b"{}")
    for selection, count in ((Selection(), 12), (Selection(since=datetime(2026, 6, 1, tzinfo=UTC)), 7)):
        trails.aws.calls.clear()
        assert len(found(trails, "AWSLogs/", selection)) == count
        assert trails.aws.calls.count("s3:ListObjectsV2") <= 4


def test_the_bucket_s_region_is_looked_up(aws: SmallAws, store: Store) -> None:
    """Whatever region the configuration names, the bucket's own is asked."""
    trails = Trails(aws, f"{BUCKET}-far-{aws.url.rpartition(':')[2]}", "ap-southeast-2")
    trails.put(key(1), 1)
    assert load(store, trails.place)["loaded"] == 1
    regions = {request.signed[1] for request in aws.requests if request.call != "s3:HeadBucket"}
    assert regions == {"ap-southeast-2"}


def test_sources_can_be_sent_to_another_process(trails: Trails) -> None:
    """A crew's process opens them for itself."""
    trails.put(key(1), 1)
    (source,) = listed(trails.place)
    again = pickle.loads(pickle.dumps(source))  # noqa: S301 (our own)
    assert isinstance(again, Source)
    assert again == source
    assert again.read() == packed(record(1))


def test_a_large_object_goes_over_the_disk(trails: Trails, store: Store) -> None:
    """It is loaded as any other is."""
    trails.write(key(1), packed(record(1)) + b"\0" * (9 << 20))  # padding, which gzip passes over
    assert load(store, trails.place)["created"] == 1


def test_the_command_line_mixes_places(trails: Trails, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder, a bucket by its URL and one by its name; what is loaded already is not loaded again."""
    trails.put(key(1, prefix="a/"), 1)
    trails.put(key(2, prefix="b/"), 2)
    local = write_file(tmp_path / "logs" / "c.json", [record(3)])
    store = ["--store", str(tmp_path / "store.duckdb")]
    places = [str(local), f"s3://{trails.name}/a", "--bucket", trails.name, "--prefix", "b"]
    assert main(["load", *places, *store]) == 0
    assert "3 log files: 3 loaded, 0 already loaded, 0 refused" in capsys.readouterr().out
    assert main(["load", "--bucket", trails.name, *store]) == 0
    assert "2 log files: 0 loaded, 2 already loaded" in capsys.readouterr().out


def test_a_dry_run_reads_and_makes_nothing(trails: Trails, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what a load would do; after half of a load, of the other half."""
    for number in range(4):
        trails.put(key(number, day=f"2026/08/{number + 1:02}"), number)
    store = tmp_path / "store.duckdb"
    command = ["load", f"s3://{trails.name}", "--store", str(store)]
    assert main([*command, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert not store.exists()
    assert "4 files: 4 to load" in said
    assert "4 get" in said
    assert "USD" in said
    assert "https://aws.amazon.com/s3/pricing/" in said
    assert "s3:GetObject" not in trails.aws.calls
    assert main([*command, "--until", "2026-07-31"]) == 0
    capsys.readouterr()
    trails.aws.calls.clear()
    assert main([*command, "--dry-run", "--format", "json"]) == 0
    assert '"listed":4,"already_loaded":2,"to_load":2,"refused":0' in capsys.readouterr().out
    assert "s3:GetObject" not in trails.aws.calls


@pytest.mark.parametrize(
    "arguments",
    [
        ["--prefix", "a"],
        ["s3://"],
        ["logs", "--profile", "x"],
        ["--bucket", "b", "--external-id", "x"],
        ["--bucket", "b", "--account", "12"],
        ["--bucket", "b", "--since", "yesterday"],
    ],
)
def test_what_makes_no_sense_together(arguments: list[str]) -> None:
    """Is a mistake of usage, before anything is asked."""
    assert main(["load", *arguments]) == 2


def test_local_files_are_selected_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By what their paths say."""
    for number, day in enumerate(("2026/08/01", "2026/08/20")):
        write_file(tmp_path / key(number, day=day), [record(number)])
    write_file(tmp_path / "AWSLogs" / "plain.json", [record(7)])
    store = ["--store", str(tmp_path / "store.duckdb")]
    assert main(["load", str(tmp_path / "AWSLogs"), "--since", "2026-08-10", *store]) == 0
    assert "2 log files: 2 loaded" in capsys.readouterr().out


def test_digests_are_counted_not_read(trails: Trails) -> None:
    """Their path says what they are."""
    for number in range(3):
        trails.write(key(number, kind="CloudTrail-Digest"), b"x")
    assert digests(listed(trails.place)) == 3


@given(
    since=st.dates(date(2025, 1, 1), date(2027, 1, 1)),
    days=st.integers(1, 400),
    day=st.dates(date(2025, 1, 1), date(2027, 1, 1)),
)
def test_a_folder_is_entered_where_a_file_in_it_is_wanted(since: date, days: int, day: date) -> None:
    """Year, month and day of a wanted file are entered, and it comes after what is skipped."""
    start = datetime.fromisoformat(f"{since}T00:00:00+00:00")
    selection = Selection(since=start, until=start + timedelta(days=days))
    path = f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/"
    year, month, number = str(day).split("-")
    wanted = selection.takes(ACCOUNT, "eu-west-1", str(day))
    region = folder(path)
    deepest = folder(f"{path}{year}/{month}/{number}/")
    assert region is not None
    assert deepest is not None
    assert selection.enters(deepest) == wanted
    for above in (f"{path}{year}/", f"{path}{year}/{month}/"):
        inside = folder(above)
        assert inside is not None
        assert selection.enters(inside) or not wanted
        if wanted:
            assert above + selection.after(inside) <= f"{path}{year}/{month}/{number}/"
