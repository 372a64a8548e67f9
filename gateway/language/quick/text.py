"""A plain document's text to its tokens: names, punctuators, numbers and strings without escapes, by one expression.

Block strings, escapes, control characters and whatever is no token are left to graphql-core.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property
from itertools import accumulate
from operator import attrgetter
from typing import Any

from graphql import Source
from graphql.language import Lexer, Location, Token, TokenKind

from gateway.language.quick.doubt import doubt

IGNORED = " \t\n\r,\ufeff"
# A number is all that could be one: what it is, if any, is looked at where a value stands. A test for its end in here
# would be made again and again within a row of digits.
_TOKEN = re.compile(
    r"([_A-Za-z][_0-9A-Za-z]*"
    r"|[{}():$!=@\[\]]|\.\.\."
    r"|-?[0-9][_0-9A-Za-z.+-]*"
    r'|"[\x20\x21\x23-\x5b\x5d-\x7e\xa0-\ud7ff\ue000-\uffff]*"'
    r"|#[^\n\r\ud800-\udfff]*)"
)
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
NUMBER = re.compile(INTEGER.pattern + r"(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class PlainTokens:
    """The tokens of a plain document.

    Attributes:
        texts: What each is, then "" for the end.
        starts: Where each begins.
        ends: Where each ends.
        count: How many there are, comments included.

    Errors: Doubt.
    """

    __slots__ = ("count", "ends", "starts", "texts")

    def __init__(self, text: str) -> None:
        if '"""' in text:
            doubt()
        pieces = _TOKEN.split(text)
        if "".join(pieces[::2]).strip(IGNORED):
            doubt()
        at = list(accumulate(map(len, pieces)))
        self.texts = pieces[1::2]
        self.starts = at[:-1:2]
        self.ends = at[1::2]
        self.count = len(self.texts)
        if "#" in text:
            self._drop_comments()
        self.texts.append("")
        self.starts.append(len(text))
        self.ends.append(len(text))

    def _drop_comments(self) -> None:
        places = [number for number, text in enumerate(self.texts) if text[0] != "#"]
        self.texts = [self.texts[number] for number in places]
        self.starts = [self.starts[number] for number in places]
        self.ends = [self.ends[number] for number in places]


class PlainSource(Source):
    """The text of a plain document, whose tokens are made once somebody asks for one.

    Attributes:
        node_count: Nodes of the document's tree; 0 before it is read.
    """

    node_count = 0

    @cached_property
    def tokens(self) -> list[Token]:
        """All of them, each with the next one: what stands before the first and after the last, too."""
        lexer = Lexer(self)
        tokens = [lexer.token]
        while lexer.advance().kind is not TokenKind.EOF:
            pass
        while tokens[-1].next is not None:
            tokens.append(tokens[-1].next)
        return tokens

    def __reduce__(self) -> Any:
        return PlainSource, (self.body, self.name, self.location_offset)


class PlainLocation(Location):
    """Where a node of a plain document stands; its tokens are found when somebody asks for them."""

    __slots__ = ()

    source: PlainSource

    def __init__(self, start: int, end: int, source: Source) -> None:
        self.start = start
        self.end = end
        self.source = source  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        return type(self), (self.start, self.end, self.source)

    @property
    def start_token(self) -> Token:  # type: ignore[override]
        """The token that it begins with."""
        tokens = self.source.tokens
        return tokens[bisect_left(tokens, self.start + 1, key=_end)]

    @property
    def end_token(self) -> Token:  # type: ignore[override]
        """The token that it ends with."""
        tokens = self.source.tokens
        return tokens[bisect_left(tokens, self.end, key=_end)]


class WholeLocation(PlainLocation):
    """Where a whole document stands: it begins and ends with tokens that have no text."""

    __slots__ = ()

    @property
    def start_token(self) -> Token:  # type: ignore[override]
        """The token before the first."""
        return self.source.tokens[0]

    @property
    def end_token(self) -> Token:  # type: ignore[override]
        """The token after the last."""
        return self.source.tokens[-1]


_end = attrgetter("end")
