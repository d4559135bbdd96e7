"""What a search engine has to allow: the least role for loading and for reading, as Elasticsearch takes one.

``manage`` makes months with their aliases, maps fields that a new version adds, and turns refreshes down for a load;
``manage_index_templates`` is for the templates that stand behind. A test takes each of them away and sees what breaks.

https://www.elastic.co/guide/en/elasticsearch/reference/8.19/security-privileges.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from cloudsearch.store import EVENTS, UNDATED
from cloudsearch.stores.mappings import aliases, index_name


class Use(StrEnum):
    """What a role is for."""

    LOAD = "load"
    REPORT = "report"
    CLEAN = "clean"


_CLUSTER: Mapping[Use, Sequence[str]] = {
    Use.LOAD: ("manage_index_templates",),
    Use.REPORT: (),
    Use.CLEAN: ("manage_index_templates",),
}
_INDICES: Mapping[Use, Sequence[str]] = {
    Use.LOAD: ("read", "index", "manage"),
    Use.REPORT: ("read", "view_index_metadata"),
    Use.CLEAN: ("read", "index", "delete", "manage"),
}
"""``CLEAN`` is for redrive, rederive and purge, which remove rows."""


def role(use: Use, prefix: str) -> dict[str, Any]:
    """The body of ``PUT /_security/role/NAME``, and of an API key's role descriptor, for the indices of a prefix."""
    names = [
        index_name(prefix, EVENTS, "2*"),  # months; not those of a prefix that begins with this one
        index_name(prefix, EVENTS, UNDATED),
        f"{prefix}.*",
        *(name for name in aliases(prefix, EVENTS) if not name.startswith(f"{prefix}.")),
    ]
    return {"cluster": list(_CLUSTER[use]), "indices": [{"names": names, "privileges": list(_INDICES[use])}]}
