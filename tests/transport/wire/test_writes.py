"""A mutation whose client has gone is not cut by a server that ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.transport.served import served
from tests.transport.wire.case import post
from tests.transport.wire.client import connected
from tests.transport.wire.conftest import Wire
from tests.transport.wire.project import write_project
from tests.transport.wire.test_connections import WRITES, until


async def test_a_server_that_ends_waits_for_a_mutation_whose_client_has_gone(
    tmp_path: Path,
) -> None:
    async with served(write_project(tmp_path)) as server:
        wire = Wire(server)
        wire.begin()
        async with connected(wire.port) as client:
            await client.send(post(WRITES))
            await until(lambda: wire.state["begun"] == 1)
            client.transport.abort()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.5)
        assert not stopping.done()
        wire.state["gate"].set()
        await asyncio.wait_for(stopping, 10)
        assert (wire.state["cancelled"], wire.state["ended"]) == (0, 1)
