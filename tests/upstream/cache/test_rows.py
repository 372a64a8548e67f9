"""Rows of batches are kept by key: what reaches the backend are the keys that nothing is known of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from threading import current_thread, main_thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.admin.commands import Command
from gateway.app.config import build_config
from gateway.connectors.call import MAPPED_AT_ONCE
from gateway.connectors.mapping.compile import CompiledMapping
from gateway.testing import GatewayClient
from tests.connectors.scenario import LINK
from tests.support.backend import Answer, Asked, backend

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "BASE", headers: [{ name: "x-token", from: "x-token" }] })
  @source(name: "ids", http: { baseURL: "BASE/ids" })
type Query {
  posts(ids: String): [Post]
    @connect(source: "ids", http: { GET: "/{$args.ids}" }, selection: "$.ids { author: { id: $ } }")
}
type Mutation {
  touch(id: ID!): Boolean @connect(source: "s", http: { POST: "/users?id={$args.id}" }, selection: "$.done")
  move(id: ID!): Boolean @connect(source: "s", http: { POST: "/move?id={$args.id}" }, selection: "$.done")
}
type Post { author: User }
type User @cacheTag(format: "user-{$key.id}") @connect(
  source: "s", batch: { maxSize: 3 }
  http: { GET: "/users" queryParams: "id: $batch.id" } selection: "PATH { id name city: address.city by }"
) { id: ID! name: String city: String by: String }
"""
)
FRESH = "max-age=60"


class Users:
    """A backend that gives users by id; 13 is nobody."""

    def __init__(self, path: str) -> None:
        self.path = path.removeprefix("$.").split(".") if path != "$" else []
        self.control = FRESH
        self.headers: tuple[tuple[str, str], ...] = ()
        self.status = 200
        self.kind = "application/json"
        self.asked: list[list[str]] = []
        self.waits: asyncio.Event | None = None
        self.name = "n"

    def __call__(self, asked: Asked) -> Answer:
        url = urlsplit(asked.target)
        if url.path.startswith("/ids"):
            ids = url.path.removeprefix("/ids/").split("-")
            return Answer({"ids": ids}, headers=(("content-type", "application/json"),))
        ids = parse_qs(url.query)["id"]
        if asked.method == "POST":
            location = [("location", f"/users?id={ids[0]}")] if url.path == "/move" else []
            return Answer({"done": True}, headers=(("content-type", "application/json"), *location))
        self.asked.append(ids)
        token = dict(asked.headers).get("x-token")
        body: Any = [
            {"id": int(id_), "name": f"{self.name}{id_}", "address": {"city": "c"}, "by": token, "more": "x"}
            for id_ in ids if id_ != "13"
        ]  # fmt: skip
        for name in reversed(self.path):
            body = {name: body, "other": 1}
        headers = (("content-type", self.kind), ("cache-control", self.control), *self.headers)
        return Answer(body, status=self.status, headers=headers)


@asynccontextmanager
async def rows(
    folder: Path, path: str = "$", **settings: Any
) -> AsyncIterator[tuple[GatewayClient, Users]]:
    users = Users(path)
    async with backend(users) as served:
        (folder / "s.graphql").write_text(SDL.replace("BASE", served.url).replace("PATH", path))
        config = build_config({
            "graph": {"schema": [str(folder / "s.graphql")]},
            "sources": {"s": {"cache": {"enabled": True, **settings}}},
        })  # fmt: skip
        async with GatewayClient(config) as client:
            yield client, users


async def ask(client: GatewayClient, ids: str, fields: str = "name", token: str = "t") -> Any:
    query = f'{{ posts(ids: "{ids}") {{ author {{ {fields} }} }} }}'
    result = await client.execute(query, headers={"x-token": token})
    return [post["author"] for post in result.data["posts"]]


@pytest.mark.parametrize("path", ["$", "$.data", "$.data.items"])
async def test_only_what_is_missing_is_asked_for(tmp_path: Path, path: str) -> None:
    async with rows(tmp_path, path) as (client, users):
        assert await ask(client, "1-2") == [{"name": "n1"}, {"name": "n2"}]
        # Other fields of the same rows, in another order, with a row that is new.
        found = await ask(client, "3-2-1-2", "id city")
        assert found == [{"id": i, "city": "c"} for i in ("3", "2", "1", "2")]
        assert await ask(client, "2-3", "name") == [{"name": "n2"}, {"name": "n3"}]
        assert users.asked == [["1", "2"], ["3"]]
        lookups = client.app.worker.upstream.counters.cache_lookups
        counts = {result: n for (_, e, result), n in lookups.items() if e == "GET /users"}
        assert counts == {"miss": 1, "partial_hit": 1, "hit": 1}


async def test_a_batch_has_chunks_of_what_is_missing(tmp_path: Path) -> None:
    async with rows(tmp_path) as (client, users):
        await ask(client, "1-4")
        await ask(client, "1-2-3-4-5-6-7")
        assert sorted(users.asked) == [["1", "4"], ["2", "3", "5"], ["6", "7"]]


async def test_rows_are_told_apart_by_what_the_backend_is_sent(tmp_path: Path) -> None:
    """Random batches of random clients: nobody is given a row that was fetched with another's token."""
    rng = Random("rows")
    async with rows(tmp_path) as (client, users):
        for _ in range(200):
            token = f"t{rng.randrange(4)}"
            ids = "-".join(str(rng.randrange(1, 9)) for _ in range(rng.randrange(1, 5)))
            assert {row["by"] for row in await ask(client, ids, "by", token)} == {token}
        assert sum(map(len, users.asked)) == 4 * 8, "each row once for each token"


@pytest.mark.parametrize(("negative_ttl_s", "asked"), [(0, 3), (30, 1)])
async def test_a_key_without_a_row_is_known_for_a_while(
    tmp_path: Path, negative_ttl_s: int, asked: int
) -> None:
    async with rows(tmp_path, negative_ttl_s=negative_ttl_s) as (client, users):
        for _ in range(3):
            assert await ask(client, "1-13") == [{"name": "n1"}, {"name": None}]
        assert len(users.asked) == asked
        assert users.asked[1:] == [["13"]] * (asked - 1)


@pytest.mark.parametrize(
    ("purge", "asked"),
    [
        ({"kind": "cache_tag", "cache_tag": "user-2"}, [["2"]]),
        ({"kind": "key", "subgraph": "s", "type": "User", "key": {"id": 2}}, [["2"]]),
        ({"kind": "type", "subgraph": "s", "type": "User"}, [["1", "2", "3"]]),
        ({"kind": "subgraph", "subgraph": "s"}, [["1", "2", "3"]]),
        ({"kind": "cache_tag", "cache_tag": "user-9"}, []),
    ],
)
async def test_a_purge_takes_the_rows_that_have_its_tag(
    tmp_path: Path, purge: dict[str, Any], asked: list[list[str]]
) -> None:
    async with rows(tmp_path) as (client, users):
        await ask(client, "1-2-3")
        await client.app.worker.commands.actions["POST", "/invalidation"](Command("t", [purge]))
        await ask(client, "1-2-3")
        assert users.asked[1:] == asked


@pytest.mark.parametrize(
    "change",
    [
        {"control": "no-store"},
        {"control": "private, max-age=60"},
        {"kind": "text/plain"},
        {"status": 500},
        {"control": ""},
    ],
)
async def test_what_may_not_be_kept_is_asked_for_each_time(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    async with rows(tmp_path) as (client, users):
        vars(users).update(change)
        for _ in range(2):
            found = await ask(client, "1-2")
            assert found == (
                [{"name": None}] * 2 if users.status == 500 else [{"name": "n1"}, {"name": "n2"}]
            )
        assert len([ids for ids in users.asked if ids == ["1", "2"]]) >= 2


async def test_an_answer_that_has_to_be_asked_about_is_kept_as_a_whole(tmp_path: Path) -> None:
    async with rows(tmp_path) as (client, users):
        users.control, users.headers = "no-cache", (("etag", '"1"'),)
        for _ in range(3):
            await ask(client, "1-2")
        lookups = client.app.worker.upstream.counters.cache_lookups
        assert {result for (_, e, result) in lookups if e == "GET /users"} == {"miss"}
        memory = client.app.worker.upstream.memory
        assert len(memory) == 1
        assert len(users.asked) == 3


async def test_a_row_of_before_stands_in_for_a_backend_that_fails(tmp_path: Path) -> None:
    async with rows(tmp_path, stale_if_error_s=60) as (client, users):
        await ask(client, "1-2")
        for entry in client.app.worker.upstream.memory:
            entry.fresh_until -= 61
        users.status = 500
        found = await ask(client, "1-2-3")
        assert found == [{"name": "n1"}, {"name": "n2"}, {"name": None}]


async def test_old_rows_are_given_and_asked_for_anew_meanwhile(tmp_path: Path) -> None:
    async with rows(tmp_path, stale_while_revalidate_s=60) as (client, users):
        await ask(client, "1-2")
        for entry in client.app.worker.upstream.memory:
            entry.fresh_until -= 61
        users.name = "new"
        for _ in range(3):
            assert await ask(client, "1-2") in (
                [{"name": "n1"}, {"name": "n2"}], [{"name": "new1"}, {"name": "new2"}],
            )  # fmt: skip
        store = client.app.worker.upstream.row_store("s")
        assert store is not None
        await asyncio.gather(*store._refreshes)
        assert await ask(client, "1-2") == [{"name": "new1"}, {"name": "new2"}]
        assert users.asked == [["1", "2"], ["1", "2"]]


async def test_batches_that_overlap_ask_once_for_what_they_share(tmp_path: Path) -> None:
    async with rows(tmp_path) as (client, users):
        await ask(client, "9")  # that rows are kept is known
        await asyncio.gather(*(ask(client, ids) for ids in ("1-2", "2-3", "1-3", "1-2")))
        assert sorted(key for ids in users.asked[1:] for key in ids) == ["1", "2", "3"]


@pytest.mark.parametrize("mutation", ["touch", "move"])
@pytest.mark.parametrize("key", ["1", "1" * 1000])
async def test_a_mutation_of_their_url_purges_rows(tmp_path: Path, mutation: str, key: str) -> None:
    async with rows(tmp_path) as (client, users):
        await ask(client, key)
        await ask(client, "2")
        result = await client.execute(f'mutation {{ {mutation}(id: "{key}") }}')
        assert result.data == {mutation: True}
        await ask(client, f"{key}-2")
        assert users.asked == [[key], ["2"], [key]]


async def test_rows_of_other_settings_are_not_given(tmp_path: Path, redis_url: str) -> None:
    users = Users("$")
    users.control = "max-age=60"
    async with backend(users) as served:
        (tmp_path / "s.graphql").write_text(SDL.replace("BASE", served.url).replace("PATH", "$"))
        for trusts in (True, False, True):
            config = build_config({
                "graph": {"schema": [str(tmp_path / "s.graphql")]},
                "sources": {"s": {"cache": {"enabled": True, "trust_vary": trusts}}},
                "redis": {"url": redis_url},
                "response_cache": {"redis": {"enabled": True, "fetch_timeout_s": 30}},
            })  # fmt: skip
            async with GatewayClient(config) as client:
                shared = client.app.worker.upstream.shared
                assert shared is not None
                async with asyncio.timeout(30):
                    while not shared.is_usable:
                        await asyncio.sleep(0.001)
                await ask(client, "1-2")
                await shared.lines.settle()
        assert users.asked == [["1", "2"], ["1", "2"]]


async def test_another_pod_finds_the_rows(tmp_path: Path, redis_url: str) -> None:
    """Two gateways that share nothing but Redis; what one of them purges is gone in both."""
    users = Users("$")
    async with backend(users) as served:
        (tmp_path / "s.graphql").write_text(SDL.replace("BASE", served.url).replace("PATH", "$"))
        config = build_config({
            "graph": {"schema": [str(tmp_path / "s.graphql")]},
            "sources": {"s": {"cache": {"enabled": True}}},
            "redis": {"url": redis_url},
            "response_cache": {"redis": {"enabled": True, "fetch_timeout_s": 30}},
        })  # fmt: skip
        async with GatewayClient(config) as one, GatewayClient(config) as two:
            shared = [pod.app.worker.upstream.shared for pod in (one, two)]
            async with asyncio.timeout(30):
                while not all(tier is not None and tier.is_usable for tier in shared):
                    await asyncio.sleep(0.001)
            await ask(one, "1-2")
            assert shared[0] is not None
            await shared[0].lines.settle()
            assert await ask(two, "2-3-1") == [{"name": "n2"}, {"name": "n3"}, {"name": "n1"}]
            assert users.asked == [["1", "2"], ["3"]]
            purge = {"kind": "cache_tag", "cache_tag": "user-2"}
            done = await two.app.worker.commands.actions["POST", "/invalidation"](
                Command("t", [purge])
            )
            assert done.status == 202
            users.name = "new"
            assert await ask(two, "2-1") == [{"name": "new2"}, {"name": "n1"}]
            async with asyncio.timeout(30):
                while await ask(one, "2-1") != [{"name": "new2"}, {"name": "n1"}]:
                    await asyncio.sleep(0.001)
            assert users.asked[2:] == [["2"]]


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
async def test_large_answers_are_mapped_in_a_thread(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the tags of rows, and where an answer is not plain."""
    threads = []
    run = CompiledMapping.__call__

    def noted(mapping: CompiledMapping, data: Any, variables: Any) -> Any:
        if isinstance(data, list):  # of users
            threads.append(current_thread())
        return run(mapping, data, variables)

    async with rows(tmp_path) as (client, users):
        users.name, users.kind = "x" * MAPPED_AT_ONCE, kind
        monkeypatch.setattr(CompiledMapping, "__call__", noted)
        assert await ask(client, "1") == [{"name": users.name + "1"}]
    assert threads
    assert main_thread() not in threads
