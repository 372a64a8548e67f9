"""The client for tests that are `def`: an event loop of its own, which runs while something is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.app.config import Config
from gateway.testing.client import GatewayClient, Result, Sources
from gateway.testing.sources import FakeSource


class BlockingGatewayClient:
    """`with BlockingGatewayClient("gateway.toml") as client: client.execute("{ … }")`.

    Args and attributes: as `GatewayClient`.
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
        self.client = GatewayClient(config, base=base, sources=sources, headers=headers, env=env)
        self._runner: asyncio.Runner | None = None

    @property
    def sources(self) -> Mapping[str, FakeSource]:
        """The played backends."""
        return self.client.sources

    def __enter__(self) -> BlockingGatewayClient:
        self._runner = asyncio.Runner()
        try:
            self._runner.run(self.client.__aenter__())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._loop.run(self.client.__aexit__(kind, error, traceback))
        finally:
            self._loop.close()

    @property
    def _loop(self) -> asyncio.Runner:
        if self._runner is None:
            raise RuntimeError("use `with BlockingGatewayClient(…) as client`")
        return self._runner

    def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Result:
        """As `GatewayClient.execute`."""
        loop = self._loop
        asked = self.client.execute(
            query, variables, operation_name=operation_name, headers=headers
        )
        return loop.run(asked)

    def subscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        connection_params: Mapping[str, Any] | None = None,
        timeout_s: float = 10.0,
    ) -> Iterator[Result]:
        """As `GatewayClient.subscribe`."""
        events = self.client.subscribe(
            query,
            variables,
            operation_name=operation_name,
            headers=headers,
            connection_params=connection_params,
            timeout_s=timeout_s,
        )

        async def following() -> Result | None:
            return await anext(events, None)

        try:
            while (result := self._loop.run(following())) is not None:
                yield result
        finally:
            self._loop.run(events.aclose())
