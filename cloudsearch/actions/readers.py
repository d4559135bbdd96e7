"""How the value of a parameter becomes the name that an ARN has in its place.

A reader takes the value and the call's partition, region and account, and gives a name, or a ``Whole`` ARN where the
value tells more than a name; None where it is no such name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from cloudsearch.actions.arns import as_written, is_arn

Reader = Callable[[str, str, str, str], str | None]

_NAME = re.compile(r"[^:\x00-\x1f\x7f]{1,1024}")
_REST = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_SCOPED = re.compile(r"(?:[^\x00-\x1f\x7f]{1,1024})")
_QUEUE = re.compile(r"https?://([a-z0-9.-]+)(?::\d+)?/(\d{12})/([\w.-]{1,80})/?", re.ASCII)
_QUEUE_HOST = re.compile(r"(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue|queue)\.amazonaws\.com(?:\.cn)?", re.ASCII)
_KEY = re.compile(r"(?:mrk-)?[0-9a-f-]{32,36}", re.ASCII)
_FUNCTION = re.compile(r"(?:(\d{12}):)?(?:function:)?([\w-]{1,140})(:(?:\$LATEST|[\w-]+))?", re.ASCII)
_FAMILY = re.compile(r"([\w-]{1,255})(:\d+)?", re.ASCII)
_SECRET = re.compile(r"-[A-Za-z0-9]{6}$", re.ASCII)
_SUBSCRIPTION = re.compile(r"(arn:[^:]*:sns:[^:]*:[^:]*:[^:]+):[0-9a-f-]+", re.ASCII)
_STATEMENT = re.compile(
    r"""\s*(?:select\b.*?\bfrom|insert\s+into|update|delete\s+from)\s+"?([\w.-]+?)"?(?:\."?([\w.-]+)"?)?(?=\s|$)""",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_PRINCIPAL = re.compile(r"arn:[^:]*:iam::(\d{12}):(role|user)/(?:.*/)?([^/]+)", re.ASCII)
_LATEST_STATEMENT = 4096
"""Characters of a statement that are looked at for its table."""


class Whole(str):
    """An ARN, as a policy writes it."""

    __slots__ = ()


@lru_cache(maxsize=512)
def reader(how: str) -> Reader:
    """The reader of that name; ``^TEXT`` is an id of letters and digits behind the text. KeyError for any other."""
    return _beginning(how[1:]) if how.startswith("^") else _READERS[how]


def _beginning(text: str) -> Reader:
    def read(value: str, *_: str) -> str | None:
        return value if value.startswith(text) and _REST.fullmatch(value, len(text)) else None

    return read


def _name(value: str, *_: str) -> str | None:
    return value if _NAME.fullmatch(value) else None


def _raw(value: str, *_: str) -> str | None:
    """An object's key: anything."""
    return value or None


def _colon(value: str, *_: str) -> str | None:
    """A name that may have a colon in it: ``default:mysql-8-0``."""
    return value if _SCOPED.fullmatch(value) and not value.startswith("arn:") else None


def _path(value: str, *_: str) -> str | None:
    """A path of IAM, ``/a/b/`` or ``/``, as it stands between the type and the name."""
    return value[1:] if value.startswith("/") and value.endswith("/") and _NAME.fullmatch(value) else None


def _role(value: str, *_: str) -> str | None:
    """A role's name; not one that AWS puts under a path of its own, which the name does not tell."""
    return None if value.startswith(("AWSServiceRoleFor", "AWSReservedSSO_")) else _name(value)


def _url(value: str, *_: str) -> str | None:
    """A provider's URL without its scheme."""
    return _name(value.partition("://")[2].strip("/")) if value.startswith("https://") else None


def _function(value: str, partition: str, region: str, account: str) -> str | None:
    """``name``, ``name:qualifier``, ``123456789012:function:name``.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    found = _FUNCTION.fullmatch(value)
    if found is None:
        return None
    name = found[2] + (found[3] or "")
    if found[1] and found[1] != account:
        return Whole(f"arn:{partition}:lambda:{region}:{found[1]}:function:{name}")
    return name


def _qualifier(value: str, *_: str) -> str | None:
    return f":{value}" if _NAME.fullmatch(value) else None


def _queue_url(value: str, partition: str, region: str, _account: str) -> str | None:
    """``https://sqs.us-east-2.amazonaws.com/123456789012/MyQueue``: its region and account are the queue's."""
    found = _QUEUE.fullmatch(value)
    if found is None:
        return None
    host = _QUEUE_HOST.fullmatch(found[1])
    named = [part for part in host.groups() if part] if host else []
    where = named[0] if named else region
    return Whole(f"arn:{partition}:sqs:{where}:{found[2]}:{found[3]}") if where else None


def _topic(value: str, *_: str) -> str | None:
    """The topic of a subscription's ARN."""
    found = _SUBSCRIPTION.fullmatch(value)
    return Whole(found[1]) if found else None


def _machine(value: str, *_: str) -> str | None:
    """The state machine of a version's or an alias's ARN."""
    return Whole(value.rpartition(":")[0]) if is_arn(value) and value.count(":") == 7 else None


def _key(value: str, *_: str) -> str | None:
    return value if _KEY.fullmatch(value) else None


def _alias(value: str, *_: str) -> str | None:
    return _name(value.removeprefix("alias/")) if value.startswith("alias/") else None


def _log_group(value: str, *_: str) -> str | None:
    """A log group's name, or its ARN with or without the ``:*`` that AWS writes behind it."""
    if not value.startswith("arn:"):
        return _name(value)
    bare = value.removesuffix(":*")
    return Whole(f"{as_written(bare)}:*") if is_arn(bare) and bare.count(":") == 6 else None


def _task_definition(value: str, partition: str, region: str, account: str) -> str | None:
    """``family:revision``; of a family alone the latest revision, whichever it is, so any."""
    found = _FAMILY.fullmatch(value)
    if found is None or not region or not account:
        return None
    return Whole(f"arn:{partition}:ecs:{region}:{account}:task-definition/{found[1]}{found[2] or ':*'}")


def _bus(value: str, *_: str) -> str | None:
    """An event bus as it stands before a rule's name: nothing for the default one.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-manage-iam-access.html
    """
    name = value.rpartition("/")[2] if is_arn(value) else value
    return "" if name == "default" else f"{name}/" if _NAME.fullmatch(name) else None


def _secret(value: str, *_: str) -> str | None:
    """A secret's name; an ARN is whole with the six characters at its end, and else lacks them."""
    if not value.startswith("arn:"):
        return _name(value)
    if not is_arn(value):
        return None
    return Whole(as_written(value) + ("" if _SECRET.search(value) else "-??????"))


def _parameter(value: str, *_: str) -> str | None:
    """A parameter's name without its first slash, and without a version or label behind it.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    """
    return None if value.startswith("arn:") else _name(value.partition(":")[0].removeprefix("/"))


def _parameter_path(value: str, *_: str) -> str | None:
    return _name(value.strip("/")) if value.startswith("/") else None


def _document(value: str, partition: str, region: str, _account: str) -> str | None:
    """A document's name; one of AWS's own has no account in its ARN."""
    if value.startswith(("AWS-", "AWSSupport-", "Amazon-", "AmazonCloudWatch-", "AWSEC2-")) and region:
        return Whole(f"arn:{partition}:ssm:{region}::document/{value}") if _NAME.fullmatch(value) else None
    return _name(value)


def _automation(value: str, partition: str, region: str, _account: str) -> str | None:
    """A runbook's name; one of AWS's own has no account in its ARN."""
    if value.startswith(("AWS-", "AWSSupport-", "AWSConfigRemediation-", "AWSEC2-")) and region:
        return Whole(f"arn:{partition}:ssm:{region}::automation-definition/{value}:$DEFAULT")
    return _name(value)


def _zone(value: str, *_: str) -> str | None:
    """``Z123`` or ``/hostedzone/Z123``."""
    return _name(value.rpartition("/")[2])


def _copy_bucket(value: str, *_where: str) -> str | None:
    bucket, slash, _key = value.removeprefix("/").partition("/")
    return _name(bucket) if slash else None


def _copy_key(value: str, *_: str) -> str | None:
    return value.removeprefix("/").partition("/")[2].partition("?versionId=")[0] or None


def _load_balancer_type(value: str, *_: str) -> str | None:
    return {"application": "app", "network": "net", "gateway": "gwy"}.get(value)


def _statement_table(value: str, *_: str) -> str | None:
    """The table of a PartiQL statement; None where it goes to an index of it."""
    found = _STATEMENT.match(value[:_LATEST_STATEMENT])
    return found[1] if found and not found[2] else None


def _statement_index(value: str, *_: str) -> str | None:
    """``table/index/name`` of a PartiQL statement that reads an index."""
    found = _STATEMENT.match(value[:_LATEST_STATEMENT])
    return f"{found[1]}/index/{found[2]}" if found and found[2] else None


def _entry(value: str, *_: str) -> str | None:
    """A principal's ARN as it stands in an access entry's: ``role/111122223333/name``."""
    found = _PRINCIPAL.fullmatch(value)
    return f"{found[2]}/{found[1]}/{found[3]}" if found else None


def _topic_arn(value: str, *_: str) -> str | None:
    """A target that is a topic, not the endpoint of a device."""
    return Whole(value) if is_arn(value) and value.count(":") == 5 else None


def _last(value: str, *_: str) -> str | None:
    """A name, or the last part of an ARN that ends in it: a cluster's in the ARN of its tasks."""
    return value.rpartition("/")[2] if is_arn(value) else _name(value)


_READERS: Mapping[str, Reader] = {
    "name": _name,
    "last": _last,
    "topic_arn": _topic_arn,
    "raw": _raw,
    "colon": _colon,
    "path": _path,
    "role": _role,
    "url": _url,
    "function": _function,
    "qualifier": _qualifier,
    "queue_url": _queue_url,
    "topic": _topic,
    "machine": _machine,
    "key": _key,
    "alias": _alias,
    "log_group": _log_group,
    "task_definition": _task_definition,
    "bus": _bus,
    "secret": _secret,
    "parameter": _parameter,
    "parameter_path": _parameter_path,
    "document": _document,
    "automation": _automation,
    "zone": _zone,
    "copy_bucket": _copy_bucket,
    "copy_key": _copy_key,
    "load_balancer_type": _load_balancer_type,
    "statement_table": _statement_table,
    "statement_index": _statement_index,
    "entry": _entry,
}
