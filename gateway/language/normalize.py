"""A document's text without its literals, in one pass: documents that differ in literals share a plan.

    { video(id: "a", first: 5) { title } }   →   key   { video(id: ␃, first: ␁) { title } }
                                                 raws  ['"a"', '5']        pattern  2 (all different)

Every Int, Float and String token of the text is taken out and becomes a *slot*, numbered in the order of
the text; comments lose their words. What the tokens mean is not known here. On a miss the document is
parsed, and `language.slots` says which slots are *free* (an argument of a built-in scalar); all others are
*pinned*: their text is part of the key after all. So this module must only cut tokens exactly as a lexer
does, and everything else (directives, defaults, custom scalars, descriptions) is right by construction.

The key holds, beside the text, each slot's kind (as the placeholder) and which slots have equal values (the
pattern), because validation of overlapping fields compares literals. A text that no lexer accepts has a key
that no valid document has: placeholders are control characters, which a document cannot contain.

The planner gets the slots as offsets of literals in the document that it plans (`Slots.free`); a run gets
its own values as `DocumentLiterals`: nodes made from the request's text, coerced as literals, never as variables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from graphql import (
    DocumentNode,
    FloatValueNode,
    GraphQLSyntaxError,
    IntValueNode,
    Lexer,
    Source,
    StringValueNode,
    TokenKind,
    ValueNode,
    parse,
)

INT, FLOAT, STRING, BLOCK = "\x01", "\x02", "\x03", "\x04"

# The first character is read before anything else is looked at, so that the engine skips by its set. No repeat is
# ever taken back, those of groups by an atomic group around them (a possessive group is read wrongly before Python
# 3.11.5), and what starts like a string but is none swallows the rest of the text: without either, hostile texts take
# quadratic time.
_TOKENS = re.compile(
    r'''
    (["#0-9-](?:
        (?<=")(?:
            ""(?>(?:[^"\\\ud800-\udfff]|\\"""|\\|"(?!""))*)"{3}
          | (?!"")(?>(?:[^"\\\r\n\ud800-\udfff]|\\[^\r\n\ud800-\udfff])*)"
          | (?s:.*+)
        )
      | (?<=\#)[^\r\n\ud800-\udfff]*+
      | (?:(?<=-)(?:0|[1-9][0-9]*+) | (?<![_0-9A-Za-z].)(?:(?<=0)|(?<=[1-9])[0-9]*+))
        (?>(?:\.[0-9]++)?)(?>(?:[eE][+-]?[0-9]++)?)
    ))
    ''',
    re.VERBOSE,
)


@dataclass(slots=True)
class Normalized:
    """A text without its literals.

    Attributes:
        key: The text with a placeholder for each slot.
        pattern: The number of slots when all values differ, else for each slot the first one with an
            equal value.
        raws: Each slot's token.
        parts: The text cut at the tokens, comments among them.
    """

    key: str
    pattern: int | tuple[int, ...]
    raws: list[str]
    parts: list[str]

    def offsets(self) -> list[int]:
        """Where in the text each slot's token starts."""
        found = []
        position = 0
        for index, part in enumerate(self.parts):
            if index % 2 and part[0] != "#":
                found.append(position)
            position += len(part)
        return found


def normalize(text: str) -> Normalized | None:
    """Take the literals out of a text. None when it holds what no lexer accepts as a literal.

    Shape: texts with an equal key and pattern, and equal raws in the pinned slots, are the same document
        but for the values of its free slots.
    """
    parts = _TOKENS.split(text)
    keyed = parts.copy()
    raws: list[str] = []
    same: list[str] | None = None  # values in place of tokens, once the two are not the same thing
    for index in range(1, len(parts), 2):
        token = parts[index]
        first = token[0]
        if first == "#":
            keyed[index] = "#"
            continue
        if first != '"':
            keyed[index] = INT if token[1:].isdigit() or len(token) == 1 else FLOAT
        else:
            is_block = token.startswith('"""')
            keyed[index] = BLOCK if is_block else STRING
            if is_block or "\\" in token or token[-1] != '"':
                value = string_value(token)
                if value is None:
                    return None
                same = raws.copy() if same is None else same
                same.append(f'{first * 3 if is_block else first}{value}"')
                raws.append(token)
                continue
        raws.append(token)
        if same is not None:
            same.append(token)
    return Normalized("".join(keyed), _pattern(raws if same is None else same), raws, parts)


def _pattern(values: Sequence[str]) -> int | tuple[int, ...]:
    distinct = dict(zip(values, count()))
    if len(distinct) == len(values):
        return len(values)
    return tuple(distinct[value] for value in values)


def string_value(token: str) -> str | None:
    """The value of a string token as the lexer reads it; None when it is not exactly one token."""
    try:
        lexer = Lexer(Source(token))
        read = lexer.advance()
        if read.end != len(token) or read.kind not in (TokenKind.STRING, TokenKind.BLOCK_STRING):
            return None
    except GraphQLSyntaxError:
        return None
    return read.value


def literal_node(token: str) -> ValueNode:
    """The node of a literal's token, without a place in a document."""
    if token[0] != '"':
        is_int = token[1:].isdigit() or len(token) == 1
        return IntValueNode(value=token) if is_int else FloatValueNode(value=token)
    is_block = token.startswith('"""')
    if not is_block and "\\" not in token:
        return StringValueNode(value=token[1:-1], block=False)
    return StringValueNode(value=string_value(token) or "", block=is_block)


class DocumentLiterals:
    """What a request's text has in the slots that a shared plan leaves free.

    It is kept with its text, so it remembers nothing that it makes.

    Attributes:
        text: The request's document.
        raws: The token of each slot.
    """

    __slots__ = ("raws", "text")

    def __init__(self, text: str, raws: Sequence[str]) -> None:
        self.text = text
        self.raws = raws

    def node(self, slot: int) -> ValueNode:
        """The literal of a slot."""
        return literal_node(self.raws[slot])

    def document(self) -> DocumentNode:
        """The request's own text, parsed: asked for only when an error or an `info` needs it."""
        return parse(self.text)
