"""``cloudsearch generate``, as a user would run it: what is in a policy, what never is, and when there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.actions.arns import as_named, has_wildcard
from cloudsearch.cli import main
from cloudsearch.event import Row
from cloudsearch.iam import Document, Policy, State
from cloudsearch.iam.focus import acts_on
from cloudsearch.policies.examined import Examined
from cloudsearch.policies.generate import Wishes, generate
from cloudsearch.policies.history import Used, history
from cloudsearch.policies.replay import Answer, replay
from cloudsearch.policies.subjects import Subject
from cloudsearch.policies.usage import usage
from cloudsearch.reports.principals import account_of
from cloudsearch.reports.window import Window
from cloudsearch.store import Store, Table
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Where
from tests.golden_files import golden
from tests.logfiles import ACCOUNT, record
from tests.samples import samples
from tests.scenario import ROLE, Scenario, account, background, moment, role, statement
from tests.uses import state

EXAMPLES = Path(__file__).parent.parent / "examples"
BUCKET = "arn:aws:s3:::orders"


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


def call(number: int, source: str, name: str, request: object = None, **fields: object) -> dict[str, object]:
    """A call of the worker."""
    return record(number, eventSource=f"{source}.amazonaws.com", eventName=name, requestParameters=request, **fields)


def get_object(number: int, key: str, **fields: object) -> dict[str, object]:
    """The worker reads an object."""
    return call(number, "s3", "GetObject", {"bucketName": "orders", "key": key}, eventCategory="Data", **fields)


def made(scenario: Scenario, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """The worker's statements, and what is said beside them."""
    whom = () if {"--role", "--user", "--all", "--permission-set"} & set(arguments) else ("--role", "worker")
    code, out, err = scenario.run("generate", *whom, *arguments)
    assert code == 0, err
    document = json.loads(out)
    assert document["Version"] == "2012-10-17"
    return document["Statement"], err


def resources(statements: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Each action's resources."""
    found: dict[str, list[str]] = {}
    for one in statements:
        for action in listed(one["Action"]):
            found.setdefault(action, []).extend(listed(one["Resource"]))
    return found


def listed(value: str | list[str]) -> list[str]:
    """A text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else value


def test_real_arns_and_nothing_but_the_policy(scenario: Scenario) -> None:
    """Stdout is one document, each action on what it was used on; the figure and the services are on stderr."""
    scenario.log(
        get_object(1, "in/a.csv"),
        get_object(2, "in/b.csv"),
        record(3),
        call(4, "sqs", "DeleteQueue", {"queueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs"}),
    )
    statements, err = made(scenario)
    assert resources(statements) == {
        "ec2:DescribeInstances": ["*"],
        "s3:GetObject": [f"{BUCKET}/in/a.csv", f"{BUCKET}/in/b.csv"],
        "sqs:DeleteQueue": [f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"],
    }
    assert "2 of 2 actions that take resources have real ARNs (100%)" in err
    assert "services used: ec2, s3, sqs" in err
    assert "GetObject x 2" in err


def test_what_never_is_in_a_policy(scenario: Scenario) -> None:
    """Refused calls, service events, sign-ins, calls that need no permission; what nobody knows is named instead."""
    scenario.log(
        record(1),
        call(2, "iam", "CreateUser", {"userName": "eve"}, errorCode="AccessDenied", errorMessage="no"),
        call(3, "kms", "RotateKey", eventType="AwsServiceEvent"),
        call(4, "signin", "ConsoleLogin", eventType="AwsConsoleSignIn"),
        call(5, "sts", "GetCallerIdentity"),
        call(6, "ec2", "ForecastTheWeather"),
        call(7, "ec2", "StartInstances", eventType="AwsVpceEvent", eventCategory="NetworkActivity"),
    )
    statements, err = made(scenario)
    assert resources(statements) == {"ec2:DescribeInstances": ["*"]}
    assert "ForecastTheWeather of ec2.amazonaws.com: 1 calls, and no IAM action is known for it" in err
    assert "GetCallerIdentity" not in err


def test_failed_calls(scenario: Scenario) -> None:
    """An error that proves that the caller was let in counts; one that may come before that only when asked for."""
    scenario.log(
        call(1, "s3", "GetBucketPolicy", {"bucketName": "orders"}, errorCode="NoSuchBucketPolicy"),
        call(2, "ec2", "DescribeVpcs", errorCode="Client.RequestLimitExceeded"),
    )
    assert resources(made(scenario)[0]) == {"s3:GetBucketPolicy": [BUCKET]}
    assert "ec2:DescribeVpcs" in resources(made(scenario, "--include-failed")[0])


def test_digits_and_versions_in_names(scenario: Scenario) -> None:
    """API versions are cut off, digits of a name are not."""
    scenario.log(
        call(1, "lambda", "GetFunction20150331v2", {"functionName": "f"}),
        call(2, "s3", "ListObjectsV2", {"bucketName": "orders"}),
        call(3, "wafv2", "ListIPSets", {"scope": "REGIONAL"}),
        call(4, "apigateway", "GetApis"),
    )
    assert set(resources(made(scenario)[0])) == {
        "lambda:GetFunction",
        "s3:ListBucket",
        "wafv2:ListIPSets",
        "apigateway:GET",
    }


def test_a_passed_role(scenario: Scenario) -> None:
    """iam:PassRole on the role, to the service it was passed to; roles passed to two services may be passed to both."""
    runner = f"arn:aws:iam::{ACCOUNT}:role/runner"
    scenario.log(
        call(1, "lambda", "CreateFunction20150331", {"functionName": "f", "role": runner}),
        call(2, "ecs", "RegisterTaskDefinition", {"family": "t", "taskRoleArn": runner}),
    )
    passing = [one for one in made(scenario)[0] if one["Action"] == "iam:PassRole"]
    assert [(one["Resource"], one["Condition"]) for one in passing] == [
        (
            runner,
            {"StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]}},
        )
    ]


def test_a_role_in_an_instance_profile(scenario: Scenario) -> None:
    """An event names the profile alone: with IAM the role in it is passed, without it any, and that is said."""
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/build/agent"
    for number, named in enumerate(({"arn": arn}, {"name": "agent"})):
        scenario.log(call(number, "ec2", "RunInstances", {"iamInstanceProfile": named}))
    assert resources(made(scenario)[0])["iam:PassRole"] == ["*"]
    held = role(InstanceProfileList=[{"Arn": arn, "InstanceProfileName": "agent", "Roles": []}])
    statements, err = made(scenario, "--iam", scenario.iam(account(held)))
    assert resources(statements)["iam:PassRole"] == [ROLE]
    assert "iam:PassRole" not in err.split("without: ")[1].split("\n")[0]


def test_a_resource_nobody_knows_is_said_to_be(scenario: Scenario) -> None:
    """The star stands in a statement of its own, whose Sid says so, and a note says why; known ones stay apart."""
    scenario.log(
        call(1, "sqs", "DeleteQueue", {"queueUrl": f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs"}),
        call(2, "sqs", "DeleteQueue"),
    )
    statements, err = made(scenario)
    assert {one["Sid"]: one["Resource"] for one in statements} == {
        "SqsDeleteQueueJobs": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs",
        "SqsDeleteQueueOnUnknownResources": "*",
    }
    assert "note: sqs:DeleteQueue: the resource of 1 uses is not known, so * stands for it" in err
    assert "0 of 1 actions that take resources have real ARNs" in err
    assert "without: sqs:DeleteQueue" in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "only 10 days of logs"),
        (("--since", "2026-08-02", "--until", "2026-08-04", "--min-days", "3"), None),
        (("--since", "2026-08-02", "--until", "2026-08-04"), "only 3 days of logs"),
        (("--since", "2027-01-01"), "No role 'worker' acted"),
    ],
)
def test_too_few_days(scenario: Scenario, arguments: tuple[str, ...], reason: str | None) -> None:
    """No policy is made of a short window, and the reason names what was found and what was asked for."""
    days = Scenario(scenario.folder / "short", scenario._capsys)
    days.folder.mkdir()
    days.log(*(one for one in background() if str(one["eventTime"]) < moment(10)), record(1, eventTime=moment(2)))
    code, out, err = days.run("generate", "--role", "worker", *arguments)
    assert (code, bool(out)) == ((1, False) if reason else (0, True))
    assert (reason or "services used") in err
    assert "Traceback" not in err


def test_broken_coverage(scenario: Scenario) -> None:
    """More than a twentieth of the days without events: no policy, unless it is to be made anyway."""
    days = Scenario(scenario.folder / "gaps", scenario._capsys)
    days.folder.mkdir()
    days.log(*(one for one in background() if not moment(20) <= str(one["eventTime"]) < moment(30)), record(1))
    code, out, err = days.run("generate", "--role", "worker")
    assert (code, out) == (1, "")
    assert f"10 of 61 days of account {ACCOUNT} have no events" in err
    assert "--anyway" in err
    code, out, err = days.run("generate", "--role", "worker", "--anyway")
    assert code == 0
    assert json.loads(out)["Statement"]
    assert "made all the same (--anyway): 10 of 61 days" in err


def test_one_that_did_nothing_gets_no_policy(scenario: Scenario) -> None:
    """An empty policy would take everything away: there is none, and the exit code says so."""
    iam = scenario.iam(account(role(statement("s3:*"))))
    code, out, err = scenario.run("generate", "--role", "worker", "--iam", iam)
    assert (code, out) == (1, "")
    assert "There is nothing to make a policy from" in err


def test_siblings_are_made_one_only_when_asked(scenario: Scenario) -> None:
    """--generalise 3 makes three objects of one prefix one, two stay; the notes name each that was made."""
    scenario.log(*(get_object(number, key) for number, key in enumerate(["in/a", "in/b", "in/c", "out/a", "out/b"])))
    assert len(resources(made(scenario)[0])["s3:GetObject"]) == 5
    statements, err = made(scenario, "--generalise", "3")
    assert resources(statements)["s3:GetObject"] == [f"{BUCKET}/in/*", f"{BUCKET}/out/a", f"{BUCKET}/out/b"]
    assert f"s3:GetObject: 3 resources made one, {BUCKET}/in/*" in err


def test_roles_are_never_made_all_roles(scenario: Scenario) -> None:
    """Whoever may pass any role may become an administrator."""
    scenario.log(
        *(
            call(
                number,
                "lambda",
                "CreateFunction20150331",
                {"functionName": "f", "role": f"arn:aws:iam::{ACCOUNT}:role/{name}"},
            )
            for number, name in enumerate(["a", "b", "c", "team/a", "team/b", "team/c"])
        )
    )
    passed = resources(made(scenario, "--generalise", "2")[0])["iam:PassRole"]
    assert passed == [f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("a", "b", "c", "team/*")]


def test_too_many_resources_are_told_by_what_they_lie_in(scenario: Scenario) -> None:
    """Past the bound the deepest are folded, and the Sid and a note say so."""
    keys = [*(f"in/{number}" for number in range(5)), "top"]
    scenario.log(*(get_object(number, key) for number, key in enumerate(keys)))
    (one,), err = made(scenario, "--most-resources", "3")
    assert one["Resource"] == [f"{BUCKET}/in/*", f"{BUCKET}/top"]
    assert one["Sid"].endswith("OnFoldedResources")
    assert "used on more than 3 resources" in err


def test_conditions_that_every_use_shows(scenario: Scenario) -> None:
    """Endpoint, region and MFA stand where each use has them, and never for what a service did for the caller."""
    session = record(0)["userIdentity"]
    assert isinstance(session, dict)
    issuer = session["sessionContext"]["sessionIssuer"]
    with_mfa = session | {"sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "true"}}}
    scenario.log(
        call(1, "ec2", "DescribeVpcs", vpcEndpointId="vpce-1", userIdentity=with_mfa),
        call(2, "ec2", "DescribeVpcs", vpcEndpointId="vpce-1", userIdentity=with_mfa),
        call(3, "ec2", "DescribeSubnets", vpcEndpointId="vpce-1", userIdentity=with_mfa),
        call(4, "ec2", "DescribeSubnets", awsRegion="us-east-1"),
        call(5, "sts", "GetSessionToken"),
        call(6, "ec2", "DescribeImages", userIdentity=with_mfa | {"invokedBy": "autoscaling.amazonaws.com"}),
    )
    found = {
        action: one.get("Condition") for one in made(scenario, "--conditions")[0] for action in listed(one["Action"])
    }
    assert found["ec2:DescribeVpcs"] == {
        "StringEquals": {"aws:SourceVpce": "vpce-1", "aws:RequestedRegion": "eu-west-1"},
        "Bool": {"aws:MultiFactorAuthPresent": "true"},
    }
    assert found["ec2:DescribeSubnets"] == {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}
    assert found["ec2:DescribeImages"] is None
    assert all("Condition" not in one for one in made(scenario)[0])


def test_only_what_is_granted_today(scenario: Scenario) -> None:
    """What a bucket policy let in, say, is left out, and the notes name it."""
    scenario.log(get_object(1, "in/a"), get_object(2, "out/b"), record(3))
    iam = scenario.iam(account(role(statement("s3:GetObject", Resource=f"{BUCKET}/in/*"))))
    statements, err = made(scenario, "--keep-granted-only", "--iam", iam)
    assert resources(statements) == {"s3:GetObject": [f"{BUCKET}/in/a"]}
    assert f"s3:GetObject on {BUCKET}/out/b: used, but not granted today, so left out" in err
    assert "ec2:DescribeInstances on *: used, but not granted today" in err
    assert scenario.run("generate", "--role", "worker", "--keep-granted-only")[0] == 2


def test_what_is_granted_and_cannot_be_seen(scenario: Scenario) -> None:
    """With IAM it is said how much of that is left out, by service: nobody can say that it was not used."""
    scenario.log(record(1))
    granted = statement("ec2:DescribeInstances", "ec2:DescribeVpcs", "s3:GetObject", "logs:PutLogEvents")
    _, err = made(scenario, "--iam", scenario.iam(account(role(granted))))
    assert "2 actions are granted today whose use no management event shows" in err
    assert "logs x 1, s3 x 1" in err
    seen = account(role(statement("ec2:*Instances")))
    assert "are granted today whose use" not in made(scenario, "--iam", scenario.iam(seen, "other.json"))[1]


def test_an_earlier_role_of_the_same_name(scenario: Scenario) -> None:
    """With IAM its use is nobody's; without it a note says that there were two."""
    before = json.loads(json.dumps(record(2, eventName="DescribeVpcs")).replace("AROAWORKER", "AROAEARLIER"))
    scenario.log(record(1), before)
    statements, err = made(scenario)
    assert set(resources(statements)) == {"ec2:DescribeInstances", "ec2:DescribeVpcs"}
    assert "2 principals had this name" in err
    iam = scenario.iam(account(role(statement("ec2:*"))))
    assert set(resources(made(scenario, "--iam", iam)[0])) == {"ec2:DescribeInstances"}


def test_evidence(scenario: Scenario) -> None:
    """For each action and resource: how often, when first and last, and events to look at."""
    scenario.log(*(get_object(number, "in/a", eventTime=moment(number)) for number in range(1, 6)), record(9))
    path = scenario.folder / "evidence.json"
    (statements, _) = made(scenario, "--evidence", str(path))
    by_action = {row["action"]: row for row in json.loads(path.read_text())}
    row = by_action["s3:GetObject"]
    assert (row["count"], row["first_used"], row["last_used"]) == (5, moment(1), moment(5))
    assert row["events"] == [f"00000000-0000-4000-8000-{number:012}" for number in (1, 2, 3)]
    assert row["resource"] == f"{BUCKET}/in/a"
    assert row["sid"] in {one["Sid"] for one in statements}
    assert (row["principal"], row["policy"]) == (ROLE, "worker-least-privilege")


def test_all_in_one_pass(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody's policies are made while the store's events are read once; each is the one made alone."""
    someone = background()[0]["userIdentity"]
    scenario.log(record(1), get_object(2, "in/a"), call(3, "iam", "ListUsers", userIdentity=someone))
    alone = {
        flag: json.loads(scenario.run("generate", flag, name)[1])
        for flag, name in (("--role", "worker"), ("--user", "someone"))
    }
    reads: list[str] = []
    rows = DuckDBStore.rows

    def counted(self: DuckDBStore, table: Table, where: Where, **named: Any) -> Iterator[Row]:  # noqa: ANN401
        reads.append(table.name)
        return rows(self, table, where, **named)

    monkeypatch.setattr(DuckDBStore, "rows", counted)
    code, out, _ = scenario.run("generate", "--all")
    assert code == 0
    found = {one["principal"]: [policy["document"] for policy in one["policies"]] for one in json.loads(out)}
    assert found == {
        ROLE: [alone["--role"]],
        f"arn:aws:iam::{ACCOUNT}:user/someone": [alone["--user"]],
    }
    assert reads.count("events") == 1


def test_a_file_for_each_policy(scenario: Scenario) -> None:
    """--output is a folder; other forms have a file for each principal."""
    scenario.log(record(1))
    folder = scenario.folder / "out"
    code, out, _ = scenario.run("generate", "--role", "worker", "--output", str(folder))
    assert (code, out) == (0, "")
    assert scenario.run("generate", "--role", "worker", "--output", str(folder), "--format", "terraform")[0] == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "worker-least-privilege.json",
        "worker-least-privilege.tf",
    ]
    assert json.loads((folder / "worker-least-privilege.json").read_text())["Statement"]


def test_more_than_one_policy_holds(scenario: Scenario) -> None:
    """What is too large for one managed policy is in several, each within the limit, and all of it is there."""
    keys = [f"a-rather-long-prefix-for-a-key/{number:04}" for number in range(300)]
    scenario.log(*(get_object(number, key) for number, key in enumerate(keys)))
    folder = scenario.folder / "out"
    assert scenario.run("generate", "--role", "worker", "--output", str(folder))[0] == 0
    documents = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    assert len(documents) == 3
    assert all(len(json.dumps(one, separators=(",", ":"))) <= 6144 for one in documents)
    found = [arn for one in documents for arn in resources(one["Statement"])["s3:GetObject"]]
    assert sorted(found) == [f"{BUCKET}/{key}" for key in keys]


def test_what_fits_nowhere(scenario: Scenario) -> None:
    """An inline policy takes less: the error says how much there is and what to do, and exits 1."""
    scenario.log(*(get_object(number, f"a-rather-long-prefix-for-a-key/{number:04}") for number in range(300)))
    code, out, err = scenario.run("generate", "--role", "worker", "--as", "inline")
    assert (code, out) == (1, "")
    assert "AWS allows 10,240 characters (inline-role)" in err
    assert "s3:GetObject on 300 resources" in err
    assert "--generalise" in err
    assert made(scenario, "--as", "inline", "--generalise", "100")[0]


def test_a_permission_set(scenario: Scenario) -> None:
    """Its roles of all accounts are one, and a hint names close ones."""
    other = "444455556666"
    for number, owner in enumerate((ACCOUNT, other)):
        arn = (
            f"arn:aws:iam::{owner}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Operators_{number:016x}"
        )
        identity = {
            "type": "AssumedRole",
            "principalId": f"AROA{number}:anna",
            "arn": f"arn:aws:sts::{owner}:assumed-role/AWSReservedSSO_Operators_{number:016x}/anna",
            "accountId": owner,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn, "principalId": f"AROA{number}"}},
        }
        scenario.log(
            *background(recipientAccountId=owner) if number else (),
            record(
                700 + number,
                userIdentity=identity,
                recipientAccountId=owner,
                eventName=("DescribeVpcs", "DescribeSubnets")[number],
            ),
        )
    statements, err = made(scenario, "--permission-set", "Operators", "--anyway")
    assert resources(statements) == {"ec2:DescribeSubnets": ["*"], "ec2:DescribeVpcs": ["*"]}
    assert "one after the other" not in err
    code, _, err = scenario.run("generate", "--permission-set", "Operator")
    assert code == 1
    assert "Close: Operators" in err


def test_a_permission_set_of_which_some_is_not_known(scenario: Scenario) -> None:
    """No policy for all of its roles is made of what some of them did."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operators_{1:016x}"
    for owner, days in ((ACCOUNT, background()), ("444455556666", background(recipientAccountId="444455556666")[:8])):
        own = arn.replace(ACCOUNT, owner)
        issuer = {"type": "Role", "arn": own, "principalId": f"AROA{owner}"}
        identity = {"type": "AssumedRole", "accountId": owner, "sessionContext": {"sessionIssuer": issuer}}
        events = [one | {"eventID": f"{owner}-{one['eventID']}"} for one in days]
        scenario.log(
            *events, record(int(owner[:3]), userIdentity=identity, recipientAccountId=owner, eventTime=moment(2))
        )
    code, out, err = scenario.run("generate", "--permission-set", "Operators")
    assert (code, out) == (1, "")
    assert "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Operators" in err
    assert "account 444455556666" in err


def test_all_but_those_too_large(scenario: Scenario) -> None:
    """Everybody else gets a policy, and the exit code is 1 with the names of those who did not."""
    someone = background()[0]["userIdentity"]
    keys = (f"a-rather-long-prefix-for-a-key/{number:04}" for number in range(300))
    scenario.log(*(get_object(number, key, userIdentity=someone) for number, key in enumerate(keys)), record(900))
    code, out, err = scenario.run("generate", "--all", "--as", "inline")
    assert code == 1
    assert [one["principal"] for one in json.loads(out)] == [ROLE]
    assert f"No policy is made: arn:aws:iam::{ACCOUNT}:user/someone: The statements take" in err
    assert "Load more logs" not in err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--role", "a", "--all"), ("--role", "a", "--generalise", "1"), ("--permission-set", "P", "--as", "managed")],
)
def test_what_makes_no_sense(scenario: Scenario, arguments: tuple[str, ...]) -> None:
    """Is refused as usage."""
    assert scenario.run("generate", *arguments)[0] == 2


def test_a_wrong_name_gets_a_hint(scenario: Scenario) -> None:
    """Close ones are named."""
    scenario.log(record(1))
    code, _, err = scenario.run("generate", "--role", "wroker")
    assert code == 1
    assert "Close: worker" in err


@pytest.fixture(scope="module")
def example_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example trail, loaded."""
    path = tmp_path_factory.mktemp("example") / "store.duckdb"
    assert main(["load", str(EXAMPLES / "AWSLogs"), "--store", str(path), "--quiet"]) == 0
    return path


def test_the_example(example_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The policy of deploy, and what is said beside it."""
    capsys.readouterr()
    arguments = ["--role", "deploy", "--account", "111122223333", "--iam", str(EXAMPLES / "iam")]
    assert main(["generate", *arguments, "--store", str(example_file)]) == 0
    out, err = capsys.readouterr()
    golden("generate-example.json", out.splitlines())
    golden("generate-example.txt", err.splitlines())


def check_everybody(store: Store, *, conditions: bool) -> int:
    """Every principal's policy grants each of its uses, and names no service that it did not use; how many uses."""
    events = list(history(store, Window(), None))
    checked = set()
    for arn, own in usage(events, lambda used: used.principal or None).items():
        found = generate(own, Wishes(conditions=conditions))
        uses = {(one.action, one.arns) for used in events if used.principal == arn for one in used.uses}
        services = {action.partition(":")[0] for action, _ in uses}
        named = {
            name.partition(":")[0]
            for policy in found.policies
            for one in policy.statements
            for name in one.actions.texts
        }
        assert named == services
        _replays_clean(arn, found.policies, [used for used in events if used.principal == arn])
        for action, arns in uses:
            for resource in arns or (None,):
                if (arn, action, resource) not in checked:
                    checked.add((arn, action, resource))
                    assert _allows(found.policies, action, resource), (arn, action, resource)
    return len(checked)


def _replays_clean(arn: str, policies: Sequence[Document], calls: Sequence[Used]) -> None:
    """Nothing would have been refused, nor can it not be told but of calls whose action nobody knows."""
    named = tuple(Policy(f"p{number}", None, one, "inline") for number, one in enumerate(policies))
    subject = Subject("role", "r", account_of(arn), (arn,))
    found = replay(calls, Examined(subject).judge(named))
    assert found.events[Answer.BROKEN] == 0
    assert all("no IAM action is known" in row.reason for row in found.rows), found.rows


def _allows(policies: Sequence[Document], action: str, resource: str | None) -> bool:
    """Whether the evaluator says so; of what it takes for no resource of the action, whether a statement names it."""
    if resource is None or has_wildcard(resource):
        return state(policies, action, None) is not State.NOT_GRANTED
    if not acts_on(action, as_named(resource)):
        return _is_named(policies, action, resource)
    return state(policies, action, as_named(resource)) is not State.NOT_GRANTED


def _is_named(policies: Sequence[Document], action: str, resource: str) -> bool:
    """Whether a statement names both, or what the resource surely lies in."""
    return any(
        one.resources is not None and (resource in one.resources.texts or any(map(has_wildcard, one.resources.texts)))
        for policy in policies
        for one in policy.statements
        if action in one.actions.texts
    )


with_conditions = pytest.mark.parametrize("conditions", [False, True])


@with_conditions
def test_everybody_of_the_example(example_file: Path, conditions: bool) -> None:  # noqa: FBT001
    """All that anybody did on the example trail is allowed to them by what is generated."""
    store = DuckDBStore(example_file)
    store.prepare()
    try:
        assert check_everybody(store, conditions=conditions) > 50
    finally:
        store.close()


@with_conditions
def test_everybody_of_a_public_trail(tmp_path: Path, conditions: bool) -> None:  # noqa: FBT001
    """And on the trail of a training ground for attackers."""
    path = tmp_path / "store.duckdb"
    assert main(["load", str(samples() / "combined" / "flaws"), "--store", str(path), "--quiet"]) == 0
    store = DuckDBStore(path)
    store.prepare()
    try:
        assert check_everybody(store, conditions=conditions) > 50
    finally:
        store.close()
