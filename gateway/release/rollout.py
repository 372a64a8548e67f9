"""The course of a release: region by region apply, watch, go on or roll back.

It decides the order of things; what is applied is in `plans`, whether it may be by `guards`, whether a region
is healthy by `health`. Every action is in the audit log before it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from gateway.release import health
from gateway.release.exemptions import exemptions
from gateway.release.manifests import images
from gateway.release.model import (
    RELEASE,
    DeployedRelease,
    Object,
    ReleaseError,
    ReleasePlan,
    Target,
)
from gateway.release.plans import digest_of_plans, make_canary_plan, make_rollback_plan
from gateway.release.reloads import ReloadWatch
from gateway.release.tools import Tools
from gateway.telemetry.chain import SHORTEST_HEAD

CANARY = f"{RELEASE}-canary"


def roll_out(
    tools: Tools,
    plans: Sequence[ReleasePlan],
    replan: Callable[[Target], ReleasePlan],
    canary_percent: int | None = None,
) -> None:
    """Apply plans one after another, each only when the one before is healthy.

    Args:
        replan: Makes the plan of a target anew: nothing is applied that was not shown.

    Errors: ReleaseError at the first region that fails; it was rolled back, later ones are untouched.
    """
    for number, plan in enumerate(plans):
        try:
            _check_unchanged(plan, replan(plan.target))
            note = f"{tools.audit.actor}: plan {digest_of_plans(plans, canary_percent)}"
            if canary_percent is not None:
                _try_canary(tools, plan, canary_percent, note)
                _check_same_objects(plan, replan(plan.target))
            _apply(tools, plan, note, partial(_problems, tools, plan.target))
        except ReleaseError as exc:
            rest = ", ".join(str(later.target) for later in plans[number + 1 :])
            raise ReleaseError(f"{exc}" + (f" Not touched: {rest}." if rest else "")) from exc


def _check_unchanged(shown: ReleasePlan, fresh: ReleasePlan) -> None:
    if fresh.refusals:
        raise ReleaseError(f"{shown.target}: refused now: {fresh.refusals[0]}")
    if fresh.digest != shown.digest:
        raise ReleaseError(
            f"{shown.target}: the cluster or the chart changed since the plan was shown; plan again."
        )


def _check_same_objects(shown: ReleasePlan, fresh: ReleasePlan) -> None:
    """After the canary the revision is another one; what is to be applied must not be."""
    if fresh.refusals or fresh.objects != shown.objects:
        raise ReleaseError(
            f"{shown.target}: the plan changed while the canary ran; the canary still runs."
        )


def _try_canary(tools: Tools, plan: ReleasePlan, percent: int, note: str) -> None:
    canary = make_canary_plan(tools, plan, percent)
    if canary.refusals:
        raise ReleaseError(f"{plan.target}: canary refused: {canary.refusals[0]}")
    tools.say(f"{plan.target}: canary for {percent} % of the traffic")
    _apply(tools, canary, note, partial(_canary_problems, tools, plan.target), track=CANARY)


def _apply(
    tools: Tools,
    plan: ReleasePlan,
    note: str,
    problems: Callable[[], list[str]],
    track: str = RELEASE,
) -> None:
    """Change one region and watch it. Errors: ReleaseError when it is not healthy; it was rolled back."""
    target = plan.target
    before = plan.facts.running
    reload = ReloadWatch(tools, target, before.objects if before else (), plan.objects)
    begun = tools.audit.write(
        "apply", target, "started", note=note, track=track,
        from_revision=before.revision if before else None,
        changes=[f"{change.verb} {change.key}" for change in plan.changes], images=images(plan.objects),
        exemptions=exemptions(plan.objects),
    )  # fmt: skip
    tools.say(f"{target}: applying {len(plan.changes)} change(s)")
    try:
        # The cluster keeps the head of the log, which nobody can then cut unseen.
        revision = tools.helm.apply(
            plan.chart, target, plan.values, f"{note}, log {begun[:SHORTEST_HEAD]}"
        )
        tools.say(f"{target}: revision {revision}; waiting for pods")
        problem = (
            health.wait_ready(lambda: tools.cluster.live(target, track), target.gate, tools.clock)
            or reload.wait()
            or health.watch(
                problems, target.gate, tools.clock, lambda text: tools.say(f"{target}: {text}")
            )
        )
    except KeyboardInterrupt:
        problem = "interrupted"
    except Exception as exc:  # whatever it was, ours too: a changed region is never left unjudged
        problem = str(exc) if isinstance(exc, ReleaseError) else repr(exc)
    if problem is None:
        tools.note("apply", target, "healthy", revision=revision, track=track)
        tools.say(f"{target}: healthy at revision {revision}")
        return
    tools.note("apply", target, "failed", problem=problem, track=track)
    undone = undo(tools, target, before, plan.objects)
    raise ReleaseError(f"{target}: {problem}. {undone}")


def _problems(tools: Tools, target: Target) -> list[str]:
    """What one sample says; a source of facts that does not answer is a problem too."""
    try:
        return health.judge(tools.monitor.sample(target, tools.cluster.live(target)), target.gate)
    except ReleaseError as exc:
        return [str(exc)]


def _canary_problems(tools: Tools, target: Target) -> list[str]:
    try:
        canary = tools.monitor.sample(target, tools.cluster.live(target, CANARY), "canary")
        stable = tools.monitor.sample(target, tools.cluster.live(target), "stable")
    except ReleaseError as exc:
        return [str(exc)]
    return health.compare(canary, stable, target.gate)


def undo(
    tools: Tools, target: Target, before: DeployedRelease | None, applied: Sequence[Object]
) -> str:
    """Bring a region back to what ran before, and say how it stands.

    Args:
        before: What ran.
        applied: What has taken its place.

    Errors: ReleaseError when that fails too; the message says what to do by hand.
    """
    good = None if before is None else _last_good(tools, target, before)
    known = before.objects if before is not None and good == before.revision else ()
    tools.note(
        "rollback",
        target,
        "started",
        to_revision=good,
        images=images(known),
        exemptions=exemptions(known),
    )
    tools.say(f"{target}: rolling back to " + (f"revision {good}" if good else "nothing"))
    try:
        if good is None:
            tools.helm.uninstall(target)
            tools.note("rollback", target, "uninstalled")
            return "It was the first release there and has been uninstalled."
        tools.helm.rollback(target, good)
    except ReleaseError as exc:
        tools.note("rollback", target, "failed", problem=str(exc))
        raise ReleaseError(
            f"{target}: THE ROLLBACK FAILED: {exc}. By hand: "
            f"helm --kube-context {target.context} -n {target.namespace} rollback {RELEASE} {good or ''}"
        ) from exc
    problem = health.wait_ready(lambda: tools.cluster.live(target), target.gate, tools.clock)
    if before is not None and good == before.revision and problem is None:
        problem = ReloadWatch(tools, target, applied, before.objects, is_way_back=True).wait()
    tools.note("rollback", target, "ready" if problem is None else "not ready", revision=good)
    state = "and is ready" if problem is None else f"but is NOT ready: {problem}"
    return f"Rolled back to revision {good} {state}."


def _last_good(tools: Tools, target: Target, before: DeployedRelease) -> int:
    """The revision to go back to: what ran, or the newest that ever ran when that one had failed."""
    if before.status == "deployed":
        return before.revision
    worked = [
        int(item["revision"])
        for item in tools.helm.history(target)
        if item["status"] in ("deployed", "superseded") and int(item["revision"]) <= before.revision
    ]
    return max(worked, default=before.revision)


def roll_back(tools: Tools, plan: ReleasePlan, revision: int) -> None:
    """Go back to a revision and watch it. Errors: ReleaseError when it is not healthy there."""
    target = plan.target
    _check_unchanged(plan, make_rollback_plan(tools, plan.chart, target, revision))
    running = plan.facts.running
    reload = ReloadWatch(tools, target, running.objects if running else (), plan.objects)
    tools.audit.write(
        "rollback", target, "started", to_revision=revision, digest=digest_of_plans([plan], None),
        from_revision=running.revision if running else None,
        changes=[f"{change.verb} {change.key}" for change in plan.changes], images=images(plan.objects),
        exemptions=exemptions(plan.objects), notes=list(plan.notes),
    )  # fmt: skip
    tools.helm.rollback(target, revision)
    problem = (
        health.wait_ready(lambda: tools.cluster.live(target), target.gate, tools.clock)
        or reload.wait()
        or health.watch(
            lambda: _problems(tools, target),
            target.gate,
            tools.clock,
            lambda text: tools.say(f"{target}: {text}"),
        )
    )
    tools.note("rollback", target, "healthy" if problem is None else "failed", problem=problem)
    if problem is not None:
        raise ReleaseError(f"{target}: at revision {revision}, but not healthy: {problem}")
    tools.say(f"{target}: healthy, back at what revision {revision} was")
