"""Reports where people read them: 80 columns, pipes that close, no colour where none is wanted, plain locales."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloudsearch.cli import main
from tests.logfiles import record, write
from tests.terminals import shown
from tests.test_hostile import COMMANDS as EVIL_COMMANDS
from tests.test_hostile import WITH_IAM as EVIL_WITH_IAM
from tests.test_hostile import place, placed

ROOT = Path(__file__).parent.parent
IAM = str(ROOT / "examples" / "iam")
DEPLOY = "arn:aws:iam::111122223333:role/ci/deploy"
RELEASE = "arn:aws:iam::444455556666:role/ci/release"
REPORT = ("report", "--iam", IAM, "--iam-as-of", "2026-10-01")
COMMANDS = {
    "report": (*REPORT, "--role", DEPLOY),
    "report, unfolded": (*REPORT, "--role", DEPLOY, "--expand"),
    "report by services": (*REPORT, "--role", DEPLOY, "--services"),
    "report by resources": (*REPORT, "--role", DEPLOY, "--resources"),
    "report on all": (*REPORT, "--all"),
    "report on all by resources": (*REPORT, "--all", "--resources"),
    "report merged": (*REPORT, "--all", "--merge-by", "name"),
    "report through": (*REPORT, "--role", RELEASE, "--through"),
    "report of a destination": (*REPORT, "--user", "alice", "--dest-role", RELEASE),
    "report compared": (*REPORT, "--role", DEPLOY, "--compare", "2020-01-01"),
    "list users": ("list", "users", "--iam", IAM),
    "list roles": ("list", "roles", "--iam", IAM),
    "denied": ("denied",),
    "denied in a week": ("denied", "--weekly", "--since", "2026-08-01", "--until", "2026-09-30"),
    "who": ("who", "sqs:CreateQueue", "--iam", IAM, "--iam-as-of", "2026-10-01"),
    "history": ("history", "--role", "metrics", "--iam", IAM),
    "coverage": ("coverage",),
    "search": ("search", "*"),
    "detect": ("detect", str(ROOT / "examples" / "sigma")),
    "compare": ("compare",),
    "recorded calls": ("top", "--csm"),
    "replay": ("replay", str(ROOT / "examples" / "policies"), "--role", DEPLOY, "--with-grants", "--iam", IAM),
    "diff": ("diff", "--role", DEPLOY, "--iam", IAM, "--iam-as-of", "2026-10-01"),
    "diff of what is unused": ("diff", "--role", DEPLOY, "--remove-unused", "--iam", IAM, "--iam-as-of", "2026-10-01"),
    **{f"top by {by}": ("top", "--by", by) for by in ("action", "principal", "service", "region", "error")},
    **{f"top by {by}": ("top", "--by", by, "--compare", "7d") for by in ("address", "agent")},
}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with the example trail."""
    path = tmp_path_factory.mktemp("example") / "store.duckdb"
    assert main(["load", str(ROOT / "examples" / "AWSLogs"), "--quiet", "--store", str(path)]) == 0
    return str(path)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which every name is long and evil."""
    folder = tmp_path_factory.mktemp("hostile")
    place(folder)
    return folder


def too_long(out: str) -> list[str]:
    """Lines that the terminal would break; those of a patch are not ours to fold."""
    return [line for line in out.partition("\n--- today/")[0].split("\n") if len(line) > 80]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_table_fits_80_columns(example: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of that width; and nothing is coloured that way when colour is not wanted."""
    monkeypatch.setenv("NO_COLOR", "1")
    code, out = shown([*COMMANDS[name], "--store", example], monkeypatch)
    assert code == (10 if name == "replay" else 0)
    assert out
    assert not too_long(out)
    assert "\x1b" not in out


@pytest.mark.parametrize("name", sorted(EVIL_COMMANDS.keys() - {"search for one event"}))  # which is shown as it is
def test_a_table_of_long_names_fits_too(hostile: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is in them."""
    iam = ["--iam", str(hostile / "iam.json")] if name in EVIL_WITH_IAM else []
    asked = [*placed(EVIL_COMMANDS[name], hostile), *iam, "--store", str(hostile / "store.duckdb")]
    code, out = shown(asked, monkeypatch)
    assert code == (10 if name.startswith("replay") else 0)
    assert not too_long(out)


def process(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """A command as a process of its own."""
    settings = {**os.environ, **environment}
    command = [sys.executable, "-m", "cloudsearch", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    "arguments",
    [
        (*REPORT, "--all", "--expand"),
        (*REPORT, "--all", "--format", "jsonl"),
        (*REPORT, "--all", "--resources", "--format", "csv"),
        ("denied", "--format", "html"),
        ("top", "--by", "action"),
        ("coverage",),
        ("list", "roles", "--iam", IAM),
    ],
)
def test_a_pipe_that_closes_ends_it_quietly(example: str, arguments: tuple[str, ...]) -> None:
    """As ``head`` does: no traceback, no word, and an exit code that a shell takes for a closed pipe or for success."""
    running = process(*arguments, "--store", example)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    err = running.stderr.read().decode()
    running.stderr.close()
    assert running.wait(60) in (0, 141, -13), err
    assert "Traceback" not in err
    assert "Broken pipe" not in err
    assert "BrokenPipeError" not in err


@pytest.mark.parametrize("how", ["table", "json", "html"])
def test_a_result_that_cannot_be_printed_is_said(example: str, how: str) -> None:
    """A full disk is one line and exit 1; a stdout that is closed takes nothing, and is no error."""
    asked = [*REPORT, "--role", DEPLOY, "--format", how, "--store", example]
    command = [sys.executable, "-m", "cloudsearch", *asked]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "cloudsearch: The result could not be printed: No space left on device"
    assert "Traceback" not in done.stderr
    shell = ["/bin/sh", "-c", '"$@" >&-', "sh", *command]
    done = subprocess.run(shell, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


@pytest.mark.parametrize("how", ["table", "json", "csv", "markdown", "html"])
def test_a_plain_locale_does(hostile: Path, how: str) -> None:
    """Where neither the locale nor Python's own settings speak UTF-8, names that are not ASCII are still printed."""
    settings = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    write(hostile / "umlaut.json.gz", [record(950, userAgent="Łódź ÀÉ \U0001f600")])
    store = ["--store", str(hostile / "store.duckdb")]
    assert main(["load", str(hostile / "umlaut.json.gz"), "--quiet", *store]) == 0
    running = process("top", "--by", "agent", "--format", how, *store, **settings)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err.decode()
    assert b"Traceback" not in err
    assert out


@pytest.mark.parametrize(
    "wrong",
    [
        ("report",),
        ("report", "--role", DEPLOY, "--all"),
        (*REPORT, "--role", DEPLOY, "--show", "bogus"),
        (*REPORT, "--role", DEPLOY, "--service", "nothing-like-it"),
        (*REPORT, "--role", DEPLOY, "--fail-on", "bogus"),
        (*REPORT, "--role", DEPLOY, "--sort", "bogus"),
        (*REPORT, "--role", DEPLOY, "--since", "yesterday"),
        (*REPORT, "--role", DEPLOY, "--since", "2026-09-01", "--until", "2026-08-01"),
        (*REPORT, "--role", DEPLOY, "--min-days", "many"),
        (*REPORT, "--role", DEPLOY, "--iam-as-of", "soon"),
        (*REPORT, "--role", DEPLOY, "--compare", "then"),
        (*REPORT, "--role", DEPLOY, "--format", "xml"),
        (*REPORT, "--role", DEPLOY, "--dest-account", "work"),
        ("list",),
        ("list", "people"),
        ("denied", "--fail-on", "unused"),
        ("denied", "--since", "0d7"),
        ("denied", "--email", "nobody"),
        ("top",),
        ("top", "--by", "bogus"),
        ("top", "--by", "action", "--compare", "week"),
        ("top", "--by", "action", "--limit", "few"),
        ("who",),
        ("who", "nothing"),
        ("history",),
        ("coverage", "--format", "xml"),
        ("coverage", "--nothing"),
        ("permissions", "--for", "bogus"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_exit_2(
    example: str, wrong: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so on stderr, without a traceback and with nothing on stdout."""
    code = main([*wrong, *([] if wrong[0] == "permissions" else ["--store", example])])
    out, err = capsys.readouterr()
    assert code in (1, 2) if wrong == ("who", "nothing") else code == 2, err
    assert out == ""
    assert err
    assert "Traceback" not in err


def test_a_result_goes_to_what_is_no_file_and_leaves_it_there(tmp_path: Path) -> None:
    """A pipe or a device is written to; to put a file in its place would take /dev/null from the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["/bin/cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    assert main(["actions", "s3:GetObject", "--output", str(pipe)]) == 0
    assert "s3:GetObject" in reader.communicate(timeout=20)[0]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_result_goes_where_a_link_leads(tmp_path: Path) -> None:
    """The link stays one."""
    link, file = tmp_path / "latest.txt", tmp_path / "report.txt"
    link.symlink_to(file)
    assert main(["actions", "s3:GetObject", "--output", str(link)]) == 0
    assert link.is_symlink()
    assert "s3:GetObject" in file.read_text()
