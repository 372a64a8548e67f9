"""What the bytes of JSON mean, and values as such bytes: digits are never lost either way.

`read_json` is the one reading of a backend's answer, which every decoder of connectors agrees with:

1. The text is UTF-8, with or without a byte order mark. Bytes that are not UTF-8 and halves of surrogate
   pairs (`"\\ud83d"`) read as U+FFFD, each in its own string alone.
2. Integers keep all their digits. What no number here can hold (`1e400`, more than 4,300 digits) reads as its
   text.
3. Of members with one name the last counts.
4. `NaN`, comments, text after the value, nesting deeper than MAX_DEPTH: that is no JSON.

No value depends on what stands in another one. So a decoder may skip what nobody asks for without looking at it,
and has to give what it does read as this module does, or to refuse the whole. A client's request is read by
`read_strictly`, which mends nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from math import isinf
from typing import Any, Final

import msgspec
import orjson

MAX_DEPTH: Final = 1024
"""orjson's bound, which tells of it; more than Python's recursion lets any other decoder reach."""
MAX_LENGTH: Final = 4300
"""Of an integer, its sign included: msgspec's bound, and Python's for the digits of a text."""
UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises for bytes; the last for deep nesting, also where nothing is read of it."""

_decode = msgspec.json.Decoder().decode
_TOKEN = re.compile(r'"(?>(?:[^"\\]++|\\.)*)"|-?\d[\d.eE+-]*+', re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*+)(\.\d++)?([eE][+-]?\d++)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MANY_DIGITS = re.compile(r"\d{200,}")


class NotJSONError(ValueError):
    """The bytes are no JSON."""


def read_json(body: bytes, mended: Callable[[], None] | None = None) -> Any:
    """Read a backend's JSON.

    Args:
        body: Not decoded.
        mended: Called when something had to be mended.

    Errors: NotJSONError.
    """
    try:
        return _decode(body)
    except UNREADABLE:
        value = _read_mended(body)
        if mended is not None:
            mended()
        return value


def read_strictly(body: bytes | str) -> Any:
    """Read JSON, and nothing that is almost JSON. Errors: NotJSONError."""
    try:
        return _decode(body)
    except UNREADABLE as exc:
        raise NotJSONError(str(exc)) from exc


def write_json(
    value: Any, default: Callable[[Any], Any] | None = None, option: int | None = None
) -> bytes:
    """Write JSON; what orjson refuses too: integers beyond 64 bits, and halves of surrogate pairs, as U+FFFD.

    Args:
        value: Dicts with text keys, lists and scalars.
        default, option: As orjson takes them.

    Errors: TypeError for what is no JSON, or nested deeper than 254 levels.
    """
    try:
        return orjson.dumps(value, default, option)
    except TypeError:
        try:
            return orjson.dumps(_writable(value), default, option)
        except RecursionError as exc:
            raise TypeError("nested too deeply") from exc


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_writable(key): _writable(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return orjson.Fragment(str(value))
    return value


def _read_mended(body: bytes) -> Any:
    """Read what the decoder refuses, with what it cannot say put into words that it can."""
    text = _TOKEN.sub(_mended, body.decode("utf-8", "replace").removeprefix("\ufeff"))
    try:
        return _decode(text)
    except RecursionError:
        return _read_deep(text)
    except msgspec.DecodeError as exc:
        raise NotJSONError(str(exc)) from exc


def _read_deep(text: str) -> Any:
    limit = sys.getrecursionlimit()
    try:
        orjson.loads(_MANY_DIGITS.sub("0", text))  # refuses what is deeper than MAX_DEPTH
        sys.setrecursionlimit(limit + 4 * MAX_DEPTH)
        return _decode(text)
    except (ValueError, msgspec.DecodeError) as exc:
        raise NotJSONError(str(exc)) from exc
    finally:
        sys.setrecursionlimit(limit)


def _mended(found: re.Match[str]) -> str:
    token = found[0]
    if token[0] == '"':
        return _without_halves(token) if "\\u" in token else token
    number = _NUMBER.fullmatch(token)
    if number is None:
        return token  # whoever reads it refuses it
    is_integer = number[1] is None and number[2] is None
    is_beyond = len(token) > MAX_LENGTH if is_integer else isinf(float(token))
    return f'"{token}"' if is_beyond else token


def _without_halves(token: str) -> str:
    """A string with U+FFFD for each half of a surrogate pair."""
    try:
        text = json.loads(token)  # the one reader that takes halves
    except ValueError:
        return token  # whoever reads it refuses it
    return orjson.dumps(_SURROGATE.sub("\ufffd", text)).decode()
