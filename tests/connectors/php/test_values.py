"""Shapes before the mapping and values behind it, one rule at a time."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLError, GraphQLSchema, build_schema
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.mapping.analyse import supplied_fields
from gateway.connectors.mapping.compile import compile_mapping
from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.php.answers import PhpAnswers
from gateway.connectors.php.dates import date_time, day
from gateway.connectors.php.rules import find_rules
from gateway.graph.bind_scalars import bind_scalars, guard_scalars
from gateway.graph.scalars import BUILT_IN, DateTime
from gateway.upstream.settings import SourceSettings


def made(sdl: str) -> GraphQLSchema:
    schema = build_schema(sdl)
    bind_scalars(schema, BUILT_IN)
    guard_scalars(schema)
    return schema


SCHEMA = made("""
scalar Date scalar DateTime scalar BigInt scalar URL scalar Own scalar JSON
enum E { A }
type Query { t: T ts: [T] n: Node ns: [Node] any: Any grid: [[Int]] }
interface Node { id: ID n: Int }
type T implements Node { id: ID n: Int b: Boolean f: Float d: Date at: DateTime big: BigInt url: URL own: Own e: E s: String
  m: M ms: [M] list: [Int] j: JSON x: Int }
type U implements Node { id: ID n: Int x: String ms: [M] }
type M { i: Int m: M ms: [M] }
union Any = T | U
""")


def mapped(field: str, mapping: str, data: Any, **more: Any) -> Any:
    """What an answer gives for a field of Query; an error is its text."""
    assert SCHEMA.query_type is not None
    kind = SCHEMA.query_type.fields[field].type
    selection = parse_mapping(mapping, "v0.3")
    supplied = supplied_fields(selection)
    answers = PhpAnswers(
        selection, kind, supplied, SCHEMA, time_zone="Europe/Berlin", is_batch=False, **more
    )
    try:
        compiled = compile_mapping(selection, "test", has_errors=True)
        value = answers.map(compiled, data, {}, ValueError)
        plain = answers.map(lambda *given: interpret(selection, *given)[0], data, {}, ValueError)
        assert shown(plain) == shown(value)
    except ValueError as error:
        return str(error)
    return shown(value)


def shown(value: Any) -> Any:
    if isinstance(value, Exception):
        return str(value)
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list) else value


NO_LIST, NO_OBJECT = "an object where a list is declared", "a list where an object is declared"


@pytest.mark.parametrize(
    ("field", "mapping", "data", "value"),
    [
        ("t", "n b f", {"n": "42", "b": "0", "f": "4.5"}, {"n": 42, "b": False, "f": 4.5}),
        ("t", "n f", {"n": "x", "f": "1,5"}, {"n": "x", "f": "1,5"}),
        ("t", "n f", {"n": True, "f": "1e3"}, {"n": 1, "f": 1000.0}),
        ("t", "b", {"b": "TRUE"}, {"b": True}),
        ("t", "b", {"b": "y"}, {"b": "y"}),
        ("t", "b", {"b": 1}, {"b": True}),
        ("t", "big", {"big": "123456789012345678901"}, {"big": 123456789012345678901}),
        ("t", "n big url e d at f", dict.fromkeys(("n", "big", "url", "e", "d", "at", "f"), ""), dict.fromkeys(("n", "big", "url", "e", "d", "at", "f"))),
        ("t", "s id own j", dict.fromkeys(("s", "id", "own", "j"), ""), dict.fromkeys(("s", "id", "own", "j"), "")),
        ("t", "m { i }", {"m": []}, {"m": {}}),
        ("t", "m { i }", {"m": False}, {"m": None}),
        ("t", "m { i }", {"m": [{"i": 1}]}, {"m": NO_OBJECT}),
        ("t", "m { i } s: $('x')", [{"m": 1}], NO_OBJECT),
        ("t", "list", {"list": {"0": "1", "2": "3"}}, {"list": [1, 3]}),
        ("t", "list", {"list": {"0": "1", "02": "3"}}, {"list": NO_LIST}),
        ("t", "list", {"list": {"-1": "1"}}, {"list": NO_LIST}),
        ("t", "list", {"list": {"a": "1"}}, {"list": NO_LIST}),
        ("t", "list", {"list": {}}, {"list": []}),
        ("t", "list: ms.i", {"ms": {"1": {"i": "5"}}}, {"list": [5]}),
        ("t", "list: m.l", {"m": {"l": {"1": "5"}}}, {"list": [5]}),
        ("t", "list: m.l", {"m": []}, {"list": []}),
        ("t", "x: m.i", {"m": []}, {}),
        ("t", "j", {"j": {"0": 1, "2": []}}, {"j": {"0": 1, "2": []}}),
        ("grid", "$.g", {"g": {"1": {"4": "5"}, "2": []}}, [[5], []]),
        ("ts", "n", {"a": {"n": 1}}, NO_LIST),
        ("ts", "n", {"4": {"n": "1"}, "2": False}, [{"n": 1}, None]),
        ("ts", "$.rows { n }", {"rows": {"4": {"n": "1"}}}, [{"n": 1}]),
        ("ts", "$.rows { n }", {"rows": {"error": 1}}, NO_LIST),
        # Groups and literals would hide an error in the row's place: then it is all of the field.
        ("ts", "m: { i: n } s: $('x')", {"4": [[1]]}, NO_OBJECT),
        ("t", "id $.more { n s }", {"id": 1, "more": []}, {"id": 1}),
        ("t", "id $.more { n s }", {"id": 1, "more": {"0": {"n": 1}}}, "an array by number where an object is declared"),
        ("t", "id $.more { n s }", {"id": 1, "more": 5}, "a number where an object is declared"),
        # Methods tell what stands before them.
        ("t", "$.rows->first { n }", {"rows": {"4": {"n": "1"}}}, {"n": 1}),
        ("ts", "$.rows->filter(@.n->ne(0)) { n ms { i } }", {"rows": {"4": {"n": "1", "ms": {"7": {"i": "2"}}}}}, [{"n": 1, "ms": [{"i": 2}]}]),
        ("ts", "$->map({ n: @.k, ms: @.q })", {"3": {"k": "1", "q": {"5": {"i": "3"}}}}, [{"n": 1, "ms": [{"i": 3}]}]),
        ("ts", "$->map(@) { n }", {"n": "1"}, [{"n": 1}]),
        ("t", "s: $.tags->joinNotNull(',')", {"tags": {"2": "a", "4": "b"}}, {"s": "a,b"}),
        ("t", "s: $->first", "text", {"s": "t"}),
        ("t", "j: $->entries", {"17": "a", "42": "b"}, {"j": [{"key": "17", "value": "a"}, {"key": "42", "value": "b"}]}),
        ("t", "n: $.'7'", {"7": "1"}, {"n": 1}),
        ("t", "ms: $($.a ?? $.b)", {"b": {"3": {"i": "1"}}}, {"ms": [{"i": 1}]}),
        ("ts", "$.rows->map(@) { n ms { i } }", {"rows": {"n": "1", "ms": {"3": {"i": "2"}}}}, [{"n": 1, "ms": [{"i": 2}]}]),
        ("ts", "$.rows->map(@) { s: m.i n }", {"rows": [{"m": [], "n": "1"}]}, [{"n": 1}]),
        ("ts", "$.rows->map(@)->filter(@.n->eq('1'))->echo(@) { n ms { i } }", {"rows": {"4": {"n": "1", "ms": {"3": {"i": "2"}}}}}, [{"n": 1, "ms": [{"i": 2}]}]),
        ("t", "$.rows->filter(@.n->eq('1'))->slice(0, 5)->first { n ms { i } }", {"rows": [{"n": "1", "ms": {"3": {"i": "2"}}}]}, {"n": 1, "ms": [{"i": 2}]}),
        ("t", "list: $.rows->map(@).ms->first.i", {"rows": {"5": {"ms": {"3": {"i": "2"}}}}}, {"list": [2]}),
        ("grid", "$.rows->map(@).ms.i", {"rows": {"5": {"ms": {"3": {"i": "2"}}}}}, [[2]]),
        ("ts", "$.rows->map(@) { m { i } }", {"rows": [{"m": [{"i": "1"}]}, []]}, [{"m": NO_OBJECT}, {}]),
        ("t", "m: ms->first { i }", {"ms": {"3": []}}, {"m": {}}),
        # A path through an error, and what is made of one, is that error.
        ("ts", "s: m.m.i m { m { i } }", [{"m": {"m": [{"i": "1"}]}}], [{"s": NO_OBJECT, "m": {"m": NO_OBJECT}}]),
        ("ts", "m { m { i } } s: m.m.i", [{"m": {"m": [{"i": "1"}]}}], [{"m": {"m": NO_OBJECT}, "s": NO_OBJECT}]),
        ("t", "m { i } list: ms.m.i ms { m { i } }", {"ms": [{"m": {"i": 1}}, {"m": 5}]},
         {"list": [1, "a number where an object is declared"], "ms": [{"m": {"i": 1}}, {"m": "a number where an object is declared"}]}),
        ("t", "ms { i } n: ms->size", {"ms": "x"}, {"ms": "a text where a list is declared", "n": "a text where a list is declared"}),
        ("t", "ms { i } s: $(ms ?? 'none')", {"ms": "x"}, dict.fromkeys(("ms", "s"), "a text where a list is declared")),
        ("t", "ms { i } s: ms->match(['x', 'y'], [@, 'none'])", {"ms": "x"}, dict.fromkeys(("ms", "s"), "a text where a list is declared")),
        ("t", "m { i } s: n->match([m.i, 'y'], [@, 'none'])", {"n": 1, "m": 5}, "a number where an object is declared"),
        ("t", "m { i } n: n->add(m.i)", {"n": 1, "m": 5}, "a number where an object is declared"),
        ("t", "m { i } list: n->map($.m.i)", {"n": 1, "m": 5}, {"m": "a number where an object is declared", "list": ["a number where an object is declared"]}),
        ("t", "m { m { i } } $.m.m { n }", {"m": {"m": 5}}, "a number where an object is declared"),
        # Interfaces and unions.
        ("n", "__typename: $('T') n x", {"n": "1", "x": "2"}, {"__typename": "T", "n": 1, "x": 2}),
        ("n", "__typename: $('U') n x", {"n": "1", "x": "2"}, {"__typename": "U", "n": 1, "x": "2"}),
        ("n", "__typename: k n x", {"k": "T", "n": "1", "x": "2"}, {"__typename": "T", "n": 1, "x": 2}),
        ("n", "n x ms { i }", {"n": "1", "x": "2", "ms": {"1": {"i": "3"}}}, {"n": 1, "x": "2", "ms": [{"i": 3}]}),
        ("ns", "$->match([@, $->map({ __typename: 'T', n: @.n })])", [{"n": "1"}], [{"__typename": "T", "n": 1}]),
        ("any", "__typename: $('U') ms { i }", {"ms": {"3": {"i": "1"}}}, {"__typename": "U", "ms": [{"i": 1}]}),
        ("any", "__typename: $('T') x", [5], NO_OBJECT),
    ],
)  # fmt: skip
def test_shapes_and_values(field: str, mapping: str, data: Any, value: Any) -> None:
    got = mapped(field, mapping, data)
    assert got == value
    assert str(got) == str(value)  # 1 is not True here


def test_nothing_is_changed_in_place() -> None:
    shared: dict[str, Any] = {"i": "1", "ms": {"3": {"i": "2"}}}
    data = {"m": shared, "j": shared, "s": shared}
    got = mapped("t", "m { i ms { i } } j", data)
    assert got == {"m": {"i": 1, "ms": [{"i": 2}]}, "j": {"i": "1", "ms": {"3": {"i": "2"}}}}
    assert shared == {"i": "1", "ms": {"3": {"i": "2"}}}


def test_a_cyclic_object_as_it_stands_ends() -> None:
    one: dict[str, Any] = {"i": "1"}
    one["ms"] = {"1": one, "2": one}
    one["m"] = one
    selection = parse_mapping("m: $.m->echo(@)", "v0.3")
    assert SCHEMA.query_type is not None
    answers = PhpAnswers(
        selection,
        SCHEMA.query_type.fields["t"].type,
        supplied_fields(selection),
        SCHEMA,
        time_zone="UTC",
        is_batch=False,
    )
    value = answers.map(compile_mapping(selection, "test"), {"m": one}, {}, ValueError)["m"]
    assert value["i"] == 1
    assert value["m"] is value
    assert value["ms"] == [value, value]


def test_one_kind_of_misfit_is_one_error_object() -> None:
    """However many rows are wrong: one line in the log."""
    selection = parse_mapping("m { i }", "v0.3")
    assert SCHEMA.query_type is not None
    kind = SCHEMA.query_type.fields["ts"].type
    answers = PhpAnswers(
        selection, kind, supplied_fields(selection), SCHEMA, time_zone="UTC", is_batch=False
    )
    rows = answers.map(compile_mapping(selection, "t"), [{"m": 5}] * 100, {}, ValueError)
    assert len({id(row["m"]) for row in rows}) == 1


def test_a_flat_row_has_no_rule() -> None:
    """What a mapping of scalars costs is the look at each row itself."""
    assert SCHEMA.query_type is not None
    (rule,) = find_rules(
        parse_mapping("id n b f s", "v0.3"), SCHEMA.query_type.fields["ts"].type, SCHEMA
    )
    assert rule.inner == []


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("2026-11-29 10:00:00", "2026-11-29T10:00:00+01:00"),
        ("2026-07-01T10:00:00", "2026-07-01T10:00:00+02:00"),
        ("2026-11-29 10:00:00.000000", "2026-11-29T10:00:00+01:00"),
        ("2026-11-29 10:00:00.120000", "2026-11-29T10:00:00.120000+01:00"),
        ("2026-11-29 10:00:00+0500", "2026-11-29T10:00:00+05:00"),
        ("2026-11-29 10:00:00 -03:30", "2026-11-29T10:00:00-03:30"),
        ("2026-11-29 10:00:00 UTC", "2026-11-29T10:00:00Z"),
        ("2026-11-29T10:00:00Z", "2026-11-29T10:00:00Z"),
        ("1764406800", "2025-11-29T09:00:00Z"),
        (1764406800, "2025-11-29T09:00:00Z"),
        ("0000-00-00 00:00:00", None),
        ("0000-00-00 00:00:00.000000", None),
        ("", None),
        ("2026-02-31 10:00:00", ...),
        ("2026-13-01T10:00:00Z", ...),
        ("2026-11-29T25:00:00Z", ...),
        ("2026-11-29", ...),
        ("29.11.2026 10:00", ...),
        ("2026-11-29 10:00", ...),
        ({"date": "2026-11-29 10:00:00.000000", "timezone_type": 3, "timezone": "America/New_York"}, "2026-11-29T10:00:00-05:00"),
        ({"date": "2026-11-29 10:00:00.000000", "timezone_type": 1, "timezone": "+05:30"}, "2026-11-29T10:00:00+05:30"),
        ({"date": "2026-11-29 10:00:00.000000", "timezone_type": 3, "timezone": "UTC"}, "2026-11-29T10:00:00Z"),
        ({"date": "2026-11-29 10:00:00.000000", "timezone_type": 2, "timezone": "EST"}, ...),
        ({"date": "2026-11-29 10:00:00.000000", "timezone_type": 3, "timezone": "../etc/passwd"}, ...),
        ({"date": "2026-11-29 10:00:00.000000", "timezone_type": 3, "timezone": "Nowhere/None"}, ...),
        ({"date": 5}, ...),
    ],
)  # fmt: skip
def test_dates(given: Any, value: Any) -> None:
    """Ellipsis: the scalar refuses it."""
    got = date_time("Europe/Berlin")(given)
    if value is ...:
        with pytest.raises(GraphQLError):
            DateTime.serialize(got)
    else:
        assert (got if got is None else DateTime.serialize(got)) == value


def test_days() -> None:
    assert (
        day({"date": "2026-11-29 10:00:00.000000", "timezone_type": 3, "timezone": "UTC"})
        == "2026-11-29"
    )
    assert day("0000-00-00") is None
    assert day("2026-11-29") == "2026-11-29"
    assert day({"date": "x"}) == {"date": "x"}


@pytest.mark.parametrize("name", ["Nowhere/None", "../x", "Europe", ""])
def test_a_time_zone_that_is_none_is_an_error_at_start(name: str) -> None:
    with pytest.raises(ValueError, match="time_zone"):
        SourceSettings(time_zone=name)


part = st.fixed_dictionaries({}, optional={"i": st.none() | st.integers(-9, 9)})
deep = st.fixed_dictionaries(
    {}, optional={"i": st.integers(), "ms": st.lists(part | st.none(), max_size=3)}
)
right = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=3) | st.integers(), "n": st.integers(-9, 9) | st.none(), "b": st.booleans(),
        "f": st.floats(-9, 9), "s": st.text(max_size=3), "m": deep | st.none(),
        "ms": st.none() | st.lists(st.fixed_dictionaries({}, optional={"i": st.integers(), "m": part}), max_size=3),
        "list": st.none() | st.lists(st.integers(-9, 9) | st.none(), max_size=3),
    },
)  # fmt: skip


@given(st.lists(right | st.none(), max_size=3))
def test_an_answer_that_is_right_is_what_it_is_without_the_dialect(rows: list[Any]) -> None:
    mapping = "id n b f s m { i ms { i } } ms { i m { i } } list"
    plain = compile_mapping(parse_mapping(mapping, "v0.3"), "test")(rows, {})
    assert mapped("ts", mapping, rows) == shown(plain)
