"""What a call's parameters show beside its name, and how a report keeps that apart from what is sure."""

from __future__ import annotations

import json
from collections import defaultdict
from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions import (
    actions_for,
    displaced,
    displacing,
    inferred_for,
    infers,
    passed_roles,
    passed_to,
    prefixes,
)
from cloudsearch.actions.hosts import label
from cloudsearch.actions.mapping import possible
from cloudsearch.actions.tables import table
from cloudsearch.derive import derive
from cloudsearch.reports.evidence import evidence
from cloudsearch.reports.window import Window
from cloudsearch.store import Store
from tests import rows
from tests.logfiles import record
from tests.scenario import Scenario, account, background, moment, role, statement

CASES = json.loads((Path(__file__).parent / "cases" / "inferred.json").read_text(encoding="utf-8"))
ROLE = "arn:aws:iam::111122223333:role/path/Worker"
LAMBDA = "lambda.amazonaws.com"
AWS = "https://docs.aws.amazon.com/"

names = st.text() | st.sampled_from(["tags", "items", "role", "versionId", "name"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(ROLE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)
calls = st.sampled_from(sorted({(case["event_source"], case["event_name"]) for case in CASES}))


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account whose every day has events, and none of the role's."""
    made = Scenario(tmp_path, capsys)
    made.log(*background())
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{label(case['event_source'])}:{case['event_name']}")
def test_parameters_show_these_actions(case: dict[str, Any]) -> None:
    """Each row was checked by hand against the AWS page it names; ``roles`` are those passed, with the service."""
    call = case["event_source"], case["event_name"]
    assert sorted(inferred_for(*call, case["parameters"])) == case["actions"]
    assert infers(*call) or not case["actions"]
    if "roles" in case:
        assert [[one.role, one.service] for one in passed_roles(*call, case["parameters"])] == case["roles"]
        assert {service for _, service in case["roles"]} <= set(passed_to(*call))
    assert case["source"].startswith(AWS)


def test_there_are_enough_hand_checked_rows() -> None:
    """The table is not to shrink in silence."""
    assert len(CASES) >= 100


def test_every_call_that_passes_roles_is_a_known_call() -> None:
    """A misspelt call would never be inferred from."""
    for service, events, parameters, principal, page in table("pass_role.tsv", 5):
        assert page.startswith(AWS)
        assert parameters
        assert principal == "-" or principal.endswith(".amazonaws.com"), principal
        for event in events.split(","):
            assert actions_for(f"{service}.amazonaws.com", event).actions, (service, event)
            assert infers(f"{service}.amazonaws.com", event)


def test_every_line_of_the_parameters_names_known_calls_and_actions() -> None:
    """A misspelt action would be a permission nobody can grant."""
    for service, events, _, actions, instead, page in table("parameters.tsv", 6):
        assert page.startswith(AWS)
        for action in actions.split(","):
            found = catalogue.find(action)
            assert found, action
            assert found.name == action
        for event in events.split(","):
            source = f"{service}.amazonaws.com"
            sure = actions_for(source, event).actions
            assert sure or (service, event.lower()) in possible(), (service, event)
            assert service == prefixes(source)[0]
            assert instead == "-" or set(instead.split(",")) & set(sure), (service, event)


def test_a_call_has_one_action_that_stands_in_for_its_own() -> None:
    """Else a report, which counts such a call with that action, would count it twice or not at all."""
    standing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for service, events, conditions, actions, instead, _ in table("parameters.tsv", 6):
        for event in events.split(","):
            source = f"{service}.amazonaws.com"
            sure = actions_for(source, event)
            if set(actions.split(",")) & set(displacing()) and sure.is_known:
                standing[source, event].append(conditions)
                assert "," not in actions or set(sure.actions) <= set(instead.split(","))
                assert {displaced(source, event, one) for one in actions.split(",")} == {tuple(instead.split(","))}
    assert standing
    assert all(len(found) == 1 for found in standing.values())


@given(st.text(), st.text(), calls, json_values)
def test_no_text_and_no_parameters_raise(source: str, name: str, call: tuple[str, str], request_: object) -> None:
    """Logs hold anything; what is inferred depends on nothing else, and the parameters stay as they were."""
    before = deepcopy(request_)
    inferred_for(source, name, request_)
    found = inferred_for(*call, request_)
    assert found == inferred_for(*call, request_)
    assert ("iam:PassRole" in found) == bool(passed_roles(*call, request_))
    assert infers(*call) or not found
    assert request_ == before
    inferred_for("ec2.amazonaws.com", "RunInstances", {"iamInstanceProfile": request_, "tagSpecificationSet": request_})
    inferred_for("s3.amazonaws.com", "PutObject", {"x-amz-acl": request_, "x-amz-tagging": request_})
    inferred_for("dynamodb.amazonaws.com", "ExecuteStatement", {"statement": request_})


@given(st.sampled_from(CASES), st.sampled_from(["lower camel", "API"]))
def test_both_spellings_show_the_same(case: dict[str, Any], spelling: str) -> None:
    """CloudTrail's ``roleArn`` is the API's ``RoleArn``."""
    spelt = _spelt(case["parameters"], upper=spelling == "API")
    assert sorted(inferred_for(case["event_source"], case["event_name"], spelt)) == case["actions"]


def _spelt(node: Any, *, upper: bool) -> Any:  # noqa: ANN401 (any JSON)
    if isinstance(node, dict):
        return {
            (key[:1].upper() if upper else key[:1].lower()) + key[1:]: _spelt(value, upper=upper)
            for key, value in node.items()
        }
    return [_spelt(child, upper=upper) for child in node] if isinstance(node, list) else node


@pytest.mark.parametrize("frame", ["role", "tags", "items", "tagSpecificationSet"])
def test_absurdly_deep_parameters_are_left_alone(frame: str) -> None:
    """Nothing is inferred from what nobody could have meant, and nothing overflows."""
    node: object = ROLE
    for _ in range(5000):
        node = {frame: node}
    assert inferred_for("lambda.amazonaws.com", "CreateFunction", node) == ()
    assert inferred_for("ec2.amazonaws.com", "RunInstances", node) == ()


@pytest.mark.parametrize(
    "wide",
    [
        {"tags": [[]] * 200_000, "role": [None] * 200_000},
        {"tagSpecificationSet": {"items": [{"tags": {"items": []}}] * 100_000}},
        {f"parameter-{number}": "x" for number in range(100_000)},
        {"statement": " " * 1_000_000},
    ],
    ids=["lists", "frames", "names", "text"],
)
def test_a_megabyte_of_parameters_takes_no_time(wide: object) -> None:
    """The work grows with the parameters and no faster."""
    start = perf_counter()
    for source, name in (("ec2", "RunInstances"), ("lambda", "CreateFunction"), ("dynamodb", "ExecuteStatement")):
        assert inferred_for(f"{source}.amazonaws.com", name, wide) == ()
    assert perf_counter() - start < 5


def test_a_call_in_no_table_needs_no_parameters() -> None:
    """Most calls of most logs: they are not decoded for this."""
    for source, name in (("ec2", "DescribeInstances"), ("sts", "GetCallerIdentity"), ("s3", "ListBuckets"), ("", "")):
        assert not infers(f"{source}.amazonaws.com", name)


def test_a_row_leaves_out_the_action_that_was_not_needed() -> None:
    """A versionId asks for s3:GetObjectVersion alone; without one s3:GetObject is sure."""
    for parameters, actions, inferred in (
        ({"bucketName": "b", "key": "k", "versionId": "v"}, None, ("s3:GetObjectVersion",)),
        ({"bucketName": "b", "key": "k"}, ("s3:GetObject",), None),
    ):
        call = record(1, eventSource="s3.amazonaws.com", eventName="GetObject", requestParameters=parameters)
        row = derive(json.dumps(call).encode())
        assert (row.get("actions"), row.get("inferred_actions")) == (actions, inferred)


def test_a_report_says_which_call_passed_a_role_and_to_whom(scenario: Scenario) -> None:
    """The role itself is not kept with the row, so none is named."""
    passing = {"instanceType": "t3.micro", "iamInstanceProfile": {"name": "web"}}
    scenario.log(
        record(1, eventName="RunInstances", requestParameters=passing),
        record(2, eventName="RunInstances", requestParameters=passing),
        record(
            3, eventSource="lambda.amazonaws.com", eventName="CreateFunction20150331", requestParameters={"role": ROLE}
        ),
        record(4, eventName="RunInstances", requestParameters={"instanceType": "t3.micro"}),
    )
    row = scenario.report(account(role(statement("iam:PassRole"))))["iam:PassRole"]
    assert (row["marker"], row["calls"], row["used"]) == (" ", 3, True)
    assert row["reason"] == (
        "inferred: passed to ec2.amazonaws.com by RunInstances x 2, "
        "passed to lambda.amazonaws.com by CreateFunction20150331 x 1"
    )


def test_a_report_keeps_inferred_calls_apart_from_sure_ones(scenario: Scenario) -> None:
    """Tags given at creation are a use of lambda:TagResource, and so is the call of that name."""
    function = {"functionName": "f", "tags": {"team": "a"}}
    made = [
        record(number, eventSource=LAMBDA, eventName="CreateFunction20150331", requestParameters=function)
        for number in (1, 2)
    ]
    details = account(role(statement("lambda:TagResource")))
    scenario.log(*made)
    assert scenario.report(details)["lambda:TagResource"]["reason"] == (
        "inferred: parameters of CreateFunction20150331 x 2"
    )
    scenario.log(record(3, eventSource=LAMBDA, eventName="TagResource20170331v2", eventTime=moment(9)))
    row = scenario.report(details)["lambda:TagResource"]
    assert (row["calls"], row["marker"]) == (3, " ")
    assert row["reason"] == "2 of 3 calls inferred: parameters of CreateFunction20150331 x 2"


def test_an_inferred_use_that_is_not_granted_says_so(scenario: Scenario) -> None:
    """The reason of such a row begins with "inferred" too."""
    scenario.log(record(1, eventName="RunInstances", requestParameters={"iamInstanceProfile": {"name": "web"}}))
    row = scenario.report(account(role(statement("ec2:RunInstances"))))["iam:PassRole"]
    assert row["marker"] == "+"
    assert row["reason"].startswith("inferred: passed to ec2.amazonaws.com by RunInstances x 1; ")


def test_a_version_read_is_no_use_of_the_object_action(scenario: Scenario) -> None:
    """One call without a versionId is one use of s3:GetObject, whatever the others asked for."""
    objects = [{"bucketName": "b", "key": "k", **version} for version in ({"versionId": "v"}, {"versionId": "w"}, {})]
    scenario.log(
        *(
            record(number, eventSource="s3.amazonaws.com", eventName="GetObject", requestParameters=asked)
            for number, asked in enumerate(objects)
        )
    )
    report = scenario.report(account(role(statement("s3:GetObject", "s3:GetObjectVersion"))))
    assert (report["s3:GetObject"]["calls"], report["s3:GetObject"]["reason"]) == (1, "")
    assert (report["s3:GetObjectVersion"]["calls"], report["s3:GetObjectVersion"]["reason"]) == (
        2,
        "inferred: parameters of GetObject x 2",
    )


def test_a_copy_of_a_version_is_still_a_sure_write(scenario: Scenario) -> None:
    """Only the action that was not needed is taken away from the call, and the call counts once."""
    copied = {"bucketName": "b", "key": "k", "x-amz-copy-source": "/a/k?versionId=v", "x-amz-acl": "public-read"}
    scenario.log(record(1, eventSource="s3.amazonaws.com", eventName="CopyObject", requestParameters=copied))
    report = scenario.report(account(role(statement("s3:*"))))
    assert {name: (report[name]["calls"], report[name]["reason"].partition(":")[0]) for name in _COPIED} == _COPIED
    assert report["s3:GetObject"]["calls"] == 0


_COPIED = {"s3:PutObject": (1, ""), "s3:GetObjectVersion": (1, "inferred"), "s3:PutObjectAcl": (1, "inferred")}


def test_a_call_named_by_its_parameters_is_not_unknown(scenario: Scenario) -> None:
    """A statement's verb names the action; one whose verb cannot be read stays a call without a known action."""
    source, call = "dynamodb.amazonaws.com", "ExecuteStatement"
    details = account(role(statement("dynamodb:PartiQL*")))
    scenario.log(record(1, eventSource=source, eventName=call, requestParameters={"statement": "SELECT * FROM t"}))
    report = scenario.report(details)
    assert report["dynamodb:PartiQLSelect"]["reason"].startswith("inferred")
    assert f"{source}:{call}" not in report
    scenario.log(record(2, eventSource=source, eventName=call, requestParameters=None))
    assert scenario.report(details)[f"{source}:{call}"]["calls"] == 1


def test_a_refused_call_shows_no_use(scenario: Scenario) -> None:
    """What was not let in used nothing, whatever its parameters say; a failure afterwards did."""
    passing = {"iamInstanceProfile": {"name": "web"}}
    details = account(role(statement("iam:PassRole")))
    scenario.log(
        record(1, eventName="RunInstances", requestParameters=passing, errorCode="Client.UnauthorizedOperation"),
        record(2, eventName="RunInstances", requestParameters=passing, errorCode="Client.RequestLimitExceeded"),
    )
    row = scenario.report(details)["iam:PassRole"]
    assert (row["used"], row["denied"]) == (False, 0)
    scenario.log(record(3, eventName="RunInstances", requestParameters=passing, errorCode="Client.DryRunOperation"))
    row = scenario.report(details)["iam:PassRole"]
    assert (row["used"], row["calls"], row["errors"]) == (True, 1, 1)
    assert row["reason"] == "inferred: passed to ec2.amazonaws.com by RunInstances x 1"


def test_an_earlier_role_of_the_name_inferred_nothing_for_this_one(scenario: Scenario) -> None:
    """Its use is remembered as its own."""
    earlier = deepcopy(record(1)["userIdentity"])
    assert isinstance(earlier, dict)
    earlier["principalId"] = "AROAEARLIER:run-1"
    earlier["sessionContext"]["sessionIssuer"]["principalId"] = "AROAEARLIER"
    scenario.log(
        record(
            1,
            userIdentity=earlier,
            eventSource="kms.amazonaws.com",
            eventName="CreateKey",
            requestParameters={"tags": [{"tagKey": "a", "tagValue": "b"}]},
        )
    )
    row = scenario.report(account(role(statement("kms:TagResource"))))["kms:TagResource"]
    assert (row["marker"], row["calls"]) == ("?", 0)
    assert "AROAEARLIER" in row["reason"]


def test_a_row_derived_by_other_tables_keeps_its_sure_actions(store: Store) -> None:
    """Stores outlive the tables: what an inferred action no longer stands in for is counted by its name, once."""
    who = "arn:aws:iam::111122223333:user/alice"
    kept = (
        ("ListBuckets", ("s3:GetObjectVersion",)),
        ("ListBuckets", ("iam:PassRole", "s3:PutObjectAcl")),
        ("GetObject", ("s3:GetObjectVersion",)),
    )
    made = [
        rows.event(
            str(number),
            principal=who,
            copy="caller",
            outcome="ok",
            event_source="s3.amazonaws.com",
            event_name=name,
            inferred_actions=inferred,
        )
        for number, (name, inferred) in enumerate(kept)
    ]
    rows.write(store, made)
    store.commit()
    found = evidence(store, Window(), arns=(who,), principal_id=None, caller_loaded=True)
    assert {action: use.calls for action, use in found.uses.items()} == {
        "s3:ListAllMyBuckets": 2,
        "s3:GetObjectVersion": 2,
        "iam:PassRole": 1,
        "s3:PutObjectAcl": 1,
    }
    assert found.events == 3
