"""The calls of the corpus: what AWS writes of each, as texts in which only the changing parts are left open."""

from __future__ import annotations

from dataclasses import dataclass

_HEAD = (
    '{"eventVersion":"1.09","userIdentity":%%(identity)s,"eventTime":"%%(time)s","eventSource":"{source}",'
    '"eventName":"{name}","awsRegion":"%%(region)s","sourceIPAddress":"%%(address)s","userAgent":"%%(agent)s",'
).replace("%%", "%")
_OF_S3 = (
    '"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,'
    '"AuthenticationMethod":"AuthHeader","x-amz-id-2":"%(token)s","bytesTransferredOut":%(number)s},'
)
_TAIL = (
    '"requestID":"%(request)s","eventID":"%(event)s","readOnly":{read_only},{resources}"eventType":"AwsApiCall",'
    '"managementEvent":{management},"recipientAccountId":"%(account)s",{endpoint}"eventCategory":"{category}",'
    '"tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256",'
    '"clientProvidedHostHeader":"{host}"}}}}'
)
_RESOURCE = '"resources":[{"accountId":"%(account)s","type":"TYPE","ARN":"NAME"}],'
_ENDPOINT = '"vpcEndpointId":"vpce-0a1b2c3d4e5f60718","vpcEndpointAccountId":"%(account)s",'
_READING = ("Get", "List", "Describe", "Head", "Decrypt", "BatchGet", "Lookup", "Query")


@dataclass(frozen=True, slots=True)
class Call:
    """A call; ``answered`` and ``failed`` are records of it, ``action`` is what IAM calls it."""

    action: str
    answered: str
    failed: str


def _call(
    what: str, request: str, response: str = "null", *, resource: tuple[str, str] | None = None, data: bool = False
) -> Call:
    """A call ``service:Name``; the parts are JSON with places like ``%(name)s``."""
    service, name = what.split(":")
    source = f"{service}.amazonaws.com"
    read_only = name.startswith(_READING)
    resources = _RESOURCE.replace("TYPE", resource[0]).replace("NAME", resource[1]) if resource else ""
    head = _HEAD.replace("{source}", source).replace("{name}", name)
    tail = _TAIL.format(
        read_only=str(read_only).lower(),
        resources=resources,
        management=str(not data).lower(),
        endpoint=_ENDPOINT if data else "",
        category="Data" if data else "Management",
        host=f"{service}.%(region)s.amazonaws.com",
    )
    if service == "s3":
        tail = _OF_S3 + tail
    answered = f'{head}"requestParameters":{request},"responseElements":{response},{tail}'
    failed = f'{head}%(error)s"requestParameters":{request},"responseElements":null,{tail}'
    return Call(f"{_PREFIXES.get(service, service)}:{name}", answered, failed)


_PREFIXES = {"monitoring": "cloudwatch"}
_ROLE_ARN = "arn:aws:iam::%(account)s:role/%(name)s"
_KEY = ("AWS::KMS::Key", "arn:aws:kms:%(region)s:%(account)s:key/%(resource)s")
_KMS = '{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::%(name)s/%(resource)s"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}'  # noqa: E501 (as AWS writes it)
_BUCKET = ("AWS::S3::Object", "arn:aws:s3:::%(name)s/data/%(resource)s.parquet")
_OBJECT = '{"bucketName":"%(name)s","Host":"%(name)s.s3.%(region)s.amazonaws.com","key":"data/%(resource)s.parquet"}'
_TABLE = ("AWS::DynamoDB::Table", "arn:aws:dynamodb:%(region)s:%(account)s:table/%(name)s")
_FUNCTION = ("AWS::Lambda::Function", "arn:aws:lambda:%(region)s:%(account)s:function:%(name)s")
_INSTANCES = '{"instancesSet":{"items":[{"instanceId":"i-%(resource)s"}]},"filterSet":{},"nextToken":"%(token)s"}'
_STATES = '{"requestId":"%(request)s","instancesSet":{"items":[{"instanceId":"i-%(resource)s","currentState":{"code":0,"name":"pending"},"previousState":{"code":80,"name":"stopped"}}]}}'  # noqa: E501 (as AWS writes it)

CALLS = (
    _call(
        "sts:AssumeRole",
        f'{{"roleArn":"{_ROLE_ARN}","roleSessionName":"s-%(resource)s","durationSeconds":3600}}',
        '{"credentials":{"accessKeyId":"ASIA%(new)s","expiration":"Aug 20, 2026, 1:00:00 AM"},"assumedRoleUser":'
        '{"assumedRoleId":"AROA%(resource)s:s-%(resource)s","arn":"arn:aws:sts::%(account)s:assumed-role/%(name)s/s"}}',
        resource=("AWS::IAM::Role", _ROLE_ARN),
    ),
    _call("sts:GetCallerIdentity", "null"),
    _call("s3:GetObject", _OBJECT, resource=_BUCKET, data=True),
    _call("s3:PutObject", _OBJECT, '{"x-amz-server-side-encryption":"aws:kms"}', resource=_BUCKET, data=True),
    _call("s3:DeleteObject", _OBJECT, resource=_BUCKET, data=True),
    _call("s3:ListObjects", '{"bucketName":"%(name)s","prefix":"data/%(new)s","list-type":"2"}', data=True),
    _call("s3:GetBucketLocation", '{"bucketName":"%(name)s","location":"","Host":"s3.%(region)s.amazonaws.com"}'),
    _call("s3:GetBucketPolicy", '{"bucketName":"%(name)s","policy":"","Host":"s3.%(region)s.amazonaws.com"}'),
    _call("s3:ListBuckets", '{"Host":"s3.%(region)s.amazonaws.com"}'),
    _call("kms:Decrypt", _KMS, resource=_KEY),
    _call("kms:GenerateDataKey", f'{{"keySpec":"AES_256","keyId":"{_KEY[1]}"}}', resource=_KEY),
    _call("kms:DescribeKey", '{"keyId":"alias/%(name)s"}', resource=_KEY),
    _call("ec2:DescribeInstances", _INSTANCES),
    _call("ec2:DescribeInstanceStatus", _INSTANCES),
    _call(
        "ec2:DescribeVolumes",
        '{"volumeSet":{},"filterSet":{"items":[{"name":"attachment.instance-id"}]},"nextToken":"%(token)s"}',
    ),
    _call(
        "ec2:DescribeSecurityGroups",
        '{"securityGroupSet":{},"securityGroupIdSet":{},"filterSet":{},"nextToken":"%(token)s"}',
    ),
    _call("ec2:DescribeSubnets", '{"subnetSet":{"items":[{"subnetId":"subnet-%(resource)s"}]},"filterSet":{}}'),
    _call("ec2:StartInstances", '{"instancesSet":{"items":[{"instanceId":"i-%(resource)s"}]}}', _STATES),
    _call("ec2:StopInstances", '{"instancesSet":{"items":[{"instanceId":"i-%(resource)s"}]}}', _STATES),
    _call(
        "ec2:CreateTags",
        '{"resourcesSet":{"items":[{"resourceId":"i-%(resource)s"}]},"tagSet":{"items":[{"key":"Name","value":"%(name)s"}]}}',
        '{"requestId":"%(request)s","_return":true}',
    ),
    _call("iam:GetRole", '{"roleName":"%(name)s"}'),
    _call("iam:ListRoles", '{"maxItems":100,"marker":"%(token)s"}'),
    _call("iam:ListAttachedRolePolicies", '{"roleName":"%(name)s"}'),
    _call("iam:GetPolicyVersion", '{"policyArn":"arn:aws:iam::%(account)s:policy/%(name)s","versionId":"v3"}'),
    _call("iam:AttachRolePolicy", '{"roleName":"%(name)s","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}'),
    _call("dynamodb:GetItem", '{"tableName":"%(name)s","key":{"id":"%(new)s"}}', resource=_TABLE, data=True),
    _call("dynamodb:PutItem", '{"tableName":"%(name)s","key":{"id":"%(new)s"}}', resource=_TABLE, data=True),
    _call("dynamodb:DescribeTable", '{"tableName":"%(name)s"}', resource=_TABLE),
    _call(
        "lambda:Invoke",
        f'{{"functionName":"{_FUNCTION[1]}","invocationType":"Event","clientContext":"%(new)s"}}',
        resource=_FUNCTION,
        data=True,
    ),
    _call("lambda:ListFunctions20150331", '{"maxItems":50,"marker":"%(token)s"}'),
    _call("lambda:GetFunction20150331v2", f'{{"functionName":"{_FUNCTION[1]}"}}'),
    _call("logs:DescribeLogGroups", '{"logGroupNamePrefix":"/aws/lambda/%(name)s","limit":50}'),
    _call("logs:CreateLogStream", '{"logGroupName":"/aws/lambda/%(name)s","logStreamName":"2026/[$LATEST]%(new)s"}'),
    _call("monitoring:DescribeAlarms", '{"alarmNamePrefix":"%(name)s","maxRecords":100,"nextToken":"%(token)s"}'),
    _call("monitoring:PutMetricAlarm", '{"alarmName":"%(name)s","threshold":80.0,"evaluationPeriods":3,"period":60}'),
    _call("sqs:GetQueueAttributes", '{"queueUrl":"https://sqs.%(region)s.amazonaws.com/%(account)s/%(name)s"}'),
    _call("sqs:ListQueues", '{"queueNamePrefix":"%(name)s"}'),
    _call("sns:GetTopicAttributes", '{"topicArn":"arn:aws:sns:%(region)s:%(account)s:%(name)s"}'),
    _call("sns:ListSubscriptionsByTopic", '{"topicArn":"arn:aws:sns:%(region)s:%(account)s:%(name)s"}'),
    _call(
        "secretsmanager:GetSecretValue", '{"secretId":"arn:aws:secretsmanager:%(region)s:%(account)s:secret:%(name)s"}'
    ),
    _call("ssm:GetParameter", '{"name":"/%(name)s/config","withDecryption":true}'),
    _call(
        "ssm:UpdateInstanceInformation",
        '{"instanceId":"i-%(resource)s","agentVersion":"3.3.551.0","agentStatus":"Active"}',
    ),
    _call(
        "ecr:BatchGetImage", '{"repositoryName":"%(name)s","imageIds":[{"imageDigest":"sha256:%(new)s%(resource)s"}]}'
    ),
    _call("ecr:GetAuthorizationToken", "{}"),
    _call("ecs:DescribeTasks", '{"cluster":"%(name)s","tasks":["arn:aws:ecs:%(region)s:%(account)s:task/%(new)s"]}'),
    _call("ecs:ListTasks", '{"cluster":"%(name)s","desiredStatus":"RUNNING","nextToken":"%(token)s"}'),
    _call("cloudformation:DescribeStacks", '{"stackName":"%(name)s"}'),
    _call("cloudformation:DescribeStackEvents", '{"stackName":"%(name)s"}'),
    _call("autoscaling:DescribeAutoScalingGroups", '{"autoScalingGroupNames":["%(name)s"]}'),
    _call("rds:DescribeDBInstances", '{"dBInstanceIdentifier":"%(name)s"}'),
    _call(
        "cloudtrail:LookupEvents",
        '{"maxResults":50,"lookupAttributes":[{"attributeKey":"EventName"}],"nextToken":"%(token)s"}',
    ),
)
"""Everything that is called: 50 calls of 20 services."""

BUSY = tuple(
    call
    for call in CALLS
    if call.action in {"sts:AssumeRole", "s3:GetObject", "s3:PutObject", "ec2:DescribeInstances", "dynamodb:PutItem"}
)
"""What makes up most of a log."""

OF_SERVICES = tuple(call for call in CALLS if call.action in ("sts:AssumeRole", "kms:Decrypt", "kms:GenerateDataKey"))
"""What AWS's own services call."""
