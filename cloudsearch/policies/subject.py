"""Whose history it is: a principal that IAM told of, or one that the events alone know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.event import Copy
from cloudsearch.iam import IDENTITY, Facts, Layer, Policy, Principal, facts_of
from cloudsearch.iam.judge import Judge
from cloudsearch.iam.layers import layers_of
from cloudsearch.policies.history import Used, history
from cloudsearch.reports.coverage import Coverage
from cloudsearch.reports.principals import account_of, arns_of
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, Exists, In

_F = EVENTS.by_name
_KINDS = {"user": ("IAMUser",), "role": ("AssumedRole", "Role")}


@dataclass(frozen=True, slots=True)
class Subject:
    """A principal, what bounds it from above, and whether IAM told of its grants; ``organization`` is its account's."""

    principal: Principal
    further: tuple[Layer, ...] = ()
    organization: str | None = None
    is_told: bool = True

    @property
    def today(self) -> Judge | None:
        """What judges by its grants as they are; None where nobody told of them."""
        return self._judge(layers_of(self.principal)) if self.is_told else None

    @property
    def facts(self) -> Facts:
        """What is known of it whatever it asks for; where IAM did not tell, nothing of its tags."""
        facts = facts_of(self.principal, self.organization)
        return facts if self.is_told else replace(facts, has_all_tags=False)

    def judge(self, policies: Sequence[Policy], *, with_grants: bool = False) -> Judge:
        """What judges by these policies in place of its own, or beside them; its boundary stays."""
        own, *bounds = layers_of(self.principal)
        kept = own.policies if with_grants else ()
        return self._judge((Layer(IDENTITY, (*kept, *policies)), *bounds), is_whole=not with_grants)

    def _judge(self, layers: Sequence[Layer], *, is_whole: bool = False) -> Judge:
        """A judge; with ``is_whole`` no policy of the identity's is missing."""
        principal = self.principal
        missing = tuple(one for one in principal.missing if not is_whole or one == principal.boundary_arn)
        return Judge((*layers, *self.further), principal.partition, missing, self.facts)

    def calls(self, store: Store, window: Window, covered: Coverage) -> Iterator[Used]:
        """Its calls that were let in; the resource owner's copies only where no log of its own account is loaded."""
        copies = (Copy.CALLER,) if covered.of(self.principal.account).days else (Copy.CALLER, Copy.OWNER)
        ids = (self.principal.id,) if self.principal.id else ()
        return history(store, window, (*arns_of(self.principal), *ids), copies=copies)


def acting(store: Store, window: Window, name: str, kind: str, accounts: Collection[str]) -> Subject:
    """The one principal of that name or ARN that acted; without IAM nothing more is known of it than its ARN."""
    caller = In(_F["copy"], (Copy.CALLER, Copy.OWNER))
    where = And((window.where(_F["time"]), caller, Exists(_F["principal"]), In(_F["principal_type"], _KINDS[kind])))
    arns = [str(group.key[0]) for group in store.group(EVENTS, (_F["principal"],), where)]
    known = [arn for arn in arns if not accounts or account_of(arn) in accounts]
    found = [arn for arn in known if name in (arn, _name(arn), _whole(arn))]
    if len(found) == 1:
        return Subject(_unknown(found[0], kind), is_told=False)
    if found:
        error = UsageError(f"Several {kind}s are meant by {name}; give the ARN, or --account:")
        error.add_note("\n".join(f"  {arn}" for arn in found))
        raise error
    close = get_close_matches(name, {_name(arn) for arn in known})
    hint = f" Close: {', '.join(close)}." if close else ""
    raise CloudsearchError(
        f"No {kind} {name!r} acted in the window.{hint} `cloudsearch list {kind}s` names those that did"
    )


def _unknown(arn: str, kind: str) -> Principal:
    path = f"/{_whole(arn)}".removesuffix(_name(arn))
    return Principal(
        arn=arn, name=_name(arn), path=path, id=None, kind=kind, created=None, account=account_of(arn), policies=()
    )


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _whole(arn: str) -> str:
    """Path and name, without the slash before them."""
    return arn.partition("/")[2]
