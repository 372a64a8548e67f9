"""Generated code: its text, its names, its life, and what it does with data it was not made for."""

from __future__ import annotations

import gc
import linecache
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.connectors.mapping.analyse import PlainShape, plain_shape, supplied_fields
from gateway.connectors.mapping.compile import HELPERS, compile_mapping
from gateway.connectors.mapping.emit import emit_mapping
from gateway.connectors.mapping.interpret import TOO_DEEP, interpret
from gateway.connectors.mapping.members import Members
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.scanner import MAX_DEPTH
from tests.connectors.mapping.random_mappings import data
from tests.connectors.mapping.table import text_of

PLAIN = "id name: title author: { id: user_id } price: pricing.amount tags { label }"

GOLDEN = """\
def c1(d, V):
    if d.__class__ is not dict:
        if d.__class__ is list:
            return [c1(d, V) for d in d]
        return d
    o = {}
    v = d.get('id', X)
    if v is not X: o['id'] = v
    v = d.get('pricing', X)
    if v is not X: v = v.get('amount', X) if v.__class__ is dict else key(v, 'amount')
    if v is not X: o['price'] = v
    return o

def b1(d, V):
    if d.__class__ is list:
        try:
            return [{'id': d['id'], 'price': d['pricing']['amount']} for d in d]
        except (KeyError, TypeError, AttributeError):
            return [c1(d, V) for d in d]
    try:
        return {'id': d['id'], 'price': d['pricing']['amount']}
    except (KeyError, TypeError, AttributeError):
        return c1(d, V)

def mapping(data, V):
    return b1(data, V)
"""


def test_source_is_what_one_would_write() -> None:
    compiled = compile_mapping(parse_mapping("id price: pricing.amount"), "golden")
    assert compiled.source == GOLDEN


def test_source_is_the_same_in_every_process() -> None:
    program = (
        "from gateway.connectors.mapping.compile import compile_mapping as c\n"
        "from gateway.connectors.mapping.parse import parse_mapping as p\n"
        "m = c(p(\"a { b } c: l->map({ x: @.y ?? 'z' }) $.q { r }\"), 'm')\n"
        "print(m.filename, m.source)"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_data_of_the_schema_never_becomes_code() -> None:
    hostile = "x'] or exit() #\n\\\"\u2028"
    name = "'" + hostile.replace("\\", "\\\\").replace("'", "\\'") + "'"
    text = f"{name} k: $({{ {name}: {name} }}) v: $->as($exit)->echo($exit.{name})"
    source, namespace = emit_mapping(parse_mapping(text))
    value = compile_mapping(parse_mapping(text), "hostile")({hostile: 1}, {})
    assert value == {hostile: 1, "k": {hostile: hostile}, "v": 1}
    names = set(compile(source, "x", "exec").co_consts[0].co_names)
    assert names <= set(HELPERS) | set(namespace) | {"__class__", "dict", "list", "get"}


@pytest.mark.parametrize(
    "name", ["class", "None", "from", "__debug__", "d", "V", "X", "mapping", "o", "v"]
)
def test_any_name_is_a_name_of_data(name: str) -> None:
    compiled = compile_mapping(parse_mapping(f"{name} alias: {name} {name}2: $.{name}"), "names")
    assert compiled({name: 1}, {}) == {name: 1, "alias": 1, f"{name}2": 1}


def test_linecache_follows_the_mapping() -> None:
    compiled = compile_mapping(parse_mapping("a b"), "life")
    again = compile_mapping(parse_mapping("a b"), "life")
    another = compile_mapping(parse_mapping("a"), "life")
    filename, other = compiled.filename, another.filename
    assert again.filename == filename  # equal text is compiled once
    assert filename != other
    assert linecache.getline(filename, 1) == "def c1(d, V):\n"
    del compiled
    gc.collect()
    assert linecache.getline(filename, 1) == "def c1(d, V):\n"
    del again
    gc.collect()
    assert linecache.getline(filename, 1) == ""
    assert linecache.getline(other, 1) == "def c1(d, V):\n"


def test_a_traceback_shows_the_line() -> None:
    compiled = compile_mapping(parse_mapping("a: $args.x"), "trace")
    with pytest.raises(AttributeError) as raised:
        compiled({}, None)  # type: ignore[arg-type] # variables must be a mapping
    lines = "".join(traceback.format_exception(raised.value))
    assert compiled.filename in lines
    assert "V.get('args', X)" in lines


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "text", ["a", "$.a", "a { b }", "$->eq($)", "$->jsonStringify", "x: $ x: $"]
)
def test_data_deeper_than_the_stack_is_a_problem(text: str) -> None:
    selection = parse_mapping(text)
    deep = nested(100_000, {"a": 1})
    value, problems = interpret(selection, deep, {})
    assert value is ...
    assert [problem.message for problem in problems] == [TOO_DEEP]
    assert compile_mapping(selection, "deep")(deep, {}) is ...


FULL = {"id": 1, "title": "t", "user_id": 2, "pricing": {"amount": 3}, "tags": [{"label": "l"}]}


@pytest.mark.parametrize(
    "value",
    [
        FULL,
        [FULL, FULL],
        [FULL, {}],
        [FULL, None],
        [[FULL], [], 5],
        {**FULL, "tags": None},
        {**FULL, "pricing": [{"amount": 1}, {}]},
        {**FULL, "pricing": "s"},
        5,
        None,
        "s",
        [],
        {},
        True,
    ],
)
def test_what_was_not_expected_is_read_exactly(value: Any) -> None:
    selection = parse_mapping(PLAIN)
    expected, _ = interpret(selection, value, {})
    assert text_of(compile_mapping(selection, "plain")(value, {})) == text_of(expected)


@pytest.mark.parametrize(
    ("text", "value", "filled"),
    [
        ("id n: title", {"id": 1}, {"id": 1, "n": None}),
        ("id n: title", [{}, {"title": 2}], [{"id": None, "n": None}, {"id": None, "n": 2}]),
        ("id n: title", None, None),
        ("id n: title", 5, 5),
        ("a { b c }", {"a": {"b": 1}}, {"a": {"b": 1, "c": None}}),
        ("a { b c }", {}, {"a": None}),
        ("a { b c }", {"a": None}, {"a": None}),
        ("a { b c }", {"a": [{}, None]}, {"a": [{"b": None, "c": None}, None]}),
        ("g: { x: y }", {}, {"g": {"x": None}}),
        ("x: a.b.c", {"a": {}}, {"x": None}),
        ("x: a->first", {"a": []}, {"x": None}),
        ("id $.m { a }", {"id": 1}, {"id": 1, "a": None}),
        ("id $.m { a }", {"id": 1, "m": {}}, {"id": 1, "a": None}),
        ("id $.m { a }", {"id": 1, "m": None}, None),
        ("x: $({ p: $.q })", {}, {"x": {"p": None}}),
        ("$->map({ p: @.q })", [{}, {"q": 1}], [{"p": None}, {"p": 1}]),
        ("$.l { a }", {"l": [{}]}, [{"a": None}]),
        ("$.l { a }", {}, ...),
        ("x: $args.y", {}, {"x": None}),
        ("a: x { p } a: y { q }", {"x": {}}, {"a": {"p": None, "q": None}}),
    ],
)
def test_filling(text: str, value: Any, filled: Any) -> None:
    selection = parse_mapping(text)
    result = compile_mapping(selection, "filled", fill=supplied_fields(selection))(value, {})
    assert result is filled if filled is ... else result == filled


def test_filling_adds_names_that_the_mapping_lacks() -> None:
    wanted = Members({"a": Members(whole=True), "z": Members(whole=True)})
    compiled = compile_mapping(parse_mapping("a b"), "filled", fill=wanted)
    assert compiled({"a": 1}, {}) == {"a": 1, "z": None}
    assert compiled([{"b": 1}], {}) == [{"a": None, "b": 1, "z": None}]


names = st.sampled_from(["a", "b", "c", "d"])
plain_paths = st.lists(names, min_size=1, max_size=2).map(".".join)


def plain_items(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Items of distinct names: fields, aliases, paths, groups, nesting."""
    values = st.one_of(
        plain_paths,
        st.tuples(plain_paths, inner).map(lambda both: f"{both[0]} {{ {both[1]} }}"),
        inner.map(lambda group: f"{{ {group} }}"),
    )
    members = st.dictionaries(st.sampled_from(["a", "b", "x", "y"]), values, max_size=3)
    return members.map(lambda each: " ".join(f"{name}: {value}" for name, value in each.items()))


plain = st.recursive(st.sampled_from(["a", "a b", "x: b"]), plain_items, max_leaves=5)
rows = st.dictionaries(
    names, st.one_of(st.integers(0, 3), st.dictionaries(names, data)), min_size=2
)


@settings(max_examples=500, deadline=None)
@given(plain, st.one_of(rows, st.lists(rows, max_size=3), data), st.booleans())
def test_plain_mappings(text: str, value: Any, fill: bool) -> None:
    selection = parse_mapping(text)
    expected, _ = interpret(selection, value, {})
    assert text_of(compile_mapping(selection, "plain")(value, {})) == text_of(expected)
    shape = plain_shape(selection)
    assert shape is not None
    assert text_of(shaped(shape, value)) == text_of(expected)


def shaped(shape: PlainShape, value: Any) -> Any:
    """Follow a shape by its description alone."""
    for name in shape.path:
        value = followed(name, value)
    if shape.members is None or value is ...:
        return value
    if isinstance(value, list):
        return [shaped(PlainShape((), shape.members), element) for element in value]
    members = {name: shaped(member, value) for name, member in shape.members.items()}
    held = {name: member for name, member in members.items() if member is not ...}
    return held if held or isinstance(value, dict) else value


def followed(name: str, value: Any) -> Any:
    if isinstance(value, list):
        found = [followed(name, element) for element in value]
        return [None if element is ... else element for element in found]
    return value.get(name, ...) if isinstance(value, dict) else ...


@pytest.mark.parametrize(
    ("opening", "core", "closing"),
    [
        ("g: {", "a", "}"),
        ("g {", "a", "}"),
        ("$(", "$.a", ")"),
        ("$.g {", "a", "}"),
        ("$->echo(", "$.a", ")"),
        ("$->map(", "$.a", ")"),
    ],
)
def test_the_deepest_mapping_that_parses_also_compiles(
    opening: str, core: str, closing: str
) -> None:
    selection = parse_mapping(opening * MAX_DEPTH + core + closing * MAX_DEPTH)
    value: Any = {"a": 1}
    for _ in range(MAX_DEPTH if opening.endswith("g {") else 0):
        value = {"g": value, "a": 1}
    expected, _ = interpret(selection, value, {})
    assert text_of(compile_mapping(selection, "deepest")(value, {})) == text_of(expected)
    assert expected is not ...


def test_a_wide_mapping_compiles() -> None:
    selection = parse_mapping(" ".join(f"n{i}: a.b" for i in range(3000)))
    assert len(compile_mapping(selection, "wide")({"a": {"b": 1}}, {})) == 3000
