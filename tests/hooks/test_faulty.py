"""Hooks that do what no hook should: answers without a body that have one, cookies for everybody, cancellations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway import ClientError, Response
from gateway.app.hooks import Hooks
from gateway.graph.hook_marks import takes_send
from gateway.graph.register import Mark
from gateway.testing import FakeAnswer, GatewayClient
from gateway.transport.server.protocols import HttpProtocol
from tests.hooks.project import SCHEMA, write
from tests.transport.served import Served, served

HOOKS = """
import asyncio

from gateway import Response, on_operation, on_request, on_response, on_upstream, principal, resolver, subscription


async def cancelled():
    asleep = asyncio.ensure_future(asyncio.sleep(9))
    asleep.cancel()
    await asleep


@principal()
async def by_header(request):
    if request.headers.get("x-how") == "principal":
        await cancelled()


@on_request()
async def closed(request):
    how = request.headers.get("x-how", "")
    if how == "request":
        await cancelled()
    if how.isdigit():
        return Response(int(how))
    if how == "public":
        return Response(200, {}, headers={"cache-control": "public, max-age=9"})


@on_operation()
async def looks(operation, request):
    if request.headers.get("x-how") == "operation":
        await cancelled()


@on_response(vary="x-how")
async def changes(response, request):
    how = request.headers.get("x-how", "")
    if how == "response":
        await cancelled()
    if how == "headers":
        response.headers = {"x-a": "1"}
    if how == "status":
        response.status = 418
    if how == "extensions":
        response.extensions = [1]
    if how == "surrogate":
        response.extensions["\\ud800"] = 1


@resolver("Query.hello", vary=())
def hello(parent, context, a=None):
    return "Hello"


@resolver("Query.who", vary=())
def who(parent, context):
    context.response.headers.append("set-cookie", "own=1")


@resolver("Mutation.count", vary=())
def count(parent, context):
    return 1


@subscription("Subscription.ticks", vary=())
async def ticks(root, context):
    yield 1
"""
GRAPHQL = {"accept": "application/graphql-response+json"}


@asynccontextmanager
async def running(tmp_path: Path, protocol: Any) -> AsyncIterator[Served]:
    async with served(write(tmp_path, "faulty_hooks", HOOKS), protocol) as server:
        yield server


async def messages(server: Served, how: str) -> list[Any]:
    """What a WebSocket is told; last the code that it is closed with."""
    url = server.url.replace("http://", "ws://")
    names = [Subprotocol("graphql-transport-ws")]
    found: list[Any] = []
    async with connect(url, subprotocols=names, additional_headers={"x-how": how}) as socket:
        try:
            await socket.send('{"type":"connection_init"}')
            found.append(json.loads(await socket.recv())["type"])
            payload = {"query": "{ hello }"}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            while found[-1] not in ("complete", "error"):
                found.append(json.loads(await socket.recv())["type"])
        except ConnectionClosed as closed:
            found.append(closed.rcvd and closed.rcvd.code)
    return found


@pytest.mark.parametrize("protocol", [HttpProtocol, "h11"], ids=["our server", "ASGI"])
async def test_a_cancellation_of_a_hooks_own_is_an_internal_error(
    tmp_path: Path, protocol: Any
) -> None:
    async with running(tmp_path, protocol) as server, httpx.AsyncClient(trust_env=False) as client:
        for how in ("principal", "request", "operation", "response"):
            headers = {**GRAPHQL, "x-how": how}
            body = (
                await client.post(server.url, json={"query": "{ hello }"}, headers=headers)
            ).json()
            assert body["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
            assert body.get("data") == ({"hello": "Hello"} if how == "response" else None)
            ticks = {"query": "subscription { ticks }"}
            headers = {"accept": "text/event-stream", "x-how": how}
            streamed = await client.post(server.url, json=ticks, headers=headers)
            assert "INTERNAL_SERVER_ERROR" in streamed.text
            ends = {"operation": ["connection_ack", "error"], "response": ["connection_ack", "next", "complete"]}  # fmt: skip
            async with asyncio.timeout(30):
                assert await messages(server, how) == ends.get(how, [4500])


@pytest.mark.parametrize("protocol", [HttpProtocol, "h11"], ids=["our server", "ASGI"])
async def test_a_response_without_a_body_ends_with_its_head(tmp_path: Path, protocol: Any) -> None:
    async with running(tmp_path, protocol) as server, httpx.AsyncClient(trust_env=False) as client:
        for status in (204, 304, 205):
            headers = {**GRAPHQL, "x-how": str(status)}
            answer = await client.post(server.url, json={"query": "{ hello }"}, headers=headers)
            assert (answer.status_code, answer.content) == (status, b"")
            if status != 205:
                assert not {"content-length", "content-type"} & answer.headers.keys()
        shared = await client.post(server.url, json={}, headers={**GRAPHQL, "x-how": "public"})
        assert shared.headers["cache-control"] == "max-age=9, private"


def test_neither_a_response_nor_an_error_has_a_body_where_there_is_none() -> None:
    for status in (204, 205, 304):
        assert Response(status, None).body == Response(status).body == b""
        bodies: list[Any] = [{}, b"x", "x", [], 0]
        for body in bodies:
            with pytest.raises(ValueError, match="has no body"):
                Response(status, body)
        with pytest.raises(ValueError, match="has no body"):
            ClientError("m", http_status=status)
    wrong: list[Any] = [100, 199, 600, 200.5, "204"]
    for status in wrong:
        for make in (Response, lambda given: ClientError("m", http_status=given)):
            with pytest.raises(ValueError, match="is no status of a response"):
                make(status)
    assert ClientError("m", retry_after_s=1.5).headers["retry-after"] == "2"


@pytest.mark.parametrize("how", ["headers", "status", "extensions", "surrogate"])
async def test_a_response_that_is_set_wrongly_leaves_what_was_executed(
    tmp_path: Path, how: str
) -> None:
    async with GatewayClient(write(tmp_path, f"sets_{how}", HOOKS)) as client:
        result = await client.execute("mutation { count }", headers={"x-how": how})
    assert result.data == {"count": 1}
    assert [error["extensions"]["code"] for error in result.errors] == ["INTERNAL_SERVER_ERROR"]


COOKIES = """
from gateway import on_response, resolver


@on_response(vary=())
def cookie(response, request):
    response.headers.append("set-cookie", "sid=1; HttpOnly")


@resolver("Query.who", vary=())
def who(parent, context):
    context.response.headers.append("set-cookie", "own=1")
"""
PRICES = SCHEMA.partition("type Mutation")[0].replace("  hello(a: Int): String\n", "")
CACHED = "\n[response_cache]\nclient_headers = true\n[sources.shop.cache]\nenabled = true\n"


async def test_no_cache_keeps_the_cookie_that_a_hook_sets(tmp_path: Path) -> None:
    config = write(tmp_path, "sets_cookies", COOKIES, PRICES, more=CACHED)
    answer = FakeAnswer({"value": 1}, headers={"cache-control": "public, max-age=60"})
    async with GatewayClient(config, sources={"shop": {"GET /price/1": answer}}) as client:
        for _ in range(3):
            got = await client.http.get("/graphql?query={price(id:1)}", headers=GRAPHQL)
            assert got.json()["data"] == {"price": 1}
            assert got.headers["cache-control"] == "no-store"
            assert got.headers["set-cookie"] == "sid=1; HttpOnly"
        both = await client.http.get("/graphql?query={who}", headers=GRAPHQL)
        assert both.headers.get_list("set-cookie") == ["own=1", "sid=1; HttpOnly"]


def test_a_parameter_with_a_default_is_not_send() -> None:
    assert not takes_send(lambda request, _memo={}: None)
    assert not takes_send(lambda request, *, memo: None)
    assert takes_send(lambda request, send: None)
    assert takes_send(lambda request, send=None: None)


async def test_each_shutdown_function_runs_and_the_first_error_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[str] = []

    def start(_state: Any) -> None:
        raise ValueError("the database is away")

    async def close(state: Any) -> None:
        await state["pool"].close()

    marks = [Mark("on_startup", "", start), Mark("on_shutdown", "", close)]
    marks += [Mark("on_shutdown", "", lambda _state: ended.append("last"))]
    with pytest.raises(ValueError, match="the database is away"):
        async with Hooks(marks).running():
            pass
    assert ended == ["last"]
    (line,) = [record.getMessage() for record in caplog.records if record.exc_info]
    assert "shutdown close" in line
    assert "test_faulty.py" in line
