"""Files are found once each, whatever leads to them, and what cannot be read is named."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from cloudsearch.errors import SourceError
from cloudsearch.logs import Source, Unreadable, find
from cloudsearch.logs.local import placed
from tests.samples import samples

NOBODY = 65534


def found(*paths: Path) -> list[Source]:
    """What is found where everything can be read."""
    sources = list(find(paths))
    assert all(isinstance(source, Source) for source in sources)
    return [source for source in sources if isinstance(source, Source)]


def names(*paths: Path) -> list[str]:
    """The last part of each name found."""
    return [Path(source.name).name for source in found(*paths)]


def refusal(path: Path) -> Unreadable:
    """The one thing found, which could not be read."""
    (only,) = find([path])
    assert isinstance(only, Unreadable)
    return only


def test_every_regular_file_is_found_sorted(tmp_path: Path) -> None:
    """Every file under a folder comes, whatever its name, in the order of names, folders in their place."""
    for name in ("b.json.gz", "a/z.txt", "a/b/c", ".hidden", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    assert names(tmp_path) == [".hidden", "c", "z.txt", "b.json.gz", "c"]
    assert [source.read() for source in found(tmp_path)][1:3] == [b"a/b/c", b"a/z.txt"]


def test_version_control_is_passed_over(tmp_path: Path) -> None:
    """What lies in .git counts as no log file; named itself, the folder is looked into."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_bytes(b"x")
    assert names(tmp_path) == []
    assert names(tmp_path / ".git") == ["index"]


def test_size_and_time_are_the_files(tmp_path: Path) -> None:
    """A source says the size and the modification time of what it reads."""
    path = tmp_path / "log"
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    (source,) = found(path)
    assert (source.size, source.modified, source.name) == (5, 1_700_000_000_123_456_789, os.path.realpath(path))


def test_a_file_comes_once(tmp_path: Path) -> None:
    """A file named twice, in its folder, through a link or with dots in its path, comes once."""
    (tmp_path / "logs").mkdir()
    real = tmp_path / "logs" / "real"
    real.write_bytes(b"x")
    (tmp_path / "logs" / "link").symlink_to(real)
    (tmp_path / "folder-link").symlink_to(tmp_path / "logs")
    paths = [real, tmp_path / "logs" / ".." / "logs" / "real", tmp_path, tmp_path / "folder-link", real]
    assert names(*paths) == ["real"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """A folder linked into itself is gone through once; a link to itself is named."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "log").write_bytes(b"x")
    assert names(tmp_path) == ["log"]
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert "symbolic links" in refusal(circle).reason


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    """A path that is not there, or a link to nothing, comes as unreadable."""
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    assert refusal(tmp_path / "nothing") == Unreadable(str(tmp_path / "nothing"), None, "no such file or directory")
    assert refusal(tmp_path / "dangling").reason == "no such file or directory"


def test_what_is_no_file_is_named_and_not_opened(tmp_path: Path) -> None:
    """Opening a named pipe would wait for ever: pipes, sockets and devices come as unreadable."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        # The name of a socket has 108 bytes at most, so it is bound from within its folder.
        here = Path.cwd()
        os.chdir(tmp_path)
        listener.bind("socket")
        os.chdir(here)
    reasons = [one.reason for one in find([tmp_path, Path("/dev/null")]) if isinstance(one, Unreadable)]
    assert reasons == ["a named pipe, not a file", "a socket, not a file", "a device, not a file"]


def test_what_may_not_be_read_is_named() -> None:
    """A file and a folder without permission come as unreadable, their neighbours as usual."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "b-open").write_bytes(b"x")
        (folder / "a-shut").write_bytes(b"1234")
        (folder / "a-shut").chmod(0)
        (folder / "c-shut").mkdir(mode=0)
        as_root = os.geteuid() == 0
        if as_root:
            os.seteuid(NOBODY)
        try:
            results = list(find([folder]))
        finally:
            if as_root:
                os.seteuid(0)
    assert [type(result) for result in results] == [Unreadable, Source, Unreadable]
    shut = results[0]
    assert isinstance(shut, Unreadable)
    assert (shut.size, shut.reason) == (4, "permission denied")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (b"new\nline.json", "new\nline.json"),
        (b"..json", "..json"),
        (b"caf\xe9.json", "caf\\xe9.json"),
        ("späť.json".encode(), "späť.json"),
        (b" = +cmd|' -C calc'!A0", " = +cmd|' -C calc'!A0"),
    ],
)
def test_any_name_works(tmp_path: Path, stored: bytes, shown: str) -> None:
    """A file of any name is found and read; its name is text that can be written as UTF-8."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + stored))
    path.write_bytes(b"content")
    for sources in (found(path), found(tmp_path)):
        assert [(Path(source.name).name, source.read()) for source in sources] == [(shown, b"content")]
        assert sources[0].name.encode()


def test_reading_what_has_gone_is_a_source_error(tmp_path: Path) -> None:
    """A file that vanishes between being found and being read raises our error with its name."""
    (tmp_path / "log").write_bytes(b"x")
    (source,) = found(tmp_path)
    (tmp_path / "log").unlink()
    with pytest.raises(SourceError, match=r"log could not be read: no such file"):
        source.read()
    with pytest.raises(SourceError, match=r"log could not be opened: no such file"):
        source.open()


def test_an_open_source_can_be_gone_through_twice(tmp_path: Path) -> None:
    """``open`` gives a seekable file, for large ones need not be held."""
    (tmp_path / "log").write_bytes(b"content")
    (source,) = found(tmp_path)
    with source.open() as file:
        assert file.seekable()
        assert file.read() == b"content"


ACCOUNT = "123456789012"
OTHER = "210987654321"


LOGS = f"/d/AWSLogs/{ACCOUNT}"
NAMED = f"{ACCOUNT}_CloudTrail_us-east-1_20200930T2300Z_x.json.gz"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"{LOGS}/CloudTrail/us-east-1/2024/02/29/f.json.gz", (ACCOUNT, "us-east-1", "2024-02-29")),
        (f"s3://b/AWSLogs/o-a/{ACCOUNT}/CloudTrail/us-gov-west-1/f", (ACCOUNT, "us-gov-west-1", None)),
        (f"{LOGS}/CloudTrail-Insight/eu-west-3/2024/01/31/f", (ACCOUNT, "eu-west-3", "2024-01-31")),
        (f"/d/{ACCOUNT}/CloudTrail-Digest/ap-southeast-2/2024/01/31/f", (ACCOUNT, "ap-southeast-2", "2024-01-31")),
        (f"{LOGS}/CloudTrail/us_east_1/2018/11/28/f", (ACCOUNT, "us-east-1", "2018-11-28")),
        (f"{LOGS}/CloudTrail/us-east-1/2024/02/30/f", (ACCOUNT, "us-east-1", None)),
        (f"{LOGS}/CloudTrail/us-east-1/f", (ACCOUNT, "us-east-1", None)),
        (f"{LOGS}/CloudTrail/us-east-1/2024/1/31/f", (ACCOUNT, "us-east-1", None)),
        (f"{LOGS}/CloudTrail/a-b-1/2024/01/31/f", (None, None, None)),
        (f"/{OTHER}/CloudTrail/us-east-1/2020/01/01{LOGS}/CloudTrail/eu-west-1/f", (ACCOUNT, "eu-west-1", None)),
        (f"/x/{NAMED}", (ACCOUNT, "us-east-1", "2020-09-30")),
        (f"/x/{ACCOUNT}_CloudTrail_us-east-1-20200930T2300.json", (ACCOUNT, "us-east-1", "2020-09-30")),
        (f"/{OTHER}/CloudTrail/eu-west-1/2020/10/01/{NAMED}", (OTHER, "eu-west-1", "2020-10-01")),
        (f"/{OTHER}/CloudTrail/eu-west-1/{NAMED}", (OTHER, "eu-west-1", "2020-09-30")),
        ("/AWSLogs/12345/CloudTrail/us-east-1/2024/01/01/f", (None, None, None)),
        (f"{LOGS}/Config/us-east-1/2024/1/1/f", (None, None, None)),
        ("/home/me/events.json", (None, None, None)),
    ],
)
def test_what_a_path_says(name: str, expected: tuple[str | None, str | None, str | None]) -> None:
    """Account, region and day are read from the folders, else from the file's name, else unknown."""
    assert placed(name) == expected


def test_the_samples_are_placed() -> None:
    """Every file of the public samples in CloudTrail's layout says its account, region and day."""
    layout = [
        source for source in found(samples() / "flaws2", samples() / "flaws_umccr") if "CloudTrail" in source.name
    ]
    assert len(layout) == 13
    assert {source.account for source in layout} == {"653711331788", "811596193553"}
    assert {source.region for source in layout} == {"us-east-1", "ap-southeast-1"}
    assert all(source.day for source in layout)
