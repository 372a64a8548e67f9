"""What a mapping reads and what its result holds, told from its text alone.

All answers err to the side of more: where a method hides what happens, the whole value counts as read
and the members of the result as unknown (`whole`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.connectors.mapping.members import NOTHING, WHOLE, Members
from gateway.connectors.mapping.methods.table import AS, MATCH
from gateway.connectors.mapping.nodes import (
    At,
    Braces,
    Constant,
    Expression,
    Group,
    Input,
    ListLiteral,
    MappedField,
    MappingSelection,
    MethodCall,
    Path,
    Question,
    Variable,
    Wrapped,
)
from gateway.connectors.mapping.nodes import KeyStep as KeyStep
from gateway.connectors.mapping.surroundings import Surroundings, ValuePlace

SAME_ELEMENTS: Final = frozenset({"first", "last", "slice", "filter", "find"})
INPUT: Final = "$"


# What the result holds


def supplied_fields(selection: MappingSelection) -> Members:
    """Give the members that a mapping's result holds when its input has everything.

    Shape: members of the result, or of its elements when it is a list; `whole` where the result is
        a value of the upstream as it stands.
    """
    path = selection.value_path
    return _path_supply(path) if path is not None else braces_supply(selection.braces)


def braces_supply(node: Braces) -> Members:
    """Give the members that braces make."""
    supply = NOTHING
    for item in node.items:
        if isinstance(item, MappedField):
            supply = supply.joined(Members({item.name: _path_supply(item.path)}))
        elif isinstance(item, Group):
            supply = supply.joined(Members({item.name: braces_supply(item.braces)}))
        else:
            supply = supply.joined(_path_supply(item.path))
    return supply


def _path_supply(node: Path) -> Members:
    if node.braces is not None:
        return braces_supply(node.braces)
    supply = _origin_supply(node)
    for step in node.steps:
        if isinstance(step, KeyStep):
            supply = supply.members.get(step.name, WHOLE)
        elif isinstance(step, MethodCall) and step.name not in SAME_ELEMENTS and step.name != AS:
            supply = _call_supply(step)
    return supply


def _origin_supply(node: Path) -> Members:
    origin = node.origin
    if isinstance(origin, Wrapped):
        return _expression_supply(origin.expression)
    if isinstance(origin, ListLiteral):
        return _joined([_expression_supply(item) for item in origin.items])
    if isinstance(origin, (Input, At, Variable, Constant)):
        return WHOLE
    return Members({name: _expression_supply(value) for name, value in origin.members})


def _expression_supply(node: Expression) -> Members:
    if isinstance(node, Path):
        return _path_supply(node)
    return _joined([_path_supply(operand) for operand in node.operands])


def _call_supply(node: MethodCall) -> Members:
    if node.name in ("map", "echo") and node.arguments:
        return _expression_supply(node.arguments[0])
    if node.name == MATCH:
        return _joined([_expression_supply(value) for _key, value in node.pairs()])
    if node.name == "entries":
        return Members({"key": WHOLE, "value": WHOLE})
    return WHOLE


def _joined(supplies: list[Members]) -> Members:
    joined = NOTHING
    for supply in supplies:
        joined = joined.joined(supply)
    return joined if supplies else WHOLE


# What is read


def read_paths(selection: MappingSelection) -> dict[str, Members]:
    """Give what a mapping reads of each variable.

    Shape: by name without `$`; `whole` where the value is used as it stands. Names that `->as` binds
        are followed to what they stand for and are not listed.
    """
    reads = _Reads()
    reads.selection(selection)
    return {name: wanted for name, wanted in reads.found.items() if name != INPUT}


def read_input(selection: MappingSelection) -> Members | None:
    """Give what a mapping reads of its input by `$`, `@` or a key at the root; None for nothing."""
    reads = _Reads()
    reads.selection(selection)
    return reads.found.get(INPUT)


_Place = ValuePlace[str]
"""The name of a root (`$args`), or INPUT, and the keys taken from it."""
_Around = Surroundings[str]


class _Reads:
    """Walks a tree and notes each place that is read."""

    def __init__(self) -> None:
        self.found: dict[str, Members] = {}

    def mark(self, place: _Place | None, wanted: Members) -> None:
        if place is None:
            return
        for key in reversed(place.keys):
            wanted = Members({key: wanted})
        self.found[place.start] = self.found.get(place.start, NOTHING).joined(wanted)

    def selection(self, selection: MappingSelection) -> None:
        root = ValuePlace(INPUT)
        around = Surroundings(root, root, {})
        path = selection.value_path
        if path is not None:
            self.mark(self.path(path, around), WHOLE)
        else:
            self.items(selection.braces, around)

    def items(self, node: Braces, around: _Around) -> None:
        for item in node.items:
            if isinstance(item, Group):
                self.items(item.braces, around)
            else:
                self.mark(self.path(item.path, around), WHOLE)

    def path(self, node: Path, around: _Around) -> _Place | None:
        """Note what a path reads on its way, and give the place of its value, unread as yet."""
        place = self.origin(node, around)
        for step in node.steps:
            if isinstance(step, KeyStep):
                place = place and place.member(step.name)
            elif isinstance(step, MethodCall) and step.name == AS:
                around = self.bind(step, place, around)
            elif isinstance(step, MethodCall):
                place = self.call(step, place, around)
            elif isinstance(step, Question):
                self.mark(place, NOTHING)
        if node.braces is None:
            return place
        self.mark(place, NOTHING)
        self.items(node.braces, replace(around, input=place, at=place))
        return None

    def origin(self, node: Path, around: _Around) -> _Place | None:
        origin = node.origin
        if isinstance(origin, Input):
            return around.input
        if isinstance(origin, At):
            return around.at
        if isinstance(origin, Variable):
            if origin.name in around.bound:
                return around.bound[origin.name]
            return ValuePlace(origin.name)
        if isinstance(origin, Wrapped):
            return self.expression(origin.expression, around)
        if isinstance(origin, ListLiteral):
            for item in origin.items:
                self.mark(self.expression(item, around), WHOLE)
        elif not isinstance(origin, Constant):
            for _name, value in origin.members:
                self.mark(self.expression(value, around), WHOLE)
        return None

    def expression(self, node: Expression, around: _Around) -> _Place | None:
        if isinstance(node, Path):
            return self.path(node, around)
        for operand in node.operands:
            self.mark(self.path(operand, around), WHOLE)
        return None

    def bind(self, node: MethodCall, place: _Place | None, around: _Around) -> _Around:
        name = node.bound_name()
        arguments = node.arguments or ()
        if len(arguments) > 1:
            place = self.expression(arguments[1], replace(around, at=place))
        return around if name is None else replace(around, bound={**around.bound, name: place})

    def call(self, node: MethodCall, place: _Place | None, around: _Around) -> _Place | None:
        arguments = node.arguments or ()
        inner = replace(around, at=place)
        if node.name in ("map", "echo") and arguments:
            self.mark(place, NOTHING)
            return self.expression(arguments[0], inner)
        elements = node.name in SAME_ELEMENTS or _is_position(node)
        self.mark(place, NOTHING if elements else WHOLE)
        for argument in arguments:
            self.mark(self.expression(argument, inner), WHOLE)
        return place if elements else None


def _is_position(node: MethodCall) -> bool:
    """Tell whether this is `->get(1)`: an element of a list, so with the list's own members."""
    first = node.arguments[0] if node.name == "get" and node.arguments else None
    return (
        isinstance(first, Path)
        and isinstance(first.origin, Constant)
        and isinstance(first.origin.value, int)
        and not first.steps
    )


# Plain shapes


@dataclass(frozen=True, slots=True)
class PlainShape:
    """A mapping, or a part of one, that only takes values from places.

    Attributes:
        path: Keys from the surrounding object to the value; a list met anywhere on the way, or at the
            end, is mapped over.
        members: Output name to its shape; None where the value is taken as it stands.
    """

    path: tuple[str, ...]
    members: Mapping[str, PlainShape] | None


def plain_shape(selection: MappingSelection) -> PlainShape | None:
    """Give the shape of a mapping of only fields, aliases, paths, nesting and lists, else None.

    No `?`, methods, variables, literals, merging or inlining occur in one. `path` of the outermost
    shape is empty, or that of a mapping like `$.data.items { id }`.
    """
    path = selection.value_path
    return _plain_path(path) if path is not None else _plain_braces((), selection.braces)


def _plain_path(node: Path) -> PlainShape | None:
    if not isinstance(node.origin, (Input, At)):
        return None
    keys = []
    for step in node.steps:
        if not isinstance(step, KeyStep):
            return None
        keys.append(step.name)
    return (
        PlainShape(tuple(keys), None)
        if node.braces is None
        else _plain_braces(tuple(keys), node.braces)
    )


def _plain_braces(path: tuple[str, ...], node: Braces) -> PlainShape | None:
    members: dict[str, PlainShape] = {}
    for item in node.items:
        shape = None
        if isinstance(item, MappedField):
            shape = _plain_path(item.path)
        elif isinstance(item, Group):
            shape = _plain_braces((), item.braces)
        if shape is None or (isinstance(item, (MappedField, Group)) and item.name in members):
            return None
        if isinstance(item, (MappedField, Group)):
            members[item.name] = shape
    return PlainShape(path, members)
