"""Finds the one value in what a PHP page printed: JSON or serialize(), with or without noise around it.

The bytes decide, never the content type. Noise is what PHP itself prints (warnings, notices, the HTML of a
fatal error), byte order marks, comments and markup. Where two values could be meant, or text stands around
one that is no noise, nothing is read: a login page that holds JSON in a script is no answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gateway.connectors.php.serialized import begins_serialized, unserialize_at
from gateway.json_bytes import read_json

MAX_CANDIDATES = 64
"""Places where a value may begin that are tried."""
MAX_READINGS = 4
"""How often the whole text may be read for its values' ends, all places together."""
MAX_NOISE = 20_000
"""Messages and comments that are skipped: a notice for each row of a large list is found in the wild."""
MAX_PREFIX = 65_536
"""Bytes in which a message has to be found where a page does not begin with one."""

_LABEL = rb"""(?:Deprecated|Notice|Warning|Strict\ Standards|(?:Catchable\ |Recoverable\ )?[Ff]atal\ error
    |Parse\ error|Core\ (?:warning|error)|Compile\ (?:warning|error))(?:</b>)?\s?:"""
_LINE = rb"\son\ line\ (?:<[bi]>)?\d+(?:</[bi]>)?"
_TAG = rb"(?:\s++|\xef\xbb\xbf|</?(?:b|br|font|p|pre)\b[^<>]{0,200}>){0,500}+"
# `PHP Warning:  Undefined variable $x in /a.php on line 3`, with or without PHP's HTML:
_MESSAGE = re.compile(
    rb"(?:\[\d\d-[A-Z][a-z]{2}-\d{4}\ [^\]\n]{5,40}\]\ )?" + _TAG + rb"(?:PHP\ )?" + _LABEL + rb"(?:"
    # 1. on one line;
    rb"[^\n]{0,4000}?" + _LINE +
    # 2. an exception with its trace;
    rb"|[^\n]{0,4000}\nStack\ trace:\s(?:\#\d[^\n]*\n){1,200}\s*thrown\ in\ [^\n]{0,1000}?" + _LINE +
    # 3. a message of several lines;
    rb"|.{0,1000}?" + _LINE +
    # 4. one that does not say where it was, to the end of its line.
    rb"|[^\n{\[]{0,4000}(?=\n|$))" + _TAG,
    re.DOTALL | re.VERBOSE,
)  # fmt: skip
_COMMENT = re.compile(rb"/\*.{0,20000}?\*/|<!--.{0,20000}?-->|//[^\n]{0,2000}(?=\n|$)", re.DOTALL)
_SPACE = re.compile(rb"(?:[\s\0]|\xef\xbb\xbf)+")
_SAYS_MESSAGE = re.compile(rb"(?:^|[\s>])(?:PHP\ )?" + _LABEL, re.VERBOSE)
_BEGINS_MESSAGE = re.compile(_TAG + rb"(?:PHP\ )?" + _LABEL, re.VERBOSE)
# Of a page that does not begin with one: a person's "Warning:" says no line.
_TELLS_LINE = re.compile(
    rb"(?:^|[\s>])(?:PHP\ )?" + _LABEL + rb".{0,1000}?" + _LINE, re.DOTALL | re.VERBOSE
)
_LINE_STARTS = re.compile(rb"(?:^|(?<=>))[ \t]*(?=[\[{]|[aOC]:\d+:)", re.MULTILINE)
_SPACES = b"\0 \t\r\n"
_CONTAINERS = frozenset(b"{[aO")


class NoValueError(ValueError):
    """There is no value in the text, or more than one could be meant."""


@dataclass(frozen=True, slots=True)
class FoundNoise:
    """What a page says.

    Attributes:
        value: As JSON values.
        has_noise: Whether something stood around it that was skipped.
    """

    value: Any
    has_noise: bool = False


def loads(body: bytes, charset: str) -> Any:
    """JSON whose text may be latin-1 without saying so. Errors: NotJSONError, LookupError."""
    if body.isascii():
        return read_json(body)
    try:
        text = body.decode(charset)
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    return read_json(text.encode())


def read_page(body: bytes, charset: str = "utf-8") -> FoundNoise:
    """The value that a page of PHP gives.

    Errors: ValueError; RecursionError for JSON of many levels; LookupError for a charset that is not known.
    """
    start = _skip_space(body, 0)
    if start == len(body):
        raise NoValueError("there is nothing in it but white space")
    try:
        if not begins_serialized(body, start):
            return FoundNoise(loads(body[start:].rstrip(_SPACES), charset))
        value, end = unserialize_at(body, start, charset)
        if end == len(body.rstrip(_SPACES)):
            return FoundNoise(value)
        page = _Page(body, charset)
        if _is_noise(body, end) or (body[start] in _CONTAINERS and page.is_markup(end)):
            return FoundNoise(value, True)
        raise NoValueError(f"text after the serialize()d value, from byte {end}")
    except (ValueError, RecursionError):
        if begins_serialized(body, start):
            raise
        found = _Page(body, charset).value_from(start)
        if found is None:
            raise
        return found


def says_message(body: bytes) -> bool:
    """Whether PHP tells of a mistake in the text."""
    return _SAYS_MESSAGE.search(body) is not None


class _Page:
    """A page that is not all of it a value.

    Attributes:
        text: As latin-1: a character is a byte there, and JSON's own syntax is the same in both.
        left: Bytes that may still be read for the ends of values.
    """

    def __init__(self, body: bytes, charset: str) -> None:
        self.body = body
        self.charset = charset
        self.text = body.decode("latin-1")
        self.left = MAX_READINGS * len(body)

    def value_from(self, start: int) -> FoundNoise | None:
        """The value in it; None where that is not sure."""
        for place in (start, _skip_noise(self.body, start), *self.candidates(start)):
            found, is_value = self.value_at(place)
            if is_value:
                return found  # or it is a value with text behind it, which may be another
        return None

    def candidates(self, start: int) -> Iterator[int]:
        """Where else a value may begin: at the start of a line or behind a tag, after a message of PHP's."""
        message = _BEGINS_MESSAGE.match(self.body, start)
        if message is None:
            message = _TELLS_LINE.search(self.body, start, start + MAX_PREFIX)
        if message is not None:
            for match in islice(_LINE_STARTS.finditer(self.body, message.end()), MAX_CANDIDATES):
                yield match.end()

    def value_at(self, at: int) -> tuple[FoundNoise | None, bool]:
        """The value that begins at a byte, if only noise follows; whether one begins there at all."""
        try:
            if begins_serialized(self.body, at):
                value, end = unserialize_at(self.body, at, self.charset)
            else:
                end = self.json_end(at)
                value = loads(self.body[at:end], self.charset)
        except (ValueError, RecursionError, LookupError):
            return None, False
        is_container = self.body[at] in _CONTAINERS
        if _is_noise(self.body, end) or (is_container and self.is_markup(end)):
            return FoundNoise(value, True), True
        return None, True

    def json_end(self, at: int) -> int:
        """Where the JSON value that begins at a byte ends. Errors: ValueError, RecursionError."""
        if self.left <= 0:
            raise NoValueError("too much of it may be a value")
        stop = len(self.text)
        try:
            _, stop = _DECODER.raw_decode(self.text, at)
        except json.JSONDecodeError as exc:
            stop = exc.pos
            raise
        finally:
            self.left -= stop - at + 1
        return stop

    def is_markup(self, at: int) -> bool:
        """Whether what follows a value, behind noise, is markup that holds no second value."""
        at = _skip_noise(self.body, at)
        if self.body[at : at + 1] != b"<":
            return False
        for number, match in enumerate(_LINE_STARTS.finditer(self.body, at)):
            if number == MAX_CANDIDATES or begins_serialized(self.body, match.end()):
                return False
            try:
                self.json_end(match.end())
            except NoValueError:
                return False
            except (ValueError, RecursionError):
                continue
            return False
        return True


def _refuse(_: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=str, parse_int=str)


def _skip_space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return found.end() if found else at


def _skip_noise(body: bytes, at: int) -> int:
    """Behind all that is certainly noise."""
    for _ in range(MAX_NOISE):
        at = _skip_space(body, at)
        found = _MESSAGE.match(body, at) or _COMMENT.match(body, at)
        if found is None or found.end() == at:
            break
        at = found.end()
    return at


def _is_noise(body: bytes, at: int) -> bool:
    """Whether what follows a value is certainly noise to the end."""
    return _skip_noise(body, at) == len(body)
