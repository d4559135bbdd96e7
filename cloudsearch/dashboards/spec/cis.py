"""What the CIS AWS Foundations Benchmark 1.2.0 wants to be told of: 3.1 to 3.14, as questions.

Its filters are written for metric filters of CloudWatch Logs, as AWS repeats them in Security Hub's controls:
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from cloudsearch.dashboards.spec.words import event, named
from cloudsearch.where import And, Exists, In, Not, Or, Path, Pattern, Where

_FAILED_SIGN_IN = And((named("event_name", "ConsoleLogin"), In(Path("errorMessage"), ("Failed authentication",))))
_NO_LISTS: dict[str, tuple[str, Where]] = {
    "3.1": (
        "Unauthorized calls",
        Or((Pattern(event("error_code"), "*UnauthorizedOperation"), Pattern(event("error_code"), "AccessDenied*"))),
    ),
    "3.2": (
        "Sign-ins of users without MFA",
        And(
            (
                named("event_name", "ConsoleLogin"),
                Not(named("mfa", True)),
                named("principal_type", "IAMUser"),
                named("outcome", "ok"),
            )
        ),
    ),
    "3.3": (
        "Use of root",
        And(
            (
                named("principal_type", "Root"),
                Not(Exists(event("invoked_by"))),
                Not(named("event_type", "AwsServiceEvent")),
            )
        ),
    ),
    "3.6": ("Failed console sign-ins", _FAILED_SIGN_IN),
}


@cache
def cis() -> dict[str, tuple[str, Where]]:
    """By number: what it is of, and which events."""
    found = dict(_NO_LISTS)
    text = files("cloudsearch.dashboards").joinpath("data/cis.tsv").read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            number, title, source, names = line.split("\t")
            calls = And((named("event_source", source), named("event_name", *names.split(","))))
            found[number] = (title, calls)
    return dict(sorted(found.items(), key=lambda item: int(item[0].partition(".")[2])))


def choices(*numbers: str) -> tuple[tuple[str, Where], ...]:
    """Those of these numbers, or all of them, each by number and title; 3.01, for they are shown sorted."""
    return tuple(
        (f"3.{number.removeprefix('3.'):0>2} {title}", where)
        for number, (title, where) in cis().items()
        if number in numbers or not numbers
    )


def any_of(*numbers: str) -> Where:
    """Events of any of these numbers."""
    return Or(tuple(where for _, where in choices(*numbers)))
