"""Clients as people use them: a query twice, a mutation and an error, by name, by hash and in batches."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.transport.conftest import configure
from tests.transport.served import served

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "var" / "http-clients"
CLIENTS = (
    "apollo",
    "apolloPersisted",
    "apolloBatch",
    "urql",
    "urqlPersisted",
    "graphqlRequest",
    "relay",
)


@pytest.fixture(scope="module")
def packages() -> Path:
    """The installed clients."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    subprocess.run(["sh", "scripts/http-clients.sh"], cwd=ROOT, check=True, timeout=100)
    return FOLDER


async def test_clients(packages: Path, http_project: Path) -> None:
    script = str(Path(__file__).with_name("http_clients.mjs"))
    async with served(configure(http_project, "[batching]\nenabled = true\n")) as server:
        process = await asyncio.create_subprocess_exec(
            "node", script, str(packages), server.url, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    assert process.returncode == 0
    results: dict[str, Any] = json.loads(output)
    assert set(results) == set(CLIENTS)
    for name, result in results.items():
        assert "error" not in result, (name, result)
        first, again, renamed, broken = result["got"]
        assert (first, again, renamed) == ("Hello, Ada!", "Hello, Ada!", "Ada"), name
        assert "Internal server error" in broken, name
    for name in ("apolloPersisted", "urqlPersisted"):
        hashed = [item for item in results[name]["seen"] if item["method"] == "GET"]
        assert len(hashed) >= 2, "the second query goes by its hash alone"
    assert any(item["body"].startswith("[") for item in results["apolloBatch"]["seen"])
    for name, result in results.items():
        assert all("json" in item["type"] for item in result["seen"]), name
    log = [json.loads(line) for line in (http_project / "access.log").read_text().splitlines()]
    assert {"web"} <= {line["client_name"] for line in log}
