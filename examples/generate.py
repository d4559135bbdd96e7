"""Write the example: the CloudTrail logs of Marlowick over two months, and its IAM files.

    python -m examples.generate [FOLDER]

Seeded and dated: it writes the same every time. ``company.py`` says who there is, ``story.py`` what they did;
``README.md`` tells what is there to be seen.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from examples.company import MAIN, ORGANISATION, RELEASES, authorization_details
from examples.story import insight, run
from examples.trail import FIRST, HOME, Json, Trail

SEED = 20260801
BUCKET = "marlowick-trail"


def write(folder: Path) -> int:
    """Write everything below a folder; says how many records."""
    trail = Trail(random.Random(SEED))
    run(trail)
    files = dict(_log_files(trail.events, trail.chance))
    insights = insight(trail)
    name = _name(MAIN, HOME, "CloudTrail-Insight", datetime(2026, 9, 10, 9, 30, tzinfo=UTC), "ExampleInsight00")
    files[name] = {"Records": insights}
    first = min(name for name in files if f"/{MAIN}/CloudTrail/{HOME}/" in name)
    files[_digest_name()] = _digest(first, files[first])
    for name, content in sorted(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(_json(content), mtime=0))
    for account in (MAIN, RELEASES):
        path = folder / "iam" / f"{account}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(authorization_details(account, trail.last_used), indent=2) + "\n")
    return len(trail.events) + len(insights)


def _log_files(events: list[Json], chance: random.Random) -> Iterator[tuple[str, Json]]:
    """A file for each account, region and day: what came after 23:50 lies in the next day's, as with CloudTrail."""
    files: dict[tuple[str, str, datetime], list[Json]] = defaultdict(list)
    for event in events:
        delivered = datetime.fromisoformat(event["eventTime"]) + timedelta(minutes=10)
        day = delivered.replace(hour=0, minute=0, second=0)
        files[event["recipientAccountId"], event["awsRegion"], day].append(event)
    for (account, region, day), own in sorted(files.items()):
        ordered = sorted(own, key=lambda event: (event["eventTime"], event["eventID"]))
        last = datetime.fromisoformat(ordered[-1]["eventTime"])
        letters = "".join(chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=16))
        yield _name(account, region, "CloudTrail", max(day, last) + timedelta(minutes=5), letters), {"Records": ordered}


def _name(account: str, region: str, kind: str, time: datetime, letters: str) -> str:
    folder = f"AWSLogs/{ORGANISATION}/{account}/{kind}/{region}/{time:%Y/%m/%d}"
    return f"{folder}/{account}_{kind}_{region}_{time:%Y%m%dT%H%MZ}_{letters}.json.gz"


def _digest_name() -> str:
    time = FIRST + timedelta(hours=4)
    folder = f"AWSLogs/{ORGANISATION}/{MAIN}/CloudTrail-Digest/{HOME}/{time:%Y/%m/%d}"
    return f"{folder}/{MAIN}_CloudTrail-Digest_{HOME}_marlowick_{HOME}_{time:%Y%m%dT%H%M%SZ}.json.gz"


def _digest(name: str, content: Json) -> Json:
    """The digest file of the first hours; its hash is right, it has no signature."""
    times = [record["eventTime"] for record in content["Records"]]
    return {
        "awsAccountId": MAIN,
        "digestStartTime": "2026-08-01T03:00:00Z",
        "digestEndTime": "2026-08-01T04:00:00Z",
        "digestS3Bucket": BUCKET,
        "digestS3Object": _digest_name(),
        "digestPublicKeyFingerprint": "00000000000000000000000000000000",
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": max(times),
        "oldestEventTime": min(times),
        "previousDigestS3Bucket": None,
        "previousDigestS3Object": None,
        "previousDigestHashValue": None,
        "previousDigestHashAlgorithm": None,
        "previousDigestSignature": None,
        "logFiles": [
            {
                "s3Bucket": BUCKET,
                "s3Object": name,
                "hashValue": hashlib.sha256(_json(content)).hexdigest(),
                "hashAlgorithm": "SHA-256",
                "newestEventTime": max(times),
                "oldestEventTime": min(times),
            }
        ],
    }


def _json(content: Json) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    print(f"{write(target)} records below {target}")
