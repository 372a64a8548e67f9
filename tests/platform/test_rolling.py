"""A rolling restart under load: two gateways behind HAProxy, each drained, ended by SIGTERM and replaced, and not
one request fails. The proxy repeats nothing: a request that fails is seen."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from demo.__main__ import QUERY
from demo.backends import start_backends
from tests.platform.processes import answers, free_port, program, started, wait_until
from tests.platform.renders import ROOT

HERE = Path(__file__).parent
SECONDS = 20


def command(path: Path, text: str) -> str:
    """One command of HAProxy's runtime API."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(text.encode() + b"\n")
        return connection.recv(65536).decode()


@pytest.mark.timeout(180)
def test_no_request_fails_over_a_rolling_restart(tmp_path: Path) -> None:
    control, port = tmp_path / "haproxy.sock", free_port()
    servers = {"a": free_port(), "b": free_port()}
    config = (
        (HERE / "rolling.cfg")
        .read_text()
        .replace("@SOCKET@", str(control))
        .replace("@PORT@", str(port))
    )
    config = config.replace("@A@", str(servers["a"])).replace("@B@", str(servers["b"]))
    (tmp_path / "haproxy.cfg").write_text(config)

    with ExitStack() as stack:
        backends = stack.enter_context(start_backends(tmp_path / "data"))

        def start(name: str) -> subprocess.Popen[bytes]:
            env = {**os.environ, **backends.environment, "GATEWAY_SERVER__PORT": str(servers[name])}
            process = stack.enter_context(
                started(sys.executable, "-m", "gateway", "serve", "--config", str(ROOT / "gateway.toml"),
                        log=tmp_path / f"{name}.log", cwd=ROOT, env=env)
            )  # fmt: skip
            wait_until(lambda: answers(f"http://127.0.0.1:{servers[name]}/health/ready"), name)
            return process

        running = {name: start(name) for name in servers}
        stack.enter_context(
            started(
                "haproxy", "-db", "-f", "haproxy.cfg", log=tmp_path / "haproxy.log", cwd=tmp_path
            )
        )
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/ready"), "HAProxy")
        load = subprocess.Popen(
            [program("wrk"), "-t1", "-c16", f"-d{SECONDS}s", "-s", str(HERE / "rolling.lua"), f"http://127.0.0.1:{port}/graphql"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "ROLLING_QUERY": json.dumps({"query": QUERY})},
        )  # fmt: skip
        wait_until(lambda: handled(control, "a") > 0, "the load")

        for name in servers:
            count = handled(control, name) + 20
            # What the chart's preStop gives time for: endpoints let go first, then SIGTERM.
            command(control, f"set server gateways/{name} state drain")
            running[name].send_signal(signal.SIGTERM)
            assert running[name].wait(40) in (0, -signal.SIGTERM)
            running[name] = start(name)
            command(control, f"set server gateways/{name} state ready")
            wait_until(partial(has_handled, control, name, count), f"{name} serves again")

        assert load.poll() is None, "the load ended before the restart did"
        output, _ = load.communicate()
    found = re.search(r"ANSWERED (\d+) FAILED (\d+)", output)
    assert found, output
    assert int(found[1]) > 500, output
    assert int(found[2]) == 0, output
    assert "SOCKET 0" in output


def handled(control: Path, server: str) -> int:
    """How many requests a server has had."""
    return int(column(control, server, "stot"))


def has_handled(control: Path, server: str, count: int) -> bool:
    return handled(control, server) > count


def column(control: Path, server: str, name: str) -> str:
    lines = command(control, "show stat").splitlines()
    names = lines[0].lstrip("# ").split(",")
    row = next(line.split(",") for line in lines if line.startswith(f"gateways,{server},"))
    return row[names.index(name)]
