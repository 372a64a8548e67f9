"""A client for tests of resolver authors: the whole gateway in this process, HTTP layer included.

It starts no server and opens no port; upstream calls go where the configuration sends them, or to what the test
plays.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from gateway.app.config import Config, load_config
from gateway.app.gateway import Gateway
from gateway.testing.socket import OperationSocket
from gateway.testing.sources import FakeSource
from gateway.upstream.settings import SourceSettings

Sources = Mapping[str, str | FakeSource | Mapping[str, Any]]
"""By source name: a base URL, or what a played backend answers. "" is of connectors without a source."""


@dataclass(slots=True)
class Result:
    """One GraphQL response.

    Attributes:
        data: None when absent too; `status` tells the two apart.
        errors: [] when there are none.
        extensions: {} when there are none.
        status: HTTP status.
        headers: Response headers.
    """

    data: Any
    errors: list[dict[str, Any]]
    extensions: dict[str, Any]
    status: int
    headers: httpx.Headers = field(repr=False)


class GatewayClient:
    """`async with GatewayClient("gateway.toml") as client: await client.execute("{ … }")`.

    Args:
        config: Path of a configuration file, or a `Config`.
        base: Folder that a `Config`'s relative paths start from; the file's own by default.
        sources: By source name what is in its place: the base URL of a server, or what a backend that the test
            plays answers, `{"GET /posts": [{"id": 1}]}`: see `FakeSource`. As soon as one of them is played, a call
            to one that is not named fails the test.
        headers: Sent with each request.
        env: `$env` of the connectors; this process's by default.

    Attributes:
        sources: The backends that the test plays, by source name, with the calls that they got.
    """

    def __init__(
        self,
        config: str | Path | Config = "gateway.toml",
        *,
        base: str | Path | None = None,
        sources: Sources | None = None,
        headers: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        environment = os.environ if env is None else env
        if not isinstance(config, Config):
            base = Path(config).parent if base is None else base
            config = load_config(config, environment)
        given = sources or {}
        changed = {
            name: replace(config.sources.get(name, SourceSettings()), url=url)
            for name, url in given.items()
            if isinstance(url, str)
        }
        config = replace(config, sources={**config.sources, **changed})
        self.sources: dict[str, FakeSource] = {
            name: source if isinstance(source, FakeSource) else FakeSource(source)
            for name, source in given.items()
            if not isinstance(source, str)
        }
        self._given = given
        self.app = Gateway(config, Path(base or "."), environment)
        self.app.transports = self._played()
        self._headers = dict(headers or {})
        self._http: httpx.AsyncClient | None = None

    def _played(self) -> dict[str, FakeSource]:
        """The played backends. Errors: ValueError for a source that the schema does not declare."""
        assert self.app.graph.bound is not None
        known = {*self.app.graph.bound.base_urls, ""}
        for name in self.sources:
            if name not in known:
                declared = ", ".join(sorted(known - {""})) or "none"
                raise ValueError(f"no @source is named {name!r}; declared: {declared}")
        if self.sources:
            # What a test does not name it does not mean to call: it may be somebody's database.
            reached = {name for name in self._given if name not in self.sources}
            for name in known - reached - self.sources.keys():
                self.sources[name] = FakeSource({})
        return self.sources

    async def __aenter__(self) -> GatewayClient:
        self._lifespan = self.app.lifespan()
        await self._lifespan.__aenter__()
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),
            base_url="http://gateway.test",
            headers=self._headers,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._http is not None:
            await self._http.aclose()
        await self._lifespan.__aexit__(kind, error, traceback)

    @property
    def http(self) -> httpx.AsyncClient:
        """The HTTP client, for what `execute` does not cover. Errors: RuntimeError outside `async with`."""
        if self._http is None:
            raise RuntimeError("use `async with GatewayClient(…) as client`")
        return self._http

    async def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Result:
        """POST one operation and give its response.

        Errors: UnexpectedCallError when a backend that the test plays was asked what it has no answer for.
        """
        body = _body(query, variables, operation_name)
        accept = {"accept": "application/graphql-response+json"}
        response = await self.http.post(
            self.app.path, json=body, headers={**accept, **(headers or {})}
        )
        self._raise_unexpected()
        content = response.json()
        return _result(content, response.status_code, response.headers)

    async def subscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        connection_params: Mapping[str, Any] | None = None,
        timeout_s: float = 10.0,
    ) -> AsyncGenerator[Result, None]:
        """The results of a subscription, over a WebSocket of its own.

        `async with aclosing(client.subscribe("…")) as results` ends it where the block ends.

        Args:
            query, variables, operation_name: The operation.
            headers: Of the handshake, beside the client's own.
            connection_params: What the socket introduces itself with.
            timeout_s: How long to wait for each result.

        Errors: TimeoutError when none comes in time; SocketError when the gateway closes the socket.
        """
        whole = {**self._headers, **(headers or {})}
        socket = OperationSocket(self.app, self.app.path, whole, connection_params)
        events = socket.events(_body(query, variables, operation_name))
        try:
            while True:
                try:
                    async with asyncio.timeout(timeout_s):
                        content = await anext(events)
                except StopAsyncIteration:
                    return
                self._raise_unexpected()
                yield _result(content, 200, httpx.Headers())
        finally:
            await events.aclose()

    def _raise_unexpected(self) -> None:
        for name, source in self.sources.items():
            source.raise_unexpected(name)


def _body(
    query: str, variables: Mapping[str, Any] | None, operation_name: str | None
) -> dict[str, Any]:
    body: dict[str, Any] = {"query": query}
    if variables is not None:
        body["variables"] = dict(variables)
    if operation_name is not None:
        body["operationName"] = operation_name
    return body


def _result(content: Mapping[str, Any], status: int, headers: httpx.Headers) -> Result:
    return Result(
        data=content.get("data"),
        errors=content.get("errors", []),
        extensions=content.get("extensions", {}),
        status=status,
        headers=headers,
    )
