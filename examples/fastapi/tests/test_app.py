"""Both under one roof: the application's own route, and GraphQL."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi")
FOLDER = Path(__file__).resolve().parent.parent


@pytest.fixture
def app(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    sys.modules.pop("app", None)
    from app import app

    return app


def client_of(app):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def test_the_route_and_the_graph_answer(app):
    async def visit():
        async with app.router.lifespan_context(app), client_of(app) as client:
            health = await client.get("/health")
            greeting = await client.post("/api/graphql", json={"query": '{ hello(name: "Ada") }'})
            return health.json(), greeting.json()

    assert asyncio.run(visit()) == ({"ok": True}, {"data": {"hello": "Hello, Ada!"}})


def test_without_the_lifespan_a_request_says_what_is_missing(app):
    async def visit():
        async with client_of(app) as client:
            return await client.post("/api/graphql", json={"query": "{ hello }"})

    answer = asyncio.run(visit())
    assert answer.status_code == 503
    assert "lifespan" in answer.text
