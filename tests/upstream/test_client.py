"""Calls to backends over real sockets: what goes out on the wire, what comes back, and how each failure is called."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.context import Context
from gateway.errors import UpstreamError
from gateway.upstream.client import Upstream
from gateway.upstream.settings import HedgeSettings, RetrySettings
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.upstream.conftest import Server, answer, serving, upstream_of

Pair = tuple[Upstream, Context]


async def echo(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await server.read_request(reader)
        writer.write(
            answer(
                b'{"n": 1}',
                b"200 OK",
                b"content-type: application/json",
                b"set-cookie: a=b; Path=/",
            )
        )


async def test_the_bytes_on_the_wire_are_as_built(upstream: Pair) -> None:
    client, context = upstream
    async with serving(echo) as server:
        target = "/a%2Fb/%2e/c,d?x=%2C&y=a%20b&z=[]"
        request = UpstreamRequest(
            "POST", server.url + target, [("X-One", "1"), ("x-one", "2")], b"body", "s"
        )
        fetched = await client.fetch(request, context)
    assert (fetched.status, fetched.body) == (200, b'{"n": 1}')
    assert ("content-type", "application/json") in list(fetched.headers)
    head = server.heads[0]
    assert head.startswith(b"POST " + target.encode() + b" HTTP/1.1\r\n")
    assert b"x-one: 1\r\nx-one: 2\r\n" in head.lower()
    assert server.bodies == [b"body"]
    for name in (b"user-agent:", b"accept:", b"cookie:"):
        assert name not in head.lower()


async def test_a_resolver_gets_headers_of_any_bytes(upstream: Pair) -> None:
    async def odd(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await server.read_request(reader)
        writer.write(answer(b"{}", b"200 OK", b"x-name: caf\xe9", b"expires: \xb2 \xff"))

    client, context = upstream
    async with serving(odd) as server, client.http_client(context) as http:
        found = await http.get(server.url + "/")
    assert (found.status_code, found.headers["x-name"], found.json()) == (200, "caf\xe9", {})


async def test_connections_are_kept_and_cookies_are_not(upstream: Pair) -> None:
    client, context = upstream
    async with serving(echo) as server:
        for _ in range(5):
            await client.fetch(UpstreamRequest("GET", server.url + "/", source="s"), context)
    assert server.connections == 1
    assert all(b"cookie" not in head.lower() for head in server.heads)
    assert context.stats.calls == 5


async def test_nobody_joins_a_read_from_before_a_write_whichever_source_has_it(
    upstream: Pair,
) -> None:
    client, context = upstream
    may_answer = asyncio.Event()

    async def held(server: Server, reader: Any, writer: Any) -> None:
        while True:
            await server.read_request(reader)
            if server.heads[-1].startswith(b"GET"):
                await may_answer.wait()
            writer.write(answer(b"{}"))

    async with serving(held) as server:

        def read(source: str) -> asyncio.Task[Fetched]:
            request = UpstreamRequest("GET", server.url + "/", source=source, is_read=True)
            return asyncio.create_task(client.fetch(request, context))

        reads = [read("s"), read("s"), read("")]  # another source's is a call of its own
        while len(server.heads) < 2:
            await asyncio.sleep(0)
        await client.fetch(UpstreamRequest("POST", server.url + "/", source=""), context)
        reads.append(read("s"))
        await asyncio.sleep(0)
        may_answer.set()
        await asyncio.gather(*reads)
    assert [head.split()[0] for head in server.heads] == [b"GET", b"GET", b"POST", b"GET"]


async def test_redirects_are_answers(upstream: Pair) -> None:
    async def redirect(server: Server, reader: Any, writer: Any) -> None:
        await server.read_request(reader)
        writer.write(answer(b"", b"302 Found", b"location: http://127.0.0.1:1/"))

    client, context = upstream
    async with serving(redirect) as server:
        fetched = await client.fetch(UpstreamRequest("GET", server.url + "/", source="s"), context)
    assert fetched.status == 302


async def test_environment_proxies_are_not_used(
    upstream: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    client, context = upstream
    async with serving(echo) as server:
        assert (
            await client.fetch(UpstreamRequest("GET", server.url + "/", source="s"), context)
        ).status == 200
        assert (await context.http.get(server.url + "/")).status_code == 200


async def test_a_compressed_body_is_decompressed_within_the_cap() -> None:
    plain = b"a" * 100_000

    async def compressed(server: Server, reader: Any, writer: Any) -> None:
        while True:
            await server.read_request(reader)
            writer.write(answer(gzip.compress(plain), b"200 OK", b"content-encoding: gzip"))

    async with serving(compressed) as server:
        request = UpstreamRequest("GET", server.url + "/", source="s")
        async with upstream_of() as (client, context):
            assert (await client.fetch(request, context)).body == plain
        async with upstream_of(max_response_size_bytes=99_999) as (client, context):
            with pytest.raises(UpstreamError) as caught:
                await client.fetch(request, context)
    assert caught.value.code == "RESPONSE_TOO_LARGE"


MANY = {
    "lists": b"[" + b"[]," * 60 + b"1]",
    "numbers": b"[" + b"1," * 101 + b"1]",
    "nested lists": b"[" * 101 + b"]" * 101,
    "objects": b"\xef\xbb\xbf [" + b'{"a":{}},' * 34 + b"1]",
    "after white space": b" " * 200 + b"[" + b"1," * 100 + b"1]",
}


@pytest.mark.parametrize("body", MANY.values(), ids=MANY)
async def test_an_answer_of_too_many_values_is_refused_before_it_is_decoded(body: bytes) -> None:
    async with bodies(body) as (client, context, request):
        with pytest.raises(UpstreamError) as caught:
            await client.fetch(request, context)
    assert caught.value.code == "RESPONSE_TOO_LARGE"
    assert caught.value.detail == f"over 100 values in {len(body)} bytes: max_response_values"
    assert context.stats.calls == 1  # another attempt would get the same


@pytest.mark.parametrize(
    "body",
    [b"[" + b"1," * 99 + b"1]", b'"' + b"," * 200 + b'"', b"a,b,c\n" * 100, b"{" + b" " * 200 + b"}"],
    ids=["as many as may be", "a text with commas", "another format", "one object with spaces"],
)  # fmt: skip
async def test_an_answer_of_few_values_is_not(body: bytes) -> None:
    async with bodies(body) as (client, context, request):
        assert (await client.fetch(request, context)).body == body


async def test_values_of_serialized_php_are_counted_too() -> None:
    body = b"a:60:{" + b"".join(b"i:%d;i:1;" % i for i in range(60)) + b"}"
    async with bodies(body) as (client, context, request):
        assert (await client.fetch(request, context)).body == body
    async with bodies(body, dialect="php") as (client, context, request):
        with pytest.raises(UpstreamError):
            await client.fetch(request, context)


@asynccontextmanager
async def bodies(
    body: bytes, **settings: object
) -> AsyncIterator[tuple[Upstream, Context, UpstreamRequest]]:
    """A client whose source answers a body, and lets no more than 100 values pass."""

    async def answering(server: Server, reader: Any, writer: Any) -> None:
        await server.read_request(reader)
        writer.write(answer(body))

    async with (
        serving(answering) as server,
        upstream_of(max_response_values=100, **settings) as (client, context),
    ):
        yield client, context, UpstreamRequest("GET", server.url + "/", source="s")


async def reset(_server: Server, _reader: Any, writer: Any) -> None:
    writer.transport.abort()


async def reset_mid_body(server: Server, reader: Any, writer: Any) -> None:
    await server.read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()


async def garbage(server: Server, reader: Any, writer: Any) -> None:
    await server.read_request(reader)
    writer.write(b"\x00\x01 not http\r\n\r\n")
    await writer.drain()


async def hanging(server: Server, reader: Any, writer: Any) -> None:
    await server.read_request(reader)
    await asyncio.Event().wait()


async def slow_body(server: Server, reader: Any, writer: Any) -> None:
    await server.read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()
    await asyncio.Event().wait()


@pytest.mark.parametrize("attempts", [1, 2, 3, 4])
async def test_attempts_count_what_is_sent_on_idle_connections_too(attempts: int) -> None:
    is_broken = asyncio.Event()

    async def closing(server: Server, reader: Any, writer: Any) -> None:
        while True:
            await server.read_request(reader)
            if is_broken.is_set():
                return
            await asyncio.sleep(0)
            writer.write(answer(b"1"))

    retry = RetrySettings(max_attempts=attempts, budget_min_per_s=100.0, base_backoff_s=0.0)
    async with serving(closing) as server, upstream_of(retry=retry) as (client, context):

        def ask(number: int) -> Any:
            url = f"{server.url}/{number}"
            return client.fetch(UpstreamRequest("GET", url, source="s", is_read=True), context)

        await asyncio.gather(*map(ask, range(6)))
        assert server.connections == 6
        is_broken.set()
        with pytest.raises(UpstreamError) as caught:
            await ask(6)
    assert caught.value.code == "HTTP_CLIENT_ERROR"
    # On an idle connection and its replacement, which is the transport's; then on new ones.
    assert len(server.heads) - 6 == max(2, attempts)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (reset, "HTTP_CLIENT_ERROR"),
        (reset_mid_body, "HTTP_CLIENT_ERROR"),
        (garbage, "HTTP_CLIENT_ERROR"),
        (hanging, "GATEWAY_TIMEOUT"),
        (slow_body, "GATEWAY_TIMEOUT"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
async def test_each_failure_has_its_code(script: Any, code: str) -> None:
    async with serving(script) as server, upstream_of(timeout_s=0.2) as (client, context):
        context.source_urls = {"s": server.url}
        with pytest.raises(UpstreamError) as caught:
            await client.fetch(UpstreamRequest("POST", server.url + "/", source="s"), context)
        with pytest.raises(httpx.TransportError):
            await context.http.post(server.url + "/")
    assert (caught.value.code, caught.value.source) == (code, "s")
    assert "127.0.0.1" not in caught.value.message


async def test_nobody_listening(upstream: Pair) -> None:
    client, context = upstream
    with pytest.raises(UpstreamError) as caught:
        await client.fetch(UpstreamRequest("GET", "http://127.0.0.1:1/", source="s"), context)
    assert caught.value.code == "HTTP_CLIENT_ERROR"


async def test_the_requests_deadline_bounds_the_call(upstream: Pair) -> None:
    client, context = upstream
    async with serving(hanging) as server:
        context.deadline = asyncio.get_running_loop().time() + 0.1
        with pytest.raises(UpstreamError) as caught:
            await client.fetch(UpstreamRequest("GET", server.url + "/", source="s"), context)
    assert caught.value.code == "GATEWAY_TIMEOUT"


async def test_no_more_calls_in_flight_than_places() -> None:
    busy: list[int] = []
    most = 0
    release = asyncio.Event()

    async def counting(server: Server, reader: Any, writer: Any) -> None:
        nonlocal most
        while True:
            await server.read_request(reader)
            busy.append(1)
            most = max(most, len(busy))
            if len(busy) == 2:
                release.set()
            await release.wait()
            busy.pop()
            writer.write(answer())

    async with serving(counting) as server, upstream_of(max_concurrency=2) as (client, context):
        request = UpstreamRequest("GET", server.url + "/", source="s")
        await asyncio.gather(*(client.fetch(request, context) for _ in range(10)))
    assert most == 2


async def test_waiting_for_a_place_ends_at_the_deadline() -> None:
    async with (
        serving(hanging) as server,
        upstream_of(max_concurrency=1, timeout_s=0.2) as (client, context),
    ):
        request = UpstreamRequest("GET", server.url + "/", source="s")
        outcomes = await asyncio.gather(
            *(client.fetch(request, context) for _ in range(3)), return_exceptions=True
        )
    assert [getattr(item, "code", None) for item in outcomes] == ["GATEWAY_TIMEOUT"] * 3


async def test_cancelled_calls_leave_the_pool_whole() -> None:
    async def numbered(server: Server, reader: Any, writer: Any) -> None:
        while True:
            head = await server.read_request(reader)
            body = head.split(b" ", 2)[1]
            await asyncio.sleep(0)
            writer.write(answer(body))

    async with serving(numbered) as server, upstream_of(max_concurrency=20) as (client, context):

        async def call(number: int) -> bytes:
            request = UpstreamRequest("GET", f"{server.url}/{number}", source="s")
            return (await client.fetch(request, context)).body

        for start in range(0, 1000, 100):
            tasks = [asyncio.ensure_future(call(n)) for n in range(start, start + 100)]
            await asyncio.sleep(0.002)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        bodies = await asyncio.gather(*(call(number) for number in range(200)))
    assert bodies == [f"/{number}".encode() for number in range(200)]


async def test_a_sources_own_headers_give_way_to_the_requests() -> None:
    async with (
        serving(echo) as server,
        upstream_of(headers={"X-Key": "k", "Accept": "a/b"}) as (client, context),
    ):
        request = UpstreamRequest(
            "GET", server.url + "/", [("accept", "application/json")], source="s"
        )
        await client.fetch(request, context)
    assert b"x-key: k\r\n" in server.heads[0]
    assert server.heads[0].lower().count(b"accept:") == 1


async def test_a_body_can_be_streamed_both_ways(upstream: Pair) -> None:
    client, context = upstream

    async def parts() -> Any:
        for part in (b"one ", b"two"):
            yield part

    async with serving(echo) as server:
        deadline_free = UpstreamRequest("POST", server.url + "/", (), parts(), "s")
        response = await client.send(deadline_free, context)
        chunks = [chunk async for chunk in response.aiter_bytes()]
        await response.aclose()
        assert b"".join(chunks) == b'{"n": 1}'
        async with context.http.stream("POST", server.url + "/", content=parts()) as streamed:
            assert await streamed.aread() == b'{"n": 1}'
    assert server.bodies == [b"one two", b"one two"]


async def test_context_http_belongs_to_the_source_whose_url_it_asks() -> None:
    async with serving(echo) as server, upstream_of(headers={"x-key": "k"}) as (_client, context):
        context.source_urls = {"s": server.url + "/v1/"}
        await context.http.get(server.url + "/v1/things")
        await context.http.get(server.url + "/v10/things")
    assert b"x-key: k" in server.heads[0]
    assert b"x-key: k" not in server.heads[1]


async def test_exactly_the_session_cookie_is_forwarded() -> None:
    async with (
        serving(echo) as server,
        upstream_of(session_cookie="PHPSESSID") as (client, context),
    ):
        context.headers = {"cookie": "a=1; PHPSESSID=s%3D1; PHPSESSID=2; xPHPSESSID=3"}
        await client.fetch(UpstreamRequest("GET", server.url + "/", source="s"), context)
        context.headers = {"cookie": "a=1"}
        await client.fetch(UpstreamRequest("GET", server.url + "/", source="s"), context)
    assert b"\r\ncookie: PHPSESSID=s%3D1\r\n" in server.heads[0]
    assert b"cookie" not in server.heads[1]


FAILS = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nnope"
QUICK = RetrySettings(base_backoff_s=0.0, budget_min_per_s=100)


@asynccontextmanager
async def failing_once(
    **settings: Any,
) -> AsyncIterator[tuple[Server, Context, Upstream]]:
    """Every first call of two fails."""

    async def script(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await state.read_request(reader)
            writer.write(FAILS if len(state.heads) % 2 else answer(b'"good"'))

    async with (
        serving(script) as server,
        upstream_of(retry=QUICK, **settings) as (client, context),
    ):
        context.source_urls = {"s": server.url}
        yield server, context, client


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "GET+body"])
async def test_context_http_asks_again_for_what_is_idempotent(method: str) -> None:
    async with failing_once() as (server, context, client):
        name, _, body = method.partition("+")
        response = await context.http.request(name, server.url, content=body or None)
        is_repeated = method in ("GET", "HEAD", "OPTIONS")
        assert response.status_code == (200 if is_repeated else 503)
        assert len(server.heads) == (2 if is_repeated else 1)
        assert client.counters.counts["retry", "s", f"{name} (context.http)"] == is_repeated
        assert context.stats.retries == is_repeated


async def test_context_http_posts_are_repeated_where_the_source_says_so() -> None:
    async with failing_once(post_is_safe=True) as (server, context, _client):
        assert (await context.http.post(server.url, content=b"search")).json() == "good"
        assert server.bodies == [b"search"] * 2


async def test_context_http_streams_after_a_retry_and_leaves_no_connection_taken() -> None:
    async with failing_once(max_connections=1, max_concurrency=1) as (server, context, _client):
        for _ in range(5):
            async with context.http.stream("GET", server.url) as response:
                assert [chunk async for chunk in response.aiter_bytes()] == [b'"good"']
        assert len(server.heads) == 10


async def test_context_http_is_hedged_and_the_loser_is_closed() -> None:
    hold = asyncio.Event()

    async def script(
        state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await state.read_request(reader)
            if len(state.heads) == 21:
                await hold.wait()
            writer.write(answer(b"%d" % len(state.heads)))

    hedge = HedgeSettings(enabled=True, min_delay_s=0.001)
    async with (
        serving(script) as server,
        upstream_of(hedge=hedge, retry=QUICK) as (client, context),
    ):
        context.source_urls = {"s": server.url}
        policy = next(policy for policy in client.policies if policy.name == "s")
        for _ in range(20):
            await context.http.get(server.url)
        endpoint = policy.endpoints["GET (context.http)"]
        endpoint.latency.percentile_s = 0.001
        assert (await context.http.get(server.url)).text != "21"
        hold.set()
        assert policy.places.in_use == 0
        assert client.counters.counts["hedge_won", "s", "GET (context.http)"] == 1
