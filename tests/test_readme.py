"""The README's five-minute example works as written: its blocks are run, in order, and the answer compared."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def blocks(language: str) -> list[str]:
    section = (ROOT / "README.md").read_text().partition("## Your own REST service")[2]
    section = section.partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(2000):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The example's folder, with a venv's `gateway` where the README expects it."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    gateway = programs / "gateway"
    gateway.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gateway "$@"\n')
    gateway.chmod(0o755)
    return tmp_path


def test_the_example_answers_as_written(project: Path) -> None:
    service, use = blocks("sh")
    (schema,) = blocks("graphql")
    (expected,) = blocks("json")
    ports = {"9001": str(free_port()), "8001": str(free_port())}

    def moved(text: str) -> str:
        for old, new in ports.items():
            text = text.replace(old, new)
        return text

    (project / "my.graphql").write_text(moved(schema))
    check, serve, *curl = moved(use).strip().splitlines()
    script = "\n".join(["set -e", moved(service), check, serve, "wait"])
    shell = subprocess.Popen(
        ["sh", "-c", script],
        cwd=project,
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(int(ports["8001"]))
        answer = subprocess.run(
            ["sh", "-c", "\n".join(curl)], capture_output=True, text=True, timeout=30, check=True
        )
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(20)
    assert json.loads(answer.stdout) == json.loads(expected)
