"""Operations over event streams and multipart answers, on a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.transport.served import Served, served
from tests.transport.stream_project import state, stream_project

EVENTS = {"accept": "text/event-stream"}
MULTIPART = {
    "accept": 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json;q=0.9'
}


@pytest.fixture
async def server(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    settings = getattr(request, "param", "")
    with stream_project(tmp_path, settings) as config:
        async with served(config) as running:
            state()["gate"] = asyncio.Event()
            yield running


@asynccontextmanager
async def asked(
    server: Served, query: str, headers: dict[str, str], method: str = "POST", **params: Any
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to an operation, not yet read."""
    sent: dict[str, Any] = {"json": {"query": query, **params}}
    if method == "GET":
        sent = {"params": {"query": query}}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, server.url, headers=headers, **sent) as answer,
    ):
        yield answer


async def next_event(answer: aiohttp.ClientResponse) -> tuple[str, Any]:
    """The name and the data of the next event that is one."""
    name, data = "", None
    while True:
        line = (await asyncio.wait_for(answer.content.readline(), 10)).decode()
        assert line, "the stream has ended"
        if line.startswith("event: "):
            name = line[7:].strip()
        elif line.startswith("data:"):
            data = json.loads(line[5:]) if line[5:].strip() else None
        elif line == "\n" and name:
            return name, data


async def next_part(answer: aiohttp.ClientResponse) -> Any:
    """The next part of a multipart answer; None at the end."""
    text = (await asyncio.wait_for(answer.content.readuntil(b"--graphql"), 10)).decode()
    head, _, body = text.removesuffix("--graphql").partition("\r\n\r\n")
    assert head.strip() == "Content-Type: application/json"
    return json.loads(body)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_events_of_a_subscription(server: Served, method: str, tmp_path: Path) -> None:
    async with asked(server, "subscription { count(to: 2) }", EVENTS, method) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        assert await next_event(answer) == ("next", {"data": {"count": 0}})
        assert await next_event(answer) == ("next", {"data": {"count": 1}})
        assert await next_event(answer) == ("complete", None)
        assert await answer.content.read() == b""
    (line,) = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    assert (line["operation_type"], line["status"]) == ("subscription", 200)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("{ hello }", {"data": {"hello": "hello you"}}),
        ('mutation { say(text: "hi") }', {"data": {"say": "hi"}}),
    ],
)
async def test_events_of_other_operations(server: Served, query: str, answer: Any) -> None:
    async with asked(server, query, EVENTS) as stream:
        assert await next_event(stream) == ("next", answer)
        assert await next_event(stream) == ("complete", None)


@pytest.mark.parametrize("query", ["{ unknown }", "subscription { refused }", "{"])
async def test_request_errors_are_events(server: Served, query: str) -> None:
    async with asked(server, query, EVENTS) as answer:
        name, data = await next_event(answer)
        assert name == "next"
        assert list(data) == ["errors"]
        assert await next_event(answer) == ("complete", None)


async def test_a_mutation_by_get_is_no_event(server: Served) -> None:
    async with asked(server, 'mutation { say(text: "x") }', EVENTS, "GET") as answer:
        _, data = await next_event(answer)
        assert data["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


async def test_what_is_no_request_is_answered_at_once(server: Served) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(server.url, data=b"{", headers=EVENTS) as answer:
            assert answer.status == 415
        headers = {**EVENTS, "content-type": "application/json"}
        async with session.post(server.url, data=b"{", headers=headers) as answer:
            assert answer.status in (200, 400)
            assert "errors" in await answer.json()


async def test_a_failing_source_is_masked_in_both_formats(server: Served) -> None:
    async with asked(server, "subscription { failing }", EVENTS) as answer:
        assert await next_event(answer) == ("next", {"data": {"failing": 1}})
        _, data = await next_event(answer)
        assert data["errors"][0]["message"] == "Internal server error"
        assert await next_event(answer) == ("complete", None)
    async with asked(server, "subscription { failing }", MULTIPART) as answer:
        assert await answer.content.readuntil(b"--graphql") == b"--graphql"
        assert await next_part(answer) == {"payload": {"data": {"failing": 1}}}
        last = await next_part(answer)
        assert last["payload"] is None
        assert last["errors"][0]["message"] == "Internal server error"
        assert await answer.content.read() == b"--\r\n"


async def test_parts_of_a_subscription(server: Served) -> None:
    async with asked(server, "subscription { count(to: 2) }", MULTIPART) as answer:
        expected = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
        assert answer.headers["content-type"] == expected
        await answer.content.readuntil(b"--graphql")
        assert await next_part(answer) == {"payload": {"data": {"count": 0}}}
        assert await next_part(answer) == {"payload": {"data": {"count": 1}}}
        assert await answer.content.read() == b"--\r\n"


async def test_a_part_can_be_read_before_the_next_one(server: Served) -> None:
    async with asked(server, "subscription { forever }", MULTIPART) as answer:
        await answer.content.readuntil(b"--graphql")
        assert await next_part(answer) == {"payload": {"data": {"forever": 0}}}


@pytest.mark.parametrize("query", ["{ hello }", "{ unknown }"])
async def test_other_operations_are_answered_in_one_piece(server: Served, query: str) -> None:
    async with asked(server, query, MULTIPART) as answer:
        assert answer.content_type == "application/json"
        await answer.json()


@pytest.mark.parametrize("headers", [EVENTS, MULTIPART])
async def test_a_client_that_leaves_closes_its_source(
    server: Served, headers: dict[str, str]
) -> None:
    async with asked(server, "subscription { forever }", headers) as answer:
        await answer.content.readuntil(b'"forever":0}}')
    async with asyncio.timeout(10):
        while not state()["closed"] or server.app.worker.streams.running:
            await asyncio.sleep(0)


@pytest.mark.parametrize("server", ["[subscription]\nheartbeat_s = 0.01\n"], indirect=True)
async def test_heartbeats(server: Served) -> None:
    async with asked(server, "subscription { forever }", EVENTS) as answer:
        await next_event(answer)
        assert await answer.content.readline() == b":\n"
    async with asked(server, "subscription { forever }", MULTIPART) as answer:
        await answer.content.readuntil(b"--graphql")
        assert await next_part(answer) == {"payload": {"data": {"forever": 0}}}
        assert await next_part(answer) == {}


@pytest.mark.parametrize("server", ["[subscription]\nmax_streams = 1\n"], indirect=True)
async def test_one_stream_too_many(server: Served) -> None:
    async with asked(server, "subscription { forever }", EVENTS) as answer:
        await next_event(answer)
        async with asked(server, "subscription { forever }", EVENTS) as other:
            assert other.status == 503
            assert (await other.json())["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


@pytest.mark.parametrize("server", ["[subscription]\nenabled = false\n"], indirect=True)
async def test_not_enabled(server: Served) -> None:
    headers = {"accept": "application/graphql-response+json, text/event-stream"}
    async with asked(server, "subscription { count(to: 1) }", headers) as answer:
        assert answer.status == 400
    async with asked(server, "{ hello }", EVENTS) as answer:
        assert answer.status == 406


@pytest.mark.parametrize(
    ("server", "last"),
    [
        ("", b"event: complete\ndata:\n\n"),
        ('[subscription]\non_shutdown = "reconnect"\n', b""),
    ],
    indirect=["server"],
)
async def test_the_end_of_the_server(server: Served, last: bytes) -> None:
    async with asked(server, "subscription { forever }", EVENTS) as answer:
        await next_event(answer)
        ending = asyncio.create_task(server.stop())
        assert await answer.content.read() == last
    await ending
    assert state()["closed"] == 1


TOKEN = "x-graphql-event-stream-token"


@asynccontextmanager
async def single_connection(
    server: Served,
) -> AsyncIterator[tuple[aiohttp.ClientSession, dict[str, str], aiohttp.ClientResponse]]:
    """A reserved stream that is open: the session, the token's header, the stream."""
    async with aiohttp.ClientSession() as session:
        async with session.put(server.url) as reserved:
            assert reserved.status == 201
            assert reserved.content_type == "text/plain"
            token = {TOKEN: await reserved.text()}
        async with session.get(server.url, headers={**EVENTS, **token}) as stream:
            assert stream.status == 200
            yield session, token, stream


def operation(query: str, id_: Any = "a") -> dict[str, Any]:
    return {"query": query, "extensions": {"operationId": id_}}


async def test_many_operations_on_one_stream(server: Served, tmp_path: Path) -> None:
    async with single_connection(server) as (session, token, stream):
        for id_, query in (("a", "{ hello }"), ("b", "subscription { count(to: 2) }")):
            asked = operation(query, id_)
            async with session.post(server.url, json=asked, headers=token) as accepted:
                assert accepted.status == 202
        found: dict[str, list[Any]] = {"a": [], "b": []}
        for _ in range(5):
            name, data = await next_event(stream)
            found[data["id"]].append(data["payload"]["data"] if name == "next" else name)
        assert found == {"a": [{"hello": "hello you"}, "complete"],
                         "b": [{"count": 0}, {"count": 1}, "complete"]}  # fmt: skip
    async with asyncio.timeout(10):
        while server.app.worker.streams.running:
            await asyncio.sleep(0)
    assert len((tmp_path / "access.log").read_text().splitlines()) == 2


async def test_an_operation_of_a_stream_is_ended(server: Served) -> None:
    async with single_connection(server) as (session, token, stream):
        asked = operation("subscription { forever }")
        async with session.post(server.url, json=asked, headers=token):
            await next_event(stream)
        url = f"{server.url}?operationId=a"
        async with session.delete(url, headers=token) as ended:
            assert ended.status == 200
        async with asyncio.timeout(10):
            while not state()["closed"]:
                await asyncio.sleep(0)
        async with session.post(server.url, json=asked, headers=token) as again:
            assert again.status == 202
            assert (await next_event(stream))[1]["payload"] == {"data": {"forever": 0}}


async def test_what_a_stream_refuses(server: Served) -> None:
    async with single_connection(server) as (session, token, stream):
        async with session.get(server.url, headers={**EVENTS, **token}) as twice:
            assert twice.status == 409
        slow = operation("{ slow }")
        for asked, status in (
            (slow, 202),
            (slow, 409),
            ({"query": "{ hello }"}, 400),
            (operation("{ hello }", 5), 400),
            ({"extensions": {"operationId": "b"}}, 400),
        ):
            async with session.post(server.url, json=asked, headers=token) as answer:
                assert answer.status == status
        unknown = {TOKEN: "unknown"}
        for method in ("GET", "POST", "DELETE"):
            headers = {**EVENTS, **unknown}
            async with session.request(method, server.url, headers=headers, json=slow) as answer:
                assert answer.status == 404
                assert (await answer.json())["errors"][0]["extensions"]["code"] == (
                    "STREAM_NOT_FOUND"
                )
        async with session.post(server.url, json=operation("{", "c"), headers=token):
            _, data = await next_event(stream)
            assert "errors" in data["payload"]


@pytest.mark.parametrize("server", ["[subscription]\ninit_timeout_s = 0.01\n"], indirect=True)
async def test_a_reservation_expires(server: Served) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.put(server.url) as reserved:
            token = await reserved.text()
        async with asyncio.timeout(10):
            status = 200
            while status == 200:
                async with session.delete(server.url, headers={TOKEN: token}) as answer:
                    status = answer.status
            assert status == 404
        url = f"{server.url}?token={token}"
        async with session.get(url, headers=EVENTS) as answer:
            assert answer.status == 404
