"""The general rule: which parameters name a resource, told from the fixed words of its ARN.

``function:*`` is named by ``functionName``, ``function`` or ``functionArn``; ``table/*/index/*`` by a table's name and
an index's. A name stands in an ARN only where ``data/resources_named.tsv`` says that the ARN ends in it; else the
parameter must be an id, or the whole ARN. ``name``, ``id`` and ``arn`` alone are the resource's whose noun the call
has: ``DescribeCluster``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from cloudsearch.actions import rules
from cloudsearch.actions.arns import Pattern
from cloudsearch.actions.parameters import plain
from cloudsearch.actions.readers import reader
from cloudsearch.actions.tables import table
from cloudsearch.actions.templates import WHOLE, Path, Slot, Template, prepared

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")
_ARNS = ("arn", "arns")
_IDS = ("id", "ids", "identifier", "identifiers")
_NAMES = ("", "s", "name", "names")
_CONTAINERS = ("s", "set", "sset", "list")
_BARE = ("name", "names")
_MAKERS = frozenset({"Create", "Register", "Allocate", "Import", "Run", "Request", "Copy", "Purchase", "Issue"})


def general(pattern: Pattern, event_name: str, type_name: str, twins: Sequence[Pattern] = ()) -> Template:
    """The template of the general rule for a pattern.

    ``type_name`` is the name of the action's resource type where it has no other: the word of a pattern without any.
    Where the stars have no words of their own, nothing but a whole ARN tells the resource. ``twins`` are the action's
    patterns of the same words: where the ARN of one of them ends in an id, an id is that one's.
    """
    pieces = pattern.resource.split("*")
    words = [_last_word(piece) for piece in pieces[:-1]] if pattern.words else [type_name]
    if pieces[-1] or len(words) != len(pieces) - 1 or not all(words):
        return prepared(pattern, (_whole([*pattern.words, type_name]),))
    noun, is_new = _noun(event_name)
    built: list[str | Slot] = []
    for at, word in enumerate(words):
        is_last = at == len(words) - 1
        is_named = (pattern.service, "*".join(pieces[: at + 1]) + "*") in _named()
        stems = _stems(word)
        is_its_call = is_last and (noun in stems if is_new else noun.startswith(plain(word).removesuffix("s")))
        takes_id = not is_named or all(_is_named(twin) for twin in twins)
        slot = _slot(stems, is_its_call=is_its_call, is_named=is_named, takes_id=takes_id)
        built += [pieces[at], slot] if pieces[at] else [slot]
    return prepared(pattern, tuple(built))


def made(pattern: Pattern, event_name: str) -> Template | None:
    """The template of what a call of that name makes: a wildcard in place of an id that did not exist before.

    None where the call makes nothing of that pattern, or a thing of a name.
    """
    noun, is_new = _noun(event_name)
    before, _, after = pattern.resource.rpartition("*")
    stems = _stems(_last_word(before))
    if not is_new or after or noun not in stems or "*" in before or _is_named(pattern):
        return None
    return Template(pattern, (f"{before}*",), is_fallback=True)


def is_made(pattern: Pattern, event_name: str) -> bool:
    """Whether what a call of that name makes or puts is of the pattern; True where nothing in the pattern tells."""
    return not pattern.words or not _stems(_noun(event_name)[0]).isdisjoint(_all_stems(pattern))


def makes(event_name: str) -> bool:
    """Whether a call of that name makes or puts something."""
    return event_name.startswith((*_MAKERS, "Put", "Restore"))


def _all_stems(pattern: Pattern) -> frozenset[str]:
    return frozenset(stem for word in pattern.words for stem in _stems(word))


def _stems(word: str) -> frozenset[str]:
    return frozenset({plain(word), plain(word).removesuffix("s")})


def _slot(stems: frozenset[str], *, is_its_call: bool, is_named: bool, takes_id: bool) -> Slot:
    known = (*_ARNS, *(_IDS if takes_id else ()))
    suffixes = (*known, *(_NAMES if is_named else ()))
    own = frozenset(stem + suffix for stem in stems for suffix in suffixes)
    bare = [frozenset({name}) for name in (*known, *(_BARE if is_named else ()))] if is_its_call else []
    inside = frozenset(stem + suffix for stem in stems for suffix in _CONTAINERS)
    paths = (*((names,) for names in (own, *bare)), (inside, own))
    named = (Path(path, reader("name")) for path in paths)
    return Slot((*named, *(Path((names,), reader("name"), arn_only=True) for names in (WHOLE, stems))))


def _whole(words: list[str]) -> Slot:
    """A slot for nothing but a whole ARN."""
    names = frozenset(plain(word) + suffix for word in words if word for suffix in (*_ARNS, *_IDS, *_NAMES))
    return Slot(tuple(Path((one,), reader("name"), arn_only=True) for one in (names, WHOLE)))


def _last_word(piece: str) -> str:
    return re.split(r"[/:]", piece.rstrip("/:"))[-1]


@lru_cache(maxsize=4096)
def _noun(event_name: str) -> tuple[str, bool]:
    """What a call does its verb to, as a plain name, and whether the verb makes it."""
    words = _WORD.findall(rules.VERSION.sub("", event_name))
    words = words[1:] if words[:1] == ["Batch"] else words
    return "".join(words[1:]).lower(), bool(words) and words[0] in _MAKERS


@lru_cache(maxsize=1)
def _named() -> frozenset[tuple[str, str]]:
    return frozenset((service, part) for service, parts in table("resources_named.tsv", 2) for part in parts.split(" "))


def _is_named(pattern: Pattern) -> bool:
    return (pattern.service, pattern.resource) in _named()


def named_parts() -> Iterator[tuple[str, str]]:
    """Every (service, resource part) whose ARN ends in a name."""
    yield from _named()
