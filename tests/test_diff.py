"""Today's policies against others, statement by statement; and plans to roll out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.cli import main
from cloudsearch.iam import Effect, Policy, parse, render
from cloudsearch.iam.documents import as_given
from cloudsearch.iam.judge import Judge
from cloudsearch.policies.diff import Diff, Fate, diff, file_name, unified
from cloudsearch.policies.facts import limits
from cloudsearch.policies.generate import generate
from cloudsearch.policies.history import Used
from cloudsearch.policies.parts import text
from cloudsearch.policies.plan import canaries, files, trial_of
from cloudsearch.policies.replay import replay
from tests.golden_files import golden
from tests.logfiles import ACCOUNT
from tests.policies import document, policies, policy, principal
from tests.replaying import run
from tests.scenario import Scenario, account, background, role, statement
from tests.uses import histories, holder, of_worker

EXAMPLES = Path(__file__).parent.parent / "examples"
MFA: dict[str, Any] = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
VPCE: dict[str, Any] = {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
OWN = "arn:aws:s3:::${aws:username}/*"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def allow(action: str | list[str], resource: str | list[str] = "*", **more: object) -> dict[str, Any]:
    """An Allow."""
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def compare(today: list[dict[str, Any]], others: list[dict[str, Any]]) -> Diff:
    """Statements against statements."""
    return diff(principal([document(today)]), [policy("policy0", document(others))])


@pytest.mark.parametrize(
    ("today", "others", "fate"),
    [
        (allow("s3:GetObject"), allow("s3:GetObject"), Fate.STAYS),
        (allow("s3:GetObject"), allow("s3:*"), Fate.STAYS),
        (allow("s3:GetObject", "arn:aws:s3:::b/x*"), allow("s3:GetObject", "arn:aws:s3:::b/*"), Fate.STAYS),
        (allow("s3:GetObject"), allow("s3:GetObject", "arn:aws:s3:::b/*"), Fate.NARROWED),
        (allow("s3:GetObject", "arn:aws:s3:::b/*"), allow("s3:GetObject", "arn:aws:s3:::b/x*"), Fate.NARROWED),
        (allow(["s3:GetObject", "s3:PutObject"]), allow("s3:GetObject"), Fate.NARROWED),
        (allow("s3:GetObject", "arn:aws:s3:::b/*"), allow("s3:GetObject", "arn:aws:s3:::c/*"), Fate.GOES),
        (allow("s3:GetObject"), allow("s3:PutObject"), Fate.GOES),
        (allow("s3:GetObject", **MFA), allow("s3:GetObject"), Fate.STAYS),
        (allow("s3:GetObject", **MFA), allow(["s3:GetObject", "s3:PutObject"], **MFA), Fate.STAYS),
        (allow("s3:GetObject"), allow("s3:GetObject", **MFA), Fate.NARROWED),
        (allow("s3:GetObject", **VPCE), allow("s3:GetObject", **MFA), Fate.NARROWED),
        (allow("s3:GetObject", OWN), allow("s3:Get*", OWN), Fate.STAYS),
        (allow("s3:GetObject") | {"Effect": "Deny"}, allow("s3:GetObject"), Fate.GOES),
        (allow("s3:GetObject") | {"Effect": "Deny"}, allow("s3:getobject") | {"Effect": "Deny"}, Fate.STAYS),
    ],
    ids=str,
)
def test_what_becomes_of_a_statement(today: dict[str, Any], others: dict[str, Any], fate: Fate) -> None:
    """By all that the others allow of its actions and resources, its own Conditions taken to hold."""
    first = compare([today], [others]).rows[0]
    assert first.fate is fate, first
    assert (first.before == first.after and not first.goes) or fate in (Fate.NARROWED, Fate.GOES)


def test_a_deny_of_the_others_narrows() -> None:
    """What is allowed alike and denied besides is not what it was."""
    deny = allow("s3:*", "arn:aws:s3:::b/*") | {"Effect": "Deny"}
    found = compare([allow("s3:GetObject")], [allow("s3:GetObject"), deny])
    assert [(row.fate, row.effect) for row in found.rows] == [(Fate.NARROWED, Effect.ALLOW), (Fate.NEW, Effect.DENY)]


def test_a_deny_of_both_takes_nothing_away() -> None:
    """What is allowed besides stays as it was, whatever the Deny."""
    deny = allow("s3:*", **MFA) | {"Effect": "Deny", "Sid": "Both"}
    found = compare([allow(["s3:GetObject", "s3:PutObject"]), deny], [deny, allow("s3:GetObject")])
    assert [(row.fate, row.goes, row.narrowed) for row in found.rows] == [
        (Fate.NARROWED, ("s3:PutObject",), ()),
        (Fate.STAYS, (), ()),
    ]


def test_what_is_allowed_anew_is_named() -> None:
    """A statement of the others that today's do not have, or a Condition of theirs that is no more."""
    found = compare([allow("s3:GetObject", **MFA)], [allow("s3:GetObject"), allow("sqs:*")])
    new = [(row.fate, row.statement, row.after) for row in found.rows[1:]]
    assert new == [(Fate.NEW, 0, 1), (Fate.NEW, 1, len(catalogue.actions_of("sqs")))]
    assert found.after - found.before == {action.name for action in catalogue.actions_of("sqs")}


@given(policies)
@settings(max_examples=15, deadline=None)
def test_policies_against_themselves_all_stay(told: list[dict[str, Any]]) -> None:
    """Without a Deny nothing goes, nothing is new, and there is no difference to print."""
    allows = [one for one in told if one["Effect"] == "Allow"]
    found = compare(allows, allows)
    assert {row.fate for row in found.rows} <= {Fate.STAYS}
    assert (found.before, found.text) == (found.after, ())


@given(policies, policies)
@settings(max_examples=8, deadline=None)
def test_nothing_new_is_nothing_more(told: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    """Where no row is new and no Deny goes, no action is granted that was not; where all stay none is lost."""
    found = compare(told, others)
    fates = {row.fate for row in found.rows}
    no_deny_goes = all(row.effect is Effect.ALLOW or row.fate is Fate.STAYS for row in found.rows)
    if Fate.NEW not in fates and no_deny_goes:
        assert found.after <= found.before
    if fates <= {Fate.STAYS}:
        assert found.before <= found.after


def test_the_text_differs_policy_by_policy() -> None:
    """One that is gone is all minus, one that is new all plus; a name is told once."""
    one, other = policy("a", document([allow("s3:*")])), policy("b", document([allow("sqs:*")]))
    lines = list(unified([one], [other]))
    assert [line for line in lines if line[:3] in ("---", "+++")] == [
        *("--- today/a.json", "+++ new/a.json"),
        *("--- today/b.json", "+++ new/b.json"),
    ]
    assert list(unified([one], [one])) == []
    assert file_name("../../etc/passwd", []) == "_.._etc_passwd"
    assert file_name("A", ["a"]) == "A-2"


def canary_of(found: Diff, after: list[dict[str, Any]]) -> tuple[Policy, ...]:
    """The canary of a comparison, a fortnight's."""
    return canaries(found, [policy("new", document(after))], trial_of(NOW, 14))


def test_a_canary_denies_what_is_to_go_and_nothing_else() -> None:
    """Whole actions, and those that stay on fewer resources on all others; until the trial ends."""
    today = [allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage", "iam:GetRole"])]
    after = [
        allow("s3:GetObject", "arn:aws:s3:::b/*"),
        allow("s3:ListBucket", "arn:aws:s3:::b", **MFA),
        allow("sqs:SendMessage", **MFA),
        {"Effect": "Allow", "Action": "iam:GetRole", "NotResource": f"{ROLE}x"},
    ]
    (found,) = canary_of(compare(today, after), after)
    judge = Judge.of(principal([document(today), render(found.document)]))
    early, late = "2026-11-22T00:00:00Z", "2026-12-06T00:00:00Z"

    def is_let(action: str, arn: str, when: str) -> bool:
        return judge.judge(action, arn, {"aws:CurrentTime": (when,)}).state == 2

    assert not is_let("s3:PutObject", "arn:aws:s3:::b/k", early)
    assert is_let("s3:PutObject", "arn:aws:s3:::b/k", late)
    assert is_let("s3:GetObject", "arn:aws:s3:::b/k", early)
    assert not is_let("s3:GetObject", "arn:aws:s3:::c/k", early)
    assert is_let("sqs:SendMessage", QUEUE, early)  # no Deny can try its Condition
    assert is_let("s3:ListBucket", "arn:aws:s3:::b", early)
    assert not is_let("s3:ListBucket", "arn:aws:s3:::c", early)
    assert is_let("iam:GetRole", ROLE, early)  # nor a NotResource
    assert len({one.sid for one in found.document.statements}) == len(found.document.statements)


def test_a_large_canary_is_several_policies() -> None:
    """Each within AWS's limit, and together they deny all that goes and nothing that stays."""
    kept = [action.name for action in catalogue.everything() if len(action.name) % 4 == 0]
    found = diff(principal([document([allow("*")])]), [policy("new", document([allow(kept)]))])
    watching = canaries(found, [policy("new", document([allow(kept)]))], trial_of(NOW, 14))
    assert len(watching) > 1
    assert all(len(text(one.document)) <= limits()["managed"].characters for one in watching)
    denied = {
        action.name
        for one in watching
        for each in one.document.statements
        for made in each.actions.texts
        for action in catalogue.expand(made)
    }
    assert denied == found.before - found.after


@given(histories, st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_canary_lets_history_pass(events: list[Used], is_wide: bool) -> None:  # noqa: FBT001
    """What was used on what it was used on is not denied, so a refusal during the trial is news."""
    after = tuple(Policy(f"g{at}", None, one, "new") for at, one in enumerate(generate(of_worker(events)).policies))
    wide = [parse(document([allow("*") if is_wide else allow(["s3:*", "ec2:*", "iam:*"])]), "wide")]
    who = holder(wide)
    watching = canaries(diff(who, after), after, trial_of(NOW, 14))
    trying = holder([*wide, *(one.document for one in watching)])
    found = replay(events, Judge.of(trying), Judge.of(who))
    assert not {row.action for row in found.rows if row.statements and row.statements[0].effect is Effect.DENY}


def test_a_plan_is_whole() -> None:
    """New policies, today's as they are, the canary, the command that watches, and what no log would show."""
    today, after = [allow(["s3:GetObject", "iam:CreateUser"], Sid="Own")], [allow("ec2:DescribeVpcs")]
    found = compare(today, after)
    written = files(found, [policy("new", document(after))], trial_of(NOW, 14), ["a note"])
    assert sorted(written) == ["PLAN.md", "canary/canary.json", "new/new.json", "rollback/policy0.json"]
    assert json.loads(written["rollback/policy0.json"]) == render(found.principal.policies[0].document)
    assert f"cloudsearch denied --since 2026-11-21T12:00:00Z --account {ACCOUNT} --fail-on denied" in written["PLAN.md"]
    assert "may leave no event, so ask who runs it: s3:GetObject." in written["PLAN.md"]
    assert "- a note" in written["PLAN.md"]


def test_the_way_back_is_as_it_was_written() -> None:
    """With its Id, names in IAM's other cases, texts for lists of one, and without a Version."""
    was = {"id": "mine", "statement": {"effect": "Allow", "resource": "*", "action": ["s3:getobject"], "sid": "Own"}}
    own = Policy("mine", None, parse(quote(json.dumps(was)), "mine"), "inline")
    found = diff(replace(holder([]), policies=(own,)), [policy("new", document([allow("ec2:*")]))])
    (back,) = [
        content for name, content in files(found, [], trial_of(NOW, 14), []).items() if name.startswith("rollback/")
    ]
    assert json.loads(back) == was
    changed = replace(own.document, statements=())
    assert as_given(changed) == render(changed)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example trail, loaded."""
    store = tmp_path_factory.mktemp("example") / "store.duckdb"
    assert main(["load", str(EXAMPLES / "AWSLogs"), "--store", str(store), "--quiet"]) == 0
    return store


def deploy(store: Path, *options: object) -> tuple[object, ...]:
    """The command on the example's role deploy."""
    iam = EXAMPLES / "iam" / f"{ACCOUNT}.json"
    return ("diff", "--role", "deploy", "--iam", iam, "--iam-as-of", "2026-10-01", "--store", store, *options)


@pytest.mark.parametrize(("name", "how"), [("diff.txt", "table"), ("diff.csv", "csv"), ("diff.md", "markdown")])
def test_the_example_as_it_is_printed(example: Path, capsys: pytest.CaptureFixture[str], name: str, how: str) -> None:
    """The role deploy against less of its own."""
    code, out, _ = run(capsys, *deploy(example, "--remove-unused", "--format", how))
    assert code == 0
    golden(name, out.splitlines())


def test_what_history_generates_is_the_default(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It breaks nothing, and what was never used goes; too few days of logs generate nothing."""
    code, out, _ = run(capsys, *deploy(example))
    assert code == 0
    assert "replayed 123 calls: 0 would break" in " ".join(out.split())
    assert "no more: ec2:TerminateInstances" in out
    assert run(capsys, *deploy(example, "--min-days", "90"))[0] == 10


def test_what_a_log_may_not_have_shown_is_named(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What history did not show goes from a generated policy whether or not a log could have shown it: it is said."""
    said = "no log may have shown the use of lambda:InvokeFunction, s3:PutObject, which would go"
    assert said in " ".join(run(capsys, *deploy(example))[1].split())
    assert "no log may have shown" not in " ".join(run(capsys, *deploy(example, "--remove-unused"))[1].split())


def test_a_plan_in_files(example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file is JSON that IAM takes; the new policies replay clean by the command; a folder in use is left."""
    folder = tmp_path / "plan"
    assert run(capsys, *deploy(example, "--plan", folder))[0] == 0
    for path in folder.glob("*/*.json"):
        assert parse(path.read_text(), path.stem).statements
    iam = EXAMPLES / "iam" / f"{ACCOUNT}.json"
    assert run(capsys, "replay", folder / "new", "--role", "deploy", "--iam", iam, "--store", example)[0] == 0
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    assert run(capsys, *deploy(example, "--plan", folder))[0] == 2
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_a_plan_that_would_break_something_is_not_written(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison is printed all the same; exit 10."""
    path = tmp_path / "p.json"
    path.write_text(json.dumps(document([allow("ec2:*")])))
    code, out, err = run(capsys, *deploy(example, "--against", path, "--plan", tmp_path / "plan"))
    assert code == 10
    assert "would break" in out
    assert "is not written" in err
    assert not (tmp_path / "plan").exists()


@pytest.mark.parametrize(
    "options",
    [["--against", "x.json", "--remove-unused"], ["--include-assumed"], ["--user", "b"], ["--trial-days", "0"]],
)
def test_flags_that_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """Exit 2, before any store is opened."""
    assert run(capsys, "diff", "--role", "a", "--store", tmp_path / "no.duckdb", *options)[0] == 2


def test_rows_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys in their order; the sums go to stderr."""
    found = Scenario(tmp_path, capsys)
    found.log(*background())
    iam = found.iam(account(role(statement("iam:CreateUser", Sid="Own"))))
    path = tmp_path / "p.json"
    path.write_text(json.dumps(document([allow("s3:GetObject")])))
    options = ("--role", "worker", "--iam", iam, "--against", path, "--store", tmp_path / "store.duckdb")
    code, out, err = run(capsys, "diff", *options, "--format", "json")
    assert code == 0
    rows = json.loads(out)
    assert list(rows[0]) == [
        *("account", "principal", "policy", "sid", "statement", "effect", "fate"),
        *("before", "after", "goes", "narrowed"),
    ]
    assert [(row["fate"], row["before"], row["after"]) for row in rows] == [("goes", 1, 0), ("new", 0, 1)]
    assert "1 actions granted today, 1 after, 1 of them new" in err
    assert "no call that was let in is in the window" in err
