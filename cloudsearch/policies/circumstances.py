"""Conditions that history supports: what every single use of an action shows, and no service made for the caller.

A service that calls for a principal does so from its own network, so nothing is asked of actions it used so.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Iterator

from cloudsearch.iam.documents import ConditionTest
from cloudsearch.policies.facts import without_region
from cloudsearch.policies.usage import Circumstances


def shown_by(action: str, about: Circumstances) -> Iterator[ConditionTest]:
    """The conditions that every use of an action met."""
    if about.invoked:
        return
    if about.endpoints:
        yield ConditionTest("StringEquals", "aws:SourceVpce", tuple(sorted(about.endpoints)))
    if about.regions and action.partition(":")[0] not in without_region():
        yield ConditionTest("StringEquals", "aws:RequestedRegion", tuple(sorted(about.regions)))
    if about.mfa:
        yield ConditionTest("Bool", "aws:MultiFactorAuthPresent", ("true",))
