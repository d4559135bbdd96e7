"""``--keep-granted-only``: what a principal used, as far as it is granted today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache

from cloudsearch.actions import ObservabilityClass, observability
from cloudsearch.actions.arns import as_named, has_wildcard
from cloudsearch.iam import Layer, Principal, State, facts_of, granted, grants
from cloudsearch.iam.focus import Focus, acts_on
from cloudsearch.policies.generate import Keep


def granted_today(principal: Principal, further: Sequence[Layer] = (), organization: str | None = None) -> Keep:
    """Tells whether its policies grant an action on a resource, perhaps under a Condition.

    Of a resource that is a pattern, or that is not known, it tells whether they grant the action on any. One that the
    evaluation takes for none of the action's (a document of AWS's own has no account in its ARN) cannot be judged, and
    is kept: what is left out is taken from somebody.
    """
    facts = facts_of(principal, organization)

    @cache
    def states(action: str, resource: str | None) -> State:
        focus = Focus({action}, resource)
        layers = tuple(focus.layer(layer, facts) for layer in further)
        return granted(focus.principal(principal, facts), [action], layers, facts)[0].state

    def keep(action: str, resource: str) -> bool:
        one = None if has_wildcard(resource) else as_named(resource)
        return (one is not None and not acts_on(action, one)) or states(action, one) is not State.NOT_GRANTED

    return keep


def granted_unseen(principal: Principal, used: Collection[str]) -> str:
    """What its policies grant that a log may not show: by service, in a sentence; empty where there is none.

    Of these nothing can be said: they are in no policy unless they were seen.
    """
    hidden: Counter[str] = Counter()
    for grant in grants(principal):
        name = grant.action.name
        if grant.state is not State.NOT_GRANTED and name not in used and observability(name).observability in _HIDDEN:
            hidden[grant.action.service] += 1
    if not hidden:
        return ""
    most = ", ".join(f"{service} x {count}" for service, count in hidden.most_common(_NAMED))
    others = f" and {len(hidden) - _NAMED} services more" if len(hidden) > _NAMED else ""
    return (
        f"{hidden.total():,} actions are granted today whose use no management event shows, and left out as none was "
        f"seen: {most}{others}. Add those that are needed"
    )


_HIDDEN = frozenset({ObservabilityClass.DATA, ObservabilityClass.NEVER, ObservabilityClass.NO_OPERATION})
_NAMED = 8


def of_any(keeps: Collection[Keep]) -> Keep:
    """Whether any of several holds: of a permission set's roles."""
    return lambda action, resource: any(keep(action, resource) for keep in keeps)
