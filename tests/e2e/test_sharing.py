"""Equal operations in flight over real sockets: what is one execution, and what never crosses from one client to
another.

The backend's answers are held by a proxy until everybody who is to wait does, so that "at the same time" is
no matter of luck.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from gateway.app.config import load_config
from gateway.app.gateway import create_app
from gateway.pipeline.dedupe import Sharing
from tests.e2e.sharing_project import sharing_project
from tests.support.backend import Answer, Asked, Backend, backend
from tests.support.fault_proxy import FaultProxy, Faults, fault_proxy
from tests.transport.served import Served, served

HELD = Faults(hold=True)
SOURCES = ("plain", "unshared", "named", "matched", "session", "directive")


@dataclass
class World:
    """A gateway on a socket, its backend, and what is between them."""

    gateway: Served
    backend: Backend
    proxy: FaultProxy
    http: httpx.AsyncClient
    folder: Path

    @property
    def sharing(self) -> Sharing:
        return self.gateway.app.worker.serving().pipeline.sharing

    def ask(self, query: str, **headers: str) -> asyncio.Task[httpx.Response]:
        """Post a query; a header is given as x_user="…"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        posted = self.http.post(self.gateway.url, json={"query": query}, headers=named)
        return asyncio.create_task(posted)

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.sleep(0.001)

    async def joined(self, number: int) -> None:
        """Wait until so many executions are shared or lead."""
        await self.until(lambda: self.sharing.led + self.sharing.shared >= number)


def user_of(asked: Asked) -> Any:
    """Who a backend takes the asker for: by header, cookie or parameter; what it knows of nobody else."""
    headers = dict(asked.headers)
    if asked.target == "/failing":
        return Answer({"error": "away"}, 500)
    token = headers.get("authorization") or headers.get("cookie", "").removeprefix("SID=")
    named = asked.target.partition("user=")[2]
    return {"user": token or named or "nobody"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with sharing_project(tmp_path) as path:
        async with backend(user_of) as answering, fault_proxy(answering.url) as proxy:
            env = {f"GATEWAY_SOURCES__{name.upper()}__URL": proxy.url for name in SOURCES}
            app = create_app(load_config(path, env), base=tmp_path)
            limits = httpx.Limits(max_connections=None)
            async with (
                served(app) as gateway,
                httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as http,
            ):
                yield World(gateway, answering, proxy, http, tmp_path)


def data(response: httpx.Response) -> Any:
    content = response.json()
    assert "errors" not in content, content
    return content["data"]


async def held(world: World, asks: list[tuple[str, dict[str, str]]]) -> list[httpx.Response]:
    """The answers to operations that are all in flight before the first is answered."""
    await world.proxy.fail(HELD)
    tasks = [world.ask(query, **headers) for query, headers in asks]
    await world.joined(len(asks))
    await world.proxy.heal()
    return list(await asyncio.gather(*tasks))


async def test_equal_operations_are_one_execution(world: World) -> None:
    answers = await held(world, [("{ directive { user } }", {"authorization": "a"})] * 20)
    assert [data(answer) for answer in answers] == [{"directive": {"user": "a"}}] * 20
    assert len(world.backend.asked) == 1
    assert (world.sharing.led, world.sharing.shared) == (1, 19)
    # Nothing is kept: the next one asks again.
    assert data(await world.ask("{ directive { user } }", authorization="a"))
    assert len(world.backend.asked) == 2


WAYS = ("named", "matched", "directive", "asked", "mapped", "session")


@pytest.mark.parametrize("way", WAYS)
async def test_no_answer_crosses_between_200_requests_of_10_users(world: World, way: str) -> None:
    users = [f"user{number}" for number in range(10)] * 20
    random.Random(way).shuffle(users)
    header = "cookie" if way == "session" else "authorization"
    asks = [
        (f"{{ {way} {{ user }} }}", {header: f"SID={user}" if way == "session" else user})
        for user in users
    ]
    answers = await held(world, asks)
    assert [data(answer)[way]["user"] for answer in answers] == users
    assert (world.sharing.led, world.sharing.shared) == (10, 190)
    # What no backend is told of needs one call for all of them.
    assert len(world.backend.asked) == (1 if way == "mapped" else 10)


async def test_all_ways_at_once_and_nobody_among_them(world: World) -> None:
    every = " ".join(f"{way} {{ user }}" for way in WAYS)
    users = [f"user{number % 10}" for number in range(100)]
    asks = [
        (f"{{ {every} plain {{ user }} }}", {"authorization": user, "cookie": f"x=1; SID={user}"})
        for user in users
    ]
    answers = await held(world, asks)
    for user, answer in zip(users, answers, strict=True):
        told = data(answer)
        assert told.pop("plain") == {"user": "nobody"}
        assert told == {way: {"user": user} for way in WAYS}
    nobody = data(await world.ask(f"{{ {every} }}"))
    assert {me["user"] for me in nobody.values()} <= {"nobody", None}


async def test_headers_that_no_source_is_told_of_do_not_part(world: World) -> None:
    asks = [("{ plain { user } }", {"authorization": str(number)}) for number in range(10)]
    await held(world, asks)
    assert len(world.backend.asked) == 1


@pytest.mark.parametrize(
    "differing",
    ["{ plain(n: 1) { user } }", "{ other: plain { user } }", "query Named { plain { user } }"],
)
async def test_what_differs_is_not_shared(world: World, differing: str) -> None:
    await held(world, [("{ plain { user } }", {}), (differing, {})])
    assert world.sharing.shared == 0


async def test_resolvers_are_shared_by_what_they_declare(world: World) -> None:
    def asks(field: str, *users: str) -> list[tuple[str, dict[str, str]]]:
        return [
            (f"{{ {field} }}", {"x_user": user, "authorization": str(number)})
            for number, user in enumerate(users)
        ]

    declared = await held(world, asks("nothing", "a", "b", "b"))
    assert [data(answer)["nothing"] for answer in declared] == ["nobody [] []"] * 3
    assert (world.sharing.led, world.sharing.shared) == (1, 2)

    one = await held(world, asks("one", "a", "b", "b"))
    assert [data(answer)["one"] for answer in one] == [
        f"nobody [('x-user', '{user}')] ['x-user']" for user in "abb"
    ]
    assert (world.sharing.led, world.sharing.shared) == (3, 3)

    undeclared = await asyncio.gather(*(world.ask(*q) for q in [("{ undeclared }",)] * 3))
    assert (world.sharing.led, world.sharing.shared) == (3, 3)
    assert all("'user-agent'" in data(answer)["undeclared"] for answer in undeclared)


async def test_what_is_configured_so_is_not_shared(world: World) -> None:
    await world.proxy.fail(HELD)
    tasks = [world.ask("{ unshared { user } }") for _ in range(3)]
    tasks += [world.ask("query Alone { plain { user } }") for _ in range(3)]
    # The operations are on their own; the reads of one that may not be named still share a call.
    await world.until(lambda: len(world.backend.asked) == 4)
    await world.proxy.heal()
    assert all([data(await task) for task in tasks])
    assert (world.sharing.led, world.sharing.shared) == (0, 0)


async def test_a_failure_is_shared_with_its_code(world: World) -> None:
    answers = await held(world, [("{ failing { user } plain { user } }", {})] * 5)
    for answer in answers:
        content = answer.json()
        assert content["data"] == {"failing": None, "plain": {"user": "nobody"}}
        assert [error["extensions"]["code"] for error in content["errors"]] == ["CONNECTOR_FETCH"]
    targets = [asked.target for asked in world.backend.asked]
    assert targets.count("/failing") == 1


async def test_whoever_leaves_takes_nobody_along(world: World) -> None:
    await world.proxy.fail(HELD)
    tasks = [world.ask("{ plain { user } }", x_number=str(number)) for number in range(6)]
    await world.joined(6)
    for task in tasks[:3]:  # the leader among them: who came first
        task.cancel()
    await asyncio.gather(*tasks[:3], return_exceptions=True)
    await world.proxy.heal()
    for task in tasks[3:]:
        assert data(await task) == {"plain": {"user": "nobody"}}
    assert len(world.backend.asked) == 1


async def test_a_short_deadline_is_its_own_clients_only(world: World) -> None:
    query = "{ plain { user } }"
    await world.proxy.fail(HELD)
    short = world.ask(query, x_timeout_ms="150")
    await world.joined(1)
    patient = world.ask(query)
    await world.joined(2)
    late = world.ask(query, x_timeout_ms="200")
    await world.joined(3)
    for task in (short, late):
        cut = await task
        assert [error["extensions"]["code"] for error in cut.json()["errors"]] == [
            "GATEWAY_TIMEOUT"
        ]
    assert not patient.done()
    await world.proxy.heal()
    assert data(await patient) == {"plain": {"user": "nobody"}}


async def test_every_follower_has_an_id_and_a_line_of_its_own(world: World) -> None:
    answers = await held(world, [("query Named { plain { user } }", {})] * 5)
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 5
    lines = [orjson.loads(line) for line in (world.folder / "access.log").read_bytes().splitlines()]
    assert {line["request_id"] for line in lines} == ids
    assert {line["operation_name"] for line in lines} == {"Named"}
    assert sorted(line["upstream_calls"] for line in lines) == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("when", ["before", "during"])
async def test_nobody_reads_what_was_before_their_own_write(world: World, when: str) -> None:
    notes = ["old"]

    def answer(asked: Asked) -> Any:
        if asked.method == "POST":
            notes.append("new")
        return {"user": notes[-1]}

    world.backend.answers = answer
    read = "{ notes { user } }"
    await world.proxy.fail(HELD)
    if when == "before":
        first = world.ask(read)
        await world.until(lambda: len(world.backend.asked) == 1)
        write = world.ask("mutation { write { user } }")
        await world.until(lambda: len(world.backend.asked) == 2)
    else:
        write = world.ask("mutation { write { user } }")
        await world.until(lambda: len(world.backend.asked) == 1)
        first = world.ask(read)
        await world.until(lambda: len(world.backend.asked) == 2)
    during = world.ask(read)
    calls = 3 if when == "before" else 2  # one that begins while it is written joins those like it
    await world.until(lambda: world.sharing.led + world.sharing.shared == 2)
    await world.until(lambda: len(world.backend.asked) == calls)
    await world.proxy.heal()
    assert data(await write) == {"write": {"user": "new"}}
    # After its own write: another call, whatever was in flight.
    assert data(await world.ask(read)) == {"notes": {"user": "new"}}
    assert len(world.backend.asked) == calls + 1
    await asyncio.gather(first, during)
