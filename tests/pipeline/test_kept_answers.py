"""Whole answers that are kept: for whom, for how long, of what, and until which purge."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.admin.commands import Command
from gateway.app.config import build_config
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import value_of
from gateway.execute.prepared import Prepared
from gateway.observe.observer import span_of
from gateway.pipeline.kept_answers import MOST_SEEN, KeptAnswer, KeptAnswers
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.testing import FakeAnswer, FakeCall, FakeSource, GatewayClient
from tests.connectors.scenario import LINK

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "http://s", headers: [{ name: "x-token", from: "x-token" }] })
  @source(name: "plain", http: { baseURL: "http://plain" })
directive @marked on FIELD_DEFINITION
directive @even on ARGUMENT_DEFINITION
directive @range(min: Int, max: Int) on ARGUMENT_DEFINITION
type Query {
  page(id: Int! @range(min: 0, max: 1000)): Page @connect(source: "s", http: { GET: "/pages/{$args.id}" }, selection: "id number token")
  checked(id: Int! @even): Page @connect(source: "s", http: { GET: "/pages/{$args.id}" }, selection: "id number")
  marked(id: Int!): Page @marked @connect(source: "s", http: { GET: "/pages/{$args.id}" }, selection: "id number")
  plain: Page @connect(source: "plain", http: { GET: "/plain" }, selection: "id number")
  posts: [Post] @connect(source: "s", http: { GET: "/posts" }, selection: "id author: { id: $.by }")
  hello: String
}
type Mutation {
  rename(id: Int!): Page @connect(source: "s", http: { POST: "/pages/{$args.id}" }, selection: "id number")
}
type Page @cacheTag(format: "page-{$key.id}") { id: Int number: Int token: String }
type Post { id: ID author: User }
type User @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id number") {
  id: ID! number: Int
}
"""
)
RESOLVERS = """
from gateway import resolver, schema_directive

@resolver("Query.hello", vary=())
async def hello(parent, context):
    return "hello"

@schema_directive("marked", vary=())
class Marked:
    def result(self, value, context):
        return value

@schema_directive("even", vary=())
class Even:
    def argument(self, value):
        return value
"""
PAGE = "{ page(id: 1) { number } }"
POSTS = "{ posts { author { number } } }"


@dataclass
class Backend:
    """A backend whose answers have the number of its call.

    Attributes:
        calls: What was called.
        says: Headers of its answers, by path.
    """

    calls: list[str] = field(default_factory=list)
    says: dict[str, dict[str, str]] = field(default_factory=dict)
    status: int = 200

    def answer(self, call: FakeCall) -> FakeAnswer:
        path = call.path.partition("?")[0]
        self.calls.append(path)
        number = len(self.calls)
        token = dict(call.headers).get("x-token")
        body: Any = {"id": 1, "number": number, "token": token}
        if path == "/posts":
            body = [{"id": "1", "by": "1"}, {"id": "2", "by": "2"}]
        elif path == "/users":
            body = [{"id": "1", "number": number}, {"id": "2", "number": number}]
        headers = self.says.get(path, {"cache-control": "max-age=600"})
        return FakeAnswer(body, status=self.status, headers=headers)

    def source(self) -> FakeSource:
        paths = ("GET /pages/{id}", "POST /pages/{id}", "GET /plain", "GET /posts", "GET /users")
        return FakeSource(dict.fromkeys(paths, self.answer))


@asynccontextmanager
async def gateway(
    folder: Path, sdl: str = SDL, **more: Any
) -> AsyncIterator[tuple[GatewayClient, Backend]]:
    backend = Backend()
    (folder / "s.graphql").write_text(sdl)
    (folder / "kept_answers_resolvers.py").write_text(RESOLVERS)
    config = build_config({
        "graph": {"schema": ["s.graphql"], "resolvers": "kept_answers_resolvers"},
        "sources": {"s": {"cache": {"enabled": True}}},
        "logs": {"access": "off"},
        **more,
    })  # fmt: skip
    sources = {"s": backend.source(), "plain": backend.source()}
    async with GatewayClient(config, base=folder, sources=sources) as client:
        yield client, backend


def answers_of(client: GatewayClient) -> KeptAnswers:
    answers = client.app.worker.serving().sharing.answers
    assert answers is not None
    return answers


def kept(client: GatewayClient) -> list[KeptAnswer]:
    """The whole answers in memory."""
    return [one for one in client.app.worker.upstream.memory if isinstance(one, KeptAnswer)]


async def times(client: GatewayClient, number: int, query: str, **headers: str) -> list[Any]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return [(await client.execute(query, headers=given)).data for _ in range(number)]


async def test_an_answer_of_stored_parts_is_given_again_without_an_execution(
    tmp_path: Path,
) -> None:
    async with gateway(tmp_path) as (client, backend):
        found = await times(client, 6, POSTS)
        assert all(data == found[0] for data in found)
        assert len(backend.calls) == 2
        answers, counters = answers_of(client), client.app.worker.upstream.counters
        # 1 asked, 2 found its parts for the first time, 3 kept; from then on whole
        assert (answers.hits, answers.misses) == (3, 3)
        assert counters.cache_lookups["s", "GET /posts", "hit"] == 5
        assert len(kept(client)) == 1
        operation = Operation(GraphQLParams(POSTS), ClientRequest({}), client.app.worker.serving())
        context = await value_of(operation.serving.new_context(operation.client))
        answer = await value_of(operation.serving.pipeline.run(operation, context))
        assert context.stats.cached == 2
        assert span_of(answer)[1]["gateway.cache.status"] == "hit"


async def test_what_is_asked_for_once_or_twice_is_not_kept_whole(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, _):
        for number in range(MOST_SEEN // 64):
            await times(client, 2, f"{{ page(id: {number}) {{ number }} }}")
        assert not kept(client)
        assert len(answers_of(client)._seen) == MOST_SEEN // 64


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ page(id: 1) { number } hello }", {}),
        ("{ page(id: 1) { number } marked(id: 1) { number } }", {}),
        ("{ checked(id: 1) { number } }", {}),
        ("{ page(id: 1) { number } plain { number } }", {}),
        (PAGE, {"/pages/1": {"cache-control": "no-store"}}),
        (PAGE, {"/pages/1": {"cache-control": "no-cache", "etag": '"e"'}}),
        (PAGE, {"/pages/1": {"cache-control": "max-age=0, stale-while-revalidate=60"}}),
        (POSTS, {"/users": {"cache-control": "no-store"}}),
    ],
)
async def test_what_more_than_fresh_stored_answers_has_a_part_in_is_not_kept(
    tmp_path: Path, query: str, says: dict[str, dict[str, str]]
) -> None:
    async with gateway(tmp_path) as (client, backend):
        backend.says = says
        for data in await times(client, 5, query):
            assert None not in data.values()
        assert not kept(client)


@pytest.mark.parametrize("query", [PAGE, "{ __typename page(id: 1) { __typename number } }"])
async def test_what_the_schema_itself_answers_is_no_reason_against_it(
    tmp_path: Path, query: str
) -> None:
    """Directives of the gateway's own, and `__typename`."""
    async with gateway(tmp_path) as (client, backend):
        await times(client, 4, query)
        assert (len(kept(client)), len(backend.calls)) == (1, 1)
        refused = await client.execute("{ page(id: 2000) { number } }")
        assert refused.errors


async def test_an_answer_with_errors_is_not_kept(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, backend):
        backend.status = 404
        for _ in range(5):
            assert (await client.execute(POSTS)).errors
        assert len(backend.calls) == 1  # the part is stored
        assert not kept(client)


async def test_an_answer_is_kept_for_those_who_would_share_its_execution(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, _):
        query = "query ($id: Int!) { page(id: $id) { token } }"
        for _ in range(5):
            for token in ("a", "b", ""):
                for number in (1, 2):
                    headers = {"x-token": token, "x-other": str(_)} if token else {}
                    result = await client.execute(query, {"id": number}, headers=headers)
                    assert result.data == {"page": {"token": token or None}}
        assert len(kept(client)) == 6


@pytest.mark.parametrize("how", ["tag", "source", "mutation", "neighbor"])
async def test_an_answer_is_purged_by_all_that_its_parts_are(tmp_path: Path, how: str) -> None:
    async with gateway(tmp_path) as (client, backend):
        before = await times(client, 4, PAGE)
        assert len(kept(client)) == 1
        if how == "mutation":
            await client.execute("mutation { rename(id: 1) { number } }")
        elif how == "neighbor":
            client.app.worker.upstream.memory.drop(["tag s page-1"])
        else:
            named = {"kind": "cache_tag", "subgraphs": ["s"], "cache_tag": "page-1"}
            item = named if how == "tag" else {"kind": "subgraph", "subgraph": "s"}
            purge = client.app.worker.commands.actions["POST", "/invalidation"]
            assert (await purge(Command("t", [item]))).status == 202
        after = await times(client, 1, PAGE)
        assert after[0]["page"]["number"] == len(backend.calls) > before[0]["page"]["number"]


async def test_a_purge_while_an_answer_is_made_lets_it_not_be_kept(tmp_path: Path) -> None:
    """Even one that is of none of its tags: a part may have been read before it, and its tags after it."""
    async with gateway(tmp_path) as (client, _):
        await times(client, 2, PAGE)
        memory, answers = client.app.worker.upstream.memory, answers_of(client)
        keep = answers._keep

        def purge_first(*given: Any) -> Any:
            memory.drop(["tag s of-another"])
            return keep(*given)

        answers._keep = purge_first  # type: ignore[method-assign, assignment]
        await times(client, 1, PAGE)
        assert not kept(client)
        answers._keep = keep  # type: ignore[method-assign]
        await times(client, 1, PAGE)
        assert len(kept(client)) == 1


async def test_an_answer_is_given_until_the_first_of_its_parts_may_be_asked_for_anew(
    tmp_path: Path,
) -> None:
    async with gateway(tmp_path) as (client, backend):
        backend.says = {"/users": {"cache-control": "max-age=60"}}
        await times(client, 4, POSTS)
        (answer,) = kept(client)
        assert not answer.freshness._entries, "what it was made of is not held"
        parts = [one for one in client.app.worker.upstream.memory if one is not answer]
        first = min(parts, key=lambda entry: entry.fresh_until)
        assert answer.until == first.fresh_until - 7.0 * first.took_s
        answers = answers_of(client)
        answers._now = lambda: answer.until + 0.001
        hits = answers.hits
        await times(client, 1, POSTS)
        assert answers.hits == hits


async def test_an_answer_that_is_kept_does_not_hold_its_plan(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (client, _):
        await times(client, 4, PAGE)
        (answer,) = kept(client)
        held = {id(answer)}
        for _ in range(12):  # all that can be reached from it
            held |= {
                id(one) for one in gc.get_referents(*[o for o in gc.get_objects() if id(o) in held])
            }
        assert not any(id(one) in held for one in gc.get_objects() if isinstance(one, Prepared))


async def test_a_client_is_told_how_fresh_a_kept_answer_is(tmp_path: Path) -> None:
    async with gateway(tmp_path, response_cache={"client_headers": True}) as (client, _):
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
            given = {"apollo-require-preflight": "1"}
            found = [
                await http.get("/graphql", params={"query": PAGE}, headers=given) for _ in range(4)
            ]
        assert answers_of(client).hits == 1
        whole, by_parts = found[-1], found[-2]
        assert whole.content == by_parts.content
        for name in ("cache-control", "etag", "cache-status"):
            assert whole.headers[name].replace("599", "600") == by_parts.headers[name].replace(
                "599", "600"
            )
        assert whole.headers["cache-status"].startswith("gateway; hit; ttl=")
        assert whole.headers["cache-control"].startswith("private, ")


async def test_who_is_given_a_kept_answer_has_met_its_flags(tmp_path: Path) -> None:
    flag = {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "defaultVariant": "a"}
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {"sort": flag}}))
    sdl = SDL.replace('GET: "/posts"', 'GET: "/posts", queryParams: "sort: $flags.sort"')
    flags = {"file": str(tmp_path / "flags.json"), "defaults": {"sort": 0}}
    async with gateway(tmp_path, sdl, flags=flags) as (client, backend):
        await times(client, 3, POSTS)
        operation = Operation(GraphQLParams(POSTS), ClientRequest({}), client.app.worker.serving())
        context = await value_of(operation.serving.new_context(operation.client))
        answer = await value_of(operation.serving.pipeline.run(operation, context))
        assert answer.record.is_kept
        assert context.stats.exposed == frozenset({"sort"})
        assert len(backend.calls) == 2


async def test_whole_answers_can_be_switched_off(tmp_path: Path) -> None:
    async with gateway(tmp_path, response_cache={"whole_answers": False}) as (client, backend):
        await times(client, 5, PAGE)
        assert len(backend.calls) == 1
        assert client.app.worker.serving().sharing.answers is None
