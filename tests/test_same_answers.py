"""Every report says the same from every store, on the example trail and on the public samples."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cloudsearch.cli import main
from cloudsearch.derive import derive
from cloudsearch.event import RAW
from cloudsearch.iam import load_iam
from cloudsearch.logs import Piece, Source, find, split
from cloudsearch.store import EVENTS
from cloudsearch.where import Everything
from tests.backends import Backend
from tests.samples import samples

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; its output."""

    def runner(place: Backend, *arguments: str) -> str:
        assert main([*arguments, *place.place.options]) in (0, 3), capsys.readouterr().err
        return capsys.readouterr().out

    return runner


def answers(run: Run, place: Backend, logs: Path, iam: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """What the store answers to every report there is."""
    receipt = json.loads(run(place, "load", str(logs), "--format", "json"))
    receipt.pop("seconds")
    yield "load", json.dumps(receipt)
    files = [argument for path in iam for argument in ("--iam", str(path))]
    dated = ["--format", "jsonl", "--iam-as-of", "2026-11-01"]
    for kind in ("users", "roles"):
        yield kind, run(place, "list", kind, *files, "--format", "jsonl")
        yield f"{kind} without a file", run(place, "list", kind, "--format", "csv")
    if not iam:
        return
    yield "all", run(place, "report", "--all", "--services", *files, *dated)
    principals = sorted(load_iam(iam).principals, key=lambda principal: principal.arn)[:25]
    for principal, days in itertools.product(principals, ("30", "1")):
        whom = [f"--{principal.kind}", principal.arn, "--min-days", days]
        yield principal.arn, run(place, "report", *whom, *files, *dated)


def compare(run: Run, places: Sequence[Backend], logs: Path, iam: Sequence[Path] = ()) -> None:
    """All stores, answer by answer."""
    told = [list(answers(run, place, logs, iam)) for place in places]
    assert len({len(answer) for answer in told}) == 1
    for same in zip(*told, strict=True):
        assert len(set(same)) == 1, same[0][0]


def test_on_the_example_trail(run: Run, every_backend: Sequence[Backend]) -> None:
    """Every principal of both accounts, and both lists."""
    compare(run, every_backend, EXAMPLES / "AWSLogs", sorted((EXAMPLES / "iam").glob("*.json")))


@pytest.mark.parametrize(
    ("logs", "iam"),
    [
        ("combined/flaws", ["combined/flaws/iam-authorization-details.json"]),
        ("flaws_umccr", []),
        ("flaws2", []),
        ("stratus", []),
        ("awsdocs", []),
        ("umccr_examples", []),
        ("plaso", []),
        (".", []),
    ],
)
def test_on_the_public_samples(run: Run, every_backend: Sequence[Backend], logs: str, iam: list[str]) -> None:
    """Real events, documentation examples, every wrapper."""
    compare(run, every_backend, samples() / logs, [samples() / path for path in iam])


@pytest.mark.parametrize("which", ["samples", "examples"])
def test_every_record_comes_back_byte_for_byte(run: Run, every_backend: Sequence[Backend], which: str) -> None:
    """As AWS wrote it, but for secrets: whatever the wrapper, from every store."""
    folder = samples() if which == "samples" else EXAMPLES / "AWSLogs"
    sources = [source for source in find([folder]) if isinstance(source, Source)]
    pieces = [piece for source in sources for piece in split(source.read()).records]
    rows = [derive(piece.raw) for piece in pieces if isinstance(piece, Piece)]
    written = {piece.raw for piece in pieces}
    assert all(row["raw"] in written or row.get("redacted") for row in rows)
    expected = {(row["id"], row.get("time"), row["raw"]) for row in rows}
    for backend in every_backend:
        run(backend, "load", str(folder), "--format", "json")
        store = backend.open()
        store.prepare()
        fields = [EVENTS.by_name["id"], EVENTS.by_name["time"], RAW]
        kept = [(row["id"], row["time"], row["raw"]) for row in store.rows(EVENTS, Everything(), fields=fields)]
        store.close()
        assert set(kept) <= expected
        assert {key[:2] for key in kept} == {key[:2] for key in expected}


def test_the_flaws_sample_gives_the_known_answer(run: Run, every_backend: Sequence[Backend]) -> None:
    """Used and refused actions, with counts and times, are those of ``expected.json``, except as listed here."""
    folder = samples() / "combined" / "flaws"
    expected = json.loads((folder / "expected.json").read_text())["arn:aws:iam::811596193553:user/Level6"]
    for place in every_backend:
        run(place, "load", str(folder), "--format", "json")
        iam = ["--iam", str(folder / "iam-authorization-details.json")]
        rows = json.loads(run(place, "report", "--user", "Level6", *iam, "--format", "json"))
        used = {row["action"]: [row["calls"], row["first_used"], row["last_used"]] for row in rows if row["used"]}
        refused = {row["action"]: row["denied"] for row in rows if row["denied"]}
        assert used == expected_uses(expected)
        assert refused == expected_refusals(expected)


RENAMED = {
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonmq.html
    "amazonmq:ListBrokers": "mq:ListBrokers",
    "amazonmq:ListConfigurations": "mq:ListConfigurations",
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
    "apigateway:GetApiKeys": "apigateway:GET",
    "apigateway:GetClientCertificates": "apigateway:GET",
    "apigateway:GetDomainNames": "apigateway:GET",
    "apigateway:GetRestApis": "apigateway:GET",
    "apigateway:GetSdkTypes": "apigateway:GET",
    "apigateway:GetVpcLinks": "apigateway:GET",
}
"""Calls that ``expected.json`` lists under the event's own name, and the actions AWS's pages give them."""


ONE_ID_IN_TWO_MONTHS = {"discovery:DescribeAgents": 3}
"""The sample was edited by hand: one eventID stands on a call of September and on one of October. An event is known by
its id within its month, so both are kept; ``expected.json`` counts them once."""


def expected_uses(expected: dict[str, dict[str, list[object]]]) -> dict[str, list[object]]:
    """Calls that went through and calls that failed after they were let in."""
    return dict(expected["used_ok"])


def expected_refusals(expected: dict[str, dict[str, list[int]]]) -> dict[str, int]:
    """Refusals by action, the event's name replaced where it is no action."""
    counts: dict[str, int] = {}
    for name, (count, *_) in expected["denied"].items():
        action = RENAMED.get(name, name)
        counts[action] = counts.get(action, 0) + count
    return counts | ONE_ID_IN_TWO_MONTHS
