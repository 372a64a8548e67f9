"""The gateway in a host under other servers: each host of docs/embedding.md under uvicorn, Granian and Hypercorn.

What a server has to carry: an answer, a WebSocket, an event stream that ends, and one whose client leaves. And hooks:
one that reads the request and the host's ASGI scope, one that changes the response.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support.pages import DOCS, save_files

QUERY = {"query": "{ hello answer }"}
TICKS = {"query": "subscription { ticks }"}
EVENTS = {"accept": "text/event-stream"}
HOSTS = {"served": "", "with_starlette": "/api", "with_fastapi": "/api", "with_django": "/api"}
SERVERS = {
    "uvicorn": ["uvicorn", "{app}", "--port", "{port}", "--lifespan", "on"],
    "granian": ["granian", "--interface", "asgi", "--port", "{port}", "{app}"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}", "{app}"],
}

HOOKS = """
from gateway import ClientError, on_request, on_response


@on_request()
def refuse(request):
    if "x-refuse" in request.headers:
        raise ClientError(f"Not by {request.scope['type']}.", code="CLOSED", http_status=403)


@on_response(vary=())
def stamp(response, request):
    response.headers["x-stamp"] = f"{response.status} {response.has_data}"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mounts")
    save_files("embedding.md", folder)
    with (folder / "fields.py").open("a", encoding="utf-8") as file:
        file.write(HOOKS)
    return folder


@pytest.fixture(scope="module", params=[f"{host}-{server}" for host in HOSTS for server in SERVERS])
def url(request: pytest.FixtureRequest, project: Path) -> Iterator[str]:
    """Where a host's gateway answers under a server of its own process."""
    host, _, server = request.param.rpartition("-")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [part.format(app=f"{host}:app", port=port) for part in SERVERS[server]]
    env = {**os.environ, "PYTHONPATH": str(project)}
    log = project / f"{request.param}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command], cwd=project, env=env, stdout=output, stderr=output
        ) as process,
    ):
        try:
            base = f"http://127.0.0.1:{port}{HOSTS[host]}"
            wait_until_ready(f"{base}/health/ready", process, log)
            yield base
        finally:
            process.terminate()
            process.wait(30)


def test_the_page_says_what_is_tested() -> None:
    text = (DOCS / "embedding.md").read_text(encoding="utf-8")
    head, _, *rows = [line.strip("| ").split(" | ") for line in text.splitlines() if "|" in line][
        : 2 + len(HOSTS)
    ]
    assert [name.lower() for name in head] == ["host", *SERVERS]
    hosts = {"with_" + row[0].lower(): row[1:] for row in rows}
    hosts["served"] = hosts.pop("with_alone")
    assert hosts == {host: ["yes"] * len(SERVERS) for host in HOSTS}


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_a_query_and_a_page(url: str) -> None:
    answer = httpx.post(f"{url}/graphql", json=QUERY, trust_env=False)
    assert answer.json()["data"] == {"hello": "Hello", "answer": 42}
    page = httpx.get(f"{url}/graphql", headers={"accept": "text/html"}, trust_env=False)
    assert page.headers["content-type"].startswith("text/html")
    wrong = httpx.post(f"{url}/graphql", json={"query": "{ nope }"}, trust_env=False)
    assert "Cannot query field 'nope'" in wrong.json()["errors"][0]["message"]


def test_a_web_socket(url: str) -> None:
    address = url.replace("http://", "ws://") + "/graphql"
    with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as client:
        client.send(json.dumps({"type": "connection_init"}))
        assert json.loads(client.recv(30))["type"] == "connection_ack"
        client.send(json.dumps({"type": "subscribe", "id": "1", "payload": TICKS}))
        messages = [json.loads(client.recv(30)) for _ in range(4)]
    assert [message["type"] for message in messages] == ["next", "next", "next", "complete"]
    assert [message["payload"]["data"]["ticks"] for message in messages[:3]] == [0, 1, 2]


def test_an_event_stream(url: str) -> None:
    with httpx.stream(
        "POST", f"{url}/graphql", json=TICKS, headers=EVENTS, timeout=30, trust_env=False
    ) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith(("event:", "data:"))]
    assert [line for line in lines if '"ticks"' in line] == [
        f'data: {{"data":{{"ticks":{number}}}}}' for number in range(3)
    ]
    assert "event: complete" in lines


def test_a_client_that_leaves_a_stream_leaves_the_server_well(url: str) -> None:
    with httpx.stream(
        "POST", f"{url}/graphql", json=TICKS, headers=EVENTS, timeout=30, trust_env=False
    ) as answer:
        next(answer.iter_lines())
    again = httpx.post(f"{url}/graphql", json=QUERY, trust_env=False)
    assert again.json()["data"]["answer"] == 42


def test_hooks_run(url: str) -> None:
    answer = httpx.post(f"{url}/graphql", json=QUERY, trust_env=False)
    assert answer.headers["x-stamp"] == "200 True"
    refused = httpx.post(f"{url}/graphql", json=QUERY, headers={"x-refuse": "1"}, trust_env=False)
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["message"] == "Not by http."
    address = url.replace("http://", "ws://") + "/graphql"
    protocol = Subprotocol("graphql-transport-ws")
    headers = {"x-refuse": "1"}
    with connect(address, subprotocols=[protocol], additional_headers=headers) as client:
        client.send(json.dumps({"type": "connection_init"}))
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(30)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4403
