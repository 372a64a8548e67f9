"""The gate of a release, asked about real gateways by a real Prometheus: healthy when it should be, and only then."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from gateway.release.health import Monitor, Sample, compare, judge
from gateway.release.model import Gate, Live, Target
from tests.platform.pods import Pod
from tests.platform.processes import answers, free_port, started, wait_until
from tests.platform.renders import ROOT

GATE = Gate()
LIVE = Live(replicas=1, ready=1)


@contextmanager
def prometheus(folder: Path, pods: dict[str, Pod]) -> Iterator[str]:
    """The shipped Prometheus over some pods by track, without Alertmanager. Its URL."""
    text = (ROOT / "deploy" / "monitoring" / "prometheus.yml").read_text()
    text = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{free_port()}", text)
    text = re.sub(
        r"interval: 5s", "interval: 1s", text
    )  # the gate asks for increases, not for times
    (folder / "prometheus.yml").write_text(text)
    (folder / "alerts.yaml").write_bytes((ROOT / "helm" / "files" / "alerts.yaml").read_bytes())
    # As the ServiceMonitor's podTargetLabels: the track is the pod's, and no label of the gateway's own.
    targets = [
        {"targets": [f"127.0.0.1:{pod.metrics}"], "labels": {"track": track}}
        for track, pod in pods.items()
    ]
    (folder / "targets.json").write_text(json.dumps(targets))
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]  # fmt: skip
    with started(*command, log=folder / "prometheus.log", cwd=folder):
        wait_until(lambda: answers(f"{url}/-/ready"), "Prometheus")
        yield url


@pytest.mark.timeout(180)
def test_the_gate_reads_real_gateways(tmp_path: Path) -> None:
    pods = {"stable": Pod(tmp_path / "stable", 2), "canary": Pod(tmp_path / "canary", 2)}
    with ExitStack() as stack:
        for pod in pods.values():
            stack.enter_context(pod.serving())
        url = stack.enter_context(prometheus(tmp_path, pods))
        target = Target("production", "eu-west", "production-eu-west", prometheus=url)
        monitor = Monitor(stack.enter_context(httpx.Client()))

        def sample(track: str | None = None) -> Sample:
            return monitor.sample(target, LIVE, track)

        def seen(track: str, requests: float) -> bool:
            """Prometheus extrapolates to the window's ends: about so many."""
            return sample(track).requests > requests * 0.9

        wait_until(lambda: sample().seen == 2, "both scraped")
        assert judge(sample(), GATE) == []  # nothing was asked yet

        for pod in pods.values():
            pod.ask(300)
        wait_until(lambda: all(seen(track, 300) for track in pods), "the requests")
        whole = sample()
        assert judge(whole, GATE) == []
        assert whole.error_ratio == 0
        assert 0 < whole.p99_s < GATE.max_p99_s
        assert compare(sample("canary"), sample("stable"), GATE) == []

        pods["canary"].ask(50, {"x-failing": "yes"})
        wait_until(lambda: sample("canary").failed_ratio > 0.1, "the failed operations")
        assert sample("canary").error_ratio == 0  # all of them are 200
        assert sample("stable").failed_ratio == 0
        (problem, worse) = compare(sample("canary"), sample("stable"), GATE)
        assert "of operations are answered with errors that no client made (at most" in problem
        assert worse.startswith("operations with errors")
        assert worse.endswith("against 0.00% of stable")

        pods["stable"].ask(20, query="{ nope }")  # clients' errors stop no release by themselves
        wait_until(lambda: sample("stable").refused_ratio > 0.02, "the refused operations")
        assert judge(sample("stable"), GATE) == []

        pods["canary"].ask(100, {"x-broken": "yes"})
        wait_until(lambda: sample("canary").error_ratio > 0.2, "the failures")
        assert sample("stable").error_ratio == 0
        found = compare(sample("canary"), sample("stable"), GATE)
        assert any("of requests fail (at most" in problem for problem in found)
        assert any(re.match(r"errors .* against 0.00% of stable", problem) for problem in found)
        assert judge(sample(), GATE) != []


@pytest.mark.timeout(120)
def test_a_gateway_that_is_gone_is_not_healthy(tmp_path: Path) -> None:
    pod = Pod(tmp_path / "pod")
    with ExitStack() as stack:
        running = ExitStack()
        stack.enter_context(running)
        running.enter_context(pod.serving())
        url = stack.enter_context(prometheus(tmp_path, {"stable": pod}))
        target = Target("production", "eu-west", "production-eu-west", prometheus=url)
        monitor = Monitor(stack.enter_context(httpx.Client()))
        wait_until(lambda: monitor.sample(target, LIVE).seen == 1, "the pod scraped")
        running.close()
        wait_until(lambda: monitor.sample(target, LIVE).seen == 0, "its end")
        assert judge(monitor.sample(target, LIVE), GATE) == [
            "Prometheus sees no pod of the gateway"
        ]
