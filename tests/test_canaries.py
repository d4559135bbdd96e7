"""Secrets planted wherever one may stand: none comes out anywhere, unless it was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cloudsearch.cli import main
from cloudsearch.derive import derive
from cloudsearch.errors import StoreRejected
from cloudsearch.load import Load
from cloudsearch.logs import find
from cloudsearch.store import DEAD_LETTERS, EVENTS, TABLES, RefusalKind, Store
from cloudsearch.where import Everything
from tests.backends import Backend, Elasticsearch
from tests.faults import Faulty, refusing
from tests.logfiles import record, write
from tests.proxy import Proxy, Reply
from tests.test_load import Notes

CANARY = "canary+Zk9/"
ENVIRONMENT = {
    "CLOUDSEARCH_API_KEY": f"{CANARY}apikey",
    "CLOUDSEARCH_PASSWORD": f"{CANARY}password",
    "CLOUDSEARCH_USERNAME": "me",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}aws",
    "AWS_SESSION_TOKEN": f"{CANARY}session",
}


def planted() -> list[object]:
    """Records with a secret in each place, well formed, tolerable, and none at all."""
    secret = f"{CANARY}record"
    return [
        record(1, responseElements={"credentials": {"accessKeyId": "ASIA", "sessionToken": secret}}),
        record(2, requestParameters={"masterUserPassword": secret, "list": [{"clientSecret": secret}]}),
        record(3, additionalEventData={"deep": {"er": [{"SessionToken": secret}]}}),
        record(4, serviceEventDetails={"authToken": secret}),
        record(5, eventID=None, responseElements={"secretAccessKey": secret}),
        record(6, userIdentity="odd", responseElements={"sessionToken": secret}),
        {"no": "record", "sessionToken": secret},
        {"sessionToken": [secret]},
        '{"sessionToken":"' + secret,
        f"password={secret}",
        [{"password": secret}],
    ]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Log files with them; one is cut off in the middle of a secret."""
    folder = tmp_path / "logs"
    write(folder / "a.json.gz", planted())
    whole = json.dumps({"Records": [record(7), record(8, responseElements={"sessionToken": f"{CANARY}cut"})]})
    (folder / "b.json").write_text(whole[: whole.index(f"{CANARY}cut") + len(CANARY) + 1])
    return folder


def kept(store: Store) -> Iterator[str]:
    """All that a store holds."""
    for table in TABLES:
        for row in store.rows(table, Everything()):
            yield json.dumps({name: repr(value) for name, value in row.items()})


def run(folder: Path, *arguments: str, environment: Mapping[str, str] = ENVIRONMENT) -> tuple[str, list[str]]:
    """A command in a process of its own: all it said, and the command lines of it and its children meanwhile."""
    lines: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-m", "cloudsearch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
    ) as process:
        while process.poll() is None:
            lines |= set(command_lines(process.pid))
            time.sleep(0.02)
        return process.communicate()[0], sorted(lines)


def command_lines(pid: int) -> Iterator[str]:
    """What a process list shows of a process and its children."""
    try:
        yield Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield from command_lines(child)


def test_no_secret_reaches_a_store(store: Store, logs: Path) -> None:
    """No event, no dead letter, no entry of the ledger; nor what is said of them."""
    notes = Notes()
    done = Load(store, store.prepare(loading=True), notes).run(find([logs]))
    assert (done.created, done.dead_lettered, done.refused) == (7, 5, 1)
    assert len([row for row in kept(store) if "HIDDEN_DUE_TO_SECURITY_REASONS" in row]) >= 9
    assert CANARY not in "".join(kept(store))
    assert CANARY not in str(notes.problems)


def test_no_secret_reaches_a_dead_letter_of_the_stores(store: Store, tmp_path: Path) -> None:
    """Of records that were derived and then refused."""
    faulty = Faulty(store, [refusing(RefusalKind.DOCUMENT, "will not have it")])
    Load(faulty, store.prepare(loading=True), Notes()).run(find([write(tmp_path / "a.json", planted()[:6])]))
    letters = list(store.rows(DEAD_LETTERS, Everything()))
    assert len(letters) == 6
    assert CANARY not in "".join(kept(store))


def test_secrets_are_kept_when_that_is_asked_for(
    backend: Backend, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they are, byte for byte, and ``redacted`` is empty; a redrive and a rederivation keep them too."""
    assert main(["load", str(logs), "--keep-secrets", *backend.place.options]) == 3
    assert main(["redrive", "--keep-secrets", *backend.place.options]) == 3
    assert CANARY not in "".join(capsys.readouterr())
    store = backend.open()
    store.prepare()
    rows = {str(row["id"]): row for row in store.rows(EVENTS, Everything())}
    row = rows[str(record(1)["eventID"])]
    assert row["raw"] == json.dumps(planted()[0]).encode()
    assert row["redacted"] is None
    assert len([text for text in kept(store) if CANARY in text]) >= 10
    store.close()


def test_identities_are_the_same_with_and_without_secrets() -> None:
    """So that a load with another choice meets the events of the first."""
    for raw in (json.dumps(one).encode() for one in planted()[:6]):
        assert derive(raw)["id"] == derive(raw, keep_secrets=True)["id"]


def test_no_secret_is_said_or_shown(backend: Backend, logs: Path, tmp_path: Path) -> None:
    """Nothing that commands print, log at their most talkative, write to files, or show in a process list."""
    os.utime(logs)
    for command in (
        ["load", str(logs), "-v"],
        ["load", str(logs / "absent"), "-v"],
        ["redrive", "-v"],
        ["rederive", "-v"],
        ["list", "roles", "--format", "json", "-v"],
        ["purge", "--before", "2026-01-01", "--format", "json"],
        ["load"],
    ):
        said, lines = run(tmp_path, *command, *backend.place.options)
        assert CANARY not in said
        assert "Traceback" not in said
        assert lines
        assert CANARY not in "".join(lines)
    for path in tmp_path.rglob("*"):
        if path.is_file() and logs not in path.parents:
            assert CANARY.encode() not in path.read_bytes()


def test_several_processes_show_no_secret_either(cluster: Elasticsearch, logs: Path, tmp_path: Path) -> None:
    """What the others need is not on their command lines."""
    url = cluster.url.replace("://", f"://me:{CANARY.replace('/', '%2F')}url@")
    for n in range(30):
        write(logs / f"{n}.json.gz", [record(n * 1000 + k) for k in range(200)])
    options = ["load", str(logs), "--index", cluster.prefix, "--jobs", "2", "-v"]
    said, lines = run(tmp_path, *options, environment={"CLOUDSEARCH_STORE": url})
    assert len([line for line in lines if "spawn" in line]) >= 2
    for text in (said, *lines):
        assert "canary" not in text
    assert "created" not in said
    assert "records" in said


def test_an_engines_words_show_no_secret(behind: Store, proxy: Proxy, logs: Path) -> None:
    """An engine repeats a value it cannot take; the reason in a dead letter does not."""
    preview = f"failed to parse field [x]. Preview of field's value: '{CANARY}value'"
    answer = {"errors": True, "items": [{"create": {"status": 403, "error": {"type": "x", "reason": preview}}}]}
    proxy.fault("POST /_bulk", Reply(200, json.dumps(answer).encode()))
    with pytest.raises(StoreRejected) as refused:
        Load(behind, behind.prepare(loading=True), Notes()).run(find([write(logs / "c.json", [record(1)])]))
    assert CANARY not in str(refused.value)
