"""One exception tree: each room turns foreign errors into these, ``cli`` catches them once.

A message says what went wrong, where, and what to do next; it never holds a secret.
"""

from __future__ import annotations

from typing import ClassVar


class CloudsearchError(Exception):
    """Any error the user can do something about; ``exit_code`` is the process's answer."""

    exit_code: ClassVar[int] = 1


class UsageError(CloudsearchError):
    """What was asked for makes no sense as written: a date that is none, flags that exclude each other."""

    exit_code = 2


class SourceError(CloudsearchError):
    """A place that logs or IAM data come from could not be read."""

    exit_code = 3


class RecordError(SourceError):
    """One record could not be understood; its neighbours are not concerned."""


class StoreError(CloudsearchError):
    """The store refused, is missing, or is of another version."""

    exit_code = 4


class StoreMissing(StoreError):
    """There is no such store: nothing was loaded into it yet."""


class StoreUnavailable(StoreError):
    """The store did not answer, or not in time: the same request is worth another try.

    ``retry_after`` is how many seconds it wants to be left alone first, where it says so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreRejected(StoreError):
    """The store answered, and will answer the same way again."""


class DashboardsError(CloudsearchError):
    """Kibana or OpenSearch Dashboards did not answer, or did not take what it was sent."""


class PolicyError(CloudsearchError):
    """A policy document is not valid IAM."""

    exit_code = 5


class AccessError(CloudsearchError):
    """Credentials are missing, wrong, or do not suffice."""

    exit_code = 6


class BadCredentials(AccessError):
    """AWS does not take these credentials, whatever they are used for: nothing more can be read with them."""


class GateTripped(CloudsearchError):
    """A ``--fail-on`` gate did not hold, or nothing could be concluded."""

    exit_code = 10
