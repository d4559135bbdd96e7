"""Coverage-guided fuzzing of what arrives over UDP.

    python -m tests.fuzzing CORPUS [-runs=N] [libFuzzer's options]

What SDKs send is put into the folder first, and changed from there on. Ends with 77, and tells the input, when one
raises.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["cloudsearch.csm"]):
    from cloudsearch.csm.datagrams import Stamp, lines
    from cloudsearch.csm.reading import Reading
    from cloudsearch.csm.rows import row_of

import msgspec

from cloudsearch.store import CSM_CALLS
from tests.csm import BEGIN, attempt, call, packed

SEEDS = (
    packed(attempt()),
    packed(call()),
    packed(call(FinalAwsException="AccessDenied", FinalAwsExceptionMessage="User is not authorized to perform: a:B")),
    packed(attempt())[:-20],
    packed(attempt(SdkExceptionMessage="https://x/?X-Amz-Security-Token=IQoJb3JpZ2luX2VjE&a=b")),
    packed(call()) + b"\n\n" + packed(attempt()),
    b"[" * 500,
)
STAMP = Stamp("web-1")


def tried(data: bytes) -> None:
    """One datagram: lines or a reject, which a store can take and an archive gives back."""
    for line in lines(data, STAMP, BEGIN + 500):
        assert b"\n" not in line.text
        made = row_of(msgspec.json.decode(line.text), line.text, id_="", host=None)
        assert set(made) <= {field.name for field in CSM_CALLS.fields} | {"raw"}
        assert Reading().row(line.text) == made


def main() -> None:
    """Fuzz, what SDKs send first."""
    corpus = Path(sys.argv[1])
    for number, seed in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, tried)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
