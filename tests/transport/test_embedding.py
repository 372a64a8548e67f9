"""docs/embedding.md: each host of the page serves its own route, the gateway, GraphiQL and a subscription."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway import ConfigError, create_app
from tests.support.pages import save_files

QUERY = {"query": "{ hello answer }"}
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedding")
    names = save_files("embedding.md", folder)
    assert {"served.py", "with_starlette.py", "with_fastapi.py", "with_django.py"} <= set(names)
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(str(project))
    return project


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that stock uvicorn serves."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="on", log_level="error"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        running = asyncio.create_task(server.serve([listener]))
        try:
            async with asyncio.timeout(60):
                while not server.started and not running.done():
                    await asyncio.sleep(0.01)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            await running


async def subscribed(client: httpx.AsyncClient, path: str) -> list[Any]:
    url = str(client.base_url.copy_with(scheme="ws", path=path))
    results = []
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket_:
        await socket_.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket_.recv())["type"] == "connection_ack"
        payload = {"query": "subscription { ticks }"}
        await socket_.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        while (message := json.loads(await socket_.recv()))["type"] == "next":
            results.append(message["payload"]["data"]["ticks"])
        assert message["type"] == "complete"
    return results


@pytest.mark.parametrize(
    ("module", "prefix"),
    [("served", ""), ("with_starlette", "/api"), ("with_fastapi", "/api"), ("with_django", "/api")],
)
async def test_a_host_serves_the_gateway_beside_its_own(
    here: Path, module: str, prefix: str
) -> None:
    async with serving(importlib.import_module(module).app) as client:
        answer = await client.post(f"{prefix}/graphql", json=QUERY)
        assert answer.json() == {"data": {"hello": "Hello", "answer": 42}}
        page = await client.get(f"{prefix}/graphql", headers=HTML)
        is_page = f'src="{prefix}/graphql/graphiql/start.js' in page.text
        assert is_page or "GraphiQL is not installed" in page.text
        assert (await client.get(f"{prefix}/health/ready")).status_code == 200
        assert await subscribed(client, f"{prefix}/graphql") == [0, 1, 2]
        if prefix:
            assert "home" in (await client.get("/")).text


async def test_without_its_lifespan_the_answer_says_what_to_do(here: Path) -> None:
    app = Starlette(routes=[Mount("/api", create_app("gateway.toml"))])
    async with serving(app) as client:
        answer = await client.post("/api/graphql", json=QUERY)
        assert answer.status_code == 503
        assert "lifespan=gateway.lifespan" in answer.text
        with pytest.raises((ConnectionClosed, InvalidStatus)):
            await subscribed(client, "/api/graphql")


async def test_a_lifespan_may_run_again(here: Path) -> None:
    app = create_app("gateway.toml")
    for _ in range(2):
        async with serving(app) as client:
            assert (await client.post("/graphql", json=QUERY)).status_code == 200


def test_a_mistake_is_told_where_the_application_is_made(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('[graph]\nschema = "nope.graphql"\n')
    with pytest.raises(ConfigError) as caught:
        create_app(tmp_path / "gateway.toml")
    assert "there is no such schema file or folder" in caught.value.render()
