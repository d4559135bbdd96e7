"""Role chains: who came into a role, what somebody did as it, and nothing that the logs do not show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cloudsearch.cli import main
from cloudsearch.iam import Principal
from cloudsearch.reports.chains import Chains, Link
from cloudsearch.reports.destination import Theirs, is_told, whose
from cloudsearch.reports.openings import Opening, Party, merged, role_key
from cloudsearch.reports.sessions import Roles
from tests.backends import Backend
from tests.logfiles import write
from tests.organisation import PEOPLE, TARGET, WORK, details, organisation

EXAMPLES = Path(__file__).parent.parent / "examples"
CASES = json.loads((Path(__file__).parent / "cases" / "chains.json").read_text())
LOADED = sorted({case["loaded"] for case in CASES["through"]})
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
ROLE = f"arn:aws:iam::{WORK}:role/a"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the test's store; exit code, stdout, stderr. ``load`` takes accounts, or ``all``."""

    def runner(what: str, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        if what == "load":
            accounts = (PEOPLE, WORK, TARGET) if arguments[0] == "all" else arguments[0].split(",")
            write(tmp_path / "logs" / "all.json.gz", organisation().of(*accounts))
            (tmp_path / "iam").mkdir()
            for account, own in details().items():
                (tmp_path / "iam" / f"{account}.json").write_text(json.dumps(own))
            arguments = (str(tmp_path / "logs"),)
        else:
            arguments = ("--format", "json", "--iam", str(tmp_path / "iam"), *arguments)
        code = main([what, *arguments, *backend.place.options])
        return code, *capsys.readouterr()

    return runner


@pytest.mark.parametrize("loaded", LOADED)
def test_who_came_in(run: Run, loaded: str) -> None:
    """Every row, no more, of each role; with all accounts' logs and with some."""
    assert run("load", loaded)[0] == 0
    for case in CASES["through"]:
        if case["loaded"] == loaded:
            code, out, err = run("report", "--role", case["role"], "--through", *_account_of(case["role"]))
            assert code == 0, err
            rows = [[row[name] for name in CASES["columns"]] for row in json.loads(out)]
            assert sorted(rows, key=repr) == sorted(case["rows"], key=repr), case["name"]


def _account_of(role: str) -> list[str]:
    return ["--account", TARGET] if role == "admin" else []


def test_a_role_goes_by_the_name_of_its_permission_set_too() -> None:
    """As it does where IAM's files tell of it; a role that has the very name comes first."""
    reserved = f"arn:aws:iam::{TARGET}:role/AWSReservedSSO_Ops_0123456789abcdef"
    assert Roles({}, {}, frozenset({reserved})).named("ops") == [reserved]
    own = f"arn:aws:iam::{TARGET}:role/Ops"
    assert Roles({}, {}, frozenset({reserved, own})).named("Ops") == [own]


@pytest.mark.parametrize("loaded", ["all", TARGET])
def test_what_somebody_did_as_a_role(run: Run, loaded: str) -> None:
    """The markers and counts of the actions that matter; a report for each role that was reached."""
    assert run("load", loaded)[0] == 0
    for case in CASES["destinations"]:
        if case["loaded"] == loaded:
            code, out, err = run("report", *case["arguments"], "--min-days", "1")
            assert code == 0, err
            found = {row["action"]: [row["marker"], row["calls"]] for row in json.loads(out)}
            assert {action: found.get(action) for action in case["rows"]} == case["rows"], case["name"]
    for case in CASES["reached"]:
        if case["loaded"] == loaded:
            code, out, err = run("report", *case["arguments"], "--min-days", "1")
            assert code == 0, err
            assert sorted({role_key(row["principal"])[1] for row in json.loads(out)}) == case["roles"]
            assert all(f"role/{name} was reached, and is in none of the IAM files" in err for name in case["missing"])


def test_a_window_keeps_what_lies_in_it(run: Run) -> None:
    """An opening before the window tells of a session within it; a session is counted where it was opened, too."""
    assert run("load", "all")[0] == 0
    within = ("--since", "2026-08-02T01:04:30Z", "--until", "2026-08-02T01:06:30Z")
    code, out, _ = run("report", "--role", f"arn:aws:iam::{TARGET}:role/admin", "--through", *within)
    assert code == 0
    assert [(row["who"], row["sessions"], row["calls"]) for row in json.loads(out)] == [
        (f"arn:aws:iam::{PEOPLE}:user/alice", 1, 1),
        (f"arn:aws:iam::{PEOPLE}:user/carol", 1, 0),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--role", "amdin", "--through"], 1, "no session of a role 'amdin'. Close: admin"),
        (["--role", "admin", "--through"], 2, f"arn:aws:iam::{TARGET}:role/admin"),
        (["--user", "alice", "--through"], 2, "--through tells who came into a role"),
        (["--role", "admin", "--through", "--dest-role", "reader"], 2, "--through tells who came into a role"),
        (["--user", "alice", "--dest-role", "raeder"], 1, "no role 'raeder'. Close: reader"),
        (["--user", "alice", "--dest-role", "admin"], 2, "Several roles are meant by admin"),
        (["--user", "alyce", "--dest-role", "reader"], 1, "Close: alice"),
        (["--user", "alice", "--dest-account", "work"], 2, "--dest-account 'work' is no account id"),
    ],
)
def test_a_mistake_is_named(run: Run, arguments: list[str], code: int, message: str) -> None:
    """With close matches, or the ARNs to choose from."""
    assert run("load", "all")[0] == 0
    found, out, err = run("report", *arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_a_table_says_what_is_proven(run: Run) -> None:
    """For people: each row with how it is known, and a report with whose sessions it is of."""
    assert run("load", "all")[0] == 0
    out = run("report", "--role", "Reader", "--through", "--format", "table")[1]
    assert "told by source identity" in out
    assert "proven: access key" in out
    assert "through 222222222222:role/AWSReservedSSO_Ops_0123456789abcdef" in out
    out = run("report", "--user", "alice", "--dest-role", "reader", "--min-days", "1", "--format", "table")[1]
    assert "sessions  2 proven to go back to alice" in out
    assert "2 of unproven origin, 1 of them said to be alice's" in out


def _opening(number: int, caller: Party, key: str | None, **fields: Any) -> Opening:  # noqa: ANN401 (any field)
    time = NOON + timedelta(minutes=number)
    opening = Opening(role=ROLE, session="s", key=key, call="AssumeRole", caller=caller, first=time, last=time)
    return replace(opening, **fields)


def _session(key: str | None, **fields: str) -> Party:
    return Party(principal=ROLE, type="AssumedRole", session="s", key=key, **fields)


ALICE = Party(principal=f"arn:aws:iam::{PEOPLE}:user/alice", principal_id="AIDAALICE", type="IAMUser", account=PEOPLE)


def test_keys_that_run_in_a_circle_tell_nothing() -> None:
    """Whichever session is asked first, and of a session that was opened from the circle just that."""
    openings = [_opening(0, _session("k2"), "k1"), _opening(1, _session("k1"), "k2"), _opening(2, _session("k2"), "k3")]
    for order in (("k1", "k3"), ("k3", "k1")):
        solved = Chains(openings)
        found = {key: solved.behind(_session(key), NOON, NOON) for key in order}
        assert {key: (chain.origin, chain.roles) for key, chain in found.items()} == {
            "k1": (None, ()),
            "k3": (None, (ROLE,)),
        }


def test_a_key_that_two_calls_claim_to_have_issued_proves_nothing() -> None:
    """Documentation and edited logs have such keys."""
    bob = replace(ALICE, principal=f"arn:aws:iam::{PEOPLE}:user/bob", principal_id="AIDABOB")
    for openings in ([_opening(0, ALICE, "k1"), _opening(1, bob, "k1")], [_opening(0, ALICE, "k1", role=f"{ROLE}b")]):
        chain = Chains(openings).behind(_session("k1"), NOON, NOON)
        assert (chain.origin, chain.link) == (None, Link.NONE)


def test_copies_of_one_call_are_one_opening() -> None:
    """The owner's copy names the caller by id alone; a copy that lost its answer is known by the shared id."""
    owner = Party(principal_id="AIDAALICE", type="AWSAccount", account=PEOPLE)
    copies = [_opening(0, owner, "k1", shared="x"), _opening(0, ALICE, None, shared="x")]
    for order in (copies, copies[::-1]):
        (one,) = merged(order)
        assert (one.key, one.caller) == ("k1", ALICE)


def test_a_long_chain_of_one_role_is_solved() -> None:
    """A role that renews itself, every hour for years, is one step and takes no deep recursion."""
    openings = [_opening(n, _session(f"k{n}") if n else ALICE, f"k{n + 1}") for n in range(20_000)]
    chain = Chains(openings).behind(_session("k20000"), NOON, NOON)
    assert chain.origin is not None
    assert (chain.origin.principal, chain.roles, chain.link) == (ALICE.principal, (ROLE,), Link.ACCESS_KEY)


def test_a_service_that_acts_on_behalf_of_somebody_is_not_the_origin() -> None:
    """AWS names the person on the session's calls."""
    openings = [_opening(0, Party(principal="emr.amazonaws.com", type="AWSService"), "k1")]
    chain = Chains(openings).behind(_session("k1", on_behalf_of="user-1"), NOON, NOON)
    assert chain.origin is not None
    assert (chain.origin.who, chain.link, chain.is_proven) == ("user-1", Link.ON_BEHALF_OF, True)


@pytest.mark.parametrize(
    ("caller", "source_identity", "expected"),
    [
        (ALICE, None, (Theirs.YES, False)),
        (replace(ALICE, principal_id="AIDABEFORE"), None, (Theirs.NO, False)),
        (replace(ALICE, principal_id=None), None, (Theirs.YES, False)),
        (replace(ALICE, principal=None, type="AWSAccount"), None, (Theirs.YES, False)),
        (None, "alice", (Theirs.PERHAPS, True)),
        (None, "bob", (Theirs.PERHAPS, False)),
        (None, None, (Theirs.PERHAPS, False)),
    ],
)
def test_whose_a_session_is(caller: Party | None, source_identity: str | None, expected: tuple[Theirs, bool]) -> None:
    """An earlier user of the same name is another; what is told decides nothing, not even for somebody else."""
    alice = Principal(
        arn=str(ALICE.principal),
        name="alice",
        path="/",
        id="AIDAALICE",
        kind="user",
        created=None,
        account=PEOPLE,
        policies=(),
    )
    solved = Chains([_opening(0, caller, "k1")] if caller else [])
    session = replace(_session("k1"), source_identity=source_identity)
    chain = solved.behind(session, NOON, NOON)
    assert (whose(chain, alice), is_told(chain, alice)) == expected


def test_every_store_says_the_same_of_the_example(
    every_backend: Sequence[Backend], capsys: pytest.CaptureFixture[str]
) -> None:
    """On the example trail, in which the CI and alice come into ``release`` by ``deploy``."""
    told = [list(_answers(place, capsys)) for place in every_backend]
    assert all(answers == told[0] for answers in told)
    assert [(row["way"], row["sessions"], row["calls"], row["link"]) for row in told[0][0]] == [
        ("web identity", 6, 12, "session name"),
        ("AssumeRole", 2, 4, "access key"),
    ]


def _answers(place: Backend, capsys: pytest.CaptureFixture[str]) -> Iterator[list[dict[str, Any]]]:
    assert main(["load", str(EXAMPLES / "AWSLogs"), *place.place.options]) == 0
    for arguments in (
        ["--role", "release", "--through"],
        ["--role", "deploy", "--through"],
        ["--role", "reports", "--through"],
        ["--role", "platform-admin", "--through"],
        ["--user", "alice", "--dest-role", "release"],
        ["--role", "deploy", "--dest-account", "444455556666"],
        ["--user", "bob", "--dest-account", "111122223333"],
    ):
        capsys.readouterr()
        iam = ["--iam", str(EXAMPLES / "iam"), "--iam-as-of", "2026-10-01", "--format", "json"]
        assert main(["report", *arguments, *iam, *place.place.options]) == 0
        yield json.loads(capsys.readouterr().out)
