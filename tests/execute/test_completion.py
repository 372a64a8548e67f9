"""§6.4 of the specification, compiled: every case runs on graphql-core too, and both answers are the same."""

from __future__ import annotations

import re
from collections import ChainMap, OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.execute.reference import after, compare, make_schema

LEAVES = """
type Query { row: Row rows: [Row] strict: [Row!]! must: Row! deep: [[Row!]] }
type Row {
  id: ID text: String int: Int float: Float flag: Boolean color: Color
  id_: ID! text_: String! int_: Int! float_: Float! flag_: Boolean! color_: Color!
  texts: [String] texts_: [String!] grid: [[Int!]!] row: Row row_: Row! rows: [Row!]
}
enum Color { RED GREEN }
"""
SELECT = "id text int float flag color"
STRICT = "id_ text_ int_ float_ flag_ color_"


class Weird:
    """An object that serialises as text."""

    def __str__(self) -> str:
        return "weird"

    def __repr__(self) -> str:
        return "<weird>"


class Broken:
    """An object whose attribute raises."""

    @property
    def text(self) -> str:
        raise RuntimeError("broken property")


class Number(int):
    """A subclass of a plain type."""


VALUES = [
    None, "a", "", "5", 0, 5, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**60, True, False,
    1.0, 1.5, float("nan"), float("inf"), -float("inf"), "RED", "GREEN", "BLUE", [], [1], ["a"], {},
    {"a": 1}, (), b"x", Decimal("1.5"), Decimal("2"), Weird(), Number(7), ValueError("as a value"),
    object, Ellipsis,
]  # fmt: skip


def named(value: Any) -> str:
    """A case's name, the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


@pytest.mark.parametrize("value", VALUES, ids=named)
@pytest.mark.parametrize("form", [dict, SimpleNamespace])
async def test_every_leaf_of_every_kind_of_value(value: Any, form: Any) -> None:
    names = [*SELECT.split(), *STRICT.split()]
    schema = make_schema(LEAVES)
    for name in names:
        row = form(**{name: value})
        await compare(schema, f"{{ row {{ {name} }} }}", root={"row": row})
        await compare(
            schema,
            f"{{ rows {{ {name} }} strict {{ {name} }} }}",
            root={"rows": [row], "strict": [row]},
        )


@pytest.mark.parametrize("value", VALUES, ids=named)
async def test_values_in_lists_and_for_objects(value: Any) -> None:
    schema = make_schema(LEAVES)
    text = "{ row { texts texts_ grid rows { text } row { text } } rows { text row_ { text } } deep { text } }"
    await compare(
        schema, text, root={"row": {"texts": value, "rows": value}, "rows": value, "deep": value}
    )
    row = {
        "texts": [value],
        "texts_": [value],
        "grid": [value],
        "rows": [value],
        "row": value,
        "row_": value,
    }
    await compare(schema, text, root={"row": row, "rows": [row, value], "deep": [value]})
    row = {"grid": [[value]], "row_": {"text": "x"}}
    await compare(schema, text, root={"row": row, "rows": [row], "deep": [[value], [row]]})


async def test_several_errors_on_one_way_are_graphql_cores_own() -> None:
    schema = make_schema(LEAVES)
    row = {"text": 5, "int": "x", "text_": None, "int_": "y", "row": {"float": "z", "flag_": None}}
    text = f"{{ rows {{ int text_ float row {{ float flag_ }} {STRICT} }} strict {{ int text_ int_ }} row {{ row_ {{ int text_ }} }} }}"
    await compare(
        schema, text, root={"rows": [row, row], "strict": [row, row], "row": {"row_": row}}
    )
    await compare(schema, "{ must { int row_ { int row_ { int text_ int_ } } } row { int } }", root={
        "must": {"int": "a", "row_": {"int": "b", "row_": {"int": "c", "text_": None, "int_": "d"}}},
        "row": {"int": "e"},
    })  # fmt: skip


class Slotted:
    __slots__ = ("int", "text")

    def __init__(self, text: Any, number: Any) -> None:
        self.text = text
        self.int = number


@dataclass
class Data:
    text: Any
    int: Any = 3


class Pair(NamedTuple):
    text: Any
    int: Any


class Methods:
    int = 4

    def text(self, info: Any) -> str:
        return f"{info.field_name} at {info.path.as_list()}"


class Lazy:
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return f"lazy {name}"


class Map(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return {"text": "mapped"}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(["text"])

    def __len__(self) -> int:
        return 1


ROWS = [
    {"text": "a", "int": 1}, {"text": "b"}, {}, OrderedDict(text="c"), ChainMap({"text": "d"}), Map(), Slotted("e", 5),
    Data("f"), Pair("g", 6), Methods(), Lazy(), Broken(), 5, "text", None, [], ValueError("row"), Slotted.__new__(Slotted),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=named)
async def test_rows_of_every_form(row: Any) -> None:
    schema = make_schema(LEAVES)
    rows = [row, {"text": "x", "int": 2}, row, Data("y", "z")]
    await compare(schema, "{ rows { text int } }", root={"rows": rows})
    await compare(
        schema, "{ rows { row { text int } int } }", root={"rows": [{"row": r} for r in rows]}
    )
    resolved = make_schema(LEAVES, {"Row.int": lambda row, info: len(info.path.as_list())})
    await compare(resolved, "{ rows { text int row { text int } } }", root={"rows": rows})


async def test_rows_that_change_their_form_from_run_to_run() -> None:
    schema = make_schema(LEAVES)
    forms = iter(ROWS * 3)
    await compare(schema, "{ rows { text int } }", root=lambda: {"rows": [{"text": 1}] * 3})
    for _ in range(len(ROWS)):
        row = next(forms)
        await compare(schema, "{ rows { text int } }", root={"rows": [row] * 3})


def generate(*items: Any) -> Iterator[Any]:
    for item in items:
        if isinstance(item, Exception) and str(item) == "raise":
            raise item
        yield item


async def generate_later(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        if isinstance(item, Exception) and str(item) == "raise":
            raise item
        yield item


def gather(*items: Any) -> tuple[Any, ...]:
    return items


ITEMS: list[tuple[Any, ...]] = [
    (), ("a", "b"), ("a", None, 5), ("a", [], ValueError("raise"), "b"), (ValueError("item"),), (None, ValueError("raise")),
]  # fmt: skip


@pytest.mark.parametrize("make", [generate, generate_later, gather])
@pytest.mark.parametrize("items", ITEMS, ids=named)
async def test_iterables(make: Any, items: Any) -> None:
    schema = make_schema(LEAVES)
    for name in ("texts", "texts_"):

        def root(name: str = name) -> Any:
            return {"row": {name: make(*items)}}

        await compare(schema, f"{{ row {{ {name} }} }}", root=root)
    rows = [i if i is None or isinstance(i, Exception) else {"text": i} for i in items]
    for one in (schema, make_schema(LEAVES, {"Row.int": lambda row, info: 1})):
        await compare(one, "{ rows { text int } }", root=lambda: {"rows": make(*rows)})
        await compare(one, "{ strict { text int } }", root=lambda: {"strict": make(*rows)})


@pytest.mark.parametrize("value", [None, "a", 5, [], ValueError("late")], ids=named)
async def test_awaitables_everywhere(value: Any) -> None:
    schema = make_schema(LEAVES)
    resolved = make_schema(LEAVES, {"Row.int": lambda row, info: after(value)})
    text = "{ row { text text_ texts row { text_ } } rows { text int row_ { text int } } }"
    for one in (schema, resolved):
        await compare(one, text, exact=False, root=lambda: {
            "row": after({"text": after(value), "text_": after("x"), "texts": [after(value), "b"], "row": after(value)}),
            "rows": after([after({"text": after(value), "row_": lambda info: after({"text": value})}), None, {"row_": {}}]),
        })  # fmt: skip


async def test_callables_are_called_with_info_and_arguments() -> None:
    schema = make_schema(
        "type Query { a(n: Int = 3, t: String): String! b: Thing } type Thing { a(n: Int): String c: Thing }"
    )
    calls = []

    def a(info: Any, **arguments: Any) -> str:
        calls.append(arguments)
        return f"{sorted(arguments.items())} {info.path.as_list()} {info.parent_type}"

    root = {"a": a, "b": lambda info: {"a": a, "c": {"a": a}}}
    await compare(
        schema,
        'query ($x: Int) { a z: a(n: 1, t: "q") b { a(n: $x) y: a c { a } } }',
        root=root,
        variable_values={"x": 5},
    )
    assert len(calls) == 4 * 5
    await compare(schema, "query ($x: Int) { b { a(n: $x) } }", root=root)


HOSTILE = [
    "__proto__", "class", "None", "from", "__debug__", "self", "r", "w", "_", "p1", "lambda", "True", "c0", "Failed",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names(name: str) -> None:
    field = name if not name.startswith("__") else f"x{name}"
    schema = make_schema(f"type Query {{ {field}({field}: Int): {field}T }} type {field}T {{ {field}: String }}", {
        f"Query.{field}": lambda _root, _info, **arguments: {field: str(arguments)}
    })  # fmt: skip
    await compare(
        schema, f"query {field} {{ {name}: {field}({field}: 1) {{ {field} {name}: {field} }} }}"
    )


async def test_what_a_list_holds_is_not_changed() -> None:
    schema = make_schema(LEAVES, {"Row.int": lambda row, info: 1})
    rows = [{"text": "a", "rows": [{"text": 1}, None]}, None, ({"text": "b"})]
    root = {"rows": rows, "deep": [[None, {"text": "c"}], None]}
    before = repr(root)
    await compare(schema, "{ rows { text int rows { text int } } deep { int } }", root=root)
    assert repr(root) == before


@pytest.mark.parametrize("make", [generate, generate_later])
async def test_iterators_are_read_once_whatever_the_rows_turn_out_to_be(make: Any) -> None:
    """Rows that do not fit the code leave it half-way: what they took of an iterator is kept."""
    schema = make_schema(
        LEAVES,
        {
            "Row.texts": lambda row, info: make("a", None, 5),
            "Row.grid": lambda row, info: [make(1)],
        },
    )
    rows = [{"text": "x"}, Slotted("s", 1), {"text": "y"}, {}, Data("d"), Lazy(), None]
    await compare(schema, "{ rows { text texts grid int } }", root={"rows": rows}, exact=False)


async def test_what_an_awaitable_gives_is_not_awaited_again() -> None:
    """graphql-core awaits a resolver's result once and takes what comes for the value."""

    class Later:
        text = "an attribute"

        def __str__(self) -> str:
            return "the value itself"

        def __await__(self) -> Any:
            yield from after("never asked for").__await__()

    async def later(_row: Any, _info: Any) -> Any:
        return Later()

    schema = make_schema(LEAVES, {"Query.row": later, "Row.text_": later, "Row.row": later})
    await compare(schema, "{ row { text row { text } text_ } }", exact=False)


async def test_arguments_come_in_the_order_of_the_field() -> None:
    schema = make_schema("type Query { f(a: Int, b: Int = 7, c: Int, d: [Int] = [1]): String }", {
        "Query.f": lambda _root, _info, **arguments: repr(arguments)
    })  # fmt: skip
    for text in (
        "query ($x: Int) { f(c: $x) }",
        "query ($x: Int) { f(d: [2], a: $x, c: 1) }",
        "{ f(c: 3) }",
    ):
        await compare(schema, text, variable_values={"x": 5})


class Struct(msgspec.Struct):
    text: Any = None
    int: Any = None
    row: Any = None
    rows: Any = None

    def flag(self, _info: Any) -> bool:
        return True


@pytest.mark.parametrize(
    "value",
    [
        None,
        "a",
        lambda info: "called",
        lambda info: {"text": "c"},
        Slotted("s", 1),
        ValueError("e"),
    ],
)
async def test_structs_of_the_user_may_hold_anything(value: Any) -> None:
    schema = make_schema(LEAVES, {"Row.float": lambda row, info: 1.5})
    rows = [Struct(text=value, row=value, rows=[value]), Struct(row=Struct(text=value))]
    await compare(
        schema,
        "{ rows { text flag row { text float flag } rows { text float } } }",
        root={"rows": rows},
    )
