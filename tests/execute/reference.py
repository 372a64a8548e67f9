"""Runs one operation on graphql-core and on compiled plans, and holds the answers against each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import graphql
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, build_schema, parse
from graphql.pyutils import is_awaitable

from gateway.integrations import graphql_core as dropin

Resolvers = dict[str, Any]


def make_schema(sdl: str, resolvers: Resolvers | None = None) -> GraphQLSchema:
    """A schema with resolvers by coordinate, and `resolve_type` and `is_type_of` as `Type.__type`, `Type.__is`."""
    schema = build_schema(sdl)
    for coordinate, resolver in (resolvers or {}).items():
        type_name, name = coordinate.split(".")
        named: Any = schema.type_map[type_name]
        if name == "__type":
            named.resolve_type = resolver
        elif name == "__is":
            named.is_type_of = resolver
        else:
            named.fields[name].resolve = resolver
    return schema


def describe(error: GraphQLError) -> tuple[Any, ...]:
    """What of an error has to be the same."""
    original = error.original_error
    return (
        error.message,
        error.path,
        error.locations,
        type(original),
        str(original),
        error.extensions,
    )


async def run(executor: Callable[..., Any], *arguments: Any, **options: Any) -> ExecutionResult:
    """The result, awaited where that is needed."""
    result = executor(*arguments, **options)
    result = await result if is_awaitable(result) else result
    assert isinstance(result, ExecutionResult)
    return result


async def compare(
    schema: GraphQLSchema | Callable[[], GraphQLSchema],
    text: str,
    *,
    root: Callable[[], Any] | Any = None,
    is_compiled: bool = True,
    exact: bool = True,
    **options: Any,
) -> ExecutionResult:
    """Run on both, twice on plans (cold and cached), and assert the same answer.

    Args:
        schema: The schema.
        text: The document.
        root: The root value, or a function that makes one for each run.
        is_compiled: Whether a plan has to be what ran.
        exact: Whether the errors have to be the very same; else a subset of them that is not empty.
        options: As `graphql.execute` takes them.
    """
    document = parse(text)
    the_schema = schema if isinstance(schema, GraphQLSchema) else schema()
    make_root = root if callable(root) else (lambda: root)
    expected = await run(graphql.execute, the_schema, document, make_root(), **options)
    before = sum(dropin.fallbacks.values())
    for _ in range(3):
        found = await run(dropin.execute, the_schema, document, make_root(), **options)
        assert found.data == expected.data
        assert list_keys(found.data) == list_keys(expected.data)
        wanted = sorted((describe(e) for e in expected.errors or ()), key=repr)
        got = sorted((describe(e) for e in found.errors or ()), key=repr)
        if exact:
            assert got == wanted
        else:
            assert bool(got) == bool(wanted)
    assert (sum(dropin.fallbacks.values()) == before) is is_compiled
    return found


def list_keys(data: Any) -> Any:
    """The order of the keys, which `==` on dicts does not see."""
    if isinstance(data, dict):
        return [(key, list_keys(value)) for key, value in data.items()]
    if isinstance(data, list):
        return [list_keys(item) for item in data]
    return type(data)


async def after(value: Any) -> Any:
    """The value, one turn of the loop later; an exception is raised."""
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value
