"""How ``cloudsearch record`` is put together: sockets, an archive, a bucket, a store, and what ends it all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec

from cloudsearch.cli.options import ReceiptFormat
from cloudsearch.cli.output import put, say
from cloudsearch.csm.archive import Archive
from cloudsearch.csm.background import Background
from cloudsearch.csm.datagrams import Line, Stamp
from cloudsearch.csm.recording import Counts, Recorder, Sink
from cloudsearch.csm.sockets import PORT, Sockets, addresses
from cloudsearch.csm.uploading import Uploader
from cloudsearch.errors import UsageError
from cloudsearch.event import Row

if TYPE_CHECKING:
    from cloudsearch.csm.pairing import Call
    from cloudsearch.load.received import StoreWriter

ARCHIVE_SECONDS = 1.0
"""How often lines are put on the disk: what a kill may lose."""

ASIDE = Path("cloudsearch-csm-aside")
"""Where lines go that the store did not take, if there is no archive."""

SWITCH_SECONDS = 0.0005
"""How long another thread may keep the listening one waiting."""

NOT_FOUND, NOT_EXECUTABLE = 127, 126
_SMALL_BUFFER = 4 << 20


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, and what to call this host."""

    hosts: Sequence[str]
    port: int | None
    host: str | None
    quiet: bool

    @contextmanager
    def opened(self, port: int) -> Iterator[Sockets]:
        """The sockets, on this port unless another was asked for; what is worth knowing of them is said."""
        wanted = addresses(self.hosts, port if self.port is None else self.port)
        sockets = Sockets(wanted)
        try:
            if not all(address.is_loopback for address in wanted):
                say("warning: whoever reaches this address can send records, and nothing tells that they are true")
            if not self.quiet:
                say(f"listening at {' and '.join(map(str, sockets.addresses))}")
                if sockets.buffer < _SMALL_BUFFER:
                    say(
                        f"note: the receive buffer is {sockets.buffer >> 10:,} KiB; a busy host needs more: "
                        "sysctl net.core.rmem_max=16777216"
                    )
            yield sockets
        finally:
            sockets.close()

    @property
    def name(self) -> str:
        """What lines call this host."""
        return self.host or socket.gethostname()


@dataclass(frozen=True, slots=True)
class Kept:
    """Where what is received is kept."""

    archive: str | None
    store: str | None
    index: str
    ca_cert: Path | None
    cut_seconds: float
    cut_bytes: int
    spool: Path
    upload_wait: float
    flush_seconds: float
    profile: str | None

    @contextmanager
    def opened(self, host: str) -> Iterator[Keeping]:
        """Everything that is to keep lines; when it is left all of them are kept, or counted as lost."""
        keeping = Keeping(self.upload_wait)
        with ExitStack() as stack:
            stack.callback(keeping.close)
            if self.archive is not None:
                self._archive(keeping, host, self.archive)
            if self.store is not None:
                self._store(keeping, host, self.store)
            yield keeping

    def _archive(self, keeping: Keeping, host: str, where: str) -> None:
        folder = self.spool if where.startswith("s3://") else Path(where)
        if not where.startswith("s3://") and "://" in where:
            raise UsageError(f"--archive {where}: an archive is a folder or s3://bucket/prefix")
        uploads = None
        if where.startswith("s3://"):
            from cloudsearch.aws import Access
            from cloudsearch.logs.s3 import parsed
            from cloudsearch.logs.upload import Uploads

            bucket, prefix = parsed(where)
            uploads = Uploads(bucket, Access(self.profile))
        keeping.archive = Archive(folder, host, cut_seconds=self.cut_seconds, cut_bytes=self.cut_bytes)
        tell = partial(_told, f"the archive in {folder}")
        keeping.to_archive = Background(keeping.archive, min(ARCHIVE_SECONDS, self.cut_seconds), tell)
        if uploads:
            keeping.uploader = Uploader(folder, uploads, prefix, say)

    def _store(self, keeping: Keeping, host: str, name: str) -> None:
        from cloudsearch.cli.stores import opened
        from cloudsearch.load.received import StoreWriter

        opener = partial(opened, name, index=self.index, ca_cert=self.ca_cert, loading=True, quiet=True)
        with opener():  # what is wrong with it is best said at once
            pass
        keeping.writer = StoreWriter(opener, _Aside(keeping, host).take)
        keeping.to_store = Background(keeping.writer, self.flush_seconds, partial(_told, f"the store {name}"))


def _told(what: str, said: str) -> None:
    say(f"{what}: {said}")


@dataclass(slots=True)
class _Aside:
    """Where lines go that the store did not take: they are in the archive, or get one of their own."""

    keeping: Keeping
    host: str

    def take(self, lines: Sequence[Line]) -> int:
        if self.keeping.archive is not None:
            say(f"{len(lines):,} lines are not in the store, only in the archive: load them with load --csm")
            return 0
        try:
            archive = Archive(ASIDE, self.host)
            archive.write(lines)
            archive.cut()
        except OSError as error:
            say(f"{len(lines):,} lines are lost: neither the store nor {ASIDE} takes them ({error.strerror})")
            return len(lines)
        say(f"{len(lines):,} lines were put into {ASIDE}: cloudsearch load --csm {ASIDE}")
        return 0


@dataclass(slots=True)
class Keeping:
    """What keeps lines while a recording runs, and what became of them."""

    upload_wait: float
    archive: Archive | None = None
    to_archive: Background | None = None
    uploader: Uploader | None = None
    writer: StoreWriter | None = None
    to_store: Background | None = None
    waiting: int = field(default=0)

    @property
    def sinks(self) -> list[Sink]:
        """Whom to hand lines."""
        return [sink for sink in (self.to_archive, self.to_store) if sink is not None]

    def close(self) -> None:
        """Keep what is left, the archive first."""
        if self.to_archive is not None:
            self.to_archive.close()
        if self.archive is not None:
            self.archive.cut()
        if self.to_store is not None:
            self.to_store.close()
        if self.uploader is not None:
            self.uploader.close(self.upload_wait)
            self.waiting = self.uploader.waiting

    @property
    def lost(self) -> int:
        """Lines that are nowhere."""
        return sum(one.lost for one in (self.to_archive, self.to_store) if one is not None)

    @property
    def exit_code(self) -> int:
        """0 where every line is where it should be."""
        if self.writer and self.writer.put_aside:
            return 4
        return 3 if self.lost or self.waiting else 0

    def as_json(self) -> dict[str, object]:
        """What became of the lines."""
        archive: dict[str, object] | None = None
        if self.archive is not None:
            archive = {"files": [str(path) for path in self.archive.files], "recovered": len(self.archive.recovered)}
            if self.uploader is not None:
                archive |= {"uploaded": self.uploader.uploaded, "waiting": self.waiting}
        store = None
        if self.writer is not None:
            kept = self.writer
            store = {"created": kept.created, "existing": kept.existing, "put_aside": kept.put_aside}
        return {"archive": archive, "store": store}


def summary(counts: Counts, keeping: Keeping, sockets: Sockets, host: str, seconds: float) -> dict[str, object]:
    """A recording as one JSON object; keys in this order."""
    return {
        "host": host,
        "listening": [str(address) for address in sockets.addresses],
        "seconds": round(seconds, 3),
        "datagrams": {"received": counts.received, "dropped_by_kernel": counts.dropped},
        "lines": {
            "calls": counts.calls,
            "attempts": counts.attempts,
            "rejected": counts.rejected,
            "lost": keeping.lost,
        },
        **keeping.as_json(),
    }


def listened(listening: Listening, kept: Kept, seconds: float | None, output: Path | None) -> int:
    """Record until told to end; the exit code."""
    from cloudsearch.render.recording import Status

    sys.setswitchinterval(SWITCH_SECONDS)
    began = time.monotonic()
    stop = _Stop(began + seconds if seconds is not None else None)
    host = listening.name
    with stop.told():
        with (
            kept.opened(host) as keeping,
            listening.opened(PORT) as sockets,
            Status(sys.stderr, quiet=listening.quiet) as status,
        ):
            recorder = Recorder(sockets, keeping.sinks, Stamp(host))
            counts = recorder.run(stop.is_over, lambda now: status.at(now, keeping.uploader))
        done = summary(counts, keeping, sockets, host, time.monotonic() - began)
    put([msgspec.json.encode(done).decode()], output)
    return keeping.exit_code


class _Stop:
    """SIGTERM or Ctrl-C ends a recording; a second one at once."""

    def __init__(self, end: float | None) -> None:
        self._end = end
        self._asked = False

    def is_over(self) -> bool:
        return self._asked or (self._end is not None and time.monotonic() >= self._end)

    @contextmanager
    def told(self) -> Iterator[None]:
        before = {one: signal.signal(one, self._ask) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True


@dataclass(slots=True)
class Collector:
    """Keeps lines in memory, for one command's are few."""

    lines: list[Line] = field(default_factory=list)

    def add(self, lines: Sequence[Line]) -> None:
        """Take lines."""
        self.lines += lines


@dataclass(frozen=True, slots=True)
class Telling:
    """How to tell what a command called, where, and whether with a policy for it."""

    how: ReceiptFormat
    output: Path | None
    generate: bool

    def tell(self, run: Sequence[str], exit_code: int, calls: Iterable[Call], about: Mapping[str, object]) -> None:
        """Print it; ``TooLarge``, after all else was told, where no policy of AWS's sizes holds what it called."""
        from cloudsearch.cli.output import width
        from cloudsearch.csm.summary import summary as summed
        from cloudsearch.render.formats import Format
        from cloudsearch.render.recording import command

        done = summed(calls)
        policies, problem = None, None
        if self.generate:
            from cloudsearch.policies.recorded import policies_for
            from cloudsearch.policies.sizes import TooLarge

            try:
                policies = policies_for(done)
            except TooLarge as error:
                problem = error
        put(command(run, exit_code, done, about, policies, Format(self.how), width=width()), self.output)
        if problem is not None:
            raise problem


def ran(run: Sequence[str], listening: Listening, kept: Kept, telling: Telling) -> int:
    """Run a command and record it alone; its exit code, or 128 and the signal that ended it, as shells tell it."""
    from cloudsearch.csm.pairing import pair

    began, host, collector = time.monotonic(), listening.name, Collector()
    quiet = Listening(listening.hosts, listening.port, listening.host, quiet=True)
    with quiet.opened(0) as sockets:
        with kept.opened(host) as keeping:
            child = _started(run, _environment(sockets, run))
            if isinstance(child, int):
                return child
            with _passed_on(child):
                counts = Recorder(sockets, [collector, *keeping.sinks], Stamp(host)).run(
                    lambda: child.poll() is not None
                )
        about = summary(counts, keeping, sockets, host, time.monotonic() - began)
    telling.tell(run, child.returncode, pair(_rows(collector.lines)), about)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _rows(lines: Sequence[Line]) -> list[Row]:
    from cloudsearch.csm.rows import row_of

    rows = [row_of(msgspec.json.decode(line.text), line.text, id_="", host=None) for line in lines]
    return sorted(rows, key=lambda row: str(row["time"]))


def _environment(sockets: Sockets, run: Sequence[str]) -> dict[str, str]:
    """This process's own, and what makes SDKs send here."""
    own = {
        "AWS_CSM_ENABLED": "true",
        "AWS_CSM_HOST": sockets.addresses[0].host,
        "AWS_CSM_PORT": str(sockets.port),
    }
    return {"AWS_CSM_CLIENT_ID": Path(run[0]).name[:255], **os.environ, **own}


def _started(run: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes] | int:
    try:
        return subprocess.Popen(list(run), env=environment)  # noqa: S603 (it is what was asked for)
    except FileNotFoundError:
        say(f"cloudsearch: there is no command {run[0]}")
        return NOT_FOUND
    except OSError as error:
        say(f"cloudsearch: {run[0]} cannot be run: {error.strerror}")
        return NOT_EXECUTABLE


@contextmanager
def _passed_on(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """SIGTERM goes to the child; Ctrl-C goes to both, and it is for the child to end then."""

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        child.terminate()

    def ignore(_signal: int, _frame: FrameType | None) -> None:
        return

    handlers: dict[int, Callable[[int, FrameType | None], None]] = {signal.SIGTERM: terminate, signal.SIGINT: ignore}
    before = {one: signal.signal(one, handler) for one, handler in handlers.items()}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
