"""Methods on any value: echo, match, size, toString, jsonStringify, jsonParse, entries.

Source: connectors.md §8.1–8.7, §8.15.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.connectors.mapping.methods.kinds import (
    Argument,
    Arguments,
    Note,
    first_argument,
    without_arguments,
)
from gateway.connectors.mapping.values import json_text, scalar_text, strict_equal, type_name, utf8
from gateway.json_bytes import NotJSONError, read_json


def echo(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give the argument's value."""
    argument = first_argument("echo", arguments, note)
    return ... if argument is None else argument(value)


def match(value: Any, pairs: Sequence[tuple[Argument, Argument]], note: Note) -> Any:
    """Give the value of the first pair whose key equals the input, strictly."""
    for key, result in pairs:
        if strict_equal(key(value), value):
            return result(value)
    note(f"Method ->match did not match any [candidate, value] pair for {type_name(value)}")
    return ...


def size(value: Any, arguments: Arguments, note: Note) -> Any:
    """Count elements, members, or bytes of UTF-8."""
    if not without_arguments("size", arguments, note):
        return ...
    if value.__class__ is list or value.__class__ is dict:
        return len(value)
    if value.__class__ is str:
        return len(utf8(value))
    note(f"Method ->size requires an array, string, or object input, not {type_name(value)}")
    return ...


def to_string(value: Any, arguments: Arguments, note: Note) -> Any:
    """Write a scalar as text; empty parentheses are allowed here."""
    if arguments:
        without_arguments("toString", arguments, note)
        return ...
    text = scalar_text(value)
    if text is None:
        note(f"Method ->toString requires a scalar input, not {type_name(value)}")
        return ...
    return text


def json_stringify(value: Any, arguments: Arguments, note: Note) -> Any:
    """Write any value as compact JSON."""
    return json_text(value) if without_arguments("jsonStringify", arguments, note) else ...


def json_parse(value: Any, arguments: Arguments, note: Note) -> Any:
    """Read a string as JSON."""
    if not without_arguments("jsonParse", arguments, note):
        return ...
    if value.__class__ is not str:
        note(f"Method ->jsonParse requires a string input, not {type_name(value)}")
        return ...
    try:
        return read_json(utf8(value))
    except NotJSONError:
        note("Method ->jsonParse requires a string of valid JSON")
        return ...


def entries(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give an object's members as a list of keys and values."""
    if not without_arguments("entries", arguments, note):
        return ...
    if value.__class__ is not dict:
        note(f"Method ->entries requires an object input, not {type_name(value)}")
        return ...
    return [{"key": key, "value": member} for key, member in value.items()]
