"""What is told of a mapping from its text: supplied members, reads, shapes, projection, explanation."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.connectors.mapping import apply_mapping
from gateway.connectors.mapping.analyse import (
    PlainShape,
    plain_shape,
    read_input,
    read_paths,
    supplied_fields,
)
from gateway.connectors.mapping.explain import run_map
from gateway.connectors.mapping.members import Members
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.project import project_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.mapping.write import write_mapping


def plain(wanted: Members | None) -> Any:
    """Write `Members` as dicts: True for whole, a dict for members, both in a pair."""
    if wanted is None:
        return None
    members = {name: plain(member) for name, member in wanted.members.items()}
    if wanted.whole:
        return (members, True) if members else True
    return members


def wanted(members: Any) -> Members:
    if members is True:
        return Members(whole=True)
    return Members({name: wanted(member) for name, member in members.items()})


@pytest.mark.parametrize(
    ("text", "supply"),
    [
        ("", {}),
        ("id name: title", {"id": True, "name": True}),
        ("a { b c: d }", {"a": {"b": True, "c": True}}),
        ("g: { a h: { b } }", {"g": {"a": True, "h": {"b": True}}}),
        ("id $.m { a }", {"id": True, "a": True}),
        ("$.l { a }", {"a": True}),
        ("$.a", True),
        ("$args", True),
        ("$({ a: 1, b: { c: 2 } })", {"a": True, "b": {"c": True}}),
        ("$([{ a: 1 }, { b: 2 }])", {"a": True, "b": True}),
        ("$({ a: { b: 1 } }.a)", {"b": True}),
        ("$.l->map({ a: @.b })", {"a": True}),
        ("$.l->map({ a: @.b })->first", {"a": True}),
        ("$.l->first { a }", {"a": True}),
        ("$->echo({ a: @ })", {"a": True}),
        ("$->match([1, { a: 1 }], [@, { b: 1 }])", {"a": True, "b": True}),
        ("$.o->entries", {"key": True, "value": True}),
        ("$({ a: 1 } ?? { b: 2 })", {"a": True, "b": True}),
        ("$({ a: 1 } ?? $.x)", ({"a": True}, True)),
        ("$.t->jsonParse", True),
        ("a: x { p } a: y { q }", {"a": {"p": True, "q": True}}),
        ("u { $.n }", {"u": True}),
        ("$({ a: 1 }->as($x))", {"a": True}),
    ],
)
def test_supplied_fields(text: str, supply: Any) -> None:
    assert plain(supplied_fields(parse_mapping(text))) == supply


@pytest.mark.parametrize(
    ("text", "reads", "own"),
    [
        ("a b", {}, {"a": True, "b": True}),
        ("$args.id", {"args": {"id": True}}, None),
        ("$args", {"args": True}, None),
        ("x: $args.a.b y: $args.c", {"args": {"a": {"b": True}, "c": True}}, None),
        ("x: $this.a.b { c d }", {"this": {"a": {"b": {"c": True, "d": True}}}}, None),
        ("$batch.id", {"batch": {"id": True}}, None),
        ("$batch { store sku }", {"batch": {"store": True, "sku": True}}, None),
        ("$batch.id->joinNotNull(',')", {"batch": {"id": True}}, None),
        ("$batch->map({ key: @.id })", {"batch": {"id": True}}, None),
        ("$batch->map(@.id)->joinNotNull(',')", {"batch": {"id": True}}, None),
        ("$batch->first.id", {"batch": {"id": True}}, None),
        ("$batch->get(0).id", {"batch": {"id": True}}, None),
        ("$batch->filter(@.a->eq(1)).id", {"batch": {"a": True, "id": True}}, None),
        ("$batch->size", {"batch": True}, None),
        ("$this->as($t)->echo($t.id)", {"this": {"id": True}}, None),
        ("$.x->as($t)->echo($t.id)", {}, {"x": {"id": True}}),
        ("$({ a: $args.a, b: [$config.b] })", {"args": {"a": True}, "config": {"b": True}}, None),
        ("$($args.a ?? $env.B)", {"args": {"a": True}, "env": {"B": True}}, None),
        ("$.l->map($args.k)", {"args": {"k": True}}, {"l": {}}),
        ("l { k: $args.k a }", {"args": {"k": True}}, {"l": {"a": True}}),
        ("x: $request.headers.'x-id'->first", {"request": {"headers": {"x-id": True}}}, None),
        ("$({ a: $args { b } })", {"args": {"b": True}}, None),
        ("k: $", {}, True),
        ("k: @.a", {}, {"a": True}),
        ("", {}, None),
    ],
)
def test_reads(text: str, reads: Any, own: Any) -> None:
    selection = parse_mapping(text)
    assert {name: plain(each) for name, each in read_paths(selection).items()} == reads
    assert plain(read_input(selection)) == own


def leaf(*path: str) -> PlainShape:
    return PlainShape(path, None)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", PlainShape((), {})),
        ("id n: a.b", PlainShape((), {"id": leaf("id"), "n": leaf("a", "b")})),
        ("a { b }", PlainShape((), {"a": PlainShape(("a",), {"b": leaf("b")})})),
        ("g: { b }", PlainShape((), {"g": PlainShape((), {"b": leaf("b")})})),
        ("$.data.items { id }", PlainShape(("data", "items"), {"id": leaf("id")})),
        ("$.a", leaf("a")),
        ("$", leaf()),
        ("k: $", PlainShape((), {"k": leaf()})),
        ("x: @.a", PlainShape((), {"x": leaf("a")})),
        ("a?", None),
        ("a: x a: y", None),
        ("id $.m { a }", None),
        ("id x: $args.a", None),
        ("a->first", None),
        ("x: $(1)", None),
        ("a { b->first { c } d }", None),
        ("g: { a->size }", None),
    ],
)
def test_plain_shape(text: str, shape: PlainShape | None) -> None:
    assert plain_shape(parse_mapping(text)) == shape


@pytest.mark.parametrize(
    ("text", "members", "less"),
    [
        ("id name: title x: a.b", {"name": True}, "name: title"),
        ("id a { b c }", {"a": {"c": True}}, "a { c }"),
        ("id a { b c }", {"a": True}, "a { b c }"),
        ("id", {}, ""),
        ("$.l { a b }", {"b": True}, "$.l { b }"),
        ("$.l->first { a b }", {"b": True}, "$.l->first { b }"),
        ("id $.m { a b }", {"id": True, "a": True}, "id $.m { a }"),
        ("id x: $args.k", {"id": True}, "id x: $args.k"),
        ("id x: $(1)", {"id": True}, "id x: $(1)"),
        ("id g: { a b }", {"id": True}, "id g: { }"),
        ("id g: { a b }", {"g": {"a": True}}, "g: { a }"),
        ("a: x { p q } a: y { q r } z", {"a": {"q": True}}, "a: x { q } a: y { q }"),
        # The inlined path alone would be the value itself, whatever its kind.
        ("id $.m { a }", {"a": True}, "id $.m { a }"),
        ("$.a", {"b": True}, "$.a"),
        ("u { $.n }", {"u": {"x": True}}, "u { $.n }"),
        ("l->map({ a: @.b }) { a b }", {"a": True}, "l->map({ a: @.b }) { a }"),
    ],
)
def test_projection(text: str, members: Any, less: str) -> None:
    assert write_mapping(project_mapping(parse_mapping(text), wanted(members))) == less


def test_apply_mapping() -> None:
    assert apply_mapping("id name: title", {"id": 1, "title": "t"}) == ({"id": 1, "name": "t"}, [])
    value, errors = apply_mapping("$.rows.a", {"rows": [{"a": 1}, {}]})
    assert value == [1, None]
    assert errors == ["Property .a not found in object (at rows.1.a)"]
    assert apply_mapping("$.x", {})[0] is ...
    assert apply_mapping("$args.x", None, {"args": {"x": 1}}) == (1, [])
    assert apply_mapping("$args.x", None, {"$args": {"x": 1}}) == (1, [])
    with pytest.raises(MappingSyntaxError, match=r"v0\.2"):
        apply_mapping("a?", {}, spec="0.2")


def test_explanation() -> None:
    report = run_map(
        "id: $args.id\n  n: list.a->first",
        {"list": [{"a": 5}, {}]},
        {"args": {"id": 1}},
        explain=True,
    )
    assert report.value == {"id": 1, "n": 5}
    assert report.has_value
    assert [str(problem) for problem in report.problems] == [
        "Property .a not found in object (at list.1.a)"
    ]
    assert [
        (step.line, step.column, step.text, step.path, step.value) for step in report.steps
    ] == [
        (1, 5, "$args", "$args", {"id": 1}),
        (1, 10, ".id", "$args.id", 1),
        (2, 6, "list", "list", [{"a": 5}, {}]),
        (2, 10, ".a", "list.a", [5, None]),
        (2, 12, "->first", "list.a.->first", 5),
    ]


def test_explanation_is_optional_and_knows_no_value() -> None:
    report = run_map("$.x", {})
    assert not report.has_value
    assert report.steps == ()
    assert run_map("$.x->first", {}, explain=True).steps[-1].value is ...
