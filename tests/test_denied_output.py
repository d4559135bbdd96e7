"""How refused calls are shown: whatever texts a log holds, however many there are, the same from every store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.backends import Backend
from tests.refusals import OTHER, SEPTEMBER, Json, Room, network, owners_copy, refusal, role_identity, user
from tests.scenario import background

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"


@pytest.fixture
def empty(tmp_path: Path, backend: Backend, capsys: pytest.CaptureFixture[str]) -> Room:
    """Nothing loaded."""
    return Room(tmp_path, backend, capsys)


@pytest.fixture
def room(empty: Room) -> Room:
    """Two months of which every day has a read and a write by somebody in eu-west-1, none refused."""
    empty.log(*background())
    return empty


HOSTILE = "\x1b[31mred\x1b[0m\u202e<script>alert(1)</script>=cmd|' /C calc'!A0\r\nBcc: eve@example.com"


def hostile() -> list[Json]:
    """Refusals in which whoever called wrote what he liked, wherever he could."""
    identity = user("x") | {"arn": f"=HYPERLINK(1){HOSTILE}", "userName": HOSTILE}
    session = role_identity("jobs/worker")
    session["arn"] = f"{session['arn']}{HOSTILE}"
    return [
        refusal(1, userIdentity=identity, userAgent=HOSTILE, errorMessage=HOSTILE, errorCode="AccessDenied"),
        refusal(2, userIdentity=session, errorMessage=f"{HOSTILE} is not authorized to perform: ec2:StopInstances"),
        refusal(3, call=f"ec2:{HOSTILE}", awsRegion=HOSTILE, errorMessage="Access Denied"),
        refusal(
            4, errorMessage=f"User: {HOSTILE} with an explicit deny in a service control policy: arn:aws:x:{HOSTILE}"
        ),
    ]


@pytest.mark.parametrize("arguments", [(), ("--weekly",)])
def test_hostile_texts_do_no_harm(room: Room, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """No control character reaches a terminal or a file that is shown in one."""
    room.log(*hostile())
    file = tmp_path / "out.txt"
    code, _, err = room.run("denied", *SEPTEMBER, *arguments, "--output", str(file))
    assert code == 0
    unsafe = {character for character in file.read_text() + err if ord(character) < 32 or character in "\u202e\x7f"}
    assert unsafe <= {"\n"}


def test_no_cell_is_a_formula(room: Room) -> None:
    """To a spreadsheet; other programs get texts as they are."""
    room.log(*hostile())
    out = room.run("denied", "--format", "csv")[1]
    assert "'=HYPERLINK" in out
    assert not any(cell.startswith(("=", '"=')) for cell in out.split(","))
    assert any("<script>" in row["principal"] for row in room.rows())


def test_a_hostile_mail_is_harmless_html(room: Room) -> None:
    """Every tag is ours."""
    room.log(*hostile())
    mail = ["--email", "ops@example.com", "--from", "cloudsearch@example.com", "--dry-run"]
    code, out, _ = room.run("denied", *SEPTEMBER, *mail)
    assert code == 0
    html = out[out.index("<!DOCTYPE") :]
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in out
    head = out.partition("\n\n")[0].split("\n")
    assert [line.partition(":")[0] for line in head] == ["From", "To", "Subject"]


def test_a_table_and_a_week_fit_80_columns(room: Room) -> None:
    """However long the names are."""
    long = "a" * 300
    room.log(refusal(1, userIdentity=user(long)), refusal(2, action=f"ec2:{long[:60]}", awsRegion=long), *hostile()[2:])
    for arguments in ((), ("--weekly",)):
        out = room.run("denied", *SEPTEMBER, *arguments)[1]
        assert max(map(len, out.split("\n"))) <= 80


def test_a_week_is_bounded(room: Room) -> None:
    """However many kinds there are: some hundred lines, and less HTML than mail programs cut off (102 KB)."""
    many = [refusal(n, userIdentity=user(f"u{n}" + "<&>" * 100), errorMessage="Access Denied") for n in range(700)]
    room.log(*many)
    for arguments in (SEPTEMBER, ()):
        mail = ["--email", "ops@example.com", "--from", "cloudsearch@example.com", "--dry-run"]
        out = room.run("denied", *arguments, *mail)[1]
        assert "688 more" in out
        assert len(out[out.index("<!DOCTYPE") :].encode()) < 102_000
        assert out.index("<!DOCTYPE") < 20_000


def test_a_week_is_seven_days_unless_said(room: Room) -> None:
    """Up to --until, or now; --since goes before."""
    room.log(refusal(1, 40), refusal(2, 30))
    head = ["--weekly", "--until", "2026-09-15"]
    assert room.run("denied", *head)[1].startswith("2026-09-09 to 2026-09-15: 1 refused call of 1 kind, 1 new")
    assert room.run("denied", *head, "--since", "2026-09-01")[1].startswith("2026-09-01 to 2026-09-15: 1 refused")
    assert "nothing can be concluded" in room.run("denied", "--weekly", "--until", "2026-07-01")[1]


@pytest.mark.parametrize(
    ("name", "arguments"), [("denied", ()), ("denied-weekly", ("--weekly", "--since", "2026-09-01"))]
)
def test_the_example_trail(empty: Room, name: str, arguments: tuple[str, ...]) -> None:
    """As it is printed."""
    assert empty.run("load", str(EXAMPLES / "AWSLogs"))[0] == 0
    assert empty.run("denied", *arguments)[1] == (HERE / "golden" / f"{name}.txt").read_text()


def test_every_store_says_the_same(
    tmp_path: Path, every_backend: Sequence[Backend], capsys: pytest.CaptureFixture[str]
) -> None:
    """Byte for byte, with the period before and without."""
    answers = set()
    for n, backend in enumerate(every_backend):
        own = Room(tmp_path / str(n), backend, capsys)
        own.log(
            *background(),
            *hostile(),
            *(refusal(n + 10, n) for n in range(60)),
            network(99),
            owners_copy(98, "e", OTHER),
        )
        answers.add(
            tuple(own.run("denied", *more, "--format", "jsonl")[1] for more in ((), SEPTEMBER, ("--include-services",)))
        )
    assert len(answers) == 1
