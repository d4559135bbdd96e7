"""What dashboards there are. A panel that would be empty where all is well says so, or counts beside others."""

from cloudsearch.dashboards.spec.change import CHANGE
from cloudsearch.dashboards.spec.denied import DENIED
from cloudsearch.dashboards.spec.identity import IDENTITY
from cloudsearch.dashboards.spec.least_privilege import LEAST_PRIVILEGE
from cloudsearch.dashboards.spec.network import NETWORK
from cloudsearch.dashboards.spec.overview import OVERVIEW
from cloudsearch.dashboards.spec.searches import SEARCHES

DASHBOARDS = (OVERVIEW, IDENTITY, DENIED, NETWORK, CHANGE, LEAST_PRIVILEGE)

__all__ = ("DASHBOARDS", "SEARCHES")
