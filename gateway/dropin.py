"""graphql-core's `execute`, `subscribe` and `experimental_execute_incrementally`, on compiled plans.

The same signatures and the same results, for any graphql-core schema. Plans are kept for as long as the
schema and the document live, and are made again when a resolver that they bound was replaced. What
changes the executor itself (middleware, executor classes, hooks, abort signals, other predicates) runs on
graphql-core, as does an operation that no plan can express: `fallbacks` counts them.
"""

from __future__ import annotations

import inspect
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import graphql
from graphql import DocumentNode, ExecutionResult, GraphQLSchema
from graphql.type import assert_valid_schema

from gateway.execute import reference
from gateway.execute.introspect import IntrospectionError
from gateway.execute.prepare import Prepared
from gateway.execute.run import run_code
from gateway.execute.state import Run, Variables
from gateway.execute.subscribe import subscribe_with
from gateway.plan.collect import CannotCompileError

fallbacks: Counter[str] = Counter()
"""How often an operation ran on graphql-core, by reason."""

Resolver = Callable[..., Any]

# Arguments that no plan honours: with any of them the operation runs on graphql-core.
FOREIGN = (
    "abort_signal",
    "execution_context_class",
    "executor_class",
    "hooks",
    "is_async_iterable",
    "is_awaitable",
    "middleware",
)
# Only incremental delivery reads it, and `execute` has none.
MEANINGLESS = ("enable_early_execution",)


def execute(
    schema: GraphQLSchema,
    document: DocumentNode,
    root_value: Any = None,
    context_value: Any = None,
    variable_values: dict[str, Any] | None = None,
    operation_name: str | None = None,
    field_resolver: Resolver | None = None,
    type_resolver: Resolver | None = None,
    subscribe_field_resolver: Resolver | None = None,
    max_coercion_errors: int = 50,
    **options: Any,
) -> Any:
    """Execute an operation as `graphql.execute` does.

    Shape: an ExecutionResult where nothing has to be awaited, else a coroutine of one.
    Errors: as graphql-core: an invalid schema raises, everything else is in the result.
    """
    prepared = None
    if not options or not _is_foreign(options):
        prepared = _find(schema, document, operation_name, field_resolver, type_resolver)
    if prepared is not None and prepared.reason is None:
        if prepared.errors is not None:
            return ExecutionResult(None, list(prepared.errors))
        raw = variable_values or {}
        hide = bool(options.get("hide_suggestions"))
        coerced = prepared.coercers.coerce(raw, max_coercion_errors, hide)
        if isinstance(coerced, list):
            return ExecutionResult(None, coerced)
        try:
            code = prepared.code(coerced)
            variables = Variables(coerced, raw)
            return run_code(
                Run(code.bound, prepared.source, root_value, context_value, variables, None, hide),
                code,
            )
        except (CannotCompileError, IntrospectionError) as error:
            fallbacks[str(error)] += 1
    else:
        fallbacks[prepared.reason or "" if prepared else "arguments"] += 1
    arguments: dict[str, Any] = {
        "root_value": root_value,
        "context_value": context_value,
        "variable_values": variable_values,
        "operation_name": operation_name,
        "field_resolver": field_resolver,
        "type_resolver": type_resolver,
        "subscribe_field_resolver": subscribe_field_resolver,
        "max_coercion_errors": max_coercion_errors,
        **options,
    }
    return graphql.execute(schema, document, **arguments)


def experimental_execute_incrementally(
    schema: GraphQLSchema, document: DocumentNode, *args: Any, **options: Any
) -> Any:
    """Execute as graphql-core 3.3's function of this name: a document without `@defer` and `@stream` on its
    compiled plan, the others on graphql-core.

    Shape: as `execute`, or graphql-core's incremental results.
    """
    given = inspect.signature(execute).bind(schema, document, *args, **options).arguments
    foreign = given.get("options", {})
    prepared = None
    if not _is_foreign(foreign):
        prepared = _find(
            schema,
            document,
            given.get("operation_name"),
            given.get("field_resolver"),
            given.get("type_resolver"),
        )
    if prepared is not None and prepared.reason is None:
        return execute(schema, document, *args, **options)
    fallbacks[prepared.reason or "" if prepared else "arguments"] += 1
    run: Any = graphql.experimental_execute_incrementally
    return run(schema, document, *args, **options)


def _is_foreign(options: dict[str, Any]) -> bool:
    return any(
        value is not None and name != "hide_suggestions" and name not in MEANINGLESS
        for name, value in options.items()
    )


class _Plans:
    """The prepared operations of one schema, on the schema itself: they live and die with it.

    Documents are held weakly. Neither copies nor pickles of a schema have its plans.
    """

    def __init__(self) -> None:
        self.of_document: dict[int, tuple[weakref.ref[DocumentNode], dict[Any, Prepared]]] = {}

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return (_Plans, ())

    def find(self, document: DocumentNode) -> dict[Any, Prepared]:
        """The prepared operations of a document, empty at first."""
        number = id(document)
        known = self.of_document.get(number)
        if known is None or known[0]() is not document:
            forget = weakref.ref(document, lambda _ref: self.of_document.pop(number, None))
            known = self.of_document[number] = (forget, {})
        return known[1]


def _find(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    field_resolver: Resolver | None,
    type_resolver: Resolver | None,
) -> Prepared:
    plans = schema.__dict__.get("_gateway_plans")
    if plans is None:
        assert_valid_schema(schema)
        plans = schema.__dict__["_gateway_plans"] = _Plans()
    prepared = plans.find(document)
    key = (operation_name, field_resolver, type_resolver)
    found: Prepared | None = prepared.get(key)
    if found is None:
        # Not the caller's document itself, or it would never be let go.
        own = DocumentNode(definitions=document.definitions, loc=document.loc)
        found = prepared[key] = Prepared(
            schema, own, operation_name, field_resolver=field_resolver, type_resolver=type_resolver
        )
    return found


def subscribe(
    schema: GraphQLSchema,
    document: DocumentNode,
    root_value: Any = None,
    context_value: Any = None,
    variable_values: dict[str, Any] | None = None,
    operation_name: str | None = None,
    field_resolver: Resolver | None = None,
    type_resolver: Resolver | None = None,
    subscribe_field_resolver: Resolver | None = None,
    max_coercion_errors: int = 50,
    **options: Any,
) -> Any:
    """Subscribe as `graphql.subscribe` does: graphql-core makes the source stream, each event is one
    compiled run.

    Shape: an asynchronous iterator of results, or a result with errors, or an awaitable of either.
    """
    arguments: dict[str, Any] = {
        "root_value": root_value,
        "context_value": context_value,
        "variable_values": variable_values,
        "operation_name": operation_name,
        "field_resolver": field_resolver,
        "type_resolver": type_resolver,
        "subscribe_field_resolver": subscribe_field_resolver,
        "max_coercion_errors": max_coercion_errors,
        **options,
    }
    if not reference.IS_3_3 or _is_foreign(options):
        fallbacks["arguments" if reference.IS_3_3 else "subscriptions of graphql-core 3.2"] += 1
        if not reference.IS_3_3:
            arguments = {name: value for name, value in arguments.items() if value is not None}
        return graphql.subscribe(schema, document, **arguments)

    def run_event(payload: Any) -> Any:
        return execute(
            schema,
            document,
            payload,
            context_value,
            variable_values,
            operation_name,
            field_resolver,
            type_resolver,
            None,
            max_coercion_errors,
            **options,
        )

    return subscribe_with(schema, document, arguments, run_event)
