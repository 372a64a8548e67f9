"""Lays the user's Python on the schema: resolvers, scalars, type resolvers. Checks names and arity.

It changes the schema in place and collects what is wrong as diagnostics; it never calls the user's code.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
)

from gateway.client.vary import VARY_NONE, Vary
from gateway.context import Context
from gateway.errors import Diagnostic
from gateway.graph.bind_scalars import bind_scalar, bind_scalars, guard_scalars, scalars_by_name
from gateway.graph.called import check_calls
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import Loader
from gateway.graph.register import Mark
from gateway.graph.resolvers import BatchField, EventSource, FieldResolver, seen_by
from gateway.graph.scalars import BUILT_IN, ScalarName
from gateway.graph.signature import (
    check_generator,
    check_signature,
    finding,
    names_of_kinds,
    parameters_of,
    unknown,
)
from gateway.graph.topic import Topic


class PythonBatchLoader:
    """A batch resolver as a `Loader`: it reads anything of its parents, and promises nothing."""

    reads: FieldTree | None = None
    supplies: FieldTree | None = None
    source: str | None = None

    def __init__(
        self, function: Callable[..., Any], coordinate: str, vary: Vary | None = None
    ) -> None:
        self.function = function
        self.coordinate = coordinate
        self.vary = vary

    def project(self, wanted: FieldTree) -> Loader:  # noqa: ARG002 - the user's code gives what it gives
        """Itself: what the user's function loads is its own business."""
        return self

    async def load(self, parents: Sequence[Any], arguments: Any, context: Context) -> Sequence[Any]:
        """Call the user's function. Errors: TypeError when the result's length is not the parents'."""
        values = self.function(parents, seen_by(context, self.vary), **arguments)
        if inspect.isawaitable(values):
            values = await values
        if not isinstance(values, list | tuple) or len(values) != len(parents):
            got = f"{len(values)} items" if isinstance(values, list | tuple) else repr(type(values))
            raise TypeError(
                f"the batch resolver of {self.coordinate} must return a list of"
                f" {len(parents)} items, one for each parent; it returned {got}"
            )
        return values


def bind_resolvers(
    schema: GraphQLSchema,
    marks: Iterable[Mark],
    threads: Executor,
    scalars: Mapping[str, ScalarName] | None = None,
) -> list[Diagnostic]:
    """Bind every mark but the directives', which come last, and the worker's hooks.

    Args:
        schema: Changed in place.
        marks: From `find_marks`.
        threads: Runs `blocking=True` resolvers.
        scalars: Which of the gateway's own a scalar is, where its name does not say it.
    """
    marks = list(marks)
    chosen = scalars or {}
    bind_scalars(schema, {**BUILT_IN, **{name: BUILT_IN[kind] for name, kind in chosen.items()}})
    own = {mark.name for mark in marks if mark.kind == "scalar"}
    found = scalars_by_name(schema, own | chosen.keys()) + check_calls(marks)
    seen: dict[tuple[str, str], Mark] = {}
    for mark in marks:
        binder = _BINDERS.get(mark.kind)
        if binder is None:
            continue
        kind = "field" if mark.kind in ("resolver", "batch_resolver", "subscription") else mark.kind
        if (kind, mark.name) in seen:
            found.append(finding(mark, f"{mark.name} is bound twice"))
            continue
        seen[kind, mark.name] = mark
        found += binder(schema, mark, threads)
    guard_scalars(schema)
    return found


def _bind_type_resolver(schema: GraphQLSchema, mark: Mark, _: Executor) -> list[Diagnostic]:
    declared = schema.type_map.get(mark.name)
    if not isinstance(declared, GraphQLInterfaceType | GraphQLUnionType):
        known = names_of_kinds(schema, GraphQLInterfaceType, GraphQLUnionType)
        return [unknown(mark, "interface or union", known)]
    function, sees = mark.target, mark.vary

    def resolve_type(value: Any, info: Any, _: Any) -> Any:
        return function(value, seen_by(info.context, sees))

    declared.resolve_type = resolve_type
    return []


def _bind_resolver(schema: GraphQLSchema, mark: Mark, threads: Executor) -> list[Diagnostic]:
    field, found = _find_field(schema, mark)
    if field is None:
        return found
    if _is_of_subscription(schema, mark):
        return [has_events(mark)]
    found = check_signature(mark, field, ("parent", "context")) + check_generator(mark, field)
    function: Callable[..., Any] = mark.target
    if mark.blocking and inspect.iscoroutinefunction(function):
        hint = "write `def` for what blocks, or leave `blocking=True` out"
        found.append(finding(mark, f"{mark.name} is `async def` and `blocking=True`", hint))
    elif mark.blocking:
        function = _in_thread(function, threads)
    takes_info = "info" in parameters_of(mark.target) and "info" not in field.args
    is_async = inspect.iscoroutinefunction(function)
    sees = mark.vary
    field.resolve = FieldResolver(function, mark.name, is_async, takes_info, sees, sees)
    return found


def _bind_batch_resolver(schema: GraphQLSchema, mark: Mark, _: Executor) -> list[Diagnostic]:
    field, found = _find_field(schema, mark)
    if field is None:
        return found
    if _is_of_subscription(schema, mark):
        return [has_events(mark)]
    field.resolve = BatchField(PythonBatchLoader(mark.target, mark.name, mark.vary), mark.name)
    found = check_signature(mark, field, ("parents", "context"))
    if inspect.isasyncgenfunction(mark.target) or inspect.isgeneratorfunction(mark.target):
        hint = "return a list with one item for each parent"
        found.append(finding(mark, f"{mark.name} is a generator, not a batch resolver", hint))
    return found


def _bind_subscription(schema: GraphQLSchema, mark: Mark, _: Executor) -> list[Diagnostic]:
    field, found = _find_field(schema, mark)
    if field is None:
        return found
    if not _is_of_subscription(schema, mark):
        return [finding(mark, f"{mark.name} is not a field of the subscription type")]
    takes_info = "info" in parameters_of(mark.target) and "info" not in field.args
    found = check_signature(mark, field, ("root", "context"))
    if mark.topic is None and inspect.isgeneratorfunction(mark.target):
        found.append(
            finding(mark, f"{mark.name} is a generator that waits for nothing", "write `async def`")
        )
    if mark.topic is None:
        field.subscribe = EventSource(mark.target, mark.name, takes_info, mark.shared, mark.vary)
        if field.resolve is None:
            # What the stream yields is the field's value.
            field.resolve = FieldResolver(_itself, mark.name, False, False, mark.vary)
        return found
    topic = Topic(mark.topic, {a.out_name or name: name for name, a in field.args.items()})
    field.subscribe = EventSource(topic.open, mark.name, False, True, VARY_NONE)
    is_async = inspect.iscoroutinefunction(mark.target)
    sees = mark.vary
    field.resolve = FieldResolver(mark.target, mark.name, is_async, takes_info, sees, sees)
    for name in topic.unknown():
        found.append(unknown(mark, f"argument of {mark.name} in topic=", list(field.args), name))
    return found


def has_events(mark: Mark) -> Diagnostic:
    """What is said of a resolver where events are wanted."""
    hint = f"write @subscription({mark.name!r}) around an async generator `(root, context, **arguments)`"
    return finding(mark, f"{mark.name} is a field of the subscription type: it has events", hint)


def _is_of_subscription(schema: GraphQLSchema, mark: Mark) -> bool:
    root = schema.subscription_type
    return root is not None and mark.name.partition(".")[0] == root.name


def _itself(event: Any, _context: Context, **_arguments: Any) -> Any:
    return event


_BINDERS: dict[str, Callable[[GraphQLSchema, Mark, Executor], list[Diagnostic]]] = {
    "resolver": _bind_resolver,
    "batch_resolver": _bind_batch_resolver,
    "subscription": _bind_subscription,
    "scalar": bind_scalar,
    "type_resolver": _bind_type_resolver,
}


def _find_field(schema: GraphQLSchema, mark: Mark) -> tuple[GraphQLField | None, list[Diagnostic]]:
    type_name, dot, field_name = mark.name.partition(".")
    if not dot:
        return None, [finding(mark, f"{mark.name!r} is not a coordinate such as Video.url")]
    owner = schema.type_map.get(type_name)
    if not isinstance(owner, GraphQLObjectType):
        return None, [
            unknown(mark, "object type", names_of_kinds(schema, GraphQLObjectType), type_name)
        ]
    field = owner.fields.get(field_name)
    if field is None:
        return None, [unknown(mark, f"field of {type_name}", list(owner.fields), field_name)]
    return field, []


def _in_thread(function: Callable[..., Any], threads: Executor) -> Callable[..., Any]:
    """`function` as a coroutine function that runs in `threads`, with the caller's context variables."""

    @functools.wraps(function)
    async def call_in_thread(*args: Any, **kwargs: Any) -> Any:
        variables = contextvars.copy_context()
        call = functools.partial(variables.run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(threads, call)

    return call_in_thread
