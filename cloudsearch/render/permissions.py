"""What the tool needs, as documents to paste, or as a table to read."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cloudsearch.render.text import columns
from cloudsearch.reports.permissions import Needs


def documents(needs: Needs) -> Iterator[str]:
    """One object: the policy under ``aws``, roles under the engines' names; null where nothing is needed."""
    told = {"aws": needs.policy, "elasticsearch": needs.role, "opensearch": needs.opensearch_role}
    content = {"for": str(needs.use), **told}
    yield from json.dumps(content, indent=2).split("\n")


def table(needs: Needs, *, width: int | None) -> Iterator[str]:
    """Each permission, and what for."""
    for about, rows in (("AWS", list(_of_aws(needs))), ("Elasticsearch", list(_of_store(needs)))):
        if rows:
            yield columns(rows, (about, "on"), width=width)
            yield ""
    if needs.policy is None:
        yield "AWS is not asked; a bucket is read with --bucket."


def _of_aws(needs: Needs) -> Iterator[tuple[str, str]]:
    for statement in (needs.policy or {}).get("Statement", ()):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            yield action, statement["Resource"]


def _of_store(needs: Needs) -> Iterator[tuple[str, str]]:
    role = needs.role or {"cluster": (), "indices": ()}
    for privilege in role["cluster"]:
        yield privilege, "the cluster"
    for index in role["indices"]:
        for privilege in index["privileges"]:
            yield from ((privilege, name) for name in index["names"])
