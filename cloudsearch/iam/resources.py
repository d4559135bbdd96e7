"""An action's resources, as the ARNs of its types in the principal's partition.

The catalogue tells ARNs as patterns, in which a name is a star. That of a region or an account is there and takes no
colon, or a volume's ARN might be an instance's; and a name that AWS keeps free of slashes must not take one, or an
object's ARN would be a bucket's. Only names of which AWS says so are kept apart: many (roles, log groups, parameters,
secrets) may hold slashes.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from cloudsearch import catalogue
from cloudsearch.iam.matching import literal_start
from cloudsearch.where import fits

PART = "\x06"  # any run of characters but colons
ONE = "\x07"  # one character but a colon


class Kind(NamedTuple):
    """The ARNs of a resource type: those that fit ``arn`` and not ``but`` (empty where there is nothing to leave).

    Both are patterns that know two wildcards more, ``PART`` and ``ONE``.
    """

    arn: str
    but: str = ""

    @property
    def loose(self) -> str:
        """A pattern that takes all of the kind and perhaps more."""
        return loosened(self.arn)

    def takes(self, text: str) -> bool:
        """Whether a text is of the kind."""
        return _fits(self.arn, text) and not _fits(self.but, text)


ANYTHING = (Kind("*"),)

_NO_SLASH_IN_NAME = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    "arn:*:s3:::*": "arn:*:s3:::*/*",
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-restrictions-limitations-naming-rules.html
    "arn:*:s3:*:*:accesspoint/*": "arn:*:s3:*:*:accesspoint/*/*",
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    "arn:*:dynamodb:*:*:table/*": "arn:*:dynamodb:*:*:table/*/*",
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
    "arn:*:kinesis:*:*:stream/*": "arn:*:kinesis:*:*:stream/*/*",
}


_ALSO_AWS_OWN = frozenset(
    {
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-examples.html
        "arn:*:ssm:*:*:document/*",
        "arn:*:ssm:*:*:automation-definition/*",
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
        "arn:*:ssm:*:*:parameter/*",
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchFullAccessV2.html
        "arn:*:resource-explorer-2:*:*:view/*/*",
    }
)
"""Of these AWS owns some, in whose ARNs no account stands: ``arn:aws:ssm:REGION::document/AWS-RunShellScript``."""


@lru_cache(maxsize=65536)
def kinds_of(action: str, partition: str) -> tuple[Kind, ...]:
    """The kinds of resource it acts on; none where it acts on ``*`` alone, anything where nobody knows the action."""
    if catalogue.find(action) is None:
        return ANYTHING
    return tuple(
        Kind(_within(partition, arn), _within(partition, _NO_SLASH_IN_NAME.get(arn, "")))
        for arn in catalogue.arn_patterns(action)
    )


def aligned(pattern: str, kind: Kind) -> str:
    """A policy's pattern as it bears on the kind: where it names a type its region and account take no colon.

    A star may go on past a colon, so ``arn:aws:ec2:*:*:volume/*`` would fit an instance with ``:volume/`` in its id,
    which there is not. Stars stay as they are where the pattern names no type of the service, or where such a text
    may be a name after all: a log stream's ARN goes on from its group's, an object's key may hold anything.
    """
    parts = pattern.split(":", 5)
    if parts[1:2] == ["*"] and "*" not in parts[0]:
        pattern = pattern.replace("*", PART, 1)  # a partition is one part as well
    lead = _lead(parts[5]) if len(parts) == 6 else ""
    if not lead or lead not in _leads(parts[2]) or _may_hold(kind, lead):
        return pattern
    return ":".join([*(part.replace("*", PART) for part in parts[:5]), parts[5]])


def loosened(pattern: str) -> str:
    """The pattern with IAM's own wildcards alone, which may take more."""
    return pattern.replace(PART, "*").replace(ONE, "?")


def _lead(resource: str) -> str:
    """The type that a resource begins with, and what parts it from the name: ``volume/``, ``function:``."""
    start = literal_start(resource)
    ends = [at for at in (start.find("/", 1), start.find(":")) if at > 0]
    return start[: min(ends) + 1] if ends else ""


@lru_cache(maxsize=1024)
def _leads(service: str) -> frozenset[str]:
    arns = {arn for action in catalogue.actions_of(service) for arn in catalogue.arn_patterns(action.name)}
    return frozenset(_lead(arn.split(":", 5)[-1]) for arn in arns)


def _may_hold(kind: Kind, lead: str) -> bool:
    resource = kind.arn.split(":", 5)[5:]
    return not resource or resource[0][:1] == "*" or f":{lead}" in resource[0]


def _within(partition: str, arn: str) -> str:
    """The ARN with its partition, its region's and account's stars as parts."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return arn
    head = [partition if parts[1] == "*" else parts[1], *parts[2:4]]
    account = parts[4].replace("*", PART if arn in _ALSO_AWS_OWN else ONE + PART)
    return ":".join([parts[0], *(part.replace("*", ONE + PART) for part in head), account, parts[5]])


def _fits(arn: str, text: str) -> bool:
    parts, of_text = arn.split(":", 5), text.split(":", 5)
    return len(parts) == len(of_text) and all(
        fits(loosened(part), one) for part, one in zip(parts, of_text, strict=True)
    )
