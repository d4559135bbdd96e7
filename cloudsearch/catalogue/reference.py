"""The pages of AWS's Service Reference, as AWS documents them: a list of services, and a page for each.

The format is that of "Simplified AWS service information for programmatic access" (``PAGE``). What AWS says there of
the parts that matter here:

- ``Annotations.Properties`` of an action are four booleans that do not exclude each other; all false means that the
  action only reads.
- Not every service has its operations mapped to actions; one that has not omits ``AuthorizedActions``. Permissions for
  what a service calls in turn with a forwarded session are not among them.
- A change may take 24 hours to appear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cloudsearch.catalogue.model import Action, arn_patterns
from cloudsearch.errors import CloudsearchError

PAGE = "https://docs.aws.amazon.com/service-authorization/latest/reference/service-reference.html"
MAJOR_VERSION = "v1"

_LAST_ACCESSED = "IAM Action Last Accessed"


class PageError(CloudsearchError):
    """A text is no page of the Service Reference as this version knows it; the message says why."""


class Listed(msgspec.Struct, frozen=True):
    """A line of the list: a service prefix, and where its page is."""

    service: str
    url: str


class _Named(msgspec.Struct, rename="pascal"):
    name: str


class _Properties(msgspec.Struct, rename="pascal"):
    is_list: bool
    is_permission_management: bool
    is_tagging_only: bool
    is_write: bool


class _Annotations(msgspec.Struct, rename="pascal"):
    properties: _Properties | None = None


class _RawAction(msgspec.Struct, rename="pascal"):
    name: str
    action_condition_keys: list[str] = []
    annotations: _Annotations | None = None
    resources: list[_Named] = []
    supported_by: dict[str, bool] = {}


class _RawType(msgspec.Struct, rename="pascal"):
    name: str
    arn_formats: list[str] = msgspec.field(name="ARNFormats", default_factory=list)


class _Authorized(msgspec.Struct, rename="pascal"):
    name: str
    service: str


class _Operation(msgspec.Struct, rename="pascal"):
    name: str
    authorized_actions: list[_Authorized] = []


class _RawPage(msgspec.Struct, rename="pascal"):
    name: str
    actions: list[_RawAction] = []
    resources: list[_RawType] = []
    operations: list[_Operation] = []
    version: str = MAJOR_VERSION


_LIST = msgspec.json.Decoder(list[Listed])
_PAGE = msgspec.json.Decoder(_RawPage)


@dataclass(frozen=True, slots=True)
class Page:
    """A service's page.

    ``actions`` and ``arns`` are as in ``Service``; an action's level is empty where the page does not tell it.
    ``operations`` holds those AWS has mapped: name as AWS writes it -> every action the operation may be authorised
    by. ``last_accessed``: name of an action in lower case -> whether IAM's last-accessed information covers it.
    """

    actions: Mapping[str, Action]
    arns: Mapping[str, tuple[str, ...]]
    operations: Mapping[str, tuple[str, ...]]
    last_accessed: Mapping[str, bool]


def listed(raw: bytes) -> list[Listed]:
    """The services that have a page. Raises ``PageError`` when the text is no such list, or an empty one."""
    try:
        found = _LIST.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(f"not a list of services ({error})") from error
    if not found:
        raise PageError("an empty list of services")
    return found


def page(raw: bytes, service: str) -> Page:
    """The page of a service. Raises ``PageError`` when the text is none, or of a version to come."""
    try:
        found = _PAGE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(f"not a page of the Service Reference ({error})") from error
    if found.version.partition(".")[0] != MAJOR_VERSION:
        raise PageError(f"of version {found.version}, and this cloudsearch reads {MAJOR_VERSION}")
    if found.name.lower() != service:
        raise PageError(f"the page of another service, {found.name}")
    return Page(
        actions={raw.name.lower(): _action(service, raw) for raw in found.actions},
        arns={kind.name.lower(): tuple(arn_patterns(kind.arn_formats)) for kind in found.resources},
        operations=_operations(found.operations),
        last_accessed={
            raw.name.lower(): raw.supported_by[_LAST_ACCESSED]
            for raw in found.actions
            if _LAST_ACCESSED in raw.supported_by
        },
    )


def _action(service: str, raw: _RawAction) -> Action:
    return Action(
        name=f"{service}:{raw.name}",
        service=service,
        access_level=_level(raw.annotations.properties) if raw.annotations and raw.annotations.properties else "",
        resource_types=tuple(kind.name for kind in raw.resources),
        condition_keys=tuple(raw.action_condition_keys),
    )


def _level(properties: _Properties) -> str:
    """IAM's one word for flags of which several may be set: the narrowest kind of change, else listing, else reading.

    The order is that of AWS's own tables, which give ``Permissions management, Write`` and ``Tagging, Write``. An
    action that lists and writes, which those have none of, is called writing: hiding what only reads must not hide it.
    """
    if properties.is_permission_management:
        return "Permissions management"
    if properties.is_tagging_only:
        return "Tagging"
    if properties.is_write:
        return "Write"
    return "List" if properties.is_list else "Read"


def _operations(raw: list[_Operation]) -> dict[str, tuple[str, ...]]:
    """Two clients of a service may have operations of one name (S3 and S3 Control have): their actions are joined."""
    found: dict[str, list[str]] = {}
    for operation in raw:
        actions = [f"{action.service.lower()}:{action.name}" for action in operation.authorized_actions]
        if actions:
            found.setdefault(operation.name, []).extend(actions)
    return {name: tuple(dict.fromkeys(actions)) for name, actions in found.items()}
