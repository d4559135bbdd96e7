"""Principals and policies for tests of evaluation, made from a few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st

from cloudsearch.iam import SCP, SESSION, Layer, Policy, Principal, parse

ACCOUNT = "111122223333"
Json = Any


def document(content: Sequence[Json], version: str = "2012-10-17") -> dict[str, Json]:
    """Statements as a document."""
    return {"Version": version, "Statement": list(content)}


def policy(name: str, content: object) -> Policy:
    """A document as a policy."""
    return Policy(name, None, parse(content, name), "inline")


def principal(documents: Iterable[object], boundary: object = None, **about: Json) -> Principal:
    """A role ``r``, or who ``about`` tells, with these policies: ``policy0``, ``policy1`` ..., and ``limit``."""
    kind, name = about.get("kind", "role"), about.get("name", "r")
    limit = policy("limit", boundary) if boundary else None
    return Principal(
        arn=about.get("arn", f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"),
        name=name,
        path=about.get("path", "/"),
        id=about.get("id"),
        kind=kind,
        created=None,
        account=about.get("account", ACCOUNT),
        policies=tuple(policy(f"policy{number}", one) for number, one in enumerate(documents)),
        boundary=limit,
        tags=tuple(about.get("tags", {}).items()),
        trust=parse(about["trust"], "trust", needs_resource=False) if "trust" in about else None,
    )


def scp_layers(levels: Iterable[Iterable[Policy]]) -> tuple[Layer, ...]:
    """A layer for each level of service control policies, numbered from 1 at the root."""
    return tuple(Layer(f"{SCP} level {number}", tuple(level)) for number, level in enumerate(levels, 1))


def further(case: Mapping[str, Json]) -> tuple[Layer, ...]:
    """The layers past the principal's own: of a case's ``scps``, documents by level, and of its ``session``."""
    levels = [[policy(f"scp{n}", one) for n, one in enumerate(level)] for level in case.get("scps", ())]
    session = (Layer(SESSION, (policy("session", case["session"]),)),) if "session" in case else ()
    return (*scp_layers(levels), *session)


@cache
def fits_slowly(pattern: str, text: str) -> bool:
    """The meaning of IAM's wildcards, spelt out: exponential, and surely right."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return fits_slowly(pattern[1:], text) or (bool(text) and fits_slowly(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and fits_slowly(pattern[1:], text[1:])


def _named(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from(names)


OPEN = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
NEVER = {"StringEquals": {"aws:PrincipalAccount": "444455556666"}}
ALWAYS = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
ACTIONS = ["*", "s3:*", "s3:Get*", "s3:ListAllMyBuckets", "iam:*", "ec2:Describe????", "S3:getobject"]
RESOURCES = [
    "*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/x*",
    "arn:aws:s3:::*/x?",
    "arn:aws:s3:::*",
    "arn:aws:iam::*",
    "arn:aws:iam::*:user/*a*",
    "arn:aws:s3",
]

statements = st.builds(
    lambda effect, actions, resources, condition: {"Effect": effect} | actions | resources | condition,
    _named("Allow", "Deny"),
    st.builds(
        lambda name, values: {name: values},
        _named("Action", "NotAction"),
        st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3),
    ),
    st.builds(
        lambda name, values: {name: values},
        _named("Resource", "NotResource"),
        st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=3),
    ),
    st.sampled_from([{}, {"Condition": {}}, {"Condition": OPEN}, {"Condition": NEVER}, {"Condition": ALWAYS}]),
)
policies = st.lists(statements, max_size=4)
