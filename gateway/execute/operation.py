"""How the gateway runs a prepared operation: by its compiled plan, or as a whole on graphql-core (the fallback).

The choice is made before the first step: an operation ends on the path that it has begun on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from graphql import ExecutionResult

from gateway.codegen.code import Code
from gateway.concurrency.awaitable import AwaitableOrValue, then
from gateway.context import Context
from gateway.errors import RequestError
from gateway.execute.bounded import Budget, bounded_options
from gateway.execute.prepared import Prepared
from gateway.execute.run import run_code
from gateway.graph.application_context import context_of_resolvers
from gateway.graph.loader import Loader
from gateway.plan.collect import CannotCompileError
from gateway.plan.show import print_plan
from gateway.runtime import reference
from gateway.runtime.bound_plan import Bound
from gateway.runtime.bounds import nodes_error
from gateway.runtime.denied import cannot_filter
from gateway.runtime.introspect import IntrospectionError
from gateway.runtime.request import Literals, Source, Variables
from gateway.runtime.state import Run
from gateway.telemetry.catalogue import FALLBACKS
from gateway.telemetry.metrics import Sample

fallbacks: Counter[str] = Counter()
"""How often the gateway ran an operation on graphql-core, by reason."""


def fallback_samples() -> Iterator[Sample]:
    """The fallbacks, for metrics."""
    for reason, count in fallbacks.items():
        yield FALLBACKS, (reason,), count


def coerce_variables(
    prepared: Prepared,
    raw: Mapping[str, Any],
    literals: Literals | None = None,
    *,
    hide_suggestions: bool = False,
) -> Variables:
    """Coerce a request's variables with the coercers that its plan compiled.

    Args:
        prepared: The operation.
        raw: As the client sent them.
        literals: The literals of this request's text, where the plan was made from a text with others.
        hide_suggestions: Leave the names of the schema out of the messages.

    Errors: RequestError(OPERATION_RESOLUTION_FAILURE) when there is no such operation,
        RequestError(BAD_USER_INPUT) with every bad variable, at most 50.
    """
    if prepared.errors:
        raise RequestError(prepared.errors, "OPERATION_RESOLUTION_FAILURE")
    source = prepared.source if literals is None else source_of(prepared, literals)
    coerced = prepared.coercers.coerce(raw, hide_suggestions=hide_suggestions, source=source)
    if isinstance(coerced, list):
        raise RequestError(coerced, "BAD_USER_INPUT")
    return Variables(coerced, raw)


def source_of(prepared: Prepared, literals: Literals | None) -> Source:
    """The request's own document: the plan's, unless the plan was made from a text with other literals."""
    if literals is None:
        return prepared.source
    return Source(literals.document, prepared.source.operation_name)


def execute_operation(
    prepared: Prepared,
    variables: Variables,
    context: Context,
    literals: Literals | None = None,
    root: Any = None,
) -> AwaitableOrValue[ExecutionResult]:
    """Run one query or mutation, or a subscription for one event, until something has to be awaited.

    The result is a value, or an awaitable that runs the rest: no coroutine of the user's starts outside of a task.

    Errors: whatever is not an error of a field.

    Args:
        prepared: The operation.
        variables: Coerced.
        context: What resolvers and loaders get.
        literals: The literals of this request's text, where the plan was made from a text with others.
        root: The root value: what the source stream of a subscription gave.
    """
    source = prepared.source if literals is None else source_of(prepared, literals)
    reason = prepared.reason
    if reason is None:
        try:
            code = prepared.code(variables.coerced, context)
            limits = prepared.limits
            run = Run(code.bound, source, root, context, variables, literals, False, limits)
            result = run_code(run, code, encodes=limits.is_paused)
            return then(result, partial(followed, context)) if prepared.is_shadowed else result
        except (CannotCompileError, IntrospectionError) as exc:
            reason = str(exc)
    return fall_back(prepared, source, variables, context, reason, root)


def followed(context: Context, result: ExecutionResult) -> ExecutionResult:
    """The result; what its fields want to have compared begins after it."""
    for follow in context.stats.shadows or ():
        follow()
    context.stats.shadows = None
    return result


def fall_back(
    prepared: Prepared,
    source: Source,
    variables: Variables,
    context: Context,
    reason: str,
    root: Any = None,
) -> AwaitableOrValue[ExecutionResult]:
    """Run the whole operation on graphql-core's own executor, and count it.

    Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT) for introspection of a client that has used up its share;
        ClientError(UNAUTHORIZED_FIELD_OR_TYPE) where a field is denied, since graphql-core would answer it.
    """
    if prepared.denied:
        raise cannot_filter()
    fallbacks[reason] += 1
    budget = Budget(prepared.limits)
    with prepared.charging_introspection(context):
        result = reference.execute(
            prepared.schema,
            source.document,
            root,
            context_value=context_of_resolvers(context),
            variable_values=dict(variables.raw),
            operation_name=source.operation_name,
            **bounded_options(budget, prepared.view),
        )
    whole = then(result, partial(within, budget))
    return then(whole, partial(followed, context)) if prepared.is_shadowed else whole


def within(budget: Budget, result: ExecutionResult) -> ExecutionResult:
    """A result of the fallback, or what is answered where it was too large."""
    return result if budget.nodes_left >= 0 else nodes_error(budget.limits).result()


def explain_plan(prepared: Prepared, variables: Variables) -> dict[str, Any]:
    """How the operation is executed, for `extensions`: its tree and its generated source."""
    try:
        codes = _codes(prepared, variables)
    except CannotCompileError as exc:
        return {"plan": {"executor": "fallback", "reason": str(exc)}}
    tree = "\n".join(print_plan(code.bound.plan) + _print_calls(code.bound) for code in codes)
    source = "\n".join(code.source for code in codes)
    return {"plan": {"executor": "compiled", "tree": tree, "source": source}}


def loaders_of(prepared: Prepared, variables: Variables) -> list[Loader]:
    """What an operation loads by; nothing is known where it runs on graphql-core."""
    try:
        codes = _codes(prepared, variables)
    except CannotCompileError:
        return []
    return [loader for code in codes for loader in _loaders(code.bound)]


def _codes(prepared: Prepared, variables: Variables) -> list[Code]:
    """What is run. Errors: CannotCompileError, which says why it is graphql-core that runs."""
    if prepared.executor == "fallback":
        raise CannotCompileError(prepared.incremental_reason or prepared.reason)
    if prepared.reason is None:
        return [prepared.code(variables.coerced)]
    parts = prepared.incremental_code(variables.coerced)
    return [parts.initial, *(part.code for part in parts.deferred)]


def _loaders(bound: Bound) -> list[Loader]:
    fields = bound.fields.values()
    found = {id(field.loader): field.loader for field in fields if field.loader is not None}
    return list(found.values())


def _print_calls(bound: Bound) -> str:
    """What each loader sends, how often, how its answers are read, and what decided it."""
    lines = [
        f"  calls {loader.coordinate}: {describe()}\n"
        for loader in _loaders(bound)
        if (describe := getattr(loader, "describe", None)) is not None
    ]
    return "".join(lines)
