"""Literals, operators and the pitfalls that real schemas fall into: sections 7 and 19."""

from __future__ import annotations

import pytest

from tests.connectors.mapping.table import BEFORE, NEW, OLD, Case, check, params

LITERALS = [
    Case("$({ a: $.missing.x, b: [$.missing.y, 1] })", {}, {"b": [None, 1]}, 2),
    Case("$({ a: missing.x, b: [missing.y, 1] })", {}, {"b": [None, 1]}, 2),
    Case("$({ a: 1, a: 2 })", {}, {"a": 2}),
    Case("$({ a: 1, a: $.m })", {}, {"a": 1}, 1),
    Case("$({ 'a b': 1 })", {}, {"a b": 1}),
    Case("$([1, 1.0, true, null, 'x'])", {}, [1, 1.0, True, None, "x"]),
    Case("$([])", {}, []),
    Case("$({})", {}, {}),
    Case("$([[1], { a: [2] }])", {}, [[1], {"a": [2]}]),
    Case("$('abc'->slice(1))", {}, "bc"),
    Case("$('abc')->slice(1)", {}, "bc"),
    Case("$({ a: 1 }.a)", {}, 1),
    Case("$([1, 2]->last)", {}, 2),
    Case("$([{ a: 1 }, { a: 2 }].a)", {}, [1, 2]),
    Case("$([{ a: 1, b: 2 }] { a })", {}, [{"a": 1}]),
    Case("$({ a: { b: 1, c: 2 } }.a { b })", {}, {"b": 1}),
    Case("$('s'.a)", {}, ..., ["Property .a not found in string (at a)"]),
    Case("$('true')", {}, "true"),
    Case("$(true)", {"true": 5}, True),
    Case("$($.true)", {"true": 5}, 5),
    Case("$($.'a b')", {"a b": 5}, 5),
    Case("$('a b')", {"a b": 5}, "a b"),
    Case("$($.a)", {"a": 1}, 1),
    Case("$(a)", {"a": 1}, 1, specs=NEW),
    Case("$(a { b })", {"a": {"b": 1, "c": 2}}, {"b": 1}, specs=NEW),
    Case("$($(1))", {}, 1),
    Case("$($.l.k)->first", {"l": [{"k": 1}, {"k": 2}]}, 1),
    Case("x: $(-1.5)", {}, {"x": -1.5}),
    Case("x: $(-0)", {}, {"x": 0}),
]

OPERATORS = [
    Case("$(n ?? 'd')", {"n": None}, "d"),
    Case("$(n ?! 'd')", {"n": None}, None),
    Case("$(n ?? 'd')", {}, "d"),
    Case("$(n ?! 'd')", {}, "d"),
    Case("$(n ?? null)", {}, None),
    Case("$(n ?? m)", {}, ..., 2),
    Case("$(n ?! m)", {}, ..., 2),
    Case("$(n ?? m)", {"n": None}, ..., 1),
    Case("$(n ?? m)", {"m": None}, None),
    Case("$(n ?? 'd')", {"n": 0}, 0),
    Case("$(n ?? 'd')", {"n": False}, False),
    Case("$(n ?? 'd')", {"n": ""}, ""),
    Case("$(n ?? 'd')", {"n": []}, []),
    Case("$(a ?? b ?? c)", {"c": 3}, 3),
    Case("$(a ?? b ?? c)", {"b": 2, "c": 3}, 2),
    Case("$(a ?! b ?! c)", {"b": None, "c": 3}, None),
    Case("$(a ?? $(b ?! c))", {"a": None, "b": None, "c": 3}, None),
    Case("$($(a ?! b) ?? c)", {"a": None, "c": 3}, 3),
    Case("$(a.b ?? c)", {"c": 3}, 3),
    Case("$(a->nope ?? 1)", {"a": 3}, 1),
    Case("$(m ?? [n, 1])", {}, [None, 1], ["Property .n not found in object (at n)"]),
    Case("$([m, 1] ?? 2)", {}, [None, 1], 1),
    Case("$({ x: a ?? 'd', y: b ?! 'e' })", {"a": None, "b": None}, {"x": "d", "y": None}),
    Case("x: l->map(@.n ?? 'd')", {"l": [{"n": 1}, {"n": None}, {}]}, {"x": [1, "d", "d"]}),
    Case("x: $(a ?? b) y: c", {"c": 1}, {"y": 1}, 2),
    Case("$(a? ?? 1)", {}, 1),
    Case("$(a? ?! 1)", {"a": None}, 1),
    Case("x: $args.n->echo(@ ?? 5)", {}, {"x": 5}, 0, {"args": {"n": None}}),
    Case("$(a { b } ?? 1)", {}, 1),
]

PITFALLS = [
    Case("author", {"author": "x"}, {"author": "x"}),
    Case("$.author", {"author": "x"}, "x"),
    Case("nested.path", {"nested": {"path": 1}}, 1),
    Case("nested.path { a }", {"nested": {"path": {"a": 1}}}, {"a": 1}),
    Case("id nested.path { a }", {"id": 1, "nested": {"path": {"a": 2}}}, {"id": 1, "a": 2}),
    Case("s: k->match(['a', $.x], [@, $.y])", {"k": "a", "x": 1, "y": 2}, {"s": 1}, specs=OLD),
    Case("s: k->match(['a', x], [@, y])", {"k": "b", "x": 1, "y": 2}, {"s": 2}, specs=NEW),
    Case("x: 'title'", {"title": "t"}, {"x": "t"}, specs=BEFORE),
    Case("x: a?.b.c", {}, {}, specs=NEW),
    Case("x: a?.b.c", {"a": {}}, {}, 1, specs=NEW),
    Case("$->first", [], ...),
    Case("$->first", 5, 5, 1),
    Case("$->map(@)", 5, [5]),
    Case("$.list.key->size", {"list": [{"key": "abc"}, {"key": "d"}]}, 2),
    Case("$->match([1, 'int'], [@, 'other'])", 1.0, "other"),
    Case("$->match(['1', 'string'], [@, 'other'])", 1, "other"),
    Case("$->eq(1)", 1.0, True),
    Case("$->slice(-2)", [1, 2, 3], [1, 2, 3]),
    Case("$->get(-2)", [1, 2, 3], 2),
    Case("$->first()", [1], ..., 1),
    Case("$->toString()", 1, "1"),
    Case("id $.meta { a }", {"id": 1, "meta": None}, None, 1),
    Case("text", {"text": "boom"}, {"text": "boom"}),
    Case("$.text", {"text": "boom"}, "boom"),
    Case("$status->in([200, 404])", {}, True, 0, {"status": 404}),
    Case("$.ok", {"ok": True}, True),
    Case(
        "code: error.kind retry: $response.headers.'retry-after'->first",
        {"error": {"kind": "K"}},
        {"code": "K", "retry": "5"},
        0,
        {"response": {"headers": {"retry-after": ["5"]}}},
    ),
]

CASES = LITERALS + [case._replace(specs=NEW) for case in OPERATORS] + PITFALLS


@pytest.mark.parametrize(("case", "spec"), params(CASES))
def test_expressions(case: Case, spec: str) -> None:
    check(case, spec)
