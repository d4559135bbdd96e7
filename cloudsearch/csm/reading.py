"""Lines out of files: our own archives, and what an agent such as Fluentd or Fluent Bit writes.

Such an agent puts a time and a tag before the object (Fluentd's ``out_file`` format), or the datagram as a text under
``message`` or ``log``, or members of its own beside those of the SDK
(https://docs.fluentd.org/formatter/out_file, https://docs.fluentd.org/parser/none).
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Any

import msgspec

from cloudsearch.csm.datagrams import Kind, Unreadable, checked, parsed
from cloudsearch.csm.rows import row_of
from cloudsearch.csm.scrub import is_secret, unread, without_secrets
from cloudsearch.event import Row

_WRAPPERS = ("message", "log", "msg", "data")
_HOSTS = ("Host", "host", "hostname", "source_host", "source_hostname", "Hostname")
_encode = msgspec.json.encode


class Reading:
    """The rows of one file, line by line.

    A line of ours has an id. Another's is known by its content, the second of two equal ones as such: two calls in one
    millisecond are two, and a file that is read again when it has grown, or from another place, adds nothing twice.
    """

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def row(self, line: bytes) -> Row:
        """The row of a line; of what cannot be read, one of a reject."""
        digest = sha256(line).digest()
        try:
            found = _unwrapped(line)
        except Unreadable as error:
            said = {"Type": Kind.REJECT, "Reason": str(error), "Size": len(line), "Text": unread(line)}
            return row_of(said, _encode(said), id_=self._id(digest), host=None)
        own = isinstance(found.get("Id"), str) and found["Id"]
        host = next((found[name] for name in _HOSTS if isinstance(found.get(name), str)), None)
        return row_of(found, _encode(found), id_=own or self._id(digest), host=host)

    @staticmethod
    def is_own(line: bytes) -> bool:
        """Whether a reject is one of our own recording, and not a line of this file that could not be read."""
        try:
            return isinstance(parsed(line).get("Id"), str)
        except Unreadable:
            return False

    def _id(self, digest: bytes) -> str:
        self._seen[digest[:12]] += 1
        times = self._seen[digest[:12]]
        return digest.hex() if times == 1 else sha256(digest + times.to_bytes(8, "big")).hexdigest()


def _unwrapped(line: bytes) -> dict[str, Any]:
    """The object of a line, whatever an agent put around it; raises ``Unreadable``."""
    line = line.strip()
    if not line.startswith(b"{") and b"\t{" in line:
        line = line[line.index(b"\t{") + 1 :]
    found = parsed(line)
    if found.get("Type") == Kind.REJECT and isinstance(found.get("Id"), str):
        return {name: without_secrets(value) for name, value in found.items() if not is_secret(name)}
    if "Type" in found:
        return checked(found)
    for name in _WRAPPERS:
        inner = found.get(name)
        if isinstance(inner, str | dict):
            beside = {host: found[host] for host in _HOSTS if isinstance(found.get(host), str)}
            return checked(beside | (inner if isinstance(inner, dict) else parsed(inner.encode("utf-8", "replace"))))
    return checked(found)
