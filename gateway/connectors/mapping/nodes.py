"""The tree of a parsed mapping: plain frozen data, each node with its place in the text.

Nothing here evaluates anything. `start` and `end` are character offsets in the selection's text, so
that a problem or an error at start can point at the very character. A path that begins with a key
has an `Input` origin of no width: the key is a step like any other (`a` is `$.a`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Input:
    """`$`, or nothing at all before a key: the value that the nearest braces work on."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class At:
    """`@`: the value at the current point of the path."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`; the name is kept without the sign."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Wrapped:
    """`$(expression)`."""

    expression: Expression
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal string, number, true, false or null."""

    value: str | int | float | bool | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    """`{ key: expression, … }` inside an expression."""

    members: tuple[tuple[str, Expression], ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[expression, …]`."""

    items: tuple[Expression, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class KeyStep:
    """`.key`, or the key that a path begins with."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """`?`: null ends the path without a problem."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MethodCall:
    """`->name` or `->name(arguments)`; no parentheses at all is `None`, empty ones are `()`."""

    name: str
    arguments: tuple[Expression, ...] | None
    start: int
    end: int

    def pairs(self) -> list[tuple[Expression, Expression]]:
        """The arguments of a match that are literally lists of two; it skips all others (§8.2)."""
        return [
            (argument.origin.items[0], argument.origin.items[1])
            for argument in self.arguments or ()
            if isinstance(argument, Path)
            and isinstance(argument.origin, ListLiteral)
            and len(argument.origin.items) == 2
            and not argument.steps
            and argument.braces is None
        ]

    def bound_name(self) -> str | None:
        """The name that an `->as` binds; None where its first argument is no plain `$name` (§8.5)."""
        first = self.arguments[0] if self.arguments else None
        if not isinstance(first, Path) or not isinstance(first.origin, Variable):
            return None
        return None if first.steps or first.braces else first.origin.name


@dataclass(frozen=True, slots=True)
class Path:
    """An origin, the steps taken from it, and the braces that may end it."""

    origin: Origin
    steps: tuple[Step, ...]
    braces: Braces | None
    start: int
    end: int

    @property
    def single_key(self) -> str | None:
        """The key of a path that is one key, then only `?`, then perhaps braces (§5.2 b)."""
        if not isinstance(self.origin, Input) or self.origin.end > self.origin.start:
            return None
        first, *others = self.steps
        if not isinstance(first, KeyStep):
            return None
        return first.name if all(isinstance(step, Question) for step in others) else None


@dataclass(frozen=True, slots=True)
class Chain:
    """`a ?? b ?? c` or `a ?! b ?! c`; one kind of operator."""

    operator: str
    operands: tuple[Path, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MappedField:
    """A member of the result: `name: path`, or a single key under its own name."""

    name: str
    path: Path
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Group:
    """`name: { … }`: a member made from the same value as its surroundings."""

    name: str
    braces: Braces
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Inline:
    """A path without a name: merged into its surroundings, or, alone, the value itself.

    Attributes:
        is_spread: Written with `...`: merged, also when it is alone.
    """

    path: Path
    start: int
    end: int
    is_spread: bool = False


@dataclass(frozen=True, slots=True)
class Braces:
    """`{ items }` after a path or a name."""

    items: tuple[Item, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MappingSelection:
    """A whole mapping with the text that it was read from and the version that governs it."""

    items: tuple[Item, ...]
    text: str
    spec: str
    start: int
    end: int

    @property
    def value_path(self) -> Path | None:
        """The path whose value is the whole result, where there is one (§6.11)."""
        only = self.items[0] if len(self.items) == 1 else None
        return only.path if isinstance(only, Inline) and not only.is_spread else None

    @property
    def braces(self) -> Braces:
        """The items as braces over the whole text."""
        return Braces(self.items, self.start, self.end)


Literal: TypeAlias = Constant | ObjectLiteral | ListLiteral
Origin: TypeAlias = Input | At | Variable | Wrapped | Literal
Step: TypeAlias = KeyStep | Question | MethodCall
Expression: TypeAlias = Path | Chain
Item: TypeAlias = MappedField | Group | Inline
