"""Lists that can be iterated at once and asynchronously, as a QuerySet of Django can."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import graphql
import pytest

from gateway.integrations import graphql_core
from gateway.runtime import reference
from gateway.runtime.request import has_async_items
from tests.execute.reference import make_schema, run

pytestmark = pytest.mark.usefixtures("compiled_when_seen_again")


class BothWays:
    """Notes how it is iterated."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __iter__(self) -> Iterator[int]:
        self.asked.append("at once")
        return iter((1, 2))

    async def __aiter__(self) -> AsyncIterator[int]:
        self.asked.append("later")
        for number in (1, 2):
            yield number


def test_they_are_iterated_at_once_where_nothing_is_awaited() -> None:
    schema = make_schema("type Query { a: [Int] }")
    for _ in range(3):
        items = BothWays()
        found = graphql_core.graphql_sync(schema, "{ a }", {"a": items})
        assert found == graphql.ExecutionResult({"a": [1, 2]}, None)
        assert items.asked == ["at once"]


async def test_else_they_are_iterated_as_graphql_core_does() -> None:
    schema = make_schema("type Query { a: [Int] }")
    expected: Any = BothWays()
    await run(graphql.execute, schema, graphql.parse("{ a }"), {"a": expected})
    for _ in range(3):
        items = BothWays()
        found = await run(graphql_core.execute, schema, graphql.parse("{ a }"), {"a": items})
        assert found == graphql.ExecutionResult({"a": [1, 2]}, None)
        assert items.asked == expected.asked


def test_graphql_core_3_2_iterates_at_once_what_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "IS_3_3", False)
    both: Any = BothWays()
    assert not has_async_items(both)
    assert has_async_items(both.__aiter__())
