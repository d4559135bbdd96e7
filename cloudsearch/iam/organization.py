"""Service control policies: what an organisation lets the principals of its accounts do at most.

They come as files, each one level for all accounts (``load_scps``), or account by account from the tree that a
snapshot holds (``load_organizations``); ``Controls`` joins both and knows whom they do not bind: the management account
and service-linked roles. Delegated administrators and members, their root users too, are bound.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html

Resource control policies are in the tree as well, for those who ask what a resource lets in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cloudsearch.errors import SourceError
from cloudsearch.iam.documents import Effect, parse
from cloudsearch.iam.evaluate import Layer
from cloudsearch.iam.fields import objects, one_object, text, texts
from cloudsearch.iam.files import Value, is_other_part, moment, values
from cloudsearch.iam.principals import Policy, Principal

FILE = "organization.json"
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
_SCP, _RCP = "service control policy", "resource control policy"
_KINDS = {"ROOT": "root", "ORGANIZATIONAL_UNIT": "OU", "ACCOUNT": "account"}
_HOW_TO_SAVE = "save one with `aws organizations describe-policy --policy-id p-... > scp.json`"


@dataclass(frozen=True, slots=True)
class Target:
    """What policies are attached to: the root, a unit or an account (``parent`` is None for the root)."""

    id: str
    kind: str
    name: str
    parent: str | None
    policies: tuple[str, ...]

    def __str__(self) -> str:
        return {"root": "root", "OU": f"OU {self.name}"}.get(self.kind, f"account {self.id}")


@dataclass(frozen=True, slots=True)
class Organization:
    """An organisation as it was at a time; without an ``id`` an account in none, its own management account.

    ``targets`` and ``policies`` are by id, empty where the tree is not known;
    ``enabled`` are the types of policies in force; one that is not binds nobody, attached or not.
    """

    id: str
    management_account: str
    taken_at: datetime | None
    targets: Mapping[str, Target]
    policies: Mapping[str, Policy]
    types: Mapping[str, str]
    enabled: frozenset[str]

    def knows(self, account: str) -> bool:
        """Whether it can tell what binds an account."""
        return account == self.management_account or account in self.targets

    def layers_for(self, account: str) -> tuple[Layer, ...]:
        """The levels of service control policies above an account, from the root down; none for the management's."""
        return () if account == self.management_account else self._levels(account, SCP, _SCP)

    @property
    def levels(self) -> tuple[Layer, ...]:
        """Every level of service control policies that binds an account, each once."""
        accounts = [target.id for target in self.targets.values() if target.kind == "account"]
        layers = [layer for account in accounts for layer in self.layers_for(account)]
        return tuple({(layer.name, layer.allows_nothing): layer for layer in layers}.values())

    def resource_layers_for(self, account: str) -> tuple[Layer, ...]:
        """The levels of resource control policies above an account's resources; none for the management account's."""
        return () if account == self.management_account else self._levels(account, RCP, _RCP)

    def _levels(self, account: str, kind: str, called: str) -> tuple[Layer, ...]:
        if kind not in self.enabled:
            return ()
        path = reversed(list(self._upwards(account)))
        return tuple(Layer(f"{called} level {target}", tuple(self._attached(target, kind))) for target in path)

    def _attached(self, target: Target, kind: str) -> Iterator[Policy]:
        return (self.policies[one] for one in target.policies if self.types.get(one) == kind)

    def _upwards(self, account: str) -> Iterator[Target]:
        at, left = self.targets.get(account), len(self.targets)
        while at and left:
            yield at
            at, left = self.targets.get(at.parent or ""), left - 1


@dataclass(frozen=True, slots=True)
class Controls:
    """All that bounds principals from above: ``levels`` for every account, ``organizations`` for their own."""

    levels: tuple[Layer, ...] = ()
    organizations: tuple[Organization, ...] = ()

    def layers_for(self, principal: Principal) -> tuple[Layer, ...]:
        """The further layers of a principal, for ``grants``; each must allow."""
        told = self._of(principal.account)
        if principal.is_service_linked or (told and principal.account == told.management_account):
            return ()
        return (*self.levels, *(told.layers_for(principal.account) if told else ()))

    def knows(self, account: str) -> bool:
        """Whether anything tells what binds an account; where not, a grant holds as far as its own account goes."""
        return bool(self.levels) or self._of(account) is not None

    def organization_of(self, account: str) -> str | None:
        """The id of the account's organisation, empty where it is in none; None where nobody knows."""
        told = self._of(account)
        return told.id if told else None

    def _of(self, account: str) -> Organization | None:
        return next((one for one in self.organizations if one.knows(account)), None)


def load_scps(paths: Iterable[Path | str]) -> tuple[Layer, ...]:
    """Read service control policies, each file (or folder) one level.

    A file holds policy documents, or answers of ``aws organizations describe-policy``, or ``list-policies`` with a
    ``Content`` each; one or several. A root with ``Children`` below it, each with its ``Policies``, is several levels,
    as long as all accounts below have the same policies. ``SourceError`` names the file that is none of it,
    ``PolicyError`` the policy.
    """
    return tuple(level for path in map(Path, paths) for level in _levels(path))


def without_allow(layers: Iterable[Layer]) -> Iterator[str]:
    """A line for each level that allows nothing at all, which is seldom what was meant."""
    for layer in layers:
        effects = {statement.effect for policy in layer.policies for statement in policy.document.statements}
        if Effect.ALLOW not in effects:
            yield f"{layer.name} has no Allow, so nothing is granted below it; is FullAWSAccess missing?"


def load_organizations(paths: Iterable[Path | str]) -> tuple[Organization, ...]:
    """The organisations in the snapshots among the paths; of one told several times the latest that has its tree.

    An account in none is told too: it is the only one of its kind, and nothing binds it.
    """
    found: dict[str, Organization] = {}
    for value in values(file for path in map(Path, paths) for file in sorted(path.rglob(FILE))):
        if not is_other_part(value.content):
            raise SourceError(f"{value.where}: is no organisation of a snapshot; take the snapshot again")
        told = _organization(value) if value.content["organization"] else _alone(value)
        key = told.id or told.management_account
        if key not in found or _worth(told) >= _worth(found[key]):
            found[key] = told
    return tuple(sorted(found.values(), key=_worth, reverse=True))


def _alone(value: Value) -> Organization:
    account = str(value.content.get("account"))
    taken_at = moment(value.content["taken_at"])
    return Organization("", account, taken_at, {}, {}, {}, frozenset())


def _worth(told: Organization) -> tuple[bool, float]:
    return bool(told.targets), told.taken_at.timestamp() if told.taken_at else 0.0


def _levels(path: Path) -> Iterator[Layer]:
    read = list(values([path]))
    trees = [value for value in read if isinstance(value.content, dict) and "Children" in value.content]
    for value in trees:
        yield from _chain(value, value.content)
    policies = [policy for value in read if value not in trees for policy in _policies(value, value.content)]
    if policies or not trees:
        yield Layer(f"{_SCP} level {path.name}", tuple(policies))


def _chain(value: Value, node: dict[str, Any]) -> tuple[Layer, ...]:
    """A level for each node down to the accounts."""
    name = node.get("Name") or node.get("Id")
    own = Layer(
        f"service control policy level {name} of {Path(value.where).name}",
        tuple(_policies(value, objects(value.where, node, "Policies"))),
    )
    below = [_chain(value, child) for child in objects(value.where, node, "Children")]
    if any(_policies_of(other) != _policies_of(below[0]) for other in below):
        raise SourceError(
            f"{value.where}: below {name} not all have the same policies, and a level of --scp is for all accounts; "
            "give one file a level, or the folder of a `cloudsearch snapshot` to --iam"
        )
    return (own, *below[0]) if below else (own,)


def _policies_of(layers: Iterable[Layer]) -> list[frozenset[str]]:
    """What two branches must share to be one: the same policies, level by level."""
    return [frozenset(repr(policy.document) for policy in layer.policies) for layer in layers]


def _policies(value: Value, content: object) -> Iterator[Policy]:
    """The policies within a value, whatever the command that printed it."""
    if isinstance(content, list):
        for one in content:
            yield from _policies(value, one)
    elif not isinstance(content, dict):
        raise SourceError(f"{value.where}: holds no service control policy; {_HOW_TO_SAVE}")
    elif is_other_part(content):
        raise SourceError(f"{value.where}: is part of a snapshot; give the snapshot's folder to --iam")
    elif inner := content.get("Policy", content.get("Policies")):
        yield from _policies(value, inner)
    else:
        yield _policy(value, content)


def _policy(value: Value, content: dict[str, Any]) -> Policy:
    """One policy: its document alone, or as Organizations tells it, its summary beside or around the content."""
    if any(str(name).lower() == "statement" for name in content):
        name = Path(value.where).stem
        return Policy(name, None, parse(content, value.where), "SCP")
    summary = one_object(value.where, content, "PolicySummary") or content
    name = str(summary.get("Name") or summary.get("Id") or "")
    if not name:
        raise SourceError(f"{value.where}: holds no service control policy; {_HOW_TO_SAVE}")
    if summary.get("Type", SCP) != SCP:
        raise SourceError(f"{value.where}: {name} is a {summary['Type']}, no service control policy")
    if content.get("Content") is None:
        raise SourceError(f"{value.where}: has no Content of {name}; {_HOW_TO_SAVE}")
    return Policy(name, summary.get("Arn"), parse(content["Content"], f"{name} in {value.where}"), "SCP")


def _organization(value: Value) -> Organization:
    """The form that ``snapshot`` writes."""
    where = value.where
    about = one_object(where, value.content, "organization")
    told = objects(where, value.content, "policies")
    policies = {key: one for one in told if (key := text(where, one, "Id")) and one.get("Content") is not None}
    targets = [_target(where, one) for one in objects(where, value.content, "targets")]
    lost = {one for target in targets for one in target.policies} - policies.keys()
    lost |= {one.parent for one in targets if one.parent} - {one.id for one in targets}
    if lost:
        raise SourceError(f"{where}: lacks {', '.join(sorted(lost))}; take the snapshot again")
    name, management = text(where, about, "Id"), text(where, about, "MasterAccountId")
    if not (name and management):
        raise SourceError(f"{where}: lacks the organisation's Id or MasterAccountId; take the snapshot again")
    return Organization(
        id=name,
        management_account=management,
        taken_at=moment(value.content.get("taken_at")),
        targets={target.id: target for target in targets},
        policies={key: _attachable(one) for key, one in policies.items()},
        types={key: str(one.get("Type")) for key, one in policies.items()},
        enabled=frozenset(
            str(one.get("Type"))
            for one in objects(where, value.content, "policy_types")
            if one.get("Status") == "ENABLED"
        ),
    )


def _attachable(told: dict[str, Any]) -> Policy:
    """A policy of the tree: that of resources names principals."""
    name = str(told.get("Name"))
    document = parse(told["Content"], name, names_principals=told.get("Type") == RCP)
    return Policy(name, told.get("Arn"), document, "attached")


def _target(where: str, item: dict[str, Any]) -> Target:
    target, kind = text(where, item, "id"), text(where, item, "type")
    if kind not in _KINDS or not target:
        raise SourceError(f"{where}: a target is none: {str(item)[:200]}")
    attached = tuple(texts(where, item, "policies"))
    return Target(target, _KINDS[kind], str(item.get("name")), text(where, item, "parent"), attached)
