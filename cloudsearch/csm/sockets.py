"""The listening sockets: IPv4 and IPv6, a receive buffer as large as the system gives, and what the kernel dropped.

SDKs send and do not wait; what arrives while the buffer is full is dropped by the kernel, which counts it per socket
(``/proc/net/udp``, Linux's proc_net manual page). Elsewhere nobody can say, and ``dropped`` is None.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import selectors
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloudsearch.errors import CloudsearchError, UsageError

PORT = 31000
"""Where SDKs send to unless told otherwise."""

LOOPBACK = ("127.0.0.1", "::1")
LARGEST_DATAGRAM = 65_535
WANTED_BUFFER = 64 << 20
_FORCED_BUFFER = 33  # SO_RCVBUFFORCE of Linux: past net.core.rmem_max, for whoever may
_TABLES = ("/proc/self/net/udp", "/proc/self/net/udp6")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can send there."""
        return ipaddress.ip_address(self.host.partition("%")[0]).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def addresses(hosts: Sequence[str], port: int) -> list[Address]:
    """The addresses of these hosts; both loopbacks without any. Raises ``UsageError`` for what is no address."""
    found = []
    for host in hosts or LOOPBACK:
        name = {"localhost": "127.0.0.1", "*": "0.0.0.0"}.get(host, host).strip("[]")  # noqa: S104 (asked for)
        try:
            ipaddress.ip_address(name.partition("%")[0])
        except ValueError as error:
            raise UsageError(f"--listen {host!r} is no IP address: write 127.0.0.1, ::1 or 0.0.0.0") from error
        found.append(Address(name, port))
    return found


class Sockets:
    """Open sockets; ``addresses`` are those that could be opened, ``buffer`` bytes the smallest receive buffer."""

    def __init__(self, wanted: Sequence[Address]) -> None:
        """Open them; port 0 takes a free one, the same for all. Raises ``CloudsearchError`` where one is taken.

        A host without IPv6 is listened on without it, as long as another address was wanted.
        """
        self.addresses: list[Address] = []
        self._sockets: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._memory = memoryview(bytearray(LARGEST_DATAGRAM))
        self._dropped: int | None = None
        port = 0
        try:
            for address in wanted:
                self._open(Address(address.host, address.port or port), alone=len(wanted) == 1)
                port = self.port
        except BaseException:
            self.close()
            raise
        self.buffer = min(one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in self._sockets)

    @property
    def port(self) -> int:
        """The port that was taken, 0 before any was."""
        return self.addresses[0].port if self.addresses else 0

    def wait(self, seconds: float) -> bool:
        """Whether anything arrived, within so long."""
        return bool(self._selector.select(seconds))

    def receive(self, most: int) -> list[bytes]:
        """What lies in the buffers, at most so many datagrams of each socket."""
        found: list[bytes] = []
        for one in self._sockets:
            self._drain(one, most, found)
        return found

    @property
    def dropped(self) -> int | None:
        """Datagrams that the kernel had no room for; None where it does not say. True after the end, too."""
        if self._sockets:
            self._dropped = _dropped({os.fstat(one.fileno()).st_ino for one in self._sockets})
        return self._dropped

    def close(self) -> None:
        """Listen no more."""
        if self._sockets:
            self._dropped = self.dropped
        self._selector.close()
        for one in self._sockets:
            one.close()
        self._sockets = []

    def _drain(self, one: socket.socket, most: int, found: list[bytes]) -> None:
        memory = self._memory
        for _ in range(most):
            try:
                size = one.recv_into(memory)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # what some systems tell of an answer nobody wanted
                continue
            found.append(bytes(memory[:size]))

    def _open(self, address: Address, *, alone: bool) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            opened = socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            if alone:
                raise
            return
        try:
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            _enlarge(opened)
            opened.setblocking(False)
            host, _, zone = address.host.partition("%")
            scope = int(zone) if zone.isdigit() else 0
            opened.bind((host, address.port, 0, scope) if ":" in host else (host, address.port))
        except OSError as error:
            opened.close()
            if error.errno == errno.EADDRNOTAVAIL and not alone and family == socket.AF_INET6:
                return
            if error.errno == errno.EADDRINUSE:
                raise CloudsearchError(
                    f"{address} is taken: another process listens there. End it, or choose another with --port, and "
                    "set AWS_CSM_PORT for whom to record"
                ) from error
            raise CloudsearchError(f"{address} cannot be listened on: {error.strerror}") from error
        self._sockets.append(opened)
        self._selector.register(opened, selectors.EVENT_READ)
        self.addresses.append(Address(address.host, opened.getsockname()[1]))


def _enlarge(opened: socket.socket) -> None:
    for option in (_FORCED_BUFFER, socket.SO_RCVBUF):
        with suppress(OSError):
            opened.setsockopt(socket.SOL_SOCKET, option, WANTED_BUFFER)
            return


def _dropped(inodes: set[int]) -> int | None:
    """The kernel's counts of these sockets, added up."""
    total, seen = 0, False
    for name in _TABLES:
        try:
            rows = Path(name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in map(str.split, rows):
            if int(row[9]) in inodes:
                total, seen = total + int(row[-1]), True
    return total if seen else None
