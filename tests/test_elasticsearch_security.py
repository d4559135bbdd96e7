"""An Elasticsearch with security on: who may load, who may read, and what everybody else is told.

Collected where ``CLOUDSEARCH_TEST_STORES`` asks for Elasticsearch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.stores.roles import Use, role
from tests.secured import ADMIN, PASSWORD, Secured, secured

EXAMPLES = Path(__file__).parent.parent / "examples"
IAM = ["--iam", str(EXAMPLES / "iam" / "111122223333.json")]
RECORDS = 519
PREFIX = "trail"


def who(use: Use, without: str = "") -> str:
    """The user of a role, less a privilege."""
    return f"{use}-without-{without}" if without else str(use)


def roles() -> Iterator[tuple[str, dict[str, Any]]]:
    """The roles that are written down, and each less each of its privileges."""
    for use in Use:
        whole = role(use, PREFIX)
        (part,) = whole["indices"]
        yield who(use), whole
        for privilege in (*whole["cluster"], *part["privileges"]):
            privileges = [one for one in part["privileges"] if one != privilege]
            cluster = [one for one in whole["cluster"] if one != privilege]
            yield who(use, privilege), {"cluster": cluster, "indices": [{**part, "privileges": privileges}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One for all."""
    with secured(tmp_path_factory.mktemp("authority"), dict(roles())) as one:
        yield one


@dataclass
class Terminal:
    """Commands on a prefix of this test's own, as whoever it was told to be."""

    server: Secured
    prefix: str
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def become(self, *, api_key: str = "", username: str = "", password: str = "") -> None:
        """Have these credentials, and no others."""
        for name, value in (("API_KEY", api_key), ("USERNAME", username), ("PASSWORD", password)):
            self.patch.delenv(f"CLOUDSEARCH_{name}", raising=False)
            if value:
                self.patch.setenv(f"CLOUDSEARCH_{name}", value)

    def run(self, *arguments: str, trust: bool = True) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        self.capsys.readouterr()
        authority = ["--ca-cert", str(self.server.authority)] if trust else []
        code = main([*arguments, "--store", self.server.url, "--index", self.prefix, *authority])
        return code, *self.capsys.readouterr()

    def load(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, receipt, stderr of a load of the example trail."""
        code, out, err = self.run("load", str(EXAMPLES / "AWSLogs"), "--format", "json", *arguments)
        return code, json.loads(out or "{}"), err

    def be(self, use: Use, without: str = "") -> None:
        """Be a user of such a role."""
        self.become(username=who(use, without), password=PASSWORD)

    def indices(self) -> list[str]:
        """What there is of the prefix."""
        return sorted(self.server.ask("GET", f"/{self.prefix}*/_alias"))


@pytest.fixture
def terminal(
    server: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Nobody yet."""
    one = Terminal(server, PREFIX, monkeypatch, capsys)
    one.become()
    yield one
    for index in server.ask("GET", f"/{PREFIX}*/_alias"):
        server.ask("DELETE", f"/{index}")


def test_user_and_password(terminal: Terminal) -> None:
    """Loads and reports, over TLS that an authority of one's own vouches for."""
    terminal.become(username=ADMIN, password=PASSWORD)
    code, receipt, err = terminal.load()
    assert (code, receipt["records"]["created"], err) == (0, RECORDS, "")
    code, out, _ = terminal.run("report", "--role", "deploy", *IAM, "--format", "jsonl")
    assert code == 0
    assert any(json.loads(line)["used"] for line in out.splitlines())


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_least_role_loads(terminal: Terminal, jobs: str) -> None:
    """Twice, with nothing lacking that a notice would tell, by one process and by several."""
    terminal.be(Use.LOAD)
    for created in (RECORDS, 0):
        code, receipt, err = terminal.load("--jobs", jobs)
        assert (code, receipt["records"]["created"], err) == (0, created, "")
    assert terminal.run("list", "roles", "--format", "json")[0] == 0


@pytest.mark.parametrize("without", ["manage_index_templates", "read", "index", "manage"])
def test_each_privilege_for_loading_is_needed(terminal: Terminal, without: str) -> None:
    """Without it a load is refused and says so, or goes on and says what it could not do."""
    terminal.be(Use.LOAD, without)
    code, _, err = terminal.load()
    assert (code, "note: " in err) == ((0, True) if without == "manage_index_templates" else (6, False)), err
    assert without in err or code == 6


def test_a_role_for_reports_reads_and_nothing_else(terminal: Terminal) -> None:
    """Every report is the one that the administrator gets; a load is refused and leaves nothing behind."""
    terminal.become(username=ADMIN, password=PASSWORD)
    terminal.load("--account", "111122223333")
    reports = (["list", "users"], ["list", "roles"], ["report", "--role", "deploy", *IAM], ["coverage"])
    told = [terminal.run(*report, "--format", "jsonl") for report in reports]
    before = terminal.indices()
    terminal.be(Use.REPORT)
    assert [terminal.run(*report, "--format", "jsonl") for report in reports] == told
    assert [(code, bool(out)) for code, out, _ in told] == [(0, True)] * len(reports)
    code, _, err = terminal.load()
    assert code == 6
    assert "is unauthorized" in err
    assert terminal.indices() == before


@pytest.mark.parametrize("without", ["read", "view_index_metadata"])
def test_each_privilege_for_reports_is_needed(terminal: Terminal, without: str) -> None:
    """Less is an error that is told, never a report on nothing."""
    terminal.become(username=ADMIN, password=PASSWORD)
    terminal.load()
    terminal.be(Use.REPORT, without)
    code, out, err = terminal.run("list", "roles", "--format", "json")
    assert (code, out) == (6, "")
    assert "is unauthorized" in err


def test_a_role_for_cleaning_up(terminal: Terminal) -> None:
    """Purge and rederive; who may only load may remove nothing."""
    terminal.be(Use.LOAD)
    terminal.load()
    code, _, err = terminal.run("purge", "--before", "2026-08-15")
    assert code == 6, err
    terminal.be(Use.CLEAN)
    for command in (["purge", "--before", "2026-08-15"], ["rederive"], ["redrive"]):
        assert terminal.run(*command)[0] == 0, command


def test_another_prefix_is_not_the_roles(terminal: Terminal) -> None:
    """Who may use one store cannot read, or load into, the one whose name goes on."""
    terminal.be(Use.LOAD)
    terminal.prefix += "-eu"
    assert terminal.load()[0] == 6
    assert terminal.run("list", "roles")[0] in (4, 6)


@pytest.mark.parametrize(
    ("username", "password", "api_key"),
    [
        (ADMIN, "wr0ng-passw0rd", ""),
        ("nobody-known", "wr0ng-passw0rd", ""),
        ("", "", "d3Iwbmc6cGFzc3cwcmQ="),
        ("", "", "wr0ng-passw0rd"),
        ("", "", ""),
    ],
    ids=["password", "user", "key", "no key at all", "nothing"],
)
@pytest.mark.parametrize("command", [["load", str(EXAMPLES / "AWSLogs")], ["list", "roles"]], ids=["load", "list"])
def test_wrong_credentials(terminal: Terminal, command: list[str], username: str, password: str, api_key: str) -> None:
    """Access is refused, with the variables that hold credentials and without what they hold; nothing is made."""
    terminal.become(username=username, password=password, api_key=api_key)
    code, _, err = terminal.run(*command)
    assert code == 6
    assert "CLOUDSEARCH_API_KEY" in err
    assert not [secret for secret in (password, api_key) if secret and secret in err]
    assert terminal.indices() == []


def test_an_authority_that_nobody_named(terminal: Terminal) -> None:
    """Nothing is sent to who cannot prove to be the server; the option that names its authority is told."""
    terminal.become(username=ADMIN, password=PASSWORD)
    code, _, err = terminal.run("list", "roles", trust=False)
    assert code == 4
    assert "--ca-cert" in err
