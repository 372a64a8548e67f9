"""The job that connects to every source before an upgrade: what its pod has is what the new pods will have."""

from __future__ import annotations

import tomllib
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import chart as helm_chart

from gateway.release.manifests import find_object
from gateway.release.model import RELEASE, Object
from gateway.release.values import merge
from tests.platform.renders import CHART, FEATURES, render, target, values_of

VERSION = list(dict.fromkeys(kubernetes_validate.utils.all_versions()))[-1]
EGRESS = [{"cidr": "10.20.0.0/16", "ports": [443]}]
ALL = merge(
    merge(FEATURES["config"], FEATURES["files"]),
    merge(FEATURES["secret-reference"], {"env": {"LOG": "1"}, "networkPolicy": {"egress": EGRESS}}),
)


def hooks(environment: str, more: dict[str, Any]) -> dict[str, Object]:
    """The objects of the hook, by kind and name."""
    where = target(environment, "eu-west")
    with helm_chart.Chart.load(CHART) as loaded:
        files = loaded.render(
            values_of(environment, "eu-west", more), name=RELEASE, namespace=where.namespace
        )
    (text,) = [text for name, text in files.items() if name.endswith("/reach.yaml")]
    found = [item for item in yaml.safe_load_all(text) if item is not None]
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in found}


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize("more", [{}, ALL], ids=["plain", "all"])
def test_its_pod_has_what_the_new_pods_will_have(environment: str, more: dict[str, Any]) -> None:
    more = merge(more, {"reach": {"enabled": True}})
    found = hooks(environment, more)
    objects = render(environment, "eu-west", more)
    for item in found.values():
        kubernetes_validate.validate(item, VERSION, strict=True)
        assert item["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    job = found["Job/gateway-reach"]
    (mine,) = job["spec"]["template"]["spec"]["containers"]
    deployment = find_object(objects, "Deployment", "gateway")
    assert deployment is not None
    theirs = deployment["spec"]["template"]["spec"]["containers"][0]
    assert mine["args"][2:5] == ["gateway", "check", "--reach"]
    assert mine["image"] == theirs["image"]
    assert mine["securityContext"] == theirs["securityContext"]
    assert mine["volumeMounts"] == theirs["volumeMounts"]
    assert [item for item in mine["env"] if item not in theirs["env"]] == []
    names = {item["name"] for item in mine["env"]}
    assert {*(more.get("env") or {}), *(item["name"] for item in more.get("secrets", {}).get("env", []))} <= names  # fmt: skip
    policy = find_object(objects, "NetworkPolicy", "gateway")
    assert policy is not None
    assert found["NetworkPolicy/gateway-reach"]["spec"]["egress"] == policy["spec"]["egress"]
    for name in ("config", "schema", "resolvers"):
        own = find_object(objects, "ConfigMap", f"gateway-{name}")
        if own is not None:
            assert found[f"ConfigMap/gateway-reach-{name}"]["data"] == own["data"]
            tomllib.loads(own["data"].get("gateway.toml", ""))


def test_it_is_no_object_of_the_release_and_off_unless_asked_for() -> None:
    assert hooks("staging", {}) == {}
    objects = render("staging", "eu-west", {"reach": {"enabled": True}})
    assert {item["kind"] for item in objects} & {"Job"} == set()
    assert hooks("staging", merge(FEATURES["demo"], {"reach": {"enabled": True}})) == {}
