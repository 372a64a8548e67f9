"""Callers that cannot wait: `execute_sync`, and graphql-core's functions with `check_sync`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import graphql
import pytest
import strawberry
from graphql import GraphQLSchema, build_schema, parse
from graphql.pyutils import is_awaitable

from gateway.integrations import graphql_core
from gateway.integrations.strawberry import CompiledSchema
from gateway.runtime import reference

pytestmark = pytest.mark.usefixtures("compiled_at_once")


def make_lenient_schema() -> GraphQLSchema:
    """Fields that have to be awaited, fail, and null what is above them."""

    async def later(*_: Any) -> int:
        return 1

    async def row(*_: Any) -> dict[str, Any]:
        return {}

    def fail(*_: Any) -> None:
        raise ValueError("no")

    resolvers: dict[str, Any] = {
        "later": later,
        "laterStrict": later,
        "wrong": lambda *_: "x",
        "fails": fail,
        "failsStrict": fail,
        "some": lambda *_: [1, later(), "x"],
        "row": lambda *_: {},
        "rowStrict": lambda *_: {},
        "rowLater": row,
        "rows": lambda *_: [{}, None, {}],
        "rowsStrict": lambda *_: [{}, {}],
    }
    fields = """later: Int laterStrict: Int! wrong: Int! fails: Int failsStrict: Int! some: [Int!]
        row: Row rowStrict: Row! rowLater: Row rows: [Row] rowsStrict: [Row!]!"""
    schema = build_schema("".join(f"type {name} {{ {fields} }}" for name in TYPES))
    for name in TYPES:
        named: Any = schema.type_map[name]
        for field_name, field in named.fields.items():
            field.resolve = partial(noting, resolvers[field_name])
    return schema


TYPES = ("Query", "Mutation", "Row")
LEAVES = ("later", "laterStrict", "wrong", "fails", "failsStrict", "some")
ROWS = ("row", "rowStrict", "rowLater", "rows", "rowsStrict")
ran: list[Any] = []


def noting(resolve: Any, root: Any, info: Any) -> Any:
    if info.parent_type.name == "Mutation":
        ran.append(info.path.key)
    return resolve(root, info)


def random_selection(random: Random, depth: int) -> str:
    fields = []
    for number in range(random.randint(1, 3)):
        name = random.choice(LEAVES + ROWS if depth else LEAVES)
        below = random_selection(random, depth - 1) if name in ROWS else ""
        fields.append(f"f{number}: {name} {below}")
    return "{ " + " ".join(fields) + " }"


@pytest.fixture
def collected_at_the_end() -> Iterator[None]:
    """graphql-core leaves coroutines; where a named tuple is being made, Python cannot even warn of them."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


def outcome(execute: Any, *given: Any) -> tuple[Any, list[Any], list[Any]]:
    """Data or why there is none, the errors, and the mutations that ran."""
    ran.clear()
    try:
        result = execute(*given, check_sync=True)
    except RuntimeError as error:
        return str(error), [], ran[:]
    errors = [(error.message, str(error.path)) for error in result.errors or ()]
    return result.data, sorted(errors), ran[:]


@pytest.mark.usefixtures("collected_at_the_end")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_answers_of_those_that_cannot_wait_are_graphql_cores() -> None:
    schema = make_lenient_schema()
    kinds = set()
    for seed in range(60):
        random = Random(seed)
        # 3.2 starts fields of a mutation that follow an asynchronous one.
        kind = random.choice(("query ", "mutation ")) if reference.IS_3_3 else "query "
        text = kind + random_selection(random, 3)
        expected = outcome(graphql.graphql_sync, schema, text)
        assert outcome(graphql_core.graphql_sync, schema, text) == expected, text
        assert outcome(graphql_core.execute_sync, schema, parse(text)) == expected, text
        kinds.add(type(expected[0]))
    assert kinds == {str, dict, type(None)}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_predicates_for_it() -> None:
    """One of a server's own is graphql-core's to ask, and may have no hash."""

    @dataclass
    class Asking:
        asked: int = 0

        def __call__(self, value: Any) -> bool:
            self.asked += 1
            return is_awaitable(value)

    schema = make_lenient_schema()
    text = "{ row { later wrong } }"
    expected = graphql.graphql_sync(schema, text, check_sync=True)
    own, found = Asking(), []
    for check in (True, is_awaitable, own, 1):
        found.append(graphql_core.graphql_sync(schema, text, check_sync=check))
    assert found == [expected] * 4
    assert own.asked > 0
    for check in (True, own):
        with pytest.raises(RuntimeError):
            graphql_core.graphql_sync(schema, "{ row { later } }", check_sync=check)


@strawberry.type
class Half:
    @strawberry.field
    async def later(self) -> int | None:
        return 1

    @strawberry.field
    async def later_strict(self) -> int:
        return 1

    @strawberry.field
    def bad(self) -> int:
        return "x"  # type: ignore[return-value]

    @strawberry.field
    def fails(self) -> int | None:
        raise ValueError("no")


@strawberry.type
class Halves:
    @strawberry.field
    def one(self) -> Half | None:
        return Half()

    @strawberry.field
    def many(self) -> list[Half | None]:
        return [Half(), Half()]

    @strawberry.field
    async def later(self) -> Half | None:
        return Half()


@pytest.mark.parametrize(
    "text",
    [
        "{ one { later bad } }",
        "{ one { bad later } other: one { fails } }",
        "{ one { laterStrict bad } }",
        "{ one { bad laterStrict } }",
        "{ many { later bad laterStrict } }",
        "{ one { later } }",
        "{ one { laterStrict } }",
        "{ one { later fails } }",
        "{ one { bad } many { later } }",
        "{ later { bad } one { bad } }",
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_what_is_nulled_need_not_be_awaited(text: str) -> None:
    expected = strawberry.Schema(Halves).execute_sync(text)
    schema = CompiledSchema(Halves)
    for _ in range(2):
        found = schema.execute_sync(text)
        assert found.data == expected.data
        assert [(e.message, e.path) for e in found.errors or ()] == [
            (e.message, e.path) for e in expected.errors or ()
        ]


def test_without_an_event_loop_it_is_closed(recwarn: pytest.WarningsRecorder) -> None:
    gc.collect()
    recwarn.clear()  # of what others have left
    schema = CompiledSchema(Halves)
    for text in ("{ one { later bad } }", "{ one { bad later } }", "{ one { later } }"):
        found = schema.execute_sync(text)
        assert found.errors
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


@strawberry.type
class Writes:
    @strawberry.mutation
    async def first(self) -> int | None:
        return 1

    @strawberry.mutation
    def second(self) -> int:
        written.append(1)
        return 2


written: list[int] = []


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
async def test_a_mutation_after_one_that_had_to_be_awaited_does_not_run() -> None:
    found = CompiledSchema(Halves, Writes).execute_sync("mutation { first second }")
    assert [error.message for error in found.errors or ()] == [
        "GraphQL execution failed to complete synchronously."
    ]
    assert written == []
