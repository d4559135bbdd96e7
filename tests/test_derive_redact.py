"""Secrets leave the record and nothing else does."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.cli import main
from cloudsearch.derive import derive, without_secrets
from cloudsearch.event import RAW
from cloudsearch.store import DEAD_LETTERS, EVENTS
from cloudsearch.where import Everything
from tests.backends import Backend
from tests.logfiles import record as call
from tests.test_derive_cases import record

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
TOKEN = "IQoJb3JpZ2luX2VjEOH//\\u002f+=="  # noqa: S105 (a made-up one)

SECRETS: tuple[tuple[str, str], ...] = (
    ("responseElements", '{"credentials":{"accessKeyId":"ASIA","sessionToken":"%s","expiration":"x"}}'),
    ("responseElements", '{"credentials":{"secretAccessKey":"%s"}}'),
    ("responseElements", '{"accessKey":{"secretAccessKey":"%s","status":"Active"}}'),
    ("responseElements", '{"credentialSet":[{"credentials":{"sessionToken":"%s"}}]}'),
    ("responseElements", '{"SigninToken":"%s"}'),
    ("requestParameters", '{"masterUserPassword":"%s","dBInstanceIdentifier":"db"}'),
    ("requestParameters", '{"user": {"Password" : "%s"}}'),
    ("requestParameters", '{"x-amz-security-token":["%s"]}'),
    ("requestParameters", '{"secretString":"%s","nextToken":"N"}'),
    ("requestParameters", '{"session\\u0054oken":"%s"}'),
    ("serviceEventDetails", '{"clientSecret":"%s"}'),
)
PATHS = (
    "responseElements.credentials.sessionToken",
    "responseElements.credentials.secretAccessKey",
    "responseElements.accessKey.secretAccessKey",
    "responseElements.credentialSet.credentials.sessionToken",
    "responseElements.SigninToken",
    "requestParameters.masterUserPassword",
    "requestParameters.user.Password",
    "requestParameters.x-amz-security-token",
    "requestParameters.secretString",
    "requestParameters.sessionToken",
    "serviceEventDetails.clientSecret",
)


def _with(name: str, text: str) -> bytes:
    marked = record(**{name: "HERE"})
    return marked.replace(b'"HERE"', text.encode())


@pytest.mark.parametrize(("where", "path"), list(zip(SECRETS, PATHS, strict=True)), ids=PATHS)
def test_a_secret_is_replaced_in_place(where: tuple[str, str], path: str) -> None:
    """The value gives way to AWS's own words, its path is told, and every other byte stays."""
    name, form = where
    row = derive(_with(name, form % TOKEN))
    assert row["raw"] == _with(name, form % HIDDEN)
    assert row["redacted"] == (path,)
    assert row["raw_length"] == len(_with(name, form % HIDDEN))


@pytest.mark.parametrize("where", SECRETS, ids=PATHS)
def test_a_secret_is_replaced_in_a_broken_record(where: tuple[str, str]) -> None:
    """A record that only tolerance can read keeps no secret either."""
    name, form = where
    broken = b',"note":"\xff"}'
    row = derive(_with(name, form % TOKEN)[:-1] + broken)
    assert row["raw"] == _with(name, form % HIDDEN)[:-1] + broken


@pytest.mark.parametrize("value", [HIDDEN, "", "****", "<sensitiveDataRemoved>"])
def test_what_is_hidden_already_stays(value: str) -> None:
    """A value that tells nothing is left alone and not listed."""
    raw = record(responseElements={"sessionToken": value})
    row = derive(raw)
    assert (row["raw"], row.get("redacted")) == (raw, None)


@pytest.mark.parametrize(
    "parameters",
    [
        {"nextToken": "abc", "clientToken": "def", "secretId": "arn", "tokenId": "t"},
        {"sessionToken": None, "password": 7, "secretAccessKey": {"kept": "x"}},
        {"policy": '{"password":"no name of the record"}', "text": '"sessionToken":"x"'},
    ],
    ids=["other names", "no texts", "words in a text"],
)
def test_what_is_no_secret_stays(parameters: dict[str, object]) -> None:
    """Names that only resemble, values that are no texts and words inside texts change nothing."""
    raw = record(requestParameters=parameters)
    assert derive(raw)["raw"] == raw


def test_every_one_of_several_secrets_is_replaced() -> None:
    """Several secrets in several objects leave together, also where two objects are the same bytes."""
    both = {"sessionToken": "one", "password": "two"}
    for fields in (
        {"requestParameters": both, "responseElements": {"credentials": both}},
        {"requestParameters": both, "responseElements": both},
    ):
        row = derive(record(**fields))
        kept = row["raw"]
        assert isinstance(kept, bytes)
        assert b"one" not in kept
        assert b"two" not in kept
        assert isinstance(row["redacted"], tuple)
        assert len(row["redacted"]) == 4


# Further names of the user's own

ALSO = frozenset({"value", "querystring", "x-ssm.(data"})


@pytest.mark.parametrize(
    ("name", "form", "path"),
    [
        ("requestParameters", '{"name":"/app/db","value":"%s","type":"String"}', "requestParameters.value"),
        ("requestParameters", '{"queryString" : "%s"}', "requestParameters.queryString"),
        ("requestParameters", '{"VALUE":["%s"]}', "requestParameters.VALUE"),
        ("requestParameters", '{"\\u0076alue":"%s"}', "requestParameters.value"),
        ("responseElements", '{"a":{"X-SSM.(data":"%s"}}', "responseElements.a.X-SSM.(data"),
        ("additionalEventData", '{"value":"%s"}', "additionalEventData.value"),
    ],
)
def test_a_further_name_is_as_secret_as_the_others(name: str, form: str, path: str) -> None:
    """In whatever letter case, in well-formed records and in others; every other byte stays, and so does the id."""
    raw = _with(name, form % TOKEN)
    row = derive(raw, redact=ALSO)
    assert (row["raw"], row["redacted"]) == (_with(name, form % HIDDEN), (path,))
    assert row["id"] == derive(raw)["id"]
    broken = b',"note":"\xff"}'
    assert derive(raw[:-1] + broken, redact=ALSO)["raw"] == _with(name, form % HIDDEN)[:-1] + broken
    assert derive(raw)["raw"] == raw


def test_further_names_add_to_the_usual_ones() -> None:
    """Both leave; names that only contain one, values that are no texts and what is hidden already stay."""
    raw = record(requestParameters={"password": "p4ss", "value": "s3cret", "values": "kept", "x": "value"})
    row = derive(raw, redact=ALSO)
    assert row["redacted"] == ("requestParameters.password", "requestParameters.value")
    assert row["raw"] == raw.replace(b"p4ss", HIDDEN.encode()).replace(b"s3cret", HIDDEN.encode())
    unchanged = record(requestParameters={"value": 7, "queryString": HIDDEN, "a": {"value": {"b": "c"}}})
    assert derive(unchanged, redact=ALSO)["raw"] == unchanged


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"value":"s3cret', '{"value":"HIDDEN"'),
        ("<html value = s3cret; a=b", "<html value = HIDDEN; a=b"),
        (r"\"value\": \"s3cret\", \"b\": 1", r"\"value\": \"HIDDEN\", \"b\": 1"),
        ("Value='s3cret' value:s3cret", "Value='HIDDEN' value:HIDDEN"),
        (
            "evalue=kept my_value=kept values=kept value 5 value=7",
            "evalue=kept my_value=kept values=kept value 5 value=7",
        ),
        ("x-ssm.(data=s3cret", "x-ssm.(data=HIDDEN"),
    ],
)
def test_further_names_in_text_that_is_no_record(text: str, kept: str) -> None:
    """A record that broke off, or a text within a text: what follows the name goes, as for the usual names."""
    assert without_secrets(text.encode(), ALSO).decode() == kept.replace("HIDDEN", HIDDEN)


@given(st.binary(max_size=80), st.text("abc.*+()[]\\", min_size=1, max_size=6), st.text("xyz", min_size=3, max_size=9))
def test_a_name_is_never_an_expression(noise: bytes, name: str, secret: str) -> None:
    """Whatever letters it has, it means itself; nothing is raised, whatever the text."""
    text = noise + b"\n" + name.encode() + b"=" + secret.encode() + b" "
    kept = without_secrets(text, frozenset({name}))
    assert kept.endswith((b"=" + HIDDEN.encode() + b" ", HIDDEN.encode())), kept


def _values(number: int) -> dict[str, object]:
    return {**call(number), "requestParameters": {"name": "/app/db", "value": "s3cret", "Query": "select s3cret"}}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Files with what is to be hidden, one record broken."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for file in range(3):
        content = json.dumps({"Records": [_values(10 * file + n) for n in range(10)]}).encode()
        (folder / f"{file}.json.gz").write_bytes(gzip.compress(content))
    broken = json.dumps(_values(99))[:-1] + ',"eventName" "x"}'
    (folder / "bad.json").write_text('{"Records":[' + broken + "," + json.dumps(_values(98)) + "]}")
    return folder


@pytest.mark.parametrize(
    "how", [["--redact", "Value,query"], ["--redact", "value", "--redact", " QUERY "], ["environment"]], ids=str
)
def test_load_hides_what_it_is_told_to(
    logs: Path, make_backend: Callable[[], Backend], how: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In events and in dead letters; each row says what was hidden."""
    backend = make_backend()
    options, jobs = list(how), [] if "--index" not in backend.place.options else ["--jobs", "2"]
    if how == ["environment"]:
        monkeypatch.setenv("CLOUDSEARCH_REDACT", "value,query")
        options = []
    assert main(["load", str(logs), *options, *jobs, "--quiet", *backend.place.options]) in (0, 3)
    store = backend.open()
    store.prepare()
    fields = [EVENTS.by_name["redacted"], RAW]
    rows = list(store.rows(EVENTS, Everything(), fields=fields))
    letters = [row["raw"] for row in store.rows(DEAD_LETTERS, Everything())]
    store.close()
    assert len(rows) + len(letters) == 32
    assert {row["redacted"] for row in rows} == {("requestParameters.value", "requestParameters.Query")}
    kept = [one for one in (*(row["raw"] for row in rows), *letters) if isinstance(one, bytes)]
    assert len(kept) == 32
    assert not [one for one in kept if b"s3cret" in one]


@pytest.mark.parametrize("names", ["a b", 'a"b', "caf\u00e9", "a\\b", "a\x1bb"])
def test_what_is_no_name(tmp_path: Path, names: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An error before anything is read."""
    assert main(["load", str(tmp_path), "--redact", names, "--store", str(tmp_path / "s.duckdb")]) == 2
    assert "--redact" in capsys.readouterr().err
    assert not (tmp_path / "s.duckdb").exists()


def test_kept_or_hidden_not_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Secrets that stay and more secrets that leave make no sense together."""
    assert main(["load", str(tmp_path), "--redact", "a", "--keep-secrets", "--store", str(tmp_path / "s.duckdb")]) == 2
    assert "exclude" in capsys.readouterr().err
