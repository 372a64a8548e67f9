"""A gateway whose sources are cached, over a real backend: what reaches it, and what each client is answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.app.config import build_config
from gateway.app.gateway import create_app
from gateway.errors import ConfigError
from gateway.testing import GatewayClient
from gateway.upstream.cache.tags import url_tag
from tests.connectors.scenario import LINK
from tests.support.backend import Answer, Asked, Backend, backend

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "BASE", headers: [{ name: "x-token", from: "x-token" }] })
type Query {
  user(id: ID!): User @connect(source: "s", http: { GET: "/users/{$args.id}" }, selection: "id name by")
  posts: [Post] @connect(source: "s", http: { GET: "/posts" }, selection: "author: { id: $ }")
}
type Mutation {
  rename(id: ID!, name: String!): User
    @connect(source: "s", http: { POST: "/users/{$args.id}", body: "name: $args.name" }, selection: "id name")
}
type Post { author: User }
type User @connect(source: "s", http: { GET: "/users" queryParams: "id: $batch.id" } selection: "id name") {
  id: ID! name: String by: String }
"""
)
JSON = ("content-type", "application/json")


@asynccontextmanager
async def cached(
    folder: Path, answer: Callable[[Asked], Any], **settings: Any
) -> AsyncIterator[tuple[GatewayClient, Backend]]:
    """A gateway over a backend, with `[sources.s.cache]`."""
    async with backend(answer) as served:
        (folder / "s.graphql").write_text(SDL.replace("BASE", served.url))
        config = build_config({
            "graph": {"schema": [str(folder / "s.graphql")]},
            "sources": {"s": {"cache": {"enabled": True, **settings}}},
        })  # fmt: skip
        async with GatewayClient(config) as client:
            yield client, served


def user(asked: Asked, control: str = "max-age=60") -> Answer:
    """A user, and the token of whoever asked."""
    token = dict(asked.headers).get("x-token")
    body = {"id": asked.target.rpartition("/")[2], "name": "Ada", "by": token}
    return Answer(body, headers=(JSON, ("cache-control", control)))


async def test_a_read_that_comes_again_reaches_the_backend_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with cached(tmp_path, user) as (client, served):
        for name in ("name", "id name"):  # the same answer, whatever is selected of it
            result = await client.execute(f'{{ user(id: "7") {{ {name} }} }}')
            assert result.data["user"]["name"] == "Ada"
        await client.execute('{ user(id: "8") { name } }')
        assert [asked.target for asked in served.asked] == ["/users/7", "/users/8"]
        lookups = client.app.worker.upstream.counters.cache_lookups
        assert lookups == {
            ("s", "GET /users/{$args.id}", "miss"): 2,
            ("s", "GET /users/{$args.id}", "hit"): 1,
        }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counts = [(line["upstream_calls"], line["upstream_cached"]) for line in lines]
    assert counts == [(1, 0), (0, 1), (1, 0)]
    assert all(line["upstream_ms"] > 0 for line in lines)


async def test_a_mutation_makes_its_reads_new(tmp_path: Path) -> None:
    async with cached(tmp_path, user) as (client, served):
        for _ in range(2):
            await client.execute('{ user(id: "7") { name } }')
        await client.execute('mutation { rename(id: "7", name: "Eve") { name } }')
        await client.execute('{ user(id: "7") { name } }')
        lines = [asked.method for asked in served.asked]
        assert lines == ["GET", "POST", "GET"]


async def test_a_mutation_tells_the_other_workers(tmp_path: Path) -> None:
    async with cached(tmp_path, user) as (client, served):
        heard = client.app.worker.broker.subscribe("gateway:purge")
        await client.execute('mutation { rename(id: "7", name: "Eve") { name } }')
        assert (await anext(heard))["tags"] == [url_tag(f"{served.url}/users/7")]


async def test_nobody_is_answered_what_was_for_another(tmp_path: Path) -> None:
    """Random clients, credentials, headers and freshness: what the backend was sent is what the client sent."""
    rng = Random("nobody")
    controls = ["max-age=60", "public, max-age=60", "no-store", "private, max-age=60", "max-age=0"]

    def answer(asked: Asked) -> Answer:
        control = controls[int(asked.target.rpartition("/")[2]) % len(controls)]
        made = user(asked, control)
        varies = (("vary", "x-token"),) if control.startswith("public") else ()
        return Answer(made.body, headers=(*made.headers, *varies))

    async with cached(tmp_path, answer) as (client, served):
        for _ in range(600):
            number, token = rng.randrange(10), f"t{rng.randrange(12)}"
            result = await client.execute(
                f'{{ user(id: "{number}") {{ by }} }}', headers={"x-token": token}
            )
            assert result.data == {"user": {"by": token}}
        assert len(served.asked) < 450, "nothing was kept"


async def test_a_batch_is_kept_by_the_keys_that_it_asks_for(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Any:
        control = (JSON, ("cache-control", "max-age=60"))
        if asked.target == "/posts":
            return Answer(["1", "2"], headers=(JSON, ("cache-control", "no-store")))
        return Answer([{"id": "1", "name": "a"}, {"id": "2", "name": "b"}], headers=control)

    async with cached(tmp_path, answer) as (client, served):
        for _ in range(3):
            result = await client.execute("{ posts { author { name } } }")
            assert result.data == {"posts": [{"author": {"name": n}} for n in "ab"]}
        targets = [asked.target for asked in served.asked]
        assert targets.count("/posts") == 3
        assert targets.count("/users?id=1&id=2") == 1


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ({"dedupe_enabled": False, "cache": {"enabled": True}}, "dedupe_enabled"),
        ({"cache": {"enabled": True, "override": True}}, "ttl_s"),
        (
            {"session_cookie": "sid", "cache": {"enabled": True, "override": True, "ttl_s": 5}},
            "session_cookie",
        ),
        ({"cache": {"ttl_s": -1}}, "ttl_s"),
    ],
)
def test_what_cannot_be_meant_ends_the_start(source: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        build_config({"sources": {"s": source}})


def test_a_cache_that_would_keep_one_clients_headers_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text(SDL.replace("BASE", "http://127.0.0.1:1"))
    rule = {"propagate": {"named": "x-quota"}}
    config = build_config({
        "graph": {"schema": [str(tmp_path / "s.graphql")]},
        "headers": {"sources": {"s": {"response": [rule]}}},
        "sources": {"s": {"cache": {"enabled": True}}},
    })  # fmt: skip
    with pytest.raises(ConfigError, match=r"headers\.sources\.s\.response gives headers"):
        GatewayClient(config)


@pytest.mark.parametrize(
    ("sharing", "control"),
    [("trust_vary = true", "max-age=600"), ("ttl_s = 300\noverride = true", "no-store")],
)
async def test_a_reload_without_the_setting_ends_what_it_shared(
    tmp_path: Path, sharing: str, control: str
) -> None:
    """The answer that was given to others is stored for minutes yet: no reload may leave it to them."""
    async with backend(lambda asked: user(asked, control)) as served:
        (tmp_path / "s.graphql").write_text(SDL.replace("BASE", served.url))
        file = tmp_path / "gateway.toml"
        text = '[graph]\nschema = ["s.graphql"]\n[telemetry.metrics]\nport = 0\n[sources.s.cache]\nenabled = true\n'
        file.write_text(text + sharing)
        client = GatewayClient(file)
        client.app = create_app(file)

        async def by(token: str) -> Any:
            result = await client.execute('{ user(id: "7") { by } }', headers={"x-token": token})
            return result.data["user"]["by"]

        async with client:
            assert [await by("1"), await by("1")] == ["1", "1"]
            assert await by("2") == ("1" if "trust" in sharing else "2")
            calls = len(served.asked)
            file.write_text(text)
            assert client.app.reloader is not None
            assert (await client.app.reloader.reload()).result == "reloaded"
            assert [await by("1"), await by("2"), await by("3")] == ["1", "2", "3"]
            assert len(served.asked) == calls + 3


@pytest.mark.parametrize(
    ("query", "type_name"),
    [('{ user(id: "7") { name } }', "User"), ("{ posts { author { name } } }", "User")],
)
async def test_a_reload_with_other_hints_leaves_nothing_of_before(
    tmp_path: Path, query: str, type_name: str
) -> None:
    """A shorter `maxAge` holds at once, and a purge finds every answer by a new tag."""

    def answer(asked: Asked) -> Answer:
        if asked.target.startswith("/posts"):
            return Answer(["7"], headers=(JSON,))
        one = {"id": "7", "name": "Ada"}
        body = one if asked.target == "/users/7" else [one]
        return Answer(body, headers=(JSON, ("cache-control", "max-age=600")))

    async with backend(answer) as served:
        schema, text = tmp_path / "s.graphql", SDL.replace("BASE", served.url)
        schema.write_text(text)
        file = tmp_path / "gateway.toml"
        file.write_text(
            '[graph]\nschema = ["s.graphql"]\n[telemetry.metrics]\nport = 0\n[sources.s.cache]\nenabled = true\n'
        )
        client = GatewayClient(file)
        client.app = create_app(file)
        async with client:
            counts = []
            for hint in ("", "@cacheControl(maxAge: 100)", '@cacheTag(format: "user-{$key.id}")'):
                schema.write_text(text.replace("type User", f"type User {hint}"))
                assert client.app.reloader is not None
                await client.app.reloader.reload()
                for _ in range(2):
                    assert not (await client.execute(query)).errors
                counts.append(sum("/users" in asked.target for asked in served.asked))
            assert counts == [1, 2, 3]
