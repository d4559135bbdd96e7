"""Answers of Elasticsearch, and of what lies in between, and what they really mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.errors import AccessError, CloudsearchError, StoreError, StoreRejected, StoreUnavailable
from cloudsearch.store import EVENTS, Grouping, RefusalKind, Store, Written
from cloudsearch.stores.elasticsearch import ElasticsearchStore
from cloudsearch.where import Everything
from tests.proxy import HTML, PAGE, Proxy, Reply, error
from tests.rows import FIELD, event, kinds, write

ROOT = Path(__file__).parent.parent


BULK = "POST /_bulk"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(413), RefusalKind.TOO_LARGE),
        (Reply(413, PAGE, HTML), RefusalKind.TOO_LARGE),
        (Reply(429, error("es_rejected_execution_exception")), RefusalKind.RETRY),
        (Reply(429, error("circuit_breaking_exception")), RefusalKind.RETRY),
        (Reply(429, b"Too Many Requests", HTML), RefusalKind.RETRY),
        (Reply(429, error("cluster_block_exception")), RefusalKind.WAIT),
    ],
    ids=str,
)
def test_requests_refused_as_a_whole(behind: Store, proxy: Proxy, reply: Reply, kind: RefusalKind) -> None:
    """Every operation is refused with what is to be done, none is counted, and all may be sent again."""
    proxy.fault(BULK, reply, times=1)
    written = write(behind, [event("1"), event("2")])
    assert (written.created, len(written.refused), kinds(written)) == (0, 2, {kind})
    assert write(behind, [event("1"), event("2")]) == Written(created=2)


def cut_short(forward: Callable[[], Reply]) -> Reply:
    """The engine's answer, broken off on the way."""
    reply = forward()
    return Reply(reply.status, reply.body[:-20], reply.headers, promised=len(reply.body))


def cut_clean(forward: Callable[[], Reply]) -> Reply:
    """The engine's answer, cut, and its length corrected."""
    reply = forward()
    return Reply(reply.status, reply.body[:-20], reply.headers)


def one_item_less(forward: Callable[[], Reply]) -> Reply:
    """The engine's answer without its last item."""
    reply = forward()
    answer = json.loads(reply.body)
    answer["items"].pop()
    return Reply(reply.status, json.dumps(answer).encode(), reply.headers)


def lost(forward: Callable[[], Reply]) -> None:
    """The engine wrote everything; nobody hears of it."""
    forward()


@pytest.mark.parametrize(
    "reply",
    [
        None,
        cut_short,
        cut_clean,
        one_item_less,
        lost,
        Reply(502, PAGE, HTML),
        Reply(503, error("unavailable_shards_exception")),
        Reply(504, b"", HTML),
        Reply(200, PAGE, HTML),
        Reply(200, b"{}"),
        Reply(200, b'{"items":5}'),
    ],
    ids=lambda reply: getattr(reply, "__name__", str(reply)),
)
def test_answers_that_leave_it_open_what_became_of_a_chunk(behind: Store, proxy: Proxy, reply: Any) -> None:  # noqa: ANN401
    """The same operations may be sent again, and no event is lost or kept twice."""
    proxy.fault(BULK, reply, times=1)
    rows = [event("1"), event("2"), event("3", raw=b'{"eventName":{"a":1}}')]
    with pytest.raises(StoreUnavailable):
        write(behind, rows)
    again = write(behind, rows)
    assert (again.created + again.existing, again.refused) == (3, ())
    behind.commit()
    assert sum(1 for _ in behind.rows(EVENTS, Everything())) == 3


@pytest.mark.parametrize(
    ("status", "type_", "reason", "kind"),
    [
        (429, "es_rejected_execution_exception", "full", RefusalKind.RETRY),
        (429, "circuit_breaking_exception", "memory", RefusalKind.RETRY),
        (429, "cluster_block_exception", "[TOO_MANY_REQUESTS/12/disk usage exceeded]", RefusalKind.WAIT),
        (403, "cluster_block_exception", "[FORBIDDEN/8/index write (api)]", RefusalKind.WAIT),
        (503, "unavailable_shards_exception", "shards", RefusalKind.RETRY),
        (500, "null_pointer_exception", "oops", RefusalKind.RETRY),
        (404, "index_not_found_exception", "no such index", RefusalKind.FATAL),
        (403, "security_exception", "unauthorized", RefusalKind.FATAL),
        (400, "index_closed_exception", "closed", RefusalKind.WAIT),
        (400, "validation_exception", "this action would add [2] shards", RefusalKind.FATAL),
        (400, "illegal_argument_exception", "no write index is defined for alias", RefusalKind.FATAL),
        (400, "illegal_argument_exception", "pipeline with id [x] does not exist", RefusalKind.FATAL),
        (400, "invalid_index_name_exception", "Invalid index name", RefusalKind.FATAL),
    ],
)
def test_what_one_item_is_refused_for(  # noqa: PLR0917 (a row of the table)
    behind: Store, proxy: Proxy, status: int, type_: str, reason: str, kind: RefusalKind
) -> None:
    """Its neighbours are kept; a cluster's trouble is never taken for a document's fault."""
    answer = {"errors": True, "items": [{"create": {"status": 201}}, _refused(status, type_, reason)]}
    proxy.fault(BULK, Reply(200, json.dumps(answer).encode()), times=1)
    written = write(behind, [event("1"), event("2")])
    assert (written.created, [one.operation.id for one in written.refused]) == (1, ["2"])
    assert kinds(written) == {kind}
    assert type_ in written.refused[0].reason
    assert len([request for request in proxy.seen if request.path.startswith("/_bulk")]) == 1


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        ("document_parsing_exception", "[1:2] failed to parse"),
        ("mapper_parsing_exception", "failed to parse"),
        ("illegal_argument_exception", "Document contains at least one immense term in field"),
        ("illegal_argument_exception", "Malformed content, found extra data after parsing: FIELD_NAME"),
    ],
)
def test_a_documents_fault_is_sent_once_more_in_another_form(
    behind: Store, proxy: Proxy, type_: str, reason: str
) -> None:
    """The second time as text; if that is refused too, it is the operation first asked for that comes back."""
    answer = {"errors": True, "items": [_refused(400, type_, reason)]}
    proxy.fault(BULK, Reply(200, json.dumps(answer).encode()), times=1)
    assert write(behind, [event("1")]) == Written(created=1)
    proxy.fault(BULK, Reply(200, json.dumps(answer).encode()), times=2)
    operation = behind.encode(EVENTS, event("2"))
    (refused,) = behind.write(EVENTS, [operation]).refused
    assert (refused.operation, refused.kind) == (operation, RefusalKind.DOCUMENT)
    behind.commit()
    assert [row["raw"] for row in behind.rows(EVENTS, Everything())] == [event("1")["raw"]]


def test_reasons_do_not_repeat_what_a_record_holds(behind: Store, proxy: Proxy) -> None:
    """An engine shows a value it could not take; that may be a secret."""
    reason = "failed to parse field [x] of type [long]. Preview of field's value: 'hunter2 isn't it'"
    answer = {"errors": True, "items": [_refused(400, "document_parsing_exception", reason)]}
    proxy.fault(BULK, Reply(200, json.dumps(answer).encode()))
    (refused,) = write(behind, [event("1")]).refused
    assert refused.reason == "document_parsing_exception: failed to parse field [x] of type [long]"


def _refused(status: int, type_: str, reason: str) -> dict[str, Any]:
    return {"create": {"status": status, "error": {"type": type_, "reason": reason}}}


def test_a_body_that_cannot_be_read_is_halved(behind: Store, proxy: Proxy) -> None:
    """The culprit alone is refused; its neighbours are kept."""

    def unreadable(forward: Callable[[], Reply]) -> Reply:
        if b'"_id":"bad"' in proxy.seen[-1].body:
            return Reply(400, error("illegal_argument_exception", "Malformed action/metadata line [1]"))
        return forward()

    proxy.fault(BULK, unreadable)
    written = write(behind, [event(id_) for id_ in ("1", "2", "bad", "4", "5")])
    assert (written.created, [one.operation.id for one in written.refused]) == (4, ["bad"])
    assert kinds(written) == {RefusalKind.DOCUMENT}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(401, error("security_exception", "missing authentication")), AccessError),
        (Reply(403, error("security_exception", "action is unauthorized")), AccessError),
        (Reply(403, PAGE, HTML), AccessError),
        (Reply(400, PAGE, HTML), StoreRejected),
        (Reply(301, b"", {"location": "http://127.0.0.1:1/"}), StoreRejected),
        (Reply(405, error("method_not_allowed")), StoreRejected),
    ],
    ids=str,
)
def test_answers_that_end_a_load(behind: Store, proxy: Proxy, reply: Reply, expected: type[CloudsearchError]) -> None:
    """What no second try will mend is said at once, and never blamed on a document; no redirect is followed."""
    proxy.fault(BULK, reply)
    with pytest.raises(expected):
        write(behind, [event("1")])
    assert len([request for request in proxy.seen if request.path.startswith("/_bulk")]) == 1


def test_a_server_of_another_kind_is_refused(proxy: Proxy) -> None:
    """A web server that answers everything is no store."""
    proxy.fault("", Reply(200, b"{}", {"content-type": "application/json"}))
    store = ElasticsearchStore(proxy.url)
    with pytest.raises(StoreRejected, match="not Elasticsearch"):
        store.prepare()
    store.close()


def test_nobody_there() -> None:
    """A port where nobody listens is worth another try, and named."""
    store = ElasticsearchStore("http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match=r"http://127\.0\.0\.1:9 did not answer"):
        store.prepare()
    store.close()


def test_a_search_that_failed_in_part_is_an_error(behind: Store, proxy: Proxy) -> None:
    """Hits of a shard that failed are never left out in silence."""
    write(behind, [event("1")])
    behind.commit()
    list(behind.rows(EVENTS, Everything()))
    assert "allow_partial_search_results=false" in next(r.path for r in proxy.seen if "_search" in r.path)
    body = b'{"timed_out":true,"hits":{"hits":[]},"_shards":{"failed":0}}'
    proxy.fault("POST /_search", Reply(200, body))
    with pytest.raises(StoreUnavailable, match="too long"):
        list(behind.rows(EVENTS, Everything()))


def test_groups_that_do_not_add_up_are_an_error(behind: Store, proxy: Proxy) -> None:
    """Counts that miss rows are not reported as if they were all."""

    def more(forward: Callable[[], Reply]) -> Reply:
        reply = forward()
        return Reply(
            reply.status, reply.body.replace(b'"doc_count":2,"groups"', b'"doc_count":3,"groups"'), reply.headers
        )

    write(behind, [event("1", event_name="A"), event("2", event_name="B")])
    behind.commit()
    proxy.fault("POST .*/_search", more)
    with pytest.raises(StoreError, match="2 rows of 3"):
        list(behind.group(EVENTS, [FIELD["event_name"]], Everything()))


def test_groups_of_one_page_are_one_request(behind: Store, proxy: Proxy) -> None:
    """However many are asked for, and no snapshot is opened for them."""
    write(behind, [event("1"), event("2")])
    behind.commit()
    before = len(proxy.seen)
    asked = [Grouping((FIELD[name],), Everything()) for name in ("id", "event_name", "outcome")]
    assert [len(list(groups)) for groups in behind.group_each(EVENTS, Everything(), asked)] == [2, 1, 1]
    assert len(proxy.seen) == before + 1


def test_snapshots_are_closed(behind: Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when nobody reads to the end, or the question fails: an engine keeps few of them open."""
    monkeypatch.setattr("cloudsearch.stores.reading.PAGE_OF_GROUPS", 2)
    write(behind, [event("1"), event("2")])
    behind.commit()
    next(iter(behind.rows(EVENTS, Everything())))
    list(behind.group(EVENTS, [FIELD["id"]], Everything()))
    opened = [request for request in proxy.seen if "_pit?" in request.path]
    closed = [request for request in proxy.seen if request.method == "DELETE"]
    assert len(opened) == len(closed) == 2
