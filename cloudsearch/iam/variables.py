"""Policy variables: ``${aws:username}``, ``${aws:PrincipalTag/team, 'none'}``, ``${*}``.

A variable whose key the principal decides becomes its value, one whose key is absent its default, and without one the
text matches nothing. What only a request decides stays open: then the text has two forms, one where the variable
stands for a value of its own, the same wherever it is named, and one where it may be anything.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cloudsearch.iam.facts import Facts

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"\s*([^,]*?)\s*,\s*'(.*)'\s*", re.DOTALL)
_LITERAL = str.maketrans({"*": "\x02", "?": "\x03"})
_ESCAPED = {"*": "\x02", "?": "\x03", "$": "$"}


class Text(NamedTuple):
    """A text with its variables resolved: ``sure`` is what it is, ``loose`` what it may be; alike where none is open.

    In both the characters 2 and 3 are a star and a question mark that are no wildcards.
    """

    sure: str
    loose: str

    @property
    def is_open(self) -> bool:
        """Whether a variable in it has a value that only a request tells."""
        return self.sure != self.loose


def literal(text: str) -> str:
    """The text with its stars and question marks taken for themselves."""
    return text.translate(_LITERAL)


def resolve(text: str, facts: Facts) -> Text | None:
    """Fill in what is known; None where a variable has no value, so that nothing is equal to the text or like it."""
    sure, loose, at = "", "", 0
    for found in _VARIABLE.finditer(text):
        value = _value(found[1], facts)
        if value is None:
            return None
        between = text[at : found.start()]
        sure, loose, at = sure + between + value.sure, loose + between + value.loose, found.end()
    return Text(sure + text[at:], loose + text[at:])


def without(text: str) -> str:
    """The text with each variable cut out of it."""
    return _VARIABLE.sub("", text)


def _value(variable: str, facts: Facts) -> Text | None:
    if variable in _ESCAPED:
        return Text(_ESCAPED[variable], _ESCAPED[variable])
    with_default = _DEFAULT.fullmatch(variable)
    key = (with_default[1] if with_default else variable).strip()
    values = facts.of(key)
    if values == ():
        return Text(literal(with_default[2]), literal(with_default[2])) if with_default else None
    if values is None or len(values) > 1 or "*" in values[0]:
        return Text(f"\x04{literal(key.lower())}\x04", values[0] if values and len(values) == 1 else "*")
    return Text(literal(values[0]), literal(values[0]))
