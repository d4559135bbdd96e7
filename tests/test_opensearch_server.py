"""Only what is OpenSearch's: its mapping, and what a real server of it answers otherwise than Elasticsearch."""

from __future__ import annotations

import json
import urllib.request

from tests.servers import OPENSEARCH


def test_the_server_is_the_one_asked_for(opensearch_url: str) -> None:
    """A run that asks for OpenSearch is tried on it, and on no other engine."""
    with urllib.request.urlopen(opensearch_url, timeout=60) as answer:
        version = json.load(answer)["version"]
    assert version["distribution"] == "opensearch"
    assert OPENSEARCH.given or version["number"] == OPENSEARCH.version
