"""Fields of one response key: are they alike wherever their selection sets give one object?

The specification lets more pass: other fields on types that exclude each other. Those are left to the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    ObjectValueNode,
    VariableNode,
    is_composite_type,
)

from gateway.language.quick.doubt import MAX_NESTING, Doubt, StepsLeft
from gateway.language.quick.selections import SelectedField, SelectedSet


class Merging:
    """One document's."""

    def __init__(
        self,
        selected: dict[int, SelectedSet],
        fragments: dict[str, FragmentDefinitionNode],
        steps: StepsLeft,
    ) -> None:
        self._selected = selected
        self._fragments = fragments
        self._steps = steps
        self._merged: set[tuple[int, ...]] = set()
        self._alike: set[tuple[int, int]] = set()

    def check(self, sets: tuple[int, ...], depth: int) -> None:
        """See that all fields of one response key, in selection sets that give one object, are alike."""
        if sets in self._merged:
            return
        if depth > MAX_NESTING:
            raise Doubt
        self._merged.add(sets)
        groups: dict[str, list[SelectedField]] = {}
        for field in self._expand(sets):
            group = groups.setdefault(field.key, [])
            if group:
                self._check_alike(group[0], field)
            group.append(field)
        for group in groups.values():
            if group[0].node.selection_set is not None:
                self.check(tuple(id(field.node.selection_set) for field in group), depth + 1)

    def _expand(self, sets: tuple[int, ...]) -> Iterable[SelectedField]:
        """The fields of selection sets and of the fragments that they spread, each fragment once."""
        rest, seen = list(sets), set[int](sets)
        for identity in rest:  # it grows
            selected = self._selected[identity]
            self._steps.take(1 + len(selected.fields) + len(selected.spreads))
            yield from selected.fields
            for name in selected.spreads:
                fragment = id(self._fragments[name].selection_set)
                if fragment not in seen:
                    seen.add(fragment)
                    rest.append(fragment)

    def _check_alike(self, one: SelectedField, other: SelectedField) -> None:
        """See that two fields ask for the same, whatever the type that they stand on. Errors: Doubt."""
        a, b = one.node, other.node
        if (id(a), id(b)) in self._alike:
            return
        if a.name.value != b.name.value or len(a.arguments or ()) != len(b.arguments or ()):
            raise Doubt
        if not is_same_shape(one.definition.type, other.definition.type):
            raise Doubt
        for x, y in zip(a.arguments or (), b.arguments or (), strict=True):
            if x.name.value != y.name.value or not self._is_same_value(x.value, y.value):
                raise Doubt
        self._alike.add((id(a), id(b)))

    def _is_same_value(self, one: Any, other: Any) -> bool:
        """Whether two literals are written alike."""
        self._steps.take()
        if type(one) is not type(other):
            return False
        if type(one) is VariableNode:
            return bool(one.name.value == other.name.value)
        if type(one) is ListValueNode:
            return len(one.values) == len(other.values) and all(
                map(self._is_same_value, one.values, other.values)
            )
        if type(one) is ObjectValueNode:
            return len(one.fields) == len(other.fields) and all(
                x.name.value == y.name.value and self._is_same_value(x.value, y.value)
                for x, y in zip(one.fields, other.fields, strict=True)
            )
        return all(getattr(one, k, None) == getattr(other, k, None) for k in ("value", "block"))


def is_same_shape(one: Any, other: Any) -> bool:
    """Whether two types are lists, and never null, at the same levels, around one leaf or two things with fields."""
    while one is not other:
        if type(one) is type(other) and type(one) in (GraphQLNonNull, GraphQLList):
            one, other = one.of_type, other.of_type
        else:
            return is_composite_type(one) and is_composite_type(other)
    return True
