"""The runner leaves no process behind, however it ends."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from demo.processes import ChildError, end, spawn, wait_until
from demo.store import ROOT


@contextmanager
def running(*options: str, path: str | None = None) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, **({"PATH": path} if path is not None else {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", *options],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)


def groups_of(parent: int) -> set[int]:
    """The process groups that a process's children lead."""
    return {pid for pid, (ppid, group) in processes().items() if ppid == parent and pid == group}


def members(groups: set[int]) -> set[int]:
    """The living processes in process groups."""
    return {pid for pid, (_, group) in processes().items() if group in groups}


def processes() -> dict[int, tuple[int, int]]:
    """Parent and group of every process that has not ended; of a zombie there is only its exit code."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if state != "Z":
                found[int(entry.name)] = (int(parent), int(group))
    return found


def read_urls(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    urls: dict[str, str] = json.loads(process.stdout.readline())
    return urls


def assert_all_ended(groups: set[int], urls: dict[str, str]) -> None:
    with spawn(["sleep", "60"], env=os.environ) as clock:  # wait_until wants a process that lives
        wait_until(lambda: not members(groups), clock, "the end", limit_s=10)
        end(clock)
    for url in urls.values():
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left(number: signal.Signals) -> None:
    with running("--backends-only") as process:
        urls = read_urls(process)
        assert set(urls) == {"catalog", "monolith", "search"}
        groups = groups_of(process.pid)
        assert len(groups) == 3
        assert len(members(groups)) > 10  # PHP's workers among them
        process.send_signal(number)
        assert process.wait(20) == (-number if number == signal.SIGKILL else 0)
        assert_all_ended(groups, urls)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_whole_demo_answers_and_ends(number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running("--port", str(port)) as process:
        assert process.stdout is not None
        told: list[str] = []
        while not told or not told[-1].startswith("curl "):
            told.append(process.stdout.readline())
            assert told[-1], told
        assert f"GraphiQL  http://127.0.0.1:{port}/graphql  (in a browser)\n" in told
        _curl, _silent, url, _header, header, _data, body = shlex.split(told[-1])
        headers = dict([header.split(": ")])
        answer = httpx.post(url, content=body, headers=headers, timeout=30).json()
        edges = answer["data"]["videos"]["edges"]
        assert edges[0]["node"]["topic"]["name"] == "Chess"
        assert edges[0]["node"]["channel"]["verified"] is False
        groups = groups_of(process.pid)
        assert len(groups) == 4
        process.send_signal(number)
        assert process.wait(20) == (-number if number == signal.SIGKILL else 0)
        assert_all_ended(groups, {"gateway": f"http://127.0.0.1:{port}/graphql"})


def test_many_signals_at_once_end_it_too() -> None:
    """Of a group, `make` and the terminal each tell the child."""
    with running("--backends-only") as process:
        urls = read_urls(process)
        groups = groups_of(process.pid)
        for _ in range(200):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                process.send_signal(number)
        assert process.wait(20) == 0
        assert_all_ended(groups, urls)


def test_a_port_that_is_taken() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        running("--port", str(taken.getsockname()[1])) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("demo: port ")
        assert "PORT=9000 takes another one" in line
        assert process.wait(20) == 1


def test_signal_while_starting() -> None:
    with running("--backends-only") as process:
        process.send_signal(
            signal.SIGCONT
        )  # harmless; the next one comes at any point of the start
        with spawn(["sleep", "60"], env=os.environ) as clock:
            wait_until(lambda: bool(groups_of(process.pid)), clock, "a child")
            end(clock)
        groups = groups_of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert_all_ended(groups, {})


def test_a_backend_that_dies_is_told_and_can_be_started_again() -> None:
    with running("--backends-only") as process:
        urls = read_urls(process)
        groups = groups_of(process.pid)
        assert process.stdout is not None
        # The monolith's master; its workers would go on answering.
        (master,) = {
            group for group in groups if b"php" in Path(f"/proc/{group}/cmdline").read_bytes()
        }
        os.kill(master, signal.SIGKILL)
        line = process.stdout.readline()
        port = urls["monolith"].rpartition(":")[2]
        assert line.startswith("demo: monolith ended; to start it again:")
        assert line.strip().endswith(f"-m demo --only monolith --port {port}")
        with pytest.raises(httpx.ConnectError):
            httpx.get(urls["monolith"])
        assert httpx.get(urls["catalog"] + "/topics").status_code == 200
        with running("--only", "monolith", "--port", port) as again:
            assert read_urls(again) == {"monolith": urls["monolith"]}
            assert httpx.get(urls["monolith"] + "/channel?id=c1").json()["channel"]["id"] == "c1"
            again.send_signal(signal.SIGTERM)
            assert again.wait(20) == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert_all_ended(groups, urls)


def test_without_php_the_rest_starts(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "sleep"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    with running("--backends-only", path=str(tools)) as process:
        assert process.stdout is not None
        assert "php is missing (apt-get install php-cli)" in process.stdout.readline()
        assert set(read_urls(process)) == {"catalog", "search"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_child_that_ends_at_once_is_an_error() -> None:
    child = spawn(["sh", "-c", "exit 3"], env=os.environ)
    with pytest.raises(ChildError, match="it ended with code 3 before it was ready"):
        wait_until(lambda: False, child, "it")
    end(child)
