"""Large and hostile files cost bounded time and memory: rows are numbered as in the fault catalogue."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
import zlib

import pytest

from cloudsearch.logs import Kind, opening, split
from cloudsearch.logs.splitting import HELD_LIMIT
from cloudsearch.logs.window import VALUE_LIMIT, Window
from tests.test_logs_faults import LOG, RAWS, log_of, many, split_problem, taken
from tests.test_logs_wrappers import record, records_of


def test_29_a_large_record_is_read() -> None:
    """A record of 100 MB comes out whole."""
    large = record(text="x" * 100_000_000)
    assert records_of(log_of([RAWS[0], large, RAWS[1]])) == [RAWS[0], large, RAWS[1]]


def test_a_value_too_large_is_a_problem() -> None:
    """A value past the limit is not taken into memory: the file is refused, what came before it is kept."""
    data = log_of([RAWS[0], b'{"a":"' + b"x" * (VALUE_LIMIT + (16 << 20)) + b'"}', RAWS[1]])
    contents, good, _ = taken(data)
    assert good == RAWS[:1]
    assert "a value of more than" in (contents.problem or "")


@pytest.mark.parametrize("number", [1, 10, 1000, 60_000])
def test_files_of_every_size_come_apart(number: int) -> None:
    """Where a window of text ends within a record, nothing shows."""
    raws = many(number)
    assert records_of(log_of(raws)) == raws
    assert records_of(gzip.compress(log_of(raws), 1)) == raws
    assert records_of(b"\n".join(raws)) == raws


def test_a_strange_record_in_a_large_file_stays_alone() -> None:
    """One record that strict JSON has not, in the middle of many, changes nothing for the others."""
    raws = many(20_000)
    raws[10_000] = b'{"eventVersion":"1.08","eventName":NaN}'
    raws.insert(5, b'{"eventName":1,"eventVersion":[{"eventVersion":2},{"eventVersion":3}]}')
    assert records_of(log_of(raws)) == raws


def scanned(data: bytes) -> int:
    """Bytes looked at to go through the lists in a text."""
    window = Window(iter([data[at : at + opening.TEXT_BLOCK] for at in range(0, len(data), opening.TEXT_BLOCK)]))
    window.peek()
    for _ in window.elements():
        pass
    return window.scanned


HOSTILE = {
    "keys of which none repeats": [b'{"k%d":1}' % number for number in range(200_000)],
    "keys in pairs": [b'{"k%d":1}' % (number // 2) for number in range(200_000)],
    "keys in turn": [b'{"k%d":1}' % (number % 7) for number in range(200_000)],
    "nothing but NaN": [b'{"a":NaN}'] * 200_000,
    "NaN at times": [b'{"a":NaN}' if number % 1000 == 0 else b'{"a":1}' for number in range(200_000)],
    "lists within": [b'{"a":[{"a":1},{"a":2}]}'] * 100_000,
    "nulls": [b"null"] * 200_000,
    "small": [b"{}"] * 200_000,
    "large": [b'{"a":"%b"}' % (b"x" * 3_000_000)] * 5,
    "one large": [b'{"a":"%b"}' % (b"\\n" * 20_000_000)],
    "deep": [b'{"a":' * 300_000 + b"1" + b"}" * 300_000] * 3,
}


@pytest.mark.parametrize("elements", HOSTILE.values(), ids=HOSTILE)
def test_each_byte_is_looked_at_a_bounded_number_of_times(elements: list[bytes]) -> None:
    """However a list is made, splitting it costs a fixed number of passes over it."""
    data = b"[%b]" % b",".join(elements)
    assert scanned(data) <= 6 * len(data)


@pytest.mark.parametrize("data", [b'{"a":"' + b'\\"' * 3_000_000, b"{" * 3_000_000, b'["' * 2_000_000])
def test_what_never_ends_ends_soon(data: bytes) -> None:
    """Quotes and brackets without number are gone through once."""
    assert split_problem(data) is None


BOMB = """
import gzip, resource, zlib
from cloudsearch.logs import split, opening
opening.TEXT_LIMIT = 300 << 20
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
member = zlib.compressobj(wbits=31)
parts = [member.compress({head!r}), *[member.compress({fill!r} * (1 << 20)) for _ in range(400)]]
stored = b"".join([*parts, member.flush()])
before = peak()
contents = split(stored)
good = sum(1 for _ in contents.records)
print(good, contents.kind.value, contents.problem, (peak() - before) >> 10, sep="|")
"""


@pytest.mark.parametrize("head", [b"", LOG, LOG[:-2] + b","])
@pytest.mark.parametrize("fill", [b" ", b"\0"])
def test_8_a_bomb_is_defused(head: bytes, fill: bytes) -> None:
    """What decompresses past the limit is a problem, found in little memory; the records before it are kept."""
    script = BOMB.format(head=head, fill=fill)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    good, kind, problem, grown = run.stdout.split("|")
    assert kind == "log"
    assert int(good) == (3 if head else 0)
    assert int(grown) < 64
    assert "more than 314,572,800 bytes" in problem or (head and fill == b"\0")


def test_the_limit_is_two_gibibytes() -> None:
    """The documented limit on decompressed text."""
    assert opening.TEXT_LIMIT == 2 << 30


def test_30_memory_does_not_grow_with_the_file() -> None:
    """A compressed file of 400 MB of records is gone through in little memory."""
    member = zlib.compressobj(1, wbits=31)
    block = b",".join(many(10_000))
    stored = [member.compress(b'{"Records":[' + block), *[member.compress(b"," + block) for _ in range(150)]]
    data = b"".join([*stored, member.compress(b"]}"), member.flush()])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    contents = split(data)
    assert sum(1 for _ in contents.records) == 1_510_000
    assert contents.problem is None
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 < 64


def test_a_foreign_list_is_given_up() -> None:
    """Of a large list of something else no more than the limit is held before it is no log."""
    element = b'{"a":"%b"}' % (b"x" * 1_000_000)
    assert taken(b"[%b]" % b",".join([element] * (HELD_LIMIT // len(element) + 5)))[0].kind is Kind.NOT_A_LOG
