"""Records at the edges of what engines and JSON itself take: beside those of ``rows``, by depth, length and name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from cloudsearch import names
from tests.rows import ODD_RECORDS, nested

CASES: Mapping[str, Sequence[str]] = json.loads((Path(__file__).parent / "cases/mapping_conflicts.json").read_text())
"""Names under which AWS writes values of more than one type, by where they stand; and texts that look like another."""

SHAPES: tuple[object, ...] = (
    {"k": {"l": "v"}},
    "text",
    ["a", ["b", None], {"k": 1}],
    [{"key": "k", "value": "v"}],
    True,
    7,
    1.5,
    None,
    {},
    [],
    [None],
    2**70,
    1_688_989_338_123,
    "2024-05-31T12:00:00Z",
    "",
    *CASES["texts"],
)


def conflicting() -> Iterator[bytes]:
    """Every such name with every shape, on top, in free-form objects, dotted and nested, in identity and resources."""
    for shape in SHAPES:
        for record in _records(shape):
            yield json.dumps(record).encode()


def _records(shape: object) -> Iterator[dict[str, Any]]:
    for place in names.FLATTENED:
        yield {"eventName": "X", place: dict.fromkeys(CASES["parameters"], shape)}
        yield {"eventName": "X", place: _nested(shape)}
    for name in CASES["top_level"]:
        yield {"eventVersion": "1.08"} | {name: shape}
    for path in CASES["identity"]:
        yield {"userIdentity": _put({}, path.split("."), shape)}
    yield {"resources": [dict.fromkeys(CASES["resources"], shape), shape]}
    yield {"resources": dict.fromkeys(CASES["resources"], shape), "tlsDetails": dict.fromkeys(CASES["tls"], shape)}


def _nested(shape: object) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in CASES["parameters"]:
        _put(tree, name.split("."), shape)
    return tree


def _put(tree: dict[str, Any], path: list[str], shape: object) -> dict[str, Any]:
    node = tree
    for name in path[:-1]:
        inner = node.setdefault(name, {})
        node = inner if isinstance(inner, dict) else node
    node[path[-1]] = deepcopy(shape)
    return tree


def odd_records() -> Mapping[str, bytes]:
    """Every odd record by what is odd about it."""
    return ODD_RECORDS | dict(_deep()) | dict(_long()) | dict(_written_oddly()) | dict(_named_oddly()) | dict(_timed())


def _deep() -> Iterator[tuple[str, bytes]]:
    for depth in (19, 20, 21, 22, 199, 200, 201, 390, 398, 399, 400, 401, 699, 700, 701, 990, 1_000, 1_001, 10_000):
        for shape, opening, closing in (("objects", '{"k":', "}"), ("lists", "[", "]")):
            yield f"{shape} {depth} deep", nested(depth, opening, closing)
        yield f"both {depth} deep", nested(depth // 2, '{"k":[', "]}")
        yield f"broken off {depth} deep", b'{"requestParameters":' + b'{"k":' * depth
    yield "deep on top", b'{"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}"
    yield "deep in the identity", b'{"userIdentity":{"a":' + b'{"k":' * 600 + b"1" + b"}" * 602


def _long() -> Iterator[tuple[str, bytes]]:
    for length in (8_191, 8_192, 31_990, 32_000, 32_741, 32_765, 32_766, 32_767, 40_000, 126_000, 200_000):
        text = "x" * length
        yield f"a parameter of {length}", _json({"requestParameters": {"queryString": text}})
        yield f"a message of {length}", _json({"errorMessage": text, "userAgent": text})
        yield f"a key of {length}", _json({"requestParameters": {text: "v"}})
        yield f"a key on top of {length}", _json({text: "v"})
    yield "8,191 letters of 4 bytes", _json({"requestParameters": {"q": "\U0001f600" * 8_191}})
    yield (
        "7,990 letters of 4 bytes, unescaped",
        '{{"requestParameters":{{"q":"{}"}}}}'.format("\U0001f600" * 7_990).encode(),
    )
    yield "5 MB", _json({"requestParameters": {"content": "v" * 5_000_000}})
    yield "40,000 keys", _json({"requestParameters": {f"key{n}": n for n in range(40_000)}})
    yield "4,000 keys on top", _json({f"key{n}": n for n in range(4_000)})
    yield "40,000 elements", _json({"requestParameters": {"ids": [f"i-{n}" for n in range(40_000)]}})
    yield "40,000 resources", _json({"resources": [{"ARN": f"arn:aws:s3:::b{n}"} for n in range(10_000)]})


def _written_oddly() -> Iterator[tuple[str, bytes]]:
    for number in (
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"1e-999",
        b".5",
        b"+1",
        b"01",
        b"0x1",
        b"1.",
        b"-",
    ):
        yield f"the number {number.decode()}", b'{"requestParameters":{"n":%b},"eventName":"x"}' % number
    for digits in (400, 1_001, 5_000):
        yield f"{digits} digits", b'{"requestParameters":{"n":%b}}' % (b"9" * digits)
    for name, bad in (
        ("a stray byte", b"\xff"),
        ("an overlong slash", b"\xc0\xaf"),
        ("an encoded surrogate", b"\xed\xa0\x80"),
        ("half a letter", b"\xf0\x9f"),
        ("beyond Unicode", b"\xf5\x80\x80\x80"),
        ("UTF-16", "ab".encode("utf-16")),
        ("NUL", b"\0"),
        ("a line's end", b"\n"),
        ("a tab", b"\t"),
        ("an escape", b"\x1b[31m"),
        ("an unknown escape", rb"\q"),
        ("half an escape", rb"\u00"),
        ("an escaped NUL", rb"\u0000"),
        ("an escaped lone surrogate", rb"\uDC00"),
        ("a line separator", "\u2028".encode()),
    ):
        yield f"{name} in a value", b'{"eventName":"a%bb","requestParameters":{"k":"v%bw"}}' % (bad, bad)
        yield f"{name} in a key", b'{"requestParameters":{"a%bb":"v"},"a%bb":1}' % (bad, bad)
        yield f"{name} after the record", b'{"eventName":"x"}' + bad
    for name, text in (
        ("eventName thrice", b'{"eventName":"a","eventName":"b","eventName":"c"}'),
        ("eventName in two spellings", rb'{"eventName":"GetObject","event\u004eame":"DeleteBucket"}'),
        ("eventID twice", b'{"eventID":"a","eventID":"b"}'),
        ("an object and a text", b'{"requestParameters":{"a":{"b":1},"a":"c"}}'),
        ("twice in a list", b'{"resources":[{"ARN":"a","ARN":"b"}]}'),
        ("identity twice", b'{"userIdentity":{"arn":"a"},"userIdentity":{"arn":"b"}}'),
        ("twice deep below", b'{"requestParameters":{"a":[{"b":{"c":1,"c":2}}]}}'),
        ("our names twice", b'{"cloudsearch":1,"cloudsearch":{"id":"x"}}'),
    ):
        yield f"duplicate: {name}", text
    yield "a comma too many", b'{"eventName":"x",}'
    yield "two records", b'{"eventName":"x"}{"eventName":"y"}'
    yield "single quotes", b"{'eventName':'x'}"
    yield "a comment", b'{"eventName":"x"/* y */}'


def _named_oddly() -> Iterator[tuple[str, bytes]]:
    odd = (
        "",
        ".",
        "..",
        " ",
        ".a",
        "b.",
        "a..b",
        "a.b",
        "_id",
        "_source",
        "_index",
        "_field_names",
        "_tier",
        "*",
        "k" * 300,
    )
    for name in odd:
        yield f"on top: {name!r:.20}", _json({name: 1, "eventName": "x"})
        yield f"in parameters: {name!r:.20}", _json({"requestParameters": {name: {name: "v"}}})
        yield f"in the identity: {name!r:.20}", _json({"userIdentity": {name: "v", "arn": "a"}})
    for name in names.ALIASES:
        yield f"the alias {name}", _json({name: "x", "eventName": "x"})
        yield f"the alias {name}, nested", _json(_put({}, name.split("."), "x"))
    for name in (
        "eventName.x",
        "requestParameters.a",
        "userIdentity.arn",
        "aws.cloudtrail.flattened",
        "cloudsearch.raw",
    ):
        yield f"dotted: {name}", _json({name: "x"})
        yield f"dotted beside: {name}", _json({name: "x", name.split(".")[0]: {"a": {"b": "c"}}})


def _timed() -> Iterator[tuple[str, bytes]]:
    texts = (
        "",
        "...",
        "2024-02-30",
        "2016-12-31T23:59:60Z",
        "9999999-01-01",
        "2024-05-31T12:00:00+09:00",
        "1688989338",
    )
    for value in (*texts, 0, 10**20, -1, 1.5, True, None, {}, {"a": 1}, [], ["2024-05-31T12:00:00Z"], [{"a": 1}]):
        date = {"attributes": {"creationDate": value}}
        yield f"the time {value!r}", _json({"eventTime": value, "userIdentity": {"sessionContext": date}})
    written = ("::ffff:1.2.3.4", "10.0.0.0/8", "999.1.1.1", "", "AWS Internal", "support.amazonaws.com")
    addresses: tuple[object, ...] = (*written, 5, None, {}, ["1.2.3.4", "x"])
    for address in addresses:
        yield f"the address {address!r}", _json({"sourceIPAddress": address})


def _json(record: Mapping[str, object]) -> bytes:
    return json.dumps(record).encode()
