"""Rows that are encoded as they stand: byte for byte what graphql-core's executor answers, whatever comes.

A plan learns the form of its rows from the first answer, so each operation is asked several times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gateway.codegen.exported
from gateway.app.config import build_config
from gateway.runtime import verbatim
from gateway.testing import GatewayClient
from tests.connectors.scenario import SOURCE, use_path
from tests.support.backend import Asked, backend

SDL = (
    SOURCE
    + """
type Query {
  posts: [Post] @connect(source: "b", http: { GET: "/posts" },
    selection: "id title text: body userId score tags notes { text stars }")
  joined: [Joined] @connect(source: "b", http: { GET: "/posts" },
    selection: "id title text: body userId user: { id: userId } notes { text stars }")
  strict: [Strict!]! @connect(source: "b", http: { GET: "/posts" }, selection: "id title notes { text stars }")
  post: Post @connect(source: "b", http: { GET: "/post" },
    selection: "id title text: body userId score tags notes { text stars }")
  one: Joined @connect(source: "b", http: { GET: "/post" }, selection: "id userId user: { id: userId }")
}
type Post { id: Int! title: String text: String userId: Int score: Float tags: [String] notes: [Note] }
type Joined { id: Int! title: String text: String userId: Int user: User notes: [Note]
  replies: [Reply] @connect(source: "b", http: { GET: "/replies/{$this.id}" }, selection: "text userId user: { id: userId }")
}
type Reply { text: String userId: Int user: User }
type Strict { id: ID! title: String! notes: [Note!]! }
type Note { text: String stars: Int }
type User @connect(source: "b", http: { GET: "/users", queryParams: "id: $batch.id" }, selection: "id name mro keys") {
  id: Int! name: String! mro: String keys: Int
}
"""
)
QUERIES = {
    "in the order of the mapping": "{ posts { id title userId } }",
    "in another order": "{ posts { userId id title } }",
    "one member": "{ posts { title } }",
    "an alias": "{ posts { id name: title } }",
    "a name of another member": "{ posts { title: text id } }",
    "another name upstream": "{ posts { id text } }",
    "a name twice": "{ posts { id id title } }",
    "its type": "{ posts { __typename id } }",
    "rows with users": "{ joined { id userId title user { id name } } }",
    "users first": "{ joined { user { name } id userId } }",
    "a key that is not asked for": "{ joined { title user { name } } }",
    "users that are not loaded": "{ joined { id user { id } } }",
    "objects below": "{ posts { id notes { stars text } } }",
    "objects and users below": "{ joined { id userId notes { text } user { name } } }",
    "text": "{ strict { title } }",
    "an ID": "{ strict { id title } }",
    "what may not be null": "{ strict { title notes { text } } }",
    "one object": "{ post { id title userId notes { text stars } } }",
    "one object with a user": "{ one { id userId user { name id } } }",
    "rows of many parents": "{ joined { id replies { text userId user { id name } } } }",
    "names that Python has": "{ joined { id user { mro keys } } }",
    "twice alike": "{ a: joined { userId user { id name } } b: joined { userId user { id name } } }",
    "twice": "{ a: posts { id title } b: posts { title id } }",
    "beside an error": "{ posts { id title } strict { title } }",
    "in a fragment": "query ($c: Boolean = true) { posts { ...F userId @include(if: $c) } } fragment F on Post { id title }",
}
GOOD: dict[str, Any] = {
    "posts": [
        {"id": n, "title": f"t{n} é\u2028", "body": "b", "userId": n % 3, "score": 1.5, "user": {"x": 1},
         "notes": [{"text": "n", "stars": n}]}
        for n in range(6)
    ],
}  # fmt: skip


class World:
    """What the backend answers with now."""

    def __init__(self) -> None:
        self.posts: Any = GOOD["posts"]

    def __call__(self, asked: Asked) -> Any:
        if asked.target.startswith("/users"):
            ids = [part.partition("=")[2] for part in asked.target.partition("?")[2].split("&")]
            # The second user has no name, which it may not lack; the third does not exist.
            users: list[dict[str, Any]] = [{"id": 0, "name": "zero"}, {"id": 1}]
            return [user for user in users if str(user["id"]) in ids]
        if asked.target.startswith("/replies"):
            said = f"to {asked.target.rpartition('/')[2]}"
            return [{"text": said, "userId": 0}, {"text": f"again {said}", "userId": 0}]
        if asked.target == "/post":
            return self.posts[0] if isinstance(self.posts, list) and self.posts else None
        return self.posts


@asynccontextmanager
async def asking(
    folder: Path, more: Mapping[str, Any] | None = None
) -> AsyncIterator[tuple[World, GatewayClient]]:
    world = World()
    async with backend(world) as server:
        (folder / "schema.graphql").write_text(SDL.replace("BASE", server.url))
        tables = {"graph": {"schema": ["schema.graphql"]}, **(more or {})}
        async with GatewayClient(build_config(tables), base=folder, env={}) as client:
            yield world, client


async def ask(client: GatewayClient, query: str) -> tuple[str, Any]:
    """The bytes of `data`, and the errors in no order."""
    response = await client.http.post(client.app.path, json={"query": query})
    said = orjson.loads(response.content)
    errors = said.get("errors", [])
    for error in errors:
        error.get("extensions", {}).pop("errorId", None)
    return orjson.dumps(said.get("data")).decode(), sorted(errors, key=str)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often rows were encoded as they stand."""
    counted: Counter[str] = Counter()

    original = verbatim.encode_rows

    def encode(run: Any, rows: Any) -> Any:
        made = original(run, rows)
        counted["made" if made is not None else "refused"] += 1
        return made

    monkeypatch.setitem(gateway.codegen.exported.PART_NAMES, "encode_rows", encode)
    monkeypatch.setattr(verbatim, "encode_rows", encode)
    return counted


async def answers(
    folder: Path, query: str, worlds: list[Any], path: str = "compiled"
) -> list[tuple[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        use_path(path, patch)
        async with asking(folder) as (world, client):
            found = []
            for posts in worlds:
                world.posts = posts
                found.append(await ask(client, query))
            return found


@pytest.mark.parametrize("name", QUERIES)
async def test_what_is_answered(name: str, tmp_path: Path, encoded: Counter[str]) -> None:
    """Good answers make the plan's code; then some with nulls, gaps and other types, and a good one again."""
    good: Any = GOOD["posts"]
    worlds = [
        good, good, good, [], None, [None, *good], [{}], good[:2],
        [{**good[0], "title": None, "userId": None}, good[1]],
        [{**good[0], "id": "7", "title": 5, "notes": None}],
        [{**good[0], "id": 2**40, "notes": [None, {"text": None}]}],
        [{**good[0], "id": 1.0, "score": 2}, {**good[1], "title": ["x"]}],
        {"not": "a list"}, good, good, good, good,
    ]  # fmt: skip
    if "user {" in QUERIES[name]:  # what a group makes of null, depends on what is asked for
        worlds = [posts for posts in worlds if type(posts) is list and None not in posts]
    await check(tmp_path, QUERIES[name], worlds)


async def check(folder: Path, query: str, worlds: list[Any]) -> None:
    """A plan answers as graphql-core does. Of several errors below one null, either may report others."""
    by_plan = await answers(folder, query, worlds)
    by_core = await answers(folder, query, worlds, "graphql-core")
    assert [data for data, _ in by_plan] == [data for data, _ in by_core]
    for (_, ours), (_, theirs) in zip(by_plan, by_core, strict=True):
        assert bool(ours) == bool(theirs)
        if "user {" not in query:
            assert ours == theirs


@pytest.mark.parametrize(
    ("name", "is_verbatim"),
    [
        ("in the order of the mapping", True),
        ("in another order", True),
        ("one member", True),
        ("objects below", True),
        ("one object", True),
        ("twice", True),
        ("an alias", False),
        ("another name upstream", False),
        ("a key that is not asked for", False),
        ("an ID", False),
        ("what may not be null", False),
        ("its type", False),
    ],
)
async def test_which_are_encoded(
    name: str, is_verbatim: bool, tmp_path: Path, encoded: Counter[str]
) -> None:
    await answers(tmp_path, QUERIES[name], [GOOD["posts"]] * 4)
    assert bool(encoded["made"]) == is_verbatim


async def test_users_are_put_into_their_posts(tmp_path: Path, encoded: Counter[str]) -> None:
    """The object that is completed apart, beside a member of the same name that the backend sends."""
    posts = [post for post in GOOD["posts"] if post["userId"] == 0]
    found = await answers(tmp_path, QUERIES["rows with users"], [posts] * 4)
    assert encoded["made"]
    user = {"id": 0, "name": "zero"}
    rows = [
        {"id": p["id"], "userId": p["userId"], "title": p["title"], "user": user} for p in posts
    ]
    assert found == [(orjson.dumps({"joined": rows}).decode(), [])] * 4


leaves = st.none() | st.booleans() | st.integers(-3, 2**33) | st.floats() | st.text(max_size=3)
notes = st.lists(
    st.none() | st.dictionaries(st.sampled_from(["text", "stars"]), leaves), max_size=2
)
posts = st.lists(
    st.none()
    | st.fixed_dictionaries(
        {"id": st.integers(0, 9), "title": st.text(max_size=3), "userId": st.integers(0, 3)},
        optional={"body": leaves, "score": leaves, "tags": leaves | st.lists(leaves), "notes": notes},
    )
    | st.dictionaries(st.sampled_from(["id", "title", "userId", "notes"]), leaves | notes),
    max_size=4,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(QUERIES)), worlds=st.lists(posts | leaves, min_size=1, max_size=4)
)
@pytest.mark.asyncio
async def test_whatever_comes_is_answered_alike(
    name: str, worlds: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("verbatim")
    good = GOOD["posts"]
    if "user {" in QUERIES[name]:
        worlds = [[row for row in rows if row is not None] for rows in worlds if type(rows) is list]
    sent = orjson.loads(orjson.dumps([good, good, *worlds, good]))  # NaN and its like are null
    await check(folder, QUERIES[name], sent)


@pytest.mark.parametrize(
    "query",
    [
        "{ posts { id ... @defer { title notes { text stars } } } }",
        "{ joined { id ... @defer { userId user { id name } } } }",
        "{ joined { id user { id } ... @defer { user { name } notes { stars } } } }",
        "{ post { id } ... @defer { posts { id title } joined { userId user { id name } } } }",
        "{ post { id ... @defer { notes { text } } } }",
        "{ joined { id ... @defer { replies { text userId user { id name } } } } }",
    ],
)
async def test_what_is_deferred(query: str, tmp_path: Path, encoded: Counter[str]) -> None:
    """A deferred fragment begins with many objects: each gets its own.

    The first answer comes before any form is known.
    """
    posts = [post for post in GOOD["posts"] if post["userId"] == 0]
    accept = {"accept": "multipart/mixed"}
    found = []
    async with asking(tmp_path, {"incremental": {"enabled": True}}) as (world, client):
        world.posts = posts
        for _ in range(4):
            response = await client.http.post(
                client.app.path, json={"query": query}, headers=accept
            )
            lines = [line for line in response.text.splitlines() if line.startswith("{")]
            found.append(sorted(lines))
    if "replies" in query:
        assert all("to " + str(post["id"]) in "".join(found[0]) for post in posts)
    assert '"errors"' not in "".join(found[0])
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.parametrize(
    "name", ["in the order of the mapping", "objects below", "rows with users"]
)
async def test_the_first_code_is_made_for_decoded_rows(name: str, tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, client):
        await ask(client, QUERIES[name])
        found = client.app.worker.serving().pipeline.plans.known(QUERIES[name], None)
        assert found is not None
        code = found.value.code({})
        assert (code.revisions, code.other_forms) == (0, [])
        assert "['" not in code.source
