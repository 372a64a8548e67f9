"""Scenarios of mappings whose value is a custom scalar: what is absent stays absent, to clients and to backends."""

from __future__ import annotations

from typing import Any

from tests.connectors.scenario import SOURCE, Scenario
from tests.support.backend import Answer


def _json(
    selection: str,
    answer: Any,
    data: Any,
    *,
    kind: str = "JSON",
    arguments: str = "",
    asked: str = "j",
    more: str = "",
    **settings: Any,
) -> Scenario:
    """A field whose type is a custom scalar, or holds one."""
    return Scenario(
        SOURCE
        + f"""scalar JSON type Query {{ j{arguments}: {kind}
            @connect(source: "b", http: {{ GET: "/j" }}, selection: \"\"\"{selection}\"\"\") }} {more}""",
        f"{{ {asked} }}",
        {"/j": answer},
        {"j": data},
        ("GET /j",),
        **settings,
    )


def _deep(levels: int) -> Answer:
    """Objects in objects, beside a flat one."""
    nested = '{"a":' * levels + "1" + "}" * levels
    body = f'[{{"id": 1, "j": {nested}}}, {{"id": 2, "j": 2}}]'
    return Answer(body.encode(), 200, (("content-type", "application/json"),))


DEEP = """scalar JSON type Query { ws: [W] @connect(source: "b", http: { GET: "/ws" }, selection: "id j") }
    type W { id: ID j: JSON e: Int"""
REFUSED = (("INVALID_REQUEST_VALUE", "ws.0.e"),)
ROWS = {"rows": [{"p": 1, "q": 2}, {"p": 5}]}
PHP: dict[str, Any] = {"tables": {"sources": {"b": {"dialect": "php"}}}}
ITEMS = {
    "items": [
        {"__typename": "A", "v": {"x": 1}},
        {"__typename": "B", "v": {"x": 2}},
        {"__typename": "B", "v": {"y": 3}},
    ]
}

SCALARS: dict[str, Scenario] = {
    "a list of custom scalars": _json(
        "$.rows { p q }", ROWS, [{"p": 1, "q": 2}, {"p": 5}], kind="[JSON]"
    ),
    "a list in one custom scalar": _json("$.rows { p q }", ROWS, [{"p": 1, "q": 2}, {"p": 5}]),
    "a custom scalar by the PHP dialect": _json(
        "$.rows { p q }", ROWS, [{"p": 1, "q": 2}, {"p": 5}], **PHP
    ),
    "a literal object in a custom scalar": _json(
        "$({ a: missing.x, b: [missing.y, 1] })", {"z": 1}, {"b": [None, 1]}
    ),
    "rows that a method makes": _json(
        "$.l->map({ n: @.n, k: $.b })", {"l": [{"n": 1}, {}]}, [{"n": 1}, {}]
    ),
    "fields at the top of a custom scalar": _json("zz? b", {"b": 2}, {"b": 2}),
    "an inlined path in a custom scalar": _json("b $.e { q }", {"b": 2, "e": {"r": 1}}, {"b": 2}),
    "a null that the backend has": _json("a b", {"a": None}, {"a": None}),
    "an argument in a custom scalar": _json(
        "$args.i { a b }", {}, {"a": 1}, arguments="(i: JSON)", asked="j(i: { a: 1 })"
    ),
    "a custom scalar of an object": _json(
        "o { k zz } n",
        {"o": {"k": 1}},
        {"o": {"k": 1}, "n": None},
        kind="T",
        asked="j { o n }",
        more="type T { o: JSON n: Int }",
    ),
    "a custom scalar in an object in a list": _json(
        "$.l { i { o { k zz: { z: zz } } s } }",
        {"l": [{"i": {"o": {"k": 1}}}, {"i": {"o": {"zz": 2}}}, {}]},
        [
            {"i": {"o": {"k": 1, "zz": {}}, "s": None}},
            {"i": {"o": {"zz": {"z": 2}}, "s": None}},
            {"i": None},
        ],
        kind="[T]",
        asked="j { i { o s } }",
        more="type T { i: I } type I { o: JSON s: String }",
    ),
    "a scalar in one type of a union, an object in another": _json(
        "$.items { __typename v { x y } }",
        ITEMS,
        [{"v": {"x": 1}}, {"w": {"x": 2, "y": None}}, {"w": {"x": None, "y": 3}}],
        kind="[U]",
        asked="j { ... on A { v } ... on B { w: v { x y } } }",
        more="union U = A | B type A { v: JSON } type B { v: O } type O { x: Int y: Int }",
    ),
    "what is absent below a custom scalar is not sent on": Scenario(
        SOURCE
        + """scalar JSON type Query { w: W @connect(source: "b", http: { GET: "/w" }, selection: "j { k zz }") }
        type W { j: JSON e: Int @connect(source: "b", http: { POST: "/e", body: "j: $this.j" }, selection: "$.n") }""",
        "{ w { e } }",
        {"/w": {"j": {"k": 1}}, "/e": {"n": 3}},
        {"w": {"e": 3}},
        ("GET /w", 'POST /e {"j":{"k":1}}'),
    ),
    "a body that nests deeper than can be written": Scenario(
        f"""{SOURCE}{DEEP} @connect(source: "b", http: {{ POST: "/e", body: "j: $this.j" }}, selection: "$.n") }}""",
        "{ ws { e } }",
        {"/ws": _deep(300), "/e": {"n": 1}},
        {"ws": [{"e": None}, {"e": 1}]},
        ("GET /ws", 'POST /e {"j":2}'),
        REFUSED,
    ),
    "a body that nests deeper than can be read of its object": Scenario(
        f"""{SOURCE}{DEEP} @connect(source: "b", http: {{ POST: "/e", body: "j: $this.j" }}, selection: "$.n") }}""",
        "{ ws { e } }",
        {"/ws": _deep(1000), "/e": {"n": 1}},
        {"ws": [{"e": None}, {"e": 1}]},
        ("GET /ws", 'POST /e {"j":2}'),
        REFUSED,
    ),
    "a batch of which one key nests deeper than can be read": Scenario(
        f"""{SOURCE}{DEEP} @connect(source: "b", http: {{ POST: "/e", body: "$batch {{ j }}" }},
            batch: {{ groupBy: "j" }}, selection: "$.rows {{ j n }}") {{ n: Int }} }}""".replace(
            "e: Int", "e: [E]"
        ).replace("{ n: Int } }", "} type E { j: JSON n: Int }"),
        "{ ws { e { n } } }",
        {"/ws": _deep(1000), "/e": {"rows": [{"j": 2, "n": 3}]}},
        {"ws": [{"e": None}, {"e": [{"n": 3}]}]},
        ("GET /ws", 'POST /e [{"j":2}]'),
        REFUSED,
    ),
    "nor in the body of a batch": Scenario(
        SOURCE
        + """scalar JSON type Query { ws: [W] @connect(source: "b", http: { GET: "/ws" }, selection: "j { k zz }") }
        type W @connect(source: "b", http: { POST: "/e", body: "$batch { j }" }, selection: "j { k zz } e") {
            j: JSON e: Int }""",
        "{ ws { e } }",
        {
            "/ws": [{"j": {"k": 1}}, {"j": {"k": 2, "zz": None}}],
            "/e": [{"j": {"k": 2, "zz": None}, "e": 5}, {"j": {"k": 1}, "e": 4}],
        },
        {"ws": [{"e": 4}, {"e": 5}]},
        ("GET /ws", 'POST /e [{"j":{"k":1}},{"j":{"k":2,"zz":null}}]'),
    ),
}
