"""What the micro benchmarks execute: each case three times, on graphql-core, on compiled plans, by hand.

A case's three functions give equal answers, which whoever times them has to assert first (`check`). Cases
that await are coroutine functions; they are timed inside one running loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import graphql
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    build_schema,
    parse,
)

from gateway.client.request import ClientRequest
from gateway.context import Context
from gateway.graph.field_tree import FieldTree
from gateway.graph.resolvers import BatchField
from gateway.integrations import graphql_core as dropin
from gateway.integrations import operations

operations.COMPILED_FROM = 1  # plans are what is measured


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: As it is printed.
        core, ours, by_hand: Give an ExecutionResult (`by_hand` its data), or an awaitable of it.
        target: How many times faster than graphql-core it is meant to be.
        hand_target: At most so many times the CPU of the version by hand; None: no such target.
        errors: How many errors the answer has.
    """

    name: str
    core: Callable[[], Any]
    ours: Callable[[], Any]
    by_hand: Callable[[], Any]
    target: float
    hand_target: float | None = None
    errors: int = 0


def check(case: Case) -> None:
    """Assert that the three answers are equal: a wrong answer is not timed."""

    async def answers() -> list[Any]:
        found = [case.core(), case.ours(), case.ours(), case.by_hand()]
        return [await item if isawaitable(item) else item for item in found]

    core, cold, cached, by_hand = asyncio.run(answers())
    assert core.data == cold.data == cached.data == by_hand
    assert core.data is not None
    for result in (core, cold, cached):
        assert len(result.errors or ()) == case.errors
    if case.errors:
        assert sorted(map(str, core.errors)) == sorted(map(str, cached.errors))
    assert sum(dropin.fallbacks.values()) == 0


def pair(
    schema: GraphQLSchema, text: str, root: Any = None, context: Callable[[], Any] | None = None
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The same execution on graphql-core and on compiled plans; the document is parsed already."""
    document = parse(text)
    make = context or (lambda: None)

    def core() -> Any:
        return graphql.execute(schema, document, root, make())

    def ours() -> Any:
        return dropin.execute(schema, document, root, make())

    return core, ours


# 100 posts with their users


USERS = {n: {"id": n, "name": f"User {n}", "email": f"user{n}@example.com"} for n in range(10)}
POSTS = [{"id": n, "userId": n % 10, "title": f"The title of post {n}"} for n in range(100)]


class UserLoader:
    """The users of a column of posts."""

    coordinate = "Post.user"
    source = None
    vary = None
    reads = FieldTree({"userId": FieldTree()})
    supplies = None

    def project(self, wanted: FieldTree) -> UserLoader:
        return self

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Any
    ) -> list[Any]:
        return [USERS[post["userId"]] for post in parents]


def posts_and_users(*, checked: bool = False) -> Case:
    """By hand without looking at the leaves, as handlers are written; `checked`: as GraphQL demands."""
    schema = build_schema("""
        type Query { posts: [Post] }
        type Post { id: Int userId: Int title: String user: User }
        type User { id: Int name: String email: String }
    """)
    loader = UserLoader()
    schema.type_map["Post"].fields["user"].resolve = BatchField(loader, "Post.user")  # type: ignore
    text = "{ posts { id userId title user { id name email } } }"
    core, ours = pair(schema, text, {"posts": POSTS}, make_context)

    async def by_hand() -> Any:
        users = await loader.load(POSTS, {}, make_context())
        return {
            "posts": [
                {
                    "id": post["id"],
                    "userId": post["userId"],
                    "title": post["title"],
                    "user": {"id": user["id"], "name": user["name"], "email": user["email"]},
                }
                for post, user in zip(POSTS, users, strict=True)
            ]
        }

    async def checked_by_hand() -> Any:
        users = await loader.load(POSTS, {}, make_context())
        return {
            "posts": [
                {
                    "id": a if type(a := post["id"]) is int and LOW <= a <= HIGH else wrong(a),
                    "userId": b
                    if type(b := post["userId"]) is int and LOW <= b <= HIGH
                    else wrong(b),
                    "title": c if type(c := post["title"]) is str else wrong(c),
                    "user": {
                        "id": d if type(d := user["id"]) is int and LOW <= d <= HIGH else wrong(d),
                        "name": e if type(e := user["name"]) is str else wrong(e),
                        "email": f if type(f := user["email"]) is str else wrong(f),
                    },
                }
                for post, user in zip(POSTS, users, strict=True)
            ]
        }

    if checked:
        return Case("the same, by hand with checks", core, ours, checked_by_hand, 35, 1.3)
    return Case("100 posts, batched users", core, ours, by_hand, 35, 1.3)


LOW, HIGH = -(2**31), 2**31 - 1


def wrong(value: Any) -> Any:
    raise TypeError(f"not a value of this type: {value!r}")


def make_context() -> Context:
    """A request's state, as far as loaders need it."""
    upstream: Any = None
    return Context(
        ClientRequest({}, request_id=""),
        deadline=time.monotonic() + 3600,
        upstream=upstream,
        config={},
        source_urls={},
        state={},
    )


# 10,000 objects of ten leaves

LEAVES = [f"{kind}{n}" for kind in "is" for n in range(5)]


def leaf_schema() -> GraphQLSchema:
    item = GraphQLObjectType(
        "Item",
        {name: GraphQLField(GraphQLInt if name[0] == "i" else GraphQLString) for name in LEAVES},
    )
    return GraphQLSchema(
        GraphQLObjectType("Query", {"items": GraphQLField(GraphQLList(GraphQLNonNull(item)))})
    )


def items(count: int) -> list[dict[str, Any]]:
    return [{name: n if name[0] == "i" else f"text {n}" for name in LEAVES} for n in range(count)]


def ten_leaves() -> Case:
    root = {"items": items(10_000)}
    core, ours = pair(leaf_schema(), f"{{ items {{ {' '.join(LEAVES)} }} }}", root)

    def by_hand() -> Any:
        return {
            "items": [
                {
                    "i0": x["i0"], "i1": x["i1"], "i2": x["i2"], "i3": x["i3"], "i4": x["i4"],
                    "s0": x["s0"], "s1": x["s1"], "s2": x["s2"], "s3": x["s3"], "s4": x["s4"],
                }
                for x in root["items"]
            ]
        }  # fmt: skip

    return Case("10,000 objects x 10 leaves", core, ours, by_hand, 30)


def five_per_cent() -> Case:
    """1,000 objects of ten leaves: 2.5 % of the leaves null, 2.5 % not what their type says."""
    rows = items(1_000)
    wrong = 0
    for number in range(0, 10_000, 20):
        row, name = rows[number // 10], LEAVES[number // 20 % 10]
        if number % 40:
            row[name] = None
        else:
            row[name] = {"not": "a leaf"}
            wrong += 1
    root = {"items": rows}
    core, ours = pair(leaf_schema(), f"{{ items {{ {' '.join(LEAVES)} }} }}", root)

    def integer(value: Any) -> Any:
        return value if type(value) is int else None

    def string(value: Any) -> Any:
        return value if type(value) is str else None

    def by_hand() -> Any:
        return {
            "items": [
                {n: (integer if n[0] == "i" else string)(x[n]) for n in LEAVES}
                for x in root["items"]
            ]
        }

    return Case("nulls and errors in 5 % of leaves", core, ours, by_hand, 8, errors=wrong)


# 1,000 objects with an async resolver each


def async_resolver(*, suspends: bool) -> Case:
    async def ready(item: Any, _info: Any) -> str:
        return item["name"]  # type: ignore[no-any-return]

    async def later(item: Any, _info: Any) -> str:
        await asyncio.sleep(0)
        return item["name"]  # type: ignore[no-any-return]

    resolve = later if suspends else ready
    item = GraphQLObjectType(
        "Item",
        {"id": GraphQLField(GraphQLInt), "name": GraphQLField(GraphQLString, resolve=resolve)},
    )
    schema = GraphQLSchema(GraphQLObjectType("Query", {"items": GraphQLField(GraphQLList(item))}))
    root = {"items": [{"id": n, "name": f"name {n}"} for n in range(1_000)]}
    core, ours = pair(schema, "{ items { id name } }", root)

    async def by_hand() -> Any:
        names = await asyncio.gather(*(resolve(x, None) for x in root["items"]))
        return {
            "items": [
                {"id": x["id"], "name": name} for x, name in zip(root["items"], names, strict=True)
            ]
        }

    kind = "suspends once" if suspends else "does not suspend"
    return Case(f"1,000 async resolvers, {kind}", core, ours, by_hand, 2.5 if suspends else 3)


# Five levels, three abstract types, fragments


def deep() -> Case:
    schema = build_schema("""
        interface Named { id: Int name: String }
        interface Parent { children: [Child] }
        union Child = Folder | File | Link
        type Folder implements Named & Parent { id: Int name: String children: [Child] }
        type File implements Named { id: Int name: String size: Int }
        type Link implements Named & Parent { id: Int name: String target: Named children: [Child] }
        type Query { roots: [Parent] }
    """)
    text = """
        { roots { __typename ...L children { ...N children: __typename
            ... on Parent { below: children { ...N ... on Folder { below: children { ...N
              ... on Parent { below: children { ...N } } } }
              ... on Link { below: children { ...N ... on Parent { below: children { ...N } } } } } } } } }
        fragment N on Named { __typename id name ... on File { size } ...L }
        fragment L on Link { target { name } }
    """
    root = {"roots": [tree(5, 3) for _ in range(16)]}
    core, ours = pair(schema, text, root)
    return Case("5 levels, 3 abstract types", core, ours, lambda: deep_by_hand(root), 15)


KINDS = ("Folder", "Link", "Folder", "File")


def tree(depth: int, width: int, number: int = 0) -> dict[str, Any]:
    """A tree of objects: `width` children each, every fourth a leaf."""
    kind = "File" if depth == 1 else KINDS[number % 3]
    node: dict[str, Any] = {"__typename": kind, "id": number, "name": f"{kind} {number}"}
    if kind == "File":
        node["size"] = number
        return node
    node["children"] = [tree(depth - 1, width, number * width + n) for n in range(width)]
    if kind == "Link":
        node["target"] = {"__typename": "File", "id": 1, "name": "target"}
    return node


def deep_by_hand(root: Any) -> Any:
    def named(node: Any) -> dict[str, Any]:
        found = {"__typename": node["__typename"], "id": node["id"], "name": node["name"]}
        if node["__typename"] == "File":
            found["size"] = node["size"]
        if node["__typename"] == "Link":
            found["target"] = {"name": node["target"]["name"]}
        return found

    def below(node: Any, levels: int) -> dict[str, Any]:
        found = named(node)
        if levels and "children" in node:
            found["below"] = [below(child, levels - 1) for child in node["children"]]
        return found

    def first(node: Any) -> dict[str, Any]:
        found = named(node)
        found["children"] = node["__typename"]
        if "children" in node:
            found["below"] = [below(child, 2) for child in node["children"]]
        return found

    roots = []
    for node in root["roots"]:
        found: dict[str, Any] = {"__typename": node["__typename"]}
        if node["__typename"] == "Link":
            found["target"] = {"name": node["target"]["name"]}
        found["children"] = [first(child) for child in node["children"]]
        roots.append(found)
    return {"roots": roots}


CASES: tuple[Callable[[], Case], ...] = (
    posts_and_users,
    lambda: posts_and_users(checked=True),
    ten_leaves,
    lambda: async_resolver(suspends=False),
    lambda: async_resolver(suspends=True),
    deep,
    five_per_cent,
)
