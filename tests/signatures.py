"""What Amazon's service does with a signed request: makes the signature anew, of what arrived, and compares."""

from __future__ import annotations

import hashlib
import re

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.proxy import Request

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def signed_for(request: Request, credentials: Credentials) -> tuple[str, str] | None:
    """The service and region that a request is signed for; None where its signature is not these credentials'."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None or found["key"] != credentials.access_key:
        return None
    signed = {name: request.headers[name] for name in found["headers"].split(";")}
    if not {"host", "x-amz-content-sha256", "x-amz-date"} <= signed.keys():
        return None
    if signed["x-amz-content-sha256"] != hashlib.sha256(request.body).hexdigest():
        return None
    if signed.get("x-amz-security-token") != credentials.token:
        return None
    again = AWSRequest(request.method, f"http://{request.headers['host']}{request.path}", signed, request.body)
    again.context["timestamp"] = signed["x-amz-date"]
    auth = SigV4Auth(credentials, found["service"], found["region"])
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    return (found["service"], found["region"]) if signature == found["signature"] else None
