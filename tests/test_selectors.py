"""What trails record: cases argued from AWS's pages, laws, and files that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch.actions import observability
from cloudsearch.actions.selecting import Answer, Condition, Events, Operator, Selector, Starting, recorded
from cloudsearch.actions.selectors import Seen, Selectors, read_selectors
from cloudsearch.actions.trails import Trail
from cloudsearch.errors import SourceError

CASES = json.loads((Path(__file__).parent / "cases" / "selectors.json").read_text(encoding="utf-8"))
ACCOUNT = "111122223333"
ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"
EVERYTHING = [{"Field": "eventCategory", "Equals": ["Management"]}]

FIELDS = ("eventName", "resources.ARN")

texts = st.text("ab", max_size=2)
wanted = st.lists(texts.filter(bool), min_size=1, max_size=3).map(tuple)
tests = st.dictionaries(st.sampled_from(Operator), wanted, min_size=1, max_size=3).map(
    lambda found: tuple(found.items())
)
conditions = st.builds(Condition, st.sampled_from(FIELDS), tests)
selectors = st.lists(conditions, max_size=3).map(lambda found: Selector(tuple(found)))
events = st.fixed_dictionaries(
    {},
    optional={
        "eventName": st.one_of(st.lists(texts, min_size=1, max_size=3).map(tuple), st.builds(Starting, texts)),
        "resources.ARN": st.one_of(st.lists(texts, min_size=1, max_size=2).map(tuple), st.builds(Starting, texts)),
    },
)
trails = st.builds(
    Trail,
    arn=st.sampled_from([ARN, ARN + "2", ARN.replace(ACCOUNT, "444455556666"), ARN.replace("us-east-1", "eu-west-1")]),
    selectors=st.none() | st.lists(selectors, max_size=2).map(tuple),
    multi_region=st.none() | st.booleans(),
    organization=st.none() | st.booleans(),
    logging=st.none() | st.booleans(),
)


def write(folder: Path, *values: object) -> Path:
    """A file with these JSON values one after another."""
    path = folder / "trails.json"
    path.write_text("\n".join(json.dumps(value) for value in values), encoding="utf-8")
    return path


def ask(found: Selectors, case: dict[str, Any]) -> Seen:
    """What the report asks."""
    optional = {name: case[name] for name in ("event_names", "is_read", "principal") if name in case}
    seen = observability(case["action"])
    where = {"account": case["account"], "regions": case["regions"]}
    return found.seen(**where, action=case["action"], observability=seen, **optional)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_trails_show_of_an_action(case: dict[str, Any], tmp_path: Path) -> None:
    """Each row was argued by hand from the AWS page it names; each value stands in a file, then all in a list."""
    several = read_selectors([write(tmp_path, *case["values"])], members=case.get("members", ()))
    found = ask(several, case)
    assert (found.answer.name, found.reason) == (case["answer"], found.reason)
    assert case["reason"] in found.reason
    assert case["source"].startswith("https://docs.aws.amazon.com/")
    assert read_selectors([write(tmp_path, case["values"])], members=case.get("members", ())) == several


def test_there_are_enough_argued_rows() -> None:
    """The table is not to shrink in silence."""
    assert len({case["name"] for case in CASES}) == len(CASES) >= 90


def test_dates_are_carried(tmp_path: Path) -> None:
    """Selectors are today's, the log is history: the answer says since when, as far as the files tell."""
    described = {
        "trail": {"TrailARN": ARN, "IsMultiRegionTrail": True},
        "status": {"IsLogging": True, "StartLoggingTime": 1767225600.0},
        "event_selectors": [{"IncludeManagementEvents": True}],
        "advanced_event_selectors": [],
    }
    path = write(tmp_path, {"taken_at": "2026-10-01T14:00:00+02:00", "account": ACCOUNT, "trails": [described]})
    case = {"account": ACCOUNT, "regions": ["us-east-1", "eu-west-1"], "action": "ec2:RunInstances"}
    found = ask(read_selectors([path]), case)
    assert found.answer is Answer.ALL
    assert found.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.taken_at == datetime(2026, 10, 1, 12, tzinfo=UTC)


def test_the_newest_description_counts(tmp_path: Path) -> None:
    """Two snapshots may be given: what the later one tells holds, what it does not tell stays."""

    def snapshot(when: str, selectors_: list[object] | None) -> dict[str, object]:
        entry = {"trail": {"TrailARN": ARN, "IsMultiRegionTrail": True}, "event_selectors": selectors_}
        return {"taken_at": when, "account": ACCOUNT, "trails": [entry]}

    old, new = snapshot("2026-01-01", [{"ReadWriteType": "WriteOnly"}]), snapshot("2026-06-01", [{}])
    case = {"account": ACCOUNT, "regions": ["us-east-1"], "action": "ec2:RunInstances"}
    for values in ((old, new), (new, old), (new, snapshot("2026-09-01", None))):
        assert ask(read_selectors([write(tmp_path, *values)]), case).answer is Answer.ALL


def _selectors_of(*fields: object) -> dict[str, object]:
    return {"TrailARN": ARN, "AdvancedEventSelectors": [{"FieldSelectors": list(fields)}]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", None),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("3", "value 1: is no answer of CloudTrail"),
        ("{}", "value 1: is neither selectors nor trails"),
        ('{"EventSelectors": []}', "value 1: TrailARN is missing"),
        ('{"TrailARN": "arn:aws:s3:::b", "EventSelectors": []}', "is not the ARN of a trail"),
        ('{"IsLogging": true}', "a trail's status names no trail"),
        ('{"trails": 3}', "trails is not a list of objects"),
        ('{"trails": [{"trail": 3}]}', "trails[0]: trail is not an object"),
        ('{"Trail": []}', "Trail is not an object"),
        ('{"taken_at": "yesterday", "trails": []}', "taken_at: 'yesterday' is not a time"),
        ('{"taken_at": true, "trails": []}', "taken_at: True is not a time"),
        ('{"taken_at": 1e30, "trails": []}', "is not a time"),
        (json.dumps({"TrailARN": ARN, "IsMultiRegionTrail": "yes"}), "ismultiregiontrail is 'yes'"),
        (json.dumps({"TrailARN": ARN, "EventSelectors": {}}), "EventSelectors is not a list of objects"),
        (json.dumps({"TrailARN": ARN, "EventSelectors": [3]}), "EventSelectors is not a list of objects"),
        (json.dumps({"TrailARN": ARN, "EventSelectors": [{"ReadWriteType": "Some"}]}), "none of All, ReadOnly"),
        (
            json.dumps({"TrailARN": ARN, "EventSelectors": [{"DataResources": [{}]}]}),
            "DataResources[0]: Type is missing",
        ),
        (json.dumps(_selectors_of()), "no field selector is for eventCategory"),
        (json.dumps(_selectors_of({"Equals": ["Data"]})), "FieldSelectors[0]: Field is missing"),
        (json.dumps(_selectors_of({"Field": "eventName", "Like": ["x"]})), "like is no operator"),
        (json.dumps(_selectors_of({"Field": "eventName"})), "eventName has no operator"),
        (json.dumps(_selectors_of({"Field": "eventName", "Equals": [3]})), "Equals is not a list of texts"),
    ],
)
def test_a_file_that_is_not_understood_is_named(text: str, told: str | None, tmp_path: Path) -> None:
    """The message names the file, the value and the element; an empty file tells of nothing."""
    path = tmp_path / "trails.json"
    path.write_text(text, encoding="utf-8")
    if told is None:
        read_selectors([path])
        return
    with pytest.raises(SourceError) as caught:
        read_selectors([path])
    assert str(path) in str(caught.value)
    assert told in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder, a file that is not there, bytes that are no text."""
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "absent.json", tmp_path / "bytes.json"):
        with pytest.raises(SourceError, match="cannot be read"):
            read_selectors([path])


def test_contradictions_are_refused(tmp_path: Path) -> None:
    """Of two undated descriptions nobody knows which holds: both places are named."""
    one = {"TrailARN": ARN, "EventSelectors": [{"ReadWriteType": "All"}]}
    other = {"TrailARN": ARN, "EventSelectors": [{"ReadWriteType": "WriteOnly"}]}
    with pytest.raises(SourceError, match=r"value 2: trail main is told otherwise in .*value 1"):
        read_selectors([write(tmp_path, one, other)])
    assert read_selectors([write(tmp_path, one, one)]).trails == read_selectors([write(tmp_path, one)]).trails


@given(conditions.filter(lambda one: one.field == "eventName"), texts)
def test_a_deselecting_operator_is_the_opposite_of_its_selecting_one(condition: Condition, text: str) -> None:
    """Equals lets through what NotEquals does not, and so for each pair of operators and any values."""
    for operator, values in condition.tests:
        other = Operator(operator.removeprefix("Not") if operator.deselects else f"Not{operator}")
        one = Condition("eventName", ((operator, values),))
        assert one.lets_through(text) is not Condition("eventName", ((other, values),)).lets_through(text)


@given(st.sampled_from([Operator.EQUALS, Operator.STARTS_WITH, Operator.ENDS_WITH]), wanted, events)
def test_a_selector_and_its_opposite_record_everything(
    operator: Operator, values: tuple[str, ...], asked: Events
) -> None:
    """Together, whatever is asked; a selector that asks for both at once records nothing."""
    selects = Condition("eventName", ((operator, values),))
    leaves_out = Condition("eventName", ((Operator(f"Not{operator}"), values),))
    assert recorded([Selector((selects,)), Selector((leaves_out,))], asked) is Answer.ALL
    assert recorded([Selector((selects, leaves_out))], asked) is Answer.NONE


@settings(deadline=None, max_examples=60)
@given(st.lists(selectors, max_size=3), events)
def test_the_answer_is_that_of_trying_every_event(found: list[Selector], asked: Events) -> None:
    """A slow oracle: every text of up to four letters that may matter, in every field."""
    passed = {
        any(all(one.lets_through(event[one.field]) for one in selector.conditions) for selector in found)
        for event in _every(asked, found)
    }
    answer = Answer.SOME if len(passed) > 1 else Answer.ALL if passed.pop() else Answer.NONE
    assert recorded(found, asked) is answer


def _every(asked: Events, found: list[Selector]) -> Iterator[dict[str, str]]:
    """Every event asked about, as far as short texts tell; a field that no selector reads has one value."""
    words = ["".join(parts) for length in range(5) for parts in product("ab", repeat=length)]
    short = [word for word in words if len(word) <= 2]
    anything = [*words, *(f"{start}-{end}" for start, end in product(short, short))]
    read = {one.field for selector in found for one in selector.conditions}
    choices = []
    for field in FIELDS:
        values = asked.get(field, Starting())
        fitting = (
            [text for text in anything if text.startswith(values.prefix)] if isinstance(values, Starting) else values
        )
        choices.append(list(fitting) if field in read else list(fitting)[:1])
    for texts_ in product(*choices):
        yield dict(zip(FIELDS, texts_, strict=True))


@given(st.lists(selectors, max_size=3), selectors, events)
def test_another_selector_never_records_less(found: list[Selector], more: Selector, asked: Events) -> None:
    """And their order does not matter, nor does a selector said twice."""
    before = recorded(found, asked)
    assert recorded([*found, more], asked) >= before
    assert recorded(found[::-1], asked) is before
    assert recorded([*found, *found], asked) is before


@given(
    st.lists(trails, max_size=3),
    trails,
    st.sampled_from([ACCOUNT, "444455556666"]),
    st.sampled_from(["us-east-1", "eu-west-1"]),
    events,
)
def test_another_trail_never_sees_less(
    found: list[Trail], more: Trail, account: str, region: str, asked: Events
) -> None:
    """UNKNOWN, NONE, SOME, ALL is the order; and the order of the trails does not matter."""
    before = Selectors(tuple(found)).records(account, region, asked).answer
    assert Selectors((*found, more)).records(account, region, asked).answer >= before
    assert Selectors(tuple(found[::-1])).records(account, region, asked).answer is before


@given(st.lists(trails, max_size=3), events)
def test_more_regions_never_show_more(found: list[Trail], asked: Events) -> None:
    """A stopped trail counts as none; every answer has a reason."""
    given_ = Selectors(tuple(found))
    running = Selectors(tuple(trail for trail in found if trail.logging is not False))
    for region in ("us-east-1", "eu-west-1"):
        seen = given_.records(ACCOUNT, region, asked)
        assert seen.reason
        assert (seen.answer is Answer.ALL) == (running.records(ACCOUNT, region, asked).answer is Answer.ALL)
    for action in ("ec2:RunInstances", "s3:GetObject"):
        case = {"account": ACCOUNT, "regions": ["us-east-1", "eu-west-1"], "action": action}
        if ask(given_, case).answer is Answer.ALL:
            assert all(ask(given_, {**case, "regions": [region]}).answer is Answer.ALL for region in case["regions"])


def test_as_many_values_as_aws_allows_are_answered_at_once() -> None:
    """Five hundred values on several fields: an answer, at most SOME where it would take too long to be sure."""
    names = tuple(f"Name{number}" for number in range(170))
    fields = ("eventName", "resources.ARN", "userIdentity.arn")
    filtered = Selector(tuple(Condition(field, ((Operator.NOT_EQUALS, names),)) for field in fields))
    rest = [Selector((Condition(field, ((Operator.EQUALS, names),)),)) for field in fields]
    assert recorded([filtered], {}) is Answer.SOME
    assert recorded([filtered, *rest], {}) in (Answer.ALL, Answer.SOME)


def test_regions_that_fare_alike_are_told_together(tmp_path: Path) -> None:
    """A report looks at every region for thousands of actions: twenty cost what two cost, and none is forgotten."""
    described = {"TrailARN": ARN, "IsMultiRegionTrail": True, "EventSelectors": [{}]}
    regions = ["us-east-1", *(f"eu-west-{number}" for number in range(1, 20))]
    case = {"account": ACCOUNT, "regions": regions, "action": "s3:GetObject"}
    found = ask(read_selectors([write(tmp_path, described)]), case)
    assert (found.answer, found.reason.count("us-east-1")) == (Answer.NONE, 1)
    others = ask(read_selectors([write(tmp_path, described)]), {**case, "regions": regions[1:]})
    assert "eu-west-1 and 18 more" in others.reason


def test_several_files_make_one_picture(tmp_path: Path) -> None:
    """What one file tells of a trail and what another tells are of one trail."""
    one = write(tmp_path, {"trailList": [{"TrailARN": ARN, "IsMultiRegionTrail": True}]})
    two = tmp_path / "selectors.json"
    two.write_text(json.dumps({"TrailARN": ARN, "AdvancedEventSelectors": [{"FieldSelectors": EVERYTHING}]}))
    (trail,) = read_selectors([one, two]).trails
    assert (trail.name, trail.region, trail.account, trail.partition) == ("main", "us-east-1", ACCOUNT, "aws")
    assert trail.multi_region
    assert trail.selectors
