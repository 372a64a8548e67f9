"""Which places of a raw answer have to be lists and which objects: told by a mapping and its GraphQL type.

A rule stands for each path that a mapping takes from the object that braces work on. Methods that go over
the elements of a list (`first`, `filter`, `map`, …) tell that there is one; behind any other nothing is known,
and no rule is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from graphql import (
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from gateway.connectors.mapping.nodes import (
    At,
    Braces,
    Expression,
    Group,
    Input,
    KeyStep,
    ListLiteral,
    MappedField,
    MappingSelection,
    MethodCall,
    ObjectLiteral,
    Path,
    Variable,
    Wrapped,
)
from gateway.connectors.mapping.surroundings import Surroundings, ValuePlace
from gateway.connectors.php.value_types import (
    Kinds,
    composites,
    field_types,
    item_types,
    lists_around,
)

ELEMENTS = frozenset({"first", "last", "find", "filter", "slice"})
OF_LISTS = frozenset({"joinNotNull"})


@dataclass(slots=True)
class PlaceRule:
    """What a place has to be.

    Attributes:
        path: Keys from the object around it.
        lists: How many lists are declared on the way and at its end.
        holds: What the innermost list holds, or the place itself: "any" where only the list is known.
        inner: Rules of the objects there.
        takes: What the braces there take of an object: "members" alone, and then an error in its place
            passes through them; "itself", as by `$->entries`, and then it may be anything; or they make
            something without it, and then an error would be lost in what they make.
    """

    path: tuple[str, ...]
    lists: int
    holds: Literal["object", "leaf", "any"]
    inner: list[PlaceRule] = field(default_factory=list)
    takes: Literal["members", "itself", "nothing"] = "members"

    @property
    def is_needed(self) -> bool:
        """Whether it can change anything, or tells that the keys of an array are names."""
        return (
            self.lists > 0
            or self.holds == "object"
            or len(self.path) > 1
            or any(key.isdigit() for key in self.path)
        )


def find_rules(selection: MappingSelection, kind: Any, schema: GraphQLSchema) -> list[PlaceRule]:
    """The rules of a mapping's whole input: each is applied to it in turn."""
    finder = _Finder(schema)
    found: list[PlaceRule] = []
    around = Surroundings(ValuePlace(found), ValuePlace(found), {})
    path = selection.value_path
    if path is not None:
        finder.path(path, (kind,), around)
    else:
        finder.object(ValuePlace(found), selection.braces, (kind,))
    return found


_Place = ValuePlace[list[PlaceRule]]
"""Where the rules of the object are noted, and the keys taken from it."""
_Around = Surroundings[list[PlaceRule]]


class _Finder:
    """Walks a mapping along the types of what it makes."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema

    def object(
        self, place: _Place | None, braces: Braces, kinds: Kinds, *, is_inlined: bool = False
    ) -> None:
        """Note that braces make objects of a place, and what they take of these."""
        lists, owners = lists_around(kinds), composites(self.schema, kinds, braces)
        if place is None or lists is None or not owners:
            self.braces(braces, owners, None)
            return
        takes = _takes(braces)
        if is_inlined and takes == "members":
            takes = "nothing"  # what is merged into the object around it has no place for an error
        rule = PlaceRule(place.keys, lists, "object", takes=takes)
        self.braces(braces, owners, ValuePlace(rule.inner))
        place.start.append(rule)

    def braces(self, braces: Braces, owners: Kinds, place: _Place | None) -> None:
        around = Surroundings(place, place, {})
        for item in braces.items:
            if isinstance(item, MappedField):
                self.path(item.path, field_types(owners, item.name), around)
            elif isinstance(item, Group):
                kinds = field_types(owners, item.name)
                if lists_around(kinds) == 0:
                    self.braces(item.braces, composites(self.schema, kinds, item.braces), place)
            else:
                self.path(item.path, owners, around, is_inlined=len(braces.items) > 1)

    def path(self, node: Path, kinds: Kinds, around: _Around, *, is_inlined: bool = False) -> None:
        """Note what a path and the type of its value tell of the places on its way."""
        is_origin = not node.steps and node.braces is None
        place = self.origin(node, kinds if is_origin else (), around)
        for number, step in enumerate(node.steps):
            if isinstance(step, KeyStep):
                place = place and place.member(step.name)
            elif isinstance(step, MethodCall):
                is_last = number == len(node.steps) - 1 and node.braces is None
                around = self.bind(step, place, around)
                place, kinds = self.call(step, place, kinds, around, is_last=is_last)
        if place is not None and place.is_listed:
            place, kinds = replace(place, is_listed=False), item_types(kinds)
        if node.braces is not None:
            self.object(place, node.braces, kinds, is_inlined=is_inlined)
        elif place is not None and (lists := lists_around(kinds)) is not None:
            is_leaf = all(is_leaf_type(get_named_type(kind)) for kind in kinds)
            rule = PlaceRule(place.keys, lists, "leaf" if is_leaf else "object")
            if rule.is_needed:
                place.start.append(rule)

    def origin(self, node: Path, kinds: Kinds, around: _Around) -> _Place | None:
        origin = node.origin
        if isinstance(origin, Input):
            return around.input
        if isinstance(origin, At):
            return around.at
        if isinstance(origin, Variable):
            return around.bound.get(origin.name)
        if isinstance(origin, Wrapped):
            inner = origin.expression
            if isinstance(inner, Path) and inner.braces is None and not _calls(inner):
                start = self.origin(inner, (), around)
                names = tuple(step.name for step in inner.steps if isinstance(step, KeyStep))
                return start and start.member(*names)
            self.expression(inner, kinds, around)
        elif isinstance(origin, ListLiteral):
            for item in origin.items:
                self.expression(item, item_types(kinds), around)
        elif isinstance(origin, ObjectLiteral):
            for name, value in origin.members:
                self.expression(value, field_types(composites(self.schema, kinds), name), around)
        return None

    def expression(self, node: Expression, kinds: Kinds, around: _Around) -> None:
        for operand in (node,) if isinstance(node, Path) else node.operands:
            self.path(operand, kinds, around)

    def bind(self, node: MethodCall, place: _Place | None, around: _Around) -> _Around:
        name = node.bound_name() if node.name == "as" else None
        if name is None:
            return around
        bound = place if len(node.arguments or ()) == 1 else None
        return replace(around, bound={**around.bound, name: bound})

    def call(
        self,
        node: MethodCall,
        place: _Place | None,
        kinds: Kinds,
        around: _Around,
        *,
        is_last: bool,
    ) -> tuple[_Place | None, Kinds]:
        """Where the value of a method is; with the type of the whole path's value, where that is known."""
        arguments = node.arguments or ()
        if node.name == "as" or (node.name == "echo" and arguments and _is_at(arguments[0])):
            return place, kinds
        if node.name == "match":
            for _, value in node.pairs():
                self.expression(value, kinds if is_last else (), replace(around, at=place))
            return None, ()
        if node.name == "map" and arguments:
            elements = self.elements(place)
            inner = item_types(kinds) if is_last else ()
            self.expression(arguments[0], inner, replace(around, at=elements))
            return _listed(elements, kinds) if _is_at(arguments[0]) else (None, ())
        if node.name in ELEMENTS:
            elements = self.elements(place)
            for argument in arguments:
                self.expression(argument, (), replace(around, at=elements))
            is_one = node.name in ("first", "last", "find")
            return (elements, kinds) if is_one else _listed(elements, kinds)
        if node.name in OF_LISTS:
            self.elements(place)
        return None, ()

    def elements(self, place: _Place | None) -> _Place | None:
        """The elements of a place that has to be a list."""
        if place is None:
            return None
        if place.is_listed:
            return replace(place, is_listed=False)
        rule = PlaceRule(place.keys, 1, "any")
        place.start.append(rule)
        return ValuePlace(rule.inner)


def _calls(node: Path) -> bool:
    return any(isinstance(step, MethodCall) for step in node.steps)


def _listed(place: _Place | None, kinds: Kinds) -> tuple[_Place | None, Kinds]:
    return place and replace(place, is_listed=True), kinds


def _is_at(node: Expression) -> bool:
    """Whether it is `@` alone: `->map(@)` makes a list of one of what is none."""
    return isinstance(node, Path) and isinstance(node.origin, At) and not node.steps


def _takes(braces: Braces) -> Literal["members", "itself", "nothing"]:
    """What braces take of the value that they work on, as `PlaceRule.takes`."""
    found: Literal["members", "itself", "nothing"] = "members"
    for item in braces.items:
        if isinstance(item, Group):
            inner = _takes(item.braces)
            if inner == "itself":
                return inner
            found = "nothing"
        elif not isinstance(item.path.origin, Input | At):
            found = "nothing"
        elif not item.path.steps or not isinstance(item.path.steps[0], KeyStep):
            return "itself"
        elif not isinstance(item, MappedField):
            found = "nothing"
    return found
