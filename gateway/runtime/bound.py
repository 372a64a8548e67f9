"""A plan bound to its schema: the nodes of the same tree with the objects that run time needs.

Plan nodes name things; these hold them: types, serializers, resolvers, loaders. Made once per plan. It
must hold nothing of a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    is_enum_type,
    is_leaf_type,
)

from gateway.client.vary import Vary
from gateway.graph.json_numbers import json_serialize
from gateway.graph.loader import Loader
from gateway.graph.member import MemberAccess, member_of
from gateway.graph.resolvers import FieldResolver
from gateway.graph.views.view import SchemaView
from gateway.plan.kinds import field_of
from gateway.plan.loaders import loader_of
from gateway.plan.nodes import Composite, Field, Kind, Leaf, Selection
from gateway.plan.passes.settle import is_settled
from gateway.runtime import reference
from gateway.runtime.arguments import Arguments
from gateway.runtime.denied import DENY, NULL

if TYPE_CHECKING:
    from gateway.runtime.bound_plan import Bound


class BoundLeaf:
    """A scalar or enum with its serialization.

    Attributes:
        type: The GraphQL type.
        serialize: graphql-core's own for this type, or that of numbers of JSON.
        is_from_json: Which of the two.
    """

    __slots__ = ("is_from_json", "non_null", "plan", "serialize", "type")

    def __init__(self, plan: Leaf, schema: GraphQLSchema, view: SchemaView | None) -> None:
        self.plan = plan
        self.non_null = plan.non_null
        self.type: Any = schema.type_map.get(plan.type)
        if view is not None and is_enum_type(self.type):
            self.type = view.enum(self.type)
        self.is_from_json = False
        self.serialize: Callable[[Any], Any] = (
            serialize_of(self.type) if is_leaf_type(self.type) else _as_it_is
        )


class BoundList:
    """A list."""

    __slots__ = ("item", "non_null")

    def __init__(self, item: BoundOutput, non_null: bool) -> None:
        self.item = item
        self.non_null = non_null


class BoundComposite:
    """An object type or an abstract one.

    Attributes:
        by_type: The selection of each object type, by its name.
        by_name: Those of types without `is_type_of`: their name alone decides.
        only: The selection, for an object type.
        resolve_type: Says an abstract value's type; None for an object type.
        by_call: As in the plan.
    """

    __slots__ = ("by_call", "by_name", "by_type", "non_null", "only", "resolve_type", "type")

    def __init__(self, plan: Composite, schema: GraphQLSchema, bound: Bound) -> None:
        self.type: Any = schema.type_map[plan.type]
        self.non_null = plan.non_null
        self.by_call = plan.by_call
        self.by_type = {s.type: BoundSelection(s, schema, bound) for s in plan.selections}
        is_object = isinstance(self.type, GraphQLObjectType)
        self.only = next(iter(self.by_type.values())) if is_object else None
        self.by_name = {n: s for n, s in self.by_type.items() if not s.type.is_type_of}
        self.resolve_type: Any = None
        if not is_object:
            self.resolve_type = getattr(self.type, "resolve_type", None) or bound.type_resolver


# What a plan relies on beside resolvers.
WATCHED = {Leaf: ("serialize", "coerce_output_value"), Composite: ("resolve_type",)}

BoundOutput = BoundLeaf | BoundList | BoundComposite


class BoundSelection:
    """The fields of one object type at one place.

    Attributes:
        plan: The plan node.
        type: The object type.
        fields: Without hidden ones, in the order of the response.
        field: The field that the selection is below; None for a root.
    """

    __slots__ = ("field", "fields", "id", "plan", "type")

    def __init__(self, plan: Selection, schema: GraphQLSchema, bound: Bound) -> None:
        self.plan = plan
        self.id = plan.id
        self.type: Any = schema.type_map[plan.type]
        self.field: BoundField | None = None
        every = [BoundField(field, self, schema, bound) for field in plan.fields]
        self.fields = [field for field in every if not field.plan.hidden]
        bound.selections[plan.id] = self


class BoundField:
    """One response key with its definition and what resolves it.

    Attributes:
        plan: The plan node.
        selection: The selection that it is in.
        definition: The schema's field.
        arguments: How its arguments are evaluated; None when it has none.
        resolver: What is called: the user's function.
        is_direct: Called with the context in the place of `info` (`FieldResolver`).
        sees: What it may see of the client; None for all.
        loader: For BATCH and ENTITY, projected to what the plan wants.
        member: How a property is read, where it is not read as graphql-core's default resolver does.
        takes_info: The function wants an `info` of its own.
        has_own: Each call of the function has an `info` or arguments of its own.
        output: Bound output.
        composite: What is at the bottom of it; None for a leaf.
        is_completed: Its column holds response values when its parents are shaped.
        is_regrouped: Its objects are settled: its column is completed before its parents are shaped.
    """

    __slots__ = (
        "access",
        "arguments",
        "composite",
        "coordinate",
        "definition",
        "has_own",
        "id",
        "is_completed",
        "is_direct",
        "is_regrouped",
        "key",
        "loader",
        "member",
        "name",
        "output",
        "plan",
        "resolver",
        "sees",
        "selection",
        "takes_info",
    )

    def __init__(
        self, plan: Field, selection: BoundSelection, schema: GraphQLSchema, bound: Bound
    ) -> None:
        self.plan = plan
        self.id = plan.id
        self.key = plan.key
        self.name = plan.name
        self.access = plan.access or plan.name
        self.selection = selection
        definition = field_of(schema, selection.type, plan.name)
        assert definition is not None
        self.definition: GraphQLField = definition
        resolve = self.definition.resolve or bound.field_resolver
        if plan.denied:
            resolve = DENY if plan.output.non_null else NULL
        if resolve is None and plan.wrapped:
            resolve = reference.default_resolver
        self.member: MemberAccess | None = None
        if resolve is not None and plan.kind is Kind.PROPERTY:
            member = member_of(resolve)
            if member is not None and member.access is not MemberAccess.DEFAULT:
                self.member = member.access
        self.is_direct, self.takes_info = False, True
        self.resolver: Any = resolve
        self.sees: Vary | None = None
        if isinstance(resolve, FieldResolver):
            self.is_direct, self.takes_info = True, resolve.takes_info
            self.resolver, self.sees = resolve.function, resolve.sees
        self.loader: Loader | None = loader_of(schema, plan)
        self.arguments: Arguments | None = None
        if self.definition.args and not plan.hidden and not plan.denied:
            self.arguments = bound.arguments_of(self.definition, plan.nodes[0])
        self.has_own = self.takes_info or not (self.arguments is None or self.arguments.is_shared)
        self.output = bound.bind_output(plan.output, schema)
        self.composite = composite_of(self.output)
        self.coordinate = plan.coordinate
        self.is_regrouped = False
        if self.composite is not None:
            self.is_regrouped = is_settled(plan)
            for child in self.composite.by_type.values():
                child.field = self
        elif not plan.denied:
            read_as_json(self.definition, self.output)
        self.is_completed = self.is_regrouped or plan.kind is Kind.INTROSPECTION
        bound.fields[plan.id] = self
        if not bound.is_fixed:
            bound.watch(self.definition, "resolve")

    @property
    def path(self) -> str:
        """Where its values stand in the response, lists left out: `videos.edges.node.channel`."""
        above = self.selection.field
        return self.key if above is None else f"{above.path}.{self.key}"


def read_as_json(definition: GraphQLField, output: BoundOutput) -> None:
    """Let the leaf of a field whose values are read from JSON take numbers as JSON has them."""
    while isinstance(output, BoundList):
        output = output.item
    if isinstance(output, BoundLeaf):
        serialize = json_serialize(definition, output.plan.type, output.serialize)
        if serialize is not None:
            output.serialize, output.is_from_json = serialize, True


def composite_of(output: BoundOutput) -> BoundComposite | None:
    """The composite at the bottom of an output; None for a leaf."""
    while isinstance(output, BoundList):
        output = output.item
    return output if isinstance(output, BoundComposite) else None


def serialize_of(type_: Any) -> Callable[[Any], Any]:
    """The serialization of a leaf type, under the name that this graphql-core has for it."""
    function: Callable[[Any], Any] = getattr(type_, "coerce_output_value", None) or type_.serialize
    return function


def _as_it_is(value: Any) -> Any:
    return value
