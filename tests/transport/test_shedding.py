"""A gateway that has too much to do refuses at once, before the body is there, and is well again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import create_app
from gateway.config import build_config
from gateway.services import make_shedder
from gateway.transport.shedding import TICK_S, Shedder
from tests.transport.served import Served, served
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

        # Of this one there is a head, and no body will ever come.
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            b"content-length: 100\r\n\r\n"
        )
        assert (await reader.readline()).split()[1] == b"503"
        writer.close()
        await writer.wait_closed()

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


async def test_a_late_event_loop_refuses_until_it_is_in_time() -> None:
    now, answered = [0.0], []

    async def endpoint(_scope: Any, _receive: Any, send: Any) -> None:
        answered.append(now[0])

    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    shedder = Shedder(endpoint, None, 0.2, clock=lambda: now[0])
    shedder.start()
    scope: dict[str, Any] = {"headers": []}
    await shedder(scope, None, send)  # type: ignore[arg-type]
    now[0] = TICK_S + 0.3  # the timer has not come yet
    await shedder(scope, None, send)  # type: ignore[arg-type]
    shedder._tick()  # it comes, late
    await shedder(scope, None, send)  # type: ignore[arg-type]
    assert (answered, statuses) == ([0.0], [503, 503])
    now[0] += TICK_S
    shedder._tick()
    await shedder(scope, None, send)  # type: ignore[arg-type]
    shedder.stop()
    assert len(answered) == 2
    assert [value for _, _, value in shedder.read()] == [0, 2]
    assert shedder.in_flight == 0


async def test_the_limit_is_for_all_workers_and_nothing_is_installed_without_one() -> None:
    async def endpoint(*_: Any) -> None: ...

    router = {"max_in_flight": 10}
    config = build_config({"server": {"workers": 4}, "traffic_shaping": {"router": router}})
    shedder = make_shedder(endpoint, config)  # type: ignore[arg-type]
    assert shedder is not None
    assert shedder._max_in_flight == 2
    assert make_shedder(endpoint, build_config({})) is None  # type: ignore[arg-type]
