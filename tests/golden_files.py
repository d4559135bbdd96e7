"""Printed text that is kept in files, to be looked at and compared."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str, lines: Iterable[str]) -> None:
    """What is printed is what is in the golden file; ``CLOUDSEARCH_WRITE_GOLDEN=1`` writes it."""
    text = "\n".join(lines) + "\n"
    path = GOLDEN / name
    if os.environ.get("CLOUDSEARCH_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
