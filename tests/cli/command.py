"""The command line as a shell starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.serving import shared_serving

ROOT = Path(__file__).resolve().parent.parent.parent
GATEWAY = [sys.executable, "-m", "gateway"]


def run_gateway(
    *arguments: str,
    cwd: Path = ROOT,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    is_forked: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        is_forked: False for an interpreter of its own, where its start is what matters: a second instead of
            some hundredths.
    """
    whole = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    if is_forked:
        return shared_serving().command(arguments, cwd, whole, stdin)
    return subprocess.run(
        [*GATEWAY, *arguments],
        cwd=cwd,
        env=whole,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def one_line(found: subprocess.CompletedProcess[str]) -> str:
    """The only line that a mistake of the operator gives, with exit code 2."""
    assert found.returncode == 2, found
    (line,) = found.stderr.strip().splitlines()
    assert line.startswith("gateway: ")
    return line
