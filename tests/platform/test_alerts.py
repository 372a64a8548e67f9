"""Alerts: the rules by promtool, and the outage that they exist for, re-enacted with real programs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway.release.cli import app
from gateway.release.helm import find_helm
from gateway.release.model import Object, Target
from gateway.release.values import layer_values, merge
from tests.platform.fake_kube import Cluster, running_cluster, write_kubeconfig
from tests.platform.pods import Pod
from tests.platform.processes import answers, free_port, program, started, wait_until
from tests.platform.renders import CHART, REGIONS, ROOT, render

HERE = Path(__file__).parent
RULES = CHART / "files" / "alerts.yaml"
RUNBOOK = "https://docs.example.com/operations"
ALERTS = [
    rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
]


def promtool(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("promtool"), *args], capture_output=True, text=True, check=False)


def test_rules_fire_on_what_they_are_for_and_on_nothing_else() -> None:
    done = promtool("test", "rules", str(HERE / "alerts.test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_free_of_lint() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_unit_test_that_makes_it_fire() -> None:
    tests = yaml.safe_load((HERE / "alerts.test.yaml").read_text())["tests"]
    fired = {
        test["alertname"]
        for group in tests
        for test in group.get("alert_rule_test", [])
        if test["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in ALERTS}


def test_every_alert_leads_to_its_runbook() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    headings = {line.strip("# ").lower() for line in text.splitlines() if line.startswith("#")}
    for rule in ALERTS:
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert path == RUNBOOK
        assert anchor == rule["alert"].lower()
        assert anchor in headings
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_chart_carries_the_rules_unchanged() -> None:
    more = {"metrics": {"rules": {"enabled": True}}}
    found = next(
        item for item in render("production", "eu-west", more) if item["kind"] == "PrometheusRule"
    )
    assert found["spec"] == yaml.safe_load(RULES.read_text())


def test_the_chart_says_where_the_runbook_is_published() -> None:
    base = "https://wiki.example.org/gateway?page=night"
    more = {"metrics": {"rules": {"enabled": True, "runbookBase": base}}}
    objects = render("production", "eu-west", more)
    found = next(item for item in objects if item["kind"] == "PrometheusRule")
    links = [
        rule["annotations"]["runbook_url"]
        for group in found["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert links == [f"{base}#{rule['alert'].lower()}" for rule in ALERTS]


class Pods:
    """The pods of one Deployment as real gateways: as many as it has ready replicas, in discovery."""

    def __init__(self, discovery: Path) -> None:
        self._discovery = discovery
        self._started = 0
        self._pods: list[tuple[Pod, subprocess.Popen[bytes], ExitStack]] = []
        self.follow(
            {
                "metadata": {"name": "gateway"},
                "status": {"readyReplicas": 0},
                "spec": {"replicas": 0},
            }
        )

    def follow(self, deployment: Object) -> None:
        """Start or kill pods until there are as many as the Deployment runs, and tell discovery."""
        if deployment["metadata"]["name"] != "gateway":
            return
        wanted = deployment["status"]["readyReplicas"] if deployment["spec"]["replicas"] else 0
        while len(self._pods) < wanted:
            self._started += 1
            pod, stack = Pod(self._discovery.parent / f"pod-{self._started}"), ExitStack()
            self._pods.append((pod, stack.enter_context(pod.running()), stack))
        while len(self._pods) > wanted:
            _, process, stack = self._pods.pop()
            process.kill()
            stack.close()
        targets = [f"127.0.0.1:{pod.metrics}" for pod, _, _ in self._pods]
        fresh = self._discovery.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": targets}] if targets else []))
        fresh.rename(self._discovery)


class Pager(BaseHTTPRequestHandler):
    """Alertmanager's webhook: keeps what arrives, with the time."""

    pages: list[tuple[float, dict[str, Any]]]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.pages.extend(
            (time.monotonic(), {**alert, "path": self.path}) for alert in body["alerts"]
        )
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def pager() -> Iterator[tuple[list[tuple[float, dict[str, Any]]], int]]:
    pages: list[tuple[float, dict[str, Any]]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Pager,), {"pages": pages}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield pages, server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def monitoring(folder: Path, webhook: int) -> Iterator[str]:
    """Prometheus and Alertmanager with the shipped files; only ports differ. Prometheus' URL."""
    ports = {"9093": free_port(), "9099": webhook}
    for name in ("prometheus.yml", "alertmanager.yml"):
        text = (ROOT / "deploy" / "monitoring" / name).read_text()
        text = re.sub(r"127\.0\.0\.1:(\d+)", lambda m: f"127.0.0.1:{ports[m[1]]}", text)
        (folder / name).write_text(text)
    shutil.copy(RULES, folder / "alerts.yaml")
    prometheus = free_port()
    with ExitStack() as stack:
        stack.enter_context(
            started(
                "prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=alertmanager",
                f"--web.listen-address=127.0.0.1:{ports['9093']}", "--cluster.listen-address=",
                log=folder / "alertmanager.log", cwd=folder,
            )
        )  # fmt: skip
        stack.enter_context(
            started(
                "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
                f"--web.listen-address=127.0.0.1:{prometheus}", log=folder / "prometheus.log", cwd=folder,
            )
        )  # fmt: skip
        wait_until(lambda: answers(f"http://127.0.0.1:{prometheus}/-/ready"), "Prometheus")
        wait_until(lambda: answers(f"http://127.0.0.1:{ports['9093']}/-/ready"), "Alertmanager")
        yield f"http://127.0.0.1:{prometheus}"


def query(prometheus: str, text: str) -> list[Any]:
    import httpx

    found = httpx.get(f"{prometheus}/api/v1/query", params={"query": text}).json()
    return list(found["data"]["result"])


@pytest.mark.timeout(300)
def test_the_outage_is_refused_and_forced_it_is_noticed_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bad parameter emptied three clusters, and ten minutes went by before anybody knew.

    First as it was typed, in every form that it may have had: refused, nothing changes. Then past
    every guard, with a chart whose schema was taken out and Helm by itself.
    """
    with ExitStack() as stack:
        clusters: dict[str, Cluster] = {}
        contexts = {}
        for region in REGIONS:
            clusters[region], contexts[f"production-{region}"] = stack.enter_context(
                running_cluster()
            )
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", contexts)))
        monkeypatch.setenv("KUBECACHEDIR", str(tmp_path / "kubecache"))
        pages, port = stack.enter_context(pager())
        # eu-west is the region whose pods are real gateways.
        pods = Pods(tmp_path / "targets.json")
        clusters["eu-west"].on_deployment = pods.follow
        stack.callback(pods.follow, {"metadata": {"name": "gateway"}, "spec": {"replicas": 0}})
        install_everywhere()
        prometheus = stack.enter_context(monitoring(tmp_path, port))
        wait_until(
            lambda: len(query(prometheus, 'up{job="gateway"} == 1')) == 3, "three pods scraped"
        )

        for options, words in OUTAGES:
            where = ["--chart", str(CHART), "--audit-log", str(tmp_path / "audit.jsonl"), "--yes"]
            result = CliRunner().invoke(app, ["apply", *options, *where])
            assert result.exit_code in (1, 3), result.output
            assert words in result.output
        for cluster in clusters.values():
            found = cluster.get("Deployment", "gateway-production", "gateway")
            assert found is not None
            assert found["status"]["readyReplicas"] == 3
        assert pages == []

        force_everywhere(tmp_path)
        gone = time.monotonic()
        wait_until(lambda: bool(pages), "the page", seconds=60)
        at, page = pages[0]
        print(f"paged after {at - gone:.1f} s")
        assert at - gone < 60
        assert page["path"] == "/page"
        assert page["labels"]["alertname"] == "GatewayNoReadyReplica"
        assert (page["labels"]["region"], page["labels"]["environment"]) == (
            "eu-west",
            "production",
        )

        # What the runbook says: roll back. The page resolves by itself.
        for region in REGIONS:
            find_helm().rollback(Target("production", region, f"production-{region}"), 1)
        wait_until(lambda: any(alert["status"] == "resolved" for _, alert in pages), "resolved", 90)
        assert len(query(prometheus, 'up{job="gateway"} == 1')) == 3


@pytest.mark.timeout(240)
def test_a_release_whose_every_resolver_fails_pages_within_a_minute(tmp_path: Path) -> None:
    """Every status is 200: only the ratio of operations tells."""
    pod = Pod(tmp_path / "pod")
    with ExitStack() as stack:
        pages, port = stack.enter_context(pager())
        stack.enter_context(pod.serving())
        (tmp_path / "targets.json").write_text(
            json.dumps([{"targets": [f"127.0.0.1:{pod.metrics}"]}])
        )
        prometheus = stack.enter_context(monitoring(tmp_path, port))
        wait_until(lambda: bool(query(prometheus, 'up{job="gateway"} == 1')), "the pod scraped")
        done = 'graphql_server_operation_duration_seconds_count{job="gateway"}'
        wait_until(
            lambda: (pod.ask(20), query(prometheus, f"increase({done}[1m]) > 100"))[1] != [],
            "requests that are answered",
        )
        failing, paged = time.monotonic(), threading.Event()
        statuses: set[int] = set()

        def fail() -> None:
            while not paged.wait(0.05):
                statuses.update(pod.ask(1, {"x-failing": "yes"}))

        thread = threading.Thread(target=fail)
        thread.start()
        try:
            wait_until(lambda: bool(pages), "the page", seconds=60)
        finally:
            paged.set()
            thread.join()
        at, page = pages[0]
        print(f"paged after {at - failing:.1f} s")
        assert at - failing < 60
        assert page["path"] == "/page"
        assert page["labels"]["alertname"] == "GatewayOperationsFailing"
        assert page["annotations"]["runbook_url"] == f"{RUNBOOK}#gatewayoperationsfailing"
        assert statuses == {200}


# The parameter as it may have been: a count of nothing, a key that means nothing, a region that is empty,
# all of them at once, a variable of the pipeline that was not set.
PLACE = ["--env", "production", "--region", "eu-west"]
OUTAGES = [
    ([*PLACE, "--set", "replicas=0"], "ChartRefused: helm template: gateway: - at '/replicas'"),
    ([*PLACE, "--set", "autoscaling.minReplicas=0"], "at '/autoscaling/minReplicas': minimum"),
    (
        [*PLACE, "--set", "autoscaling.enabled=false", "--set", "replicas=0"],
        "at '/replicas': minimum",
    ),
    ([*PLACE, "--set", "replicaCount=0"], "additional properties 'replicaCount' not allowed"),
    ([*PLACE, "--set", "replicas="], "the value is empty"),
    ([*PLACE, "--set", "region=us-east"], "the values say region 'us-east'"),
    ([*PLACE, "--set", "namespace=gateway"], 'this render belongs in namespace "gateway"'),
    (["--env", "production", "--region", ""], "RegionMissing"),
    (["--env", "production", "--region", "eu-west,us-east,ap-southeast"], "RegionMany"),
    (["--env", "production", "--region", "all"], "RegionMany"),
    (["--env", "production", "--region", "eu-west", "--region", "us-east"], "RegionMany"),
    (["--env", "", "--region", "eu-west"], "EnvironmentMissing"),
    (["--env", "production"], "RegionMissing"),
]


def install_everywhere() -> None:
    for region in REGIONS:
        target = Target("production", region, f"production-{region}")
        find_helm().apply(CHART, target, layer_values(CHART, target), "install")


def force_everywhere(folder: Path) -> None:
    """Helm by itself, with a chart that has no schema: what the company's outage was."""
    chart = folder / "unguarded"
    shutil.copytree(CHART, chart)
    (chart / "values.schema.json").unlink()
    for region in REGIONS:
        target = Target("production", region, f"production-{region}")
        nothing: dict[str, Any] = {"replicas": 0, "autoscaling": {"enabled": False}}
        find_helm().apply(
            chart, target, merge(layer_values(chart, target), nothing), "one bad parameter"
        )
