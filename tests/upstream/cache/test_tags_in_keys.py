"""Calls that send the same share an answer where it has the same tags: a purge leaves nothing that has other tags."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.commands import Command
from gateway.app.gateway import create_app
from gateway.testing import GatewayClient
from tests.connectors.scenario import LINK
from tests.support.backend import Answer, Asked, backend

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "BASE" })
type Query {
  user(id: ID!): User @connect(source: "s", http: { GET: "/users/{$args.id}" }, selection: "id name")
  posts: [Post] @connect(source: "s", http: { GET: "/posts" }, selection: "author: { id: $ }")
  news(tag: String, writer: String): [News] @cacheTag(format: "news-{$args.tag}")
    @connect(source: "s", http: { GET: "/news?tag={$args.tag}" }, selection: "title")
  told(as: String): [Told]
    @connect(source: "s", http: { GET: "/news" }, selection: "title  as: $args.as")
}
type Post { author: User }
type News { title: String }
type Told @cacheTag(format: "told-{$key.as}") { title: String as: String }
type User @connect(source: "s", http: { GET: "/users/{$this.id}" }, selection: "id name") { id: ID! name: String }
"""
)
JSON = ("content-type", "application/json")
KEEPS = ("cache-control", "max-age=600")
Ask = Callable[[str], Any]
BY_FIELD, BY_TYPE = '{ user(id: "7") { name } }', "{ posts { author { name } } }"
BY_KEY = {"kind": "key", "subgraph": "s", "type": "User", "key": {"id": "7"}}


class Tagged:
    """A gateway over a backend whose every answer has a number of its own."""

    def __init__(self, client: GatewayClient, schema: Path, text: str) -> None:
        self.client, self.schema, self.text = client, schema, text

    async def ask(self, query: str) -> Any:
        """The first number in an answer."""
        result = await self.client.execute(query)
        assert not result.errors
        value: Any = result.data
        while not isinstance(value, str):
            value = value[0] if isinstance(value, list) else next(iter(value.values()))
        return int(value)

    async def purge(self, what: dict[str, Any]) -> None:
        action = self.client.app.worker.commands.actions["POST", "/invalidation"]
        assert (await action(Command("test", [what]))).status == 202

    async def reload(self, old: str, new: str) -> None:
        """Serve the schema with a part of it changed."""
        assert old in self.text
        self.schema.write_text(self.text.replace(old, new))
        assert self.client.app.reloader is not None
        assert (await self.client.app.reloader.reload()).result == "reloaded"


@asynccontextmanager
async def tagged(folder: Path) -> AsyncIterator[Tagged]:
    numbers = itertools.count(1)

    def answer(asked: Asked) -> Answer:
        if asked.target == "/posts":
            return Answer(["7"], headers=(JSON,))
        number = str(next(numbers))
        body: Any = {"id": "7", "slug": "ada", "name": number}
        if asked.target.startswith("/news"):
            body = [{"title": number}]
        return Answer(body, headers=(JSON, KEEPS))

    async with backend(answer) as served:
        schema, file, text = (
            folder / "s.graphql",
            folder / "gateway.toml",
            SDL.replace("BASE", served.url),
        )
        schema.write_text(text)
        file.write_text(
            '[graph]\nschema = ["s.graphql"]\n[telemetry.metrics]\nport = 0\n[sources.s.cache]\nenabled = true\n'
        )
        client = GatewayClient(file)
        client.app = create_app(file)
        async with client:
            yield Tagged(client, schema, text)


@pytest.mark.parametrize("first", [BY_FIELD, BY_TYPE])
async def test_a_purge_by_key_finds_what_another_connector_asked_for_first(
    tmp_path: Path, first: str
) -> None:
    async with tagged(tmp_path) as gateway:
        await gateway.ask(first)
        before = await gateway.ask(BY_TYPE)
        assert await gateway.ask(BY_TYPE) == before
        await gateway.purge(BY_KEY)
        assert await gateway.ask(BY_TYPE) > before


async def test_the_field_of_an_entity_is_purged_by_the_key_of_the_entity(tmp_path: Path) -> None:
    async with tagged(tmp_path) as gateway:
        await gateway.reload('"id name")\n  posts', '"id name", entity: true)\n  posts')
        before = await gateway.ask(BY_FIELD)
        assert await gateway.ask(BY_FIELD) == before
        await gateway.purge(BY_KEY)
        assert await gateway.ask(BY_FIELD) > before


async def test_an_argument_that_is_in_a_tag_alone_tells_answers_apart(tmp_path: Path) -> None:
    async with tagged(tmp_path) as gateway:
        await gateway.reload("news-{$args.tag}", "news-{$args.writer}")
        ann, bob = (
            f'{{ news(tag: "a", writer: "{name}") {{ title }} }}' for name in ("ann", "bob")
        )
        before = [await gateway.ask(ann), await gateway.ask(bob)]
        await gateway.purge({"kind": "cache_tag", "cache_tag": "news-bob"})
        assert await gateway.ask(ann) == before[0]
        assert await gateway.ask(bob) > before[1]


async def test_what_a_mapping_puts_into_a_tag_tells_answers_apart(tmp_path: Path) -> None:
    async with tagged(tmp_path) as gateway:
        one, two = (f'{{ told(as: "{name}") {{ title as }} }}' for name in ("one", "two"))
        before = [await gateway.ask(one), await gateway.ask(two)]
        await gateway.purge({"kind": "cache_tag", "cache_tag": "told-two"})
        assert await gateway.ask(one) == before[0]
        assert await gateway.ask(two) > before[1]


@pytest.mark.parametrize(
    ("old", "new", "query", "tag"),
    [
        ("type User", 'type User @cacheTag(format: "user-{$key.id}")', BY_FIELD, "user-ada"),
        (
            "tag={$args.tag}",
            "tag={$args.writer}",
            '{ news(tag: "b", writer: "a") { title } }',
            "news-b",
        ),
    ],
)
async def test_a_reload_with_another_mapping_leaves_nothing_that_its_tags_do_not_find(
    tmp_path: Path, old: str, new: str, query: str, tag: str
) -> None:
    async with tagged(tmp_path) as gateway:
        await gateway.ask('{ news(tag: "a") { title } }')
        await gateway.reload(old, new)
        await gateway.ask(query)
        gateway.text = gateway.text.replace(old, new)
        if "User" in old:
            await gateway.reload(
                '/users/{$args.id}" }, selection: "id', '/users/{$args.id}" }, selection: "id: slug'
            )
        before = await gateway.ask(query)
        await gateway.purge({"kind": "cache_tag", "cache_tag": tag})
        assert await gateway.ask(query) > before


async def test_calls_whose_answers_have_the_same_tags_share_them(tmp_path: Path) -> None:
    """What is selected of an answer without tags of its own counts for nothing."""
    async with tagged(tmp_path) as gateway:
        one = await gateway.ask(BY_FIELD)
        await gateway.reload('"id name")\n  posts', '"id: slug name")\n  posts')
        assert await gateway.ask(BY_FIELD) == one
