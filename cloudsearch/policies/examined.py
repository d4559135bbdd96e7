"""Whose calls are judged, and by which policies: a principal with what bounds it, as IAM or the events know it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from cloudsearch.event import Copy
from cloudsearch.iam import IDENTITY, Facts, Layer, Policy, Principal, facts_of
from cloudsearch.iam.judge import Judge
from cloudsearch.iam.layers import layers_of
from cloudsearch.policies.history import Used, history
from cloudsearch.policies.subjects import Subject, acting, asked_of, in_accounts, named
from cloudsearch.reports.coverage import Coverage
from cloudsearch.reports.window import Window
from cloudsearch.store import Store


@dataclass(frozen=True, slots=True)
class Examined:
    """A user or role, the layers that bound it from above, and the id of its account's organisation, if known."""

    subject: Subject
    further: tuple[Layer, ...] = ()
    organization: str | None = None

    @property
    def is_told(self) -> bool:
        """Whether IAM told of it, and so of its grants."""
        return self.subject.principal is not None

    @property
    def principal(self) -> Principal:
        """As IAM told of it; else as far as its ARN tells, without any policy."""
        return self.subject.principal or _unknown(self.subject)

    @property
    def facts(self) -> Facts:
        """What is known of it whatever it asks for; where IAM did not tell, nothing of its tags."""
        facts = facts_of(self.principal, self.organization)
        return facts if self.is_told else replace(facts, has_all_tags=False)

    @property
    def today(self) -> Judge | None:
        """What judges by its grants as they are; None where nobody told of them."""
        return self._judge(self._layers, self.principal.missing) if self.is_told else None

    @property
    def _layers(self) -> list[Layer]:
        """Its own. A boundary that nobody told stays as it is: what was let in, it let in."""
        return [layer for layer in layers_of(self.principal) if layer.is_told]

    def judge(self, policies: Sequence[Policy], *, with_grants: bool = False) -> Judge:
        """What judges by these policies in place of its own, or beside them; its boundary stays."""
        own, *bounds = self._layers
        layers = (Layer(IDENTITY, (*(own.policies if with_grants else ()), *policies)), *bounds)
        missing = self.principal.missing
        if not with_grants:
            missing = tuple(one for one in missing if one == self.principal.boundary_arn)
        return self._judge(layers, missing)

    def _judge(self, layers: Sequence[Layer], missing: tuple[str, ...]) -> Judge:
        return Judge((*layers, *self.further), self.principal.partition, missing, self.facts)

    def calls(self, store: Store, window: Window, covered: Coverage) -> Iterator[Used]:
        """Its calls that were let in; the resource owner's copies only where no log of its own account is loaded."""
        copies = (Copy.CALLER,) if covered.of(self.principal.account).days else (Copy.CALLER, Copy.OWNER)
        return history(store, window, asked_of([self.subject]), copies=copies)


def found_acting(store: Store, window: Window, kind: str, name: str, accounts: Collection[str]) -> Examined:
    """The one of that name or ARN that acted within the window."""
    return Examined(named(list(in_accounts(acting(store, window), accounts)), kind, name))


def _unknown(subject: Subject) -> Principal:
    whole = subject.key.partition("/")[2]
    return Principal(
        arn=subject.key,
        name=subject.name,
        path=f"/{whole}".removesuffix(subject.name),
        id=None,
        kind=subject.kind,
        created=None,
        account=subject.account,
        policies=(),
    )
