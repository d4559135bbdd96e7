"""``generate --scp``: what whole accounts do without, as service control policies that deny it.

Denied are the services that provably nobody used, and all regions but those that were used. So a service that AWS adds
stays open, and several policies can share what is too much for one. A use that the logs could not have shown is never
taken for none: a service is denied only where the use of each of its actions would be in the log, and a limit of
regions leaves out the services that are used without a management event, and those that AWS runs for all regions.

Service control policies do not bind the management account, nor service-linked roles.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cloudsearch import catalogue
from cloudsearch.actions import ObservabilityClass, observability, prefixes
from cloudsearch.actions.homes import logged_elsewhere
from cloudsearch.iam import (
    IDENTITY,
    SCP,
    ConditionTest,
    Document,
    Effect,
    Layer,
    Patterns,
    Policy,
    Statement,
)
from cloudsearch.iam.judge import Judge
from cloudsearch.policies.facts import Limit, global_services, limits
from cloudsearch.policies.history import history
from cloudsearch.policies.parts import VERSION, text
from cloudsearch.policies.replay import Answer, Replay, Replayed
from cloudsearch.policies.sizes import TooLarge
from cloudsearch.reports.coverage import Coverage
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, Exists, In, Or, Pattern

_F = EVENTS.by_name
_SERVICE_LINKED = ":role/aws-service-role/"
_CONFIRMED = frozenset({ObservabilityClass.MANAGEMENT_CONFIRMED})
_ASSUMED = _CONFIRMED | {ObservabilityClass.MANAGEMENT_ASSUMED, ObservabilityClass.NO_OPERATION}
_UNSEEN = frozenset({ObservabilityClass.DATA, ObservabilityClass.NEVER, ObservabilityClass.EXCLUDABLE})


@dataclass(frozen=True, slots=True)
class Touched:
    """What events of accounts name, whatever came of them: service prefixes and regions."""

    accounts: tuple[str, ...]
    services: frozenset[str]
    regions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Limits:
    """Policies that deny what was not used, and what is to be said of them."""

    policies: tuple[Document, ...]
    notes: tuple[str, ...]


def touched(store: Store, window: Window, accounts: Collection[str]) -> Touched:
    """Read what accounts touched, as principals or as owners, calls that were refused and service events included.

    A service that called for somebody, or that acted by a role linked to it, counts as touched too.
    """
    own = tuple(sorted(accounts))
    where = And((window.where(_F["time"]), Or((In(_F["account"], own), In(_F["recipient_account"], own)))))
    services: set[str] = set()
    regions: set[str] = set()
    for group in store.group(EVENTS, (_F["event_source"], _F["region"]), where):
        found = prefixes(str(group.key[0] or ""))
        services.update(found)
        if isinstance(group.key[1], str) and not global_services() & set(found):
            regions.add(group.key[1])
    for group in store.group(EVENTS, (_F["invoked_by"],), And((where, Exists(_F["invoked_by"])))):
        services.update(prefixes(str(group.key[0])))
    for group in store.group(
        EVENTS, (_F["principal"],), And((where, Pattern(_F["principal"], f"*{_SERVICE_LINKED}*")))
    ):
        services.update(prefixes(str(group.key[0]).partition(_SERVICE_LINKED)[2].partition("/")[0]))
    return Touched(own, frozenset(services), frozenset(regions))


def limiting(found: Touched, covered: Coverage, *, include_assumed: bool = False) -> Limits:
    """Propose policies; ``TooLarge`` where AWS's limits leave no way.

    With ``include_assumed`` a service counts as seen where no page of AWS says that its calls are logged, and a limit
    of regions touches what is used by data events too.
    """
    statements: list[Statement] = []
    notes: list[str] = []
    unused, problem = _unused(found, covered, include_assumed=include_assumed)
    if unused:
        patterns = Patterns(tuple(f"{service}:*" for service in unused))
        statements.append(Statement(0, "DenyUnusedServices", Effect.DENY, patterns, Patterns(("*",))))
    seen = "each use would have been seen" + (", as far as can be assumed" if include_assumed else ", as AWS states")
    notes.append(problem or f"{len(unused)} services are denied: there is no event of theirs, and {seen}")
    left = _left_out(include_assumed=include_assumed)
    for (account, region), services in _elsewhere(found, covered).items():
        why = f"account {account} has no management event of {region}, the only region that logs them"
        notes.append(f"{', '.join(services)}: not denied; {why}")
    if len(found.regions) > 1:
        statements.append(_regional(found.regions, left))
        why = (
            "act for all regions" if include_assumed else "act for all regions, or are used in ways that need no event"
        )
        notes.append(f"regions: {', '.join(sorted(found.regions))}; {len(left)} services {why}: no limit touches them")
    else:
        notes.append("regions are not limited: events are of one region alone, so a trail of others may be missing")
    return Limits(tuple(_packed(statements, limits()["scp"])), tuple(notes))


def _unused(found: Touched, covered: Coverage, *, include_assumed: bool) -> tuple[tuple[str, ...], str]:
    """Services that provably nobody used, or why none can be named."""
    for account in found.accounts:
        own = covered.of(account)
        if blind := own.regions - own.read_regions:
            return (), f"no service is denied: account {account} records no reads in {', '.join(sorted(blind))}"
    known = _ASSUMED if include_assumed else _CONFIRMED
    kept = found.services.union(*_elsewhere(found, covered).values())
    return tuple(one for one in catalogue.services() if one not in kept and _is_seen(one, known)), ""


def _elsewhere(found: Touched, covered: Coverage) -> dict[tuple[str, str], list[str]]:
    """By account and region, the services that are logged in that region alone, of which nothing is loaded."""
    return {
        (account, region): services
        for account in found.accounts
        for region, services in logged_elsewhere(covered.of(account).called_regions).items()
    }


@lru_cache(maxsize=2048)
def _classes(service: str) -> frozenset[ObservabilityClass]:
    return frozenset(observability(action.name).observability for action in catalogue.actions_of(service))


def _is_seen(service: str, known: Collection[ObservabilityClass]) -> bool:
    """Whether the log shows each use; a service none of whose actions is ever seen is not known at all."""
    own = _classes(service)
    return own <= set(known) and own != {ObservabilityClass.NO_OPERATION}


def _left_out(*, include_assumed: bool) -> tuple[str, ...]:
    unseen = () if include_assumed else (one for one in catalogue.services() if _classes(one) & _UNSEEN)
    return tuple(sorted({*global_services(), *unseen}))


def _regional(regions: Collection[str], left: Sequence[str]) -> Statement:
    return Statement(
        0,
        "DenyOtherRegions",
        Effect.DENY,
        Patterns(tuple(f"{service}:*" for service in left), negated=True),
        Patterns(("*",)),
        (ConditionTest("StringNotEquals", "aws:RequestedRegion", tuple(sorted(regions))),),
    )


def _packed(statements: Sequence[Statement], limit: Limit) -> Iterator[Document]:
    """As few policies as can be; what is denied by name may be parted, what is denied but for names may not."""
    whole = _document(statements)
    if not statements or len(text(whole)) <= limit.characters:
        yield from (whole,) if statements else ()
        return
    pieces = [piece for one in statements for piece in _pieces(one, limit)]
    if len(pieces) > limit.policies:
        raise TooLarge(f"{len(pieces)} service control policies are needed, and AWS allows {limit.policies}")
    yield from (_document([piece]) for piece in pieces)


def _pieces(statement: Statement, limit: Limit) -> Iterator[Statement]:
    names = statement.actions.texts
    if len(text(_document([statement]))) <= limit.characters:
        yield statement
    elif statement.actions.negated or len(names) == 1:
        raise TooLarge(
            f"{statement.sid}: a service control policy takes {limit.characters:,} characters, this has more"
        )
    else:
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            yield from _pieces(_with(statement, half), limit)


def _with(one: Statement, names: tuple[str, ...]) -> Statement:
    return Statement(0, one.sid, one.effect, Patterns(names), one.resources, one.conditions)


def _document(statements: Sequence[Statement]) -> Document:
    return Document(
        VERSION,
        tuple(
            Statement(index, one.sid, one.effect, one.actions, one.resources, one.conditions)
            for index, one in enumerate(statements)
        ),
    )


def replayed(
    store: Store, window: Window, accounts: Collection[str], policies: Sequence[Document]
) -> dict[str, Replayed]:
    """What would have become of every principal's calls, by its ARN, had these policies been there: one pass."""
    judge = _judge(policies)
    runs: dict[str, Replay] = {}
    for used in history(store, window, None):
        if used.row.get("account") not in accounts or _SERVICE_LINKED in used.principal:
            continue
        runs.setdefault(used.principal, Replay(judge)).add(used)
    return {arn: run.result() for arn, run in sorted(runs.items())}


def _judge(policies: Sequence[Document]) -> Judge:
    """Judges as if all else were allowed."""
    everything = Statement(0, None, Effect.ALLOW, Patterns(("*",)), Patterns(("*",)))
    full = Policy("FullAWSAccess", None, Document(VERSION, (everything,)), "attached")
    own = tuple(Policy(f"limits-{number}", None, one, "attached") for number, one in enumerate(policies, 1))
    return Judge((Layer(IDENTITY, (full,)), Layer(SCP, (full, *own))))


def broken(found: dict[str, Replayed]) -> Iterator[str]:
    """A line for each principal's action that would have been refused."""
    for arn, one in found.items():
        for row in one.rows:
            if row.answer is Answer.BROKEN:
                yield f"{arn}: {row.action} x {row.calls}, {row.reason}"
