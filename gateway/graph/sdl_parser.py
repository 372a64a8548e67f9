"""graphql-core's parser over tokens that one expression finds, for texts that are long and stay: those of schemas.

What the expression does not know is left to graphql-core's own lexer, and only it refuses. Nodes keep where they stand,
and no tokens.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import cached_property
from sys import intern
from typing import Any, Final

import msgspec
from graphql import DocumentNode, GraphQLSyntaxError, NamedTypeNode, NameNode, Source
from graphql.language import Lexer, SourceLocation, Token, TokenKind
from graphql.language.block_string import dedent_block_string_lines
from graphql.language.parser import Parser

MAX_SCHEMA_TOKENS: Final = 2_000_000
"""A schema is the operator's own, but a wrong path may name any file: stop before memory is gone."""
LINE_END: Final = re.compile(r"\r\n|[\n\r]")
# Blanks and whole lines of comments. No two ways lead through a text: a comment ends with its line.
_IGNORED: Final = re.compile(r"[ \t\n\r,\ufeff]*(?:#[^\n\r\ud800-\udfff]*[\n\r][ \t\n\r,\ufeff]*)*")
_TOKEN: Final = re.compile(
    _IGNORED.pattern + r"(?:"
    r"([_A-Za-z][_0-9A-Za-z]*)"
    r"|([!&():=@\[\]{|}])"
    r'|"""([^"\\\ud800-\udfff]*)"""'
    r'|(?!""")"([\x20\x21\x23-\x5b\x5d-\x7e\xa0-\ud7ff\ue000-\uffff]*)"'
    r")"
)
_NAME, _PUNCTUATOR, _BLOCK, _STRING = 1, 2, 3, 4
_PUNCTUATORS: Final = {
    kind.value: kind for kind in TokenKind if len(kind.value) == 1 and kind.value in "!&():=@[]{|}"
}


class SchemaSource(Source):
    """A text that is asked for many lines of it, of which the parser's tokens do not stay."""

    @cached_property
    def _line_starts(self) -> array[int]:
        return array("L", [0, *(found.end() for found in LINE_END.finditer(self.body))])

    def get_location(self, position: int) -> SourceLocation:
        """Line and column of a character."""
        line = bisect_right(self._line_starts, position)
        return SourceLocation(line, position - self._line_starts[line - 1] + 1)


class NodePlace(msgspec.Struct, gc=False, eq=False, frozen=True):
    """Where a node of a schema stands: graphql-core's `Location` in half of its memory, for there are 100,000.

    Attributes:
        start: The offset of its first character.
        length: How many it has.
        source: The text.
    """

    start: int
    length: int
    source: Source

    @property
    def end(self) -> int:
        """The offset behind its last character."""
        return self.start + self.length

    @property
    def start_token(self) -> Token:
        """A token where the node begins, made for whoever asks."""
        line, column = self.source.get_location(self.start)
        return Token(TokenKind.NAME, self.start, self.start, line, column)

    end_token = start_token

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodePlace) and (self.start, self.end) == (other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __repr__(self) -> str:
        return f"<Location {self}>"

    def __str__(self) -> str:
        return f"{self.start}:{self.end}"


class _SchemaLexer(Lexer):
    """One that looks at a token once, not at each of its characters. Its tokens know neither line nor neighbours."""

    def read_next_token(self, start: int) -> Token:
        """The token behind an offset. Errors: GraphQLSyntaxError."""
        found = _TOKEN.match(self.source.body, start)
        if found is None:  # the end, a number, an escape, or what is none
            ignored = _IGNORED.match(self.source.body, start)
            return super().read_next_token(ignored.end() if ignored else start)
        group = found.lastindex or 0
        value: str | None = found[group]
        begin, end = found.span(group)
        if group == _NAME:
            return Token(TokenKind.NAME, begin, end, 0, 0, intern(value or ""))
        if group == _PUNCTUATOR:
            return Token(_PUNCTUATORS[value or ""], begin, end, 0, 0)
        if group == _STRING:
            return Token(TokenKind.STRING, begin - 1, end + 1, 0, 0, value)
        lines = dedent_block_string_lines(LINE_END.split(value or ""))
        return Token(TokenKind.BLOCK_STRING, begin - 3, end + 3, 0, 0, "\n".join(lines))


class SchemaParser(Parser):
    """Reads one schema text, whose nodes stay as long as the schema is served."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._lexer: Lexer = _SchemaLexer(source)
        self._count = 0
        self._last = NodePlace(0, 0, source)

    def parse_whole(self) -> DocumentNode:
        """The document. Errors: GraphQLSyntaxError."""
        try:
            return self.parse_document()
        except RecursionError:
            found = self._lexer.token
            raise GraphQLSyntaxError(
                self._lexer.source, found.start, "it is nested too deeply"
            ) from None

    def advance_lexer(self) -> None:
        """Go on by a token. Errors: GraphQLSyntaxError."""
        lexer = self._lexer
        lexer.last_token = token = lexer.token
        token = token.next or lexer.read_next_token(token.end)
        while token.kind is TokenKind.COMMENT:
            token = lexer.read_next_token(token.end)
        lexer.token = token
        self._count += 1
        if self._count > MAX_SCHEMA_TOKENS and token.kind is not TokenKind.EOF:
            problem = f"Document contains more than {MAX_SCHEMA_TOKENS} tokens. Parsing aborted."
            raise GraphQLSyntaxError(lexer.source, token.start, problem)

    def loc(self, start_token: Token) -> Any:
        """Where a node stands."""
        start = start_token.start
        return NodePlace(start, self._lexer.last_token.end - start, self._lexer.source)

    def parse_name(self) -> NameNode:
        """A name."""
        token = self.expect_token(TokenKind.NAME)
        return NameNode(value=token.value or "", loc=self.loc(token))

    def parse_named_type(self) -> NamedTypeNode:
        """A type's name, which stands where its node does."""
        name = self.parse_name()
        return NamedTypeNode(name=name, loc=name.loc)
