"""From the arguments of ``load`` and ``validate`` to the log files they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cloudsearch.errors import AccessError, SourceError, UsageError

if TYPE_CHECKING:
    from cloudsearch.logs import Found, Selection, Source
    from cloudsearch.logs.bucket import Place

_SCHEME = "s3://"
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Eyes:
    """Whose credentials a bucket is looked at with, and who pays for it."""

    profile: str | None
    role_arn: str | None
    external_id: str | None
    requester_pays: bool


class Sources:
    """Where logs are looked for. Making one raises ``UsageError`` for what makes no sense together."""

    def __init__(self, arguments: Sequence[str], selection: Selection, eyes: Eyes, own: Collection[str]) -> None:
        self._paths = [Path(one) for one in arguments if not one.startswith(_SCHEME)]
        self._urls = list(dict.fromkeys(one for one in arguments if one.startswith(_SCHEME)))
        self._selection = selection
        self._eyes = eyes
        self._own = own
        if not arguments:
            raise UsageError("Which log files? Name files, folders or s3://bucket/prefix, or give --bucket")
        if not self._urls and (eyes.profile or eyes.role_arn or eyes.external_id or eyes.requester_pays):
            raise UsageError("--profile, --role-arn, --external-id and --requester-pays are for a bucket: name one")
        if eyes.external_id and not eyes.role_arn:
            raise UsageError("--external-id goes with --role-arn")
        self._places = [(url, *self._placed(url)) for url in self._urls]

    def found(self, note: Callable[[str], None], *, digests: bool = False) -> Iterator[Found]:
        """The log files. One place that cannot be looked into raises; of several it is one more that is refused.

        With ``digests``, the digest files of a bucket are among those to read, as those of a folder always are.
        """
        ways = [self._local] if self._paths else []
        ways += [partial(self._in_bucket, place, prefix, note, digests=digests) for _, place, prefix in self._places]
        names = [*(["files"] if self._paths else []), *self._urls]
        if len(ways) == 1:
            yield from ways[0]()
            return
        for name, way in zip(names, ways, strict=True):
            yield from _refusing(name, way)

    def count(self) -> int | None:
        """How many files there are to look into; None where a bucket would have to be listed for it."""
        return None if self._places else sum(1 for _ in self._local())

    def lists(self) -> int:
        """Requests made to list buckets so far."""
        if not self._places:
            return 0
        from cloudsearch.logs.bucket import lists_of

        return sum(map(lists_of, {place for _, place, _ in self._places}))

    def place_of(self, source: Source) -> Place | None:
        """The bucket that a file was found in; None for a file on this machine."""
        places = (place for _, place, _ in self._places if source.name.startswith(f"{_SCHEME}{place.bucket}/"))
        return next(places, None)

    def passed_over(self) -> Iterator[Source]:
        """The files on this machine that the selection leaves out."""
        from cloudsearch.logs import Source, find

        for source in find(self._paths):
            if isinstance(source, Source) and not self._selection.takes(source.account, source.region, source.day):
                yield source

    def _placed(self, url: str) -> tuple[Place, str]:
        from cloudsearch.aws import Access
        from cloudsearch.logs.bucket import Place
        from cloudsearch.logs.s3 import parsed

        bucket, prefix = parsed(url)
        eyes = self._eyes
        return Place(bucket, Access(eyes.profile, eyes.role_arn, eyes.external_id), eyes.requester_pays), prefix

    def _local(self) -> Iterator[Found]:
        from cloudsearch.logs import Source, find

        for source in find(self._paths):
            if source.name in self._own:
                continue
            if not isinstance(source, Source) or self._selection.takes(source.account, source.region, source.day):
                yield source

    def _in_bucket(self, place: Place, prefix: str, note: Callable[[str], None], *, digests: bool) -> Iterator[Found]:
        from cloudsearch.logs.s3 import find

        return find(place, prefix, self._selection, note, digests=digests)


def selected(
    accounts: Sequence[str] | None, regions: Sequence[str] | None, since: str | None, until: str | None
) -> Selection:
    """What ``--account``, ``--region``, ``--since`` and ``--until`` say; raises ``UsageError``."""
    from cloudsearch.logs import Selection
    from cloudsearch.reports.window import window

    if wrong := [account for account in accounts or () if not _ACCOUNT.fullmatch(account)]:
        raise UsageError(f"--account {wrong[0]}: an account is 12 digits")
    span = window(since, until, now=datetime.now(UTC))
    return Selection(tuple(accounts or ()), tuple(regions or ()), span.since, span.until)


def arguments(paths: Sequence[str] | None, bucket: str | None, prefix: str | None) -> Sequence[str]:
    """All places as arguments, ``--bucket`` and ``--prefix`` among them; raises ``UsageError``."""
    if prefix is not None and bucket is None:
        raise UsageError("--prefix goes with --bucket")
    return [*(paths or ()), *([f"{_SCHEME}{bucket}/{prefix or ''}"] if bucket is not None else [])]


def _refusing(name: str, way: Callable[[], Iterator[Found]]) -> Iterator[Found]:
    from cloudsearch.logs import Unreadable

    try:
        yield from way()
    except (AccessError, SourceError) as error:
        yield Unreadable(name, None, str(error), access=isinstance(error, AccessError))
