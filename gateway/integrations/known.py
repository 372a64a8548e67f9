"""What of a server's arguments is known to mean no more than graphql-core's own: registered by each framework's
module.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLSchema
from graphql.execution import MiddlewareManager
from graphql.pyutils import is_awaitable
from graphql.validation import specified_rules

from gateway.graph.member import Member, mark_member
from gateway.runtime import reference
from gateway.runtime.request import InfoForm, Predicate, never

MakeInfo = Callable[[dict[str, Any]], InfoForm | None]


@dataclass(frozen=True, slots=True)
class KnownExecutor:
    """An executor class that differs from graphql-core's in nothing but `info`.

    Attributes:
        options: The arguments that it takes beside graphql-core's.
        make_info: What `info` is, given these; None: graphql-core's own.
    """

    options: frozenset[str] = frozenset()
    make_info: MakeInfo | None = None


executors: dict[Any, KnownExecutor] = {
    found: KnownExecutor() for found in (*reference.OWN_EXECUTORS,)
}


def must_not_wait(value: Any) -> bool:
    """graphql-core's own predicate, of a caller that looks for what has to be awaited and cannot wait for it."""
    return is_awaitable(value)


def never_waits(_value: Any) -> bool:
    """A predicate for what gives its items later, of a caller that cannot wait for a coroutine either."""
    return False


# What each says of a value: whether it is awaited.
predicates: dict[Any, Predicate] = {
    is_awaitable: is_awaitable,
    must_not_wait: is_awaitable,
    never: never,
}
# The same of lists that give their items later.
async_predicates: dict[Any, Predicate] = {never: never, never_waits: never}
# Rules whose answer depends on the schema and the document alone.
rules: set[Any] = set(specified_rules)
# Functions that are bound to a middleware that only calls the next one.
passing: set[Any] = set()
# Of a middleware's class: which fields it leaves alone, whatever it is asked.
wraps_only: dict[type, Callable[[Sequence[FieldNode]], bool]] = {}

# Called once with each schema that is run, before its first plan.
preparations: list[Callable[[GraphQLSchema], None]] = []

for _module in ("graphql.graphql", "graphql.execution.execute", "graphql.execution.executor"):
    _found = vars(sys.modules.get(_module, object)).get
    predicates[_found("assume_not_awaitable", never)] = never
    async_predicates[_found("assume_not_async_iterable", never)] = never


def predicate_of(given: Any, found: dict[Any, Predicate]) -> Predicate | None:
    """What a predicate of a server's means; None for one of its own, which may have no hash."""
    return found.get(given) if isinstance(given, Hashable) else None


def register_executor(
    executor: type[Any], options: frozenset[str] = frozenset(), make_info: MakeInfo | None = None
) -> None:
    """Say that an executor class differs from graphql-core's in nothing but `info`.

    Args:
        executor: The class, not its subclasses.
        options: The arguments that it takes beside graphql-core's.
        make_info: What `info` is, given these.
    """
    executors[executor] = KnownExecutor(options, make_info)


def wraps_all(_nodes: Sequence[FieldNode]) -> bool:
    """The fields that a middleware wraps of which nothing is known."""
    return True


def wrapping(manager: MiddlewareManager) -> Callable[[Sequence[FieldNode]], bool] | None:
    """Which fields a manager's middlewares do something to; None: none of them.

    Shape: always the same function for the same middlewares, so that plans are found by it.
    """
    if type(manager).__init__ is not MiddlewareManager.__init__:
        return wraps_all  # it may have others than it tells
    found: list[Callable[[Sequence[FieldNode]], bool]] = []
    for middleware in manager.middlewares:
        resolve = getattr(type(middleware), "resolve", None)
        # An instance may have one of its own, which is the one that is called.
        own = getattr(getattr(middleware, "resolve", None), "__func__", None)
        if own is None or own is not resolve:
            found.append(wraps_all)
        elif resolve not in passing:
            found.append(wraps_only.get(type(middleware), wraps_all))
    if not found:
        return None
    return found[0] if len(set(found)) == 1 else wraps_all


def is_ordinary(manager: Any) -> bool:
    """Whether a middleware manager wraps resolvers as graphql-core's own does."""
    return (
        isinstance(manager, MiddlewareManager)
        and getattr(manager.get_field_resolver, "__func__", None)
        is MiddlewareManager.get_field_resolver
    )


def read_members(schema: GraphQLSchema, find: Callable[[GraphQLField], Member | None]) -> None:
    """Let plans read themselves what a framework's functions only read.

    Args:
        schema: Such functions of its fields are marked.
        find: The member that a field's function reads, and how; None where it does more.
    """
    for named_type in schema.type_map.values():
        if not isinstance(named_type, GraphQLObjectType) or named_type.name.startswith("__"):
            continue
        for field in named_type.fields.values():
            member = find(field) if field.resolve is not None else None
            if member is not None and not _collides(field):
                mark_member(field.resolve, member)


def is_made_in(resolve: Any, module: ModuleType, name: str) -> bool:
    """Whether a function is the one of that name that a module makes. Wrappers copy all but code and globals."""
    return (
        isinstance(resolve, FunctionType)
        and resolve.__code__.co_name == name
        and resolve.__globals__ is vars(module)
    )


def _collides(field: GraphQLField) -> bool:
    """Whether a call of a field's function fails, since an argument has the name of one of its parameters."""
    if not field.args:
        return False
    function: Any = getattr(
        field.resolve, "func", field.resolve
    )  # of a `partial`, with what is bound
    named = {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    return any((argument.out_name or name) in named for name, argument in field.args.items())


def schema_of(anything: Any) -> GraphQLSchema:
    """The graphql-core schema in a framework's."""
    for name in ("_schema", "graphql_schema"):
        found = getattr(anything, name, anything)
        if isinstance(found, GraphQLSchema):
            return found
    raise TypeError(f"no GraphQL schema: {type(anything).__name__}")
