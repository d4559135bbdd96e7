"""A snapshot: what the reports need from AWS, kept as files, a folder an account, each file dated.

    DIR/111122223333/authorization-details.json   users, groups, roles, policies, as AWS's own command prints them
                     credential-report.json       when passwords and access keys were last used
                     trails.json                  trails, their status and selectors
                     organization.json            the tree, service and resource control policies (if it may be asked)

Each begins ``{"taken_at": ISO time, "account": id``. They name everybody in the account, so only their owner may read
them. A file is written whole or not at all; what AWS refuses leaves an earlier file as it was, with its own date.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cloudsearch.errors import AccessError, CloudsearchError, SourceError
from cloudsearch.iam import live
from cloudsearch.iam.aws import Aws
from cloudsearch.iam.live import Json, Tell


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a snapshot: where it was written, or why it could not be had; ``text`` says which, for people."""

    account: str
    name: str
    path: Path | None
    text: str
    error: CloudsearchError | None = None


class Snapshot:
    """Writes the parts of one account after another; an organisation that was told whole is not asked again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._organizations: set[str] = set()

    def take(self, aws: Aws, now: datetime, tell: Tell) -> Iterator[Part]:
        """Ask for every part and write what is given."""
        parts: dict[str, Callable[[Aws, Tell], Iterator[_Piece]]] = {
            "authorization-details": self._details,
            "credential-report": self._report,
            "trails": self._trails,
            "organization": self._organization,
        }
        for name, ask in parts.items():
            try:
                for piece in ask(aws, tell):
                    yield self._kept(piece, name, aws.account, now)
            except (AccessError, SourceError) as error:
                yield Part(aws.account, name, None, f"not in the snapshot: {error}", error)

    def _kept(self, piece: _Piece, name: str, account: str, now: datetime) -> Part:
        if isinstance(piece, CloudsearchError):
            return Part(account, name, None, f"in part not in the snapshot: {piece}", piece)
        content, text = piece
        path = self._folder / account / f"{name}.json"
        _write(path, {"taken_at": now.isoformat(timespec="seconds"), "account": account, **content})
        return Part(account, name, path, text)

    def _details(self, aws: Aws, tell: Tell) -> Iterator[_Piece]:
        details = live.authorization_details(aws, tell)
        users, groups, roles, policies = (len(details[name]) for name in live.ENTITIES)
        yield details, f"{users} users, {groups} groups, {roles} roles, {policies} managed policies"

    def _report(self, aws: Aws, tell: Tell) -> Iterator[_Piece]:
        yield live.credential_report(aws, tell), "last uses of passwords and access keys"

    def _trails(self, aws: Aws, tell: Tell) -> Iterator[_Piece]:
        trails, refused = live.trails(aws, tell)
        yield {"trails": trails}, f"{len(trails)} trails"
        yield from map(AccessError, refused)

    def _organization(self, aws: Aws, tell: Tell) -> Iterator[_Piece]:
        """The tree, or where it may not be asked the organisation alone: it names the management account."""
        about = live.organization(aws)
        if about is None:
            yield {"organization": None}, "the account is in no organisation"
            return
        if about["Id"] in self._organizations:
            return
        try:
            tree = live.tree(aws, tell)
        except (AccessError, SourceError) as error:
            yield {"organization": about}, f"{about['Id']}, without its tree"
            yield error
            return
        self._organizations.add(about["Id"])
        accounts = sum(target["type"] == "ACCOUNT" for target in tree["targets"])
        yield (
            {"organization": about, **tree},
            f"{about['Id']}: {accounts} accounts, {len(tree['policies'])} policies",
        )


_Piece = tuple[Json, str] | CloudsearchError


def _write(path: Path, content: dict[str, Any]) -> None:
    """For the owner's eyes alone, from the first byte on."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, default=_value)
            file.write("\n")
        partial.replace(path)
    except OSError as error:
        raise CloudsearchError(f"{path} could not be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _value(value: object) -> str:
    """Times as ISO text, in UTC as AWS gives them."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
