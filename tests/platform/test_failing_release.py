"""Releases whose every answer is a 200 with errors: real gateways and a real Prometheus, and a bake that stops each in
the first region and brings it back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from gateway.release.model import Object
from tests.platform.pods import Pod
from tests.platform.processes import answers, wait_until
from tests.platform.stage import Stage, digest_of
from tests.platform.test_gate import prometheus

SCHEMA = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source", "@connect"])
  @source(name: "shop", http: {{ baseURL: "{url}" }})
type Query {{
  hello: String
  thing: String @connect(source: "shop", http: {{ GET: "/thing" }}, selection: "$.name")
}}
"""
RESOLVERS = """
from gateway import resolver


@resolver("Query.hello", vary=[])
def hello(parent, context):
    if {raises}:
        raise RuntimeError("every resolver fails")
    return "world"
"""


class Shop(BaseHTTPRequestHandler):
    """The backend: `/thing`, and 404 for everything else."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        is_known = self.path == "/thing"
        body = b'{"name": "a thing"}' if is_known else b'{"error": "there is no such page"}'
        self.send_response(200 if is_known else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Region:
    """The pods of a region's Deployment as one real gateway, which runs what the Deployment's image is."""

    def __init__(self, folder: Path, images: dict[str, tuple[str, bool]]) -> None:
        self.pod = Pod(folder)
        self._folder = folder
        self._images = images
        self._running = ExitStack()
        self.tag = ""

    def follow(self, deployment: Object) -> None:
        """Run the image that the Deployment names."""
        if deployment["metadata"]["name"] != "gateway" or not deployment["spec"]["replicas"]:
            return
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        tag = next(tag for tag in self._images if container["image"].endswith(digest_of(tag)))
        if tag == self.tag:
            return
        self.close()
        url, raises = self._images[tag]
        (self._folder / "schema.graphql").write_text(SCHEMA.format(url=url))
        (self._folder / "pod_resolvers.py").write_text(RESOLVERS.format(raises=raises))
        self._running.enter_context(self.pod.serving())
        self.tag = tag

    def close(self) -> None:
        """End it."""
        self._running.close()
        self.tag = ""


@contextmanager
def traffic(pod: Pod) -> Iterator[set[int]]:
    """Clients that ask all the time; the statuses that they get."""
    statuses: set[int] = set()
    done = threading.Event()

    def ask() -> None:
        with httpx.Client() as client:
            while not done.wait(0.02):
                try:
                    body = {"query": "query Page { hello thing }"}
                    statuses.add(client.post(f"{pod.url}/graphql", json=body).status_code)
                except httpx.HTTPError:
                    pass  # between two pods

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        done.set()
        thread.join()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["resolvers raise", "wrong source URL", "egress closed"])
def test_it_is_stopped_in_the_first_region_and_brought_back(
    stage: Stage, tmp_path: Path, fault: str
) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(shop())
        # A port that is bound and not listened at refuses, as a closed egress does.
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        bad = {
            "resolvers raise": (url, True),
            "wrong source URL": (f"{url}/v2", False),
            "egress closed": (nowhere, False),
        }
        region = Region(tmp_path / "pod", {"1.0.0": (url, False), "1.0.1": bad[fault]})
        stack.callback(region.close)
        stage.clusters["us-east"].on_deployment = region.follow
        stage.release("1.0.0", "--first-install")
        watched = stack.enter_context(prometheus(tmp_path, {"stable": region.pod}))
        targets = yaml.safe_load(stage.targets.read_text())
        production = targets["environments"]["production"]
        production["regions"]["us-east"] |= {
            "prometheus": watched,
            "smoke": f"{region.pod.url}/graphql",
        }
        production["gate"] |= {
            "readyTimeoutSeconds": 30,
            "bakeSeconds": 60,
            "intervalSeconds": 1,
            "maxP99Seconds": 10,  # a machine that is busy is not what stops it
            "smokeQueries": ["{ hello }"],
        }
        stage.targets.write_text(yaml.safe_dump(targets))
        statuses = stack.enter_context(traffic(region.pod))
        asked = 'increase(graphql_server_operation_duration_seconds_count{job="gateway"}[1m]) > 100'
        wait_until(
            lambda: bool(
                httpx.get(f"{watched}/api/v1/query", params={"query": asked}).json()["data"][
                    "result"
                ]
            ),
            "requests that are answered",
        )

        # This gate is one of production's, and needs none of the stage's exemptions.
        said = stage.release("1.0.1", "--set", "exemptions=[]", code=1)

        assert "of operations are answered with errors that no client made" in said
        assert statuses == {200}
        assert (stage.image("us-east"), stage.image("eu-west")) == ("1.0.0", "1.0.0")
        assert region.tag == "1.0.0"
        assert answers(f"{region.pod.url}/health/ready")
        outcomes = {outcome for _, target, outcome in stage.audited() if "eu-west" in target}
        assert "1.0.1" not in str(outcomes)
