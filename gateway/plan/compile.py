"""One operation of a document to its plan.

`compile_plan` builds the tree of selections and pipes it through the passes. Pure and synchronous: schema
and document in, plan out; it must never call a resolver or look at a request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    default_type_resolver,
    is_abstract_type,
    is_non_null_type,
    print_ast,
)

from gateway.graph.views.view import SchemaView
from gateway.plan.collect import CannotCompileError, Collector
from gateway.plan.field_facts import FactsOfFields, FieldFacts, output_of
from gateway.plan.kinds import (
    FieldResolverFunction,
    Wraps,
    is_overridden,
    wrapped_kind_of,
)
from gateway.plan.loaders import chosen_loader
from gateway.plan.nodes import (
    Check,
    Composite,
    Field,
    Kind,
    Leaf,
    Part,
    Plan,
    Selection,
    fields_of,
)
from gateway.plan.passes.depend import add_dependencies
from gateway.plan.passes.project import project_loaders
from gateway.plan.passes.schedule import schedule_steps
from gateway.plan.passes.settle import mark_settled
from gateway.plan.passes.supply import read_what_is_supplied

# Beyond these an operation is not worth compiling: a plan of 2,000 fields takes about 0.15 s to make, on
# the event loop, and generated code nests with the response.
MAX_FIELDS = 2_000
MAX_DEPTH = 40
# Field nodes that are not answered, by `id`, each for its "field" or its "type".
DeniedNodes = Mapping[int, str]


def compile_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    shaping: Mapping[str, bool | None] | None = None,
    *,
    field_resolver: FieldResolverFunction | None = None,
    type_resolver: FieldResolverFunction | None = None,
    wraps: Wraps | None = None,
    denied: DeniedNodes | None = None,
    view: SchemaView | None = None,
    overrides: tuple[str, ...] = (),
) -> Plan:
    """Plan one operation of a document.

    Shape: `shaping` has a value for every name of `shaping_variables(document)`; None: absent.
        `field_resolver` and `type_resolver` stand in for graphql-core's default ones. `wraps` says which fields a
        middleware wraps, `denied` which field nodes are not answered, `view` what of the schema there is.
    Errors: CannotCompileError when the operation has to run on graphql-core.
    """
    given = (schema, document, operation, shaping or {}, field_resolver, type_resolver, wraps)
    builder = PlanBuilder(*given, denied, view, overrides)
    return run_passes(builder.build(), schema)


def run_passes(plan: Plan, schema: GraphQLSchema, *, projects: bool = True) -> Plan:
    """From the tree of selections to a plan that can be emitted.

    Args:
        plan: As the builder made it.
        schema: The schema.
        projects: Whether loaders may leave out what the plan does not read.
    """
    kinds = {field.kind for field in fields_of(plan)}
    has_loaders = not kinds.isdisjoint((Kind.BATCH, Kind.ENTITY))
    if Kind.ENTITY in kinds:
        plan = read_what_is_supplied(plan, schema)
    if has_loaders:
        plan = add_dependencies(plan, schema)
    plan = mark_settled(plan)
    plan = schedule_steps(plan)
    return project_loaders(plan, schema) if projects and has_loaders else plan


class PlanBuilder:
    """Builds the tree of selections, numbered in the order of the response."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        shaping: Mapping[str, bool | None],
        field_resolver: FieldResolverFunction | None,
        type_resolver: FieldResolverFunction | None,
        wraps: Wraps | None = None,
        denied: DeniedNodes | None = None,
        view: SchemaView | None = None,
        overrides: tuple[str, ...] = (),
    ) -> None:
        self.schema = schema
        self.view = view
        self.overrides = overrides
        self.operation = operation
        self.collector = Collector(schema, document, operation, shaping)
        self.facts = FactsOfFields(schema, field_resolver)
        self.field_resolver = field_resolver
        self.type_resolver = type_resolver
        self.wraps = wraps
        self.denied = denied or {}
        self.loader_numbers: dict[int, int] = {}
        self.field_count = 0
        self.selection_count = 0

    def build(self) -> Plan:
        root_type = self.schema.get_root_type(self.operation.operation)
        if root_type is None:
            raise CannotCompileError("no root type")
        selection = self.build_selection(root_type, [self.operation.selection_set], 0)
        parts = [selection]
        if self.operation.operation is OperationType.MUTATION:
            parts = [
                Selection(selection.id, selection.type, (field,)) for field in selection.fields
            ]
        return Plan(
            operation=self.operation.operation.value,
            name=self.operation.name.value if self.operation.name else "",
            parts=tuple(Part(part) for part in parts),
            shaping=tuple(sorted(self.collector.shaping.items())),
            overrides=self.overrides,
        )

    def build_selection(
        self, parent: GraphQLObjectType, selection_sets: list[Any], depth: int
    ) -> Selection:
        return self.build_fields(
            parent, self.collector.collect_fields(parent, selection_sets), depth
        )

    def build_fields(
        self, parent: GraphQLObjectType, grouped: dict[str, list[FieldNode]], depth: int
    ) -> Selection:
        if depth > MAX_DEPTH:
            raise CannotCompileError(f"nested deeper than {MAX_DEPTH} objects")
        number = self.selection_count
        self.selection_count += 1
        fields = []
        for key, nodes in grouped.items():
            facts = self.facts.of(parent, nodes[0].name.value)
            if facts is None:
                continue
            allowed = nodes
            if self.denied:
                allowed = [node for node in nodes if id(node) not in self.denied]
            if allowed:
                fields.append(self.build_field(parent, key, facts, allowed, depth))
            else:
                fields.append(self.build_denied(parent, key, facts.definition, nodes))
        return Selection(number, parent.name, tuple(fields))

    def build_field(
        self,
        parent: GraphQLObjectType,
        key: str,
        facts: FieldFacts,
        nodes: list[FieldNode],
        depth: int,
    ) -> Field:
        number = self.field_count
        self.field_count += 1
        if self.field_count > MAX_FIELDS:
            raise CannotCompileError(f"more than {MAX_FIELDS} fields")
        kind, definition = facts.kind, facts.definition
        wrapped = self.wraps is not None and self.wraps(nodes)
        if wrapped and kind is Kind.INTROSPECTION:
            raise CannotCompileError("introspection under middleware")
        if wrapped:
            kind = wrapped_kind_of(definition, self.field_resolver)
        output = facts.leaf or output_of(
            definition.type, partial(self.build_composite, facts, nodes, depth)
        )
        arguments = nodes[0].arguments
        return Field(
            id=number,
            key=key,
            name=nodes[0].name.value,
            parent=parent.name,
            kind=kind,
            output=output,
            nodes=tuple([self.collector.numbers[id(node)] for node in nodes]),
            arguments=", ".join(map(text_of, arguments)) if arguments else "",
            access=None if wrapped else facts.access,
            wrapped=wrapped,
            loader=self.loader_number(definition.resolve) if kind is Kind.ENTITY else 0,
            is_overridden=is_overridden(definition, self.overrides),
        )

    def build_denied(
        self, parent: GraphQLObjectType, key: str, definition: GraphQLField, nodes: list[FieldNode]
    ) -> Field:
        """A field that the client may not see: it is null, and where it must not be null, the object around it is."""
        number = self.field_count
        self.field_count += 1
        return Field(
            id=number,
            key=key,
            name=nodes[0].name.value,
            parent=parent.name,
            kind=Kind.SYNC,
            output=Leaf("String", Check.STRING, is_non_null_type(definition.type)),
            nodes=tuple(self.collector.numbers[id(node)] for node in nodes),
            denied=self.denied[id(nodes[0])],
        )

    def build_composite(
        self, facts: FieldFacts, nodes: list[FieldNode], depth: int, type_: Any, non_null: bool
    ) -> Composite:
        possible = facts.possible
        if self.view is not None:
            possible = tuple(one for one in possible if self.view.shows(one.name))
        selection_sets = [node.selection_set for node in nodes]
        return Composite(
            type=type_.name,
            selections=tuple(
                [self.build_selection(one, selection_sets, depth + 1) for one in possible]
            ),
            non_null=non_null,
            by_call=self.is_decided_by_call(type_, possible),
        )

    def loader_number(self, resolve: Any) -> int:
        override = resolve.override
        loader = chosen_loader(resolve, override is not None and override.label in self.overrides)
        return self.loader_numbers.setdefault(id(loader), len(self.loader_numbers))

    def is_decided_by_call(self, type_: Any, possible: Sequence[GraphQLObjectType]) -> bool:
        if any(object_type.is_type_of for object_type in possible):
            return True
        if not is_abstract_type(type_):
            return False
        resolve_type = type_.resolve_type or self.type_resolver or default_type_resolver
        return resolve_type is not default_type_resolver


def text_of(node: ArgumentNode) -> str:
    """An argument as the document has it, on one line."""
    if node.loc is None:
        return print_ast(node)
    return " ".join(node.loc.source.body[node.loc.start : node.loc.end].split())
