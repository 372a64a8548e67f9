"""One source's policies over real connections; waiting is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.errors import UpstreamError
from gateway.upstream.build_transport import build_transport
from gateway.upstream.caller import CallStats
from gateway.upstream.policy.counters import Counters
from gateway.upstream.policy.policy import Policy
from gateway.upstream.settings import (
    CircuitBreakerSettings,
    HedgeSettings,
    RetrySettings,
    SourceSettings,
)
from gateway.upstream.transport import Fetched, UpstreamRequest
from tests.upstream.conftest import Server, answer, serving

NO_BREAKER = CircuitBreakerSettings(enabled=False)


class Backend:
    """Answers by a list of answers, the last for ever; None breaks the connection off."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.hold: asyncio.Event | None = None

    async def __call__(
        self, state: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await state.read_request(reader)
            index = min(len(state.heads), len(self.answers)) - 1
            chosen = self.answers[index]
            if self.hold is not None and len(state.heads) == len(self.answers):
                await self.hold.wait()
            if chosen is None:
                writer.transport.abort()
                return
            writer.write(chosen)


class Caller:
    """A policy with its counters, and what it waited."""

    def __init__(self, policy: Policy, url: str, waits: list[float]) -> None:
        self.policy = policy
        self.url = url
        self.waits = waits
        self.stats = CallStats()

    async def __call__(
        self, method: str = "GET", left_s: float = 30, *, is_read: bool | None = None
    ) -> Fetched:
        read = method == "GET" if is_read is None else is_read
        request = UpstreamRequest(method, self.url, (), None, "s", "e", read)
        deadline = asyncio.get_running_loop().time() + left_s
        return await self.policy.fetch(request, deadline, self.stats)

    def count(self, name: str) -> int:
        return self.policy.counters.total(name)


@asynccontextmanager
async def calling(backend: Backend, **settings: Any) -> AsyncIterator[tuple[Caller, Server]]:
    waits: list[float] = []

    async def sleep(wait_s: float) -> None:
        waits.append(wait_s)

    made = SourceSettings(**{"circuit_breaker": NO_BREAKER, **settings})
    async with serving(backend) as server:
        transport = build_transport(made)
        policy = Policy("s", made, transport, Counters(), sleep=sleep, rng=lambda: 1.0)
        try:
            yield Caller(policy, server.url + "/x", waits), server
        finally:
            await transport.aclose()


UNAVAILABLE = answer(b"{}", b"503 Service Unavailable")
GOOD = answer(b'{"ok": 1}')


async def test_a_read_is_asked_again_with_growing_waits() -> None:
    async with calling(Backend(UNAVAILABLE, UNAVAILABLE, GOOD)) as (call, server):
        assert (await call()).status == 200
        assert len(server.heads) == 3
        assert call.waits == [0.025, 0.05]
        assert (call.stats.calls, call.stats.retries) == (3, 2)
        assert call.count("retry") == 2


async def test_the_last_answer_stands_when_all_fail() -> None:
    async with calling(Backend(UNAVAILABLE)) as (call, server):
        assert (await call()).status == 503
        assert len(server.heads) == 3


@pytest.mark.parametrize("broken", [UNAVAILABLE, None])
async def test_what_may_have_been_done_is_not_done_again(broken: bytes | None) -> None:
    async with calling(Backend(broken, GOOD)) as (call, server):
        if broken is None:
            with pytest.raises(UpstreamError):
                await call("POST")
        else:
            assert (await call("POST")).status == 503
        assert len(server.heads) == 1


async def test_a_post_that_is_said_to_be_a_read_is_asked_again() -> None:
    async with calling(Backend(None, GOOD)) as (call, server):
        assert (await call("POST", is_read=True)).status == 200
        assert len(server.heads) == 2


async def test_a_post_that_never_reached_anybody_is_sent_again() -> None:
    async with calling(Backend(GOOD)) as (call, _):
        call.url = "http://127.0.0.1:1/x"
        with pytest.raises(UpstreamError):
            await call("POST")
        assert call.stats.retries == 2


async def test_retry_after_is_honoured_where_it_fits() -> None:
    busy = answer(b"{}", b"429 Too Many Requests", b"retry-after: 2")
    async with calling(Backend(busy, GOOD)) as (call, server):
        assert (await call()).status == 200
        assert call.waits == [2.0]
    async with calling(Backend(busy, GOOD)) as (call, server):
        assert (await call(left_s=1.5)).status == 429
        assert len(server.heads) == 1


@pytest.mark.parametrize(
    "value",
    ["²", "٣", "1_0", "+1", "-1", "1.5", "0x1", "", "soon", "9" * 400, "nan", "inf", "Fri, 99 Foo 2026 99:99:99 GMT",
     "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359", "Fri, 29 Nov ² 00:00:00 GMT", "1 2"],
)  # fmt: skip
async def test_a_retry_after_that_is_none_is_not_there(value: str) -> None:
    header = f"retry-after: {value}".encode()
    if value == "٣":
        header = b"retry-after: \xd9\xa3"
    busy = answer(b"{}", b"429 Too Many Requests", header)
    async with calling(Backend(busy, GOOD)) as (call, _):
        status = (await call()).status
        if "9999" in value:
            assert (status, call.waits) == (429, []), "beyond the deadline"
        else:
            assert (status, call.waits) == (200, [0.025])


UNREADABLE = answer(b"\0\1\2", b"200 OK", b"content-encoding: gzip")


async def test_an_unreadable_answer_is_not_asked_for_again_and_opens_no_breaker() -> None:
    breaking = CircuitBreakerSettings(request_threshold=2, sleep_window_s=1000)
    async with calling(Backend(UNREADABLE), circuit_breaker=breaking) as (call, server):
        for _ in range(10):
            with pytest.raises(UpstreamError) as caught:
                await call()
            assert caught.value.code == "CONNECTOR_RESPONSE_INVALID"
            assert "content-encoding 'gzip'" in caught.value.detail
        assert len(server.heads) == 10
        assert call.count("retry") == 0
        assert call.policy.endpoints["e"].breaker.state == "closed"


async def test_an_error_is_one_by_its_status_whatever_its_body() -> None:
    broken = answer(b"\0\1\2", b"503 Service Unavailable", b"content-encoding: gzip")
    breaking = CircuitBreakerSettings(request_threshold=3, sleep_window_s=1000)
    async with calling(Backend(broken, broken, GOOD)) as (call, _):
        assert (await call()).status == 200
        assert call.count("retry") == 2
    async with calling(Backend(broken), circuit_breaker=breaking) as (call, _):
        answered = await call()
        assert (answered.status, answered.body) == (503, b"")
        assert call.policy.endpoints["e"].breaker.state == "open"


async def test_other_errors_of_the_backend_are_its_answer() -> None:
    async with calling(Backend(answer(b"{}", b"500 Oops"), GOOD)) as (call, server):
        assert (await call()).status == 500
        assert len(server.heads) == 1


async def test_retries_stay_within_their_budget() -> None:
    """A backend of which nothing comes back gets no more than a fifth beside its load."""
    retry = RetrySettings(budget_min_per_s=0.0)
    async with calling(Backend(UNAVAILABLE), retry=retry) as (call, server):
        for _ in range(100):
            await call()
        assert 115 <= len(server.heads) <= 120
        assert call.count("retry") + 100 == len(server.heads)
        assert call.count("retry_refused") > 0


async def test_an_open_breaker_asks_nobody() -> None:
    breaking = CircuitBreakerSettings(request_threshold=5, sleep_window_s=1000)
    backend = Backend(answer(b"{}", b"500 Oops"))
    async with calling(backend, circuit_breaker=breaking) as (call, server):
        for _ in range(5):
            await call()
        with pytest.raises(UpstreamError) as caught:
            await call()
        assert caught.value.code == "CIRCUIT_BREAKER_OPEN"
        assert len(server.heads) == 5
        assert (call.count("breaker_opened"), call.count("breaker_refused")) == (1, 1)
        assert call.waits == []  # an open breaker ends the retries too


async def test_a_clients_short_deadline_opens_no_breaker() -> None:
    breaking = CircuitBreakerSettings(request_threshold=1, sleep_window_s=1000)
    backend = Backend(GOOD)
    backend.hold = asyncio.Event()
    async with calling(backend, circuit_breaker=breaking) as (call, _):
        with pytest.raises(UpstreamError) as caught:
            await call(left_s=0.02)
        assert caught.value.code == "GATEWAY_TIMEOUT"
        assert call.policy.endpoints["e"].breaker.state == "closed"
        backend.hold.set()


async def test_the_backend_is_told_how_long_it_has() -> None:
    async with calling(Backend(UNAVAILABLE, GOOD), timeout_s=5.0) as (call, server):
        await call(left_s=3.0)
    for head in server.heads:
        left_ms = int(head.lower().partition(b"x-request-timeout-ms: ")[2].partition(b"\r\n")[0])
        assert 2000 < left_ms <= 3000


async def test_a_slow_read_gets_a_rival_and_the_first_good_answer_wins() -> None:
    hedge = HedgeSettings(enabled=True, min_delay_s=0.01)
    answers = [GOOD] * 33
    backend = Backend(*answers)
    async with calling(backend, hedge=hedge) as (call, server):
        for _ in range(32):
            await call()
        backend.hold = asyncio.Event()  # the 33rd answer hangs, its rival does not
        assert (await call()).status == 200
        assert len(server.heads) == 34
        assert (call.count("hedge"), call.count("hedge_won")) == (1, 1)
        assert call.policy.places.in_use == 0
        backend.hold.set()
