"""Whether a new worker could start with the files: tried in a process of its own, and all that is wrong with them.

What that process makes is what a start makes: `Gateway.check_start`. Nothing here knows what that is.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile

import orjson

from gateway.app.reload.inputs import Origin
from gateway.app.worker import BROKER_DIRECTORY

TIMEOUT_S = 120.0


async def errors_of_start(origin: Origin, *, mock: bool = False) -> list[str]:
    """What is wrong with the files, each with its file and line; nothing where a worker could start with them.

    Args:
        origin: Where they are.
        mock: Whether every value is made up.
    """
    command = [sys.executable, "-m", "gateway", "check", "--start", "--format", "json"]
    if origin.config is not None:
        command += ["--config", str(origin.config)]
    for path in origin.schema:
        command += ["--schema", str(path)]
    if mock:
        command.append("--mock")
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        env = dict(os.environ)
        if BROKER_DIRECTORY in env:
            env[BROKER_DIRECTORY] = folder  # it meets nobody
        return await _errors_of(command, env)


async def _errors_of(command: list[str], env: dict[str, str]) -> list[str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=env)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            out, err = await process.communicate()
    except TimeoutError:
        return [f"gateway check has not ended after {TIMEOUT_S:.0f} s"]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return []
    try:
        found = orjson.loads(out)["findings"]
    except (orjson.JSONDecodeError, KeyError):
        return [err.decode(errors="replace").strip() or "gateway check has failed"]
    return [_line(item) for item in found if item["severity"] == "error"]


def _line(finding: dict[str, object]) -> str:
    places = (finding.get("file"), finding.get("line"), finding.get("column"))
    where = ":".join(str(place) for place in places if place is not None)
    return f"{where}: {finding['message']}" if where else str(finding["message"])
