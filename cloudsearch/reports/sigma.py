"""Sigma rules as questions: pySigma reads a rule and applies our pipeline of names, this makes a ``Where`` of it.

A rule's meaning is thereby ``Where.matches``, and every store answers alike. Texts compare whatever the case of the
letters A-Z, as Sigma has it, unless the rule says ``cased``. What a filter over single events cannot mean is said of
the rule that asks for it, and the rule is not run: correlations, aggregations and timeframes, regular expressions,
comparisons of two fields.

https://sigmahq.io/docs/basics/rules.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import yaml
from sigma.collection import SigmaCollection
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaNull,
    SigmaNumber,
    SigmaString,
    SpecialChars,
)

from cloudsearch.errors import SourceError, UsageError
from cloudsearch.event import Field, FieldType
from cloudsearch.names import MEMBERS, SAME, Addresses, Constant, Named, close_to, named
from cloudsearch.where import Address, And, Everything, Exists, In, Not, Or, Path, Pattern, Range, Subject, Text, Where

LARGEST_FILE = 1 << 20
_ENDINGS = (".yml", ".yaml")
_OPERATORS = SigmaCompareExpression.CompareOperators
_ALSO = (("sourceIpAddress", "sourceIPAddress"), ("source_ip", "sourceIPAddress"), ("eventId", "eventID"))
_CONSTANT = Field("constant", FieldType.KEYWORD, "what is the same for every event")
_ODD = (SigmaError, AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""What pySigma raises for what is no rule: its own errors, and Python's where it takes the shape of one for given."""


class Unsupported(Exception):
    """Something that a rule asks for and a filter over single events cannot mean."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it says of itself, and the question it asks, or why it asks none."""

    file: str
    title: str
    id: str | None = None
    level: str | None = None
    tags: tuple[str, ...] = field(default=())
    where: Where | None = None
    problem: str | None = None


def rules(paths: Sequence[FilePath]) -> list[Rule]:
    """The rules in files, and in the ``.yml`` files of folders, by path.

    ``SourceError`` for a place that cannot be read, ``UsageError`` where there is no rule at all.
    """
    found = [rule for path in _files(paths) for rule in _rules_of(path)]
    if not found:
        raise UsageError(f"There is no Sigma rule in {', '.join(map(str, paths))}: rules are files that end in .yml")
    return found


def _files(paths: Sequence[FilePath]) -> Iterator[FilePath]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix in _ENDINGS and one.is_file())
        elif path.is_file():
            yield path
        else:
            raise SourceError(f"There is nothing at {path}: give files or folders of Sigma rules")


def _rules_of(path: FilePath) -> Iterator[Rule]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            yield Rule(str(path), path.name, problem="the file is larger than 1 MiB, which no rule is")
            return
        documents = [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one is not None]
        collection = SigmaCollection.from_dicts(documents, collect_errors=True, resolve_references=False)
    except OSError as error:
        raise SourceError(f"{path} could not be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        yield Rule(str(path), path.name, problem=f"it is no YAML: {_first_line(error)}")
        return
    except _ODD as error:
        yield Rule(str(path), path.name, problem=f"it is no Sigma rule: {_first_line(error)}")
        return
    of_rules = [fault for rule in collection.rules for fault in rule.errors]
    for fault in (one for one in collection.errors if not any(one is known for known in of_rules)):
        yield Rule(str(path), path.name, problem=f"it is no Sigma rule: {_first_line(fault)}")
    for rule in collection.rules:
        yield _rule(str(path), rule)


def _rule(file: str, rule: Any) -> Rule:  # noqa: ANN401 (a rule, or what pySigma makes of other documents)
    where, problem = None, None
    try:
        where = _where_of(rule)
    except Unsupported as error:
        problem = str(error)
    except _ODD as error:
        problem = f"it is no Sigma rule: {_first_line(error)}"
    level = getattr(rule, "level", None)
    return Rule(
        file=file,
        title=str(getattr(rule, "title", None) or FilePath(file).name),
        id=str(rule.id) if getattr(rule, "id", None) else None,
        level=level.name.lower() if level else None,
        tags=tuple(map(str, getattr(rule, "tags", None) or ())),
        where=where,
        problem=problem,
    )


def _where_of(rule: Any) -> Where:  # noqa: ANN401
    if isinstance(rule, SigmaCorrelationRule):
        raise Unsupported("it is a correlation of rules, which looks at more than one event")
    if not isinstance(rule, SigmaRule):
        raise Unsupported("it is no rule by itself")
    if rule.errors:
        raise rule.errors[0]
    _check_source(rule)
    if "timeframe" in rule.detection.detections:
        raise Unsupported("it has a timeframe, which looks at more than one event")
    for condition in rule.detection.condition:
        if "|" in condition:
            raise Unsupported(f"it aggregates ({condition.partition('|')[2].strip()}), which looks at many events")
    pipeline().apply(rule)
    return Or(tuple(_condition(condition.parsed) for condition in rule.detection.parsed_condition))


def _check_source(rule: SigmaRule) -> None:
    source = rule.logsource
    if (source.product or "aws").lower() != "aws" or (source.service or "cloudtrail").lower() != "cloudtrail":
        told = "/".join(filter(None, (source.product, source.service)))
        raise Unsupported(f"it is for the logs of {told}, not of aws/cloudtrail")
    if source.product is None and source.service is None:
        raise Unsupported("it does not say that it is for the logs of aws/cloudtrail")


@cache
def pipeline() -> ProcessingPipeline:
    """CloudTrail's names for what rules call them: AWS's own in other letters, and the schema's as they are."""
    mapping: dict[str | None, str | list[str]] = {name.lower(): name for name in (*MEMBERS, *SAME)}
    mapping |= dict(_ALSO)
    return ProcessingPipeline(
        name="CloudTrail's names", items=[ProcessingItem(FieldMappingTransformation(mapping), identifier="names")]
    )


def _condition(node: Any) -> Where:  # noqa: ANN401 (pySigma's tree)
    match node:
        case ConditionAND():
            return And(tuple(map(_condition, node.args)))
        case ConditionOR():
            return Or(tuple(map(_condition, node.args)))
        case ConditionNOT():
            return Not(_condition(node.args[0]))
        case ConditionFieldEqualsValueExpression():
            return _equals(node.field, node.value)
        case ConditionValueExpression():
            return _anywhere(node.value)
    raise Unsupported(f"its condition has a {type(node).__name__}")


def _anywhere(value: Any) -> Where:  # noqa: ANN401 (any of pySigma's types)
    """A text that stands anywhere in the record."""
    match value:
        case SigmaExpansion():
            return Or(tuple(map(_anywhere, value.values)))
        case SigmaNumber():
            return Text(str(value.number))
        case SigmaString():
            parts = list(value.s)
            while parts and parts[0] is SpecialChars.WILDCARD_MULTI:
                parts.pop(0)
            while parts and parts[-1] is SpecialChars.WILDCARD_MULTI:
                parts.pop()
            if all(isinstance(part, str) for part in parts):
                return Text("".join(map(str, parts))) if parts else Everything()
            raise Unsupported("it looks for a text with wildcards inside in no field")
    raise Unsupported(f"it looks for {_kind(value)} in no field")


def _equals(name: str, value: Any) -> Where:  # noqa: ANN401
    subject = named(name)
    if subject is None:
        close = close_to(name)
        raise Unsupported(f"there is no field {name!r}{f'; is {close[0]} meant?' if close else ''}")
    return _of_field(name, subject, value)


def _of_field(name: str, subject: Named, value: Any) -> Where:  # noqa: ANN401, PLR0911 (a kind of value, a line)
    match value:
        case SigmaExpansion():
            return Or(tuple(_of_field(name, subject, one) for one in value.values))
        case SigmaNull():
            return Not(_exists(subject))
        case SigmaExists():
            return _exists(subject) if value.exists else Not(_exists(subject))
        case SigmaString():
            return _text(name, subject, value)
        case SigmaBool():
            return _exactly(subject, "true" if value.boolean else "false")
        case SigmaNumber() if type(value) is SigmaNumber:
            return _exactly(subject, str(value.number))
        case SigmaCIDRExpression():
            return _address(name, subject, str(value.network))
        case SigmaCompareExpression():
            return _compared(name, subject, value)
    raise Unsupported(f"it asks for {_kind(value)} in {name}")


def _text(name: str, subject: Named, value: SigmaString) -> Where:
    """A text, wildcards in it or not; an empty one is one that stands in the record as such."""
    if value == "":
        return In(Path(name) if "." in name or name in MEMBERS else _subject(subject), ("",))
    if list(value.s) == [SpecialChars.WILDCARD_MULTI]:
        return _exists(subject)
    pattern = "".join(_written(part) for part in value.s)
    if isinstance(subject, Field) and subject.type not in (FieldType.KEYWORD, FieldType.KEYWORDS):
        return _exactly(subject, str(value))
    if isinstance(subject, Constant):
        where: Where = Pattern(_CONSTANT, pattern, ignore_case=True, escaped=True)
        return Everything() if where.matches({_CONSTANT.name: subject.value}) else Or(())
    where = Pattern(_subject(subject), pattern, ignore_case=not isinstance(value, SigmaCasedString), escaped=True)
    return And((Address(subject.field), where)) if isinstance(subject, Addresses) else where


def _written(part: Any) -> str:  # noqa: ANN401
    if part is SpecialChars.WILDCARD_MULTI:
        return "*"
    if part is SpecialChars.WILDCARD_SINGLE:
        return "?"
    if isinstance(part, str):
        return "".join(f"\\{char}" if char in "*?\\" else char for char in part)
    raise Unsupported("it has a placeholder, for which there is no value")


def _exactly(subject: Named, text: str) -> Where:
    """A truth or number, as the field holds it."""
    match subject:
        case Field(type=FieldType.BOOLEAN):
            return In(subject, tuple(one for one in (True, False) if str(one).lower() == text.lower()))
        case Field(type=FieldType.INTEGER) if text.lstrip("-").isdigit():
            return In(subject, (int(text),))
        case Field(type=FieldType.TIME):
            raise Unsupported(f"it asks for {subject.name}, a time, as a text")
    return In(_subject(subject), (text,))


def _exists(subject: Named) -> Where:
    match subject:
        case Constant():
            return Everything()
        case Addresses(field):
            return Address(field)
    return Exists(subject)


def _subject(subject: Named) -> Subject:
    match subject:
        case Addresses(field):
            return field
        case Constant():
            return _CONSTANT
    return subject


def _address(name: str, subject: Named, network: str) -> Where:
    held = _subject(subject)
    if not isinstance(held, Field) or held.type is not FieldType.KEYWORD:
        raise Unsupported(f"it asks for a network in {name}, where addresses are not kept as such")
    return Address(held, network)


def _compared(name: str, subject: Named, value: SigmaCompareExpression) -> Where:
    held, number = _subject(subject), value.number.number
    if isinstance(held, Field) and held.type is not FieldType.INTEGER:
        raise Unsupported(f"it compares {name}, which is no number, with one")
    above, below = Range(held, number), Range(held, None, number)
    equal = In(held, (number,))
    match value.op:
        case _OPERATORS.LT:
            return below
        case _OPERATORS.LTE:
            return Or((below, equal))
        case _OPERATORS.GTE:
            return above
        case _OPERATORS.GT:
            return And((above, Not(equal)))
    return And((Exists(held), Not(equal)))


_KINDS = {
    "SigmaRegularExpression": "a regular expression",
    "SigmaFieldReference": "what another field holds",
    "SigmaQueryExpression": "a query of another language",
    "SigmaTimestampPart": "a part of a time",
}


def _kind(value: object) -> str:
    return _KINDS.get(type(value).__name__, f"a {type(value).__name__}")


def _first_line(error: object) -> str:
    return (str(error).split("\n", 1)[0] or type(error).__name__).strip()
