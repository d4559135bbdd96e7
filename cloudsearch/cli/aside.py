"""Dead letters that no store took, in a file where the user works: put there, and taken in again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cloudsearch.cli.output import say
from cloudsearch.cli.stores import takes_many_writers
from cloudsearch.errors import SourceError
from cloudsearch.event import Row
from cloudsearch.load import dead_letters
from cloudsearch.load.sending import Sender
from cloudsearch.load.sizing import Sizing
from cloudsearch.store import DEAD_LETTERS, Store, StoreInfo


def path(store: str, index: str) -> Path:
    """The file for a store."""
    if not takes_many_writers(store):
        return dead_letters.aside(str(Path(store).resolve()), Path.cwd())
    from cloudsearch.stores.engine import Address

    return dead_letters.aside(f"{Address.of(store)} {index}", Path.cwd())


def put(letters: Sequence[Row], file: Path) -> None:
    """Keep letters that a failed load holds; where there is no place for them either, say so.

    Nothing is lost then, for their files are not marked loaded; what ended the load is still to be told.
    """
    if not letters:
        return
    try:
        dead_letters.put_aside(letters, file)
    except SourceError as error:
        say(f"{error}. Their files are not marked loaded; they are read again by the next load")
    else:
        say(f"{len(letters):,} dead letters were put into {file}; the next load or redrive takes them in")


def take(file: Path, store: Store, info: StoreInfo, tell: Callable[[str], None]) -> None:
    """Take in what an earlier load put aside."""
    sender = Sender(store, DEAD_LETTERS, Sizing(info.chunk), tell)
    if count := dead_letters.put_back(file, store, sender):
        tell(f"{count:,} dead letters of {file} are in the store now")
