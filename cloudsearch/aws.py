"""Whose eyes AWS is looked at with: boto3's own chain of credentials, and a role assumed from there that is renewed.

Shared by the rooms that ask AWS. Nothing waits without an end: botocore asks the instance's metadata service once and
for a second, a connection has five seconds, an answer a minute, and what AWS throttles botocore itself tries again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import boto3
import botocore.session
from botocore import exceptions as theirs
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    DeferredRefreshableCredentials,
)

from cloudsearch import __version__
from cloudsearch.errors import BadCredentials

DEFAULT_REGION = "us-east-1"
"""Where nothing says which region to ask."""

TRIES = 8
"""How often a request is made, the first time included, while AWS is busy."""

CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": TRIES},
    user_agent_extra=f"cloudsearch/{__version__}",
)
NO_CREDENTIALS = (
    theirs.NoCredentialsError,
    theirs.PartialCredentialsError,
    theirs.CredentialRetrievalError,
    theirs.ProfileNotFound,
    theirs.ConfigNotFound,
    theirs.ConfigParseError,
    theirs.InvalidConfigError,
    theirs.UnknownCredentialError,
    theirs.NoAuthTokenError,
    theirs.TokenRetrievalError,
    theirs.SSOError,
    theirs.LoginError,
)
"""What botocore raises before it has asked anything."""


@dataclass(frozen=True, slots=True)
class Access:
    """Whose eyes to look with: a profile of the AWS configuration, and a role to assume from there."""

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None


class NoCredentials(BadCredentials):
    """There are none at all, anywhere that boto3 looks: AWS was not asked."""


def session(access: Access) -> boto3.Session:
    """A session that holds credentials; those of an assumed role are renewed before they expire.

    The role is assumed at the first call. ``BadCredentials`` where there are no credentials.
    """
    try:
        own = boto3.Session(profile_name=access.profile)
        if own.get_credentials() is None:
            raise theirs.NoCredentialsError
    except NO_CREDENTIALS as error:
        raise without_credentials(error) from error
    return _assumed(own, access, access.role_arn) if access.role_arn else own


def without_credentials(error: Exception) -> BadCredentials:
    """What botocore said of credentials it does not have, as ours."""
    kind = NoCredentials if isinstance(error, theirs.NoCredentialsError) else BadCredentials
    return kind(
        f"AWS credentials are missing or do not work: {one_line(error).rstrip('.')}. Choose some with --profile, or "
        "as for AWS's own command; `aws sts get-caller-identity` must work first"
    )


def one_line(message: object) -> str:
    """One line of bounded length; a signature that does not match brings its whole request along."""
    return " ".join(str(message).split())[:400]


def _assumed(own: boto3.Session, access: Access, role_arn: str) -> boto3.Session:
    session = botocore.session.Session(profile=access.profile)
    session.get_component("credential_provider").providers.insert(0, _AssumedRole(own, access, role_arn))
    return boto3.Session(botocore_session=session, region_name=own.region_name)


class _AssumedRole(CredentialProvider):
    """Credentials of a role, assumed anew whenever they are about to expire."""

    METHOD = "cloudsearch-role"

    def __init__(self, own: boto3.Session, access: Access, role_arn: str) -> None:
        super().__init__()
        self._own = own
        self._access = access
        self._role_arn = role_arn

    def load(self) -> DeferredRefreshableCredentials:
        """What boto3 asks a provider for."""
        own = botocore.session.Session(profile=self._access.profile)
        region = self._own.region_name or DEFAULT_REGION
        named = {"RoleSessionName": "cloudsearch"}
        external = {"ExternalId": self._access.external_id} if self._access.external_id else {}
        fetcher = AssumeRoleCredentialFetcher(
            partial(own.create_client, region_name=region, config=CONFIG),
            self._own.get_credentials(),
            self._role_arn,
            extra_args=named | external,
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)
