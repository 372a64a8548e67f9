"""PHP's serialize() read as JSON values: every type that it writes, with its references.

The reader is bounded in depth and size. It makes nothing but dicts, lists and scalars: an object of PHP is
the map of its properties, an enum the name of its case, never an instance of anything.

Source: PHP 8's ext/standard/var.c and var_unserializer.re, by what they write and accept.
"""

from __future__ import annotations

import re
from typing import Any

MAX_DEPTH = 100
MAX_ITEMS = 1_000_000
"""Values in all; what a reference points at counts again at each reference."""
MAX_CYCLES = 10_000
"""References to what is still open around them: an author's post whose author that is."""
TEXT_UNIT = 64
"""Bytes of text that count as one more value where a reference repeats them."""

BEGIN = re.compile(rb'(?:N;|b:[01];|i:-?\d|d:-?[\dIN]|[sOEC]:\d+:"|a:\d+:\{)')
_INTEGER = re.compile(rb"[+-]?\d+")
_FLOAT = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_UNBOUNDED = {b"INF": float("inf"), b"-INF": float("-inf"), b"NAN": float("nan")}
# Classes of PHP's own that serialize to their flags, their storage, …; json_encode() gives the storage.
_STORAGES = frozenset({"ArrayObject", "ArrayIterator"})


class PhpDecodeError(ValueError):
    """The text is not what PHP's serialize() writes, or is larger than what is read."""


def begins_serialized(body: bytes, at: int = 0) -> bool:
    """Whether text may be a serialize()d value; no JSON text begins like one."""
    return BEGIN.match(body, at) is not None


def unserialize(body: bytes, charset: str = "utf-8") -> Any:
    """Decode one serialize()d value, white space around it aside.

    Shape: an array with the keys 0, 1, 2, … is a list, any other a dict with string keys. What PHP had
        once and referred to again is one object here too, so a cyclic value is cyclic.
    Errors: PhpDecodeError.
    """
    text = body.strip()
    value, end = unserialize_at(text, 0, charset)
    if end != len(text):
        raise PhpDecodeError(f"text after the value at byte {end}")
    return value


def unserialize_at(body: bytes, start: int, charset: str = "utf-8") -> tuple[Any, int]:
    """Decode the serialize()d value at a byte; where it ends. Errors: PhpDecodeError."""
    reader = _SerializedReader(body, start, charset)
    return reader.value(0), reader.at


class _SerializedReader:
    """A cursor over the text.

    Attributes:
        slots: Every value by the number that a reference has for it.
        sizes: How much each is, in values; 0 while it is open.
        items: Values until now.
    """

    def __init__(self, body: bytes, at: int, charset: str) -> None:
        self.body = body
        self.charset = charset
        self.at = at
        self.slots: list[Any] = []
        self.sizes: list[int] = []
        self.items = 0
        self.cycles = 0

    def value(self, depth: int) -> Any:
        kind = self.body[self.at : self.at + 2]
        self.at += 2
        if kind == b"R:":  # the same variable: it has its number already
            return self.reference()
        slot, before = len(self.slots), self.items
        self.slots.append(None)
        self.sizes.append(0)
        self.count(1)
        if kind == b"r:":  # the same object, in a variable of its own
            value = self.reference()
        elif kind == b"a:":
            value = self.array(slot, depth)
        elif kind == b"O:":
            value = self.object(slot, depth)
        elif kind == b"C:":
            value = self.custom(depth)
        else:
            value = self.scalar(kind)
        self.slots[slot] = value
        size = self.items - before
        self.sizes[slot] = size + len(value) // TEXT_UNIT if value.__class__ is str else size
        return value

    def scalar(self, kind: bytes) -> Any:
        match kind:
            case b"N;":
                return None
            case b"b:":
                return self.boolean()
            case b"i:":
                return int(self.number(_INTEGER))
            case b"d:":
                text = self.until(b";")
                if text in _UNBOUNDED:
                    return _UNBOUNDED[text]
                self.at -= len(text) + 1
                return float(self.number(_FLOAT))
            case b"s:":
                value = self.string()
                self.expect(b";")
                return value
            case b"E:":  # `E:11:"Suit:Hearts";`
                name = self.string()
                self.expect(b";")
                if ":" not in name:
                    raise PhpDecodeError(f"no case of an enum before byte {self.at}")
                return name.rpartition(":")[2]
        raise PhpDecodeError(f"no value at byte {self.at - 2}")

    def count(self, items: int) -> None:
        self.items += items
        if self.items > MAX_ITEMS:
            raise PhpDecodeError(f"more than {MAX_ITEMS} values, those behind references included")

    def reference(self) -> Any:
        number = int(self.number(_INTEGER))
        if not 1 <= number <= len(self.slots):
            raise PhpDecodeError(f"a reference to value {number} of {len(self.slots)}")
        size = self.sizes[number - 1]
        if size == 0:  # still open
            if self.slots[number - 1] is None:
                raise PhpDecodeError(f"a reference to itself before byte {self.at}")
            self.cycles += 1
            if self.cycles > MAX_CYCLES:
                raise PhpDecodeError(f"more than {MAX_CYCLES} cyclic references")
        self.count(size)
        return self.slots[number - 1]

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

    def boolean(self) -> bool:
        text = self.until(b";")
        if text not in (b"0", b"1"):
            raise PhpDecodeError(f"no boolean before byte {self.at}")
        return text == b"1"

    def number(self, pattern: re.Pattern[bytes]) -> bytes:
        text = self.until(b";")
        if not pattern.fullmatch(text):
            raise PhpDecodeError(f"no number before byte {self.at}")
        return text

    def length(self) -> int:
        text = self.until(b":")
        if not text.isdigit():
            raise PhpDecodeError(f"no length before byte {self.at}")
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

    def array(self, slot: int, depth: int) -> Any:
        # Whether it is a list is known at its end: a reference from inside sees it by its keys.
        members: dict[str, Any] = {}
        self.slots[slot] = members
        is_list = self.members(members, "", depth)
        return list(members.values()) if is_list else members

    def object(self, slot: int, depth: int) -> Any:
        name = self.string()
        self.expect(b":")
        members: dict[str, Any] = {}
        self.slots[slot] = members
        self.members(members, name, depth)
        if name in _STORAGES and "1" in members:
            return members["1"]
        return members

    def custom(self, depth: int) -> Any:
        """What a class of its own `Serializable` wrote: read where that is serialize() again."""
        name = self.string()
        self.expect(b":")
        length = self.length()
        self.expect(b"{")
        end = self.at + length
        if not begins_serialized(self.body, self.at):
            raise PhpDecodeError(f"the class {name[:60]} writes a format of its own")
        self.check_depth(depth)
        value = self.value(depth + 1)
        if self.at != end:
            raise PhpDecodeError(f"the class {name[:60]} writes a format of its own")
        self.expect(b"}")
        return value

    def members(self, into: dict[str, Any], owner: str, depth: int) -> bool:
        """Read `COUNT:{…}`; whether the keys were 0, 1, 2, … in order."""
        self.check_depth(depth)
        count = self.length()
        if self.items + count > MAX_ITEMS:
            raise PhpDecodeError(f"more than {MAX_ITEMS} values")
        self.expect(b"{")
        is_list = True
        for position in range(count):
            key = self.key()
            is_list = is_list and key == position and key.__class__ is int
            name = str(key)
            value = self.value(depth + 1)
            if name[:1] == "\0":
                self.hidden(into, owner, name, value)
            else:
                into[name] = value
        self.expect(b"}")
        return is_list

    def hidden(self, into: dict[str, Any], owner: str, name: str, value: Any) -> None:
        """A private or protected member: its class stands before its name, between two NULs."""
        declared_by, _, plain = name[1:].partition("\0")
        if declared_by in ("*", owner) or plain not in into:
            into[plain] = value  # else it is a parent's own, and the object has one of that name

    def key(self) -> int | str:
        kind = self.body[self.at : self.at + 2]
        self.at += 2
        if kind == b"i:":
            return int(self.number(_INTEGER))
        if kind != b"s:":
            raise PhpDecodeError(f"a key that is neither text nor number at byte {self.at - 2}")
        text = self.string()
        self.expect(b";")
        return text

    def check_depth(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise PhpDecodeError(f"nested deeper than {MAX_DEPTH}")
