"""``cloudsearch generate``, as a user would run it: what is in a policy, what never is, and when there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.generating import BUCKET, call, get_object, listed, made, resources
from tests.logfiles import ACCOUNT, record
from tests.scenario import ROLE, Scenario, account, background, moment, role, statement


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


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
