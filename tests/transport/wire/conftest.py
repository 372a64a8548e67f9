"""Servers of the wire suite: one for a module's tests, on their loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.transport.served import Served, served
from tests.transport.wire.project import state_of, write_project

ADAPTERS: dict[str, Any] = {"h11": H11Protocol, "httptools": HttpToolsProtocol}


class Wire:
    """A server and what its resolvers write down; `is_own`: messages are told apart by our own protocol."""

    def __init__(self, server: Served, *, is_own: bool = True) -> None:
        self.server = server
        self.port: int = server.port
        self.is_own = is_own
        self.state = state_of(server.app)

    def begin(self) -> None:
        """Forget what was written down."""
        self.state.update(ran=[], gates={}, begun=0, cancelled=0, ended=0)
        self.state["gate"].clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def protocol(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wire]:
    """Our own protocol, as `gateway serve` has it."""
    async with served(write_project(tmp_path_factory.mktemp("wire"))) as server:
        yield Wire(server)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["own", *ADAPTERS])
async def any_server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Wire]:
    """The application, over our own protocol and over servers of others."""
    config: Path = write_project(tmp_path_factory.mktemp("wire"))
    if request.param == "own":
        async with served(config) as server:
            yield Wire(server)
    else:
        async with served(config, ADAPTERS[request.param]) as server:
            yield Wire(server, is_own=False)
