"""A bucket loaded by several processes, each of which fetches for itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from cloudsearch.store import LOG_FILES
from cloudsearch.where import Everything
from tests.aws import SmallAws
from tests.backends import Elasticsearch
from tests.buckets import BUCKET, Trails, held, identities, key


def run(place: Elasticsearch, bucket: str) -> tuple[int, dict[str, Any], str]:
    """A load by three processes: exit code, receipt, what was said."""
    options = [*place.place.options, "--jobs", "3", "--format", "json"]
    command = [sys.executable, "-m", "cloudsearch", "load", "--bucket", bucket, *options]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_many_processes_load_a_bucket(aws: SmallAws, cluster: Elasticsearch) -> None:
    """Everything once, what is refused is named; credentials that end stop all of them, and the next load goes on."""
    trails = Trails(aws, BUCKET)
    for number in range(60):
        trails.put(key(number, day=f"2026/08/{number % 28 + 1:02}"), number, number + 1)
    trails.write(key(99, kind="CloudTrail-Digest"), b"never read")
    refused = key(7, day="2026/08/08")
    aws.refuse(f"s3:GetObject {BUCKET}/{refused}")
    code, receipt, said = run(cluster, BUCKET)
    assert (code, receipt["files"]["loaded"], receipt["files"]["refused"]) == (3, 59, 1)
    assert receipt["files"]["skipped"] == {"digests": 1, "not_log_files": 0}
    assert receipt["records"]["read"] == receipt["records"]["created"] + receipt["records"]["existing"]
    assert said.startswith(f"s3://{BUCKET}/{refused}: refused: ")
    aws._refused.clear()
    aws.fail(f"s3:GetObject {BUCKET}/{refused}", status=400, code="ExpiredToken", times=9)
    code, receipt, said = run(cluster, BUCKET)
    assert (code, receipt["files"]["already_loaded"], receipt["files"]["loaded"]) == (6, 59, 0)
    assert "expired" in said
    aws._instead.clear()
    assert run(cluster, BUCKET)[0] == 0
    store = cluster.open()
    store.prepare()
    assert held(store) == identities(range(61))
    assert len(list(store.rows(LOG_FILES, Everything()))) == 60
    store.close()
