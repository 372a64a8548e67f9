"""What operators look at names metrics that there are, and every metric is looked at: dashboard, alerts, releases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.catalogue import METRICS

ROOT = Path(__file__).resolve().parent.parent.parent
DASHBOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"
SHOWN = [
    DASHBOARD,
    ROOT / "helm" / "files" / "alerts.yaml",
    ROOT / "tests" / "platform" / "alerts.test.yaml",
    ROOT / "docs" / "operations.md",
    *sorted((ROOT / "gateway" / "release").glob("*.py")),
]
ENDS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
NAMED = re.compile(
    r"\b((?:gateway|graphql_server|http_server|http_client|process|python)_[a-z_]+)(?:\{([^}]*)\})?"
)


def known() -> dict[str, set[str]]:
    """Every series with its labels."""
    return {
        metric.name + end: {*metric.labels, "le", "job", "pod", "instance", "track"}
        for metric in METRICS
        for end in (*ENDS.get(metric.kind, ("",)), "")
    }


def queries(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path == DASHBOARD:
        for panel in json.loads(text)["panels"]:
            yield from (target["expr"] for target in panel.get("targets", ()))
    else:
        yield text


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_names_of_metrics_and_labels_exist(path: Path) -> None:
    series = known()
    labels = {label for metric in METRICS for label in metric.labels}
    for query in queries(path):
        for name, matchers in NAMED.findall(query):
            if name in labels:
                continue
            assert name in series, f"{path.name}: {name}"
            used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            assert used <= series[name] or path.suffix == ".md", (
                f"{path.name}: {name}{{{matchers}}}"
            )


def test_every_metric_has_a_panel() -> None:
    shown = {name for query in queries(DASHBOARD) for name, _ in NAMED.findall(query)}
    missing = {
        metric.name
        for metric in METRICS
        if not {metric.name + end for end in (*ENDS.get(metric.kind, ("",)), "")} & shown
    }
    assert missing == set()
