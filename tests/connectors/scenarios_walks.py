"""Scenarios of walks through lists, and of what `$this` means in each mapping."""

from __future__ import annotations

import json
from typing import Any

from tests.connectors.scenario import SOURCE, Scenario
from tests.support.backend import Answer, Asked

TAGGED = [{"id": "1", "tags": [{"k": "x"}, {"k": "y"}]}, {"id": "2", "tags": []}, {"id": "3", "tags": None}]  # fmt: skip


def _told(asked: Asked) -> Any:
    """What was asked, as an answer; `/rows` gives rows with tags."""
    if asked.target == "/rows":
        return TAGGED
    header = dict(asked.headers).get("x-k")
    return {"told": asked.line if header is None else f"{asked.line} with {header}"}


def _of_parents(http: str, told: list[str]) -> Scenario:
    """A connector that reads the tags of three rows: two, none, null."""
    return Scenario(
        sdl=SOURCE
        + f"""type Query {{ rows: [Row] @connect(source: "b", http: {{ GET: "/rows" }},
            selection: "id tags {{ k }}") }}
        type Row {{ id: ID tags: [Tag] told: String @connect(source: "b", http: {{ {http} }},
            selection: "$.told") }}
        type Tag {{ k: String }}""",
        query="{ rows { told } }",
        answers=_told,
        data={"rows": [{"told": line} for line in told]},
        asked=("GET /rows", *dict.fromkeys(line.removesuffix(" with y") for line in told)),
    )


def _ordered(query: str, *, is_labelled: bool = True) -> Scenario:
    """A list of objects, and a path through it to leaves of them, in an order."""
    row = {"id": 1, "labels": [{"id": 7, "name": "a"}, {"id": 8, "name": "b"}] if is_labelled else None}  # fmt: skip
    labels = [{"name": "a"}, {"name": "b"}] if is_labelled else None
    return Scenario(
        sdl=SOURCE
        + """type Query { issues: [Issue] @connect(source: "b", http: { GET: "/issues" },
            selection: "id labels { id name } labelNames: labels.name") }
        type Issue { id: ID labels: [Label] labelNames: [String] } type Label { id: ID name: String }""",
        query=query,
        answers={"/issues": [row]},
        data={"issues": [{"labels": labels, "labelNames": ["a", "b"] if is_labelled else None}]},
        asked=("GET /issues",),
    )


def _find_parts(asked: Asked) -> Any:
    if asked.target == "/sets":
        return [{"id": 1, "parts": [{"code": "a"}, {"code": "b"}]}, {"id": 2, "parts": []}]
    keys = json.loads(asked.body)
    return [{**key, "price": 10 + number} for number, key in enumerate(reversed(keys))]


def _this(selection: str, extra: str, answer: Any, data: Any, *errors: Any) -> Scenario:
    """`$this` behind the request, which itself reads nothing but the id."""
    return Scenario(
        sdl=SOURCE
        + f"""type Query {{ user: User @connect(source: "b", http: {{ GET: "/user" }},
            selection: "id name address {{ city zip }}") }}
        type User {{ id: ID name: String address: Address
          card: Card @connect(source: "b", http: {{ GET: "/card?u={{$this.id}}" }},
            selection: "{selection}" {extra}) }}
        type Address {{ city: String zip: String }}
        type Card {{ title: String of: String city: String }}""",
        query="{ user { card { title of city } } }",
        answers={
            "/user": {"id": 5, "name": "Ann", "address": {"city": "Rome", "zip": "1"}},
            "/card?u=5": answer,
        },
        data={"user": {"card": data}},
        asked=("GET /user", "GET /card?u=5"),
        errors=errors,
    )


WALKS: dict[str, Scenario] = {
    "4.1 what is absent below a scalar is absent": Scenario(
        sdl=SOURCE
        + """scalar JSON
        type Query { w: W @connect(source: "b", http: { GET: "/w" }, selection: """
        + '"""j: o { k zz } a: $({ a: missing.x, b: [missing.y, 1] }) m: l->map({ n: @.n, k: @.k }) t { x y { z } } u { a { k zz } }"""'
        + """)
          rows: [JSON] @connect(source: "b", http: { GET: "/rows" }, selection: "$.rows { p q }")
          one: JSON @connect(source: "b", http: { GET: "/rows" }, selection: "b zz? rows { r p }") }
        interface U { a: JSON }
        type V implements U { a: JSON }
        type T { x: Int y: T2 } type T2 { z: Int }
        type W { j: JSON a: JSON m: [JSON] t: T u: V
          e: E @connect(source: "b", http: { POST: "/e", body: "j: $this.j" }, selection: "ok") } type E { ok: Boolean }""",
        query="{ w { j a m t { x y { z } } u { a } e { ok } } rows one }",
        answers={
            "/w": {"o": {"k": 1}, "l": [{"n": 1}, {"k": 2}], "t": {}, "u": {"a": {"k": 3}}},
            "/rows": {"rows": [{"p": 1, "q": 2}, {"p": 5}], "b": 2},
            "/e": {},
        },
        data={
            "w": {
                "j": {"k": 1},
                "a": {"b": [None, 1]},
                "m": [{"n": 1}, {"k": 2}],
                "t": {"x": None, "y": None},
                "u": {"a": {"k": 3}},
                "e": {"ok": None},
            },
            "rows": [{"p": 1, "q": 2}, {"p": 5}],
            "one": {"b": 2, "rows": [{"p": 1}, {"p": 5}]},
        },
        asked=("GET /rows", "GET /w", 'POST /e {"j":{"k":1}}'),
    ),
    "objects, then a path through them": _ordered("{ issues { labels { name } labelNames } }"),
    "a path through objects, then them": _ordered(
        "{ issues { labelNames labels { name } } }"
    ),
    "both of null": _ordered("{ issues { labels { name } labelNames } }", is_labelled=False),
    "$this through a list, in queryParams": _of_parents(
        'GET: "/t", queryParams: "i: $this.id k: $this.tags.k"',
        ["GET /t?i=1&k=x&k=y", "GET /t?i=2", "GET /t?i=3"],
    ),
    "$this through a list tells parents apart": _of_parents(
        'GET: "/t", queryParams: "k: $this.tags.k"',
        ["GET /t?k=x&k=y", "GET /t", "GET /t"],
    ),
    "$this through a list, in a body": _of_parents(
        'POST: "/t", body: "tags: $this.tags { k }"',
        ['POST /t {"tags":[{"k":"x"},{"k":"y"}]}', 'POST /t {"tags":[]}', 'POST /t {"tags":null}'],
    ),
    "$this through a list, as it stands in a body": _of_parents(
        'POST: "/t", body: "tags: $this.tags"',
        ['POST /t {"tags":[{"k":"x"},{"k":"y"}]}', 'POST /t {"tags":[]}', 'POST /t {"tags":null}'],
    ),
    "$this through a list, in a URL": _of_parents(
        'GET: "/t/{$this.id}/{$this.tags.k->joinNotNull(\'-\')}"',
        ["GET /t/1/x-y", "GET /t/2/", "GET /t/3/"],
    ),
    "$this through a list, in a path": _of_parents(
        'GET: "/t", path: "$this.tags.k" queryParams: "i: $this.id"',
        ["GET /t/x/y?i=1", "GET /t?i=2", "GET /t?i=3"],
    ),
    "$this through a list, in a header": _of_parents(
        'GET: "/t/{$this.id}", headers: [{ name: "x-k", value: "{$this.tags->last.k}" }]',
        ["GET /t/1 with y", "GET /t/2", "GET /t/3"],
    ),
    "$batch through a list": Scenario(
        sdl=SOURCE
        + """type Query { sets: [Set] @connect(source: "b", http: { GET: "/sets" },
            selection: "id parts { code }") }
        type Set @connect(source: "b", http: { POST: "/find", body: "$batch { parts { code } }" },
            selection: "parts { code } price") { id: ID parts: [Part] price: Int }
        type Part { code: String }""",
        query="{ sets { id price } }",
        answers=_find_parts,
        data={"sets": [{"id": "1", "price": 11}, {"id": "2", "price": 10}]},
        asked=(
            "GET /sets",
            'POST /find [{"parts":[{"code":"a"},{"code":"b"}]},{"parts":[]}]',
        ),
    ),
    "groupBy through a list": Scenario(
        sdl=SOURCE
        + """type Query { sets: [Set] @connect(source: "b", http: { GET: "/sets" }, selection: "parts { code }") }
        type Set { parts: [Part] offers: [Offer] @connect(source: "b",
          http: { POST: "/find", body: "$batch { parts { code } }" }, batch: { groupBy: "parts" },
          selection: "parts { code } price") }
        type Part { code: String } type Offer { parts: [Part] price: Int }""",
        query="{ sets { offers { price } } }",
        answers={
            "/sets": [{"parts": [{"code": "a"}]}, {"parts": []}, {"parts": None}],
            "/find": [{"parts": [], "price": 3}, {"parts": [{"code": "a"}], "price": 1},
                      {"parts": [{"code": "a"}], "price": 2}],
        },
        data={"sets": [
            {"offers": [{"price": 1}, {"price": 2}]}, {"offers": [{"price": 3}]}, {"offers": []},
        ]},
        asked=("GET /sets", 'POST /find [{"parts":[{"code":"a"}]},{"parts":[]}]'),
    ),
    "$this through lists in lists": Scenario(
        sdl=SOURCE
        + """type Query { row: Row @connect(source: "b", http: { GET: "/row" }, selection: "id grid { k }") }
        type Row { grid: [[Tag]] id: ID told: String @connect(source: "b",
          http: { POST: "/t", body: "g: $this.grid { k } k: $this.grid.k" }, selection: "$.told") }
        type Tag { k: String }""",
        query="{ row { told } }",
        answers=lambda asked: {"told": asked.line} if asked.body else
            {"id": 1, "grid": [[{"k": "a"}, None], [], None]},
        data={"row": {"told": (told := 'POST /t {"g":[[{"k":"a"},null],[],null],"k":[["a",null],[],null]}')}},
        asked=("GET /row", told),
    ),
    "$this through a list that a connector gives": Scenario(
        sdl=SOURCE
        + """type Query { rows: [Row] @connect(source: "b", http: { GET: "/rows" }, selection: "id") }
        type Row { id: ID tags: [Tag] @connect(source: "b", http: { GET: "/tags/{$this.id}" }, selection: "k z")
          told: String @connect(source: "b", http: { GET: "/t", queryParams: "k: $this.tags.k" }, selection: "$.told") }
        type Tag { k: String z: Int }""",
        query="{ rows { told tags { z } } }",
        answers=lambda asked: [{"id": 1}] if asked.target == "/rows" else
            [{"k": "p", "z": 1}, {"k": "q"}] if asked.target == "/tags/1" else {"told": asked.line},
        data={"rows": [{"told": "GET /t?k=p&k=q", "tags": [{"z": 1}, {"z": None}]}]},
        asked=("GET /rows", "GET /tags/1", "GET /t?k=p&k=q"),
    ),
    "$this in selection": _this(
        "title of: $this.name city: $this.address.city", "", {"title": "t"},
        {"title": "t", "of": "Ann", "city": "Rome"},
    ),
    "$this in isSuccess": _this(
        "title of city", 'isSuccess: "$this.name->eq(\'Ann\')"', {"title": "t"},
        {"title": "t", "of": None, "city": None},
    ),
    "$this in isSuccess, where it is not so": _this(
        "title of city", 'isSuccess: "$this.name->eq(\'Bob\')"', {"title": "t"}, None,
        ("CONNECTOR_FETCH", "user.card"),
    ),
    "$this in errors": _this(
        "title of city",
        'errors: { message: "$this.name" extensions: "code: $this.address.city" }',
        Answer({}, 500),
        None,
        {"message": "Ann", "locations": [{"line": 1, "column": 10}], "path": ["user", "card"],
         "extensions": {"code": "Rome", "source": "b", "http": {"status": 500}}},
    ),
    "$this in selection alone": Scenario(
        sdl=SOURCE
        + """type Query { rows: [Row] @connect(source: "b", http: { GET: "/rows" }, selection: "id tags { k }") }
        type Row { id: ID tags: [Tag]
          label: Label @connect(source: "b", http: { GET: "/label" }, selection: "text of: $this.id tags: $this.tags.k") }
        type Tag { k: String } type Label { text: String of: ID tags: [String] }""",
        query="{ rows { label { text of tags } } }",
        answers={"/rows": TAGGED, "/label": {"text": "t"}},
        data={"rows": [
            {"label": {"text": "t", "of": "1", "tags": ["x", "y"]}},
            {"label": {"text": "t", "of": "2", "tags": []}},
            {"label": {"text": "t", "of": "3", "tags": None}},
        ]},
        asked=("GET /rows", "GET /label"),
    ),
    "an entity's $this in selection and errors": Scenario(
        sdl=SOURCE
        + """type Query { users: [User] @connect(source: "b", http: { GET: "/users" }, selection: "id nick") }
        type User @connect(source: "b", http: { GET: "/users/{$this.id}" }, selection: "age tag: $this.nick",
          errors: { message: "$this.nick" }) { id: ID nick: String age: Int tag: String }""",
        query="{ users { age tag } }",
        answers={"/users": [{"id": 1, "nick": "a"}, {"id": 2, "nick": "b"}, {"id": 3}],
                 "/users/1": {"age": 30}, "/users/3": {"age": 33}},
        data={"users": [{"age": 30, "tag": "a"}, {"age": None, "tag": None}, {"age": 33, "tag": None}]},
        asked=("GET /users", "GET /users/1", "GET /users/2", "GET /users/3"),
        errors=(("CONNECTOR_FETCH", "users.1.age"), ("CONNECTOR_FETCH", "users.1.tag")),
    ),
}  # fmt: skip
