"""Odd rows and odd records, made by hand: what every store has to keep and give back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cloudsearch.event import DERIVATION_VERSION, Row, Value
from cloudsearch.store import EVENTS, RefusalKind, Store, Table, Written

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)

FIELD = EVENTS.by_name


def event(id_: str, *, raw: bytes | None = None, **fields: Value) -> Row:
    """A row of events whose record, unless given, says the same in a few words."""
    time = fields.pop("time", NOON)
    if raw is None:
        raw = json.dumps({"eventID": id_, "eventName": fields.get("event_name", "GetObject")}).encode()
    return {"id": id_, "time": time, "derivation": DERIVATION_VERSION, "raw_length": len(raw), **fields, "raw": raw}


def whole(row: Row) -> dict[str, Value]:
    """A row as a store gives it back: every field a key, an empty list no value."""
    return {name: row.get(name) or None if row.get(name) == () else row.get(name) for name in (*FIELD, "raw")}


def nested(levels: int, opening: str, closing: str) -> bytes:
    """A record with parameters that many levels deep."""
    return f'{{"requestParameters":{{"a":{opening * levels}1{closing * levels}}}}}'.encode()


ODD_RECORDS: dict[str, bytes] = {
    "empty object": b"{}",
    "blank object": b"{ }",
    "nothing": b"",
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "no JSON": b"<html>",
    "cut off": b'{"eventName":"Get',
    "invalid UTF-8": b'{"eventName":"a\xff\xfeb","requestParameters":{"k\xc3":"v\xed\xa0\x80"}}',
    "byte order mark": b'\xef\xbb\xbf{"eventName":"x"}',
    "duplicate keys": b'{"eventName":"GetObject","eventName":"DeleteBucket"}',
    "duplicate keys inside": b'{"requestParameters":{"a":1,"a":{"b":2}}}',
    "duplicate parameters": b'{"requestParameters":{"a":1},"requestParameters":{"a":2}}',
    "900 objects deep": nested(900, '{"k":', "}"),
    "900 lists deep": nested(900, "[", "]"),
    "5000 objects deep": nested(5000, '{"k":', "}"),
    "300 objects deep": nested(300, '{"k":', "}"),
    "150 objects deep": nested(150, '{"k":', "}"),
    "NUL in a value": rb'{"requestParameters":{"a":"x\u0000y"},"eventName":"a\u0000"}',
    "NUL in a key": rb'{"requestParameters":{"a\u0000b":"x"}}',
    "lone surrogates": rb'{"requestParameters":{"a\ud800":"\udfff x \ud83d\ude00"},"userAgent":"\ud800"}',
    "control character": b'{"eventName":"a\x01b"}',
    "40 KB value": json.dumps({"errorMessage": "m" * 40_000, "requestParameters": {"q": "v" * 40_000}}).encode(),
    "10 KB value": json.dumps({"errorMessage": "m" * 10_000, "requestParameters": {"q": "v" * 10_000}}).encode(),
    "31 KB of 4-byte letters": json.dumps({"userAgent": "\U0001f600" * 7_900}, ensure_ascii=False).encode(),
    "40 KB key": json.dumps({"requestParameters": {"k" * 40_000: 1}}).encode(),
    "2 MB": json.dumps({"requestParameters": {"content": "\u00e9\\" * 400_000}}).encode(),
    "20 keys of 500 letters deep": json.dumps({"requestParameters": {"a" * 500: {"b" * 500: {"c" * 900: "v" * 9000}}}})
    .replace("b" * 500, "\u20ac" * 500)
    .encode(),
    "5,000 keys": json.dumps({"requestParameters": {f"key{n}": n for n in range(5_000)}}).encode(),
    "parameters a text": b'{"requestParameters":"HIDDEN_DUE_TO_SECURITY_REASONS"}',
    "parameters a number": b'{"requestParameters":5,"responseElements":1.5}',
    "parameters a list": b'{"requestParameters":["a",1,null]}',
    "parameters a list of objects": b'{"requestParameters":[{"a":"x"},{"a":"y"}],"eventName":"GetObject"}',
    "parameters a boolean": b'{"requestParameters":true,"additionalEventData":false,"serviceEventDetails":null}',
    "empty parameters": b'{"requestParameters":{},"responseElements":[],"additionalEventData":[null]}',
    "odd numbers": b'{"requestParameters":{"a":1.50,"b":1e3,"c":-0,"d":1e999,"e":123456789012345678901234567890}}',
    "a number of 2,000 digits": b'{"requestParameters":{"n":1' + b"0" * 2000 + b"}}",
    "not a number": b'{"requestParameters":{"n":NaN,"m":-Infinity}}',
    "a leading zero": b'{"requestParameters":{"n":01}}',
    "odd keys": b'{"requestParameters":{"":1,".":2,"..":3," ":4,".a":5,"b.":6,"a..b":7,"_id":8,"a.b":9}}',
    "colliding keys": b'{"requestParameters":{"projection.date.interval":"1","projection.date.interval.unit":"DAYS"}}',
    "an empty key on top": b'{"":1,"eventName":"GetObject"}',
    "dotted keys on top": b'{"eventName.x":1,"requestParameters.a":"x","a..b":2,".":3}',
    "the engine's names": b'{"_id":"1","_source":{},"_index":"x","_ignored":[1],"_routing":"r"}',
    "our names": b'{"cloudsearch":{"id":"other","raw":"x"},"aws":{"cloudtrail":{"flattened":1}},"eventName":"x"}',
    "our names, escaped": rb'{"\u0063loudsearch":{"id":"other"},"eventName":"x"}',
    "our names, dotted": b'{"cloudsearch.id":"other","cloudsearch.raw_length":3,"aws.cloudtrail":1}',
    "our names inside": b'{"requestParameters":{"cloudsearch":{"id":1},"x":",\\"cloudsearch\\":{}"}}',
    "ECS names": b'{"@timestamp":"2020-01-01","event":{"action":"x"},"user":{"id":"u"},"source":5}',
    "names an object": b'{"eventName":{"a":1},"awsRegion":[{"b":2}],"readOnly":{"c":3},"eventTime":{}}',
    "identity a text": b'{"userIdentity":"root","tlsDetails":"none","resources":"arn:aws:s3:::b"}',
    "identity null": b'{"userIdentity":null,"tlsDetails":{},"resources":[null,{"ARN":null}]}',
    "times": b'{"eventTime":"1688989338","userIdentity":{"sessionContext":{"attributes":{"creationDate":"..."}}}}',
    "addresses": b'{"sourceIPAddress":"AWS Internal","userAgent":["a","b"],"readOnly":"yes"}',
    "pretty": b'{\n  "eventName": "GetObject",\r\n\t"requestParameters": {\n"a": "x"\n}\n}',
    "blanks at the end": b'{"eventName":"GetObject","requestParameters":{"a":"x"} \t }',
    "slashes and quotes": rb'{"requestParameters":{"p":"{\"Version\":\"2012-10-17\",\"x\":\"\\u0000\"}","s":"a\/b"}}',
    "per cent signs": b'{"requestParameters":{"p":"%b %s %(x)s"},"userAgent":"100%"}',
}
"""Records that some engine refuses, chokes on, or gives back changed."""


def corpus() -> list[Row]:
    """Rows with values at the edges of every field type, over three months and none."""
    return [*_plain(), *_odd()]


def _odd() -> Iterator[Row]:
    for number, raw in enumerate(ODD_RECORDS.values()):
        if len(raw) < 60_000:
            yield event(f"odd-{number:02}", raw=raw, region="eu-west-1", time=NOON + timedelta(days=number))


def _plain() -> Iterator[Row]:
    yield event("bare", raw=b'{"eventName":"GetObject"}')
    yield event("undated", time=None, event_name="PutObject", actions=("s3:PutObject",))
    yield event("empty text", event_name="", principal="", actions=("",))
    yield event("a", event_name="GetObject", read_only=True, mfa=False, actions=("s3:GetObject", "kms:Decrypt"))
    yield event("A", event_name="getobject", read_only=False, actions=("S3:GETOBJECT",), raw=parameters(bucketName="b"))
    yield event("early", time=datetime(2006, 3, 1, tzinfo=UTC), region="us-east-1", raw=parameters(n=1, f=1.5, t=True))
    yield event("late", time=datetime(2030, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), region="us-east-2")
    yield event("exactly", time=datetime(2024, 6, 1, tzinfo=UTC), user_agent="a*b?c\\d[e]{f}(g).h|i~j#k@l&m<n>o\"p'q")
    yield event(
        "letters", user_agent="Łódź ÀÉ ß ǅ İ K \u017f \U0001f600", session_name="line\nbreak\ttab", error_code="é"
    )
    addresses = ("192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "fe80::1%eth0", "1.2.3", "AWS Internal")
    no_addresses = ("192.0.2.07", "192.0.2.256", "192.0.2.7.1", " 192.0.2.7", "192.0.2.\u0667", "192.0.2.")
    for number, address in enumerate((*addresses, "192.7.255.255", "192.8.0.0", "192.0.2.32", *no_addresses)):
        yield event(f"address {number}", source_address=address, raw=f'{{"sourceIPAddress":"{address}"}}'.encode())
    said = 'he said "hi" to C:\\tmp, a=b: ünï'
    yield event("said", raw=parameters(said=said, many=["one two", {"deep": "three four"}, 3.50], flag=True))
    yield event("order 1", principal="\ufffd", raw=parameters(text="\ufffd", deep={"er": ["x", {"y": "z"}]}))
    yield event("order 2", principal="\U0001f600", raw=parameters(text="\U0001f600"))
    yield event("order 3", principal="z", raw=parameters(text="z", **{"dotted.key": "v", "my__key": "w"}))
    yield event("long", user_agent="x" * 8_191, error_code="\U0001f600" * 8_191, resources=("r" * 8_191, "r"))
    yield event("many", resources=tuple(f"arn:aws:s3:::bucket-{n}" for n in range(200)), resource_types=("T",))
    yield event("numbers", raw=b'{"requestParameters":{"n":1.50,"e":1e3,"z":-0,"i":10,"s":"10","b":true,"x":null}}')
    yield event(
        "lists", raw=b'{"requestParameters":{"l":["a",["b"],{"c":"d"}]},"resources":[{"ARN":"r1"},{"ARN":"r2"}]}'
    )


def parameters(**values: object) -> bytes:
    """A record with these request parameters."""
    return json.dumps({"eventName": "GetObject", "requestParameters": values}, separators=(",", ":")).encode()


def write(store: Store, rows: Sequence[Row], table: Table = EVENTS) -> Written:
    """Write rows in one chunk."""
    return store.write(table, [store.encode(table, row) for row in rows])


def kinds(written: Written) -> set[RefusalKind]:
    """The kinds of refusals."""
    return {refused.kind for refused in written.refused}


def write_and_commit(store: Store, rows: Iterable[Row], table: Table = EVENTS, *, replace: bool = False) -> Written:
    """Write rows in one chunk and commit."""
    written = store.write(table, [store.encode(table, row) for row in rows], replace=replace)
    store.commit()
    return written


def ids(rows: Iterable[Row]) -> list[Value]:
    """The ids, sorted."""
    return sorted((row["id"] for row in rows), key=str)
