"""Connectors as loaders: a column of parents in, requests by key, a column of values out.

One call for all parents when the request does not read them, one for each distinct key when it reads
`$this`. One that reads `$batch` is in `batch_loader.py`.

It must leave what a call sends and how its answer is read to the call.

Source: connectors.md §14, §15.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Self

import msgspec

from gateway.client.vary import Vary
from gateway.connectors.call import ConnectorCall
from gateway.connectors.keys import EntityKey, keys_of
from gateway.connectors.response.decoding import MAX_DECODINGS
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import RowClasses
from gateway.telemetry.trace import CURRENT


class ConnectorLoader(ABC):
    """What the loaders of this room share: who they are, what they read and supply.

    Plans come and go, and many want the same: what was projected for one is there for the next.
    """

    def __init__(
        self, call: ConnectorCall, coordinate: str, reads: FieldTree, supplies: FieldTree | None
    ) -> None:
        self.call = call
        self.coordinate = coordinate
        self.source: str | None = call.builder.source_name
        self.reads: FieldTree | None = reads
        self.supplies = supplies
        self.vary: Vary | None = call.vary
        self.flags = call.flags
        self._projected: dict[FieldTree, Self] = {}

    def project(self, wanted: FieldTree) -> Self:
        """The same loader, decoding no more than is wanted and what it matches rows by."""
        wanted = self._with_keys(wanted)
        projected = self._projected.get(wanted)
        if projected is None:
            if len(self._projected) >= MAX_DECODINGS:
                del self._projected[next(iter(self._projected))]
            projected = self._projected[wanted] = copy(self)
            projected.call = self.call.project(wanted)
            projected._projected = {}
        return projected

    def _with_keys(self, wanted: FieldTree) -> FieldTree:
        return wanted

    def describe(self) -> str:
        """What it sends, how often, and how its answers are read, for people."""
        builder = self.call.builder
        source = f" of {self.source}" if self.source else ""
        caching = self.call.caching
        kept = f"; {said}" if caching is not None and (said := caching.describe()) else ""
        read = self.call.decoding.describe()
        return f"{builder.endpoint}{source}, {self._frequency()}; {read}{kept}"

    def _frequency(self) -> str:
        return "once"

    @property
    def row_classes(self) -> RowClasses | None:
        """Of what it loads, where answers are decoded."""
        exact = self.call.decoding.exact
        return exact.classes if exact is not None else None

    @abstractmethod
    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        """As `Loader.load`."""


def connectors_of(loader: Any) -> Iterator[ConnectorLoader]:
    """The connectors that a loader may ask: itself, or those that it is made of."""
    if isinstance(loader, ConnectorLoader):
        yield loader
    for one in getattr(loader, "loaders", ()):
        yield from connectors_of(one)


class FieldLoader(ConnectorLoader):
    """A connector on a field whose request reads no parent: one call, the same value for all."""

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        call = self.call
        variables = call.variables(context, args=arguments, this={})
        fetched = await call.fetch(call.request(variables, context), context)
        return [await call.decode_and_map(fetched, variables)] * len(parents)


class KeyedLoader(ConnectorLoader):
    """A connector that reads `$this` (or, for `entity: true`, its key by `$args`): a call for each key.

    Args:
        key: What is read of a parent; one without what it requires is not asked for.
        is_entity: The value is an object.
        variable: "this" or "args".
    """

    def __init__(
        self,
        call: ConnectorCall,
        coordinate: str,
        reads: FieldTree,
        supplies: FieldTree | None,
        *,
        key: EntityKey,
        is_entity: bool,
        variable: str = "this",
    ) -> None:
        super().__init__(call, coordinate, reads, supplies)
        self.key = key
        self.is_entity = is_entity
        self.variable = variable

    def _frequency(self) -> str:
        return "once for each key"

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        keys, views, found = keys_of(self.key, parents, self.source)
        note_keys(len(views))
        values = await gathered([self._one(view, arguments, context) for view in views.values()])
        found.update(zip(views, values, strict=True))
        return [found.get(key) for key in keys]

    async def _one(
        self, view: dict[str, Any], arguments: Mapping[str, Any], context: Context
    ) -> Any:
        given = {"args": arguments, self.variable: view}
        value = await self.call.answer(self.call.variables(context, **given), context)
        is_object = value.__class__ is dict or isinstance(value, msgspec.Struct)
        return value if is_object or not self.is_entity else None


def note_keys(distinct: int, batch: int | None = None) -> None:
    """Tell the step that runs now how much it asks for."""
    timing = CURRENT.get()
    if timing is not None:
        timing.keys, timing.batch = distinct, batch


async def gathered(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    """Run calls at the same time; an upstream's error stands in its place as a value.

    One alone is awaited without a task.
    """
    if len(calls) == 1:
        try:
            return [await calls[0]]
        except UpstreamError as exc:
            return [exc]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, UpstreamError):
            raise outcome
    return outcomes
