"""Hooks of sources: what they send, and that nobody gets what was asked for in another's name."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.pipeline.pipeline import Pipeline
from gateway.pipeline.subscriptions import Subscriptions
from gateway.testing import FakeAnswer, GatewayClient, in_turn
from gateway.transport.http.handler import Handler
from gateway.upstream.client import Upstream
from tests.hooks.project import HOOKS, SCHEMA, write
from tests.support.pages import save_files

CACHED = "\n[sources.shop.cache]\nenabled = true\n"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[GatewayClient]:
    config = write(tmp_path, "hooked_sources", more=CACHED)
    answer = FakeAnswer({"value": 1}, headers={"cache-control": "max-age=60"})
    async with GatewayClient(config, sources={"shop": {"GET /price/1": answer}}) as made:
        yield made


def told() -> list[str]:
    found: list[str] = sys.modules["hooked_sources"].told
    return found


async def ask(client: GatewayClient, user: str) -> Any:
    result = await client.execute("{ price(id: 1) }", headers={"x-user": user})
    assert result.errors == []
    return result.data["price"]


async def test_both_kinds_reach_the_backend(client: GatewayClient) -> None:
    await ask(client, "ann")
    (call,) = client.sources["shop"].calls
    assert call.headers["x-user"] == "ann"
    assert call.headers["x-signature"] == "GET 24 ann"
    assert told()[-1] == "answered shop 200"


async def test_what_a_hook_reads_of_a_client_is_a_part_of_the_partition(
    client: GatewayClient,
) -> None:
    await asyncio.gather(*(ask(client, user) for user in ("ann", "ann", "bob")))
    await asyncio.gather(*(ask(client, user) for user in ("ann", "bob")))
    users = [call.headers["x-user"] for call in client.sources["shop"].calls]
    assert sorted(users) == ["ann", "bob"]


BROKEN = {
    "before a call": (
        'request.headers["x-user"] = request.client.principal.id or "nobody"',
        'raise RuntimeError("a secret")',
    ),
    "around an attempt": (
        "    response = await send(request)",
        '    await send(request)\n    raise RuntimeError("a secret")',
    ),
    "a header of the connection": (
        'request.headers["x-signature"]',
        'request.headers["content-length"]',
    ),
    "nothing given back": ("    return response\n", "    return None\n"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_a_hook_raises_is_an_error_of_its_fields(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = BROKEN[name]
    assert old in HOOKS
    config = write(tmp_path, "broken_sources", HOOKS.replace(old, new, 1))
    sources = {"shop": {"GET /price/1": {"value": 1}}}
    async with GatewayClient(config, sources=sources) as client:
        result = await client.execute("{ hello price(id: 1) }")
    assert result.data == {"hello": "Hello", "price": None}
    (error,) = result.errors
    assert error["path"] == ["price"]
    assert error["extensions"]["errorId"]
    assert "secret" not in error["message"]
    assert caplog.text


async def test_a_signature_is_made_anew_for_each_attempt(tmp_path: Path) -> None:
    hooks = """
from gateway import on_upstream

numbers = iter(range(1, 9))


@on_upstream("shop")
async def sign(request, send):
    request.headers["x-signature"] = str(next(numbers))
    return await send(request)
"""
    more = "\n[sources.shop.retry]\nenabled = true\n"
    schema = SCHEMA.partition("type Mutation")[0]
    schema = schema.replace("  hello(a: Int): String\n  who: String\n", "")
    config = write(tmp_path, "signing", hooks, schema, more)
    sources = {"shop": {"GET /price/1": in_turn(FakeAnswer(status=503), {"value": 1})}}
    async with GatewayClient(config, sources=sources) as client:
        result = await client.execute("{ price(id: 1) }")
    assert result.data == {"price": 1}
    assert [call.headers["x-signature"] for call in client.sources["shop"].calls] == ["1", "2"]


async def test_the_hooks_of_the_page_work(tmp_path: Path) -> None:
    save_files("hooks.md", tmp_path)
    page = (tmp_path / "hooked.py").read_text()
    schema = SCHEMA.partition("type Mutation")[0]
    schema = schema.replace("  hello(a: Int): String\n  who: String\n", "")
    config = write(tmp_path, "hooked", page, schema)
    async with GatewayClient(config, sources={"shop": {"GET /price/1": {"value": 1}}}) as client:
        known = {"x-session": "s-1"}
        result = await client.execute("query Export { price(id: 1) }", headers=known)
        refused = await client.execute("query Export { price(id: 1) }")
        (call,) = client.sources["shop"].calls
        client.app.hooks.state["is_closed"] = True
        closed = await client.http.post("/graphql", json={"query": "{ price(id: 1) }"})
    assert (result.data, result.extensions) == ({"price": 1}, {"version": 7})
    assert result.headers["x-version"] == "7"
    assert (refused.status, refused.errors[0]["extensions"]["code"]) == (403, "LOGIN")
    assert call.headers["x-user"] == "ann"
    assert len(call.headers["x-signature"]) == 64
    assert (closed.status_code, closed.json()) == (503, {"message": "Back at six."})


async def test_without_hooks_nothing_of_them_is_there(tmp_path: Path) -> None:
    schema = SCHEMA.partition("type Mutation")[0]
    schema = schema.replace("  hello(a: Int): String\n  who: String\n", "")
    config = write(tmp_path, "no_hooks", "", schema)
    async with GatewayClient(config, sources={"shop": {"GET /price/1": {"value": 1}}}) as client:
        worker = client.app.worker
        assert type(worker.handler) is Handler
        assert type(worker.upstream) is Upstream
        assert type(worker.serving().pipeline) is Pipeline
        assert type(worker.serving().subscriptions) is Subscriptions
        assert [policy.transport for policy in worker.upstream.policies][-1] is client.sources["shop"]  # fmt: skip
        assert worker.sockets.hooks is None
