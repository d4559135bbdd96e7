"""Files into a bucket. An object is there when S3 has acknowledged it, and not before."""

from __future__ import annotations

from pathlib import Path

from boto3.exceptions import Boto3Error
from botocore import exceptions as theirs
from botocore.config import Config

from cloudsearch.aws import CONFIG, DEFAULT_REGION, Access, one_line, session
from cloudsearch.errors import AccessError, SourceError

_PATIENCE = Config(retries={"mode": "standard", "total_max_attempts": 3})
"""Whoever uploads tries again later; it need not be tried here for long."""

_REFUSED = frozenset({"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"})


class Uploads:
    """Puts files into one bucket. Making one raises ``AccessError`` where there are no credentials."""

    def __init__(self, bucket: str, access: Access) -> None:
        self.bucket = bucket
        own = session(access)
        self._client = own.client("s3", region_name=own.region_name or DEFAULT_REGION, config=CONFIG.merge(_PATIENCE))

    def put(self, path: Path, key: str) -> None:
        """Put a file there under a key; raises ``AccessError`` where that is refused, else ``SourceError``."""
        where = f"s3://{self.bucket}/{key}"
        try:
            with path.open("rb") as body:
                self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/gzip")
        except theirs.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _REFUSED:
                raise AccessError(f"{where} may not be written: {code}. It takes s3:PutObject") from error
            raise SourceError(f"{where} could not be written: {one_line(error)}") from error
        except (theirs.BotoCoreError, Boto3Error) as error:
            raise SourceError(f"{where} could not be written: {one_line(error)}") from error
        except OSError as error:
            raise SourceError(f"{path} could not be read: {error.strerror or error}") from error
