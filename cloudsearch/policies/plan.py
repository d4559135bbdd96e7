"""A roll-out in files: the new policies, the way back, and a trial in which what is to go is denied and watched.

``canary`` policies are attached beside today's for a while. They deny what is to go, so whoever still needs it is
refused and seen in ``denied``; detaching them gives everything back at once. Each ends by itself: its Condition holds
until the trial's last day.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws-dates.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cloudsearch.actions import ObservabilityClass, observability
from cloudsearch.iam import ConditionTest, Document, Effect, Patterns, Policy, Statement
from cloudsearch.iam.documents import as_given, render
from cloudsearch.policies.diff import Diff, actions_of, file_name
from cloudsearch.policies.facts import limits
from cloudsearch.policies.parts import text
from cloudsearch.policies.splitting import shortened

VERSION = "2012-10-17"
_SEEN = (ObservabilityClass.MANAGEMENT_CONFIRMED, ObservabilityClass.MANAGEMENT_ASSUMED)


@dataclass(frozen=True, slots=True)
class Trial:
    """From when until when the canary denies."""

    since: datetime
    until: datetime

    @property
    def test(self) -> ConditionTest:
        """The Condition that ends it."""
        return ConditionTest("DateLessThan", "aws:CurrentTime", (f"{self.until:%Y-%m-%dT%H:%M:%SZ}",))


def trial_of(now: datetime, days: int) -> Trial:
    """From now on, for so many days."""
    return Trial(now, now + timedelta(days=days))


def canaries(found: Diff, after: Sequence[Policy], trial: Trial) -> tuple[Policy, ...]:
    """Denies of what is to go, in as many managed policies as it takes; none where nothing goes.

    Of an action that stays on some resources all others are denied. That it stays under a Condition alone no Deny can
    try, nor a NotResource.
    """
    gone = shortened(found.before - found.after)
    wanted = [_deny("WholeActions", gone, Patterns(("*",)), trial)] if gone else []
    for resources, actions in _narrowed(found, after):
        wanted.append(_deny("OtherResources", shortened(actions), Patterns(resources, negated=True), trial))
    packed = _packed([piece for one in wanted for piece in _pieces(one)])
    names = [f"canary-{number}" for number in range(1, len(packed) + 1)] if len(packed) > 1 else ["canary"]
    return tuple(Policy(name, None, _document(own), "canary") for name, own in zip(names, packed, strict=True))


def _deny(sid: str, actions: tuple[str, ...], resources: Patterns, trial: Trial) -> Statement:
    return Statement(0, sid, Effect.DENY, Patterns(actions), resources, (trial.test,))


def _narrowed(found: Diff, after: Sequence[Policy]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Actions that stay on fewer resources, by those that they stay on."""
    narrowed = {name for row in found.rows for name in row.narrowed} & found.after
    stays: dict[str, set[str] | None] = {}
    for policy in after:
        for one in policy.document.statements:
            for action in actions_of(one) if one.effect is Effect.ALLOW else ():
                if action.name in narrowed:
                    kept, own = stays.setdefault(action.name, set()), _plain_resources(one)
                    stays[action.name] = None if kept is None or own is None else kept | own
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, resources in sorted(stays.items()):
        if resources and "*" not in resources:
            groups.setdefault(tuple(sorted(resources)), []).append(name)
    return sorted(groups.items())


def _plain_resources(statement: Statement) -> set[str] | None:
    """The resources of a statement that a Deny of all others can name; None where it names those it does not have."""
    if statement.resources is None or statement.resources.negated:
        return None
    return set(statement.resources.texts)


def _pieces(statement: Statement) -> Iterator[Statement]:
    """The statement, in halves of its actions until each fits a managed policy of its own; alone the last may not."""
    texts = statement.actions.texts
    if len(text(_document([statement]))) <= limits()["managed"].characters:
        yield statement
    elif len(texts) > 1:
        for half in (texts[: len(texts) // 2], texts[len(texts) // 2 :]):
            yield from _pieces(
                _deny(statement.sid or "", half, statement.resources or Patterns(("*",)), _trial(statement))
            )


def _trial(statement: Statement) -> Trial:
    until = datetime.fromisoformat(statement.conditions[0].values[0])
    return Trial(until, until)


def _packed(pieces: Iterable[Statement]) -> list[list[Statement]]:
    policies: list[list[Statement]] = []
    for piece in pieces:
        if policies and len(text(_document([*policies[-1], piece]))) <= limits()["managed"].characters:
            policies[-1].append(piece)
        else:
            policies.append([piece])
    return policies


def _document(statements: Sequence[Statement]) -> Document:
    """The statements as a policy; Sids differ within one."""
    return Document(
        VERSION,
        tuple(
            Statement(at, f"{one.sid}{at or ''}", one.effect, one.actions, one.resources, one.conditions)
            for at, one in enumerate(statements)
        ),
    )


def files(found: Diff, after: Sequence[Policy], trial: Trial, notes: Sequence[str]) -> dict[str, str]:
    """The plan: file names, below a folder, and what is in each."""
    own = {f"new/{name}": content for name, content in _named(after, render)}
    own |= {f"rollback/{name}": content for name, content in _named(found.principal.policies, as_given)}
    watching = canaries(found, after, trial)
    own |= {f"canary/{name}": content for name, content in _named(watching, render)}
    return own | {"PLAN.md": "\n".join(_plan(found, watching, trial, notes)) + "\n"}


def _unseen(found: Diff) -> list[str]:
    """What goes whose refusals a log need not show: data events, and calls that CloudTrail never logs."""
    return [one for one in sorted(found.before - found.after) if observability(one).observability not in _SEEN]


def _named(policies: Sequence[Policy], content: Callable[[Document], Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    taken: list[str] = []
    for policy in policies:
        taken.append(file_name(policy.name, taken))
        yield f"{taken[-1]}.json", f"{json.dumps(content(policy.document), indent=2)}\n"


def watch(found: Diff, trial: Trial) -> str:
    """The command line that shows whom the canary refuses."""
    return (
        f"cloudsearch denied --since {trial.since:%Y-%m-%dT%H:%M:%SZ} --account {found.principal.account} "
        "--fail-on denied"
    )


def _plan(found: Diff, watching: Sequence[Policy], trial: Trial, notes: Sequence[str]) -> Iterator[str]:
    principal = found.principal
    yield f"# {principal.kind} {principal.arn}"
    yield ""
    yield f"{len(found.before):,} actions are granted today, {len(found.after):,} with `new/`."
    yield ""
    if watching:
        yield "1. Attach the policies in `canary/` beside today's. They deny what is to go,"
        yield f"   until {trial.until:%Y-%m-%d}."
        yield "2. Load the logs and look, each day of the trial, whom they refuse. Exit 10 says that somebody is:"
        yield ""
        yield f"       {watch(found, trial)}"
        yield ""
        yield f"   Refusals of `{principal.arn}` that name an explicit deny are the canary's."
        yield "   Detach it, and everything is as it was."
        if unseen := _unseen(found):
            yield f"   A refusal of these may leave no event, so ask who runs it: {', '.join(shortened(unseen))}."
        yield "3. When nobody was refused, put `new/` in place of today's policies and detach the canary."
    else:
        yield "1. Nothing goes that a Deny could try. Put `new/` in place of today's policies."
    yield ""
    yield "To go back: the policies in `rollback/` are today's, statement by statement; an Id is left out."
    for at, note in enumerate(notes):
        yield from (("", "Notes:", "") if at == 0 else ())
        yield f"- {note}"
