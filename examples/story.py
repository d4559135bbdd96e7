"""What happened at Marlowick in August and September 2026, story by story; each function says what it shows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from examples.company import (
    ALICE,
    AUDIT,
    AUTOSCALING,
    BOB,
    CONFIG,
    DAVE,
    DEPLOY,
    EARLIER_METRICS,
    IDENTITY_PROVIDER,
    INSTANCE_PROFILE,
    MAIN,
    METRICS,
    ORDERS,
    PATCHING,
    PLATFORM,
    QUEUES_POLICY,
    RELEASE,
    RELEASES,
    REPORTS,
    SCP,
)
from examples.trail import (
    BROWSER,
    BUILDERS,
    CLI,
    DAYS,
    FIRST,
    GLOBAL,
    HOME,
    OFFICE,
    Caller,
    Json,
    Trail,
    resource,
    service,
    session,
    user,
)

STACK = f"arn:aws:cloudformation:{HOME}:{MAIN}:stack/storefront-preview/0a1b2c3d-0000-4000-8000-exampleexamp"


def run(trail: Trail) -> None:
    """Everything that happened, story by story."""
    for day in range(DAYS):
        machines(trail, day)
        if (FIRST + timedelta(days=day)).weekday() < 5:
            deployment(trail, day)
    for week in range(9):
        weekly(trail, week)
    releases(trail)
    queues_until_august(trail)
    refusals_and_failures(trail)
    changes(trail)
    metrics_before_and_after(trail)
    patching_since_september(trail)
    console(trail)
    dave_until_he_left(trail)
    root_once(trail)
    services(trail)


def machines(trail: Trail, day: int) -> None:
    """What happens every day in both accounts, so that no day is without an event."""
    start = trail.at(day, 2)
    key = trail.assume(service("glue.amazonaws.com"), start, REPORTS, "GlueJobRunnerSession")
    nightly = session(REPORTS, "GlueJobRunnerSession", start, trail, key=key, service="glue.amazonaws.com")
    call, parameters = trail.chance.choice(
        [
            ("glue:GetTables", {"databaseName": "orders"}),
            ("glue:GetDatabases", None),
            ("athena:GetQueryExecution", {"queryExecutionId": trail.uuid()}),
        ]
    )
    trail.call(nightly, trail.at(day, 2, 10), call, parameters)
    recorder = session(CONFIG, "AWSConfig-Describe", trail.at(day, 5), trail, service="config.amazonaws.com")
    trail.call(recorder, trail.at(day, 5, 20), "ec2:DescribeVolumes", {"volumeSet": {}, "filterSet": {}})


def deployment(trail: Trail, day: int) -> None:
    """A weekday's run of the CI: it signs in with a web identity, looks around and puts new code live."""
    run_name, start = f"ci-{4100 + day}", trail.at(day, 9)
    pipeline = {
        "type": "WebIdentityUser",
        "principalId": f"{IDENTITY_PROVIDER}:sts.amazonaws.com:project:storefront",
        "userName": "project:storefront",
        "identityProvider": IDENTITY_PROVIDER,
    }
    address = f"{BUILDERS}{trail.chance.randrange(1, 250)}"
    key = trail.assume(Caller(pipeline, address, CLI), start, DEPLOY, run_name, "AssumeRoleWithWebIdentity")
    deploy = session(DEPLOY, run_name, start, trail, key=key, agent=CLI, address=address)
    if day % 3 == 0:
        trail.call(deploy, trail.at(day, 9, 10), "sts:GetCallerIdentity", region=GLOBAL)
    trail.call(deploy, trail.at(day, 9, 20), "cloudformation:DescribeStacks", {"stackName": "storefront"})
    if day % 2 == 0:
        put_code_live(trail, deploy, day)
    if day % 5 == 0:
        make_a_preview(trail, deploy, day)
    if day % 10 == 3:
        trail.call(deploy, trail.at(day, 9, 50), "ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}})
    if day % 14 == 5:
        start_a_build_agent(trail, deploy, day)


def put_code_live(trail: Trail, deploy: Caller, day: int) -> None:
    """UpdateFunctionCode, and the Decrypt that Lambda asks of KMS in the role's name."""
    function = f"arn:aws:lambda:{HOME}:{MAIN}:function:orders-api"
    trail.call(
        deploy,
        trail.at(day, 9, 30),
        "lambda:UpdateFunctionCode20150331v2",
        {"functionName": "orders-api", "s3Bucket": "marlowick-artifacts", "s3Key": f"orders/{4100 + day}.zip"},
        answer={"functionName": "orders-api", "functionArn": function, "runtime": "python3.13", "version": "$LATEST"},
        write=True,
    )
    if day % 4 == 0:
        forwarded = {**deploy.identity, "invokedBy": "lambda.amazonaws.com"}
        key = f"arn:aws:kms:{HOME}:{MAIN}:key/00000000-1111-4222-8333-exampleexamp"
        trail.call(
            Caller(forwarded, "lambda.amazonaws.com", "lambda.amazonaws.com"),
            trail.at(day, 9, 31),
            "kms:Decrypt",
            {"encryptionContext": {"aws:lambda:FunctionArn": function}, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
            more={"resources": [resource(MAIN, "AWS::KMS::Key", key)]},
        )


def make_a_preview(trail: Trail, deploy: Caller, day: int) -> None:
    """CreateStack."""
    template = f"https://marlowick-artifacts.s3.{HOME}.amazonaws.com/preview.yaml"
    parameters = {"stackName": "storefront-preview", "capabilities": ["CAPABILITY_IAM"], "templateURL": template}
    answer = {"stackId": STACK}
    trail.call(deploy, trail.at(day, 9, 40), "cloudformation:CreateStack", parameters, answer=answer, write=True)


def start_a_build_agent(trail: Trail, deploy: Caller, day: int) -> None:
    """RunInstances with an instance profile: the only trace that iam:PassRole leaves."""
    instance = f"i-0{trail.chance.getrandbits(64):016x}"
    trail.call(
        deploy,
        trail.at(day, 10),
        "ec2:RunInstances",
        {
            "instancesSet": {"items": [{"imageId": "ami-0123456789abcdef0", "minCount": 1, "maxCount": 1}]},
            "instanceType": "c7g.large",
            "iamInstanceProfile": {"arn": INSTANCE_PROFILE},
        },
        answer={"instancesSet": {"items": [{"instanceId": instance, "instanceState": {"code": 0, "name": "pending"}}]}},
        write=True,
    )


def weekly(trail: Trail, week: int) -> None:
    """What happens on one day of each week: queries, objects read, an audit, instances scaled."""
    day = 7 * week + 2
    nightly = session(REPORTS, "GlueJobRunnerSession", trail.at(day, 2), trail, service="glue.amazonaws.com")
    query = {"queryString": "SELECT day, sum(total) FROM orders GROUP BY day", "workGroup": "reports"}
    trail.call(
        nightly,
        trail.at(day, 2, 30),
        "athena:StartQueryExecution",
        query,
        answer={"queryExecutionId": trail.uuid()},
        write=True,
    )
    read_objects(trail, day)
    key = trail.assume(user(BOB, trail), trail.at(day, 13), AUDIT, "bob")
    audit = session(AUDIT, "bob", trail.at(day, 13, 5), trail, key=key, agent=CLI, address=OFFICE, mfa=True)
    trail.call(audit, trail.at(day, 13, 20), "iam:ListUsers", {"maxItems": 100}, region=GLOBAL)
    trail.call(audit, trail.at(day, 13, 35), "ec2:DescribeSecurityGroups", {"securityGroupSet": {}})
    trail.assume(service("lambda.amazonaws.com"), trail.at(day, 6), ORDERS, "orders-api")
    scaling = session(AUTOSCALING, "AutoScaling", trail.at(day, 7), trail, service="autoscaling.amazonaws.com")
    trail.call(scaling, trail.at(day, 7, 10), "ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}})


def read_objects(trail: Trail, day: int) -> None:
    """Two data events: an object of the own account, and one of the other, of which that account gets a copy."""
    nightly = session(REPORTS, "GlueJobRunnerSession", trail.at(day, 3), trail, service="glue.amazonaws.com")
    for owner, bucket in ((MAIN, "marlowick-orders"), (RELEASES, "marlowick-releases")):
        key = f"exports/{FIRST + timedelta(days=day):%Y-%m-%d}.parquet"
        arn = f"arn:aws:s3:::{bucket}"
        event = trail.call(
            nightly,
            trail.at(day, 3, 10),
            "s3:GetObject",
            {"bucketName": bucket, "Host": f"{bucket}.s3.{HOME}.amazonaws.com", "key": key},
            more={
                "additionalEventData": {
                    "SignatureVersion": "SigV4",
                    "bytesTransferredIn": 0,
                    "bytesTransferredOut": 48213,
                },
                "resources": [
                    {"type": "AWS::S3::Object", "ARN": f"{arn}/{key}"},
                    resource(owner, "AWS::S3::Bucket", arn),
                ],
                "managementEvent": False,
                "eventCategory": "Data",
                **({"sharedEventID": trail.uuid()} if owner != MAIN else {}),
            },
        )
        if owner != MAIN:
            trail.owner_copy(event, owner)


def releases(trail: Trail) -> None:
    """Chains: the CI's role, twice by alice's hand, becomes the role ``release`` of the other account."""
    for day in (6, 13, 20, 26, 34, 40, 48, 55):
        by_hand = day in (26, 40)
        name = "alice" if by_hand else f"ci-{4100 + day}"
        key = ""
        if by_hand:
            key = trail.assume(user(ALICE, trail), trail.at(day, 14), DEPLOY, name)
        deploy = session(DEPLOY, name, trail.at(day, 14, 10), trail, key=key, agent=CLI, address=OFFICE, mfa=by_hand)
        key = trail.assume(deploy, trail.at(day, 14, 20), RELEASE, name)
        release = session(RELEASE, name, trail.at(day, 14, 30), trail, key=key, agent=CLI, address=OFFICE)
        change = {"stackName": "storefront", "changeSetName": f"release-{day}"}
        trail.call(release, trail.at(day, 14, 40), "cloudformation:CreateChangeSet", change, write=True)
        trail.call(release, trail.at(day, 14, 50), "cloudformation:ExecuteChangeSet", change, write=True)


def queues_until_august(trail: Trail) -> None:
    """``+``: the role deploy made queues until the policy that let it was detached on 18 August."""
    for day in (4, 10, 16):
        deploy = session(DEPLOY, f"ci-{4100 + day}", trail.at(day, 11), trail, agent=CLI)
        name = f"orders-{day}"
        answer = {"queueUrl": f"https://sqs.{HOME}.amazonaws.com/{MAIN}/{name}"}
        trail.call(deploy, trail.at(day, 11, 10), "sqs:CreateQueue", {"queueName": name}, answer=answer, write=True)


def refusals_and_failures(trail: Trail) -> None:
    """Denied by an SCP, by no policy, by a Deny; an error of the service; a throttled call; an unknown call."""
    for day in (33, 47):
        deploy = session(DEPLOY, f"ci-{4100 + day}", trail.at(day, 15), trail, agent=CLI)
        why = f"with an explicit deny in a service control policy: {SCP}"
        trail.call(
            deploy,
            trail.at(day, 15, 10),
            "cloudformation:DeleteStack",
            {"stackName": "storefront-preview"},
            write=True,
            error=_denied(deploy, "cloudformation:DeleteStack", STACK, why),
        )
    for day in (9, 25, 51):
        deploy = session(DEPLOY, f"ci-{4100 + day}", trail.at(day, 16), trail, agent=CLI)
        trail.call(
            deploy,
            trail.at(day, 16, 10),
            "s3:GetBucketPolicy",
            {"bucketName": "marlowick-artifacts"},
            error=("NoSuchBucketPolicy", "The bucket policy does not exist"),
        )
    alice, bob = user(ALICE, trail), user(BOB, trail)
    secret = f"arn:aws:secretsmanager:{HOME}:{MAIN}:secret:orders/database-AbCdEf"
    why = "because no identity-based policy allows the secretsmanager:GetSecretValue action"
    trail.call(
        alice,
        trail.at(19, 10),
        "secretsmanager:GetSecretValue",
        {"secretId": "orders/database"},
        error=_denied(alice, "secretsmanager:GetSecretValue", secret, why),
    )
    trail.call(
        alice,
        trail.at(30, 11),
        "ec2:DescribeImages",
        {"imagesSet": {}, "ownersSet": {}},
        error=("Client.RequestLimitExceeded", "Request limit exceeded."),
    )
    why = "with an explicit deny in an identity-based policy"
    trail.call(
        bob,
        trail.at(38, 10),
        "s3:DeleteBucket",
        {"bucketName": "marlowick-orders"},
        write=True,
        error=_denied(bob, "s3:DeleteBucket", "arn:aws:s3:::marlowick-orders", why),
    )
    trail.call(alice, trail.at(30, 12), "s3:ListBuckets", region=GLOBAL)
    # At 23:57 of 31 August: it is delivered with the next day's files.
    late = FIRST + timedelta(days=30, hours=23, minutes=57)
    trail.call(bob, late, "ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}})


def _denied(caller: Caller, action: str, resource: str, why: str) -> tuple[str, str]:
    message = f"User: {caller.identity['arn']} is not authorized to perform: {action} on resource: {resource} {why}"
    return "AccessDeniedException" if action.startswith("secrets") else "AccessDenied", message


def changes(trail: Trail) -> None:
    """Alice changes grants: they bound how long each of them could be observed."""
    for day in (3, 24, 45):
        alice = user(ALICE, trail)
        trail.call(alice, trail.at(day, 8), "iam:ListUsers", {"maxItems": 100}, region=GLOBAL)
    alice = user(ALICE, trail)
    detached = {"roleName": "deploy", "policyArn": QUEUES_POLICY}
    trail.call(alice, trail.at(17, 10), "iam:DetachRolePolicy", detached, region=GLOBAL, write=True)
    put = {"roleName": "patching", "policyName": "patching", "policyDocument": json.dumps(PATCHING.inline["patching"])}
    trail.call(alice, trail.at(45, 9), "iam:PutRolePolicy", put, region=GLOBAL, write=True)


def metrics_before_and_after(trail: Trail) -> None:
    """The role ``metrics`` was deleted and made anew on 25 August: one name, two ids."""
    for day in (1, 8, 15, 22):
        earlier = session(EARLIER_METRICS, "metrics", trail.at(day, 4), trail)
        trail.call(earlier, trail.at(day, 4, 10), "monitoring:GetDashboard", {"dashboardName": "shop"})
    alice, role = user(ALICE, trail), {"roleName": "metrics"}
    steps: tuple[tuple[str, Json], ...] = (
        ("DeleteRolePolicy", {**role, "policyName": "metrics"}),
        ("DeleteRole", role),
        ("CreateRole", {**role, "path": METRICS.path}),
        ("PutRolePolicy", {**role, "policyName": "metrics", "policyDocument": json.dumps(METRICS.inline["metrics"])}),
    )
    moment = datetime.fromisoformat(METRICS.created)
    for minutes, (name, parameters) in zip((-4, -3, 0, 2), steps, strict=True):
        trail.call(alice, moment + timedelta(minutes=minutes), f"iam:{name}", parameters, region=GLOBAL, write=True)
    for day in (29, 36, 43, 50, 57):
        now = session(METRICS, "metrics", trail.at(day, 4), trail)
        trail.call(now, trail.at(day, 4, 10), "monitoring:DescribeAlarms", {"stateValue": "ALARM"})


def patching_since_september(trail: Trail) -> None:
    """A role whose policy was changed on 15 September: too short ago to call anything unused."""
    for day in (8, 29, 50):
        patching = session(PATCHING, "maintenance", trail.at(day, 1), trail, service="ssm.amazonaws.com")
        trail.call(patching, trail.at(day, 1, 10), "ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}})
        command = {"documentName": "AWS-RunPatchBaseline", "targets": [{"key": "tag:patch", "values": ["weekly"]}]}
        trail.call(
            patching,
            trail.at(day, 1, 20),
            "ssm:SendCommand",
            command,
            answer={"command": {"commandId": trail.uuid(), "status": "Pending"}},
            write=True,
        )


def console(trail: Trail) -> None:
    """Bob signs in, once with a wrong password, switches to a role and works in the console."""
    signed_in = {"eventType": "AwsConsoleSignIn", "requestParameters": None}
    for day, answer in ((4, "Failure"), (4, "Success"), (32, "Success")):
        bob = user(BOB, trail, agent=BROWSER)
        trail.call(
            Caller(
                {key: bob.identity[key] for key in ("type", "principalId", "arn", "accountId", "userName")},
                OFFICE,
                BROWSER,
            ),
            trail.at(day, 9, 0 if answer == "Failure" else 15),
            "signin:ConsoleLogin",
            region=GLOBAL,
            more={
                "responseElements": {"ConsoleLogin": answer},
                "additionalEventData": {
                    "LoginTo": "https://console.aws.amazon.com/",
                    "MobileVersion": "No",
                    "MFAUsed": "Yes",
                },
                **({"errorMessage": "Failed authentication"} if answer == "Failure" else {}),
                **signed_in,
            },
        )
    for day in (4, 32):
        admin = session(PLATFORM, "bob", trail.at(day, 9, 30), trail, agent=BROWSER, address=OFFICE, mfa=True)
        trail.call(
            admin,
            trail.at(day, 9, 40),
            "signin:SwitchRole",
            region=GLOBAL,
            more={
                "responseElements": {"SwitchRole": "Success"},
                "additionalEventData": {"SwitchFrom": BOB.arn},
                **signed_in,
            },
        )
        trail.call(admin, trail.at(day, 9, 50), "ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}})
        trail.call(admin, trail.at(day, 10), "cloudformation:ForecastStackDrift", {"stackName": "storefront"})
        alarm = {"alarmName": "orders-errors", "metricName": "Errors", "namespace": "AWS/Lambda", "threshold": 5}
        trail.call(admin, trail.at(day, 10, 20), "monitoring:PutMetricAlarm", alarm, write=True)


def dave_until_he_left(trail: Trail) -> None:
    """A user who acted, was refused once, and exists no more."""
    for day in (5, 12, 18):
        dave = user(DAVE, trail, mfa=False)
        trail.call(dave, trail.at(day, 10), "ec2:DescribeInstances", {"instancesSet": {}, "filterSet": {}})
    dave = user(DAVE, trail, mfa=False)
    instance = f"arn:aws:ec2:{HOME}:{MAIN}:instance/i-00000000000example"
    why = "because no identity-based policy allows the ec2:StopInstances action."
    _, message = _denied(dave, "ec2:StopInstances", instance, why)
    message = (
        f"You are not authorized to perform this operation. {message} Encoded authorization failure message: EXAMPLE"
    )
    trail.call(
        dave,
        trail.at(18, 10, 20),
        "ec2:StopInstances",
        {"instancesSet": {"items": [{"instanceId": instance[-19:]}]}},
        write=True,
        error=("Client.UnauthorizedOperation", message),
    )
    alice = user(ALICE, trail)
    for minute, name in enumerate(("DeleteLoginProfile", "RemoveUserFromGroup", "DeleteUser")):
        group = {"groupName": "people"} if name == "RemoveUserFromGroup" else {}
        moment = FIRST + timedelta(days=20, hours=16, minutes=minute)
        trail.call(alice, moment, f"iam:{name}", {"userName": "dave", **group}, region=GLOBAL, write=True)


def root_once(trail: Trail) -> None:
    """The root user signs in, and looks at the account's summary."""
    identity = {"type": "Root", "principalId": MAIN, "arn": f"arn:aws:iam::{MAIN}:root", "accountId": MAIN}
    root = Caller({**identity, "accessKeyId": trail.key("ASIA")}, OFFICE, BROWSER, console=True)
    trail.call(
        Caller(identity, OFFICE, BROWSER),
        trail.at(33, 8),
        "signin:ConsoleLogin",
        region=GLOBAL,
        more={
            "responseElements": {"ConsoleLogin": "Success"},
            "eventType": "AwsConsoleSignIn",
            "additionalEventData": {
                "LoginTo": "https://console.aws.amazon.com/",
                "MobileVersion": "No",
                "MFAUsed": "Yes",
            },
        },
    )
    trail.call(root, trail.at(33, 8, 15), "iam:GetAccountSummary", region=GLOBAL)


def services(trail: Trail) -> None:
    """An AwsServiceEvent, and an Insight's two records, which are no calls."""
    key = f"arn:aws:kms:{HOME}:{MAIN}:key/00000000-1111-4222-8333-exampleexamp"
    aws = Caller({"accountId": MAIN, "invokedBy": "AWS Internal"}, "AWS Internal", "AWS Internal")
    trail.call(
        aws,
        trail.at(28, 12),
        "kms:RotateKey",
        write=True,
        more={
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": {"keyId": key[-36:]},
            "resources": [resource(MAIN, "AWS::KMS::Key", key)],
        },
    )


def insight(trail: Trail) -> list[Json]:
    """The start and the end of an unusual rate of DescribeStacks."""
    shared = trail.uuid()
    return [
        {
            "eventVersion": "1.09",
            "eventTime": f"2026-09-10T09:{minute}:00Z",
            "awsRegion": HOME,
            "eventID": trail.uuid(),
            "eventType": "AwsCloudTrailInsight",
            "recipientAccountId": MAIN,
            "sharedEventID": shared,
            "insightDetails": {
                "state": state,
                "eventSource": "cloudformation.amazonaws.com",
                "eventName": "DescribeStacks",
                "insightType": "ApiCallRateInsight",
                "insightContext": {"statistics": {"baseline": {"average": 0.0006}, "insight": {"average": 1.4}}},
            },
            "eventCategory": "Insight",
        }
        for state, minute in (("Start", 21), ("End", 26))
    ]
