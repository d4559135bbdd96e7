"""Every answer an Elasticsearch gives to a load, and what the load makes of it, from the file to the exit code."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.errors import AccessError, CloudsearchError, StoreRejected, StoreUnavailable
from cloudsearch.load import Load, Receipt, sending
from cloudsearch.load.sending import patiently
from cloudsearch.logs import find
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Store
from cloudsearch.where import Everything
from tests.backends import Elasticsearch
from tests.faults import Faulty, raising, through
from tests.logfiles import record, write
from tests.proxy import HTML, PAGE, Proxy, Reply, error
from tests.test_load import Notes, held

BULK = "POST /_bulk"
COUNT = 9


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that take no time; a deadline is a deadline all the same."""
    monkeypatch.setattr(sending, "LONGEST_PAUSE", 0.01)


class Told(Notes):
    """Listens to notes too."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Remember."""
        self.notes.append(text)


def log(tmp_path: Path) -> Path:
    """A log file of so many records."""
    return write(tmp_path / "a.json", [record(n) for n in range(COUNT)])


def load(store: Store, path: Path, told: Told | None = None, *, max_wait: float = 30.0) -> Receipt:
    """Load a file; the receipt adds up."""
    info = store.prepare(loading=True)
    receipt = Load(store, info, told or Told(), max_wait=max_wait).run(find([path]))
    assert receipt.read == receipt.created + receipt.existing + receipt.dead_lettered
    return receipt


def item(status: int, type_: str, reason: str = "because") -> dict[str, Any]:
    """The answer to one operation that was not kept."""
    return {"create": {"status": status, "error": {"type": type_, "reason": reason}}}


def refusing(which: range, status: int, type_: str, reason: str = "because") -> Callable[[Callable[[], Reply]], Reply]:
    """The engine answers for itself that these were not kept (they were, which changes nothing)."""

    def fault(forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        answer = json.loads(reply.body)
        if "items" in answer:
            for n in set(which) & set(range(len(answer["items"]))):
                answer["items"][n] = item(status, type_, reason)
            answer["errors"] = True
        return Reply(reply.status, json.dumps(answer).encode(), reply.headers)

    return fault


def sent(proxy: Proxy) -> list[int]:
    """How many events each bulk carried."""
    bulks = [one.body for one in proxy.seen if one.path.startswith("/_bulk")]
    return [count for body in bulks if (count := len(re.findall(rb'"_index":"test-[0-9a-f]+-', body)))]


def test_200_and_201_are_done(behind: Store, proxy: Proxy, tmp_path: Path) -> None:
    """One bulk, and nothing is sent again."""
    assert load(behind, log(tmp_path)).created == COUNT
    assert sent(proxy) == [COUNT]


def test_409_is_a_duplicate(behind: Store, proxy: Proxy, tmp_path: Path) -> None:
    """Counted as existing, and done."""
    load(behind, log(tmp_path))
    again = load(behind, write(tmp_path / "b.json", [record(n) for n in range(COUNT)]))
    assert (again.created, again.existing) == (0, COUNT)
    assert sent(proxy) == [COUNT, COUNT]


@pytest.mark.parametrize("type_", ["es_rejected_execution_exception", "circuit_breaking_exception"])
def test_an_item_with_429_goes_again_alone(behind: Store, proxy: Proxy, tmp_path: Path, type_: str) -> None:
    """Only what was refused, after a pause, and it arrives."""
    proxy.fault(BULK, refusing(range(2, 5), 429, type_), times=1)
    told = Told()
    done = load(behind, log(tmp_path), told)
    assert (done.created + done.existing, done.dead_lettered) == (COUNT, 0)
    assert sent(proxy) == [COUNT, 3]
    assert any(type_ in note for note in told.notes)
    assert len(held(behind)) == COUNT


BLOCKS = {
    "429 flood stage": (429, "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]"),
    "403 read-only, allow delete": (403, "index [x] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)]"),
    "403 write block": (403, "index [x] blocked by: [FORBIDDEN/8/index write (api)]"),
}


@pytest.mark.parametrize(("status", "reason"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_is_waited_for(behind: Store, proxy: Proxy, tmp_path: Path, status: int, reason: str) -> None:
    """Nothing is dropped, the user is told what to do, and when it is lifted the load goes on."""
    proxy.fault(BULK, refusing(range(COUNT), status, "cluster_block_exception", reason), times=12)
    told = Told()
    done = load(behind, log(tmp_path), told)
    assert (done.created + done.existing, done.dead_lettered) == (COUNT, 0)
    assert all("space is freed" in note for note in told.notes)
    assert told.notes


@pytest.mark.parametrize(("status", "reason"), BLOCKS.values(), ids=BLOCKS)
def test_a_block_that_stays_ends_the_load(
    behind: Store, proxy: Proxy, tmp_path: Path, status: int, reason: str
) -> None:
    """After --max-wait, with nothing marked loaded and nothing in the dead letters; the next load goes on."""
    path = log(tmp_path)
    proxy.fault(BULK, refusing(range(COUNT), status, "cluster_block_exception", reason))
    with pytest.raises(StoreUnavailable, match="run the same command again"):
        load(behind, path, max_wait=0.2)
    proxy.heal()
    assert (held(behind, LOG_FILES), held(behind, DEAD_LETTERS)) == ([], [])
    done = load(behind, path)
    assert (done.loaded, done.created + done.existing) == (1, COUNT)


def test_a_real_block_is_waited_for(cluster: Elasticsearch, behind: Store, tmp_path: Path) -> None:
    """An index that somebody made read-only: exit by deadline, then the rest after it is lifted."""
    load(behind, write(tmp_path / "first.json", [record(100)]))
    cluster.ask("PUT", f"/{cluster.prefix}-2026.08/_settings", {"index.blocks.write": True})
    path = log(tmp_path)
    with pytest.raises(StoreUnavailable, match="cluster_block_exception"):
        load(behind, path, max_wait=0.2)
    cluster.ask("PUT", f"/{cluster.prefix}-2026.08/_settings", {"index.blocks.write": None})
    assert load(behind, path).created == COUNT


DOCUMENTS_FAULTS = {
    "mapper_parsing_exception": "failed to parse",
    "document_parsing_exception": "[1:2] failed to parse",
    "illegal_argument_exception": "Document contains at least one immense term in field",
}


@pytest.mark.parametrize(("type_", "reason"), DOCUMENTS_FAULTS.items())
def test_a_documents_fault_is_tried_in_another_form(
    behind: Store, proxy: Proxy, tmp_path: Path, type_: str, reason: str
) -> None:
    """Once, as text; refused again it is a dead letter with the reason and the record, and the rest is kept."""
    proxy.fault(BULK, refusing(range(1), 400, type_, reason), times=2)
    done = load(behind, log(tmp_path))
    assert (done.loaded, done.created + done.existing, done.dead_lettered) == (1, COUNT - 1, 1)
    assert sent(proxy) == [COUNT, 1]
    (letter,) = behind.rows(DEAD_LETTERS, Everything())
    assert reason in str(letter["reason"])
    assert json.loads(letter["raw"])["eventID"] == record(0)["eventID"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (404, "index_not_found_exception"),
        (403, "security_exception"),
        (400, "validation_exception"),
        (400, "illegal_argument_exception"),
    ],
)
def test_what_only_a_set_up_mends_ends_the_load_at_once(
    behind: Store, proxy: Proxy, tmp_path: Path, status: int, type_: str
) -> None:
    """Missing index, missing right, too many shards, no pipeline: said, never blamed on a record, never repeated."""
    path = log(tmp_path)
    proxy.fault(BULK, refusing(range(1), status, type_, "set-up"))
    with pytest.raises(StoreRejected, match=type_):
        load(behind, path)
    assert sent(proxy) == [COUNT]
    assert (held(behind, LOG_FILES), held(behind, DEAD_LETTERS)) == ([], [])
    proxy.heal()
    assert load(behind, path).existing == COUNT


def limited(proxy: Proxy, limit: int, reply: Reply) -> None:
    """Refuse bulks of events with more than so many operations."""

    def fault(forward: Callable[[], Reply]) -> Reply:
        operations = len(re.findall(rb'"_index":"test-[0-9a-f]+-', proxy.seen[-1].body))
        return reply if operations > limit else forward()

    proxy.fault(BULK, fault)


@pytest.mark.parametrize("reply", [Reply(413), Reply(413, PAGE, HTML)], ids=["bare", "a proxy's page"])
def test_413_is_split_until_it_fits(behind: Store, proxy: Proxy, tmp_path: Path, reply: Reply) -> None:
    """In halves of halves, and every record arrives."""
    limited(proxy, 2, reply)
    assert load(behind, log(tmp_path)).created == COUNT
    assert max(size for size in sent(proxy) if size <= 2) == 2


def test_413_for_a_single_record_is_a_dead_letter(behind: Store, proxy: Proxy, tmp_path: Path) -> None:
    """With all of it; the file is loaded."""
    limited(proxy, 0, Reply(413))
    done = load(behind, write(tmp_path / "a.json", [record(1)]))
    assert (done.loaded, done.dead_lettered) == (1, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_401_and_403_end_the_load_without_a_second_try(
    behind: Store, proxy: Proxy, tmp_path: Path, status: int
) -> None:
    """And without a secret in what is said."""
    proxy.fault(BULK, Reply(status, error("security_exception", "unauthorized")))
    with pytest.raises(AccessError, match="CLOUDSEARCH_API_KEY"):
        load(behind, log(tmp_path))
    assert sent(proxy) == [COUNT]


def cut(forward: Callable[[], Reply]) -> Reply:
    """An answer that was cut on its way."""
    reply = forward()
    return Reply(reply.status, reply.body[:-20], reply.headers, promised=len(reply.body))


def fewer(forward: Callable[[], Reply]) -> Reply:
    """An answer with an item too few; where all were kept nobody reads them, so one failed."""
    reply = forward()
    answer = json.loads(reply.body)
    answer["items"].pop()
    return Reply(reply.status, json.dumps({**answer, "errors": True}).encode(), reply.headers)


ON_THE_WAY: dict[str, Any] = {
    "429": Reply(429, b"Too Many Requests", HTML),
    "500": Reply(500, error("null_pointer_exception")),
    "502": Reply(502, PAGE, HTML),
    "503": Reply(503, error("unavailable_shards_exception")),
    "504": Reply(504, PAGE, HTML),
    "reset": None,
    "reset after it was written": lambda forward: forward() and None,
    "cut": cut,
    "no JSON": Reply(200, PAGE, HTML),
    "fewer items": fewer,
}


@pytest.mark.parametrize("reply", ON_THE_WAY.values(), ids=ON_THE_WAY)
def test_what_failed_on_the_way_is_sent_again(behind: Store, proxy: Proxy, tmp_path: Path, reply: Any) -> None:  # noqa: ANN401
    """With the same ids: no event is lost, none is there twice."""
    proxy.fault(BULK, reply, times=3)
    done = load(behind, log(tmp_path))
    assert (done.loaded, done.created + done.existing, done.dead_lettered) == (1, COUNT, 0)
    assert len(held(behind)) == COUNT


@pytest.mark.parametrize("what", ["POST /test-.*_refresh", "POST /_bulk", "_mget"])
def test_a_store_that_fails_between_chunks_is_waited_for(
    behind: Store, proxy: Proxy, tmp_path: Path, what: str
) -> None:
    """A look-up in the ledger and a commit are tried again as a write is."""
    info = behind.prepare(loading=True)
    proxy.fault(what, Reply(503, PAGE, HTML), times=2)
    told = Told()
    done = Load(behind, info, told).run(find([log(tmp_path)]))
    assert (done.loaded, done.created) == (1, COUNT)
    assert any("waiting" in note for note in told.notes)


def test_a_body_that_cannot_be_read_costs_its_culprit_alone(behind: Store, proxy: Proxy, tmp_path: Path) -> None:
    """A whole request refused as malformed is halved until one record is left, which is a dead letter."""

    def unreadable(forward: Callable[[], Reply]) -> Reply:
        body, culprit = proxy.seen[-1].body, str(record(4)["eventID"]).encode()
        is_letter = b'.dead"' in body[:100]  # which holds it too
        return Reply(400, error("json_parse_exception")) if culprit in body and not is_letter else forward()

    proxy.fault(BULK, unreadable)
    done = load(behind, log(tmp_path))
    assert (done.loaded, done.created, done.dead_lettered) == (1, COUNT - 1, 1)


def test_a_server_that_is_down_is_waited_for_when_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --max-wait, saying so; without it the first answer, or none, counts. Exit 4 both times."""
    monkeypatch.chdir(tmp_path)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        assert main(["load", str(log(tmp_path)), "--store", url]) == 4
        assert "waiting" not in capsys.readouterr().err
        assert main(["load", str(log(tmp_path)), "--store", url, "--max-wait", "0.2"]) == 4
    err = capsys.readouterr().err
    assert "waiting" in err
    assert "run the same command again" in err


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers at last is answered; pauses never reach past the deadline."""
    pauses: list[float] = []
    monkeypatch.setattr("cloudsearch.load.sending.time.sleep", pauses.append)
    monkeypatch.setattr(sending, "LONGEST_PAUSE", 30.0)
    answers = iter([StoreUnavailable("down"), StoreUnavailable("down"), None])

    def call() -> str:
        answer = next(answers)
        if answer is not None:
            raise answer
        return "up"

    assert patiently(call, lambda _: None, 60.0) == "up"
    assert len(pauses) == 2
    assert 0 < pauses[0] < pauses[1] * 2 < 2


def test_letters_of_a_load_that_failed_are_put_aside_and_taken_in_again(store: Store, tmp_path: Path) -> None:
    """When the store stops before it took them, they are in hand; a load that ends well has none left."""
    path = write(tmp_path / "a.json", [record(1), "no record"])
    info = store.prepare(loading=True)
    faulty = Faulty(store, [through, *[raising(StoreUnavailable("down"))] * 1000])
    loading = Load(faulty, info, Told(), max_wait=0.1)
    with pytest.raises(CloudsearchError):
        loading.run(find([path]))
    assert [letter["raw"] for letter in loading.unkept] == [b'"no record"']
    again = Load(store, info, Told())
    assert again.run(find([path])).loaded == 1
    assert again.unkept == ()
    assert held(store, EVENTS) == [record(1)["eventID"]]


def test_the_command_puts_letters_aside(
    cluster: Elasticsearch,
    proxy: Proxy,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Into a file that the message names, and that the next load takes in and removes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "logs"
    write(folder / "a.json", [record(1), {"sessionToken": "canary-5"}])
    proxy.fault(rf"PUT /{cluster.prefix}-2026", Reply(503, error("unavailable_shards_exception")))
    store = ["--store", proxy.url, "--index", cluster.prefix]
    assert main(["load", str(tmp_path), *store, "--max-wait", "0.2"]) == 4
    err = capsys.readouterr().err
    (aside,) = tmp_path.glob("cloudsearch-dead-letters-*.jsonl")
    assert str(aside) in err
    assert "canary-5" not in aside.read_text()
    proxy.heal()
    assert main(["load", str(tmp_path), *store, "--format", "json"]) == 3
    out, err = capsys.readouterr()
    assert "1 dead letters" in err
    assert json.loads(out)["files"]["skipped"] == {"digests": 0, "not_log_files": 0}
    assert not aside.exists()
    opened = cluster.open()
    assert len(held(opened, DEAD_LETTERS)) == 1
    opened.close()
