"""How a recording goes, and what a command called."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

import msgspec

from cloudsearch.csm.recording import Counts
from cloudsearch.csm.summary import Summary
from cloudsearch.csm.uploading import Uploader
from cloudsearch.iam.documents import render
from cloudsearch.policies.recorded import ForACommand
from cloudsearch.render.formats import Format
from cloudsearch.render.live import LiveLine
from cloudsearch.render.progress import Pace
from cloudsearch.render.text import columns, folded


class Status(LiveLine):
    """The line of a recording on a terminal."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        super().__init__(stream, quiet=quiet)
        self._pace = Pace()

    def at(self, counts: Counts, uploader: Uploader | None) -> None:
        """So much was received by now."""
        if not self.is_shown:
            return
        self._pace.at(counts.received, time.monotonic())
        self.show(
            f"{counts.received:,} received",
            f"{self._pace.rate:,.0f}/s" if self._pace.rate else "",
            f"{counts.calls:,} calls",
            f"{counts.rejected:,} rejected" if counts.rejected else "",
            f"{counts.dropped:,} dropped by the kernel" if counts.dropped else "",
            f"{uploader.waiting:,} files to upload" if uploader and uploader.waiting else "",
        )


def command(  # noqa: PLR0913, PLR0917 (what is known of a run)
    run: Sequence[str],
    exit_code: int,
    done: Summary,
    about: Mapping[str, object],
    policies: ForACommand | None,
    how: Format,
    *,
    width: int | None = None,
) -> Iterator[str]:
    """What a command called, which IAM actions that took, and policies for it where they were asked for."""
    if how is not Format.TABLE:
        yield msgspec.json.encode(_as_json(run, exit_code, done, about) | _generated(policies)).decode()
        return
    if not done.calls:
        yield "The command sent no call: it made none, or its SDK does not tell. Ask: cloudsearch record --check"
        return
    headers = ("calls", "denied", "failed", "unanswered", "call")
    yield columns(
        (
            (one.count, one.denied or "", one.errors or "", one.unanswered or "", f"{one.service} {one.api}")
            for one in done.calls
        ),
        headers,
    )
    yield ""
    yield from _list("IAM actions it needed", done.actions)
    yield from _list("refused", done.refused)
    yield from _list("never answered, so not tried", done.not_tried)
    yield from _list("may also need", [f"{action} ({case})" for action, case in done.perhaps.items()])
    yield from _list("no IAM action is known for", done.unknown)
    dropped = about["datagrams"]
    if isinstance(dropped, dict) and dropped["dropped_by_kernel"]:
        yield f"not all of it: the kernel dropped {dropped['dropped_by_kernel']:,} datagrams"
    if policies is not None:
        yield from _shown(policies, width)


def _shown(policies: ForACommand, width: int | None) -> Iterator[str]:
    yield ""
    if not policies.policies:
        yield "No policy: no call was let in that needs one"
    for number, policy in enumerate(policies.policies, start=1):
        yield "A policy for it:" if number == 1 else f"And policy {number}:"
        yield json.dumps(render(policy), indent=2)
    yield from (part for note in policies.notes for part in folded(f"note: {note}", width))


def _generated(policies: ForACommand | None) -> dict[str, object]:
    if policies is None:
        return {}
    return {"policies": [render(policy) for policy in policies.policies], "notes": policies.notes}


def _list(title: str, what: Sequence[str]) -> Iterator[str]:
    if what:
        yield f"{title}:"
        yield from (f"  {one}" for one in what)


def _as_json(run: Sequence[str], exit_code: int, done: Summary, about: Mapping[str, object]) -> dict[str, object]:
    return {
        "command": list(run),
        "exit_code": exit_code,
        "calls": [
            {
                "service": one.service,
                "api": one.api,
                "count": one.count,
                "denied": one.denied,
                "errors": one.errors,
                "unanswered": one.unanswered,
                "actions": one.actions,
            }
            for one in done.calls
        ],
        "actions": done.actions,
        "refused": done.refused,
        "not_tried": done.not_tried,
        "may_need": dict(done.perhaps),
        "unknown": done.unknown,
        "recording": dict(about),
    }
