"""Renders of the chart: every environment, region and feature, by the same code that a release uses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.release.helm import Helm, find_helm
from gateway.release.model import Object, Target
from gateway.release.values import layer_values, load_targets, merge

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm"
ENVIRONMENTS = ("dev", "staging", "production")
REGIONS = ("ap-southeast", "eu-west", "us-east")

METRICS = {"metrics": {"serviceMonitor": {"enabled": True}, "rules": {"enabled": True}}}
ROUTES = {
    "gatewayApi": {
        "enabled": True,
        "parentRefs": [{"name": "public", "namespace": "ingress", "sectionName": "https"}],
    }
}
SEALED = {"API_KEY": "Ag" + "B" * 80}
CANARY = {"canary": {"enabled": True, "percent": 10, "image": {"tag": "0.2.0"}}}

# A feature → the values that switch it on (or off).
# With the sources whose addresses production.yaml has.
SCHEMA = """extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@source"])
  @source(name: "catalog", http: { baseURL: "https://catalog.internal.example.com" })
  @source(name: "monolith", http: { baseURL: "https://monolith.internal.example.com" })
  @source(name: "search", http: { baseURL: "https://search.internal.example.com" })
type Query {
  hello: String
}
"""
FEATURES: dict[str, dict[str, Any]] = {
    "plain": {},
    "autoscaling": {"autoscaling": {"enabled": True, "inFlightPerPod": 40}, "replicas": 2},
    "no-autoscaling": {"autoscaling": {"enabled": False}},
    "metrics": METRICS,
    "no-metrics": {"metrics": {"enabled": False}},
    "gateway-api": ROUTES,
    "canary-replicas": CANARY,
    "canary-weights": merge(ROUTES, CANARY),
    "canary-config": merge(CANARY, {"canary": {"config": {"server": {"path": "/new"}}}}),
    "config": {"config": {"server": {"path": "/graphql", "drain_timeout_s": 2.5, "resolver_threads": 8}}},
    "files": {
        "schema": {"files": {"api.graphql": SCHEMA}},
        "resolvers": {"files": {"__init__.py": '"""Resolvers."""\n'}},
    },
    "files-of-others": {"schema": {"configMap": "schema-of-others"}},
    "secret-reference": {"secrets": {"env": [{"name": "API_TOKEN", "secret": "gateway", "key": "token"}]}},
    "external-secret": {
        "secrets": {
            "external": {"enabled": True, "store": "vault", "data": [{"key": "token", "remote": "gateway/token"}]}
        }
    },
    "sealed-secret": {"secrets": {"sealed": {"enabled": True, "encryptedData": SEALED}}},
    "digest": {"image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["registry"]}},
    "scheduling": {
        "nodeSelector": {"pool": "serving"},
        "tolerations": [{"key": "serving", "operator": "Exists", "effect": "NoSchedule"}],
        "topologySpread": {"enabled": True, "whenUnsatisfiable": "DoNotSchedule"},
        "podAnnotations": {"team": "api"},
        "podLabels": {"team": "api"},
        "env": {"LOG_LEVEL": "info"},
    },
    "demo": {"demo": {"enabled": True}},
    "reload": {
        "reload": {"enabled": True},
        "schema": {"files": {"api.graphql": SCHEMA}},
    },
    "listener-secret": {
        "tls": {"enabled": True, "secretName": "gateway-listener-tls"},
        "ingress": {"annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}},
    },
    "listener-cert-manager": {
        "tls": {"enabled": True, "certManager": {"enabled": True, "issuer": {"name": "internal"}}},
        "ingress": {"annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}},
    },
    "redis": {"redis": {"enabled": True}},
    "preview": {"preview": "pr-123"},
}  # fmt: skip
# Production without metrics is refused: nothing would be known of a release.
ONLY_IN = {"demo": ("dev", "staging"), "no-metrics": ("dev", "staging"), "preview": ("staging",)}

CELLS = [
    (environment, region, feature)
    for environment in ENVIRONMENTS
    for region in REGIONS
    for feature in FEATURES
    if environment in ONLY_IN.get(feature, ENVIRONMENTS)
]


def target(environment: str, region: str, preview: str = "") -> Target:
    """A target as a release has it, also where targets.yaml gives none (dev runs in one region)."""
    known = load_targets(CHART).targets.get((environment, region))
    context = known.context if known else "none"
    return Target(
        environment,
        region,
        context,
        preview=preview,
        listeners=("ingress/public/https",),
        namespaces=("ingress", "monitoring"),
    )


def values_of(environment: str, region: str, more: Mapping[str, Any]) -> dict[str, Any]:
    where = target(environment, region, str(more.get("preview", "")))
    return merge(layer_values(CHART, where), more)


def render(
    environment: str, region: str, more: Mapping[str, Any], helm: Helm | None = None
) -> tuple[Object, ...]:
    """The objects of one render."""
    where = target(environment, region, str(more.get("preview", "")))
    return (helm or find_helm()).render(CHART, where, values_of(environment, region, more))
