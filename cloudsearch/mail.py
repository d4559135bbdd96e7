"""Mail that is sent: through a server that speaks SMTP, or through Amazon SES.

An address is checked before anything is done with it, and headers are made by the standard library, which takes no line
end in one; SES is given subject and texts as such and makes the headers itself. Names and passwords are never part of
a message of ours.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as theirs

from cloudsearch.aws import CONFIG, DEFAULT_REGION, NO_CREDENTIALS, Access, one_line, session, without_credentials
from cloudsearch.errors import AccessError, CloudsearchError, UsageError

TIMEOUT = 30.0
"""Seconds that a mail server has for each answer."""

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PORTS = {"smtp": 25, "smtps": 465}
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_REFUSALS = frozenset({"AccessDeniedException", "AccessDenied", "InvalidClientTokenId", "UnrecognizedClientException"})


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail: addresses that ``address`` took, a subject of one line, the same content as text and as HTML."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server; with ``is_tls`` the connection begins with TLS."""

    host: str
    port: int
    is_tls: bool


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password for a mail server."""

    name: str
    password: str

    def __repr__(self) -> str:
        return "Login(***)"


def address(text: str, flag: str) -> str:
    """A bare mail address, ``somebody@example.com``; ``UsageError`` names the flag for anything else."""
    bare = text.strip(" ")
    if not _ADDRESS.fullmatch(bare):
        raise UsageError(f"{flag} {text!r} is no mail address: write somebody@example.com")
    return bare


def server(url: str) -> Server:
    """Read ``smtp://host:25`` (TLS where the server offers it) or ``smtps://host:465``; a bare host is ``smtp``."""
    whole = url.strip() if "://" in url else f"smtp://{url.strip()}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("--smtp is no server: write smtp://mail.example.com:25 or smtps://mail.example.com") from error
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            "--smtp takes no name or password: they are CLOUDSEARCH_SMTP_USERNAME and CLOUDSEARCH_SMTP_PASSWORD"
        )
    odd = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in _PORTS or not host or odd or not host.isascii() or not host.isprintable() or " " in host:
        raise UsageError(f"--smtp {url!r} is no server: write smtp://mail.example.com:25 or smtps://mail.example.com")
    return Server(host, port or _PORTS[parts.scheme], parts.scheme == "smtps")


def message(mail: Mail) -> EmailMessage:
    """The mail as it is sent: text, and HTML for those who show it."""
    made = EmailMessage(policy=SMTP)
    made["From"] = mail.sender
    made["To"] = ", ".join(mail.to)
    made["Subject"] = mail.subject
    made["Date"] = formatdate()
    made["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    made.set_content(mail.text, cte="quoted-printable")
    made.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return made


def by_smtp(mail: Mail, through: Server, login: Login | None) -> None:
    """Hand the mail to a server. A password is sent over TLS alone, and a certificate is always checked.

    ``AccessError`` where the server does not take the login, ``CloudsearchError`` for all else that goes wrong.
    """
    with _translated(through), _connected(through) as connection:
        if not through.is_tls:
            _secure(connection, through, login)
        if login:
            connection.login(login.name, login.password)
        refused = connection.send_message(message(mail))
    if refused:
        raise CloudsearchError(f"{through.host} took the mail, but not for {', '.join(sorted(refused))}")


def by_ses(mail: Mail) -> None:
    """Hand the mail to Amazon SES, with boto3's own credentials and region.

    It takes ``ses:SendEmail``, and a sender that SES has verified.
    """
    try:
        own = session(Access())
        make: Any = own.client
        client = make("sesv2", region_name=own.region_name or DEFAULT_REGION, config=CONFIG)
        client.send_email(
            FromEmailAddress=mail.sender,
            Destination={"ToAddresses": list(mail.to)},
            Content={
                "Simple": {
                    "Subject": _utf8(mail.subject),
                    "Body": {"Text": _utf8(mail.text), "Html": _utf8(mail.html)},
                }
            },
        )
    except NO_CREDENTIALS as error:
        raise without_credentials(error) from error
    except theirs.ClientError as error:
        said = error.response.get("Error", {})
        kind = AccessError if said.get("Code") in _REFUSALS else CloudsearchError
        why = one_line(f"{said.get('Code')}: {said.get('Message')}")
        raise kind(f"Amazon SES did not take the mail: {why}") from error
    except theirs.BotoCoreError as error:
        raise CloudsearchError(f"Amazon SES could not be asked: {one_line(error)}") from error


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


@contextmanager
def _connected(through: Server) -> Iterator[smtplib.SMTP]:
    if through.is_tls:
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL(through.host, through.port, timeout=TIMEOUT, context=context) as connection:
            yield connection
    else:
        with smtplib.SMTP(through.host, through.port, timeout=TIMEOUT) as connection:
            yield connection


def _secure(connection: smtplib.SMTP, through: Server, login: Login | None) -> None:
    """Go on with TLS where the server offers it; what stays on this machine needs none, unless there is a password."""
    connection.ehlo_or_helo_if_needed()
    if login is None and through.host in _LOCAL:
        return
    if connection.has_extn("starttls"):
        connection.starttls(context=ssl.create_default_context())
        connection.ehlo()
    elif login:
        raise AccessError(f"{through.host} offers no TLS, and a password is not sent without: use smtps://")


@contextmanager
def _translated(through: Server) -> Iterator[None]:
    place = f"The mail server {through.host}:{through.port}"
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise AccessError(
            f"{place} does not take the name and password of CLOUDSEARCH_SMTP_USERNAME and CLOUDSEARCH_SMTP_PASSWORD"
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise CloudsearchError(f"{place} takes no mail for {', '.join(sorted(error.recipients))}") from error
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise CloudsearchError(f"{place} did not take the mail: {error.smtp_code} {one_line(said)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise CloudsearchError(f"{place} did not take the mail: {one_line(error) or type(error).__name__}") from error
