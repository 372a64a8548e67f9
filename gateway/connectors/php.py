"""What legacy PHP sends, read as JSON values: serialize()d text, printed notices, strings for everything.

The decoder is bounded in depth and size and makes nothing but dicts, lists and scalars: an object of PHP
is the map of its properties, never an instance of anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    get_nullable_type,
    is_list_type,
)

from gateway.connectors.mapping.wanted import Wanted

MEDIA_TYPES = frozenset({"application/vnd.php.serialized", "application/x-php-serialized"})
MAX_DEPTH = 100
MAX_ITEMS = 1_000_000
# A first line that a JSON value can begin with, after notices that PHP printed before it.
_JSON_START = re.compile(rb"^[ \t]*[\[{]", re.MULTILINE)
_NOTICE = re.compile(
    rb"<br|<b>|Notice|Warning|Deprecated|Strict Standards|Fatal error", re.IGNORECASE
)
_INTEGER = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_ZERO_DATE = re.compile(r"0000-00-00(?:[ T]00:00:00.*)?", re.ASCII)

Coerce = Callable[[Any], Any]


class PhpDecodeError(ValueError):
    """The text is not what PHP's serialize() writes, or is larger than what is read."""


def without_notices(body: bytes) -> bytes:
    """A JSON body without a byte order mark and the notices that PHP printed before it."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if body[:1] in b"{[" or not _NOTICE.search(body[:4096]):
        return body
    start = _JSON_START.search(body)
    return body[start.start() :] if start else body


def unserialize(body: bytes, charset: str = "utf-8") -> Any:
    """Decode one serialize()d value.

    Shape: an array with the keys 0, 1, 2, … is a list, any other a dict with string keys.
    Errors: PhpDecodeError.
    """
    reader = _Reader(body, charset)
    value = reader.value(0)
    if reader.at != len(body.rstrip(b"\n")):
        raise PhpDecodeError(f"text after the value at byte {reader.at}")
    return value


class _Reader:
    """A cursor over the text."""

    def __init__(self, body: bytes, charset: str) -> None:
        self.body = body
        self.charset = charset
        self.at = 0
        self.items = 0

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise PhpDecodeError(f"nested deeper than {MAX_DEPTH}")
        kind = self.body[self.at : self.at + 2]
        if kind == b"N;":
            self.at += 2
            return None
        self.at += 2
        match kind:
            case b"b:":
                return self.until(b";") == b"1"
            case b"i:":
                return self.number(int)
            case b"d:":
                return self.number(float)
            case b"s:":
                text = self.string()
                self.expect(b";")
                return text
            case b"a:":
                return self.array(depth)
            case b"O:":
                self.string()
                self.expect(b":")
                members = self.array(depth)
                return members if isinstance(members, dict) else dict(enumerate(members))
            case _:
                raise PhpDecodeError(f"no value at byte {self.at - 2}")

    def until(self, end: bytes) -> bytes:
        stop = self.body.find(end, self.at, self.at + 64)
        if stop < 0:
            raise PhpDecodeError(f"{end!r} expected after byte {self.at}")
        found = self.body[self.at : stop]
        self.at = stop + 1
        return found

    def expect(self, text: bytes) -> None:
        if not self.body.startswith(text, self.at):
            raise PhpDecodeError(f"{text!r} expected at byte {self.at}")
        self.at += len(text)

    def number(self, kind: type[int] | type[float]) -> Any:
        text = self.until(b";")
        try:
            number = kind(text)
        except ValueError:
            raise PhpDecodeError(f"no number at byte {self.at}") from None
        return number if number - number == 0 else None  # INF and NAN are no JSON

    def length(self) -> int:
        text = self.until(b":")
        if not text.isdigit():
            raise PhpDecodeError(f"no length at byte {self.at}")
        return int(text)

    def string(self) -> str:
        length = self.length()
        self.expect(b'"')
        raw = self.body[self.at : self.at + length]
        if len(raw) != length:
            raise PhpDecodeError(f"the text ends inside a string of {length} bytes")
        self.at += length
        self.expect(b'"')
        try:
            return raw.decode(self.charset)
        except (UnicodeDecodeError, LookupError):
            return raw.decode("latin-1")

    def array(self, depth: int) -> Any:
        count = self.length()
        self.items += count
        if self.items > MAX_ITEMS:
            raise PhpDecodeError(f"more than {MAX_ITEMS} items")
        self.expect(b"{")
        members: dict[Any, Any] = {}
        for _ in range(count):
            key = self.value(MAX_DEPTH)
            if key.__class__ not in (int, str):
                raise PhpDecodeError(f"a key that is neither text nor number at byte {self.at}")
            # Private and protected properties carry their class between two NUL bytes.
            members[key.rpartition("\0")[2] if isinstance(key, str) else key] = self.value(
                depth + 1
            )
        self.expect(b"}")
        if list(members) == list(range(len(members))):
            return list(members.values())
        return {str(key): value for key, value in members.items()}


def coercer(kind: GraphQLOutputType, supplied: Wanted) -> Coerce | None:
    """What makes the values of one field what its GraphQL type asks for; None when nothing has to.

    Args:
        kind: The field's type.
        supplied: Which fields of its objects the mapping gives.
    """
    nullable: Any = get_nullable_type(kind)
    if is_list_type(nullable):
        inner = coercer(nullable.of_type, supplied)
        return None if inner is None else _list_of(inner)
    if isinstance(nullable, GraphQLScalarType):
        return _SCALARS.get(nullable.name, _zero_date if "Date" in nullable.name else None)
    if isinstance(nullable, GraphQLObjectType):
        members = [
            (name, member)
            for name, inner in supplied.members.items()
            if name in nullable.fields
            and (member := coercer(nullable.fields[name].type, inner)) is not None
        ]
        return _object_of(members)
    return None


def _list_of(inner: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value.__class__ is list:
            return [inner(item) for item in value]
        if value.__class__ is dict:
            # An array from which PHP removed an element has keys again.
            return [inner(item) for item in value.values()]
        return value

    return coerce


def _object_of(members: list[tuple[str, Coerce]]) -> Coerce:
    def coerce(value: Any) -> Any:
        if value.__class__ is list and not value:
            return {}  # an empty map is `[]` in PHP
        if value.__class__ is not dict:
            return value
        for name, member in members:
            if name in value:
                value[name] = member(value[name])
        return value

    return coerce


def _int(value: Any) -> Any:
    if value.__class__ is str:
        if _INTEGER.fullmatch(value):
            return int(value)
        return None if not value.strip() else value
    return int(value) if value.__class__ is bool else value


def _float(value: Any) -> Any:
    if value.__class__ is str:
        if _NUMBER.fullmatch(value):
            return float(value)
        return None if not value.strip() else value
    return value


def _boolean(value: Any) -> Any:
    if value.__class__ is str:
        return {"1": True, "0": False, "": False, "true": True, "false": False}.get(value, value)
    return bool(value) if value.__class__ is int and value in (0, 1) else value


def _zero_date(value: Any) -> Any:
    return None if value.__class__ is str and _ZERO_DATE.fullmatch(value) else value


_SCALARS: dict[str, Coerce] = {
    "Int": _int,
    "Float": _float,
    "Boolean": _boolean,
    "DateTime": _zero_date,
}
