"""A record's object as the text of a Java map: ``{policyArn=arn:aws:iam::aws:policy/X, list=[a, b], nested={x=true}}``.

Elastic's integration keeps request parameters, response elements and additional event data in this form, and
detection rules match it with wildcards. Keys stay in the order they are written in, texts stand without quotes,
numbers as they are written.
"""

from __future__ import annotations

_BACKSLASH, _QUOTE = b"\x01", b"\x02"  # JSON has no control characters of its own, so they can stand in for escapes
_MOST_MARKS = 4096
_STRUCTURE = bytes.maketrans(b":", b"=")


class _Marks(dict[bytes, bytes]):
    """What stands between two texts -> the same for Java; numbers stand there too, so it is emptied now and then."""

    def __missing__(self, mark: bytes) -> bytes:
        if len(self) >= _MOST_MARKS:
            self.clear()
        found = self[mark] = mark.translate(_STRUCTURE, b" \t\r\n").replace(b",", b", ")
        return found


_java = _Marks().__getitem__


def java_map(part: bytes) -> bytes:
    """The text of an object's JSON, as what stands between the quotes of a JSON text: escapes stay what they are.

    The JSON has to be well formed.
    """
    if part.find(b"\\") < 0:
        return _unquoted(part)
    hidden = part.replace(b"\\\\", _BACKSLASH).replace(b'\\"', _QUOTE)
    return _unquoted(hidden).replace(_QUOTE, b'\\"').replace(_BACKSLASH, b"\\\\")


def _unquoted(part: bytes) -> bytes:
    pieces = part.split(b'"')
    pieces[::2] = map(_java, pieces[::2])
    return b"".join(pieces)
