"""Each kind of hook under our own server and as ASGI: POST, GET, batches, event streams, WebSockets."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.transport.server.protocols import HttpProtocol
from tests.hooks.project import write
from tests.transport.served import Served, served

GRAPHQL = {"accept": "application/graphql-response+json"}
EVENTS = {"accept": "text/event-stream"}


@pytest.fixture(params=[HttpProtocol, "h11"], ids=["our server", "ASGI"])
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(write(tmp_path, "hooked_project"), request.param) as server:
        yield server


def told() -> list[str]:
    found: list[str] = sys.modules["hooked_project"].told
    return found


async def post(server: Served, body: Any, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.post(server.url, json=body, headers={**GRAPHQL, **named})


async def test_hooks_run_in_order_and_see_what_they_declare(running: Served) -> None:
    body = {"query": "query Q($a: Int) { hello(a: $a) who }", "variables": {"a": 1}}
    answer = await post(running, body, x_user="ann", x_stamp="S", cookie="secret=1")
    assert answer.json() == {
        "data": {"hello": "Hello", "who": "ann"},
        "extensions": {"stamp": "S"},
    }
    assert answer.headers["x-stamp"] == "Hello"
    assert told() == ["first", "request POST /graphql ann", "operation query Q {'a': 1}"]


async def test_a_request_is_refused_and_answered_before_its_document_is_looked_at(
    running: Served,
) -> None:
    refused = await post(running, {"query": "no document"}, x_closed="refused")
    assert refused.status_code == 503
    assert refused.json()["errors"][0] == {"message": "Closed.", "extensions": {"code": "CLOSED"}}
    answered = await post(running, {"query": "no document"}, x_closed="answered")
    assert (answered.status_code, answered.json()) == (503, {"closed": True})
    assert answered.headers["retry-after"] == "60"
    assert answered.headers["cache-control"] == "no-store"
    assert not [line for line in told() if line.startswith("operation")]


async def test_an_operation_is_refused_with_a_graphql_error(running: Served) -> None:
    refused = await post(running, {"query": "query Dear { hello }"})
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["extensions"]["code"] == "PLAN"
    assert (await post(running, {"query": "query Dear { hello }"}, x_plan="gold")).json() == {
        "data": {"hello": "Hello"}
    }


async def test_a_get_and_a_batch(running: Served) -> None:
    async with httpx.AsyncClient(trust_env=False, headers=GRAPHQL) as client:
        got = await client.get(running.url, params={"query": "{ hello }"}, headers={"x-stamp": "S"})
    assert got.json() == {"data": {"hello": "Hello"}, "extensions": {"stamp": "S"}}
    batch = [{"query": "{ hello }"}, {"query": "query Dear { hello }"}]
    answers = (await post(running, batch, x_stamp="S")).json()
    assert answers[0] == {"data": {"hello": "Hello"}, "extensions": {"stamp": "S"}}
    assert answers[1]["errors"][0]["extensions"]["code"] == "PLAN"
    assert answers[1]["extensions"] == {"stamp": "S"}
    assert [line for line in told() if line.startswith("request ")] == [
        "request GET /graphql None",
        "request POST /graphql None",
    ]


async def test_an_event_stream(running: Served) -> None:
    async with httpx.AsyncClient(trust_env=False, headers=EVENTS) as client:
        body = {"query": "subscription Ticks { ticks }"}
        streamed = await client.post(running.url, json=body, headers={"x-stamp": "S"})
        refused = await client.post(running.url, json=body, headers={"x-closed": "refused"})
        denied = await client.post(running.url, json={"query": "query Dear { hello }"})
    payloads = [
        json.loads(line[6:])
        for line in streamed.text.splitlines()
        if line.startswith("data: ") and len(line) > 6
    ]
    assert payloads == [
        {"data": {"ticks": number}, "extensions": {"stamp": "S"}} for number in (1, 2)
    ]
    assert refused.status_code == 503
    assert '"PLAN"' in denied.text
    assert "operation subscription Ticks {}" in told()


async def messages(
    server: Served, payload: dict[str, Any], headers: dict[str, str]
) -> list[dict[str, Any]]:
    """What a WebSocket is told of one operation."""
    url = server.url.replace("http://", "ws://")
    found: list[dict[str, Any]] = []
    subprotocols = [Subprotocol("graphql-transport-ws")]
    async with connect(url, subprotocols=subprotocols, additional_headers=headers) as socket:
        await socket.send('{"type":"connection_init"}')
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        while not found or found[-1]["type"] == "next":
            found.append(json.loads(await socket.recv()))
    return found


async def test_a_web_socket(running: Served) -> None:
    found = await messages(
        running, {"query": "subscription { ticks }"}, {"x-user": "ann", "x-stamp": "S"}
    )
    assert [message.get("payload") for message in found] == [
        {"data": {"ticks": 1}, "extensions": {"stamp": "S"}},
        {"data": {"ticks": 2}, "extensions": {"stamp": "S"}},
        None,
    ]
    assert "request GET /graphql ann" in told()
    (asked, _) = await messages(running, {"query": "{ who }"}, {"x-user": "ann"})
    assert asked["payload"] == {"data": {"who": "ann"}}
    (refused,) = await messages(running, {"query": "query Dear { hello }"}, {})
    assert refused["payload"][0]["extensions"]["code"] == "PLAN"


async def test_a_web_socket_that_is_not_let_in(running: Served) -> None:
    url = running.url.replace("http://", "ws://")
    subprotocols = [Subprotocol("graphql-transport-ws")]
    for how in ("refused", "answered"):
        async with connect(
            url, subprotocols=subprotocols, additional_headers={"x-closed": how}
        ) as socket:
            await socket.send('{"type":"connection_init"}')
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4403


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("{ hello }", {"x_closed": "broken"}),
        ("{ hello }", {"x_user": "broken"}),
        ("query Broken { hello }", {}),
    ],
    ids=["on_request", "principal", "on_operation"],
)
async def test_what_a_hook_raises_is_masked_and_logged_with_an_id(
    running: Served, query: str, headers: dict[str, str], tmp_path: Path
) -> None:
    answer = await post(running, {"query": query}, **headers)
    assert answer.status_code == 500
    (error,) = answer.json()["errors"]
    line = json.loads((tmp_path / "errors.log").read_text())
    assert line["error_id"] == error["extensions"]["errorId"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text


async def test_a_failing_hook_of_responses_leaves_what_was_executed(
    running: Served, tmp_path: Path
) -> None:
    body = {"query": "mutation { count }"}
    answer = (await post(running, body, x_stamp="broken")).json()
    assert answer["data"] == {"count": 1}
    (error,) = answer["errors"]
    line = json.loads((tmp_path / "errors.log").read_text())
    assert line["error_id"] == error["extensions"]["errorId"]
    assert line["message"] == "RuntimeError: a secret"
