"""Policy documents, in any shape that IAM takes: text (URL-encoded or not) or object, one or a list everywhere.

What IAM would refuse raises ``PolicyError``, which names the policy, the statement and the element. Where leaving
something out cannot change what a policy means IAM's grammar is read with some patience: the names of elements and
operators have no case, a Sid may occur twice, a Statement may be an empty list, an empty Condition tests nothing.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from string import ascii_letters, digits
from typing import Any
from urllib.parse import unquote

from cloudsearch.errors import PolicyError
from cloudsearch.iam.operators import operator

VERSIONS = ("2012-10-17", "2008-10-17")
_DOCUMENT_ELEMENTS = ("Version", "Id", "Statement")
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
_IN_SERVICES = frozenset(f"{ascii_letters}{digits}-_.*?")
_MAY_BE_ANY = frozenset("*?$")


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
class Principals:
    """Whom a resource's policy speaks of, by kind: ``AWS``, ``Service`` ...; ``*`` where it names none."""

    kinds: tuple[tuple[str, tuple[str, ...]], ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. ``resources`` is None where a kind of policy has none (a role's trust policy).

    ``principals`` is None except in the policies of resources and the trust policies of roles.
    """

    index: int
    sid: str | None
    effect: Effect
    actions: Patterns
    resources: Patterns | None
    conditions: tuple[ConditionTest, ...] = ()
    has_variables: bool = True
    principals: Principals | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A policy's statements, in order. Policy variables have a meaning from version 2012-10-17 on.

    ``given`` is the JSON object it was read from, which may say the same otherwise: see ``as_given``.
    """

    version: str
    statements: tuple[Statement, ...]
    given: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


def parse(
    document: object, policy: str, *, needs_resource: bool = True, names_principals: bool | None = None
) -> Document:
    """Read a document; ``policy`` is the name that an error tells.

    A trust policy needs no resource, and names principals, as the policies of resources and their control policies do.
    """
    given = _given(document, policy)
    content = _by_element(given, f"policy {policy}", _DOCUMENT_ELEMENTS)
    version = content.get("version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError(f"policy {policy}: Version is {version!r}, not one of {', '.join(VERSIONS)}")
    if "statement" not in content:
        raise PolicyError(f"policy {policy}: has no Statement")
    statements = content["statement"] if isinstance(content["statement"], list) else [content["statement"]]
    variables = version == VERSIONS[0]
    principals = not needs_resource if names_principals is None else names_principals
    reader = _Reader(policy, variables=variables, needs_resource=needs_resource, names_principals=principals)
    return Document(version, tuple(reader.statement(index, one) for index, one in enumerate(statements)), given)


def as_given(document: Document) -> Mapping[str, Any]:
    """The document as it was read, its Id and its order of elements too; rendered where it was changed since."""
    given = document.given
    return given if given is not None and parse(given, "", needs_resource=False) == document else render(document)


def render(document: Document) -> dict[str, Any]:
    """The document as IAM writes it, ready for ``json.dumps``; to parse it gives the document again."""
    return {"Version": document.version, "Statement": [_rendered(one) for one in document.statements]}


def _rendered(statement: Statement) -> dict[str, Any]:
    content: dict[str, Any] = {"Sid": statement.sid} if statement.sid else {}
    content["Effect"] = statement.effect.value
    if (principals := statement.principals) is not None:
        whom = {kind: _one_or_list(names) for kind, names in principals.kinds}
        content["NotPrincipal" if principals.negated else "Principal"] = whom.get("*") or whom
    for name, patterns in (("Action", statement.actions), ("Resource", statement.resources)):
        if patterns is not None:
            content[f"Not{name}" if patterns.negated else name] = _one_or_list(patterns.texts)
    condition: dict[str, dict[str, Any]] = {}
    for test in statement.conditions:
        condition.setdefault(test.operator, {})[test.key] = _one_or_list(test.values)
    return content | ({"Condition": condition} if condition else {})


def _one_or_list(texts: tuple[str, ...]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else list(texts)


def _given(document: object, policy: str) -> dict[str, Any]:
    if isinstance(document, bytes):
        document = document.decode("utf-8", "replace")
    if isinstance(document, str):
        document = _decoded(document, policy)
    if not isinstance(document, dict):
        raise PolicyError(f"policy {policy}: is no JSON object but {type(document).__name__}")
    return document


def _decoded(text: str, policy: str) -> object:
    text = text.strip().lstrip("\ufeff")
    try:
        return json.loads(text if text.startswith("{") else unquote(text), object_pairs_hook=partial(_object, policy))
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"policy {policy}: is not JSON: {error}") from error


def _object(policy: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names all differ: of two the first would go lost."""
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PolicyError(f"policy {policy}: names {twice} twice in one object")
    return content


def _by_element(content: dict[Any, Any], where: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Elements by name in lower case, since IAM does not mind their case; two of one name are refused."""
    elements = {str(name).lower(): value for name, value in content.items()}
    if len(elements) != len(content):
        raise PolicyError(f"{where}: names an element twice")
    strange = elements.keys() - {name.lower() for name in known}
    if strange:
        raise PolicyError(f"{where}: there is no element {', '.join(sorted(strange))}")
    return elements


class _Reader:
    """Reads the statements of one policy."""

    def __init__(self, policy: str, *, variables: bool, needs_resource: bool, names_principals: bool) -> None:
        self._policy = policy
        self._variables = variables
        self._needs_resource = needs_resource
        self._names_principals = names_principals

    def statement(self, index: int, content: object) -> Statement:
        where = f"policy {self._policy}, statement {index}"
        if not isinstance(content, dict):
            raise PolicyError(f"{where}: is no object but {type(content).__name__}")
        elements = _by_element(content, where, _ELEMENTS)
        actions = _either(elements, "Action", where)
        resources = _either(elements, "Resource", where)
        if actions is None:
            raise PolicyError(f"{where}: has neither Action nor NotAction")
        if resources is None and self._needs_resource:
            raise PolicyError(f"{where}: has neither Resource nor NotResource")
        principals = _principals(elements, where)
        if principals and not self._names_principals:
            name = "NotPrincipal" if principals.negated else "Principal"
            raise PolicyError(f"{where}: has a {name}, which belongs in the policy of a resource")
        return Statement(
            index=index,
            sid=_sid(elements, where),
            effect=_effect(elements, where),
            actions=_action_names(actions, where),
            resources=_resource_names(resources, where),
            conditions=_conditions(elements.get("condition"), where),
            has_variables=self._variables,
            principals=principals,
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
    if not values:
        raise PolicyError(f"{where} is an empty list")
    if not all(isinstance(one, str) for one in values):
        raise PolicyError(f"{where} is neither a text nor a list of texts")
    return tuple(values)


def _principals(elements: dict[str, Any], where: str) -> Principals | None:
    negated = "notprincipal" in elements
    if negated and "principal" in elements:
        raise PolicyError(f"{where}: has both Principal and NotPrincipal")
    name = "NotPrincipal" if negated else "Principal"
    content = elements.get(name.lower())
    if content is None:
        return None
    if not isinstance(content, dict):
        return Principals((("*", _texts(content, f"{where}: {name}")),), negated)
    kinds = tuple((str(kind), _texts(names, f"{where}: {name} {kind}")) for kind, names in content.items())
    return Principals(kinds, negated)


def _action_names(actions: Patterns, where: str) -> Patterns:
    """Only ``*`` stands without a service.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    name = "NotAction" if actions.negated else "Action"
    for text in actions.texts:
        service, colon, action = text.partition(":")
        if not service or (colon != ":" and text.strip("*")) or not _IN_SERVICES.issuperset(service):
            raise PolicyError(f"{where}: {name} {text!r} names no service")
        if colon and (not action or ":" in action):
            raise PolicyError(f"{where}: {name} {text!r} is no service and an action of it")
    return actions


def _resource_names(resources: Patterns | None, where: str) -> Patterns | None:
    """ARNs, or ``*``; what wildcards or variables may make an ARN is taken for one."""
    for text in resources.texts if resources else ():
        if not text.startswith("arn:") and _MAY_BE_ANY.isdisjoint(text):
            name = "NotResource" if resources and resources.negated else "Resource"
            raise PolicyError(f"{where}: {name} {text!r} is neither an ARN nor *")
    return resources


def _conditions(condition: object, where: str) -> tuple[ConditionTest, ...]:
    """The tests of a Condition; an empty one, and an operator without keys, test nothing."""
    if condition is None:
        return ()
    if not isinstance(condition, dict):
        raise PolicyError(f"{where}: Condition is no object")
    tests = []
    for name, keys in condition.items():
        if operator(str(name)) is None:
            raise PolicyError(f"{where}: Condition {name} is no operator")
        if not isinstance(keys, dict):
            raise PolicyError(f"{where}: Condition {name} is no object")
        tests += [ConditionTest(name, key, _values(value, f"{where}: Condition {key}")) for key, value in keys.items()]
    return tuple(tests)


def _values(value: object, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int | float | bool) for one in values):
        raise PolicyError(f"{where} is neither a value nor a list of values")
    return tuple(one if isinstance(one, str) else json.dumps(one) for one in values)
