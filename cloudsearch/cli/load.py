"""``cloudsearch load``."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    BucketOption,
    BucketRoleOption,
    CaCertOption,
    DryRunOption,
    ExternalIdOption,
    IndexOption,
    KeepSecretsOption,
    LogAccountOption,
    LogRegionOption,
    LogSinceOption,
    LogUntilOption,
    MaxWaitOption,
    OutputOption,
    PrefixOption,
    ProfileOption,
    QuietOption,
    ReceiptFormat,
    RedactOption,
    RequesterPaysOption,
    StoreOption,
    VerboseOption,
)
from cloudsearch.errors import BadCredentials, StoreError, StoreMissing, UsageError

if TYPE_CHECKING:
    from cloudsearch.cli.sources import Sources
    from cloudsearch.load import Crew
    from cloudsearch.load.crew import StoreOpener
    from cloudsearch.logs import Found
    from cloudsearch.render.progress import Progress
    from cloudsearch.store import Store

SWITCH_SECONDS = 0.0002
"""After which a thread that waits for Python gets it: 1 ms brings less than half as much, 0.02 ms costs half again."""

WORTH_A_CREW = 1 << 20
"""Bytes of log files, as stored, from which on starting processes takes less time than it saves."""

MOST_JOBS = 4
"""Processes unless more are asked for: then a cluster has enough to do."""


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH|s3://BUCKET/PREFIX]...", help="Log files, folders, buckets.", show_default=False),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
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
    dry_run: DryRunOption = False,  # noqa: FBT002
    how: Annotated[ReceiptFormat, typer.Option("--format", help="How to print the receipt.")] = ReceiptFormat.TABLE,
    output: OutputOption = None,
    senders: Annotated[
        int, typer.Option("--senders", min=1, max=16, help="Requests that each process has under way at once.")
    ] = 2,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Processes that read and send, to a search engine. [default: a CPU each]"),
    ] = None,
    max_wait: MaxWaitOption = None,
    keep_secrets: KeepSecretsOption = False,  # noqa: FBT002
    redact: RedactOption = None,
    csm: Annotated[  # noqa: FBT002
        bool, typer.Option("--csm", help="They are archives of client-side monitoring, as record writes them.")
    ] = False,
    quiet: QuietOption = False,  # noqa: FBT002
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Load CloudTrail log files into the store.

    Files that are loaded already are left alone, so the same command can be run again and again. What is broken is
    named on stderr, kept in the dead letters, and never stops the rest; the exit code is 3 then. With --since or
    --until, files are chosen by their folder's day and loaded whole.

    Example: cloudsearch load ./AWSLogs
    """
    from cloudsearch.cli import aside
    from cloudsearch.cli.sources import Eyes, Sources, arguments, selected

    _set_up(verbose=verbose)
    letters = aside.path(store, index)
    own = {str(Path(f"{store}{ending}").resolve()) for ending in ("", ".wal", ".chunk", ".smaller")}
    own.add(str(letters.resolve()))
    eyes = Eyes(profile, role_arn, external_id, requester_pays)
    sources = Sources(arguments(paths, bucket, prefix), selected(account, region, since, until), eyes, own)
    names = _further_names(redact or [], keep_secrets=keep_secrets)
    target = _Target(store, index, ca_cert, letters, jobs, senders, max_wait, keep_secrets, names, quiet, verbose)
    if csm:
        from cloudsearch.cli.archives import load

        load(sources, target.store, index, ca_cert, max_wait, how, output, quiet=quiet, dry_run=dry_run)
    elif dry_run:
        _estimate(sources, target, how, output)
    else:
        _load(sources, target, how, output)


@dataclass(frozen=True, slots=True)
class _Target:
    """The store, the file beside it for dead letters it does not take, and how it is loaded into."""

    store: str
    index: str
    ca_cert: Path | None
    letters: Path
    jobs: int | None
    senders: int
    max_wait: float | None
    keep_secrets: bool
    redact: frozenset[str]
    quiet: bool
    verbose: bool


def _further_names(given: Sequence[str], *, keep_secrets: bool) -> frozenset[str]:
    """The names of ``--redact``, in lower case; raises ``UsageError``."""
    if given and keep_secrets:
        raise UsageError("--keep-secrets and --redact exclude each other")
    names = frozenset(name.strip().lower() for one in given for name in one.split(",") if name.strip())
    for name in sorted(names):
        if not name.isascii() or not name.isprintable() or set(name) & set('"\\ '):
            raise UsageError(
                f"--redact {name!r}: a name of a member, as CloudTrail writes it, without quotes or blanks"
            )
    return names


def _load(places: Sources, target: _Target, how: ReceiptFormat, output: Path | None) -> None:
    from cloudsearch.cli import aside
    from cloudsearch.cli.output import put, say
    from cloudsearch.cli.stores import opened, patience
    from cloudsearch.load import Load, Receipt
    from cloudsearch.render.formats import Format
    from cloudsearch.render.progress import Progress
    from cloudsearch.render.receipt import receipt

    refused: list[str] = []
    sources, is_much = _weighed(_watched(places.found(say), refused))
    opener = partial(_connected, target.store, target.index, target.ca_cert, verbose=target.verbose)
    loading: Load | None = None
    stopped: BadCredentials | None = None
    interrupted = False
    try:
        with (
            _crew(_size(target.jobs, target.store, is_much=is_much), opener) as crew,
            opened(
                target.store,
                index=target.index,
                ca_cert=target.ca_cert,
                loading=True,
                max_wait=target.max_wait,
                quiet=target.quiet,
            ) as (opened_store, info),
            Progress(sys.stderr, quiet=target.quiet) as progress,
        ):
            aside.take(target.letters, opened_store, info, progress.note)
            if progress.is_live:
                Thread(target=_count, args=(places, progress), daemon=True).start()
            wait = patience(target.max_wait)
            loading = Load(
                opened_store,
                info,
                progress,
                crew=crew,
                max_wait=wait,
                keep_secrets=target.keep_secrets,
                redact=target.redact,
                senders=target.senders,
            )
            try:
                loading.run(sources)
            except BadCredentials as error:
                stopped = error
            except StoreError:
                aside.put(loading.unkept, target.letters)
                raise
    except KeyboardInterrupt:  # wherever it strikes, while a store is being closed too
        interrupted = True
    done = loading.receipt if loading else Receipt()
    put(receipt(done, Format(how)), output)
    if interrupted:
        raise typer.Exit(130)
    if stopped is not None:
        raise stopped
    if refused:
        raise typer.Exit(6)
    if not done.complete:
        raise typer.Exit(3)


def _count(places: Sources, progress: Progress) -> None:
    """Find out how many files there are, while the first of them are loaded; of a bucket nobody knows beforehand."""
    if (count := places.count()) is not None:
        progress.expect(count)


def _estimate(places: Sources, target: _Target, how: ReceiptFormat, output: Path | None) -> None:
    from cloudsearch.cli.output import put, say
    from cloudsearch.cli.stores import opened, takes_many_writers
    from cloudsearch.load.estimate import estimated
    from cloudsearch.render.estimate import estimate
    from cloudsearch.render.formats import Format

    found, into_search = places.found(say), takes_many_writers(target.store)
    try:
        with opened(target.store, index=target.index, ca_cert=target.ca_cert) as (opened_store, _):
            estimation, unreadable = estimated(found, opened_store, into_search=into_search)
    except StoreMissing:
        estimation, unreadable = estimated(found, None, into_search=into_search)
    estimation.lists = places.lists()
    for one in unreadable:
        say(f"{one.name}: {one.reason}")
    put(estimate(estimation, Format(how)), output)
    if unreadable:
        raise typer.Exit(6 if any(one.access for one in unreadable) else 3)


def _watched(sources: Iterator[Found], refused: list[str]) -> Iterator[Found]:
    """The same sources; the names of whole places that are refused are noted."""
    from cloudsearch.logs import Unreadable

    for source in sources:
        if isinstance(source, Unreadable) and source.access:
            refused.append(source.name)
        yield source


def _set_up(*, verbose: bool) -> None:
    """What holds for every process of a load."""
    from cloudsearch.cli.redaction import log_to_stderr

    log_to_stderr(verbose=verbose)
    # Rows live for one chunk and hold no cycles; looking for some every few hundred rows costs an eighth of the time.
    gc.set_threshold(50_000, 20, 100)
    # A thread that sends needs Python for moments only, and waits 5 ms for each unless it may interrupt sooner.
    sys.setswitchinterval(SWITCH_SECONDS)


def _weighed(sources: Iterator[Found]) -> tuple[Iterator[Found], bool]:
    """The same sources, and whether they are worth more than one process."""
    from cloudsearch.logs import Source

    first: list[Found] = []
    size = 0
    for source in sources:
        first.append(source)
        size += source.size if isinstance(source, Source) else 0
        if size >= WORTH_A_CREW:
            return chain(first, sources), True
    return iter(first), False


def _size(jobs: int | None, store: str, *, is_much: bool) -> int:
    """How many processes to load with; none beside this one for a file, or for little."""
    from cloudsearch.cli.stores import takes_many_writers

    if takes_many_writers(store):
        return jobs or (min(os.cpu_count() or 1, MOST_JOBS) if is_much else 1)
    if jobs and jobs > 1:
        raise UsageError(f"--jobs {jobs}: {store} is a file, which one process writes; --jobs is for a search engine")
    return 1


def _crew(size: int, opener: StoreOpener) -> AbstractContextManager[Crew | None]:
    """The processes beside this one, which have begun to start when this returns."""
    from cloudsearch.load import Crew

    return Crew(size, opener) if size > 1 else nullcontext()


def _connected(store: str, index: str, ca_cert: Path | None, *, verbose: bool) -> Store:
    """The store, in another process of the same load."""
    from cloudsearch.cli.stores import connect

    _set_up(verbose=verbose)
    return connect(store, index, ca_cert)
