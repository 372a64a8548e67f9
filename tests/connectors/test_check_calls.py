"""The paths on which calls repeat, each found with its fix; and the paths that are left alone."""

from __future__ import annotations

import pytest

from gateway.connectors.check.connectors import check_connectors
from gateway.errors import Diagnostic
from gateway.graph.schema import build_schema
from gateway.graph.sdl import parse_sdl
from tests.connectors.scenario import LINK

SOURCE = LINK + ' @source(name: "b", http: { baseURL: "https://h" })\n'
POSTS = 'posts: [Post] @connect(source: "b", http: { GET: "/posts" }, selection: "id user: { id: userId }")'
THIS = '@connect(source: "b", http: { GET: "/users/{$this.id}" }, selection: "id name")'
BATCH = '@connect(source: "b", http: { GET: "/users" queryParams: "id: $batch.id" }, selection: "id name")'


def checked(sdl: str, *resolved: str) -> list[Diagnostic]:
    document = parse_sdl(SOURCE + sdl, "schema.graphql")
    schema, problems = build_schema(document)
    assert schema is not None, problems
    return check_connectors(schema, document, resolved=resolved)


def paths(sdl: str, *resolved: str) -> list[str]:
    """What the warnings name, in order; there may be no error beside them."""
    found = checked(sdl, *resolved)
    assert {(f.code, f.severity) for f in found} <= {("NPlusOne", "warning")}, found
    assert all(f.hint and "$batch" in f.hint and f.line for f in found)
    return [f.message.split(" ")[0] for f in found]


def blog(user: str, more: str = "", fields: str = "id: ID! name: String") -> str:
    return f"type Query {{ {POSTS} {more} }}\ntype Post {{ id: ID user: User }}\ntype User {user} {{ {fields} }}"


ON_FIELD = """type Query { posts: [Post] @connect(source: "b", http: { GET: "/posts" }, selection: "id")
  post(id: ID): Post @connect(source: "b", http: { GET: "/posts/{$args.id}" }, selection: "id MORE") }
type Post { id: ID notes: [Note] @connect(source: "b", http: HTTP, selection: "post text") }
type Note { post: ID text: String }"""

CASES: dict[str, tuple[str, list[str]]] = {
    "a type without a batch": (blog(THIS), ["Query.posts[].user.name"]),
    "a type with a batch": (blog(BATCH), []),
    "everything is in the list's own mapping": (
        blog(THIS).replace("id: userId", "id: userId name"),
        [],
    ),
    "entity: true": (
        blog(
            "",
            'user(id: ID!): User @connect(source: "b", http: { GET: "/users/{$args.id}" }, selection: "id name", entity: true)',
        ),
        ["Query.posts[].user.name"],
    ),
    "a field": (
        ON_FIELD.replace("HTTP", '{ GET: "/notes?post={$this.id}" }').replace("MORE", ""),
        ["Query.posts[].notes"],
    ),
    "a field that reads nothing of its object": (
        ON_FIELD.replace("HTTP", '{ GET: "/notes" }').replace("MORE", ""),
        [],
    ),
    "by a header": (
        ON_FIELD.replace(
            "HTTP", '{ GET: "/notes" headers: [{ name: "x", value: "{$this.id}" }] }'
        ).replace("MORE", ""),
        ["Query.posts[].notes"],
    ),
    "by groupBy": (
        ON_FIELD.replace(
            "HTTP", '{ GET: "/notes" queryParams: "p: $batch.id" } batch: { groupBy: "post" }'
        ).replace("MORE", ""),
        [],
    ),
    "each way to a type": (
        """type Query { me: Me @connect(source: "b", http: { GET: "/me" }, selection: "posts { id } best { id } drafts { id }") }
        type Me { posts: [Post!]! best: Post drafts: [[Post]] }
        type Post { id: ID text: String @connect(source: "b", http: { GET: "/t/{$this.id}" }, selection: "$") }""",
        ["Query.me.posts[].text", "Query.me.drafts[].text"],
    ),
    "a list of its own kind": (
        """type Query { user: User @connect(source: "b", http: { GET: "/u" }, selection: "id") }
        type User { id: ID friends: [User] @connect(source: "b", http: { GET: "/u/{$this.id}" }, selection: "id") }""",
        ["Query.user.friends[].friends"],
    ),
    "through an interface, and in a mutation": (
        """interface Node { id: ID }
        type Query { n: Int @connect(source: "b", http: { GET: "/n" }, selection: "$.n") }
        type Mutation { add: [Node] @connect(source: "b", http: { POST: "/n" }, selection: "__typename: $('A') id") }
        type A implements Node { id: ID size: Int @connect(source: "b", http: { GET: "/s/{$this.id}" }, selection: "$.s") }""",
        ["Mutation.add[].size"],
    ),
}


@pytest.mark.parametrize(("sdl", "expected"), CASES.values(), ids=CASES.keys())
def test_paths(sdl: str, expected: list[str]) -> None:
    assert paths(sdl) == expected


def test_lists_that_python_makes_count_too() -> None:
    assert paths(blog(THIS), "Query.posts", "Post.user") == ["Query.posts[].user.name"]


def test_a_dense_schema_ends() -> None:
    """Twelve types that all refer to each other have a thousand million paths."""
    names = [f"T{n}" for n in range(12)]
    refers = " ".join(
        f'{name.lower()}: [{name}] @connect(source: "b", http: {{ GET: "/{name}" }}, selection: "id")'
        for name in names
    )
    call = 'x: Int @connect(source: "b", http: { GET: "/x/{$this.id}" }, selection: "$")'
    types = " ".join(f"type {name} {{ id: ID {refers} {call} }}" for name in names)
    found = paths(f"type Query {{ {refers} }} {types}")
    assert len(found) == len(set(found))
    assert {f"Query.{name.lower()}[].x" for name in names} <= set(found)


def test_a_warning_hides_no_error() -> None:
    sdl = blog(THIS, fields="id: ID! name: String other: Int")
    sdl += ' extend type Query { z: Int @connect(source: "b", http: { GET: "/z" }, batch: { maxSize: 2 }, selection: "$.z") }'
    assert [(f.code, f.severity) for f in checked(sdl)] == [
        ("BatchWithoutKeys", "warning"),
        ("ConnectorsUnresolvedField", "error"),
        ("NPlusOne", "warning"),
    ]


def test_an_error_hides_neither_the_fields_nor_the_paths_that_it_says_nothing_about() -> None:
    sdl = blog(THIS, fields="id: ID! name: String other: Int").replace(
        'GET: "/posts"', 'GET: "/posts?{$args.x}"'
    )
    assert [f.code for f in checked(sdl)] == [
        "UndefinedArgument",
        "ConnectorsUnresolvedField",
        "NPlusOne",
    ]  # fmt: skip


def test_a_selection_that_does_not_parse_leaves_the_fields_open() -> None:
    sdl = blog(THIS).replace('selection: "id name"', 'selection: "id, name"')
    assert [f.code for f in checked(sdl)] == ["InvalidSelection"]
