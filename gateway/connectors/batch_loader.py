"""A connector that reads `$batch`, as a loader: distinct keys in chunks, a call for each, rows matched to keys.

It must leave what a call sends and how its answer is read to the call.

Source: connectors.md §16.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from typing import Any, Self

from gateway.connectors.caching.batch_rows import BatchRows
from gateway.connectors.call import ConnectorCall
from gateway.connectors.keys import EntityKey, Keyed, keys_of
from gateway.connectors.loaders import ConnectorLoader, gathered, note_keys
from gateway.connectors.merging import Batches, merged_rows
from gateway.connectors.reads import as_tree
from gateway.connectors.request.url import CannotWriteError
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.graph.field_tree import FieldTree
from gateway.upstream.cache.row_store import RowStore
from gateway.upstream.transport import UpstreamRequest


class BatchLoader(ConnectorLoader):
    """A connector that reads `$batch`: a call for each chunk of distinct keys.

    Args:
        key: What identifies a parent, and a row of the answer.
        row_key: What a row of the answer is matched by, where that is not the key itself (`groupBy`).
        max_size: Keys in one call; None for no bound.
        max_url_bytes: A longer URL is split.

    Attributes:
        cached_rows: Reads rows from the cache and stores them there; None where no row is cached.
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
        self.cached_rows: BatchRows | None = None

    def _frequency(self) -> str:
        return f"once for {self.max_size} keys" if self.max_size else "once for all keys"

    def project(self, wanted: FieldTree) -> Self:
        projected = super().project(wanted)
        if self.batches is not None:  # of one plan alone
            projected = copy(projected)
            projected.batches = Batches(self.max_size, self.max_url_bytes)
        return projected

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        column = self.key.column(parents)
        cached = self.cached_rows
        if cached is not None and cached.is_split and self.call.decoding.typed is not None:
            store = context.upstream.row_store(self.source)
            if column is not None and store is not None and not cached.is_resting():
                return await self._load_rows(cached, store, column, arguments, context)
        request, distinct = (
            (None, []) if column is None else self._plain_request(column, arguments, context)
        )
        if column is None or request is None:
            return await self._load_any(column, parents, arguments, context)
        # Keys of one member that one call asks for: the usual case, in few steps and one coroutine.
        call = self.call
        if call.exposes:
            context.stats.expose(call.exposes)
        note_keys(len(distinct), len(distinct))
        try:
            fetched = await call.fetch(request, context)
            rows = call.decoded(fetched)
            if rows is ...:
                views = [self.key.item(key) for key in distinct]
                variables = call.variables(context, args=arguments, batch=views)
                rows = await call.map(fetched, variables)
        except UpstreamError as exc:
            return [exc] * len(column)
        found = self._by_key(rows, distinct)
        return list(map(found.get, column))

    def _by_key(self, rows: Any, keys: list[Any]) -> Mapping[Hashable, Any]:
        """Rows by the keys that were asked for."""
        row_keys = self.row_key.column(rows)
        found: Mapping[Hashable, Any] = {}
        if row_keys is not None:
            found = dict(zip(row_keys, rows, strict=True))
        if not all(map(found.__contains__, keys)):
            found = self._match([self.key.item(key) for key in keys], rows)
        return found

    async def _load_rows(
        self,
        cached: BatchRows,
        store: RowStore,
        column: list[Any],
        arguments: Mapping[str, Any],
        context: Context,
    ) -> Sequence[Any]:
        """As `load`, with the cached row of each key that has one."""
        call, distinct = self.call, list(dict.fromkeys(column))
        if call.exposes:
            context.stats.expose(call.exposes)
        note_keys(len(distinct), len(distinct))
        fetched, given = await cached.fetch(call, store, distinct, arguments, context, self._match)
        rows = call.decoded(fetched)
        if rows is ...:
            views = [self.key.item(key) for key in distinct]
            variables = call.variables(context, args=arguments, batch=views)
            rows = await call.map(fetched, variables)
        found = {**self._by_key(rows, distinct), **given}
        return list(map(found.get, column))

    def _plain_request(
        self, column: list[Any], arguments: Mapping[str, Any], context: Context
    ) -> tuple[UpstreamRequest | None, list[Any]]:
        """The request of the usual case and the distinct keys; None where that is not one call that reads only keys."""
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
        if request is not None and call.caching is not None:

            def variables() -> dict[str, Any]:
                batch = [self.key.item(key) for key in distinct]
                return call.variables(context, args=arguments, batch=batch)

            request.hints = (
                call.caching.hints_of_rows(context.principal, is_noted=False)
                if self.cached_rows is not None and self.cached_rows.is_split
                else call.caching.hints(variables, context.principal, call.mapped)
            )
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
        """The values of one chunk by key; where its call fails, each of its keys has the error."""
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
            batches = self.batches
            if batches is not None and not self.call.may_share(context):
                batches = None
            if batches is None:
                rows = await self.call.answer(variables, context, request)
            else:
                keyed = {self.key.of(view): view for view in views}
                rows = await merged_rows(batches, self.call, keyed, arguments, context)
        except UpstreamError as exc:
            return {self.key.of(view): exc for view in views}
        return self._match(views, rows)

    def _with_keys(self, wanted: FieldTree) -> FieldTree:
        return wanted.joined(as_tree(self.row_key.wanted))

    def _match(self, views: list[dict[str, Any]], rows: list[Any]) -> dict[Hashable, Any]:
        """The answer's rows by the keys that were asked for: equal keys first, then IDs and strings as text."""
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
        """All rows of each key, in the answer's order. A row whose own key was not asked for is matched as text."""
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
