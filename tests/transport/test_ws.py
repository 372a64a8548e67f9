"""GraphQL over WebSockets on a real server: operations, close codes, limits, and the end of the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.transport.served import Served, served
from tests.transport.sockets import connected
from tests.transport.stream_project import state, stream_project


@pytest.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    settings = getattr(request, "param", "")
    with stream_project(tmp_path, settings) as config:
        async with served(config) as running:
            state()["gate"] = asyncio.Event()
            yield running


def log(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]


async def test_a_query_and_a_mutation(server: Served, tmp_path: Path) -> None:
    async with connected(server) as client:
        await client.subscribe("{ hello }", "a")
        assert await client.hear() == {
            "id": "a", "type": "next", "payload": {"data": {"hello": "hello you"}},
        }  # fmt: skip
        assert await client.hear() == {"id": "a", "type": "complete"}
        document = "mutation Say($t: String!) { say(text: $t) }"
        await client.subscribe(document, "a", variables={"t": "ö"}, operationName="Say")
        assert (await client.hear())["payload"] == {"data": {"say": "ö"}}
        assert await client.hear() == {"id": "a", "type": "complete"}
    first, second = log(tmp_path)
    assert first["operation_type"] == "query"
    assert (second["operation_name"], second["operation_type"]) == ("Say", "mutation")


async def test_a_subscription(server: Served, tmp_path: Path) -> None:
    async with connected(server) as client:
        await client.subscribe("subscription { count(to: 3) }")
        heard = [await client.hear() for _ in range(4)]
    assert [m["payload"]["data"]["count"] for m in heard[:3]] == [0, 1, 2]
    assert heard[3] == {"id": "1", "type": "complete"}
    assert log(tmp_path)[0]["operation_type"] == "subscription"


async def test_a_mutation_reaches_the_subscriptions_of_its_topic(server: Served) -> None:
    async with connected(server) as client, connected(server) as other:
        await client.subscribe("subscription { said { text } }")
        await client.send(type="ping")
        assert await client.hear() == {"type": "pong"}
        await other.subscribe('mutation { say(text: "hi") }')
        assert (await client.hear())["payload"] == {"data": {"said": {"text": "hi"}}}


async def test_leaving_a_subscription_closes_its_source(server: Served) -> None:
    async with connected(server) as client:
        for _ in range(2):  # the id is free at once
            await client.subscribe("subscription { forever }")
            assert (await client.hear())["payload"] == {"data": {"forever": 0}}
            await client.send(id="1", type="complete")
        await client.send(type="ping", payload={"a": 1})
        assert await client.hear() == {"type": "pong", "payload": {"a": 1}}
        assert state()["closed"] == 2


async def test_a_client_that_vanishes_closes_its_sources(server: Served) -> None:
    async with connected(server) as client:
        await client.subscribe("subscription { forever }")
        await client.hear()
        transport = client.socket._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()
    async with asyncio.timeout(10):
        while not state()["closed"]:
            await asyncio.sleep(0)
        while server.app.worker.sockets.sockets:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ("{ unknown }", "Cannot query field", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ", "Syntax Error", "GRAPHQL_PARSE_FAILED"),
        ("subscription { refused }", "Not for you.", "FORBIDDEN"),
        ("subscription ($n: Int!) { count(to: $n) }", "invalid value", "BAD_USER_INPUT"),
    ],
)
async def test_request_errors(server: Served, query: str, message: str, code: str) -> None:
    async with connected(server) as client:
        await client.subscribe(query)
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("1", "error")
        assert message in heard["payload"][0]["message"]
        assert heard["payload"][0]["extensions"]["code"] == code
        await client.subscribe("{ hello }")  # no complete comes after an error, and the id is free
        assert (await client.hear())["type"] == "next"


async def test_errors_are_masked(server: Served) -> None:
    async with connected(server) as client:
        await client.subscribe("{ fails }")
        heard = await client.hear()
        assert heard["type"] == "next"
        assert heard["payload"]["errors"][0]["message"] == "Internal server error"
        assert await client.hear() == {"id": "1", "type": "complete"}
        await client.subscribe("subscription { failing }")
        assert (await client.hear())["payload"] == {"data": {"failing": 1}}
        last = await client.hear()
        assert (last["type"], last["payload"][0]["message"]) == ("error", "Internal server error")


async def test_connection_params_reach_the_context(server: Served) -> None:
    params = {"token": "right", "graphql-client-name": "web"}
    async with connected(server, params) as client:
        await client.subscribe("{ params }")
        found = (await client.hear())["payload"]["data"]["params"]
        assert json.loads(found) == [params, "web"]


@pytest.mark.parametrize(
    ("token", "close"),
    [("wrong", (4403, "The token is wrong.")), ("broken", (4500, "Internal server error"))],
)
async def test_who_may_not_come_in(server: Served, token: str, close: Any) -> None:
    async with connected(server, False) as client:
        await client.send(type="connection_init", payload={"token": token})
        assert await client.hear() == close


@pytest.mark.parametrize("protocols", [[], ["graphql-ws"], ["soap"]])
async def test_another_subprotocol(server: Served, protocols: list[str]) -> None:
    async with connected(server, False, protocols=protocols) as client:
        assert await client.hear() == (4406, "Subprotocol not acceptable")


@pytest.mark.parametrize(
    ("messages", "close"),
    [
        ([{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }"}}], 4401),
        ([{"type": "connection_init"}, {"type": "connection_init"}], 4429),
        ([{"type": "connection_init", "payload": 5}], 4400),
        ([{"type": "nonsense"}], 4400),
        ([[]], 4400),
        ([{"type": "connection_init"}, {"type": "subscribe", "id": "1"}], 4400),
        (
            [
                {"type": "connection_init"},
                {"type": "subscribe", "id": "i" * 1_001, "payload": {"query": "{ a }"}},
            ],
            4400,
        ),
        (
            [
                {"type": "connection_init"},
                {"type": "subscribe", "id": "1", "payload": {"query": 5}},
            ],
            4400,
        ),
    ],
)
async def test_close_codes(server: Served, messages: list[Any], close: int) -> None:
    async with connected(server, False) as client:
        for message in messages:
            await client.socket.send_json(message)
        while isinstance(heard := await client.hear(), dict):
            assert heard == {"type": "connection_ack"}
        assert heard[0] == close


async def test_one_id_twice(server: Served) -> None:
    async with connected(server) as client:
        await client.subscribe("{ slow }")
        await client.subscribe("{ slow }")
        assert await client.hear() == (4409, "Subscriber for 1 already exists")


@pytest.mark.parametrize("size", [100, 20_000])
async def test_what_introduces_a_client_is_bounded(server: Served, size: int) -> None:
    async with connected(server, False) as client:
        await client.send(type="connection_init", payload={"token": "x" * size})
        heard = await client.hear()
        assert heard == ({"type": "connection_ack"} if size == 100 else (1009, "Message too big"))


async def test_what_introduces_a_client_has_few_values(server: Served) -> None:
    async with connected(server, False) as client:
        await client.send(type="connection_init", payload={"a": [[]] * 255})
        reason = "The payload of connection_init has more than 256 values"
        assert await client.hear() == (4400, reason)


async def test_what_an_operation_keeps_of_its_message_is_bounded(server: Served) -> None:
    async with connected(server) as client:
        many: list[list[int]] = [[]] * 30_000
        await client.send(
            type="subscribe",
            id="a",
            payload={"query": "{ hello }", "extensions": {"a": many}},
        )
        heard = await client.hear()
        assert heard["payload"][0]["message"].startswith("A list of 30000 items is in the ext")
        await client.send(type="subscribe", id="b", payload={"query": "{ slow }", "other": many})
        async with asyncio.timeout(10):
            while not server.app.worker.sockets.sockets:
                await asyncio.sleep(0)
            [socket] = server.app.worker.sockets.sockets
            while not socket._connection.operations or not socket._tasks:
                await asyncio.sleep(0)
        [operation] = socket._connection.operations.values()
        assert operation.payload == {}
        state()["gate"].set()


@pytest.mark.parametrize("server", ["[subscription]\ninit_timeout_s = 0.01\n"], indirect=True)
async def test_a_client_that_never_introduces_itself(server: Served) -> None:
    async with connected(server, False) as client:
        assert await client.hear() == (4408, "Connection initialisation timeout")


LIMITS = """
[subscription]
max_connections = 1
max_operations_per_connection = 2
max_message_bytes = 1000
allowed_origins = ["https://app.example"]
"""


@pytest.mark.parametrize("server", [LIMITS], indirect=True)
async def test_limits(server: Served) -> None:
    async with connected(server) as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connected(server):
                pass
        assert refused.value.status == 503
        for id_ in "abc":
            await client.subscribe("{ slow }", id_)
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("c", "error")
        assert heard["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        state()["gate"].set()
        assert {(await client.hear())["id"] for _ in range(4)} == {"a", "b"}
        await client.subscribe("{ hello } #" + "x" * 1000)
        assert (await client.hear())[0] == 1009
    async with asyncio.timeout(10):
        while server.app.worker.sockets.sockets:
            await asyncio.sleep(0)
    async with connected(server):
        pass


@pytest.mark.parametrize("server", [LIMITS], indirect=True)
@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://app.example", True),
        ("http://127.0.0.1:{port}", True),
        ("http://127.0.0.1:1", False),
        ("https://evil.example", False),
        ("https://app.example.evil.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_pages_of_other_sites(server: Served, origin: str, is_allowed: bool) -> None:
    headers = {"origin": origin.format(port=server.port)}
    if is_allowed:
        async with connected(server, headers=headers):
            return
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with connected(server, headers=headers):
            pass
    assert refused.value.status == 403


@pytest.mark.parametrize("server", ["[subscription]\nenabled = false\n"], indirect=True)
async def test_not_enabled(server: Served) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with connected(server):
            pass
    assert refused.value.status == 404


async def test_another_path_is_no_endpoint(server: Served) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with session.ws_connect(server.url + "/other"):
                pass


async def test_the_end_of_the_server_loses_no_answer(server: Served) -> None:
    async with connected(server) as client:
        await client.subscribe("subscription { forever }", "stream")
        await client.hear()
        await client.subscribe("{ slow }", "query")
        await client.send(type="ping")
        await client.hear()
        ending = asyncio.create_task(server.stop())
        assert await client.hear() == {"id": "stream", "type": "complete"}
        await client.subscribe("{ hello }", "late")
        state()["gate"].set()
        assert (await client.hear())["payload"] == {"data": {"slow": 1}}
        assert await client.hear() == {"id": "query", "type": "complete"}
        assert await client.hear() == (1001, "Going away")
    await ending
    assert state()["closed"] == 1


@pytest.mark.parametrize("server", ['[subscription]\non_shutdown = "reconnect"\n'], indirect=True)
async def test_clients_may_be_left_to_subscribe_again(server: Served) -> None:
    async with connected(server) as client:
        await client.subscribe("subscription { forever }")
        await client.hear()
        ending = asyncio.create_task(server.stop())
        assert await client.hear() == (1001, "Going away")
    await ending
