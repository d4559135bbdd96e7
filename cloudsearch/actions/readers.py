"""How the value of a parameter becomes the name that an ARN has in its place.

A reader takes the value and the call's partition, region and account; None where the value is no such name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Reader = Callable[[str, str, str, str], str | None]

_NAME = re.compile(r"[^\s:*?\x00-\x1f\x7f]{1,512}")


def _plain_name(value: str, *_: str) -> str | None:
    return value if _NAME.fullmatch(value) else None


def _raw(value: str, *_: str) -> str | None:
    return value


READERS: Mapping[str, Reader] = {"name": _plain_name, "raw": _raw}
