"""From ``--role NAME`` and ``--iam FILE`` to the principal that is meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cloudsearch.errors import CloudsearchError, UsageError

if TYPE_CHECKING:
    from cloudsearch.iam import Iam, Principal

HOW_TO_GET_IAM = (
    "A report needs to know what is granted. Save it, once per account, with\n"
    "  aws iam get-account-authorization-details > iam.json\n"
    "and add --iam iam.json"
)


def read(files: Sequence[Path]) -> Iam:
    """Read IAM files. Raises ``UsageError`` with the way to get one when there is none."""
    from cloudsearch.iam import load_iam

    if not files:
        raise UsageError(HOW_TO_GET_IAM)
    return load_iam(files)


def as_of(files: Sequence[Path], stated: str | None) -> datetime:
    """When the IAM files were true: as stated, else the oldest file's time."""
    if stated is None:
        return datetime.fromtimestamp(min(file.stat().st_mtime for file in files), UTC)
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError as error:
        raise UsageError(f"--iam-as-of {stated!r} is no date: write 2026-08-31 or 2026-08-31T12:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def chosen(iam: Iam, name: str, kind: str, accounts: Collection[str]) -> Principal:
    """The one principal of that name or ARN; an error names close matches, or the ARNs to choose from."""
    found = [principal for principal in iam.find(name, kind) if not accounts or principal.account in accounts]
    if len(found) == 1:
        return found[0]
    if found:
        arns = "\n".join(f"  {principal.arn}" for principal in found)
        raise UsageError(f"Several accounts have a {kind} {name}; give its ARN, or --account:\n{arns}")
    close = iam.close_matches(name, kind)
    hint = f" Close: {', '.join(close)}." if close else ""
    raise CloudsearchError(
        f"No {kind} {name!r} in the IAM files.{hint} `cloudsearch list {kind}s` names those that acted"
    )
