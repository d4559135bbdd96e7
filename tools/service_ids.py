# ruff: noqa: INP001 (a script, no package)
"""Write ``cloudsearch/actions/data/service_ids.tsv``: the endpoint of every service, by what the SDKs call it.

    python tools/service_ids.py

Reads the metadata of every service model that botocore ships. Services that models no longer tell of stay in the file,
for older SDKs go on to call them. Run it after a new botocore; a test says when.
"""

from __future__ import annotations

import gzip
import json
from importlib import resources
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "cloudsearch" / "actions" / "data" / "service_ids.tsv"
HEAD = (
    "# What the SDKs call each service, and its endpoint: serviceId and endpointPrefix of the public SDK models\n"
    "# (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html lists the ids)."
    " Written by tools/service_ids.py.\n"
    "# serviceId\tendpoint without .amazonaws.com\n"
)


def service_ids() -> dict[str, str]:
    """Endpoint prefix by serviceId, of every service model."""
    paths = (Path(str(resources.files("botocore") / "data"))).glob("*/*/service-2.json.gz")
    models = (json.loads(gzip.decompress(path.read_bytes()))["metadata"] for path in paths)
    return {model["serviceId"]: model["endpointPrefix"] for model in models}


def rendered(known: dict[str, str]) -> str:
    """The file's text."""
    return HEAD + "".join(f"{name}\t{known[name]}\n" for name in sorted(known))


def written() -> dict[str, str]:
    """What the file has now."""
    lines = FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return dict(rows)


if __name__ == "__main__":
    FILE.write_text(rendered(written() | service_ids()), encoding="utf-8")
