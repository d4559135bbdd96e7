"""Policies in files, in any shape that AWS tells them, as somebody means to have them.

A document alone, a list of documents, or what ``get-role-policy`` and ``get-policy-version`` print: objects that hold
one under ``PolicyDocument``, ``Document`` or ``Content``, by themselves or below others. Several are a union.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudsearch.errors import PolicyError, SourceError
from cloudsearch.iam import Policy, parse

STDIN = "-"
_HOLDING = ("PolicyDocument", "Document", "Content")
_AROUND = ("PolicyVersion", "Policy", "Policies", "RolePolicyList", "UserPolicyList", "GroupPolicyList")
_NAMES = ("PolicyName", "Name")


def policies_in(files: Iterable[Path]) -> tuple[Policy, ...]:
    """The policies of all the files, named after them; of a folder all that end in ``.json``; ``-`` is stdin.

    ``SourceError`` for a file that cannot be read or holds none, ``PolicyError`` for what IAM would not take.
    """
    found: dict[str, Policy] = {}
    for path in files:
        for policy in _policies(path):
            found[_free(policy.name, found)] = policy
    return tuple(Policy(name, policy.arn, policy.document, policy.attached) for name, policy in found.items())


def _free(name: str, taken: Mapping[str, Policy]) -> str:
    """The name, or one with a number that nothing else has."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free


def _policies(path: Path) -> Iterator[Policy]:
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise SourceError(f"{path} holds no .json file: name the policies, or a folder of them")
        for file in files:
            yield from _policies(file)
        return
    content = _content(path)
    found = list(_found(content, "policy" if str(path) == STDIN else path.stem))
    if not found:
        raise SourceError(f"{path} holds no policy: a document has a Statement")
    yield from found


def _content(path: Path) -> object:
    try:
        text = sys.stdin.read() if str(path) == STDIN else path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no UTF-8 text") from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"policy {path}: is not JSON: {error}") from error
    return text if _is_document(content) else content  # the text tells names that are there twice


def _found(content: object, name: str) -> Iterator[Policy]:
    if isinstance(content, list):
        for one in content:
            yield from _found(one, name)
    elif isinstance(content, str) or _is_document(content):
        yield Policy(name, None, parse(content, name), "proposed")
    elif isinstance(content, dict):
        named = next((str(content[key]) for key in _NAMES if content.get(key)), name)
        for key in _HOLDING:
            if content.get(key) is not None:
                yield Policy(named, _arn(content), parse(content[key], named), "proposed")
        for key in _AROUND:
            yield from _found(content[key], named) if isinstance(content.get(key), dict | list) else ()


def _is_document(content: object) -> bool:
    return isinstance(content, dict) and any(str(name).lower() == "statement" for name in content)


def _arn(content: Mapping[str, Any]) -> str | None:
    arn = content.get("PolicyArn") or content.get("Arn")
    return arn if isinstance(arn, str) else None


def names(policies: Sequence[Policy]) -> str:
    """The policies' names, as a line tells them."""
    return ", ".join(policy.name for policy in policies)
