"""Every fault of every backend, for every kind of operation: what is left is whole, what is lost says so in time.

The demo's real backends stand behind fault proxies. Per cell: the fields of the other sources are as they
always are, those of the failing one carry its name and the documented code, a write is never repeated, and the
next request after the fault is whole again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from demo.backends import NAMES, Backends
from gateway.app.config import load_config
from gateway.app.gateway import Gateway
from gateway.upstream.policy.policy import Policy
from gateway.upstream.settings import CircuitBreakerSettings, RetrySettings, SourceSettings
from tests.e2e.conftest import ROOT
from tests.support.fault_proxy import FaultProxy, Faults, fault_proxy
from tests.transport.served import Served, served
from tests.transport.sockets import connected

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUT_S = 0.3
DEADLINE_S = 8.0
MAX_BYTES = 200_000
# A cell is one good call and three bad attempts: not yet too many. Flapping is never as bad as that.
BREAKER = CircuitBreakerSettings(
    request_threshold=5,
    error_threshold_percentage=70,
    sleep_window_s=0.3,
    half_open_attempts=1,
    required_successful=1,
)


def canned(status: str, body: bytes) -> bytes:
    """An answer in place of the backend's."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return f"{head}\r\nconnection: close\r\n\r\n".encode() + body


@dataclass(frozen=True)
class Fault:
    """One column of the matrix.

    Attributes:
        faults: What the proxy does.
        code: What the client is told; None when nothing is lost.
        by_hand: The same, of a resolver that asks by `context.http` and makes errors of its own.
        opens: Whether it counts against the source's health, so that the breaker opens.
    """

    faults: Faults
    code: str | None
    by_hand: str | None
    opens: bool = True


MASKED = "INTERNAL_SERVER_ERROR"
FAULTS = {
    "down": Fault(Faults(refuse=True), "HTTP_CLIENT_ERROR", "HTTP_CLIENT_ERROR"),
    "slow": Fault(Faults(latency_s=0.02), None, None, opens=False),
    "hanging": Fault(Faults(blackhole=True), "GATEWAY_TIMEOUT", "GATEWAY_TIMEOUT"),
    "5xx": Fault(
        Faults(canned=canned("503 Service Unavailable", b'{"error":{}}')), "CONNECTOR_FETCH", MASKED
    ),
    "reset mid-body": Fault(Faults(reset_after=200), "HTTP_CLIENT_ERROR", "HTTP_CLIENT_ERROR"),
    "garbage": Fault(Faults(corrupt=True), "HTTP_CLIENT_ERROR", "HTTP_CLIENT_ERROR"),
    "garbage body": Fault(
        Faults(canned=canned("200 OK", b'{"items": [\xff')),
        "CONNECTOR_RESPONSE_INVALID",
        MASKED,
        opens=False,
    ),
    "oversized": Fault(
        Faults(canned=canned("200 OK", b" " * (2 * MAX_BYTES))),
        "RESPONSE_TOO_LARGE",
        "RESPONSE_TOO_LARGE",
        opens=False,
    ),
}
KINDS = {
    "read": """{
      video(id: "v1") { title related { id } }
      channel(id: "c1") { name }
    }""",
    "batch": """{
      node(id: "u1") { ... on User { name } }
      collection(id: "k1") {
        title
        videos { title topic { name } stats { views } channel { name } related { id } }
      }
    }""",
    "mutation": """mutation ($text: String!) {
      addComment(input: {videoId: "v1", authorId: "u1", text: $text}) {
        comment { text author { name } video { title related { id } } }
      }
      followChannel(input: {channelId: "c1", userId: "u1"}) { following channel { name } }
    }""",
}
EVENT = 'subscription { commentAdded(videoId: "v1") { text author { name } video { title related { id } } } }'
COMMENT = {
    "id": "m1",
    "text": "an event",
    "created_at": "2026-01-01T00:00:00Z",
    "author": {"id": "u1"},
    "video": {"id": "v1"},
}
# What is null when a source fails; () is the whole of `data`, where nothing on the way may be null.
LOST: dict[str, dict[str, list[tuple[str, ...]]]] = {
    "read": {"catalog": [("video",)], "monolith": [("channel",)], "search": [("video",)]},
    "batch": {
        "catalog": [("collection",)],
        "monolith": [
            ("node",),
            ("collection", "videos", "stats"),
            ("collection", "videos", "channel"),
        ],
        "search": [("collection",)],
    },
    "mutation": {
        "catalog": [()],
        "monolith": [()],
        "search": [("addComment", "comment", "video")],
    },
    "event": {
        "catalog": [("commentAdded", "video")],
        "monolith": [("commentAdded", "author")],
        "search": [("commentAdded", "video")],
    },
}


def without(data: Any, lost: tuple[str, ...]) -> Any:
    """The data with null where it is lost."""
    if not lost:
        return None
    if isinstance(data, list):
        return [without(item, lost) for item in data]
    return {**data, lost[0]: without(data[lost[0]], lost[1:])}


@dataclass
class World:
    """A gateway whose `failing` source has short timeouts, behind proxies."""

    gateway: Served
    proxies: dict[str, FaultProxy]
    failing: str
    http: httpx.AsyncClient

    @property
    def proxy(self) -> FaultProxy:
        return self.proxies[self.failing]

    @property
    def policy(self) -> Policy:
        policies = {policy.name: policy for policy in self.gateway.app.worker.upstream.policies}
        return policies[self.failing]

    async def run(self, kind: str) -> dict[str, Any]:
        """The response to one operation of a kind."""
        if kind == "event":
            return await self._event()
        query = {"query": KINDS[kind], "variables": {"text": "a comment"}}
        answer = await self.http.post(self.gateway.url, json=query)
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    async def _event(self) -> dict[str, Any]:
        async with connected(self.gateway) as client:
            await client.subscribe(EVENT)
            await client.send(type="ping")
            assert await client.hear() == {"type": "pong"}
            await self.gateway.app.worker.broker.publish("comments.v1", COMMENT)
            heard: dict[str, Any] = (await client.hear())["payload"]
            return heard


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=NAMES)
async def world(backends: Backends, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    failing = request.param
    config = load_config(ROOT / "gateway.toml", {})
    async with AsyncExitStack() as stack:
        proxies = {
            name: await stack.enter_async_context(fault_proxy(url))
            for name, url in backends.urls.items()
        }
        sources = {
            name: settings(config.sources[name], proxies[name].url, is_failing=name == failing)
            for name in NAMES
        }
        config = replace(config, sources=sources, logs=replace(config.logs, access="off"))
        gateway = await stack.enter_async_context(served(Gateway(config, ROOT, {})))
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30, trust_env=False))
        yield World(gateway, proxies, failing, http)


def settings(source: SourceSettings, url: str, *, is_failing: bool) -> SourceSettings:
    """Short times for the source that is to fail; retries as often as it takes."""
    return replace(
        source,
        url=url,
        timeout_s=TIMEOUT_S if is_failing else 30.0,
        max_response_size_bytes=MAX_BYTES,
        circuit_breaker=BREAKER,
        retry=RetrySettings(base_backoff_s=0.001, budget_min_per_s=1000),
    )


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _anew(world: World) -> None:
    """No fault, and nothing known of the source's health."""
    await world.proxy.heal()
    world.policy.endpoints.clear()


async def broken(world: World, kind: str) -> tuple[dict[str, Any], set[tuple[str, str | None]]]:
    """An operation under a fault: its data, and (code, source) of its errors. It ends within its time."""
    async with asyncio.timeout(DEADLINE_S):
        response = await world.run(kind)
    errors = response.get("errors", [])
    assert all(error["path"] for error in errors)
    return response["data"], {
        (error["extensions"]["code"], error["extensions"].get("source")) for error in errors
    }


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("name", FAULTS)
async def test_cell(world: World, name: str, kind: str) -> None:
    fault, source = FAULTS[name], world.failing
    good = await world.run(kind)
    assert "errors" not in good
    before = len(world.proxy.requests)
    await world.proxy.fail(fault.faults)
    data, told = await broken(world, kind)
    await world.proxy.heal()
    expected = good["data"]
    code = fault.by_hand if source == "search" else fault.code
    if code is not None:
        for lost in LOST[kind][source]:
            expected = without(expected, lost)
        assert told == {(code, None if code == MASKED else source)}
    else:
        assert told == set()
    assert data == expected
    sent = [line for line in world.proxy.requests[before:] if line.startswith("POST ")]
    assert len(sent) == len(set(sent)), "a write was repeated"
    assert await world.run(kind) == good


@pytest.mark.parametrize("name", FAULTS)
async def test_the_breaker(world: World, name: str) -> None:
    """It opens by what says that a source is ill, and by nothing else; and it closes by itself."""
    good = await world.run("read")
    await world.proxy.fail(FAULTS[name].faults)
    (endpoint,) = world.policy.endpoints.values()
    is_open = FAULTS[name].opens
    for _ in range(8):
        await broken(world, "read")
        if is_open and endpoint.breaker.state == "open":
            break
    assert endpoint.breaker.state == ("open" if is_open else "closed")
    if is_open:
        asked = len(world.proxy.requests)
        _, told = await broken(world, "read")
        assert told == {("CIRCUIT_BREAKER_OPEN", world.failing)}
        assert len(world.proxy.requests) == asked
    await world.proxy.heal()
    async with asyncio.timeout(DEADLINE_S):
        while await world.run("read") != good:
            await asyncio.sleep(0.01)
    assert endpoint.breaker.state == "closed"


@pytest.mark.parametrize("kind", LOST)
async def test_flapping(world: World, kind: str) -> None:
    """Every third request is reset: reads are repeated and whole, writes fail once or not at all."""
    good = await world.run(kind)
    flapped = world.proxy.flapped
    await world.proxy.fail(Faults(reset_every=3))
    for _ in range(6):
        data, told = await broken(world, kind)
        if told:
            assert told == {("HTTP_CLIENT_ERROR", world.failing)}
            assert kind == "mutation" or world.failing == "search"  # that is asked by hand
        else:
            assert data == good["data"]
    await world.proxy.heal()
    assert await world.run(kind) == good
    assert world.proxy.flapped > flapped
