"""What every object that we run must satisfy, whatever the values: the chart's policies.

One function, one rule; each yields what is wrong in words that name the object. Pure; the chart's
tests run the same rules over every render.
"""

# ruff: noqa: ARG001 -- the rules of one table share one signature
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gateway.release.addresses import known_proxies, reachable_sources
from gateway.release.annotations import (
    ingress_speaks_as_pods,
    known_annotations,
    pods_stand_with_others,
)
from gateway.release.capacity import autoscaler_acts, impatient_readiness, pods_fit
from gateway.release.configured import pod_settings
from gateway.release.exemptions import only_what_is_exempted
from gateway.release.exposure import (
    budget_keeps_half,
    closed_production,
    confined_pods,
    known_registries,
    no_plain_secrets,
    patient_probes,
    selectors_match,
)
from gateway.release.manifests import (
    autoscaler_of,
    containers,
    find_object,
    key,
    labels,
    namespace,
    pod_specs,
)
from gateway.release.model import RELEASE, Object, Target
from gateway.release.production import (
    configuration_is_read,
    each_variable_once,
    probes_ask_what_is_served,
    settings_are_seen,
    the_images_program,
)
from gateway.release.reach import egress_makes_sense, networks_are_some, served
from gateway.release.served_schema import files_are_served
from gateway.release.serving import (
    alerts_see,
    pods_are_spread,
    pods_leave_dead_nodes,
    settings_serve,
)
from gateway.release.strangers import pages_are_known, proxies_are_some

Policy = Callable[[Sequence[Object], Target], Iterator[str]]

ALLOWED_KINDS = {
    "Certificate", "ConfigMap", "Deployment", "ExternalSecret", "HTTPRoute", "HorizontalPodAutoscaler", "Ingress",
    "NetworkPolicy", "PodDisruptionBudget", "PrometheusRule", "SealedSecret", "Service",
    "ServiceAccount", "ServiceMonitor",
}  # fmt: skip


def known_kinds(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A Secret in a render holds its value in plain text; cluster-wide kinds are not a release's to change."""
    for item in objects:
        if item["kind"] not in ALLOWED_KINDS:
            yield f"{key(item)}: this kind does not belong in a release"


def one_place(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Every object says the one environment and region that it is for, and stands in its namespace."""
    for item in objects:
        found = labels(item)
        for name, wanted in (("environment", target.environment), ("region", target.region)):
            if found.get(name) != wanted:
                yield f"{key(item)}: label {name} is {found.get(name)!r}, the target is {wanted!r}"
        if namespace(item) != target.namespace:
            yield f"{key(item)}: namespace {namespace(item)!r}, the target's is {target.namespace!r}"


def pinned_images(objects: Sequence[Object], target: Target) -> Iterator[str]:
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            image = str(container["image"])
            _, _, tag = image.rpartition("/")[2].partition(":")
            if "@sha256:" not in image and tag in ("", "latest"):
                yield f"{name}: image {image!r} has no tag that stays"


def bounded_resources(objects: Sequence[Object], target: Target) -> Iterator[str]:
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            for kind in ("requests", "limits"):
                have = container.get("resources", {}).get(kind, {})
                for resource in ("cpu", "memory"):
                    if resource not in have:
                        yield f"{name}: container {container['name']} has no {resource} {kind}"


def restricted_pods(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Kubernetes' restricted Pod Security Standard, and a root filesystem that cannot be written."""
    for name, spec in pod_specs(objects):
        pod = spec.get("securityContext", {})
        if pod.get("runAsNonRoot") is not True or not pod.get("runAsUser"):
            yield f"{name}: may run as root"
        if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name}: no seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{name}: mounts a service account token"
        for forbidden in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(forbidden):
                yield f"{name}: {forbidden}"
        if any("hostPath" in volume for volume in spec.get("volumes", [])):
            yield f"{name}: mounts a path of the node"
        for container in containers(spec):
            yield from _restricted_container(name, container)


def _restricted_container(name: str, container: dict[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield f"{name}: container {container['name']} may gain privileges"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: container {container['name']} can write its root filesystem"
    capabilities = context.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield f"{name}: container {container['name']} keeps capabilities"


def never_empty(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Rolling updates keep every pod, and what serves production is never one pod."""
    deployment = find_object(objects, "Deployment", RELEASE)
    if deployment is None:
        yield f"there is no Deployment/{RELEASE}"
        return
    update = deployment["spec"].get("strategy", {}).get("rollingUpdate", {})
    if update.get("maxUnavailable") != 0:
        yield f"{key(deployment)}: a rolling update may take pods away before new ones are ready"
    least = least_replicas(objects, RELEASE)
    if target.environment == "production" and least < 2:
        yield f"{key(deployment)}: {least} replica(s) in production"
    budget = find_object(objects, "PodDisruptionBudget", RELEASE)
    if least > 1 and budget is None:
        yield f"{key(deployment)}: no PodDisruptionBudget"
    if budget is not None and not budget["spec"].get("maxUnavailable"):
        yield f"{key(budget)}: lets no pod go, so no node can ever be drained"


def least_replicas(objects: Sequence[Object], deployment: str) -> int:
    """The fewest pods that these objects ask for: the autoscaler's minimum, or the replicas."""
    scaler = autoscaler_of(objects, deployment)
    if scaler is not None:
        return int(scaler["spec"].get("minReplicas", 1))
    found = find_object(objects, "Deployment", deployment)
    return 0 if found is None else int(found["spec"].get("replicas", 1))


def probed(objects: Sequence[Object], target: Target) -> Iterator[str]:
    for track in (RELEASE, f"{RELEASE}-canary"):
        deployment = find_object(objects, "Deployment", track)
        if deployment is None:
            continue
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if container["name"] == RELEASE and probe not in container:
                    yield f"{key(deployment)}: no {probe}"


def time_to_drain(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """The kubelet kills only after preStop and the gateway's own drain have ended."""
    for pod in pod_settings(objects, target.image_config):
        spec = dict(pod_specs(objects))[pod.name]
        pre_stop = pod.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        if not pre_stop:
            yield f"{pod.name}: no preStop, so endpoints still send requests to a stopping pod"
        if pod.config is None:
            continue
        server = pod.config.server
        needed = (
            server.shutdown_delay_s + server.drain_timeout_s + float(pre_stop.get("seconds", 0))
        )
        if spec.get("terminationGracePeriodSeconds", 30) <= needed:
            yield f"{pod.name}: killed before {needed:.0f} s of preStop and drain are over"


def walled(objects: Sequence[Object], target: Target) -> Iterator[str]:
    if target.environment == "production" and not any(
        item["kind"] == "NetworkPolicy" for item in objects
    ):
        yield "no NetworkPolicy in production"


POLICIES: tuple[Policy, ...] = (
    known_kinds,
    one_place,
    pinned_images,
    bounded_resources,
    restricted_pods,
    confined_pods,
    no_plain_secrets,
    never_empty,
    probed,
    time_to_drain,
    walled,
    egress_makes_sense,
    served,
    selectors_match,
    budget_keeps_half,
    known_registries,
    each_variable_once,
    patient_probes,
    impatient_readiness,
    pods_fit,
    autoscaler_acts,
    networks_are_some,
    closed_production,
    known_annotations,
    ingress_speaks_as_pods,
    pods_stand_with_others,
    configuration_is_read,
    files_are_served,
    settings_are_seen,
    probes_ask_what_is_served,
    the_images_program,
    only_what_is_exempted,
    pages_are_known,
    proxies_are_some,
    settings_serve,
    pods_leave_dead_nodes,
    pods_are_spread,
    alerts_see,
    reachable_sources,
    known_proxies,
)


def check_policies(objects: Sequence[Object], target: Target) -> list[str]:
    """What these objects break, each once, in the order of the rules."""
    return list(dict.fromkeys(found for policy in POLICIES for found in policy(objects, target)))
