"""Who is granted what, as ``aws iam get-account-authorization-details`` tells it.

A file holds one answer or several one after another (pages, accounts); several files make one picture. A principal,
group or policy that is told twice is as it was told last. What a file does not tell is ``missing``, never
"not granted".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cloudsearch.errors import SourceError
from cloudsearch.iam.documents import parse
from cloudsearch.iam.principals import Iam, Policy, Principal

_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList")
_DECODER = json.JSONDecoder()


def load_iam(paths: Iterable[Path | str]) -> Iam:
    """Read authorization details. ``SourceError`` names the file that is not, ``PolicyError`` the policy."""
    pages = [page for path in map(Path, paths) for page in _pages(path)]
    return Iam(tuple(_principals(pages)))


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer of IAM, with the file it stands in."""

    path: Path
    content: dict[str, Any]

    def items(self, name: str) -> list[dict[str, Any]]:
        items = self.content.get(name) or []
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise SourceError(f"{self.path}: {name} is no list of objects")
        return items


@dataclass(slots=True)
class _Shared:
    """What principals refer to: managed policies by ARN, groups by account and name."""

    managed: dict[str, Policy] = field(default_factory=dict)
    groups: dict[tuple[str, str], tuple[dict[str, Any], str]] = field(default_factory=dict)


def _pages(path: Path) -> Iterator[_Page]:
    for content in _values(path):
        answers = content if isinstance(content, list) else [content]
        for answer in answers:
            if not isinstance(answer, dict) or not _is_page(answer):
                raise SourceError(
                    f"{path}: holds no authorization details; "
                    f"save them with `aws iam get-account-authorization-details > {path.name}`"
                )
            yield _Page(path, answer)


def _is_page(answer: dict[str, Any]) -> bool:
    """Whether it is IAM's answer: a page may hold policies alone, as an organisation's tree does, but with versions."""
    if any(name in answer for name in _LISTS):
        return True
    policies = answer.get("Policies")
    return isinstance(policies, list) and all(
        isinstance(policy, dict) and "PolicyVersionList" in policy for policy in policies
    )


def _values(path: Path) -> Iterator[object]:
    """The JSON values of a file, one after another."""
    text = _text(path)
    at = 0
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{path}: is not JSON: {error}") from error
        yield value
        at = end + len(text[end:]) - len(text[end:].lstrip())


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8 text") from error
    if not text:
        raise SourceError(f"{path}: is empty")
    return text


def _principals(pages: Sequence[_Page]) -> Iterator[Principal]:
    shared = _shared(pages)
    found: dict[str, Principal] = {}
    for page in pages:
        for kind, items in (("user", page.items("UserDetailList")), ("role", page.items("RoleDetailList"))):
            for item in items:
                principal = _principal(kind, item, shared, page.path)
                found[principal.arn] = principal
    yield from found.values()


def _shared(pages: Sequence[_Page]) -> _Shared:
    shared = _Shared()
    for page in pages:
        for item in page.items("Policies"):
            document = _default_version(item)
            arn = _required(item, "Arn", page.path)
            if document is not None:
                shared.managed[arn] = Policy(arn.rpartition("/")[2], arn, parse(document, arn), "attached")
        for item in page.items("GroupDetailList"):
            arn = _required(item, "Arn", page.path)
            shared.groups[_account(arn), _required(item, "GroupName", page.path)] = (item, arn)
    return shared


def _default_version(policy: dict[str, Any]) -> object:
    """The document in force, None where the file does not tell it."""
    for version in policy.get("PolicyVersionList") or []:
        if version.get("IsDefaultVersion") or version.get("VersionId") == policy.get("DefaultVersionId"):
            return version.get("Document")
    return None


class _Attached:
    """The policies of one principal, and those whose documents are not in the files."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self.policies: list[Policy] = []
        self.missing: list[str] = []

    def take(self, item: dict[str, Any], arn: str, inline: str, how: str | None = None) -> None:
        """The inline policies (the name of their list differs) and the attached ones of a user, role or group."""
        for policy in item.get(inline) or []:
            name = str(policy.get("PolicyName"))
            document = parse(policy.get("PolicyDocument"), f"{name} of {arn}")
            self.policies.append(Policy(name, None, document, how or "inline"))
        for reference in item.get("AttachedManagedPolicies") or []:
            if policy := self.managed(str(reference.get("PolicyArn"))):
                self.policies.append(Policy(policy.name, policy.arn, policy.document, how or "attached"))

    def managed(self, arn: str) -> Policy | None:
        """A managed policy, noted as missing where the files have none of it."""
        policy = self._shared.managed.get(arn)
        if policy is None:
            self.missing.append(arn)
        return policy

    def group(self, account: str, name: str) -> None:
        """What a user has through a group."""
        group = self._shared.groups.get((account, name))
        if group is None:
            self.missing.append(f"group {name}")
            return
        item, arn = group
        self.take(item, arn, "GroupPolicyList", f"group {name}")


def _principal(kind: str, item: dict[str, Any], shared: _Shared, path: Path) -> Principal:
    arn = _required(item, "Arn", path)
    account = _account(arn)
    attached = _Attached(shared)
    attached.take(item, arn, "UserPolicyList" if kind == "user" else "RolePolicyList")
    groups = tuple(str(name) for name in item.get("GroupList") or [])
    for name in groups:
        attached.group(account, name)
    boundary_arn = (item.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    boundary = attached.managed(boundary_arn) if boundary_arn else None
    return Principal(
        arn=arn,
        name=_required(item, "UserName" if kind == "user" else "RoleName", path),
        path=item.get("Path") or "/",
        id=item.get("UserId" if kind == "user" else "RoleId"),
        kind=kind,
        created=_time(item.get("CreateDate")),
        account=account,
        policies=tuple(attached.policies),
        groups=groups,
        boundary_arn=boundary_arn,
        boundary=boundary,
        missing=tuple(dict.fromkeys(attached.missing)),
        role_last_used=_time((item.get("RoleLastUsed") or {}).get("LastUsedDate")),
        tags=_tags(item.get("Tags") or []),
    )


def _required(item: dict[str, Any], name: str, path: Path) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise SourceError(f"{path}: an entry has no {name}: {json.dumps(item)[:200]}")
    return value


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""


def _time(value: object) -> datetime | None:
    """A time as any of AWS's clients writes it, UTC; none where it is not one."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _tags(tags: Iterable[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple({str(tag.get("Key")): str(tag.get("Value")) for tag in tags}.items())
