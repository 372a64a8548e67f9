"""Subscriptions over reloads: the next event is answered by the new schema, or one error ends it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from gateway.app.gateway import create_app
from tests.app.conftest import Live, Project
from tests.transport.served import Served, served
from tests.transport.sockets import Client, connected

BOXES = 'subscription { boxes(of: "a") { old } }'
OWN = 'subscription { own(of: "a") { old } }'


class Serving:
    """A server in this process, whose files change."""

    def __init__(self, server: Served, project: Project) -> None:
        self.server = server
        self.project = project

    async def reload(self, members: str, **types: str) -> Any:
        """Serve another type `Box`."""
        self.project.write_schema(members, **types)
        assert self.server.app.reloader is not None
        return await self.server.app.reloader.reload()

    async def publish(self, topic: str, event: Any) -> None:
        """Publish an event."""
        await self.server.app.worker.broker.publish(topic, event)

    async def until_open(self, number: int) -> None:
        """Wait until so many subscriptions are open."""
        async with asyncio.timeout(30):
            while len(self.server.app.worker.serving().subscriptions.open) < number:
                await asyncio.sleep(0)


@pytest.fixture
async def serving(project: Project) -> AsyncIterator[Serving]:
    project.write_config("[reload]\nend_spread_s = 0\n")
    async with served(create_app(project.config)) as server:
        yield Serving(server, project)


def next_of(id_: str, data: Any) -> dict[str, Any]:
    return {"id": id_, "type": "next", "payload": {"data": data}}


@pytest.mark.parametrize("field", ["boxes", "own"])
async def test_the_next_event_is_answered_by_the_new_schema(serving: Serving, field: str) -> None:
    async with connected(serving.server) as client:
        await client.subscribe(f'subscription {{ {field}(of: "a") {{ old }} }}')
        await serving.until_open(1)
        await serving.publish("boxes.a", {"old": "1"})
        assert await client.hear() == next_of("1", {field: {"old": "1"}})
        await serving.publish("boxes.a", {"old": None})
        assert await client.hear() == next_of("1", {field: {"old": None}})
        report = await serving.reload("new: String", old="String!")
        assert (report.moved, report.ending) == (1, 0)
        await serving.publish("boxes.a", {"old": "2"})
        assert await client.hear() == next_of("1", {field: {"old": "2"}})
        await serving.publish("boxes.a", {"old": None})  # it is `String!` now
        heard = await client.hear()
        assert heard["payload"]["data"] == {field: None}
        assert heard["payload"]["errors"][0]["path"] == [field, "old"]


async def test_no_event_is_lost_or_doubled_over_reloads(serving: Serving) -> None:
    async with connected(serving.server) as client:
        await client.subscribe("subscription { counts }", "counts")
        await client.subscribe('subscription { own(of: "a") { old } }', "own")
        await serving.until_open(2)
        number = 0

        async def publish() -> None:
            nonlocal number
            while not done.is_set():
                number += 1
                await serving.publish("counts", number)
                await serving.publish("boxes.a", {"old": str(number)})
                await asyncio.sleep(0)

        done = asyncio.Event()
        counts: list[int] = []
        own: list[int] = []

        async def hear() -> None:
            while not done.is_set() or len(counts) < number or len(own) < number:
                data = (await client.hear())["payload"]["data"]
                if "counts" in data:
                    counts.append(data["counts"])
                else:
                    own.append(int(data["own"]["old"]))

        hearing = asyncio.create_task(hear())
        publishing = asyncio.create_task(publish())
        for round_ in range(4):
            report = await serving.reload(f"n{round_}: String")
            assert (report.result, report.moved) == ("reloaded", 2)
        done.set()
        await publishing
        await hearing
        assert counts == own == list(range(1, number + 1))


@pytest.mark.parametrize("field", ["boxes", "own"])
async def test_what_is_not_valid_any_more_ends_with_the_reason(
    serving: Serving, field: str
) -> None:
    await serving.reload("gone: String")
    async with connected(serving.server) as client:
        await client.subscribe(f'subscription {{ {field}(of: "a") {{ gone }} }}', "gone")
        await client.subscribe(f'subscription {{ {field}(of: "a") {{ old }} }}', "stays")
        await serving.until_open(2)
        report = await serving.reload("")
        assert (report.moved, report.ending) == (1, 1)
        heard = await client.hear()
        assert (heard["id"], heard["type"]) == ("gone", "error")
        (error,) = heard["payload"]
        assert error["extensions"]["code"] == "SUBSCRIPTION_SCHEMA_RELOAD"
        assert "Cannot query field 'gone' on type 'Box'" in error["message"]
        await serving.publish("boxes.a", {"old": "1"})
        assert await client.hear() == next_of("stays", {field: {"old": "1"}})
    if field == "own":
        module = [m for m in serving.server.app.graph.marks if m.name == "Query.waits"]
        assert "closed" in module[0].target.__globals__["told"]


async def test_what_came_before_the_end_is_still_given(serving: Serving) -> None:
    await serving.reload("gone: String")
    async with connected(serving.server) as client:
        await client.subscribe('subscription { boxes(of: "a") { gone } }')
        await serving.until_open(1)
        for number in range(3):
            await serving.publish("boxes.a", {"gone": str(number)})
        await serving.reload("")
        for number in range(3):
            assert await client.hear() == next_of("1", {"boxes": {"gone": str(number)}})
        assert (await client.hear())["type"] == "error"


async def test_arguments_that_mean_another_stream_end_it(serving: Serving) -> None:
    async with connected(serving.server) as client:
        await client.subscribe(BOXES)
        await serving.until_open(1)
        report = await serving.reload("", more="Int = 2")
        assert (report.moved, report.ending) == (0, 1)
        heard = await client.hear()
        assert "another stream of events" in heard["payload"][0]["message"]


async def test_an_event_stream_ends_with_the_error_and_complete(serving: Serving) -> None:
    await serving.reload("gone: String")
    headers = {"accept": "text/event-stream"}
    body = {"query": 'subscription { own(of: "a") { gone old } }'}
    async with (
        aiohttp.ClientSession() as session,
        session.post(serving.server.url, json=body, headers=headers) as answer,
    ):
        await serving.until_open(1)
        await serving.publish("boxes.a", {"old": "1"})
        events = sse(answer)
        assert await anext(events) == ("next", {"data": {"own": {"gone": None, "old": "1"}}})
        await serving.reload("")
        kind, payload = await anext(events)
        assert kind == "next"
        assert payload["errors"][0]["extensions"]["code"] == "SUBSCRIPTION_SCHEMA_RELOAD"
        assert (await anext(events))[0] == "complete"


async def sse(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Its events."""
    kind = ""
    async for line in answer.content:
        if line.startswith(b"event: "):
            kind = line[7:].strip().decode()
        elif line.startswith(b"data:"):
            data = line[5:].strip()
            yield kind, orjson.loads(data) if data else None


async def test_ends_are_spread_and_the_next_reload_waits_for_none(project: Project) -> None:
    project.write_config("[reload]\nend_spread_s = 3600\n")
    project.write_schema("gone: String")
    async with served(create_app(project.config)) as server, connected(server) as client:
        serving = Serving(server, project)
        for number in range(5):
            await client.subscribe('subscription { own(of: "a") { gone old } }', str(number))
        await serving.until_open(5)
        assert (await serving.reload("")).ending == 5
        # Until its end each goes on by the schema that it is valid for.
        await serving.publish("boxes.a", {"old": "1"})
        for _ in range(5):
            assert (await client.hear())["payload"] == {"data": {"own": {"gone": None, "old": "1"}}}
        await serving.reload("other: String")
        ended = [await client.hear() for _ in range(5)]
        assert {message["type"] for message in ended} == {"error"}
        assert len({message["id"] for message in ended}) == 5


async def test_nothing_of_the_old_schema_stays_with_a_subscription(live: Live) -> None:
    results = [live.client.subscribe(query) for query in (BOXES, OWN)]
    waiting = [asyncio.create_task(anext(one)) for one in results]
    while len(live.client.app.worker.serving().subscriptions.open) < 2:
        await asyncio.sleep(0)
    for number in range(2):
        old = weakref.ref(live.client.app.worker.serving())
        live.project.write_schema(f"new{number}: String")
        assert (await live.reloader.reload()).moved == 2
        await live.until_drained()
        gc.collect()
        assert old() is None
        await live.client.app.worker.broker.publish("boxes.a", {"old": str(number)})
        for task in waiting:
            (found,) = (await task).data.values()
            assert found == {"old": str(number)}
        waiting = [asyncio.create_task(anext(one)) for one in results]
    for task, one in zip(waiting, results, strict=True):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.aclose()


async def test_a_shared_stream_is_not_shared_any_more_with_those_whom_the_new_plan_tells_apart(
    serving: Serving,
) -> None:
    field = (
        'told: String @connect(http: {GET: "http://127.0.0.1:9/", headers: '
        '[{name: "x-user", from: "x-user"}]}, selection: "$")'
    )
    async with (
        connected(serving.server, headers={"x-user": "ada"}) as ada,
        connected(serving.server, headers={"x-user": "bob"}) as bob,
    ):
        clients: list[Client] = [ada, bob]
        query = 'subscription { boxes(of: "a") { ...F } } fragment F on Box { old __typename }'
        for client in clients:
            await client.subscribe(query)
        await serving.until_open(2)
        assert len(serving.server.app.worker.serving().subscriptions.streams.feeds) == 1
        # `old` itself is answered by a connector that forwards a header: what is ada's is not bob's.
        report = await serving.reload("", old=field.removeprefix("told: "))
        assert (report.moved, report.ending) == (1, 1)
        hearing = [asyncio.create_task(client.hear()) for client in clients]
        (ended,), (stays,) = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
        assert "not shared any more" in (await ended)["payload"][0]["message"]
        await serving.publish("boxes.a", {"__typename": "Box"})
        assert (await stays)["type"] == "next"


@pytest.mark.parametrize("field", ["boxes", "own"])
async def test_a_subscription_that_has_ended_holds_no_schema(serving: Serving, field: str) -> None:
    await serving.reload("gone: String")
    async with connected(serving.server) as client:
        await client.subscribe(f'subscription {{ {field}(of: "a") {{ gone }} }}')
        await serving.until_open(1)
        old = weakref.ref(serving.server.app.worker.serving())
        gc.collect()
        gc.disable()  # nothing has to look for it
        try:
            await serving.reload("")
            assert (await client.hear())["type"] == "error"
            async with asyncio.timeout(30):
                while old() is not None:
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()
