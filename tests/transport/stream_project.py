"""The schema and resolvers of the tests of streaming transports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
type Query { hello(name: String = "you"): String params: String pid: Int! slow: Int fails: Int }
type Mutation { say(text: String!): String! }
type Subscription {
  said(room: String = "hall"): Said!
  count(to: Int!): Int!
  forever: Int!
  shared: Int!
  ending(how: String!): Int!
  sharedEnding: Int!
  failing: Int!
  refused: Int!
}
type Said { text: String! number: Int! }
"""
RESOLVERS = """
import asyncio
import json
import os
from gateway import ClientError, context_factory, resolver, subscription

state = {"executions": 0, "opened": 0, "closed": 0, "gate": None, "steps": [], "rest": None}


@context_factory(vary=["x-bad"])
def begin(context):
    if context.connection_params.get("token") == "wrong":
        raise ClientError("The token is wrong.", code="UNAUTHENTICATED")
    if context.connection_params.get("token") == "broken":
        raise RuntimeError("a secret")
    return {}


@resolver("Query.hello", vary=())
def hello(parent, context, name=None):
    return f"hello {name}"


@resolver("Query.params")
def params(parent, context):
    return json.dumps([context.connection_params, context.client_name])


@resolver("Query.pid", vary=())
def pid(parent, context):
    return os.getpid()


@resolver("Query.slow", vary=())
async def slow(parent, context):
    await state["gate"].wait()
    return 1


@resolver("Query.fails", vary=())
def fails(parent, context):
    raise RuntimeError("a secret")


@resolver("Mutation.say", vary=())
async def say(parent, context, text):
    await context.pubsub.publish("said.hall", {"text": text})
    return text


@subscription("Subscription.said", topic="said.{room}", vary=())
def said(event, context, room=None):
    state["executions"] += 1
    return {"text": event["text"], "number": state["executions"]}


@subscription("Subscription.count", vary=())
async def count(root, context, to):
    for number in range(to):
        yield number


@subscription("Subscription.forever", vary=())
async def forever(root, context):
    state["opened"] += 1
    try:
        number = 0
        while True:
            yield number
            number += 1
            await state["gate"].wait()
    finally:
        state["closed"] += 1


@subscription("Subscription.shared", shared=True, vary=())
async def shared(root, context):
    state["opened"] += 1
    try:
        async for event in context.pubsub.subscribe("shared"):
            yield event
    finally:
        state["closed"] += 1


async def end():
    # A `finally` that takes turns of the event loop, and waits for what the test gives.
    try:
        state["steps"].append("began")
        for _ in range(20):
            await asyncio.sleep(0)
        if state["rest"] is not None:
            await state["rest"].wait()
        state["steps"].append("ended")
    except asyncio.CancelledError:
        state["steps"].append("cut")
        raise


@subscription("Subscription.ending", vary=())
async def ending(root, context, how):
    try:
        while True:
            yield 0
            if how == "waits":
                await state["gate"].wait()
            elif how == "times out":
                try:
                    async with asyncio.timeout(0):
                        await state["gate"].wait()
                except TimeoutError:
                    await state["gate"].wait()
            await asyncio.sleep(0)
    finally:
        await end()


@subscription("Subscription.sharedEnding", shared=True, vary=())
async def shared_ending(root, context):
    try:
        yield 0
        await state["gate"].wait()
    finally:
        await end()


@subscription("Subscription.failing", vary=())
async def failing(root, context):
    yield 1
    raise RuntimeError("a secret")


@subscription("Subscription.refused", vary=())
async def refused(root, context):
    raise ClientError("Not for you.", code="FORBIDDEN", http_status=403)
"""


@contextmanager
def stream_project(folder: Path, settings: str = "") -> Iterator[Path]:
    """A folder with a configuration; gives the path of that."""
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "streaming_resolvers.py").write_text(RESOLVERS)
    config = folder / "gateway.toml"
    config.write_text(
        '[graph]\nschema = ["schema.graphql"]\nresolvers = "streaming_resolvers"\n'
        f'[logs]\naccess = "{folder}/access.log"\nerrors = "{folder}/errors.log"\n{settings}'
    )
    path = list(sys.path)
    try:
        yield config
    finally:
        sys.path[:] = path
        sys.modules.pop("streaming_resolvers", None)


def state() -> dict[str, Any]:
    """What the resolvers noted."""
    found: dict[str, Any] = sys.modules["streaming_resolvers"].state
    return found
