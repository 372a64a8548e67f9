"""Tasks, contexts, cancellation: what a resolver that suspends may do, and what it must not reach."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import pytest
from graphql import build_schema, parse

from gateway.client.vary import Vary
from gateway.graph.field_tree import FieldTree
from gateway.graph.loader import Loader
from gateway.graph.resolvers import BatchField
from gateway.integrations.graphql_core import execute
from tests.execute.reference import make_schema

SDL = "type Query { rows: [Row!]! other: String a: Row } type Row { id: Int! v: String w: String row: Row }"
ROWS = {"rows": [{"id": number} for number in range(100)], "other": "o"}
variable: ContextVar[str] = ContextVar("variable", default="unset")


async def test_a_timeout_inside_a_resolver_ends_that_resolver_alone() -> None:
    never = asyncio.Event()

    async def v(row: Any, _info: Any) -> str:
        await asyncio.sleep(0)
        if row["id"] == 57:
            async with asyncio.timeout(0):
                await never.wait()
        await asyncio.sleep(0)
        return "done"

    result = await execute(make_schema(SDL, {"Row.v": v}), parse("{ rows { id v } }"), ROWS)
    assert [row["id"] for row in result.data["rows"] if row["v"] is None] == [57]
    assert [error.path for error in result.errors] == [["rows", 57, "v"]]
    assert isinstance(result.errors[0].original_error, TimeoutError)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_each_resolver_has_a_context_of_its_own() -> None:
    async def v(row: Any, _info: Any) -> str:
        before = variable.get()
        variable.set(str(row["id"]))
        await asyncio.sleep(0)
        return f"{before} {variable.get()}"

    token = variable.set("outer")
    result = await execute(make_schema(SDL, {"Row.v": v}), parse("{ rows { id v } }"), ROWS)
    assert [row["v"] for row in result.data["rows"]] == [f"outer {n}" for n in range(100)]
    assert variable.get() == "outer"
    variable.reset(token)


async def test_each_resolver_has_a_task_of_its_own() -> None:
    tasks = set()

    async def v(row: Any, _info: Any) -> None:
        tasks.add(asyncio.current_task())
        await asyncio.sleep(0)

    await execute(make_schema(SDL, {"Row.v": v}), parse("{ rows { v } }"), ROWS)
    assert len(tasks) == 100
    assert asyncio.current_task() not in tasks


async def test_a_resolver_that_cancels_itself_cancels_the_run_and_its_siblings() -> None:
    """As graphql-core: cancellation is no error of a field and is never swallowed."""
    ended: list[int] = []

    async def v(row: Any, _info: Any) -> None:
        try:
            await asyncio.sleep(0)
            if row["id"] == 5:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            await asyncio.Event().wait()
        finally:
            ended.append(row["id"])

    run = asyncio.ensure_future(
        execute(make_schema(SDL, {"Row.v": v}), parse("{ rows { v } }"), ROWS)
    )
    with pytest.raises(asyncio.CancelledError):
        await run
    assert sorted(ended) == list(range(100))


class Batch:
    """A loader whose call waits until it is let go."""

    coordinate = "Row.w"
    source: str | None = None
    reads: FieldTree | None = None
    supplies: FieldTree | None = None
    vary: Vary | None = None

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.let_go = asyncio.Event()
        self.ended = False

    def project(self, wanted: FieldTree) -> Loader:
        return self

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Any
    ) -> list[Any]:
        self.started.set()
        try:
            await self.let_go.wait()
        finally:
            self.ended = True
        return [f"w{parent['id']}" for parent in parents]


@pytest.mark.parametrize("text", ["{ rows { w } }", "{ rows { w v } }"])
async def test_a_cancelled_request_cancels_its_work(text: str) -> None:
    ended: list[int] = []

    async def v(row: Any, _info: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(row["id"])

    batch = Batch()
    schema = make_schema(SDL, {"Row.v": v, "Row.w": BatchField(batch, "Row.w")})
    run = asyncio.ensure_future(execute(schema, parse(text), ROWS))
    await batch.started.wait()
    await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert batch.ended
    assert len(ended) == (100 if "v" in text else 0)


async def test_independent_steps_of_a_level_run_together() -> None:
    batch = Batch()

    async def v(_row: Any, _info: Any) -> str:
        await batch.started.wait()
        batch.let_go.set()
        return "v"

    schema = make_schema(SDL, {"Row.v": v, "Row.w": BatchField(batch, "Row.w")})
    result = await execute(schema, parse("{ rows { id v w } }"), ROWS)
    assert result.data["rows"][3] == {"id": 3, "v": "v", "w": "w3"}


async def test_no_step_runs_for_no_parents() -> None:
    batch = Batch()
    schema = make_schema(SDL, {"Row.w": BatchField(batch, "Row.w")})
    root: Any
    for root in ({"a": None, "rows": []}, {"a": ValueError("gone"), "rows": ()}):
        result = execute(schema, parse("{ a { w } rows { w } }"), root)
        assert result.data == {"a": None, "rows": []}
    assert not batch.started.is_set()


async def test_futures_and_other_awaitables_are_values_too() -> None:
    class Later:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return "later"

    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, "future")
    schema = make_schema(SDL, {"Row.v": lambda row, info: Later()})
    root = {"rows": [{"id": 1, "w": future}], "other": Later()}
    result = await execute(schema, parse("{ other rows { v w } }"), root)
    assert result.data == {"other": "later", "rows": [{"v": "later", "w": "future"}]}


def test_a_run_with_nothing_to_await_needs_no_loop() -> None:
    result = execute(
        make_schema(SDL, {"Row.v": lambda row, info: "v"}), parse("{ rows { v } }"), ROWS
    )
    assert result.data["rows"][0] == {"v": "v"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_a_resolver_that_does_not_suspend_waits_for_nobody() -> None:
    turns = 0

    async def v(_row: Any, _info: Any) -> str:
        return "v"

    def count() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(count)

    loop = asyncio.get_running_loop()
    loop.call_soon(count)
    await execute(make_schema(SDL, {"Row.v": v}), parse("{ rows { v } }"), ROWS)
    assert turns == 0


async def test_what_awaits_below_an_iterable_that_broke_has_its_place() -> None:
    schema = build_schema(
        "type Query { row: Row } type Row { items: [Item!] } type Item { a: Int! }"
    )

    async def fail() -> int:
        raise ValueError("late")

    def items() -> Iterator[dict[str, Any]]:
        yield {"a": fail()}
        yield {"a": fail()}
        raise ValueError("broken")

    result: Any = execute(schema, parse("{ row { items { a } } }"), {"row": {"items": items()}})
    answer = await result
    assert answer.data == {"row": {"items": None}}
    assert [error.path[:2] for error in answer.errors] == [["row", "items"]]
