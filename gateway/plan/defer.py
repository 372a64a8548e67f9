"""An operation with `@defer` to its plan: that of the first payload, and one for each deferred fragment.

A deferred fragment is planned as a selection over rows that the first plan keeps. Its plan begins with these
rows, wherever they stand in the response, so that one run of it asks each backend once for all of them. Pure
and synchronous. What it cannot split as graphql-core does, it refuses.

Source: the incremental delivery of the specification's draft, as graphql-core 3.3's `collect_fields` has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
)

from gateway.graph.views.view import SchemaView
from gateway.plan.collect import CannotCompileError, Collector
from gateway.plan.compile import DeniedNodes, PlanBuilder, run_passes
from gateway.plan.kinds import FieldResolverFunction, field_of
from gateway.plan.nodes import Kind, Part, Plan, Selection, fields_of


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """One `@defer` that is in force, at one place. Two are never equal."""

    label: str | None


Fields = dict[str, list[FieldNode]]


@dataclass(frozen=True, slots=True)
class Deferred:
    """What one `@defer` puts off, for objects of one type at one place.

    Attributes:
        selection: The selection of the first plan whose rows it begins with.
        label: As the client gave it.
        plan: Over these rows.
    """

    selection: int
    label: str | None
    plan: Plan


@dataclass(frozen=True, slots=True)
class IncrementalPlan:
    """A plan that delivers in parts.

    Attributes:
        initial: Of the first payload.
        deferred: In the order of the response; none when every `@defer` is switched off.
    """

    initial: Plan
    deferred: tuple[Deferred, ...]


def compile_incremental_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    shaping: Mapping[str, bool | None],
    *,
    field_resolver: FieldResolverFunction | None = None,
    type_resolver: FieldResolverFunction | None = None,
    denied: DeniedNodes | None = None,
    view: SchemaView | None = None,
    overrides: tuple[str, ...] = (),
) -> IncrementalPlan:
    """Plan one query with `@defer`.

    Shape: as `compile_plan`.
    Errors: CannotCompileError when the operation has to run on graphql-core.
    """
    if operation.operation is not OperationType.QUERY:
        raise CannotCompileError("@defer")
    given = (schema, document, operation, shaping, field_resolver, type_resolver)
    arguments = (*given, None, denied, view, overrides)
    builder = _Builder(*arguments)
    initial = builder.build()
    deferred = []
    for found in builder.found:
        plan = _Builder(*arguments).build_deferred(found, initial)
        if any(field.kind is Kind.INTROSPECTION for field in fields_of(plan)):
            raise CannotCompileError("@defer of introspection")
        deferred.append(Deferred(found.selection, found.label, run_passes(plan, schema)))
    # What a fragment reads of a row is not known to the loader of the row: it holds all that it can.
    initial = run_passes(initial, schema, projects=not deferred)
    return IncrementalPlan(initial, tuple(deferred))


@dataclass(frozen=True, slots=True)
class _Found:
    selection: int
    label: str | None
    parent: GraphQLObjectType
    fields: Fields
    depth: int


class _Builder(PlanBuilder):
    """Leaves deferred fields out of the plan, and keeps what has to be planned for them."""

    def __init__(self, schema: GraphQLSchema, *arguments: Any) -> None:
        super().__init__(schema, *arguments)
        self.splitter = _Splitter(schema, *arguments[:3])
        self.found: list[_Found] = []

    def build_selection(
        self, parent: GraphQLObjectType, selection_sets: list[Any], depth: int
    ) -> Selection:
        """The selection of the first payload."""
        now, later = self.splitter.split_fields(parent, selection_sets)
        number = self.selection_count
        self.found += [
            _Found(number, usage.label, parent, fields, depth) for usage, fields in later.items()
        ]
        return self.build_fields(parent, now, depth)._replace(is_kept=bool(later))

    def build_deferred(self, found: _Found, initial: Plan) -> Plan:
        """The plan of one deferred fragment, before the passes."""
        root = self.build_fields(found.parent, found.fields, found.depth)
        if self.found:
            raise CannotCompileError("@defer within @defer")
        return initial._replace(parts=(Part(root),), is_deferred=True)


class _Splitter(Collector):
    """Collects fields with the `@defer` that each occurrence stands under."""

    def split_fields(
        self, runtime_type: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode | None]
    ) -> tuple[Fields, dict[Usage, Fields]]:
        """The fields of the first payload, and those of each `@defer`.

        A leaf that stands in both is in the first. Errors: CannotCompileError for every other overlap.
        """
        grouped: dict[str, list[tuple[FieldNode, Usage | None]]] = {}
        visited: dict[str, bool] = {}
        for selection_set in selection_sets:
            if selection_set is not None:
                self._split(runtime_type, selection_set, grouped, visited, None)
        now: Fields = {}
        later: dict[Usage, Fields] = {}
        for key, found in grouped.items():
            nodes = [node for node, _ in found]
            if field_of(self.schema, runtime_type, nodes[0].name.value) is None:
                continue
            usages = {usage for _, usage in found}
            if len(usages) > 1 and (None not in usages or any(n.selection_set for n in nodes)):
                raise CannotCompileError("@defer of fields that overlap")
            usage = None if None in usages else found[0][1]
            (now if usage is None else later.setdefault(usage, {}))[key] = nodes
        return now, later

    def _split(
        self,
        runtime_type: GraphQLObjectType,
        selection_set: SelectionSetNode,
        grouped: dict[str, list[tuple[FieldNode, Usage | None]]],
        visited: dict[str, bool],
        usage: Usage | None,
    ) -> None:
        for node in selection_set.selections:
            if not self._is_included(node.directives):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                grouped.setdefault(key, []).append((node, usage))
                continue
            own = self._usage(node)
            if own is not None and usage is not None:
                raise CannotCompileError("@defer within @defer")
            fragment: Any = node
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self.fragments.get(name)
                if fragment is None or not self._applies(fragment, runtime_type):
                    continue
                is_deferred = (own or usage) is not None
                if name in visited:
                    if is_deferred or visited[name]:
                        raise CannotCompileError("@defer of a fragment that stands twice")
                    continue
                visited[name] = is_deferred
            elif not self._applies(fragment, runtime_type):
                continue
            below = fragment.selection_set
            self._split(runtime_type, below, grouped, visited, own or usage)

    def _usage(self, node: InlineFragmentNode | FragmentSpreadNode | Any) -> Usage | None:
        directive = _defer_of(node.directives)
        if directive is None:
            return None
        arguments = {argument.name.value: argument.value for argument in directive.arguments or ()}
        if "if" in arguments and not self._condition(directive, "if"):
            return None
        label = arguments.get("label")
        return Usage(label.value if isinstance(label, StringValueNode) else None)


def _defer_of(directives: Iterable[DirectiveNode] | None) -> DirectiveNode | None:
    return next((found for found in directives or () if found.name.value == "defer"), None)
