"""A gateway that has too much to do rejects at once, over every transport, and is well again by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from gateway.app.config import build_config
from gateway.app.gateway import create_app
from gateway.app.services import make_admission
from gateway.errors import ClientError
from gateway.pipeline.admission import (
    ALWAYS_IN_FLIGHT,
    CALM_TICKS,
    LATE_TICKS,
    TARGET_S,
    Admission,
    KernelClock,
)
from tests.transport.served import Served, served
from tests.transport.sockets import connected
from tests.transport.stream_project import state, stream_project

SLOW, FAST = {"query": "{ slow }"}, {"query": "{ hello }"}


@asynccontextmanager
async def limited(folder: Path, settings: str) -> AsyncIterator[Served]:
    with stream_project(folder, f"[traffic_shaping.router]\n{settings}\n") as config:
        app = create_app(config)
        state()["gate"] = asyncio.Event()
        async with served(app) as server:
            yield server


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        yield client


async def test_beyond_the_limit_is_refused_until_there_is_room(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    async with limited(tmp_path, "max_in_flight = 2\ndedupe.enabled = false") as server:
        slow = [asyncio.create_task(http.post(server.url, json=SLOW)) for _ in range(2)]
        while (shed := await http.post(server.url, json=FAST)).status_code == 200:
            pass  # the slow ones are not there yet
        assert shed.headers["retry-after"] == "1"
        assert shed.headers["content-type"].startswith("application/json")
        assert shed.json()["errors"] == [
            {"message": "Service unavailable.", "extensions": {"code": "UNAVAILABLE"}}
        ]
        modern = await http.post(
            server.url, json=FAST, headers={"accept": "application/graphql-response+json"}
        )
        assert modern.status_code == 503
        assert modern.headers["content-type"].startswith("application/graphql-response+json")
        health = await http.get(f"http://127.0.0.1:{server.port}/health/ready")
        assert health.status_code == 200

        state()["gate"].set()
        assert [answer.status_code for answer in await asyncio.gather(*slow)] == [200, 200]
        assert (await http.post(server.url, json=FAST)).json() == {"data": {"hello": "hello you"}}


async def test_an_event_stream_is_no_request_in_flight(
    tmp_path: Path, http: httpx.AsyncClient
) -> None:
    async with limited(tmp_path, "max_in_flight = 1") as server:
        subscription = {"query": "subscription { forever }"}
        accept = {"accept": "text/event-stream"}
        async with http.stream("POST", server.url, json=subscription, headers=accept) as stream:
            lines = stream.aiter_lines()
            while "data" not in await anext(lines):
                pass
            assert (await http.post(server.url, json=FAST)).status_code == 200


class Overloadable:
    """Admission on a clock of its own, and operations that stay until they are let go."""

    def __init__(self) -> None:
        self.now = self.busy_s = 0.0
        self.admission = Admission(
            None, 0.02, clock=lambda: self.now, busy_clock=lambda: self.busy_s
        )
        self.admission.watch_loop()
        self.hold()

    def hold(self) -> None:
        """The real timer does not come: only `tick` does."""
        assert self.admission._timer is not None
        self.admission._timer.cancel()

    async def ask(self, count: int) -> int:
        """So many operations; how many of them were rejected."""
        rejected = 0
        for _ in range(count):
            try:
                self.admission.check("a")
                self.admission.in_flight += 1
            except ClientError:
                rejected += 1
        return rejected

    def is_overloaded(self) -> bool:
        return self.admission.is_overloaded

    def tick(self, lag_s: float, *, busy: float = 1.0) -> None:
        """The timer comes so late; for a part of the time the loop had something to do."""
        begin, self.now = self.now, self.admission._due + lag_s
        self.busy_s += (self.now - begin) * busy
        self.admission._tick()
        self.hold()

    async def end(self) -> None:
        self.admission.in_flight = 0
        self.admission.stop()


async def test_a_loop_that_stays_late_refuses_until_it_is_in_time() -> None:
    it = Overloadable()
    assert await it.ask(ALWAYS_IN_FLIGHT) == 0
    for _ in range(LATE_TICKS):
        assert await it.ask(1) == 0, "one pause is no overload"
        it.tick(0.03)
    assert it.is_overloaded()
    assert await it.ask(3) == 3
    it.tick(TARGET_S / 2)
    assert await it.ask(1) == 0, "in time: let in"
    it.tick(0.1)
    assert await it.ask(1) == 1
    it.tick(0.1, busy=0.6)
    assert await it.ask(1) == 0, "others had the CPU"
    it.tick(0.1)
    for _ in range(CALM_TICKS):
        assert it.is_overloaded()
        it.tick(0.0)
    assert not it.is_overloaded()
    for _ in range(LATE_TICKS):
        it.tick(0.1, busy=0.6)
    assert not it.is_overloaded()
    assert await it.ask(1) == 0
    await it.end()
    assert it.admission.in_flight == 0
    assert [value for _, _, value in it.admission.samples()] == [0, 0, 4]


async def test_a_few_requests_are_let_in_however_late_the_loop_is() -> None:
    it = Overloadable()
    assert await it.ask(ALWAYS_IN_FLIGHT - 1) == 0
    for _ in range(LATE_TICKS * 2):
        it.tick(0.5)
    assert not it.is_overloaded()
    assert await it.ask(1) == 0
    for _ in range(LATE_TICKS):
        it.tick(0.5)
    assert it.is_overloaded()
    it.admission.in_flight = 0
    it.tick(0.5)
    assert await it.ask(ALWAYS_IN_FLIGHT) == 0
    assert await it.ask(1) == 1
    await it.end()


async def test_operations_of_a_socket_are_admitted_as_requests_are(tmp_path: Path) -> None:
    async with (
        limited(tmp_path, "max_in_flight = 2\ndedupe.enabled = false") as server,
        connected(server) as client,
    ):
        for id_ in range(5):
            await client.subscribe("{ slow }", id_=str(id_))
        rejected = [await client.hear() for _ in range(3)]
        assert {message["type"] for message in rejected} == {"error"}
        assert {message["payload"][0]["extensions"]["code"] for message in rejected} == {
            "UNAVAILABLE"
        }
        assert server.app.worker.serving().pipeline.admission.in_flight == 2
        state()["gate"].set()


def test_the_limit_is_for_all_workers() -> None:
    router = {"max_in_flight": 10}
    config = build_config({"server": {"workers": 4}, "traffic_shaping": {"router": router}})
    assert make_admission(config)._max_in_flight == 2
    off = make_admission(
        build_config(
            {"traffic_shaping": {"router": {"max_in_flight": 0, "max_eventloop_lag_ms": 0}}}
        )
    )
    assert (off._max_in_flight, off._max_lag_s) == (None, None)
    shipped = make_admission(build_config({}))
    assert (shipped._max_in_flight, shipped._max_lag_s) == (1024, 0.02)


def test_the_kernel_says_how_long_a_thread_had_something_to_do() -> None:
    clock = KernelClock()
    begin, ran = clock(), time.thread_time()
    while time.thread_time() - ran < 0.02:
        pass
    assert clock() - begin >= 0.015
    clock.close()
    clock.close()
    assert clock() >= 0.0


def test_a_client_leaves_the_last_eighth_to_others() -> None:
    admission = Admission(800)
    for _ in range(700):
        admission.check("greedy")
        admission.enter("greedy")
    with pytest.raises(ClientError, match="Service unavailable"):
        admission.check("greedy")
    for _ in range(100):
        admission.check("other")
        admission.enter("other")
    with pytest.raises(ClientError, match="Service unavailable"):
        admission.check("third")
    assert admission.shed == {"client": 1, "in_flight": 1, "lag": 0}
    for _ in range(100):
        admission.leave("other")
    admission.check("third")
