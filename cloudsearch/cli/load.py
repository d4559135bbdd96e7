"""``cloudsearch load``."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from cloudsearch.cli.options import (
    DEFAULT_STORE,
    CaCertOption,
    IndexOption,
    KeepSecretsOption,
    MaxWaitOption,
    OutputOption,
    QuietOption,
    ReceiptFormat,
    StoreOption,
    VerboseOption,
)
from cloudsearch.errors import StoreError, UsageError

if TYPE_CHECKING:
    from cloudsearch.load import Crew
    from cloudsearch.load.crew import StoreOpener
    from cloudsearch.logs import Source, Unreadable
    from cloudsearch.render.progress import Progress
    from cloudsearch.store import Store

WORTH_A_CREW = 1 << 20
"""Bytes of log files, as stored, from which on starting processes takes less time than it saves."""

MOST_JOBS = 4
"""Processes unless more are asked for: then a cluster has enough to do."""


def command(  # noqa: PLR0913, PLR0917 (a flag, a parameter)
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Log files, and folders of them.")],
    store: StoreOption = DEFAULT_STORE,
    index: IndexOption = "cloudtrail",
    ca_cert: CaCertOption = None,
    how: Annotated[ReceiptFormat, typer.Option("--format", help="How to print the receipt.")] = ReceiptFormat.TABLE,
    output: OutputOption = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Processes that read and send, to a search engine. [default: a CPU each]"),
    ] = None,
    max_wait: MaxWaitOption = None,
    keep_secrets: KeepSecretsOption = False,  # noqa: FBT002
    quiet: QuietOption = False,  # noqa: FBT002
    verbose: VerboseOption = False,  # noqa: FBT002
) -> None:
    """Load CloudTrail log files into the store.

    Files that are loaded already are left alone, so the same command can be run again and again. What is broken is
    named on stderr, kept in the dead letters, and never stops the rest; the exit code is 3 then.

    Example: cloudsearch load ./AWSLogs
    """
    from cloudsearch.cli import aside
    from cloudsearch.cli.output import put
    from cloudsearch.cli.stores import opened
    from cloudsearch.load import Load
    from cloudsearch.load.sending import MAX_WAIT_SECONDS
    from cloudsearch.logs import find
    from cloudsearch.render.formats import Format
    from cloudsearch.render.progress import Progress
    from cloudsearch.render.receipt import receipt

    _set_up(verbose=verbose)
    letters = aside.path(store, index)
    own = {str(Path(f"{store}{ending}").resolve()) for ending in ("", ".wal", ".chunk", ".smaller")} | {
        str(letters.resolve())
    }
    sources, is_much = _weighed(source for source in find(paths) if source.name not in own)
    opener = partial(_connected, store, index, ca_cert, verbose=verbose)
    with (
        _crew(_size(jobs, store, is_much=is_much), opener) as crew,
        opened(store, index=index, ca_cert=ca_cert, loading=True, max_wait=max_wait, quiet=quiet) as (
            opened_store,
            info,
        ),
        Progress(sys.stderr, quiet=quiet) as progress,
    ):
        aside.take(letters, opened_store, info, progress.note)
        if progress.is_live:
            Thread(target=_count, args=(paths, progress), daemon=True).start()
        wait = MAX_WAIT_SECONDS if max_wait is None else max_wait
        loading = Load(opened_store, info, progress, crew=crew, max_wait=wait, keep_secrets=keep_secrets)
        try:
            loading.run(sources)
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
        except StoreError:
            aside.put(loading.unkept, letters)
            raise
    put(receipt(loading.receipt, Format(how)), output)
    if interrupted:
        raise typer.Exit(130)
    if not loading.receipt.complete:
        raise typer.Exit(3)


def _count(paths: list[Path], progress: Progress) -> None:
    """Find out how many files there are, while the first of them are loaded."""
    from cloudsearch.logs import find

    progress.expect(sum(1 for _ in find(paths)))


def _set_up(*, verbose: bool) -> None:
    """What holds for every process of a load."""
    from cloudsearch.cli.redaction import log_to_stderr

    log_to_stderr(verbose=verbose)
    # Rows live for one chunk and hold no cycles; looking for some every few hundred rows costs an eighth of the time.
    gc.set_threshold(50_000, 20, 100)


def _weighed(sources: Iterator[Source | Unreadable]) -> tuple[Iterator[Source | Unreadable], bool]:
    """The same sources, and whether they are worth more than one process."""
    from cloudsearch.logs import Source

    first: list[Source | Unreadable] = []
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
