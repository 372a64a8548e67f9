"""Whether the whole answer of an operation is kept, in a line for people. It decides nothing: `kept_answers` does."""

from __future__ import annotations

from collections.abc import Collection

from gateway.execute.prepared import Prepared
from gateway.pipeline.shared_plan import fields_of_python, sources_of
from gateway.runtime.request import Variables


def explain_kept(
    prepared: Prepared,
    variables: Variables,
    sharing: str,
    cached: Collection[str | None],
    *,
    is_on: bool,
) -> str:
    """Whether the whole answer is kept, or why not.

    Args:
        prepared, variables: The operation.
        sharing: Who shares its execution, as `explain_sharing` says: nobody else is given its answer.
        cached: The sources whose answers are kept.
        is_on: Whether whole answers are kept at all.
    """
    if not is_on:
        return "not kept: response_cache.whole_answers is false"
    if prepared.operation_type != "query" or prepared.reason:
        return f"not kept: {prepared.reason or f'it is a {prepared.operation_type}'}"
    bound = prepared.bound_plan(variables.coerced)
    if bound is None:
        return "not kept: it runs on graphql-core with these variables"
    python = list(dict.fromkeys(fields_of_python(bound)))
    if python:
        return f"not kept: Python gives {', '.join(python)}"
    sources = sources_of(bound)
    if sources is None:
        return "not kept: it asks no source"
    if lacking := sorted(source or '""' for source in sources - set(cached)):
        return f"not kept: cache.enabled is false of {', '.join(lacking)}"
    if sharing.startswith("not shared:"):
        return f"not kept: it is {sharing}"
    return f"kept where each part of it was found in the cache twice; {sharing}"
