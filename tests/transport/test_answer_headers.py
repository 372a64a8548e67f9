"""Headers that backends and resolvers add to an answer: on every way to a client, and to that client alone."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from typer.testing import CliRunner

from gateway.cli.app import app as cli
from gateway.transport.server.protocols import HttpProtocol
from tests.support.backend import Answer, Asked, backend
from tests.transport.served import Served, served

SCHEMA = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source", "@connect"])
  @source(name: "open", http: { baseURL: "http://127.0.0.1:1" })
  @source(name: "shop", http: { baseURL: "http://127.0.0.1:1" })
  @source(name: "tagged", http: { baseURL: "http://127.0.0.1:1" })
type Query {
  open: String @connect(source: "open", http: { GET: "/open" }, selection: "$.a")
  cached: String @connect(source: "shop", http: { GET: "/cached" }, selection: "$.a")
  shorter: String @connect(source: "shop", http: { GET: "/shorter" }, selection: "$.a")
  unsaid: String @connect(source: "shop", http: { GET: "/unsaid" }, selection: "$.a")
  cookies: String @connect(source: "shop", http: { GET: "/cookies" }, selection: "$.a")
  failing: String @connect(source: "shop", http: { GET: "/failing" }, selection: "$.a")
  tagged: String @connect(source: "tagged", http: { GET: "/tagged" }, selection: "$.a")
  mine: String
  bad: String
  nothing: String
}
type Mutation { save: String @connect(source: "shop", http: { POST: "/save", body: "$({})" }, selection: "$.a") }
"""
RESOLVERS = """
import asyncio
from gateway import resolver


@resolver("Query.mine", vary=[])
async def mine(parent, context):
    calls = context.state["calls"] = context.state.get("calls", 0) + 1
    await context.http.get(f"{context.source_url('open')}/open")
    context.response.headers.append("Set-Cookie", f"mine={calls}")
    context.response.headers["x-tag"] = "of the resolver"
    return str(calls)


@resolver("Query.bad", vary=[])
def bad(parent, context):
    context.response.headers["x"] = "a\\r\\nset-cookie: b=1"


@resolver("Query.nothing", vary=[])
def nothing(parent, context):
    return "n"
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "answer_headers_resolvers"
[batching]
enabled = true
[logs]
access = "off"
[[headers.all.response]]
insert = { name = "x-served-by", value = "the gateway" }
[[headers.sources.shop.response]]
propagate = { named = "cache-control" }
[[headers.sources.shop.response]]
propagate = { named = "set-cookie" }
[[headers.sources.tagged.response]]
propagate = { matching = "^x-" }
"""
PAGES = {
    "/open": (("set-cookie", "open=1"), ("x-tag", "open")),
    "/cached": (("cache-control", "public, max-age=60"),),
    "/shorter": (("cache-control", "max-age=30"),),
    "/unsaid": (),
    "/cookies": (("set-cookie", "a=1; path=/"), ("set-cookie", "b=2"), ("cache-control", "max-age=9")),
    "/failing": (("set-cookie", "failed=1"), ("cache-control", "max-age=9")),
    "/tagged": (("x-tag", "t"), ("x-served-by", "a backend"), ("set-cookie", "tagged=1"), ("x-request-id", "1")),
    "/save": (("set-cookie", "saved=1"),),
}  # fmt: skip


def answer(asked: Asked) -> Answer:
    json_type = ("content-type", "application/json")
    status = 500 if asked.target == "/failing" else 200
    return Answer({"a": asked.target}, status, (json_type, *PAGES[asked.target]))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "answer_headers_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(CONFIG)
    return tmp_path / "gateway.toml"


@pytest.fixture(params=[HttpProtocol, "h11"], ids=["protocol", "asgi"])
async def gateway(
    request: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Served]:
    async with backend(answer) as behind:
        for name in ("OPEN", "SHOP", "TAGGED"):
            monkeypatch.setenv(f"GATEWAY_SOURCES__{name}__URL", behind.url)
        async with served(project, request.param) as running:
            yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "cache_control", "cookies"),
    [
        ("{ nothing }", "private, no-cache", []),
        ("{ open }", "private, no-cache", []),
        ("{ cached }", "public, max-age=60", []),
        ("{ cached shorter }", "max-age=30", []),
        ("{ cached unsaid }", "no-store", []),
        ("{ cookies }", "no-store", ["a=1; path=/", "b=2"]),
        ("{ failing }", "no-store", ["failed=1"]),
        ("{ cached failing }", "no-store", ["failed=1"]),
    ],
)
async def test_headers_of_an_answer(
    gateway: Served, http: httpx.AsyncClient, query: str, cache_control: str, cookies: list[str]
) -> None:
    found = await http.get(gateway.url, params={"query": query})
    assert found.headers.get_list("cache-control") == [cache_control]
    assert found.headers.get_list("set-cookie") == cookies
    assert found.headers.get_list("x-served-by") == ["the gateway"]


async def test_an_answer_that_depends_on_who_asks_is_private(
    project: Path, monkeypatch: pytest.MonkeyPatch, http: httpx.AsyncClient
) -> None:
    factory = "\n\n@context_factory(vary={vary})\ndef made(context):\n    return {{}}\n"
    async with backend(answer) as behind:
        for name in ("OPEN", "SHOP", "TAGGED"):
            monkeypatch.setenv(f"GATEWAY_SOURCES__{name}__URL", behind.url)
        cases = (("[]", "public, max-age=60"), ("['x-user']", "max-age=60, private"))
        for number, (vary, said) in enumerate(cases):
            text = RESOLVERS.replace("import resolver", "import context_factory, resolver")
            module = f"answer_headers_{number}"  # of its own: one that is imported stays
            (project.parent / f"{module}.py").write_text(text + factory.format(vary=vary))
            project.write_text(CONFIG.replace("answer_headers_resolvers", module))
            async with served(project) as running:
                found = await http.get(running.url, params={"query": "{ cached }"})
            assert found.headers["cache-control"] == said


async def test_an_answer_of_fields_that_were_decided_about_is_private(
    project: Path, monkeypatch: pytest.MonkeyPatch, http: httpx.AsyncClient
) -> None:
    guarded = SCHEMA.replace("cached: String @connect", "cached: String @authenticated @connect")
    (project.parent / "schema.graphql").write_text(guarded)
    # As for somebody who may see it: nothing is taken out, and nothing is an error.
    project.write_text(f"{CONFIG}\n[authorization.directives]\ndry_run = true\n")
    async with backend(answer) as behind:
        for name in ("OPEN", "SHOP", "TAGGED"):
            monkeypatch.setenv(f"GATEWAY_SOURCES__{name}__URL", behind.url)
        async with served(project) as running:
            found = await http.get(running.url, params={"query": "{ cached }"})
    assert found.json()["data"] == {"cached": "/cached"}
    assert found.headers["cache-control"] == "max-age=60, private"


async def test_what_is_the_gateways_own_is_not_taken_over(
    gateway: Served, http: httpx.AsyncClient
) -> None:
    found = await http.post(gateway.url, json={"query": "{ tagged }"})
    assert found.headers["x-tag"] == "t"
    assert found.headers.get_list("x-served-by") == ["the gateway"]
    assert len(found.headers.get_list("x-request-id")[0]) == 16
    assert "set-cookie" not in found.headers


async def test_a_mutation_and_a_batch(gateway: Served, http: httpx.AsyncClient) -> None:
    saved = await http.post(gateway.url, json={"query": "mutation { save }"})
    assert saved.headers.get_list("set-cookie") == ["saved=1"]
    batch = [{"query": "{ cookies }"}, {"query": "{ nothing }"}, {"query": "{ cached }"}]
    found = await http.post(gateway.url, json=batch)
    assert found.headers.get_list("set-cookie") == ["a=1; path=/", "b=2"]
    assert found.headers.get_list("cache-control") == ["no-store"]


async def test_clients_of_a_shared_operation_get_headers_of_their_own(
    gateway: Served, http: httpx.AsyncClient
) -> None:
    asked = [http.post(gateway.url, json={"query": "query Mine { mine }"}) for _ in range(8)]
    answers = await asyncio.gather(*asked)
    given = [found.json()["data"]["mine"] for found in answers]
    assert sorted(given) == sorted(map(str, range(1, 9)))
    for found, number in zip(answers, given, strict=True):
        assert found.headers.get_list("set-cookie") == [f"mine={number}"]
        assert found.headers["x-tag"] == "of the resolver"


async def test_a_header_that_would_begin_another_is_the_error_of_its_field(
    gateway: Served, http: httpx.AsyncClient
) -> None:
    found = await http.post(gateway.url, json={"query": "{ bad nothing }"})
    assert found.json()["data"] == {"bad": None, "nothing": "n"}
    assert "x" not in found.headers
    assert "set-cookie" not in found.headers


async def test_headers_that_have_no_answer_are_told(
    gateway: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.response_headers._told", set())
    caplog.set_level(logging.WARNING, "gateway.headers")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(gateway.url, protocols=("graphql-transport-ws",)) as socket,
    ):
        await socket.send_json({"type": "connection_init"})
        await socket.receive_json()
        payload = {"query": "mutation Save { save }"}
        await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
        assert (await socket.receive_json())["payload"]["data"] == {"save": "/save"}
    (line,) = [record.getMessage() for record in caplog.records]
    assert "the header set-cookie is dropped" in line
    assert "saved=1" not in line


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ open }", "shared by all clients"),
        ("{ cookies }", "not shared: headers.sources.shop.response gives headers of its answers to the client"),
        ("{ open tagged }", "not shared: headers.sources.tagged.response gives"),
        ("{ mine open }", "not shared where Query.mine"),
    ],
)  # fmt: skip
def test_the_plan_says_so(project: Path, query: str, said: str) -> None:
    found = CliRunner().invoke(cli, ["plan", query, "--config", str(project)])
    assert said in found.output


async def test_calls_that_may_set_cookies_are_not_shared(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, number = asyncio.Event(), iter(range(1, 9))

    async def hold(asked: Asked) -> Answer:
        mine = next(number)
        await held.wait()
        headers = (("content-type", "application/json"), ("set-cookie", f"n={mine}"))
        return Answer({"a": str(mine)}, 200, headers)

    async with backend(hold) as behind, httpx.AsyncClient(timeout=30) as http:
        for name in ("OPEN", "SHOP", "TAGGED"):
            monkeypatch.setenv(f"GATEWAY_SOURCES__{name}__URL", behind.url)
        async with served(project) as running:
            body = json.dumps({"query": "{ cookies }"})
            asked = [
                asyncio.create_task(
                    http.post(
                        running.url, content=body, headers={"content-type": "application/json"}
                    )
                )
                for _ in range(4)
            ]
            while len(behind.asked) < 4:
                await asyncio.sleep(0.001)
            held.set()
            for found in await asyncio.gather(*asked):
                mine = found.json()["data"]["cookies"]
                assert found.headers.get_list("set-cookie") == [f"n={mine}"]
