"""``kms:ViaService``: the service that used a key for the principal, as IAM's condition has it."""

from __future__ import annotations

from functools import lru_cache

from cloudsearch.actions.arns import is_region
from cloudsearch.actions.tables import table


@lru_cache(maxsize=4096)
def via_service(action: str, invoked_by: str | None, region: str) -> tuple[tuple[str, str], ...]:
    """The condition that a call which a service made for the principal fulfils; none where it decides none.

    ``data/resources_via_service.tsv`` lists the services that KMS names in ``kms:ViaService``, and only calls to KMS
    have that key.
    """
    if not invoked_by or not action.startswith("kms:") or not is_region(region):
        return ()
    name = _services().get(invoked_by.strip().lower().removesuffix(".cn").removesuffix(".amazonaws.com"))
    return (("kms:ViaService", f"{name}.{region}.amazonaws.com"),) if name else ()


@lru_cache(maxsize=1)
def _services() -> dict[str, str]:
    """Host without AWS's domain -> its name in ``kms:ViaService``."""
    return dict(table("resources_via_service.tsv", 2))  # type: ignore[arg-type]
