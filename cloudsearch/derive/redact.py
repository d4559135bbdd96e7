"""Secret values leave the record: replaced in place, everything else byte for byte.

Only texts under a name of ``SECRET_NAMES`` are secret; what AWS has hidden already stays as it is. The names are looked
for where a call's data stands (parameters, answer, additional data, details of service events); an object without a
word that all of them share is not looked at again. ``also`` are further names of the user's own, in lower case: they
are compared and searched for as they are, never made part of an expression.
"""

from __future__ import annotations

import json
import re
from functools import cache

from cloudsearch.derive.values import distinct
from cloudsearch.record import Record

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_REPLACEMENT = f'"{HIDDEN}"'.encode()

SECRET_NAMES = frozenset(
    {
        # credentials that STS, IAM and their like answer with
        "sessiontoken",
        "secretaccesskey",
        "secretkey",
        # federation and sign-in
        "signintoken",
        "webidentitytoken",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "clientsecret",
        "authorizationtoken",
        "authtoken",
        # databases and directories
        "masteruserpassword",
        "masterpassword",
        "adminpassword",
        "dbpassword",
        "userpassword",
        "password",
        "newpassword",
        "oldpassword",
        # secrets as such
        "secretstring",
        "secretbinary",
        "privatekey",
        # presigned requests
        "x-amz-security-token",
    }
)
"""Names in lower case."""

_HIDDEN_ALREADY = re.compile(r"\**|<?sensitiveDataRemoved>?|HIDDEN_DUE_TO_SECURITY_REASONS", re.IGNORECASE)
_NAMED = re.compile(rf'"(?:{"|".join(sorted(SECRET_NAMES))})"|\\u00'.encode())  # an escape could spell a name
_ALL_NULL = len(b"null" * 4)
_TOKEN = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?|[{}\[\]]', re.DOTALL)
# In text that is no JSON: a name, at most some quotes and blanks, then its value, up to the quote that began it.
_VALUE = rb"\\*+[\"']?\s*+[:=]\s*+)(?:(\\*+[\"'])(?:.*?)(?:(?<!\\)\2|\Z)|[^\s\"',;&{}\[\]\\]++)"
_LOOSE = re.compile(
    b"(?i)(?<![a-z0-9_])((?:%b)%b" % (b"|".join(re.escape(name.encode()) for name in sorted(SECRET_NAMES)), _VALUE),
    re.DOTALL,
)
_AFTER_A_NAME = re.compile(b"(" + _VALUE, re.DOTALL)
_BACKSLASH = ord("\\")
_NO_TEXT = re.compile(rb"null|true|false|[-+.0-9eE]+")


NONE: frozenset[str] = frozenset()


def redacted(raw: bytes, record: Record, also: frozenset[str] = NONE) -> tuple[bytes, tuple[str, ...]]:
    """The record without secret values, and the paths of those that were replaced."""
    suspects = _suspects(record, also)
    if not suspects:
        return raw, ()
    cuts: list[tuple[int, int]] = []
    paths: list[str] = []
    for name, data in suspects:
        start = raw.find(data)
        if start != raw.rfind(data):  # twice in the record: read all of it to be sure
            return _without(raw, *_secrets(raw, "", 0, len(raw), also))
        found, where = _secrets(raw, name, start, start + len(data), also)
        cuts += found
        paths += where
    return _without(raw, sorted(cuts), paths)


def redacted_at_length(raw: bytes, also: frozenset[str] = NONE) -> tuple[bytes, tuple[str, ...]]:
    """As ``redacted``, for a record that only tolerance could read."""
    return _without(raw, *_secrets(raw, "", 0, len(raw), also)) if _suspicious(raw, also) else (raw, ())


def without_secrets(raw: bytes, also: frozenset[str] = NONE) -> bytes:
    """Bytes that may be no JSON at all, a record that broke off or a text within a text, without secret values.

    More may go than had to: what follows a secret's name up to the end of a text that has no end.
    """
    lower = raw.lower()
    if not _has_word(lower) and not _holds(lower, also):
        return raw
    kept, _ = _without(raw, *_secrets(raw, "", 0, len(raw), also))
    kept = _LOOSE.sub(_hide, kept)
    for name in _as_bytes(also):
        kept = _hidden_loosely(kept, name)
    return kept


def _hidden_loosely(text: bytes, name: bytes) -> bytes:
    """The text with what stands behind a name, where the name is not the end of a longer one, hidden."""
    lower = text.lower()
    kept: list[bytes] = []
    at = 0
    found = lower.find(name)
    while found >= 0:
        before = lower[found - 1 : found] if found else b""
        match = None if before.isalnum() or before == b"_" else _AFTER_A_NAME.match(text, found + len(name))
        if match:
            kept += (text[at : match.start()], _hide(match))
            at = match.end()
        found = lower.find(name, max(found + 1, at))
    return b"".join((*kept, text[at:]))


def _hide(match: re.Match[bytes]) -> bytes:
    name, quote = match[1], match[2]
    value = match[0][len(name) :]
    if quote is None:
        return match[0] if _NO_TEXT.fullmatch(value) else name + HIDDEN.encode()
    inner = value.removeprefix(quote).removesuffix(quote)
    if _HIDDEN_ALREADY.fullmatch(inner.decode("utf-8", "replace")):
        return match[0]
    return name + quote + HIDDEN.encode() + quote


def _suspects(record: Record, also: frozenset[str]) -> list[tuple[str, bytes]]:
    """Objects that may hold secrets, with their names: first all of them at once, for nearly none does."""
    parts = (record.request, record.response, record.service_details, record.additional)
    together = b"".join(parts)
    if len(together) <= _ALL_NULL or not _suspicious(together, also):
        return []
    names = ("requestParameters", "responseElements", "serviceEventDetails", "additionalEventData")
    named = zip(names, parts, strict=True)
    return [(name, data) for name, part in named if _suspicious(data := bytes(part), also)]


def _suspicious(data: bytes, also: frozenset[str]) -> bool:
    """Whether a name may be secret; words come first, for a plain search is many times faster than an expression."""
    lower = data.lower()
    return (_has_word(lower) and _NAMED.search(lower) is not None) or (bool(also) and _holds(lower, also))


def _holds(lower: bytes, also: frozenset[str]) -> bool:
    """Whether one of the further names may stand there; one that is spelled with escapes has a word of them."""
    return any(lower.find(name) >= 0 for name in _as_bytes(also))


@cache
def _as_bytes(also: frozenset[str]) -> tuple[bytes, ...]:
    return tuple(sorted(name.encode() for name in also))


def _has_word(lower: bytes) -> bool:
    find = lower.find
    return (
        find(b"token") >= 0
        or find(b"password") >= 0
        or find(b"secret") >= 0
        or find(b"privatekey") >= 0
        or (_BACKSLASH in lower and find(b"\\u00") >= 0)
    )


def _secrets(
    raw: bytes, name: str, start: int, end: int, also: frozenset[str]
) -> tuple[list[tuple[int, int]], list[str]]:
    """Where secret values stand, quotes included, and under which paths."""
    cuts: list[tuple[int, int]] = []
    paths: list[str] = []
    keys = [name]
    for match in _TOKEN.finditer(raw, start, end):
        quoted = match[1]
        if quoted is None:
            _follow(match[0], keys)
        elif match[2] is not None:
            keys[-1] = _text(quoted)
        elif ((key := keys[-1].lower()) in SECRET_NAMES or key in also) and not _HIDDEN_ALREADY.fullmatch(
            _text(quoted)
        ):
            cuts.append(match.span(1))
            paths.append(".".join(filter(None, keys)))
    return cuts, paths


def _without(raw: bytes, cuts: list[tuple[int, int]], paths: list[str]) -> tuple[bytes, tuple[str, ...]]:
    kept: list[bytes] = []
    at = 0
    for start, end in cuts:
        kept += (raw[at:start], _REPLACEMENT)
        at = end
    return b"".join((*kept, raw[at:])) if cuts else raw, distinct(paths)


def _follow(bracket: bytes, keys: list[str]) -> None:
    """Keep the path: one key per open object; a list's elements stand under the list's own key."""
    if bracket == b"{":
        keys.append("")
    elif bracket == b"}" and len(keys) > 1:
        keys.pop()


def _text(quoted: bytes) -> str:
    inner = quoted[1:-1]
    if b"\\" not in inner:
        return inner.decode("utf-8", "replace")
    try:
        return str(json.loads(quoted.decode("utf-8", "replace"), strict=False))
    except ValueError:  # an escape that JSON does not know
        return ""
