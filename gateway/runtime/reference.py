"""Where graphql-core 3.2 and 3.3 differ: the only module that asks which one is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import graphql
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    default_field_resolver,
    value_from_ast,
)
from graphql.execution.values import get_argument_values, get_variable_values
from graphql.pyutils import inspect, is_awaitable

import gateway.language.messages  # noqa: F401 - errors suggest names by it

IS_3_3 = graphql.version_info[:2] >= (3, 3)

if IS_3_3:
    from graphql.execution import Executor as BaseExecutor
    from graphql.execution import create_source_event_stream as create_source_event_stream
    from graphql.execution.collect_fields import FieldDetails
    from graphql.execution.execute import UNEXPECTED_EXPERIMENTAL_DIRECTIVES
    from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
    from graphql.execution.get_variable_signature import get_variable_signature
    from graphql.execution.incremental.incremental_executor import IncrementalExecutor
    from graphql.execution.values import VariableValues, VariableValueSource
    from graphql.type import GraphQLResolveInfoHelpers
    from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

    INCREMENTAL_EXECUTOR: type[Any] = IncrementalExecutor
    OWN_EXECUTORS: tuple[type[Any], ...] = (
        BaseExecutor,
        IncrementalExecutor,
        ExecutorThrowingOnIncremental,
    )
else:
    BaseExecutor = graphql.execution.ExecutionContext  # type: ignore
    OWN_EXECUTORS = (BaseExecutor,)


Resolver = Callable[..., Any]


def select_operation(
    operations: Sequence[OperationDefinitionNode], name: str | None
) -> OperationDefinitionNode | None:
    """The operation that is meant: the only one, or the last of that name. §6.1"""
    if name is None:
        return operations[0] if len(operations) == 1 else None
    named = [node for node in operations if node.name and node.name.value == name]
    return named[-1] if named else None


def default_resolver(source: Any, info: GraphQLResolveInfo[Any], /, **arguments: Any) -> Any:
    """graphql-core's default resolver, for fields too whose arguments are called `source` or `info`.

    graphql-core's own raises a TypeError there: it gets two values by one name.
    """
    name = info.field_name
    value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
    return value(info, **arguments) if callable(value) else value


def field_resolver(given: Resolver | None) -> Resolver:
    """What resolves fields without a resolver, on graphql-core as by a plan."""
    return default_resolver if given is None or given is default_field_resolver else given


def execute(
    schema: GraphQLSchema, document: DocumentNode, root: Any = None, **options: Any
) -> ExecutionResult | Awaitable[ExecutionResult]:
    """`graphql.execute`, of a document that defers nothing, also where the schema has `@defer` and `@stream`.

    graphql-core refuses such a schema there, whatever the document asks.
    """
    options["field_resolver"] = field_resolver(options.get("field_resolver"))
    if not has_incremental(schema):
        return graphql.execute(schema, document, root, **options)
    result: Any = graphql.experimental_execute_incrementally(schema, document, root, **options)
    return _awaited_whole(result) if is_awaitable(result) else _whole(result)


def has_incremental(schema: GraphQLSchema) -> bool:
    """Whether a schema has `@defer` or `@stream`, which graphql-core 3.3's `execute` refuses."""
    return IS_3_3 and bool(schema.get_directive("defer") or schema.get_directive("stream"))


def unexpected_directives() -> GraphQLError:
    """What graphql-core 3.3's `execute` raises for such a schema."""
    return GraphQLError(UNEXPECTED_EXPERIMENTAL_DIRECTIVES)


async def _awaited_whole(result: Awaitable[Any]) -> ExecutionResult:
    return _whole(await result)


def _whole(result: Any) -> ExecutionResult:
    if isinstance(result, ExecutionResult):
        return result
    raise GraphQLError(
        "Executing this operation would give several payloads: it was not asked for them."
    )


def coerce_variables(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    raw: Mapping[str, Any],
    max_errors: int,
    hide_suggestions: bool,
) -> dict[str, Any] | list[GraphQLError]:
    """graphql-core's own coercion: the coerced values, or every error."""
    definitions = operation.variable_definitions or ()
    if not IS_3_3:
        return get_variable_values(schema, definitions, dict(raw), max_errors=max_errors)  # type: ignore
    found = get_variable_values(
        schema,
        definitions,
        dict(raw),
        max_errors=max_errors,
        hide_suggestions=hide_suggestions,
    )
    return found if isinstance(found, list) else found.coerced


def own_enum_coercion(type_: GraphQLEnumType) -> Callable[[Any], Any] | None:
    """How an enum type coerces a variable's value, where that is not graphql-core's own way; else None.

    Integrations make enum types of their own, which give Python's enum members.
    """
    name = "coerce_input_value" if IS_3_3 else "parse_value"
    found: Callable[[Any], Any] = getattr(type_, name)
    is_inherited = getattr(found, "__func__", None) is getattr(GraphQLEnumType, name)
    return None if is_inherited else found


def value_coercion(type_: GraphQLScalarType) -> Callable[[Any], Any]:
    """How a scalar coerces a variable's value: Undefined, or an error, for a wrong one."""
    return type_.coerce_input_value if IS_3_3 else type_.parse_value


def literal_coercion(type_: GraphQLScalarType) -> Callable[[ValueNode], Any]:
    """How a scalar coerces a literal without variables: Undefined, or an error, for a wrong one."""
    name = "coerce_input_literal" if IS_3_3 else "parse_literal"
    coerce: Callable[[ValueNode], Any] = getattr(type_, name)
    return coerce


def constant(type_: Any, node: ValueNode) -> Any:
    """The value of a literal without variables: Undefined for a wrong one. Errors: TypeError for a wrong default."""
    # 3.3 still has the older function, which leaves out the defaults of input fields.
    return coerce_input_literal(node, type_) if IS_3_3 else value_from_ast(node, type_)


def takes_any_literal(type_: GraphQLScalarType) -> bool:
    """Whether a scalar has graphql-core's own input functions, which take everything as it is."""
    parses = type_.parse_value is not GraphQLScalarType.parse_value
    parses |= getattr(type_.parse_literal, "__func__", None) is not GraphQLScalarType.parse_literal
    if IS_3_3:
        parses |= type_.coerce_input_value is not GraphQLScalarType.parse_value
        parses |= type_.coerce_input_literal is not None
    return not parses


def input_default(field: Any) -> Any:
    """The coerced default of an input field; Undefined without one. Errors: TypeError for one that is wrong."""
    return coerce_default_value(field) if IS_3_3 else field.default_value


def variable_values(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode | None,
    coerced: dict[str, Any],
    raw: Mapping[str, Any],
) -> Any:
    """The variables as `info.variable_values` and argument coercion have them."""
    if not IS_3_3:
        return coerced
    sources = {}
    for node in (operation and operation.variable_definitions) or ():
        signature = get_variable_signature(schema, node)
        if not isinstance(signature, GraphQLError):
            name = signature.name
            sources[name] = VariableValueSource(signature, raw.get(name, Undefined))
    return VariableValues(sources, coerced)


def argument_values(
    definition: GraphQLField, node: FieldNode, variables: Any, hide_suggestions: bool
) -> dict[str, Any]:
    """graphql-core's own coercion of a field's arguments. Errors: GraphQLError."""
    if not IS_3_3:
        return get_argument_values(definition, node, variables)
    return get_argument_values(definition, node, variables, None, hide_suggestions)


def async_helpers(gather: Callable[..., Any], track: Callable[..., Any]) -> Any:
    """`info.async_helpers`, where there is such a thing."""
    return GraphQLResolveInfoHelpers(gather=gather, track=track) if IS_3_3 else None


def check_runtime_type(
    schema: GraphQLSchema, name: Any, abstract: Any, nodes: list[FieldNode], info: Any, value: Any
) -> None:
    """graphql-core's check of what `resolve_type` gave. Errors: its GraphQLError."""
    owner: Any = SimpleNamespace(schema=schema)
    details: Any = [FieldDetails(node, None) for node in nodes] if IS_3_3 else nodes
    BaseExecutor.ensure_valid_runtime_type(owner, name, abstract, details, info, value)


def complete_leaf(type_: Any, value: Any) -> Any:
    """graphql-core's completion of a leaf. Errors: whatever serialization raises."""
    return BaseExecutor.complete_leaf_value(type_, value)


def wrong_type_error(type_: Any, value: Any, nodes: list[FieldNode]) -> GraphQLError:
    """What graphql-core says when `is_type_of` is false."""
    return GraphQLError(f"Expected value of type '{type_}' but got: {inspect(value)}.", nodes)


def build_executor(schema: GraphQLSchema, document: DocumentNode, arguments: dict[str, Any]) -> Any:
    """An executor of graphql-core 3.3, or a list of request errors."""
    renamed = dict(arguments)
    renamed["raw_variable_values"] = renamed.pop("variable_values", None)
    for name in ("field_resolver", "subscribe_field_resolver"):
        renamed[name] = field_resolver(renamed.get(name))
    executor = renamed.pop("executor_class", ExecutorThrowingOnIncremental)
    return executor.build(schema, document, **renamed)
