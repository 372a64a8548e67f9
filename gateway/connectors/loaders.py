"""Connectors as loaders: a column of parents in, requests by key and chunk, a column of values out.

One call for all parents when the request does not read them, one for each distinct key when it reads
`$this`, one for each chunk of distinct keys when it reads `$batch`.

Source: connectors.md §14–§16.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Hashable, Mapping, Sequence
from copy import copy
from typing import Any

import msgspec

from gateway.connectors.call import ConnectorCall
from gateway.connectors.keys import EntityKey
from gateway.connectors.mapping.members import Members
from gateway.connectors.merging import Batches, merged_rows
from gateway.connectors.request.url import CannotWriteError
from gateway.connectors.views import MISSING
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.graph.field_tree import FieldTree
from gateway.graph.resolvers import Loader, RowClasses
from gateway.telemetry.trace import CURRENT
from gateway.upstream.transport import UpstreamRequest
from gateway.vary import Identity

Keyed = tuple[list[Any], dict[Hashable, dict[str, Any]], dict[Hashable, Any]]


class ConnectorLoader(ABC):
    """What the loaders of this room share: who they are, what they read and supply."""

    def __init__(
        self, call: ConnectorCall, coordinate: str, reads: FieldTree, supplies: FieldTree | None
    ) -> None:
        self.call = call
        self.coordinate = coordinate
        self.source: str | None = call.builder.source_name
        self.reads: FieldTree | None = reads
        self.supplies = supplies
        self.identity: Identity | None = call.identity

    def project(self, wanted: FieldTree) -> Loader:
        """The same loader, decoding no more than is wanted and what it matches rows by."""
        projected = copy(self)
        projected.call = self.call.project(self._with_keys(wanted))
        return projected

    def _with_keys(self, wanted: FieldTree) -> FieldTree:
        return wanted

    def describe(self) -> str:
        """What it sends, how often, and how its answers are read, for people."""
        builder = self.call.builder
        source = f" of {self.source}" if self.source else ""
        return f"{builder.endpoint}{source}, {self._frequency()}; {self.call.decoding.describe()}"

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


class FieldLoader(ConnectorLoader):
    """A connector on a field whose request reads no parent: one call, the same value for all."""

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        value = await self.call.answer(
            self.call.variables(context, args=arguments, this={}), context
        )
        return [value] * len(parents)


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


class BatchLoader(ConnectorLoader):
    """A connector that reads `$batch`: a call for each chunk of distinct keys.

    Args:
        key: What identifies a parent, and a row of the answer.
        row_key: What a row of the answer is matched by, where that is not the key itself (`groupBy`).
        max_size: Keys in one call; None for no bound.
        max_url_bytes: A longer URL is split.
    """

    def __init__(
        self,
        call: ConnectorCall,
        coordinate: str,
        reads: FieldTree,
        supplies: FieldTree | None,
        *,
        key: EntityKey,
        row_key: EntityKey | None,
        max_size: int | None,
        max_url_bytes: int,
    ) -> None:
        super().__init__(call, coordinate, reads, supplies)
        self.key = key
        self.row_key = row_key or key
        self.is_grouped = row_key is not None
        self.max_size = max_size
        self.max_url_bytes = max_url_bytes
        self.batches = Batches(max_size, max_url_bytes) if call.merges else None

    def _frequency(self) -> str:
        return f"once for {self.max_size} keys" if self.max_size else "once for all keys"

    def project(self, wanted: FieldTree) -> Loader:
        projected = super().project(wanted)
        assert isinstance(projected, BatchLoader)
        if self.batches is not None:  # what is decoded differs
            projected.batches = Batches(self.max_size, self.max_url_bytes)
        return projected

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        column = self.key.column(parents)
        request, distinct = (None, []) if column is None else self._plain_request(column, context)
        if column is None or request is None:
            return await self._load_any(column, parents, arguments, context)
        # Keys of one member that one call asks for: the usual case, in few steps and one coroutine.
        call = self.call
        note_keys(len(distinct), len(distinct))
        views: list[dict[str, Any]] | None = None
        try:
            fetched = await call.fetch(request, context)
            rows = call.decoded(fetched)
            if rows is ...:
                views = [self.key.item(key) for key in distinct]
                rows = call.mapped(fetched, call.variables(context, args=arguments, batch=views))
        except UpstreamError as exc:
            return [exc] * len(column)
        row_keys = self.row_key.column(rows)
        found: Mapping[Hashable, Any] = {}
        if row_keys is not None:
            found = dict(zip(row_keys, rows, strict=True))
        if not all(map(found.__contains__, distinct)):
            found = self._match(views or [self.key.item(key) for key in distinct], rows)
        return list(map(found.get, column))

    def _plain_request(
        self, column: list[Any], context: Context
    ) -> tuple[UpstreamRequest | None, list[Any]]:
        """The one call for keys that are all a call reads, and these; None where it takes more."""
        distinct = list(dict.fromkeys(column))
        fits = self.max_size is None or len(distinct) <= self.max_size
        if self.is_grouped or self.batches is not None or not fits or self.key.single is None:
            return None, distinct
        call = self.call
        try:
            request = call.builder.build_batch(
                self.key.single, distinct, context.client, call.may_repeat
            )
        except CannotWriteError:
            return None, distinct
        if request is not None and len(request.url) > self.max_url_bytes:
            request = None
        return request, distinct

    async def _load_any(
        self,
        column: list[Any] | None,
        parents: Sequence[Any],
        arguments: Mapping[str, Any],
        context: Context,
    ) -> Sequence[Any]:
        keys, views, found = self._keys(column, parents)
        if not views:
            return [found.get(key, [] if self.is_grouped else None) for key in keys]
        size = self.max_size or len(views)
        note_keys(len(views), min(size, len(views)))
        ordered = list(views.values())
        chunks = [ordered[at : at + size] for at in range(0, len(ordered), size)]
        for part in await gathered([self._chunk(chunk, arguments, context) for chunk in chunks]):
            found.update(part)
        if not self.is_grouped:
            return [found.get(key) for key in keys]
        return [[] if (rows := found.get(key)) is None else rows for key in keys]

    def _keys(self, column: list[Any] | None, parents: Sequence[Any]) -> Keyed:
        """Each parent's key, and what `$batch` holds of each distinct one."""
        if column is not None:
            return column, {value: self.key.item(value) for value in dict.fromkeys(column)}, {}
        return keys_of(self.key, parents, self.source)

    async def _chunk(
        self, views: list[dict[str, Any]], arguments: Mapping[str, Any], context: Context
    ) -> dict[Hashable, Any]:
        """The values of one chunk by key; an error stands at each of its keys."""
        variables = self.call.variables(context, args=arguments, batch=views)
        try:
            request = self.call.request(variables, context)
            if len(request.url) > self.max_url_bytes and len(views) > 1:
                half = len(views) // 2
                first, second = await gathered(
                    [
                        self._chunk(views[:half], arguments, context),
                        self._chunk(views[half:], arguments, context),
                    ]
                )
                return {**first, **second}
            if self.batches is None:
                rows = await self.call.answer(variables, context, request)
            else:
                keyed = {self.key.of(view): view for view in views}
                rows = await merged_rows(self.batches, self.call, keyed, arguments, context)
        except UpstreamError as exc:
            return {self.key.of(view): exc for view in views}
        return self._match(views, rows)

    def _with_keys(self, wanted: FieldTree) -> FieldTree:
        return wanted.joined(as_tree(self.row_key.wanted))

    def _match(self, views: list[dict[str, Any]], rows: list[Any]) -> dict[Hashable, Any]:
        """Answer rows by the keys that were asked for; first exactly, then IDs and strings as text."""
        rows = [row for row in rows if row is not None]
        row_keys = self.row_key.column(rows)
        if row_keys is None:
            row_keys = keys_of(self.row_key, rows, self.source)[0]
        if self.is_grouped:
            return self._match_groups(views, rows, row_keys)
        by_key: dict[Hashable, Any] = dict(zip(row_keys, rows, strict=True))
        found: dict[Hashable, Any] = {}
        by_text: dict[Hashable, Any] | None = None
        for view in views:
            key = self.key.of(view)
            if key in by_key:
                found[key] = by_key[key]
            elif self.row_key.is_text:
                if by_text is None:
                    by_text = self._by_text(rows)
                text = self.key.text_of(view)
                if text in by_text:
                    found[key] = by_text[text]
        return found

    def _by_text(self, rows: list[Any]) -> dict[Hashable, Any]:
        views = [(self.row_key.view(row), row) for row in rows]
        return {self.row_key.text_of(view): row for view, row in views if view is not None}

    def _match_groups(
        self, views: list[dict[str, Any]], rows: list[Any], row_keys: Sequence[Hashable]
    ) -> dict[Hashable, Any]:
        """All rows of each key, in the answer's order; by text those too whose own key nobody has asked for."""
        asked = {self.key.of(view): view for view in views}
        found: dict[Hashable, list[Any]] = {key: [] for key in asked}
        for key, row in zip(row_keys, rows, strict=True):
            if key in found:
                found[key].append(row)
        if not self.row_key.is_text or found.keys() == set(row_keys):
            return found
        by_text: dict[Hashable, list[tuple[Hashable, Any]]] = {}
        for key, row in zip(row_keys, rows, strict=True):
            view = self.row_key.view(row)
            if view is not None:
                by_text.setdefault(self.row_key.text_of(view), []).append((key, row))
        for key, view in asked.items():
            alike, is_lacking = by_text.get(self.key.text_of(view), ()), not found[key]
            found[key] = [r for own, r in alike if own == key or is_lacking or own not in asked]
        return found


def keys_of(key: EntityKey, objects: Sequence[Any], source: str | None) -> Keyed:
    """Each object's key, `MISSING` without one; the view of each distinct key; and each key that is an error.

    A value that nests too deeply to be read is the error of its own object.
    """
    keys: list[Hashable] = []
    views: dict[Hashable, dict[str, Any]] = {}
    failed: dict[Hashable, Any] = {}
    for each in objects:
        try:
            view = key.view(each)
            own = MISSING if view is None else key.of(view)
        except RecursionError:
            detail = "a value that the request reads is nested too deeply"
            own = UpstreamError("INVALID_REQUEST_VALUE", source=source, detail=detail)
            view, failed[own] = None, own
        keys.append(own)
        if view is not None and own not in views:
            views[own] = view
    return keys, views, failed


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


def as_tree(members: Members) -> FieldTree:
    """The mapping room's names as loaders have them."""
    return FieldTree({name: as_tree(inner) for name, inner in members.members.items()})
