# ruff: noqa: INP001 (a script, no package)
"""Write ``cloudsearch/actions/data/takes.tsv``: which calls can be given tags or a role, and in which parameter.

    python tools/takes.py

Reads the input of every operation of every service model that botocore ships, which takes seconds: at run time the
result is read instead. Run it after a new botocore; a test says when. It says nothing of permissions: what a call that
was given tags or a role may have needed is told by ``cloudsearch.actions.possible``.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cloudsearch import catalogue  # noqa: E402 (the checkout's own, whatever is installed)
from cloudsearch.actions.hosts import prefixes  # noqa: E402
from cloudsearch.actions.mapping import actions_for  # noqa: E402
from cloudsearch.actions.parameters import plain  # noqa: E402

DATA = ROOT / "cloudsearch" / "actions" / "data"
HEAD = """\
# Calls of the public SDK models that can be given tags or a role, by parameter. Written by tools/takes.py.
# service prefix	what	path of the parameter	calls
"""
DEEPEST = 8
"""Steps of a path that are looked at; nothing that is given lies deeper."""

_READING = re.compile(
    r"(?:Batch)?(?:Check|Count|Describe|Estimate|Get|List|Lookup|Preview|Query|Search|Select)(?![a-z])"
)
_CHOOSING = ("filter", "criteria", "criterion", "condition", "selector", "selection", "exclu", "remove", "finding")
"""Words in the name of a parameter that chooses among what is there, or takes away, instead of giving anything."""
_TAGS = ("tags", "taglist", "tagslist", "tagset", "tagspecification", "tagspecifications", "tagging")
_COPIES = ("copy", "propagate", "enableecs")
_ROLE = re.compile(r"roles?(?:arns?|names?|identifier|update)?$|instanceprofile(?:arn|name)?$|roleoverride$")
_INNER = ("arn", "name")
"""Below a parameter that is named like a role, these are the role's: ``IamInstanceProfile.Arn``."""
_IAM = re.compile(r"\bIAM\b|\barn:|\bARN\b|Amazon Resource Name")


class Taken(NamedTuple):
    """A parameter in which a call can be given something."""

    service: str
    what: str
    path: str
    call: str


def taken() -> Iterator[Taken]:
    """Every such parameter of every operation, in all API versions."""
    for path in sorted(Path(str(resources.files("botocore") / "data")).glob("*/*/service-2.json.gz")):
        model = json.loads(gzip.decompress(path.read_bytes()))
        service = next(iter(prefixes(f"{model['metadata']['endpointPrefix']}.amazonaws.com")), None)
        for call, operation in model["operations"].items() if service else ():
            if service and "input" in operation and not _only_reads(service, call):
                for what, name in _of(model["shapes"], operation["input"]["shape"]):
                    yield Taken(service, what, name, call)


def _only_reads(service: str, call: str) -> bool:
    """Whether tags and roles among the call's parameters could but choose what is read."""
    actions = map(catalogue.find, actions_for(f"{service}.amazonaws.com", call).actions)
    return bool(_READING.match(call)) and all(one is None or one.access_level in ("List", "Read") for one in actions)


def _of(shapes: dict[str, Any], name: str) -> Iterator[tuple[str, str]]:
    for steps, member in _members(shapes, name, (), frozenset()):
        if not any(word in plain(step) for step in steps for word in _CHOOSING):
            inner = len(steps) > 1 and plain(steps[-1]) in _INNER
            shape = shapes[member["shape"]]
            if _is_tags(plain(steps[-1]), shape):
                yield "tags", ".".join(steps)
            elif _is_role(plain(steps[-2 if inner else -1]), shape, member):
                yield "role", ".".join(steps[:-1] if inner else steps)


def _members(
    shapes: dict[str, Any], name: str, steps: tuple[str, ...], above: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every member below a shape with the path to it, lists and maps looked through; no shape within itself."""
    shape = shapes[name]
    if name in above or len(steps) >= DEEPEST:
        return
    for inner in filter(None, (shape.get("member"), shape.get("value"))):
        yield from _members(shapes, inner["shape"], steps, above | {name})
    for own, member in shape.get("members", {}).items():
        yield (*steps, own), member
        yield from _members(shapes, member["shape"], (*steps, own), above | {name})


def _is_tags(name: str, shape: dict[str, Any]) -> bool:
    """Tags themselves, or the wish that those of something else be copied."""
    if not name.endswith(_TAGS):
        return False
    return shape["type"] in ("list", "map", "structure") or name == "tagging" or name.startswith(_COPIES)


def _is_role(name: str, shape: dict[str, Any], member: dict[str, Any]) -> bool:
    """A text, or texts, that name a role of IAM: by the parameter's name where it says so, else by its description."""
    if shape["type"] not in ("string", "list") or "enum" in shape or not _ROLE.search(name):
        return False
    said = f"{member.get('documentation', '')} {shape.get('documentation', '')} {shape.get('pattern', '')}"
    return name.endswith(("arn", "arns")) or "iam" in name or "profile" in name or bool(_IAM.search(said))


def rendered() -> str:
    """The file's text: a parameter a line, with the calls that have it."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for service, what, path, call in taken():
        found[service, what, path].add(call)
    return HEAD + "".join("\t".join((*key, ",".join(sorted(found[key])))) + "\n" for key in sorted(found))


if __name__ == "__main__":
    (DATA / "takes.tsv").write_text(rendered(), encoding="utf-8")
