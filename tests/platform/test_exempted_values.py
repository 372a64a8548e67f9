"""What production may have where somebody has written down why, and who stands near its pods: judged through the real
chart and the shipped targets.yaml; beside them what looks like them and is fine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.release.exemptions import EXEMPTABLE
from gateway.release.helm import find_helm
from gateway.release.model import Gate
from gateway.release.policies import check_policies
from gateway.release.values import layer_values, merge
from tests.platform.renders import CHART
from tests.platform.test_judged_values import (
    PLACE,
    cert_manager,
    config,
    env,
    exempt,
    judged,
    secret,
)

URL = "https://id.internal.example.com/jwks"
KEYS: dict[str, Any] = {"url": URL, "audiences": ["a"], "issuers": ["i"]}
REASON = "it is meant, until the migration ends"


def key_sets(*tables: dict[str, Any]) -> dict[str, Any]:
    return config(authentication={"jwt": {"jwks": [{**KEYS, **table} for table in tables]}})


def exempt_of(setting: str, of: str) -> dict[str, Any]:
    return {"setting": setting, "of": of, "reason": REASON}


def redis_url(text: str) -> dict[str, Any]:
    return config(redis={"url": text})


NO_MONITOR = {"metrics": {"serviceMonitor": {"enabled": False}}}
NO_RULES = {"metrics": {"rules": {"enabled": False}}}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        # Nobody would see it fail.
        (NO_MONITOR, "there is no ServiceMonitor"),
        (NO_RULES, "there is no PrometheusRule"),
        ({**NO_RULES, **exempt("metrics.serviceMonitor.enabled")}, "there is no PrometheusRule"),
        # Where kept answers are.
        (secret("GATEWAY_REDIS__URL"), "nobody sees whose Redis"),
        (secret("URL", redis_url("${URL}")), "nobody sees whose Redis"),
        (secret("HOST", redis_url("rediss://${HOST}:6379")), "nobody sees whose Redis"),
        # A host is no secret, wherever `$config` stands.
        (secret("GATEWAY_CONNECTORS__CONFIG__HOST"), "nobody sees that"),
        (secret("GATEWAY_CONNECTORS__CONFIG__CMS__BASE_URL"), "nobody sees that"),
        (secret("GATEWAY_CONNECTORS__CONFIG"), "nobody sees that"),
        (secret("H", config(connectors={"config": {"cms": {"host": "${H}"}}})), "nobody sees that"),
        # One exemption is for one key set, and stands there once.
        ({**key_sets({"audiences": []}), **exempt("authentication.jwt.jwks.audiences")}, "ChartRefused"),
        ({**key_sets({"audiences": []}, {"url": f"{URL}/2", "audiences": []}),
          "exemptions": [exempt_of("authentication.jwt.jwks.audiences", URL)]}, "jwks.1 names no audiences"),
        ({**key_sets({"issuers": []}), "exemptions": [exempt_of("authentication.jwt.jwks.audiences", URL)]}, "names no issuers"),
        ({"exemptions": [exempt_of("limits.introspection", "a")]}, "ChartRefused"),
        ({**env(GATEWAY_LIMITS__MODE="measure"), **exempt("limits.mode", "limits.mode")}, "is exempted 2 times"),
        # What is no claim of a token.
        *((key_sets({name: [value]}), "is compared letter by letter") for name in ("audiences", "issuers") for value in ("", "*", " a")),
        # Headers that an ingress or a mesh puts on every request.
        *((config(csrf={"required_headers": [name]}), "proves no preflight request") for name in (
            "x-request-id", "traceparent", "X-Correlation-ID", "cf-ray", "x-envoy-attempt-count", "x-b3-traceid", "X-Amzn-Trace-Id",
            "forwarded", "x-client-ip", "x-cloud-trace-context", "l5d-client-id", "baggage", "cdn-loop", "x-original-uri")),
        # The autoscaler would come too late, or take away what is needed.
        ({"autoscaling": {"inFlightPerPod": 10**9}}, "a pod turns them away from 1024"),
        ({"autoscaling": {"inFlightPerPod": 1024}}, "a pod turns them away from 1024"),
        ({"autoscaling": {"scaleDownStabilizationSeconds": 0}}, "a lull of 0 s"),
        # Who may connect, and to what.
        *(({"networkPolicy": {"egress": [{"cidr": "10.0.0.0/8", "ports": [443, port]}]}}, f"10.0.0.0/8 port {port}: machines") for port in (22, 6443, 10250)),
        ({"networkPolicy": {"ingressNamespaces": ["ingress", "default"]}}, "pods of namespace default may connect"),
        ({"networkPolicy": {"monitoringNamespace": "team-a"}}, "pods of namespace team-a may connect"),
        # Nodes that are not for pods.
        *(({"tolerations": [{"operator": "Exists", "effect": "NoSchedule", **taint}]}, "on nodes that are not for them") for taint in (
            {}, {"key": "node-role.kubernetes.io/control-plane"}, {"key": "node-role.kubernetes.io/master"}, {"key": "node.kubernetes.io/unschedulable"},
            {"key": "node.kubernetes.io/memory-pressure"}, {"key": "ToBeDeletedByClusterAutoscaler"}, {"key": "DeletionCandidateOfClusterAutoscaler"},
            {"key": "karpenter.sh/disrupted"})),
        ({"affinity": {"nodeAffinity": {}}}, "ChartRefused"),
        ({"nodeName": "node1"}, "ChartRefused"),
        (cert_manager(private_key_encoding="DER"), "changes requests"),
        (cert_manager(private_key_rotation_policy="Often"), "changes requests"),
        (cert_manager(private_key_algorithm="Ed25519"), "changes requests"),
        (cert_manager(private_key_algorithm="ECDSA", private_key_size="2048"), "changes requests"),
    ],
)  # fmt: skip
def test_production_has_it_not_without_a_word(more: dict[str, Any], words: str) -> None:
    assert words in judged(more)


@pytest.mark.parametrize(
    "more",
    [
        {**NO_MONITOR, **exempt("metrics.serviceMonitor.enabled")},
        {"metrics": merge(NO_MONITOR["metrics"], NO_RULES["metrics"]), **exempt("metrics.serviceMonitor.enabled", "metrics.rules.enabled")},
        secret("GATEWAY_REDIS__URL", exempt("redis.url")),
        secret("PASSWORD", redis_url("rediss://:${PASSWORD}@redis.internal.example.com:443")),
        secret("GATEWAY_CONNECTORS__CONFIG__CMS__TOKEN"), secret("GATEWAY_CONNECTORS__CONFIG__API_KEY"),
        secret("S", config(connectors={"config": {"cms": {"clientSecret": "${S}"}}})),
        {**key_sets({"audiences": []}), "exemptions": [exempt_of("authentication.jwt.jwks.audiences", URL)]},
        {**key_sets({"audiences": [], "issuers": []}),
         "exemptions": [exempt_of(f"authentication.jwt.jwks.{name}", URL) for name in ("audiences", "issuers")]},
        config(csrf={"required_headers": ["x-requested-with", "x-csrf-token", "apollo-require-preflight", "x-own-app"]}),
        {"autoscaling": {"inFlightPerPod": 40, "scaleDownStabilizationSeconds": 120}},
        {"tolerations": [{"key": "dedicated", "operator": "Equal", "value": "serving", "effect": "NoSchedule"}]},
        cert_manager(private_key_algorithm="ECDSA", private_key_size="256", private_key_encoding="PKCS8", private_key_rotation_policy="Always"),
        cert_manager(private_key_algorithm="RSA"),
    ],
)  # fmt: skip
def test_with_a_reason_or_a_better_way_it_has(more: dict[str, Any]) -> None:
    assert judged(more) == ""


@pytest.mark.parametrize(
    ("gate", "key"),
    [
        (Gate(bake_s=0), "bakeSeconds"), (Gate(bake_s=59), "bakeSeconds"), (Gate(ready_timeout_s=0), "readyTimeoutSeconds"),
        (Gate(interval_s=0.01), "intervalSeconds"), (Gate(interval_s=60), "intervalSeconds"), (Gate(bad_samples_allowed=10), "badSamplesAllowed"),
        (Gate(max_error_ratio=0.5), "maxErrorRatio"), (Gate(max_failed_ratio=0.5), "maxFailedRatio"), (Gate(max_p99_s=60), "maxP99Seconds"),
        (Gate(min_requests=10_000), "minRequests"),
    ],
)  # fmt: skip
def test_a_gate_lets_through_what_users_see_only_with_a_reason(gate: Gate, key: str) -> None:
    place = replace(PLACE, gate=gate)
    plain, exempted = (
        find_helm().render(CHART, PLACE, merge(layer_values(CHART, PLACE), more))
        for more in ({}, exempt(f"gate.{key}"))
    )
    (problem,) = check_policies(plain, place)
    assert problem.startswith(f"targets.yaml: gate.{key} is ")
    assert f"`exemptions` names gate.{key} and says why" in problem
    assert check_policies(exempted, place) == []
    assert "is exempted and need not be" in "".join(check_policies(exempted, PLACE))


def test_a_taint_that_one_has_looked_at_is_listed_in_targets() -> None:
    toleration = {"key": "cloud.google.com/gke-spot", "operator": "Equal", "value": "true"}
    more = {"tolerations": [{**toleration, "effect": "NoSchedule"}]}
    objects = find_helm().render(CHART, PLACE, merge(layer_values(CHART, PLACE), more))
    assert "on nodes that are not for them" in "".join(check_policies(objects, PLACE))
    listed = replace(PLACE, annotations=("cloud.google.com/gke-spot=true",))
    assert check_policies(objects, listed) == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"nodeName": "node1"}, "past the scheduler"),
        ({"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}, "affinity to topology.kubernetes.io/zone=a"),
        ({"key": "kubernetes.io/hostname", "operator": "Exists"}, "affinity to kubernetes.io/hostname=*"),
        ({"key": "topology.kubernetes.io/zone", "operator": "NotIn", "values": ["a"]}, ""),
        ({"key": "pool", "operator": "In", "values": ["serving"]}, ""),
    ],
)  # fmt: skip
def test_a_chart_that_somebody_changed_binds_pods_to_no_place(
    spec: dict[str, Any], words: str
) -> None:
    objects = find_helm().render(CHART, PLACE, layer_values(CHART, PLACE))
    demand = {"nodeSelectorTerms": [{"matchExpressions": [spec]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": demand}
    for item in objects:
        if item["kind"] == "Deployment":
            pod = item["spec"]["template"]["spec"]
            pod |= spec if "nodeName" in spec else {"affinity": {"nodeAffinity": affinity}}
    assert words in "\n".join(check_policies(objects, PLACE))
    assert words or check_policies(objects, PLACE) == []


def test_the_charts_schema_knows_what_can_be_exempted() -> None:
    for name in sorted(EXEMPTABLE):
        of = {"of": URL} if name.startswith("authentication.jwt.jwks.") else {}
        given = {"exemptions": [{"setting": name, "reason": REASON, **of}]}
        assert "is exempted and need not be" in judged(given)
