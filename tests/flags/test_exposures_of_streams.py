"""Exposures and goals of operations that have several answers: subscriptions, and what `@defer` delivers later."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from gateway.testing import FakeAnswer, GatewayClient
from tests.flags.scenes import SDL, SOURCES, served
from tests.flags.test_experiments import DRAWN, events, exposure, visitor

TICKS = """
from gateway import resolver, subscription
@subscription("Subscription.ticks", topic="ticks", vary=())
def ticks(event, context):
    return event
@resolver("Tick.said", vary=())
def said(parent, context):
    context.track("seen", 1.0)
    return "said"
"""
STREAMS = """
type Subscription { ticks: Tick }
type Tick { n: Int said: String search(q: String): [Hit]
  @connect(source: "rest", http: { GET: "/search", queryParams: "sort: $flags.ranking" }, selection: "id") }
extend type Mutation { place(id: ID!): Hit
  @connect(source: "rest", http: { POST: "/orders", body: "$args { id }" }, selection: "id") }
"""
SEARCH = "subscription { ticks { n search @skip(if: false) { id } } }"
PLACE = "mutation { place(id: 1) { id ... @defer { note } } }"
PARTS = {"accept": "multipart/mixed;incrementalSpec=v0.2"}
SEEN = {"event": "goal", "unit": "anonymous:v1", "goal": "seen", "value": 1.0}
PLACED = {"event": "goal", "unit": "anonymous:v1", "goal": "Mutation.place", "value": None}


def streaming(folder: Path, sources: Any = SOURCES) -> GatewayClient:
    """The gateway with an experiment, subscriptions and `@defer`."""
    file = str(folder / "events.jsonl")
    tables: Mapping[str, Any] = {
        "experiments": {"file": file, "ids": "plain", "goals": ["Mutation.place"]},
        "incremental": {"enabled": True},
    }
    return served(
        folder, flags=DRAWN, tables=tables, python=TICKS, sdl=SDL + STREAMS, sources=sources
    )


async def follow(client: GatewayClient, query: str, *names: str, count: int = 2) -> None:
    """Let clients get some events of the same subscription."""
    worker = client.app.worker
    streams = [client.subscribe(query, headers=visitor(name)) for name in names]
    for number in range(count):
        coming = [asyncio.ensure_future(anext(stream)) for stream in streams]
        while len(worker.serving().subscriptions.open) < len(names):
            await asyncio.sleep(0)
        await worker.broker.publish("ticks", {"n": number})
        assert [(await one).data["ticks"]["n"] for one in coming] == [number] * len(names)
    for stream in streams:
        async with aclosing(stream):
            pass


async def deliver(client: GatewayClient, query: str) -> str:
    """The parts of one answer."""
    headers = {**PARTS, **visitor("v1")}
    return (await client.http.post(client.app.path, json={"query": query}, headers=headers)).text


async def test_an_event_exposes_its_client_once(tmp_path: Path) -> None:
    async with streaming(tmp_path) as client:
        await follow(client, SEARCH, "v1")
    assert events(tmp_path) == [exposure("v1", "ranking", "score")]


async def test_all_who_listen_to_a_shared_stream_have_met_its_variant(tmp_path: Path) -> None:
    async with streaming(tmp_path) as client:
        await follow(client, SEARCH, "v1", "v2", count=1)
        assert len(client.sources["rest"].calls) == 1
    assert sorted(line["unit"] for line in events(tmp_path)) == ["anonymous:v1", "anonymous:v2"]


async def test_an_event_without_the_field_exposes_nobody(tmp_path: Path) -> None:
    async with streaming(tmp_path) as client:
        await follow(client, SEARCH.replace("false", "true"), "v1")
    assert events(tmp_path) == []


async def test_what_python_says_of_an_event_is_a_goal_each_time(tmp_path: Path) -> None:
    async with streaming(tmp_path) as client:
        await follow(client, "subscription { ticks { n said } }", "v1")
    assert events(tmp_path) == [SEEN, SEEN]


async def test_what_is_deferred_exposes_where_it_is_delivered(tmp_path: Path) -> None:
    async with streaming(tmp_path) as client:
        text = await deliver(client, "{ version ... @defer { stats { views } } }")
        await deliver(
            client, '{ version ... @defer(if: true) { search(q: "x") @skip(if: true) { id } } }'
        )
    assert '"views":10' in text
    assert events(tmp_path) == [exposure("v1", "new-stats", "on")]


async def test_a_mutation_with_deferred_parts_reaches_its_goal_at_its_end(tmp_path: Path) -> None:
    async with streaming(tmp_path) as client:
        assert '"id":"o1"' in await deliver(client, PLACE)
    assert events(tmp_path) == [PLACED]


async def test_a_mutation_with_deferred_parts_that_fails_reaches_no_goal(tmp_path: Path) -> None:
    sources = {**SOURCES, "rest": {"POST /orders": FakeAnswer(status=500)}}
    async with streaming(tmp_path, sources) as client:
        assert '"errors"' in await deliver(client, PLACE)
    assert events(tmp_path) == []
