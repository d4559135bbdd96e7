"""``record -- COMMAND``, and what SDKs really send: every call once, equal to the calls made."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from botocore import loaders

from cloudsearch.cli.options import ReceiptFormat
from cloudsearch.cli.recording import Telling
from cloudsearch.csm.pairing import Call
from cloudsearch.event import Outcome
from cloudsearch.policies.sizes import TooLarge
from tests.aws import SmallAws
from tests.csm import lines, recording, run


@pytest.fixture
def bucket(aws: SmallAws) -> SmallAws:
    """An AWS with one."""
    aws.client("s3").create_bucket(Bucket="kept")
    return aws


CALLS = """
import boto3, sys
s3 = boto3.client("s3")
s3.list_buckets()
for _ in range(3):
    try:
        s3.get_object(Bucket="kept", Key="nothing")
    except s3.exceptions.NoSuchKey:
        pass
try:
    boto3.client("iam").list_users()
except Exception as error:
    print(type(error).__name__)
sys.exit(7)
"""


def test_a_command_is_run_and_what_it_called_is_told(tmp_path: Path, bucket: SmallAws) -> None:
    """Its calls, the actions they took, what a refusal names; its exit code, and what it prints, are passed on."""
    bucket.refuse("iam:ListUsers")
    done = run(["record", "--format", "json", "--output", "told", "--", sys.executable, "-c", CALLS], tmp_path, {})
    assert (done.returncode, done.stdout) == (7, "ClientError\n")
    told = json.loads((tmp_path / "told").read_text())
    assert [(one["service"], one["api"], one["count"]) for one in told["calls"]] == [
        ("S3", "GetObject", 3),
        ("IAM", "ListUsers", 1),
        ("S3", "ListBuckets", 1),
    ]
    assert told["actions"] == ["iam:ListUsers", "s3:GetObject", "s3:ListAllMyBuckets"]
    assert told["refused"] == ["iam:ListUsers"]
    assert told["exit_code"] == 7
    assert not (tmp_path / "cloudsearch.duckdb").exists()


def test_a_command_with_an_archive(tmp_path: Path, bucket: SmallAws) -> None:
    """Both at once, for people."""
    bucket.calls.clear()
    done = run(["record", "--archive", "a", "--", sys.executable, "-c", CALLS], tmp_path, {})
    assert "IAM actions it needed:\n  iam:ListUsers\n  s3:GetObject\n" in done.stdout
    assert Counter(one["Type"] for one in lines(tmp_path / "a")) == {"ApiCall": 5, "ApiCallAttempt": 5}


THROTTLED = """
import boto3, botocore.exceptions as theirs
from botocore.config import Config
try:
    boto3.client("iam", config=Config(retries={"total_max_attempts": 1})).list_roles()
except theirs.ClientError:
    pass
"""


def test_a_policy_for_a_command(tmp_path: Path, bucket: SmallAws) -> None:
    """Of what AWS let in, on all resources and saying so; refused and unanswered calls are not in it."""
    bucket.refuse("iam:ListUsers")
    bucket.fail("iam:ListRoles", status=503, code="Throttling", times=99)
    asked = [
        "record",
        "--generate",
        "--format",
        "json",
        "--output",
        "told",
        "--",
        sys.executable,
        "-c",
        f"{THROTTLED}{CALLS}",
    ]
    run(asked, tmp_path, {})
    told = json.loads((tmp_path / "told").read_text())
    assert told["policies"] == [
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "S3ListAllMyBuckets", "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
                {"Sid": "S3GetObjectOnUnknownResources", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
            ],
        }
    ]
    assert any("s3:GetObject" in note for note in told["notes"])
    assert "iam:ListUsers was refused, so it is left out" in told["notes"]
    assert any(note.startswith("iam:ListRoles failed before") for note in told["notes"])
    shown = run(["record", "--generate", "--", sys.executable, "-c", CALLS], tmp_path, {}).stdout
    policy, _ = json.JSONDecoder().raw_decode(shown.partition("A policy for it:\n")[2])
    assert policy == told["policies"][0]
    assert run(["record", "--generate", "--", "true"], tmp_path, {}).returncode == 0
    assert run(["record", "--generate"], tmp_path, {}).returncode == 2
    assert run(["record", "--generate", "--check"], tmp_path, {}).returncode == 2


@pytest.mark.parametrize(
    ("command", "code"),
    [(["no-such-command"], 127), (["/"], 126), (["sh", "-c", "kill -9 $$"], 137), (["true"], 0), (["false"], 1)],
)
def test_the_exit_code_of_a_command(tmp_path: Path, command: list[str], code: int) -> None:
    """As a shell would tell it."""
    assert run(["record", "--", *command], tmp_path, {}).returncode == code


def test_options_of_the_command_are_its_own(tmp_path: Path) -> None:
    """With or without the dashes."""
    done = run(["record", "echo", "--archive", "-v"], tmp_path, {})
    assert done.stdout.startswith("--archive -v\n")


def test_sigterm_is_passed_on_to_the_command(tmp_path: Path) -> None:
    """And it is for the command to end."""
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(5)); print(1, flush=True); time.sleep(60)"
    command = [sys.executable, "-m", "cloudsearch", "record", "--", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 5


# What the SDKs really do

TRAFFIC = """
import boto3, sys, botocore.exceptions as theirs
from botocore.config import Config
quick = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=1, read_timeout=1)
s3, sts = boto3.client("s3", config=quick), boto3.client("sts", config=quick)
for number in range(5):
    s3.put_object(Bucket="kept", Key=str(number), Body=b"x")
s3.list_objects_v2(Bucket="kept")
sts.get_caller_identity()
try:
    boto3.client("ec2", endpoint_url="http://127.0.0.1:9", config=quick).describe_instances()
except theirs.EndpointConnectionError:
    pass
once = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=1, read_timeout=1)
silent = "http://127.0.0.1:" + sys.argv[1]
try:
    boto3.client("sqs", endpoint_url=silent, config=once).list_queues()
except theirs.ReadTimeoutError:
    pass
"""


def test_boto3(tmp_path: Path, bucket: SmallAws) -> None:
    """Every call once, equal to those made; attempts are the requests; what reached nobody is told apart."""
    bucket.fail("sts:GetCallerIdentity", status=503, code="Throttling", times=2)
    bucket.calls.clear()
    with recording(tmp_path, "--archive", "a") as running:
        environment = {**os.environ, "AWS_CSM_ENABLED": "true", "AWS_CSM_PORT": str(running.port)}
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = str(silent.getsockname()[1])
            subprocess.run([sys.executable, "-c", TRAFFIC, port], env=environment, check=True, timeout=60)
        running.end()
    found = lines(tmp_path / "a")
    calls = Counter(f"{one['Service']} {one['Api']}" for one in found if one["Type"] == "ApiCall")
    assert calls == {
        "S3 PutObject": 5,
        "S3 ListObjectsV2": 1,
        "STS GetCallerIdentity": 1,
        "EC2 DescribeInstances": 1,
        "SQS ListQueues": 1,
    }
    answered = [one for one in found if "HttpStatusCode" in one]
    assert len(answered) == len(bucket.calls) == 9
    tried = {one["Api"]: one for one in found if one["Type"] == "ApiCall"}
    assert tried["GetCallerIdentity"]["AttemptCount"] == 3
    assert tried["DescribeInstances"]["AttemptCount"] == 3
    assert tried["DescribeInstances"]["FinalSdkException"] == "EndpointConnectionError"
    assert tried["DescribeInstances"]["MaxRetriesExceeded"] == 1
    assert tried["ListQueues"]["FinalSdkException"] == "ReadTimeoutError"
    assert "FinalHttpStatusCode" not in tried["ListQueues"]


def test_aws_cli_version_1(tmp_path: Path, bucket: SmallAws) -> None:
    """Under its own command line, each call once."""
    from tests.sdks import aws_cli

    bucket.calls.clear()
    (tmp_path / "file").write_text("x")
    script = (
        'set -e; "$0" s3 cp file s3://kept/one; "$0" s3api head-object --bucket kept --key one; "$0" iam list-users'
    )
    done = run(["record", "--format", "json", "--output", "told", "--", "sh", "-c", script, *aws_cli()], tmp_path, {})
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told").read_text())
    assert {(one["service"], one["api"]): one["count"] for one in told["calls"]} == {
        ("S3", "PutObject"): 1,
        ("S3", "HeadObject"): 1,
        ("IAM", "ListUsers"): 1,
    }
    assert told["recording"]["lines"]["attempts"] == len(bucket.calls) == 3


@pytest.mark.javascript
def test_javascript_version_2(tmp_path: Path, bucket: SmallAws) -> None:
    """The newest of it, each call once; it sends to localhost, whichever loopback that is."""
    from tests.sdks import javascript

    script = """
    const AWS = require("aws-sdk")
    const s3 = new AWS.S3({endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true})
    const iam = new AWS.IAM({endpoint: process.env.AWS_ENDPOINT_URL})
    async function main() {
      for (let n = 0; n < 5; n++) await s3.putObject({Bucket: "kept", Key: String(n), Body: "x"}).promise()
      await s3.listBuckets().promise()
      await iam.listUsers().promise()
      await s3.getObject({Bucket: "kept", Key: "none"}).promise().catch(() => 0)
    }
    main()
    """
    bucket.calls.clear()
    environment = {"NODE_PATH": str(javascript() / "node_modules"), "AWS_REGION": "us-east-1"}
    environment["AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE"] = "1"
    done = run(["record", "--format", "json", "--output", "told", "--", "node", "-e", script], tmp_path, environment)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told").read_text())
    assert {(one["service"], one["api"]): one["count"] for one in told["calls"]} == {
        ("S3", "PutObject"): 5,
        ("S3", "ListBuckets"): 1,
        ("S3", "GetObject"): 1,
        ("IAM", "ListUsers"): 1,
    }
    assert told["recording"]["lines"]["attempts"] == len(bucket.calls) == 8


def test_more_than_policies_hold_is_said_last(capsys: pytest.CaptureFixture[str]) -> None:
    """What was called is told all the same."""
    names = [name for name in loaders.Loader().list_available_services("service-2") if len(name) < 6]
    models = [loaders.Loader().load_service_model(name, "service-2") for name in names]
    calls = [
        Call({"service_id": model["metadata"]["serviceId"], "api": operation, "outcome": Outcome.OK, "attempts": 1})
        for model in models
        for operation in list(model["operations"])[::2]
    ]
    telling = Telling(ReceiptFormat.TABLE, None, generate=True)
    with pytest.raises(TooLarge):
        telling.tell(["all"], 0, calls, {"datagrams": {"dropped_by_kernel": 0}})
    told = capsys.readouterr().out
    assert "IAM actions it needed" in told
    assert "s3:" in told
