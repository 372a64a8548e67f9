"""What a method is: one shape that the interpreter and compiled code call alike.

A method gets a value that is there, its arguments still to be evaluated, and a place for problems:

    method(value, arguments, note) -> value, or Ellipsis for no value

`arguments` is None when no parentheses were written. Each argument is called with what `@` is to be,
and, where a method goes over a list, with the element's index, which only problems use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias


class Argument(Protocol):
    """An argument that has not been evaluated yet."""

    def __call__(self, at: Any, index: int | None = None, /) -> Any:
        """Evaluate it with `@` set."""


Arguments: TypeAlias = Sequence[Argument] | None
Note: TypeAlias = Callable[[str], None]
Method: TypeAlias = Callable[[Any, Arguments, Note], Any]


def without_arguments(name: str, arguments: Arguments, note: Note) -> bool:
    """Tell whether no parentheses were written; note the problem where they were (§8.0)."""
    if arguments is None:
        return True
    note(f"Method ->{name} does not take any arguments")
    return False


def one_argument(name: str, arguments: Arguments, note: Note) -> Argument | None:
    """Give the argument of a method that takes exactly one; note the problem otherwise."""
    if arguments is not None and len(arguments) == 1:
        return arguments[0]
    note(f"Method ->{name} requires exactly one argument")
    return None


def first_argument(name: str, arguments: Arguments, note: Note) -> Argument | None:
    """Give the first argument of a method that ignores further ones; note the lack of it."""
    if arguments:
        return arguments[0]
    note(f"Method ->{name} requires one argument")
    return None
