"""`@cacheControl` and `@cacheTag`: for how long answers are kept, whose they are, and what makes them unusable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey

from gateway.admin.commands import Command
from gateway.app.build import build_graph
from gateway.app.config import build_config
from gateway.connectors.caching.tag_format import parse_tag_format
from gateway.testing import GatewayClient
from tests.auth.issuing import token_of
from tests.connectors.scenario import LINK
from tests.support.backend import Answer, Asked, Backend, backend

SDL = (
    LINK
    + """
  @source(name: "s", http: { baseURL: "BASE" })
  @source(name: "plain", http: { baseURL: "BASE/plain" })
type Query {
  user(id: ID!): User @connect(source: "s", http: { GET: "/users/{$args.id}" }, selection: "id name friends { id }")
  users: [User] @cacheTag(format: "all-users")
    @connect(source: "s", http: { GET: "/users" }, selection: "id name")
  me: Account @connect(source: "s", http: { GET: "/me" }, selection: "id name")
  news(tag: String): [News] @cacheControl(maxAge: 20) @cacheTag(format: "news-{$args.tag}")
    @connect(source: "s", http: { GET: "/news?tag={$args.tag}" }, selection: "title writer { id name }")
}
type Mutation {
  rename(id: ID!): User @connect(source: "plain", http: { POST: "/rename" }, selection: "id name")
  publish(tag: String): Boolean @cacheTag(format: "news-{$args.tag}")
    @connect(source: "plain", http: { POST: "/publish" }, selection: "$.done")
}
type User @cacheTag(format: "user-{$key.id}") @cacheControl(maxAge: 40) { id: ID! name: String friends: [User] }
type Account @cacheControl(scope: PRIVATE) { id: ID! name: String }
type News { title: String writer: User }
"""
)
SECRET = "a secret of the issuer that nobody knows"


@asynccontextmanager
async def cached(
    folder: Path, answer: Callable[[Asked], Any], **settings: Any
) -> AsyncIterator[tuple[GatewayClient, Backend]]:
    """A gateway over a backend, with `[sources.s.cache]`, and an issuer of tokens."""
    async with backend(answer) as served:
        (folder / "s.graphql").write_text(SDL.replace("BASE", served.url))
        config = build_config({
            "graph": {"schema": [str(folder / "s.graphql")]},
            "sources": {"s": {"cache": {"enabled": True, **settings}}},
            "authentication": {"jwt": {"jwks": [{"secret": SECRET}]}},
        })  # fmt: skip
        async with GatewayClient(config) as client:
            yield client, served


def of_path(asked: Asked, control: str = "max-age=600") -> Answer:
    """What the backend says, and that it may be kept."""
    path = asked.target.partition("?")[0].strip("/").split("/")
    body: Any = {"id": path[-1], "name": "n", "friends": [{"id": "2"}, {"id": None}]}
    if path[-1] == "users":
        body = [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]
    elif path[-1] == "news":
        body = [{"title": "t", "writer": {"id": "1", "name": "a"}}]
    elif path[0] == "plain":
        body = {"id": "2", "name": "b", "done": True}
    return Answer(body, headers=(("content-type", "application/json"), ("cache-control", control)))


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token_of(OctKey.import_key(SECRET), 'HS256', sub=name)}"}


def entries(client: GatewayClient) -> list[Any]:
    return list(client.app.worker.upstream.memory)


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ('{ user(id: "1") { name } }', 40),  # of the type
        ("{ news { title } }", 20),  # the field's own: its type says nothing
        ("{ me { name } }", None),
    ],
)
async def test_an_answer_is_fresh_no_longer_than_the_schema_says(
    tmp_path: Path, query: str, seconds: int | None
) -> None:
    async with cached(tmp_path, of_path) as (client, _):
        await client.execute(query, headers=bearer("ann"))
        (entry,) = entries(client)
        assert round(entry.fresh_until - entry.born) == (seconds or 600)


async def test_the_schema_does_not_make_an_answer_fresher_than_its_backend_says(
    tmp_path: Path,
) -> None:
    async with cached(tmp_path, lambda asked: of_path(asked, "max-age=5")) as (client, _):
        await client.execute('{ user(id: "1") { name } }')
        (entry,) = entries(client)
        assert round(entry.fresh_until - entry.born) == 5


async def test_the_schema_is_no_permission_but_with_override(tmp_path: Path) -> None:
    async with cached(tmp_path, lambda asked: of_path(asked, "no-store")) as (client, _):
        await client.execute('{ user(id: "1") { name } }')
        assert entries(client) == []
    settings = {"ttl_s": 5, "override": True}
    async with cached(tmp_path, lambda asked: of_path(asked, "no-store"), **settings) as (c, _):
        await c.execute('{ user(id: "1") { name } }')
        (entry,) = entries(c)
        assert round(entry.fresh_until - entry.born) == 40


async def test_a_private_answer_is_kept_for_its_principal_alone(tmp_path: Path) -> None:
    """The backend is sent the same request for everybody: only the schema knows that it is one's own."""
    async with cached(tmp_path, of_path) as (client, served):
        for name in ("ann", "ann", "bob", "ann", "bob"):
            await client.execute("{ me { name } }", headers=bearer(name))
        assert len(served.asked) == 2
        for _ in range(2):  # of nobody nothing is kept
            await client.execute("{ me { name } }")
        assert len(served.asked) == 4


async def test_what_the_backend_calls_private_is_kept_where_it_is_said_whose_it_is(
    tmp_path: Path,
) -> None:
    def answer(asked: Asked) -> Answer:
        return of_path(asked, "private, max-age=60")

    async with cached(tmp_path, answer) as (client, served):
        for _ in range(2):
            await client.execute('{ user(id: "1") { name } }', headers=bearer("ann"))
        assert len(served.asked) == 2
    async with cached(tmp_path, answer, private_id="$principal.id") as (client, served):
        for name in ("ann", "ann", "bob", "bob"):
            await client.execute('{ user(id: "1") { name } }', headers=bearer(name))
        await client.execute('{ user(id: "1") { name } }')
        assert len(served.asked) == 3


@pytest.mark.parametrize(
    ("query", "purge", "is_gone"),
    [
        ('{ user(id: "1") { name } }', {"kind": "cache_tag", "cache_tag": "user-1"}, True),
        ('{ user(id: "1") { name } }', {"kind": "cache_tag", "cache_tag": "user-2"}, True),  # a friend
        ('{ user(id: "1") { name } }', {"kind": "cache_tag", "cache_tag": "user-3"}, False),
        ('{ user(id: "1") { name } }', {"kind": "cache_tag", "cache_tag": "user-None"}, False),
        ('{ user(id: "1") { name } }', {"kind": "type", "subgraph": "s", "type": "User"}, True),
        ('{ user(id: "1") { name } }', {"kind": "type", "subgraph": "s", "type": "News"}, False),
        ("{ users { name } }", {"kind": "cache_tag", "cache_tag": "all-users"}, True),
        ("{ users { name } }", {"kind": "cache_tag", "cache_tag": "user-2"}, True),
        ('{ news(tag: "a") { title } }', {"kind": "cache_tag", "cache_tag": "news-a"}, True),
        ('{ news(tag: "a") { title } }', {"kind": "cache_tag", "cache_tag": "news-b"}, False),
        ('{ news(tag: "a") { title } }', {"kind": "cache_tag", "cache_tag": "user-1"}, True),
        ("{ news { title } }", {"kind": "cache_tag", "cache_tag": "news-None"}, False),
        ('{ news(tag: "a") { title } }', {"kind": "type", "subgraph": "s", "type": "User"}, True),
    ],
)  # fmt: skip
async def test_a_purge_finds_answers_by_what_is_in_them(
    tmp_path: Path, query: str, purge: dict[str, Any], is_gone: bool
) -> None:
    async with cached(tmp_path, of_path) as (client, served):
        await client.execute(query)
        action = client.app.worker.commands.actions["POST", "/invalidation"]
        await action(Command("test", [purge]))
        await client.execute(query)
        assert len(served.asked) == 1 + is_gone


async def test_a_mutation_of_another_source_purges_what_its_answer_has_the_tags_of(
    tmp_path: Path,
) -> None:
    async with cached(tmp_path, of_path) as (client, served):
        queries = [
            '{ user(id: "1") { name } }',
            '{ user(id: "2") { name } }',
            '{ news(tag: "a") { title } }',
        ]
        for query in queries:
            await client.execute(query)
        await client.execute('mutation { rename(id: "2") { id } }')  # it answers with user 2
        await client.execute('mutation { publish(tag: "a") }')
        before = len(served.asked)
        for query in queries:
            await client.execute(query)
        targets = [asked.target for asked in served.asked[before:]]
        # User 1 has user 2 among its friends.
        assert targets == ["/users/1", "/users/2", "/news?tag=a"]
        before = len(served.asked)
        await client.execute('mutation { rename(id: "2") { id } }')
        await client.execute('{ news(tag: "a") { title } }')
        assert len(served.asked) == before + 1


async def test_an_answer_whose_tags_cannot_be_told_is_not_kept(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        made = of_path(asked)
        return Answer(b"<html>", headers=made.headers)

    async with cached(tmp_path, answer) as (client, _):
        await client.execute('{ user(id: "1") { name } }')
        assert entries(client) == []


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("all", "all"),
        ("u-{$key.id}", "u-7"),
        ("{$args.a.b}|{$this.c}", "true|1"),
        ("u-{$key.none}", None),
        ("u-{$args.a}", None),
    ],
)
def test_a_format_makes_a_tag_of_scalars(text: str, tag: str | None) -> None:
    variables = {"key": {"id": "7", "none": None}, "args": {"a": {"b": True}}, "this": {"c": 1}}
    assert parse_tag_format(text).tag(variables) == tag


@pytest.mark.parametrize(
    "text", ["", "a b", "a,b", "{$config.x}", "{id}", "{$key}", "{$key.id", "}"]
)
def test_a_format_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a tag is not|what stands in braces"):
        parse_tag_format(text)


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"maxAge: 20": "maxAge: -1"}, "InvalidArgument", "maxAge: seconds are not negative"),
        ({"news-{$args.tag}": "{args}"}, "InvalidArgument", "format: what stands in braces is"),
        ({"writer { id name }": "writer { name }"}, "UnusedCacheHint",
         '"user-{$key.id}" is no tag of what Query.news gives: its selection has no id'),
        ({'"s", http: { GET: "/me"': '"plain", http: { GET: "/me"'}, "UnusedCacheHint",
         "@cacheControl on Account has no effect"),
        ({"maxAge: 20": "maxAge: 20, inheritMaxAge: true"}, "InvalidArgument", "maxAge and inher"),
        ({"maxAge: 20": "inheritMaxAge: true"}, "UnusedCacheHint", "inheritMaxAge on Query.news"),
        ({"news-{$args.tag}": "news-{$args.nope}"}, "InvalidArgument",
         "format: Query.news has no argument nope"),
        ({"news-{$args.tag}": "news-{$this.nope}"}, "InvalidArgument", "format: Query has no nope"),
        ({"user-{$key.id}": "user-{$key.nope}"}, "InvalidArgument", "format: User has no nope"),
        ({"user-{$key.id}": "user-{$key.friends.nope}"}, "InvalidArgument", "format: User has no"),
        ({"user-{$key.id}": "user-{$args.id}"}, "UnusedCacheHint",
         '"user-{$args.id}" is no tag of what Query.users gives: Query.users has no argument id'),
    ],
)  # fmt: skip
def test_check_says_which_hint_has_no_effect(
    tmp_path: Path, change: dict[str, str], code: str, message: str
) -> None:
    text = SDL.replace("BASE", "http://s")
    for old, new in change.items():
        text = text.replace(old, new)
    (tmp_path / "s.graphql").write_text(text)
    config = build_config({
        "graph": {"schema": [str(tmp_path / "s.graphql")]},
        "sources": {"s": {"cache": {"enabled": True}}},
    })  # fmt: skip
    found = [f for f in build_graph(config, tmp_path, {}).findings if f.code == code]
    assert found[0].message.replace("'", '"').startswith(message)
    assert found[0].line is not None


@pytest.mark.parametrize(
    ("own", "use", "message"),
    [
        ("scope: String", 'scope: "private"', "scope: "),
        ("scope: Scope", "scope: private", "scope: "),
        ("scope: Scope = PRIVATE", "", "@cacheControl has no default of scope"),
        ("maxAge: Float", "maxAge: 1.5", "maxAge: seconds are a whole number of"),
        ("maxAge: String", 'maxAge: "20"', "maxAge: seconds are a whole number of"),
        ("scope: Scope", "scope: PRIVATE", None),
        ("scope: Scope", "scope: null", None),
    ],
)
def test_a_definition_of_the_schemas_own_allows_no_other_values(
    tmp_path: Path, own: str, use: str, message: str | None
) -> None:
    text = SDL.replace("BASE", "http://s").replace("@cacheControl(maxAge: 20)", "")
    text = text.replace("@cacheControl(maxAge: 40)", "")
    text = text.replace("(scope: PRIVATE)", f"({use})" if use else "")
    text += f"directive @cacheControl({own}) on OBJECT  enum Scope {{ PUBLIC PRIVATE private }}"
    (tmp_path / "s.graphql").write_text(text)
    config = build_config({
        "graph": {"schema": [str(tmp_path / "s.graphql")]},
        "sources": {"s": {"cache": {"enabled": True}}},
    })  # fmt: skip
    errors = [f for f in build_graph(config, tmp_path, {}).findings if f.severity == "error"]
    assert [(f.message.startswith(message or ""), f.line is not None) for f in errors] == (
        [(True, True)] if message else []
    )


def test_the_example_has_no_findings_of_hints(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text(SDL.replace("BASE", "http://s"))
    config = build_config({
        "graph": {"schema": [str(tmp_path / "s.graphql")]},
        "sources": {"s": {"cache": {"enabled": True}}},
    })  # fmt: skip
    assert "UnusedCacheHint" not in {f.code for f in build_graph(config, tmp_path, {}).findings}


async def test_what_is_not_there_is_kept_by_the_tags_that_need_no_object(tmp_path: Path) -> None:
    def missing(asked: Asked) -> Answer:
        made = of_path(asked)
        return Answer(made.body, status=404, headers=(("content-type", "application/json"),))

    async with cached(tmp_path, missing, negative_ttl_s=60) as (client, served):
        for _ in range(3):
            assert (await client.execute('{ news(tag: "a") { title } }')).errors
            assert (await client.execute('{ user(id: "1") { name } }')).errors
        assert len(served.asked) == 2
        assert {"tag s news-a", "type s News"} <= {
            t for entry in entries(client) for t in entry.tags
        }
        client.app.worker.upstream.memory.purge(["tag s news-a", "type s User"])
        assert (await client.execute('{ news(tag: "a") { title } }')).errors
        assert (await client.execute('{ user(id: "1") { name } }')).errors
        assert len(served.asked) == 4
