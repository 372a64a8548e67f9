"""The project of the soak of reloads: requests, subscriptions with sequence numbers, a schema that changes."""

from __future__ import annotations

from pathlib import Path

RESOLVERS = """
import asyncio
from gateway import Context, resolver, subscription

@resolver("Query.item", vary=())
async def item(_, context: Context, id: int) -> dict:
    await asyncio.sleep(0)
    return {"id": id, "name": f"item {id}", "gone": "g"}

@resolver("Mutation.touch", vary=())
async def touch(_, context: Context, id: int) -> int:
    await asyncio.sleep(0)
    return id

@resolver("Mutation.tick", vary=())
async def tick(_, context: Context, n: int) -> int:
    await context.pubsub.publish("ticks", {"n": n, "gone": "g"})
    return n

@subscription("Subscription.ticks", topic="ticks", vary=())
def ticks(event, context: Context) -> dict:
    return event

@subscription("Subscription.own", vary=())
async def own(_, context: Context):
    async for event in context.pubsub.subscribe("ticks"):
        yield event
"""
SCHEMA = """
type Query {{ item(id: Int!): Item }}
type Mutation {{ touch(id: Int!): Int, tick(n: Int!): Int }}
type Subscription {{ ticks: Tick, own: Tick }}
type Tick {{ n: Int {gone} }}
type Item {{ id: Int, name: String {gone} {members} }}
{more}
"""
WIDTH = 60
"""Types beside those that are asked for, each of ten fields: a schema of some size."""


def write(file: Path, text: str) -> None:
    """A file that is there as a whole or not at all."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


class Project:
    """The files.

    Args:
        folder: Where they are.
        plans: Documents that are kept warm.
    """

    def __init__(self, folder: Path, plans: int) -> None:
        self.config = folder / "gateway.toml"
        self._schema = folder / "schema.graphql"
        (folder / "soak_resolvers.py").write_text(RESOLVERS)
        self.config.write_text(
            'graph = { schema = ["schema.graphql"], resolvers = "soak_resolvers" }\n'
            '[logs]\naccess = "off"\n'
            f"[reload]\nend_spread_s = 1\nwarm_plans = {plans}\n"
            "[subscription]\nmax_connections = 10000\nmax_operations_per_connection = 1000\n"
        )
        self.documents = [
            f"query Q{number} {{ item(id: 1) {{ id name a{number}: name b{number}: id }} }}"
            for number in range(plans)
        ]
        self.write(0)

    def write(self, number: int, *, has_gone: bool = True, is_broken: bool = False) -> None:
        """Another schema; one without a field that is subscribed to, or one that cannot be served."""
        members = f"extra{number}: String"
        if is_broken:
            members += " broken: Nowhere"
        more = "\n".join(
            f"type T{t} {{ {' '.join(f'f{f}: String' for f in range(10))} }}" for t in range(WIDTH)
        )
        gone = "gone: String" if has_gone else ""
        write(self._schema, SCHEMA.format(gone=gone, members=members, more=more))
