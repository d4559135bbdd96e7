"""Whoever calls AWS writes into its logs: whatever that is, no report in any format is more than text for it.

Formulas for spreadsheets, tags and scripts, links and tables in Markdown, escapes for terminals, forged lines.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from tests.csm import both, write_archive
from tests.logfiles import ACCOUNT, record, write
from tests.scenario import ROLE, account, background, moment, role, statement

FORMATS = ("table", "json", "jsonl", "csv", "markdown", "html")
EVIL = (
    "=HYPERLINK(1)\x1b[31m\x1b]0;x\x07\x9b2J\u202e\u200b<script>alert(1)</script><img src=x onerror=alert(1)>"
    "|`[x](javascript:alert(1))``\r\nFORGED 2026-01-01 all is well\r\n# FORGED\n| FORGED | x |\u2028FORGED"
)
USER = f"arn:aws:iam::{ACCOUNT}:user/{EVIL}"
TARGET = f"arn:aws:iam::{ACCOUNT}:role/other"
WINDOW = ("--since", "2026-08-10", "--until", "2026-09-30")
WITH_IAM = {
    "report on a role": ("report", "--role", ROLE),
    "report on a user": ("report", "--user", USER),
    "report on all": ("report", "--all"),
    "report on all, unfolded": ("report", "--all", "--expand", "--sort", "risk"),
    "report by services": ("report", "--all", "--services"),
    "report by resources": ("report", "--all", "--resources"),
    "report merged": ("report", "--all", "--merge-by", "name"),
    "report through": ("report", "--role", TARGET, "--through"),
    "report of a destination": ("report", "--role", ROLE, "--dest-role", TARGET),
    "report compared": ("report", "--role", ROLE, "--compare", "2020-01-01"),
    "list users": ("list", "users"),
    "list roles": ("list", "roles"),
    "who": ("who", "ec2:DescribeInstances"),
    "who on a resource": ("who", "s3:GetObject", "--resource", f"arn:aws:s3:::b/{EVIL}"),
    "history": ("history", "--role", "worker"),
    "history of a user": ("history", "--user", EVIL),
    "replay": ("replay", "POLICY", "--role", ROLE, "--expand", "--anyway"),
    "replay of a user": ("replay", "POLICY", "--user", USER, "--anyway"),
    "diff": ("diff", "--role", ROLE, "--against", "POLICY"),
    "diff of what is unused": ("diff", "--role", ROLE, "--remove-unused"),
}
WITHOUT_IAM = {
    "denied": ("denied", *WINDOW),
    "denied in a week": ("denied", "--weekly", *WINDOW),
    "coverage": ("coverage",),
    "search": ("search", "*"),
    "search for a text": ("search", "--fields", "record,user_agent,source.ip,user.name", "FORGED"),
    "search for one event": ("search", "--open", "00000000-0000-4000-8000-000000000002"),
    "detect": ("detect", "RULES"),
    "compare": ("compare",),
    **{f"top of recorded calls by {by}": ("top", "--csm", "--by", by) for by in ("service", "client", "host", "agent")},
    **{f"top by {by}": ("top", "--by", by) for by in ("action", "principal", "service", "region", "error")},
    **{f"top by {by}": ("top", "--by", by, "--compare", "7d") for by in ("address", "agent")},
}
COMMANDS = WITH_IAM | WITHOUT_IAM

Run = Callable[..., tuple[int, str, str]]


def events() -> Iterator[dict[str, Any]]:
    """Calls in which every text that a caller may choose is evil."""
    user = {"type": "IAMUser", "principalId": "AIDAEVIL", "arn": USER, "accountId": ACCOUNT, "userName": EVIL}
    session: Any = json.loads(json.dumps(record(1)["userIdentity"]))
    session["principalId"] = f"AROAWORKER:{EVIL}"
    session["arn"] = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/{EVIL}"
    session["sessionContext"]["sourceIdentity"] = EVIL
    session["accessKeyId"] = EVIL
    common = {"userAgent": EVIL, "sourceIPAddress": EVIL, "requestParameters": {EVIL: EVIL}, "eventTime": moment(20)}
    refused = {"errorCode": "AccessDenied", "readOnly": False, "eventName": "StopInstances"}
    policy = f"with an explicit deny in a service control policy: arn:aws:organizations::1:policy/{EVIL}"
    assume = {"roleArn": TARGET, "roleSessionName": EVIL, "sourceIdentity": EVIL}
    issued = {"credentials": {"accessKeyId": f"ASIA{EVIL}"}}
    sts = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "responseElements": issued}
    iam = {"eventSource": "iam.amazonaws.com", "eventName": "PutRolePolicy", "readOnly": False}
    changes = {"requestParameters": {"roleName": "worker", "policyName": EVIL, "policyDocument": EVIL}}
    own = {"requestParameters": {"userName": EVIL, "policyName": EVIL}, "eventName": "PutUserPolicy"}
    s3 = {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "eventCategory": "Data"}
    named = {"resources": [{"ARN": f"arn:aws:s3:::b/{EVIL}", "type": EVIL}]}
    for number, who in enumerate((user, session)):
        first = 100 * number
        yield record(first + 1, userIdentity=who, **common)
        yield record(first + 2, userIdentity=who, **common | refused | {"errorMessage": EVIL})
        yield record(first + 3, userIdentity=who, **common | refused | {"errorMessage": f"User: {EVIL} {policy}"})
        yield record(first + 4, userIdentity=who, **common | {"errorCode": EVIL, "errorMessage": EVIL})
        yield record(first + 5, userIdentity=who, **common | {"awsRegion": EVIL, "eventName": EVIL})
        yield record(first + 6, userIdentity=who, **common | {"eventSource": f"{EVIL}.amazonaws.com"})
        yield record(first + 7, userIdentity=who, **common | sts | {"requestParameters": assume})
        yield record(first + 8, userIdentity=who, **common | iam | changes)
        yield record(first + 9, userIdentity=who, **common | iam | own)
        yield record(first + 10, userIdentity=who, **common | s3 | named)
    other: Any = json.loads(json.dumps(session).replace("jobs/worker", "other").replace("worker", "other"))
    other["accessKeyId"] = f"ASIA{EVIL}"
    yield record(300, userIdentity=other | {"onBehalfOf": {"userId": EVIL, "identityStoreArn": EVIL}}, **common)


def details() -> dict[str, object]:
    """What IAM tells, with evil names of policies and statements."""
    granted = statement("ec2:*", "s3:*", Sid=EVIL, Resource=["*", f"arn:aws:s3:::{EVIL}/*"])
    document = {"Version": "2012-10-17", "Statement": [granted]}
    inline = [{"PolicyName": EVIL, "PolicyDocument": document}]
    attached = [{"PolicyName": EVIL, "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/{EVIL}"}]
    other = role(granted, RoleName="other", RoleId="AROAOTHER", Arn=TARGET, Path="/", AttachedManagedPolicies=attached)
    user = {
        "Path": "/",
        "UserName": EVIL,
        "UserId": "AIDAEVIL",
        "Arn": USER,
        "CreateDate": "2025-01-01T00:00:00Z",
        "UserPolicyList": inline,
        "GroupList": [EVIL],
    }
    return account(role(RolePolicyList=inline), other, users=[user])


def rule() -> dict[str, Any]:
    """A Sigma rule that somebody else wrote, with a hit in every event."""
    return {
        "title": EVIL,
        "id": "4b1c5e3e-7d8f-4d0a-9b53-0a6f4d9f0c11",
        "description": EVIL,
        "logsource": {"product": "aws", "service": "cloudtrail"},
        "detection": {"any": {"eventVersion": "*"}, "condition": "any"},
        "level": "low",
    }


def place(folder: Path) -> None:
    """A store with all of it, the IAM file, a policy and a rule."""
    write(folder / "logs.json.gz", [*background(), *events()])
    (folder / "iam.json").write_text(json.dumps(details()))
    policy = statement("ec2:Describe*", Sid=EVIL, Resource=["*", f"arn:aws:s3:::{EVIL}/*"])
    (folder / "POLICY").write_text(json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    (folder / "RULES").mkdir()
    (folder / "RULES" / "rule.yml").write_text(json.dumps(rule()))
    evil = dict.fromkeys(("Service", "Api", "ClientId", "Region", "UserAgent", "Fqdn", "AwsExceptionMessage"), EVIL)
    write_archive(folder / "csm.jsonl", *both(0), *both(1000, **evil), *both(2000, **evil, AwsException=EVIL))
    assert main(["load", str(folder / "logs.json.gz"), "--store", str(folder / "store.duckdb")]) == 0
    assert main(["load", "--csm", str(folder / "csm.jsonl"), "--store", str(folder / "store.duckdb")]) == 0


def placed(arguments: Sequence[str], folder: Path) -> list[str]:
    """A command's arguments, the policy and the rules being those in the folder."""
    return [str(folder / one) if one in ("POLICY", "RULES") else one for one in arguments]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all of it is."""
    made = tmp_path_factory.mktemp("hostile")
    place(made)
    return made


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command on it: exit code, stdout, stderr."""

    def runner(*arguments: str, iam: bool = False) -> tuple[int, str, str]:
        told = ["--iam", str(folder / "iam.json"), "--iam-as-of", "2026-10-01"] if iam else []
        if arguments[0] in ("list", "history", "replay"):
            told = told[:2]
        capsys.readouterr()
        code = main([*placed(arguments, folder), *told, "--store", str(folder / "store.duckdb")])
        return code, *capsys.readouterr()

    return runner


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_that_a_log_says_is_more_than_text(run: Run, name: str, how: str) -> None:
    """In every report, in every format, and beside it on stderr."""
    code, out, err = run(*COMMANDS[name], "--format", how, iam=name in WITH_IAM)
    assert code == (10 if name.startswith("replay") else 0), err
    for text in (out, err):
        unsafe = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]", text)
        assert not unsafe, text[max(0, unsafe.start() - 50) : unsafe.end() + 20].encode("unicode_escape")
        assert not [line for line in text.split("\n") if line.startswith(("FORGED", "# FORGED", "| FORGED"))]
    if how in CHECKS:
        CHECKS[how](out)


def as_json(text: str) -> None:
    """It is what it says, and its texts are as they were logged."""
    rows = json.loads(text)
    assert isinstance(rows, list)
    assert "\\x1b" not in json.dumps(rows)


def as_csv(text: str) -> None:
    """Every line has as many cells as the first; none is a formula."""
    head, *rows = csv.reader(io.StringIO(text, newline=""))
    for row in rows:
        assert len(row) == len(head)
        assert not [cell for cell in row if len(cell) > 1 and cell.lstrip()[:1] in ("=", "+", "-", "@")]


def as_markdown(text: str) -> None:
    """One heading, one table with as many cells everywhere; outside code no tag and no link."""
    lines = text.rstrip("\n").split("\n")
    assert [line for line in lines if line.startswith("#")] == lines[:1]
    table = lines[next(at for at, line in enumerate(lines) if line.startswith("| ---")) - 1 :]
    bare = [re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "code", line) for line in table]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in bare}) == 1
    assert all(line.startswith("| ") and line.endswith(" |") for line in table)
    assert not [line for line in bare if "<" in line or "](" in line or "javascript:" in line]


class Tags(HTMLParser):
    """What tags and attributes a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.append(tag)
        self.attributes += attrs


def as_html(text: str) -> None:
    """One script, which is ours; no picture, no handler, no address."""
    page = Tags(text)
    assert page.tags.count("script") == 1
    assert not {"img", "iframe", "object", "embed", "link", "form", "base", "a"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "href", "style", "srcdoc"})
    assert "alert(1)" not in re.sub(r"&lt;.*?&gt;", "", text).partition("<script")[2].partition("</script")[0]


CHECKS: dict[str, Callable[[str], None]] = {
    "json": as_json,
    "csv": as_csv,
    "markdown": as_markdown,
    "html": as_html,
}


def test_programs_get_texts_as_they_were_logged(run: Run) -> None:
    """JSON hides nothing and changes nothing: what is dangerous to show is escaped, and read back as it was."""
    rows = json.loads(run("top", "--by", "agent", "--format", "json")[1])
    assert EVIL in {row["value"] for row in rows}


@pytest.mark.parametrize("how", ["text", "mail"])
def test_a_mail_is_a_mail(run: Run, how: str) -> None:
    """Its headers are ours, and its HTML has no tag of a log's."""
    mail = ["--email", "ops@example.com", "--from", "cloudsearch@example.com", "--dry-run"]
    code, out, err = run("denied", *WINDOW, *mail, *(["--weekly"] if how == "text" else []))
    assert code == 0, err
    head = out.partition("\n\n")[0].split("\n")
    assert [line.partition(":")[0] for line in head] == ["From", "To", "Subject"]
    page = Tags(out[out.index("<!DOCTYPE") :])
    assert not {"script", "img", "a", "link"} & set(page.tags)


def test_every_reporting_command_is_tried() -> None:
    """One that is new has to be put among them."""
    from typer.main import get_command

    from cloudsearch.cli.app import app

    others = {"load", "purge", "rederive", "redrive", "snapshot", "permissions", "actions", "validate", "record"}
    others |= {"generate", "dashboards"}  # of which one writes a policy, the other asks a search engine
    commands: Any = get_command(app)
    assert {arguments[0] for arguments in COMMANDS.values()} == set(commands.commands) - others
