"""What no release may do, decided from data alone: the planned objects and what runs.

Each guard yields refusals that say what would have happened. There is no switch for any of them: a
deletion can be named one by one, and nothing else can be allowed.
"""

# ruff: noqa: ARG001 -- the rules of one table share one signature
from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence

from gateway.release.capacity import nothing_shrunk
from gateway.release.images import NOT_THERE
from gateway.release.manifests import autoscaler_of, find_object, images, key, labels, namespace
from gateway.release.model import RELEASE, Facts, Object, Refusal, Target
from gateway.release.policies import check_policies, least_replicas
from gateway.release.reach import nothing_cut_off
from gateway.release.secrets import find_secrets

# Without one of these no request is served: they are never deleted by a release.
SERVING = frozenset(f"{kind}/{RELEASE}" for kind in ("Deployment", "Service", "ServiceAccount"))
# What a canary leaves behind when it ends.
CANARY = re.compile(rf"^(Deployment|Service)/{RELEASE}-canary$|^ConfigMap/{RELEASE}-config-canary$")

Guard = Callable[[Sequence[Object], Target, Facts], Iterator[Refusal]]


def check_names(what: str, given: Sequence[str], known: Collection[str]) -> Iterator[Refusal]:
    """Exactly one environment, and regions by name: never none, all, a list in one, or one twice.

    The outage that this exists for began with one parameter of this kind.
    """
    if not given or not any(name.strip() for name in given):
        yield Refusal(
            f"{what.title()}Missing",
            f"no {what} was given",
            f"left the choice of {what} to whatever a default or an empty variable means",
        )
        return
    for name in given:
        if name in known:
            continue
        if name.strip().lower() in ("all", "*") or any(sign in name for sign in ",*; "):
            yield Refusal(
                f"{what.title()}Many",
                f"{name!r} means more than one {what} at once",
                f"changed every one of them before the first could be seen to fail ({', '.join(sorted(known))})",
            )
        else:
            yield Refusal(
                f"{what.title()}Unknown",
                f"there is no {what} {name!r}; known: {', '.join(sorted(known))}",
                "gone to a place that nobody chose",
            )
    for name in sorted({name for name in given if given.count(name) > 1}):
        yield Refusal(f"{what.title()}Twice", f"{what} {name!r} is given twice", "changed it twice")


def nothing_emptied(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    """Never 0 pods, never less than half of those that serve now."""
    before = pods_now(facts)
    after, why = pods_after(objects, facts)
    if after < 1:
        yield Refusal(
            "ReplicasZero",
            f"Deployment/{RELEASE} would have {after} replicas",
            f"stopped every pod in {target}: {before} serve there now",
        )
    elif after * 2 < before:
        yield Refusal(
            "ReplicasHalved",
            f"{before} pods would become {after}{why}",
            f"taken more than half of the capacity of {target} away at once; go down by half at most",
        )


def pods_now(facts: Facts) -> int:
    """Pods that serve now: live ones, or at least what the running revision asks for."""
    running = least_replicas(facts.running.objects, RELEASE) if facts.running else 0
    return max(running, facts.live.replicas if facts.live else 0)


def pods_after(objects: Sequence[Object], facts: Facts) -> tuple[int, str]:
    """The fewest pods right after applying, and why where that surprises."""
    least = least_replicas(objects, RELEASE)
    scaler = autoscaler_of(objects, RELEASE)
    live = facts.live.replicas if facts.live else 0
    if scaler is None or facts.running is None:
        return least, ""
    deployment = find_object(objects, "Deployment", RELEASE)
    old = find_object(facts.running.objects, "Deployment", RELEASE)
    if (
        deployment is not None
        and old is not None
        and "replicas" in old["spec"]
        and "replicas" not in deployment["spec"]
    ):
        # Kubernetes gives a field that its owner stops setting its default.
        return (
            1,
            " for a while: a Deployment whose `replicas` is taken out is set to 1 until the autoscaler acts",
        )
    # An autoscaler keeps what it has within its bounds.
    return min(max(live, least), int(scaler["spec"]["maxReplicas"])), ""


def nothing_deleted(
    objects: Sequence[Object], target: Target, facts: Facts, allowed: Collection[str] = ()
) -> Iterator[Refusal]:
    """An object that runs and is not planned would be deleted by Helm."""
    planned = {key(item) for item in objects}
    for item in facts.running.objects if facts.running else ():
        name = key(item)
        if name in planned or CANARY.match(name):
            continue
        if name in SERVING:
            yield Refusal(
                "ServingDeleted",
                f"{name} runs and is not in this release",
                f"deleted what {target} serves requests with",
            )
        elif name not in allowed:
            yield Refusal(
                "ResourceDeleted",
                f"{name} runs and is not in this release; name it with --delete {name} if that is meant",
                "deleted it without a word",
            )


def same_place(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    """The cluster and namespace are those of the target, and where it already runs."""
    running = facts.running.objects if facts.running else ()
    for name in sorted({namespace(item) or "" for item in running} - {target.namespace, ""}):
        yield Refusal(
            "NamespaceChanged",
            f"the release runs in namespace {name!r}, the target's is {target.namespace!r}",
            "made a second copy and deleted the first",
        )
    for name in facts.elsewhere:
        yield Refusal(
            "NamespaceChanged",
            f"this cluster has the release in namespace {name!r}, the target's is {target.namespace!r}",
            "made a second copy beside the one that serves",
        )
    found = [labels(item) for item in running]
    if facts.live is not None:
        found.append(
            {"environment": facts.live.environment or "", "region": facts.live.region or ""}
        )
    for what, wanted in (("environment", target.environment), ("region", target.region)):
        for name in sorted({place[what] for place in found if place.get(what)} - {wanted}):
            yield Refusal(
                "WrongCluster",
                f"context {target.context!r} leads to {what} {name!r}, the target is {wanted!r}",
                f"put the {what} {wanted!r} over {name!r}",
            )


def images_exist(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    for image, problem in facts.images.items():
        if problem is not None:
            is_unasked = "@sha256:" in image and problem != NOT_THERE
            yield Refusal(
                "ImageUnasked" if is_unasked else "ImageMissing",
                f"image {image}: {problem}",
                "started pods that never become ready",
            )


def images_stay(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    """Images are named by digest, where a registry can be asked for it; what runs already may have its tag."""
    running = images(facts.running.objects) if facts.running else ()
    for image in images(objects) if target.check_images else ():
        if "@sha256:" not in image and image not in running and facts.images.get(image) is None:
            yield Refusal(
                "ImageMovable",
                f"image {image} is named by a tag; name its digest",
                "run whatever the tag means when a pod starts, and not what was looked at",
            )


def selectors_stay(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    """A Deployment's selector cannot be changed: the release would stop half-way."""
    for old in facts.running.objects if facts.running else ():
        new = find_object(objects, "Deployment", old["metadata"]["name"])
        if (
            old["kind"] == "Deployment"
            and new
            and new["spec"]["selector"] != old["spec"]["selector"]
        ):
            yield Refusal(
                "SelectorChanged",
                f"{key(old)} has another selector",
                "failed half-way, or needed the Deployment to be deleted first",
            )


def nothing_pending(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    if facts.running is not None and facts.running.status.startswith(("pending", "uninstalling")):
        yield Refusal(
            "ReleasePending",
            f"revision {facts.running.revision} is {facts.running.status}",
            "met another release in the middle; wait for it, or roll it back if its process has died",
        )


def policies_hold(objects: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    secrets = set(find_secrets(objects))
    for problem in check_policies(objects, target):
        if problem in secrets:
            yield Refusal(
                "SecretExposed", problem, "shown it to everybody who may read the cluster's objects"
            )
        else:
            yield Refusal("PolicyBroken", problem, "run what our own policies forbid")


GUARDS: tuple[Guard, ...] = (
    nothing_emptied,
    nothing_shrunk,
    same_place,
    images_exist,
    images_stay,
    selectors_stay,
    nothing_pending,
    policies_hold,
)


def check_release(
    objects: Sequence[Object],
    target: Target,
    facts: Facts,
    *,
    delete: Collection[str] = (),
    first_install: bool = False,
) -> tuple[Refusal, ...]:
    """Every reason not to make this release.

    Args:
        delete: What may go: keys of objects, `Ingress/gateway`, never what serves; names that clients come by,
            `host/api.example.com via public`; networks that pods connect to, `egress/10.8.0.0/16:443`.
        first_install: Nothing runs there, and that is known.
    """
    found = [refusal for guard in GUARDS for refusal in guard(objects, target, facts)]
    found += nothing_deleted(objects, target, facts, delete)
    found += nothing_cut_off(objects, target, facts, delete)
    if facts.running is None and not first_install and not target.preview:
        found.append(
            Refusal(
                "NothingRuns",
                f"no release runs at {target} (context {target.context!r}); give --first-install if that is right",
                "installed a new stack where one was expected to run: perhaps in the wrong cluster",
            )
        )
    return tuple(found)


def check_canary(planned: Sequence[Object], target: Target, facts: Facts) -> Iterator[Refusal]:
    """A canary leaves the stable pods alone: same pod template as the one that runs."""
    if facts.running is None:
        yield Refusal(
            "CanaryAlone", f"nothing runs at {target}", "compared the canary with nothing"
        )
        return
    old = find_object(facts.running.objects, "Deployment", RELEASE)
    new = find_object(planned, "Deployment", RELEASE)
    if old and new and old["spec"]["template"] != new["spec"]["template"]:
        yield Refusal(
            "CanaryTouchesStable",
            "the chart or the values change the pods of the stable track too; release that without --canary",
            "rolled every pod while claiming to roll a few",
        )
