"""Whole releases against a fake Kubernetes API: real Helm, real kubectl, a real registry and Prometheus
API on loopback. What the operator types is what runs here: `gateway release …`."""

from __future__ import annotations

import json
import math
import os
import pty
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from typer.testing import CliRunner

from gateway.release import approval
from gateway.release.cli import app
from gateway.release.helm import find_helm
from tests.platform.fake_kube import Cluster, running_cluster, write_kubeconfig
from tests.platform.renders import CHART

KEY = "an approval key of a pipeline, long enough"
NAMESPACE = "gateway-production"


@dataclass
class Surroundings:
    """What stands around the clusters: a registry, each region's Prometheus and GraphQL endpoint."""

    images: set[str] = field(default_factory=lambda: {"1.0.0", "1.0.1", "2.0.0"})
    error_ratio: dict[str, float] = field(default_factory=dict)
    canary_error_ratio: float = 0.001
    requests: float = 10_000
    smoke_fails: set[str] = field(default_factory=set)
    queries: list[str] = field(default_factory=list)

    def prometheus(self, region: str, query: str) -> float:
        self.queries.append(query)
        if query.startswith("count(up"):
            return 3
        if "histogram_quantile" in query:
            return 0.1
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

    def answer(self, status: int, body: Any = None) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_HEAD(self) -> None:
        self.answer(200 if self.path.rpartition("/")[2] in self.around.images else 404)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        value = self.around.prometheus(url.path.split("/")[1], parse_qs(url.query)["query"][0])
        result = [] if math.isnan(value) else [{"value": [0, str(value)]}]
        self.answer(200, {"status": "success", "data": {"resultType": "vector", "result": result}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        failing = self.path.split("/")[1] in self.around.smoke_fails
        self.answer(502 if failing else 200, {} if failing else {"data": {"__typename": "Query"}})


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
        import time

        digest = planned.split()[-1]
        return approval.make_token(KEY, "production", digest, time.time())

    def deployment(self, region: str = "eu-west", name: str = "gateway") -> Any:
        return self.clusters[region].get("Deployment", NAMESPACE, name)

    def image(self, region: str = "eu-west") -> str:
        found: str = self.deployment(region)["spec"]["template"]["spec"]["containers"][0]["image"]
        return found.rpartition(":")[2]

    def audited(self) -> list[tuple[str, str, str]]:
        lines = map(json.loads, self.audit.read_text().splitlines())
        return [(line["action"], line["target"], line["outcome"]) for line in lines]


PRODUCTION = ["--env", "production", "--region", "us-east", "--then", "eu-west"]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
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
    }

    def places(environment: str, *regions: str) -> dict[str, Any]:
        return {
            "regions": {
                region: {
                    "context": f"{environment}-{region}",
                    "prometheus": f"http://{here}/{region}",
                    "smoke": f"http://{here}/{region}/graphql",
                }
                for region in regions
            },
            "gate": gate,
        }

    targets = {
        "order": ["us-east", "eu-west"],
        "registry": here,
        "environments": {
            "production": places("production", "us-east", "eu-west"),
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
        yield Stage(
            clusters, around, tmp_path / "audit.jsonl", tmp_path / "targets.yaml", f"{here}/gateway"
        )
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def running(stage: Stage) -> Stage:
    """Both production regions at 1.0.0 with three pods each."""
    stage.release("1.0.0", "--first-install")
    return stage


def test_install_upgrade_and_back(running: Stage) -> None:
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.0", "1.0.0")
    assert running.deployment()["status"]["readyReplicas"] == 3

    planned = running.run("plan", *PRODUCTION, "--image-tag", "1.0.1")
    assert "~ Deployment/gateway" in planned
    assert "1.0.1" in planned
    assert "pods now 3, then at least 3" in planned
    running.release("1.0.1")
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.1")

    listed = running.run("history", "--env", "production", "--region", "eu-west")
    assert "superseded" in listed
    assert "ann: plan " in listed
    os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = "0.0"
    try:
        said = running.run("rollback", "1", "--env", "production", "--region", "eu-west", code=1)
    finally:
        del os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"]
    assert "another plan" in said
    assert running.image("eu-west") == "1.0.1"
    assert "healthy" in running.run("status", "--env", "production")
    assert [line[2] for line in running.audited()] == ["started", "healthy"] * 4


def test_a_rollback_to_a_revision(running: Stage) -> None:
    running.release("1.0.1")
    options = ["rollback", "1", "--env", "production", "--region", "eu-west"]
    # Without a terminal and without a token the plan is shown, and nothing is done.
    planned = running.run(*options, code=1).split("error:")[0]
    assert running.image("eu-west") == "1.0.1"
    os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"] = running.token(planned)
    try:
        running.run(*options)
    finally:
        del os.environ["GATEWAY_RELEASE_APPROVAL_TOKEN"]
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.0")
    assert running.audited()[-1] == ("rollback", "production/eu-west", "healthy")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param(["--set", "replicas=0"], "ChartRefused", id="no replicas"),
        pytest.param(["--set", "autoscaling.minReplicas=0"], "ChartRefused", id="no replicas by the autoscaler"),
        pytest.param(["--set", "replicaCount=0"], "ChartRefused", id="a key that is none"),
        pytest.param(["--set", "image.tag=latest"], "ChartRefused", id="latest"),
        pytest.param(["--set", "image.tag=9.9.9"], "ImageMissing", id="no such image"),
        pytest.param(["--set", "namespace=default"], "ChartRefused", id="another namespace"),
        pytest.param(["--set", "ingress.enabled=false"], "ResourceDeleted", id="the ingress goes"),
        pytest.param(
            ["--set", "ingress.enabled=false", "--delete", "Ingress/other"], "ResourceDeleted", id="another is named"
        ),
        pytest.param(["--set", "autoscaling.enabled=false", "--delete", "HorizontalPodAutoscaler/gateway", "--set", "replicas=2"],
                     None, id="more than half stays, and the deletion is named"),
    ],
)  # fmt: skip
def test_what_destroys_is_refused(running: Stage, options: list[str], code: str | None) -> None:
    where = ["--env", "production", "--region", "eu-west"]
    tag = [] if any("image.tag" in option for option in options) else ["--image-tag", "1.0.0"]
    said = running.run("plan", *where, *tag, *options, code=3 if code else 0)
    assert (f"refused: {code}" in said) if code else ("refused" not in said)
    if code:
        assert "It would have" in said
        running.run("apply", *where, *tag, *options, "--yes", code=3)
        assert running.audited()[-1] == ("refused", "production/eu-west", "refused")
    assert running.deployment()["spec"]["replicas"] == 3
    assert running.image() == "1.0.0"


def test_scaled_up_pods_are_not_taken_away(running: Stage) -> None:
    running.clusters["eu-west"].scale(NAMESPACE, "gateway", 20)
    options = ["--env", "production", "--region", "eu-west", "--image-tag", "1.0.0", "--set", "autoscaling.enabled=false",
               "--delete", "HorizontalPodAutoscaler/gateway"]  # fmt: skip
    said = running.run("plan", *options, "--set", "replicas=9", code=3)
    assert "20 pods would become 9" in said
    running.run("plan", *options, "--set", "replicas=10")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], "EnvironmentMissing"),
        (["--env", "production"], "RegionMissing"),
        (["--env", "production", "--region", ""], "RegionMissing"),
        (["--env", "production", "--region", "us-east,eu-west"], "RegionMany"),
        (["--env", "production", "--region", "all"], "RegionMany"),
        (["--env", "production", "--region", "us-east", "--region", "eu-west"], "RegionMany"),
        (["--env", "production", "--env", "staging", "--region", "eu-west"], "EnvironmentMany"),
        (["--env", "prod", "--region", "eu-west"], "EnvironmentUnknown"),
        (["--env", "production", "--region", "ap-southeast"], "RegionUnknown"),
        (["--env", "production", "--region", "eu-west", "--then", "eu-west"], "RegionTwice"),
        (["--env", "production", "--then", "eu-west"], "RegionMissing"),
    ],
)
def test_places_are_named_one_by_one(stage: Stage, options: list[str], code: str) -> None:
    said = stage.run("apply", *options, "--image-tag", "1.0.0", "--first-install", "--yes", code=3)
    assert code in said
    assert "Nothing was changed." in said
    assert all(not cluster.objects for cluster in stage.clusters.values())
    assert stage.audited()[-1][2] == "refused"


def test_production_is_never_silent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*PRODUCTION, "--image-tag", "1.0.0", "--first-install"]
    said = stage.run("apply", *options, "--yes", stdin="production\n", code=1)
    assert "typed, or GATEWAY_RELEASE_APPROVAL_TOKEN" in said
    other = stage.run(
        "plan",
        "--env",
        "production",
        "--region",
        "us-east",
        "--image-tag",
        "1.0.0",
        "--first-install",
    )
    monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_TOKEN", stage.token(other))
    assert "another plan" in stage.run("apply", *options, "--yes", code=1)
    assert not stage.clusters["us-east"].objects


def test_a_fresh_cluster_is_not_taken_for_the_one_that_runs(stage: Stage) -> None:
    assert "NothingRuns" in stage.run("plan", *PRODUCTION, "--image-tag", "1.0.0", code=3)


def test_swapped_contexts_are_noticed(running: Stage) -> None:
    text = running.targets.read_text()
    swapped = text.replace("production-us-east", "X").replace(
        "production-eu-west", "production-us-east"
    )
    running.targets.write_text(swapped.replace("context: X", "context: production-eu-west"))
    said = running.run(
        "plan", "--env", "production", "--region", "eu-west", "--image-tag", "1.0.1", code=3
    )
    assert "WrongCluster" in said
    assert "us-east" in said


def test_a_bad_image_rolls_its_region_back_and_stops(running: Stage) -> None:
    running.clusters["us-east"].broken_images.add(f"{running.repository}:2.0.0")
    said = running.release("2.0.0", code=1)
    assert "0 of 3 pods ready" in said
    assert "Rolled back to revision 1 and is ready." in said
    assert "Not touched: production/eu-west." in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.0", "1.0.0")
    assert running.deployment("us-east")["status"]["readyReplicas"] == 3
    assert running.audited()[-4:] == [
        ("apply", "production/us-east", "started"),
        ("apply", "production/us-east", "failed"),
        ("rollback", "production/us-east", "started"),
        ("rollback", "production/us-east", "ready"),
    ]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"error_ratio": {"eu-west": 0.2}}, "20.00% of requests fail"),
        ({"error_ratio": {"eu-west": math.nan}}, "nan% of requests fail"),
        ({"smoke_fails": {"eu-west"}}, "the smoke query failed: 502"),
    ],
)
def test_the_second_region_fails_and_only_it_goes_back(
    running: Stage, trouble: dict[str, Any], words: str
) -> None:
    for name, value in trouble.items():
        setattr(running.around, name, value)
    said = running.release("1.0.1", code=1)
    assert words in said
    assert "Not touched" not in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.0")


def test_a_full_disk_holds_no_rollback_up(running: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing begins without the audit log; what has begun is brought to its end without it."""
    running.around.error_ratio["us-east"] = 0.5
    query = running.around.prometheus

    def spoil(region: str, text: str) -> float:
        running.audit.unlink(missing_ok=True)
        running.audit.mkdir(exist_ok=True)
        return query(region, text)

    monkeypatch.setattr(running.around, "prometheus", spoil)
    said = running.release("1.0.1", code=1)
    assert "apply failed is NOT in the audit log" in said
    assert "Rolled back to revision 1 and is ready." in said
    assert running.image("us-east") == "1.0.0"
    assert "nothing is done without it" in running.run(
        "plan", *PRODUCTION, "--set", "replicas=0", code=1
    )


def test_a_change_by_hand_is_shown(running: Stage) -> None:
    deployment = running.deployment()
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "gateway:by-hand"
    said = running.run("plan", "--env", "production", "--region", "eu-west", "--image-tag", "1.0.1")
    assert "changed by hand: pods run gateway:by-hand" in said


def test_a_failed_first_install_is_taken_away(stage: Stage) -> None:
    stage.around.smoke_fails.add("us-east")
    said = stage.release("1.0.0", "--first-install", code=1)
    assert "has been uninstalled" in said
    assert stage.clusters["us-east"].get("Deployment", NAMESPACE, "gateway") is None
    assert not stage.clusters["eu-west"].objects


def test_a_canary_that_is_fine_becomes_the_release(running: Stage) -> None:
    said = running.release("1.0.1", "--canary", "10%")
    assert "canary for 10 % of the traffic" in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.1", "1.0.1")
    assert running.deployment("us-east", "gateway-canary") is None
    assert any('track="canary"' in query for query in running.around.queries)


def test_a_canary_that_is_worse_never_reaches_the_rest(running: Stage) -> None:
    running.around.canary_error_ratio = 0.009
    said = running.release("1.0.1", "--canary", "10%", code=1)
    assert "errors 0.90% against 0.10% of stable" in said
    assert (running.image("us-east"), running.image("eu-west")) == ("1.0.0", "1.0.0")
    assert running.deployment("us-east", "gateway-canary") is None


def test_a_canary_by_the_weights_of_a_route(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = ["--set", "gatewayApi.enabled=true", "--set", "gatewayApi.parentRefs=[{name: public}]"]
    stage.release("1.0.0", "--first-install", *routes)
    query = stage.around.prometheus
    seen: list[dict[str, int]] = []

    def look(region: str, text: str) -> float:
        if 'track="canary"' in text and region == "us-east":
            route = stage.clusters[region].get("HTTPRoute", NAMESPACE, "gateway")
            assert route is not None
            refs = route["spec"]["rules"][0]["backendRefs"]
            seen.append({ref["name"]: ref["weight"] for ref in refs})
            assert stage.deployment(region, "gateway-canary")["spec"]["replicas"] == 1
            assert stage.image(region) == "1.0.0"
        return query(region, text)

    monkeypatch.setattr(stage.around, "prometheus", look)
    stage.release("1.0.1", "--canary", "5%", *routes)
    assert seen
    assert all(weights == {"gateway": 95, "gateway-canary": 5} for weights in seen)
    assert stage.image("us-east") == "1.0.1"
    route = stage.clusters["us-east"].get("HTTPRoute", NAMESPACE, "gateway")
    assert route is not None
    assert [ref["name"] for ref in route["spec"]["rules"][0]["backendRefs"]] == ["gateway"]


def test_a_change_between_plan_and_approval_is_noticed(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = running.run("plan", *PRODUCTION, "--image-tag", "2.0.0")
    monkeypatch.setenv("GATEWAY_RELEASE_APPROVAL_TOKEN", running.token(planned))
    said = running.run("apply", *PRODUCTION, "--image-tag", "1.0.1", code=1)
    assert "what was approved has changed" in said
    assert running.image("us-east") == "1.0.0"


def test_no_change_needs_no_approval(running: Stage) -> None:
    said = running.run("apply", *PRODUCTION, "--image-tag", "1.0.0")
    assert said.count("no change") == 2


def test_the_life_of_a_preview(stage: Stage) -> None:
    staging = stage.clusters["staging"]
    where = ["--env", "staging", "--region", "eu-west"]
    stage.run("apply", *where, "--image-tag", "1.0.0", "--first-install", "--yes")
    stage.run("apply", *where, "--preview", "pr-7", "--image-tag", "1.0.1", "--yes")
    stage.run("apply", *where, "--preview", "pr-8", "--image-tag", "1.0.1", "--yes")
    found = staging.get("Deployment", "gateway-pr-7", "gateway")
    assert found is not None
    assert found["spec"]["replicas"] == 1
    assert "nothing to clean up" in stage.run("cleanup", "--region", "eu-west", "--yes")
    # pr-8 was made long ago.
    old = staging.get("Deployment", "gateway-pr-8", "gateway")
    assert old is not None
    old["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    assert "pr-8" in stage.run("cleanup", "--region", "eu-west", "--yes")
    assert staging.get("Deployment", "gateway-pr-8", "gateway") is None
    stage.run("cleanup", "--region", "eu-west", "--preview", "pr-7", "--yes")
    assert {place[2] for place in staging.objects} == {"", "gateway-staging"}
    # A release of staging itself is not confused by previews beside it, and is never cleaned up.
    assert "no change" in stage.run("plan", *where, "--image-tag", "1.0.0")


def test_staging_asks_once(stage: Stage) -> None:
    where = [
        "apply",
        "--env",
        "staging",
        "--region",
        "eu-west",
        "--image-tag",
        "1.0.0",
        "--first-install",
    ]
    assert "nothing was done" in stage.run(*where, stdin="n\n", code=1)
    stage.run(*where, stdin="y\n")
    assert stage.clusters["staging"].get("Deployment", "gateway-staging", "gateway")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--image-tag", ""], "which image?"),
        (["--image-tag", "1.0.0", "--preview", ""], "write pr-123"),
        (["--image-tag", "1.0.0", "--preview", "main"], "write pr-123"),
        (["--image-tag", "1.0.0", "--canary", ""], "write a share"),
        (["--image-tag", "1.0.0", "--canary", "100%"], "write a share"),
    ],
)
def test_a_variable_that_is_not_set_is_not_a_wish(
    stage: Stage, options: list[str], words: str
) -> None:
    """A pipeline that loses its preview's name must not release staging itself instead."""
    where = ["apply", "--env", "staging", "--region", "eu-west", "--first-install", "--yes"]
    assert words in stage.run(*where, *options, code=1)
    assert not stage.clusters["staging"].objects


def test_serving_loads_nothing_of_this() -> None:
    script = "import sys, gateway.cli; print([m for m in sys.modules if m.startswith('gateway.release.')], 'yaml' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['gateway.release.cli'] False"


def test_the_same_by_the_helm_command(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a `helm` on PATH the release works by it: everything that it is asked for, once."""
    if shutil.which("helm") is None:
        command = tmp_path / "bin" / "helm"
        command.parent.mkdir()
        command.write_text(
            f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("helm_command.py")} "$@"\n'
        )
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    assert "HelmCli" in repr(find_helm())
    stage.release("1.0.0", "--first-install")
    stage.release("1.0.1")
    assert (stage.image("us-east"), stage.image("eu-west")) == ("1.0.1", "1.0.1")
    assert "at '/replicas'" in stage.run("plan", *PRODUCTION, "--set", "replicas=0", code=3)
    stage.around.smoke_fails.add("eu-west")
    said = stage.release("2.0.0", code=1)
    assert "Rolled back to revision 2 and is ready." in said
    assert (stage.image("us-east"), stage.image("eu-west")) == ("2.0.0", "1.0.1")
    assert "Rollback to 2" in stage.run("history", "--env", "production", "--region", "eu-west")
    preview = [
        "--env",
        "staging",
        "--region",
        "eu-west",
        "--preview",
        "pr-7",
        "--image-tag",
        "1.0.0",
    ]
    stage.around.smoke_fails.clear()
    stage.run("apply", *preview, "--yes")
    stage.run("cleanup", "--region", "eu-west", "--preview", "pr-7", "--yes")
    assert not stage.clusters["staging"].objects


@pytest.mark.parametrize(("typed", "code"), [("y", 1), ("Production", 1), ("production", 0)])
def test_a_person_at_a_terminal_types_the_name(stage: Stage, typed: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [
        sys.executable, "-m", "gateway", "release", "apply", *PRODUCTION, "--first-install", "--image-tag", "1.0.0",
        "--set", f"image.repository={stage.repository}", "--chart", str(CHART), "--targets", str(stage.targets),
        "--audit-log", str(stage.audit), "--yes",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode() + b"\n")
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == code, said
    assert "Type the environment's name (production)" in said
    assert bool(stage.clusters["us-east"].objects) is (code == 0)


def test_no_chart_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["plan", "--env", "dev", "--region", "eu-west", "--chart", str(tmp_path)]
    )
    assert result.exit_code == 1
    assert "there is no chart at" in result.output
    assert "--chart PATH" in result.output
