"""A ``Where`` as text of Lucene's query syntax, which both products take in a saved object and hand to the engine.

Only what a dashboard of ours asks is said: no free text, no range of texts. Every group has its brackets, since the
engines' parser has no precedence of AND over OR, and no group is of negations alone, which would find nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cloudsearch.event import Field
from cloudsearch.stores.mappings import RECORD_KEYWORDS, name_of
from cloudsearch.where import And, Everything, Exists, In, Not, Or, Path, Pattern, Range, Scalar, Subject, Where

_SPECIAL = re.compile(r"""([+\-=&|><!(){}\[\]^"'~:\\/ ])""")
_QUOTED = re.compile(r'(["\\])')
_ESCAPED = r"\\\1"
ALL = "*:*"


def field_name(subject: Subject) -> str:
    """The name that an engine knows a subject by; ``ValueError`` for what is not mapped by its own name."""
    if isinstance(subject, Field):
        return name_of(subject)
    if isinstance(subject, Path) and subject.path in RECORD_KEYWORDS:
        return subject.path
    raise ValueError(f"{subject} is no field by its own name")


def lucene(where: Where) -> str:
    """The query; empty for every row. ``ValueError`` for what cannot be said so."""
    return "" if isinstance(where, Everything) else _text(where)


def _text(where: Where) -> str:
    match where:
        case Everything():
            return ALL
        case And(parts) if parts:
            return _all(parts)
        case Or(parts) if parts:
            return f"({' OR '.join(map(_text, parts))})"
        case Not():
            return _all((where,))
    return _leaf(where)


def _leaf(where: Where) -> str:
    match where:
        case In(subject, values):
            return _in(field_name(subject), values)
        case Exists(subject):
            return f"_exists_:{field_name(subject)}"
        case Pattern(subject, pattern, ignore_case=False, escaped=False):
            return f"{field_name(subject)}:{_SPECIAL.sub(_ESCAPED, pattern)}"
        case Range(Field() as subject, start, end):
            return f"{name_of(subject)}:[{_bound(start)} TO {_bound(end)}}}"
    raise ValueError(f"No dashboard may ask {where}")


def _all(parts: tuple[Where, ...]) -> str:
    """A negation stands as such beside something that is not one."""
    texts = [f"NOT {_text(part.part)}" if isinstance(part, Not) else _text(part) for part in parts]
    if all(isinstance(part, Not) for part in parts):
        texts.insert(0, ALL)
    return f"({' AND '.join(texts)})"


def _in(name: str, values: tuple[Scalar | None, ...]) -> str:
    texts = [f"{name}:{_value(value)}" for value in values if value is not None]
    if None in values:
        texts.append(f"({ALL} AND NOT _exists_:{name})")
    if not texts:
        raise ValueError(f"{name} has to be something")
    return texts[0] if len(texts) == 1 else f"({' OR '.join(texts)})"


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f'"{value.astimezone(UTC).isoformat(timespec="milliseconds")}"'
    return f'"{_QUOTED.sub(_ESCAPED, value)}"' if isinstance(value, str) else str(value)


def _bound(value: str | float | datetime | None) -> str:
    return "*" if value is None else _value(value)
