"""Methods on lists and strings: first, last, slice, get, map, filter, find, joinNotNull, contains, in.

Source: connectors.md §8.8–8.17.
"""

from __future__ import annotations

from typing import Any

from gateway.connectors.mapping.methods.kinds import (
    Arguments,
    Note,
    first_argument,
    one_argument,
    without_arguments,
)
from gateway.connectors.mapping.values import loose_equal, scalar_text, type_name, utf8


def first(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give the first element or character."""
    return _end("first", 0, value, arguments, note)


def last(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give the last element or character."""
    return _end("last", -1, value, arguments, note)


def _end(name: str, index: int, value: Any, arguments: Arguments, note: Note) -> Any:
    if not without_arguments(name, arguments, note):
        return ...
    if value.__class__ is list or value.__class__ is str:
        return value[index] if value else ...
    note(f"Method ->{name} requires an array or string input, not {type_name(value)}")
    return value  # §8.8: passed on


def slice_(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give a half-open range of a list, or of a string by bytes of UTF-8.

    A range that would cut a character gives up that character, and one that ends before it begins is
    empty (§8.9).
    """
    if value.__class__ is not list and value.__class__ is not str:
        note(f"Method ->slice requires an array or string input, not {type_name(value)}")
        return ...
    if arguments is None:
        return value
    whole = utf8(value) if value.__class__ is str and not value.isascii() else value
    bounds = [0, len(whole)]
    for place, argument in enumerate(arguments[:2]):
        bound = argument(value)
        if bound.__class__ is int:
            bounds[place] = min(max(bound, 0), len(whole))
    part = whole[bounds[0] : bounds[1]]
    return part.decode("utf-8", "ignore") if part.__class__ is bytes else part


def get(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give an element, a character or a member; negative positions count from the end."""
    argument = first_argument("get", arguments, note)
    if argument is None:
        return ...
    index = argument(value)
    if index is ...:
        return ...
    if value.__class__ is dict:
        if index.__class__ is str and index in value:
            return value[index]
    elif value.__class__ is list or value.__class__ is str:
        if index.__class__ is int and -len(value) <= index < len(value):
            return value[index]
    else:
        note(f"Method ->get requires an array, string, or object input, not {type_name(value)}")
        return ...
    shown = scalar_text(index)
    note(f"Method ->get found nothing at {type_name(index) if shown is None else shown!r}")
    return ...


def map_(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give the argument's value for each element; what is no list is one element."""
    argument = first_argument("map", arguments, note)
    if argument is None:
        return ...
    if value.__class__ is not list:
        only = argument(value)
        return ... if only is ... else [only]
    found = [argument(element, index) for index, element in enumerate(value)]
    return [None if item is ... else item for item in found] if ... in found else found


def filter_(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give the elements for which the argument is true; all must be true or false."""
    argument = first_argument("filter", arguments, note)
    if argument is None:
        return ...
    if value.__class__ is not list:
        verdict = _verdict("filter", argument(value), note)
        return ... if verdict is None else [value] if verdict else []
    kept, sound = [], True
    for index, element in enumerate(value):
        verdict = argument(element, index)
        if verdict is True:
            kept.append(element)
        elif verdict is not False:
            note(f"Method ->filter needs true or false for element {index}, not {_shown(verdict)}")
            sound = False
    return kept if sound else ...


def find(value: Any, arguments: Arguments, note: Note) -> Any:
    """Give the first element for which the argument is true."""
    argument = first_argument("find", arguments, note)
    if argument is None:
        return ...
    if value.__class__ is not list:
        return value if _verdict("find", argument(value), note) else ...
    for index, element in enumerate(value):
        verdict = argument(element, index)
        if verdict is True:
            return element
        if verdict is not False:
            note(f"Method ->find needs true or false for element {index}, not {_shown(verdict)}")
            return ...
    return ...


def _verdict(name: str, verdict: Any, note: Note) -> bool | None:
    if verdict is True or verdict is False:
        return bool(verdict)
    if verdict is not ...:  # §8.12: no value brings no further problem here
        note(f"Method ->{name} needs true or false, not {type_name(verdict)}")
    return None


def _shown(verdict: Any) -> str:
    return "no value" if verdict is ... else type_name(verdict)


def join_not_null(value: Any, arguments: Arguments, note: Note) -> Any:
    """Join the scalars of a list into a string, nulls left out."""
    argument = first_argument("joinNotNull", arguments, note)
    if argument is None:
        return ...
    separator = argument(value)
    if separator.__class__ is not str:
        note(f"Method ->joinNotNull requires a string as separator, not {_shown(separator)}")
        return ...
    elements = value if value.__class__ is list else [value]
    texts = [scalar_text(element) for element in elements if element is not None]
    if None in texts:
        note("Method ->joinNotNull requires an array of scalars")
        return ...
    return separator.join(text for text in texts if text is not None)


def contains(value: Any, arguments: Arguments, note: Note) -> Any:
    """Tell whether a list has an element that equals the argument."""
    argument = one_argument("contains", arguments, note)
    if argument is None:
        return ...
    wanted = argument(value)
    if wanted is ...:
        return ...
    if value.__class__ is not list:
        note(f"Method ->contains requires an array input, not {type_name(value)}")
        return ...
    return any(loose_equal(element, wanted) for element in value)


def in_(value: Any, arguments: Arguments, note: Note) -> Any:
    """Tell whether the input is among the elements of the argument."""
    argument = one_argument("in", arguments, note)
    if argument is None:
        return ...
    elements = argument(value)
    if elements is ...:
        return ...
    if elements.__class__ is not list:
        note(f"Method ->in requires an array as its argument, not {type_name(elements)}")
        return ...
    return any(loose_equal(value, element) for element in elements)
