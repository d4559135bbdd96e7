"""The account that an access key id carries within it.

AWS's own ``sts:GetAccessKeyInfo`` answers the same
(https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html) and has to be asked for every key.
"""

from __future__ import annotations

import re
from functools import lru_cache

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_KEY = re.compile(rf"A(?:KIA|SIA)[{_ALPHABET}]{{9,}}", re.ASCII)
_MIDDLE = _ALPHABET.index("Q")


@lru_cache(maxsize=65536)
def account_of(access_key_id: str | None) -> str | None:
    """The account's 12 digits; None of a key that is no key, or is older than this way of making them."""
    if not access_key_id or not _KEY.fullmatch(access_key_id):
        return None
    number = 2 * (_number(access_key_id[4:12]) - _number("QAAAAAAA"))
    number += _ALPHABET.index(access_key_id[12]) >= _MIDDLE
    return f"{number:012}" if 0 < number < 10**12 else None


def _number(text: str) -> int:
    number = 0
    for letter in text:
        number = 32 * number + _ALPHABET.index(letter)
    return number
