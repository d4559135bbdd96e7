"""What a call may have needed beside what is sure: nobody can say, because a store keeps no parameters.

Four sources. ``data/depends.tsv``: actions needed with some parameters only, and those that AWS names beside the call's
own without saying when. Tags: most services authorise those given with a call by their tagging action beside the action
of the call's own name (AWS pages: "Controlling access to AWS resources using tags",
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html; "Grant permission to tag
resources during creation" in the guides of services, such as
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html). Roles: a caller that hands a
role to a service needs iam:PassRole (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
``data/takes.tsv`` knows from the API models which calls can be given either. ``data/beyond.tsv``: actions needed for
what stands outside of the parameters, such as the role in a launch template.

Where ``data/parameters.tsv`` or ``data/pass_role.tsv`` has a row for the parameter, the row tells and nothing is
possible; ``data/not_given.tsv`` takes out what an AWS page shows to need nothing further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import product
from types import MappingProxyType

from cloudsearch import catalogue
from cloudsearch.actions import rules
from cloudsearch.actions.hosts import label, prefixes
from cloudsearch.actions.inferred import told_at, told_by_parameters
from cloudsearch.actions.mapping import actions_for, possible
from cloudsearch.actions.parameters import plain
from cloudsearch.actions.passing import PASS_ROLE
from cloudsearch.actions.tables import table

_TAKING = ("untag", "remove", "delete")
_CHANGING = ("Update", "Modify", "Put", "Set", "Change", "Replace")
"""Calls that may take tags away by giving others."""
_EVERY = ("*:tagging", "*:untagging")


class Case(StrEnum):
    """When a call needs an action that its name does not show, in words."""

    SOME = "in some cases"
    TAGS = "where tags are given"
    ROLE = "where a role is passed"


@lru_cache(maxsize=16384)
def may_need(event_source: str, event_name: str) -> Mapping[str, Case]:
    """Actions that a call needs in some cases, and in which; no parameter that is read tells, so any call may have.

    Never an action that the call surely needs. Pure; never raises, whatever the texts are.
    """
    name = rules.VERSION.sub("", event_name)
    keys = (label(event_source), *prefixes(event_source))
    sure = actions_for(event_source, event_name).actions
    found = dict.fromkeys(_given(event_source, name, keys), Case.TAGS)
    found |= dict.fromkeys(_passed(event_source, name, keys), Case.ROLE)
    found |= dict.fromkeys(_depending(event_source, name, keys), Case.SOME)
    found |= dict.fromkeys(_beyond(name, keys), Case.SOME)
    return MappingProxyType({action: case for action, case in found.items() if action not in sure})


def _depending(event_source: str, name: str, keys: tuple[str, ...]) -> Iterator[str]:
    """What ``depends.tsv`` has of the call, less that of which its parameters tell."""
    actions = next((found for key in keys if (found := possible().get((key, name.lower())))), ())
    told = told_by_parameters(event_source, name) if actions else frozenset()
    return (action for action in actions if action not in told)


def _given(event_source: str, name: str, keys: tuple[str, ...]) -> Iterator[str]:
    """The tagging actions of a call that can be given tags of which no row tells; none of a call that only tags."""
    own = actions_for(event_source, name).actions
    paths = () if any(map(_is_tagging, own)) else tuple(_paths("tags", name, keys))
    if all(any(map(_is_tagging, told_at(event_source, name, path))) for path in paths):
        return
    for service in _tagged_by(own) or _tagged_by(f"{prefix}:" for prefix in prefixes(event_source)):
        giving, taking_away = tagging(service)
        yield from giving
        yield from taking_away if name.startswith(_CHANGING) else ()


def _tagged_by(actions: Iterable[str]) -> list[str]:
    """The services of the actions, of those that have tagging actions at all."""
    return [one for one in dict.fromkeys(action.partition(":")[0] for action in actions) if any(tagging(one))]


def _passed(event_source: str, name: str, keys: tuple[str, ...]) -> Iterator[str]:
    """iam:PassRole of a call that can be given a role in a parameter of which no row tells."""
    paths = _paths("role", name, keys)
    yield from (PASS_ROLE for path in paths if PASS_ROLE not in told_at(event_source, name, path))


def _beyond(name: str, keys: tuple[str, ...]) -> Iterator[str]:
    """What ``beyond.tsv`` has of the call; ``*:tagging`` and ``*:untagging`` are those of every service."""
    for action in next((found for key in keys if (found := _outside().get((key, name.lower())))), ()):
        if action in _EVERY:
            for service in catalogue.services():
                yield from tagging(service)[_EVERY.index(action)]
        else:
            yield action


@lru_cache(maxsize=1024)
def tagging(service: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The actions of a service that give tags, and those that take them away."""
    away = tuple(name for name in _tagging().get(service, ()) if name.partition(":")[2].lower().startswith(_TAKING))
    return tuple(name for name in _tagging().get(service, ()) if name not in away), away


def _is_tagging(action: str) -> bool:
    return action in _tagging().get(action.partition(":")[0], ())


@lru_cache(maxsize=1)
def _tagging() -> Mapping[str, tuple[str, ...]]:
    """Service prefix -> its actions of IAM's access level Tagging, less the odd one that tags nothing."""
    found: dict[str, tuple[str, ...]] = {}
    for action in catalogue.everything():
        if action.access_level == "Tagging" and "tag" in action.short_name.lower():
            found[action.service] = (*found.get(action.service, ()), action.name)
    return found


def _paths(what: str, name: str, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The parameters in which a call can be given something, by plain name, less those that no page lets count."""
    for key in keys:
        for path in _takes().get((what, key, name.lower()), ()):
            cases = product((name.lower(), "*"), (*path, "*"))
            if not any((key, what, call, step) in _not_given() for call, step in cases):
                yield path


@lru_cache(maxsize=1)
def _takes() -> Mapping[tuple[str, str, str], tuple[tuple[str, ...], ...]]:
    """(``tags`` or ``role``, service prefix, call in lower case) -> the paths of its parameters."""
    found: dict[tuple[str, str, str], tuple[tuple[str, ...], ...]] = {}
    for service, what, path, calls in table("takes.tsv", 4):
        for call in calls.lower().split(","):
            key = what, service, call
            found[key] = (*found.get(key, ()), tuple(map(plain, path.split("."))))
    return found


@lru_cache(maxsize=1)
def _not_given() -> frozenset[tuple[str, str, str, str]]:
    """(service prefix, ``tags`` or ``role``, call in lower case, plain name of a step) that ask nothing further."""
    return frozenset(
        (service, what, call.lower(), plain(step))
        for service, what, calls, steps, _, _ in table("not_given.tsv", 6)
        for call, step in product(calls.split(","), steps.split(","))
    )


@lru_cache(maxsize=1)
def _outside() -> Mapping[tuple[str, str], tuple[str, ...]]:
    return {
        (service, call): tuple(actions.split(","))
        for service, calls, actions, _, _ in table("beyond.tsv", 5)
        for call in calls.lower().split(",")
    }
