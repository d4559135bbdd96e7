"""Roles that were passed in instance profiles: an event names the profile, and IAM tells the role that is in it today.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cloudsearch.actions import PASS_ROLE, passed_roles
from cloudsearch.actions.arns import as_written
from cloudsearch.actions.resources import Call, Use
from cloudsearch.iam import Principal
from cloudsearch.policies.history import Used, call_of

Profiles = Mapping[tuple[str, str], str]
"""A role's ARN by account and name of the instance profile that it is in; the name is one of its account."""


def profiles(principals: Iterable[Principal]) -> dict[tuple[str, str], str]:
    """Which role is in which instance profile, as IAM told."""
    return {(one.account, _name(arn)): one.arn for one in principals for arn in one.instance_profiles}


def with_roles(events: Iterable[Used], known: Profiles) -> Iterator[Used]:
    """The events, with the roles of instance profiles in the place of what no event tells."""
    for used in events:
        if known and any(use.action == PASS_ROLE and use.unknown for use in used.uses):
            call = call_of(used.row)
            uses = tuple(_told(use, call, known) if call else use for use in used.uses)
            yield replace(used, uses=uses)
        else:
            yield used


def _told(use: Use, call: Call, known: Profiles) -> Use:
    """The use with its roles; as it was where one of them is not known."""
    if use.action != PASS_ROLE or not use.unknown:
        return use
    service = next((value for _, value in use.conditions), None)
    passed = passed_roles(call.event_source, call.event_name, call.request)
    named = [one.role for one in passed if one.service == service and ":role/" not in one.role]
    roles = [known.get((call.account, _name(one))) for one in named]
    arns = [as_written(role) for role in roles if role]
    if not arns or len(arns) < len(roles):
        return use
    return replace(use, arns=tuple(dict.fromkeys((*use.arns, *arns))), unknown="")


def _name(profile: str) -> str:
    return profile.rpartition("/")[2]
