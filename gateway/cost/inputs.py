"""What is read of arguments: sizes that they ask for, and what their input objects cost.

A value stands in the document, in a slot that each text of a plan fills, in a variable, or is a default. It is found
once, when the formula is made; what remains for each request is a look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_nullable_type,
    is_list_type,
)
from graphql.type import GraphQLInputType

from gateway.cost.formula import NOTHING, Amount, FixedCost, Formula, Given, OfRequest, total
from gateway.cost.input_types import named_input, out_names
from gateway.cost.weights import ListSize, Names, Weights, named
from gateway.errors import ClientError

Reads = Callable[[Given], int | None]


class InputCosts:
    """The arguments of one operation.

    Args:
        weights: The schema's.
        slots: Literals that other texts of the plan have other values for: offset to number.
    """

    def __init__(self, weights: Weights, slots: Mapping[int, int]) -> None:
        self._weights = weights
        self._slots = slots

    def cost(self, definition: GraphQLField, node: FieldNode) -> Formula:
        """What the arguments cost that a field node gives. Source: §5.3.2.2; it may be negative."""
        parts: list[Formula] = []
        for given in node.arguments or ():
            argument = definition.args.get(given.name.value)
            if argument is not None:
                parts.append(self._cost_of(argument, given.value))
        return total(parts)

    def _cost_of(self, element: GraphQLArgument | GraphQLInputField, value: ValueNode) -> Formula:
        """An argument or input field with the value that the document has."""
        weight = self._weights.of(element)
        type_ = element.type
        if isinstance(value, VariableNode):
            return self._of_variable(element, value.name.value)
        if isinstance(value, NullValueNode):
            return FixedCost(weight or 0)
        inner = self._of_literal(type_, value, is_weighed=weight is not None)
        return total((FixedCost(weight or 0), inner))

    def _of_variable(self, element: GraphQLArgument | GraphQLInputField, name: str) -> Formula:
        weight = self._weights.of(element)
        is_object = isinstance(named(element), GraphQLInputObjectType)
        if weight is None and not is_object:
            return NOTHING
        own, is_weighed, type_ = weight or 0, weight is not None, named(element)

        def amount(given: Given) -> Amount:
            if name not in given.variables:
                return 0
            if not is_object:
                return own
            return own + self._of_value(type_, given.variables[name], is_weighed=is_weighed)

        return OfRequest(f"cost(${name})", ("cost", name, own, is_weighed, type_.name), amount)

    def _of_literal(
        self, type_: GraphQLInputType, value: ValueNode, *, is_weighed: bool
    ) -> Formula:
        """The input objects in a value of the document; `type_` is what they are of, in lists or not."""
        if isinstance(value, ListValueNode):
            items = (self._of_literal(type_, one, is_weighed=is_weighed) for one in value.values)
            return total(items)
        object_type: Any = named_input(type_)
        if not isinstance(value, ObjectValueNode) or object_type is None:
            return NOTHING
        parts: list[Formula] = [FixedCost(0 if is_weighed else 1)]
        for member in value.fields:
            field = object_type.fields.get(member.name.value)
            if field is not None:
                parts.append(self._cost_of(field, member.value))
        return total(parts)

    def _of_value(self, type_: Any, value: Any, *, is_weighed: bool) -> Amount:
        """The input objects in a variable's value."""
        if isinstance(value, list):
            return sum(self._of_value(type_, item, is_weighed=is_weighed) for item in value)
        if not isinstance(value, dict) or not isinstance(type_, GraphQLInputObjectType):
            return 0
        cost: Amount = 0 if is_weighed else 1
        for name, field in type_.fields.items():
            key = field.out_name or name
            if key in value:
                weight = self._weights.of(field)
                inner = self._of_value(named(field), value[key], is_weighed=weight is not None)
                cost += (weight or 0) + inner
        return cost

    def size(
        self,
        size: ListSize,
        definition: GraphQLField,
        node: FieldNode,
        coordinate: str,
        default: int,
    ) -> Formula:
        """How long the list is that a `@listSize` is about.

        The largest of the slicing arguments that are given or have a default, else `assumedSize`, else `default`.
        """
        fallback = default if size.assumed is None else size.assumed
        if not size.slicing:
            return FixedCost(fallback)
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        found = [self._reads(definition, given, path) for path in size.slicing]
        reads = [read for _, read in found]
        written = [self._reads(definition, given, path, defaults=False)[1] for path in size.slicing]
        if all(isinstance(read, int | None) for read in reads):
            known = [read for read in reads if isinstance(read, int)]
            if known and (not size.requires_one or is_one(known, written)):
                return FixedCost(max(known))
        names = [text for text, read in found if read is not None] or [str(fallback)]
        text = names[0] if len(names) == 1 else f"max({', '.join(names)})"
        amount = _size(reads, written, fallback, coordinate if size.requires_one else None)
        key = ("size", coordinate, *(text for text, _ in found), fallback)
        return OfRequest(text, key, amount)

    def representations(self, definition: GraphQLField, node: FieldNode, default: int) -> Formula:
        """How many entities a router asks for."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        text, read = self._reads(definition, given, ("representations",))
        if isinstance(read, int):
            return FixedCost(read)
        if read is None:
            return FixedCost(default)
        return OfRequest(text, ("size", text), _size([read], [], default, None))

    def _reads(
        self,
        definition: GraphQLField,
        given: Mapping[str, ValueNode],
        path: Names,
        *,
        defaults: bool = True,
    ) -> tuple[str, int | Reads | None]:
        """How a slicing argument is read: its text, and a number, a function, or None where there is none."""
        argument = definition.args.get(path[0])
        if argument is None:
            return path[0], None
        return self._read(given.get(path[0]), path[1:], argument, defaults=defaults)

    def _read(
        self,
        value: ValueNode | None,
        path: Names,
        element: GraphQLArgument | GraphQLInputField,
        *,
        defaults: bool = True,
    ) -> tuple[str, int | Reads | None]:
        """How what an argument or input field is given is read; where nothing is, its default counts."""
        if value is None:
            default = element.ast_node.default_value if element.ast_node is not None else None
            if default is None or not defaults:
                return "", None
            return InputCosts(self._weights, {})._read(default, path, element)
        if isinstance(value, VariableNode):
            _, absent = self._read(None, path, element, defaults=defaults)
            return self._of_name(value.name.value, path, element, absent)
        if not path:
            return self._of_size(value, element.type)
        type_ = named_input(element.type)
        field = type_.fields.get(path[0]) if type_ is not None else None
        if field is None or not isinstance(value, ObjectValueNode):
            return "", None
        given = {member.name.value: member.value for member in value.fields}
        return self._read(given.get(path[0]), path[1:], field, defaults=defaults)

    def _of_size(self, value: ValueNode, type_: GraphQLInputType) -> tuple[str, int | Reads | None]:
        """How a value of the document is read that is a size itself."""
        if isinstance(value, NullValueNode):
            return "", None
        if is_list_type(get_nullable_type(type_)):  # one item stands for a list of it. §3.12
            length = len(value.values) if isinstance(value, ListValueNode) else 1
            return str(length), length
        if not isinstance(value, IntValueNode):
            return "", None
        number = max(0, int(value.value))
        slot = self._slots.get(value.loc.start) if value.loc is not None else None
        if slot is None:
            return str(number), number

        def of_literal(given: Given) -> int:
            return number if given.raws is None else max(0, int(given.raws[slot]))

        return f"literal {slot + 1}", of_literal

    def _of_name(
        self, name: str, path: Names, element: Any, absent: int | Reads | None
    ) -> tuple[str, Reads]:
        """How a variable is read; `absent` counts where it is not given."""
        keys = out_names(element, path)

        def of_variable(given: Given) -> int | None:
            value = given.variables.get(name, given)
            if value is given:
                return absent(given) if callable(absent) else absent
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, int) and not isinstance(value, bool):
                return max(0, value)
            return len(value) if isinstance(value, list) else None

        return ".".join((f"${name}", *path)), of_variable


def is_one(known: Sequence[int], written: Sequence[int | Reads | None]) -> bool:
    """Whether one slicing argument is given: one is written, or none and one has a default."""
    return (sum(one is not None for one in written) or len(known)) == 1


def _size(
    reads: Sequence[int | Reads | None],
    written: Sequence[int | Reads | None],
    fallback: int,
    coordinate: str | None,
) -> Callable[[Given], int]:
    """Reads a size.

    Args:
        reads: The slicing arguments, with their defaults.
        written: Without them.
        fallback: What counts where nothing is given.
        coordinate: The field, where exactly one has to be given.
    """
    if len(reads) == 1 and callable(reads[0]) and coordinate is None:
        only = reads[0]

        def read_one(given: Given) -> int:
            found = only(given)
            return fallback if found is None else found

        return read_one

    def read_several(given: Given) -> int:
        found = [one(given) if callable(one) else one for one in reads]
        known = [number for number in found if number is not None]
        if coordinate is not None and given.is_strict:
            asked = [one(given) if callable(one) else one for one in written]
            if not is_one(known, asked):
                count = sum(one is not None for one in asked) or len(known)
                raise SlicingError(coordinate, count)
        return max(known, default=fallback)

    return read_several


class SlicingError(ClientError):
    """A field needs exactly one slicing argument, and has another number of them.

    Args:
        coordinate: The field.
        count: How many it has.
    """

    def __init__(self, coordinate: str, count: int) -> None:
        super().__init__(
            f"Exactly one slicing argument is required for {coordinate}, and {count} are given.",
            code="COST_INVALID_SLICING_ARGUMENTS",
        )
