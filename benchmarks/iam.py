"""How fast it is decided what is granted, and which action a call needs; and the memory that takes.

    python -m benchmarks.iam [--rounds 5] [--json]

Each evaluation is of the whole catalogue, some 22,000 actions, for principals made up here; every round makes the
policies anew, and all that is remembered between evaluations is forgotten first. What counts is the median of the
rounds. All in this process, one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that it runs as a script from anywhere

from cloudsearch import catalogue
from cloudsearch.actions import actions_for
from cloudsearch.iam import SCP, Layer, Policy, Principal, grants, parse
from cloudsearch.iam.matching import covers, matches_resource, overlaps
from cloudsearch.iam.regions import forget

ROLES = 200
Statement = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose grants are evaluated, and how many principals these are."""

    name: str
    make: Callable[[], Sequence[tuple[Principal, Sequence[Layer]]]]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One subject: seconds of each round, and what came out, which must be the same in all."""

    name: str
    seconds: tuple[float, ...]
    states: dict[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is measured; memory is this process's peak, 0 where there is no /proc."""

    read_seconds: float
    evaluated: tuple[Evaluated, ...]
    first_lookups: float
    further_lookups: float
    matching_seconds: float
    catalogue_mib: float
    peak_mib: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--json", action="store_true", help="for programs")
    asked = parser.parse_args()
    figures = measure(asked.rounds)
    print(json.dumps(asdict(figures), indent=2) if asked.json else "\n".join(table(figures)))


def measure(rounds: int) -> Figures:
    """Every figure; the catalogue is read first, and once."""
    read_seconds = _timed(catalogue.everything)
    catalogue_mib = _peak_mib()
    evaluated = tuple(_evaluated(subject, rounds) for subject in SUBJECTS)
    first, further = _lookups()
    matching = median(_timed(lambda: matches_resource("*a*a*a*a*a*a*a*b", "a" * 64)) for _ in range(100))
    return Figures(read_seconds, evaluated, first, further, matching, catalogue_mib, _peak_mib())


def _evaluated(subject: Subject, rounds: int) -> Evaluated:
    seconds, states = [], []
    for _ in range(rounds):
        forget()
        covers.cache_clear()
        overlaps.cache_clear()
        principals = subject.make()
        found: Counter[str] = Counter()
        seconds.append(_timed(lambda: found.update(_states(principals))))  # noqa: B023 (called at once)
        states.append(dict(sorted(found.items())))
    if any(one != states[0] for one in states):
        raise SystemExit(f"{subject.name}: the rounds differ: {states}")
    return Evaluated(subject.name, tuple(seconds), states[0])


def _states(principals: Sequence[tuple[Principal, Sequence[Layer]]]) -> Iterator[str]:
    return (grant.state.value for principal, further in principals for grant in grants(principal, further))


def _lookups() -> tuple[float, float]:
    """Calls mapped to their actions a second: every action's name as a call, the first time and once more."""
    calls = [(f"{action.service}.amazonaws.com", action.short_name) for action in catalogue.everything()]
    actions_for.cache_clear()
    first, further = (_timed(lambda: [actions_for(*call) for call in calls]) for _ in range(2))
    return len(calls) / first, len(calls) / further


def _timed(part: Callable[[], object]) -> float:
    started = time.perf_counter()
    part()
    return time.perf_counter() - started


def _peak_mib() -> float:
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return max(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def _allow(action: object, resource: object = "*", condition: object = None) -> Statement:
    statement: Statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement | ({"Condition": condition} if condition else {})


def _deny(action: object, resource: object = "*", condition: object = None) -> Statement:
    return _allow(action, resource, condition) | {"Effect": "Deny"}


def _policy(name: str, statements: Sequence[Statement]) -> Policy:
    return Policy(name, None, parse({"Version": "2012-10-17", "Statement": list(statements)}, name), "inline")


def _role(name: str, *documents: Sequence[Statement], boundary: Sequence[Statement] = ()) -> Principal:
    return Principal(
        arn=f"arn:aws:iam::111122223333:role/{name}",
        name=name,
        path="/",
        id=None,
        kind="role",
        created=None,
        account="111122223333",
        policies=tuple(_policy(f"policy{number}", one) for number, one in enumerate(documents)),
        boundary=_policy("limit", boundary) if boundary else None,
    )


REGION = {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}}
DENIES = (
    _deny(["iam:*", "organizations:*"]),
    _deny("s3:Delete*", "arn:aws:s3:::logs/*"),
    _deny("ec2:*", condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
)


def _bound() -> tuple[Principal, Sequence[Layer]]:
    """A role of a member account: a boundary and two levels above it."""
    root = [_policy("Full", [_allow("*")]), _policy("Europe", [_deny("*", condition=REGION)])]
    unit = [_policy("Full", [_allow("*")]), _policy("Logs", [_deny("s3:*", "arn:aws:s3:::*-logs/*")])]
    limit = [_allow("*"), _deny(["iam:Create*", "iam:Put*", "iam:Attach*"])]
    levels = (Layer(f"{SCP} level root", tuple(root)), Layer(f"{SCP} level unit", tuple(unit)))
    return _role("bound", [_allow("*")], boundary=limit), levels


def _worker(number: int) -> Principal:
    """A role with buckets and tables of its own."""
    own = [
        _allow(["s3:*", "dynamodb:*"], [f"arn:aws:s3:::app-{number}*", f"arn:aws:dynamodb:*:*:table/app-{number}-*"]),
        _allow(["ec2:Describe*", "logs:*", "cloudwatch:PutMetricData"]),
        _deny("s3:Delete*", f"arn:aws:s3:::app-{number}-keep/*"),
    ]
    return _role(f"worker{number}", own)


def _crowded() -> Principal:
    """Four hundred statements, each of a bucket, and Denies that begin with stars."""
    names = [[f"arn:aws:s3:::bucket-{one}-{other}" for other in range(20)] for one in range(20)]
    allows = [[_allow("s3:*", [name, f"{name}/*"]) for name in some] for some in names]
    return _role("crowded", *allows, [_deny("s3:Delete*", "arn:aws:s3:::*-7/*"), _deny("s3:Put*", "arn:aws:s3:::*-8*")])


def _hard() -> Principal:
    """Patterns that have too many combinations to try them all."""
    allows = [_allow("s3:*", f"arn:aws:s3:::*{one}*{other}*") for one in "abcdef" for other in "xyz"]
    return _role("hard", [*allows, _deny("s3:*", "arn:aws:s3:::*a???????????????b*")])


SUBJECTS = (
    Subject("an administrator", lambda: [(_role("admin", [_allow("*")]), ())]),
    Subject("an administrator minus three Denies", lambda: [(_role("admin", [_allow("*"), *DENIES]), ())]),
    Subject("a boundary and two levels of SCPs", lambda: [_bound()]),
    Subject("400 statements of buckets", lambda: [(_crowded(), ())]),
    Subject("patterns made to be hard", lambda: [(_hard(), ())]),
    Subject(f"an account of {ROLES} roles", lambda: [(_worker(number), ()) for number in range(ROLES)]),
)


def table(figures: Figures) -> Iterator[str]:
    """For people."""
    head = f"the whole catalogue, {len(catalogue.everything()):,} actions, for"
    yield f"{head:42}{'seconds':>10}{'worst':>10}{'us/action':>12}"
    for one in figures.evaluated:
        seconds, count = median(one.seconds), sum(one.states.values())
        yield f"{one.name:42}{seconds:10.3f}{max(one.seconds):10.3f}{seconds / count * 1e6:12.2f}"
        yield "  " + ", ".join(f"{count:,} {state}" for state, count in one.states.items())
    yield ""
    yield f"read the catalogue: {figures.read_seconds:.2f} s, {figures.catalogue_mib:.0f} MiB"
    yield f"peak of this process: {figures.peak_mib:.0f} MiB"
    yield f"actions_for: {figures.first_lookups:,.0f} calls/s the first time, {figures.further_lookups:,.0f} again"
    yield f"a pattern of eight stars against 64 characters: {figures.matching_seconds * 1e6:.0f} us"


if __name__ == "__main__":
    main()
