"""Three values, by a table of decisions and by laws."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.iam import (
    IDENTITY,
    Effect,
    Evaluation,
    Layer,
    Scope,
    State,
    facts_of,
    granted,
    grants,
    load_iam,
    may_tag_sessions,
    parse,
)
from cloudsearch.iam.conditions import Truth
from cloudsearch.iam.judge import Judge
from cloudsearch.iam.regions import forget
from tests.policies import document, further, policies, policy, principal, scp_layers
from tests.samples import samples

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases" / "evaluate").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]
ACTIONS = ("s3:GetObject", "s3:ListBucket", "s3:ListAllMyBuckets", "iam:CreateUser", "ec2:DescribeVpcs")
ORDER = [State.NOT_GRANTED, State.CONDITIONAL, State.GRANTED]


def states(*documents: object, boundary: object = None) -> list[int]:
    """The states of a few telling actions, as numbers that grow with what is granted."""
    return [ORDER.index(grant.state) for grant in granted(principal(documents, boundary), ACTIONS)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_decision(case: dict[str, Any]) -> None:
    """Each row names the AWS page it follows from, and why it follows."""
    assert case["source"].startswith("https://docs.aws.amazon.com/")
    assert case["why"]
    who = principal(case["policies"], case.get("boundary"), **case.get("principal", {}))
    (grant,) = granted(who, [case["action"]], further(case), facts_of(who, case.get("organization")))
    assert grant.state == case["state"], grant
    assert grant.scope == case.get("scope", grant.scope), grant
    assert grant.reason == case.get("reason", grant.reason)
    assert grant.refused_by == case.get("refused_by", grant.refused_by)
    assert [one.sid for one in grant.allows] == case.get("allows", [one.sid for one in grant.allows])
    assert [one.sid for one in grant.denies] == case.get("denies", [one.sid for one in grant.denies])
    assert (grant.refused_by is None) == (grant.state is not State.NOT_GRANTED)


def test_there_are_enough_decisions() -> None:
    """The table is not to shrink in silence, and no two rows of a file have one name."""
    assert len(CASES) >= 250
    assert len({json.dumps(case) for case in CASES}) == len(CASES)


@given(policies, policies)
def test_another_allow_never_loses(before: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    """Widening what is allowed takes nothing away."""
    allows = [one for one in more if one["Effect"] == "Allow"]
    pairs = zip(states(document(before)), states(document(before + allows)), strict=True)
    assert all(old <= new for old, new in pairs)


@given(policies, st.sampled_from([{"Action": "*"}, {"Resource": "*"}, {"Condition": {}}]))
def test_a_wider_allow_never_loses(before: list[dict[str, Any]], wider: dict[str, Any]) -> None:
    """All actions, all resources, no Condition in place of an Allow's own."""
    (name,) = wider
    after = [
        {key: value for key, value in one.items() if key != f"Not{name}"} | wider if one["Effect"] == "Allow" else one
        for one in before
    ]
    assert all(old <= new for old, new in zip(states(document(before)), states(document(after)), strict=True))


@given(policies, policies)
@settings(max_examples=15, deadline=None)
def test_one_by_one_and_all_at_once_are_one(own: list[dict[str, Any]], limit: list[dict[str, Any]]) -> None:
    """The whole catalogue gives for each action what asking for it alone gives."""
    who = principal([document(own)], document(limit))
    at_once = {grant.action.name: grant for grant in grants(who)}
    names = [action.name for service in ("s3", "iam", "ec2", "sts") for action in catalogue.actions_of(service)]
    assert list(granted(who, names)) == [at_once[name] for name in names]


@given(policies, policies)
def test_another_deny_never_gains(before: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    """Denying more gives nothing."""
    denies = [one for one in more if one["Effect"] == "Deny"]
    pairs = zip(states(document(before)), states(document(before), document(denies)), strict=True)
    assert all(old >= new for old, new in pairs)


@given(policies, policies)
def test_a_boundary_never_gains(own: list[dict[str, Any]], limit: list[dict[str, Any]]) -> None:
    """A boundary only takes away, and one that allows all takes nothing."""
    everything = document([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    free = states(document(own))
    assert states(document(own), boundary=everything) == free
    assert all(old >= new for old, new in zip(free, states(document(own), boundary=document(limit)), strict=True))


@given(policies, policies)
def test_a_union_is_what_its_parts_give(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """Without a Deny two policies give together what the one or the other gives."""
    one, other = ([each for each in content if each["Effect"] == "Allow"] for content in (one, other))
    parts = zip(states(document(one)), states(document(other)), strict=True)
    assert states(document(one), document(other)) == [max(pair) for pair in parts]


@given(policies, policies, policies)
def test_a_level_of_scps_never_gains(
    own: list[dict[str, Any]], level: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    """Another level only takes away, and the order of levels is of no account."""
    who = principal([document(own)])
    one, other = ([policy("scp", document(content))] for content in (level, more))

    def found(*levels: list[Any]) -> list[int]:
        return [ORDER.index(grant.state) for grant in granted(who, ACTIONS, scp_layers(levels))]

    assert all(free >= bound for free, bound in zip(found(one), found(one, other), strict=True))
    assert found(one, other) == found(other, one)


@given(policies, st.permutations(range(4)))
def test_the_order_of_statements_is_of_no_account(content: list[dict[str, Any]], order: list[int]) -> None:
    """Neither their order nor how they are spread over policies."""
    shuffled = [content[place] for place in order if place < len(content)]
    assert states(document(content)) == states(*(document([one]) for one in shuffled))


def test_a_boundary_that_is_missing_may_allow_anything_or_nothing() -> None:
    """What it leaves is not known, what the identity lacks is; and a Deny holds whatever it says."""
    own = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"},
    ]
    arn = "arn:aws:iam::111122223333:policy/limit"
    bound = replace(principal([document(own)]), boundary_arn=arn, missing=(arn,))
    found = granted(bound, ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"])
    assert [grant.state for grant in found] == [State.CONDITIONAL, State.NOT_GRANTED, State.NOT_GRANTED]
    assert [str(one) for one in found[0].statements] == ["policy0, statement 0"]
    assert found[0].reason == "if the permissions boundary, whose document is missing, allows it"
    judged = Judge.of(bound).judge("s3:GetObject", "arn:aws:s3:::b/k", {})
    assert (judged.state, judged.reason) == (Truth.PERHAPS, found[0].reason)


def test_an_administrator_is_granted_what_exists() -> None:
    """Mistake 1: with Action * five in six actions could never be granted."""
    admin = principal([document([{"Effect": "Allow", "Action": "*", "Resource": "*"}])])
    found = list(grants(admin))
    assert [grant.action for grant in found] == list(catalogue.everything())
    assert {(grant.state, grant.scope, grant.reason) for grant in found} == {(State.GRANTED, Scope.ALL, "")}


def test_not_action_wildcards_and_denies_count() -> None:
    """Mistake 5: NotAction, ?, and any Deny but the plainest were not understood."""
    content = [
        {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"},
        {"Effect": "Deny", "NotAction": ["s3:*", "ec2:Describe????"], "Resource": "*"},
    ]
    assert states(document(content)) == [2, 2, 2, 0, 2]


def test_an_administrator_minus_three_denies_is_decided_fast() -> None:
    """The whole catalogue, in half a second once it is read; the quickest try, for the machine may be busy."""
    content: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["iam:*", "organizations:*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::logs/*"},
        {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": {"Bool": {"aws:x": "true"}}},
    ]
    catalogue.everything()

    def timed() -> tuple[float, dict[str, Any]]:
        start = perf_counter()
        found = {grant.action.name: grant for grant in grants(principal([document(content)]))}
        return perf_counter() - start, found

    seconds, found = min((timed() for _ in range(3)), key=lambda one: one[0])
    assert seconds < 0.5
    assert found["iam:CreateUser"].state is State.NOT_GRANTED
    assert found["s3:DeleteObject"].scope is Scope.SOME
    assert found["ec2:RunInstances"].state is State.CONDITIONAL


def test_the_statements_that_decide_are_named() -> None:
    """Policy, Sid, place and effect."""
    content = [
        {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "NoIam", "Effect": "Deny", "Action": "iam:*", "Resource": "*"},
    ]
    allowed, refused = granted(principal([document(content)]), ["s3:GetObject", "iam:CreateUser"])
    (allow,), (deny,) = allowed.statements, refused.statements
    assert (allow.policy, allow.sid, allow.index, allow.effect) == ("policy0", "All", 0, Effect.ALLOW)
    assert (deny.sid, deny.effect, str(deny)) == ("NoIam", Effect.DENY, "policy0, NoIam")


def test_an_action_nobody_knows_is_judged_by_the_statements() -> None:
    """A retired action keeps its name as it came."""
    who = principal([document([{"Effect": "Allow", "Action": "old:*", "Resource": "arn:aws:old:::x"}])])
    known, unknown = granted(who, ["old:DoThis", "older:DoThis"])
    assert (known.action.name, known.state, unknown.state) == ("old:DoThis", State.GRANTED, State.NOT_GRANTED)


def test_further_layers_must_allow_too() -> None:
    """A layer without any Allow grants nothing."""
    allow = policy("p", document([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))
    evaluation = Evaluation((Layer(IDENTITY, (allow,)), *scp_layers([[]])))
    action = catalogue.find("s3:GetObject")
    assert action is not None
    grant = evaluation.grant(action)
    assert grant.state is State.NOT_GRANTED
    assert "service control policy level 1" in grant.reason


def test_the_samples_grants_are_what_their_notes_say() -> None:
    """Every pattern that the sample's notes call granted grants its actions."""
    folder = samples() / "combined" / "flaws"
    (who,) = load_iam([folder / "iam-authorization-details.json"]).principals
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))[who.arn]
    wanted = {action.name for pattern in expected["granted_patterns"] for action in catalogue.expand(pattern)}
    found = {grant.action.name for grant in grants(who) if grant.state is State.GRANTED}
    assert found <= wanted
    assert wanted - found <= {name for name in wanted if name.startswith("apigateway:")}


@pytest.mark.parametrize(
    ("file", "action", "state"),
    [
        ("basic-allow", "lambda:InvokeFunction", State.GRANTED),
        ("allow-with-conditions", "lambda:InvokeFunction", State.CONDITIONAL),
        ("role-boundary-allow", "lambda:InvokeFunction", State.GRANTED),
        ("role-boundary-deny", "lambda:InvokeFunction", State.NOT_GRANTED),
        ("role-boundary-no-policies", "lambda:InvokeFunction", State.NOT_GRANTED),
        ("user-boundary-allow", "lambda:InvokeFunction", State.GRANTED),
        ("user-boundary-deny", "lambda:InvokeFunction", State.NOT_GRANTED),
    ],
)
def test_another_evaluator_s_cases(file: str, action: str, state: State) -> None:
    """Small files with boundaries and conditions, written for another project's evaluator."""
    (who,) = load_iam([samples() / "iamspy" / f"{file}.json"]).principals
    (grant,) = granted(who, [action])
    assert grant.state is state


@pytest.mark.parametrize(
    ("file", "state"),
    [("scp-basic", State.GRANTED), ("scp-deny-lambda", State.NOT_GRANTED)],
)
def test_another_evaluator_s_scps(file: str, state: State) -> None:
    """An organisation's tree: the root's policies and the account's own bind a member account."""
    root = json.loads((samples() / "iamspy" / f"{file}.json").read_text(encoding="utf-8"))
    management = root["Arn"].split(":")[4]
    (node,) = (child for child in root["Children"] if child["Id"] != management)
    levels = [[policy(one["Name"], one["Content"]) for one in level["Policies"]] for level in (root, node)]
    who = principal([document([{"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}])], account=node["Id"])
    (grant,) = granted(who, ["lambda:InvokeFunction"], scp_layers(levels))
    assert grant.state is state
    assert (grant.refused_by == "service control policy level 1") == (state is State.NOT_GRANTED)


def test_every_sample_principal_is_evaluated() -> None:
    """Details as IAM gave them: every principal has an answer for every action, and quickly."""
    files = [*(samples() / "iam").glob("*.json"), *(samples() / "iamspy").glob("*.json")]
    details = [path for path in files if "DetailList" in path.read_text(encoding="utf-8")]
    for who in (who for path in details for who in load_iam([path])):
        found = list(grants(who))
        assert len(found) == len(catalogue.everything())
        assert all(one.refused_by is None or one.state is State.NOT_GRANTED for one in found)
        assert all(bool(one.statements) for one in found if one.state is not State.NOT_GRANTED)


def test_the_files_of_another_evaluator_grant_what_they_say() -> None:
    """Buckets named in the policies of a batch: every role is granted its own."""
    roles = {who.name: who for who in load_iam([samples() / "iamspy" / "batch-allow.json"])}
    found = {name: granted(who, ["s3:GetObject"])[0] for name, who in roles.items()}
    assert {name: grant.state for name, grant in found.items()} == {
        "name1": State.GRANTED,
        "name2": State.GRANTED,
        "name3": State.NOT_GRANTED,
    }
    assert found["name1"].scope is Scope.SOME


@pytest.mark.parametrize(
    ("actions", "may"),
    [
        ("sts:AssumeRole", False),
        (["sts:AssumeRole", "sts:TagSession"], True),
        ("sts:*", True),
        ("STS:tagsession", True),
    ],
)
def test_a_trust_policy_tells_whether_sessions_may_have_tags(actions: object, may: bool) -> None:  # noqa: FBT001
    """Without sts:TagSession in its trust policy a role's tags are all that its sessions have."""
    trust = document([{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": actions}])
    assert may_tag_sessions(parse(trust, "trust", needs_resource=False)) is may
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    tests = {"team": "blue", "admin": "true"}
    documents = [
        document([allow | {"Condition": {"StringEquals": {f"aws:PrincipalTag/{tag}": value}}}])
        for tag, value in tests.items()
    ]
    for content in documents:
        (grant,) = granted(principal([content], tags={"team": "red"}, trust=trust), ["s3:GetObject"])
        assert grant.state is (State.CONDITIONAL if may else State.NOT_GRANTED)


def test_patterns_that_begin_with_stars_are_decided() -> None:
    """Many patterns with stars in front would have too many combinations: what is enough is enough."""
    denied = [f"arn:aws:s3:::*-{number}-prod/*" for number in range(30)]
    content = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::x-{number}-prod/*" for number in range(31)]},
        {"Effect": "Deny", "Action": "s3:*", "Resource": denied[:15]},
        {"Effect": "Deny", "Action": "s3:*", "Resource": denied[15:]},
    ]
    (grant,) = granted(principal([document(content)]), ["s3:GetObject"])
    assert (grant.state, grant.scope) == (State.GRANTED, Scope.SOME)
    content[0]["Resource"] = content[0]["Resource"][:-1]
    (grant,) = granted(principal([document(content)]), ["s3:GetObject"])
    assert grant.state is State.NOT_GRANTED
    assert len(grant.denies) == 2


def test_what_is_too_long_to_decide_is_not_called_refused() -> None:
    """Patterns made to be hard end the search in time, and then nothing is said to be not granted."""
    content = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::*{one}*{other}?????*"}
        for one in "abcdef"
        for other in "uvwxyz"
    ]
    content.append({"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::*q????????????????q*/*"})
    start = perf_counter()
    (grant,) = granted(principal([document(content)]), ["s3:GetObject"])
    assert perf_counter() - start < 2
    assert grant.state is not State.NOT_GRANTED
    assert grant.scope is Scope.SOME


def test_two_hundred_roles_are_evaluated_in_time() -> None:
    """The whole catalogue for every role of a large account: each has buckets, tables and a Deny of its own."""
    roles = [
        principal(
            [
                document(
                    [
                        {"Effect": "Allow", "Action": ["s3:*", "dynamodb:*"], "Resource": f"arn:aws:*:::app-{number}*"},
                        {"Effect": "Allow", "Action": ["ec2:Describe*", "sqs:*", "logs:*"], "Resource": "*"},
                        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": f"arn:aws:s3:::app-{number}-keep/*"},
                    ]
                )
            ],
            name=f"role{number}",
        )
        for number in range(200)
    ]
    catalogue.everything()
    start = perf_counter()
    count = sum(grant.state is State.GRANTED for role in roles for grant in grants(role))
    assert perf_counter() - start < 20
    assert count > 200 * 100


def test_many_control_policies_cost_little() -> None:
    """Statements that name no resource are judged once, however many types of resources there are."""
    deny = {
        "Effect": "Deny",
        "NotAction": ["iam:*", "sts:*"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}},
    }
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    levels = [[policy(f"scp{number}", document([everything, deny])) for number in range(5)] for _ in range(5)]
    catalogue.everything()

    def timed() -> float:
        start = perf_counter()
        found = {grant.state for grant in grants(principal([document([everything])]), scp_layers(levels))}
        assert found == {State.CONDITIONAL, State.GRANTED}
        return perf_counter() - start

    assert min(timed() for _ in range(3)) < 0.5


def test_denies_over_all_services_are_evaluated_in_time() -> None:
    """Patterns that every type of resource has to be compared with."""
    names = ["arn:aws:*:*:*:*prod*", "arn:aws:*:*:*:*/secure/*", "arn:aws:*:us-gov*:*:*"]
    denies = [{"Effect": "Deny", "Action": "*", "Resource": name} for name in names]
    admin = principal([document([{"Effect": "Allow", "Action": "*", "Resource": "*"}, *denies])])
    catalogue.everything()
    forget()
    start = process_time()
    found = {grant.action.name: grant for grant in grants(admin)}
    assert process_time() - start < 8
    assert found["s3:GetObject"].scope is found["ec2:RunInstances"].scope is Scope.SOME
    assert found["ec2:DescribeVpcs"].scope is Scope.ALL


def test_statements_with_one_sid_are_told_apart() -> None:
    """A Sid may occur twice; the place in the policy tells which one it was."""
    allow = {"Sid": "Same", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    deny = {"Sid": "Same", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}
    (grant,) = granted(principal([document([allow, deny])]), ["s3:GetObject"])
    assert [(one.sid, one.index, one.effect) for one in grant.statements] == [
        ("Same", 0, Effect.ALLOW),
        ("Same", 1, Effect.DENY),
    ]


@pytest.mark.parametrize("offset", range(3))
def test_an_action_s_own_arns_are_all_of_it(offset: int) -> None:
    """Over the catalogue: an Allow of an action's ARNs grants all, of one ARN some, and a Deny leaves nothing."""
    for action in catalogue.everything()[offset * 40 :: 120]:
        arns = list(catalogue.arn_patterns(action.name))
        allow = {"Effect": "Allow", "Action": action.name}
        for resources in (arns, arns[:1]):
            if resources:
                (grant,) = granted(principal([document([allow | {"Resource": resources}])]), [action.name])
                assert grant.state is State.GRANTED, action.name
                assert len(resources) < len(arns) or grant.scope is Scope.ALL, action.name
        own = arns or ["*"]
        deny = {"Effect": "Deny", "Action": action.name, "Resource": own}
        (grant,) = granted(principal([document([allow | {"Resource": "*"}, deny])]), [action.name])
        assert grant.state is State.NOT_GRANTED, action.name
