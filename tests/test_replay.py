"""History judged by policies: what an event tells of its request, what would break, and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudsearch import catalogue
from cloudsearch.actions.tables import table
from cloudsearch.cli import main
from cloudsearch.derive import derive
from cloudsearch.event import Field, Row
from cloudsearch.iam import Policy, parse
from cloudsearch.iam.judge import Judge
from cloudsearch.policies.context import Event, context_of
from cloudsearch.policies.history import Used, history
from cloudsearch.policies.proposed import policies_in
from cloudsearch.policies.replay import RESOURCES, SAMPLES, Answer, Replayed, has_resource_policies, replay
from cloudsearch.reports.window import Window
from cloudsearch.store import Table
from cloudsearch.where import Where
from tests.golden_files import golden
from tests.logfiles import ACCOUNT, record
from tests.policies import document, principal
from tests.replaying import run
from tests.samples import samples
from tests.scenario import ROLE, Scenario, account, background, moment, role, statement
from tests.uses import use, used

CONTEXTS = json.loads((Path(__file__).parent / "cases" / "contexts.json").read_text(encoding="utf-8"))
EXAMPLES = Path(__file__).parent.parent / "examples"


class Kept:
    """Records as a store would give them back."""

    def __init__(self, records: Sequence[dict[str, object]]) -> None:
        self._rows = [derive(json.dumps(one).encode()) for one in records]

    def rows(
        self,
        table: Table,  # noqa: ARG002 (the signature that history asks for)
        where: Where,
        *,
        fields: Sequence[Field] | None = None,  # noqa: ARG002
        ordered: bool = False,  # noqa: ARG002
    ) -> Iterator[Row]:
        """The rows that match."""
        return (row for row in self._rows if where.matches(row))


def calls(*records: dict[str, object]) -> list[Used]:
    """The calls that records tell of."""
    return list(history(Kept(records), Window(), None))


@pytest.mark.parametrize("case", CONTEXTS, ids=lambda case: case["name"])
def test_what_an_event_tells(case: dict[str, Any]) -> None:
    """A key's values, none where it is surely absent, and nothing where the event does not tell; with AWS's page."""
    assert case["source"].startswith("https://docs.aws.amazon.com/")
    assert case["why"]
    (call,) = calls(record(1, **case["record"]))
    key = case["key"].lower()
    found = context_of(Event(call), use(case["action"]), frozenset({key}))
    assert found == ({} if case["expected"] is None else {key: tuple(case["expected"])})


def test_every_key_of_the_table_is_tried() -> None:
    """Each has a page, a rule that is there, and a case; ``*`` stands for any further part."""
    tried = {case["key"].lower() for case in CONTEXTS}
    for key, actions, how, absent, page in table("condition_keys.tsv", 5):
        assert page.startswith("https://docs.aws.amazon.com/")
        assert absent in ("absent", "open")
        assert actions == "*" or catalogue.expand(actions), actions
        if not how.startswith("request:"):
            beginning = key.lower().removesuffix("*")
            is_tried = any(one.startswith(beginning) for one in tried)
            assert is_tried or key.startswith("aws:CalledVia"), key


def test_what_a_use_tells_itself_wins() -> None:
    """The service that a role was passed to, the service that asked for a key."""
    (call,) = calls(record(1))
    keys = frozenset({"iam:passedtoservice", "kms:viaservice"})
    passing = use("iam:PassRole", iam__PassedToService="ec2.amazonaws.com")
    assert context_of(Event(call), passing, keys) == {"iam:passedtoservice": ("ec2.amazonaws.com",)}
    assert context_of(Event(call), passing, frozenset()) == {}


def test_which_actions_a_policy_of_the_resource_may_allow() -> None:
    """The table names actions that attach such policies, and pages; what makes a resource is none."""
    for pattern, but, by, page in table("resource_policies.tsv", 4):
        assert page.startswith("https://docs.aws.amazon.com/")
        assert catalogue.find(by), by
        assert catalogue.actions_of(pattern.partition(":")[0]), pattern
        assert but == "-" or catalogue.find(but), but
    assert has_resource_policies("S3:getobject")
    assert has_resource_policies("sts:AssumeRole")
    assert not has_resource_policies("sqs:CreateQueue")
    assert not has_resource_policies("sts:GetCallerIdentity")
    assert not has_resource_policies("ec2:RunInstances")
    assert not has_resource_policies("iam:PassRole")


def judge(*statements: dict[str, Any], boundary: object = None) -> Judge:
    """Judges by these statements."""
    return Judge.of(principal([document(list(statements))], boundary))


def allow(action: str | list[str], resource: str = "*", **more: object) -> dict[str, Any]:
    """An Allow."""
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


S3_GET = use("s3:GetObject", "arn:aws:s3:::b/k")
RUN = use("ec2:StartInstances", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1")
FOREIGN = use("sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:q")


@pytest.mark.parametrize(
    ("one", "today", "answer"),
    [
        pytest.param(RUN, None, Answer.BROKEN, id="EC2 has no resource policies"),
        pytest.param(RUN, judge(), Answer.BROKEN, id="not granted today either, and nothing else could have let it in"),
        pytest.param(S3_GET, None, Answer.UNTOLD, id="a bucket policy may have let it in"),
        pytest.param(S3_GET, judge(allow("s3:*")), Answer.BROKEN, id="today's grants let it in"),
        pytest.param(S3_GET, judge(), Answer.UNTOLD, id="today's grants do not, so something else did"),
        pytest.param(
            S3_GET,
            judge(allow("s3:*", Condition={"StringEquals": {"s3:ExistingObjectTag/a": "b"}})),
            Answer.BROKEN,
            id="today's grants may have let it in",
        ),
        pytest.param(FOREIGN, judge(), Answer.BROKEN, id="between accounts both sides must allow"),
    ],
)
def test_what_nothing_allows_would_break_or_cannot_be_told(one: Any, today: Judge | None, answer: Answer) -> None:  # noqa: ANN401
    """A policy of the resource may let in what the identity's do not, unless today's grants did."""
    found = replay([used(1, one, account=ACCOUNT)], judge(allow("iam:*")), today)
    (row,) = found.rows
    assert row.answer is answer
    assert (row.today is None) is (today is None)
    assert found.events == {answer: 1}


def test_a_deny_breaks_whatever_a_policy_of_the_resource_allows() -> None:
    """And so does a boundary's Deny; a boundary's silence alone does not."""
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Sid": "Never"}
    (row,) = replay([used(1, S3_GET)], judge(allow("*"), deny)).rows
    assert (row.answer, row.reason) == (Answer.BROKEN, "denied by policy0, Never")
    assert [one.sid for one in row.statements] == ["Never"]
    (row,) = replay([used(1, S3_GET)], judge(allow("*"), boundary=document([allow("*"), deny]))).rows
    assert row.answer is Answer.BROKEN
    (row,) = replay([used(1, S3_GET)], judge(allow("*"), boundary=document([allow("sqs:*")]))).rows
    assert row.answer is Answer.UNTOLD


def test_all_resources_of_a_use_must_be_allowed() -> None:
    """RunInstances needs the image and the subnet; the one that is not allowed is named."""
    arns = [f"arn:aws:ec2:eu-west-1:{ACCOUNT}:subnet/s", "arn:aws:ec2:eu-west-1::image/ami-1"]
    found = replay([used(1, use("ec2:RunInstances", *arns))], judge(allow("ec2:*", "arn:aws:ec2:*:*:subnet/*")))
    assert [(row.resource, row.answer) for row in found.rows] == [(arns[1], Answer.BROKEN)]


def test_resources_that_are_known_in_part_are_judged_beside_all_that_may_have_been() -> None:
    """The one that is named is fine, of the others it cannot be told."""
    one = use("ec2:StartInstances", RUN.arns[0], unknown="one instance is not told")
    found = replay([used(1, one)], judge(allow("ec2:*", RUN.arns[0])))
    assert [(row.resource, row.answer) for row in found.rows] == [("", Answer.UNTOLD)]
    assert "one instance is not told" in found.rows[0].reason


def test_what_hangs_on_the_same_as_today_is_fine() -> None:
    """The call was let in by a Condition that no event tells; the same Condition lets it in again, another need not."""
    tagged: dict[str, Any] = {"Condition": {"StringEquals": {"aws:ResourceTag/a": "b"}}}
    other: dict[str, Any] = {"Condition": {"StringEquals": {"aws:ResourceTag/a": "c"}}}
    today = judge(allow("ec2:*", **tagged))
    assert replay([used(1, RUN)], judge(allow("ec2:Start*", **tagged)), today).events == {Answer.FINE: 1}
    assert replay([used(1, RUN)], judge(allow("ec2:Start*", **other)), today).events == {Answer.UNTOLD: 1}
    assert replay([used(1, RUN)], judge(allow("ec2:Start*", **tagged))).events == {Answer.UNTOLD: 1}


def test_rows_are_grouped_and_name_a_few_events() -> None:
    """One action, resource and reason make a row; an event is counted once, by the worst of its uses."""
    events = [used(number, RUN, S3_GET) for number in range(10)]
    found = replay(events, judge())
    assert found.events == {Answer.BROKEN: 10}
    assert [(row.answer, row.action, row.calls) for row in found.rows] == [
        (Answer.BROKEN, "ec2:StartInstances", 10),
        (Answer.UNTOLD, "s3:GetObject", 10),
    ]
    row = found.rows[0]
    assert row.events == tuple(one.event_id for one in events[:SAMPLES])
    assert (row.first_seen, row.last_seen) == (events[0].time, events[-1].time)


def test_too_many_resources_make_one_row() -> None:
    """Memory is bounded: past a thousand resources of one reason they are counted and not named."""
    events = [used(number, use("ec2:StartInstances", f"{RUN.arns[0]}{number}")) for number in range(RESOURCES + 50)]
    found = replay(events, judge())
    assert len(found.rows) == RESOURCES + 1
    (rest,) = [row for row in found.rows if not row.resource]
    assert rest.calls == 50
    assert "not named" in rest.reason
    assert sum(row.calls for row in found.rows) == found.total == len(events)


def test_calls_that_need_nothing_are_fine_and_unknown_ones_cannot_be_told() -> None:
    """GetCallerIdentity needs no permission; of a call that nobody knows no policy can be said to allow it."""
    free = used(1, event_source="sts.amazonaws.com", event_name="GetCallerIdentity")
    strange = used(2, event_source="ec2.amazonaws.com", event_name="NobodyKnowsThis")
    found = replay([free, strange], judge(allow("*")))
    assert found.events == {Answer.FINE: 1, Answer.UNTOLD: 1}
    assert found.rows[0].action == "ec2.amazonaws.com:NobodyKnowsThis"
    assert "no IAM action is known" in found.rows[0].reason


def test_what_a_call_needs_in_some_cases_cannot_be_told() -> None:
    """Tags may have been given: where tagging is granted today and would be no more. Else it was not needed."""
    call = used(1, use("appflow:CreateFlow"), event_source="appflow.amazonaws.com", event_name="CreateFlow")
    proposed = judge(allow("appflow:CreateFlow"))
    wide = replay([call], proposed, judge(allow("appflow:*")))
    assert "appflow:TagResource" in {row.action for row in wide.rows}
    assert {row.answer for row in wide.rows} == {Answer.UNTOLD}
    assert replay([call], proposed, judge(allow("appflow:CreateFlow"))).rows == ()
    assert replay([call], proposed).rows == ()


def test_refusals_and_undetermined_errors_are_not_replayed() -> None:
    """They need nothing, or prove no need; an error that proves that the caller was let in does."""
    denied = {"errorCode": "AccessDenied", "errorMessage": "no"}
    let_in = {"errorCode": "Client.DryRunOperation", "errorMessage": "would have succeeded"}
    found = replay(calls(record(1, **denied), record(2, errorCode="ThrottlingException"), record(3, **let_in)), judge())
    assert found.events == {Answer.BROKEN: 1}
    assert found.rows[0].events == ("00000000-0000-4000-8000-000000000003",)


POLICY: dict[str, object] = {"Version": "2012-10-17", "Statement": [allow("s3:GetObject")]}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (POLICY, ["p"]),
        ([POLICY, POLICY], ["p", "p 2"]),
        ({"PolicyName": "own", "PolicyDocument": POLICY}, ["own"]),
        ({"PolicyVersion": {"Document": POLICY, "VersionId": "v1"}}, ["p"]),
        ({"RolePolicyList": [{"PolicyName": "a", "PolicyDocument": POLICY}]}, ["a"]),
        ({"PolicyName": "q", "PolicyDocument": json.dumps(POLICY)}, ["q"]),
        ({"PolicyName": "q", "PolicyDocument": "%7B%22Statement%22%3A%5B%5D%7D"}, ["q"]),
    ],
)
def test_policies_come_in_any_shape(tmp_path: Path, content: object, names: list[str]) -> None:
    """Documents alone, lists of them, and what AWS's commands print."""
    (tmp_path / "p.json").write_text(json.dumps(content))
    assert [one.name for one in policies_in([tmp_path / "p.json"])] == names
    assert [one.name for one in policies_in([tmp_path])] == names


@pytest.mark.parametrize(
    ("content", "code"),
    [("{}", 3), ("[]", 3), ("not json", 5), ('{"Statement": [{"Effect": "Maybe"}]}', 5), (None, 3)],
)
def test_what_is_no_policy_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, code: int
) -> None:
    """One line, and the exit code of its kind, before any store is opened."""
    path = tmp_path / "p.json"
    if content is not None:
        path.write_text(content)
    found, out, err = run(capsys, "replay", path, "--role", "worker", "--store", tmp_path / "no.duckdb")
    assert (found, out) == (code, "")
    assert "p" in err


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """61 days of somebody else, and the worker that describes, once, and was refused, once."""
    found = Scenario(tmp_path, capsys)
    refused = {"errorCode": "AccessDenied", "errorMessage": "no"}
    found.log(*background(), record(1, eventTime=moment(3)), record(2, eventTime=moment(4), **refused))
    return found


def replayed(
    scenario: Scenario, capsys: pytest.CaptureFixture[str], *statements: object, options: Sequence[str] = ()
) -> tuple[int, str, str]:
    """The command by these statements."""
    path = scenario.folder / "policy.json"
    path.write_text(json.dumps(document([dict(one) for one in statements])))  # type: ignore[call-overload]
    store = scenario.folder / "store.duckdb"
    return run(capsys, "replay", path, "--role", "worker", "--store", store, *options)


def test_exit_codes(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where all is fine, 10 where a call would be refused, where nothing was called, and with --strict if untold."""
    fine = allow("ec2:Describe*")
    assert replayed(scenario, capsys, fine)[0] == 0
    assert replayed(scenario, capsys, allow("s3:*"))[0] == 10
    code, _, err = replayed(scenario, capsys, fine, options=["--since", "2026-09-20"])
    assert code == 1
    assert "No role 'worker' acted in the window" in err
    untold = allow("ec2:*", Condition={"StringEquals": {"aws:ResourceTag/a": "b"}})
    assert replayed(scenario, capsys, untold)[0] == 0
    assert replayed(scenario, capsys, untold, options=["--strict"])[0] == 10


def test_nothing_passes_on_nothing(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """A role that did nothing proves nothing of a policy."""
    idle = role(statement("s3:*"), RoleName="idle", RoleId="AROAIDLE", Arn=f"arn:aws:iam::{ACCOUNT}:role/idle")
    iam = scenario.iam(account(idle))
    path = scenario.folder / "policy.json"
    path.write_text(json.dumps(POLICY))
    store = scenario.folder / "store.duckdb"
    code, _, err = run(capsys, "replay", path, "--role", "idle", "--iam", iam, "--store", store)
    assert code == 10
    assert "cannot conclude: no call" in err


def test_gaps_in_the_logs_are_no_conclusion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two days of a month: nothing is concluded, unless --anyway says so."""
    found = Scenario(tmp_path, capsys)
    found.log(record(1, eventTime=moment(0)), record(2, eventTime=moment(30)))
    fine = allow("ec2:Describe*")
    code, _, err = replayed(found, capsys, fine)
    assert code == 10
    assert "cannot conclude" in err
    assert replayed(found, capsys, fine, options=["--anyway"])[0] == 0


def test_boundary_scps_and_todays_grants_judge_too(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """What --iam and --scp tell bounds the policies; --with-grants judges by both."""
    iam = scenario.iam(account(role(statement("ec2:*"))))
    scp = scenario.folder / "scp.json"
    scp.write_text(json.dumps(document([allow("s3:*")])))
    fine, none = allow("ec2:Describe*"), allow("s3:*")
    assert replayed(scenario, capsys, fine, options=["--iam", iam])[0] == 0
    assert replayed(scenario, capsys, fine, options=["--iam", iam, "--scp", str(scp)])[0] == 10
    assert replayed(scenario, capsys, none, options=["--iam", iam])[0] == 10
    assert replayed(scenario, capsys, none, options=["--iam", iam, "--with-grants"])[0] == 0
    assert replayed(scenario, capsys, none, options=["--with-grants"])[0] == 2


def test_rows_for_programs(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """The keys in their order, in every format; what they rest on goes to stderr."""
    iam = scenario.iam(account(role(statement("ec2:*"))))
    code, out, err = replayed(scenario, capsys, allow("s3:*"), options=["--iam", iam, "--format", "json"])
    (row,) = json.loads(out)
    assert list(row) == [
        *("account", "principal", "action", "resource", "answer", "reason", "statements", "calls"),
        *("first_seen", "last_seen", "events", "inferred", "today"),
    ]
    assert (code, row["principal"], row["answer"], row["today"]) == (10, ROLE, "would break", "granted")
    assert "1 calls that were let in: 1 would break" in err
    for how in ("jsonl", "csv", "markdown", "html"):
        code, out, _ = replayed(scenario, capsys, allow("s3:*"), options=["--iam", iam, "--format", how])
        assert code == 10
        assert "ec2:DescribeInstances" in out


@pytest.mark.parametrize("options", [[], ["--role", "a", "--user", "b"]])
def test_whose_calls_must_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    """One role or one user."""
    path = tmp_path / "p.json"
    path.write_text(json.dumps(POLICY))
    code, _, err = run(capsys, "replay", path, *options, "--store", tmp_path / "no.duckdb")
    assert code == 2
    assert "--role" in err


def test_a_name_that_did_not_act_names_close_matches(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --iam the events tell who there is."""
    path = scenario.folder / "p.json"
    path.write_text(json.dumps(POLICY))
    code, _, err = run(capsys, "replay", path, "--role", "wroker", "--store", scenario.folder / "store.duckdb")
    assert code == 1
    assert "worker" in err


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example trail, loaded."""
    store = tmp_path_factory.mktemp("example") / "store.duckdb"
    assert main(["load", str(EXAMPLES / "AWSLogs"), "--store", str(store), "--quiet"]) == 0
    return store


def test_the_example_as_people_read_it(example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The role deploy by a policy that forgot some of what it does."""
    path = tmp_path / "forgetful.json"
    passing = allow(
        "iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, Sid="Pass"
    )
    path.write_text(json.dumps(document([allow(["cloudformation:*", "ec2:*", "lambda:*", "kms:Decrypt"]), passing])))
    iam = EXAMPLES / "iam" / f"{ACCOUNT}.json"
    code, out, _ = run(capsys, "replay", path, "--role", "deploy", "--iam", iam, "--store", example)
    assert code == 10
    golden("replay.txt", out.splitlines())


def test_the_samples_replay_by_their_own_grants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a user is granted lets in all that it did: nothing breaks, and something was done."""
    folder = samples() / "combined" / "flaws"
    store = tmp_path / "store.duckdb"
    assert main(["load", str(folder / "AWSLogs"), "--store", str(store), "--quiet"]) == 0
    empty = tmp_path / "none.json"
    empty.write_text(json.dumps(document([allow("nosuchservice:Nothing")])))
    options = ["--user", "Level6", "--iam", folder / "iam-authorization-details.json", "--store", store, "--anyway"]
    code, out, err = run(capsys, "replay", empty, "--with-grants", "--format", "json", *options)
    broken = [(row["action"], row["reason"], row["calls"]) for row in json.loads(out) if row["answer"] == "would break"]
    assert (code, broken) == (0, []), err
    assert run(capsys, "replay", empty, "--format", "json", *options)[0] == 10


def test_policies_of_one_kind_are_a_union() -> None:
    """Two files allow together what neither does alone."""
    one, other = (Policy(name, None, parse(document([allow(name)]), name), "proposed") for name in ("s3:*", "ec2:*"))
    found: list[Replayed] = []
    for policies in ([one], [other], [one, other]):
        who = principal([])
        judging = Judge.of(
            type(who)(**{name: getattr(who, name) for name in who.__slots__} | {"policies": tuple(policies)})
        )
        found.append(replay([used(1, RUN, use("s3:CreateBucket", "arn:aws:s3:::b"))], judging))
    assert [one.breaks for one in found] == [True, True, False]
