"""``actions --refresh``: AWS's Service Reference fetched over HTTP, kept, and used; and all that may go wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsearch.catalogue import Catalogue, bundled
from cloudsearch.catalogue.cache import Cache, CacheError, keep, path
from cloudsearch.catalogue.download import NotServed, Site
from cloudsearch.catalogue.model import ANY_ARN
from cloudsearch.catalogue.reference import page
from cloudsearch.cli import main
from cloudsearch.render.refresh import Progress
from tests.reference_site import CASES, PAGES, ReferenceSite, send, serving

SECOND = timedelta(seconds=1)
NEWER = bundled.release().updated_at + SECOND
OLDER = bundled.release().updated_at - SECOND
MANY = {f"service{n}": PAGES["newservice"] | {"Name": f"service{n}"} for n in range(30)}


class Run:
    """Runs commands with a cache of this test's own."""

    def __init__(self, folder: Path, site: ReferenceSite, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self.file = folder / "cache" / "service-reference.zip"
        self._capsys = capsys

    def refresh(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        self._capsys.readouterr()
        return (main(["actions", "--refresh", *arguments]), *self._capsys.readouterr())

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another process, which looks at the cache afresh."""
        command = [sys.executable, "-m", "cloudsearch", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture
def site() -> Iterator[ReferenceSite]:
    """A web site that serves the pages of the cases."""
    with serving() as site:
        yield site


@pytest.fixture
def run(
    tmp_path: Path, site: ReferenceSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Commands that fetch from the site and keep what they fetch in this test's folder."""
    monkeypatch.setenv("CLOUDSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", site.url)
    return Run(tmp_path, site, capsys)


def kept(folder: Path, pages: dict[str, Any], fetched_at: datetime = NEWER) -> Cache:
    """A cache that holds these pages."""
    file = folder / "kept.zip"
    keep(
        file, {name: json.dumps(raw).encode() for name, raw in pages.items()}, fetched_at=fetched_at, source="https://x"
    )
    return Cache(file)


# What is fetched, and how it is used


def test_a_refresh_is_used_by_the_next_command(run: Run) -> None:
    """A service that the bundled data do not know is known, and the version tells where from and when."""
    before = run.command("actions", "newservice:CreateThing", "--format", "json")
    assert json.loads(before.stdout)[0]["how"] == "unknown"
    code, out, err = run.refresh("--format", "json")
    receipt = json.loads(out)
    assert (code, err) == (0, "")
    assert {key: receipt[key] for key in ("source", "services", "actions", "operations", "left_out")} == {
        "source": run.site.url,
        "services": 3,
        "actions": 6,
        "operations": 3,
        "left_out": [],
    }
    (row,) = json.loads(run.command("actions", "newservice:CreateThing", "--format", "json").stdout)
    assert (row["action"], row["access_level"]) == ("newservice:CreateThing", "Write")
    absent = len(bundled.services()) - 2
    today = f"AWS Service Reference ({datetime.now(UTC):%Y-%m-%d}); {bundled.release()} for {absent} services"
    assert today in run.command("--version").stdout


def test_the_receipt_for_people(run: Run) -> None:
    """What was fetched, from where, and where it is; nothing on stderr where that is no terminal."""
    code, out, err = run.refresh()
    assert (code, err) == (0, "")
    first, source, place = out.splitlines()
    assert first == "3 services, 6 actions, 3 operations with their actions"
    assert source.startswith(f"fetched from {run.site.url} on ")
    assert place == f"kept in {run.file}, {run.file.stat().st_size:,} bytes"
    assert run.refresh("--format", "csv")[1].splitlines()[0].startswith("source,fetched_at,file,size,seconds,services,")


def test_the_cache_is_its_owner_s_alone(run: Run) -> None:
    """Folder 0700, file 0600, and nothing else left in it."""
    run.refresh()
    assert stat.S_IMODE(run.file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(run.file.stat().st_mode) == 0o600
    assert list(run.file.parent.iterdir()) == [run.file]


@pytest.mark.parametrize("case", CASES["levels"], ids=lambda case: "+".join(case["flags"]) or "none")
def test_access_levels_come_from_annotations(case: dict[str, Any]) -> None:
    """AWS's four flags do not exclude each other; IAM's five words do."""
    names = ("IsList", "IsPermissionManagement", "IsTaggingOnly", "IsWrite")
    flags = {name: name in case["flags"] for name in names}
    raw = {"Name": "x", "Actions": [{"Name": "Do", "Annotations": {"Properties": flags}}]}
    assert page(json.dumps(raw).encode(), "x").actions["do"].access_level == case["level"]


def test_a_newer_page_takes_the_place_of_the_bundled_service(tmp_path: Path) -> None:
    """Actions, levels, condition keys, types and ARNs are the page's; a service without one keeps what it had."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    action = found.find("S3:getobject")
    assert action
    assert action.condition_keys == ("s3:ExistingObjectTag/<key>", "s3:NewlyInvented")
    assert action.resource_types == ("object", "accesspointobject")
    assert found.find("s3:DeleteBucket") is None
    assert found.actions_of("iam") == Catalogue().actions_of("iam")
    assert set(found.services) == set(Catalogue().services) | {"newservice"}
    assert [one.name for one in found.expand("newservice:*")] == ["newservice:CreateThing"]
    assert not found.notices


def test_arns_are_the_page_s(tmp_path: Path) -> None:
    """Each format a pattern; a type without one keeps its old ARNs, and without any may be any ARN, never ``*``."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.arn_patterns("newservice:CreateThing") == (
        "arn:*:newservice:*:*:thing/*",
        "arn:*:newservice:::thing/*",
        ANY_ARN,
    )
    assert found.arn_patterns("s3:ListAllMyBuckets") == ()
    objects = found.arn_patterns("s3:GetObject")
    assert objects[0] == "arn:*:s3:::*/*"
    assert set(objects[1:]) == set(Catalogue().arn_patterns("s3:GetObject")) - {objects[0]} != set()


def test_a_level_the_page_does_not_tell_is_never_guessed(tmp_path: Path) -> None:
    """It stays the old one; an action that never had one is not taken, since reads and writes are judged apart."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    policy = found.find("s3:PutBucketPolicy")
    assert policy
    assert policy.access_level == "Permissions management"
    assert found.find("s3:NeverSeenBefore") is None


def test_a_page_without_actions_says_nothing(tmp_path: Path) -> None:
    """It takes nothing away from what is known."""
    assert bundled.service("resource-explorer").actions
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.actions_of("resource-explorer") == Catalogue().actions_of("resource-explorer")


def test_bundled_data_win_over_an_older_cache(tmp_path: Path) -> None:
    """An update of the package is not undone by an old refresh, whose operations still count."""
    found = Catalogue(kept(tmp_path, dict(PAGES), OLDER))
    assert found.everything == Catalogue().everything
    assert found.version == Catalogue().version == str(bundled.release())
    assert found.operations("newservice")
    assert found.last_accessed("s3:CreateBucket") is True


def test_operations_have_every_action_they_may_be_authorised_by(tmp_path: Path) -> None:
    """Of one name in two clients, both; what AWS has not mapped is not there, rather than there with nothing."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.operations("S3") == {
        "GetObject": ("s3:GetObject", "s3-object-lambda:GetObject", "s3:GetObjectVersion"),
        "DeleteBucket": ("s3:DeleteBucket", "s3-outposts:DeleteBucket"),
    }
    assert found.operations("newservice") == {"CreateThing": ("newservice:CreateThing", "iam:PassRole")}
    assert found.operations("iam") == Catalogue().operations("s3") == {}


def test_last_accessed_is_yes_no_or_not_told(tmp_path: Path) -> None:
    """In any case of the name; silence is not a no."""
    found = Catalogue(kept(tmp_path, dict(PAGES)))
    assert found.last_accessed("S3:createBucket") is True
    assert found.last_accessed("s3:GetObject") is False
    for silent in ("s3:ListAllMyBuckets", "s3:PutBucketPolicy", "iam:PassRole", "s3:Nothing", "nothing", ""):
        assert found.last_accessed(silent) is None
    assert Catalogue().last_accessed("s3:CreateBucket") is None


# Where it comes from


def test_a_mirror_may_lie_under_a_path_and_rewrite_addresses_or_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are fetched from the mirror in either case, and from nowhere else."""
    base = f"{run.site.url}/mirror/aws"
    listed = [
        {"service": "s3", "url": "https://servicereference.us-east-1.amazonaws.com/v1/s3/s3.json"},
        {"service": "newservice", "url": f"{base}/v1/newservice/newservice.json"},
    ]
    run.site.files = {f"/mirror/aws{path}": answer for path, answer in run.site.files.items()}
    run.site.files["/mirror/aws/v1/service-list.json"] = json.dumps(listed).encode()
    monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", f"{base}/")
    assert run.refresh()[0] == 0
    assert Cache(run.file).services == {"s3", "newservice"}
    assert all(path.startswith("/mirror/aws/v1/") for path in run.site.asked)


def test_the_list_is_also_looked_for_where_aws_s_page_begins(run: Run) -> None:
    """At the root, as the page on programmatic access says."""
    run.site.files["/"] = run.site.files.pop("/v1/service-list.json")
    assert run.refresh()[0] == 0


@pytest.mark.parametrize(
    "base",
    [
        "http://servicereference.example.org",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "servicereference.example.org",
        "https://",
        "https://user:canary-7@example.org",
        "https://example.org?x=1",
        "https://example.org:port",
        "https://exa mple.org",
        "https://[::1",
    ],
)
def test_only_https_is_trusted(run: Run, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    """Plain http is for this machine alone; what is no base URL is a usage error, and no secret is repeated."""
    monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", base)
    code, out, err = run.refresh()
    assert (code, out) == (2, "")
    assert "canary-7" not in err
    assert "Traceback" not in err


def test_a_redirect_is_followed_on_the_site_only(run: Run) -> None:
    """One within works; one to another site leaves the page out."""
    run.site.serve(MANY)
    run.site.files["/elsewhere"] = run.site.files["/v1/service1/service1.json"]
    run.site.files["/v1/service1/service1.json"] = _redirect(f"{run.site.url}/elsewhere")
    run.site.files["/v1/service2/service2.json"] = _redirect("http://127.0.0.2:9/elsewhere")
    code, out, _ = run.refresh("--format", "json")
    assert code == 0
    ((left_out,),) = [json.loads(out)["left_out"]]
    assert left_out["service"] == "service2"
    assert "another site" in left_out["reason"]


def _redirect(url: str) -> Any:  # noqa: ANN401
    return lambda request: send(request, 302, b"", Location=url)


# What may go wrong


def test_without_a_network_it_says_so_and_everything_else_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, what to set, and bundled data as before."""
    monkeypatch.setenv("CLOUDSEARCH_SERVICE_REFERENCE", "http://127.0.0.1:9")
    code, out, err = run.refresh()
    assert (code, out) == (1, "")
    assert "could not be fetched from http://127.0.0.1:9" in err
    assert "HTTPS_PROXY" in err
    assert str(bundled.release()) in err
    assert len(err.splitlines()) == 1
    assert not run.file.exists()
    assert run.command("actions", "s3:GetObject").returncode == 0


def test_a_fault_that_passes_is_overcome(run: Run) -> None:
    """Unavailable at first, broken off at the second try, whole at the third."""
    path = "/v1/s3/s3.json"
    whole = run.site.files[path]
    assert isinstance(whole, bytes)
    answers = [(503, b"later"), (200, whole[:-9]), (200, whole)]

    def next_one(request: BaseHTTPRequestHandler) -> None:
        status, body = answers.pop(0)
        send(request, status, body, **{"Content-Length": str(len(whole))})

    run.site.files[path] = next_one
    code, out, err = run.refresh("--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["services"] == 3
    assert not answers


def test_a_site_that_breaks_down_half_way_leaves_the_old_data(run: Run) -> None:
    """All pages or none: a page that is still unavailable at the third try ends it."""
    run.refresh()
    before = run.file.read_bytes()
    run.site.files["/v1/newservice/newservice.json"] = 500
    code, out, err = run.refresh()
    assert (code, out) == (1, "")
    assert "HTTP 500" in err
    assert "/v1/newservice/newservice.json" in err
    assert run.file.read_bytes() == before
    assert list(run.file.parent.iterdir()) == [run.file]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (404, "HTTP 404"),
        (403, "HTTP 403"),
        (b"<html>Sign in", "not a page of the Service Reference"),
        (b"\xff\xfe", "not a page of the Service Reference"),
        (b'{"Name": "s3"}', "the page of another service, s3"),
        (b'{"Name": "service7", "Version": "v2.0"}', "of version v2.0, and this cloudsearch reads v1"),
        (b'{"Name": "service7", "Actions": [{"Name": 7}]}', "Expected `str`, got `int`"),
    ],
)
def test_a_page_that_cannot_be_used_is_named_and_left_out(run: Run, answer: bytes | int, reason: str) -> None:
    """The others are kept, and the bundled data stay for it."""
    run.site.serve(MANY)
    run.site.files["/v1/service7/service7.json"] = answer
    code, out, _ = run.refresh()
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("left out: service7, ")]
    assert reason in line
    assert Cache(run.file).services == set(MANY) - {"service7"}


def test_odd_lines_of_the_list_are_left_out(run: Run) -> None:
    """A name that is no prefix never becomes a file's name; an address that is none is not asked for."""
    run.site.serve(MANY)
    run.site.files["/v1/service-list.json"] = json.dumps(
        [
            *[{"service": name, "url": f"https://x/v1/{name}/{name}.json", "new": 1} for name in MANY],
            {"service": "../evil", "url": "https://x/v1/evil"},
            {"service": "odd", "url": "https://[::1"},
        ]
    ).encode()
    code, out, _ = run.refresh("--format", "json")
    assert code == 0
    assert [one["service"] for one in json.loads(out)["left_out"]] == ["../evil", "odd"]
    assert len(run.site.asked) == 1 + len(MANY)


@pytest.mark.parametrize("listed", [b"<html>Sign in", b"[]", b"{}", b'["s3"]', 404])
def test_what_is_no_list_of_services_is_refused(run: Run, listed: bytes | int) -> None:
    """As a captive portal answers everything; nothing is replaced."""
    run.refresh()
    before = run.file.read_bytes()
    run.site.files["/v1/service-list.json"] = run.site.files["/"] = listed
    code, _, err = run.refresh()
    assert code == 1
    assert "has no Service Reference of AWS" in err
    assert run.file.read_bytes() == before


def test_too_many_pages_missing_is_no_service_reference(run: Run) -> None:
    """More than a tenth: nothing is replaced."""
    run.site.serve(MANY)
    for n in range(4):
        run.site.files[f"/v1/service{n}/service{n}.json"] = 404
    code, _, err = run.refresh()
    assert code == 1
    assert "pages cannot be used" in err
    assert not run.file.exists()


def test_an_answer_without_an_end_has_one(site: ReferenceSite) -> None:
    """A size cap holds whether or not the length was told."""
    site.files["/big"] = b"x" * 3000
    site.files["/endless"] = lambda request: send(request, 200, b"x" * 3000, **{"Content-Length": "999999"})
    for name in ("big", "endless"):
        with pytest.raises(NotServed, match="larger than"):
            Site(site.url).get(f"{site.url}/{name}", 2000)
    assert Site(site.url).get(f"{site.url}/big", 3000) == b"x" * 3000


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_stopped_half_way_the_old_data_are_still_there(run: Run, number: int, code: int) -> None:
    """Interrupted or killed, with pages fetched and one still to come; an interruption is quiet and prompt."""
    run.refresh()
    before = run.file.read_bytes()
    waiting, go_on = threading.Event(), threading.Event()

    def hang(request: BaseHTTPRequestHandler) -> None:
        waiting.set()
        go_on.wait(30)
        send(request, 500, b"")

    run.site.files["/v1/newservice/newservice.json"] = hang
    command = [sys.executable, "-m", "cloudsearch", "actions", "--refresh"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.wait(30)
    process.send_signal(number)
    if number == signal.SIGINT:
        go_on.set()
    out, err = process.communicate(timeout=30)
    go_on.set()
    assert (process.returncode, out, err) == (code, "", "")
    assert run.file.read_bytes() == before


def test_what_a_killed_process_left_is_removed_in_time(run: Run) -> None:
    """After an hour, since another process may be writing just now."""
    run.refresh()
    old, new = run.file.parent / ".service-reference-old", run.file.parent / ".service-reference-new"
    for left in (old, new):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    run.refresh()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_folder_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the file, and the variable that names another."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLOUDSEARCH_CACHE", str(tmp_path / "file" / "cache"))
    code, _, err = run.refresh()
    assert code == 1
    assert "could not be written" in err
    assert "CLOUDSEARCH_CACHE" in err


@pytest.mark.parametrize("broken", ["garbage", "truncated", "future", "page"])
def test_a_cache_that_cannot_be_used_is_noted_and_bundled_data_are_used(run: Run, broken: str) -> None:
    """One line on stderr, whatever the command; stdout and exit code are those of the bundled data."""
    bare = run.command("actions", "s3:GetObject").stdout
    run.refresh()
    _break(run.file, broken)
    done = run.command("actions", "s3:GetObject")
    assert (done.returncode, done.stdout) == (0, bare)
    assert done.stderr.startswith(f"note: {run.file}")
    assert "bundled data are used" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    if broken == "future":
        assert "is of format 2" in done.stderr
    if broken != "page":
        version = run.command("--version")
        assert str(bundled.release()) in version.stdout
        assert len(version.stderr.splitlines()) == 1
    run.refresh()
    assert run.command("actions", "s3:GetObject").stderr == ""


def _break(file: Path, how: str) -> None:
    if how == "garbage":
        file.write_bytes(b"no archive" * 99)
    elif how == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
    else:
        with zipfile.ZipFile(file) as old:
            members = {name: old.read(name) for name in old.namelist()}
        if how == "future":
            members["index.json"] = json.dumps(json.loads(members["index.json"]) | {"format": 2}).encode()
        else:
            members["pages/s3.json"] = b'{"Name": "s3", "Actions": 1}'
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
            for name, raw in members.items():
                new.writestr(name, raw)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 1 << 16), value=st.integers(0, 255), cut=st.booleans())
def test_no_damage_raises(tmp_path: Path, at: int, value: int, *, cut: bool) -> None:
    """A byte changed or the end cut off: the bundled action or the page's is found, and nothing else happens."""
    whole = kept(tmp_path, dict(PAGES)).file.read_bytes()
    at %= len(whole)
    file = tmp_path / "damaged.zip"
    file.write_bytes(whole[:at] + (b"" if cut else bytes([value]) + whole[at + 1 :]))
    try:
        found = Catalogue(Cache(file))
    except CacheError as error:
        assert str(file) in str(error)  # noqa: PT017 (either way is right)
        return
    names = {action.name for service in ("s3", "newservice") for action in found.actions_of(service)}
    assert "s3:GetObject" in names
    assert found.find("s3:PutBucketPolicy")


def test_a_process_goes_on_reading_what_it_began_with(run: Run) -> None:
    """A refresh meanwhile changes nothing for it."""
    run.refresh()
    found = Catalogue(Cache(run.file))
    run.site.serve({"s3": PAGES["s3"] | {"Actions": PAGES["s3"]["Actions"][:1]}})
    run.refresh()
    assert len(found.actions_of("s3")) == 4
    assert found.find("newservice:CreateThing")
    assert not found.notices
    assert len(Catalogue(Cache(run.file)).actions_of("s3")) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"CLOUDSEARCH_CACHE": "/own", "XDG_CACHE_HOME": "/xdg"}, "/own/service-reference.zip"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/cloudsearch/service-reference.zip"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/someone/.cache/cloudsearch/service-reference.zip"),
        ({}, "/home/someone/.cache/cloudsearch/service-reference.zip"),
    ],
)
def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    """CLOUDSEARCH_CACHE, else the XDG folder, else ~/.cache."""
    for name in ("CLOUDSEARCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(path()) == expected


def test_progress_shows_on_a_terminal_alone() -> None:
    """A line of how many are done there, not a byte elsewhere."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shows in ((Terminal(), True), (io.StringIO(), False)):
        with Progress(stream) as progress:
            progress(1, 457)
        assert ("1 of 457 services" in stream.getvalue()) is shows
        assert bool(stream.getvalue()) is shows
