"""From ``--role NAME`` and ``--iam FILE`` to the principal that is meant; without a file IAM itself is asked."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cloudsearch.cli.output import say
from cloudsearch.errors import AccessError, CloudsearchError, UsageError

if TYPE_CHECKING:
    from cloudsearch.iam import Controls, Iam, Principal
    from cloudsearch.iam.live import Tell

HOW_TO_GET_IAM = (
    "A report needs to know what is granted. Save it, once per account, with\n"
    "  aws iam get-account-authorization-details > iam.json\n"
    "and add --iam iam.json"
)


@dataclass(frozen=True, slots=True)
class Asking:
    """How AWS is asked: as the caller, or as each of the roles; ``--profile``, ``--role-arn``, ``--external-id``."""

    profile: str | None = None
    role_arns: Sequence[str] = ()
    external_id: str | None = None

    def __bool__(self) -> bool:
        return bool(self.profile or self.role_arns or self.external_id)


def read(files: Sequence[Path], asking: Asking | None = None) -> Iam:
    """Read IAM files, or ask IAM where none is given. Notes go to stderr; an error says how to get a file instead."""
    from cloudsearch.iam import load_iam

    if files and asking:
        raise UsageError("--iam says what IAM told; leave out --profile, --role-arn and --external-id, or --iam")
    iam = load_iam(files) if files else _ask(asking or Asking())
    for note in iam.notes:
        say(f"note: {note}")
    return iam


def known(files: Sequence[Path], asking: Asking | None = None) -> Iam | None:
    """As ``read``; None where there is neither a file nor any credential, since a listing can do without."""
    from cloudsearch.iam.aws import NoCredentials

    try:
        return read(files, asking)
    except NoCredentials:
        say("note: there are neither --iam nor AWS credentials: only those that acted are listed")
        return None


def _ask(asking: Asking) -> Iam:
    from cloudsearch.iam import Iam
    from cloudsearch.iam.aws import Access, connect
    from cloudsearch.iam.live import ask_iam

    try:
        with progress() as tell:
            told = [
                ask_iam(connect(Access(asking.profile, role_arn, asking.external_id)), tell)
                for role_arn in asking.role_arns or (None,)
            ]
    except AccessError as error:
        error.add_note(HOW_TO_GET_IAM)
        raise
    return Iam(
        tuple(principal for iam in told for principal in iam.principals),
        tuple(note for iam in told for note in iam.notes),
    )


@contextmanager
def progress() -> Iterator[Tell]:
    """A line on stderr that says what AWS is being asked; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda text: print(f"\r\x1b[2K{text[:100]}", end="", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)  # noqa: T201


def controls(files: Sequence[Path], scps: Sequence[Path]) -> Controls:
    """What bounds the principals from above: ``--scp`` files, and the organisation in a snapshot given to ``--iam``."""
    from cloudsearch.iam import Controls, load_organizations, load_scps, without_allow

    levels, organizations = load_scps(scps), load_organizations(files)
    for line in without_allow((*levels, *(level for one in organizations for level in one.levels))):
        say(f"note: {line}")
    return Controls(levels, organizations)


def as_of(files: Sequence[Path], stated: str | None, account: str | None = None) -> datetime:
    """When IAM was as told: as stated, else as the snapshot says, else the oldest file's time; now where IAM is asked.

    With an account, files that say they are of another do not count.
    """
    from cloudsearch.iam import as_of as told_by

    if stated is None:
        return told_by(files, account) or datetime.now(UTC)
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
        error = UsageError(f"Several {kind}s are meant by {name}; give the ARN, or --account:")
        error.add_note("\n".join(f"  {principal.arn}" for principal in found))
        raise error
    if elsewhere := iam.find(name, kind):
        there_is = ", ".join(principal.arn for principal in elsewhere)
        raise CloudsearchError(f"IAM told of no {kind} {name!r} of account {', '.join(accounts)}; there is {there_is}")
    close = iam.close_matches(name, kind)
    hint = f" Close: {', '.join(close)}." if close else ""
    raise CloudsearchError(f"IAM told of no {kind} {name!r}.{hint} `cloudsearch list {kind}s` names those that acted")
