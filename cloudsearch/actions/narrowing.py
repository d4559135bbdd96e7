"""What of a call narrows the use of an action: conditions that IAM decides and that the event tells."""

from __future__ import annotations

from functools import lru_cache

from cloudsearch import catalogue
from cloudsearch.actions import rules
from cloudsearch.actions.arns import is_region
from cloudsearch.actions.tables import table

Conditions = tuple[tuple[str, str], ...]
"""Condition key -> value, the pairs that hold together."""


@lru_cache(maxsize=4096)
def via_service(action: str, invoked_by: str | None, region: str) -> Conditions:
    """``kms:ViaService`` of a call that a service made for the principal; none where the event decides none.

    ``data/resources_via_service.tsv`` lists the services that KMS names there, and only calls to KMS have that key.
    """
    if not invoked_by or not action.startswith("kms:") or not is_region(region):
        return ()
    host = invoked_by.strip().lower().removesuffix(".cn").removesuffix(".amazonaws.com")
    name = _services().get(host)
    return (("kms:ViaService", f"{name}.{region}.amazonaws.com"),) if name else ()


@lru_cache(maxsize=4096)
def create_action(action: str, event_name: str) -> Conditions:
    """``ec2:CreateAction`` and its like: the call that tags what it makes; none for actions without such a key.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    found = catalogue.find(action)
    key = f"{found.service}:CreateAction" if found else ""
    if found is None or key not in found.condition_keys:
        return ()
    return ((key, rules.VERSION.sub("", event_name)),)


@lru_cache(maxsize=1)
def _services() -> dict[str, str]:
    """Host without AWS's domain -> its name in ``kms:ViaService``."""
    return {host: name for host, name in table("resources_via_service.tsv", 2)}  # noqa: C416 (dict loses the types)
