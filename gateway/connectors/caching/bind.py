"""Lays the schema's caching hints on a connector's calls, when it is bound."""

from __future__ import annotations

from dataclasses import replace

from graphql import GraphQLObjectType, GraphQLSchema

from gateway.client.vary import CLAIMS, PRINCIPAL
from gateway.connectors.caching.answers import answer_hints
from gateway.connectors.caching.call_caching import CallCaching
from gateway.connectors.caching.hints import NO_HINT, read_hint
from gateway.connectors.directives import Connect
from gateway.connectors.mapping.members import Members
from gateway.upstream.settings import SourceSettings


def call_caching(
    schema: GraphQLSchema,
    connect: Connect,
    supplied: Members,
    settings: SourceSettings,
    *,
    is_write: bool,
) -> CallCaching | None:
    """What a connector tells the cache; None where nothing of it is kept, and it makes nothing unusable.

    Args:
        schema: The whole.
        connect: The connector.
        supplied: What its selection supplies.
        settings: Of its source.
        is_write: It is a mutation's.
    """
    if not (is_write or settings.cache.enabled):
        return None
    type_name, _, name = connect.coordinate.partition(".")
    owner = schema.type_map[type_name]
    assert isinstance(owner, GraphQLObjectType)
    own = read_hint(owner.fields[name]) if name else NO_HINT
    kind = owner.fields[name].type if name else owner
    # A format that reads the objects of the answer is theirs, wherever it stands.
    of_rows = tuple(form for form in own.tags if "key" in form.reads)
    tags = tuple(form for form in own.tags if form not in of_rows)
    answers = answer_hints(schema, connect.coordinate, replace(own, tags=()), kind, supplied)
    answers.add_tags(connect.coordinate, (), "", of_rows, supplied)
    if is_write and not (tags or answers.of_rows):
        return None
    member = private_member(settings.cache.private_id)
    if member is None and answers.is_private:
        member = "id"
    return CallCaching(
        connect.name,
        connect.source or "",
        answers,
        tags,
        None if is_write else member,
        is_write=is_write,
    )


def private_member(private_id: str | None) -> str | None:
    """The member of the principal that `private_id` names: `id`, `claims.tenant`."""
    if private_id is None:
        return None
    if private_id.startswith(CLAIMS):
        return f"claims.{private_id.removeprefix(CLAIMS)}"
    return private_id.removeprefix(PRINCIPAL)
