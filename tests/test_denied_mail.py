"""The week by mail: to a real server that speaks SMTP, and to Amazon SES as moto plays it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cloudsearch.cli import main
from cloudsearch.errors import UsageError
from cloudsearch.mail import Mail, address, message, server
from tests.aws import SmallAws
from tests.mailserver import CERTIFICATE, NAME, PASSWORD, Inbox, running

EXAMPLES = Path(__file__).parent.parent / "examples"
SENDER = "cloudsearch@example.com"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run ``denied`` on the example trail's September."""
    store = str(tmp_path / "store.duckdb")
    assert main(["load", str(EXAMPLES / "AWSLogs"), "--store", store]) == 0
    for name in ("CLOUDSEARCH_SMTP", "CLOUDSEARCH_MAIL_FROM"):
        monkeypatch.delenv(name, raising=False)

    def runner(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["denied", "--since", "2026-09-01", "--store", store, *arguments])
        return code, *capsys.readouterr()

    return runner


def to(inbox: Inbox, *addresses: str, scheme: str = "smtp") -> list[str]:
    """The flags that send there."""
    flags = [flag for one in addresses or ("ops@example.com",) for flag in ("--email", one)]
    return [*flags, "--from", SENDER, "--smtp", f"{scheme}://127.0.0.1:{inbox.port}"]


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name and password in the environment, and the tests' authority believed."""
    monkeypatch.setenv("CLOUDSEARCH_SMTP_USERNAME", NAME)
    monkeypatch.setenv("CLOUDSEARCH_SMTP_PASSWORD", PASSWORD)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def test_a_mail_arrives_as_text_and_html(run: Run) -> None:
    """At everybody named, each once; stdout stays empty, so that cron sends no second mail."""
    with running() as inbox:
        code, out, err = run("--weekly", *to(inbox, "ops@example.com", "sec@example.com", "ops@example.com"))
    assert (code, out) == (0, "")
    assert err.strip() == "sent to ops@example.com, sec@example.com"
    assert [envelope.rcpt_tos for envelope in inbox.envelopes] == [["ops@example.com", "sec@example.com"]]
    mail = inbox.mails[0]
    assert mail["From"] == SENDER
    assert mail["To"] == "ops@example.com, sec@example.com"
    assert mail["Subject"] == "cloudsearch: 3 refused calls, 2 new kinds, 2026-09-01 to 2026-09-30"
    assert mail["Date"]
    assert mail["Message-ID"]
    assert mail.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert text.replace("\r\n", "\n") == run("--weekly")[1]
    assert "<b>cloudformation:DeleteStack</b>" in html
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_a_dry_run_sends_nothing(run: Run) -> None:
    """It prints what would be sent, and needs no server."""
    with running() as inbox:
        code, out, _ = run(*to(inbox), "--dry-run")
    assert code == 0
    assert out.startswith(f"From: {SENDER}\nTo: ops@example.com\nSubject: cloudsearch: 3 refused calls")
    assert "</html>" in out
    assert not inbox.envelopes


def test_what_was_sent_can_be_kept(run: Run, tmp_path: Path) -> None:
    """With --output."""
    with running() as inbox:
        assert run(*to(inbox), "--output", str(tmp_path / "mail.txt"))[0] == 0
    assert "cloudformation:DeleteStack" in (tmp_path / "mail.txt").read_text()


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize(("tls", "scheme"), [("starttls", "smtp"), ("smtps", "smtps")])
def test_a_password_goes_over_tls(run: Run, tls: str, scheme: str) -> None:
    """From the environment alone."""
    with running(tls=tls, login=True) as inbox:
        code, _, err = run(*to(inbox, scheme=scheme))
    assert code == 0, err
    assert inbox.logins == [NAME]
    assert inbox.encrypted == [True]


@pytest.mark.usefixtures("login")
def test_a_password_is_not_sent_without_tls(run: Run) -> None:
    """Not even to a server that asks for one."""
    with running(login=True) as inbox:
        code, _, err = run(*to(inbox))
    assert code == 6
    assert "no TLS" in err
    assert not inbox.logins


@pytest.mark.usefixtures("login")
def test_a_certificate_is_checked(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whether TLS begins the connection or is asked for on it."""
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    for tls, scheme in (("starttls", "smtp"), ("smtps", "smtps")):
        with running(tls=tls, login=True) as inbox:
            code, _, err = run(*to(inbox, scheme=scheme))
        assert code == 1
        assert "certificate" in err.lower()
        assert not inbox.logins


@pytest.mark.usefixtures("login")
def test_a_wrong_password_is_named_and_not_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable."""
    monkeypatch.setenv("CLOUDSEARCH_SMTP_PASSWORD", "wrong-and-secret")
    with running(tls="starttls", login=True) as inbox:
        code, out, err = run(*to(inbox), "-v")
    assert code == 6
    assert "CLOUDSEARCH_SMTP_PASSWORD" in err
    assert "wrong-and-secret" not in out + err
    assert not inbox.envelopes


def test_an_address_that_the_server_refuses_is_named(run: Run) -> None:
    """The others get the mail; with none left, it is an error all the same."""
    with running(unknown=("gone@example.com",)) as inbox:
        code, _, err = run(*to(inbox, "ops@example.com", "gone@example.com"))
        assert (code, len(inbox.envelopes)) == (1, 1)
        assert "not for gone@example.com" in err
        code, _, err = run(*to(inbox, "gone@example.com"))
    assert (code, len(inbox.envelopes)) == (1, 1)
    assert "takes no mail for gone@example.com" in err


def test_a_server_that_is_not_there(run: Run) -> None:
    """Is named, in one line."""
    with running() as inbox:
        pass
    code, _, err = run(*to(inbox))
    assert code == 1
    assert f"The mail server 127.0.0.1:{inbox.port} did not take the mail" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "bad",
    [
        "a@example.com\r\nBcc: eve@example.com",
        "a@example.com\nX: y",
        "a@example.com, eve@example.com",
        "Eve <eve@example.com>",
        "no address",
        "a@",
        "@example.com",
        "",
        "a@ex ample.com",
        "\u00e4@example.com",
        "a@example.com\x00",
        "a@example.com\n",
    ],
)
def test_an_address_is_nothing_but_an_address(run: Run, bad: str) -> None:
    """Or the command ends before it has done anything: no header, no second address comes in."""
    with running() as inbox:
        through = ["--smtp", f"smtp://127.0.0.1:{inbox.port}"]
        for flags in (["--email", bad, "--from", SENDER], ["--email", "a@example.com", "--from", bad]):
            code, out, err = run(*flags, *through)
            assert (code, out) == (2, "")
            assert err.count("\n") == 1
    assert not inbox.envelopes


def test_a_subject_takes_no_second_line() -> None:
    """What makes the headers refuses it; the subjects here are of numbers and days alone."""
    with pytest.raises(ValueError, match="line"):
        message(Mail(SENDER, ("a@example.com",), "x\r\nBcc: eve@example.com", "", ""))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smtp://user:secret@mail.example.com", "takes no name or password"),
        ("http://mail.example.com", "is no server"),
        ("smtp://", "is no server"),
        ("smtp://mail.example.com/path", "is no server"),
        ("smtp://mail.example.com:99999", "is no server"),
        ("smtp://ma il.example.com", "is no server"),
        ("smtp://[::1", "is no server"),
    ],
)
def test_a_server_is_a_host_and_a_port(run: Run, url: str, told: str) -> None:
    """A password in it is not repeated."""
    code, _, err = run("--email", "a@example.com", "--from", SENDER, "--smtp", url)
    assert code == 2
    assert told in err
    assert "secret" not in err


def test_ports_and_bare_hosts() -> None:
    """25 and 465, where none is said."""
    assert (server("smtp://mail").port, server("smtps://mail").port, server("mail:2525").port) == (25, 465, 2525)
    assert server("smtps://mail").is_tls
    assert server("smtp://[::1]:2525").host == "::1"
    assert address(" ops+cloud@example.com ", "--email") == "ops+cloud@example.com"
    with pytest.raises(UsageError):
        address("x", "--email")


def test_flags_that_lack_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender, an address, both halves of a login; --from may stand in the environment."""
    assert run("--email", "a@example.com")[0] == 2
    assert run("--dry-run")[0] == 2
    monkeypatch.setenv("CLOUDSEARCH_MAIL_FROM", SENDER)
    assert run("--email", "a@example.com", "--dry-run")[0] == 0
    monkeypatch.setenv("CLOUDSEARCH_SMTP_USERNAME", NAME)
    assert run("--email", "a@example.com", "--dry-run")[0] == 2


def test_the_gate_trips_after_the_mail_is_sent(run: Run) -> None:
    """Both are done."""
    with running() as inbox:
        assert run(*to(inbox), "--fail-on", "denied")[0] == 10
    assert len(inbox.envelopes) == 1


def test_a_mail_through_ses(run: Run, aws: SmallAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --smtp: a sender that SES has verified; the recipients, the subject and both contents."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # where the sender is verified
    aws.client("ses").verify_email_identity(EmailAddress=SENDER)
    code, out, err = run("--email", "ops@example.com", "--email", "sec@example.com", "--from", SENDER)
    assert (code, out) == (0, ""), err
    assert "sent to ops@example.com, sec@example.com" in err
    body = next(request.body for request in aws.requests if request.service == "ses").decode()
    assert '"ToAddresses": ["ops@example.com", "sec@example.com"]' in body
    assert '"Subject": {"Data": "cloudsearch: 3 refused calls, 2 new kinds' in body
    assert '"Html"' in body


def test_a_sender_that_ses_does_not_know(run: Run, aws: SmallAws) -> None:
    """SES's own words, in one line."""
    code, _, err = run("--email", "ops@example.com", "--from", SENDER)
    assert code == 1
    assert "Amazon SES did not take the mail: MessageRejected" in err
    assert err.count("\n") == 1
    assert aws.requests


def test_ses_without_credentials(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit 6, and what must work first."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    code, _, err = run("--email", "ops@example.com", "--from", SENDER)
    assert code == 6
    assert "credentials are missing" in err


def test_ses_that_refuses(run: Run, aws: SmallAws) -> None:
    """Exit 6."""
    aws.fail("ses:?", status=403, code="AccessDeniedException", message="not authorized to perform ses:SendEmail")
    code, _, err = run("--email", "ops@example.com", "--from", SENDER)
    assert code == 6
    assert "ses:SendEmail" in err
