"""`@cacheControl` and `@cacheTag` as they stand in the schema, as data that knows its places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    EnumValueNode,
    GraphQLField,
    GraphQLNamedType,
    IntValueNode,
    StringValueNode,
    ValueNode,
)

from gateway.connectors.caching.tag_format import TagFormat, parse_tag_format

CACHE_CONTROL, CACHE_TAG = "cacheControl", "cacheTag"


@dataclass(frozen=True, slots=True)
class Hint:
    """What one field or type says.

    Attributes:
        max_age_s: How long an answer with it is fresh at most; None for as long as its origin says.
        is_private: It is one principal's.
        tags: What it is purged by.
    """

    max_age_s: int | None = None
    is_private: bool = False
    tags: tuple[TagFormat, ...] = ()


NO_HINT = Hint()


def uses_of(item: GraphQLField | GraphQLNamedType) -> Iterator[DirectiveNode]:
    """The caching directives of a field or type, those of its extensions too."""
    extensions = getattr(item, "extension_ast_nodes", None) or ()
    for node in (item.ast_node, *extensions):
        for use in getattr(node, "directives", None) or ():
            if use.name.value in (CACHE_CONTROL, CACHE_TAG):
                yield use


def read_hint(item: GraphQLField | GraphQLNamedType) -> Hint:
    """What a field or type says. What cannot be read counts as not there: `check` says so."""
    max_age_s, is_private, tags = None, False, []
    for use in uses_of(item):
        given = arguments_of(use)
        if use.name.value == CACHE_CONTROL:
            seconds, scope = given.get("maxAge"), given.get("scope")
            if isinstance(seconds, IntValueNode) and len(seconds.value) <= 10:
                said = int(seconds.value)
                max_age_s = said if max_age_s is None else min(said, max_age_s)
            is_private |= isinstance(scope, EnumValueNode) and scope.value == "PRIVATE"
        elif isinstance(text := given.get("format"), StringValueNode):
            try:
                tags.append(parse_tag_format(text.value))
            except ValueError:
                continue
    if max_age_s is None and not is_private and not tags:
        return NO_HINT
    return Hint(max_age_s, is_private, tuple(tags))


def arguments_of(use: DirectiveNode) -> dict[str, ValueNode]:
    """The arguments of a directive."""
    return {argument.name.value: argument.value for argument in use.arguments or ()}
