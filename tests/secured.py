"""An Elasticsearch that asks who is there: TLS with an authority of the tests' own, users, and roles from files.

The distribution lacks the module analysis-common, without which the index that keeps API keys, and users and roles that
are made later, cannot be made: those of files need no index, and are authorized in the same way.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.servers import ELASTICSEARCH, running

ADMIN, PASSWORD = "admin", "correct horse battery staple"
SETTINGS = """\
xpack.security.enabled: true
xpack.security.autoconfiguration.enabled: false
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.key: server.key
xpack.security.http.ssl.certificate: server.crt
xpack.security.authc.api_key.enabled: true
"""


@dataclass(frozen=True, slots=True)
class Secured:
    """The server, asked as its administrator."""

    url: str
    authority: Path

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (what JSON holds)
        """Its answer; an error's too."""
        token = base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        context = ssl.create_default_context(cafile=str(self.authority))
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read() or b"{}")


@contextmanager
def secured(folder: Path, roles: Mapping[str, Mapping[str, Any]]) -> Iterator[Secured]:
    """Such a server, for as long as it is needed, with a user for each role, who is called as it is."""
    authority, key, certificate = _certified()
    (folder / "authority.pem").write_text(authority)
    files = (
        ("server.key", key),
        ("server.crt", certificate),
        ("users", "".join(f"{name}:{_hashed(PASSWORD)}\n" for name in (ADMIN, *roles))),
        ("users_roles", f"superuser:{ADMIN}\n" + "".join(f"{name}:{name}\n" for name in roles)),
        ("roles.yml", "".join(_written(name, role) for name, role in roles.items())),
    )
    server = replace(ELASTICSEARCH, settings=SETTINGS, kind="elasticsearch_secured", config=files, authority=authority)
    with running(server) as url:
        yield Secured(url, folder / "authority.pem")


def _written(name: str, role: Mapping[str, Any]) -> str:
    """A role as the server's own file holds one: it is read role by role, each a block of lines."""
    return f"{name}:\n" + "".join(f"  {key}: {json.dumps(value)}\n" for key, value in role.items())


def _hashed(password: str) -> str:
    """As Elasticsearch's own file of users holds one: ``{PBKDF2}rounds$salt$hash``."""
    salt = b"0123456789abcdef0123456789abcdef"
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 10_000, 32)
    return f"{{PBKDF2}}10000${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


def _certified() -> tuple[str, str, str]:
    """An authority's certificate, and a key with the certificate it gave to this machine's loopback address."""
    root, own = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
    ca = x509.BasicConstraints(ca=True, path_length=None)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    authority = _certificate("tests", root, "tests", root, ca)
    certificate = _certificate("search", own, "tests", root, here)
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return authority, key, certificate


def _certificate(
    name: str, key: RSAPrivateKey, issuer: str, signer: RSAPrivateKey, extension: x509.ExtensionType
) -> str:
    now = datetime.now(UTC)
    keyid = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(keyid, critical=False)
        .sign(signer, SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
