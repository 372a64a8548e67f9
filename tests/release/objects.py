"""A small release's objects for the tables of the guards' tests, good in every respect."""

from __future__ import annotations

import copy
from typing import Any

from gateway.release.model import DeployedRelease, Facts, Live, Object, Target

EU = Target("production", "eu-west", "production-eu-west", "http://prometheus", "http://127.0.0.1")
IMAGE = f"registry.example.com/gateway@sha256:{'0' * 64}"
PLACE = {"environment": "production", "region": "eu-west"}


ENV = (
    {"name": "GATEWAY_SERVER__DRAIN_TIMEOUT_S", "value": "30"},
    {"name": "GATEWAY_HTTP__GRAPHIQL", "value": "false"},
    {"name": "GATEWAY_LIMITS__INTROSPECTION", "value": "false"},
    {"name": "GATEWAY_SERVER__TRUSTED_PROXIES", "value": '["10.0.0.0/8"]'},
)


def metadata(name: str, **labels: str) -> Object:
    return {"name": name, "namespace": EU.namespace, "labels": {**PLACE, **labels}}


def deployment(replicas: int | None = 4, **container: Any) -> Object:
    """The Deployment as the chart renders it, as far as rules look at it."""
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 50,
        "priorityClassName": "serving",
        "topologySpreadConstraints": [
            {"topologyKey": name, "labelSelector": {"matchLabels": {"app": "gateway"}}}
            for name in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "gateway",
                "image": IMAGE,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "env": list(ENV),
                "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
                "startupProbe": {},
                "readinessProbe": {},
                "livenessProbe": {},
                "resources": {
                    "requests": {"cpu": "1", "memory": "1Gi"},
                    "limits": {"cpu": "1", "memory": "1Gi"},
                },
                **container,
            }
        ],
    }
    return {
        "kind": "Deployment",
        "metadata": metadata("gateway"),
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": "gateway"}},
            "template": {"spec": pod},
        },
    }


def service(name: str = "gateway") -> Object:
    return {"kind": "Service", "metadata": metadata(name), "spec": {}}


def ingress() -> Object:
    return {"kind": "Ingress", "metadata": metadata("gateway"), "spec": {}}


def budget() -> Object:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": metadata("gateway"),
        "spec": {"maxUnavailable": 1},
    }


def wall() -> Object:
    block = {"to": [{"ipBlock": {"cidr": "10.8.0.0/16"}}], "ports": [{"port": 443}]}
    return {"kind": "NetworkPolicy", "metadata": metadata("gateway"), "spec": {"egress": [block]}}


def seen() -> list[Object]:
    """What Prometheus asks pods and fires alerts by."""
    kinds = ("ServiceMonitor", "PrometheusRule")
    return [{"kind": kind, "metadata": metadata("gateway"), "spec": {}} for kind in kinds]


def autoscaler(least: int = 4, most: int = 24) -> Object:
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata("gateway"),
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "gateway"},
            "minReplicas": least,
            "maxReplicas": most,
        },
    }


def mounted(text: str, **container: Any) -> list[Object]:
    """A whole release whose pods read this gateway.toml."""
    one = deployment(
        volumeMounts=[{"name": "c", "mountPath": "/app/gateway.toml", "subPath": "gateway.toml"}],
        **container,
    )
    one["spec"]["template"]["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "c"}}]
    settings = {"kind": "ConfigMap", "metadata": metadata("c"), "data": {"gateway.toml": text}}
    return release(one, settings)


def release(first: Object | None = None, *more: Object) -> list[Object]:
    """A whole release; `first` stands for the Deployment."""
    return [first or deployment(), service(), ingress(), budget(), wall(), *seen(), *more]


def facts(
    running: list[Object] | None = None,
    live: Live | None = None,
    status: str = "deployed",
    **more: Any,
) -> Facts:
    """What runs: the good release with four ready pods, where nothing else is said."""
    objects = tuple(copy.deepcopy(release() if running is None else running))
    live = live or Live(4, 4, True, "production", "eu-west")
    return Facts(DeployedRelease(7, status, objects), live, **more)
