"""Where the public samples are; they are not part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def samples() -> Path:
    """The folder of public samples; a test that needs it is skipped, and says so, where it is not set."""
    folder = os.environ.get("CLOUDSEARCH_SAMPLES")
    if not folder:
        pytest.skip("CLOUDSEARCH_SAMPLES is not set: the public samples are not here")
    return Path(folder)
