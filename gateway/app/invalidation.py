"""`POST /invalidation` of the admin port: what is stored is made unusable by source, type, tag or key.

The body has the shape that Apollo's and Cosmo's scripts send:

    [{"kind": "subgraph", "subgraph": "catalog"},
     {"kind": "type", "subgraph": "catalog", "type": "Product"},
     {"kind": "cache_tag", "subgraphs": ["catalog"], "cache_tag": "product-42"},
     {"kind": "key", "subgraph": "catalog", "type": "Product", "key": {"id": "42"}}]

`"soft": true` with one of them lets what it names be stale. Nothing is purged before all of it is found right.
A type that the schema does not have is purged and told: what was stored by a schema before may have it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Annotated, Any

import msgspec
from graphql import GraphQLObjectType, GraphQLSchema
from msgspec import UNSET, Meta, UnsetType

from gateway.admin.commands import Command, CommandError, Commands, Done
from gateway.upstream.cache.tags import key_tag, named_tag, source_tag, stale_tag, type_tag

MOST = 1000
"""Invalidations in one command."""
EXACT = 2.0**53
"""From here on a number of JSON that is no integer of 64 bits may be another than was sent."""
Name = Annotated[str, Meta(min_length=1)]


class OfSources(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What the kinds of invalidations have in common.

    Attributes:
        subgraph, subgraphs: The source, or several.
        soft: What is stored becomes stale in place of unusable: it may be given while it is refreshed, or where its
            source fails, as its headers and the configuration say.
    """

    subgraph: Name | UnsetType = UNSET
    subgraphs: Annotated[list[Name], Meta(min_length=1)] | UnsetType = UNSET
    soft: bool = False

    def named(self) -> list[str]:
        """The sources that are named."""
        one = [] if self.subgraph is UNSET else [self.subgraph]
        return one if self.subgraphs is UNSET else one + self.subgraphs


class SourceInvalidation(OfSources, tag="subgraph"):
    """Everything of sources."""

    def tag_in(self, source: str) -> str:
        """What is purged of a source."""
        return source_tag(source)


class TypeInvalidation(OfSources, tag="type", kw_only=True):
    """What sources gave where objects of a type were asked for."""

    type: Name

    def tag_in(self, source: str) -> str:
        """What is purged of a source."""
        return type_tag(source, self.type)


class TagInvalidation(OfSources, tag="cache_tag", kw_only=True):
    """What has a tag: in all sources where none is named."""

    cache_tag: Name

    def tag_in(self, source: str) -> str:
        """What is purged of a source."""
        return named_tag(source, self.cache_tag)


class KeyInvalidation(OfSources, tag="key", kw_only=True):
    """What sources gave for one object, by the members of its key."""

    type: Name
    key: Annotated[dict[str, Any], Meta(min_length=1)]

    def tag_in(self, source: str) -> str:
        """What is purged of a source."""
        return key_tag(source, self.type, self.key)


Invalidation = SourceInvalidation | TypeInvalidation | TagInvalidation | KeyInvalidation
Invalidations = Annotated[list[Invalidation], Meta(max_length=MOST)]
"""The body of the command."""


class Invalidator:
    """Follows the command.

    Args:
        purge: Purges tags everywhere; False where other pods have not heard of it yet.
        sources: Gives the names of the backends.
        schemas: Gives those that are served.
        now: The wall clock.
    """

    def __init__(
        self,
        purge: Callable[[list[str]], Awaitable[bool]],
        sources: Callable[[], Collection[str]],
        schemas: Callable[[], Iterable[GraphQLSchema]] = tuple,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._purge = purge
        self._sources = sources
        self._schemas = schemas

    def add_to(self, commands: Commands) -> None:
        """Let it be commanded."""
        commands.add("POST", "/invalidation", self._invalidate, body=Invalidations)

    async def _invalidate(self, command: Command) -> Done:
        """Purge. Errors: CommandError, and nothing is purged."""
        items: list[Invalidation] = command.body
        tags = list(dict.fromkeys(tag for item in items for tag in self._tags(item)))
        if not await self._purge(tags):
            raise CommandError(
                "purged here; the other pods are told when Redis answers again", status=503
            )
        found: dict[str, Any] = {"count": len(tags)}
        if unknown := list(dict.fromkeys(text for item in items for text in self._unknown(item))):
            found["unknown"] = unknown[:100]
        return Done(found, 202, {"purged": tags[:100], "count": len(tags)})

    def _unknown(self, item: Invalidation) -> Iterator[str]:
        """What an invalidation names that no schema has that is served: by a slip of the pen, or of one before."""
        schemas = list(self._schemas())
        if not schemas or not isinstance(item, TypeInvalidation | KeyInvalidation):
            return
        types = [schema.type_map.get(item.type) for schema in schemas]
        fields = [type_.fields for type_ in types if isinstance(type_, GraphQLObjectType)]
        if not fields:
            yield item.type
        elif isinstance(item, KeyInvalidation):
            for name in item.key:
                if not any(name in known for known in fields):
                    yield f"{item.type}.{name}"

    def _tags(self, item: Invalidation) -> Iterator[str]:
        sources = item.named()
        if not sources and not isinstance(item, TagInvalidation):
            raise CommandError("without a subgraph, or subgraphs, only a cache_tag is purged")
        for source in sources:
            if source not in self._sources():
                known = ", ".join(sorted(self._sources())) or "none"
                raise CommandError(f"there is no source {source!r}; declared: {known}")
        if isinstance(item, KeyInvalidation):
            for name, value in item.key.items():
                if isinstance(value, float) and abs(value) >= EXACT:
                    raise CommandError(f"the number of {name} loses digits: send it as text")
        for source in sources or self._sources():
            tag = item.tag_in(source)
            yield stale_tag(tag, self._now()) if item.soft else tag
