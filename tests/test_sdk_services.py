"""What SDKs call a service leads to the same actions as its endpoint: of every service and operation there is."""

from __future__ import annotations

import gzip
import json
from importlib import resources
from pathlib import Path

import pytest

from cloudsearch.actions import actions_for
from cloudsearch.actions.sdk import event_source_of, sdk_actions
from tools.service_ids import rendered, service_ids, written


def test_every_operation_of_every_service() -> None:
    """By its serviceId as by its host, no service left out."""
    different = []
    operations = 0
    for path in Path(str(resources.files("botocore") / "data")).glob("*/*/service-2.json.gz"):
        model = json.loads(gzip.decompress(path.read_bytes()))
        service, host = model["metadata"]["serviceId"], f"{model['metadata']['endpointPrefix']}.amazonaws.com"
        for operation in model["operations"]:
            operations += 1
            if sdk_actions(service, operation) != actions_for(host, operation):
                different.append((service, operation))
    assert operations > 20_000
    assert not different


def test_the_table_is_what_the_tool_writes() -> None:
    """A new botocore with a new service says so here: python tools/service_ids.py."""
    assert service_ids().items() <= written().items()
    assert rendered(written()) == Path("cloudsearch/actions/data/service_ids.tsv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("service", "source"),
    [
        ("S3", "s3.amazonaws.com"),
        ("CloudWatch", "monitoring.amazonaws.com"),
        ("api gateway", "apigateway.amazonaws.com"),
        ("ApiGateway", "apigateway.amazonaws.com"),
        ("Lex Runtime V2", "runtime-v2-lex.amazonaws.com"),
        ("No Such Service", None),
        ("", None),
    ],
)
def test_however_a_service_is_written(service: str, source: str | None) -> None:
    """Blanks and letter case do not matter; what is unknown stays unknown."""
    assert event_source_of(service) == source
    assert sdk_actions(service, "Nothing").actions == ()
