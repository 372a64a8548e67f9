"""The chart, rendered for every environment, region and feature: golden files, Kubernetes' own schemas,
our policies, and the values that it refuses. `UPDATE_GOLDEN=1` rewrites the golden files."""

from __future__ import annotations

import functools
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import chart as helm_chart

from gateway.release.manifests import find_object, images, key, pod_specs
from gateway.release.model import ChartError, Object, digest_of
from gateway.release.policies import (
    bounded_resources,
    check_policies,
    least_replicas,
    one_place,
    pinned_images,
    restricted_pods,
)
from gateway.release.values import load_targets, merge
from tests.platform.renders import (
    CANARY,
    CELLS,
    CHART,
    ENVIRONMENTS,
    FEATURES,
    METRICS,
    REGIONS,
    ROOT,
    ROUTES,
    render,
    target,
    values_of,
)

DIGEST, OTHER = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"
GOLDEN = Path(__file__).parent / "golden"
# Kinds that are not Kubernetes' own have no schema here.
CUSTOM = {
    "Certificate",
    "HTTPRoute",
    "ServiceMonitor",
    "PrometheusRule",
    "ExternalSecret",
    "SealedSecret",
}
VERSIONS = list(dict.fromkeys(kubernetes_validate.utils.all_versions()))[-5:]


def text_of(objects: tuple[Object, ...]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False, width=100)


def check_golden(name: str, objects: tuple[Object, ...]) -> None:
    path, text = GOLDEN / f"{name}.yaml", text_of(objects)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_place_renders_as_before(environment: str, region: str) -> None:
    check_golden(f"{environment}-{region}", render(environment, region, {}))


@pytest.mark.parametrize("feature", [name for name in FEATURES if name != "plain"])
def test_every_feature_changes_what_it_changed_before(feature: str) -> None:
    """Golden files hold what differs from the plain render, object by object."""
    environment = "production" if feature == "no-autoscaling" else "staging"
    plain = {key(item): item for item in render(environment, "eu-west", {})}
    changed = [
        item
        for item in render(environment, "eu-west", FEATURES[feature])
        if plain.get(key(item)) != item
    ]
    check_golden(f"feature-{feature}", tuple(changed))


@pytest.mark.parametrize(("environment", "region", "feature"), CELLS)
def test_every_render_keeps_our_policies(environment: str, region: str, feature: str) -> None:
    objects = render(environment, region, FEATURES[feature])
    where = target(environment, region, str(FEATURES[feature].get("preview", "")))
    assert check_policies(objects, where) == []


def test_every_cell_renders_as_before() -> None:
    """A digest for each environment, region and feature; the text of what changed is in the other golden files."""
    found = {
        "/".join(cell): digest_of(list(render(cell[0], cell[1], FEATURES[cell[2]])))
        for cell in CELLS
    }
    path = GOLDEN / "cells.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == found


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_every_object(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strictly: a field that this version's API does not know is an error."""
    utils = kubernetes_validate.utils
    monkeypatch.setattr(utils, "schema_contents", functools.cache(utils.schema_contents))
    validated = set()
    for environment, region, feature in CELLS:
        for item in (*render(environment, region, FEATURES[feature]), smoke_pod(environment)):
            digest = digest_of(item)
            if item["kind"] not in CUSTOM and digest not in validated:
                validated.add(digest)
                kubernetes_validate.validate(item, version, strict=True)
    assert len(validated) > 100


def smoke_pod(environment: str) -> Object:
    """The pod of `helm test`, which is no part of a release."""
    with helm_chart.Chart.load(CHART) as chart:
        files = chart.render(
            values_of(environment, "eu-west", {}),
            name="gateway",
            namespace=f"gateway-{environment}",
        )
    found: Object = yaml.safe_load(files["gateway/templates/tests/smoke.yaml"])
    return found


def test_the_smoke_pod_is_as_restricted_as_the_others() -> None:
    where = target("production", "eu-west")
    for policy in (one_place, pinned_images, bounded_resources, restricted_pods):
        assert list(policy([smoke_pod("production")], where)) == []


def test_the_validation_is_strict() -> None:
    item = dict(find_object(render("staging", "eu-west", {}), "Deployment", "gateway") or {})
    item["spec"] = {**item["spec"], "replica": 1}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(item, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_helm_lint(environment: str) -> None:
    report = helm_chart.lint(
        CHART,
        values_of(environment, "eu-west", {}),
        strict=True,
        namespace=f"gateway-{environment}",
    )
    assert [m for m in report["messages"] if m["severity"] > 1] == []


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("dev", {"replicas": 0}, "replicas"),
    ("dev", {"replicas": -1}, "replicas"),
    ("dev", {"replicas": None}, "replicas"),
    ("production", {"replicas": 1}, "replicas"),
    ("production", {"autoscaling": {"minReplicas": 0}}, "minReplicas"),
    ("production", {"autoscaling": {"minReplicas": 1}}, "minReplicas"),
    ("production", {"autoscaling": {"minReplicas": 30}}, "above"),
    ("production", {"demo": {"enabled": True}}, "demo"),
    ("production", {"preview": "pr-1"}, "preview"),
    ("production", {"networkPolicy": {"enabled": False}}, "networkPolicy"),
    ("dev", {"preview": "pr-1"}, "preview"),
    ("staging", {"preview": "123"}, "preview"),
    ("dev", {"replicaCount": 0}, "replicaCount"),
    ("dev", {"image": {"tga": "1"}}, "tga"),
    ("dev", {"image": {"tag": "latest"}}, "tag"),
    ("dev", {"image": {"tag": 1.1}}, "tag"),
    ("dev", {"image": {"repository": "gateway:1"}}, "repository"),
    ("dev", {"environment": None}, "environment"),
    ("dev", {"environment": "prod"}, "environment"),
    ("dev", {"region": None}, "region"),
    ("dev", {"region": ""}, "region"),
    ("dev", {"region": "eu-west,us-east"}, "region"),
    ("dev", {"region": ["eu-west", "us-east"]}, "region"),
    ("dev", {"env": {"API_TOKEN": "x"}}, "API_TOKEN"),
    ("dev", {"secrets": {"sealed": {"enabled": True, "encryptedData": {"a": "plain"}}}}, "encryptedData"),
    ("dev", {"networkPolicy": {"egress": [{"cidr": "0.0.0.0/0", "ports": [443]}]}}, "cidr"),
    ("dev", {"canary": {"percent": 100}}, "percent"),
    ("dev", {"drain": {"preStopSeconds": 0}}, "preStopSeconds"),
    ("dev", {"config": {"server": "x"}}, "config"),
    ("dev", {"resources": {"limits": {"cpu": None}}}, "cpu"),
    ("dev", {"ingress": {"enabled": True}, "domain": ""}, "domain"),
    ("dev", {"namespace": "default"}, "namespace"),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "more", "words"), REFUSED)
def test_values_that_are_refused(environment: str, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ChartError, match=words):
        render(environment, "eu-west", more)


def test_every_object_of_the_schema_is_closed() -> None:
    """No place in values.schema.json takes an unknown key, but the maps that are meant to."""
    free: list[str] = []

    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict):
            if node.get("type") == "object" and node.get("additionalProperties") in (None, True):
                free.append(path)
            for name, inner in node.items():
                walk(inner, f"{path}/{name}")
        elif isinstance(node, list):
            for inner in node:
                walk(inner, path)

    walk(json.loads((CHART / "values.schema.json").read_text()), "")
    assert free == [
        "/properties/tolerations/items",
        "/properties/global",
        "/$defs/config/additionalProperties",
    ]


def test_values_are_documented() -> None:
    """Every top-level key stands in values.yaml, and a comment says what it is or its name says it all."""
    known = set(json.loads((CHART / "values.schema.json").read_text())["properties"])
    given = set(yaml.safe_load((CHART / "values.yaml").read_text()))
    assert known - given == {"environment", "region", "global"}
    assert given - known == set()


def test_gateway_toml_is_what_the_gateway_reads(tmp_path: Path) -> None:
    """The chart's TOML goes through the gateway's own reader: same numbers, no float where an int stood."""
    from gateway.app.config import load_config

    objects = render("staging", "eu-west", FEATURES["config"])
    text = (find_object(objects, "ConfigMap", "gateway-config") or {})["data"]["gateway.toml"]
    assert tomllib.loads(text)["server"]["resolver_threads"] == 8
    assert "8.0" not in text
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    server = load_config(path, env={}).server
    assert (server.path, server.drain_timeout_s, server.resolver_threads) == ("/graphql", 2.5, 8)


def variables(objects: tuple[Object, ...]) -> dict[str, Any]:
    ((_, spec), *_) = pod_specs(objects)
    return {item["name"]: item.get("value") for item in spec["containers"][0]["env"]}


NUMBERS = [0, 1, 999_999, 1_000_000, 5_000_000, 33_554_432, 123_456_789_012, 0.25, 1.5, -2_000_000]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_are_rendered_whole(number: float) -> None:
    """Helm has floats only, and prints a million as 1e+06."""
    deep = {"a": number, "list": [number, {"b": [number]}]}
    more = {
        "env": {"N": number},
        "config": {"connectors": {"config": deep}},
        "canary": CANARY["canary"],
    }
    objects = render("staging", "eu-west", more)
    assert variables(objects)["N"] == str(number)
    for name in ("gateway-config", "gateway-config-canary"):
        text = (find_object(objects, "ConfigMap", name) or {})["data"]["gateway.toml"]
        assert "e+" not in text
        found = tomllib.loads(text)["connectors"]["config"]
        assert found == deep
        assert type(found["a"]) is type(found["list"][1]["b"][0]) is type(number)


HOSTILE = [
    "public\n  defaultBackend: {service: {name: evil, port: {number: 80}}}",
    "/x, scheme: HTTPS",
    "/health/live, port: 9464}\n        x: {a: b",
    "a: b", "*a", "&a", "{a}", "yes", "123", "~", "a #b", "'", '"', "\\", "|", "- a", "%", "@",
]  # fmt: skip
PLACES: list[tuple[str, ...]] = [
    ("ingress", "className"), ("config", "server", "live_path"), ("config", "server", "ready_path"),
    ("priorityClassName",), ("secrets", "external", "store"), ("metrics", "path"), ("image", "repository"),
    ("networkPolicy", "monitoringNamespace"), ("metrics", "rules", "runbookBase"), ("domain",), ("globalHost",),
    ("ingress", "tlsSecret"), ("image", "tag"), ("gatewayApi", "parentRefs", "name"), ("env", "X"),
    ("podAnnotations", "x"), ("secrets", "external", "data", "remote"), ("secrets", "external", "data", "property"),
    ("schema", "files", "a.graphql"), ("resolvers", "files", "a.py"), ("nodeSelector", "x"),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_what_a_value_says_stays_one_value(place: tuple[str, ...]) -> None:
    """Refused, or a string at that place: never another member of an object."""
    base = merge(
        FEATURES["external-secret"], merge(METRICS, merge(ROUTES, {"ingress": {"annotations": {}}}))
    )
    plain = {
        "path": "/abc",
        "live_path": "/abc",
        "ready_path": "/abc",
        "runbookBase": "https://abc.example",
    }
    values = merge(base, nested(place, base, plain.get(place[-1], "abc")))
    shape = shape_of(render("production", "eu-west", values))
    for text in HOSTILE:
        try:
            objects = render("production", "eu-west", merge(base, nested(place, base, text)))
        except ChartError as exc:
            assert "does not match" in str(exc)  # noqa: PT017 -- the schema has refused it
            continue
        assert shape_of(objects) == shape
        assert text in texts_of(objects)


def nested(place: tuple[str, ...], base: dict[str, Any], text: str) -> dict[str, Any]:
    """Values with a text at one place; in a list, in its first item."""
    *above, last = place
    inner: Any = base
    for part in above:
        inner = inner.get(part, {}) if isinstance(inner, dict) else inner
    found: Any = {last: text}
    if isinstance(inner, list):
        found = [{**inner[0], last: text}]
    for part in reversed(above):
        found = {part: found}
    return dict(found)


def shape_of(value: Any) -> Any:
    """An object without its texts."""
    if isinstance(value, dict):
        return {name: shape_of(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [shape_of(item) for item in value]
    return type(value).__name__


def texts_of(value: Any) -> str:
    """Every text of an object, one after the other."""
    if isinstance(value, dict):
        return "\0".join(map(texts_of, value.values()))
    if isinstance(value, list | tuple):
        return "\0".join(map(texts_of, value))
    return str(value)


def test_files_are_rendered_as_they_are() -> None:
    """A text that begins with spaces, ends without a line break, or has what YAML means something by."""
    texts = {
        "a.graphql": "   type Query {\n a: Int }",
        "b.graphql": "---\n...\n\t# <&>\u2028é\r\n",
        "c.graphql": "\n\nx",
    }
    objects = render("staging", "eu-west", {"schema": {"files": texts}})
    assert (find_object(objects, "ConfigMap", "gateway-schema") or {})["data"] == texts


def test_probes_of_a_canary_ask_for_its_own_paths() -> None:
    more = merge(CANARY, {"canary": {"config": {"server": {"live_path": "/alive"}}}})
    paths = {
        name: spec["containers"][0]["livenessProbe"]["httpGet"]["path"]
        for name, spec in pod_specs(render("staging", "eu-west", more))
    }
    assert paths == {"Deployment/gateway": "/health/live", "Deployment/gateway-canary": "/alive"}


def test_a_changed_config_rolls_the_pods() -> None:
    def checksum(more: dict[str, Any]) -> Any:
        found = find_object(render("staging", "eu-west", more), "Deployment", "gateway") or {}
        return found["spec"]["template"]["metadata"]["annotations"]

    other = {"config": {"server": {"path": "/other"}}}
    assert checksum(FEATURES["config"]) == checksum(FEATURES["config"])
    assert checksum(FEATURES["config"])["checksum/config"] != checksum(other)["checksum/config"]
    assert checksum({})["checksum/files"] != checksum(FEATURES["files"])["checksum/files"]


@pytest.mark.parametrize(
    ("percent", "least", "pods"), [(10, 3, 1), (10, 9, 1), (10, 18, 2), (50, 4, 4), (25, 4, 2)]
)
def test_canary_replicas_weigh_the_traffic(percent: int, least: int, pods: int) -> None:
    more = {"canary": {"enabled": True, "percent": percent}, "autoscaling": {"minReplicas": least}}
    objects = render("production", "eu-west", more)
    assert least_replicas(objects, "gateway-canary") == pods


@pytest.mark.parametrize(
    ("canary", "image"),
    [({"tag": "2"}, "gateway:2"), ({"tag": "2", "digest": OTHER}, f"gateway@{OTHER}"), ({}, f"gateway@{DIGEST}")],
)  # fmt: skip
def test_a_canary_has_an_image_of_its_own(canary: dict[str, str], image: str) -> None:
    """Also beside a digest of the other track, which would win over a tag."""
    more = {
        "image": {"repository": "gateway", "digest": DIGEST},
        "canary": {"enabled": True, "image": canary},
    }
    assert sorted({f"gateway@{DIGEST}", image}) == list(images(render("staging", "eu-west", more)))


def test_a_canary_config_leaves_the_stable_pods_alone() -> None:
    plain = render("staging", "eu-west", FEATURES["config"])
    with_canary = render("staging", "eu-west", FEATURES["canary-config"] | FEATURES["config"])
    assert find_object(plain, "Deployment", "gateway") == find_object(
        with_canary, "Deployment", "gateway"
    )
    canary = find_object(with_canary, "ConfigMap", "gateway-config-canary") or {}
    assert "/new" in canary["data"]["gateway.toml"]


def test_a_preview_has_a_place_of_its_own() -> None:
    objects = render("staging", "us-east", {"preview": "pr-123"})
    assert {item["metadata"]["namespace"] for item in objects} == {"gateway-pr-123"}
    assert {item["metadata"]["labels"]["preview"] for item in objects} == {"pr-123"}
    assert {item["metadata"]["labels"]["ttl-hours"] for item in objects} == {"72"}
    deployment = find_object(objects, "Deployment", "gateway") or {}
    assert deployment["spec"]["replicas"] == 1
    ingress = find_object(objects, "Ingress", "gateway") or {}
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == ["pr-123.staging.example.com"]


def test_one_render_one_image_everywhere() -> None:
    assert images(render("production", "eu-west", {"image": {"tag": "1.2.3"}})) == (
        "registry.example.com/gateway:1.2.3",
    )


def test_dev_is_a_complete_stack() -> None:
    """The stand-ins listen where the image's gateway.toml looks for them."""
    objects = render("dev", "eu-west", {})
    ((_, pod),) = pod_specs(objects)
    ports = {c["args"][4]: c["args"][6] for c in pod["containers"] if c["name"] != "gateway"}
    sources = tomllib.loads((ROOT / "gateway.toml").read_text())["sources"]
    assert {name: table["url"] for name, table in sources.items()} == {
        name: f"http://127.0.0.1:{port}" for name, port in ports.items()
    }


def test_every_target_has_its_files() -> None:
    for environment, region in load_targets(CHART).targets:
        assert values_of(environment, region, {})["region"] == region
