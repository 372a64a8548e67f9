"""Subscriptions below the transports: admission, events, errors, and what a stream leaves behind."""

from __future__ import annotations

import math
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.answer import Answer
from gateway.context import Context
from gateway.pipeline import GraphQLParams, Pipeline
from gateway.testing import GatewayClient

SCHEMA = """
type Query { a: Int }
type Mutation { b: Int }
type Subscription {
  ticks(to: Int! = 3): Tick!
  failing(at: Int!): Int!
  refused: Int
  broken: Int
  odd: Int
}
type Tick { number: Int! half: Int! memo: String deadline: Float }
"""
RESOLVERS = """
from gateway import ClientError, context_factory, resolver, subscription

seen = {"opened": [], "closed": 0, "contexts": 0}


@context_factory
def per_execution(context):
    seen["contexts"] += 1
    return {"number": seen["contexts"]}


@resolver("Query.a")
def a(parent, context):
    return 1


@resolver("Mutation.b")
def b(parent, context):
    return 2


@subscription("Subscription.ticks")
async def ticks(root, context, to):
    seen["opened"].append(context.deadline)
    try:
        for number in range(to):
            yield {"number": number}
    finally:
        seen["closed"] += 1


@resolver("Tick.half")
def half(parent, context):
    if parent["number"] % 2:
        raise RuntimeError("a secret")
    return parent["number"] // 2


@resolver("Tick.memo")
def memo(parent, context):
    context.memo["n"] = context.memo.get("n", 0) + 1
    return f"{context.memo['n']} {context.state['number']}"


@resolver("Tick.deadline")
def deadline(parent, context):
    return context.deadline


@subscription("Subscription.failing")
async def failing(root, context, at):
    for number in range(at):
        yield number
    raise RuntimeError("another secret")


@subscription("Subscription.refused")
async def refused(root, context):
    raise ClientError("Not for you.", code="FORBIDDEN", http_status=403)


@subscription("Subscription.broken")
async def broken(root, context):
    raise RuntimeError("a third secret")


@subscription("Subscription.odd")
def odd(root, context):
    return 5
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "stream_resolvers.py").write_text(RESOLVERS)
    (tmp_path / "gateway.toml").write_text(
        '[graph]\nschema = ["schema.graphql"]\nresolvers = "stream_resolvers"\n'
        f'[logs]\nerrors = "{tmp_path}/errors.log"\n'
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("stream_resolvers", None)


@pytest.fixture
async def pipeline(project: Path) -> AsyncIterator[tuple[Pipeline, Any]]:
    async with GatewayClient(project / "gateway.toml") as client:

        async def new_context() -> Context:
            return await client.app.make_context({}, {}, "request", None, None)

        yield client.app.endpoint.pipeline, new_context


def seen() -> dict[str, Any]:
    found: dict[str, Any] = sys.modules["stream_resolvers"].seen
    return found


async def answers(pipeline: tuple[Pipeline, Any], query: str, **variables: Any) -> list[Any]:
    """The answers of a subscription; one alone, not in a list, for what is no stream."""
    stages, new_context = pipeline
    result = await stages.subscribe(GraphQLParams(query, variables), new_context)
    if isinstance(result, Answer):
        return [result.status, orjson.loads(result.body)]
    return [orjson.loads(answer.body) async for answer in result]


async def test_each_event_is_one_execution(pipeline: tuple[Pipeline, Any]) -> None:
    found = await answers(pipeline, "subscription ($n: Int!) { ticks(to: $n) { number } }", n=2)
    assert found == [{"data": {"ticks": {"number": 0}}}, {"data": {"ticks": {"number": 1}}}]
    assert seen()["closed"] == 1


async def test_events_have_contexts_of_their_own(pipeline: tuple[Pipeline, Any]) -> None:
    found = await answers(pipeline, "subscription { ticks { memo other: memo deadline } }")
    ticks = [item["data"]["ticks"] for item in found]
    # One context is the source stream's, which has no deadline.
    assert [tick["memo"] for tick in ticks] == ["1 2", "1 3", "1 4"]
    assert [tick["other"] for tick in ticks] == ["2 2", "2 3", "2 4"]
    assert all(tick["deadline"] for tick in ticks)
    assert seen()["opened"] == [math.inf]


async def test_errors_of_events_are_masked_and_end_nothing(
    pipeline: tuple[Pipeline, Any], project: Path
) -> None:
    found = await answers(pipeline, "subscription { ticks { half } }")
    assert [item["data"] for item in found] == [
        {"ticks": {"half": 0}},
        None,
        {"ticks": {"half": 1}},
    ]
    (error,) = found[1]["errors"]
    assert error["message"] == "Internal server error"
    assert error["path"] == ["ticks", "half"]
    assert error["extensions"]["errorId"] in (project / "errors.log").read_text()


async def test_a_source_that_fails_ends_the_stream(pipeline: tuple[Pipeline, Any]) -> None:
    *events, last = await answers(pipeline, "subscription { failing(at: 2) }")
    assert events == [{"data": {"failing": 0}}, {"data": {"failing": 1}}]
    assert "data" not in last
    assert [e["message"] for e in last["errors"]] == ["Internal server error"]


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("subscription { refused }", 403, "Not for you."),
        ("subscription { broken }", 500, "Internal server error"),
        ("subscription { unknown }", 400, "Cannot query field"),
        ("subscription { ticks(to: 1) { number } refused }", 400, "must select only one top level"),
        ("subscription ($n: Int!) { ticks(to: $n) { number } }", 400, "to be provided"),
        ("subscription {", 400, "Syntax Error"),
        ("subscription { odd }", 500, "Internal server error"),
    ],
)
async def test_what_is_refused_is_one_answer(
    pipeline: tuple[Pipeline, Any], query: str, status: int, message: str
) -> None:
    found = await answers(pipeline, query)
    assert found[0] == status
    assert message in found[1]["errors"][0]["message"]
    assert "data" not in found[1]


async def test_queries_and_mutations_give_one_answer(pipeline: tuple[Pipeline, Any]) -> None:
    assert await answers(pipeline, "{ a }") == [200, {"data": {"a": 1}}]
    assert await answers(pipeline, "mutation { b }") == [200, {"data": {"b": 2}}]
    stages, new_context = pipeline
    answer = await stages.subscribe(GraphQLParams("mutation { b }"), new_context, read_only=True)
    assert isinstance(answer, Answer)
    assert answer.status == 405


async def test_leaving_a_stream_closes_its_source(pipeline: tuple[Pipeline, Any]) -> None:
    stages, new_context = pipeline
    stream = await stages.subscribe(GraphQLParams("subscription { ticks { number } }"), new_context)
    assert not isinstance(stream, Answer)
    await anext(stream)
    assert seen()["closed"] == 0
    await stream.aclose()
    assert seen()["closed"] == 1


async def test_texts_that_differ_in_literals_share_a_plan(pipeline: tuple[Pipeline, Any]) -> None:
    for to in (1, 2):
        found = await answers(pipeline, f"subscription {{ ticks(to: {to}) {{ number }} }}")
        assert len(found) == to
    assert pipeline[0].plans.counters.misses == 1
