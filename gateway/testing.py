"""A client for tests of resolver authors: the whole gateway in this process, HTTP layer included.

It starts no server and opens no port; upstream calls go where the configuration sends them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from gateway.app import Gateway
from gateway.config import Config, load_config
from gateway.upstream.settings import SourceSettings


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
        sources: Base URLs by source name, in place of the configured ones.
        headers: Sent with each request.
        env: `$env` of the connectors; this process's by default.
    """

    def __init__(
        self,
        config: str | Path | Config,
        *,
        base: str | Path | None = None,
        sources: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        environment = os.environ if env is None else env
        if not isinstance(config, Config):
            base = Path(config).parent if base is None else base
            config = load_config(config, environment)
        if sources:
            changed = {
                name: replace(config.sources.get(name, SourceSettings()), url=url)
                for name, url in sources.items()
            }
            config = replace(config, sources={**config.sources, **changed})
        self.app = Gateway(config, Path(base or "."), environment)
        self._headers = dict(headers or {})
        self._http: httpx.AsyncClient | None = None

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
        """POST one operation and give its response."""
        body: dict[str, Any] = {"query": query}
        if variables is not None:
            body["variables"] = dict(variables)
        if operation_name is not None:
            body["operationName"] = operation_name
        accept = {"accept": "application/graphql-response+json"}
        response = await self.http.post(
            self.app.path, json=body, headers={**accept, **(headers or {})}
        )
        content = response.json()
        return Result(
            data=content.get("data"),
            errors=content.get("errors", []),
            extensions=content.get("extensions", {}),
            status=response.status_code,
            headers=response.headers,
        )
