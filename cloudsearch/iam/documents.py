"""Policy documents, in any shape that IAM takes: text (URL-encoded or not) or object, one or a list everywhere.

What IAM would refuse raises ``PolicyError``, which names the policy, the statement and the element.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from cloudsearch.errors import PolicyError

VERSIONS = ("2012-10-17", "2008-10-17")
_ELEMENTS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)


class Effect(StrEnum):
    """What a statement does with what it covers."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Patterns:
    """The texts of an element and whether they are its ``Not`` form: NotAction, NotResource."""

    texts: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConditionTest:
    """One key of a ``Condition`` under its operator, as written; the statement holds only if every test does."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. ``resources`` is None where a kind of policy has none (a role's trust policy)."""

    index: int
    sid: str | None
    effect: Effect
    actions: Patterns
    resources: Patterns | None
    conditions: tuple[ConditionTest, ...] = ()
    has_variables: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A policy's statements, in order. Policy variables have a meaning from version 2012-10-17 on."""

    version: str
    statements: tuple[Statement, ...]


def parse(document: object, policy: str, *, needs_resource: bool = True) -> Document:
    """Read a document; ``policy`` is the name that an error tells."""
    content = _content(document, policy)
    version = content.get("version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError(f"policy {policy}: Version is {version!r}, not one of {', '.join(VERSIONS)}")
    if "statement" not in content:
        raise PolicyError(f"policy {policy}: has no Statement")
    statements = content["statement"] if isinstance(content["statement"], list) else [content["statement"]]
    variables = version == VERSIONS[0]
    reader = _Reader(policy, variables=variables, needs_resource=needs_resource)
    return Document(version, tuple(reader.statement(index, one) for index, one in enumerate(statements)))


def _content(document: object, policy: str) -> dict[str, Any]:
    if isinstance(document, bytes):
        document = document.decode("utf-8", "replace")
    if isinstance(document, str):
        document = _decoded(document, policy)
    if not isinstance(document, dict):
        raise PolicyError(f"policy {policy}: is no JSON object but {type(document).__name__}")
    return _by_element(document, f"policy {policy}")


def _decoded(text: str, policy: str) -> object:
    text = text.strip().lstrip("\ufeff")
    try:
        return json.loads(text if text.startswith("{") else unquote(text))
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"policy {policy}: is not JSON: {error}") from error


def _by_element(content: dict[Any, Any], where: str) -> dict[str, Any]:
    """Elements by name in lower case, since IAM does not mind their case; two of one name are refused."""
    elements = {str(name).lower(): value for name, value in content.items()}
    if len(elements) != len(content):
        raise PolicyError(f"{where}: names an element twice")
    return elements


class _Reader:
    """Reads the statements of one policy."""

    def __init__(self, policy: str, *, variables: bool, needs_resource: bool) -> None:
        self._policy = policy
        self._variables = variables
        self._needs_resource = needs_resource

    def statement(self, index: int, content: object) -> Statement:
        where = f"policy {self._policy}, statement {index}"
        if not isinstance(content, dict):
            raise PolicyError(f"{where}: is no object but {type(content).__name__}")
        elements = _by_element(content, where)
        strange = elements.keys() - {name.lower() for name in _ELEMENTS}
        if strange:
            raise PolicyError(f"{where}: there is no element {', '.join(sorted(strange))}")
        actions = _either(elements, "Action", where)
        resources = _either(elements, "Resource", where)
        if actions is None:
            raise PolicyError(f"{where}: has neither Action nor NotAction")
        if resources is None and self._needs_resource:
            raise PolicyError(f"{where}: has neither Resource nor NotResource")
        return Statement(
            index=index,
            sid=_sid(elements, where),
            effect=_effect(elements, where),
            actions=_action_names(actions, where),
            resources=resources,
            conditions=_conditions(elements.get("condition"), where),
            has_variables=self._variables,
        )


def _effect(elements: dict[str, Any], where: str) -> Effect:
    effect = elements.get("effect")
    if effect not in tuple(Effect):
        raise PolicyError(f"{where}: Effect is {effect!r}, neither Allow nor Deny")
    return Effect(effect)


def _sid(elements: dict[str, Any], where: str) -> str | None:
    sid = elements.get("sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError(f"{where}: Sid is no text")
    return sid or None


def _either(elements: dict[str, Any], name: str, where: str) -> Patterns | None:
    """The element or its ``Not`` form."""
    plain, negated = name.lower() in elements, f"not{name.lower()}" in elements
    if plain and negated:
        raise PolicyError(f"{where}: has both {name} and Not{name}")
    if not plain and not negated:
        return None
    key = f"Not{name}" if negated else name
    return Patterns(_texts(elements[key.lower()], f"{where}: {key}"), negated)


def _texts(value: object, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise PolicyError(f"{where} is neither a text nor a list of texts")
    return tuple(values)


def _action_names(actions: Patterns, where: str) -> Patterns:
    for text in actions.texts:
        if ":" not in text and text.strip("*"):
            raise PolicyError(f"{where}: {'NotAction' if actions.negated else 'Action'} {text!r} names no service")
    return actions


def _conditions(condition: object, where: str) -> tuple[ConditionTest, ...]:
    """The tests of a Condition; an empty one, and an operator without keys, test nothing."""
    if condition is None:
        return ()
    if not isinstance(condition, dict):
        raise PolicyError(f"{where}: Condition is no object")
    tests = []
    for operator, keys in condition.items():
        if not isinstance(keys, dict):
            raise PolicyError(f"{where}: Condition {operator} is no object")
        tests += [
            ConditionTest(operator, key, _values(value, f"{where}: Condition {key}")) for key, value in keys.items()
        ]
    return tuple(tests)


def _values(value: object, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | float | bool) for one in values):
        raise PolicyError(f"{where} is neither a value nor a list of values")
    return tuple(one if isinstance(one, str) else json.dumps(one) for one in values)
