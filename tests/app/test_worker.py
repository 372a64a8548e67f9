"""A worker and the revision that it serves: whose is what, and how long it lasts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.app.build import build_graph
from gateway.app.gateway import Gateway
from gateway.app.revision import Revision
from gateway.testing import GatewayClient

RESOLVERS = """
import asyncio
from gateway import Context, on_shutdown, on_startup, resolver

told = []
let_go = asyncio.Event()

@on_startup
def start(state):
    told.append("startup")

@on_shutdown
def end(state):
    told.append("shutdown")

@resolver("Query.box", vary=())
def box(_, context: Context) -> dict[str, str]:
    return {"old": "o", "new": "n"}

@resolver("Query.waits", vary=())
async def waits(_, context: Context) -> str:
    told.append("waits")
    await let_go.wait()
    return "by the revision that it began with"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    name = f"resolvers_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(RESOLVERS)
    (tmp_path / "old.graphql").write_text(
        "type Query { waits: String, box: Box } type Box { old: String }"
    )
    (tmp_path / "new.graphql").write_text(
        "type Query { waits: String, box: Box } type Box { old: String, new: String }"
    )
    (tmp_path / "gateway.toml").write_text(
        f'graph = {{ schema = ["old.graphql"], resolvers = "{name}" }}'
        '\n[logs]\naccess = "off"\n[plan_cache]\nwarm = []\n'
    )
    return tmp_path


def module_of(client: GatewayClient) -> object:
    (mark,) = [mark for mark in client.app.graph.marks if mark.name == "Query.waits"]
    return mark.target.__globals__


async def test_a_request_ends_by_the_revision_that_it_began_with(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        app = client.app
        told = module_of(client)["told"]  # type: ignore[index]
        waiting = asyncio.create_task(client.execute("{ waits }"))
        while "waits" not in told:
            await asyncio.sleep(0)
        (project / "old.graphql").write_text((project / "new.graphql").read_text())
        graph = build_graph(app.config, project, {}, is_served=True)
        revision = Revision(graph, app.config, project, app.explain, app.testers, app.worker)
        assert (await client.execute("{ box { new } }")).errors
        app.worker.current.serve(revision)
        assert (await client.execute("{ box { new } }")).data == {"box": {"new": "n"}}
        module_of(client)["let_go"].set()  # type: ignore[index]
        assert (await waiting).data == {"waits": "by the revision that it began with"}


async def test_no_attribute_is_born_in_a_lifespan(project: Path) -> None:
    async with GatewayClient(project / "gateway.toml") as client:
        app = client.app
        assert vars(app).keys() == vars(Gateway(app.config, project, {})).keys()


async def test_a_gateway_starts_again_when_it_has_ended(project: Path) -> None:
    client = GatewayClient(project / "gateway.toml")
    for _ in range(2):
        async with client:
            assert (await client.execute("{ __typename }")).data == {"__typename": "Query"}
        assert client.app.worker.is_ready is False
    told = module_of(client)["told"]  # type: ignore[index]
    assert told == ["startup", "shutdown"] * 2


async def test_what_was_opened_is_closed_when_a_startup_function_fails(project: Path) -> None:
    client = GatewayClient(project / "gateway.toml")
    told = module_of(client)["told"]  # type: ignore[index]
    (mark,) = [mark for mark in client.app.graph.marks if mark.kind == "on_startup"]

    def fail(_: object) -> None:
        raise RuntimeError("no pool")

    client.app.graph.marks[client.app.graph.marks.index(mark)] = type(mark)(
        **{**{name: getattr(mark, name) for name in mark.__dataclass_fields__}, "target": fail}
    )
    with pytest.raises(RuntimeError, match="no pool"):
        await client.__aenter__()
    assert told == ["shutdown"]
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = client.app.worker
