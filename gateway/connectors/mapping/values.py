"""JSON values as the mapping language sees them: types, equality, text, merging.

Python's own `==` must not leak into a mapping: there True equals 1 and 1 equals 1.0. "No value" is
Ellipsis everywhere in this room; it is never an element or a member of a value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import orjson

ABSENT: Final = ...
_JSON_SCALARS: Final = frozenset({bool, int, float})

_TYPE_NAMES: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    type(None): "null",
}


def type_name(value: Any) -> str:
    """Name a value's JSON type, as problems print it."""
    return _TYPE_NAMES.get(value.__class__) or str(value.__class__.__name__)


def is_number(value: Any) -> bool:
    """Tell whether a value is a JSON number; true and false are not."""
    return value.__class__ is int or value.__class__ is float


def strict_equal(left: Any, right: Any) -> bool:
    """Compare two JSON values without any conversion: 1, 1.0 and true all differ (§8.2)."""
    if left.__class__ is not right.__class__:
        return False
    if left.__class__ is dict:
        return len(left) == len(right) and all(
            key in right and strict_equal(member, right[key]) for key, member in left.items()
        )
    if left.__class__ is list:
        return len(left) == len(right) and all(map(strict_equal, left, right))
    return bool(left == right)


def loose_equal(left: Any, right: Any) -> bool:
    """Compare numbers by value and everything else strictly (§8.16, §8.18)."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    return strict_equal(left, right)


def json_text(value: Any) -> str:
    """Write compact JSON, members in order, non-ASCII characters as they are.

    Errors: one that stands in the place of a value, as a dialect puts it there, is raised.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits, a lone surrogate, or very deep: orjson refuses
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_no_json)


def _no_json(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    raise TypeError(f"{type_name(value)} is no JSON")


def scalar_text(value: Any) -> str | None:
    """Write a scalar as text: a string as it is, null as nothing; None for a list or an object.

    What a custom scalar of a client's argument is in Python, a date or a UUID, is the text that JSON has for
    it; None where JSON has none.
    """
    if value.__class__ is str:
        return str(value)
    if value is None:
        return ""
    if value.__class__ is list or value.__class__ is dict:
        return None
    if value.__class__ in _JSON_SCALARS:
        return json_text(value)
    try:
        text = json_text(value)
    except TypeError:
        return None
    return str(json.loads(text)) if text[0] == '"' else text


def utf8(text: str) -> bytes:
    """Encode text; a lone surrogate, which a lenient decoder may let through, keeps three bytes."""
    return text.encode("utf-8", "surrogatepass")


def merge(left: Any, right: Any, note: Callable[[str], None]) -> Any:
    """Merge what two items say about the same place (§6.10)."""
    if left.__class__ is dict and right.__class__ is dict:
        merged = dict(left)
        for key, member in right.items():
            merged[key] = merge(merged[key], member, note) if key in merged else member
        return merged
    if left.__class__ is list and right.__class__ is list:
        both = [merge(one, other, note) for one, other in zip(left, right, strict=False)]
        longer = left if len(left) > len(right) else right
        return both + longer[len(both) :]
    if left is None or right is None:
        return None
    if type_name(left) != type_name(right):
        note(f"Lossy merge replacing {type_name(left)} with {type_name(right)}")
    return right


def told(value: Any) -> Any:
    """A value that decides about another. Errors: one that stands in its place is raised."""
    if isinstance(value, Exception):
        raise value
    return value


def ignore(_message: str) -> None:
    """Drop a problem: what compiled code does with all of them."""
