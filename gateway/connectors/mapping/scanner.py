"""The characters and tokens of a mapping's text: names, strings, numbers, and where the next thing is read.

It must know no grammar above a token: what may follow what is the parser's to say.

Source: connectors.md §5.2.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Final, NoReturn

from gateway.connectors.mapping.hints import hint_at

MAX_DEPTH: Final = 64  # braces, brackets and parentheses; written mappings stay below ten
MAX_DIGITS: Final = 400  # of one number: enough for any double, far below Python's own limit

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_NUMBER_OF_JSON = re.compile(rf"(?:{_NUMBER.pattern})(?:[eE][+-]?[0-9]+)?")
_STRINGS: Final = {
    '"': re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL),
    "'": re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class MappingSyntaxError(ValueError):
    """A mapping that is not one.

    Attributes:
        message: What was expected, and what to write instead where that can be told.
        offset: The character in the selection's text, from 0.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at character {offset})")
        self.message = message
        self.offset = offset


class Scanner:
    """Reads one text; `position` is where the next thing is read."""

    def __init__(self, text: str, spec: str) -> None:
        self.text = text
        self.spec = spec
        self.newest = spec not in ("0.1", "0.2")
        self.is_unified = spec == "0.4"
        self.position = 0
        self.depth = 0

    # Characters

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        at = self.position if offset is None else offset
        hint = hint_at(self.text, at, self.spec)
        raise MappingSyntaxError(f"{message}{'; ' + hint if hint else ''}", at)

    def skip(self) -> int:
        match = _SPACE.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return self.position

    def found(self) -> str:
        at = self.position
        return f"found {self.text[at]!r}" if at < len(self.text) else "found the end"

    def take(self, token: str) -> bool:
        self.skip()
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def sees(self, token: str) -> bool:
        return self.text.startswith(token, self.skip())

    def expect(self, token: str, where: str) -> None:
        if not self.take(token):
            self.fail(f"Expected {token!r} {where}, {self.found()}")

    def descend(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"Nested more than {MAX_DEPTH} levels deep")

    # Tokens

    def identifier(self) -> str | None:
        match = NAME.match(self.text, self.skip())
        if match is None:
            return None
        self.position = match.end()
        return match.group()

    def string(self) -> str | None:
        start = self.skip()
        quote = self.text[start : start + 1]
        if quote == "" or quote not in "\"'":
            return None
        match = _STRINGS[quote].match(self.text, start)
        if match is None:
            self.fail(f"String that begins here has no closing {quote}", start)
        self.position = match.end()
        if self.is_unified and quote == '"':
            with suppress(ValueError):  # what JSON does not have is read as before
                return str(json.loads(match.group(), strict=False))
        return _ESCAPE.sub(lambda escape: _unescaped(escape.group(1)), match.group()[1:-1])

    def key_name(self) -> str | None:
        name = self.identifier()
        return self.string() if name is None else name

    def number(self) -> int | float | None:
        start = self.skip()
        negative = self.text.startswith("-", start)
        if negative:
            self.position += 1
            self.skip()
        pattern = _NUMBER_OF_JSON if self.is_unified else _NUMBER
        match = pattern.match(self.text, self.position)
        if match is None:
            self.position = start
            return None
        if len(match.group()) > MAX_DIGITS:
            self.fail(f"Number of more than {MAX_DIGITS} digits", start)
        self.position = match.end()
        digits = match.group()
        value: int | float = int(digits) if digits.isdecimal() else float(digits)
        if not math.isfinite(value):
            self.fail("Number that is not finite", start)
        return -value if negative else value


def _unescaped(char: str) -> str:
    """Undo an escape: the character as it is, but for the line feed (§5.2 k)."""
    return "\n" if char == "n" else char
