"""What may go wrong in a refresh, or with what one has kept: the old data, or the bundled ones, are there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsearch.catalogue import Catalogue, bundled
from cloudsearch.catalogue.cache import Cache, CacheError
from cloudsearch.catalogue.download import NotServed, Site
from tests.reference_site import MANY, PAGES, Run, kept, running, send


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Commands that fetch from a site of the cases and keep what they fetch in this test's folder."""
    with running(tmp_path, monkeypatch, capsys) as run:
        yield run


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


def test_an_answer_without_an_end_has_one(run: Run) -> None:
    """A size cap holds whether or not the length was told."""
    site = run.site
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
