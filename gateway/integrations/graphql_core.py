"""graphql-core's functions, on compiled plans: the same signatures and the same results, for any schema of it.

An operation runs on graphql-core the first time, and on its plan from the second on, found by its document
(`operations.COMPILED_FROM`). What no plan honors or can express runs on graphql-core each time: `fallbacks` counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isawaitable, iscoroutine
from typing import Any

import graphql as core
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema
from graphql.pyutils import is_awaitable
from graphql.type import validate_schema

from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.execute.run import run_code
from gateway.execute.subscribe import subscribe_with
from gateway.integrations import known
from gateway.integrations.arguments import NOTHING, ArgumentReading, named
from gateway.integrations.documents import parse, validate
from gateway.integrations.operations import Resolver, Variety, store_of
from gateway.integrations.reasons import count, fallbacks
from gateway.plan.collect import CannotCompileError
from gateway.runtime import reference
from gateway.runtime.introspect import IntrospectionError
from gateway.runtime.request import Variables, never
from gateway.runtime.state import Run

__all__ = [
    "HARNESS",
    "execute",
    "execute_sync",
    "experimental_execute_incrementally",
    "fallbacks",
    "graphql",
    "graphql_sync",
    "parse",
    "subscribe",
    "validate",
]

OWN = (
    "root_value",
    "context_value",
    "variable_values",
    "operation_name",
    "field_resolver",
    "type_resolver",
    "subscribe_field_resolver",
)
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
    *more: Any,
    **options: Any,
) -> Any:
    """Execute an operation as `graphql.execute` does.

    Args:
        more: What the installed graphql-core's own takes by position from there on.
        options: The same by name. The others are graphql-core's.

    Shape: an ExecutionResult where nothing has to be awaited, else a coroutine of one.
    Errors: as graphql-core: an invalid schema raises, and one with `@defer` or `@stream`; everything else is in
        the result.
    """
    if more:
        options |= named(core.execute, more, skip=9)
    reading = ArgumentReading(options) if options else NOTHING
    if reading.reason is None:
        store = store_of(schema)
        if store.is_incremental:
            raise reference.unexpected_directives()
        variety = Variety(operation_name, field_resolver, type_resolver, reading.wraps)
        raw = variable_values or {}
        result = _run(schema, document, variety, root_value, context_value, raw, reading)
        if result is not None:
            return result
    else:
        count(reading.reason)
    return core.execute(
        schema,
        document,
        root_value,
        context_value,
        variable_values,
        operation_name,
        reference.field_resolver(field_resolver),
        type_resolver,
        subscribe_field_resolver,
        **options,
    )


def execute_sync(*positional: Any, **options: Any) -> ExecutionResult:
    """Execute as `graphql.execute_sync` does: nothing may be awaited.

    Errors: as graphql-core's; RuntimeError, where `check_sync` is set and something had to be awaited.
    """
    given = _for_sync(options | named(core.execute_sync, positional, skip=0))
    return _at_once(
        experimental_execute_incrementally(**given) if reference.IS_3_3 else execute(**given)
    )


def experimental_execute_incrementally(
    schema: GraphQLSchema, document: DocumentNode, *positional: Any, **options: Any
) -> Any:
    """Execute as graphql-core 3.3's function of this name: a document without `@defer` and `@stream` on its
    compiled plan, the others on graphql-core.

    Shape: as `execute`, or graphql-core's incremental results.
    """
    run: Any = core.experimental_execute_incrementally
    given = options | named(run, positional, skip=2)
    reading = ArgumentReading({name: value for name, value in given.items() if name not in OWN})
    if reading.reason is None:
        take = given.get
        variety = Variety(
            take("operation_name"), take("field_resolver"), take("type_resolver"), reading.wraps
        )
        raw = take("variable_values") or {}
        result = _run(
            schema, document, variety, take("root_value"), take("context_value"), raw, reading
        )
        if result is not None:
            return result
    else:
        count(reading.reason)
    given["field_resolver"] = reference.field_resolver(given.get("field_resolver"))
    return run(schema, document, **given)


def _run(
    schema: GraphQLSchema,
    document: DocumentNode,
    variety: Variety,
    root: Any,
    context: Any,
    raw: Any,
    reading: ArgumentReading,
) -> Any:
    """Run an operation on its plan: what `execute` gives; None at its first run, and where there is no plan."""
    if not isinstance(raw, Mapping):
        return None  # graphql-core says so
    store = store_of(schema)
    try:
        seen = store.lookup(document)
    except RecursionError:
        count("nested too deeply")
        return None
    source = seen.source(variety.operation_name) if seen is not None else None
    if seen is None or source is None:  # graphql-core says which operation there is not
        return None
    if not store.admits(variety):
        count("resolvers made anew")
        return None
    prepared = store.prepare(schema, seen, variety)
    if prepared.reason is not None:
        count(prepared.reason)
        return None
    hide = reading.hide_suggestions
    coerced = prepared.coercers.coerce(raw, reading.max_coercion_errors, hide, source)
    if isinstance(coerced, list):
        return ExecutionResult(None, coerced)
    try:
        code = prepared.code(coerced)
        run = Run(code.bound, source, root, context, Variables(coerced, raw), None, hide)
        if reading is not NOTHING:
            reading.tell(run)
        return run_code(run, code, waits=not reading.is_at_once)
    except (CannotCompileError, IntrospectionError) as error:
        count(str(error))
        return None


def graphql(schema: GraphQLSchema, source: Any, *positional: Any, **options: Any) -> Any:
    """Parse, validate and execute as `graphql.graphql` does. Shape: a coroutine of an ExecutionResult."""
    given = options | named(core.graphql, positional, skip=2)
    if reference.IS_3_3:
        given.setdefault("harness", HARNESS)
        return core.graphql(schema, source, **given)
    return _awaited(_from_text(schema, source, given))


def graphql_sync(
    schema: GraphQLSchema, source: Any, *positional: Any, **options: Any
) -> ExecutionResult:
    """The same as `graphql.graphql_sync` does: nothing may be awaited. Errors: as `execute_sync`."""
    given = options | named(core.graphql_sync, positional, skip=2)
    if reference.IS_3_3:
        given.setdefault("harness", HARNESS)
        given["check_sync"] = _checked(given.get("check_sync"))
        return core.graphql_sync(schema, source, **given)
    return _at_once(_from_text(schema, source, _for_sync(given)))


async def _awaited(result: AwaitableOrValue[ExecutionResult]) -> ExecutionResult:
    return await result if isawaitable(result) else result


def _from_text(
    schema: GraphQLSchema, source: Any, given: dict[str, Any]
) -> AwaitableOrValue[ExecutionResult]:
    """What `graphql` does on graphql-core 3.2, which cannot be given other functions."""
    invalid = validate_schema(schema)
    if invalid:
        return ExecutionResult(None, invalid)
    try:
        document = parse(source)
    except GraphQLError as error:
        return ExecutionResult(None, [error])
    hide: Any = {"hide_suggestions": True} if given.get("hide_suggestions") else {}
    errors = validate(schema, document, **hide)
    if errors:
        return ExecutionResult(None, errors)
    result: AwaitableOrValue[ExecutionResult] = execute(schema, document, **given)
    return result


def _for_sync(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a function that may not await, as `execute` has them."""
    check = _checked(given.pop("check_sync", False))
    given["is_awaitable"] = check or never
    if reference.IS_3_3 and not check:
        given["is_async_iterable"] = never
    return given


def _checked(check: Any) -> Any:
    """`check_sync` as a predicate; False where nothing is looked for."""
    if check and (
        not callable(check) or known.predicate_of(check, known.predicates) is is_awaitable
    ):
        return known.must_not_wait
    return check


def _at_once(result: Any) -> ExecutionResult:
    if isawaitable(result) or not isinstance(result, ExecutionResult):
        if iscoroutine(result):
            result.close()
        raise RuntimeError("GraphQL execution failed to complete synchronously.")
    return result


def subscribe(
    schema: GraphQLSchema, document: DocumentNode, *positional: Any, **options: Any
) -> Any:
    """Subscribe as `graphql.subscribe` does, with its arguments: graphql-core makes the source stream, each event
    is one compiled run.

    Shape: an asynchronous iterator of results, or a result with errors, or an awaitable of either.
    """
    arguments = options | named(core.subscribe, positional, skip=2)
    arguments = {name: value for name, value in arguments.items() if value is not None}
    reason = ArgumentReading(
        {name: arguments[name] for name in arguments if name not in OWN}
    ).reason
    if not reference.IS_3_3:
        reason = "subscriptions of graphql-core 3.2"
    if reason is not None:
        count(reason)
        for name in ("field_resolver", "subscribe_field_resolver"):
            arguments[name] = reference.field_resolver(arguments.get(name))
        return core.subscribe(schema, document, **arguments)
    each_event = {name: arguments[name] for name in arguments.keys() - PER_STREAM}

    def run_event(payload: Any) -> Any:
        return execute(schema, document, payload, **each_event)

    return subscribe_with(schema, document, arguments, run_event)


HARNESS: Any = (
    core.GraphQLHarness(parse=parse, validate=validate, execute=execute, subscribe=subscribe)
    if reference.IS_3_3
    else None
)
"""What graphql-core 3.3's own `graphql` takes as `harness`."""
