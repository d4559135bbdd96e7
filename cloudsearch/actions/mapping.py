"""Which IAM actions a call needs. Three name spaces meet here: the API operation, the CloudTrail event, the IAM action.

In this order, the first that answers wins: calls that need no permission, curated facts, AWS's Service Reference where
it was fetched, the action of the same name (without the API version that Lambda and CloudFront append), API Gateway's
HTTP verbs, rules of structure. What none of them knows is unknown, and says why: ``data/unmapped.tsv`` holds the reason
of each operation of the public SDK models that stays so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cloudsearch import catalogue
from cloudsearch.actions import rules
from cloudsearch.actions.hosts import label, prefixes
from cloudsearch.actions.tables import table

SAME_NAME = "same name"
FACT = "fact"
NO_PERMISSION = "no permission needed"
UNKNOWN = "unknown"

_REFERENCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/"
_SERVICE_REFERENCE = "https://servicereference.us-east-1.amazonaws.com/v1/"
_API_GATEWAY = "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-create-and-manage-api.html"
_BY_HEART = frozenset({"s3", "s3-outposts", "s3express"})
"""Services whose every name is checked; a rule could only mislead there."""
_PARAMETERS = "depends on its parameters"
_VERBS = (
    ("POST", ("Create", "Import", "Generate", "TestInvoke")),
    ("GET", ("Get", "List", "Export")),
    ("PATCH", ("Update",)),
    ("DELETE", ("Delete", "Flush", "Reset", "Untag")),
    ("PUT", ("Put", "Reimport", "Tag")),
)


@dataclass(frozen=True, slots=True)
class Mapping:
    """The actions a call needs, all of them, as IAM writes them, and how that is known.

    ``how`` is ``same name``, ``rule NAME``, ``fact``, ``no permission needed`` or ``unknown``; the last two have no
    actions. ``source`` is the AWS page the claim rests on; of an unknown call, why it is unknown.
    """

    actions: tuple[str, ...]
    how: str
    source: str

    @property
    def is_known(self) -> bool:
        """Whether the call's actions are known, none at all included."""
        return self.how != UNKNOWN


@lru_cache(maxsize=65536)
def actions_for(event_source: str, event_name: str) -> Mapping:
    """The actions that a call needs. Pure; never raises, whatever the texts are."""
    host = label(event_source)
    services = prefixes(event_source)
    plain = rules.VERSION.sub("", event_name)
    return (
        _curated((host, *services), event_name)
        or _curated((host, *services), plain)
        or _by_parameters(host, services, plain)
        or _referenced(services, plain)
        or _same_name(services, event_name)
        or _same_name(services, plain)
        or _verb(services, plain)
        or _by_rule(services, plain)
        or _unknown(host, services, plain)
    )


@lru_cache(maxsize=1)
def possible() -> dict[tuple[str, str], tuple[str, ...]]:
    """Calls whose further actions depend on their parameters: (prefix, call in lower case) -> actions."""
    return {
        (service, event.lower()): tuple(actions.split(",")) for service, event, actions, _ in table("depends.tsv", 4)
    }


@lru_cache(maxsize=1)
def unknown_calls() -> tuple[tuple[str, str, str], ...]:
    """Every operation of the public SDK models that stays unknown: (prefix or host, operation, why), sorted.

    A newer catalogue may come to know one of them by its own name; it is then left out.
    """
    listed = [(service, event) for service, events, _ in table("unmapped.tsv", 3) for event in events.split(",")]
    listed += [(service, event) for service, event, _, _ in table("depends.tsv", 4)]
    found = {(*call, mapping.source) for call in listed if not (mapping := actions_for(*call)).is_known}
    return tuple(sorted(found))


@lru_cache(maxsize=1)
def _reasons() -> dict[tuple[str, str], str]:
    """(prefix or host, call in lower case) -> why no action is known for it."""
    return {
        (service, event.lower()): reason
        for service, events, reason in table("unmapped.tsv", 3)
        for event in events.split(",")
    }


def _curated(keys: tuple[str, ...], name: str) -> Mapping | None:
    for key in keys:
        if found := curated_calls().get((key, name.lower())) or curated_calls().get((key, "*")):
            return found
    return None


@lru_cache(maxsize=1)
def curated_calls() -> dict[tuple[str, str], Mapping]:
    """Every call whose actions are written down: (prefix or host, call in lower case) -> its mapping."""
    facts = {
        (service, event.lower()): Mapping(tuple(actions.split(",")), FACT, page)
        for service, event, actions, page in table("facts.tsv", 4)
    }
    free = {
        (service, event.lower()): Mapping((), NO_PERMISSION, page)
        for service, event, page in table("no_permission.tsv", 3)
    }
    return facts | free


def _by_parameters(host: str, services: tuple[str, ...], name: str) -> Mapping | None:
    """Unknown, where AWS says that the call's parameters choose the action and the one of its own name is not it."""
    reasons = (_reasons().get((key, name.lower()), "") for key in (host, *services))
    return next((Mapping((), UNKNOWN, reason) for reason in reasons if reason.startswith(_PARAMETERS)), None)


def _referenced(services: tuple[str, ...], name: str) -> Mapping | None:
    """What AWS's Service Reference says, once it was fetched: of several actions it does not say which are needed."""
    for service in services:
        own = [action for action in catalogue.operations(service).get(name, ()) if action.startswith(f"{service}:")]
        if len(own) == 1:
            return Mapping(tuple(own), FACT, f"{_SERVICE_REFERENCE}{service}/{service}.json")
    return None


def _same_name(services: tuple[str, ...], name: str) -> Mapping | None:
    for service in services:
        if found := catalogue.find(f"{service}:{name}"):
            return Mapping((found.name,), SAME_NAME, _REFERENCE)
    return None


def _verb(services: tuple[str, ...], name: str) -> Mapping | None:
    """API Gateway's actions are HTTP verbs, of all calls but the newest."""
    if "apigateway" not in services:
        return None
    verb = next((verb for verb, beginnings in _VERBS if name.startswith(beginnings)), None)
    return Mapping((f"apigateway:{verb}",), "rule HTTP verb", _API_GATEWAY) if verb else None


def _by_rule(services: tuple[str, ...], name: str) -> Mapping | None:
    """A guess within the likeliest service, unless the call is known to have no such action."""
    service = next(iter(services), None)
    call = (service, name.lower())
    if service is None or service in _BY_HEART or call in possible() or call in _reasons():
        return None
    found = rules.guess(service, name)
    return Mapping((found.action,), f"rule {found.rule}", _REFERENCE) if found else None


def _unknown(host: str, services: tuple[str, ...], name: str) -> Mapping:
    for key in (host, *services):
        if actions := possible().get((key, name.lower())):
            return Mapping((), UNKNOWN, f"{_PARAMETERS}: {', '.join(actions)}")
        if reason := _reasons().get((key, name.lower())):
            return Mapping((), UNKNOWN, reason)
    if not services:
        return Mapping((), UNKNOWN, f"no service of IAM is known for {host}")
    return Mapping((), UNKNOWN, f"{' and '.join(services)} has no action of that name")
