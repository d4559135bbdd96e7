"""What the tool needs, as documents to paste, or as a table to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cloudsearch.render.text import columns
from cloudsearch.reports.permissions import Needs


def documents(needs: Needs) -> Iterator[str]:
    """One object: the policy under ``aws``, roles under the engines' names; null where nothing is needed.

    Where roles are assumed ``aws`` is for each of them, ``aws_caller`` for whoever assumes them.
    """
    told = {"aws": needs.policy, "elasticsearch": needs.role, "opensearch": needs.opensearch_role}
    content = {"for": str(needs.use), **told, "aws_caller": needs.caller}
    yield from json.dumps(content, indent=2).split("\n")


def table(needs: Needs, *, width: int | None) -> Iterator[str]:
    """Each permission, and what for."""
    of_aws = list(_of_policy(needs.policy))
    blocks = {"AWS": of_aws, "AWS, to assume": list(_of_policy(needs.caller)), "Elasticsearch": list(_of_store(needs))}
    for about, rows in blocks.items():
        if rows:
            yield columns(rows, (about, "on"), width=width)
            yield ""
    if needs.policy is None:
        yield "AWS is not asked; a bucket is read with --bucket."


def _of_policy(policy: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    for statement in (policy or {}).get("Statement", ()):
        for action in _listed(statement["Action"]):
            yield from ((action, resource) for resource in _listed(statement["Resource"]))


def _listed(texts: str | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else texts


def _of_store(needs: Needs) -> Iterator[tuple[str, str]]:
    role = needs.role or {"cluster": (), "indices": ()}
    for privilege in role["cluster"]:
        yield privilege, "the cluster"
    for index in role["indices"]:
        for privilege in index["privileges"]:
            yield from ((privilege, name) for name in index["names"])
