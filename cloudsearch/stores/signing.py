"""Requests signed with AWS Signature Version 4, by whoever boto3's own chain of credentials finds."""

from __future__ import annotations

from collections.abc import Mapping

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from opensearchpy import Urllib3AWSV4SignerAuth

from cloudsearch.errors import AccessError, UsageError
from cloudsearch.stores.amazon import Scope


class Signer:
    """Signs requests of one scope. Credentials that end are renewed by boto3 on the way."""

    def __init__(self, scope: Scope) -> None:
        try:
            session = boto3.Session()
            credentials = session.get_credentials()
        except (BotoCoreError, ClientError) as error:
            raise _no_credentials(error) from error
        if credentials is None:
            raise _no_credentials("there are none")
        region = scope.region or session.region_name
        if region is None:
            raise UsageError("Which region the store is in is not known. Say it in AWS_DEFAULT_REGION")
        self._sign = Urllib3AWSV4SignerAuth(credentials, region, scope.service)

    def __call__(self, method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        """The headers that sign a request; ``AccessError`` where credentials can no longer be had."""
        try:
            signed: Mapping[str, str] = self._sign(method, url, body)
        except (BotoCoreError, ClientError) as error:
            raise _no_credentials(error) from error
        return signed


def _no_credentials(why: object) -> AccessError:
    return AccessError(
        f"AWS credentials to sign with cannot be had: {' '.join(str(why).split())[:400].rstrip('.')}. Choose some as "
        "for AWS's own command; `aws sts get-caller-identity` must work first"
    )
