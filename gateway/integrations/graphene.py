"""Graphene on compiled plans: `CompiledSchema` in the place of `graphene.Schema`, one line.

Graphene 3 takes graphql-core 3.2. Everything else stays: middleware, relay, Django's view. What is known here of
Graphene: a field without a resolver of its own reads an item of a dict or an attribute.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import graphene
from graphene.types.resolver import dict_or_attr_resolver
from graphene.types.schema import normalize_execute_kwargs
from graphql import ExecutionResult, GraphQLField, GraphQLSchema

from gateway.graph.member import Member, MemberAccess
from gateway.integrations import graphql_core, known


class CompiledSchema(graphene.Schema):  # type: ignore[misc]  # it has no types
    """`graphene.Schema` on compiled plans: the same arguments, the same answers."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        read_members(self.graphql_schema)

    def execute(self, *positional: Any, **named: Any) -> ExecutionResult:
        """Execute as `graphene.Schema.execute` does."""
        named = normalize_execute_kwargs(named)
        return graphql_core.graphql_sync(self.graphql_schema, *positional, **named)

    async def execute_async(self, *positional: Any, **named: Any) -> ExecutionResult:
        """Execute as `graphene.Schema.execute_async` does."""
        named = normalize_execute_kwargs(named)
        result: ExecutionResult = await graphql_core.graphql(
            self.graphql_schema, *positional, **named
        )
        return result


def read_members(schema: GraphQLSchema) -> None:
    """Let plans read the members that Graphene's default resolvers read."""
    known.read_members(schema, _member_of)


def _member_of(field: GraphQLField) -> Member | None:
    resolve = field.resolve
    if (
        isinstance(resolve, partial)
        and resolve.func is dict_or_attr_resolver
        and len(resolve.args) == 2
        and resolve.args[1] is None
    ):
        return Member(resolve.args[0], MemberAccess.ANY)
    return None
