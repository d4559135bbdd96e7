"""How fast ``cloudsearch load`` is, beside the scripts that anybody would write first, in the same run.

    python -m benchmarks.load [--events 200000] [--pairs 5] [--only sink|gzip|s3|elasticsearch|embedded]... [--json]

The comparisons are in ``contests.py``, each of whole processes that run in turn, A B A B, so that a machine which is
busy for a while is unkind to all of them; what counts is the median of the pairs' ratios, and the worst pair. The
ratio of processor seconds is what is left where others use the machine; it knows nothing of work side by side. After
each run the documents and a checksum of their ids are compared with the corpus: a run that did less work is an error,
not a fast one. ``--only`` may be given several times; without it all are run but Elasticsearch, which has to be asked
for, since it is fetched when it is first used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs as a script from anywhere

from benchmarks.compare import Comparison, Run  # noqa: E402
from benchmarks.contests import CONTESTS, Asked  # noqa: E402
from benchmarks.parts import microseconds_an_event, seconds_to_help  # noqa: E402

TO_BE_ASKED_FOR = "elasticsearch"


@dataclass(frozen=True, slots=True)
class Alone:
    """What has nothing beside it: seconds of ``--help``, and microseconds an event of a load's parts."""

    help_seconds: float
    microseconds: dict[str, float]


def main() -> None:
    """Compare, and print a table or JSON."""
    asked = _arguments()
    wanted = asked.only or [name for name in CONTESTS if name != TO_BE_ASKED_FOR]
    comparisons: list[Comparison] = []
    with tempfile.TemporaryDirectory(dir=asked.folder) as temporary:
        for number, name in enumerate(wanted):
            folder = Path(temporary, str(number))
            folder.mkdir()
            for one in CONTESTS[name](Asked(folder, asked.events, asked.pairs, asked.seed)):
                comparisons.append(one)
                if not asked.json:
                    print("\n".join(_described(one)), flush=True)
        alone = Alone(seconds_to_help(), microseconds_an_event(comparisons[-1].corpus.folder))
    if asked.json:
        print(as_json(comparisons, alone))
    else:
        print("\n".join(table(comparisons, alone)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure cloudsearch load beside naive scripts.")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=tuple(CONTESTS), action="append")
    parser.add_argument("--folder", type=Path, help="where to write logs and stores")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def table(comparisons: Sequence[Comparison], alone: Alone) -> Iterator[str]:
    """For people: the ratios, and what stands alone."""
    yield f"{'':44}{'median':>8}{'worst':>8}{'goal':>7}{'CPU':>9}"
    for one in comparisons:
        against = f"{one.name}, against {one.naive_name}"
        missed = "" if one.is_met else "  missed"
        ratios = f"{median(one.ratios):6.2f} x{min(one.ratios):6.2f} x{one.goal:5.4g} x{median(one.cpu_ratios):7.2f} x"
        yield f"{against:44}{ratios}{missed}"
    yield f"load average of the last minute, five and fifteen: {_load_average()}"
    yield f"cloudsearch --help: {alone.help_seconds:.2f} s"
    for part, figure in alone.microseconds.items():
        yield f"{part}: {figure:.1f} us an event"


def _load_average() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


def _described(one: Comparison) -> Iterator[str]:
    corpus = one.corpus
    events = corpus.work.documents
    yield (
        f"{one.name}: {len(one.ours)} pairs, whole processes; {events:,} events of {corpus.raw_bytes / events:,.0f} B, "
        f"{corpus.packed_bytes / events:,.0f} B gzipped, in {corpus.files:,} files"
    )
    yield f"{'':14}{'events/s':>12}{'seconds':>10}{'CPU s':>8}{'peak MiB':>10}{'B/event':>10}{'of gz':>8}"
    for name, runs in (("cloudsearch", one.ours), (one.naive_name, one.naive)):
        yield f"{name:14}" + _figures(one, runs)
    yield ""


def _figures(one: Comparison, runs: Sequence[Run]) -> str:
    corpus = one.corpus
    seconds = median(run.seconds for run in runs)
    text = f"{corpus.work.documents / seconds:12,.0f}{seconds:10.2f}"
    text += f"{median(run.cpu_seconds for run in runs):8.2f}{max(run.peak_mib for run in runs):10.0f}"
    lost = corpus.work.documents - min(run.documents for run in runs)
    text += f"  {lost:,} events lost" if lost else ""
    disk = median(run.disk_bytes for run in runs)
    return f"{text}{disk / corpus.work.documents:10.0f}{disk / corpus.packed_bytes:8.2f}" if disk else text


def as_json(comparisons: Sequence[Comparison], alone: Alone) -> str:
    """For programs."""
    return json.dumps(
        {
            "load_average": os.getloadavg(),
            "help_seconds": round(alone.help_seconds, 3),
            "microseconds_an_event": {name: round(figure, 2) for name, figure in alone.microseconds.items()},
            "comparisons": [
                {
                    "name": one.name,
                    "naive": one.naive_name,
                    "events": one.corpus.work.documents,
                    "raw_bytes": one.corpus.raw_bytes,
                    "gzipped_bytes": one.corpus.packed_bytes,
                    "ratio_median": round(median(one.ratios), 3),
                    "ratio_worst": round(min(one.ratios), 3),
                    "cpu_ratio_median": round(median(one.cpu_ratios), 3),
                    "goal": one.goal,
                    "ours": [asdict(run) for run in one.ours],
                    "theirs": [asdict(run) for run in one.naive],
                }
                for one in comparisons
            ],
        },
        indent=2,
    )


if __name__ == "__main__":
    main()
