"""Finds the one value in what a PHP page printed: JSON or serialize(), with or without noise around it.

The bytes decide, never the content type. Noise is what PHP itself prints (warnings, notices, the HTML of a
fatal error), byte order marks, comments and markup. Where two values could be meant, or text stands around
one that is no noise, nothing is read: a login page that holds JSON in a script is no answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from gateway.connectors.php.serialized import begins_serialized, unserialize_at
from gateway.json_bytes import read_json

MAX_CANDIDATES = 64
"""Places where a value may begin that are tried: each costs up to the whole text."""

_LABEL = rb"""(?:Deprecated|Notice|Warning|Strict\ Standards|(?:Catchable\ |Recoverable\ )?[Ff]atal\ error
    |Parse\ error|Core\ (?:warning|error)|Compile\ (?:warning|error))"""
_TAG = rb"(?:\s|\xef\xbb\xbf|</?(?:b|br|font|p|pre)\b[^<>]{0,200}>)*"
# `PHP Warning:  Undefined variable $x in /a.php on line 3`, with or without PHP's HTML; a message may have
# several lines (a stack trace), and is cut at the end of its line where it does not say where it was.
_MESSAGE = re.compile(
    rb"(?:\[\d\d-[A-Z][a-z]{2}-\d{4}\ [^\]\n]{5,40}\]\ )?"
    + _TAG
    + rb"(?:PHP\ )?"
    + _LABEL
    + rb"(?:</b>)?\s?:"
    rb"(?:.{0,4000}?\son\ line\ (?:<b>)?\d+(?:</b>)?|[^\n{\[]{0,4000}(?=\n|$))" + _TAG,
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(rb"/\*.{0,20000}?\*/|<!--.{0,20000}?-->|//[^\n]{0,2000}(?=\n|$)", re.DOTALL)
_SPACE = re.compile(rb"(?:[\s\0]|\xef\xbb\xbf)+")
_SAYS_MESSAGE = re.compile(rb"(?:^|[\s>])(?:PHP\ )?" + _LABEL + rb"(?:</b>)?\s?:", re.VERBOSE)
# Of a page that does not begin with one: a person's "Warning:" says no line.
_TELLS_LINE = re.compile(
    rb"(?:^|[\s>])(?:PHP\ )?" + _LABEL + rb"(?:</b>)?\s?:.{0,4000}?\son\ line\ (?:<[bi]>)?\d",
    re.DOTALL | re.VERBOSE,
)
_BEGINS_MESSAGE = re.compile(_TAG + rb"(?:PHP\ )?" + _LABEL + rb"(?:</b>)?\s?:", re.VERBOSE)
_LINE_STARTS = re.compile(rb"(?:^|(?<=>))[ \t]*(?=[\[{]|[aOC]:\d+:)", re.MULTILINE)
_SPACES = b"\0 \t\r\n"
_CONTAINERS = frozenset(b"{[aO")


class NoValueError(ValueError):
    """There is no value in the text, or more than one could be meant."""


@dataclass(frozen=True, slots=True)
class Found:
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


def read_page(body: bytes, charset: str = "utf-8") -> Found:
    """The value that a page of PHP gives.

    Errors: ValueError; RecursionError for JSON of many levels; LookupError for a charset that is not known.
    """
    start = _skip_space(body, 0)
    if start == len(body):
        raise NoValueError("there is nothing in it but white space")
    try:
        if not begins_serialized(body, start):
            return Found(loads(body[start:].rstrip(_SPACES), charset))
        value, end = unserialize_at(body, start, charset)
        if end == len(body.rstrip(_SPACES)):
            return Found(value)
        if _is_noise(body, end, may_be_markup=body[start] in _CONTAINERS):
            return Found(value, True)
        raise NoValueError(f"text after the serialize()d value, from byte {end}")
    except (ValueError, RecursionError):
        if begins_serialized(body, start):
            raise
        found = _inside(body, start, charset)
        if found is None:
            raise
        return found


def says_message(body: bytes) -> bool:
    """Whether PHP tells of a mistake in the text."""
    return _SAYS_MESSAGE.search(body) is not None


def _inside(body: bytes, start: int, charset: str) -> Found | None:
    """The value of a page that is not all of it; None where it is not sure."""
    for place in (start, _skip_noise(body, start), *_candidates(body, start)):
        found, is_value = _value_at(body, place, charset)
        if is_value:
            return found  # or it is a value with text behind it, which may be another
    return None


def _value_at(body: bytes, at: int, charset: str) -> tuple[Found | None, bool]:
    """The value that begins at a byte, if only noise follows it; whether one begins there at all."""
    try:
        if begins_serialized(body, at):
            value, end = unserialize_at(body, at, charset)
        else:
            end = _json_end(body, at)
            value = loads(body[at:end], charset)
    except (ValueError, RecursionError, LookupError):
        return None, False
    if not _is_noise(body, end, may_be_markup=body[at] in _CONTAINERS):
        return None, True
    return Found(value, True), True


def _json_end(body: bytes, at: int) -> int:
    """Where the JSON value that begins at a byte ends. Errors: ValueError, RecursionError."""
    # Read as latin-1 a byte is a character, and what JSON's own syntax is made of is the same in both.
    text = body[at:].decode("latin-1")
    if not text:
        raise NoValueError("nothing")
    _, end = _DECODER.raw_decode(text)
    return at + end


def _refuse(_: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=str, parse_int=str)


def _candidates(body: bytes, start: int) -> list[int]:
    """Where else a value may begin: at the start of a line or behind a tag, after a message of PHP's."""
    message = _BEGINS_MESSAGE.match(body, start) or _TELLS_LINE.search(body, start)
    if message is None:
        return []
    found = []
    for match in _LINE_STARTS.finditer(body, message.end()):
        found.append(match.end())
        if len(found) == MAX_CANDIDATES:
            break
    return found


def _skip_space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return found.end() if found else at


def _skip_noise(body: bytes, at: int) -> int:
    """Behind all that is certainly noise."""
    while True:
        at = _skip_space(body, at)
        found = _MESSAGE.match(body, at) or _COMMENT.match(body, at)
        if found is None or found.end() == at:
            return at
        at = found.end()


def _is_noise(body: bytes, at: int, *, may_be_markup: bool) -> bool:
    """Whether what follows a value is noise to the end, and holds no second value.

    Args:
        may_be_markup: Markup of any kind is noise: not behind a number, which may be its first word.
    """
    at = _skip_noise(body, at)
    if at == len(body):
        return True
    if not may_be_markup or body[at : at + 1] != b"<":
        return False
    for number, match in enumerate(_LINE_STARTS.finditer(body, at)):
        try:
            if number == MAX_CANDIDATES or begins_serialized(body, match.end()):
                return False
            _json_end(body, match.end())
        except (ValueError, RecursionError):
            continue
        return False
    return True
