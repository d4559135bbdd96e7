"""The operators of a Condition: ``ForAnyValue:StringNotLikeIfExists`` and all the others.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Family(StrEnum):
    """What an operator takes its values for."""

    STRING = "string"
    ARN = "arn"
    NUMERIC = "numeric"
    DATE = "date"
    BOOL = "bool"
    BINARY = "binary"
    ADDRESS = "address"
    NULL = "null"


class Quantifier(StrEnum):
    """How an operator goes over the several values of a key."""

    ONE = ""
    ALL = "forallvalues:"
    ANY = "foranyvalue:"


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator taken apart; ``comparison`` is its positive form in lower case: ``like``, ``lessthan``."""

    family: Family
    comparison: str
    is_negated: bool = False
    if_exists: bool = False
    quantifier: Quantifier = Quantifier.ONE

    @property
    def takes_variables(self) -> bool:
        """Whether a policy variable in its values means something; elsewhere it is text."""
        return self.family in (Family.STRING, Family.ARN)


_ORDERED = ("equals", "lessthan", "lessthanequals", "greaterthan", "greaterthanequals")
_POSITIVE = {
    "stringequals": (Family.STRING, "equals"),
    "stringequalsignorecase": (Family.STRING, "equalsignorecase"),
    "stringlike": (Family.STRING, "like"),
    "arnequals": (Family.ARN, "like"),
    "arnlike": (Family.ARN, "like"),
    "bool": (Family.BOOL, "equals"),
    "binaryequals": (Family.BINARY, "equals"),
    "ipaddress": (Family.ADDRESS, "within"),
    "null": (Family.NULL, "null"),
    **{f"numeric{name}": (Family.NUMERIC, name) for name in _ORDERED},
    **{f"date{name}": (Family.DATE, name) for name in _ORDERED},
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
}


@lru_cache(maxsize=1024)
def operator(name: str) -> Operator | None:
    """The operator of that name, in any case; None where IAM has none (``NullIfExists`` among them)."""
    rest = name.lower()
    quantifier = next((one for one in (Quantifier.ALL, Quantifier.ANY) if rest.startswith(one)), Quantifier.ONE)
    rest = rest[len(quantifier) :]
    if_exists = rest.endswith("ifexists")
    rest = rest.removesuffix("ifexists")
    found = _POSITIVE.get(_NEGATED.get(rest, rest))
    if found is None or (if_exists and found[0] is Family.NULL):
        return None
    return Operator(*found, is_negated=rest in _NEGATED, if_exists=if_exists, quantifier=quantifier)
