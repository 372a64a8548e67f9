"""From one operation and the values of its shaping variables to its generated code.

It must keep nothing that it has made: who prepares the operation does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from graphql import GraphQLSchema, OperationDefinitionNode

from gateway.codegen.code import Code
from gateway.execute.deferred import DeferredCode, IncrementalCode
from gateway.graph.views.view import SchemaView
from gateway.plan.compile import DeniedNodes, compile_plan
from gateway.plan.defer import compile_incremental_plan
from gateway.plan.kinds import Wraps
from gateway.plan.nodes import Plan
from gateway.runtime.bound_plan import Bound
from gateway.runtime.request import Source
from gateway.runtime.variants import Growing

P = TypeVar("P")


class OperationCompiler:
    """Compiles one operation.

    Args:
        schema: Bound to its resolvers and loaders.
        source: The document, and which operation of it.
        name: What the names of its generated modules begin with.
        growing: Admits and charges the client for whom code is made.
        slots: Literals that other texts of the same plan have other values for.
        field_resolver, type_resolver, wraps: In place of the defaults.
        denied: Field nodes that are not answered.
        view: What of the schema its clients see; None for all.
        overrides: Labels of `@override` that are on.
        mark: What the names of its generated modules end with.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        source: Source,
        name: str,
        growing: Growing,
        *,
        slots: Mapping[int, int] | None,
        field_resolver: Callable[..., Any] | None,
        type_resolver: Callable[..., Any] | None,
        wraps: Wraps | None,
        denied: DeniedNodes | None,
        view: SchemaView | None,
        overrides: tuple[str, ...],
        mark: str,
    ) -> None:
        self._schema = schema
        self._source = source
        self._name = name
        self._growing = growing
        self._slots = slots
        self._field_resolver = field_resolver
        self._type_resolver = type_resolver
        self._wraps = wraps
        self._denied = denied
        self._view = view
        self._overrides = overrides
        self._mark = mark

    def compile_code(self, shaping: Mapping[str, Any]) -> Code:
        """The code of the whole operation for these shaping variables. Errors: CannotCompileError."""
        plan = self._planned(compile_plan, shaping, wraps=self._wraps)
        return self._bind(plan, shaping)

    def compile_parts(self, shaping: Mapping[str, Any]) -> IncrementalCode:
        """The code of an operation with `@defer`, part by part. Errors: CannotCompileError."""
        plan = self._planned(compile_incremental_plan, shaping)
        deferred = [
            DeferredCode(part.selection, part.label, self._bind(part.plan, shaping, f"+{number}"))
            for number, part in enumerate(plan.deferred)
        ]
        return IncrementalCode(self._bind(plan.initial, shaping), tuple(deferred))

    def _planned(self, plan: Callable[..., P], shaping: Mapping[str, Any], **more: Any) -> P:
        """What a planner makes of the operation."""
        operation = self._source.operation
        assert isinstance(operation, OperationDefinitionNode)
        return plan(
            self._schema,
            self._source.document,
            operation,
            shaping,
            field_resolver=self._field_resolver,
            type_resolver=self._type_resolver,
            denied=self._denied,
            view=self._view,
            overrides=self._overrides,
            **more,
        )

    def _bind(self, plan: Plan, shaping: Mapping[str, Any], which: str = "") -> Code:
        bound = Bound(
            plan,
            self._schema,
            self._source.document,
            slots=self._slots,
            field_resolver=self._field_resolver,
            type_resolver=self._type_resolver,
            view=self._view,
        )
        suffix = "".join("-01"[1 + bool(value)] for value in shaping.values())
        return Code(bound, self._name + suffix + which + self._mark, self._growing)
