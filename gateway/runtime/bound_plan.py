"""A whole plan, bound to its schema: its fields and selections by number, and what it relies on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    default_type_resolver,
)

from gateway.client.vary import joined
from gateway.graph.field_tree import LEAF, FieldTree
from gateway.graph.resolvers import vary_of
from gateway.graph.schema import is_fixed
from gateway.graph.views.view import SchemaView
from gateway.plan.collect import field_nodes
from gateway.plan.nodes import Kind, Leaf, ListOf, Output, Plan
from gateway.runtime import reference
from gateway.runtime.arguments import Arguments
from gateway.runtime.bound import (
    WATCHED,
    BoundComposite,
    BoundField,
    BoundLeaf,
    BoundList,
    BoundOutput,
    BoundSelection,
)
from gateway.runtime.literals import known_variables


class Bound:
    """A whole plan, bound.

    Attributes:
        plan: The plan.
        schema: The schema.
        view: What of it clients see; None for all.
        roots: The root selection of each part.
        fields: Every field by id.
        selections: Every selection by id.
        checked: Properties whose arguments may be wrong: a wrong one is an error of the field even
            though nothing reads it.
        operation: The operation of the document that the plan was made from.
        introspection: The fields that `introspect` answers; `answers` has what it found.
        is_fixed: Whether the schema is the gateway's own, which nobody changes.
        watched: Else, what the plan relied on: (attributes of the owner, name, value). A plan whose schema was
            changed under it is not used again.
        vary: What its resolvers read of the client; None when that is not known of one.
    """

    def __init__(
        self,
        plan: Plan,
        schema: GraphQLSchema,
        document: DocumentNode,
        *,
        slots: Mapping[int, int] | None = None,
        field_resolver: Callable[..., Any] | None = None,
        type_resolver: Callable[..., Any] | None = None,
        view: SchemaView | None = None,
    ) -> None:
        self.fields: dict[int, BoundField] = {}
        self.selections: dict[int, BoundSelection] = {}
        self.plan = plan
        self.nodes = field_nodes(document)
        operations = [n for n in document.definitions if isinstance(n, OperationDefinitionNode)]
        self.operation = reference.select_operation(operations, plan.name or None)
        self.slots = slots or {}
        self.schema = schema
        self.view = view
        self.field_resolver = field_resolver
        self.type_resolver = type_resolver or default_type_resolver
        self.watched: list[tuple[Any, str, Any]] = []
        self.is_fixed = is_fixed(schema)
        self._watched_keys: set[tuple[int, str]] = set()
        self._variables = known_variables(schema, self.operation)
        self._arguments: dict[tuple[int, int], Arguments] = {}
        self.roots = [BoundSelection(part.root, schema, self) for part in plan.parts]
        self.checked = [
            field
            for field in self.fields.values()
            if field.plan.kind is Kind.PROPERTY and field.arguments and field.arguments.may_be_wrong
        ]
        self.introspection = [f for f in self.fields.values() if f.plan.kind is Kind.INTROSPECTION]
        self.answers: dict[Any, Any] = {}
        self._project()
        self.vary = joined(
            vary_of(resolve)
            for field in self.fields.values()
            if (resolve := field.definition.resolve) is not None
            and field.plan.kind is not Kind.TYPENAME
            and field.plan.kind is not Kind.INTROSPECTION
            and not field.plan.denied
        )

    def __del__(self) -> None:
        """Let go of the way up. A cache drops plans all the time, and full collections are rare and long."""
        for field in self.fields.values():
            del field.selection
        for selection in self.selections.values():
            del selection.field

    def bind_output(self, output: Output, schema: GraphQLSchema) -> BoundOutput:
        """The bound form of an output."""
        if isinstance(output, ListOf):
            return BoundList(self.bind_output(output.item, schema), output.non_null)
        named = schema.type_map.get(output.type)
        if not self.is_fixed and named is not None:
            for attribute in WATCHED[type(output)]:
                self.watch(named, attribute)
        if isinstance(output, Leaf):
            return BoundLeaf(output, schema, self.view)
        if not self.is_fixed:
            for selection in output.selections:
                self.watch(schema.type_map[selection.type], "is_type_of")
        return BoundComposite(output, schema, self)

    def arguments_of(self, definition: GraphQLField, node: int) -> Arguments:
        """The arguments of a field node, made once for all places where its fragment is spread."""
        key = (id(definition), node)
        known = self._arguments.get(key)
        if known is None:
            known = self._arguments[key] = Arguments(
                definition, self.nodes[node], self.slots, self._variables
            )
        return known

    def watch(self, owner: Any, attribute: str) -> None:
        """Remember what the plan relied on: an attribute of the object itself, or that it has none."""
        key = (id(owner), attribute)
        if key not in self._watched_keys:
            self._watched_keys.add(key)
            self.watched.append((owner.__dict__, attribute, owner.__dict__.get(attribute)))

    def is_current(self) -> bool:
        """Whether the schema still has the functions that the plan was bound to."""
        for attributes, name, value in self.watched:  # noqa: SIM110  all() costs twice as much here
            if attributes.get(name) is not value:
                return False
        return True

    def _project(self) -> None:
        """Tell each loader what it has to hold. Entity fields of one step share one loader."""
        for part in self.plan.parts:
            for step in (step for wave in part.waves for step in wave):
                if step.kind not in (Kind.BATCH, Kind.ENTITY):
                    continue
                fields = [self.fields[number] for number in step.fields]
                wanted = [field.plan.wanted for field in fields]
                loader = fields[0].loader
                if loader is None or any(tree is None for tree in wanted):
                    continue
                if step.kind is Kind.ENTITY:
                    tree = FieldTree((f.name, f.plan.wanted or LEAF) for f in fields)
                    projected = loader.project(tree)
                else:
                    projected = loader.project(wanted[0] or LEAF)
                for field in fields:
                    field.loader = projected
