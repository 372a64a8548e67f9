"""Production in two regions and staging, on loopback: clusters, a registry, each region's Prometheus and
GraphQL endpoint, and the command line to change them by."""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from typer.testing import CliRunner

from gateway.app.reload.inputs import digest_of_schema
from gateway.release import approval
from gateway.release.cli import app
from tests.platform.fake_kube import Cluster, running_cluster, write_kubeconfig
from tests.platform.renders import CHART

KEY = "an approval key of a pipeline, long enough"
NAMESPACE = "gateway-production"
# The gate of these regions does not wait.
EXEMPTIONS = [
    {"setting": f"gate.{name}", "reason": "a region of the tests has no time to wait"}
    for name in ("readyTimeoutSeconds", "bakeSeconds", "intervalSeconds")
]
EXEMPTED = f"exemptions={json.dumps(EXEMPTIONS)}"
REASONS = {item["setting"]: item["reason"] for item in EXEMPTIONS}


def digest_of(tag: str) -> str:
    """The digest of the image that was pushed under a tag."""
    return f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"


@dataclass
class Surroundings:
    """What stands around the clusters: a registry, each region's Prometheus and GraphQL endpoint.

    Attributes:
        images: The tags that were pushed.
        moved: A tag → the tag whose image it has now.
        is_registry_away: The registry answers 503.
    """

    images: set[str] = field(default_factory=lambda: {"1.0.0", "1.0.1", "2.0.0"})
    moved: dict[str, str] = field(default_factory=dict)
    is_registry_away: bool = False
    error_ratio: dict[str, float] = field(default_factory=dict)
    canary_error_ratio: float = 0.001
    failed_ratio: dict[str, float] = field(default_factory=dict)
    canary_failed_ratio: float = 0.001
    requests: float = 10_000
    smoke_fails: set[str] = field(default_factory=set)
    queries: list[str] = field(default_factory=list)
    clusters: dict[str, Cluster] = field(default_factory=dict)

    def schema_files(self, region: str) -> dict[str, str]:
        """What the ConfigMap of the schema holds."""
        found = self.clusters[region].get("ConfigMap", NAMESPACE, "gateway-schema") or {}
        files: dict[str, str] = found.get("data", {})
        return files

    def reloads(self, region: str, query: str) -> float:
        """What pods say that take every schema but one whose text says what they do with it."""
        files = self.schema_files(region)
        text = "".join(files.values())
        if "gateway_reloads_total" in query:
            return float("PODS REFUSE THIS" in text)
        is_served = "PODS" not in text and digest_of_schema(files) in query
        return 3 if is_served is ('schema="' in query) else 0

    def prometheus(self, region: str, query: str) -> float:
        self.queries.append(query)
        if "gateway_re" in query:
            return self.reloads(region, query)
        if query.startswith("count(up"):
            return 3
        if "histogram_quantile" in query:
            return 0.1
        if "gateway_operations_failed_total" in query:
            if 'fault="client"' in query:
                return 0.1
            if 'track="canary"' in query:
                return self.canary_failed_ratio
            return self.failed_ratio.get(region, 0.001)
        if query.startswith("("):
            if 'track="canary"' in query:
                return self.canary_error_ratio
            return self.error_ratio.get(region, 0.001)
        return self.requests


class Handler(BaseHTTPRequestHandler):
    """/v2/… the registry, /<region>/api/v1/query Prometheus, /<region>/graphql the gateway."""

    around: Surroundings

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""

    def answer(self, status: int, body: Any = None, digest: str | None = None) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if digest is not None:
            self.send_header("docker-content-digest", digest)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_HEAD(self) -> None:
        asked = self.path.rpartition("/")[2]
        if asked in self.around.images:
            asked = digest_of(self.around.moved.get(asked, asked))
        is_known = asked in map(digest_of, self.around.images)
        if self.around.is_registry_away:
            self.answer(503)
            return
        self.answer(200 if is_known else 404, digest=asked if is_known else None)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        value = self.around.prometheus(url.path.split("/")[1], parse_qs(url.query)["query"][0])
        result = [] if math.isnan(value) else [{"value": [0, str(value)]}]
        self.answer(200, {"status": "success", "data": {"resultType": "vector", "result": result}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        failing = self.path.split("/")[1] in self.around.smoke_fails
        self.answer(502 if failing else 200, {} if failing else {"data": {"videos": []}})


@dataclass
class Stage:
    """Two production regions and staging, and a command line to change them by."""

    clusters: dict[str, Cluster]
    around: Surroundings
    audit: Path
    targets: Path
    repository: str

    def run(self, *args: str, stdin: str | None = None, code: int = 0) -> str:
        """`gateway release ARGS…`; fails unless it exits with `code`."""
        where = [
            "--chart",
            str(CHART),
            "--targets",
            str(self.targets),
            "--audit-log",
            str(self.audit),
        ]
        if args[0] in ("plan", "apply"):
            where += ["--set", f"image.repository={self.repository}"]
        if args[0] in ("plan", "apply") and "production" in args:
            args = (args[0], "--set", EXEMPTED, *args[1:])
        result = CliRunner().invoke(app, [*args, *where], input=stdin)
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    def release(self, tag: str, *args: str, code: int = 0) -> str:
        """A production release with the approval of exactly its plan."""
        options = [*PRODUCTION, "--image-tag", tag, *args]
        planned = self.run("plan", *options, code=0)
        os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = self.token(planned)
        try:
            return self.run("apply", *options, code=code)
        finally:
            del os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"]

    def token(self, planned: str) -> str:
        digest = planned.split()[-1]
        return approval.make_token(KEY, "production", digest, time.time())

    def deployment(self, region: str = "eu-west", name: str = "gateway") -> Any:
        return self.clusters[region].get("Deployment", NAMESPACE, name)

    def image(self, region: str = "eu-west", name: str = "gateway") -> str:
        """The version that pods run, which are named by digest."""
        return self.version(
            self.deployment(region, name)["spec"]["template"]["spec"]["containers"][0]["image"]
        )

    def version(self, image: str) -> str:
        repository, _, digest = image.partition("@")
        assert repository == self.repository
        return next(tag for tag in self.around.images if digest_of(tag) == digest)

    def audited(self) -> list[tuple[str, str, str]]:
        lines = map(json.loads, self.audit.read_text().splitlines())
        return [(line["action"], line["target"], line["outcome"]) for line in lines]


PRODUCTION = ["--env", "production", "--region", "us-east", "--then", "eu-west"]


@contextmanager
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage in this folder; the environment leads to it."""
    around = Surroundings()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"around": around}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    here = f"127.0.0.1:{server.server_port}"
    gate = {
        "readyTimeoutSeconds": 0,
        "bakeSeconds": 0,
        "intervalSeconds": 0.01,
        "badSamplesAllowed": 1,
        "smokeQueries": ["{ videos { id } }"],
    }

    def places(environment: str, *regions: str) -> dict[str, Any]:
        return {
            "regions": {
                region: {
                    "context": f"{environment}-{region}",
                    "prometheus": f"http://{here}/{region}",
                    "smoke": f"http://{here}/{region}/{environment}/graphql",
                }
                for region in regions
            },
            "gate": gate,
        }

    targets = {
        "order": ["us-east", "eu-west"],
        "registry": here,
        "environments": {
            "production": {
                **places("production", "us-east", "eu-west"),
                "listeners": ["ingress/public/https"],
                "namespaces": ["ingress", "edge", "monitoring"],
            },
            "staging": places("staging", "eu-west"),
        },
    }
    (tmp_path / "targets.yaml").write_text(yaml.safe_dump(targets))
    with (
        running_cluster() as (us, us_url),
        running_cluster() as (eu, eu_url),
        running_cluster() as (st, st_url),
    ):
        contexts = {
            "production-us-east": us_url,
            "production-eu-west": eu_url,
            "staging-eu-west": st_url,
        }
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", contexts)))
        monkeypatch.setenv("KUBECACHEDIR", str(tmp_path / "kubecache"))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_KEY", KEY)
        monkeypatch.setenv("GATEWAY_RELEASE_ACTOR", "ann")
        monkeypatch.delenv("GATEWAY_RELEASE_APPROVAL_TOKEN", raising=False)
        clusters = {"us-east": us, "eu-west": eu, "staging": st}
        around.clusters = clusters
        yield Stage(
            clusters, around, tmp_path / "audit.jsonl", tmp_path / "targets.yaml", f"{here}/gateway"
        )
    server.shutdown()
    server.server_close()
    thread.join()
