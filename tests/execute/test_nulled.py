"""What an error nulls while a run still waits: who is cancelled, who is left alone, and which errors are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import graphql
import pytest
from graphql import parse
from graphql.pyutils import is_awaitable

from gateway.integrations import graphql_core as dropin
from gateway.runtime import reference
from tests.execute.reference import after, describe, make_schema

pytestmark = [
    pytest.mark.skipif(not reference.IS_3_3, reason="graphql-core 3.2 neither cancels nor drains"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]
SDL = """
type Query { must: Int! may: Int never: Int t: T ts: [T] strict: [T!] nums: [Int!] any: [Int] deep: Query! soft: Query }
type T { must: Int! may: Int never: Int t: T nums: [Int!] all: [T!]! matrix: [[T]!]! }
"""


class Never:
    """A resolver that waits for ever, and notes how each of its calls ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def __call__(self, *_arguments: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise


async def fail(*_arguments: Any) -> Any:
    raise ValueError("failed")


async def null(*_arguments: Any) -> Any:
    await asyncio.sleep(0)


async def both(schema: Any, text: str, root: Any = None) -> Any:
    """The result, when graphql-core's is the same."""
    answers = []
    executors: list[Any] = [graphql.execute, dropin.execute]
    for execute in executors:
        result: Any = execute(schema, parse(text), root() if callable(root) else root)
        was_awaited = is_awaitable(result)
        if was_awaited:
            result = await asyncio.wait_for(result, 5)
        answers.append(
            (result.data, sorted(map(repr, map(describe, result.errors or ()))), was_awaited)
        )
    assert answers[0] == answers[1]
    return result


@pytest.mark.parametrize("failing", [fail, null])
@pytest.mark.parametrize(
    ("text", "cancelled"),
    [
        ("{ must never }", 1),
        ("{ never must may }", 1),
        ("{ may t { never must } }", 1),
        ("{ ts { must never } }", 2),
        ("{ strict { never must } }", 2),
        ("{ t { t { must never } } soft { must } }", 1),
        ("{ soft { soft { must never } may } }", 1),
    ],
)
async def test_siblings_of_an_error_are_cancelled(text: str, cancelled: int, failing: Any) -> None:
    """Where graphql-core does not wait for ever, neither does a plan."""
    never = Never()
    schema = make_schema(SDL, {
        "Query.never": never, "T.never": never, "Query.must": failing, "T.must": failing, "Query.soft": lambda *a: after({}),
    })  # fmt: skip
    await both(schema, text, {"t": {"t": {}}, "ts": [{}, {}], "strict": [{}, {}], "may": 1})
    assert never.ended == ["cancelled"] * 2 * cancelled


async def test_an_item_that_fails_cancels_the_others() -> None:
    never = Never()

    async def items() -> AsyncIterator[Any]:
        yield fail()
        yield never()

    async def later() -> Any:
        return [fail(), never()]

    for nums in (later, items):
        result = await both(
            make_schema(SDL, {"Query.nums": lambda *a, n=nums: n()}), "{ nums may }"
        )
        assert result.data == {"nums": None, "may": None}
    assert never.ended == ["cancelled"] * 4


async def test_an_error_without_waiting_waits_for_nobody() -> None:
    """What is awaitable below the position that it nulls is settled in the background."""
    ended: list[str] = []

    async def slow(*_arguments: Any) -> int:
        await asyncio.sleep(0)
        ended.append("slow")
        return 1

    schema = make_schema(
        SDL,
        {
            "Query.may": slow,
            "Query.must": lambda *a: None,
            "T.may": slow,
            "T.must": lambda *a: None,
        },
    )
    result = await both(schema, "{ may must }")
    assert result.data is None
    for _ in range(3):
        await asyncio.sleep(0)
    assert ended == ["slow"] * 2
    result = await both(
        schema,
        "{ t { may must } strict { may must } any }",
        {"t": {}, "strict": [{}, {}], "any": [1]},
    )
    assert result.data == {"t": None, "strict": None, "any": [1]}


def test_without_an_event_loop_what_is_left_is_closed() -> None:
    started: list[str] = []

    async def slow(*_arguments: Any) -> None:
        started.append("slow")

    schema = make_schema(SDL, {"Query.may": slow, "Query.must": lambda *a: 1 / 0})
    result = dropin.execute(schema, parse("{ may must }"))
    assert result.data is None
    assert [error.message for error in result.errors] == ["division by zero"]
    assert started == []


async def test_an_iterator_that_raises_is_drained() -> None:
    class Items:
        def __init__(self) -> None:
            self.taken = 0

        def __iter__(self) -> Iterator[Any]:
            return self

        def __next__(self) -> Any:
            self.taken += 1
            if self.taken == 2:
                raise ValueError("bad")
            if self.taken > 4:
                raise StopIteration
            return fail() if self.taken == 3 else self.taken

    made: list[Items] = []

    def items(*_arguments: Any) -> Items:
        made.append(Items())
        return made[-1]

    for resolvers in ({"Query.any": items}, {"Query.nums": items}):
        result = await both(make_schema(SDL, resolvers), "{ any nums }")
        assert [error.message for error in result.errors] == ["bad"]
    assert [item.taken for item in made] == [5] * 4


async def test_errors_of_siblings_that_were_awaited_together_are_told() -> None:
    """As graphql-core tells them: those that came before the error had been heard of."""
    nest: Any = {"must": fail, "never": lambda *a: 1 / 0}
    calls: Any = {key: (lambda info, f=f: f()) for key, f in nest.items()}
    schema = make_schema(SDL, {
        "Query.deep": lambda *a: after({"must": None}),
        "Query.soft": lambda *a: after({**calls}),
        "Query.t": lambda *a: after({**calls}),
    })  # fmt: skip
    for text in (
        "{ deep { must } soft { never } may }",
        "{ soft { never } deep { must } t { must } }",
        "{ t { must } soft { never must } may }",
        "{ ts { must never may } strict { never must } }",
        "{ strict { may must } soft { soft { deep { must } may } } }",
    ):
        await both(
            schema,
            text,
            lambda: {
                "ts": [calls, {"must": 1}],
                "strict": [{"may": lambda info: fail(), "must": None}],
            },
        )


@pytest.mark.parametrize("name", ["all", "matrix"])
@pytest.mark.parametrize("broken", [None, ValueError("returned"), "raised"])
async def test_a_list_that_is_still_awaited_is_no_null(name: str, broken: Any) -> None:
    """Though a sibling in the same column is one, or an error: that nulls its own parent only."""

    async def items() -> AsyncIterator[Any]:
        for number in range(3):
            yield {"may": number} if name == "all" else after([{"may": number}])

    def resolve(number: int, _info: Any) -> Any:
        if number != 1:
            return items()
        return broken if broken != "raised" else 1 / 0

    resolved: Any = {"T.never": lambda row, _info: row["may"]}  # the rows of the lists are gathered
    for resolvers in ({f"T.{name}": resolve}, {f"T.{name}": resolve, **resolved}):
        schema = make_schema(SDL, resolvers)
        field = "never" if "T.never" in resolvers else "may"
        result = await both(schema, f"{{ ts {{ {name} {{ {field} }} }} }}", {"ts": [0, 1, 2]})
        rows: list[Any] = [{field: number} for number in range(3)]
        expected = rows if name == "all" else [[row] for row in rows]
        assert result.data == {"ts": [{name: expected}, None, {name: expected}]}


@pytest.mark.parametrize(
    "text",
    [
        # `must` gives what is no number: an error that waits for nothing, beside something that is awaited.
        "{ strict { nums must } t { may } }",
        "{ soft { deep { strict { nums must } } ts { must } } t { may } }",
        "mutation { later { nums } second { must } }",
        "mutation { later { may must } second { t { may must } } }",
    ],
)
async def test_an_error_without_waiting_is_one_for_all_that_it_nulls(text: str) -> None:
    """Of what stands after it, and was awaited beside or below it, nobody hears."""
    schema = make_schema(
        SDL + "type Mutation { later: T second: T! }",
        {
            "Query.must": lambda *_: "no number",
            "T.must": lambda *_: "no number",
            "Query.may": fail,
            "T.may": fail,
            "T.never": null,
            "Query.never": null,
            "T.nums": lambda *_: [1, after(2), "no number"],
            "Mutation.later": lambda *_: after({}),
        },
    )

    def root() -> dict[str, Any]:
        found: dict[str, Any] = {"t": {"t": {}}, "ts": [{}, {}], "strict": [{"t": {}}, {"t": {}}]}
        found |= {"second": {"t": {}}}
        return found | {"deep": {**found, "deep": found}, "soft": found}

    await both(schema, text, root)
