"""Values, items and paths: the data model and evaluation, sections 4 and 6 of the reference."""

from __future__ import annotations

import pytest

from tests.connectors.mapping.table import NEW, OLD, Case, check, params

ROWS = {"rows": [{"a": 1}, {}]}
LIST = {"l": [{"n": 3}, {"n": 1}]}
IDS = [{"id": 1}, {"id": 2}]

DATA_MODEL = [
    Case("$.rows.a", ROWS, [1, None], ["Property .a not found in object (at rows.1.a)"]),
    Case("x: rows.a", ROWS, {"x": [1, None]}, 1),
    Case("missing", ROWS, {}, ["Property .missing not found in object (at missing)"]),
    Case("$.missing", ROWS, ..., ["Property .missing not found in object (at missing)"]),
    Case("a b", {"a": None}, {"a": None}, 1),
    Case("b a", {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    Case("z: a y: a", {"a": 1}, {"z": 1, "y": 1}),
    # Equal problems count once; another place in the text or in the data is another problem.
    Case("x: $->echo([$.m, $.m])", {}, {"x": [None, None]}, 2),
    Case("x: l->map($.m)", {"l": [1, 2]}, {"x": [None, None]}, 1, specs=NEW),
    Case("x: l->map(@.m)", {"l": [{}, {}]}, {"x": [None, None]}, 2, specs=NEW),
    Case("x: l->map($.m)", {"l": [1, 2]}, {"x": [None, None]}, 1, specs=OLD),
    Case("a b c", {"c": 1}, {"c": 1}, 2),
    Case("n: a", {"a": 1.0}, {"n": 1.0}),
    Case("n: a", {"a": 10**20}, {"n": 10**20}),
    Case("n: a", {"a": "é\u0000"}, {"n": "é\u0000"}),
]

STARTS = [
    Case("$", {"a": 1}, {"a": 1}),
    Case("@", {"a": 1}, {"a": 1}),
    Case("$.a.x", {"a": {"x": 1}}, 1),
    Case("@.a", {"a": 1}, 1),
    Case("a { k: $ }", {"a": {"x": 1}}, {"a": {"k": {"x": 1}}}),
    Case("a { k: @ }", {"a": {"x": 1}}, {"a": {"k": {"x": 1}}}),
    Case("a { k: $.x }", {"a": {"x": 1}, "x": 2}, {"a": {"k": 1}}),
    Case("$.a->echo([@.x, $.b])", {"a": {"x": 1}, "b": 2}, [1, 2]),
    Case("$.a->echo([@.x, b])", {"a": {"x": 1}, "b": 2}, [1, 2], specs=NEW),
    Case("a { b: $.l->map($.k) }", {"a": {"l": [1], "k": 2}, "k": 3}, {"a": {"b": [2]}}),
    Case("$args.x", None, 1, variables={"args": {"x": 1}}),
    Case("$args", None, {"x": 1}, variables={"args": {"x": 1}}),
    Case("$args { x }", None, {"x": 1}, variables={"args": {"x": 1, "y": 2}}),
    Case("x: $args.x", {}, {"x": None}, variables={"args": {"x": None}}),
    Case("x: $args.x", {}, {}, ["Property .x not found in object (at $args.x)"], {"args": {}}),
    Case("x: $nope.y", {}, {}, ["Variable $nope not found (at $nope)"]),
    Case("$nope", {}, ..., ["Variable $nope not found (at $nope)"]),
    Case("h: $request.headers.'x-id'->first", {}, {"h": "1"}, 0, {"request": {"headers": {"x-id": ["1"]}}}),
    Case("s: $status", {}, {"s": 200}, 0, {"status": 200}),
    Case("$batch.id", {}, [1, 2], 0, {"batch": [{"id": 1}, {"id": 2}]}),
    Case("$batch { i: id }", {}, [{"i": 1}, {"i": 2}], 0, {"batch": [{"id": 1}, {"id": 2}]}),
    Case("x: $(1)", {}, {"x": 1}),
    Case("$('a')", {}, "a"),
    Case("$(null)", {}, None),
    Case("$({ a: $.b }).a", {"b": 1}, 1),
    Case("x: $(@.a)", {"a": 1}, {"x": 1}),
]

KEYS = [
    Case("$.a", {"a": 5}, 5),
    Case("$.a.b.c", {"a": {"b": {"c": 1}}}, 1),
    Case("$.a.b.c", {"a": {"b": {}}}, ..., ["Property .c not found in object (at a.b.c)"]),
    Case("$.a.b.c", {"a": {}}, ..., ["Property .b not found in object (at a.b)"]),
    Case("$.a.b", {"a": None}, ..., ["Property .b not found in null (at a.b)"]),
    Case("$.a.b", {"a": 5}, ..., ["Property .b not found in number (at a.b)"]),
    Case("$.a.b", {"a": 1.5}, ..., ["Property .b not found in number (at a.b)"]),
    Case("$.a.b", {"a": "s"}, ..., ["Property .b not found in string (at a.b)"]),
    Case("$.a.b", {"a": True}, ..., ["Property .b not found in boolean (at a.b)"]),
    Case("$.'odd key'", {"odd key": 1}, 1),
    Case("$.'odd key'", {}, ..., ['Property ."odd key" not found in object (at odd key)']),
    Case("'odd key' { k: v }", {"odd key": {"v": 1}}, {"odd key": {"k": 1}}),
    Case("x: true", {"true": 1}, {"x": 1}),
    Case("x: 'a b'", {"a b": 1}, {"x": 1}),
    Case("class None from __debug__", {"class": 1, "None": 2, "from": 3, "__debug__": 4}, {"class": 1, "None": 2, "from": 3, "__debug__": 4}),
    Case("get keys items", {"get": 1, "keys": 2, "items": 3}, {"get": 1, "keys": 2, "items": 3}),
    Case("$.l.n", LIST, [3, 1]),
    Case("$.l.n->first", LIST, 3),
    Case("$.l.n->map(@)", LIST, [3, 1]),
    Case("$.g.x", {"g": [[{"x": 1}], []]}, [[1], []]),
    Case("$.g.x.y", {"g": [[{"x": {"y": 1}}], [{"x": [{"y": 2}]}]]}, [[1], [[2]]]),
    Case("$.l.n", {"l": [5, None, "s", {"n": 1}]}, [None, None, None, 1], [
        "Property .n not found in number (at l.0.n)",
        "Property .n not found in null (at l.1.n)",
        "Property .n not found in string (at l.2.n)",
    ]),
    Case("$.l.n", {"l": []}, []),
    Case("$.l.n.m", {"l": [{}]}, [None], 2),
    Case("$.l.n.m", {"l": [{"n": {"m": 1}}, {"n": 2}]}, [1, None], ["Property .m not found in number (at l.n.1.m)"]),
    Case("$.a.b->first->size", {"a": {}}, ..., 1),
]

QUESTION = [
    Case("x: u?.name", {"u": None}, {}, specs=NEW),
    Case("x: u.name", {"u": None}, {}, 1, specs=NEW),
    Case("x: u?.name", {}, {}, specs=NEW),
    Case("x: u?.name", {"u": {}}, {}, 1, specs=NEW),
    Case("x: u?.name", {"u": 5}, {}, 1, specs=NEW),
    Case("x: u?.name", {"u": {"name": 1}}, {"x": 1}, specs=NEW),
    Case("x: u.name?", {"u": {}}, {}, specs=NEW),
    Case("x: u.name?", {"u": 5}, {}, 1, specs=NEW),
    Case("x: u.name?", {}, {}, 1, specs=NEW),
    Case("x: u?.name?", {"u": {"name": None}}, {}, specs=NEW),
    Case("n: x?", {}, {}, specs=NEW),
    Case("x?", {}, {}, specs=NEW),
    Case("x?", {"x": None}, {}, specs=NEW),
    Case("x?", {"x": 0}, {"x": 0}, specs=NEW),
    Case("x? { y }", {"x": {"y": 1}}, {"x": {"y": 1}}, specs=NEW),
    Case("x? { y }", {"x": None}, {}, specs=NEW),
    Case("x? { y }", {}, {}, specs=NEW),
    Case("$.l.n?", {"l": [{}, {"n": 1}]}, [None, 1], 1, specs=NEW),
    Case("$.l.n?", {"l": [{"n": None}]}, [None], specs=NEW),
    Case("x: l->first?", {"l": [None]}, {}, specs=NEW),
    Case("x: l->first?.a", {"l": [None]}, {}, specs=NEW),
    Case("$?.a", None, ..., specs=NEW),
    Case("$?.a", {"a": 1}, 1, specs=NEW),
    Case("x: $args.y?", {}, {}, 0, {"args": {}}, NEW),
    Case("x: $nope?", {}, {}, 1, specs=NEW),
    Case("x: a?->size", {"a": False}, {}, 1, specs=NEW),
]

BRACES = [
    Case("l { n }", LIST, {"l": [{"n": 3}, {"n": 1}]}),
    Case("l { m: n }", {"l": [[{"n": 1}], [], {"n": 2}]}, {"l": [[{"m": 1}], [], {"m": 2}]}),
    Case("l { n }", {"l": []}, {"l": []}),
    Case("l { n }", {"l": [{}, None, 5, {"n": 1}]}, {"l": [{}, None, 5, {"n": 1}]}, 3),
    Case("l { n m }", {"l": [{"n": 1}, {"m": 2}]}, {"l": [{"n": 1}, {"m": 2}]}, 2),
    Case("a { b }", {"a": None}, {"a": None}, 1),
    Case("a { b }", {"a": 5}, {"a": 5}, 1),
    Case("a { b }", {"a": "s"}, {"a": "s"}, 1),
    Case("a { k: $ }", {"a": 5}, {"a": {"k": 5}}),
    Case("a { k: $ }", {"a": None}, {"a": {"k": None}}),
    Case("a { k: $ }", {"a": [1, [2]]}, {"a": [{"k": 1}, [{"k": 2}]]}),
    Case("a { k: $args.x b }", {"a": 5}, {"a": {"k": 1}}, 1, {"args": {"x": 1}}),
    Case("a { k: $args.x b }", {"a": [5, {"b": 2}]}, {"a": [{"k": 1}, {"k": 1, "b": 2}]}, 1, {"args": {"x": 1}}),
    Case("a { b }", {}, {}, 1),
    Case("a { }", {"a": {"x": 1}}, {"a": {}}),
    Case("a { }", {"a": 5}, {"a": 5}),
    Case("a { b { c } }", {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}),
    Case("x: a.b { c }", {"a": {"b": {"c": 1}}}, {"x": {"c": 1}}),
    Case("x: a.b { c }", {"a": [{"b": {"c": 1}}, {}]}, {"x": [{"c": 1}, None]}, 2),
    Case("x: a->first { c }", {"a": [{"c": 1, "d": 2}]}, {"x": {"c": 1}}),
    Case("x: $args.a { c }", {}, {"x": {"c": 1}}, 0, {"args": {"a": {"c": 1, "d": 2}}}),
    Case("a { b: $.c }", {"a": {"c": 1}, "c": 2}, {"a": {"b": 1}}),
    Case("u { $.n }", {"u": {"n": {"a": 1}}}, {"u": {"a": 1}}, specs=NEW),
    Case("u { $.n }", {"u": {"n": 5}}, {"u": 5}, ["Lossy merge replacing object with number (at u)"], specs=NEW),
    Case("u { $.n }", {"u": {"n": [1]}}, {"u": [1]}, 1, specs=NEW),
    Case("u { $.n }", {"u": {}}, {"u": {}}, 1, specs=NEW),
    Case("u { $.n }", {"u": [{"n": {"a": 1}}, {"n": {}}]}, {"u": [{"a": 1}, {}]}, specs=NEW),
]

ITEMS = [
    Case("id name: title", {"id": 1, "title": "t"}, {"id": 1, "name": "t"}),
    Case("g: { a b }", {"a": 1, "b": 2}, {"g": {"a": 1, "b": 2}}),
    Case("g: { h: { a } } b", {"a": 1, "b": 2}, {"g": {"h": {"a": 1}}, "b": 2}),
    Case("g: { a }", {}, {"g": {}}, 1),
    Case("a { g: { b } }", {"a": {"b": 1}}, {"a": {"g": {"b": 1}}}),
    Case("g: { a }", 5, {"g": 5}, 1),
    Case("author: { id: user_id } id", [{"id": 1, "user_id": 2}], [{"author": {"id": 2}, "id": 1}]),
    Case("id $.m { a b }", {"id": 1, "m": {"a": 1, "b": 2}}, {"id": 1, "a": 1, "b": 2}),
    Case("$.m { a } id", {"id": 1, "m": {"a": 1}}, {"a": 1, "id": 1}),
    Case("$.m { a } $.n { b }", {"m": {"a": 1}, "n": {"b": 2}}, {"a": 1, "b": 2}),
    Case("id m.n { a }", {"id": 1, "m": {"n": {"a": 1}}}, {"id": 1, "a": 1}),
    Case("id $.m { a }", {"id": 1, "m": {}}, {"id": 1}, 1),
    Case("id $.m { a }", {"id": 1, "m": None}, None, 1),
    Case("$.m { a } id", {"id": 1, "m": None}, None, 1),
    Case("id $.m { a }", {"id": 1, "m": [{"a": 1}]}, {"id": 1}, ["Expected object or null, not array"]),
    Case("id $.m { a }", {"id": 1, "m": 5}, {"id": 1}, 2),
    Case("id $.m { a }", {"id": 1}, {"id": 1}, [
        "Property .m not found in object (at m)", "Inlined path produced no value",
    ]),
    Case("x { id $.m { a } }", {"x": {"id": 1, "m": None}}, {"x": None}, 1),
    Case("x { id $.m { a } }", {"x": [{"id": 1, "m": None}, {"id": 2, "m": {"a": 3}}]}, {"x": [None, {"id": 2, "a": 3}]}, 1),
    Case("id $args.o { a }", {"id": 1}, {"id": 1, "a": 2}, 0, {"args": {"o": {"a": 2}}}),
    Case("id l->first { a }", {"id": 1, "l": [{"a": 2}]}, {"id": 1, "a": 2}),
    Case("id l->first { a }", {"id": 1, "l": []}, {"id": 1}, 1),
]

MERGING = [
    Case("a: x { p } a: y { q }", {"x": {"p": 1}, "y": {"q": 2}}, {"a": {"p": 1, "q": 2}}),
    Case("a: x { p } a: y { p: q }", {"x": {"p": 1}, "y": {"q": 2}}, {"a": {"p": 2}}),
    Case("a: x a: y", {"x": 1, "y": 2}, {"a": 2}),
    Case("a: x a: y", {"x": 1, "y": "s"}, {"a": "s"}, ["Lossy merge replacing number with string"]),
    Case("a: x a: y", {"x": 1, "y": 1.5}, {"a": 1.5}),
    Case("a: x a: y", {"x": None, "y": 1}, {"a": None}),
    Case("a: x a: y", {"x": 1, "y": None}, {"a": None}),
    Case("a: x a: y", {"x": 1}, {"a": 1}, 1),
    Case("a: x a: y", {"x": [1, 2], "y": [3]}, {"a": [3, 2]}),
    Case("a: x a: y", {"x": [1], "y": [3, 4]}, {"a": [3, 4]}),
    Case("a: x a: y", {"x": [{"p": 1}], "y": [{"q": 2}]}, {"a": [{"p": 1, "q": 2}]}),
    Case("a: x a: y", {"x": {"p": 1}, "y": [1]}, {"a": [1]}, 1),
    Case("id $.m { id }", {"id": 1, "m": {"id": 2}}, {"id": 2}),
    Case("id $.m { id }", {"id": 1, "m": {"id": "2"}}, {"id": "2"}, 1),
    Case("o { a } $.m { o { b } }", {"o": {"a": 1}, "m": {"o": {"b": 2}}}, {"o": {"a": 1, "b": 2}}),
    Case("b: x a b: y", {"x": 1, "a": 2, "y": 3}, {"b": 3, "a": 2}),
]

WHOLE = [
    Case("id", IDS, [{"id": 1}, {"id": 2}]),
    Case("$.id", IDS, [1, 2]),
    Case("k: $", IDS, [{"k": {"id": 1}}, {"k": {"id": 2}}]),
    Case("$args.x", IDS, 7, 0, {"args": {"x": 7}}),
    Case("$ { id }", IDS, [{"id": 1}, {"id": 2}]),
    Case("id", [[{"id": 1}], []], [[{"id": 1}], []]),
    Case("id n", [{"id": 1}, {"n": 2}, None], [{"id": 1}, {"n": 2}, None], 4),
    Case("id", None, None, 1),
    Case("id", 5, 5, 1),
    Case("id", "s", "s", 1),
    Case("k: $", 5, {"k": 5}),
    Case("k: $", None, {"k": None}),
    Case("", {"a": 1}, {}),
    Case("", [1, {}], [1, {}]),
    Case("a.b { c }", {"a": {"b": [{"c": 1}]}}, [{"c": 1}]),
    Case("$.m { a }", {"m": 5}, 5, 1),
    Case("$.m { a }", {"m": None}, None, 1),
    Case("$.m { a }", {}, ..., 1),
    Case("a { b }", {"a": {"b": 1}}, {"a": {"b": 1}}),
    Case("$.data.items { id }", {"data": {"items": IDS}}, IDS),
    Case("name: $args.input.name tags: $args.tags", {}, {"name": "n"}, 1, {"args": {"input": {"name": "n"}}}),
]

CASES = DATA_MODEL + STARTS + KEYS + QUESTION + BRACES + ITEMS + MERGING + WHOLE


@pytest.mark.parametrize(("case", "spec"), params(CASES))
def test_paths(case: Case, spec: str) -> None:
    check(case, spec)
