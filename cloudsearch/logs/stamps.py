"""When a log file was delivered, as far as its name tells.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

DELIVERED_WITHIN = timedelta(hours=1)
"""How long after the time in its name a log file may have been delivered. AWS speaks of minutes and promises none."""

_STAMP = re.compile(r"_CloudTrail_[^/]*?_(\d{8}T\d{4})Z_[^/]*$")


def stamp_of(name: str) -> tuple[datetime, datetime] | None:
    """From when to when the log file of this name may have been delivered; None for other names."""
    found = _STAMP.search(name)
    try:
        stamp = datetime.strptime(found[1], "%Y%m%dT%H%M").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None
    return (stamp, stamp + DELIVERED_WITHIN) if stamp else None
