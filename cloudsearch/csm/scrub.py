"""Keeps live secrets out of what SDKs send: an attempt carries its session token in clear.

What can be read as JSON loses every member of such a name. Of what cannot be read, what may be (a piece of) a token is
blanked out, wherever it was cut: the name's value to its end, and every long run of letters that tokens are made of.
"""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
KEPT_OF_A_REJECT = 2048
"""Bytes of a datagram that could not be read: enough to see what it is."""

_SECRET_NAMES = frozenset(
    {
        "sessiontoken",
        "securitytoken",
        "secretkey",
        "secretaccesskey",
        "xamzsecuritytoken",
        "awssessiontoken",
        "awssecretaccesskey",
        "password",
        "authorization",
    }
)
_ODD = re.compile(r"[^a-z]+")
_IN_A_URL = re.compile(r"(?i)(x-amz-(?:security-token|signature|credential)=)[^&\s\"'<>]+")
_VALUE = re.compile(r"(?is)(session|security)[^a-z0-9]{0,12}token.*")
_ESCAPED = re.compile(r"\\+u00([0-7][0-9a-fA-F])")
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_%\\-]{40,}")


def is_secret(name: str) -> bool:
    """Whether a member of that name is a credential, however it is written."""
    return _ODD.sub("", name.lower()) in _SECRET_NAMES


def without_secrets(node: Any, *, known: bool = True) -> Any:  # noqa: ANN401 (what JSON can hold)
    """The same without members that are credentials, at any depth, and without those in URLs.

    Under a name that is not ``known`` nothing is kept that may be a piece of a token, whatever it is called.
    """
    if isinstance(node, dict):
        return {name: without_secrets(child, known=False) for name, child in node.items() if not is_secret(name)}
    if isinstance(node, list):
        return [without_secrets(child, known=known) for child in node]
    if not isinstance(node, str):
        return node
    text = _IN_A_URL.sub(rf"\1{HIDDEN}", node)
    return text if known else _LONG_RUN.sub(HIDDEN, text)


def unread(data: bytes) -> str:
    """What may be shown of bytes that could not be read: their beginning, all that may be a secret blanked out.

    Of anything with a NUL in it (UTF-16, binary data) nothing is shown, for no name in it would be found.
    """
    if b"\0" in data:
        return ""
    # A name may be written with escapes; a cut at KEPT_OF_A_REJECT could not split what is looked for before.
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), data.decode("utf-8", "replace"))
    text = _VALUE.sub(HIDDEN, _IN_A_URL.sub(rf"\1{HIDDEN}", text))
    return _LONG_RUN.sub(HIDDEN, text)[:KEPT_OF_A_REJECT]
