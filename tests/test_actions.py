"""Call -> action, and whether an action's use can be seen."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch import catalogue
from cloudsearch.actions import (
    NO_PERMISSION,
    UNKNOWN,
    ObservabilityClass,
    actions_for,
    explain,
    observability,
    prefixes,
)
from cloudsearch.actions.hosts import label
from cloudsearch.actions.mapping import curated_calls, possible
from cloudsearch.actions.tables import table
from tests.samples import samples

CASES = json.loads((Path(__file__).parent / "cases" / "actions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{label(case['event_source'])}:{case['event_name']}")
def test_a_call_needs_these_actions(case: dict[str, Any]) -> None:
    """Each row was checked by hand against the AWS page it names."""
    found = actions_for(case["event_source"], case["event_name"])
    assert sorted(found.actions) == case["actions"]
    assert found.is_known
    assert case["source"].startswith("https://docs.aws.amazon.com/")


def test_there_are_enough_hand_checked_rows() -> None:
    """The table is not to shrink in silence, nor to hold mostly what needs no table."""
    differ = [case for case in CASES if [name.partition(":")[2] for name in case["actions"]] != [case["event_name"]]]
    assert len({(case["event_source"], case["event_name"]) for case in CASES}) == len(CASES) >= 350
    assert len(differ) > len(CASES) * 0.6


def test_every_action_of_a_row_is_of_the_catalogue() -> None:
    """A row that names an action IAM does not know would prove nothing."""
    names = {name for case in CASES for name in case["actions"]}
    assert {name for name in names if catalogue.find(name) is None} == set()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("signin", "ConsoleLogin"),
        ("signin", "CheckMfa"),
        ("signin", "SwitchRole"),
        ("sts", "GetCallerIdentity"),
        ("sts", "GetSessionToken"),
        ("sso", "GetRoleCredentials"),
    ],
)
def test_some_calls_need_no_permission(source: str, name: str) -> None:
    """They are never an action used, unused or missing."""
    found = actions_for(f"{source}.amazonaws.com", name)
    assert (found.actions, found.how, found.is_known) == ((), NO_PERMISSION, True)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("nowhere.amazonaws.com", "DoThis"),
        ("s3.amazonaws.com", "DoThis"),
        ("s3.amazonaws.com", "GetBucket"),
        ("dynamodb.amazonaws.com", "ExecuteStatement"),
        ("dynamodb.amazonaws.com", "TransactWriteItems"),
        ("models-v2-lex.amazonaws.com", "CreateResourcePolicyStatement"),
        ("models-v2-lex.amazonaws.com", "DeleteResourcePolicyStatement"),
        ("query.timestream.amazonaws.com", "Query"),
        ("lambda.amazonaws.com", "Get20Things"),
        ("acm.amazonaws.com", "DescribeCertificates"),
        ("acm.amazonaws.com", "ListCertificate"),
        ("glue.amazonaws.com", "ListIntegrationTableProperties"),
        ("elasticbeanstalk.amazonaws.com", "UpdateTagsForResource"),
        ("iotthingsgraph.amazonaws.com", "TagResource"),
        ("", ""),
    ],
)
def test_what_is_not_known_is_unknown(source: str, name: str) -> None:
    """Unknown is an honest answer and tells why; wrong is not."""
    found = actions_for(source, name)
    assert (found.actions, found.how, found.is_known) == ((), UNKNOWN, False)
    assert found.source


def test_getbucketacl_is_its_own_action() -> None:
    """Mistake 3: the renames were reversed."""
    assert actions_for("s3.amazonaws.com", "GetBucketAcl").actions == ("s3:GetBucketAcl",)


def test_listing_and_head_are_listbucket() -> None:
    """Mistake 4: ListObjects and HeadBucket were called actions of their own."""
    for name in ("ListObjects", "ListObjectsV2", "HeadBucket"):
        assert actions_for("s3.amazonaws.com", name).actions == ("s3:ListBucket",)


def test_one_call_name_of_many_services_is_many_actions() -> None:
    """Mistake 6: ListTagsForResource of three services counted for one, and models.lex was a service."""
    sources = ("rds", "dynamodb", "models.lex")
    names = ["ListTagsForResource", "ListTagsOfResource", "GetBots"]
    found = [actions_for(f"{source}.amazonaws.com", name).actions for source, name in zip(sources, names, strict=True)]
    assert found == [("rds:ListTagsForResource",), ("dynamodb:ListTagsOfResource",), ("lex:GetBots",)]


@pytest.mark.parametrize(
    ("source", "name", "action"),
    [
        ("lambda", "CreateFunction20150331", "lambda:CreateFunction"),
        ("lambda", "GetFunction20150331v2", "lambda:GetFunction"),
        ("cloudfront", "ListDistributions2017_03_25", "cloudfront:ListDistributions"),
        ("waf", "UpdateIPSet", "waf:UpdateIPSet"),
        ("wafv2", "UpdateIPSet", "wafv2:UpdateIPSet"),
        ("securityhub", "GetFindingsV2", "securityhub:GetFindings"),
        ("application-autoscaling", "DescribeScalableTargets", "application-autoscaling:DescribeScalableTargets"),
    ],
)
def test_only_api_versions_are_cut_from_names(source: str, name: str, action: str) -> None:
    """Mistake 8: names were cut at the first "20"; digits that are no version belong to the name."""
    assert actions_for(f"{source}.amazonaws.com", name).actions == (action,)


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("monitoring", "cloudwatch"),
        ("email", "ses"),
        ("ses", "ses"),
        ("tagging", "tag"),
        ("amazonmq", "mq"),
        ("discovery", "discovery"),
        ("models.lex", "lex"),
        ("runtime.lex", "lex"),
        ("rds", "rds"),
        ("streams.dynamodb", "dynamodb"),
        ("api.ecr", "ecr"),
        ("bedrock-runtime", "bedrock"),
        ("cloudcontrolapi", "cloudformation"),
        ("pinpoint", "mobiletargeting"),
    ],
)
def test_hosts_stand_for_prefixes(host: str, prefix: str) -> None:
    """The first part of a host is often, not always, IAM's prefix; China's domain changes nothing."""
    assert prefixes(f"{host}.amazonaws.com")[0] == prefix
    assert prefixes(f"{host}.amazonaws.com.cn")[0] == prefix


def test_every_fact_names_actions_of_the_catalogue_and_a_page() -> None:
    """A fact that IAM does not know is no fact."""
    for name, page in [("facts.tsv", 3), ("depends.tsv", 3)]:
        for row in table(name, 4):
            assert row[page].startswith("https://docs.aws.amazon.com/"), row
            for action in row[2].split(","):
                found = catalogue.find(action)
                assert found is not None, row
                assert found.name == action, row
    assert len(curated_calls()) > 200
    assert all(actions for actions in possible().values())


@settings(deadline=None)  # the first question reads the tables
@given(st.text(), st.text())
def test_no_text_raises(source: str, name: str) -> None:
    """Logs hold anything; a call is mapped or unknown."""
    assert actions_for(source, name) is actions_for(source, name)
    observability(name)
    explain(f"{source} {name}"[:50])


def test_a_call_and_an_action_are_explained() -> None:
    """Four ways to ask, one answer."""
    for asked in ("s3.amazonaws.com:ListObjects", "s3.amazonaws.com ListObjects", "s3:ListObjects"):
        (call,) = explain(asked).calls
        assert (call.event_source, call.event_name) == ("s3.amazonaws.com", "ListObjects")
        assert [one.action.name for one in explain(asked).actions] == ["s3:ListBucket"]
    (action,) = explain("s3:listbucket").actions
    assert action.observability.observability is ObservabilityClass.DATA
    assert {"s3:HeadBucket", "s3:ListObjectsV2"} <= set(action.calls)
    assert not explain("s3:listbucket").calls


def test_a_bare_name_is_explained_for_every_service_that_has_it() -> None:
    """ListTagsForResource is many services' call; what nobody has means nothing."""
    sources = {call.event_source for call in explain("ListTagsForResource").calls}
    assert {"rds.amazonaws.com", "kafka.amazonaws.com"} <= sources
    assert "lambda.amazonaws.com" in {call.event_source for call in explain("Invoke").calls}
    assert explain("NoSuchCallAnywhere").calls == explain("").calls == ()


def test_real_calls_differ_from_naive_names_only_where_ours_are_better() -> None:
    """The samples' expected actions are host and call; ours may differ only in these ways."""
    folder = samples() / "combined" / "flaws"
    principals = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    principal = principals["arn:aws:iam::811596193553:user/Level6"]
    better = {"amazonmq": "mq", "apigateway": "apigateway"}
    named = {name for part in ("used_ok", "used_error_not_denied", "denied") for name in principal[part]}
    assert len(named) > 100
    for name in named:
        host, _, call = name.partition(":")
        found = actions_for(f"{host}.amazonaws.com", call)
        if found.actions != (name,):
            services = {action.partition(":")[0] for action in found.actions}
            assert services == {better.get(host)} or name == "cloudhsm:ListLunaClients", name


def test_most_real_calls_are_known() -> None:
    """Over every public sample log, unknown calls are the exception."""
    calls = {call for path in samples().rglob("*.json*") for call in _calls(path)}
    api = {call for call in calls if call[2] == "AwsApiCall"}
    unknown = {call for call in api if actions_for(call[0], call[1]).how == UNKNOWN}
    assert len(api) > 100
    assert len(unknown) <= len(api) * 0.02, unknown


def _calls(path: Path) -> list[tuple[str, str, str]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    try:
        content = json.loads(raw)
    except ValueError:
        return []
    records = content.get("Records", []) if isinstance(content, dict) else content
    return [
        (record["eventSource"], record["eventName"], record.get("eventType", ""))
        for record in records
        if isinstance(record, dict) and isinstance(record.get("eventSource"), str) and record.get("eventName")
    ]
