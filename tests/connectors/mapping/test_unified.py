"""The grammar of v0.4: one for selections and literals, with `...`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.parse import parse_mapping
from tests.connectors.mapping.table import Case, check, params

V04 = ("0.4",)
DATA = {"a": {"x": 1, "y": 2}, "b": 2, "n": None, "l": [{"x": 3}], "kind": "book", "pages": 400}
KIND = "...kind->match(['book', { __typename: 'Book', pages }], [@, { __typename: 'Other' }])"
CASES: list[tuple[str, Any, int | list[str]]] = [
    ("x: true", {"x": True}, 0),
    ("x: null y: 'text' z: -1.5e1", {"x": None, "y": "text", "z": -15.0}, 0),
    ("x: $.'b'", {"x": 2}, 0),
    ("x: [b, $.a.x, 'b']", {"x": [2, 1, "b"]}, 0),
    ("'b'", "b", 0),
    ("null", None, 0),
    ("[b, { c: b }]", [2, {"c": 2}], 0),
    ("{}", {}, 0),
    ("{ b, 'c d': { e: b } }", {"b": 2, "c d": {"e": 2}}, 0),
    ("b, c: b", {"b": 2, "c": 2}, 0),
    ("a { x, y }", {"a": {"x": 1, "y": 2}}, 0),
    ("q: b->echo({ b, c: @ })", {"q": {"b": 2, "c": 2}}, 0),
    ("q: $({ a: 1 b: 2 })", {"q": {"a": 1, "b": 2}}, 0),
    ("b ...a", {"b": 2, "x": 1, "y": 2}, 0),
    ("...a { x } b", {"x": 1, "b": 2}, 0),
    ("...a", {"x": 1, "y": 2}, 0),
    ("...{ x: b } b", {"x": 2, "b": 2}, 0),
    ("g: { ...a z: b }", {"g": {"x": 1, "y": 2, "z": 2}}, 0),
    ("...n b", None, 0),
    ("...l", {}, ["Expected object or null, not array"]),
    ("...missing b", {"b": 2}, 2),
    (f"{KIND} b", {"__typename": "Book", "pages": 400, "b": 2}, 0),
    ('"\\u00e9\\t"', "é\t", 0),
]


@pytest.mark.parametrize(("case", "spec"), params(Case(s, DATA, v, p, specs=V04) for s, v, p in CASES))  # fmt: skip
def test_unified_grammar(case: Case, spec: str) -> None:
    check(case, spec)


leaves = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=8)
values = st.recursive(
    leaves | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_any_json_is_a_mapping_that_gives_it(
    value: Any, is_ascii: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    found, problems = interpret(parse_mapping(text, "0.4"), {"a": 1}, {})
    assert json.dumps(found) == json.dumps(value)
    assert problems == []
