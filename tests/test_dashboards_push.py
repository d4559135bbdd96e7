"""``dashboards push`` against a server that behaves as documented, down to the bytes; how ``export`` is used."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.dashboards.flavours import FLAVOURS, KIBANA, OPENSEARCH_DASHBOARDS
from cloudsearch.dashboards.objects import ndjson
from tests.kibana import CERTIFICATE, Kibana, kibana

SECRET = "bm90LWEta2V5OnJlYWxseQ=="  # noqa: S105 (of nobody)


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials but a test's own."""
    for name in ("API_KEY", "USERNAME", "PASSWORD", "CA_CERT", "INDEX", "STORE"):
        monkeypatch.delenv(f"CLOUDSEARCH_{name}", raising=False)


@pytest.fixture
def there() -> Iterator[Kibana]:
    """A Kibana."""
    with kibana() as found:
        yield found


@pytest.fixture
def other() -> Iterator[Kibana]:
    """OpenSearch Dashboards."""
    with kibana("osd-xsrf") as found:
        yield found


def push(where: Kibana, *options: str, flag: str = "--kibana") -> int:
    """The exit code."""
    return main(["dashboards", "push", flag, where.url, *options])


def test_what_is_sent_is_the_file(there: Kibana, capsys: pytest.CaptureFixture[str]) -> None:
    """One part, named as importers want it, its bytes those of the file; the receipt says how many and where."""
    assert push(there) == 0
    (sent,) = there.sent
    assert sent.path == "/api/saved_objects/_import?overwrite=true"
    assert sent.file == ("kibana.ndjson", ndjson(KIBANA).encode())
    assert sent.headers["kbn-xsrf"] == "true"
    assert not {"osd-xsrf", "authorization", "securitytenant"} & set(sent.headers)
    assert sent.headers["content-length"] == str(len(sent.body))
    out = capsys.readouterr().out
    assert out == f"{len(sent.objects)} saved objects are in Kibana at {there.url}\n"


def test_pushing_again_sends_the_same_bytes(there: Kibana) -> None:
    """So that what is there is replaced by itself."""
    assert [push(there), push(there)] == [0, 0]
    one, again = there.sent
    assert one.body == again.body


def test_a_space_and_a_prefix_of_its_own(there: Kibana) -> None:
    """A team's indices in a team's space; the default space has no path of its own."""
    assert push(there, "--space", "team_a-1", "--index", "team-a") == 0
    assert push(there, "--space", "default") == 0
    assert [sent.path.partition("?")[0] for sent in there.sent] == [
        "/s/team_a-1/api/saved_objects/_import",
        "/api/saved_objects/_import",
    ]
    assert there.sent[0].file[1] == ndjson(KIBANA, "team-a").encode()


def test_a_base_path_is_kept(there: Kibana) -> None:
    """Behind a proxy, or Amazon's /_dashboards."""
    assert main(["dashboards", "push", "--kibana", f"{there.url}/kibana/", "--space", "x"]) == 0
    assert there.sent[0].path == "/kibana/s/x/api/saved_objects/_import?overwrite=true"


def test_opensearch_dashboards_has_its_own_file_header_and_tenant(
    other: Kibana, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own header instead of Kibana's, the tenant as a header."""
    assert push(other, "--tenant", "analysts", flag="--opensearch-dashboards") == 0
    (sent,) = other.sent
    assert sent.path == "/api/saved_objects/_import?overwrite=true"
    assert sent.file == ("opensearch-dashboards.ndjson", ndjson(OPENSEARCH_DASHBOARDS).encode())
    assert (sent.headers["osd-xsrf"], sent.headers["securitytenant"]) == ("true", "analysts")
    assert "kbn-xsrf" not in sent.headers
    assert "OpenSearch Dashboards" in capsys.readouterr().out


def test_the_wrong_product_says_so(other: Kibana, capsys: pytest.CaptureFixture[str]) -> None:
    """Kibana's header is not that of OpenSearch Dashboards: its words are passed on."""
    assert push(other) == 1
    assert "Request must contain a osd-xsrf header. (HTTP 400)" in capsys.readouterr().err


# Who we are


def test_an_api_key_is_sent_to_kibana(there: Kibana, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes before a password."""
    monkeypatch.setenv("CLOUDSEARCH_API_KEY", SECRET)
    monkeypatch.setenv("CLOUDSEARCH_USERNAME", "ann")
    monkeypatch.setenv("CLOUDSEARCH_PASSWORD", "secret")
    assert push(there) == 0
    assert there.sent[0].headers["authorization"] == f"ApiKey {SECRET}"


@pytest.mark.parametrize("flag", ["--kibana", "--opensearch-dashboards"])
def test_a_password_is_sent_to_either(there: Kibana, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    """As Basic, in UTF-8."""
    monkeypatch.setenv("CLOUDSEARCH_USERNAME", "ann")
    monkeypatch.setenv("CLOUDSEARCH_PASSWORD", "geheim:ü")
    there.xsrf = "kbn-xsrf" if flag == "--kibana" else "osd-xsrf"
    assert push(there, flag=flag) == 0
    assert there.sent[0].headers["authorization"] == f"Basic {b64encode('ann:geheim:ü'.encode()).decode()}"


def test_an_api_key_is_not_sent_to_what_knows_none(other: Kibana, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSearch Dashboards takes no keys: one of an Elasticsearch is none of its business."""
    monkeypatch.setenv("CLOUDSEARCH_API_KEY", SECRET)
    assert push(other, flag="--opensearch-dashboards") == 0
    assert "authorization" not in other.sent[0].headers


def test_credentials_do_not_travel_openly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Over http to another machine: nothing is sent, and the secret is not told."""
    monkeypatch.setenv("CLOUDSEARCH_API_KEY", SECRET)
    assert main(["dashboards", "push", "--kibana", "http://kibana.example.org"]) == 2
    err = capsys.readouterr().err
    assert "Credentials would travel unencrypted to http://kibana.example.org:5601. Use https" in err
    assert SECRET not in err


def test_a_certificate_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """One that nobody vouches for is not trusted, and nothing is sent; its authority can be named."""
    with kibana(tls=True) as found:
        assert push(found) == 1
        err = capsys.readouterr().err
        assert "no trust in its certificate" in err
        assert "--ca-cert" in err
        assert found.sent == []
        assert push(found, "--ca-cert", str(CERTIFICATE)) == 0


def test_an_authority_that_cannot_be_read(there: Kibana, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is a mistake of the command line."""
    assert push(there, "--ca-cert", str(tmp_path / "none.pem")) == 2
    assert "none.pem" in capsys.readouterr().err


# What it answers


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"type": "conflict"}, "conflict: another object stands in its place"),
        ({"type": "ambiguous_conflict", "destinations": []}, "ambiguous conflict: another object stands in its place"),
        (
            {"type": "missing_references", "references": [{"type": "index-pattern", "id": "gone"}]},
            "refers to what is not there: index-pattern gone",
        ),
        ({"type": "unsupported_type"}, "cannot be imported"),
        ({"type": "unknown", "message": "mapping set to strict", "statusCode": 400}, "unknown: mapping set to strict"),
        ({}, "unknown"),
    ],
)
def test_a_failure_inside_a_200_is_found(
    there: Kibana, capsys: pytest.CaptureFixture[str], error: dict[str, Any], said: str
) -> None:
    """Each object that was not taken is named with its reason; the exit code says that something was not."""
    title = "CloudTrail: Overview"
    failed = [{"type": "dashboard", "id": "x", "meta": {"title": title, "icon": "a"}, "error": error}]
    there.tell(200, {"success": False, "successCount": 3, "errors": failed, "warnings": []})
    assert push(there) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"took 3 of {len(there.sent[0].objects)} saved objects" in err
    assert f"dashboard {title}: " in err
    assert said in err


@pytest.mark.parametrize(
    "answer", [{"success": True, "successCount": 3}, {"success": False}, {"success": True, "errors": [{"id": "x"}]}]
)
def test_a_success_that_is_none_is_a_failure(there: Kibana, answer: object) -> None:
    """Fewer objects than were sent, or errors beside it."""
    there.tell(200, answer)
    assert push(there) == 1


@pytest.mark.parametrize(
    ("status", "answer", "code", "said"),
    [
        (401, {"statusCode": 401, "error": "Unauthorized", "message": "no such key"}, 6, "no such key"),
        (
            403,
            {"statusCode": 403, "error": "Forbidden", "message": "Unable to bulk_create"},
            6,
            "may write saved objects",
        ),
        (302, b"", 6, "wants somebody to sign in"),
        (404, {"statusCode": 404, "error": "Not Found", "message": "Not Found"}, 1, "base path"),
        (409, {"message": "version conflict"}, 1, "version conflict (HTTP 409). Somebody else"),
        (413, {"message": "Payload content length greater than maximum allowed: 1048576"}, 1, "server.maxPayload"),
        (413, b"<html><h1>413 Request Entity Too Large</h1></html>", 1, "Request Entity Too Large"),
        (429, b"", 1, "try again"),
        (500, {"message": "An internal server error occurred."}, 1, "internal server error"),
        (503, b"Kibana server is not ready yet", 1, "not ready yet"),
        (200, b"<html>Sign in</html>", 1, "is not Kibana"),
        (200, b"[" * 10_000, 1, "is not Kibana"),
        (200, b"[]", 1, "is not Kibana"),
    ],
)
def test_every_other_answer_ends_with_its_words_and_advice(  # noqa: PLR0917 (an answer and what it means)
    there: Kibana, capsys: pytest.CaptureFixture[str], status: int, answer: object, code: int, said: str
) -> None:
    """No redirect is followed, and nothing is tried twice."""
    there.tell(status, answer, location="/login")
    assert push(there) == code
    assert len(there.sent) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert there.url in err


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """The address is named."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert main(["dashboards", "push", "--kibana", url]) == 1
    assert f"Kibana at {url} did not answer" in capsys.readouterr().err


# The command line


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--kibana", "http://localhost:1", "--opensearch-dashboards", "http://localhost:1"],
        ["--kibana", "http://localhost:1", "--tenant", "x"],
        ["--opensearch-dashboards", "http://localhost:1", "--space", "x"],
        ["--kibana", "http://localhost:1", "--space", "../x"],
        ["--kibana", "http://localhost:1", "--space", "A b"],
        ["--kibana", "http://localhost:1", "--space", ""],
        ["--opensearch-dashboards", "http://localhost:1", "--tenant", "x\r\ncookie: y"],
        ["--kibana", "localhost:5601"],
        ["--kibana", "http://localhost:1/?x=y"],
        ["--kibana", "http://localhost:1", "--index", "a.b"],
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str]) -> None:
    """Before anything is sent."""
    assert main(["dashboards", "push", *options]) == 2


def test_export_writes_a_file_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Into a folder that it makes, in the place of older ones."""
    for index in ("team-a", "cloudtrail"):
        assert main(["dashboards", "export", str(tmp_path / "a" / "b"), "--index", index]) == 0
    out = capsys.readouterr().out
    for flavour in FLAVOURS:
        assert (tmp_path / "a" / "b" / flavour.file).read_text() == ndjson(flavour)
        assert f"{flavour.file}: for {flavour}" in out


def test_export_to_what_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is an error that names it."""
    (tmp_path / "file").write_text("")
    assert main(["dashboards", "export", str(tmp_path / "file")]) == 1
    assert "file" in capsys.readouterr().err


def test_check_wants_a_search_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file has no dashboards."""
    assert main(["dashboards", "check", "--store", str(tmp_path / "x.duckdb")]) == 2
    assert "http(s) URL" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["push", "export", "check"])
def test_each_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In its help."""
    assert main(["dashboards", name, "--help"]) == 0
    assert f"Example: cloudsearch dashboards {name}" in capsys.readouterr().out
