"""Subscriptions below the transports: admission, events, errors, and what a stream leaves behind."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import value_of
from gateway.context import Context
from gateway.pipeline.feed import Stream
from gateway.pipeline.operation import GraphQLParams, Operation
from gateway.pipeline.subscriptions import Subscriptions
from gateway.response.record import Answer
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
  news(topic: String!): News!
  shared(n: Int = 0): Int!
}
type News { text: String! number: Int! who: String all: String }
type Tick { number: Int! half: Int! memo: String deadline: Float }
"""
RESOLVERS = """
from gateway import ClientError, context_factory, resolver, subscription

seen = {"opened": [], "closed": 0, "contexts": 0}


@context_factory(vary=())
def per_execution(context):
    seen["contexts"] += 1
    return {"number": seen["contexts"]}


@resolver("Query.a", vary=())
def a(parent, context):
    return 1


@resolver("Mutation.b", vary=())
def b(parent, context):
    return 2


@subscription("Subscription.ticks", vary=())
async def ticks(root, context, to):
    seen["opened"].append(context.deadline)
    try:
        for number in range(to):
            yield {"number": number}
    finally:
        seen["closed"] += 1


@resolver("Tick.half", vary=())
def half(parent, context):
    if parent["number"] % 2:
        raise RuntimeError("a secret")
    return parent["number"] // 2


@resolver("Tick.memo", vary=())
def memo(parent, context):
    context.memo["n"] = context.memo.get("n", 0) + 1
    return f"{context.memo['n']} {context.state['number']}"


@resolver("Tick.deadline", vary=())
def deadline(parent, context):
    return context.deadline


@subscription("Subscription.failing", vary=())
async def failing(root, context, at):
    for number in range(at):
        yield number
    raise RuntimeError("another secret")


@subscription("Subscription.refused", vary=())
async def refused(root, context):
    raise ClientError("Not for you.", code="FORBIDDEN", http_status=403)


@subscription("Subscription.broken", vary=())
async def broken(root, context):
    raise RuntimeError("a third secret")


@subscription("Subscription.odd", vary=())
def odd(root, context):
    return 5


@subscription("Subscription.news", topic="news.{topic}", vary=())
async def news(event, context, topic):
    seen["executions"] = seen.get("executions", 0) + 1
    return {"text": event["text"], "number": seen["executions"]}


@resolver("News.who", vary=["x-user"])
def who(parent, context):
    return context.headers.get("x-user")


@resolver("News.all", vary=["x-user"])
def everything(parent, context):
    return " ".join(context.headers)


@subscription("Subscription.shared", shared=True, vary=())
async def shared(root, context, n=0):
    seen["opened"].append(n)
    try:
        async for event in context.pubsub.subscribe("numbers"):
            yield event + n
    finally:
        seen["closed"] += 1
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
async def pipeline(project: Path) -> AsyncIterator[tuple[Subscriptions, Any]]:
    async with GatewayClient(project / "gateway.toml") as client:

        async def new_context(**headers: str) -> Context:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await value_of(client.app.worker.serving().new_context(ClientRequest(named)))

        global SERVING
        SERVING = client.app.worker.serving()
        yield SERVING.subscriptions, new_context
        SERVING = None


def seen() -> dict[str, Any]:
    found: dict[str, Any] = sys.modules["stream_resolvers"].seen
    return found


SERVING: Any = None
"""What the operations of the test that runs are answered by."""


def operation(
    query: str,
    variables: Any = None,
    *,
    read_only: bool = False,
    client: ClientRequest | None = None,
) -> Operation:
    return Operation(
        GraphQLParams(query, variables), client or ClientRequest({}), SERVING, read_only=read_only
    )


async def answers(pipeline: tuple[Subscriptions, Any], query: str, **variables: Any) -> list[Any]:
    """The answers of a subscription; one alone, not in a list, for what is no stream."""
    stages, new_context = pipeline
    result = await stages.answer(operation(query, variables), new_context)
    if isinstance(result, Answer):
        return [result.status, orjson.loads(result.body)]
    return [orjson.loads(answer.body) async for answer in result]


async def test_each_event_is_one_execution(pipeline: tuple[Subscriptions, Any]) -> None:
    found = await answers(pipeline, "subscription ($n: Int!) { ticks(to: $n) { number } }", n=2)
    assert found == [{"data": {"ticks": {"number": 0}}}, {"data": {"ticks": {"number": 1}}}]
    assert seen()["closed"] == 1


async def test_events_have_contexts_of_their_own(pipeline: tuple[Subscriptions, Any]) -> None:
    found = await answers(pipeline, "subscription { ticks { memo other: memo deadline } }")
    ticks = [item["data"]["ticks"] for item in found]
    # One context is the source stream's, which has no deadline.
    assert [tick["memo"] for tick in ticks] == ["1 2", "1 3", "1 4"]
    assert [tick["other"] for tick in ticks] == ["2 2", "2 3", "2 4"]
    assert all(tick["deadline"] for tick in ticks)
    assert seen()["opened"] == [math.inf]


async def test_errors_of_events_are_masked_and_end_nothing(
    pipeline: tuple[Subscriptions, Any], project: Path
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


async def test_a_source_that_fails_ends_the_stream(pipeline: tuple[Subscriptions, Any]) -> None:
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
    pipeline: tuple[Subscriptions, Any], query: str, status: int, message: str
) -> None:
    found = await answers(pipeline, query)
    assert found[0] == status
    assert message in found[1]["errors"][0]["message"]
    assert "data" not in found[1]


async def test_queries_and_mutations_give_one_answer(pipeline: tuple[Subscriptions, Any]) -> None:
    assert await answers(pipeline, "{ a }") == [200, {"data": {"a": 1}}]
    assert await answers(pipeline, "mutation { b }") == [200, {"data": {"b": 2}}]
    stages, new_context = pipeline
    answer = await stages.answer(operation("mutation { b }", read_only=True), new_context)
    assert isinstance(answer, Answer)
    assert answer.status == 405


async def test_leaving_a_stream_closes_its_source(pipeline: tuple[Subscriptions, Any]) -> None:
    stages, new_context = pipeline
    stream = await stages.answer(operation("subscription { ticks { number } }"), new_context)
    assert not isinstance(stream, Answer)
    await anext(stream)
    assert seen()["closed"] == 0
    await stream.aclose()
    assert seen()["closed"] == 1


async def test_texts_that_differ_in_literals_share_a_plan(
    pipeline: tuple[Subscriptions, Any],
) -> None:
    for to in (1, 2):
        found = await answers(pipeline, f"subscription {{ ticks(to: {to}) {{ number }} }}")
        assert len(found) == to
    assert pipeline[0].pipeline.plans.counters.misses == 1


NEWS = 'subscription { news(topic: "a") { text number } }'


async def opened(pipeline: tuple[Subscriptions, Any], query: str = NEWS, **headers: str) -> Stream:
    stages, new_context = pipeline

    async def for_client() -> Context:
        context: Context = await new_context(**headers)
        return context

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    stream = await stages.answer(operation(query, client=ClientRequest(named)), for_client)
    assert isinstance(stream, Stream)
    return stream


async def publish(pipeline: tuple[Subscriptions, Any], topic: str, payload: Any) -> None:
    context: Context = await pipeline[1]()
    await context.pubsub.publish(topic, payload)


async def test_equal_subscriptions_execute_an_event_once(
    pipeline: tuple[Subscriptions, Any],
) -> None:
    streams = [await opened(pipeline, x_other=str(number)) for number in range(3)]
    for number in (1, 2):
        await publish(pipeline, "news.a", {"text": "new"})
        found = [await anext(stream) for stream in streams]
        assert orjson.loads(found[0].body) == {"data": {"news": {"text": "new", "number": number}}}
        assert all(answer.body is found[0].body for answer in found)
    for stream in streams:
        await stream.aclose()
    assert pipeline[0].streams.feeds == {}


async def test_what_may_differ_is_not_shared(pipeline: tuple[Subscriptions, Any]) -> None:
    who = 'subscription { news(topic: "a") { number who } }'
    streams = [
        await opened(pipeline, who, x_user="ada"),
        await opened(pipeline, who, x_user="bob"),
        await opened(pipeline, who, x_user="ada"),
        await opened(pipeline, NEWS, x_user="ada"),
        await opened(pipeline, NEWS.replace('"a"', '"b"'), x_user="ada"),
    ]
    assert len(pipeline[0].streams.feeds) == 4
    await publish(pipeline, "news.a", {"text": "new"})
    await publish(pipeline, "news.b", {"text": "new"})
    found = [orjson.loads((await anext(stream)).body)["data"]["news"] for stream in streams]
    assert [news.get("who") for news in found[:3]] == ["ada", "bob", "ada"]
    assert sorted({news["number"] for news in found}) == [1, 2, 3, 4]
    for stream in streams:
        await stream.aclose()


async def test_a_shared_generator_is_opened_once_and_closed_with_its_last_listener(
    pipeline: tuple[Subscriptions, Any],
) -> None:
    query = "subscription { shared }"
    first, second = await opened(pipeline, query), await opened(pipeline, query)
    other = await opened(pipeline, "subscription { shared(n: 5) }")
    waiting = [asyncio.ensure_future(anext(stream)) for stream in (first, second, other)]
    while len(seen()["opened"]) < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await publish(pipeline, "numbers", 1)
    found = [orjson.loads((await one).body)["data"]["shared"] for one in waiting]
    assert found == [1, 1, 6]
    assert seen()["opened"] == [0, 5]
    await first.aclose()
    await asyncio.sleep(0)
    assert seen()["closed"] == 0
    await second.aclose()
    third = await opened(pipeline, query)
    await asyncio.sleep(0)
    assert seen()["opened"] == [0, 5, 0]
    await other.aclose()
    await third.aclose()
    while seen()["closed"] < 3:
        await asyncio.sleep(0)


async def test_a_slow_listener_of_a_shared_stream_ends_alone(
    pipeline: tuple[Subscriptions, Any],
) -> None:
    pipeline[0].streams._max_queue = 2
    slow, fast = await opened(pipeline), await opened(pipeline)
    for _ in range(3):
        await publish(pipeline, "news.a", {"text": "new"})
        await anext(fast)
    answers = [answer async for answer in slow]
    assert [answer.has_data for answer in answers] == [False]
    assert slow.record.error_codes == ["SLOW_CONSUMER"]
    await publish(pipeline, "news.a", {"text": "new"})
    assert (await anext(fast)).has_data
    await fast.aclose()


async def test_nothing_is_shared_where_reads_are_not_known(
    pipeline: tuple[Subscriptions, Any],
) -> None:
    """A function that does not declare may read anything: no key can hold that."""
    pipeline[0].streams._ambient = None
    streams = [await opened(pipeline, x_user="ada"), await opened(pipeline, x_user="ada")]
    assert pipeline[0].streams.feeds == {}
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0)
    await publish(pipeline, "news.a", {"text": "new"})
    found = [orjson.loads((await one).body)["data"]["news"]["number"] for one in waiting]
    assert sorted(found) == [1, 2], "each event is executed for each of them"
    for stream in streams:
        await stream.aclose()


async def test_a_shared_execution_sees_nothing_that_may_differ(
    pipeline: tuple[Subscriptions, Any],
) -> None:
    query = 'subscription { news(topic: "a") { all } }'
    stream = await opened(pipeline, query, cookie="a", x_user="ada")
    await publish(pipeline, "news.a", {"text": "new"})
    assert orjson.loads((await anext(stream)).body) == {"data": {"news": {"all": "x-user"}}}
    await stream.aclose()


async def test_parameters_of_connections_count(pipeline: tuple[Subscriptions, Any]) -> None:
    stages, new_context = pipeline
    streams = []
    for token in ("a", "b", "a"):

        async def with_token(token: str = token) -> Context:
            context: Context = await new_context()
            context.connection_params = {"token": token}
            return context

        client = ClientRequest({}, connection_params={"token": token})
        stream = await stages.answer(operation(NEWS, client=client), with_token)
        assert isinstance(stream, Stream)
        streams.append(stream)
    assert len(stages.streams.feeds) == 2
    for stream in streams:
        await stream.aclose()
