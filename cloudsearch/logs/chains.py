"""Whether digests and log files are what CloudTrail delivered: signatures, the chain of digests, hashes.

Decided here: a digest is valid by a signature alone, which the digest after it holds, or its S3 object's metadata. One
of which no signature is at hand is unproven, which is the lot of the last in every local copy. Metadata is asked for
only where no other signature proves a digest. A listed log file is valid where its content is found, under whatever
name, for copies are renamed and unzipped; of one that is there and cannot be read nothing is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby, pairwise

from cloudsearch.errors import BadCredentials, CloudsearchError
from cloudsearch.logs.digests import (
    HASH_ALGORITHM,
    SIGNATURE_ALGORITHM,
    Digest,
    ListedFile,
    ReadFile,
    is_signed,
)
from cloudsearch.logs.local import Source, Unreadable
from cloudsearch.logs.public_keys import Keys
from cloudsearch.logs.stamps import stamp_of

SignatureOf = Callable[[Source], str | None]
"""The signature in the metadata of a digest's S3 object (``x-amz-meta-signature``), where there is such metadata.

Raises one of our errors where it cannot be told.
"""


class State(StrEnum):
    """What may be said of a digest or a log file."""

    VALID = "valid"
    INVALID = "invalid"
    MISSING = "missing"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A log file that a digest lists: valid, missing, invalid or, where it was not to be had, unproven, and why.

    ``found`` is where it was found.
    """

    listed: ListedFile
    state: State
    reason: str = ""
    found: ReadFile | None = None

    @property
    def name(self) -> str:
        """Where CloudTrail delivered it."""
        return f"s3://{self.listed.bucket}/{self.listed.key}"


@dataclass(frozen=True, slots=True)
class CheckedDigest:
    """A digest: valid, invalid or unproven and why; and the log files it lists, whatever it is itself."""

    digest: Digest
    file: ReadFile
    state: State
    reason: str
    key_is_missing: bool = False
    log_files: tuple[CheckedFile, ...] = ()

    def count(self, state: State) -> int:
        """How many of its log files are in a state."""
        return sum(file.state is state for file in self.log_files)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of delivery between two digests of a trail of which no digest speaks, and why."""

    account: str
    region: str
    trail: str
    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Unexpected:
    """A log file that no digest lists though digests speak of its hour, or a file that could not be read and why."""

    source: Source | Unreadable
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """All that was found: digests in order, gaps between them, files besides.

    ``uncovered`` is how many log files are of hours that no digest speaks of.
    """

    digests: tuple[CheckedDigest, ...] = ()
    gaps: tuple[Gap, ...] = ()
    unexpected: tuple[Unexpected, ...] = ()
    uncovered: int = 0


def _no_signature(_: Source) -> str | None:
    """A file on this machine has no metadata."""
    return None


def lacking(files: Iterable[ReadFile | Unreadable]) -> list[tuple[ReadFile, ListedFile]]:
    """The log files that digests among the files list and that are not among them, each with a digest's file."""
    read = [file for file in files if isinstance(file, ReadFile)]
    contents = _Contents(read)
    lists = ((file, listed) for file in read if file.digest for listed in file.digest.log_files)
    wanted = {listed.key: (file, listed) for file, listed in lists if contents.check(listed).state is State.MISSING}
    return list(wanted.values())


def check(
    files: Iterable[ReadFile | Unreadable],
    keys: Keys,
    signature_of: SignatureOf = _no_signature,
) -> Checked:
    """Check every digest among the files, the chain they form, and the log files they list."""
    everything = list(files)
    read = [file for file in everything if isinstance(file, ReadFile)]
    digests = _distinct(read)
    contents = _Contents(everything)
    successors = _successors(digests)
    checked = [
        replace(
            _signature_checked(one, digest, successors.get(digest.path, ()), keys, signature_of),
            log_files=tuple(map(contents.check, digest.log_files)),
        )
        for one, digest in digests
    ]
    proven = {one.digest.path: one.file for one in checked if one.state is State.VALID}
    checked = [_consistent(one, proven) for one in checked]
    gaps = tuple(gap for trail in _by_trail(checked) for gap in _gaps(trail))
    unexpected, uncovered = _besides(everything, checked)
    return Checked(tuple(checked), gaps, tuple(unexpected), uncovered)


def _distinct(read: Iterable[ReadFile]) -> list[tuple[ReadFile, Digest]]:
    """The digests in order of account, region, trail and time; copies of one come once."""
    found = {(file.digest.path, file.sha256): (file, file.digest) for file in read if file.digest}
    return sorted(found.values(), key=lambda one: (_trail_of(one[1]), one[1].start, one[1].end, one[0].source.name))


def _trail_of(digest: Digest) -> tuple[str, str, str, str, bool]:
    return digest.account, digest.region, digest.trail, digest.bucket, digest.is_backfill


def _successors(digests: Iterable[tuple[ReadFile, Digest]]) -> dict[str, list[Digest]]:
    """The digests that name another as the one before them, by its path."""
    found: dict[str, list[Digest]] = defaultdict(list)
    for _, digest in digests:
        if digest.previous_path:
            found[digest.previous_path].append(digest)
    return found


def _signature_checked(
    file: ReadFile, digest: Digest, successors: Sequence[Digest], keys: Keys, signature_of: SignatureOf
) -> CheckedDigest:
    signatures = [one.previous_signature for one in successors if one.previous_signature]
    key = keys.get(digest.fingerprint)
    if digest.algorithm != SIGNATURE_ALGORITHM:
        return CheckedDigest(digest, file, State.INVALID, f"signed with {digest.algorithm}, not {SIGNATURE_ALGORITHM}")
    by_chain = key is not None and any(is_signed(digest, file.sha256, one, key) for one in signatures)
    metadata, refusal = (None, "") if by_chain else _in_metadata(file.source, signature_of)
    if by_chain or (key and metadata and is_signed(digest, file.sha256, metadata, key)):
        return CheckedDigest(digest, file, State.VALID, "")
    if not signatures and metadata is None:
        reason = refusal or "no signature in this copy: the next digest has it, or S3 metadata"
        return CheckedDigest(digest, file, State.UNPROVEN, reason)
    if key is None:
        reason = f"no public key with fingerprint {digest.fingerprint} was given"
        return CheckedDigest(digest, file, State.UNPROVEN, reason, key_is_missing=True)
    is_as_chained = all(_has_hash_of(file, successor) for successor in successors)
    reason = (
        "the signature is not CloudTrail's" if is_as_chained else "the next digest has another hash and signature of it"
    )
    return CheckedDigest(digest, file, State.INVALID, reason)


def _in_metadata(source: Source, signature_of: SignatureOf) -> tuple[str | None, str]:
    """The signature that an object's metadata holds, or why it could not be asked for."""
    try:
        return signature_of(source), ""
    except BadCredentials:
        raise
    except CloudsearchError as error:
        return None, f"no signature: {error}"


def _consistent(one: CheckedDigest, proven: Mapping[str, ReadFile]) -> CheckedDigest:
    """A digest that has a wrong hash of the one before it, which a signature proves, is not what CloudTrail wrote."""
    before = proven.get(one.digest.previous_path or "")
    if before is None or _has_hash_of(before, one.digest):
        return one
    return replace(one, state=State.INVALID, reason="its hash of the digest before is wrong")


def _has_hash_of(file: ReadFile, successor: Digest) -> bool:
    return successor.previous_algorithm == HASH_ALGORITHM and (successor.previous_sha256 or "").lower() == file.sha256


class _Contents:
    """The files that were read, by content and by name; and those that were not to be had, by name."""

    def __init__(self, files: Iterable[ReadFile | Unreadable]) -> None:
        self._by_content: dict[str, ReadFile] = {}
        self._by_name: dict[str, ReadFile] = {}
        self._unread: dict[str, str] = {}
        for file in files:
            if isinstance(file, Unreadable):
                self._unread.setdefault(_base(file.name), f"could not be read: {file.reason}")
                continue
            if file.unread:
                self._unread.setdefault(_base(file.source.name), file.problem or "")
                continue
            if file.sha256 and not file.problem:
                self._by_content.setdefault(file.sha256, file)
            self._by_name.setdefault(_base(file.source.name), file)

    def check(self, listed: ListedFile) -> CheckedFile:
        if listed.algorithm != HASH_ALGORITHM:
            return CheckedFile(listed, State.INVALID, f"hashed with {listed.algorithm!r}, not {HASH_ALGORITHM}")
        if file := self._by_content.get(listed.sha256.lower()):
            return CheckedFile(listed, State.VALID, found=file)
        if file := self._by_name.get(_base(listed.key)):
            return CheckedFile(listed, State.INVALID, file.problem or "its content was changed", file)
        if _base(listed.key) in self._unread:
            return CheckedFile(listed, State.UNPROVEN, self._unread[_base(listed.key)])
        return CheckedFile(listed, State.MISSING, "not among the files given")


def _base(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".gz")


def _by_trail(checked: Iterable[CheckedDigest]) -> Iterator[list[CheckedDigest]]:
    """The hourly digests of each trail in one account and region; backfills add to them and follow no clock."""
    hourly = (one for one in checked if not one.digest.is_backfill)
    for _, group in groupby(hourly, key=lambda one: _trail_of(one.digest)):
        yield list(group)


def _gaps(trail: Sequence[CheckedDigest]) -> Iterator[Gap]:
    for before, after in pairwise(_chained(trail)):
        if before.end < after.start:
            starts_anew = after.previous_path is None
            yield Gap(
                after.account,
                after.region,
                after.trail,
                before.end,
                after.start,
                "validation or the trail was stopped" if starts_anew else "the digests of this time are missing",
            )
        elif after.previous_path not in (None, before.path):
            yield Gap(
                after.account, after.region, after.trail, before.end, after.start, f"{after.previous_path} is missing"
            )


def _chained(trail: Sequence[CheckedDigest]) -> list[Digest]:
    """The digests by time, of several contents under one name the first."""
    return list({one.digest.path: one.digest for one in reversed(trail)}.values())[::-1]


def _besides(files: Iterable[ReadFile | Unreadable], checked: Sequence[CheckedDigest]) -> tuple[list[Unexpected], int]:
    """Log files that no digest lists, and files that could not be read; how many of which no digest can tell."""
    hours = _Hours(one.digest for one in checked)
    listed = {_base(log.listed.key) for one in checked for log in one.log_files}
    listed_contents = {log.listed.sha256.lower() for one in checked for log in one.log_files}
    found, uncovered = [], 0
    for file in files:
        name = file.name if isinstance(file, Unreadable) else file.source.name
        if isinstance(file, Unreadable) and _base(name) not in listed:
            found.append(Unexpected(file, State.INVALID, f"could not be read: {file.reason}"))
        elif isinstance(file, Unreadable) or file.digest or _base(name) in listed or file.sha256 in listed_contents:
            continue
        elif file.unread:
            found.append(Unexpected(file.source, State.INVALID, file.problem or ""))
        elif "CloudTrail-Digest" in name:
            found.append(Unexpected(file.source, State.INVALID, file.problem or "it holds no digest"))
        elif stamp := stamp_of(name):
            if hours.tell_of(file.source, stamp):
                found.append(Unexpected(file.source, State.UNPROVEN, "no digest lists it"))
            else:
                uncovered += 1
    return found, uncovered


class _Hours:
    """The times of delivery that digests speak of, by account and region."""

    def __init__(self, digests: Iterable[Digest]) -> None:
        self._spans: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
        for digest in digests:
            if not digest.is_backfill:
                self._spans[digest.account, digest.region].append((digest.start, digest.end))
        for spans in self._spans.values():
            spans.sort()

    def tell_of(self, source: Source, stamp: tuple[datetime, datetime]) -> bool:
        """Whether every moment at which the file may have been delivered is one they speak of."""
        at, end = stamp
        for start, stop in self._spans.get((source.account or "", source.region or ""), ()):
            if start <= at < stop:
                at = stop
            if at >= end:
                return True
        return False
