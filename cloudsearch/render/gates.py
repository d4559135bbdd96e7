"""What became of a pipeline's gates: lines for people, one object for programs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cloudsearch.reports.gates import Result


def lines(result: Result) -> Iterator[str]:
    """A line for each gate, and for each principal of which nothing can be said."""
    for one in result.judged:
        outcome = "passed" if one.passed else "FAILED"
        yield f"gate {one.gate.counted}: {one.count:,}, {one.gate.limit:,} allowed: {outcome}"
    for verdict in result.inconclusive:
        yield f"gate FAILED: {verdict}"


def as_json(result: Result) -> str:
    """``passed``, the gates with limit and count, and what could not be concluded."""
    gates = [
        {"name": one.gate.counted, "limit": one.gate.limit, "count": one.count, "passed": one.passed}
        for one in result.judged
    ]
    return msgspec.json.encode(
        {"passed": result.passed, "gates": gates, "inconclusive": list(result.inconclusive)}
    ).decode()
