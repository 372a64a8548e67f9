"""What annotations and labels say to others than the gateway: controllers, meshes, the scheduler, the cloud.

As in `policies`: one function, one rule, words that name the object. Judged by lists of what is good, values too:
any other name or value may send requests elsewhere, end them, or run another program in a pod. Pure.
"""

# ruff: noqa: ARG001 -- the judges of one table share one signature
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.release.configured import pod_settings
from gateway.release.manifests import key, pod_specs
from gateway.release.model import Object, Target

# What clients come by, and the identity that pods have at the cloud.
OUTSIDE = ("Ingress", "Service", "HTTPRoute", "ServiceAccount")


@dataclass(frozen=True, slots=True)
class _Around:
    """What a value is judged by: the annotations beside it, the object's hosts, what the pods speak."""

    others: Mapping[str, str]
    hosts: frozenset[str]
    scheme: str


_Judge = Callable[[str, _Around], bool]


def known_annotations(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Annotations of what clients come by, and what pods carry, leave requests and pods as they are."""
    if target.environment != "production":
        return
    scheme = _scheme(objects, target)
    for item in objects:
        if item["kind"] in OUTSIDE:
            given = _texts(item["metadata"].get("annotations"))
            around = _Around(given, _hosts(item), scheme)
            for name in _unknown(given, around, target):
                yield (
                    f"{key(item)}: the annotation {name}, as it is given, is none that is known, and may be one that "
                    "changes requests on their way, who is let through or what pods may do elsewhere; where it is not, "
                    "`annotations` in targets.yaml lists it"
                )
        yield from _pods_labels(item, target)


def _pods_labels(item: Object, target: Target) -> Iterator[str]:
    template = (item.get("spec") or {}).get("template") or {}
    metadata = template.get("metadata") or {}
    nodes = _texts((template.get("spec") or {}).get("nodeSelector"))
    given = _texts(metadata.get("annotations"))
    for what, names in (
        ("annotation", _unknown(given, _Around(given, frozenset(), ""), target, _OF_PODS)),
        ("label", _not_listed(_texts(metadata.get("labels")), _LABELS, target)),
    ):
        for name in names:
            yield (
                f"{key(item)}: the pods' {what} {name}, as it is given, is none that is known, and may be one that "
                "changes what runs in a pod, or what it may do and how fast; where it is not, `annotations` in "
                "targets.yaml lists it"
            )
    for name in _not_listed(nodes, _NODES, target):
        yield (
            f"{key(item)}: the nodeSelector {name}, as it is given, may put all pods in one place, or nowhere; where it "
            "does not, `annotations` in targets.yaml lists it"
        )


def pods_stand_with_others(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Pods stand where the scheduler puts them, on nodes that are for them."""
    if target.environment != "production":
        return
    for name, spec in pod_specs(objects):
        for toleration in spec.get("tolerations") or []:
            taint, value = str(toleration.get("key") or ""), str(toleration.get("value") or "")
            if not _TAINTS.fullmatch(taint) and not _is_listed(taint, value, target):
                yield (
                    f"{name}: the toleration of {taint or 'every taint'} puts pods on nodes that are not for them: the "
                    "control plane's, those that are drained or have no room; where it does not, `annotations` in "
                    "targets.yaml lists the taint"
                )
        if "nodeName" in spec:
            yield f"{name}: nodeName puts all pods on one node, past the scheduler"
        for label, value in _demanded(spec):
            if not _NODES.fullmatch(f"{label}={value}") and not _is_listed(label, value, target):
                yield (
                    f"{name}: the node affinity to {label}={value} may put all pods in one place; where it does not, "
                    "`annotations` in targets.yaml lists it"
                )


def _demanded(spec: Object) -> Iterator[tuple[str, str]]:
    """Labels of nodes that an affinity asks for, with each value."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    demand = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in demand.get("nodeSelectorTerms") or []:
        for item in (*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ())):
            for value in (item.get("values") or ["*"]) if item.get("operator") != "NotIn" else ():
                yield str(item["key"]), str(value)


def ingress_speaks_as_pods(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Where the pods' listener has TLS, the ingress is told so: it speaks HTTP otherwise, and each request is a 502."""
    if target.environment != "production" or _scheme(objects, target) != "HTTPS":
        return
    for item in objects:
        given = [
            pair
            for other in objects
            if other is item or other["kind"] == "Service"
            for pair in _texts(other["metadata"].get("annotations")).items()
        ]
        if item["kind"] == "Ingress" and not any(_says_https(*pair, target) for pair in given):
            yield (
                f"{key(item)}: the pods speak HTTPS and nothing tells the ingress; ingress-nginx needs the annotation "
                "nginx.ingress.kubernetes.io/backend-protocol: HTTPS"
            )


def _scheme(objects: Sequence[Object], target: Target) -> str:
    settings = (pod.config for pod in pod_settings(objects, target.image_config))
    has_tls = any(config is not None and config.server.tls.cert is not None for config in settings)
    return "HTTPS" if has_tls else "HTTP"


def _says_https(name: str, value: str, target: Target) -> bool:
    if name in _TELLS_HTTPS:
        return value.upper() == _TELLS_HTTPS[name]
    return _is_listed(name, value, target) and "https" in value.lower()


def _texts(given: Mapping[str, object] | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in (given or {}).items()}


def _hosts(item: Object) -> frozenset[str]:
    spec = item.get("spec") or {}
    return frozenset(str(rule.get("host")) for rule in spec.get("rules") or [] if "host" in rule)


def _unknown(
    given: Mapping[str, str], around: _Around, target: Target, pods: re.Pattern[str] | None = None
) -> Iterator[str]:
    for name, value in given.items():
        judge = None if pods else _KNOWN.get(name)
        is_known = bool(_FREE.fullmatch(name)) or (judge is not None and judge(value, around))
        is_known = is_known or (pods is not None and bool(pods.fullmatch(f"{name}={value}")))
        if not is_known and not _is_listed(name, value, target):
            yield name


def _not_listed(given: Mapping[str, str], known: re.Pattern[str], target: Target) -> Iterator[str]:
    for name, value in given.items():
        if not known.fullmatch(f"{name}={value}") and not _is_listed(name, value, target):
            yield name


def _is_listed(name: str, value: str, target: Target) -> bool:
    """An entry is a name, or `name=value` for that value only."""
    return name in target.annotations or f"{name}={value}" in target.annotations


def _one_of(*values: str) -> _Judge:
    return lambda value, _: value in values


def _whole(least: int, most: int) -> _Judge:
    return lambda value, _: _NUMBER.fullmatch(value) is not None and least <= int(value) <= most


def _in_units(units: Mapping[str, int], least: int, most: int, *also: str) -> _Judge:
    """A number with one of some units, within bounds; `also` are values that mean something else."""

    def judge(value: str, around: _Around) -> bool:
        found = re.fullmatch(r"(\d{1,9})([a-z]?)", value.lower())
        if value in also:
            return True
        return (
            found is not None
            and found[2] in units
            and least <= int(found[1]) * units[found[2]] <= most
        )

    return judge


def _hours(value: str) -> float | None:
    found = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?", value)
    if found is None or not value:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours + minutes / 60 + seconds / 3600


def _is_duration(value: str, around: _Around) -> bool:
    """A week at least, and ten years at most."""
    hours = _hours(value)
    return hours is not None and 168 <= hours <= 87_600


def _is_renewal(value: str, around: _Around) -> bool:
    """An hour at least, and half of what the certificate is good for, which is 90 days where nothing says it."""
    hours, lasts = _hours(value), _hours(around.others.get("cert-manager.io/duration", "2160h"))
    return hours is not None and lasts is not None and 1 <= hours <= lasts / 2


def _is_key_size(value: str, around: _Around) -> bool:
    algorithm = around.others.get("cert-manager.io/private-key-algorithm", "RSA")
    return value in {"RSA": ("2048", "3072", "4096"), "ECDSA": ("256", "384")}.get(algorithm, ())


def _is_for_servers(value: str, around: _Around) -> bool:
    usages = {usage.strip() for usage in value.split(",")}
    return "server auth" in usages and usages <= _USAGES


def _is_own_host(value: str, around: _Around) -> bool:
    return value in around.hosts and len(value) <= 64


def _speaks(value: str, around: _Around) -> bool:
    return value.upper() == around.scheme


_NUMBER = re.compile(r"\d{1,6}")
_USAGES = {"server auth", "client auth", "digital signature", "key encipherment"}
_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600}
_SIZES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_SMALL = {"k": 2**10, "m": 2**20}
_IS_TRUE = _one_of("true")
_NGINX, _NGINX_ORG, _CERT = "nginx.ingress.kubernetes.io/", "nginx.org/", "cert-manager.io/"
# Nobody acts on these but whoever wrote them: names without a domain, and what is read by people and Prometheus.
_FREE = re.compile(
    r"[\w.-]+|(prometheus\.io|a8r\.io)/[\w.-]+|kubernetes\.io/description|cert-manager\.io/subject-\w+"
)
# Less time cuts off what the gateway serves; ingress-nginx takes whole seconds, and 0 of them is none.
_KNOWN: dict[str, _Judge] = {
    **{f"{_NGINX}proxy-{name}-timeout": _whole(30, 86_400) for name in ("read", "send")},
    f"{_NGINX}proxy-connect-timeout": _whole(1, 75),
    f"{_NGINX}proxy-body-size": _in_units(_SIZES, 2**20, 2**40, "0"),
    f"{_NGINX}proxy-buffering": _one_of("on", "off"),
    f"{_NGINX}proxy-request-buffering": _one_of("on", "off"),
    # nginx refuses its whole configuration below three.
    f"{_NGINX}proxy-buffers-number": _whole(4, 64),
    f"{_NGINX}proxy-buffer-size": _in_units(_SMALL, 4 * 2**10, 2**20),
    f"{_NGINX}backend-protocol": _speaks,
    f"{_NGINX}ssl-redirect": _IS_TRUE,
    f"{_NGINX}force-ssl-redirect": _IS_TRUE,
    **{f"{_NGINX_ORG}proxy-{name}-timeout": _in_units(_TIMES, 30, 86_400) for name in ("read", "send")},
    f"{_NGINX_ORG}proxy-connect-timeout": _in_units(_TIMES, 1, 75),
    f"{_NGINX_ORG}client-max-body-size": _in_units(_SIZES, 2**20, 2**40, "0"),
    f"{_NGINX_ORG}proxy-buffering": _one_of("True", "False"),
    f"{_NGINX_ORG}redirect-to-https": _one_of("True"),
    "haproxy.org/ssl-redirect": _IS_TRUE,
    "haproxy.org/server-ssl": lambda value, around: value == "true" and around.scheme == "HTTPS",
    "alb.ingress.kubernetes.io/backend-protocol": _speaks,
    "traefik.ingress.kubernetes.io/service.serversscheme": _speaks,
    # Who issues is listed: a certificate that nobody believes is an outage.
    f"{_CERT}common-name": _is_own_host,
    f"{_CERT}duration": _is_duration,
    f"{_CERT}renew-before": _is_renewal,
    f"{_CERT}private-key-algorithm": _one_of("RSA", "ECDSA"),
    f"{_CERT}private-key-size": _is_key_size,
    f"{_CERT}private-key-encoding": _one_of("PKCS1", "PKCS8"),
    f"{_CERT}private-key-rotation-policy": _one_of("Never", "Always"),
    f"{_CERT}usages": _is_for_servers,
    f"{_CERT}revision-history-limit": _whole(1, 100),
}  # fmt: skip
_TELLS_HTTPS = {
    f"{_NGINX}backend-protocol": "HTTPS", "alb.ingress.kubernetes.io/backend-protocol": "HTTPS",
    "haproxy.org/server-ssl": "TRUE", "traefik.ingress.kubernetes.io/service.serversscheme": "HTTPS",
}  # fmt: skip
# `name=value`, of pods: the chart's own, what the Pod Security Standard allows, and what keeps a mesh out.
_OF_PODS = re.compile(
    r"checksum/\w+=.*|kubectl\.kubernetes\.io/(restartedAt|default-(logs-)?container)=.*|"
    r"(container\.apparmor|(container\.)?seccomp)\.security\.(alpha|beta)\.kubernetes\.io/[\w.-]+=(runtime/default|localhost/.*)|"
    r"sidecar\.istio\.io/inject=false|linkerd\.io/inject=disabled|"
    r"cluster-autoscaler\.kubernetes\.io/safe-to-evict=true"
)
_LABELS = re.compile(
    r"[\w.-]+=.*|app\.kubernetes\.io/[\w.-]+=.*|helm\.sh/chart=.*|sidecar\.istio\.io/inject=false"
)
# `name=value`, of nodes: pools and kinds of machines; a node, a zone and a region are one place.
_NODES = re.compile(
    r"[\w.-]+=.*|kubernetes\.io/os=linux|kubernetes\.io/arch=(amd64|arm64)|node\.kubernetes\.io/instance-type=.*|"
    r"(cloud\.google\.com/gke-nodepool|eks\.amazonaws\.com/nodegroup|kubernetes\.azure\.com/agentpool|karpenter\.sh/nodepool)=.*"
)
# Taints: one's own, which have no domain, and those of nodes that are gone, which `pods_leave_dead_nodes` bounds. The
# cluster autoscaler's, of nodes that go, have none either.
_TAINTS = re.compile(
    r"(?!(ToBeDeleted|DeletionCandidate)(By|Of)ClusterAutoscaler$)[\w.-]+|"
    r"node\.kubernetes\.io/(not-ready|unreachable)"
)
