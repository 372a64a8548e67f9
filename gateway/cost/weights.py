"""What a schema says about cost, as data: weights by `@cost`, sizes of lists by `@listSize`.

Source: IBM, "GraphQL Cost Directives" (draft of 2021), §7 and §8. A weight may be a number, as federation has it, or
the text of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FloatValueNode,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    StringValueNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)

from gateway.cost.formula import MOST, Amount

COSTS = "gateway.costs"
"""Where a schema keeps its weights."""
Names = tuple[str, ...]
_PATH = re.compile(r"[\s{}.]+")


@dataclass(frozen=True, slots=True)
class ListSize:
    """One `@listSize`.

    Attributes:
        assumed: `assumedSize`.
        slicing: The path of each slicing argument: its name, then names of input fields.
        sized: The path of each sized field below; () where the field's own list has the size.
        requires_one: Whether exactly one slicing argument has to be given.
    """

    assumed: int | None = None
    slicing: tuple[Names, ...] = ()
    sized: tuple[Names, ...] = ()
    requires_one: bool = True


class Weights:
    """The weights and list sizes of one schema.

    Args:
        schema: Built; its types keep their AST.
        names: What the directives are called: `{"cost": "cost", "listSize": "listSize"}`.

    Attributes:
        is_used: Whether it says anything.
    """

    def __init__(self, schema: GraphQLSchema, names: Mapping[str, str]) -> None:
        self._schema = schema
        self._names = names
        self._types: dict[str, Amount] = {}

    def of_type(self, type_: Any) -> Amount:
        """What an object or leaf of a type costs; of an abstract type that of its most costly member."""
        known = self._types.get(type_.name)
        if known is None:
            if is_abstract_type(type_):
                known = max(map(self.of_type, self._schema.get_possible_types(type_)), default=1)
            else:
                weight = self.of(type_)
                known = int(is_composite_type(type_)) if weight is None else weight
            self._types[type_.name] = known
        return known

    def of(self, element: Any) -> Amount | None:
        """The weight that is written at a field, argument, input field or type; None where none is."""
        for use in self.uses(element, "cost"):
            return weight_of(use)
        return None

    def list_size(self, element: Any) -> ListSize | None:
        """The `@listSize` of a field; None where it has none."""
        for use in self.uses(element, "listSize"):
            return list_size_of(use)
        return None

    def uses(self, element: Any, meant: str) -> Iterator[DirectiveNode]:
        """The uses of a directive at an element and its extensions."""
        for node in (element.ast_node, *(getattr(element, "extension_ast_nodes", None) or ())):
            for use in getattr(node, "directives", None) or ():
                if self._names.get(use.name.value) == meant:
                    yield use

    def elements(self) -> Iterator[tuple[str, Any, Any]]:
        """Coordinate, owner and element of everything that may have a weight: types, fields, arguments."""
        for name, type_ in self._schema.type_map.items():
            yield name, None, type_
            for field_name, field in getattr(type_, "fields", {}).items():
                yield f"{name}.{field_name}", type_, field
                for argument_name, argument in getattr(field, "args", {}).items():
                    yield f"{name}.{field_name}({argument_name}:)", field, argument


def weights_of(schema: GraphQLSchema) -> Weights:
    """The weights that a schema keeps; those of one that keeps none are the defaults."""
    known: Weights | None = schema.extensions.get(COSTS)
    return known or Weights(schema, {})


def weight_of(use: DirectiveNode) -> Amount | None:
    """The weight of one `@cost`; None where it is none."""
    node = _arguments(use).get("weight")
    if not isinstance(node, IntValueNode | FloatValueNode | StringValueNode):
        return None
    try:
        number = float(node.value)
    except ValueError:
        return None
    if not abs(number) <= MOST:  # nan is not
        return None
    return int(number) if number.is_integer() else number


def list_size_of(use: DirectiveNode) -> ListSize:
    """One `@listSize`. What it cannot mean is left out: `check` says so."""
    given = _arguments(use)
    assumed, one = given.get("assumedSize"), given.get("requireOneSlicingArgument")
    return ListSize(
        max(0, int(assumed.value)) if isinstance(assumed, IntValueNode) else None,
        tuple(path for text in texts_of(given.get("slicingArguments")) if (path := path_of(text))),
        tuple(path for text in texts_of(given.get("sizedFields")) if (path := path_of(text))),
        not (isinstance(one, BooleanValueNode) and not one.value),
    )


def texts_of(node: Any) -> list[str]:
    """The texts of a list; one alone stands for a list of it. §3.12"""
    items = node.values if isinstance(node, ListValueNode) else (node,)
    return [item.value for item in items if isinstance(item, StringValueNode)]


def path_of(text: str) -> Names:
    """`input.page.first` and `results { page }` as names."""
    return tuple(filter(None, _PATH.split(text)))


def list_levels(type_: Any) -> int:
    """How many lists are around a type's objects."""
    levels, text = 0, str(type_)
    while text.startswith("["):
        levels, text = levels + 1, text[1:]
    return levels


def named(element: Any) -> Any:
    """The type at the bottom of a field's or argument's."""
    return get_named_type(element.type)


def _arguments(use: DirectiveNode) -> dict[str, Any]:
    return {argument.name.value: argument.value for argument in use.arguments or ()}
