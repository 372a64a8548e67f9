"""`gateway release`: plan, apply, rollback, status, history, approve, cleanup.

It reads options and prints; the decisions are made in `guards`, `health` and `rollout`.
Exit codes: 0 done, 1 failed and rolled back, 3 refused.
"""

# ruff: noqa: B006 -- typer copies a list that is a default
from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.release import approval, health, rollout, show
from gateway.release.audit import open_audit
from gateway.release.cluster import Kubectl
from gateway.release.guards import check_names
from gateway.release.helm import find_helm
from gateway.release.images import check_images
from gateway.release.model import ChartError, Plan, Refusal, ReleaseError, Target
from gateway.release.values import Targets, find_chart, layer_values, load_targets

REFUSED = 3

app = typer.Typer(
    help="Release the gateway: one environment, region by region, with a way back.",
    no_args_is_help=True,
)
console = Console(soft_wrap=True)

ChartOption = Annotated[Path, typer.Option("--chart", help="The chart's folder.")]
TargetsOption = Annotated[
    Path | None, typer.Option("--targets", help="targets.yaml elsewhere than in the chart.")
]
AuditOption = Annotated[
    Path, typer.Option("--audit-log", envvar="GATEWAY_RELEASE_AUDIT", help="JSON lines, appended.")
]
EnvOption = Annotated[list[str], typer.Option("--env", help="Exactly one environment.")]
RegionOption = Annotated[
    list[str], typer.Option("--region", help="The one region to change first.")
]
ThenOption = Annotated[
    list[str],
    typer.Option("--then", help="The next region, after the one before is healthy; repeatable."),
]
PreviewOption = Annotated[
    str, typer.Option("--preview", help="pr-123: the environment of a pull request.")
]
FileOption = Annotated[
    list[Path], typer.Option("--values", "-f", help="More values, over the region's.")
]
SetOption = Annotated[
    list[str], typer.Option("--set", help="key.of.value=x, over all files; repeatable.")
]
ImageTagOption = Annotated[
    str, typer.Option("--image-tag", help="Short for --set image.tag=…, kept a string.")
]
DeleteOption = Annotated[
    list[str],
    typer.Option("--delete", help="An object that may be deleted, Kind/name; repeatable."),
]
FirstOption = Annotated[
    bool, typer.Option("--first-install", help="Nothing runs there, and that is right.")
]
CanaryOption = Annotated[
    str, typer.Option("--canary", help="10%: first a few pods, compared with the rest.")
]

DEFAULT_CHART = Path("helm")
DEFAULT_AUDIT = Path("var/release-audit.jsonl")


@dataclass(frozen=True, slots=True)
class Request:
    """What the options ask for, with names resolved."""

    targets: tuple[Target, ...]
    environment: str
    make: Callable[[Target], Plan]
    tools: rollout.Tools
    canary_percent: int | None


class Refused(Exception):  # noqa: N818 -- an outcome, not an error
    """Carries the refusals out of a command."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(map(str, refusals)))
        self.refusals = refusals


def make_tools(targets: Targets, audit_log: Path) -> rollout.Tools:
    """The real tools: helm, kubectl, HTTP, the clock."""
    return rollout.Tools(
        helm=find_helm(),
        cluster=Kubectl(),
        monitor=health.Monitor(),
        clock=health.RealClock(),
        audit=open_audit(audit_log, os.environ),
        check_images=lambda images: check_images(images, targets.registry),
        say=lambda text: console.print(text, markup=False, highlight=False),
    )


def resolve(
    known: Targets, env: Sequence[str], regions: Sequence[str], then: Sequence[str]
) -> list[Target]:
    """The targets that the options name. Errors: Refused unless one environment and regions one by one."""
    found = [*check_names("environment", env, known.environments)]
    if len(env) > 1:
        found.append(
            Refusal(
                "EnvironmentMany",
                f"{len(env)} environments at once: {', '.join(env)}",
                "changed them together",
            )
        )
    if not found:
        places = known.regions(env[0])
        found += check_names("region", [*regions, *then] if regions else [], places)
    if len(regions) > 1:
        found.append(
            Refusal(
                "RegionMany",
                f"{len(regions)} regions at once: {', '.join(regions)}; write --region {regions[0]} --then {regions[1]}",
                "changed all of them before the first could be seen to fail",
            )
        )
    if found:
        raise Refused(found)
    return [known.targets[env[0], name] for name in (*regions, *then)]


def parse_percent(text: str) -> int | None:
    """`10%` → 10. Errors: ReleaseError outside 1 % to 50 %."""
    if not text:
        return None
    match = re.fullmatch(r"([1-9][0-9]?)%", text)
    if match is None or int(match[1]) > 50:
        raise ReleaseError(f"--canary {text!r}: write a share from 1% to 50%")
    return int(match[1])


def _request(
    chart: Path, targets: Path | None, audit_log: Path, env: list[str], region: list[str], then: list[str],
    preview: str, files: list[Path], sets: list[str], image_tag: str, allowed: rollout.Allowed, canary: str,
) -> Request:  # fmt: skip
    find_chart(chart)
    known = load_targets(chart, targets)
    percent = parse_percent(canary)
    try:
        places = [replace(place, preview=preview) for place in resolve(known, env, region, then)]
    except Refused as exc:
        names = f"{','.join(env)}/{','.join([*region, *then])}"
        open_audit(audit_log, os.environ).write(
            "refused", names, "refused", refusals=list(map(str, exc.refusals))
        )
        raise
    tools = make_tools(known, audit_log)
    if image_tag:
        sets = [*sets, f'image.tag="{image_tag}"']
    if preview and not re.fullmatch(r"pr-[1-9][0-9]*", preview):
        raise ReleaseError(f"--preview {preview!r}: write pr-123")

    def make(place: Target) -> Plan:
        try:
            values = layer_values(chart, place, files, sets)
        except ChartError as exc:
            return rollout.refused_plan(chart, place, exc)
        return rollout.make_plan(tools, chart, place, values, allowed)

    return Request(tuple(places), env[0], make, tools, percent)


def _plan_all(request: Request) -> list[Plan]:
    plans = []
    for place in request.targets:
        plan = request.make(place)
        if request.canary_percent is not None and not plan.refusals:
            canary = rollout.make_canary_plan(request.tools, plan, request.canary_percent)
            plan = replace(plan, refusals=canary.refusals)
        show.show_plan(console, plan)
        plans.append(plan)
    refusals = [refusal for plan in plans for refusal in plan.refusals]
    if refusals:
        for plan in plans:
            if plan.refusals:
                request.tools.audit.write(
                    "refused", plan.target, "refused", refusals=list(map(str, plan.refusals))
                )
        raise Refused(refusals)
    return plans


def _confirm(environment: str, digest: str, yes: bool) -> None:
    """Production: the typed name or a token. Elsewhere a yes is enough, and may be given beforehand."""
    token = os.environ.get("GATEWAY_RELEASE_APPROVAL_TOKEN", "")
    if environment == "production":
        if token:
            key = os.environ.get("GATEWAY_RELEASE_APPROVAL_KEY", "")
            approval.check_token(token, key, environment, digest, time.time())
        elif sys.stdin.isatty():
            approval.confirm_typed(environment, input)
        else:
            raise ReleaseError(
                "production needs the environment's name typed, or GATEWAY_RELEASE_APPROVAL_TOKEN of this plan"
            )
    elif not yes and not typer.confirm(f"Apply to {environment}?"):
        raise ReleaseError("nothing was done")


def _run(command: Callable[[], None]) -> None:
    """A command with its errors told and turned into exit codes."""
    try:
        command()
    except Refused as exc:
        for refusal in exc.refusals:
            console.print(f"refused: {refusal}", markup=False, highlight=False)
        console.print("Nothing was changed.")
        raise typer.Exit(REFUSED) from exc
    except ReleaseError as exc:
        console.print(f"error: {exc}", markup=False, highlight=False)
        raise typer.Exit(1) from exc


@app.command()
def plan(
    env: EnvOption = [],
    region: RegionOption = [],
    then: ThenOption = [],
    preview: PreviewOption = "",
    files: FileOption = [],
    sets: SetOption = [],
    image_tag: ImageTagOption = "",
    delete: DeleteOption = [],
    first_install: FirstOption = False,
    canary: CanaryOption = "",
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
    digest_file: Annotated[
        Path | None, typer.Option(help="Write the plan's digest here, for `approve`.")
    ] = None,
) -> None:
    """Show what a release would change, and what refuses it. Changes nothing."""

    def command() -> None:
        allowed = rollout.Allowed(delete, first_install)
        request = _request(
            chart,
            targets,
            audit_log,
            env,
            region,
            then,
            preview,
            files,
            sets,
            image_tag,
            allowed,
            canary,
        )
        digest = rollout.digest_of_plans(_plan_all(request))
        console.print(f"plan {digest}")
        if digest_file is not None:
            digest_file.write_text(digest + "\n", encoding="utf-8")

    _run(command)


@app.command()
def apply(
    env: EnvOption = [],
    region: RegionOption = [],
    then: ThenOption = [],
    preview: PreviewOption = "",
    files: FileOption = [],
    sets: SetOption = [],
    image_tag: ImageTagOption = "",
    delete: DeleteOption = [],
    first_install: FirstOption = False,
    canary: CanaryOption = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; without effect in production.")
    ] = False,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Plan, show, confirm, apply region by region; roll back the region that fails and stop."""

    def command() -> None:
        allowed = rollout.Allowed(delete, first_install)
        request = _request(
            chart,
            targets,
            audit_log,
            env,
            region,
            then,
            preview,
            files,
            sets,
            image_tag,
            allowed,
            canary,
        )
        plans = _plan_all(request)
        digest = rollout.digest_of_plans(plans)
        console.print(f"plan {digest}")
        if not any(plan.changes for plan in plans):
            return
        _confirm(request.environment, digest, yes)
        rollout.roll_out(request.tools, plans, request.make, request.canary_percent)

    _run(command)


@app.command()
def approve(
    env: Annotated[str, typer.Option("--env")],
    digest: Annotated[str, typer.Option("--plan", help="The digest that `plan` printed.")],
) -> None:
    """Print a token that approves one plan for an hour; needs GATEWAY_RELEASE_APPROVAL_KEY."""

    def command() -> None:
        key = os.environ.get("GATEWAY_RELEASE_APPROVAL_KEY", "")
        typer.echo(approval.make_token(key, env, digest, time.time()))

    _run(command)


@app.command()
def rollback(
    revision: Annotated[int, typer.Argument(help="As `history` lists it.")],
    env: EnvOption = [],
    region: RegionOption = [],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; without effect in production.")
    ] = False,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Bring one region back to an earlier revision, and watch it."""

    def command() -> None:
        known = load_targets(find_chart(chart), targets)
        place = resolve(known, env, region, [])[0]
        tools = make_tools(known, audit_log)
        made = rollout.make_rollback_plan(tools, chart, place, revision)
        show.show_plan(console, made)
        if made.refusals:
            tools.audit.write("refused", place, "refused", refusals=list(map(str, made.refusals)))
            raise Refused(made.refusals)
        digest = rollout.digest_of_plans([made])
        console.print(f"plan {digest}")
        _confirm(place.environment, digest, yes)
        rollout.roll_back(tools, made, revision)

    _run(command)


@app.command()
def status(
    env: EnvOption = [],
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Every region of an environment: revision, pods, and what is wrong. Exit 1 when something is."""

    def command() -> None:
        known = load_targets(find_chart(chart), targets)
        first = known.regions(env[0])[:1] if env and env[0] in known.environments else ["-"]
        resolve(known, env, first, [])
        tools = make_tools(known, audit_log)
        rows = [_status_row(tools, known.targets[env[0], name]) for name in known.regions(env[0])]
        show.show_status(console, rows)
        if any(row[3] != "healthy" for row in rows):
            raise typer.Exit(1)

    _run(command)


def _status_row(tools: rollout.Tools, place: Target) -> tuple[str, str, str, str]:
    try:
        running = tools.helm.running(place)
        live = tools.cluster.live(place)
        problems = health.judge(tools.monitor.sample(place, live), place.gate)
    except ReleaseError as exc:
        return (str(place), "?", "?", str(exc))
    revision = f"{running.revision} {running.status}" if running else "none"
    pods = f"{live.ready}/{live.replicas}" if live else "none"
    return (str(place), revision, pods, "; ".join(problems) or "healthy")


@app.command()
def history(
    env: EnvOption = [],
    region: RegionOption = [],
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """The revisions of one region, oldest first: when, who, and the digest of the plan."""

    def command() -> None:
        known = load_targets(find_chart(chart), targets)
        place = resolve(known, env, region, [])[0]
        show.show_history(console, make_tools(known, audit_log).helm.history(place))

    _run(command)


@app.command()
def cleanup(
    region: RegionOption = [],
    preview: PreviewOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Delete one preview of staging, or, without --preview, all whose time is over."""

    def command() -> None:
        known = load_targets(find_chart(chart), targets)
        place = resolve(known, ["staging"], region, [])[0]
        tools = make_tools(known, audit_log)
        found = tools.cluster.previews(place)
        ended = (
            [item for item in found if item.name == preview]
            if preview
            else rollout.expired(found, time.time())
        )
        for item in ended:
            console.print(
                f"{item.name}: namespace {item.namespace}, since {item.created:%Y-%m-%d %H:%M}"
            )
        if not ended:
            console.print("nothing to clean up")
            return
        if not yes and not typer.confirm(f"Delete {len(ended)} preview(s)?"):
            raise ReleaseError("nothing was done")
        for item in ended:
            rollout.delete_preview(tools, replace(place, preview=item.name))

    _run(command)
