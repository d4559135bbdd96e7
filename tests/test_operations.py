"""The closed world of calls: every operation of the public SDKs, and the files and tools kept in step with them."""

from __future__ import annotations

from itertools import cycle, islice
from time import perf_counter

from cloudsearch import catalogue
from cloudsearch.actions import SAME_NAME, UNKNOWN, actions_for, prefixes, unknown_calls
from cloudsearch.actions.tables import table, text
from tools import operations as generator
from tools import sample as sampler


def test_no_rule_invents_an_action() -> None:
    """Every operation of every public SDK maps into the catalogue or is unknown; few are."""
    found = [actions_for(*call) for call in generator.operations()]
    assert all(catalogue.find(action) for mapping in found for action in mapping.actions)
    unknown = sum(mapping.how == UNKNOWN for mapping in found)
    assert unknown < len(found) * 0.03


def test_every_operation_is_mapped_or_its_reason_is_written_down() -> None:
    """A closed world: after a new SDK or catalogue, map what is new or add it to unmapped.tsv with the reason."""
    assert generator.without_reason() == set()
    assert all(reason for _, _, reason in unknown_calls())


def test_no_reason_is_given_for_a_call_that_is_mapped_or_that_nobody_can_make() -> None:
    """A line goes when a fact or the catalogue comes to know its call (python tools/operations.py), or no SDK has it.

    A call that the catalogue has by name stays only where its parameters choose another action.
    """
    written = text("unmapped.tsv")
    assert generator.still_unmapped(written) == written
    calls = {(key, name) for host, name in generator.operations() for key in generator.keys(host)}
    for service, events, reason in table("unmapped.tsv", 3):
        for event in events.split(","):
            assert (service, event) in calls, (service, event)
            assert catalogue.find(f"{service}:{event}") is None or reason.startswith("depends on its parameters")


def test_a_call_that_is_known_by_now_is_taken_out_of_the_unmapped_ones() -> None:
    """Alone on its line, or among others; remarks and what is still unknown stay."""
    kept = "# a remark\nec2\tNoSuchCall\tof no use\n"
    assert generator.still_unmapped(kept + "s3\tListBuckets\tof no use\n") == kept
    assert generator.still_unmapped("ec2\tNoSuchCall,RunInstances\tof no use\n") == "ec2\tNoSuchCall\tof no use\n"


def test_every_host_of_every_sdk_stands_for_a_service() -> None:
    """By endpoint, by signing name and by the SDK's own name; but for services that IAM does not know any more."""
    retired = {"iotthingsgraph", "application-cost-profiler", "applicationcostprofiler"}
    unnamed = {"awsssoportal", "osm", "opensearchmemory"}
    for model in generator.models():
        for name in model.names:
            assert prefixes(f"{name}.amazonaws.com") or name in retired | unnamed, name


def test_the_operations_file_is_up_to_date() -> None:
    """After a new SDK, catalogue or fact: python tools/operations.py. A newer SDK alone may add, never lack."""
    kept = {line.partition("\t")[0]: line for line in text("operations.txt").splitlines()[1:]}
    names = {service: set(line.partition("\t")[2].split(" ")) for service, line in kept.items()}
    for service, needed in generator.needed().items():
        assert needed <= names.get(service, set()), service


def test_the_sample_to_judge_by_hand_is_always_the_same() -> None:
    """As many lines as asked for, none of a call that its own name answers, and the same ones again."""
    drawn = sampler.sample(300)
    assert drawn == sampler.sample(300)
    assert len(drawn) == 300
    assert all(len(row) == len(sampler.HEAD) for row in drawn)
    assert SAME_NAME not in {row[3] for row in drawn}


def test_mapping_is_fast_enough_for_millions_of_events() -> None:
    """A known call costs a look into a dictionary: a quarter of a million, of every service there is, in no time."""
    calls = list(generator.operations())
    for call in calls:
        actions_for(*call)
    start = perf_counter()
    for call in islice(cycle(calls), 250_000):
        actions_for(*call)
    assert perf_counter() - start < 2
