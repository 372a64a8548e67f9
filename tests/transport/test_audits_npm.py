"""Every server audit of the `graphql-http` package passes, against the configuration as it is shipped."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.transport.served import Served
from tests.transport.test_audits import AUDITS

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "var" / "audits"


@pytest.fixture(scope="module")
def package() -> Path:
    """The installed package."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed: the audits run in Python only")
    subprocess.run(["sh", "scripts/audits.sh"], cwd=ROOT, check=True, timeout=100)
    return FOLDER


async def test_every_audit_passes(package: Path, http_server: Served) -> None:
    script = str(Path(__file__).with_name("audits.cjs"))
    process = await asyncio.create_subprocess_exec(
        "node", script, str(package), http_server.url, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    results = json.loads(output)
    assert [result for result in results if result["status"] != "ok"] == []
    # The audits in Python are the same ones: a new version of the package with more is seen here.
    assert sorted(result["id"] for result in results) == sorted(AUDITS)
