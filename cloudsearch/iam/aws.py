"""IAM's one door to AWS: calls that read, and AWS's errors turned into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions as theirs

from cloudsearch.aws import CONFIG, DEFAULT_REGION, NO_CREDENTIALS, Access, NoCredentials, one_line, without_credentials
from cloudsearch.errors import AccessError, CloudsearchError, SourceError, UsageError

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

__all__ = ["Access", "Aws", "AwsAnswer", "NoCredentials", "connect"]


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
        where = region or self._session.region_name or DEFAULT_REGION
        if (service, where) not in self._clients:
            make: Any = self._session.client
            self._clients[service, where] = make(service, region_name=where, config=CONFIG)
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
    except NO_CREDENTIALS as error:
        raise without_credentials(error) from error
    except theirs.ParamValidationError as error:
        raise UsageError(f"{call} cannot be asked so: {one_line(error)}") from error
    except theirs.BotoCoreError as error:
        raise SourceError(f"{call} got no answer from AWS: {one_line(error)}") from error


def _answered(error: theirs.ClientError, call: str, account: str) -> CloudsearchError:
    """What AWS's error means: the credentials, a permission that is lacking, or something else."""
    told = error.response.get("Error", {})
    code, message = told.get("Code", "?"), one_line(told.get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    where = f" in account {account}" if account else ""
    if error.operation_name.startswith("AssumeRole"):
        call = f"sts:{error.operation_name}"  # boto3 asks for it by itself, before a call, where a profile says so
    if code in _BAD_CREDENTIALS:
        return AccessError(f"AWS does not take these credentials ({code} at {call}{where}): {message}")
    if status in (401, 403) or any(part in code for part in _REFUSALS):
        return AccessError(f"AWS refused {call}{where} ({code}); it needs the permission {call}: {message}")
    return AwsAnswer(f"{call}{where} failed ({code}): {message}", code)
