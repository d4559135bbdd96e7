"""Writing a DuckDB file anew, without the space of rows that are gone.

DuckDB uses freed space again but cuts it off a file only where it lies at its end, and VACUUM does not change that
(DuckDB documentation, "Reclaiming Space"). The new file takes the old one's name in one step, when it is whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from cloudsearch.errors import StoreError

FREE = 0.25
"""The share of a file that has to be free before writing it anew is worth while."""


def rewritten(
    connection: duckdb.DuckDBPyConnection, path: Path, tables: Mapping[str, Sequence[str]], *, gone: int
) -> bool:
    """Whether the file was written anew: the connection still has the old one then; close it.

    ``tables`` are the definitions of their columns; ``gone`` is how many events were removed or replaced. Nothing may
    be uncommitted.
    """
    if not _is_loose(connection, gone):
        return False
    try:
        _rewrite(connection, path, tables)
    except OSError as error:
        raise StoreError(f"{path} could not be written anew, smaller: {error.strerror or error}") from error
    return True


def _is_loose(connection: duckdb.DuckDBPyConnection, gone: int) -> bool:
    """Whether blocks are free, or rows that are gone still lie in a block with others."""
    connection.execute("CHECKPOINT")
    left = connection.execute("SELECT count(*) FROM events").fetchall()[0][0]
    text = "SELECT total_blocks, free_blocks FROM pragma_database_size() WHERE database_name = current_database()"
    total, free = connection.execute(text).fetchall()[0]
    return bool(free > FREE * total or gone > FREE * (gone + left))


def _rewrite(connection: duckdb.DuckDBPyConnection, path: Path, tables: Mapping[str, Sequence[str]]) -> None:
    path = path.resolve()  # a link stays one
    new = path.with_name(f"{path.name}.smaller")
    _remove(new)
    try:
        name = str(new).replace("'", "''")
        connection.execute(f"ATTACH '{name}' AS smaller (STORAGE_VERSION 'v1.4.0')")
        new.chmod(path.stat().st_mode & 0o777)
        for table, columns in tables.items():
            connection.execute(f"CREATE TABLE smaller.{table} ({', '.join(columns)})")
            names = ", ".join(column.partition(" ")[0] for column in columns)
            connection.execute(f"INSERT INTO smaller.{table} SELECT {names} FROM {table}")  # noqa: S608 (our own names)
        connection.execute("DETACH smaller")
        new.replace(path)
    finally:
        _remove(new)


def _remove(new: Path) -> None:
    for left in (new, new.with_name(f"{new.name}.wal")):
        left.unlink(missing_ok=True)
