"""`gateway serve --mock`: a client can be written against any schema, in one command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.serving import Serving, toml

SDL = """
extend schema
  @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])
  @source(name: "b", http: { baseURL: "http://127.0.0.1:1/{$env.NOT_SET}" })
scalar DateTime
scalar Date
scalar BigInt
scalar URL
scalar UUID
scalar JSON
scalar Money
scalar Unheard
enum Color { RED GREEN OLD @deprecated }
interface Node { id: ID! }
union Found = User | Post
type User implements Node {
  id: ID! name: String! email: String! age: Int! score: Float! isAdmin: Boolean! color: Color! posts(first: Int): PostConnection!
  seen: DateTime! born: Date! big: BigInt! home: URL! key: UUID! meta: JSON! balance: Money! other: Unheard! tags: [String!]!
  grid: [[Int!]!]! friend: User
}
type Post implements Node { id: ID! title: String author: User status(short: Boolean): String color: Color }
type PostConnection { totalCount: Int! pageInfo: PageInfo! edges: [PostEdge!]! nodes: [Post!]! }
type PostEdge { cursor: String! node: Post! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Counter { id: Int! name: String }
type Query {
  user(id: ID!): User @connect(source: "b", http: { GET: "/{$args.id}" }, selection: "id")
  node(id: ID!): Node
  users(limit: Int, color: Color): [User!]! @nobodyDeclares(it: 1)
  usersById(ids: [ID!]!): [User]
  found(first: Int): [Found!]!
  counter(id: Int): Counter
  greet(from: String, context: String, parent: String): String!
}
input NewPost { title: String! color: Color }
type Payload { clientMutationId: String post: Post }
type Mutation {
  addPost(input: NewPost!, clientMutationId: String): Payload!
  rename(id: ID!, name: String!): User!
}
type Subscription { added: Post! }
"""
EVERYTHING = """{ user(id: "u1") { id name email age score isAdmin color seen born big home key meta balance other tags grid
  friend { id name } posts(first: 2) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id title } } nodes { id } } }
  found(first: 12) { __typename ... on User { id } ... on Post { id } } }"""


@pytest.fixture(scope="module")
def serving() -> Iterator[Serving]:
    started = Serving()
    yield started
    started.close()


@pytest.fixture(scope="module")
def url(serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mock")
    (folder / "s.graphql").write_text(SDL)
    with serving.serve(folder, ("--mock", "--schema", "s.graphql")) as served:
        yield f"{served}/graphql"


def ask(url: str, query: str, **variables: Any) -> Any:
    content = httpx.post(url, json={"query": query, "variables": variables}).json()
    assert "errors" not in content, content
    return content["data"]


def test_every_value_has_its_type_and_says_what_it_is(url: str) -> None:
    user = ask(url, EVERYTHING)["user"]
    patterns = {
        "name": r"Name \d+",
        "email": r"\w+@example\.com",
        "color": "RED|GREEN",
        "seen": r"2025-\d\d-\d\dT\d\d:\d\d:\d\dZ",
        "born": r"2025-\d\d-\d\d",
        "home": r"https://example\.com/.+",
        "key": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
        "balance": r"\d+\.\d\d",
        "other": r"Unheard-\d+",
    }
    for name, pattern in patterns.items():
        assert re.fullmatch(pattern, user[name]), (name, user[name])
    assert isinstance(user["meta"], dict)
    assert [len(user["tags"]), len(user["grid"]), len(user["grid"][0])] == [3, 3, 3]
    assert not user["posts"]["pageInfo"]["hasNextPage"]
    assert len({item["id"] for item in user["posts"]["nodes"]}) == 2


def test_arguments_count_where_their_meaning_is_plain(url: str) -> None:
    data = ask(
        url,
        """{ user(id: "u1") { id posts(first: 7) { edges { cursor } nodes { id } } } users(limit: 5, color: GREEN) { color }
        usersById(ids: ["a", "b"]) { id } counter(id: 12) { id } none: users(limit: 0) { id }
        greet(from: "a", context: "b", parent: "c") }""",
    )
    assert data["user"]["id"] == "u1"
    assert [len(data["user"]["posts"][name]) for name in ("edges", "nodes")] == [7, 7]
    assert data["users"] == [{"color": "GREEN"}] * 5
    assert data["usersById"] == [{"id": "a"}, {"id": "b"}]
    assert data["counter"] == {"id": 12}
    assert data["none"] == []


def test_an_object_asked_for_by_its_id_is_the_same(url: str) -> None:
    friend = ask(url, EVERYTHING)["user"]["friend"]
    again = ask(
        url,
        "query($id: ID!) { node(id: $id) { __typename id ... on User { name } } }",
        id=friend["id"],
    )
    assert again["node"] == {"__typename": "User", **friend}


def test_every_type_of_a_union_comes(url: str) -> None:
    assert {item["__typename"] for item in ask(url, EVERYTHING)["found"]} == {"User", "Post"}


def test_a_mutation_gives_what_it_was_given(url: str) -> None:
    data = ask(
        url,
        """mutation { addPost(input: { title: "Hello", color: RED }, clientMutationId: "c") { clientMutationId
        post { title color author { name } } } rename(id: "u9", name: "Ann") { id name } }""",
    )
    post = data["addPost"]["post"]
    assert data["addPost"]["clientMutationId"] == "c"
    assert (post["title"], post["color"]) == ("Hello", "RED")
    assert data["rename"] == {"id": "u9", "name": "Ann"}


def test_a_subscription_has_events(url: str) -> None:
    query = {"query": "subscription { added { id title } }"}
    events = []
    with httpx.stream("POST", url, json=query, headers={"accept": "text/event-stream"}) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:") and len(line) > 7:
                events.append(json.loads(line[5:]))
            if len(events) == 2:
                break
    first, second = (event["data"]["added"]["id"] for event in events)
    assert first != second


def test_the_values_are_the_same_in_every_process(
    serving: Serving, url: str, tmp_path: Path
) -> None:
    (tmp_path / "s.graphql").write_text(SDL)
    tables = {"graph": {"schema": ["s.graphql"], "resolvers": "there_is_no_such_module"}}
    (tmp_path / "gateway.toml").write_text(toml(tables))
    with serving.serve(tmp_path, ("--mock",), {"PYTHONHASHSEED": "7"}) as other:
        assert ask(f"{other}/graphql", EVERYTHING) == ask(url, EVERYTHING)
    assert "made up" in (tmp_path / "stderr").read_text()
