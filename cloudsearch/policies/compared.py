"""What today's policies are compared with, each kind of it proved by the same history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudsearch.actions import ObservabilityClass, observability
from cloudsearch.errors import GateTripped
from cloudsearch.iam import Policy
from cloudsearch.policies.diff import Diff, diff
from cloudsearch.policies.enough import lacking
from cloudsearch.policies.examined import Examined
from cloudsearch.policies.generate import Wishes, generate
from cloudsearch.policies.replay import Answer, Replayed, replay
from cloudsearch.policies.unused import trimmed
from cloudsearch.policies.usage import usage
from cloudsearch.reports.coverage import Coverage
from cloudsearch.reports.report import Options, report
from cloudsearch.reports.window import Window
from cloudsearch.store import Store

MOST_NAMED = 8
_SHOWN = (ObservabilityClass.MANAGEMENT_CONFIRMED, ObservabilityClass.MANAGEMENT_ASSUMED)


@dataclass(frozen=True, slots=True)
class Others:
    """Policies to be in place of today's: what they are, in words, and what is to be said of them."""

    what: str
    policies: tuple[Policy, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """A principal's calls within a window, read as often as it takes."""

    store: Store
    window: Window
    covered: Coverage
    subject: Examined

    def replayed(self, policies: Sequence[Policy]) -> Replayed:
        """What would have become of the calls with these policies in place of today's."""
        calls = self.subject.calls(self.store, self.window, self.covered)
        return replay(calls, self.subject.judge(policies), self.subject.today)

    def generated(self, min_days: int) -> Others:
        """The policies that history makes; ``GateTripped`` where the logs are not enough to make them of."""
        subject = self.subject.subject
        if problem := lacking(subject, subject.account, self.covered, min_days):
            raise GateTripped(f"cannot conclude: {problem}; --against FILE compares with policies of your own")
        used = usage(self.subject.calls(self.store, self.window, self.covered), lambda _: subject.key)
        made = [generate(one, Wishes()) for _, one in sorted(used.items())]
        documents = [document for one in made for document in one.policies]
        names = [f"generated-{number}" for number in range(1, len(documents) + 1)]
        policies = (Policy(name, None, own, "generated") for name, own in zip(names, documents, strict=True))
        return Others("what history generates", tuple(policies), tuple(note for one in made for note in one.notes))

    def minus_unused(self, options: Options) -> Others:
        """Today's minus what is provably unused; ``GateTripped`` where nothing can be concluded."""
        found = trimmed(report(self.store, self.window, self.subject.principal, options), self.replayed)
        said = f"{len(found.gone):,} actions are provably unused"
        return Others("today's minus what is provably unused", found.policies, (said, *found.notes))

    def compared(self, others: Others) -> Diff:
        """The comparison with today's policies."""
        return diff(self.subject.principal, others.policies, self.subject.further, self.subject.facts)


def proved(found: Replayed) -> str:
    """What a replay came to, as a sentence."""
    if not found.total:
        return "replayed: no call that was let in is in the window, so it proves nothing"
    counts = ", ".join(f"{found.events[answer]:,} {answer}" for answer in Answer)
    lost = ", ".join(sorted(found.broken_actions - found.lost_actions))
    more = f"; of them not granted today either: {lost}" if lost else ""
    new = f" ({', '.join(sorted(found.lost_actions))})" if found.lost_actions else ""
    return f"replayed {found.total:,} calls: {counts}{new}{more}"


def unprovable(found: Diff) -> str | None:
    """Of the actions that would go, those whose use a log may not have shown, so that it proves nothing; if any."""
    gone = sorted(found.before - found.after)
    names = [action for action in gone if observability(action).observability not in _SHOWN]
    if not names:
        return None
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return (
        f"no log may have shown the use of {', '.join(names[:MOST_NAMED])}{more}, which would go; "
        "--remove-unused keeps what is not provably unused"
    )
