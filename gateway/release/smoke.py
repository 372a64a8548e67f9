"""Smoke queries: which sources a query reaches, found from the schema's plan, and queries for those that none reaches.

It makes plans and calls nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    parse,
    validate,
)

from gateway.graph.overrides import loaders_of
from gateway.graph.resolvers import FieldResolver
from gateway.plan.collect import CannotCompileError
from gateway.plan.compile import compile_plan
from gateway.plan.loaders import loader_of
from gateway.plan.nodes import Field, Plan, composite_of

# A smoke query is short: it asks for one thing of each kind.
MAX_DEPTH = 6
SIZES = ("first", "limit", "last", "take", "pageSize", "page_size", "perPage", "per_page")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A query for a source; None where no field without required arguments leads to one.

    Attributes:
        source: The source's name.
        query: One that reaches it.
        fields: Without a query: fields that reach it and need arguments, for a person to fill in.
    """

    source: str
    query: str | None
    fields: tuple[str, ...] = ()


def sources_reached(schema: GraphQLSchema, query: str) -> frozenset[str]:
    """The sources that an operation's plan calls by connectors; none where it is not valid or not compiled."""
    document = parse(query)
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if validate(schema, document) or len(operations) != 1:
        return frozenset()
    try:
        plan = compile_plan(schema, document, operations[0])
    except CannotCompileError:
        return frozenset()
    found = (loader_of(schema, field) for field in _fields(plan))
    return frozenset(loader.source for loader in found if loader is not None and loader.source)


def _fields(plan: Plan) -> Iterator[Field]:
    waiting = [part.root for part in plan.parts]
    while waiting:
        for field in waiting.pop().fields:
            yield field
            below = composite_of(field.output)
            waiting += below.selections if below else ()


def suggest(
    schema: GraphQLSchema, sources: Sequence[str], queries: Sequence[str] = ()
) -> list[Suggestion]:
    """A query for each source that no query in `queries` reaches, the shortest that there is."""
    left = set(sources) - {name for query in queries for name in sources_reached(schema, query)}
    found: dict[str, str] = {}
    for path in sorted(_paths(schema), key=_unlikely):
        wanted = _sources_of(path[-1][1]) & left - set(found)
        if wanted:
            query = _query(path)
            found |= dict.fromkeys(wanted & sources_reached(schema, query), query)
    return [
        Suggestion(name, found.get(name), () if name in found else _needing(schema, name))
        for name in sources
        if name in left
    ]


Way = tuple[tuple[str, GraphQLField], ...]


def _paths(schema: GraphQLSchema) -> Iterator[Way]:
    """Ways from the root by object types and fields that need no argument, each type by its best way."""
    if schema.query_type is None:
        return
    order = count()
    waiting: list[tuple[int, int, int, GraphQLObjectType, Way]] = [
        (0, 0, next(order), schema.query_type, ())
    ]
    seen: set[str] = set()
    while waiting:
        *_, owner, path = heappop(waiting)
        if owner.name in seen:
            continue
        seen.add(owner.name)
        for name, field in owner.fields.items():
            if any(is_required_argument(argument) for argument in field.args.values()):
                continue
            longer = (*path, (name, field))
            yield longer
            kind = get_named_type(field.type)
            if isinstance(kind, GraphQLObjectType) and len(longer) < MAX_DEPTH:
                place = (_unlikely(longer), len(longer), next(order), kind, longer)
                heappush(waiting, place)


def _unlikely(path: Way) -> int:
    """How many of its fields may well be null: lookups with no argument given, and Python that may ask who asks."""
    return sum(
        isinstance(field.resolve, FieldResolver)
        or (
            bool(field.args)
            and not _size(field)
            and all(argument.default_value is Undefined for argument in field.args.values())
        )
        for _, field in path
    )


def _sources_of(field: GraphQLField) -> set[str]:
    """The sources that a field's own loaders call."""
    return {loader.source for loader in loaders_of(field.resolve) if loader.source}


def _query(path: Way) -> str:
    text = ""
    for name, field in reversed(path):
        text = f"{name}{_size(field)}{text or _leaf(field)}"
        text = f" {{ {text} }}"
    return text.strip()


def _size(field: GraphQLField) -> str:
    for name in SIZES:
        argument = field.args.get(name)
        if argument is not None and get_nullable_type(argument.type) is GraphQLInt:
            return f"({name}: 1)"
    return ""


def _leaf(field: GraphQLField) -> str:
    """A selection for the last field of a path: its id, else its first leaf, else `__typename`."""
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ""
    members = kind.fields if isinstance(kind, GraphQLObjectType) else {}
    leaves = [
        name
        for name, member in members.items()
        if is_leaf_type(get_named_type(member.type))
        and not any(is_required_argument(argument) for argument in member.args.values())
    ]
    chosen = "id" if "id" in leaves else next(iter(leaves), "__typename")
    return f" {{ {chosen} }}"


def _needing(schema: GraphQLSchema, source: str) -> tuple[str, ...]:
    """The fields whose own connector calls a source, with the arguments that they need."""
    found = []
    for owner in schema.type_map.values():
        if not isinstance(owner, GraphQLObjectType) or owner.name.startswith("__"):
            continue
        for name, field in owner.fields.items():
            if source in _sources_of(field):
                needed = ", ".join(
                    f"{key}: {argument.type}"
                    for key, argument in field.args.items()
                    if is_required_argument(argument)
                )
                found.append(f"{owner.name}.{name}" + (f"({needed})" if needed else ""))
    return tuple(found)
