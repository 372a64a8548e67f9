"""Operations on compiled plans and on graphql-core: resolvers, types, arguments, order, what falls back."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import graphql
import pytest
from graphql import GraphQLSchema, parse

from gateway.integrations import graphql_core as dropin
from tests.execute.reference import after, compare, make_schema, run

PETS = """
interface Named { name: String! friend: Pet }
interface Pet implements Named { name: String! friend: Pet owner: Person }
type Cat implements Named & Pet { name: String! friend: Pet owner: Person lives: Int }
type Dog implements Named & Pet { name: String! friend: Pet owner: Person barks: Boolean! }
type Person implements Named { name: String! friend: Pet pets: [Pet!] }
union Being = Cat | Dog | Person
type Query { pet: Pet pets: [Pet] beings: [[Being!]] named: Named! cat: Cat }
"""
ASK = """
query Pets { pet { ...P } pets { __typename ...P ... on Named { n: name } } named { name ... on Cat { lives } }
  beings { ... on Named { name friend { name friend { ...P } } } ...D ... on Person { pets { ...P } } } cat { name lives } }
fragment P on Pet { name owner { name pets { name } } ... on Cat { lives } ...D }
fragment D on Dog { __typename barks }
"""


def pet(kind: Any, name: Any = "x", **more: Any) -> dict[str, Any]:
    return {"__typename": kind, "kind": kind, "name": name, **more}


def pets_root() -> dict[str, Any]:
    tom = pet("Cat", "Tom", lives=9, owner={"name": "Ann"})
    rex = pet("Dog", "Rex", barks=True, friend=tom)
    ann = pet("Person", "Ann", pets=[tom, rex], friend=rex)
    bad = [
        pet("Dog"),
        pet("Cat", None),
        pet("Fish"),
        pet(None),
        pet(5),
        pet("Person"),
        pet("Named"),
        pet("String"),
    ]
    return {
        "pet": rex,
        "pets": [tom, None, rex, *bad, ValueError("a pet")],
        "beings": [[tom, rex], None, [ann, bad[0]], [bad[2]], [ann, ann], bad],
        "named": tom,
        "cat": tom,
    }


def kind_of(value: Any, info: Any, abstract: Any) -> Any:
    assert info.path.key in ("pet", "pets", "beings", "named", "friend")
    return value["kind"]


def is_cat(value: Any, info: Any) -> bool:
    if value.get("name") == "Tom2":
        raise RuntimeError("no cat")
    return bool(value["kind"] == "Cat")


RESOLVERS: dict[str, dict[str, Any]] = {
    "by name": {"Query.cat": lambda root, info: root["cat"]},
    "by call": {"Pet.__type": kind_of, "Being.__type": kind_of, "Named.__type": kind_of},
    "by call, later": {"Pet.__type": lambda *a: after(kind_of(*a)), "Being.__type": kind_of},
    "by is_type_of": {
        "Cat.__is": is_cat,
        "Dog.__is": lambda value, info: value["kind"] == "Dog",
        "Person.__is": lambda value, info: value.get("kind", "Person") == "Person",
    },
    "by is_type_of, later": {
        "Cat.__is": lambda value, info: after(value["kind"] == "Cat"),
        "Dog.__is": lambda value, info: value["kind"] == "Dog",
    },
    "with steps": {"Dog.friend": lambda dog, info: dog.get("friend"), "Person.pets": lambda p, info: after(p.get("pets"))},
    "raises": {"Pet.__type": lambda *a: 1 / 0, "Cat.friend": lambda *a: int("no")},
}  # fmt: skip


@pytest.mark.parametrize("how", RESOLVERS)
async def test_abstract_types(how: str) -> None:
    schema = make_schema(PETS, RESOLVERS[how])
    exact = "later" not in how and "steps" not in how
    await compare(schema, ASK, root=pets_root(), exact=exact)
    root = pets_root()
    for name in list(root):
        root[name] = None
        await compare(schema, ASK, root=root, exact=exact)


ARGUMENTS = """
scalar Json
enum Color { RED GREEN }
input Point { x: Int! y: Int = 7 color: Color more: [Point!] }
input One @oneOf { a: Int b: String }
type Query {
  f(i: Int, s: String = "d", n: Int! = 4, c: Color = RED, l: [Int!], p: Point, j: Json, o: One, id: ID, x: Float): String
  must(n: Int!): String!
  t: Query
}
"""


def show(_root: Any, _info: Any, **arguments: Any) -> str:
    for value in arguments.values():
        if isinstance(value, list):
            value.append("changed")  # must reach no other call
    return repr(sorted(arguments.items()))


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ f }", {}),
        ('{ f(i: 3, s: null, n: 5, c: GREEN, l: [1, 2], p: {x: 1, more: [{x: 2, y: null}]}, j: {a: [1, "b"]}) }', {}),
        ("{ f(l: 3) g: f(l: [4]) t { f(l: [4]) } }", {}),
        ("query ($i: Int, $s: String, $l: [Int!]) { f(i: $i, s: $s, l: $l) }", {}),
        ("query ($i: Int, $s: String, $l: [Int!]) { f(i: $i, s: $s, l: $l) g: f(l: $l) }", {"i": None, "s": None, "l": [1]}),
        ("query ($i: Int = 8, $n: Int = 9) { f(i: $i, n: $n) }", {}),
        ("query ($i: Int = 8, $n: Int = 9) { f(i: $i, n: $n) t { f(n: $n) } }", {"i": None, "n": None}),
        ("query ($x: Int, $p: Point) { f(p: {x: $x}) g: f(p: $p) h: f(j: [$x]) }", {"p": {"x": 3}}),
        ("query ($x: Int) { f(p: {x: 1, y: $x}) f2: f(l: [1, 2]) }", {}),
        ("query ($x: Int! $c: Color! $id: ID $f: Float $l: [Int!]) { f(i: $x, c: $c, id: $id, x: $f, l: $l) }",
         {"x": 3, "c": "GREEN", "id": 5, "f": 3, "l": 4}),
        ("query ($x: Int! $c: Color! $id: ID) { f(i: $x, c: $c, id: $id) }", {"x": "3", "c": "BLUE", "id": 1.5}),
        ("query ($x: Int!) { f(i: $x) }", {}),
        ("query ($x: [Int!]!) { f(l: $x) }", {"x": [1, None, "a"]}),
        ("query ($p: Point) { f(p: $p) }", {"p": {"x": "a", "z": 1}}),
        ("query ($o: One) { f(o: $o) g: f(o: {a: 1}) }", {"o": {"b": "x"}}),
        ("query ($o: One) { f(o: $o) }", {"o": {"a": 1, "b": "x"}}),
        ("query ($u: Unknown) { f }", {"u": 1}),
        ("query ($j: Json) { f(j: $j) }", {"j": {"deep": [1]}}),
        ("query ($n: Int) { must(n: $n) }", {}),
        ("query ($n: Int) { t { must(n: $n) f } }", {"n": 1}),
        ("{ must }", {}),
        ("{ f(nope: 1) }", {}),
        ('{ f(i: "wrong") }', {}),
    ],
)  # fmt: skip
async def test_arguments_and_variables(text: str, variables: dict[str, Any]) -> None:
    schema = make_schema(ARGUMENTS, {"Query.f": show, "Query.must": show, "Query.t": lambda *a: {}})
    await compare(schema, text, variable_values=variables)
    called = make_schema(ARGUMENTS)
    root: Any = {
        "f": lambda info, **a: show(None, None, **a),
        "must": lambda info, **a: "x",
        "t": {"must": "m", "f": "n"},
    }
    await compare(called, text, variable_values=variables, root=root)
    await compare(
        called, text, variable_values=variables, hide_suggestions=True, max_coercion_errors=1
    )


@pytest.mark.parametrize("x", [True, False])
@pytest.mark.parametrize("y", [True, False])
async def test_skip_and_include_decide_fields_order_and_places(x: bool, y: bool) -> None:
    schema = make_schema("type Query { a: A b: String } type A { b: String c: Int! a: A }")
    text = """query ($x: Boolean!, $y: Boolean! = true) {
      b @skip(if: $x) a @include(if: $y) { c } ...F @skip(if: $y) ... @include(if: $x) { a { b } } b z: b @include(if: true) @skip(if: $x)
    } fragment F on Query { a { a { c } b @include(if: $x) } }"""
    await compare(
        schema, text, root={"a": {"b": 1, "c": "no"}, "b": []}, variable_values={"x": x, "y": y}
    )


async def test_mutations_run_one_after_the_other() -> None:
    sdl = "type Query { a: Int } type Mutation { add(n: Int!): Count set(n: Int!): Count! fail: Int! none: Int } type Count { now: Int! later: Int }"
    seen: list[Any] = []

    def add(root: Any, _info: Any, n: int) -> Any:
        root["n"] += n
        seen.append(n)
        return {"now": root["n"]}

    async def add_later(root: Any, info: Any, n: int) -> Any:
        await asyncio.sleep(0)
        return add(root, info, n)

    def none(_root: Any, _info: Any) -> None:
        seen.append("none")

    texts = [
        "mutation { a: add(n: 1) { now later } b: set(n: 2) { now later } none c: add(n: 3) { now } }",
        "mutation { a: add(n: 1) { now } fail none b: add(n: 2) { now } }",
        "mutation { a: add(n: 1) { now } b: add(n: 9) { now } ... on Mutation { none } a: add(n: 1) { later } }",
    ]
    for resolver in (add, add_later):
        schema = make_schema(sdl, {
            "Mutation.add": resolver, "Mutation.set": resolver, "Mutation.none": none,
            "Mutation.fail": lambda *a: None, "Count.later": lambda count, info: after(count["now"]),
        })  # fmt: skip
        for text in texts:
            seen.clear()
            await compare(schema, text, root=lambda: {"n": 0})
            quarter = len(seen) // 4
            assert seen == seen[:quarter] * 4
            assert ("none" in seen) is ("fail" not in text)


async def test_introspection_is_answered_and_not_shared() -> None:
    schema = make_schema(PETS)
    result = await compare(schema, graphql.get_introspection_query())
    assert result.data
    result.data["__schema"]["types"].clear()
    await compare(schema, graphql.get_introspection_query())
    text = "query ($n: String!) { t: __type(name: $n) { name fields { name } } pet { name } __typename x: __typename }"
    for name in ("Cat", "Nope", "Being"):
        await compare(schema, text, variable_values={"n": name}, root=pets_root())


async def test_operations_of_one_document_do_not_meet() -> None:
    schema = make_schema("type Query { a: String b: String } type Subscription { a: String }")
    text = "query A { a } query B { b } subscription S { a }"
    root = {"a": "x", "b": "y"}
    for name in ("A", "B", "S", "A", None, "C", ""):
        await compare(schema, text, root=root, operation_name=name)
    await compare(schema, "fragment F on Query { a }")
    await compare(schema, "mutation { a }", is_compiled=False)


async def test_info_has_what_graphql_core_gives() -> None:
    seen: list[Any] = []

    def look(_row: Any, info: Any, **_arguments: Any) -> Any:
        found = {name: getattr(info, name) for name in graphql.GraphQLResolveInfo._fields}
        found["path"] = (found["path"], found["path"].as_list())
        for name in ("async_helpers", "is_awaitable"):
            found.pop(name, None)
        seen.append(found)
        return [{"x": 1}, {"x": 2}]

    schema = make_schema(
        "type Query { rows(n: Int): [Row!] } type Row { x: Int rows: [Row!] }",
        {"Query.rows": look, "Row.rows": look},
    )
    text = "query Q($n: Int = 3, $m: Int) { r: rows(n: $n) { x rows { ...F } } rows(n: $m) { x } } fragment F on Row { rows { x } }"
    await compare(
        schema, text, context_value="context", root={"the": "root"}, variable_values={"m": 4}
    )
    quarter = len(seen) // 4
    seen.sort(key=lambda found: str(found["path"][1]))
    for run_of_one in (seen[i : i + 4] for i in range(0, 4 * quarter, 4)):
        assert all(found == run_of_one[0] for found in run_of_one)


async def test_given_resolvers_stand_in_for_the_default_ones() -> None:
    schema = make_schema(PETS)
    root = pets_root()
    await compare(
        schema,
        ASK,
        root=root,
        field_resolver=lambda row, info, **a: row.get(info.field_name),
        type_resolver=lambda value, info, abstract: value["kind"],
    )
    await compare(
        schema,
        "{ cat { name } }",
        root=root,
        field_resolver=lambda row, info: after(row[info.field_name]),
    )


class OwnManager(graphql.MiddlewareManager):
    def get_field_resolver(self, field_resolver: Any) -> Any:
        return field_resolver


FOREIGN: list[dict[str, Any]] = [
    {"middleware": OwnManager()},
    {"is_awaitable": lambda value: False},
]
if graphql.version_info >= (3, 3):
    FOREIGN += [
        {"executor_class": type("OwnExecutor", (graphql.Executor,), {})},
        {"hooks": graphql.ExecutionHooks(None)},
        {"abort_signal": graphql.AbortController().signal},
    ]


@pytest.mark.parametrize("options", FOREIGN, ids=lambda options: next(iter(options)))
async def test_what_changes_the_executor_runs_on_graphql_core(options: dict[str, Any]) -> None:
    await compare(make_schema(PETS), ASK, root=pets_root(), is_compiled=False, **options)


async def test_arguments_by_position_are_graphql_cores() -> None:
    """As frameworks pass them: every argument in its order, most of them with its default."""
    schema = make_schema(
        "type Query { a(n: Int = 1): Int }", {"Query.a": lambda root, info, n: root + n}
    )
    text = "query A($n: Int) { a(n: $n) }"
    usual = {"max_coercion_errors": 50, "enable_early_execution": False, "hide_suggestions": False}
    names = [
        name
        for name, p in inspect.signature(graphql.execute).parameters.items()
        if p.kind != p.VAR_KEYWORD
    ]
    values: list[Any] = [usual.get(name) for name in names]
    values[:6] = [schema, parse(text), 5, "context", {"n": 2}, "A"]
    before = sum(dropin.fallbacks.values())
    expected: Any = graphql.execute(*values)
    assert dropin.execute(*values) == expected
    assert expected.data == {"a": 7}
    assert sum(dropin.fallbacks.values()) == before
    values[names.index("is_awaitable")] = lambda value: hasattr(value, "__await__")
    assert dropin.execute(*values).data == {"a": 7}
    assert sum(dropin.fallbacks.values()) == before + 1
    with pytest.raises(TypeError, match=r"execute\(\) takes \d+ arguments by position"):
        dropin.execute(*values, None, None)


@pytest.mark.skipif(graphql.version_info < (3, 3), reason="graphql-core 3.2 has no @defer")
async def test_a_schema_with_defer_is_refused_where_there_is_one_answer() -> None:
    schema = make_schema("directive @defer on FIELD type Query { a: Int }")
    document = parse("{ a }")
    for executor in (graphql.execute, dropin.execute):
        with pytest.raises(
            graphql.GraphQLError, match="unexpectedly contains experimental directives"
        ):
            executor(schema, document, {"a": 1})
    result = dropin.experimental_execute_incrementally(schema, document, {"a": 1})
    assert result == graphql.ExecutionResult({"a": 1}, None)
    with pytest.raises(graphql.GraphQLError, match="unexpectedly contains experimental directives"):
        dropin.execute(schema, document, {"a": 1})


async def test_what_no_plan_expresses_runs_on_graphql_core() -> None:
    schema = make_schema("type Query { q: Query a: Int! }")
    deep = "{ " + "q { " * 50 + "a" + " }" * 51
    many = (
        "query ("
        + "".join(f"$v{i}: Boolean!" for i in range(9))
        + ") { "
        + "".join(f"a @skip(if: $v{i}) " for i in range(9))
        + "}"
    )
    await compare(schema, deep, is_compiled=False)
    deeper = "{ " + "... { " * 150 + "a" + " }" * 151
    await compare(schema, deeper, root={"a": 1})
    await compare(schema, "{ " + "... { " * 190 + "q { a } " + " }" * 191, root={"q": {"a": None}})
    await compare(
        schema,
        many,
        is_compiled=False,
        root={"a": 1},
        variable_values={f"v{i}": i > 0 for i in range(9)},
    )
    await compare(
        schema,
        "query @experimental_disableErrorPropagation { q { a } a }",
        is_compiled=False,
        root={"q": {}},
    )
    await compare(
        schema,
        "{ ...F } fragment F on Query { q { ...F } }",
        is_compiled=False,
        root={"q": {"q": None}},
    )


def one_field() -> GraphQLSchema:
    return make_schema(
        "type Query { a: String b: B } interface B { c: String } type C implements B { c: String }"
    )


async def test_a_replaced_function_gives_a_new_plan() -> None:
    schema = one_field()
    document = parse("{ a b { c } }")
    root = {"a": "x", "b": {"__typename": "C", "c": "y"}}

    async def both() -> Any:
        expected = await run(graphql.execute, schema, document, root)
        assert await run(dropin.execute, schema, document, root) == expected
        return expected.data

    assert await both() == {"a": "x", "b": {"c": "y"}}
    types: Any = schema.type_map
    types["Query"].fields["a"].resolve = lambda *a: "resolved"
    assert (await both())["a"] == "resolved"
    types["Query"].fields["a"].resolve = None
    types["B"].resolve_type = lambda *a: "Nope"
    assert (await both())["b"] is None
    types["B"].resolve_type = None
    types["C"].is_type_of = lambda *a: False
    assert (await both())["b"] is None


async def test_a_replaced_serialisation_gives_a_new_plan() -> None:
    schema = make_schema("scalar S type Query { s: S }")
    document = parse("{ s }")
    for number in range(3):
        scalar: Any = schema.type_map["S"]
        scalar.serialize = scalar.coerce_output_value = lambda value, n=number: value + n
        expected = await run(graphql.execute, schema, document, {"s": 1})
        assert (await run(dropin.execute, schema, document, {"s": 1})) == expected
        assert expected.data == {"s": 1 + number}


async def test_an_invalid_schema_raises() -> None:
    schema = GraphQLSchema()
    document = parse("{ a }")
    with pytest.raises(TypeError) as expected:
        graphql.execute(schema, document)
    with pytest.raises(TypeError) as found:
        dropin.execute(schema, document)
    assert str(found.value) == str(expected.value)
