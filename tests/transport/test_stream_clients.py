"""The clients that people use for subscriptions, as they are published, against a real server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.transport.served import served
from tests.transport.stream_project import state, stream_project


@pytest.mark.parametrize("kind", ["graphql-ws", "graphql-sse", "graphql-sse single"])
async def test_a_client_runs_every_kind_of_operation(
    stream_clients: Path, kind: str, tmp_path: Path
) -> None:
    script = str(Path(__file__).with_name("stream_clients.cjs"))
    with stream_project(tmp_path) as config:
        async with served(config) as server:
            state()["gate"] = asyncio.Event()
            process = await asyncio.create_subprocess_exec(
                "node",
                script,
                str(stream_clients),
                kind,
                server.url,
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == 0
            async with asyncio.timeout(10):  # the source of the subscription that was left
                while state()["closed"] != 1:
                    await asyncio.sleep(0)
    found = json.loads(output)
    assert found["query"] == [{"data": {"hello": "hello ö"}}]
    assert found["mutation"] == [{"data": {"say": "hi"}}]
    assert found["counted"] == [{"data": {"count": number}} for number in range(3)]
    assert found["said"] == [{"data": {"said": {"text": "hi"}}}]
    assert found["left"] == [{"data": {"forever": 0}}]
    assert "Cannot query field" in json.dumps(found["refused"])
    assert (
        found["refused"][0] == "error" if kind == "graphql-ws" else "errors" in found["refused"][0]
    )
