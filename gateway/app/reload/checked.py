"""The files, Python included, checked in a process of its own: what cannot be served there is not started."""

from __future__ import annotations

import asyncio
import sys

import orjson

from gateway.app.reload.inputs import Origin

TIMEOUT_S = 120.0


async def check_in_a_process(origin: Origin) -> list[str]:
    """What is wrong with the files, each with its file and line; nothing where they can be served."""
    command = [sys.executable, "-m", "gateway", "check", "--format", "json"]
    if origin.config is not None:
        command += ["--config", str(origin.config)]
    for path in origin.schema:
        command += ["--schema", str(path)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return [f"gateway check has not ended after {TIMEOUT_S:.0f} s"]
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
