"""Amazon's OpenSearch services by their host names, which tell what a signature must say.

https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-signing-service-requests.html
https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-collection-endpoints.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from cloudsearch.errors import UsageError


class Service(StrEnum):
    """What a signature names: domains, or collections without servers of their own."""

    DOMAIN = "es"
    SERVERLESS = "aoss"


@dataclass(frozen=True, slots=True)
class Scope:
    """What signatures are good for; without a region, in the AWS configuration's."""

    service: Service
    region: str | None = None


_NAMES = (
    re.compile(r"[^.]+\.(?P<region>[a-z0-9-]+)\.(?P<service>es|aoss)\.amazonaws\.com(\.cn)?"),
    re.compile(r"[^.]+\.(?P<service>aos|aoss)\.(?P<region>[a-z0-9-]+)\.on\.aws"),
)
_SERVICES = {"es": Service.DOMAIN, "aos": Service.DOMAIN, "aoss": Service.SERVERLESS}


def scope_of(host: str, service: str | None = None) -> Scope | None:
    """The scope that a host's name tells, or one of a service that was named; None where nothing is to be signed.

    ``UsageError`` for a service that is neither.
    """
    found = next((match for name in _NAMES if (match := name.fullmatch(host))), None)
    if service is not None and service not in list(Service):
        raise UsageError(f"CLOUDSEARCH_AWS_SERVICE is {' or '.join(Service)}, not {service!r}")
    if service is not None:
        return Scope(Service(service), found["region"] if found else None)
    return Scope(_SERVICES[found["service"]], found["region"]) if found else None
