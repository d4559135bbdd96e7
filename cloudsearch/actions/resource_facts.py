"""The facts of ``data/resources.tsv``: where calls name their resources in a way that no general rule tells."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from cloudsearch import catalogue
from cloudsearch.actions import rules
from cloudsearch.actions.arns import Pattern, words_of
from cloudsearch.actions.hosts import label, prefixes
from cloudsearch.actions.naming import general, is_made, made, makes
from cloudsearch.actions.tables import table
from cloudsearch.actions.templates import Template, shape, template

ANY = "*"
_FILES = ("resources.tsv", "resources_apigateway.tsv")


def facts_for(
    action: str, event_source: str, event_name: str, patterns: tuple[Pattern, ...], type_name: str
) -> tuple[Template, ...]:
    """How a call of that name tells an action's resources.

    Facts of the call alone are all that counts for it; those of the whole service, and the general rule for each
    pattern without such a fact, count for every other call.
    """
    services = (action.partition(":")[0], *prefixes(event_source), label(event_source))
    name = rules.VERSION.sub("", event_name)
    short = action.partition(":")[2]
    for service in dict.fromkeys(services):
        written = _facts().get((service, name.lower(), short), ()) or _facts().get((service, name.lower(), ANY), ())
        if own := tuple(_written(patterns, written, is_specific=True)):
            return own
    common = _facts().get((services[0], ANY, short), ()) + _facts().get((services[0], ANY, ANY), ())
    found = tuple(_written(patterns, common, is_specific=False))
    told = {one.pattern for one in found}
    rest = (general(one, name, type_name, _twins(one, patterns)) for one in patterns if one not in told)
    new = (one for pattern in patterns if (one := made(pattern, name)))
    every = (*found, *rest, *new)
    if not _tags_what_it_makes(action, name):
        return every
    return tuple(one for one in every if is_made(one.pattern, name))


def _tags_what_it_makes(action: str, event_name: str) -> bool:
    """Whether the call makes something, and the action tags it: then nothing else that it names is tagged."""
    found = catalogue.find(action)
    return bool(found and found.access_level == "Tagging" and found.short_name != event_name and makes(event_name))


def _twins(pattern: Pattern, patterns: tuple[Pattern, ...]) -> list[Pattern]:
    return [one for one in patterns if one.words == pattern.words and one is not pattern]


def _written(patterns: tuple[Pattern, ...], written: tuple[str, ...], *, is_specific: bool) -> Iterator[Template]:
    for text in written:
        for pattern in shape_patterns(patterns, shape(text)):
            yield template(pattern, text, is_specific=is_specific)


def shape_patterns(patterns: tuple[Pattern, ...], resource: str) -> list[Pattern]:
    """The patterns of just that resource part; else one of the same words, or one that it fits."""
    if same := [one for one in patterns if one.resource == resource]:
        return same
    words = words_of(resource)
    alike = [one for one in patterns if one.words == words and words]
    return (alike or [one for one in patterns if one.words and one.fits(f"arn:aws:{one.service}:::{resource}")])[:1]


@lru_cache(maxsize=1)
def _facts() -> dict[tuple[str, str, str], tuple[str, ...]]:
    """(service prefix or host, call in lower case, short action) -> templates."""
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for service, events, actions, templates, _ in rows():
        for event in events.split(","):
            for action in actions.split(","):
                key = (service, event.lower(), action)
                found[key] = (*found.get(key, ()), *templates.split(" "))
    return found


def rows() -> Iterator[tuple[str, ...]]:
    """Every fact: service prefix, events, actions, templates, page."""
    for name in _FILES:
        yield from table(name, 5)
