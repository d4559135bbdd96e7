"""The one door to AWS: boto3's own chain of credentials, calls that read, and its errors turned into ours.

Nothing waits without an end: botocore asks the instance's metadata service once and for a second, a connection has
five seconds, an answer a minute, and what AWS throttles botocore itself tries again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import exceptions as theirs
from botocore.config import Config

from cloudsearch import __version__
from cloudsearch.errors import AccessError, CloudsearchError, SourceError, UsageError

# Where nothing says which region to ask; IAM and Organizations have but one endpoint a partition.
_DEFAULT_REGION = "us-east-1"
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 8},
    user_agent_extra=f"cloudsearch/{__version__}",
)
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_BAD_CREDENTIALS = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
)
_REFUSALS = ("AccessDenied", "Unauthorized", "NotAuthorized", "OptInRequired")
_NO_CREDENTIALS = (
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


@dataclass(frozen=True, slots=True)
class Access:
    """Whose eyes to look with: a profile of the AWS configuration, and a role to assume from there."""

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None


class NoCredentials(AccessError):
    """There are none at all, anywhere that boto3 looks: AWS was not asked."""


class AwsAnswer(SourceError):
    """AWS understood the call and did not refuse it, and yet has nothing to give; ``code`` says why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Aws:
    """One account as the given credentials see it. Only methods that read are ever asked for."""

    def __init__(self, session: boto3.Session, account: str = "") -> None:
        self._session = session
        self._clients: dict[tuple[str, str], Any] = {}
        self.account = account

    def call(self, service: str, operation: str, *, region: str | None = None, **parameters: object) -> dict[str, Any]:
        """One call, such as ``call("iam", "GetCredentialReport")``; the answer without its transport."""
        with _translated(f"{service}:{operation}", self.account):
            answer: dict[str, Any] = getattr(self._client(service, region), _method(operation))(**parameters)
        return _plain(answer)

    def pages(self, service: str, operation: str, **parameters: object) -> Iterator[dict[str, Any]]:
        """The pages of a listing, one call each."""
        with _translated(f"{service}:{operation}", self.account):
            for page in self._client(service, None).get_paginator(_method(operation)).paginate(**parameters):
                yield _plain(page)

    def _client(self, service: str, region: str | None) -> Any:  # noqa: ANN401 (botocore makes the class at run time)
        where = region or self._session.region_name or _DEFAULT_REGION
        if (service, where) not in self._clients:
            make: Any = self._session.client
            self._clients[service, where] = make(service, region_name=where, config=_CONFIG)
        return self._clients[service, where]


def connect(access: Access) -> Aws:
    """Find credentials and the account they are of.

    ``AccessError`` where there are none, or AWS does not take them, or refuses the role.
    """
    with _translated("sts:GetCallerIdentity", ""):
        session = boto3.Session(profile_name=access.profile)
    own = Aws(session)
    if access.role_arn is None:
        return Aws(session, own.call("sts", "GetCallerIdentity")["Account"])
    external = {"ExternalId": access.external_id} if access.external_id else {}
    answer = own.call("sts", "AssumeRole", RoleArn=access.role_arn, RoleSessionName="cloudsearch", **external)
    given = answer["Credentials"]
    assumed = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=session.region_name
    )
    return Aws(assumed, Aws(assumed).call("sts", "GetCallerIdentity")["Account"])


def _method(operation: str) -> str:
    """The name that botocore gives an operation."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@contextmanager
def _translated(call: str, account: str) -> Iterator[None]:
    """Errors of botocore as ours."""
    try:
        yield
    except theirs.ClientError as error:
        raise _answered(error, call, account) from error
    except _NO_CREDENTIALS as error:
        kind = NoCredentials if isinstance(error, theirs.NoCredentialsError) else AccessError
        raise kind(
            f"AWS credentials are missing or do not work: {_text(error).rstrip('.')}. Choose some with --profile, or "
            "as for AWS's own command; `aws sts get-caller-identity` must work first"
        ) from error
    except theirs.ParamValidationError as error:
        raise UsageError(f"{call} cannot be asked so: {_text(error)}") from error
    except theirs.BotoCoreError as error:
        raise SourceError(f"{call} got no answer from AWS: {_text(error)}") from error


def _answered(error: theirs.ClientError, call: str, account: str) -> CloudsearchError:
    """What AWS's error means: the credentials, a permission that is lacking, or something else."""
    told = error.response.get("Error", {})
    code, message = told.get("Code", "?"), _text(told.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    where = f" in account {account}" if account else ""
    if error.operation_name.startswith("AssumeRole"):
        call = f"sts:{error.operation_name}"  # boto3 asks for it by itself, before a call, where a profile says so
    if code in _BAD_CREDENTIALS:
        return AccessError(f"AWS does not take these credentials ({code} at {call}{where}): {message}")
    if status in (401, 403) or any(part in code for part in _REFUSALS):
        return AccessError(f"AWS refused {call}{where} ({code}); it needs the permission {call}: {message}")
    return AwsAnswer(f"{call}{where} failed ({code}): {message}", code)


def _text(message: object) -> str:
    """One line of bounded length; a signature that does not match brings its whole request along."""
    return " ".join(str(message).split())[:400]
