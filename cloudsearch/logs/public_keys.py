"""The public keys digests are signed with: each region has its own, each is known by its fingerprint.

``aws cloudtrail list-public-keys`` prints them: DER in base64, PKCS #1 (some are shown with their algorithm around
them, as SubjectPublicKeyInfo).

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from cloudsearch.errors import SourceError
from cloudsearch.logs.local import reason_of

Keys = Mapping[str, RSAPublicKey]
"""Public keys by fingerprint."""

_LISTS = ("PublicKeyList", "publicKeyList")


def load_public_keys(files: Sequence[Path]) -> Keys:
    """The keys in files, each what ``list-public-keys`` printed, once or several times, one after the other.

    ``SourceError`` where a file cannot be read or holds anything else, or a key no RSA key.
    """
    return {fingerprint: key for file in files for fingerprint, key in _in_file(file)}


def public_keys(listed: Iterable[object], where: str) -> Keys:
    """The keys of a ``PublicKeyList``, its values in base64 or in bytes; ``where`` it is from, for an error."""
    return dict(_key(one, where) for one in listed)


def _in_file(file: Path) -> Iterator[tuple[str, RSAPublicKey]]:
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise SourceError(f"{file} could not be read: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise _not_keys(str(file)) from error
    for document in _documents(text, str(file)):
        yield from public_keys(_listed(document, str(file)), str(file)).items()


def _documents(text: str, where: str) -> Iterator[object]:
    decoder, text = json.JSONDecoder(), text.strip()
    if not text:
        raise _not_keys(where)
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except (ValueError, RecursionError) as error:
            raise _not_keys(where) from error
        yield document
        text = text[end:].lstrip()


def _listed(document: object, where: str) -> Sequence[object]:
    if isinstance(document, dict):
        document = next((document[name] for name in _LISTS if name in document), None)
    if not isinstance(document, list):
        raise _not_keys(where)
    return document


def _key(one: object, where: str) -> tuple[str, RSAPublicKey]:
    fingerprint = one.get("Fingerprint") if isinstance(one, dict) else None
    value = one.get("Value") if isinstance(one, dict) else None
    if not isinstance(fingerprint, str) or not isinstance(value, str | bytes):
        raise _not_keys(where)
    try:
        key = load_der_public_key(value if isinstance(value, bytes) else base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise SourceError(f"{where}: the key with fingerprint {fingerprint} is not DER of a public key") from error
    if not isinstance(key, RSAPublicKey):
        raise SourceError(f"{where}: the key with fingerprint {fingerprint} is not RSA's")
    return fingerprint, key


def _not_keys(where: str) -> SourceError:
    return SourceError(f"{where} does not hold public keys: give what `aws cloudtrail list-public-keys` printed")
