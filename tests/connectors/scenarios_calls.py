"""Scenarios of which connector runs and how often: sharing, entities, batches, groups, limits, order."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.connectors.scenario import SOURCE, Scenario
from tests.support.backend import Answer, Asked

POSTS = [{"id": n, "user": u} for n, u in enumerate([3, 1, 3, 9], 1)]
NAMES = {"1": "Ann", "2": "Bob", "3": "Cy"}
LIMIT = {"connectors": {"max_requests_per_operation_per_source": 2}}


def _users(asked: Asked) -> Any:
    """Posts, and the users that are asked for: in another order, with one nobody asked for; never 9."""
    url = urlsplit(asked.target)
    if url.path == "/posts":
        return POSTS
    if url.path == "/users":
        wanted = parse_qs(url.query).get("id", [])
        if "bad" in wanted:
            return Answer({"e": 1}, 500)
        rows = [{"id": int(key), "name": NAMES[key]} for key in wanted if key in NAMES]
        return [*reversed(rows), {"id": 77, "name": "nobody"}]
    key = url.path.rpartition("/")[2]
    return {"id": int(key), "name": NAMES[key]} if key in NAMES else Answer({"e": 1}, 404)


def _batch(kind: str = "ID", batch: str = "", user: str = "user") -> str:
    return (
        SOURCE
        + f"""type Query {{ posts: [Post] @connect(source: "b", http: {{ GET: "/posts" }}, selection: "id author: {{ id: {user} }}") }}
        type Post {{ id: Int author: User }}
        type User @connect(source: "b", http: {{ GET: "/users" queryParams: "id: $batch.id" }} {batch}
          selection: "id name") {{ id: {kind}! name: String }}"""
    )


def _authors(*names: str | None) -> dict[str, Any]:
    return {"posts": [{"author": {"name": name}} for name in names]}


def _rows(posts: Any, users: Any) -> Any:
    return lambda asked: posts if asked.target == "/posts" else users


AUTHORS = "{ posts { author { name } } }"
FOUR = _authors("Cy", "Ann", "Cy", None)
BY_THIS = (
    SOURCE
    + """type Query { posts: [Post] @connect(source: "b", http: { GET: "/posts" }, selection: "id user") }
    type Post { id: Int user: Int
      author(x: Int): User @connect(source: "b", http: { GET: "/users/{$this.user}" }, selection: "id name") }
    type User { id: Int name: String }"""
)
ENTITY_FIELD = (
    SOURCE
    + """type Query { posts: [Post] @connect(source: "b", http: { GET: "/posts" }, selection: "id author: { id: user }")
      user(id: ID!): User @connect(source: "b", http: { GET: "/users/{$args.id}" }, selection: "id name", entity: true) }
    type Post { id: Int author: User } type User { id: ID! name: String }"""
)
ENTITY_TYPE = (
    SOURCE
    + """type Query { posts: [Post] @connect(source: "b", http: { GET: "/posts" }, selection: "id author: { id: user }") }
    type Post { id: Int author: User }
    type User @connect(source: "b", http: { GET: "/users/{$this.id}" }, selection: "id name") { id: ID! name: String }"""
)
COMPOSITE = (
    SOURCE
    + """type Query { items: [Item] @connect(source: "b", http: { GET: "/posts" }, selection: "store sku at { code }") }
    type At { code: String }
    type Item @connect(source: "b", http: { POST: "/find" body: "$batch { store sku at { code } }" },
      selection: "store sku at { code } price") { store: Int! sku: String! at: At price: Int }"""
)
GROUPED = (
    SOURCE
    + """type Query { videos: [Video] @connect(source: "b", http: { GET: "/posts" }, selection: "id") }
    type Video { id: Int comments(top: Int): [Comment] @connect(source: "b"
      http: { GET: "/comments" queryParams: "v: $batch.id top: $args.top" }
      batch: { maxSize: 50, groupBy: "videoId" } selection: "videoId text") }
    type Comment { videoId: Int text: String }"""
)
ABSTRACT = (
    SOURCE
    + """interface Animal { name: String }
    type Query { zoo: [Animal] @connect(source: "b", http: { GET: "/posts" },
      selection: "__typename: kind->match(['d', 'Dog'], ['c', 'Cat']) name barks lives") }
    type Dog implements Animal { name: String barks: Boolean }
    type Cat implements Animal { name: String lives: Int }"""
)
WRITES = (
    SOURCE
    + """type Query { get: Int @connect(source: "b", http: { GET: "/n" }, selection: "$.n") }
    type Mutation { add(n: Int): Count @connect(source: "b", http: { POST: "/add" body: "n: $args.n" }, selection: "n") }
    type Count { n: Int after: Int @connect(source: "b", http: { GET: "/after/{$this.n}" }, selection: "$.n") }"""
)


def _write(asked: Asked) -> Any:
    return json.loads(asked.body) if asked.method == "POST" else {"n": 0}


READS = (
    SOURCE
    + """type Query { posts: [Post] @connect(source: "b", http: { GET: "/posts" }, selection: "id") }
    type Post BY { id: ID! mail: String OWN
      x: String @connect(source: "b", http: { GET: "/x" queryParams: "m: $this.mail" }, selection: "$.at") }"""
)


def _mail(asked: Asked) -> Any:
    """Posts, their mail by either way, and `at` for the target; the mail of post 2 fails."""
    if asked.target == "/posts":
        return [{"id": 1}, {"id": 2}]
    if asked.target == "/mail?id=1&id=2":
        return [{"id": 1, "mail": "m1"}]
    return Answer({}, 500) if asked.target == "/mail/2" else {"at": asked.target}


SEVERAL = (
    SOURCE
    + """type Query { u(id: ID): U
      @connect(source: "b", http: { GET: "/a" }, selection: "id a in { x } tags { id k }")
      @connect(source: "b", http: { GET: "/b/{$args.id}" }, selection: "b in { y } tags { id v }")
    l: [U]
      @connect(source: "b", http: { GET: "/la" }, selection: "id a")
      @connect(source: "b", http: { GET: "/lb" }, selection: "id b") }
    type U { id: ID a: Int b: Int in: I tags: [T]
      more: M @connect(source: "b", http: { GET: "/m/{$this.id}" }, selection: "m")
              @connect(source: "b", http: { GET: "/n/{$this.a}" }, selection: "n") }
    type I { x: Int y: Int } type T { id: ID k: Int v: Int } type M { m: Int n: Int }"""
)
PARTS: dict[str, Any] = {
    "/a": {"id": 1, "a": 2, "in": {"x": 3}, "tags": [{"id": 1, "k": 4}, {"id": 2, "k": 5}]},
    "/b/7": {"b": 6, "in": {"y": 7}, "tags": [{"id": 1, "v": 8}, {"id": "2", "v": 9}]},
    "/m/1": {"m": 1},
    "/n/2": {"n": 2},
    "/la": [{"id": 1, "a": 2}, {"id": 2, "a": 3}],
    "/lb": [{"id": 1, "b": 1}, {"id": 2, "b": 2}],
}


CALLS: dict[str, Scenario] = {
    "2.4 two connectors on a field": Scenario(
        sdl=SEVERAL,
        query="{ u(id: 7) { id a b in { x y } tags { k v } more { m n } } }",
        answers=PARTS,
        data={
            "u": {
                "id": "1",
                "a": 2,
                "b": 6,
                "in": {"x": 3, "y": 7},
                "tags": [{"k": 4, "v": 8}, {"k": 5, "v": 9}],
                "more": {"m": 1, "n": 2},
            }
        },
        asked=("GET /a", "GET /b/7", "GET /m/1", "GET /n/2"),
    ),
    "2.4 two connectors on a list": Scenario(
        sdl=SEVERAL,
        query="{ l { a b } }",
        answers=PARTS,
        data={"l": [{"a": 2, "b": 1}, {"a": 3, "b": 2}]},
        asked=("GET /la", "GET /lb"),
    ),
    "2.4 lists that are not of one length": Scenario(
        sdl=SEVERAL,
        query="{ l { a b } }",
        answers={**PARTS, "/lb": [{"id": 1, "b": 1}]},
        data={"l": None},
        asked=("GET /la", "GET /lb"),
        errors=(("CONNECTOR_RESPONSE_INVALID", "l"),),
    ),
    "2.4 one of two is null": Scenario(
        sdl=SEVERAL,
        query="{ u(id: 7) { a b } }",
        answers={**PARTS, "/b/7": None},
        data={"u": {"a": 2, "b": None}},
        asked=("GET /a", "GET /b/7"),
    ),
    "2.4 one of two fails": Scenario(
        sdl=SEVERAL,
        query="{ u(id: 7) { a b } }",
        answers={"/a": PARTS["/a"]},
        data={"u": {"a": 2, "b": None}},
        asked=("GET /a", "GET /b/7"),
        errors=(("CONNECTOR_FETCH", "u.b"),),
    ),
    "3.7 $this by the client's alias of another field": Scenario(
        BY_THIS,
        "{ posts { user: id author { name } } }",
        lambda asked: POSTS[:1] if asked.target == "/posts" else _users(asked),
        {"posts": [{"user": 1, "author": {"name": "Cy"}}]},
        ("GET /posts", "GET /users/3"),
    ),
    "3.7 $this from the type's connector": Scenario(
        READS.replace("OWN", "").replace(
            "BY",
            '@connect(source: "b", http: { GET: "/mail" queryParams: "id: $batch.id" }, selection: "id mail")',
        ),
        "{ posts { x } }",
        _mail,
        {"posts": [{"x": "/x?m=m1"}, {"x": "/x"}]},
        ("GET /posts", "GET /mail?id=1&id=2", "GET /x?m=m1", "GET /x"),
    ),
    "3.7 $this from another connector, which fails once": Scenario(
        READS.replace("BY", "").replace(
            "OWN", '@connect(source: "b", http: { GET: "/mail/{$this.id}" }, selection: "$.at")'
        ),
        "{ posts { x } }",
        _mail,
        {"posts": [{"x": "/x?m=%2Fmail%2F1"}, {"x": None}]},
        ("GET /posts", "GET /mail/1", "GET /mail/2", "GET /x?m=%2Fmail%2F1"),
        (("CONNECTOR_FETCH", "posts.1.x"),),
    ),
    "14.2 equal $this share a call": Scenario(
        BY_THIS,
        AUTHORS,
        _users,
        {"posts": [*FOUR["posts"][:3], {"author": None}]},
        ("GET /posts", "GET /users/3", "GET /users/1", "GET /users/9"),
        (("CONNECTOR_FETCH", "posts.3.author"),),
    ),
    "14.2 the limit of requests leaves partial data": Scenario(
        BY_THIS,
        "{ posts { author { name } } }",
        lambda asked: [{"user": 3}, {"user": 1}] if asked.target == "/posts" else _users(asked),
        {"posts": [{"author": {"name": "Cy"}}, {"author": None}]},
        ("GET /posts", "GET /users/3"),
        (("REQUEST_LIMIT_EXCEEDED", "posts.1.author"),),
        tables=LIMIT,
    ),
    "14.2 aliases with equal URLs share a call": Scenario(
        BY_THIS,
        "{ posts { a: author { name } b: author(x: 1) { id } } }",
        lambda asked: POSTS[:1] if asked.target == "/posts" else {"id": 3, "name": "Cy"},
        {"posts": [{"a": {"name": "Cy"}, "b": {"id": 3}}]},
        ("GET /posts", "GET /users/3"),
    ),
    "14.3 skipped fields are not called": Scenario(
        BY_THIS,
        "query($s: Boolean = true) { posts { id author @skip(if: $s) { name } } }",
        _users,
        {"posts": [{"id": post["id"]} for post in POSTS]},
        ("GET /posts",),
    ),
    "14.4 mutations one after the other": Scenario(
        WRITES,
        "mutation { a: add(n: 1) { n after } b: add(n: 1) { n after } }",
        _write,
        {"a": {"n": 1, "after": 0}, "b": {"n": 1, "after": 0}},
        ('POST /add {"n":1}', "GET /after/1", 'POST /add {"n":1}', "GET /after/1"),
        is_ordered=True,
    ),
    "15.2 a, known by its key": Scenario(
        ENTITY_FIELD,
        "{ posts { author { id } } }",
        _users,
        {"posts": [{"author": {"id": str(post["user"])}} for post in POSTS]},
        ("GET /posts",),
    ),
    "15.2 a, completed": Scenario(
        ENTITY_FIELD,
        AUTHORS,
        _users,
        FOUR,
        ("GET /posts", "GET /users/3", "GET /users/1", "GET /users/9"),
        (("CONNECTOR_FETCH", "posts.3.author.name"),),
    ),
    "15.2 a, as a root field": Scenario(
        ENTITY_FIELD,
        '{ user(id: "2") { name } }',
        _users,
        {"user": {"name": "Bob"}},
        ("GET /users/2",),
    ),
    "15.2 b": Scenario(
        ENTITY_TYPE,
        AUTHORS,
        _users,
        FOUR,
        ("GET /posts", "GET /users/3", "GET /users/1", "GET /users/9"),
        (("CONNECTOR_FETCH", "posts.3.author.name"),),
    ),
    "15.2 c, 16.1 distinct, gaps, reordered": Scenario(
        _batch(), AUTHORS, _users, FOUR, ("GET /posts", "GET /users?id=3&id=1&id=9")
    ),
    "16 aliases of one entity are one call": Scenario(
        _batch(),
        "{ posts { a: author { name } b: author { id n: name } } }",
        lambda asked: POSTS[:1] if asked.target == "/posts" else [{"id": 3, "name": "Cy"}],
        {"posts": [{"a": {"name": "Cy"}, "b": {"id": "3", "n": "Cy"}}]},
        ("GET /posts", "GET /users?id=3"),
    ),
    "15.6 a missing key": Scenario(
        _batch(user="none"),
        "{ posts { author { name } } }",
        _rows([{"id": 1}, {"id": 2, "none": 3}], [{"id": 3, "name": "Cy"}]),
        _authors(None, "Cy"),
        ("GET /posts", "GET /users?id=3"),
    ),
    "16.5 an ID by its string form": Scenario(
        _batch(),
        AUTHORS,
        _rows(POSTS[:1], [{"id": "3", "name": "Cy"}]),
        _authors("Cy"),
        ("GET /posts", "GET /users?id=3"),
    ),
    "16.5 an ID that is a float is the integer that the client sees": Scenario(
        _batch(),
        "{ posts { author { id name } } }",
        _rows([{"user": 1.0}, {"user": 1}], [{"id": 1, "name": "Cy"}]),
        {
            "posts": [
                {"author": {"id": "1", "name": "Cy"}},
                {"author": {"id": "1", "name": "Cy"}},
            ]
        },
        ("GET /posts", "GET /users?id=1"),
    ),
    "16.5 a row's ID that is a float": Scenario(
        _batch(),
        AUTHORS,
        _rows([{"user": 3}, {"user": "4"}], [{"id": 3.0, "name": "Cy"}, {"id": 4.0, "name": "Di"}]),
        _authors("Cy", "Di"),
        ("GET /posts", "GET /users?id=3&id=4"),
    ),
    "16.5 an Int that is a float": Scenario(
        _batch("Int"),
        AUTHORS,
        _rows([{"user": 3.0}, {"user": 4}], [{"id": 3, "name": "Cy"}, {"id": 4.0, "name": "Di"}]),
        _authors("Cy", "Di"),
        ("GET /posts", "GET /users?id=3&id=4"),
    ),
    "16.5 a call for each float that is an ID": Scenario(
        BY_THIS.replace("user: Int", "user: ID"),
        AUTHORS,
        lambda asked: [{"user": 3.0}, {"user": 3}] if asked.target == "/posts" else _users(asked),
        _authors("Cy", "Cy"),
        ("GET /posts", "GET /users/3"),
    ),
    "16.5 a float in rows of groups": Scenario(
        GROUPED,
        "{ videos { comments { text } } }",
        lambda asked: (
            [{"id": 1.0}, {"id": 2}]
            if asked.target == "/posts"
            else [{"videoId": 1, "text": "a"}, {"videoId": 2.0, "text": "b"}]
        ),
        {"videos": [{"comments": [{"text": "a"}]}, {"comments": [{"text": "b"}]}]},
        ("GET /posts", "GET /comments?v=1&v=2"),
    ),
    "16.5 an Int is strict": Scenario(
        _batch("Int"),
        AUTHORS,
        _rows(POSTS[:1], [{"id": "3", "name": "Cy"}]),
        _authors(None),
        ("GET /posts", "GET /users?id=3"),
    ),
    "16.5 the exact match comes first, the last one counts": Scenario(
        _batch(),
        AUTHORS,
        _rows(
            POSTS[:1], [{"id": 3, "name": "x"}, {"id": 3, "name": "Cy"}, {"id": "3", "name": "y"}]
        ),
        _authors("Cy"),
        ("GET /posts", "GET /users?id=3"),
    ),
    "16.5 a key of both kinds": Scenario(
        _batch(),
        AUTHORS,
        _rows([{"user": 3}, {"user": "3"}], [{"id": 3, "name": "Cy"}]),
        _authors("Cy", "Cy"),
        ("GET /posts", "GET /users?id=3&id=3"),
    ),
    "16.3 chunks": Scenario(
        _batch(batch="batch: { maxSize: 2 }"),
        AUTHORS,
        _users,
        FOUR,
        ("GET /posts", "GET /users?id=3&id=1", "GET /users?id=9"),
    ),
    "16.7 a failing chunk": Scenario(
        _batch(batch="batch: { maxSize: 1 }"),
        AUTHORS,
        lambda asked: [{"user": 3}, {"user": "bad"}] if asked.target == "/posts" else _users(asked),
        _authors("Cy", None),
        ("GET /posts", "GET /users?id=3", "GET /users?id=bad"),
        (("CONNECTOR_FETCH", "posts.1.author.name"),),
    ),
    "16.7 no list": Scenario(
        _batch(),
        AUTHORS,
        _rows(POSTS[:1], {"id": 3, "name": "Cy"}),
        _authors(None),
        ("GET /posts", "GET /users?id=3"),
        (("CONNECTOR_RESPONSE_INVALID", "posts.0.author.name"),),
    ),
    "16 split by the URL's length": Scenario(
        _batch(),
        AUTHORS,
        _users,
        FOUR,
        ("GET /posts", "GET /users?id=3", "GET /users?id=1&id=9"),
        tables={"connectors": {"max_url_bytes": 22 + len("/users?id=1&id=9")}},
    ),
    "16 composite and nested keys": Scenario(
        COMPOSITE,
        "{ items { sku price } }",
        lambda asked: (
            [
                {"store": 1, "sku": "a", "at": {"code": "x"}},
                {"store": 2, "sku": "a", "at": {"code": "x"}},
            ]
            if asked.method == "GET"
            else [
                {"store": 2, "sku": "a", "at": {"code": "x"}, "price": 20},
                {"store": 1, "sku": "a", "at": {"code": "x"}, "price": 10},
            ]
        ),
        {"items": [{"sku": "a", "price": 10}, {"sku": "a", "price": 20}]},
        (
            "GET /posts",
            'POST /find [{"store":1,"sku":"a","at":{"code":"x"}},{"store":2,"sku":"a","at":{"code":"x"}}]',
        ),
    ),
    "16 groupBy": Scenario(
        GROUPED,
        "{ videos { comments(top: 2) { text } } }",
        lambda asked: (
            [{"id": 1}, {"id": 2}, {"id": 3}]
            if asked.target == "/posts"
            else [
                {"videoId": 2, "text": "a"},
                {"videoId": 1, "text": "b"},
                {"videoId": 2, "text": "c"},
            ]
        ),
        {
            "videos": [
                {"comments": [{"text": "b"}]},
                {"comments": [{"text": "a"}, {"text": "c"}]},
                {"comments": []},
            ]
        },
        ("GET /posts", "GET /comments?v=1&v=2&v=3&top=2"),
    ),
    "16 groupBy by a member that the type does not have": Scenario(
        GROUPED.replace("type Comment { videoId: Int", "type Comment {"),
        "{ videos { comments { text } } }",
        _rows([{"id": 1}, {"id": 2}], [{"videoId": 2, "text": "a"}]),
        {"videos": [{"comments": []}, {"comments": [{"text": "a"}]}]},
        ("GET /posts", "GET /comments?v=1&v=2"),
    ),
    "16 groupBy of ids that are text and numbers": Scenario(
        GROUPED.replace("{ id: Int", "{ id: ID").replace("{ videoId: Int", "{ videoId: ID"),
        "{ videos { comments { text } } }",
        _rows(
            [{"id": "1"}, {"id": "2"}, {"id": 2}, {"id": 3}, {"id": "3"}, {"id": 4}],
            [
                {"videoId": 1, "text": "a"},
                {"videoId": "1", "text": "b"},
                {"videoId": 1, "text": "c"},
                {"videoId": 2, "text": "d"},
                {"videoId": "2", "text": "e"},
                {"videoId": "3", "text": "f"},
                {"videoId": "04", "text": "g"},
            ],
        ),
        {
            "videos": [
                {"comments": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
                {"comments": [{"text": "e"}]},
                {"comments": [{"text": "d"}]},
                {"comments": [{"text": "f"}]},
                {"comments": [{"text": "f"}]},
                {"comments": []},
            ]
        },
        ("GET /posts", "GET /comments?v=1&v=2&v=2&v=3&v=3&v=4"),
    ),
    "16 groupBy from PHP": Scenario(
        GROUPED,
        "{ videos { comments { videoId text } } }",
        _rows([{"id": "1"}, {"id": "2"}], [{"videoId": "2", "text": "a"}]),
        {"videos": [{"comments": []}, {"comments": [{"videoId": 2, "text": "a"}]}]},
        ("GET /posts", "GET /comments?v%5B0%5D=1&v%5B1%5D=2"),
        tables={"sources": {"b": {"dialect": "php"}}},
    ),
    "17.4 abstract types": Scenario(
        ABSTRACT,
        "{ zoo { __typename name ... on Dog { barks } ... on Cat { lives } } }",
        {
            "/posts": [
                {"kind": "d", "name": "A", "barks": True},
                {"kind": "c", "name": "B", "lives": 9},
            ]
        },
        {
            "zoo": [
                {"__typename": "Dog", "name": "A", "barks": True},
                {"__typename": "Cat", "name": "B", "lives": 9},
            ]
        },
        ("GET /posts",),
    ),
    "equal calls of an operation happen once": Scenario(
        BY_THIS,
        "{ a: posts { id } b: posts { user } }",
        {"/posts": POSTS[:1]},
        {"a": [{"id": 1}], "b": [{"user": 3}]},
        ("GET /posts",),
    ),
}
