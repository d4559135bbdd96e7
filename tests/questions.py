"""Questions of every kind about the odd rows, written by hand and made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from cloudsearch.event import RAW, Field, FieldType
from cloudsearch.where import Address, And, Everything, Exists, In, MapText, Not, Or, Path, Pattern, Range, Text, Where
from tests.rows import FIELD, NOON

ID, NAME, TIME, PRINCIPAL = FIELD["id"], FIELD["event_name"], FIELD["time"], FIELD["principal"]
ADDRESS = FIELD["source_address"]
ACTIONS, READ_ONLY, LENGTH, AGENT = FIELD["actions"], FIELD["read_only"], FIELD["raw_length"], FIELD["user_agent"]

WHERES: tuple[Where, ...] = (
    Everything(),
    And(()),
    Or(()),
    Not(Everything()),
    Not(Or(())),
    In(ID, ("a",)),
    In(ID, ()),
    In(ID, ("a", "A", "nobody")),
    In(NAME, (None,)),
    In(NAME, ("GetObject", None)),
    In(NAME, ("",)),
    In(NAME, (5, True, NOON)),
    In(READ_ONLY, (True,)),
    In(READ_ONLY, (False, None)),
    In(READ_ONLY, ("true",)),
    In(FIELD["mfa"], (False,)),
    In(LENGTH, (0,)),
    In(LENGTH, (2, 3.0, 25.5)),
    In(TIME, (NOON,)),
    In(TIME, (NOON.astimezone(UTC) + timedelta(microseconds=1),)),
    In(TIME, (None,)),
    In(ACTIONS, ("s3:GetObject",)),
    In(ACTIONS, (None,)),
    In(ACTIONS, ("", "kms:Decrypt")),
    In(PRINCIPAL, ("\ufffd", "\ud800")),
    In(AGENT, ("x" * 8_191, "\ud83d")),
    In(ID, (*(f"{n}" for n in range(70_000)), "a")),
    Not(In(NAME, ("GetObject",))),
    Not(In(NAME, (None,))),
    Not(In(ACTIONS, ("s3:GetObject",))),
    Range(TIME, NOON),
    Range(TIME, None, NOON),
    Range(TIME, NOON, NOON + timedelta(days=1)),
    Range(TIME, NOON - timedelta(microseconds=1), NOON + timedelta(microseconds=1)),
    Range(TIME, NOON + timedelta(microseconds=1)),
    Range(TIME),
    Range(TIME, NOON, NOON),
    Range(TIME, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
    Range(LENGTH, 10, 100),
    Range(LENGTH, 9.5, 100.5),
    Range(LENGTH, None, 2),
    Range(LENGTH, float("-inf"), float("inf")),
    Range(LENGTH, "1"),
    Range(NAME, "G", "P"),
    Range(NAME, "", None),
    Range(NAME, 5),
    Range(PRINCIPAL, "\ufffd"),
    Range(PRINCIPAL, None, "\U0001f600"),
    Range(PRINCIPAL, "z", "\ud800"),
    Range(ACTIONS, "kms:", "kms;"),
    Range(READ_ONLY, True),
    Pattern(NAME, "Get*"),
    Pattern(NAME, "get*", ignore_case=True),
    Pattern(NAME, "*"),
    Pattern(NAME, ""),
    Pattern(NAME, "?etObject"),
    Pattern(NAME, "*t*t*"),
    Pattern(AGENT, "a*b?c\\d[e]{f}(g).h|i~j#k@l&m<n>o\"p'q"),
    Pattern(AGENT, "a\\*b*"),
    Pattern(AGENT, "*\U0001f600"),
    Pattern(AGENT, "a\\*b\\?c\\\\d*", escaped=True),
    Pattern(AGENT, "A\\*B*", ignore_case=True, escaped=True),
    Pattern(AGENT, "\\**", escaped=True),
    Pattern(NAME, "Get\\", escaped=True),
    Address(ADDRESS),
    Address(ADDRESS, "192.0.2.0/24"),
    Address(ADDRESS, "2001:db8::/32"),
    Address(ADDRESS, "192.0.2.7"),
    Address(ADDRESS, "192.0.2.9/255.255.255.0"),
    Address(ADDRESS, "::ffff:192.0.2.0/120"),
    Address(ADDRESS, "::/0"),
    Address(ADDRESS, "0.0.0.0/0"),
    Address(ADDRESS, "192.0.2.0/27"),
    Address(ADDRESS, "192.0.0.0/13"),
    Not(Address(ADDRESS, "192.0.2.0/30")),
    Not(Address(ADDRESS)),
    Exists(MapText("request")),
    Not(Exists(MapText("request"))),
    Exists(MapText("service_details")),
    In(MapText("request"), ("{bucketName=b}", "{}")),
    In(MapText("request"), (None,)),
    Pattern(MapText("request"), "*bucketName=b*"),
    Pattern(MapText("request"), "*BUCKETNAME=?}", ignore_case=True),
    Pattern(MapText("request"), "{text=\\*}", escaped=True),
    Pattern(MapText("request"), "*"),
    Range(MapText("request"), "{b", "{c"),
    Pattern(AGENT, "?ÓDź*k \u017f ?", ignore_case=True),
    Pattern(AGENT, "*K*"),
    Pattern(AGENT, "*x????????????????????????????x"),
    Pattern(AGENT, "*x*" * 40),
    Pattern(AGENT, "x" * 2_000 + "*"),
    Pattern(FIELD["session_name"], "line?break?tab"),
    Pattern(ACTIONS, "s3:*"),
    Pattern(ACTIONS, "s3:get*", ignore_case=True),
    Pattern(LENGTH, "*"),
    Pattern(TIME, "2024*"),
    Exists(NAME),
    Exists(ACTIONS),
    Exists(TIME),
    Exists(RAW),
    Not(Exists(FIELD["error_code"])),
    Not(Exists(RAW)),
    Text("getobject"),
    Text("\\u0000"),
    Not(Text("eventname")),
    Text(""),
    Text("\ufffd"),
    In(Path("eventName"), ("GetObject",)),
    In(Path("eventName"), (None,)),
    In(Path("requestParameters.bucketName"), ("b",)),
    In(Path("requestParameters.a"), ("x", None)),
    In(Path("requestParameters.a"), (1, "9")),
    In(Path("requestParameters.n"), (1, 1.5, "1.5")),
    In(Path("requestParameters.n"), ("1",)),
    In(Path("requestParameters.e"), (1000.0,)),
    In(Path("requestParameters.z"), ("0",)),
    In(Path("requestParameters.b"), (True,)),
    In(Path("requestParameters.d"), ("Infinity",)),
    In(Path("requestParameters.dotted.key"), ("v",)),
    In(Path("requestParameters.my__key"), ("w",)),
    In(Path("requestParameters.deep.er"), ("x",)),
    In(Path("requestParameters.deep.er.y"), ("z",)),
    In(Path("requestParameters.l"), ("b",)),
    In(Path("requestParameters.l.c"), ("d",)),
    In(Path("requestParameters"), ("HIDDEN_DUE_TO_SECURITY_REASONS", 5)),
    In(Path("requestParameters."), (1,)),
    In(Path("requestParameters.."), (2, 3)),
    In(Path("resources.ARN"), ("r2",)),
    In(Path("cloudsearch.id"), ("other",)),
    In(Path("userAgent"), ("b",)),
    In(Path("nowhere"), (None,)),
    Not(In(Path("eventName"), ("GetObject",))),
    Range(Path("requestParameters.n"), 1, 2),
    Range(Path("requestParameters.i"), 9, 11),
    Range(Path("requestParameters.s"), "1", "2"),
    Range(Path("requestParameters.text"), "z"),
    Pattern(Path("eventName"), "Get*"),
    Pattern(Path("eventName"), "*BUCKET", ignore_case=True),
    Pattern(Path("requestParameters.text"), "?"),
    Pattern(Path("requestParameters.q"), "vvv*"),
    Pattern(Path("requestParameters.q"), "*vvv*"),
    Pattern(Path("requestParameters.said"), '*said "hi"*'),
    Pattern(Path("requestParameters.said"), "he*C:\\tmp*"),
    Pattern(Path("requestParameters.said"), "*, a=b?*n*"),
    Pattern(Path("requestParameters.said"), "*: ünï"),
    Pattern(Path("requestParameters.said"), "*SAID*", ignore_case=True),
    Pattern(Path("requestParameters.many"), "*e tw*"),
    Pattern(Path("requestParameters.many.deep"), "*ee fo*"),
    Pattern(Path("requestParameters.many"), "*.5*"),
    Pattern(Path("requestParameters.flag"), "*ru*"),
    Not(Pattern(Path("requestParameters.said"), "*nobody*")),
    Pattern(Path("requestParameters.n"), "1*"),
    Pattern(Path("requestParameters.p"), "%b*"),
    Pattern(Path("errorMessage"), "*m"),
    Exists(Path("requestParameters.a")),
    Exists(Path("requestParameters.q")),
    Exists(Path("requestParameters.x")),
    Exists(Path("userIdentity.arn")),
    Not(Exists(Path("eventName"))),
    And((Exists(ACTIONS), Not(In(READ_ONLY, (True,))))),
    And((In(NAME, ("GetObject",)), Text("bucket"))),
    Or((In(ID, ("a",)), In(Path("eventName"), ("getobject",)))),
    Or((And((Exists(NAME), Exists(ACTIONS))), Not(Or((Exists(TIME), Exists(PRINCIPAL)))))),
    Not(And((Exists(NAME), Text("x")))),
    Not(Not(Not(Pattern(NAME, "Get*")))),
    Not(Or((Exists(Path("eventName")), Exists(TIME)))),
)


def deep(levels: int) -> Where:
    """A tree deeper than engines take."""
    where: Where = Exists(NAME)
    for level in range(levels):
        where = Or((And((where, Exists(TIME))), Not(Exists(TIME)))) if level % 2 else Not(Not(where))
    return where


VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.KEYWORD: st.sampled_from(["", "GetObject", "getobject", "a", "z", "\ufffd", "\U0001f600", "x"]),
    FieldType.KEYWORDS: st.sampled_from(["", "s3:GetObject", "kms:Decrypt", "r", "T"]),
    FieldType.TIME: st.sampled_from(
        [NOON, NOON + timedelta(days=3, microseconds=1), datetime(2030, 12, 31, tzinfo=UTC)]
    ),
    FieldType.INTEGER: st.sampled_from([0, 2, 25, 25.5, 60]),
    FieldType.BOOLEAN: st.booleans(),
}
PATHS = ("eventName", "requestParameters.a", "requestParameters.n", "requestParameters.text", "userAgent", "nowhere")
PATTERNS = st.text("GeOtbjc*?sx3:", max_size=6)


def questions() -> st.SearchStrategy[Where]:
    """Trees of questions, of every kind."""
    some = [ID, NAME, TIME, PRINCIPAL, ACTIONS, READ_ONLY, LENGTH, AGENT, FIELD["resources"], FIELD["region"]]
    leaves = st.one_of(
        *(_about(field, VALUES[field.type]) for field in some),
        *(_about(Path(path), st.sampled_from(["GetObject", "x", "1", 1, 1.5, "z"])) for path in PATHS),
        st.builds(Text, st.text("getOX", max_size=3)),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(And, st.lists(inner, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


def _about(subject: Field | Path, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Where]:
    return st.one_of(
        st.builds(In, st.just(subject), st.lists(st.none() | values, max_size=3).map(tuple)),
        st.builds(Range, st.just(subject), st.none() | values, st.none() | values),
        st.builds(Pattern, st.just(subject), PATTERNS, st.booleans()),
        st.builds(Exists, st.just(subject)),
    )
