"""What a batch asks its backend for: the rows that are missing, and those that have to be asked for anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from gateway.connectors.call import ConnectorCall
from gateway.connectors.request.url import CannotWriteError
from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.upstream.cache.row_store import ABSENT, FoundRows, RowStore
from gateway.upstream.cache.stored import StoredResponse
from gateway.upstream.transport import Fetched, UpstreamRequest

if TYPE_CHECKING:
    from gateway.connectors.caching.batch_rows import BatchRows

Match = Callable[[list[dict[str, Any]], list[Any]], dict[Hashable, Any]]


Given = dict[Hashable, Any]
"""What is known of keys beside the bytes of rows: an error, or what an answer maps to that is not of rows."""


RESTS = 31
"""Batches that do without the store after an answer that may not be kept: keeping rows costs what it does not save."""


class RowFetch:
    """What one batch asks its backend for."""

    def __init__(
        self,
        rows: BatchRows,
        call: ConnectorCall,
        store: RowStore,
        base: bytes,
        arguments: Mapping[str, Any],
        context: Context,
        match: Match,
    ) -> None:
        self._match = match
        self._rows, self._call, self._store, self._base = rows, call, store, base
        self._arguments, self._context = arguments, context

    async def missing(
        self, names: Mapping[Hashable, Any], found: FoundRows, endpoint: str
    ) -> Given:
        """Ask for what is missing, or wait for who does; what is there then is noted."""
        store, base = self._store, self._base
        missing = [name for name in names if name not in found.rows]
        mine, others, own = store.claim(base, missing, endpoint)
        try:
            given = await self._ask([names[name] for name in mine], found)
        finally:
            store.end_claim(base, mine, own)
        if others:
            left = self._context.deadline - asyncio.get_running_loop().time()
            await asyncio.wait(others, timeout=max(0.0, left))
            waited = [name for name in missing if name not in found.rows and name not in set(mine)]
            again = await store.lookup(base, waited, endpoint)
            found.rows.update(again.rows)
            found.given.update(again.given)
            given |= await self._ask([names[n] for n in waited if n not in again.rows], found)
        return given

    async def _ask(self, keys: list[Any], found: FoundRows) -> Given:
        given: Given = {}

        async def one(some: list[Any], request: UpstreamRequest | UpstreamError) -> None:
            try:
                if isinstance(request, UpstreamError):
                    raise request
                rows, other = await self.fill(some, request, self._fetch, found.kept)
                found.rows.update(rows)
                given.update(other)
            except UpstreamError as exc:
                for key in some:
                    name = self._rows._name(key)
                    if name in found.old:
                        found.rows[name] = found.old[name]
                        found.result = "stale_if_error"
                        self._store.count(self._call.builder.endpoint, "stale_if_error")
                    else:
                        given[key] = exc

        asked = self.requests(keys)
        if len(asked) == 1:
            await one(*asked[0])
        elif asked:
            async with asyncio.TaskGroup() as group:
                for some, request in asked:
                    group.create_task(one(some, request))
        return given

    async def _fetch(self, request: UpstreamRequest) -> Fetched:
        return await self._call.fetch(request, self._context)

    async def fill(
        self,
        keys: list[Any],
        request: UpstreamRequest,
        fetch: Callable[[UpstreamRequest], Any],
        kept: dict[Hashable, StoredResponse],
    ) -> tuple[dict[Hashable, bytes], Given]:
        """Ask for keys, and keep their rows, in `kept` too; what an answer maps to without rows of its own, as that.

        Errors: UpstreamError.
        """
        rows, call = self._rows, self._call
        begin = self._store.tiers.begin()
        fetched = await fetch(request)
        found = rows.split(call, fetched) if call.reader.is_plain(fetched) else None
        if found is None:
            return {}, await self._mapped(keys, fetched)
        named = {rows._name(key): key for key in keys}
        asked = {name: found.get(name, ABSENT) for name in named}
        of_row = await self._tags(fetched, found)
        if of_row is not None:
            is_kept = self._store.keep(
                self._base, request, fetched, asked, lambda n: of_row(n, named[n]), begin, kept
            )
            rows.is_split &= is_kept is not False
            if is_kept is None:
                rows.rest()
        return asked, {}

    async def _mapped(self, keys: list[Any], fetched: Fetched) -> Given:
        """What an answer maps to, by key. Errors: UpstreamError."""
        views = [self._rows.key.item(key) for key in keys]
        variables = self._call.variables(self._context, args=self._arguments, batch=views)
        found = self._match(views, await self._call.map(fetched, variables))
        return {key: found.get(key) for key in keys}

    async def _tags(
        self, fetched: Fetched, found: Mapping[Hashable, bytes]
    ) -> Callable[[Hashable, Any], frozenset[str]] | None:
        """What gives the tags of a row; None where they cannot be told."""
        caching, call = self._call.caching, self._call
        assert caching is not None
        variables = call.variables(self._context, args=self._arguments, batch=[])
        mapped: dict[Hashable, Any] = {}
        if caching.answers.of_rows:
            try:
                values = await call.map(fetched, variables)
            except UpstreamError:
                return None
            if len(values) != len(found):
                return None
            mapped = dict(zip(found, values, strict=True))

        def of_row(name: Hashable, key: Any) -> frozenset[str]:
            return caching.row_tags(self._rows.key.item(key), mapped.get(name), variables)

        return of_row

    def requests(self, keys: list[Any]) -> list[tuple[list[Any], UpstreamRequest | UpstreamError]]:
        """The calls for keys, each with those that it asks for, and how its answer is treated."""
        size = self._rows.max_size or len(keys) or 1
        found = []
        for at in range(0, len(keys), size):
            found += self._requests(keys[at : at + size])
        return found

    def _requests(self, keys: list[Any]) -> list[tuple[list[Any], UpstreamRequest | UpstreamError]]:
        call, context = self._call, self._context
        try:
            request = self._plain(keys)
            if request is None:
                views = [self._rows.key.item(key) for key in keys]
                variables = call.variables(context, args=self._arguments, batch=views)
                request = call.request(variables, context)
        except UpstreamError as exc:
            return [(keys, exc)]
        if len(request.url) > self._rows.max_url_bytes and len(keys) > 1:
            half = len(keys) // 2
            return [*self._requests(keys[:half]), *self._requests(keys[half:])]
        caching = call.caching
        assert caching is not None
        request.hints = caching.hints_of_rows(context.principal, is_noted=True)
        return [(keys, request)]

    def _plain(self, keys: list[Any]) -> UpstreamRequest | None:
        assert self._rows.key.single is not None
        try:
            return self._call.builder.build_batch(
                self._rows.key.single, keys, self._context.client, self._call.may_repeat
            )
        except CannotWriteError:
            return None
