"""What nobody serves any more is taken apart, piece by piece.

The types of a schema hold each other, and only Python's collector would free them; to look at all that lives takes a
worker tens of milliseconds, in which it does nothing else. Taken apart, they go at once. Plans hold no circle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from graphql import (
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)

from gateway.execute.prepared import Prepared
from gateway.graph.schema import sdl_directives
from gateway.language.verdict import input_types
from gateway.pipeline.plan_cache import PlanCache

PER_TURN = 5
"""Pieces in one turn of the event loop: half a millisecond."""


async def dismantle(schema: GraphQLSchema, plans: PlanCache[Prepared]) -> None:
    """Take apart what has no user any more."""
    await in_turns(_pieces(schema, plans), PER_TURN)


async def in_turns(pieces: Iterator[None], per_turn: int) -> None:
    """Do so many pieces of some work in each turn of the event loop."""
    for number, _ in enumerate(pieces):
        if number % per_turn == per_turn - 1:
            await asyncio.sleep(0)


def _pieces(schema: GraphQLSchema, plans: PlanCache[Prepared]) -> Iterator[None]:
    for _ in plans.let_all_go():
        yield
    for kind in [*schema.type_map.values(), *_left_out(schema)]:
        # Those are graphql-core's own: every schema has the same ones.
        if not (is_specified_scalar_type(kind) or is_introspection_type(kind)):
            kind.__dict__.clear()
            yield
    schema.__dict__.clear()


def _left_out(schema: GraphQLSchema) -> Iterator[GraphQLNamedType]:
    """The types that nothing but directives of the SDL name: the schema does not have them, and they have its types."""
    arguments = [arg for found in sdl_directives(schema).values() for arg in found.args.values()]
    named = [kind for arg in arguments for kind in input_types(get_named_type(arg.type))]
    for kind in {id(kind): kind for kind in named}.values():
        if schema.type_map.get(kind.name) is not kind:
            yield kind
