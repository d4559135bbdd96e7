"""``cloudsearch record --check``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from cloudsearch.cli.options import ReceiptFormat
from cloudsearch.cli.output import put
from cloudsearch.csm.checking import (
    Finding,
    Setting,
    State,
    is_listened_on,
    network_findings,
    sdk_findings,
    setting,
)
from cloudsearch.csm.datagrams import Kind, Stamp, lines
from cloudsearch.csm.processes import Process
from cloudsearch.csm.sockets import Sockets, addresses
from cloudsearch.errors import CloudsearchError, UsageError

LISTEN_SECONDS = 3.0
"""How long it is waited for something to arrive, unless ``--seconds`` says."""


def check(
    given: Sequence[str], port: int | None, seconds: float | None, how: ReceiptFormat, output: Path | None
) -> None:
    """Say why a process would not send; of a port alone, whether anything arrives there."""
    process = Process(_pid(given))
    told = setting(process)
    findings = [*told.findings, *(sdk_findings(process) if process.pid is not None else ())]
    findings += network_findings(process, told)
    findings += _arriving(told, port, LISTEN_SECONDS if seconds is None else seconds)
    against = [one for one in findings if one.state is State.BAD]
    verdict = "it would send nothing" if against else "nothing speaks against its sending"
    put(_lines(process.pid, findings, verdict, sends=not against, how=how), output)


def _pid(given: Sequence[str]) -> int | None:
    if not given:
        return None
    if len(given) > 1 or not given[0].isdecimal():
        raise UsageError(f"--check {' '.join(given)}: it takes the id of one process: cloudsearch record --check 1234")
    return int(given[0])


def _arriving(told: Setting, port: int | None, seconds: float) -> Iterator[Finding]:
    """Listen for a moment, where nobody does."""
    number = port or told.port
    if is_listened_on(number):
        if number != told.port:
            yield Finding(State.GOOD, f"a process listens on UDP port {number}")
        return
    try:
        sockets = Sockets(addresses((), number))
    except CloudsearchError as error:
        yield Finding(State.UNSURE, str(error))
        return
    try:
        count = _counted(sockets, seconds)
    finally:
        sockets.close()
    heard = f"in {seconds:g} s of listening on UDP port {number}"
    if count:
        yield Finding(State.GOOD, f"nobody listens; {count:,} records of SDKs arrived {heard}")
    else:
        yield Finding(State.UNSURE, f"nobody listens, and nothing arrived {heard}")


def _counted(sockets: Sockets, seconds: float) -> int:
    count, stamp, end = 0, Stamp("check"), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if sockets.wait(left):
            found = [line for data in sockets.receive(512) for line in lines(data, stamp, 0)]
            count += sum(line.kind is not Kind.REJECT for line in found)
    return count


def _lines(
    pid: int | None, findings: Sequence[Finding], verdict: str, *, sends: bool, how: ReceiptFormat
) -> Iterator[str]:
    if how is ReceiptFormat.JSON:
        found = [{"state": str(one.state), "what": one.what} for one in findings]
        yield msgspec.json.encode({"pid": pid, "would_send": sends, "findings": found}).decode()
        return
    from cloudsearch.render.text import clean

    marks = {State.GOOD: " ", State.BAD: "!", State.UNSURE: "?"}
    yield f"process {pid}: {verdict}" if pid is not None else f"a process that is started here: {verdict}"
    yield from (f"{marks[one.state]} {clean(one.what)}" for one in findings)
