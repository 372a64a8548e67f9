"""The README's commands work as written in a copy of the repository: every one of them is run here or named below."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
# Each command of the README, in its blocks and in its sentences, and the test that runs it.
COMMANDS = {
    "pip install compiled-graphql-gateway": "tests/e2e/test_wheel.py",
    "gateway init blog": "tests/e2e/test_wheel.py",
    "gateway dev blog": "tests/e2e/test_wheel.py",
    "gateway init shop --rest URL": "tests/cli/test_init.py",
    "pip install .": "test_make_run_answers_from_a_clean_state",
    "make install": "test_make_run_answers_from_a_clean_state",
    "make run": "test_make_run_answers_from_a_clean_state",
    "PORT=9000 make run": "test_make_run_answers_from_a_clean_state",
    "make test": "test_make_starts_the_right_things",
    "make wheel": "test_make_starts_the_right_things",
    "make help": "test_make_starts_the_right_things",
    "make bench": "test_make_starts_the_right_things",
    "gateway plan --source": "tests/pipeline/test_explain.py",
    "kill %1 %2": "test_the_example_answers_as_written_in_a_copy_of_the_repository",
}
EXAMPLE = README.partition("## Your own REST service")[2].partition("\n## ")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", EXAMPLE, re.DOTALL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the repository's files, as a fresh clone has them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.splitlines() if listed.returncode == 0 else []
    if not names:
        pytest.skip("not a git repository")
    for name in names:
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def installed(clone: Path) -> Path:
    """The copy with what `make install` has made: a venv, here that of these tests."""
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, command in (("gateway", "-m gateway"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
        program.chmod(0o755)
    for stamp in (".installed", ".served"):
        (clone / ".venv" / stamp).touch()
    return clone


@contextmanager
def running(
    script: str, folder: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A shell's commands in a folder; what it prints is in `stdout` and `stderr` there."""
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as errors:
        shell = subprocess.Popen(
            ["bash", "-c", script],  # dash numbers jobs at a terminal only
            cwd=folder,
            start_new_session=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            stdout=out,
            stderr=errors,
        )
    try:
        yield shell
    finally:
        try:
            os.killpg(shell.pid, signal.SIGTERM)
            shell.wait(60)
        except ProcessLookupError:
            shell.wait(60)


def test_each_command_is_run() -> None:
    spans = re.findall(r"`((?:PORT=\S+ )?(?:make|pip|gateway|kill) [^`\n]+)`", README)
    lines = [
        line.partition("#")[0].strip()
        for text in re.findall(r"```sh\n(.*?)```", README.replace(EXAMPLE, ""), re.DOTALL)
        for line in text.splitlines()
    ]
    assert {*spans, *filter(None, lines)} == COMMANDS.keys()
    here = Path(__file__).read_text()
    for test in COMMANDS.values():
        assert (ROOT / test).is_file() or f"def {test}(" in here, test


def test_the_example_answers_as_written_in_a_copy_of_the_repository(installed: Path) -> None:
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
    (installed / "my.graphql").write_text(moved(schema))
    # As at a terminal, where jobs have numbers; a job is no member of the shell's process group then.
    end = "trap 'kill %1 %2; exit 1' TERM"
    script = f"set -em\n{end}\n{moved(service)}\n{moved(use)}\nkill %1 %2\n"
    assert script.count("make install") == 1
    with running(script, installed, {"PYTHONPATH": str(ROOT)}) as shell:
        assert shell.wait(120) == 0, (installed / "stderr").read_text()
    output = (installed / "stdout").read_text()
    assert "0 errors" in output + (installed / "stderr").read_text()
    # No newline ends an answer, so that a line of the gateway's log may stand behind it.
    starts = [found.start() for found in re.finditer(r'\{"data"', output)]
    answers = [json.JSONDecoder().raw_decode(output, start)[0] for start in starts]
    assert json.loads(expected) in answers


@pytest.mark.timeout(900)
def test_make_run_answers_from_a_clean_state(clone: Path) -> None:
    """pip asks the index for what the gateway needs, as it does for whoever clones the repository."""
    port = free_port()
    section = README.partition("## A first query")[2]
    query = re.findall(r"```graphql\n(.*?)```", section, re.DOTALL)[0]
    expected = json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])
    with running("exec make run", clone, {"PORT": str(port), "PYTHON": sys.executable}) as shell:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql",
            json.dumps({"query": query}).encode(),
            {"content-type": "application/json"},
        )
        while True:
            output = (clone / "stdout").read_text() + (clone / "stderr").read_text()
            try:
                assert shell.poll() is None, output
                with urllib.request.urlopen(request, timeout=30) as answer:
                    found = json.load(answer)
                break
            except OSError:
                with pytest.raises(subprocess.TimeoutExpired):
                    shell.wait(0.2)
        assert f"http://127.0.0.1:{port}/graphql" in (clone / "stdout").read_text()
    assert found == expected
    programs = {path.name for path in (clone / ".venv" / "bin").iterdir()}
    assert "gateway" in programs
    assert not {"pytest", "mypy", "ruff"} & programs, "what runs the demo needs no test tools"


def test_make_starts_the_right_things(installed: Path) -> None:
    def make(*words: str) -> str:
        done = subprocess.run(
            ["make", *words], cwd=installed, capture_output=True, text=True, timeout=110,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    listed = make("help")
    for task in ("install", "run", "test", "wheel", "bench", "lint"):
        assert re.search(rf"^  {task}\s+\S", listed, re.MULTILINE), task
    collected = make("test", "JOBS=0", "ARGS=--collect-only -q tests/test_json_bytes.py")
    assert "tests/test_json_bytes.py" in collected
    assert "pip wheel" in make("-n", "wheel")
    assert "-m benchmarks run" in make("-n", "bench")
    assert "--group test" in (installed / "scripts" / "install.sh").read_text()
    assert "install.sh" in make("-n", "-W", "pyproject.toml", "install")
