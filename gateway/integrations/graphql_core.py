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

from gateway.execute.prepare import Prepared
from gateway.execute.run import run_code
from gateway.execute.subscribe import subscribe_with
from gateway.plan.collect import CannotCompileError
from gateway.runtime import reference
from gateway.runtime.introspect import IntrospectionError
from gateway.runtime.state import Run, Variables

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
OWN = {
    "root_value",
    "context_value",
    "variable_values",
    "operation_name",
    "field_resolver",
    "type_resolver",
    "subscribe_field_resolver",
    "max_coercion_errors",
}
# What makes the source stream and is not each event's.
PER_STREAM = {"root_value", "subscribe_field_resolver"}


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
    *more: Any,
    **options: Any,
) -> Any:
    """Execute an operation as `graphql.execute` does.

    Args:
        more: What graphql-core's own takes by position from there on.
        options: The same by name. The others are graphql-core's.

    Shape: an ExecutionResult where nothing has to be awaited, else a coroutine of one.
    Errors: as graphql-core: an invalid schema raises, and one with `@defer` or `@stream`; everything else is in
        the result.
    """
    if more:
        options |= _named(graphql.execute, more, skip=10)
    if not options or not _is_foreign(options):
        key = (operation_name, field_resolver, type_resolver)
        prepared = _find(schema, document, key)
        hide = bool(options.get("hide_suggestions"))
        raw = variable_values or {}
        result = _start(prepared, root_value, context_value, raw, max_coercion_errors, hide)
        if result is not None:
            return result
    else:
        fallbacks["arguments"] += 1
    return graphql.execute(
        schema,
        document,
        root_value,
        context_value,
        variable_values,
        operation_name,
        field_resolver,
        type_resolver,
        subscribe_field_resolver,
        max_coercion_errors,
        **options,
    )


def _start(
    prepared: Prepared,
    root: Any,
    context: Any,
    raw: dict[str, Any],
    max_coercion_errors: int,
    hide_suggestions: bool,
) -> Any:
    """Run an operation on its plan: what `execute` gives; None where it has none, which is counted."""
    if prepared.reason is not None:
        fallbacks[prepared.reason] += 1
        return None
    if prepared.errors is not None:
        return ExecutionResult(None, list(prepared.errors))
    coerced = prepared.coercers.coerce(raw, max_coercion_errors, hide_suggestions)
    if isinstance(coerced, list):
        return ExecutionResult(None, coerced)
    try:
        code = prepared.code(coerced)
        variables = Variables(coerced, raw)
        return run_code(
            Run(code.bound, prepared.source, root, context, variables, None, hide_suggestions), code
        )
    except (CannotCompileError, IntrospectionError) as error:
        fallbacks[str(error)] += 1
        return None


def experimental_execute_incrementally(
    schema: GraphQLSchema, document: DocumentNode, *positional: Any, **options: Any
) -> Any:
    """Execute as graphql-core 3.3's function of this name: a document without `@defer` and `@stream` on its
    compiled plan, the others on graphql-core.

    Shape: as `execute`, or graphql-core's incremental results.
    """
    run: Any = graphql.experimental_execute_incrementally
    given = options | _named(run, positional, skip=2)
    if not _is_foreign({name: given[name] for name in given.keys() - OWN}):
        take = given.get
        key = (take("operation_name"), take("field_resolver"), take("type_resolver"))
        result = _start(
            _find(schema, document, key, delivers=True),
            take("root_value"),
            take("context_value"),
            take("variable_values") or {},
            take("max_coercion_errors", 50),
            bool(take("hide_suggestions")),
        )
        if result is not None:
            return result
    else:
        fallbacks["arguments"] += 1
    return run(schema, document, **given)


def _named(function: Callable[..., Any], positional: tuple[Any, ...], skip: int) -> dict[str, Any]:
    """Positional arguments of one of graphql-core's functions by name, after the first `skip`."""
    parameters = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ][skip:]
    if len(positional) > len(parameters):
        raise TypeError(
            f"{function.__name__}() takes {skip + len(parameters)} arguments by position"
        )
    return dict(zip(parameters, positional, strict=False))


def _is_foreign(options: dict[str, Any]) -> bool:
    return any(
        value is not None and name != "hide_suggestions" and name not in MEANINGLESS
        for name, value in options.items()
    )


class _Plans:
    """The prepared operations of one schema, on the schema itself: they live and die with it.

    Documents are held weakly. Neither copies nor pickles of a schema have its plans.

    Attributes:
        is_incremental: Whether the schema has `@defer` or `@stream`.
    """

    def __init__(self, is_incremental: bool = False) -> None:
        self.is_incremental = is_incremental
        self.of_document: dict[int, tuple[weakref.ref[DocumentNode], dict[Any, Prepared]]] = {}

    def __reduce__(self) -> tuple[type, tuple[bool]]:
        return (_Plans, (self.is_incremental,))

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
    key: tuple[str | None, Resolver | None, Resolver | None],
    *,
    delivers: bool = False,
) -> Prepared:
    """The prepared operation of a name, a field resolver and a type resolver.

    Args:
        schema, document, key: What makes it.
        delivers: Whether it is asked for by who may get several payloads.

    Errors: graphql-core's for a schema that is not valid, or has `@defer` or `@stream` for who may not get them.
    """
    plans = schema.__dict__.get("_gateway_plans")
    if plans is None:
        assert_valid_schema(schema)
        plans = schema.__dict__["_gateway_plans"] = _Plans(reference.has_incremental(schema))
    if plans.is_incremental and not delivers:
        raise reference.unexpected_directives()
    prepared = plans.find(document)
    found: Prepared | None = prepared.get(key)
    if found is None:
        name, field_resolver, type_resolver = key
        # Not the caller's document itself, or it would never be let go.
        own = DocumentNode(definitions=document.definitions, loc=document.loc)
        found = prepared[key] = Prepared(
            schema, own, name, field_resolver=field_resolver, type_resolver=type_resolver
        )
    return found


def subscribe(
    schema: GraphQLSchema, document: DocumentNode, *positional: Any, **options: Any
) -> Any:
    """Subscribe as `graphql.subscribe` does, with its arguments: graphql-core makes the source stream, each event
    is one compiled run.

    Shape: an asynchronous iterator of results, or a result with errors, or an awaitable of either.
    """
    arguments = options | _named(graphql.subscribe, positional, skip=2)
    arguments = {name: value for name, value in arguments.items() if value is not None}
    foreign = {name: arguments[name] for name in arguments.keys() - OWN}
    if not reference.IS_3_3 or _is_foreign(foreign):
        fallbacks["arguments" if reference.IS_3_3 else "subscriptions of graphql-core 3.2"] += 1
        return graphql.subscribe(schema, document, **arguments)
    each_event = {name: arguments[name] for name in arguments.keys() - PER_STREAM}

    def run_event(payload: Any) -> Any:
        return execute(schema, document, payload, **each_event)

    return subscribe_with(schema, document, arguments, run_event)
