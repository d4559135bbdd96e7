"""A mail server of the tests: it speaks SMTP over a socket, and keeps what it is given."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd import smtp as theirs
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

CASES = Path(__file__).parent / "cases"
CERTIFICATE = CASES / "tls-certificate.pem"
NAME, PASSWORD = "mailer", "correct horse battery staple"


@dataclass(slots=True)
class Inbox:
    """What came: envelopes and the mails in them. Addresses in ``unknown`` are refused."""

    port: int = 0
    unknown: frozenset[str] = frozenset()
    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails, read again."""
        contents = [envelope.content for envelope in self.envelopes]
        return [message_from_bytes(content, policy=default) for content in contents if isinstance(content, bytes)]

    async def handle_RCPT(  # noqa: N802 (as the server calls it)
        self,
        server: theirs.SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take an address, or not."""
        if address in self.unknown:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: theirs.SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Keep a mail."""
        self.envelopes.append(envelope)
        assert server.transport
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    def authenticate(self, server: object, session: object, envelope: object, how: str, data: object) -> AuthResult:  # noqa: ARG002
        """Whether name and password are right."""
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=(data.login.decode(), data.password.decode()) == (NAME, PASSWORD), handled=False)


@contextmanager
def running(*, tls: str | None = None, unknown: tuple[str, ...] = (), login: bool = False) -> Iterator[Inbox]:
    """A server on a port of its own; ``tls`` is ``starttls`` or ``smtps``, ``login`` asks for one.

    Without ``starttls`` it takes one, but does not ask: the server's authors warn of that.
    """
    inbox = Inbox(_free_port(), frozenset(unknown))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CASES / "tls-key.pem")
    options: dict[str, Any] = {"authenticator": inbox.authenticate, "auth_required": login and tls == "starttls"}
    options["auth_require_tls"] = tls == "starttls"
    options["tls_context"] = context if tls == "starttls" else None
    made = Controller(
        inbox, hostname="127.0.0.1", port=inbox.port, ssl_context=context if tls == "smtps" else None, **options
    )
    made.start()
    try:
        yield inbox
    finally:
        made.stop()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
