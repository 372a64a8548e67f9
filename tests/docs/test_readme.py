"""The README's five-minute example works as written: its blocks are run, in order, and the answer compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def blocks(language: str) -> list[str]:
    section = (ROOT / "README.md").read_text().partition("## Your own REST service")[2]
    section = section.partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the repository's files, with what `make install` has made: a venv with `gateway`."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.splitlines() if listed.returncode == 0 else []
    if not names:
        pytest.skip("not a git repository")
    for name in names:
        if name.startswith(("gateway.toml", "schema/", "resolvers/", "Makefile", "deploy/", "scripts/", "pyproject", "constraints", "README")):  # fmt: skip
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    gateway = programs / "gateway"
    gateway.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gateway "$@"\n')
    gateway.chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()
    return tmp_path


def test_the_example_answers_as_written_in_a_copy_of_the_repository(clone: Path) -> None:
    """Every command of the section in one shell, pasted at once; none of them may fail."""
    service, use = blocks("sh")
    (schema,) = blocks("graphql")
    (expected,) = blocks("json")
    ports = {"9001": str(free_port()), "8001": str(free_port())}

    def moved(text: str) -> str:
        for old, new in ports.items():
            text = text.replace(old, new)
        return text

    assert schema.startswith("# my.graphql\n")
    (clone / "my.graphql").write_text(moved(schema))
    script = f"set -e\n{moved(service)}\n{moved(use)}"
    assert script.count("make install") == 1
    with (clone / "stdout").open("wb") as out, (clone / "stderr").open("wb") as errors:
        shell = subprocess.Popen(
            ["sh", "-c", script],
            cwd=clone,
            start_new_session=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=errors,
        )
    try:
        assert shell.wait(120) == 0, (clone / "stderr").read_text()
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
    assert "0 errors" in (clone / "stderr").read_text()
    # No newline ends an answer, so that a line of the gateway's log may stand behind it.
    output = (clone / "stdout").read_text()
    starts = [found.start() for found in re.finditer(r'\{"data"', output)]
    answers = [json.JSONDecoder().raw_decode(output, start)[0] for start in starts]
    assert json.loads(expected) in answers
