"""From ``--selectors`` and a snapshot to what the trails record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cloudsearch.errors import SourceError

if TYPE_CHECKING:
    from cloudsearch.actions.selectors import Selectors

IN_SNAPSHOT = "trails.json"


def selectors(given: Sequence[Path], iam: Sequence[Path], *, members: Iterable[str]) -> Selectors | None:
    """What the trails record: as the files say, else as the snapshots among the IAM files say; None if none says it.

    ``members`` are accounts known to belong to the organisation whose trails these may be.
    """
    from cloudsearch.actions.selectors import read_selectors

    files = [file for path in given for file in _asked(path)] or [
        file for path in iam if path.is_dir() for file in _in_folder(path)
    ]
    return read_selectors(files, members=members) if files else None


def _asked(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = list(_in_folder(path))
    if not found:
        raise SourceError(f"{path}: no {IN_SNAPSHOT} in it or in its folders; `cloudsearch snapshot` writes one")
    yield from found


def _in_folder(folder: Path) -> Iterator[Path]:
    yield from sorted(file for pattern in (IN_SNAPSHOT, f"*/{IN_SNAPSHOT}") for file in folder.glob(pattern))
