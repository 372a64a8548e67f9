"""What is served: every resolver writes down what it was asked, so that a test sees which operations were executed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gateway.app.gateway import Gateway

SCHEMA = """
type Query {
  "Says its text."
  echo(text: String!): String
  "Says a header of the request, or `nothing`."
  header(name: String!): String
  "Says its text when the gate is open, or the text's own gate."
  waits(text: String!): String
  "So many bytes, in lines."
  many(bytes: Int!): [String!]
}
type Mutation {
  write(text: String!): String
  "Writes when the gate is open."
  waits(text: String!): String
}
type Subscription {
  "One event, and then none until the gate is open."
  ticks: String
  "Large events without an end."
  floods: String
}
"""
RESOLVERS = """
import asyncio
from gateway import resolver, subscription

state = {"ran": [], "gate": None, "gates": {}, "begun": 0, "cancelled": 0, "ended": 0}


@resolver("Query.echo", blocking=False)
def echo(parent, context, text):
    state["ran"].append(text)
    return text


@resolver("Query.header", blocking=False)
def header(parent, context, name):
    said = context.headers.get(name, "nothing")
    values = context.header_values.get(name)
    assert said == (", ".join(values) if values else "nothing")
    state["ran"].append(said)
    return said


async def wait(text):
    state["ran"].append(text)
    state["begun"] += 1
    try:
        await state["gates"].get(text, state["gate"]).wait()
    except asyncio.CancelledError:
        state["cancelled"] += 1
        raise
    state["ended"] += 1
    return text


@resolver("Query.waits")
async def waits(parent, context, text):
    return await wait(text)


@resolver("Mutation.waits")
async def waits_and_writes(parent, context, text):
    return await wait(text)


@resolver("Query.many", blocking=False)
def many(parent, context, bytes):
    return ["x" * 1000] * (bytes // 1000)


@resolver("Mutation.write", blocking=False)
def write(parent, context, text):
    state["ran"].append(text)
    return text


@subscription("Subscription.ticks")
async def ticks(root, context):
    yield "tick"
    state["begun"] += 1
    try:
        await state["gate"].wait()
    finally:
        state["ended"] += 1
    yield "tock"


@subscription("Subscription.floods")
async def floods(root, context):
    state["begun"] += 1
    try:
        for _ in range(1000):
            yield "x" * 100_000
            await asyncio.sleep(0)
    finally:
        state["ended"] += 1
"""
CONFIG = """
[graph]
schema = ["schema.graphql"]
resolvers = "wire_resolvers"
[logs]
access = "{folder}/access.log"
errors = "{folder}/errors.log"
[http]
max_body_bytes = 100000
[batching]
enabled = true
"""


def write_project(folder: Path, tables: str = "") -> Path:
    """The project's configuration, written with its files; `tables` are appended to it."""
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "wire_resolvers.py").write_text(RESOLVERS)
    config = folder / "gateway.toml"
    config.write_text(CONFIG.format(folder=folder) + tables)
    return config


def state_of(app: Gateway) -> dict[str, Any]:
    """What the resolvers of a started application write down; `gate` is an event of this loop."""
    mark = next(mark for mark in app.graph.marks if mark.name == "Query.waits")
    state: dict[str, Any] = mark.target.__globals__["state"]
    state.update(ran=[], gate=asyncio.Event(), gates={}, begun=0, cancelled=0, ended=0)
    return state
