"""Dead letters come back as events, stay with their newest reason, or wait beside the store; none is ever lost."""

from __future__ import annotations

import json
import stat
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.cli import main
from cloudsearch.derive import derive, fingerprint, without_secrets
from cloudsearch.errors import SourceError, StoreRejected
from cloudsearch.event import Row
from cloudsearch.load import dead_letters
from cloudsearch.load.dead_letters import of_record
from cloudsearch.load.redrive import Redriven, redrive
from cloudsearch.load.sending import Sender
from cloudsearch.load.sizing import Sizing
from cloudsearch.logs import Source
from cloudsearch.store import DEAD_LETTERS, EVENTS, RefusalKind, Store
from cloudsearch.where import Everything
from tests.backends import Backend
from tests.faults import Faulty, Stopped, raising, refusing, through
from tests.logfiles import record, write
from tests.test_load import Notes, held, load

SECRET = "IQoJb3JpZ2lu//canary+1=="  # noqa: S105 (a made-up one)
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


def again(store: Store, notes: Notes | None = None) -> Redriven:
    """Redrive; the receipt adds up."""
    done = redrive(store, store.prepare(loading=True), notes or Notes(), max_wait=0)
    assert done.read == done.created + done.existing + done.dead_lettered
    return done


def letters(store: Store) -> list[Row]:
    """The dead letters, by position."""
    return sorted(store.rows(DEAD_LETTERS, Everything()), key=lambda row: (str(row["name"]), str(row["position"])))


def refused_by_the_store(store: Store, path: Path, *records: object) -> None:
    """Load a file of which the store takes nothing."""
    done = load(Faulty(store, [refusing(RefusalKind.DOCUMENT, "will not have it")]), write(path, records))
    assert done["dead_lettered"] == len(records)


def test_what_fits_now_becomes_events(store: Store, tmp_path: Path) -> None:
    """They are created, their letters are gone, and a second redrive and a second load find nothing to do."""
    path = tmp_path / "a.json"
    refused_by_the_store(store, path, record(1), record(2))
    done = again(store)
    assert (done.read, done.created, done.complete) == (2, 2, True)
    assert len(held(store)) == 2
    assert letters(store) == []
    assert again(store).read == 0
    assert load(store, path)["already_loaded"] == 1


def test_what_came_in_another_way_is_existing(store: Store, tmp_path: Path) -> None:
    """An event that another file brought meanwhile is not kept twice."""
    refused_by_the_store(store, tmp_path / "a.json", record(1))
    load(store, write(tmp_path / "b.json", [record(1)]))
    done = again(store)
    assert (done.created, done.existing) == (0, 1)
    assert len(held(store)) == 1


def test_what_still_does_not_fit_stays_with_its_newest_reason(store: Store, tmp_path: Path) -> None:
    """Whole, under the same id, and named; also what is no record at all."""
    path = tmp_path / "a.json"
    refused_by_the_store(store, path, record(1), record(2))
    load(store, write(tmp_path / "b.json", [record(3), "text"]))
    before = letters(store)
    notes = Notes()
    info = store.prepare(loading=True)
    one = Faulty(store, [refusing(RefusalKind.DOCUMENT, "nor now")])
    done = redrive(one, info, notes, max_wait=0)
    assert (done.created, done.dead_lettered, done.complete) == (0, 3, False)
    after = letters(store)
    assert [row["reason"] for row in after][:2] == ["nor now", "nor now"]
    assert [(row["id"], row["raw"]) for row in after] == [(row["id"], row["raw"]) for row in before]
    assert sorted(name for name, _ in notes.problems) == ["a.json", "a.json", "b.json"]
    assert again(store).created == 2
    assert [row["raw"] for row in letters(store)] == [b'"text"']


def test_a_refused_file_is_pointed_at_until_it_is_loaded(store: Store, tmp_path: Path) -> None:
    """Its letter goes only when the ledger says that the file was loaded later."""
    path = tmp_path / "a.json.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00broken")
    assert load(store, path)["refused"] == 1
    notes = Notes()
    done = again(store, notes)
    assert (done.refused, done.complete) == (1, False)
    assert [(name, "load it again" in text) for name, text in notes.problems] == [("a.json.gz", True)]
    write(path, [record(1)])
    load(store, path)
    done = again(store)
    assert (done.refused, done.loaded, done.complete) == (0, 1, True)
    assert letters(store) == []


def test_a_file_that_broke_after_it_was_loaded_stays_refused(store: Store, tmp_path: Path) -> None:
    """An older entry of the same name does not count."""
    path = write(tmp_path / "a.json.gz", [record(1)])
    load(store, path)
    path.write_bytes(path.read_bytes()[:40])
    assert load(store, path)["refused"] == 1
    assert again(store).refused == 1


@pytest.mark.parametrize("stop", range(4))
def test_stopped_anywhere_and_run_again_loses_nothing(store: Store, tmp_path: Path, stop: int) -> None:
    """Every record is an event once, or still a letter."""
    refused_by_the_store(store, tmp_path / "a.json", record(1), record(2))
    info = store.prepare(loading=True)
    faulty = Faulty(store, [through] * stop + [raising(Stopped())])
    try:
        redrive(faulty, info, Notes(), max_wait=0)
    except Stopped:
        store.close()
        store.prepare(loading=True)
    assert len(held(store)) + len(letters(store)) >= 2
    again(store)
    assert (len(held(store)), letters(store)) == (2, [])


def test_a_letter_hides_secrets_and_keeps_the_identity(store: Store, tmp_path: Path) -> None:
    """Of a record without an id of its own: a redriven event is the one that a load of it meets."""
    anonymous = record(1, eventID=None, responseElements={"credentials": {"sessionToken": SECRET}})
    path = tmp_path / "a.json"
    refused_by_the_store(store, path, anonymous)
    (letter,) = letters(store)
    assert isinstance(letter["raw"], bytes)
    assert SECRET.encode() not in letter["raw"]
    assert letter["identity"] == fingerprint(json.dumps(anonymous).encode())
    again(store)
    done = load(store, write(tmp_path / "b.json", [anonymous]))
    assert (done["created"], done["existing"]) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        '{"responseElements":{"credentials":{"sessionToken":"SECRET',
        '{"a":"\\x","sessionToken" : "SECRET"}',
        '{"CloudTrailEvent":"{\\"responseElements\\":{\\"credentials\\":{\\"sessionToken\\":\\"SECRET\\"}}}"}',
        "{'sessionToken': 'SECRET'}",
        "masterUserPassword=SECRET&x=1",
        '["sessionToken":"SECRET", {]',
        '{"SecretAccessKey":"say \\"SECRET',
        '{"session\\u0054oken":"SECRET","broken":}',
        "<html>SigninToken=SECRET</html>",
    ],
)
def test_what_is_no_record_keeps_no_secret(text: str) -> None:
    """Cut off, quoted within quotes, or in no language at all."""
    kept = without_secrets(text.replace("SECRET", SECRET).encode()).decode()
    assert SECRET not in kept
    assert "canary" not in kept
    assert HIDDEN in kept


@pytest.mark.parametrize(
    "text",
    [
        '{"no":"record"}',
        "null",
        '{"sessionToken":null,"password":7,"secretKey":{"kept":"x"}}',
        f'{{"sessionToken":"{HIDDEN}","nextToken":"abc","clientToken":"x"}}',
        f'"{{\\"sessionToken\\":\\"{HIDDEN}\\"}}"',
        "token secret password",
    ],
)
def test_what_holds_no_secret_stays_byte_for_byte(text: str) -> None:
    """Other names, values that are no texts, and what AWS has hidden already."""
    assert without_secrets(text.encode()) == text.encode()


@given(st.binary(max_size=60), st.sampled_from([b'"', b'\\"', b"'", b'\\\\\\"']), st.binary(max_size=60))
def test_no_text_within_a_text_keeps_a_secret(before: bytes, quote: bytes, after: bytes) -> None:
    """Whatever stands around it, and in whatever depth of quotes."""
    name = quote + b"sessionToken" + quote
    assert b"canary-7" not in without_secrets(before + b"\n," + name + b":" + quote + b"canary-7" + quote + after)


def test_the_longest_text_takes_no_longer() -> None:
    """Names without a value, and quotes without an end, a megabyte of them."""
    for text in (b"sessionToken", b'"sessionToken":"', b"password=\\", b'\\"', b"sessionToken:'"):
        without_secrets(text * (1_000_000 // len(text)))


def source(name: str = "/logs/a.json") -> Source:
    """A source that nobody opens."""
    return Source(name, 1, 1, "111122223333", "eu-west-1", "2026-08-01", BytesIO)


def made(*raws: bytes) -> list[Row]:
    """Letters of records."""
    return [of_record(source(), number, raw, "because") for number, raw in enumerate(raws)]


def test_letters_put_aside_come_back_as_they_were(store: Store, tmp_path: Path) -> None:
    """Two loads may add to the file; only its user can read it, and it goes when the store has them."""
    path = dead_letters.aside("a store", tmp_path)
    dead_letters.put_aside(made(b"\xff\x00", b"{}"), path)
    dead_letters.put_aside(made(b"\xff\x00", b'{"x":1}'), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sender = Sender(store, DEAD_LETTERS, Sizing(store.prepare(loading=True).chunk), lambda _: None)
    assert dead_letters.put_back(path, store, sender) == 4
    assert not path.exists()
    expected = {row["id"]: row["raw"] for row in [*made(b"\xff\x00", b"{}"), *made(b"", b'{"x":1}')[1:]]}
    assert {row["id"]: row["raw"] for row in letters(store)} == expected
    assert all(isinstance(row["time"], datetime) and row["reason"] == "because" for row in letters(store))
    assert dead_letters.put_back(path, store, sender) == 0


def test_a_file_put_aside_stays_when_it_cannot_be_taken_in(store: Store, tmp_path: Path) -> None:
    """Neither a store that refuses nor a damaged line loses it."""
    path = dead_letters.aside("a store", tmp_path)
    dead_letters.put_aside(made(b"{}"), path)
    faulty = Faulty(store, [refusing(RefusalKind.DOCUMENT)])
    info = store.prepare(loading=True)
    with pytest.raises(StoreRejected, match=path.name):
        dead_letters.put_back(path, faulty, Sender(faulty, DEAD_LETTERS, Sizing(info.chunk), lambda _: None))
    path.write_bytes(path.read_bytes() + b"damaged\n")
    with pytest.raises(SourceError, match=path.name):
        dead_letters.put_back(path, store, Sender(store, DEAD_LETTERS, Sizing(info.chunk), lambda _: None))
    assert path.exists()


def test_the_command(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3 with a receipt while something is left, 0 when nothing is; it takes in what lies beside the store."""
    from cloudsearch.cli import aside

    monkeypatch.chdir(tmp_path)
    assert run("redrive", backend) == 4
    assert "cloudsearch load" in capsys.readouterr().err
    load_file = write(tmp_path / "a.json", [record(1), "text"])
    assert run("load", backend, str(load_file)) == 3
    options = dict(zip(backend.place.options[::2], backend.place.options[1::2], strict=True))
    path = aside.path(options["--store"], options.get("--index", "cloudtrail"))
    raw = json.dumps(record(2)).encode()
    aside.put([of_record(source(), 0, raw, "the store was down", identity=str(derive(raw)["id"]))], path)
    capsys.readouterr()
    assert run("redrive", backend, "--format", "json") == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["records"] == {"read": 2, "created": 1, "existing": 0, "dead_lettered": 1}
    assert not path.exists()
    assert "record 1 stays" in err
    store = backend.open()
    store.prepare(loading=True)
    store.remove(DEAD_LETTERS, Everything())
    assert sorted(map(str, held(store, EVENTS))) == sorted([str(record(1)["eventID"]), str(record(2)["eventID"])])
    store.close()
    assert run("redrive", backend) == 0
    assert "0 dead letters" in capsys.readouterr().out


def run(command: str, backend: Backend, *arguments: str) -> int:
    """A command on the store."""
    return main([command, *arguments, *backend.place.options])
