"""``cloudsearch validate``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    BucketOption,
    BucketRoleOption,
    CaCertOption,
    ExternalIdOption,
    FormatOption,
    IndexOption,
    LogAccountOption,
    LogRegionOption,
    LogSinceOption,
    LogUntilOption,
    OutputOption,
    PrefixOption,
    ProfileOption,
    RequesterPaysOption,
    StoreOption,
    VerboseOption,
)
from cloudsearch.errors import AccessError, BadCredentials, CloudsearchError, SourceError
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.cli.sources import Sources
    from cloudsearch.iam.aws import Access, Aws
    from cloudsearch.logs import Found, Source, Unreadable
    from cloudsearch.logs.chains import Checked
    from cloudsearch.logs.digests import Digest, ListedFile, ReadFile
    from cloudsearch.logs.public_keys import Keys

LOOKED_UP = 32
"""Log files asked for by name at a time."""

HOW_TO_GET_KEYS = (
    "Digests are checked with AWS's public keys. Save them, once per region, with\n"
    "  aws cloudtrail list-public-keys --region REGION --start-time START --end-time END > keys-REGION.json\n"
    "and add --public-keys keys-REGION.json"
)


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH|s3://BUCKET/PREFIX]...",
            help="Digest files and log files: folders, buckets.",
            show_default=False,
        ),
    ] = None,
    public_keys: Annotated[
        list[Path] | None,
        typer.Option(
            "--public-keys",
            metavar="FILE",
            help="What `aws cloudtrail list-public-keys` printed. Repeatable. [default: CloudTrail is asked]",
        ),
    ] = None,
    bucket: BucketOption = None,
    prefix: PrefixOption = None,
    account: LogAccountOption = None,
    region: LogRegionOption = None,
    since: LogSinceOption = None,
    until: LogUntilOption = None,
    profile: ProfileOption = None,
    role_arn: BucketRoleOption = None,
    external_id: ExternalIdOption = None,
    requester_pays: RequesterPaysOption = False,  # noqa: FBT002
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: FormatOption = Format.TABLE,
    output: OutputOption = None,
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Check log files against CloudTrail's signed digests: changed, missing, or complete, hour by hour.

    What is proven is kept in the store, if there is one, for coverage and reports. The exit code is 3 when something is
    invalid or missing, or could not be read, or nothing could be proven. The last digest of each chain stays unproven
    in a local copy; in the bucket itself the metadata of its object proves it. Nothing in a bucket is changed.

    Example: cloudsearch validate s3://BUCKET --since 7d
    """
    from cloudsearch.cli.output import put, say, width
    from cloudsearch.cli.redaction import log_to_stderr
    from cloudsearch.cli.sources import Eyes, Sources, arguments, selected
    from cloudsearch.iam.aws import Access
    from cloudsearch.logs import Unreadable
    from cloudsearch.logs.chains import check
    from cloudsearch.render.validation import summary, validation
    from cloudsearch.reports.validation import findings, passes, sums

    log_to_stderr(verbose=verbose)
    where = arguments(paths, bucket, prefix)
    in_bucket = any(one.startswith("s3://") for one in where)
    eyes = Eyes(profile if in_bucket else None, role_arn, external_id, requester_pays)
    places = Sources(where, selected(account, region, since, until), eyes, ())
    files = _files(places)
    keys = _keys(files, public_keys or [], Access(profile, role_arn, external_id))
    checked = check(files, keys, partial(_signature, places))
    rows = findings(checked)
    lines = validation(rows, how, width=width())
    if how is Format.TABLE:
        put([*lines, "", *summary(sums(checked))], output)
    else:
        for line in summary(sums(checked)):
            say(line)
        put(lines, output)
    _keep(checked, store, index, ca_cert)
    if any(isinstance(file, Unreadable) and file.access for file in files):
        raise typer.Exit(6)
    if not passes(rows):
        raise typer.Exit(3)


def _files(places: Sources) -> list[ReadFile | Unreadable]:
    """What there is at the places, and what its digests list beyond what was chosen of them."""
    from cloudsearch.cli.output import say
    from cloudsearch.logs.chains import lacking

    found = list(_read(places.found(say, digests=True)))
    return [*found, *_read(_looked_up(lacking(found), places))]


def _read(found: Iterable[Found]) -> Iterator[ReadFile | Unreadable]:
    """Go through each file; those of a bucket are fetched ahead, as a load does."""
    from cloudsearch.load.ahead import Ahead
    from cloudsearch.load.ledger import Pending
    from cloudsearch.logs import Source, Unreadable
    from cloudsearch.logs.digests import read

    unreadable: list[Unreadable] = []

    def pending() -> Iterator[Pending]:
        for one in found:
            if isinstance(one, Source):
                yield Pending(one)
            elif isinstance(one, Unreadable):
                unreadable.append(one)

    ahead = Ahead()
    try:
        yield from read(one.source for one in ahead.fetched(pending()))
    finally:
        ahead.close()
    yield from unreadable


def _looked_up(wanted: Sequence[tuple[ReadFile, ListedFile]], places: Sources) -> Iterator[Source | Unreadable]:
    """Listed log files where their digest was found, asked for by name: they may lie outside of a window."""
    from concurrent.futures import ThreadPoolExecutor

    from cloudsearch.logs.heads import key_of, named

    passed_over = {source.name.rpartition("/")[2]: source for source in places.passed_over()} if wanted else {}

    def look_up(one: tuple[ReadFile, ListedFile]) -> Source | Unreadable | None:
        file, listed = one
        place = places.place_of(file.source)
        if place is None:
            return passed_over.get(listed.key.rpartition("/")[2])
        before = key_of(place, file.source).removesuffix(file.digest.key if file.digest else "")
        return named(place, f"{before if before.endswith('/') else ''}{listed.key}")

    with ThreadPoolExecutor(LOOKED_UP) as pool:
        yield from filter(None, pool.map(look_up, wanted))


def _signature(places: Sources, source: Source) -> str | None:
    """The signature in the metadata of a digest's object; a file on this machine has none."""
    place = places.place_of(source)
    if place is None:
        return None
    from cloudsearch.logs.heads import signature

    return signature(place, source)


def _keep(checked: Checked, store: str, index: str, ca_cert: Path | None) -> None:
    """Keep what is proven; a store that is not there is not made, for ``load`` makes it."""
    from datetime import UTC, datetime

    from cloudsearch.cli.output import say
    from cloudsearch.cli.stores import opened, takes_many_writers
    from cloudsearch.reports.proofs import keep

    if not takes_many_writers(store) and "://" not in store and not Path(store).exists():
        say(f"note: there is no store at {store}: what is proven is not kept. Load first: cloudsearch load PATH")
        return
    with opened(store, index=index, ca_cert=ca_cert) as (_, _):
        pass  # one that is not there is an error here, and is not made
    with opened(store, index=index, ca_cert=ca_cert, loading=True) as (opened_store, _):
        kept = keep(checked, opened_store, now=datetime.now(UTC))
    say(f"note: kept in {store} what {kept:,} digests prove; `cloudsearch coverage` shows it")


def _keys(files: Sequence[ReadFile | Unreadable], given: Sequence[Path], access: Access) -> Keys:
    from cloudsearch.cli.output import say
    from cloudsearch.logs.digests import ReadFile
    from cloudsearch.logs.public_keys import load_public_keys

    digests = [file.digest for file in files if isinstance(file, ReadFile) and file.digest]
    if not digests:
        for file in files:
            if not isinstance(file, ReadFile):
                say(f"{file.name}: {file.reason}")
            elif file.unread:
                say(f"{file.source.name}: {file.problem}")
        raise SourceError(
            "There is no digest file among these. Trails with log file validation write them to "
            "AWSLogs/ACCOUNT/CloudTrail-Digest, beside the log files: copy that folder too"
        )
    return load_public_keys(given) if given else _asked(digests, access)


def _asked(digests: Sequence[Digest], access: Access) -> Keys:
    """The keys of each region that tells them; raises what AWS said where none does."""
    from cloudsearch.cli.output import say
    from cloudsearch.iam.aws import connect

    keys: Keys = {}
    refusals: list[CloudsearchError] = []
    try:
        aws = connect(access)
        for region in sorted({digest.region for digest in digests}):
            try:
                keys = {**keys, **_of_region(aws, region, [one for one in digests if one.region == region])}
            except BadCredentials:
                raise
            except (AccessError, SourceError) as error:
                refusals.append(error)
        if refusals and not keys:
            raise refusals[0]
    except AccessError as error:
        error.add_note(HOW_TO_GET_KEYS)
        raise
    for refusal in refusals:
        say(f"note: public keys: {refusal}")
    return keys


def _of_region(aws: Aws, region: str, digests: Sequence[Digest]) -> Keys:
    """The keys of a region, asked of CloudTrail there for the time of its digests, page by page."""
    from cloudsearch.logs.public_keys import public_keys

    first, last = min(digest.start for digest in digests), max(digest.end for digest in digests)
    asked = {"StartTime": first - timedelta(hours=1), "EndTime": last + timedelta(hours=1)}
    keys: Keys = {}
    answer: dict[str, object] = {}
    while not answer or answer.get("NextToken"):
        token = {"NextToken": answer["NextToken"]} if answer else {}
        answer = aws.call("cloudtrail", "ListPublicKeys", region=region or None, **asked, **token)
        listed = answer.get("PublicKeyList")
        keys = {**keys, **public_keys(listed if isinstance(listed, list) else [], f"CloudTrail in {region}")}
    return keys
