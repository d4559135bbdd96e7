"""Who is granted what, as ``aws iam get-account-authorization-details`` tells it.

A file holds one answer or several one after another (pages, accounts), bare or within whatever a client or script put
around them; several files and folders make one picture. Of several snapshots of an account the newest counts; of files
without a date, a principal, group or policy that is told twice is as it was told last. What the files do not tell is
``missing``, never "not granted", and pages that say they go on when no page does are refused: whoever is on the lost
ones would pass for nobody.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cloudsearch.errors import SourceError
from cloudsearch.iam.credentials import is_credential_report, last_uses
from cloudsearch.iam.documents import parse
from cloudsearch.iam.fields import objects, one_object, text, texts, time
from cloudsearch.iam.files import Value, is_other_part, moment, values
from cloudsearch.iam.principals import Iam, LastUse, Policy, Principal, Version

_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList")
_DEPTH = 8  # wrappers of wrappers; no client puts more around a page


def load_iam(paths: Iterable[Path | str]) -> Iam:
    """Read authorization details and credential reports, from files and folders.

    ``SourceError`` names the file that is something else, ``PolicyError`` the policy.
    """
    return iam_of(values(paths))


def iam_of(found: Iterable[Value]) -> Iam:
    """The same for values that are read already."""
    answers: list[_Answer] = []
    uses: dict[str, tuple[LastUse, ...]] = {}
    notes = []
    for value in found:
        if is_credential_report(value.content):
            uses |= {arn: (*uses.get(arn, ()), *own) for arn, own in last_uses(value).items()}
        elif told := [_Page(value.where, page) for page in _pages(value.content, _DEPTH)]:
            answers.append(_Answer(value, told))
        elif not is_other_part(value.content):
            if value.is_named:
                raise SourceError(f"{value.where}: holds no authorization details; {_how_to_save(value.where)}")
            notes.append(f"{value.where}: holds no authorization details and is left aside")
    pages = [page for answer in _newest(answers, notes) for page in answer.pages]
    _refuse_cut_off(pages)
    if not pages:
        raise SourceError(f"None of the files holds authorization details; {_how_to_save('iam.json')}")
    return Iam(tuple(_principals(pages, uses)), tuple(notes))


def _how_to_save(name: str) -> str:
    return f"save them with `aws iam get-account-authorization-details > {Path(name).name}`"


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer of IAM, with the place it stands in."""

    where: str
    content: dict[str, Any]

    def items(self, name: str) -> list[dict[str, Any]]:
        return objects(self.where, self.content, name)

    @property
    def goes_on(self) -> bool:
        """Whether another page follows: the API's word for it, or the command's after ``--max-items``."""
        return _is_true(self.content.get("IsTruncated")) or bool(self.content.get("NextToken"))

    @property
    def account(self) -> str:
        """The account of the first entity on the page that has one; a page of AWS's own policies has none."""
        arns = (str(item.get("Arn")) for name in (*_LISTS, "Policies") for item in self.items(name))
        return next((account for account in map(_account, arns) if account.isdecimal()), "")


@dataclass(frozen=True, slots=True)
class _Answer:
    """A value's pages. Where it is a snapshot's it says which account it is of, whole, and when it was taken."""

    value: Value
    pages: list[_Page]

    @property
    def taken_at(self) -> datetime | None:
        content = self.value.content
        return moment(content.get("taken_at")) if isinstance(content, dict) else None

    @property
    def account(self) -> str:
        return str(self.value.content.get("account"))


def _newest(answers: Sequence[_Answer], notes: list[str]) -> Iterator[_Answer]:
    """All but the snapshots of an account of which there is a newer one: who is in none but those exists no more."""
    newest: dict[str, datetime] = {}
    for answer in answers:
        if taken_at := answer.taken_at:
            newest[answer.account] = max(taken_at, newest.get(answer.account, taken_at))
    for answer in answers:
        if (taken_at := answer.taken_at) and taken_at < newest[answer.account]:
            notes.append(f"{answer.value.where}: an older snapshot of account {answer.account}; it is left aside")
        else:
            yield answer


@dataclass(slots=True)
class _Shared:
    """What principals refer to: managed policies by ARN, groups by account and name."""

    managed: dict[str, Policy] = field(default_factory=dict)
    groups: dict[tuple[str, str], tuple[dict[str, Any], str, str]] = field(default_factory=dict)


def _pages(content: object, depth: int) -> Iterator[dict[str, Any]]:
    """Every page within a value."""
    if isinstance(content, dict) and _is_page(content):
        yield content
    elif depth and isinstance(content, dict | list):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from _pages(inner, depth - 1)


def _is_page(answer: dict[str, Any]) -> bool:
    """Whether it is IAM's answer: a page may hold policies alone, as an organisation's tree does, but with versions."""
    if any(name in answer for name in _LISTS):
        return True
    policies = answer.get("Policies")
    return isinstance(policies, list) and all(
        isinstance(policy, dict) and "PolicyVersionList" in policy for policy in policies
    )


def _refuse_cut_off(pages: Sequence[_Page]) -> None:
    """Every account's pages must come to an end; one of AWS's own policies alone may be the end of any account's."""
    ends = Counter(page.account for page in pages if not page.goes_on)
    cut_off = {page.account: page.where for page in pages if page.goes_on and not ends[page.account]}
    if len(cut_off) > ends[""]:
        raise SourceError(
            f"{next(iter(cut_off.values()))}: IAM's answer goes on and no file has the rest of it; save it whole, "
            "without --max-items: `aws iam get-account-authorization-details > iam.json`"
        )


def _principals(pages: Sequence[_Page], uses: Mapping[str, tuple[LastUse, ...]]) -> Iterator[Principal]:
    shared = _shared(pages)
    found: dict[str, Principal] = {}
    for page in pages:
        for kind, items in (("user", page.items("UserDetailList")), ("role", page.items("RoleDetailList"))):
            for item in items:
                principal = _principal(kind, item, shared, page.where)
                before = found.get(principal.arn)
                found[principal.arn] = replace(
                    principal,
                    role_last_used=_later(principal.role_last_used, before.role_last_used if before else None),
                    credential_uses=tuple(_own(principal, uses)),
                )
    yield from found.values()


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Of two uses the later: it happened, whichever file told it last."""
    return max((time for time in (one, other) if time), default=None)


def _own(principal: Principal, uses: Mapping[str, tuple[LastUse, ...]]) -> Iterator[LastUse]:
    """The uses of the principal's credentials, those of an earlier one of its name excepted."""
    for use in uses.get(principal.arn, ()):
        if principal.created is None or use.time >= principal.created:
            yield use


def _shared(pages: Sequence[_Page]) -> _Shared:
    shared = _Shared()
    for page in pages:
        for item in page.items("Policies"):
            document = _default_version(item, page.where)
            arn = _required(item, "Arn", page.where)
            if document is not None:
                name, versions = arn.rpartition("/")[2], _versions(item, page.where)
                shared.managed[arn] = Policy(name, arn, parse(document, arn), "attached", versions)
        for item in page.items("GroupDetailList"):
            arn = _required(item, "Arn", page.where)
            shared.groups[_account(arn), _required(item, "GroupName", page.where)] = (item, arn, page.where)
    return shared


def _default_version(policy: dict[str, Any], where: str) -> object:
    """The document in force, None where the file does not tell it."""
    for version in objects(where, policy, "PolicyVersionList"):
        if _is_default(version, policy):
            return version.get("Document")
    return None


def _is_true(value: object) -> bool:
    """Whether a flag is set, which some of those that turn IAM's XML into JSON leave a text."""
    return value in (True, "true")


def _is_default(version: dict[str, Any], policy: dict[str, Any]) -> bool:
    default = policy.get("DefaultVersionId")
    return _is_true(version.get("IsDefaultVersion")) or bool(default and version.get("VersionId") == default)


def _versions(policy: dict[str, Any], where: str) -> tuple[Version, ...]:
    """The version in force and those before it, the oldest first; none where the file lacks its time."""
    told = [(version, time(where, version, "CreateDate")) for version in objects(where, policy, "PolicyVersionList")]
    dated = [(version, created) for version, created in told if created]
    start = next((created for version, created in dated if _is_default(version, policy)), None)
    if start is None:
        return ()
    found = [
        (_is_default(version, policy), Version(str(version.get("VersionId")), created, version.get("Document")))
        for version, created in dated
        if created < start or _is_default(version, policy)
    ]
    return tuple(one for _, one in sorted(found, key=lambda each: (each[1].created, each[0])))


class _Attached:
    """The policies of one principal, and those whose documents are not in the files."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self.policies: list[Policy] = []
        self.missing: list[str] = []

    def take(self, item: dict[str, Any], arn: str, where: str, inline: str, how: str | None = None) -> None:
        """The inline policies (the name of their list differs) and the attached ones of a user, role or group."""
        for own in objects(where, item, inline):
            name = str(own.get("PolicyName"))
            if own.get("PolicyDocument") is None:
                self.missing.append(f"policy {name} of {arn}")
                continue
            document = parse(own["PolicyDocument"], f"{name} of {arn}")
            self.policies.append(Policy(name, None, document, how or "inline"))
        for reference in objects(where, item, "AttachedManagedPolicies"):
            if policy := self.managed(str(reference.get("PolicyArn"))):
                self.policies.append(replace(policy, attached=how or "attached"))

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
        item, arn, where = group
        self.take(item, arn, where, "GroupPolicyList", f"group {name}")


def _principal(kind: str, item: dict[str, Any], shared: _Shared, where: str) -> Principal:
    arn = _required(item, "Arn", where)
    account = _account(arn)
    attached = _Attached(shared)
    attached.take(item, arn, where, "UserPolicyList" if kind == "user" else "RolePolicyList")
    groups = tuple(texts(where, item, "GroupList"))
    for name in groups:
        attached.group(account, name)
    limit = one_object(where, item, "PermissionsBoundary")
    boundary_arn = _required(limit, "PermissionsBoundaryArn", where) if limit else None
    boundary = attached.managed(boundary_arn) if boundary_arn else None
    trust, last_used = item.get("AssumeRolePolicyDocument"), one_object(where, item, "RoleLastUsed")
    return Principal(
        arn=arn,
        name=_required(item, "UserName" if kind == "user" else "RoleName", where),
        path=text(where, item, "Path") or "/",
        id=text(where, item, "UserId" if kind == "user" else "RoleId"),
        kind=kind,
        created=time(where, item, "CreateDate"),
        account=account,
        policies=tuple(attached.policies),
        groups=groups,
        boundary_arn=boundary_arn,
        boundary=boundary,
        missing=tuple(dict.fromkeys(attached.missing)),
        role_last_used=time(where, last_used, "LastUsedDate"),
        role_last_region=text(where, last_used, "Region"),
        tags=_tags(objects(where, item, "Tags")),
        instance_profiles=tuple(str(one.get("Arn")) for one in objects(where, item, "InstanceProfileList")),
        trust=parse(trust, f"trust policy of {arn}", needs_resource=False) if trust else None,
    )


def _required(item: dict[str, Any], name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise SourceError(f"{where}: an entry has no {name}: {json.dumps(item)[:200]}")
    return value


def _account(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""


def _tags(tags: Iterable[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple({str(tag.get("Key")): str(tag.get("Value")) for tag in tags}.items())
