"""From ``--email``, ``--from`` and ``--smtp`` to a mail that is sent, or shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudsearch.errors import UsageError

if TYPE_CHECKING:
    from cloudsearch.mail import Login, Mail, Server

USERNAME, PASSWORD = "CLOUDSEARCH_SMTP_USERNAME", "CLOUDSEARCH_SMTP_PASSWORD"


@dataclass(frozen=True, slots=True)
class Mailing:
    """Whom to send to, from whom, and through what: without a server, through Amazon SES. Checked before any work."""

    to: tuple[str, ...]
    sender: str
    through: Server | None
    login: Login | None
    dry_run: bool

    def send(self, subject: str, text: str, html: str) -> None:
        """Send it; ``CloudsearchError`` where that fails."""
        from cloudsearch.mail import by_ses, by_smtp

        mail = self._mail(subject, text, html)
        if self.through is None:
            by_ses(mail)
        else:
            by_smtp(mail, self.through, self.login)

    def shown(self, subject: str, text: str, html: str) -> Iterator[str]:
        """The mail, header by header and then both contents, as lines."""
        mail = self._mail(subject, text, html)
        yield f"From: {mail.sender}"
        yield f"To: {', '.join(mail.to)}"
        yield f"Subject: {mail.subject}"
        yield ""
        yield from mail.text.splitlines()
        yield ""
        yield from mail.html.splitlines()

    def _mail(self, subject: str, text: str, html: str) -> Mail:
        from cloudsearch.mail import Mail

        return Mail(self.sender, self.to, subject, text, html)


def mailing(to: Sequence[str], sender: str | None, smtp: str | None, *, dry_run: bool) -> Mailing | None:
    """Read the flags; None where no mail is asked for. ``UsageError`` for an address or a server that is none."""
    if not to:
        if dry_run:
            raise UsageError("--dry-run shows the mail of --email: name whom it would go to")
        return None
    from cloudsearch.mail import address, server

    if not sender:
        raise UsageError("--email needs --from, or CLOUDSEARCH_MAIL_FROM: the address that it is sent from")
    addresses = tuple(dict.fromkeys(address(one, "--email") for one in to))
    return Mailing(addresses, address(sender, "--from"), server(smtp) if smtp else None, _login(), dry_run)


def _login() -> Login | None:
    from cloudsearch.mail import Login

    name, password = os.environ.get(USERNAME), os.environ.get(PASSWORD)
    if bool(name) != bool(password):
        raise UsageError(f"Set both {USERNAME} and {PASSWORD}, or neither")
    return Login(name, password) if name and password else None
