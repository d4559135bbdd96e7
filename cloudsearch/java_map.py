"""A record's object as the text of a Java map: ``{policyArn=arn:aws:iam::aws:policy/X, list=[a, b], nested={x=true}}``.

Elastic's integration keeps request parameters, response elements and additional event data in this form, and
detection rules match it with wildcards. Keys stay in the order they are written in, texts stand without quotes,
numbers as they are written. It is made of every event that goes to a search engine: a few passes over its bytes,
and no step for each value.
"""

from __future__ import annotations

_BACKSLASH, _QUOTE = b"\x01", b"\x02"  # JSON has no control characters of its own, so they can stand in for escapes
_STRUCTURE = bytes.maketrans(b":", b"=")


def java_map(part: bytes) -> bytes:
    """The text of an object's JSON, as what stands between the quotes of a JSON text: escapes stay what they are.

    The JSON has to be well formed.
    """
    if part.find(b"\\") < 0:
        return _unquoted(part)
    hidden = part.replace(b"\\\\", _BACKSLASH).replace(b'\\"', _QUOTE)
    return _unquoted(hidden).replace(_QUOTE, b'\\"').replace(_BACKSLASH, b"\\\\")


def _unquoted(part: bytes) -> bytes:
    """Between every two texts lies a piece of structure, numbers among it: all of those are changed at once."""
    pieces = part.split(b'"')
    structure = b'"'.join(pieces[::2]).translate(_STRUCTURE, b" \t\r\n").replace(b",", b", ")
    pieces[::2] = structure.split(b'"')
    return b"".join(pieces)
