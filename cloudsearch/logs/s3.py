"""Log files of a bucket: every trail's, of every account and region, without looking at what is none of CloudTrail's.

Digest files are named and passed over, unless they are what is looked for.

Decided here: a folder is listed flat if one page holds it, and by its own folders side by side if not, down to a day;
so a small bucket costs one request and a large one is listed as wide as it is. Nothing is remembered from one listing
to the next but the ledger of files loaded: a key that arrives late, in whatever folder, is found by the next load.
What lies beside ``AWSLogs`` folders is passed over with a note; where there is no such folder, every object is a
candidate, as every file of a local folder is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from cloudsearch.errors import AccessError, BadCredentials, SourceError, UsageError
from cloudsearch.logs.bucket import Bucket, Listed, Place, connected
from cloudsearch.logs.fetching import opened
from cloudsearch.logs.local import Digest, Source, Unreadable, placed
from cloudsearch.logs.selection import DIGESTS, LAYOUT, Selection, folder

LISTERS = 16
"""Listings under way at a time."""

DEPTH = 3
"""Folders deep that ``AWSLogs`` is looked for below a prefix. A trail's own prefix has one part, rarely two."""

MOST_FOLDERS = 300
"""Folders that are looked into for it, at most."""

_AHEAD = 2 * LISTERS
_SCHEME = "s3://"


def parsed(url: str) -> tuple[str, str]:
    """Bucket and prefix of ``s3://bucket/prefix``; raises ``UsageError``."""
    bucket, _, prefix = url.removeprefix(_SCHEME).partition("/")
    if not bucket:
        raise UsageError(f"{url}: which bucket? Write s3://bucket/prefix")
    return bucket, prefix


def find(
    place: Place, prefix: str, selection: Selection, note: Callable[[str], None], *, digests: bool = False
) -> Iterator[Source | Unreadable | Digest]:
    """The log files under a prefix, a folder or a single key, that are wanted; with ``digests`` those to read, too.

    A folder that cannot be listed comes as ``Unreadable``, and so does a prefix with nothing under it. Raises
    ``AccessError`` where the bucket as a whole is refused, also later when credentials end, and ``SourceError`` where
    it is not there or does not answer.
    """
    bucket = connected(place)
    listing = _Listing(bucket, selection, digests=digests)
    nothing = True
    if prefix and not prefix.endswith("/"):
        for listed in _exactly(bucket, prefix):
            nothing = False
            yield source_of(place, listed)
        prefix += "/"
    for found in listing.under(_roots(bucket, prefix, note)):
        nothing = False
        yield found
    _note_passed(bucket, listing.passed, "not in CloudTrail's layout", note)
    if nothing and not listing.keys:
        yield Unreadable(f"{_SCHEME}{place.bucket}/{prefix}", None, "there is nothing under it")


def _roots(bucket: Bucket, prefix: str, note: Callable[[str], None]) -> Sequence[str]:
    """The ``AWSLogs`` folders under a prefix; the prefix itself if it lies in one, or there is none."""
    if folder(prefix) is not None:
        return [prefix]
    roots: list[str] = []
    seen: list[str] = []
    level = [prefix]
    for _ in range(DEPTH):
        below: list[str] = []
        for path in level[: MOST_FOLDERS - len(seen)]:
            inside = _folders(bucket, path)
            roots += [one for one in inside if one == path + LAYOUT]
            below += [one for one in inside if one != path + LAYOUT]
        seen += below
        level = below
    _note_passed(bucket, _beside(seen, roots), f"beside {LAYOUT}", note)
    return roots or [prefix]


def _exactly(bucket: Bucket, key: str) -> Sequence[Listed]:
    """The object of that very key, if there is one. Who may list only what lies below it is not refused here."""
    try:
        return [listed for listed in bucket.page(key, size=1).objects if listed.key == key]
    except BadCredentials:
        raise
    except AccessError:
        return ()


def _note_passed(bucket: Bucket, folders: Sequence[str], what: str, note: Callable[[str], None]) -> None:
    if folders:
        shown = ", ".join(sorted(folders)[:5]) + (f" and {len(folders) - 5} more" if len(folders) > 5 else "")
        note(f"note: {_SCHEME}{bucket.place.bucket}: {what}, not looked into: {shown}")


def _beside(seen: Sequence[str], roots: Sequence[str]) -> Sequence[str]:
    """The folders that are not looked into: those without a root in them, that lie in one with some."""

    def holds(path: str) -> bool:
        return any(root.startswith(path) for root in roots)

    return [path for path in seen if not holds(path) and holds(path[: path.rfind("/", 0, -1) + 1])]


def _folders(bucket: Bucket, path: str) -> Sequence[str]:
    """The folders in a folder, of its first pages; ``AWSLogs`` also where it comes later."""
    page = bucket.page(path, by_folder=True)
    if page.token is None or path + LAYOUT in page.folders:
        return page.folders
    probe = bucket.page(path + LAYOUT, size=1)
    return (*page.folders, path + LAYOUT) if probe.objects else page.folders


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request of a listing that is to be made."""

    prefix: str
    by_folder: bool
    token: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of it, and what is to be asked next."""

    found: Sequence[Source | Unreadable | Digest]
    keys: int
    asks: Sequence[_Ask]


class _Listing:
    """Lists folders side by side.

    ``keys`` counts what was listed, wanted or not; ``passed`` are folders within the layout that it does not know.
    """

    def __init__(self, bucket: Bucket, selection: Selection, *, digests: bool) -> None:
        self.keys = 0
        self.passed: list[str] = []
        self._bucket = bucket
        self._selection = selection
        self._digests = digests
        self._roots: Sequence[str] = ()

    def under(self, roots: Sequence[str]) -> Iterator[Source | Unreadable | Digest]:
        """What lies under the roots, nearly in the order of keys; a bounded number of pages is held."""
        self._roots = roots
        waiting = deque(self._asked_first(root) for root in roots)
        flying: deque[Future[_Answer]] = deque()
        pool = ThreadPoolExecutor(LISTERS, thread_name_prefix="lister")
        try:
            while waiting or flying:
                while waiting and len(flying) < _AHEAD:
                    flying.append(pool.submit(self._answer, waiting.popleft()))
                answer = flying.popleft().result()
                self.keys += answer.keys
                waiting.extendleft(reversed(answer.asks))
                yield from answer.found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, ask: _Ask) -> _Answer:
        try:
            return self._listed(ask)
        except BadCredentials:
            raise
        except (AccessError, SourceError) as error:
            name = f"{_SCHEME}{self._bucket.place.bucket}/{ask.prefix}"
            reason = str(error).removeprefix(f"{name}: ")
            access = isinstance(error, AccessError) and ask.prefix in self._roots
            return _Answer([Unreadable(name, None, reason, access=access)], 0, ())

    def _listed(self, ask: _Ask) -> _Answer:
        inside = folder(ask.prefix)
        after = ask.prefix + self._selection.after(inside) if inside and not ask.by_folder else ""
        page = self._bucket.page(ask.prefix, by_folder=ask.by_folder, token=ask.token, after=after)
        if page.token and not ask.by_folder and not ask.token and not (inside and inside.is_a_day):
            return _Answer((), len(page.objects), [_Ask(ask.prefix, by_folder=True)])
        asks = [self._asked_first(path) for path in page.folders if self._enters(path, known=inside is not None)]
        if page.token:
            asks.append(_Ask(ask.prefix, ask.by_folder, page.token))
        return _Answer(self._wanted(page.objects), len(page.objects) + len(page.folders), asks)

    def _asked_first(self, path: str) -> _Ask:
        """Flat, where nearly all below is wanted; the folders above an account's trail hold other services' logs."""
        inside = folder(path)
        if inside is None or inside.region is not None:
            return _Ask(path, by_folder=False)
        return _Ask(path, by_folder=not (inside.is_of_a_trail and self._selection.is_all))

    def _enters(self, path: str, *, known: bool) -> bool:
        inside = folder(path)
        if inside is None and known:
            self.passed.append(path)
            return False
        return inside is None or self._selection.enters(inside)

    def _wanted(self, objects: Sequence[Listed]) -> Sequence[Source | Digest]:
        return [found for one in objects if (found := self._one(one)) is not None]

    def _one(self, listed: Listed) -> Source | Digest | None:
        if listed.key.endswith("/") and not listed.size:
            return None  # the mark that consoles leave for a folder
        source = source_of(self._bucket.place, listed)
        if not self._selection.takes(source.account, source.region, source.day):
            return None
        inside = folder(listed.key[: listed.key.rfind("/") + 1])
        if inside is None or inside.service is None:
            return source
        if inside.service == DIGESTS:
            return source if self._digests else Digest(source.name)
        return source if inside.is_of_a_trail else None


def source_of(place: Place, listed: Listed) -> Source:
    """An object as a file that can be read."""
    name = f"{_SCHEME}{place.bucket}/{listed.key}"
    opener = partial(opened, place, listed.key, listed.etag, listed.size)
    modified = int(listed.modified.timestamp()) * 1_000_000_000
    return Source(name, listed.size, modified, *placed(name), opener, listed.etag)
