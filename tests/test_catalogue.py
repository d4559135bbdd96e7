"""IAM's actions: names, patterns, resource types, speed."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import pytest

from cloudsearch import catalogue


def test_an_action_is_found_in_any_case_and_named_as_aws_writes_it() -> None:
    """Case is IAM's to ignore and AWS's to write."""
    found = catalogue.find("S3:getOBJECT")
    assert found is not None
    assert (found.name, found.service, found.short_name, found.access_level) == (
        "s3:GetObject",
        "s3",
        "GetObject",
        "Read",
    )
    assert "object" in found.resource_types


@pytest.mark.parametrize("name", ["", ":", "s3", "s3:", "s3:Nothing", "nothing:GetObject", "../s3:x", "*"])
def test_what_iam_does_not_know_is_none(name: str) -> None:
    """No text raises, and none is guessed at."""
    assert catalogue.find(name) is None


def test_patterns_expand_without_case() -> None:
    """``*`` and ``?`` as in a policy, in the service too."""
    names = [action.name for action in catalogue.expand("S3:get?UCKETaCL")]
    assert names == ["s3:GetBucketAcl"]
    assert {action.service for action in catalogue.expand("s3*:Create*")} >= {"s3", "s3express", "s3tables"}
    assert catalogue.expand("s3:getobject") == catalogue.expand("s3:GetObject")
    assert catalogue.expand("s3:Nothing") == catalogue.expand("Nothing") == ()


def test_everything_is_every_service_s_actions() -> None:
    """The whole is the sum of the services, each action once."""
    everything = catalogue.everything()
    assert len(everything) > 18_000
    assert len({action.name.lower() for action in everything}) == len(everything)
    assert sum(len(catalogue.actions_of(service)) for service in catalogue.services()) == len(everything)
    assert catalogue.expand("*") == catalogue.expand("*:*") == everything


def test_the_services_cloudtracker_never_knew_are_there() -> None:
    """Mistake 1: granted names were those of an SDK, so most of IAM could never be granted."""
    for name in ("bedrock:InvokeModel", "eks:ListClusters", "iam:PassRole", "scheduler:ListSchedules", "s3:ListBucket"):
        assert catalogue.find(name) is not None


def test_arn_patterns_are_those_of_the_action_s_types() -> None:
    """A bucket's ARN is no object's; an action on * alone has none."""
    assert "arn:*:s3:::*/*" in catalogue.arn_patterns("s3:GetObject")
    assert "arn:*:s3:::*" in catalogue.arn_patterns("s3:ListBucket")
    assert catalogue.arn_patterns("s3:ListAllMyBuckets") == catalogue.arn_patterns("no:Such") == ()
    assert not [pattern for pattern in catalogue.arn_patterns("s3:GetObject") if ", " in pattern or "$" in pattern]


def test_every_resource_type_of_every_action_has_patterns() -> None:
    """An action with types has ARNs, each of them whole."""
    for action in catalogue.everything():
        patterns = catalogue.arn_patterns(action.name)
        assert bool(patterns) == bool(action.resource_types), action.name
        assert all(pattern.startswith("arn:") and " " not in pattern for pattern in patterns), action.name


def test_access_levels_are_iam_s_five() -> None:
    """One word each."""
    levels = {action.access_level for action in catalogue.everything()}
    assert levels == {"List", "Read", "Write", "Tagging", "Permissions management"}


def test_an_eight_star_pattern_answers_fast() -> None:
    """A pattern that hangs a regular expression costs a second at most here."""
    start = perf_counter()
    catalogue.expand("*a*a*a*a*a*a*a*b")
    assert perf_counter() - start < 5


def test_the_whole_catalogue_loads_in_about_a_second() -> None:
    """Measured in a process of its own, as a command would."""
    code = (
        "from time import perf_counter as now; start = now(); from cloudsearch import catalogue; "
        "catalogue.find('s3:GetObject'); one = now(); catalogue.everything(); print(one - start, now() - one)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    one, everything = map(float, done.stdout.split())
    assert one < 2
    assert everything < 3


def test_the_version_tells_a_day() -> None:
    """A report's head says how old the catalogue is."""
    version, _, day = catalogue.data_version().partition(" ")
    assert version
    assert day.strip("()").count("-") == 2
