"""Whether a new worker could start with the files: tried in a process of its own, and all that is wrong with them.

What that process makes is what a start makes: `Gateway.check_start`. Nothing here knows what that is.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from typing import Any

from gateway.app.reload.inputs import Origin
from gateway.app.worker import BROKER_DIRECTORY

TIMEOUT_S = 120.0
MOST_SAID = 2000
"""Bytes of what it has printed that are shown where it gives no report."""
REPORT = '{\n  "findings": '
"""How its report begins."""


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
    found = _findings(out)
    if found is None:
        said = b"\n".join(part.strip() for part in (out, err) if part.strip())[-MOST_SAID:]
        ended = f"gateway check ended with {process.returncode}, and without a report"
        return [f"{ended}: {said.decode(errors='replace')}" if said else ended]
    errors = [_line(item) for item in found if item["severity"] == "error"]
    if process.returncode and not errors:
        return [f"gateway check ended with {process.returncode}, and its report has no error"]
    return errors


def _findings(out: bytes) -> list[dict[str, Any]] | None:
    """What `gateway check` reports; None where it does not. Python of others may have printed before and after it."""
    text = out.decode(errors="replace")
    try:
        report, _ = json.JSONDecoder().raw_decode(text, max(text.rfind(REPORT), 0))
        found: list[dict[str, Any]] = report["findings"]
    except (ValueError, KeyError, TypeError):
        return None
    return found


def _line(finding: dict[str, object]) -> str:
    places = (finding.get("file"), finding.get("line"), finding.get("column"))
    where = ":".join(str(place) for place in places if place is not None)
    return f"{where}: {finding['message']}" if where else str(finding["message"])
