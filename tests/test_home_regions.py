"""Services that log in one region alone: nothing is concluded of them from the log of others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cloudsearch import catalogue
from cloudsearch.actions.homes import home_region, home_regions, logged_elsewhere
from cloudsearch.actions.tables import table
from tests.logfiles import ACCOUNT, record
from tests.scenario import Scenario, account, background, of_home, role, statement

OTHER = "444455556666"
GLOBAL = ("cloudfront:CreateInvalidation", "iam:CreateUser", "organizations:ListAccounts", "route53:CreateHostedZone")
REGIONAL = ("ec2:StopInstances", "sts:AssumeRole", "sqs:CreateQueue")
DETAILS = account(role(statement(*GLOBAL, *REGIONAL)))


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scenario:
    """An account of which eu-west-1 alone is loaded."""
    made = Scenario(tmp_path, capsys)
    made.log(*background(awsRegion="eu-west-1"))
    return made


def markers(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Action -> marker."""
    return {action: row["marker"] for action, row in rows.items()}


def test_the_table_names_services_regions_and_pages() -> None:
    """A misspelt one would never count."""
    rows = list(table("home_regions.tsv", 4))
    assert len({row[:2] for row in rows}) == len(rows)
    starts = {"aws": ("us-",), "aws-cn": ("cn-",), "aws-us-gov": ("us-gov-",)}
    for service, partition, region, page in rows:
        assert service in catalogue.services()
        assert region.startswith(starts[partition])
        assert re.match(r"https://docs\.(aws\.amazon\.com|amazonaws\.cn)/", page)
        assert home_region(service.upper(), partition) == region
        assert region in home_regions()
    assert home_region("sts", "aws") is None
    assert home_region("iam", "aws-iso") is None


def test_without_the_home_region_nothing_is_concluded(scenario: Scenario) -> None:
    """The reason says where they are logged; services that log everywhere are judged as ever."""
    rows = scenario.report(DETAILS)
    assert markers(rows) == dict.fromkeys(GLOBAL, "?") | dict.fromkeys(REGIONAL, "-")
    for action in GLOBAL:
        service = action.partition(":")[0]
        told = f"{service} is logged in us-east-1 alone, and no management event of that region is loaded"
        assert rows[action]["reason"] == told


def test_with_the_home_region_they_are_unused(scenario: Scenario) -> None:
    """As soon as its log is loaded too."""
    scenario.log(*of_home())
    rows = scenario.report(DETAILS)
    assert markers(rows) == dict.fromkeys((*GLOBAL, *REGIONAL), "-")
    assert "seen: eu-west-1, us-east-1" in rows["iam:CreateUser"]["reason"]


def test_reads_need_reads_of_the_home_region(scenario: Scenario) -> None:
    """Those of other regions do not show that the trail of us-east-1 logs any."""
    scenario.log(*(event for event in of_home() if not event["readOnly"]))
    rows = scenario.report(account(role(statement("iam:CreateUser", "iam:ListUsers", "ec2:DescribeImages"))))
    assert markers(rows) == {"iam:CreateUser": "-", "iam:ListUsers": "?", "ec2:DescribeImages": "-"}
    told = "iam is logged in us-east-1 alone, and no read event of that region is loaded"
    assert rows["iam:ListUsers"]["reason"] == told


def test_data_events_and_sign_ins_of_the_home_region_do_not_do(scenario: Scenario) -> None:
    """They do not show that a trail logs its calls."""
    data = {"eventCategory": "Data", "managementEvent": False, "eventSource": "s3.amazonaws.com"}
    somebody = {"userIdentity": background()[0]["userIdentity"], "awsRegion": "us-east-1"}
    scenario.log(
        record(1, **somebody, **data, eventName="GetObject"),
        record(2, **somebody, eventType="AwsConsoleSignIn", eventSource="signin.amazonaws.com"),
    )
    assert scenario.report(DETAILS)["iam:CreateUser"]["marker"] == "?"


def test_what_was_used_stays_used(scenario: Scenario) -> None:
    """A call in the log is one, wherever its record says that it was logged."""
    scenario.log(record(1, eventSource="iam.amazonaws.com", eventName="CreateUser", readOnly=False))
    assert scenario.report(DETAILS)["iam:CreateUser"]["marker"] == " "


def test_better_reasons_come_first(scenario: Scenario) -> None:
    """What no log shows is not for want of a region; a region that is not loaded comes before too few days."""
    rows = scenario.report(account(role(statement("iam:PassRole", "iam:CreateUser"))), "--since", "2026-09-20")
    assert "logged in us-east-1 alone" in rows["iam:CreateUser"]["reason"]
    assert "no call of that name is ever logged" in rows["iam:PassRole"]["reason"]


def test_an_account_with_it_does_not_speak_for_one_without(scenario: Scenario) -> None:
    """Alone, in one pass over all, and merged, where the one makes the whole unknown."""
    identity = json.loads(json.dumps(background()[0]["userIdentity"]).replace(ACCOUNT, OTHER))
    elsewhere = {"userIdentity": identity, "recipientAccountId": OTHER}
    scenario.log(
        *of_home(),
        *(event | elsewhere | {"eventID": f"b-{event['eventID']}"} for event in background(awsRegion="eu-west-1")),
    )
    other = json.loads(json.dumps(DETAILS).replace(ACCOUNT, OTHER).replace("AROAWORKER", "AROAOTHER"))
    files = ["--iam", scenario.iam(DETAILS), "--iam", scenario.iam(other, "other.json")]

    def found(*arguments: str) -> dict[tuple[str, str], str]:
        code, out, err = scenario.run("report", *arguments, *files, "--format", "json")
        assert code == 0, err
        return {(row["account"], row["action"]): row["marker"] for row in json.loads(out)}

    every = found("--all", "--expand")
    assert {every[ACCOUNT, action] for action in (*GLOBAL, *REGIONAL)} == {"-"}
    assert {every[OTHER, action] for action in GLOBAL} == {"?"}
    assert {every[OTHER, action] for action in REGIONAL} == {"-"}
    for whose in (ACCOUNT, OTHER):
        own = found("--role", f"arn:aws:iam::{whose}:role/jobs/worker")
        assert own == {key: marker for key, marker in every.items() if key[0] == whose}
    merged = found("--all", "--merge-by", "name")
    assert {merged["*", action] for action in GLOBAL} == {"?"}
    assert {merged["*", action] for action in REGIONAL} == {"-"}


@pytest.mark.parametrize(
    ("partition", "loaded", "told"),
    [
        ("aws-cn", ["cn-northwest-1"], "?-"),
        ("aws-cn", ["cn-north-1"], "-?"),
        ("aws-cn", ["cn-north-1", "cn-northwest-1"], "--"),
        ("aws-us-gov", ["us-gov-east-1"], "?-"),
        ("aws-us-gov", ["us-gov-west-1"], "--"),
        ("aws", ["us-east-2", "us-west-2"], "??"),
    ],
)
def test_each_partition_has_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], partition: str, loaded: list[str], told: str
) -> None:
    """Of China's regions IAM and CloudFront have different ones; where no page names one, any may be it."""
    made = Scenario(tmp_path, capsys)
    text = json.dumps(background(awsRegion="eu-west-1")).replace("arn:aws:", f"arn:{partition}:")
    for region in loaded:
        own = json.loads(text)
        made.log(*(event | {"awsRegion": region, "eventID": f"{region}-{event['eventID']}"} for event in own))
    details = account(role(statement("iam:CreateUser", "cloudfront:CreateInvalidation")))
    rows = made.report(json.loads(json.dumps(details).replace("arn:aws:", f"arn:{partition}:")))
    assert markers(rows) == dict(zip(("iam:CreateUser", "cloudfront:CreateInvalidation"), told, strict=True))


def test_selectors_tell_what_is_logged_and_not_what_is_loaded(scenario: Scenario) -> None:
    """A trail of all regions that records everything is no log of us-east-1."""
    trail = {"TrailARN": f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main", "Name": "main"}
    content = {
        "taken_at": "2026-10-01T00:00:00Z",
        "account": ACCOUNT,
        "trails": [
            {
                "trail": trail | {"HomeRegion": "eu-west-1", "IsMultiRegionTrail": True},
                "status": {"IsLogging": True, "StartLoggingTime": "2026-01-01T00:00:00Z"},
                "event_selectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}],
                "advanced_event_selectors": None,
            }
        ],
    }
    path = scenario.folder / "trails.json"
    path.write_text(json.dumps(content))
    assert scenario.report(DETAILS, "--selectors", str(path))["iam:CreateUser"]["marker"] == "?"
    scenario.log(*of_home())
    assert scenario.report(DETAILS, "--selectors", str(path))["iam:CreateUser"]["marker"] == "-"


def test_the_head_says_once_what_to_load(scenario: Scenario) -> None:
    """Only where it matters to what the principal is granted."""
    asked = ("report", "--role", "worker", "--iam")
    _, out, _ = scenario.run(*asked, scenario.iam(DETAILS))
    head = " ".join(out.partition("  action ")[0].split())
    told = "no management event of us-east-1, the only region that logs cloudfront, iam, organizations, route53"
    assert head.count(f"{told}: load it too (load --region us-east-1)") == 1
    _, out, _ = scenario.run(*asked, scenario.iam(account(role(statement("iam:CreateUser")))))
    assert "the only region that logs iam: load it too" in " ".join(out.split())
    _, out, _ = scenario.run(*asked, scenario.iam(account(role(statement("iam:PassRole", *REGIONAL)))))
    assert "the only region" not in out
    scenario.log(*of_home())
    _, out, _ = scenario.run(*asked, scenario.iam(DETAILS))
    assert "the only region" not in out


def test_what_a_log_of_some_regions_shows_nothing_of() -> None:
    """The partition is the regions'; with all of the homes there is nothing."""
    assert logged_elsewhere({"eu-west-1"}) == {
        "us-east-1": ["cloudfront", "iam", "organizations", "route53", "route53domains"]
    }
    assert logged_elsewhere({"eu-west-1", "us-east-1"}) == {}
    assert logged_elsewhere({"cn-north-1"}) == {"cn-northwest-1": ["cloudfront"]}
    assert logged_elsewhere({"us-gov-east-1"}) == {"us-gov-west-1": ["iam"]}
    assert logged_elsewhere(()).keys() == {"us-east-1"}


def test_a_generated_policy_says_what_it_cannot_hold(scenario: Scenario) -> None:
    """What was used of IAM is in no policy where nothing of its region is loaded."""
    scenario.log(record(1))
    _, _, err = scenario.run("generate", "--role", "worker", "--iam", scenario.iam(DETAILS))
    told = "no management event of us-east-1, the only region that logs cloudfront, iam"
    assert told in " ".join(err.split())
    scenario.log(*of_home())
    _, _, err = scenario.run("generate", "--role", "worker", "--iam", scenario.iam(DETAILS))
    assert "the only region that logs" not in err


def test_who_and_what_is_removed_go_by_the_same(scenario: Scenario) -> None:
    """Nobody is said never to have done it, nothing is taken away, no gate counts it as unused."""
    iam = scenario.iam(account(role(statement("iam:CreateUser", "ec2:StopInstances", "ec2:DescribeVpcs"))))
    code, out, _ = scenario.run("who", "iam:CreateUser", "--iam", iam, "--format", "json")
    assert (code, [row["marker"] for row in json.loads(out)]) == (0, ["?"])
    gate = ("report", "--role", "worker", "--iam", iam, "--fail-on", "unused>2")
    assert scenario.run(*gate)[0] == 0
    trimmed = ("diff", "--role", "worker", "--iam", iam, "--iam-as-of", "2026-10-01", "--remove-unused")
    scenario.log(record(1))
    code, out, err = scenario.run(*trimmed)
    assert code in (0, 1), err
    kept = [line for line in out.split("\n") if line.startswith("+")]
    assert any("iam:CreateUser" in line for line in kept)
    assert not any("ec2:StopInstances" in line for line in kept)
