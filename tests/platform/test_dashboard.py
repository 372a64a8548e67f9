"""The Grafana dashboard: each of its queries is asked of a real Prometheus that has scraped a real gateway."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.backends import start_backends
from gateway.telemetry.catalogue import METRICS
from tests.platform.processes import answers, free_port, started, wait_until

pytestmark = pytest.mark.platform
ROOT = Path(__file__).resolve().parent.parent.parent
DASHBOARD = json.loads((ROOT / "deploy" / "monitoring" / "dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
# Panels that are empty as long as all is well.
QUIET = (
    "Failed calls", "Breakers that are not closed", "Retries", "Places B", "Deprecated fields", "Steps that failed",
    "Answers that make no sense", "Answers read the slow way", "Requests of which it is not known who asks",
    "Age of the keys in use", "The listener's certificate ends in", "Reloads, and revisions that are held A",
    "Answers kept, evicted and purged D", "Resident memory B", "Commands for quotas", "Overrides decided",
    "Flags decided", "Flags that could not", "Experiments", "Answers compared by @shadow", "Comparisons left out",
)  # fmt: skip
SERIES = re.compile(r"\b((?:http|graphql|gateway|process|python)_\w+?)(?:_bucket|_count|_sum)?\{")


def test_panels_do_not_overlap_and_each_says_its_unit() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS)


@pytest.mark.parametrize("query", QUERIES)
def test_queries_name_metrics_that_there_are(query: str) -> None:
    known = {metric.name for metric in METRICS} | {f"{metric.name}_total" for metric in METRICS}
    named = set(SERIES.findall(query))
    assert named <= known, named - known
    assert named or "up{" in query


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that has scraped the demo under some load, a failed operation among it."""
    folder = tmp_path_factory.mktemp("prometheus")
    port, metrics, own = free_port(), free_port(), free_port()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: gateway\n"
        f"  static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]\n"
    )
    with ExitStack() as stack:
        backends = stack.enter_context(start_backends())
        env = {
            **os.environ,
            **{f"GATEWAY_SOURCES__{n.upper()}__URL": url for n, url in backends.urls.items()},
            "GATEWAY_TELEMETRY__METRICS__PORT": str(metrics),
            "GATEWAY_LOGS__ACCESS": "off",
            "GATEWAY_SOURCES__CATALOG__CACHE__ENABLED": "true",
            "GATEWAY_COST__MODE": "measure",
            "GATEWAY_COST__MAX": "1",
            "GATEWAY_QUOTAS__ADDRESS__REQUESTS": "100000",
            "GATEWAY_QUOTAS__POLICIES": '{"default": {"windows": [{"requests": 100000, "seconds": 60}]}}',
        }
        command = [sys.executable, "-m", "gateway", "serve", "--port", str(port)]
        gateway = subprocess.Popen(command, env=env, cwd=ROOT)
        stack.callback(gateway.wait)
        stack.callback(gateway.terminate)
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health/ready"), "the gateway")
        stack.enter_context(
            started(
                "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
                f"--web.listen-address=127.0.0.1:{own}", log=folder / "prometheus.log", cwd=folder,
            )
        )  # fmt: skip
        url = f"http://127.0.0.1:{own}"
        wait_until(lambda: answers(f"{url}/-/ready"), "Prometheus")
        end = time.monotonic() + 8
        while time.monotonic() < end:
            for query in (
                "query List { videos(first: 3) { edges { node { title channel { name } } } } }",
                "{ nope }",
            ):
                httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": query})
            time.sleep(0.05)
        yield url


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_is_answered(prometheus: str, query: str, request: Any) -> None:
    text = (
        query.replace("$job", "gateway").replace("$__rate_interval", "5s").replace("$__range", "1m")
    )
    found = httpx.get(f"{prometheus}/api/v1/query", params={"query": text}).json()
    assert found["status"] == "success", found
    title = request.node.callspec.id
    if not title.startswith(QUIET) and "fallback" not in text:
        assert found["data"]["result"], f"no data for {text}"
