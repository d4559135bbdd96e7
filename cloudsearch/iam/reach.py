"""Where an action is granted: the resources that the deciding statements name for it, as they write them.

A statement's patterns are kept as far as they can name a resource of a type that the action acts on; variables stay as
they stand. What remains after the Denies is not worked out: the three parts say what to compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from cloudsearch.iam.documents import Effect, Statement
from cloudsearch.iam.layers import IDENTITY, Layer, StatementRef, layers_of
from cloudsearch.iam.matching import covers, is_everything, matches_action, overlaps
from cloudsearch.iam.principals import Principal
from cloudsearch.iam.resources import Kind, kinds_of, loosened
from cloudsearch.iam.variables import widest

EVERYTHING_BUT = "everything but "
"""Stands before what a NotResource names."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Patterns of resources, each once: what the identity's Allows name, what further layers leave, what is denied."""

    granted_on: tuple[str, ...] = ()
    limited_to: tuple[str, ...] = ()
    denied_on: tuple[str, ...] = ()


_PARTS = tuple(field.name for field in fields(Reach))


class Reaches:
    """A principal's statements, and those of ``further`` layers, made ready to be asked where a grant holds."""

    def __init__(self, principal: Principal, further: Sequence[Layer] = ()) -> None:
        self._partition = principal.partition
        self._statements: dict[StatementRef, list[Statement]] = {}
        for layer in (*layers_of(principal), *further):
            for policy in layer.policies:
                for one in policy.document.statements:
                    ref = StatementRef(policy.name, one.sid, one.index, one.effect, layer.name)
                    self._statements.setdefault(ref, []).append(one)

    def of(self, action: str, deciding: Iterable[StatementRef]) -> Reach:
        """Where the ``deciding`` statements of a grant of the action let the principal act."""
        kinds = kinds_of(action, self._partition)
        parts: dict[str, dict[str, None]] = {part: {} for part in _PARTS}
        for ref in deciding:
            for one in self._statements.get(ref, ()):
                if _names(one, action):
                    parts[_part(ref)] |= dict.fromkeys(_patterns(one, kinds))
        return Reach(**{part: tuple(patterns) for part, patterns in parts.items()})


def _part(ref: StatementRef) -> str:
    if ref.effect is Effect.DENY:
        return "denied_on"
    return "granted_on" if ref.layer == IDENTITY else "limited_to"


def _names(statement: Statement, action: str) -> bool:
    """Whether it speaks of the action: another statement may stand at the same place of a policy of the same name."""
    covered = any(matches_action(text, action) for text in statement.actions.texts)
    return covered is not statement.actions.negated


def _patterns(statement: Statement, kinds: Sequence[Kind]) -> Iterator[str]:
    if statement.resources is None:
        yield "*"
    elif statement.resources.negated:
        yield EVERYTHING_BUT + ", ".join(statement.resources.texts)
    else:
        yield from (text for text in statement.resources.texts if _may_name(text, kinds))


def _may_name(text: str, kinds: Sequence[Kind]) -> bool:
    """Whether the pattern may name a resource of the kinds; where there is none only ``*`` does."""
    if is_everything(text):
        return True
    plain = widest(text)
    return any(_overlap(plain, kind.loose) and not _is_left_out(plain, kind) for kind in kinds)


def _overlap(text: str, arn: str) -> bool:
    """Whether they have an ARN in common: part by part, where no star of the text may go on past a colon."""
    parts, of_arn = text.split(":", 5), arn.split(":", 5)
    if len(parts) == len(of_arn) == 6 and not any("*" in part for part in parts[:5]):
        return all(overlaps(one, other) for one, other in zip(parts, of_arn, strict=True))
    return overlaps(text, arn)


def _is_left_out(text: str, kind: Kind) -> bool:
    return bool(kind.but) and covers(loosened(kind.but), text)
