"""Secrets leave the record and nothing else does."""

from __future__ import annotations

import pytest

from cloudsearch.derive import derive
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
