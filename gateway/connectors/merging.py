"""Batches of several requests in one call: `batch_across_requests`.

While a batch waits for a place at its source, batches of other requests may add their keys to it. No batch waits just
to be joined: one that gets a place is sent, and takes no more keys. Batches are merged only where the loader (so the
plan) and the arguments are the same, and the clients are in one partition. Each request reads its own keys.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from gateway.client.vary import partition
from gateway.concurrency.singleflight import Abandoned, FollowerTimeoutError, SharedCall
from gateway.errors import UpstreamError
from gateway.json_bytes import write_json
from gateway.upstream.transport import Fetched, UpstreamRequest

if TYPE_CHECKING:
    from gateway.connectors.call import ConnectorCall
    from gateway.context import Context

Views = Mapping[Hashable, dict[str, Any]]
Build = Callable[[list[dict[str, Any]]], UpstreamRequest]
Merged = tuple[Fetched, list[dict[str, Any]]]


class Queued(SharedCall[Merged]):
    """A batch that is not sent yet.

    Attributes:
        request: What will be sent; grows with the keys.
        views: What `$batch` holds, by key.
    """

    __slots__ = ("_build", "_headers", "_max_size", "_max_url_bytes", "request", "views")

    def __init__(
        self,
        request: UpstreamRequest,
        views: Views,
        build: Build,
        max_size: int | None,
        max_url_bytes: int,
    ) -> None:
        super().__init__()
        self.request = request
        self.views = dict(views)
        self._build = build
        self._headers = list(request.headers)
        self._max_size = max_size
        self._max_url_bytes = max_url_bytes

    def add(self, views: Views) -> bool:
        """Take another request's keys with it, if they fit."""
        merged = {**self.views, **views}
        if self._max_size is not None and len(merged) > self._max_size:
            return False
        try:
            request = self._build(list(merged.values()))
        except UpstreamError:
            return False  # a key that cannot be written is its own request's fault
        if len(request.url) > self._max_url_bytes or list(request.headers) != self._headers:
            return False
        self.views = merged
        self.request.url, self.request.body = request.url, request.body
        return True


class Batches:
    """The batches of one loader that are not sent yet.

    Args:
        max_size: Keys in one call; None for no bound.
        max_url_bytes: Of one call.
    """

    def __init__(self, max_size: int | None, max_url_bytes: int) -> None:
        self._max_size = max_size
        self._max_url_bytes = max_url_bytes
        self._queued: dict[Hashable, Queued] = {}

    async def fetch(
        self,
        key: Hashable,
        views: Views,
        build: Build,
        send: Callable[[UpstreamRequest], Awaitable[Fetched]],
        deadline: float,
        tell: Callable[[], None],
    ) -> Merged:
        """The answer to a batch, and what it was asked with: these keys, and perhaps others.

        A call that ends with its leader (cancelled, or at the leader's own deadline) is made again by the others.

        Args:
            key: Equal for batches that may be one: arguments and partition.
            views: By key.
            build: Writes the request for such views. Errors: UpstreamError.
            send: Sends it.
            deadline: Of the request that asks.
            tell: Called when the keys were sent with another request's batch.

        Errors: UpstreamError, of `build` and `send`; FollowerTimeoutError at the deadline.
        """
        while (queued := self._queued.get(key)) is not None and queued.add(views):
            try:
                merged = await queued.follow(deadline)
            except Abandoned:
                continue
            tell()
            return merged
        return await self._lead(key, views, build, send, deadline)

    async def _lead(
        self,
        key: Hashable,
        views: Views,
        build: Build,
        send: Callable[[UpstreamRequest], Awaitable[Fetched]],
        deadline: float,
    ) -> Merged:
        request = build(list(views.values()))
        queued = Queued(request, views, build, self._max_size, self._max_url_bytes)
        self._queued.setdefault(key, queued)

        def close() -> None:
            if self._queued.get(key) is queued:
                del self._queued[key]

        request.on_send = close
        try:
            fetched = await send(request)
        except BaseException as error:
            close()
            queued.fail(error, deadline)
            raise
        close()
        merged = fetched, list(queued.views.values())
        queued.finish(merged)
        return merged


async def merged_rows(
    batches: Batches,
    call: ConnectorCall,
    views: Views,
    arguments: Mapping[str, Any],
    context: Context,
) -> Any:
    """The rows of a chunk, and perhaps of others that went with it. Errors: UpstreamError."""
    assert call.vary is not None, "whoever reads all of the client shares nothing"
    source, endpoint = call.builder.source_name, call.builder.endpoint
    asked = write_json(dict(arguments), repr, orjson.OPT_SORT_KEYS)

    def build(batch: list[dict[str, Any]]) -> UpstreamRequest:
        return call.request(call.variables(context, args=arguments, batch=batch), context)

    def tell() -> None:
        context.stats.shared += 1
        context.upstream.counters.add("merged", source, endpoint)
        if context.stats.outward is not None:
            context.stats.outward.note(None, was_asked=True, why=f"{source}: nothing of it is kept")

    try:
        fetched, batch = await batches.fetch(
            (asked, partition(call.vary.view(context.client))),
            views,
            build,
            lambda request: call.fetch(request, context),
            context.deadline,
            tell,
        )
    except FollowerTimeoutError as exc:
        detail = "while its batch went with another's"
        raise UpstreamError("GATEWAY_TIMEOUT", source=source, detail=detail) from exc
    try:
        variables = call.variables(context, args=arguments, batch=batch)
        return await call.decode_and_map(fetched, variables)
    except UpstreamError:
        if len(batch) == len(views) or fetched.status >= 500:
            raise
    # Perhaps another request's key was refused: ask for these keys alone.
    own = list(views.values())
    variables = call.variables(context, args=arguments, batch=own)
    return await call.answer(variables, context, build(own))
