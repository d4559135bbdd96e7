"""Policy variables: ``${aws:username}``, ``${aws:PrincipalTag/team, 'none'}``, ``${*}``.

A variable whose key the principal decides becomes its value, one whose key is absent its default, and without one the
text matches nothing. What only a request decides stays open: then the text has two forms, one where the variable
stands for a value of its own, the same wherever it is named, and one where it may be anything.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cloudsearch.iam.facts import Facts

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
    resolved = Text("", "")
    for part, is_variable in _parts(text):
        value = _value(part, facts) if is_variable else Text(part, part)
        if value is None:
            return None
        resolved = Text(resolved.sure + value.sure, resolved.loose + value.loose)
    return resolved


def without(text: str) -> str:
    """The text with each variable cut out of it."""
    return "".join(part for part, is_variable in _parts(text) if not is_variable)


def widest(text: str) -> str:
    """A pattern that takes whatever the text does, its variables being anything."""
    return "".join("*" if is_variable else part for part, is_variable in _parts(text))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text in order, variables (without what encloses them) told apart; one that is not closed is text."""
    before, opened, rest = text.partition("${")
    while opened and "}" in rest:
        yield before, False
        variable, _, after = rest.partition("}")
        yield variable, True
        before, opened, rest = after.partition("${")
    yield before + opened + rest, False


def _value(variable: str, facts: Facts) -> Text | None:
    if variable in _ESCAPED:
        return Text(_ESCAPED[variable], _ESCAPED[variable])
    key, default = _with_default(variable)
    values = facts.of(key)
    if values == ():
        return None if default is None else Text(literal(default), literal(default))
    if values is None or len(values) > 1 or "*" in values[0]:
        return Text(f"\x04{literal(key.lower())}\x04", values[0] if values and len(values) == 1 else "*")
    return Text(literal(values[0]), literal(values[0]))


def _with_default(variable: str) -> tuple[str, str | None]:
    """A variable's key, and the default value after a comma and in quotes, if it has one."""
    key, _, default = variable.partition(",")
    default = default.strip()
    is_quoted = len(default) > 1 and default[0] == default[-1] == "'"
    return key.strip(), default[1:-1] if is_quoted else None
