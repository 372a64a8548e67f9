"""One run of a prepared operation, from coerced variables to data and errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Generator, Mapping
from typing import Any

import graphql
from graphql import ExecutionResult
from graphql.pyutils import is_awaitable

from gateway.execute.code import Code
from gateway.execute.complete import complete_root
from gateway.execute.drive import start
from gateway.execute.expand import expand_spots
from gateway.execute.introspect import IntrospectionError, prepare_introspection
from gateway.execute.prepare import Prepared
from gateway.execute.state import Literals, Run, Source, Variables
from gateway.execute.works import Work
from gateway.plan.collect import CannotCompileError

fallbacks: Counter[str] = Counter()
"""How often an operation of the service ran on graphql-core, by reason."""


async def execute_operation(
    prepared: Prepared,
    literals: Literals | None,
    variables: Mapping[str, Any] | None,
    context: Any,
    root_value: Any = None,
) -> ExecutionResult:
    """Run a prepared operation for one request.

    Args:
        prepared: From `prepare`.
        literals: The request's own literals, when the plan was made from another text.
        variables: As the client sent them.
        context: What resolvers and loaders get.
        root_value: The parent of root fields.

    Errors: ExceptionGroup of GraphQLErrors when the request itself is wrong and nothing has run: no
        such operation, or variables that cannot be coerced. Errors of fields are in the result.
    """
    if prepared.errors is not None:
        raise ExceptionGroup("request errors", prepared.errors)
    raw = variables or {}
    source = prepared.source
    if literals is not None:
        source = Source(literals.document, prepared.given_name)
    coerced = prepared.coercers.coerce(raw)
    if isinstance(coerced, list):
        raise ExceptionGroup("request errors", coerced)
    if prepared.path == "compiled":
        try:
            code = prepared.code(coerced)
            run = Run(code.bound, source, root_value, context, Variables(coerced, raw), literals)
            done = run_code(run, code)
            return done if isinstance(done, ExecutionResult) else await done
        except (CannotCompileError, IntrospectionError) as error:
            fallbacks[str(error)] += 1
    else:
        fallbacks[str(prepared.reason)] += 1
    result: Any = graphql.execute(
        prepared.schema,
        source.document,
        root_value,
        context,
        dict(raw),
        prepared.given_name,
    )
    result = await result if is_awaitable(result) else result
    assert isinstance(result, ExecutionResult)
    return result


def run_code(run: Run, code: Code) -> ExecutionResult | Coroutine[Any, Any, ExecutionResult]:
    """Run a plan's code: the result, or a coroutine of it when something has to be awaited.

    Errors: IntrospectionError before anything of the user's has run.
    """
    prepare_introspection(run)
    waiting = start(_steps(run, code))
    if waiting is None:
        return _result(run, code)

    async def finish() -> ExecutionResult:
        await waiting
        return _result(run, code)

    return finish()


def _steps(run: Run, code: Code) -> Generator[list[Work], None, None]:
    data: dict[str, Any] = {}
    for part, root in zip(code.parts, run.bound.roots, strict=True):
        shaped = yield from part(run)
        if run.pending or run.dirty:
            run.data = {**data, **shaped}
            yield from expand_spots(run)
            shaped = complete_root(run, root, shaped)
            if shaped is None:  # an error reached `data`: what is left of a mutation does not run
                run.data = None
                return
            run.pending.clear()
            run.dirty.clear()
            run.kinds.clear()
        data.update(shaped)
    run.data = data


def _result(run: Run, code: Code) -> ExecutionResult:
    code.revise()
    return ExecutionResult(run.data, run.errors or None)
