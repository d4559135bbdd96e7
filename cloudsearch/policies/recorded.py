"""A policy for what a command called, as client-side monitoring tells it: the calls, and not what they were made on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cloudsearch import catalogue
from cloudsearch.csm.summary import Summary
from cloudsearch.iam.documents import Document
from cloudsearch.policies.facts import limits
from cloudsearch.policies.parts import Known, Part, grouped
from cloudsearch.policies.sizes import fit


@dataclass(frozen=True, slots=True)
class ForACommand:
    """The policies, none where no call was let in, and what is to be said of them."""

    policies: tuple[Document, ...]
    notes: tuple[str, ...]


def policies_for(done: Summary) -> ForACommand:
    """Allow the actions of the calls that AWS let in, on every resource; ``TooLarge`` where no policy holds them.

    What was refused is not allowed, nor what was never answered or failed before that was decided.
    """
    let_in = {action for one in done.calls if one.let_in for action in one.actions}
    fitted = fit(grouped(map(_part, sorted(let_in))), limits()["managed"])
    takes = [action for action in sorted(let_in) if catalogue.arn_patterns(action)]
    refused = {*done.refused, *(action for one in done.calls if one.denied for action in one.actions)} - let_in
    failed = {action for one in done.calls if one.undetermined for action in one.actions} - let_in - refused
    return ForACommand(fitted.documents, tuple(_notes(takes, sorted(refused), sorted(failed))))


def _part(action: str) -> Part:
    return Part((action,), ("*",), known=Known.UNKNOWN if catalogue.arn_patterns(action) else Known.NONE)


def _notes(takes: Iterable[str], refused: Iterable[str], failed: Iterable[str]) -> Iterator[str]:
    if names := ", ".join(takes):
        yield f"client-side monitoring tells no resources, so * stands for those of {names}: name them"
    for action in refused:
        yield f"{action} was refused, so it is left out"
    for action in failed:
        yield f"{action} failed before it was decided whether it may, so it is left out"
