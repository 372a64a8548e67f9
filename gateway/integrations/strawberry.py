"""Strawberry on compiled plans: `CompiledSchema` in the place of `strawberry.Schema`, one line.

Everything else stays: extensions, permissions, data loaders, views. What is known here of Strawberry: its executor
class differs from graphql-core's in `info` alone, its predicate for awaitables not at all, a basic field reads an
attribute, and its extension for directives looks only at fields that have some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import FunctionType
from typing import Any

import strawberry
from graphql import FieldNode, GraphQLError, GraphQLField, GraphQLSchema
from graphql.pyutils import is_awaitable
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.extensions.directives import (
    SPECIFIED_DIRECTIVES,
    DirectivesExtension,
    DirectivesExtensionSync,
)
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.federation import Schema as FederationSchema
from strawberry.schema import schema_converter
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types import field as fields
from strawberry.types.execution import ExecutionContext
from strawberry.types.field import StrawberryField

from gateway.graph.member import Member, MemberAccess
from gateway.integrations import graphql_core, known
from gateway.runtime.info import Info
from gateway.runtime.request import InfoForm


class OperationInfo(Info):
    """Strawberry's `info` of graphql-core's making: with the extensions of the request."""

    _fields = (*Info._fields, "operation_extensions")

    @property
    def operation_extensions(self) -> dict[str, Any] | None:
        """`extensions` of the request."""
        found: dict[str, Any] | None = self[-1]
        return found


def _make_info(options: Mapping[str, Any]) -> InfoForm:
    return InfoForm(
        OperationInfo,
        (options["operation_extensions"],),
        has_plain_variables=True,
        is_awaitable=optimized_is_awaitable,
    )


def _has_directives(nodes: Sequence[FieldNode]) -> bool:
    return any(
        directive.name.value not in SPECIFIED_DIRECTIVES for directive in nodes[0].directives or ()
    )


known.register_executor(
    StrawberryGraphQLCoreExecutionContext, frozenset({"operation_extensions"}), _make_info
)
known.predicates[optimized_is_awaitable] = is_awaitable
known.rules |= {MaybeNullValidationRule, OneOfInputValidationRule}
known.passing.add(SchemaExtension.resolve)
known.wraps_only |= {
    DirectivesExtension: _has_directives,
    DirectivesExtensionSync: _has_directives,
}


class Documents(SchemaExtension):
    """Parses and validates by what is remembered of a text."""

    def on_parse(self) -> Iterator[None]:
        """Take the document of a text that came before."""
        context = self.execution_context
        if context.graphql_document is None and context.query:
            with suppress(GraphQLError):  # Strawberry finds it again, and tells it
                context.graphql_document = graphql_core.parse(
                    context.query, **context.parse_options
                )
        yield

    def on_validate(self) -> Iterator[None]:
        """Take a document for valid that is known to be."""
        context = self.execution_context
        document = context.graphql_document
        rules = (*context.validation_rules, MaybeNullValidationRule, OneOfInputValidationRule)
        if context.validation_rules and document and context.pre_execution_errors is None:
            schema = known.schema_of(context.schema)
            context.pre_execution_errors = graphql_core.validate(schema, document, rules)
        yield


def _with_names(function: Any, **names: Any) -> Any:
    """A function of Strawberry's that means something else by some names of its module."""
    return FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


class _Compiled:
    """What a schema class has before Strawberry's own."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        read_members(known.schema_of(self))

    def create_extensions_runner(
        self, execution_context: ExecutionContext, extensions: list[SchemaExtension]
    ) -> SchemaExtensionsRunner:
        """Strawberry's extensions, and last what remembers documents."""
        documents = Documents()
        documents.execution_context = execution_context
        runner: SchemaExtensionsRunner = super().create_extensions_runner(  # type: ignore[misc]
            execution_context, [*extensions, documents]
        )
        return runner

    def _get_execute_function(self) -> Callable[..., Any]:
        if self.config.enable_experimental_incremental_execution:  # type: ignore[attr-defined]
            return graphql_core.experimental_execute_incrementally
        return graphql_core.execute

    def _get_custom_context_kwargs(
        self, operation_extensions: dict[str, Any] | None = None, *, sync: bool = False
    ) -> dict[str, Any]:
        options: dict[str, Any] = super()._get_custom_context_kwargs(  # type: ignore[misc]
            operation_extensions, sync=sync
        )
        if sync:
            options["is_async_iterable"] = known.never_waits
        return options

    _stream = _with_names(strawberry.Schema._stream, subscribe=graphql_core.subscribe)


class CompiledSchema(_Compiled, strawberry.Schema):
    """`strawberry.Schema` on compiled plans: the same arguments, the same answers."""


class CompiledFederationSchema(_Compiled, FederationSchema):
    """`strawberry.federation.Schema` on compiled plans."""


def read_members(schema: GraphQLSchema) -> None:
    """Let plans read the attributes that Strawberry's functions for basic fields read."""
    known.read_members(schema, _member_of)


def _member_of(definition: GraphQLField) -> Member | None:
    """The attribute that a field's function reads, where it does no more than that.

    Strawberry marks functions with permissions and extensions as default ones too: their code tells them apart.
    """
    field = definition.extensions.get("strawberry-definition")
    if (
        known.is_made_in(definition.resolve, schema_converter, "_get_basic_result")
        and isinstance(field, StrawberryField)
        and field.is_basic_field
        and known.is_made_in(getattr(field.get_result, "__func__", None), fields, "get_result")
        and field.default_resolver is getattr
    ):
        return Member(field.python_name, MemberAccess.ATTRIBUTE)
    return None
