"""From one operation to its cost: a formula to be evaluated before, and the tree that is walked after.

Fields are collected as the executor collects them, so that fragments, aliases and merged selections count once. Equal
selections on equal types are compiled once. `@skip` and `@include` are decided before: there is one cost for each set
of values of their variables. Pure: schema and document in, formulas out.

Source: IBM, "GraphQL Cost Directives" (draft of 2021), §5.3 and §7.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    is_abstract_type,
    is_object_type,
)

from gateway.cost.field_sources import is_call, source_of
from gateway.cost.formula import (
    NOTHING,
    ONE,
    Amount,
    FixedCost,
    Formula,
    Given,
    largest,
    times,
    total,
)
from gateway.cost.inputs import InputCosts
from gateway.cost.nodes import BySource, FieldCost, ObjectCost, OperationCost
from gateway.cost.settings import CostSettings, SourceBudget
from gateway.cost.weights import ListSize, Names, list_levels, named, weights_of
from gateway.plan.collect import CannotCompileError, Collector
from gateway.plan.kinds import field_of

FREE = frozenset({"__typename", "__schema", "__type"})
Sized = tuple[tuple[Names, Formula], ...]
"""Sizes that a field has said of fields below it, by their paths."""
NO_BUDGET = SourceBudget()
OBJECT_BYTES, FIELD_BYTES = 800, 500


@dataclass(slots=True)
class OperationCosts:
    """Makes the costs of operations of one schema.

    Attributes:
        schema: Bound, so that it is known which source gives a field.
        settings: As configured.
    """

    schema: GraphQLSchema
    settings: CostSettings = field(default_factory=CostSettings)

    def compile(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        shaping: Mapping[str, bool | None],
        slots: Mapping[int, int] | None = None,
        denied: Collection[int] = (),
    ) -> OperationCost:
        """The cost of an operation.

        Args:
            document: Valid.
            operation: Of it.
            shaping: The values of the variables of `@skip` and `@include`; None: absent.
            slots: Literals that other texts of the plan have other values for.
            denied: Field nodes that are not answered, by `id`.

        Errors: CannotCompileError for a document that is not valid.
        """
        collector = CostCollector(self.schema, document, operation, shaping)
        inputs = InputCosts(weights_of(self.schema), slots or {})
        root_type = self.schema.get_root_type(operation.operation)
        assert root_type is not None
        builder = CostBuilder(self.schema, self.settings, collector, inputs, denied)
        root = builder.object(root_type, (operation.selection_set,), (), None)
        base = self.settings.mutation if operation.operation is OperationType.MUTATION else 0
        formula = total((FixedCost(base), root.total))
        fixed = formula.number if isinstance(formula, FixedCost) else None
        return OperationCost(formula, root.by_source, root, base, builder.size_bytes, fixed)


class CostCollector(Collector):
    """Collects what may be executed: all that stands behind a condition that is null, of which the executor tells."""

    def _condition(self, directive: DirectiveNode, name: str | None = None) -> bool:
        try:
            return super()._condition(directive, name)
        except CannotCompileError:
            return directive.name.value == "include"


class CostBuilder:
    """Builds the tree of one operation.

    Args:
        schema, settings: As of `OperationCosts`.
        collector: Of the operation.
        inputs: Of the operation.
        denied: Field nodes that are not answered.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        settings: CostSettings,
        collector: Collector,
        inputs: InputCosts,
        denied: Collection[int],
    ) -> None:
        self._schema = schema
        self._settings = settings
        self._weights = weights_of(schema)
        self._collector = collector
        self._inputs = inputs
        self._denied = denied
        self._known: dict[tuple[Any, ...], ObjectCost] = {}

    @property
    def size_bytes(self) -> int:
        """What the tree takes in memory, estimated."""
        return sum(OBJECT_BYTES + FIELD_BYTES * len(one.fields) for one in self._known.values())

    def object(
        self,
        type_: GraphQLObjectType,
        sets: tuple[SelectionSetNode | None, ...],
        sized: Sized,
        source: str | None,
    ) -> ObjectCost:
        """An object of a type with what a document selects of it.

        Args:
            type_: Its type.
            sets: The selections.
            sized: Sizes that are known of lists below it.
            source: Who has given it.
        """
        key = (type_.name, source, sized, *map(id, sets))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._object(type_, sets, sized, source)
        return known

    def _object(
        self,
        type_: GraphQLObjectType,
        sets: tuple[SelectionSetNode | None, ...],
        sized: Sized,
        source: str | None,
    ) -> ObjectCost:
        grouped = self._collector.collect_fields(type_, sets)
        always: list[Formula] = []
        fields, totals = [], []
        by_source: dict[str, list[Formula]] = {}
        for key, every in grouped.items():
            nodes = [node for node in every if id(node) not in self._denied]
            definition = field_of(self._schema, type_, every[0].name.value)
            if not nodes or definition is None or every[0].name.value in FREE:
                continue
            cost, whole, of_sources = self._field(type_, key, nodes, definition, sized, source)
            totals.append(whole)
            for name, part in of_sources.items():
                by_source.setdefault(name, []).append(part)
            if cost.objects or cost.leaf:
                fields.append(cost)
            else:
                always.append(cost.own)
        weight = self._weights.of_type(type_) if self._settings.count == "objects" else 0
        own = total(always)
        return ObjectCost(
            weight,
            tuple(fields),
            {one.key: one for one in fields},
            own,
            frozenset(grouped),
            total(totals),
            {name: total(parts) for name, parts in by_source.items()},
            weight + own.number if isinstance(own, FixedCost) and not fields else None,
        )

    def _field(
        self,
        parent: GraphQLObjectType,
        key: str,
        nodes: list[FieldNode],
        definition: GraphQLField,
        sized: Sized,
        outer: str | None,
    ) -> tuple[FieldCost, Formula, BySource]:
        """One response key: what is walked, what it may cost, and what of that each source."""
        name, type_ = nodes[0].name.value, named(definition)
        source = source_of(name, definition, outer)
        own = self._own(definition, nodes[0], type_)
        levels = list_levels(definition.type)
        size, below = self._size(parent, nodes[0], definition, levels, sized, source)
        objects = self._objects(type_, nodes, below, source)
        is_counted = self._settings.count == "objects"
        leaf = 0 if objects or not is_counted else self._weights.of_type(type_)
        each = largest(total((FixedCost(one.weight), one.total)) for one in objects)
        whole = total((own, times(size, each if objects else FixedCost(leaf))))
        by_source = {
            name: times(size, largest((o.by_source.get(name, NOTHING) for o in objects), least=0))
            for name in dict.fromkeys(name for one in objects for name in one.by_source)
        }
        if source is not None:
            weight = FixedCost(max([one.weight for one in objects], default=leaf))
            asked = ONE if not objects and is_call(definition) else NOTHING
            local = total((own, times(size, weight), asked, by_source.get(source, NOTHING)))
            by_source[source] = local
        return FieldCost(key, own, leaf, levels, objects), whole, by_source

    def _objects(
        self, type_: Any, nodes: list[FieldNode], sized: Sized, source: str | None
    ) -> tuple[ObjectCost, ...]:
        possible: Iterable[GraphQLObjectType] = ()
        if is_abstract_type(type_):
            possible = self._schema.get_possible_types(type_)
        elif is_object_type(type_):
            possible = (type_,)
        sets = tuple(node.selection_set for node in nodes)
        return tuple(self.object(one, sets, sized, source) for one in possible)

    def _own(self, definition: GraphQLField, node: FieldNode, type_: Any) -> Formula:
        """What each call costs: the field's weight and its arguments' costs, never below nothing."""
        weight = self._weights.of(definition)
        if weight is None:
            weight = 0 if self._settings.count == "objects" else self._weights.of_type(type_)
        return largest((total((FixedCost(weight), self._inputs.cost(definition, node))),), least=0)

    def _size(
        self,
        parent: GraphQLObjectType,
        node: FieldNode,
        definition: GraphQLField,
        levels: int,
        sized: Sized,
        source: str | None,
    ) -> tuple[Formula, Sized]:
        """How many values a call gives, and what is known of lists below."""
        name, default = node.name.value, self._default_size(source)
        given = next((size for path, size in sized if path == (name,)), None)
        below = [(path[1:], size) for path, size in sized if len(path) > 1 and path[0] == name]
        written = self._list_size(parent, name, definition)
        if written is not None:
            coordinate = f"{parent.name}.{name}"
            size = self._inputs.size(written, definition, node, coordinate, default)
            below += [(path, size) for path in written.sized]
            given = given if given is not None or written.sized else size
        elif name == "_entities":
            given = self._inputs.representations(definition, node, default)
        if not levels:
            return FixedCost(1), tuple(below)
        result = given if given is not None else FixedCost(default)
        for _ in range(levels - 1):
            result = times(result, FixedCost(default))
        return result, tuple(below)

    def _list_size(
        self, parent: GraphQLObjectType, name: str, definition: GraphQLField
    ) -> ListSize | None:
        """What is said of a field's list, there or at the interfaces that it is of."""
        written = self._weights.list_size(definition)
        for interface in parent.interfaces if written is None else ():
            if name in interface.fields:
                written = written or self._weights.list_size(interface.fields[name])
        return written

    def _default_size(self, source: str | None) -> int:
        size = self._settings.sources.get(source or "", NO_BUDGET).list_size
        return self._settings.list_size if size is None else size


def evaluated(formulas: BySource, given: Given) -> dict[str, Amount]:
    """What several formulas amount to."""
    return {name: formula.value(given) for name, formula in formulas.items()}
