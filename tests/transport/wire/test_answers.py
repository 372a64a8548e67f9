"""What every answer has: its date, no server's name, who may keep it; and refusals for now, under every Accept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.transport.served import served
from tests.transport.wire.case import HOST, chunked, get, message, post
from tests.transport.wire.client import Answer, connected
from tests.transport.wire.conftest import Wire
from tests.transport.wire.project import write_project
from tests.transport.wire.test_connections import WAITS, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRIVATE = {"private", "no-store"}
ACCEPTS = (
    None,
    b"*/*",
    b"application/json",
    b"application/graphql-response+json",
    b"application/graphql-response+json, application/json;q=0.9",
    b"text/event-stream",
    b"multipart/mixed, application/json",
    b"multipart/mixed;subscriptionSpec=1.0, application/json",
    b"text/event-stream",
    b"text/html",
)
SENT = {
    "a POST": post("a"),
    "a POST that waits for nothing": post(b'{"query":"{ __typename }"}'),
    "a GET": get("a"),
    "chunks": chunked("a"),
    "no JSON": post(b"{"),
    "another type": message(b"POST /graphql HTTP/1.1", HOST, b"content-type: text/plain", b"content-length: 1", body=b"x"),
    "an unknown path": message(b"GET /nowhere HTTP/1.1", HOST),
    "OPTIONS": message(b"OPTIONS /graphql HTTP/1.1", HOST),
    "liveness": message(b"GET /health/live HTTP/1.1", HOST),
    "a document that nobody knows": message(b"GET /graphql/nobody HTTP/1.1", HOST),
    "a broken message": b"broken\r\n\r\n",
    "no host": message(b"GET /health/live HTTP/1.1"),
    "a coding that is not served": message(b"POST /graphql HTTP/1.1", HOST, b"transfer-encoding: gzip, chunked"),
    "a body that is too large": message(b"POST /graphql HTTP/1.1", HOST, b"content-type: application/json", b"content-length: 100001"),
    "an expectation that nobody knows": post("a", b"expect: 200-ok"),
    "a method that is not for it": post("a", line=b"PATCH /graphql HTTP/1.1"),
}  # fmt: skip


async def answered(wire: Wire, sent: bytes, method: str = "POST") -> Answer:
    """The answer on a connection of its own."""
    async with connected(wire.port) as client:
        await client.send(sent)
        return await client.answer(method)


@pytest.mark.parametrize("name", SENT)
async def test_an_answer_has_a_date_and_no_name_of_a_server(protocol: Wire, name: str) -> None:
    answer = await answered(protocol, SENT[name])
    assert parsedate_to_datetime(answer.headers["date"]).tzinfo is not None  # RFC 9110 §6.6.1
    assert answer.headers["date"].endswith(" GMT")
    assert "server" not in answer.headers


@pytest.mark.parametrize("name", SENT)
async def test_a_length_or_a_coding_tells_where_an_answer_ends(protocol: Wire, name: str) -> None:
    answer = await answered(protocol, SENT[name])
    is_told = {"content-length", "transfer-encoding"} & set(answer.headers)
    assert is_told if answer.status != 204 else not is_told  # RFC 9110 §8.6, RFC 9112 §6.1


@pytest.mark.parametrize("query", [b"{echo(text:%22a%22)}", b"{__typename}", b"{nope}"])
async def test_the_answer_to_a_get_is_kept_by_nobody_else(any_server: Wire, query: bytes) -> None:
    sent = message(b"GET /graphql?query=%b HTTP/1.1" % query, HOST)
    answer = await answered(any_server, sent, "GET")
    stated = {part.strip() for part in answer.headers["cache-control"].split(",")}
    assert stated & PRIVATE


async def test_head_has_what_get_has_without_its_body(any_server: Wire) -> None:
    path = b"/graphql?query={echo(text:%22a%22)}"
    got = await answered(any_server, message(b"GET %b HTTP/1.1" % path, HOST), "GET")
    head = await answered(any_server, message(b"HEAD %b HTTP/1.1" % path, HOST), "HEAD")
    differs = {"date", "x-request-id"}
    assert {n: v for n, v in head.headers.items() if n not in differs} == {
        n: v for n, v in got.headers.items() if n not in differs
    }


@pytest_asyncio.fixture(loop_scope="module")
async def full(tmp_path: Path) -> AsyncIterator[Wire]:
    """A server that lets one request in at a time, with one in."""
    config = write_project(tmp_path, "[traffic_shaping.router]\nmax_in_flight = 1\n")
    async with served(config) as server:
        wire = Wire(server)
        async with connected(wire.port) as client:
            await client.send(post(WAITS))
            await until(lambda: wire.state["begun"] == 1)
            yield wire
            wire.state["gate"].set()
            assert (await client.answer()).status == 200


async def test_a_full_server_says_when_to_come_again_under_every_accept(full: Wire) -> None:
    for accept in ACCEPTS:
        sent = post("a", *([] if accept is None else [b"accept: " + accept]))
        answer = await answered(full, sent)
        assert answer.status == (406 if accept == b"text/html" else 503), accept
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json["errors"][0]["extensions"]["code"]
    assert full.state["ran"] == ["slow"]


async def test_a_full_server_keeps_the_connection(full: Wire) -> None:
    async with connected(full.port) as client:
        for _ in range(3):
            await client.send(post("a"))
            assert (await client.answer()).status == 503


async def test_new_documents_beyond_the_rate_are_429_under_every_accept(tmp_path: Path) -> None:
    config = write_project(tmp_path, "[limits]\nplan_cpu_share = 0.000001\n")
    async with served(config) as server:
        wire = Wire(server)
        assert (await answered(wire, post(b'{"query":"{ __typename }"}'))).status == 200
        for accept in ACCEPTS:
            sent = post("a", *([] if accept is None else [b"accept: " + accept]))
            for _ in range(2):  # the refusal is not what is remembered of a document
                answer = await answered(wire, sent)
                assert answer.status == (406 if accept == b"text/html" else 429), accept
                if answer.status == 429:
                    assert int(answer.headers["retry-after"]) >= 1
        assert wire.state["ran"] == []
