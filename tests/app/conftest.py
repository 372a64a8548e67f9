"""A project whose files change while it is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.gateway import create_app
from gateway.app.reload.reloader import Reloader
from gateway.testing import GatewayClient

RESOLVERS = """
import asyncio
import os
from gateway import Context, on_shutdown, on_startup, resolver, subscription

told = []
let_go = asyncio.Event()

@on_startup
def start(state):
    told.append("startup")
    return {"pool": object()}

@on_shutdown
def end(state):
    told.append("shutdown")

@resolver("Query.box", vary=())
def box(_, context: Context) -> dict[str, str]:
    return {"old": "o", "new": "n"}

@resolver("Query.pid", vary=())
def pid(_, context: Context) -> int:
    return os.getpid()

@resolver("Mutation.count", vary=())
async def count(_, context: Context, n: int) -> int:
    await context.pubsub.publish("counts", n)
    return n

@resolver("Query.waits", vary=())
async def waits(_, context: Context) -> str:
    told.append("waits")
    await let_go.wait()
    return "by the revision that it began with"

@subscription("Subscription.boxes", topic="boxes.{of}", vary=())
def boxes(event, context: Context, of: str, more: int) -> dict[str, str]:
    return event

@subscription("Subscription.own")
async def own(_, context: Context, of: str):
    try:
        async for event in context.pubsub.subscribe(f"boxes.{of}"):
            yield event
    finally:
        told.append("closed")

@subscription("Subscription.counts", topic="counts", vary=())
def counts(event, context: Context) -> int:
    return event
"""
SCHEMA = """
type Query { pid: Int, waits: String, box: Box, added(id: ID): Int @connect(http: {GET: "http://x.test/"}, selection: "$") }
type Mutation { count(n: Int!): Int }
type Subscription { boxes(of: String!, more: %(more)s): Box, own(of: String!): Box, counts: Int }
type Box { old: %(old)s %(members)s }
"""


class Project:
    """The files of one project.

    Attributes:
        folder: Where they are.
        config: The configuration file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "gateway.toml"
        self._versions = 0
        self.fields: dict[str, object] = {}
        self.resolvers = f"resolvers_of_{folder.name}"
        (folder / f"{self.resolvers}.py").write_text(RESOLVERS)
        self.write_schema("")
        self.write_config("")

    def write_schema(self, members: str, *, old: str = "String", more: str = "Int = 1") -> None:
        """The type `Box` has these members, and `old` of a type; `more` is an argument."""
        file = self.folder / "schema.graphql"
        fresh = file.with_suffix(".new")
        fresh.write_text(SCHEMA % {"members": members, "old": old, "more": more})
        fresh.replace(file)

    def as_config_map(self, members: str) -> None:
        """The schema as a ConfigMap is mounted: a link to a link to a folder, which is swapped as a whole."""
        self._versions += 1
        self.fields = {
            "__type": {
                "fields": [{"name": n.split(":")[0].strip()} for n in ("old", *members.split(","))]
            }
        }
        folder = self.folder / f"..{self._versions}"
        folder.mkdir()
        (folder / "schema.graphql").write_text(
            SCHEMA % {"members": members, "old": "String", "more": "Int = 1"}
        )
        data, new = self.folder / "..data", self.folder / "..data_tmp"
        new.symlink_to(folder.name)
        new.replace(data)
        file = self.folder / "schema.graphql"
        if not file.is_symlink():
            file.unlink()
            file.symlink_to("..data/schema.graphql")

    def with_helper(self, answer: str) -> Path:
        """The value of `box.old` comes from a module that the resolvers import; gives its file."""
        helper = self.folder / f"helper_of_{self.folder.name}.py"
        helper.write_text(f'ANSWER = "{answer}"')
        resolvers = self.folder / f"{self.resolvers}.py"
        text = resolvers.read_text().replace('"old": "o"', f'"old": {helper.stem}.ANSWER')
        resolvers.write_text(f"import {helper.stem}\n{text}")
        return helper

    def write_config(self, more: str) -> None:
        """The configuration with more of it."""
        self.config.write_text(
            f'graph = {{ schema = ["schema.graphql"], resolvers = "{self.resolvers}" }}\n'
            f'[logs]\naccess = "off"\n[telemetry.metrics]\nport = 0\n{more}'
        )


class Live:
    """A gateway that is served while its files change."""

    def __init__(self, project: Project, client: GatewayClient) -> None:
        self.project = project
        self.client = client

    @property
    def reloader(self) -> Reloader:
        """What reloads it."""
        found = self.client.app.reloader
        assert found is not None
        return found

    @property
    def told(self) -> list[str]:
        """What the project's functions have told."""
        found = self.function_globals["told"]
        assert isinstance(found, list)
        return found

    async def until_drained(self) -> None:
        """Wait until nothing of an old revision is under way."""
        await self.reloader.revisions.draining.ended()

    def let_go(self) -> None:
        """End what waits."""
        event = self.function_globals["let_go"]
        assert isinstance(event, asyncio.Event)
        event.set()

    @property
    def function_globals(self) -> dict[str, object]:
        """The names of the project's module."""
        marks = self.client.app.graph.marks
        (mark,) = [mark for mark in marks if mark.name == "Query.waits"]
        found: dict[str, object] = mark.target.__globals__
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
async def live(project: Project) -> AsyncIterator[Live]:
    client = GatewayClient(project.config)
    client.app = create_app(project.config)
    async with client:
        yield Live(project, client)
