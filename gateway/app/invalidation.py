"""`POST /invalidation` of the admin port: what is stored is made unusable by source, type, tag or key.

The body has the shape that Apollo's and Cosmo's scripts send:

    [{"kind": "subgraph", "subgraph": "catalog"},
     {"kind": "type", "subgraph": "catalog", "type": "Product"},
     {"kind": "cache_tag", "subgraphs": ["catalog"], "cache_tag": "product-42"},
     {"kind": "key", "subgraph": "catalog", "type": "Product", "key": {"id": "42"}}]

Nothing is purged before all of it is found right.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any, Literal

import msgspec

from gateway.admin.commands import Command, CommandError, Done
from gateway.upstream.cache.tags import key_tag, named_tag, source_tag, type_tag

MOST = 1000
"""Invalidations in one command."""
_FIELDS = {
    "subgraph": ("subgraph",),
    "type": ("subgraph", "type"),
    "cache_tag": ("cache_tag",),
    "key": ("subgraph", "type", "key"),
}


class Invalidation(msgspec.Struct, forbid_unknown_fields=True):
    """One of what is purged.

    Attributes:
        kind: By what.
        subgraph, subgraphs: The source, or several; for a tag, all of them without either.
        type: The GraphQL type.
        cache_tag: The tag.
        key: The members of the object's key.
    """

    kind: Literal["subgraph", "type", "cache_tag", "key"]
    subgraph: str | None = None
    subgraphs: list[str] | None = None
    type: str | None = None
    cache_tag: str | None = None
    key: dict[str, Any] | None = None


class Invalidator:
    """Follows the command.

    Args:
        purge: Purges tags everywhere; False where other pods have not heard of it yet.
        sources: Gives the names of the backends.
    """

    def __init__(
        self, purge: Callable[[list[str]], Awaitable[bool]], sources: Callable[[], Collection[str]]
    ) -> None:
        self._purge = purge
        self._sources = sources

    async def __call__(self, command: Command) -> Done:
        """Purge. Errors: CommandError, and nothing is purged."""
        try:
            items = msgspec.convert(command.body, list[Invalidation])
        except msgspec.ValidationError as exc:
            raise CommandError(str(exc)) from exc
        if len(items) > MOST:
            raise CommandError(f"more than {MOST} invalidations")
        tags = list(dict.fromkeys(tag for item in items for tag in self._tags(item)))
        if not await self._purge(tags):
            raise CommandError(
                "purged here; the other pods are told when Redis answers again", status=503
            )
        return Done({"count": len(tags)}, 202, {"purged": tags[:100], "count": len(tags)})

    def _tags(self, item: Invalidation) -> Iterator[str]:
        missing = [name for name in _FIELDS[item.kind] if getattr(item, name) is None]
        if item.subgraphs is not None and "subgraph" in missing:
            missing.remove("subgraph")
        if missing:
            raise CommandError(f"the kind {item.kind} needs {', '.join(missing)}")
        sources = [] if item.subgraph is None else [item.subgraph]
        sources += item.subgraphs or ()
        for source in sources:
            if source not in self._sources():
                known = ", ".join(sorted(self._sources())) or "none"
                raise CommandError(f"there is no source {source!r}; declared: {known}")
        for source in sources or self._sources():
            match item.kind:
                case "subgraph":
                    yield source_tag(source)
                case "type":
                    yield type_tag(source, item.type or "")
                case "cache_tag":
                    yield named_tag(source, item.cache_tag or "")
                case "key":
                    yield key_tag(source, item.type or "", item.key or {})
