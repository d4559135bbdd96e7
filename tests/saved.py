"""What tests of the saved objects share."""

from __future__ import annotations

import pytest

from cloudsearch.dashboards.flavours import FLAVOURS, Object

flavours = pytest.mark.parametrize("flavour", FLAVOURS, ids=str)
"""Each product."""


def of_type(objects: list[Object], type_: str) -> list[Object]:
    """Objects of a kind."""
    return [one for one in objects if one["type"] == type_]
