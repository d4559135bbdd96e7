"""Single objects of a bucket, asked for by name: a digest's signature, a log file that was not listed.

CloudTrail signs a digest in the metadata of its object, and there alone for the last of a chain.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

from __future__ import annotations

from cloudsearch.errors import SourceError
from cloudsearch.logs.bucket import ObjectRefused, Place, connected
from cloudsearch.logs.digests import SIGNATURE_ALGORITHM
from cloudsearch.logs.local import Source, Unreadable
from cloudsearch.logs.s3 import source_of

SIGNATURE = "signature"
ALGORITHM = "signature-algorithm"


def key_of(place: Place, source: Source) -> str:
    """The key of an object that was found in the place."""
    return source.name.removeprefix(f"s3://{place.bucket}/")


def signature(place: Place, source: Source) -> str | None:
    """What ``x-amz-meta-signature`` of a digest's object says; None where it lacks that, as a copy of it may.

    ``SourceError`` where the object cannot be asked for, was replaced since it was listed, or is signed in a way that
    is not CloudTrail's.
    """
    headed = connected(place).head(key_of(place, source))
    if headed is None or headed.listed.etag != source.etag:
        raise SourceError("its object was removed or replaced since it was listed")
    algorithm = headed.metadata.get(ALGORITHM, SIGNATURE_ALGORITHM)
    if algorithm != SIGNATURE_ALGORITHM:
        raise SourceError(f"its object's metadata is signed with {algorithm}, not {SIGNATURE_ALGORITHM}")
    return headed.metadata.get(SIGNATURE)


def named(place: Place, key: str) -> Source | Unreadable | None:
    """The object of a key; ``Unreadable`` where S3 does not let anybody know, None where it says there is none."""
    try:
        headed = connected(place).head(key)
    except ObjectRefused as error:
        return Unreadable(f"s3://{place.bucket}/{key}", None, str(error))
    return source_of(place, headed.listed) if headed else None
