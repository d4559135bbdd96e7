"""Role chains behind ``cloudsearch report``: ``--through``, and ``--dest-role`` with ``--dest-account``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudsearch.cli.output import say
from cloudsearch.errors import CloudsearchError, UsageError

if TYPE_CHECKING:
    from cloudsearch.iam import Iam, Principal
    from cloudsearch.reports.destination import Destination
    from cloudsearch.reports.report import Options
    from cloudsearch.reports.sessions import Roles
    from cloudsearch.reports.through import ThroughRow
    from cloudsearch.reports.window import Window
    from cloudsearch.store import Store


def who_came(store: Store, span: Window, name: str, accounts: Sequence[str], iam: Iam | None) -> list[ThroughRow]:
    """Who came into the role of that name; the logs say which there are, and IAM's files, where there are any."""
    from cloudsearch.reports.through import through

    known = _roles(store, span, iam)
    return through(store, span, known, _chosen(name, accounts, known, iam))


@dataclass(frozen=True, slots=True)
class Into:
    """Whose doings in which role: ``--dest-role``, ``--dest-account``, or both; not anything without either."""

    iam: Iam
    origin: Principal
    role: str | None
    account: str | None

    def __bool__(self) -> bool:
        return bool(self.role or self.account)


def destinations(
    store: Store, span: Window, into: Into, options: Callable[[Principal], Options]
) -> Iterator[Destination]:
    """What the principal did in the role, or in each role of the account that it came into."""
    from cloudsearch.reports.destination import destination

    known = _roles(store, span, into.iam)
    for role in _targets(store, span, into, known):
        yield destination(store, span, known, into.origin, role, options(role))


def _targets(store: Store, span: Window, into: Into, known: Roles) -> Iterator[Principal]:
    from cloudsearch.cli import principals as who
    from cloudsearch.reports.destination import reached

    if into.role is not None:
        yield who.chosen(into.iam, into.role, "role", [into.account] if into.account else ())
        return
    arns = reached(store, span, known, into.origin, into.account or "")
    if not arns:
        say(f"note: the logs show no session of a role of account {into.account} that goes back to {into.origin.arn}")
    for arn in arns:
        if found := _role(into.iam, arn):
            yield found
        else:
            say(f"note: {arn} was reached, and is in none of the IAM files")


def _role(iam: Iam, arn: str) -> Principal | None:
    """The role of that ARN, with its path or without."""
    from cloudsearch.reports.openings import role_key

    return next((one for one in iam if one.kind == "role" and role_key(one.arn) == role_key(arn)), None)


def _roles(store: Store, span: Window, iam: Iam | None) -> Roles:
    from cloudsearch.reports.sessions import roles

    return roles(store, span, {one.id: one.arn for one in iam or () if one.id})


def _chosen(name: str, accounts: Sequence[str], known: Roles, iam: Iam | None) -> str:
    """The one role of that name; an error names close matches, or the ARNs to choose from."""
    from cloudsearch.reports.openings import role_key

    found = {role_key(arn): arn for arn in known.named(name, accounts)}
    told = iam.find(name, "role") if iam else ()
    found |= {role_key(one.arn): one.arn for one in told if not accounts or one.account in accounts}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        error = UsageError(f"Several roles are meant by {name}; give the ARN, or --account:")
        error.add_note("\n".join(f"  {arn}" for arn in sorted(found.values())))
        raise error
    close = known.close_matches(name)
    hint = f" Close: {', '.join(close)}." if close else ""
    raise CloudsearchError(
        f"The logs show no session of a role {name!r}.{hint} `cloudsearch list roles` names the roles"
    )
