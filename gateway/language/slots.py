"""Which literals of a document may vary without another plan. Decided once, when the plan is made.

A slot is free when it is, or is inside, an argument of a field, and the literal is of a built-in scalar:
whatever its value, the document stays valid, but for the few values that `is_doubtful` names. Everything
else is pinned: what a custom scalar or an enum makes of a literal is not known, directives and defaults
shape the operation itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLFloat,
    GraphQLInt,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_input_object_type,
    is_list_type,
    specified_scalar_types,
)

from gateway.language.normalize import Normalized


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a normalized document.

    Attributes:
        free: Offset of the literal in the document that was planned → number of its slot.
        pinned: The slots whose text is part of the key.
        ints: Free slots of type Int: only 32 bits are valid.
        floats: Free slots of type Float.
    """

    free: dict[int, int]
    pinned: tuple[int, ...]
    ints: tuple[int, ...]
    floats: tuple[int, ...]

    def pins(self, raws: Sequence[str]) -> tuple[str, ...]:
        """The part of the key that pinned slots are."""
        return tuple([raws[slot] for slot in self.pinned])

    def is_doubtful(self, raws: Sequence[str]) -> bool:
        """Whether a value may make the document invalid: then it has to be validated itself."""
        for slot in self.ints:
            raw = raws[slot]
            # Length first: a number of thousands of digits is slow to read.
            if len(raw) > 9 and (len(raw) > 11 or not -(2**31) <= int(raw) < 2**31):
                return True
        for slot in self.floats:
            raw = raws[slot]
            if len(raw) > 15 and not (len(raw) < 400 and isfinite(float(raw))):
                return True
            if len(raw) > 4 and ("e" in raw or "E" in raw) and not isfinite(float(raw)):
                return True
        return False


NO_SLOTS = Slots(free={}, pinned=(), ints=(), floats=())


def find_slots(schema: GraphQLSchema, document: DocumentNode, normalized: Normalized) -> Slots:
    """Sort the slots of a valid document into free and pinned ones."""
    if not normalized.raws:
        return NO_SLOTS
    offsets = {offset: slot for slot, offset in enumerate(normalized.offsets())}
    free: dict[int, int] = {}
    types: dict[int, Any] = {}
    for value, type_ in _argument_values(schema, document):
        for start, named in _scalars(value, type_):
            slot = offsets.get(start)
            if slot is not None:
                free[start] = slot
                types[slot] = named
    return Slots(
        free=free,
        pinned=tuple(slot for slot in offsets.values() if slot not in types),
        ints=tuple(slot for slot, named in types.items() if named is GraphQLInt),
        floats=tuple(slot for slot, named in types.items() if named is GraphQLFloat),
    )


def _argument_values(
    schema: GraphQLSchema, document: DocumentNode
) -> Iterator[tuple[ValueNode, Any]]:
    """Every value of a field's argument with the argument's type."""
    todo: list[tuple[SelectionSetNode, Any]] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            todo.append((definition.selection_set, schema.get_root_type(definition.operation)))
        elif isinstance(definition, FragmentDefinitionNode):
            todo.append(
                (definition.selection_set, schema.get_type(definition.type_condition.name.value))
            )
    while todo:
        selection_set, parent = todo.pop()
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                if node.arguments is None and node.selection_set is None:
                    continue
                field = schema.get_field(parent, node.name.value)
                if field is None:
                    continue
                for argument in node.arguments or ():
                    expected = field.args.get(argument.name.value)
                    if expected is not None:
                        yield argument.value, expected.type
                if node.selection_set is not None:
                    below: Any = get_named_type(field.type)
                    if is_composite_type(below):
                        todo.append((node.selection_set, below))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                below = schema.get_type(condition.name.value) if condition else parent
                todo.append((node.selection_set, below))


def _scalars(value: ValueNode, type_: Any) -> Iterator[tuple[int, Any]]:
    """Offset and type of each literal of a built-in scalar."""
    type_ = get_nullable_type(type_)
    if isinstance(value, ListValueNode):
        if is_list_type(type_):
            for item in value.values:
                yield from _scalars(item, type_.of_type)
        return
    named: Any = get_named_type(type_)  # a single value stands for a list of one
    if isinstance(value, ObjectValueNode):
        if is_input_object_type(named):
            for field in value.fields:
                expected = named.fields.get(field.name.value)
                if expected is not None:
                    yield from _scalars(field.value, expected.type)
        return
    if specified_scalar_types.get(named.name) is named and value.loc is not None:
        yield value.loc.start, named
