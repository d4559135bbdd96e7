"""A query's text as luqum reads it, once it is sure to be read in no time; and what to say of one that cannot be."""

from __future__ import annotations

import re
from typing import Any

from luqum.exceptions import IllegalCharacterError, ParseError
from luqum.parser import lexer, parser

from cloudsearch.errors import UsageError

LONGEST = 10_000
DEEPEST = 30
MOST_TERMS = 1_024

_AROUND = 30  # characters of a query that are shown on either side of a fault
_PLACE = re.compile(r"at position (\d+)!?$")
_TOO_DEEP = f"more than {DEEPEST} levels of brackets and NOTs"
_REFUSED = {
    "REGEX": "regular expressions are not taken; put a text with slashes in quotes, or use * and ?",
    "APPROX": "likeness (~) is not taken; use * and ?, or put a text with a ~ in quotes",
    "BOOST": "boosts (^) are not taken: nothing is ranked; put a text with a ^ in quotes",
}
_SIGNS = {"&&": "AND", "||": "OR", "!": "NOT"}
COLON = 'put a value with a colon in quotes ("arn:aws:..."), or with wildcards write \\: for each colon'


class QueryError(UsageError):
    """A query that cannot be read; ``at`` is the character, from 0."""

    def __init__(self, why: str, query: str, at: int) -> None:
        super().__init__(f"The query cannot be read at character {at + 1}: {why}")
        self.at = at
        start = max(0, at - _AROUND)
        shown = query[start : at + _AROUND].replace("\n", " ").replace("\t", " ")
        before = "..." if start else ""
        self.add_note(f"    {before}{shown}{'...' if at + _AROUND < len(query) else ''}")
        self.add_note(f"    {' ' * (len(before) + at - start)}^")


def tree_of(query: str) -> Any:  # noqa: ANN401 (luqum has no types)
    """The query as luqum reads it; raises ``QueryError``."""
    _check(query)
    try:
        return parser.parse(query, lexer=lexer.clone())
    except (ParseError, ArithmeticError) as error:
        raise _told(str(error), query) from error


def _check(query: str) -> None:
    """Refuse, before anything is read, what is not taken and what would take long."""
    if not query.strip():
        raise QueryError("it is empty; * finds every event", query, 0)
    if len(query) > LONGEST:
        raise QueryError(f"it is longer than {LONGEST:,} characters", query, LONGEST)
    tokens = lexer.clone()
    tokens.input(query)
    depth = before = terms = 0
    try:
        while (token := tokens.token()) is not None:
            kind, at = token.type, token.lexpos
            if kind in _REFUSED:
                raise QueryError(_REFUSED[kind], query, at)
            before = before + 1 if kind in ("NOT", "PLUS", "MINUS", "COLUMN") else 0
            depth += {"LPAREN": 1, "RPAREN": -1}.get(kind, 0)
            terms += {"TERM": 1, "PHRASE": 1, "COLUMN": -1}.get(kind, 0)
            _check_sign(token, query)
            if max(depth, before) > DEEPEST:
                raise QueryError(_TOO_DEEP, query, at)
            if terms > MOST_TERMS:
                raise QueryError(f"more than {MOST_TERMS:,} words", query, at)
    except IllegalCharacterError as error:
        raise _told(str(error), query) from error


def _check_sign(token: Any, query: str) -> None:  # noqa: ANN401 (the lexer's)
    text = str(token.value).strip()
    for sign, word in _SIGNS.items():
        if token.type == "TERM" and (text == sign or (sign == "!" and text.startswith(sign))):
            raise QueryError(f"write {word} for {sign}, or put a text that begins so in quotes", query, token.lexpos)


def _told(message: str, query: str) -> QueryError:
    place = _PLACE.search(message)
    at = int(place[1]) if place else len(query)
    if message.startswith("Illegal"):
        why = "the quotes are not closed" if query[at] == '"' else f'{query[at]!r} cannot stand here; quotes are "..."'
        return QueryError(why, query, at)
    if at >= len(query):
        return QueryError("it ends too early: something is not closed, or lacks what belongs to it", query, at)
    why = f"{query[at]!r} is not expected here"
    return QueryError(f"{why}; {COLON}" if query[at] == ":" else why, query, at)
