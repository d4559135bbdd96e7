"""Uses made by hand and at random: what ``history`` gives, without a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from cloudsearch.actions.resources import Use
from cloudsearch.event import Outcome, Row
from cloudsearch.iam import Document, Policy, Principal, State, facts_of, granted, parse, render
from cloudsearch.iam.focus import Focus
from cloudsearch.policies.history import Used
from cloudsearch.policies.usage import Usage, usage

ACCOUNT = "111122223333"
WORKER = f"arn:aws:iam::{ACCOUNT}:role/worker"
START = datetime(2026, 8, 1, tzinfo=UTC)


def use(
    action: str, *arns: str, takes: bool = True, inferred: bool = False, unknown: str = "", **conditions: str
) -> Use:
    """A use; names of conditions are written with ``__`` for the colon."""
    pairs = tuple((key.replace("__", ":"), value) for key, value in conditions.items())
    return Use(action, arns, takes_resources=takes, is_inferred=inferred, conditions=pairs, unknown=unknown)


def used(number: int, *uses: Use, **about: object) -> Used:
    """An event of the role ``worker`` with these uses; ``about`` are fields of its row."""
    row: Row = {"event_source": "ec2.amazonaws.com", "event_name": "DescribeVpcs", "copy": "caller"} | about  # type: ignore[assignment]
    return Used(
        event_id=f"event-{number:06}",
        time=START + timedelta(minutes=number),
        principal=str(row.get("principal", WORKER)),
        principal_id="AROAWORKER",
        row=row,
        outcome=Outcome.OK,
        uses=uses,
        vpc_endpoint=_text(row.get("vpc_endpoint")),
        mfa=bool(row["mfa"]) if "mfa" in row else None,
        region=_text(row.get("region", "eu-west-1")),
        source_address="192.0.2.1",
        via=_text(row.get("via", "sdk")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def of_worker(events: Sequence[Used], most: int = 10_000) -> Usage:
    """What the role used."""
    return usage(events, lambda one: one.principal, most).get(WORKER, Usage())


def holder(policies: Sequence[Document]) -> Principal:
    """The role with these policies and no others, each written and read again."""
    own = tuple(
        Policy(f"p{number}", None, parse(render(one), f"p{number}"), "inline") for number, one in enumerate(policies)
    )
    return Principal(
        arn=WORKER, name="worker", path="/", id=None, kind="role", created=None, account=ACCOUNT, policies=own
    )


def state(policies: Sequence[Document], action: str, arn: str | None) -> State:
    """Whether the policies grant an action on a resource, or at all."""
    whole = holder(policies)
    facts = facts_of(whole)
    seen = Focus({action}, arn).principal(whole, facts) if arn else whole
    return granted(seen, [action], (), facts)[0].state


_TAKING = {
    "s3:GetObject": "arn:aws:s3:::{name}/{key}",
    "s3:PutObject": "arn:aws:s3:::{name}/{key}",
    "s3:ListBucket": "arn:aws:s3:::{name}",
    "dynamodb:GetItem": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{{name}}",
    "dynamodb:Query": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{{name}}/index/{{name}}",
    "lambda:GetFunction": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{{name}}",
    "lambda:UpdateFunctionCode": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{{name}}",
    "iam:PassRole": f"arn:aws:iam::{ACCOUNT}:role/{{key}}",
    "kms:Decrypt": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{{name}}",
    "logs:CreateLogStream": f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/{{name}}:*",
    "sqs:CreateQueue": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{{name}}",
}
_ALONE = ("ec2:DescribeVpcs", "ec2:DescribeInstances", "s3:ListAllMyBuckets", "iam:ListUsers", "sts:GetSessionToken")
_CONDITIONS = {
    "iam:PassRole": ("iam:PassedToService", ("ec2.amazonaws.com", "lambda.amazonaws.com")),
    "kms:Decrypt": ("kms:ViaService", ("s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com")),
}

names = st.text("abcd-", min_size=1, max_size=6)
keys = st.lists(names, min_size=1, max_size=4).map("/".join)


@st.composite
def _uses(draw: st.DrawFn) -> Use:
    action = draw(st.sampled_from([*_TAKING, *_ALONE]))
    if action in _ALONE:
        return Use(action, (), takes_resources=False, is_inferred=False)
    count = draw(st.integers(0, 3))
    arns = tuple(_TAKING[action].format(name=draw(names), key=draw(keys)) for _ in range(count))
    conditions: tuple[tuple[str, str], ...] = ()
    if action in _CONDITIONS and draw(st.booleans()):
        key, values = _CONDITIONS[action]
        conditions = ((key, draw(st.sampled_from(values))),)
    unknown = "" if arns else "no parameter tells it"
    return Use(
        action, arns, takes_resources=True, is_inferred=draw(st.booleans()), conditions=conditions, unknown=unknown
    )


@st.composite
def _events(draw: st.DrawFn) -> list[Used]:
    drawn = draw(st.lists(st.lists(_uses(), max_size=3), max_size=25))
    about = st.fixed_dictionaries(
        {"region": st.sampled_from(["eu-west-1", "us-east-1"])},
        optional={
            "vpc_endpoint": st.sampled_from(["vpce-1", "vpce-2"]),
            "mfa": st.booleans(),
            "invoked_by": st.just("athena.amazonaws.com"),
        },
    )
    return [used(number, *uses, **draw(about)) for number, uses in enumerate(drawn)]


histories = _events()
