"""Long work is shown to who waits at a terminal, and in no pipe; completion knows the commands."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

from tests.cli.command import GATEWAY, ROOT, run_gateway


def test_work_is_shown_at_a_terminal_and_in_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "s.graphql").write_text("type Query { a: Int }")
    parent, child = pty.openpty()
    try:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        command = [*GATEWAY, "check", "s.graphql"]
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=child, stderr=child)
        os.close(child)
        shown = b""
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:  # Linux: nobody holds the other end
                break
            if not part:
                break
            shown += part
        assert process.wait(60) == 0
    finally:
        os.close(parent)
    assert b"checking" in shown
    assert "checking" not in run_gateway("check", "s.graphql", cwd=tmp_path).stderr


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    found = run_gateway(
        cwd=tmp_path,
        env={"_GATEWAY_COMPLETE": "complete_bash", "COMP_WORDS": "gateway ch", "COMP_CWORD": "1"},
    )
    assert found.stdout.split() == ["check"]


def test_the_version_is_told() -> None:
    for option in ("--version", "-V"):
        found = run_gateway(option)
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith("gateway 0.")
