"""``main(argv)``: exit code, stdout, stderr. What goes wrong is one line that says what to do next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from cloudsearch.cli import main
from tests.logfiles import record, write
from tests.scenario import Scenario, account, background, moment, of_home, role, statement


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An empty folder."""
    return Scenario(tmp_path, capsys)


def test_reading_never_creates_a_store(scenario: Scenario) -> None:
    """A store that is not there is an error that names load, and it is not there afterwards either."""
    iam = scenario.iam(account(role(statement("iam:CreateUser"))))
    for command in (["list", "roles"], ["report", "--role", "worker", "--iam", iam]):
        code, out, err = scenario.run(*command)
        assert (code, out) == (4, "")
        assert "cloudsearch load" in err
        assert not (scenario.folder / "store.duckdb").exists()


def test_an_unknown_role_names_close_matches(scenario: Scenario) -> None:
    """And is exit 1, without a traceback."""
    scenario.log(record(1))
    iam = scenario.iam(account(role(statement("iam:CreateUser"))))
    code, _, err = scenario.run("report", "--role", "wroker", "--iam", iam)
    assert code == 1
    assert "worker" in err
    assert "Traceback" not in err
    assert scenario.run("report", "--role", "nothing like it", "--iam", iam)[0] == 1


def test_without_an_iam_file_it_says_how_to_get_one(scenario: Scenario) -> None:
    """The command to type, word for word."""
    scenario.log(record(1))
    code, _, err = scenario.run("report", "--role", "worker")
    assert code == 6
    assert "aws iam get-account-authorization-details > iam.json" in err


@pytest.mark.parametrize("name", ["12345", "true", "null", "a b", "x'; DROP TABLE events"])
def test_names_that_look_like_something_else_are_names(scenario: Scenario, name: str) -> None:
    """A user may be called 12345 or true."""
    scenario.log(*background(), *of_home())
    user = {
        "Path": "/",
        "UserName": name,
        "UserId": "AIDAODD",
        "Arn": f"arn:aws:iam::111122223333:user/{name}",
        "CreateDate": "2025-01-01T00:00:00Z",
        "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": {"Statement": [statement("iam:CreateUser")]}}],
        "GroupList": [],
        "AttachedManagedPolicies": [],
    }
    assert scenario.report(account(users=[user]), "--user", name)["iam:CreateUser"]["marker"] == "-"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["report"], 2),
        (["report", "--role", "a", "--user", "b", "--iam", "x"], 2),
        (["report", "--role", "a", "--iam", "absent.json"], 3),
        (["report", "--role", "a", "--bogus"], 2),
        (["list", "groups"], 2),
        (["list", "roles", "--since", "yesterday"], 2),
        (["list", "roles", "--store", "s3://bucket"], 2),
        (["list", "roles", "--store", "http://search.example.org:9200", "--index", "UPPER"], 2),
        (["load"], 2),
        (["actions", "NoSuchCallAnywhere"], 1),
        (["bogus"], 2),
    ],
)
def test_exit_codes(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of mistake has its code, and a line on stderr."""
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert err
    assert "Traceback" not in out + err


def test_a_file_that_is_no_store(scenario: Scenario) -> None:
    """Text, or somebody else's DuckDB file, is refused and left as it is."""
    path = scenario.folder / "store.duckdb"
    path.write_text("not a database, and long enough to be one" * 1000)
    assert scenario.run("list", "roles")[0] == 4
    path.unlink()
    with duckdb.connect(str(path)) as other:
        other.execute("CREATE TABLE mine (x INTEGER)")
    code, _, err = scenario.run("list", "roles")
    assert code == 4
    assert "not a cloudsearch store" in err


def test_a_broken_source_is_exit_3_and_the_rest_is_loaded(scenario: Scenario) -> None:
    """The receipt is printed all the same, and adds up."""
    write(scenario.folder / "logs" / "good.json", [record(1), 7])
    (scenario.folder / "logs" / "bad.json.gz").write_bytes(b"\x1f\x8b broken")
    code, out, err = scenario.run("load", str(scenario.folder / "logs"), "--format", "json")
    receipt = json.loads(out)
    assert code == 3
    assert receipt["files"] | {"skipped": None} == {
        "listed": 2,
        "already_loaded": 0,
        "loaded": 1,
        "refused": 1,
        "skipped": None,
    }
    assert receipt["records"] == {"read": 2, "created": 1, "existing": 0, "dead_lettered": 1}
    assert "bad.json.gz: refused" in err
    assert "good.json: record 1" in err


def test_a_store_among_the_logs_is_not_taken_for_one(scenario: Scenario) -> None:
    """The default store lies in the working folder, and so may the logs."""
    scenario.log(record(1))
    code, out, err = scenario.run("load", str(scenario.folder))
    assert (code, err) == (0, "")
    assert "1 already loaded" in out


def test_output_goes_to_a_file_whole_or_not_at_all(scenario: Scenario) -> None:
    """And a folder that is not there is an error."""
    scenario.log(record(1))
    target = scenario.folder / "roles.json"
    code, out, _ = scenario.run("list", "roles", "--format", "json", "--output", str(target))
    assert (code, out) == (0, "")
    assert json.loads(target.read_text())[0]["name"] == "worker"
    assert scenario.run("list", "roles", "--output", str(scenario.folder / "absent" / "x"))[0] == 1


def test_machine_formats_keep_stdout_to_themselves(scenario: Scenario) -> None:
    """The head of a report is on stderr then; the keys are those promised, in their order."""
    scenario.log(record(1))
    iam = scenario.iam(account(role(statement("ec2:Describe*"))))
    _, out, err = scenario.run("report", "--role", "worker", "--iam", iam, "--format", "jsonl")
    assert "coverage" in err
    assert list(json.loads(out.splitlines()[0])) == [
        "account",
        "principal",
        "action",
        "marker",
        "granted",
        "used",
        "calls",
        "denied",
        "errors",
        "first_used",
        "last_used",
        "reason",
        "statements",
        "observed_from",
        "observed_days",
        "access_level",
    ]
    _, out, _ = scenario.run("list", "roles", "--iam", iam, "--format", "json")
    assert list(json.loads(out)[0]) == [
        "account",
        "arn",
        "name",
        "kind",
        "created",
        "used",
        "calls",
        "last_seen",
        "sessions",
        "evidence",
        "exists",
    ]


def test_list_tells_used_from_unused_from_unknown(scenario: Scenario) -> None:
    """A role that acted, one that never did, one that is gone, and one too young to tell."""
    gone = json.loads(json.dumps(record(2)["userIdentity"]).replace("worker", "gone").replace("AROAWORKER", "AROAGONE"))
    scenario.log(*background(), record(1), record(2, userIdentity=gone))
    idle = json.loads(json.dumps(role()).replace("worker", "idle"))
    young = json.loads(json.dumps(role(CreateDate="2026-09-20T00:00:00Z")).replace("worker", "young"))
    iam = scenario.iam(account(role(), idle, young))
    _, out, _ = scenario.run("list", "roles", "--iam", iam)
    markers = {line[2:].split()[0]: line[0] for line in out.splitlines()[1:]}
    assert markers == {"worker": " ", "gone": " ", "idle": "-", "young": "?"}
    _, out, _ = scenario.run("list", "roles", "--iam", iam, "--format", "json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert {name: row["exists"] for name, row in rows.items()} == {
        "worker": True,
        "gone": False,
        "idle": True,
        "young": True,
    }
    assert (rows["worker"]["calls"], rows["idle"]["used"]) == (1, False)


def test_list_tells_principals_of_one_name_apart(scenario: Scenario) -> None:
    """A role made anew is not who had its name before, nor are sessions issued then its own; a user keeps its id."""

    def assume(number: int, day: int) -> dict[str, object]:
        target = {"roleArn": "arn:aws:iam::111122223333:role/jobs/worker", "roleSessionName": "s"}
        call = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "eventTime": moment(day)}
        answer = {"credentials": {"accessKeyId": f"ASIA{number}"}}
        lambda_ = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
        return record(number, userIdentity=lambda_, requestParameters=target, responseElements=answer, **call)

    renamed = {"type": "IAMUser", "principalId": "AIDAANN", "arn": "arn:aws:iam::111122223333:user/anne"}
    ann = {"Path": "/", "UserName": "ann", "UserId": "AIDAANN", "Arn": "arn:aws:iam::111122223333:user/ann"}
    scenario.log(*background(), record(1), record(2, userIdentity=renamed), assume(3, 5), assume(4, 40), assume(5, 41))
    anew = role(RoleId="AROANEW", CreateDate=moment(30))
    iam = scenario.iam(account(anew, users=[ann | {"CreateDate": "2025-01-01T00:00:00Z"}]))
    rows = json.loads(scenario.run("list", "roles", "--iam", iam, "--format", "json")[1])
    assert [(row["exists"], row["calls"], row["sessions"]) for row in rows] == [(True, 0, 2), (False, 1, 1)]
    assert rows[1]["evidence"][-1] == "another role of this name, AROAWORKER"
    rows = json.loads(scenario.run("list", "users", "--iam", iam, "--format", "json")[1])
    assert [(row["name"], row["calls"]) for row in rows if row["exists"]] == [("ann", 1)]


def test_a_sign_in_that_failed_is_nobodys(scenario: Scenario) -> None:
    """Whoever knows a user's name can try a password."""
    ann = {"type": "IAMUser", "principalId": "AIDAANN", "arn": "arn:aws:iam::111122223333:user/ann", "userName": "ann"}
    sign_in = {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn"}
    failed = {"errorMessage": "Failed authentication", "responseElements": {"ConsoleLogin": "Failure"}}
    scenario.log(*background(), record(1, userIdentity=ann, **sign_in, **failed))
    detail = {"Path": "/", "UserName": "ann", "UserId": "AIDAANN", "Arn": ann["arn"]}
    iam = scenario.iam(account(users=[detail | {"CreateDate": "2025-01-01T00:00:00Z"}]))
    assert "- ann" in scenario.run("list", "users", "--iam", iam)[1]
    scenario.log(record(2, userIdentity=ann, **sign_in, responseElements={"ConsoleLogin": "Success"}))
    assert "  ann" in scenario.run("list", "users", "--iam", iam)[1]


def test_list_says_whose_roles_are_not_the_accounts_own(scenario: Scenario) -> None:
    """Those that a service is linked to, and those of Identity Center with their permission set."""
    linked = role(RoleName="AWSServiceRoleForX", Path="/aws-service-role/x.amazonaws.com/", RoleId="AROAX")
    linked["Arn"] = "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    reserved = role(RoleName="AWSReservedSSO_Ops_0123456789abcdef", Path="/aws-reserved/sso.amazonaws.com/")
    reserved |= {"RoleId": "AROAY", "Arn": f"arn:aws:iam::111122223333:role{reserved['Path']}{reserved['RoleName']}"}
    scenario.log(*background())
    _, out, _ = scenario.run("list", "roles", "--iam", scenario.iam(account(linked, reserved)))
    assert "service-linked" in out
    assert "Identity Center: Ops" in out


def test_a_role_that_only_issued_sessions_is_used(scenario: Scenario) -> None:
    """A role that works on data planes leaves no event of its own on a default trail."""
    assume = {"roleArn": "arn:aws:iam::111122223333:role/jobs/idle", "roleSessionName": "s"}
    service = {"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}
    event = record(
        1, userIdentity=service, eventSource="sts.amazonaws.com", eventName="AssumeRole", requestParameters=assume
    )
    scenario.log(*background(), event)
    iam = scenario.iam(account(json.loads(json.dumps(role()).replace("worker", "idle"))))
    _, out, _ = scenario.run("list", "roles", "--iam", iam, "--format", "json")
    (row,) = json.loads(out)
    assert (row["used"], row["calls"], row["sessions"], row["evidence"]) == (True, 0, 1, ["1 sessions issued"])


def test_hostile_names_move_no_cursor(scenario: Scenario) -> None:
    """What an attacker wrote into a session name or a file name is shown as text."""
    identity = record(1)["userIdentity"] | {"arn": "arn:aws:iam::111122223333:user/\x1b[2Jx\u202e\n=cmd"}  # type: ignore[operator]
    del identity["sessionContext"]
    identity["type"] = "IAMUser"
    scenario.log(record(1, userIdentity=identity))
    _, out, _ = scenario.run("list", "users")
    assert "\x1b" not in out
    assert "\u202e" not in out
    (scenario.folder / "bad\x1b[31m\n.json").write_text('{"Records": [{"eventVersion')
    _, _, err = scenario.run("load", str(scenario.folder / "bad\x1b[31m\n.json"))
    assert "\x1b" not in err
    assert len(err.splitlines()) == 1


def test_output_piped_into_head_ends_quietly(scenario: Scenario) -> None:
    """No traceback when the reader has had enough."""
    scenario.log(*background())
    iam = scenario.iam(account(role(statement("*"))))
    store = scenario.folder / "store.duckdb"
    command = f"{sys.executable} -m cloudsearch report --role worker --iam {iam} --store {store} --expand | head -n 3"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == ""


def test_the_store_is_held_by_one_writer(scenario: Scenario) -> None:
    """Who holds it is said, after a moment's patience."""
    scenario.log(record(1))
    store = scenario.folder / "store.duckdb"
    code = f"import duckdb,sys; c = duckdb.connect({str(store)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        code_, _, err = scenario.run("list", "roles")
        assert code_ == 4
        assert f"PID {holder.pid}" in err
        holder.communicate(b"")


def test_a_verbose_log_holds_no_secret(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in the environment or a URL show in no message."""
    monkeypatch.setenv("CLOUDSEARCH_API_KEY", "canary-api-key")
    url = "https://elastic:canary-password@127.0.0.1:9"
    code = main(["list", "roles", "--store", url, "-v"])
    out, err = scenario._capsys.readouterr()
    assert code == 4
    assert "canary" not in out + err


def test_shell_completion_is_there() -> None:
    """Through typer, for the shells it knows."""
    environment = os.environ | {
        "_CLOUDSEARCH_COMPLETE": "complete_bash",
        "COMP_WORDS": "cloudsearch re",
        "COMP_CWORD": "1",
    }
    command = [str(Path(sys.executable).parent / "cloudsearch")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "report" in done.stdout


def test_advice_stands_on_lines_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it can be copied, and never as an escaped line break."""
    roles = [
        {"Path": path, "RoleName": "deploy", "RoleId": f"AROA{n}", "Arn": f"arn:aws:iam::{account}:role/deploy"}
        for n, (account, path) in enumerate([("111122223333", "/"), ("444455556666", "/")])
    ]
    iam = tmp_path / "iam.json"
    iam.write_text(json.dumps({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []}))
    assert main(["report", "--role", "deploy", "--iam", str(iam), "--store", str(tmp_path / "store.duckdb")]) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[1:] == [f"  {role['Arn']}" for role in roles]
