"""What one search engine says otherwise than another: the one place for it.

What is not here both take and mean alike, on Elasticsearch 8 and 9 and on OpenSearch 2.19 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine's own words.

    ``flattened`` is the mapping that takes an object whatever its keys. ``sees_what_is_absent``: whether a query for
    what such a field lacks is right; otherwise a key also counts as there when it lies elsewhere in the object.
    ``tie_break`` are the last of the sorts that tell any two documents of a snapshot apart. A snapshot is opened at
    an index's ``snapshots``, has its id under ``snapshot_id``, and is closed by ``several`` ids or one.
    """

    product: str
    flattened: Mapping[str, Any]
    sees_what_is_absent: bool
    tie_break: tuple[Any, ...]
    snapshots: str
    snapshot_id: str
    several: bool

    def __str__(self) -> str:
        return self.product

    def closing(self, snapshot: str) -> Mapping[str, Any]:
        """What to send to let go of a snapshot."""
        return {self.snapshot_id: [snapshot] if self.several else snapshot}


BY_TIME_AND_ID = tuple({f"cloudsearch.{name}": {"order": "asc", "missing": "_last"}} for name in ("time", "id"))
"""The order that rows are asked for in: those without a time last."""

ELASTICSEARCH = Dialect(
    product="elasticsearch",
    flattened={"type": "flattened", "ignore_above": 32766, "depth_limit": 200},
    sees_what_is_absent=True,
    tie_break=("_shard_doc",),
    snapshots="/_pit",
    snapshot_id="id",
    several=False,
)

OPENSEARCH = Dialect(
    product="opensearch",
    flattened={"type": "flat_object"},  # takes no parameter
    sees_what_is_absent=False,
    # OpenSearch 2 has no order of its own and loses documents where a page ends among equals; an id is one row's
    # within the month of its time.
    tie_break=BY_TIME_AND_ID,
    snapshots="/_search/point_in_time",
    snapshot_id="pit_id",
    several=True,
)
