"""Subscriptions: graphql-core's source stream, a compiled run for each event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import graphql
import pytest
from graphql import ExecutionResult, parse
from graphql.pyutils import is_awaitable

from gateway.integrations import graphql_core as dropin
from gateway.runtime import reference
from tests.execute.reference import after, describe, make_schema

SDL = """
type Query { a: Int }
type Subscription { tick(n: Int = 3): Tick! plain: Int odd: Int }
type Tick { count: Int! note: String }
"""

pytestmark = pytest.mark.skipif(
    not reference.IS_3_3, reason="on graphql-core 3.2 subscribe is graphql-core's own"
)


class Ticks:
    """Source streams that note when they are closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def stream(self, n: int) -> AsyncIterator[Any]:
        try:
            for count in range(n):
                note = f"note {count}" if count else ValueError("no note")
                tick = {"count": None if count == 2 else count}
                yield {"tick": {**tick, "note": lambda info, note=note: after(note)}}
        finally:
            self.closed += 1


async def events(subscribe: Any, text: str, ticks: Ticks, **options: Any) -> Any:
    schema: Any = make_schema(SDL)
    fields = schema.subscription_type.fields
    fields["tick"].subscribe = lambda _root, _info, n: ticks.stream(n)
    fields["odd"].subscribe = lambda _root, _info: 5
    result = subscribe(
        schema, parse(text), {"plain": lambda info: after(ticks.stream(1))}, **options
    )
    result = await result if is_awaitable(result) else result
    if isinstance(result, ExecutionResult):
        return [(result.data, [describe(e) for e in result.errors or ()])]
    return [(event.data, [describe(e) for e in event.errors or ()]) async for event in result]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("subscription { tick { count note } }", {}),
        ("subscription ($n: Int) { t: tick(n: $n) { count } }", {"n": 2}),
        ("subscription ($n: Int) { tick(n: $n) { count } }", {"n": "x"}),
        ("subscription ($x: Boolean!) { tick { count @skip(if: $x) note } }", {"x": True}),
        ("subscription { plain }", {}),
        ("subscription { odd }", {}),
        ("subscription { unknown }", {}),
    ],
)
async def test_events_are_graphql_cores(text: str, variables: dict[str, Any]) -> None:
    before = sum(dropin.fallbacks.values())
    ticks, reference_ticks = Ticks(), Ticks()
    found = await events(dropin.subscribe, text, ticks, variable_values=variables)
    expected = await events(graphql.subscribe, text, reference_ticks, variable_values=variables)
    assert found == expected
    assert ticks.closed == reference_ticks.closed
    assert sum(dropin.fallbacks.values()) == before


async def test_a_stream_that_is_left_closes_its_source() -> None:
    ticks = Ticks()
    schema: Any = make_schema(SDL)
    schema.subscription_type.fields["tick"].subscribe = lambda _root, _info, n: ticks.stream(n)
    stream = dropin.subscribe(schema, parse("subscription { tick { count } }"))
    assert (await anext(stream)).data == {"tick": {"count": 0}}
    await stream.aclose()
    assert ticks.closed == 1


async def test_what_is_closed_is_the_iterator_that_an_iterable_gave() -> None:
    ticks = Ticks()
    events = ticks.stream(3)

    class Iterable:
        def __aiter__(self) -> AsyncIterator[Any]:
            return events

    class Unclosable:
        def __aiter__(self) -> AsyncIterator[Any]:
            return self

        async def __anext__(self) -> Any:
            return {"tick": {"count": 0}}

        async def aclose(self) -> None:
            raise RuntimeError("cannot be closed")

    schema: Any = make_schema(SDL)
    document = parse("subscription { tick { count } }")
    for source in (Iterable(), Unclosable()):
        schema.subscription_type.fields["tick"].subscribe = lambda _root, _info, n, s=source: s
        stream = dropin.subscribe(schema, document)
        assert (await anext(stream)).data == {"tick": {"count": 0}}
        await stream.aclose()
    assert ticks.closed == 1


async def test_arguments_by_position_are_graphql_cores() -> None:
    schema: Any = make_schema(SDL)
    root = {"plain": lambda info: after(Ticks().stream(1))}
    document = parse("subscription S { plain }")
    before = sum(dropin.fallbacks.values())
    more: list[Any] = [root, "context", {}, "S", None, None, None, 50, False, None, None, True]
    for subscribe in (graphql.subscribe, dropin.subscribe):
        events: Any = await subscribe(schema, document, *more)  # type: ignore[misc]
        assert [event.data async for event in events] == [{"plain": None}]
    assert sum(dropin.fallbacks.values()) == before


async def test_what_is_no_subscription_raises() -> None:
    with pytest.raises(graphql.GraphQLError, match="Expected subscription operation"):
        dropin.subscribe(make_schema(SDL), parse("{ a }"))
