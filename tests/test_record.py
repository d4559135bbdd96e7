"""``record``: what arrives is kept, whatever happens; what was not is counted."""

from __future__ import annotations

import json
import signal
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.csm import sockets as listening
from cloudsearch.csm.background import Background
from cloudsearch.csm.datagrams import Line
from cloudsearch.csm.sockets import Address, Sockets, addresses
from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.store import CSM_CALLS
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.where import Everything
from tests.csm import SOME, TOKEN, call, line, lines, packed, recording, run, send, until

# Listening


def test_every_datagram_is_kept_once(tmp_path: Path) -> None:
    """Of both loopbacks, what could not be read among them; the end is asked for while it lies in the buffers."""
    with recording(tmp_path, "--archive", "kept", "--host", "web-1") as running:
        send(running.port, *SOME)
        send(running.port, *map(packed, (call(1), call(2))), host="::1")
        send(running.port, b"nothing", b"", b"\xff" * 3000, packed(call(Version=7)))
        told = running.end()
    assert told["datagrams"] == {"received": 306, "dropped_by_kernel": 0}
    assert told["lines"] == {"calls": 2, "attempts": 300, "rejected": 4, "lost": 0}
    assert told["store"] is None
    found = lines(tmp_path / "kept")
    assert Counter(one["Type"] for one in found) == {"ApiCallAttempt": 300, "ApiCall": 2, "Rejected": 4}
    assert {one["XAmzRequestId"] for one in found if "XAmzRequestId" in one} == {f"REQ{n}" for n in range(300)}
    assert {one["Host"] for one in found} == {"web-1"}
    assert len({one["Id"] for one in found}) == 306
    assert TOKEN not in json.dumps(found)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_summary(tmp_path: Path, how: int) -> None:
    """Exit code 0, one JSON object, and no file where nothing came."""
    with recording(tmp_path, "--archive", "kept") as running:
        told = running.end(how)
    assert told["lines"]["calls"] == 0
    assert told["archive"] == {"files": [], "recovered": 0}
    assert not list((tmp_path / "kept").iterdir())


def test_what_the_kernel_drops_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was received and what was dropped is all that was sent, with a buffer far too small."""
    monkeypatch.setattr(listening, "WANTED_BUFFER", 4096)
    sockets = Sockets(addresses((), 0))
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    received = 0
    try:
        for number, data in enumerate(SOME):
            senders[number % 3].sendto(data, ("127.0.0.1", sockets.port))
            if number % 100 == 99:
                received += len(sockets.receive(1000))
        dropped = sockets.dropped
    finally:
        sockets.close()
        for one in senders:
            one.close()
    assert dropped
    assert received + dropped == len(SOME)
    assert sockets.dropped == dropped


def test_a_port_that_is_taken() -> None:
    """The message says which, and what to do."""
    first = Sockets([Address("127.0.0.1", 0)])
    try:
        with pytest.raises(CloudsearchError, match=rf"127\.0\.0\.1:{first.port} is taken: .*--port"):
            Sockets([Address("127.0.0.1", first.port)])
    finally:
        first.close()


def test_addresses() -> None:
    """Both loopbacks unless told otherwise; a name is none."""
    assert [str(one) for one in addresses((), 31000)] == ["127.0.0.1:31000", "[::1]:31000"]
    assert [one.is_loopback for one in addresses(["localhost", "0.0.0.0", "[::]"], 1)] == [True, False, False]  # noqa: S104
    with pytest.raises(UsageError, match="no IP address"):
        addresses(["example.com"], 1)


def test_an_address_of_the_network_is_warned_of(tmp_path: Path) -> None:
    """Whoever reaches it can send."""
    done = run(["record", "--port", "0", "--listen", "0.0.0.0", "--archive", "a", "--seconds", "0"], tmp_path, {})  # noqa: S104
    assert done.returncode == 0
    assert "warning: whoever reaches this address can send records" in done.stderr


def test_a_recording_survives_a_sink_that_fails() -> None:
    """Lines wait while they cannot be written, in their order, and are counted as lost when there are too many."""

    class Disk:
        def __init__(self) -> None:
            self.is_full, self.kept, self.over = True, list[Line](), 0

        def write(self, given: Any) -> None:  # noqa: ANN401 (lines)
            if self.is_full:
                raise OSError(28, "No space left on device")
            self.kept += given

        def overflow(self, given: Any) -> int:  # noqa: ANN401 (lines)
            self.over += len(given)
            return len(given)

    disk, told = Disk(), list[str]()
    background = Background(disk, 0.01, told.append, most_bytes=10 * len(line(0).text))
    background.add([line(n) for n in range(5)])
    until(lambda: background.problem)
    background.add([line(n) for n in range(5, 10)])
    disk.is_full = False
    until(lambda: len(disk.kept) == 10)
    assert disk.kept == [line(n) for n in range(10)]
    disk.is_full = True
    background.add([line(n) for n in range(11)])
    background.add([line(n) for n in range(3)])
    background.close()
    assert (background.lost, disk.over) == (14, 14)
    assert told == ["No space left on device", "it works again", "No space left on device"]


# The store


def test_a_store_is_written_by_flushes_and_free_in_between(tmp_path: Path) -> None:
    """Others read it while the recording runs; the archive of the same recording adds nothing."""
    with recording(tmp_path, "--archive", "a", "--store", "s.duckdb", "--flush-seconds", "0.5") as running:
        send(running.port, *SOME)
        until(lambda: _top(tmp_path) == 0)
        send(running.port, packed(call(1)))
        until(lambda: _top(tmp_path) == 1)
        assert running.end()["store"] == {"created": 301, "existing": 0, "put_aside": 0}
    done = run(["load", "--csm", "a", "--store", "s.duckdb", "--format", "json", "--quiet"], tmp_path, {})
    assert json.loads(done.stdout)["records"] == {"read": 301, "created": 0, "existing": 301, "dead_lettered": 0}
    assert TOKEN.encode() not in (tmp_path / "s.duckdb").read_bytes()


def _top(folder: Path) -> int | None:
    done = run(["top", "--csm", "--store", "s.duckdb", "--format", "json"], folder, {})
    return sum(row["count"] for row in json.loads(done.stdout)) if done.returncode == 0 else None


def test_a_store_that_is_held_by_another(tmp_path: Path) -> None:
    """What it does not take until the end is put aside, in a form that load takes; the exit code says so."""
    store = DuckDBStore(tmp_path / "s.duckdb")
    with recording(tmp_path, "--store", "s.duckdb", "--flush-seconds", "60") as running:
        store.prepare(loading=True)
        try:
            send(running.port, *SOME)
            assert running.end(code=4)["store"] == {"created": 0, "existing": 0, "put_aside": 300}
        finally:
            store.close()
    assert "cloudsearch load --csm cloudsearch-csm-aside" in running.errors
    done = run(["load", "--csm", "cloudsearch-csm-aside", "--store", "s.duckdb", "--quiet"], tmp_path, {})
    assert done.returncode == 0
    assert len(_kept(tmp_path / "s.duckdb")) == 300


def _kept(path: Path) -> list[object]:
    store = DuckDBStore(path)
    store.prepare()
    try:
        return list(store.rows(CSM_CALLS, Everything(), fields=[CSM_CALLS.by_name["id"]]))
    finally:
        store.close()


def test_without_a_place_the_usual_store_is_made(tmp_path: Path) -> None:
    """As load makes one; rejects are in it with their reason."""
    with recording(tmp_path, environment={"CLOUDSEARCH_STORE": ""}) as running:
        send(running.port, b"nothing")
        assert running.end()["store"]["created"] == 1
    assert len(_kept(tmp_path / "cloudsearch.duckdb")) == 1
