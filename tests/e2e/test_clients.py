"""The clients that people use, as they are published, against the demo: a query, a mutation, a subscription."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from demo.backends import Backends
from gateway.testing import GatewayClient
from tests.transport.served import served

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS = {"apollo", "urql", "graphqlRequest", "relay", "graphqlWs", "graphqlSse"}


@pytest.fixture(scope="module")
def packages() -> list[Path]:
    """The folders of the installed clients."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    names = ("http-clients", "stream-clients")
    for name in names:
        subprocess.run(["sh", f"scripts/{name}.sh"], cwd=ROOT, check=True, timeout=200)
    return [ROOT / "var" / name for name in names]


async def run_clients(packages: list[Path], backends: Backends) -> dict[str, Any]:
    app = GatewayClient(ROOT / "gateway.toml", sources=backends.urls).app
    app.config = replace(app.config, logs=replace(app.config.logs, access="off"))
    async with served(app) as server:
        process = await asyncio.create_subprocess_exec(
            "node",
            str(Path(__file__).with_name("demo_clients.mjs")),
            *map(str, packages),
            server.url,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0
    results: dict[str, Any] = json.loads(output)
    return results


async def test_every_client_runs_the_demo(packages: list[Path], backends: Backends) -> None:
    results = await run_clients(packages, backends)
    assert set(results) == CLIENTS
    for name, got in results.items():
        assert "error" not in got, (name, got["error"])
        nodes = [edge["node"] for edge in got["videos"]["videos"]["edges"]]
        assert len(nodes) == 3, name
        assert all(node["channel"]["name"] and node["topic"]["name"] for node in nodes), name
        assert all(node["stats"]["views"] >= 0 for node in nodes), name
        assert got["made"]["addComment"]["comment"]["text"] == f"by {name}"
        assert got["made"]["addComment"]["comment"]["author"]["name"]
        assert got["heard"]["commentAdded"]["text"] == f"by {name}"
        assert got["viewers"]["viewerCount"] == 1, name

    apollo = results["apollo"]
    assert apollo["again"] == apollo["videos"]
    asked = apollo["asked"]
    assert [item["method"] for item in asked[:3]] == ["GET", "POST", "GET"], "by hash, text, hash"
    first, *_, last = apollo["states"]
    assert len(apollo["states"]) >= 2
    assert any("multipart/mixed" in item["type"] for item in asked)
    assert any("deferSpec=20220824" in item["type"] for item in asked), asked
    early = [edge["node"] for edge in first["data"]["videos"]["edges"]]
    late = [edge["node"] for edge in last["data"]["videos"]["edges"]]
    assert all(node["title"] and "stats" not in node for node in early)
    assert [node["stats"] for node in late] == [
        edge["node"]["stats"] for edge in apollo["videos"]["videos"]["edges"]
    ]
